"""Terms computed batch by batch: values in one store a type, results in one stretch, adjoints added where read."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.graph.shapes import size
from cgcli.terms.cells import NUMBERS, Cell, Cells
from cgcli.terms.columns import NUMBER, Terms
from cgcli.terms.programs import PositionError, Program
from cgcli.terms.schedule import Schedule, loop_for, places_of, progressions, scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cgcli.terms.programs import Step

    Places = slice | Any


LARGE = 20_000
"""Elements of the largest value of all nodes of a cell together from which on its steps are native kernels."""

CACHE, FEWEST_LINES = 1 << 17, 32
"""Elements of the largest value of a batch, which its steps read again and again (1 MB), as far as that is more than
so many nodes."""

FUSED = find_spec("llvmlite") is not None


class Batch:
    """Nodes of a cell that are computed at once.

    begin, end: their lines among those of the cell. out: their stretch in the stores of their type. operands: for each
    value that they read its type, its number among the values of that, its places in their store (a slice, or an
    array), and whether somebody wants its adjoint. rows: the row of each node.
    """

    __slots__ = ("begin", "cell", "end", "operands", "out", "rows")

    def __init__(
        self, cell: int, begin: int, end: int, out: slice, operands: list[tuple[int, int, Places, bool]], rows: Any
    ) -> None:
        self.cell = cell
        self.begin = begin
        self.end = end
        self.out = out
        self.operands = operands
        self.rows = rows


class Layout:
    """The batches of terms, and where their values lie. Made once for terms, whatever the values are.

    lengths: of the stores of each type. lines: how many nodes each cell has; most: in a batch. numbers: those of terms.
    starts: by batch, where its nodes begin in the order of the schedule.
    """

    def __init__(self, cells: Cells, terms: Terms, cell: Any, kind: Any, schedule: Schedule) -> None:
        self.terms, self.kind, self.schedule = terms, kind, schedule
        numbers = np.flatnonzero(np.array([each.kind == NUMBER for each in terms.symbols] or [False])[terms.symbol])
        self.numbers = terms.numbers[numbers]
        position = np.full(len(terms), -1, dtype=np.int64)
        position[numbers] = np.arange(len(numbers))
        self.lengths = places_of(schedule, kind, len(cells.parts), position)
        self.roots = position[terms.roots]
        self.root_kind = int(kind[terms.roots[0]]) if terms.rows else NUMBERS
        self.lines: dict[int, int] = {}
        self.most: dict[int, int] = {}
        self.starts: list[int] = []
        self.batches = self._batches(cells, position)

    def _stretches(self, cells: Cells) -> Iterator[tuple[int, int, int, int]]:
        """The batches, cut into pieces that fit into the cache: number, cell, begin and end in the order of nodes."""
        schedule = self.schedule
        stretches = zip(schedule.cell.tolist(), schedule.start.tolist(), schedule.stop.tolist(), strict=True)
        for number, (which, start, stop) in enumerate(stretches):
            pieces = -(-(stop - start) // max(FEWEST_LINES, CACHE // cells.cells[which].widest))
            for piece in range(pieces):
                count = stop - start
                yield number, which, start + piece * count // pieces, start + (piece + 1) * count // pieces

    def _batches(self, cells: Cells, position: Any) -> list[Batch]:
        terms, schedule = self.terms, self.schedule
        order, count = schedule.order, len(self.numbers)
        run = loop_for(len(terms))
        begins = terms.first[order]
        arity = int((terms.first[1:] - terms.first[:-1]).max()) if len(terms) else 0
        places, steps = [], []
        for each in range(arity):
            edges = np.minimum(begins + each, max(0, len(terms.operands) - 1))
            places.append(position[terms.operands[edges]])
            steps.append(progressions(places[-1], schedule.start, schedule.stop, run).tolist())
        row_of = np.repeat(np.arange(terms.rows), np.diff(terms.begins)) if any(c.by_row for c in cells.cells) else None
        found = []
        for number, which, start, stop in self._stretches(cells):
            cell = cells.cells[which]
            operands: list[tuple[int, int, Places, bool]] = []
            for place, kind, part in cell.reads:
                mine, step = places[place][start:stop], steps[place][number] if stop - start > 1 else 1
                first, last = int(mine[0]), int(mine[-1])
                wanted = kind != NUMBERS or bool((mine >= count).any())
                operands.append((kind, part, slice(first, last + 1, step) if step else mine, wanted))
            begin = self.lines.get(which, 0)
            end = self.lines[which] = begin + stop - start
            self.most[which] = max(self.most.get(which, 0), stop - start)
            first = int(position[order[start]])
            rows = row_of[order[start:stop]] if cell.by_row and row_of is not None else None
            found.append(Batch(which, begin, end, slice(first, first + stop - start), operands, rows))
            self.starts.append(start)
        return found


def laid_out(cells: Cells, terms: Terms, column: str = "", *, one_by_one: bool = False) -> Layout:
    """The layout of terms. one_by_one: every node is a batch of its own. Errors as of `Cells.of`."""
    cell, kind = cells.of(terms, column)
    if one_by_one:
        order = np.flatnonzero(cell >= 0)
        begins = np.arange(len(order))
        schedule = Schedule(cell[order], begins, begins + 1, order, 0, "node")
    else:
        schedule = scheduled(cell, terms.first, terms.operands, max(1, len(cells.cells)))
    return Layout(cells, terms, cell, kind, schedule)


def bytes_of(cells: Cells, programs: Mapping[int, Program], layout: Layout) -> int:
    """About how much memory a run of terms takes: values and adjoints, and what is kept from forward to backward."""
    lines = sum(count * sum(size(shape) for shape in programs[which].kept.values() if shape is not None)
                for which, count in layout.lines.items())  # fmt: skip
    stores = sum(int(length) * sum(map(size, cells.parts[kind])) for kind, length in enumerate(layout.lengths))
    return 8 * (lines + 2 * stores)


class Frame:
    """What a cell has in a run: its program's values by node, and the lines of what is kept."""

    __slots__ = ("lines", "lists", "most", "places", "program", "temps", "values")

    def __init__(
        self, program: Program, count: int, shared: Sequence[Any], workspace: dict[Any, Any], most: int = 0,
        owner: int = 0,
    ) -> None:  # fmt: skip
        """count: lines of the cell. most: lines of a batch at most. owner: the cell; cells may share a program."""
        self.program = program
        self.most = most
        self.temps = {
            node: _memory(workspace, (owner, program, "once", node), (most, *shape))
            for node, shape in program.reused.items()
        }
        self.places: dict[Any, Any] = {}
        self.values = list(program.values)
        for node, value in zip(program.operands[program.varying :], shared, strict=True):
            if node >= 0:
                self.values[node] = _in_one_piece(value)
        for step in program.fixed:
            self.values[step.node] = _in_one_piece(step.kernel(*[self.values[operand] for operand in step.operands]))
        self.lines = {
            node: _memory(workspace, (owner, program, node), (count, *shape))
            for node, shape in program.kept.items() if shape is not None
        }  # fmt: skip
        self.lists: dict[int, dict[int, Any]] = {node: {} for node, shape in program.kept.items() if shape is None}

    def take(self, steps: Sequence[Step], rows: int, begin: int, end: int) -> None:
        """Take steps for some lines."""
        for step in steps:
            step.run(self, rows, begin, end)

    def read(self, node: int, store: Any, places: Places, begin: int, end: int) -> None:
        """Enter what lies at places of a store for some lines, where the program wants to have it."""
        part = self.program.gathered.get(node)
        if part is not None:
            whole, start, stop = part
            array = self.lines[whole][begin:end] if whole in self.lines else self.temps[whole][: end - begin]
            self.values[whole] = array
            _gather(store, places, array[:, start:stop])
        elif node in self.lines:
            out = self.values[node] = self.lines[node][begin:end]
            _gather(store, places, out)
        elif isinstance(places, slice) or store.ndim != 2:
            self.enter(node, store[places], begin, end)
        else:
            out = np.empty((end - begin, store.shape[1]))
            _gather(store, places, out)
            self.enter(node, out, begin, end)

    def enter(self, node: int, value: Any, begin: int, end: int) -> None:
        """Enter the value of a leaf for some lines."""
        if node in self.lines:
            out = self.lines[node][begin:end]
            out[...] = value
            value = out
        elif node in self.lists:
            self.lists[node][begin] = value
        self.values[node] = value

    def restore(self, begin: int, end: int) -> None:
        """The kept values of some lines again."""
        for node, lines in self.lines.items():
            self.values[node] = lines[begin:end]
        for node, found in self.lists.items():
            if begin in found:
                self.values[node] = found[begin]


def _in_one_piece(value: Any) -> Any:
    """A vector as kernels read it, one number beside the other, which a column of a matrix is not."""
    return np.ascontiguousarray(value) if np.ndim(value) == 1 else value


def _memory(workspace: dict[Any, Any], key: Any, shape: tuple[int, ...]) -> Any:
    """An array of a shape on memory that is used again."""
    count = size(shape)
    found = workspace.get(key)
    if found is None or len(found) < count:
        found = workspace[key] = np.empty(count)
    return found[:count].reshape(shape)


class Run:
    """Terms at values: forward, and backward.

    shared: values of names that all terms share. by_row: of those with a value in each row.
    """

    def __init__(
        self, cells: Cells, programs: Mapping[int, Program], layout: Layout, shared: Mapping[str, Any],
        by_row: Mapping[str, Any], workspace: dict[Any, Any],
    ) -> None:  # fmt: skip
        self.cells, self.layout, self.by_row = cells, layout, by_row
        self.shared = shared
        self.frames: dict[int, Frame] = {}
        for which, count in layout.lines.items():
            cell = cells.cells[which]
            values = [shared[name] for name in cell.outside]
            program = programs[which]
            if program.batches and FUSED and count * size(program.widest) >= LARGE:
                from cgcli.terms.fusing import fused

                program = fused(program)
            self.frames[which] = Frame(program, count, values, workspace, layout.most[which], which)
        self.stores = [
            [_memory(workspace, ("store", kind, part), (int(length), *shape))
             for part, shape in enumerate(cells.parts[kind])]
            for kind, length in enumerate(layout.lengths)
        ]  # fmt: skip
        self.stores[NUMBERS][0][: len(layout.numbers)] = layout.numbers
        self._workspace = workspace

    def forward(self) -> list[Any]:
        """See `root_values`."""
        with np.errstate(all="ignore"):
            for number, batch in enumerate(self.layout.batches):
                try:
                    self._compute(batch)
                except PositionError as error:
                    start = self.layout.starts[number]
                    raise PositionError(str(error), int(self.layout.schedule.order[start + error.place])) from None
        return self.root_values()

    def root_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the values of a root."""
        return self.cells.parts[self.layout.root_kind]

    def first_not_finite(self) -> int | None:
        """The first node whose value is not finite, None where all are."""
        found = []
        schedule = self.layout.schedule
        for number, batch in enumerate(self.layout.batches):
            for store in self.stores[self.cells.cells[batch.cell].kind]:
                lines = store[batch.out]
                wrong = np.flatnonzero(~np.isfinite(lines.reshape(len(lines), -1)).all(axis=1))
                if len(wrong):
                    found.append(int(schedule.order[self.layout.starts[number] + wrong[0]]))
        return min(found, default=None)

    def _compute(self, batch: Batch) -> None:
        frame, stores, cell = self.frames[batch.cell], self.stores, self.cells.cells[batch.cell]
        program = frame.program
        outs = [store[batch.out] for store in stores[cell.kind]]
        if program.batches:
            for node, (kind, part, places, _) in zip(program.operands, batch.operands, strict=False):
                if node >= 0:
                    frame.read(node, stores[kind][part], places, batch.begin, batch.end)
            for node, name in zip(program.operands[len(batch.operands) :], cell.by_row, strict=False):
                if node >= 0:
                    frame.enter(node, self.by_row[name][batch.rows], batch.begin, batch.end)
            frame.take(program.forward, batch.end - batch.begin, batch.begin, batch.end)
            for out, node in zip(outs, program.results, strict=True):
                out[...] = frame.values[node]
            return
        given = [stores[kind][part][places] for kind, part, places, _ in batch.operands]
        given += [self.by_row[name][batch.rows] for name in cell.by_row]
        for number in range(batch.end - batch.begin):
            for node, value in zip(program.operands, given, strict=False):
                if node >= 0:
                    frame.enter(node, value[number], batch.begin + number, batch.begin + number + 1)
            try:
                frame.take(program.forward, 1, batch.begin + number, batch.begin + number + 1)
            except PositionError as error:
                raise PositionError(str(error), number) from None
            for out, node in zip(outs, program.results, strict=True):
                out[number] = frame.values[node]

    def root_values(self) -> list[Any]:
        """The values of the roots, by their numbers where there are several side by side."""
        return [store[self.layout.roots] for store in self.stores[self.layout.root_kind]]

    def backward(self, adjoints: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The adjoints of what all terms share, and of what has a value in each row, from those of the roots."""
        cells, layout = self.cells, self.layout
        self.slopes = [
            [_memory(self._workspace, ("slope", kind, part), store.shape) for part, store in enumerate(stores)]
            for kind, stores in enumerate(self.stores)
        ]
        for slopes in self.slopes:
            for slope in slopes:
                slope[...] = 0.0
        for slope, adjoint in zip(self.slopes[layout.root_kind], adjoints, strict=True):
            add_lines(slope, layout.roots, adjoint)
        shared: dict[str, Any] = {}
        by_row: dict[str, Any] = {name: np.zeros(np.shape(value)) for name, value in self.by_row.items()}
        with np.errstate(all="ignore"):
            for batch in reversed(layout.batches):
                self._propagate(batch, shared, by_row)
            for which, frame in self.frames.items():
                if frame.program.batches:
                    self._sum(cells.cells[which], frame, layout.lines[which], shared)
        return shared, by_row

    def _propagate(self, batch: Batch, shared: dict[str, Any], by_row: dict[str, Any]) -> None:
        """Hand the adjoints of a batch on to its operands."""
        frame, cell = self.frames[batch.cell], self.cells.cells[batch.cell]
        program, seeds = frame.program, [slope[batch.out] for slope in self.slopes[cell.kind]]
        if program.batches:
            frame.restore(batch.begin, batch.end)
            for node, seed in zip(program.seeds, seeds, strict=True):
                if node >= 0:
                    frame.enter(node, seed, batch.begin, batch.end)
            frame.take(program.backward, batch.end - batch.begin, batch.begin, batch.end)
            self._hand_on(batch, program, [frame.values[node] if node >= 0 else None for node in program.adjoints],
                          cell, by_row)  # fmt: skip
            return
        for number in range(batch.end - batch.begin):
            line = batch.begin + number
            frame.restore(line, line + 1)
            for node, seed in zip(program.seeds, seeds, strict=True):
                if node >= 0:
                    frame.enter(node, seed[number], line, line + 1)
            frame.take(program.backward, 1, line, line + 1)
            frame.take(program.late, 1, line, line + 1)
            found = [frame.values[node] if node >= 0 else None for node in program.adjoints]
            for name, slope in zip(cell.outside, found[program.varying :], strict=True):
                _add(shared, name, slope)
            single = Batch(batch.cell, line, line + 1, batch.out, [
                (kind, part, _one(places, number), wanted) for kind, part, places, wanted in batch.operands
            ], None if batch.rows is None else batch.rows[number : number + 1])  # fmt: skip
            own = [None if slope is None else np.asarray(slope)[None] for slope in found[: program.varying]]
            self._hand_on(single, program, own, cell, by_row)

    def _hand_on(
        self, batch: Batch, program: Program, found: Sequence[Any], cell: Cell, by_row: dict[str, Any]
    ) -> None:  # fmt: skip
        for (kind, part, places, wanted), slope in zip(batch.operands, found, strict=False):
            if slope is not None and wanted:
                add_lines(self.slopes[kind][part], places, slope)
        first = len(batch.operands)
        for name, slope in zip(cell.by_row, found[first : first + len(cell.by_row)], strict=True):
            if slope is not None:
                add_lines(by_row[name], batch.rows, slope)

    def _sum(self, cell: Cell, frame: Frame, count: int, shared: dict[str, Any]) -> None:
        """The adjoints of what all nodes of a cell share, from the lines of all of them."""
        program = frame.program
        frame.restore(0, count)
        frame.take(program.late, count, 0, count)
        for name, node in zip(cell.outside, program.adjoints[program.varying :], strict=True):
            if node >= 0:
                _add(shared, name, frame.values[node])


def _one(places: Places, number: int) -> slice:
    """The place of one of the nodes of a batch."""
    place = places.start + number * places.step if isinstance(places, slice) else int(places[number])
    return slice(place, place + 1, 1)


def _add(total: dict[str, Any], name: str, slope: Any) -> None:
    if slope is not None:
        total[name] = total[name] + slope if name in total else np.array(slope)


FEWEST = 2_000
"""Elements from which on machine code moves them."""


def _gather(store: Any, places: Places, out: Any) -> None:
    """Copy lines of a store to an array."""
    if isinstance(places, slice) or not _is_plain(store, out):
        out[...] = store[places]
    else:
        from cgcli.engines.native import moves

        moves.gather(store, places, out)


def add_lines(target: Any, places: Places, values: Any) -> None:
    """Add values to lines of an array, those of one line one after the other."""
    if isinstance(places, slice):
        target[places] += values
        return
    values = np.broadcast_to(values, (len(places), *target.shape[1:]))
    if _is_plain(target, values):
        from cgcli.engines.native import moves

        moves.add(target, places, values)
    else:
        np.add.at(target, places, values)


def _is_plain(store: Any, lines: Any) -> bool:
    """Whether machine code moves lines between a store and an array."""
    return (
        FUSED and store.ndim == 2 and lines.size >= FEWEST and lines.dtype == np.float64
        and store.strides[1] == 8 and (lines.strides[1] == 8 or lines.shape[1] == 1)
    )  # fmt: skip
