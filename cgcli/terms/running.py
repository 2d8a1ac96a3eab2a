"""Terms computed batch by batch: values in one store a type, results written in one stretch, adjoints added where read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.graph.shapes import size
from cgcli.terms.cells import NUMBERS, Cell, Cells
from cgcli.terms.columns import NUMBER, Terms
from cgcli.terms.programs import Program
from cgcli.terms.schedule import Schedule, loop_for, places_of, progressions, scheduled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cgcli.terms.programs import Step

    Places = slice | Any


class Batch:
    """Nodes of a cell that are computed at once.

    begin, end: their lines among those of the cell. out: their stretch in the store of their type. operands: for each
    operand of a node its type and its places in the store of that (a slice, or an array), and whether somebody wants
    its adjoint. rows: the row of each node.
    """

    __slots__ = ("begin", "cell", "end", "operands", "out", "rows")

    def __init__(
        self, cell: int, begin: int, end: int, out: slice, operands: list[tuple[int, Places, bool]], rows: Any
    ) -> None:
        self.cell = cell
        self.begin = begin
        self.end = end
        self.out = out
        self.operands = operands
        self.rows = rows


class Layout:
    """The batches of terms, and where their values lie. Made once for terms, whatever the values are.

    lengths: of the store of each type. lines: how many nodes each cell has. numbers: the numbers of the terms.
    """

    def __init__(self, cells: Cells, terms: Terms, cell: Any, kind: Any, schedule: Schedule) -> None:
        self.terms, self.kind, self.schedule = terms, kind, schedule
        numbers = np.flatnonzero(np.array([each.kind == NUMBER for each in terms.symbols] or [False])[terms.symbol])
        self.numbers = terms.numbers[numbers]
        position = np.full(len(terms), -1, dtype=np.int64)
        position[numbers] = np.arange(len(numbers))
        self.lengths = places_of(schedule, kind, len(cells.shapes), position)
        self.roots = position[terms.roots]
        self.lines: dict[int, int] = {}
        self.batches = self._batches(cells, position)

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
        stretches = zip(schedule.cell.tolist(), schedule.start.tolist(), schedule.stop.tolist(), strict=True)
        for number, (which, start, stop) in enumerate(stretches):
            cell = cells.cells[which]
            operands: list[tuple[int, Places, bool]] = []
            for kind, place in zip(cell.types, cell.places, strict=True):
                mine, step = places[place][start:stop], steps[place][number]
                first, last = int(mine[0]), int(mine[-1])
                wanted = kind != NUMBERS or bool((mine >= count).any())
                operands.append((kind, slice(first, last + 1, step) if step else mine, wanted))
            begin = self.lines.get(which, 0)
            end = self.lines[which] = begin + stop - start
            first = int(position[order[start]])
            rows = row_of[order[start:stop]] if cell.by_row and row_of is not None else None
            found.append(Batch(which, begin, end, slice(first, first + stop - start), operands, rows))
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


class Frame:
    """What a cell has in a run: its program's values by node, and the lines of what is kept."""

    __slots__ = ("lines", "lists", "program", "values")

    def __init__(self, program: Program, count: int, shared: Sequence[Any], workspace: dict[Any, Any]) -> None:
        self.program = program
        self.values = list(program.values)
        for node, value in zip(program.operands[program.varying :], shared, strict=True):
            if node >= 0:
                self.values[node] = value
        for step in program.fixed:
            self.values[step.node] = step.kernel(*[self.values[operand] for operand in step.operands])
        self.lines = {
            node: _memory(workspace, (program, node), (count, *shape))
            for node, shape in program.kept.items() if shape is not None
        }  # fmt: skip
        self.lists: dict[int, dict[int, Any]] = {
            node: {} for node, shape in program.kept.items() if shape is None
        }

    def take(self, steps: Sequence[Step], rows: int, begin: int, end: int) -> None:
        """Take steps for some lines."""
        values, lines, lists = self.values, self.lines, self.lists
        for step in steps:
            kernel = step.at(rows)
            node = step.node
            operands = [values[operand] for operand in step.operands]
            if node in lines:
                out = lines[node][begin:end]
                if step.into:
                    kernel(*operands, out=out)
                else:
                    out[...] = kernel(*operands)
                values[node] = out
            else:
                values[node] = kernel(*operands)
                if node in lists:
                    lists[node][begin] = values[node]

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
            self.frames[which] = Frame(programs[which], count, values, workspace)
        self.stores = [
            _memory(workspace, ("store", kind), (int(length), *cells.shapes[kind]))
            for kind, length in enumerate(layout.lengths)
        ]
        self.stores[NUMBERS][: len(layout.numbers)] = layout.numbers
        self._workspace = workspace

    def forward(self) -> Any:
        """The values of the roots, one a row."""
        with np.errstate(all="ignore"):
            for batch in self.layout.batches:
                self._compute(batch)
        return self.root_values()

    def _compute(self, batch: Batch) -> None:
        frame, stores = self.frames[batch.cell], self.stores
        program = frame.program
        given = [stores[kind][places] for kind, places, _ in batch.operands]
        if batch.rows is not None:
            given += [self.by_row[name][batch.rows] for name in self.cells.cells[batch.cell].by_row]
        out = stores[self.cells.cells[batch.cell].kind][batch.out]
        if program.batches:
            for node, value in zip(program.operands, given, strict=False):
                if node >= 0:
                    frame.enter(node, value, batch.begin, batch.end)
            frame.take(program.forward, batch.end - batch.begin, batch.begin, batch.end)
            out[...] = frame.values[program.results[0]]
            return
        for number in range(batch.end - batch.begin):
            for node, value in zip(program.operands, given, strict=False):
                if node >= 0:
                    frame.enter(node, value[number], batch.begin + number, batch.begin + number + 1)
            frame.take(program.forward, 1, batch.begin + number, batch.begin + number + 1)
            out[number] = frame.values[program.results[0]]

    def root_values(self) -> Any:
        """The values of the roots."""
        kind = int(self.layout.kind[self.layout.terms.roots[0]])
        return self.stores[kind][self.layout.roots]

    def backward(self, adjoints: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The adjoints of what all terms share and of what has a value in each row, by name, from those of the roots."""
        cells, layout = self.cells, self.layout
        self.slopes = [
            _memory(self._workspace, ("slope", kind), store.shape) for kind, store in enumerate(self.stores)
        ]
        for each in self.slopes:
            each[...] = 0.0
        kind = int(layout.kind[layout.terms.roots[0]])
        add_lines(self.slopes[kind], layout.roots, adjoints)
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
        program, seeds = frame.program, self.slopes[cell.kind][batch.out]
        if program.batches:
            frame.restore(batch.begin, batch.end)
            if program.seeds[0] >= 0:
                frame.enter(program.seeds[0], seeds, batch.begin, batch.end)
            frame.take(program.backward, batch.end - batch.begin, batch.begin, batch.end)
            self._hand_on(batch, program, [frame.values[node] if node >= 0 else None for node in program.adjoints],
                          cell, by_row)  # fmt: skip
            return
        for number in range(batch.end - batch.begin):
            line = batch.begin + number
            frame.restore(line, line + 1)
            if program.seeds[0] >= 0:
                frame.enter(program.seeds[0], seeds[number], line, line + 1)
            frame.take(program.backward, 1, line, line + 1)
            frame.take(program.late, 1, line, line + 1)
            found = [frame.values[node] if node >= 0 else None for node in program.adjoints]
            for name, slope in zip(cell.outside, found[program.varying :], strict=True):
                _add(shared, name, slope)
            single = Batch(batch.cell, line, line + 1, batch.out, [
                (kind, _one(places, number), wanted) for kind, places, wanted in batch.operands
            ], None if batch.rows is None else batch.rows[number : number + 1])  # fmt: skip
            own = [None if slope is None else np.asarray(slope)[None] for slope in found[: program.varying]]
            self._hand_on(single, program, own, cell, by_row)

    def _hand_on(
        self, batch: Batch, program: Program, found: Sequence[Any], cell: Cell, by_row: dict[str, Any]
    ) -> None:  # fmt: skip
        for (kind, places, wanted), slope in zip(batch.operands, found, strict=False):
            if slope is not None and wanted:
                add_lines(self.slopes[kind], places, slope)
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


def add_lines(target: Any, places: Places, values: Any) -> None:
    """Add values to lines of an array, those of one line one after the other."""
    if isinstance(places, slice):
        target[places] += values
    else:
        np.add.at(target, places, values)
