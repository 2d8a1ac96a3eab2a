"""Elementwise steps of a cell as native kernels: one pass over the lines instead of one for each operation.

Steps get a stage: an elementwise one that of what it reads, and what reads an elementwise step without being one of
its kind the next. So all elementwise steps of one stage on arrays of one shape are one kernel, and none of them waits
for anything in between. Parts of an array that the kernel makes are written where the array has them.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.engines.native.lines import LineKernel, is_spelled, least_width
from cgcli.graph.shapes import size
from cgcli.graph.store import Graph
from cgcli.ops.arithmetic import add
from cgcli.ops.shaping import index, join
from cgcli.passes.scalars import NotScalarError
from cgcli.terms.programs import Step

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cgcli.terms.programs import Program
    from cgcli.terms.running import Frame

    Shape = tuple[int, ...]


def fused(program: Program) -> Program:
    """The program with kernels, from the last time or made now."""
    if program.quick is None:
        program.quick = _fused(program)
    return program.quick


def _fused(program: Program) -> Program:
    found = copy(program)
    found.reused, found.gathered = {}, {}
    ends = {*program.results, *program.adjoints, *program.kept}
    fixed = {step.node for step in program.fixed}
    found.forward, found.backward, found.late = (
        _Fusing(program, steps, ends, fixed).steps() for steps in (program.forward, program.backward, program.late)
    )  # fmt: skip
    _gather_parts(found, ends)
    if all(shape is not None for shape in found.kept.values()):  # else what is kept may look into such memory
        for step in (*found.forward, *found.backward):
            if isinstance(step, Kernel):
                _reuse(found, step)
    return found


def _gather_parts(program: Program, ends: Collection[int]) -> None:
    """Let operands be read where they are joined side by side, and nothing else reads them."""
    graph = program.drawn.graph
    own = program.operands[: program.varying]
    users: dict[int, list[Any]] = {}
    for step in (*program.forward, *program.backward, *program.late):
        read = step.arrays if isinstance(step, Kernel) else getattr(step, "operands", ())
        for operand in read:
            users.setdefault(operand, []).append(step)
    for step in list(program.forward):
        if not isinstance(step, Step) or graph.row(step.node) is not join or graph.attributes_of(step.node) != (-1,):
            continue
        line = program._line(step.node)
        mine = all(operand in own and operand not in ends and users[operand] == [step] for operand in step.operands)
        if line is None or len(line) != 1 or not mine or len(set(step.operands)) < len(step.operands):
            continue
        start = 0
        for operand in step.operands:
            stop = start + graph.shape_of(operand)[-1]
            program.gathered[operand] = (step.node, start, stop)
            start = stop
        program.forward.remove(step)
        if step.node not in program.kept:
            program.reused[step.node] = line


def _reuse(program: Program, kernel: Kernel) -> None:
    """What a kernel reads and writes, and nobody keeps, gets memory that serves every batch, at one address."""
    made = {step.node: step for step in (*program.forward, *program.backward) if isinstance(step, Step)}
    for node in kernel.outs:
        _give_memory(program, node, node not in kernel.parts)
    for node in kernel.arrays:
        source, _ = kernel.sources.get(node, (node, 0))
        _give_memory(program, source, source in made and made[source].into)


def _give_memory(program: Program, node: int, writes: bool) -> None:
    """Memory for a node of which whoever makes it writes there."""
    line = program._line(node) if node < len(program.drawn.graph) else None
    if writes and line is not None and node not in program.kept:
        program.reused[node] = line


class _Fusing:
    """One list of steps on its way. ends: nodes that are read from outside of it."""

    def __init__(self, program: Program, steps: Sequence[Any], ends: Collection[int], fixed: Collection[int]) -> None:
        self.program, self.given, self.ends = program, list(steps), ends
        self.graph = program.drawn.graph
        self.fixed = fixed
        self.outside = {*program.results, *program.adjoints}
        self.written: set[int] = set()
        self.users: dict[int, list[int]] = {}
        for step in steps:
            for operand in step.operands:
                self.users.setdefault(operand, []).append(step.node)
        self.by_node = {step.node: step for step in steps}
        self.added = {
            node: found for node, users in self.users.items()
            if node in self.by_node and node not in ends and (found := self._added(node, users)) is not None
        }  # fmt: skip

    def _added(self, node: int, users: Sequence[int]) -> tuple[int, int] | None:
        """The operands of a sum of lines and what is the same for all, of which others read stretches only.

        Kernels add that themselves, stretch by stretch: a bias costs no pass of its own.
        """
        graph = self.graph
        if graph.row(node) is not add or len(graph.shape_of(node)) != 2:
            return None
        line = self.program._line(node)
        for one, other in (graph.operands_of(node), tuple(reversed(graph.operands_of(node)))):
            same = graph.shape_of(other) == line and (other in self.fixed or graph.is_leaf(other))
            if same and line is not None and self.program._line(one) == line:
                stretches = all(self._reads_stretch(user) for user in users)
                return (one, other) if stretches else None
        return None

    def _reads_stretch(self, node: int) -> bool:
        """Whether a step is a stretch of lines that only kernels read."""
        ended = node in self.ends and (self.program.kept.get(node) is None or node in self.outside)
        if ended or stretch_of(self.graph, node) is None:
            return False
        shape = self.program._line(node)
        users = [self.by_node[user] for user in self.users.get(node, ())]
        return shape is not None and bool(users) and all(self._shape(user) == shape for user in users)

    def steps(self) -> list[Any]:
        """Steps and kernels in an order of evaluation."""
        stages = self._stages()
        found: list[Any] = []
        for stage in range(max((stage for stage, _ in stages.values()), default=-1) + 1):
            here = [step for step in self.given if stages[step.node][0] == stage]
            found += [step for step in here if stages[step.node][1] is None and step.node not in self.added]
            groups: dict[Shape, list[Step]] = {}
            for step in here:
                shape = stages[step.node][1]
                if shape is not None and step.node not in self.added:  # others add that, and read what it is added to
                    groups.setdefault(shape, []).append(step)
            for shape, group in groups.items():
                found += self._kernel(shape, group)
            found += [step for step in here if step.node in self.added]
        return self._without_stretches(_joined(self, found))

    def _without_stretches(self, steps: list[Any]) -> list[Any]:
        """Leave out what kernels read in its source, and nobody else reads."""
        read = set(self.ends)
        for step in steps:
            if isinstance(step, Kernel):
                read.update(node for node in step.arrays if node not in step.sources)
                read.update(step.scalars)
            else:
                read.update(getattr(step, "operands", ()))
        gone = {step.node for step in steps if isinstance(step, Step) and step.node not in read
                and stretch_of(self.graph, step.node) is not None}  # fmt: skip
        gone |= self.written
        gone |= {node for node in self.added if gone.issuperset(self.users[node])}
        return [step for step in steps if not (isinstance(step, Step) and step.node in gone)]

    def _stages(self) -> dict[int, tuple[int, Shape | None]]:
        """The stage of each step, and the shape of its lines where it may be part of a kernel."""
        found: dict[int, tuple[int, Shape | None]] = {}
        for step in self.given:
            shape = self._shape(step)
            stage = 0
            for operand in step.operands:
                below = found.get(operand)
                if below is not None:
                    stage = max(stage, below[0] + (below[1] is not None and below[1] != shape))
            found[step.node] = (stage, shape)
        return found

    def _shape(self, step: Step) -> Shape | None:
        """The shape of a line of an elementwise step whose operands are lines of that shape or the same for all."""
        graph, program = self.graph, self.program
        shape = program._line(step.node)
        if shape is None or not is_spelled(graph.row(step.node)):
            return None
        for operand in step.operands:
            own = graph.shape_of(operand)
            if program._line(operand) == shape:
                continue
            same = own in ((), shape) and (operand in self.fixed or self._is_leaf(operand))
            if not same:
                return None
        return shape

    def _is_leaf(self, node: int) -> bool:
        return self.graph.is_leaf(node)

    def _kernel(self, shape: Shape, group: list[Step]) -> list[Any]:
        """The group as a kernel; as it is where that does not pay or cannot be."""
        if len(group) == 1 and self.graph.row(group[0].node).name in PLAIN:
            return group
        try:
            return [Kernel(self, shape, group)]
        except (NotScalarError, LookupError):
            return group


PLAIN = frozenset(("add", "sub", "mul", "neg", "alias"))
"""Operations that NumPy does as quickly alone."""


class Kernel:
    """Elementwise steps at once. outs: the nodes that others read; parts: where such a node is written into an array:
    the node of that, and from where to where along its last axis.
    """

    def __init__(self, fusing: _Fusing, shape: Shape, group: Sequence[Step]) -> None:
        graph = fusing.graph
        inside = {step.node for step in group}
        self.steps = list(group)
        self.width = size(shape)
        self.shape = shape
        users = fusing.users
        self.outs = sorted(node for node in inside if node in fusing.ends or not inside.issuperset(users.get(node, ())))
        self.parts: dict[int, tuple[int, int, int]] = {}
        scalars = Graph()
        made: dict[int, int] = {}
        self.arrays: list[int] = []
        self.scalars: list[int] = []
        self.sources: dict[int, tuple[int, int]] = {}
        self.addends: dict[int, tuple[int, int]] = {}
        for step in group:
            for operand in step.operands:
                if operand not in made and operand not in inside:
                    made[operand] = self._input(fusing, scalars, operand)
            operands = [made[operand] for operand in step.operands]
            made[step.node] = scalars.repeat(graph.row(step.node), operands, graph.attributes_of(step.node))
        self.steps = [*self._before(fusing), *self.steps]
        self._call = LineKernel(
            scalars, [made[node] for node in self.outs], [f"x{node}" for node in self.arrays],
            [f"x{node}" for node in self.scalars],
        )  # fmt: skip

    def _input(self, fusing: _Fusing, scalars: Graph, node: int) -> int:
        graph = fusing.graph
        number = graph.constant_value(node)
        if number is not None:
            return scalars.constant(number)
        is_array = fusing.program._line(node) is not None or graph.shape_of(node) != ()
        (self.arrays if is_array else self.scalars).append(node)
        found = scalars.input(f"x{node}")
        stretch = stretch_of(graph, node) if node in fusing.by_node else None
        if stretch is None:
            return found
        source, offset = stretch
        if source not in fusing.added:
            self.sources[node] = stretch
            return found
        lines, same = fusing.added[source]
        self.sources[node] = lines, offset
        addend = len(fusing.graph) + len(self.addends)  # stands for a stretch of what is the same for all
        self.addends[addend] = same, offset
        self.arrays.append(addend)
        total = scalars.apply(add, [found, scalars.input(f"x{addend}")])
        if node in fusing.ends and node not in fusing.written:
            fusing.written.add(node)
            self.outs.append(node)
        return total

    def _before(self, fusing: _Fusing) -> list[Step]:
        """The steps that make the stretches, for when there is no kernel."""
        needed: dict[int, Step] = {}
        for node in self.sources:
            source, _ = stretch_of(fusing.graph, node) or (node, 0)
            if source in fusing.added:
                needed[source] = fusing.by_node[source]
            needed[node] = fusing.by_node[node]
        return [needed[node] for node in sorted(needed)]

    def run(self, frame: Frame, rows: int, begin: int, end: int) -> None:
        """Compute some lines of a frame."""
        values, width = frame.values, self.width
        if rows * width < least_width() or rows == 0:
            return self._one_by_one(frame, rows, begin, end)
        places = frame.places.get(self)
        if places is None:
            places = frame.places[self] = self._places(frame)
        steady = rows <= frame.most
        lines: list[tuple[int, int]] = []
        for node, place in zip(self.arrays, places[0], strict=True):
            if place is not None and (steady or place[2] or not place[1]):
                lines.append((place[0] + begin * place[2], place[1]))
                continue
            found = self._found(values, node, rows)
            if found is None:
                return self._one_by_one(frame, rows, begin, end)
            lines.append(found)
        step = 8 * width
        whole = all(each[1] == step for each in lines)
        if not whole and width < least_width():
            return self._one_by_one(frame, rows, begin, end)
        results = []
        for node, place in zip(self.outs, places[1], strict=True):
            out = self._out(frame, node, rows, begin, end)
            values[node] = out
            if place is not None and (steady or place[2]):
                results.append((place[0] + begin * place[2], place[1]))
            else:
                results.append((out.__array_interface__["data"][0], out.strides[0] if rows > 1 else step))
        if whole and all(stride == step for _, stride in results):
            rows, width = 1, rows * width
        elif width < least_width():
            return self._one_by_one(frame, rows, begin, end)
        self._call(lines, [values[node] for node in self.scalars], results, rows, width)
        return None

    def _found(self, values: Sequence[Any], node: int, rows: int) -> tuple[int, int] | None:
        """The address and the stride of an array that is somewhere else each time."""
        source, offset = self.addends.get(node) or self.sources.get(node, (node, 0))
        if source == node:
            return _line(values[node], self.shape, rows)
        array = values[source]
        if type(array) is not np.ndarray or array.dtype != np.float64 or array.strides[-1] != 8:
            return None
        return array.__array_interface__["data"][0] + offset, array.strides[0] if array.ndim == 2 else 0

    def _out(self, frame: Frame, node: int, rows: int, begin: int, end: int) -> Any:
        """Where a result is to be."""
        if node in self.parts:
            whole, start, stop = self.parts[node]
            return frame.values[whole][..., start:stop]
        if node in frame.lines:
            return frame.lines[node][begin:end]
        if node in frame.temps and rows <= frame.most:
            return frame.temps[node][:rows]
        out = np.empty((rows, *self.shape))
        if node in frame.lists:
            frame.lists[node][begin] = out
        return out

    def _places(self, frame: Frame) -> tuple[list[Any], list[Any]]:
        """Of each array that lies in memory of the frame the address, the bytes from line to line, and how many of
        them the address moves on with the number of the first line; None where that is another one each time.
        """

        def place(node: int, offset: int) -> tuple[int, int, int] | None:
            for memory, moves in ((frame.lines, True), (frame.temps, False)):
                if node in memory:
                    array = memory[node]
                    step = array.strides[0]
                    return array.__array_interface__["data"][0] + offset, step, step if moves else 0
            return None

        def same(node: int) -> tuple[int, int, int] | None:
            found = self._found(frame.values, node, 1)
            return None if found is None else (*found, 0)

        arrays = [
            same(node) if node in self.addends else place(*self.sources.get(node, (node, 0))) for node in self.arrays
        ]
        outs = []
        for node in self.outs:
            whole, start, _ = self.parts.get(node, (node, 0, 0))
            outs.append(place(whole, 8 * start))
        return arrays, outs

    def _one_by_one(self, frame: Frame, rows: int, begin: int, end: int) -> None:
        """The steps without the kernel: lines are too short for it, or do not lie so.

        Other kernels read the results at the addresses of their memory, so there they have to be.
        """
        for step in self.steps:
            step.run(frame, rows, begin, end)
        for node in self.outs:
            if node in frame.temps and node not in self.parts and rows <= frame.most:
                memory, value = frame.temps[node][:rows], frame.values[node]
                if value is not memory:
                    memory[...] = value
                    frame.values[node] = memory
        for node, (whole, start, stop) in self.parts.items():
            frame.values[whole][..., start:stop] = frame.values[node]


def stretch_of(graph: Graph, node: int) -> tuple[int, int] | None:
    """Where a node is a stretch of another one's last axis in every line, that one, and the bytes before it."""
    if graph.row(node) is not index:
        return None
    (source,) = graph.operands_of(node)
    entries, shape = graph.attributes_of(node)
    full = all(entry == (0, length, 1) for entry, length in zip(entries[:-1], shape[:-1], strict=True))
    last = entries[-1]
    if not full or not isinstance(last, tuple) or last[2] != 1 or len(shape) != 2:
        return None
    return source, 8 * last[0]


def _line(array: Any, shape: Shape, rows: int) -> tuple[int, int] | None:
    """The address of the first line of an array and the bytes to the next; None where a line is not contiguous."""
    rank = len(shape)
    if type(array) is not np.ndarray or array.dtype != np.float64:
        return None
    strides = array.strides
    expected, step = strides[array.ndim - rank :], 8
    for stride, length in zip(reversed(expected), reversed(shape), strict=True):
        if stride != step and length != 1:
            return None
        step *= length
    if array.ndim == rank:
        return array.__array_interface__["data"][0], 0
    return array.__array_interface__["data"][0], strides[0] if rows != 1 else step


class Room:
    """An array that kernels write parts of, before they do."""

    def __init__(self, node: int, shape: Shape) -> None:
        self.node = node
        self.shape = shape

    def run(self, frame: Frame, rows: int, begin: int, end: int) -> None:
        """Make room for some lines."""
        lines = frame.lines.get(self.node)
        frame.values[self.node] = np.empty((rows, *self.shape)) if lines is None else lines[begin:end]


class Filling:
    """The parts of such an array that no kernel writes."""

    def __init__(self, node: int, parts: Sequence[tuple[int, int, int]]) -> None:
        self.node = node
        self.operands = tuple(part for part, _, _ in parts)
        self.parts = list(parts)

    def run(self, frame: Frame, rows: int, begin: int, end: int) -> None:
        """Copy them for some lines."""
        whole = frame.values[self.node]
        for part, start, stop in self.parts:
            whole[..., start:stop] = frame.values[part]


def _joined(fusing: _Fusing, steps: list[Any]) -> list[Any]:
    """Let kernels write the parts of what is joined along the last axis where they are to be."""
    graph, program = fusing.graph, fusing.program
    makers = {node: step for step in steps if isinstance(step, Kernel) for node in step.outs}
    found = list(steps)
    for step in steps:
        if not isinstance(step, Step) or graph.row(step.node) is not join or graph.attributes_of(step.node) != (-1,):
            continue
        shape = program._line(step.node)
        if shape is None or len(shape) != 1 or step.node in program.results:
            continue
        others, writers, start = [], [], 0
        for operand in step.operands:
            stop = start + graph.shape_of(operand)[-1]
            alone = fusing.users[operand] == [step.node] and operand not in fusing.ends
            if operand in makers and alone and step.operands.count(operand) == 1:
                makers[operand].parts[operand] = (step.node, start, stop)
                writers.append(makers[operand])
            else:
                others.append((operand, start, stop))
            start = stop
        if writers:
            found[found.index(step)] = Filling(step.node, others)
            found.insert(min(found.index(writer) for writer in writers), Room(step.node, shape))
    return found
