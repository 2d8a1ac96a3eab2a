"""A cell for many nodes at once: its body batched, differentiated afterwards, and the steps that compute it.

The graph is the one of the pass `batched` with the reverse pass behind it. It is made for two numbers of rows, and what
differs between the two (lengths in attributes) is made anew for each number that comes; all else serves any number.
Its steps are of five kinds:

    fixed      what no node changes, such as `W.T`: once
    forward    the results, and what the reverse pass needs of them: for each batch
    backward   the adjoints of the operands: for each batch, in reverse
    late       the adjoints of what all nodes share: once, for the nodes of all batches together

What is made in one kind and read in another one is written into an array with a line for each node of the cell, so
nothing is computed twice, and the adjoint of a matrix is one product over all nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.engines.numpy import NumpyEngine
from cgcli.engines.plan import Plan
from cgcli.engines.planned import PlannedEngine
from cgcli.graph.shapes import size
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.ops import structure
from cgcli.ops.linear import matmul
from cgcli.ops.logic import where
from cgcli.ops.positions import take, wrong_position
from cgcli.ops.shaping import for_every_row
from cgcli.passes.batched import NotBatchedError, batched
from cgcli.passes.differentiate import NONE, differentiate
from cgcli.passes.expand import expansion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cgcli.graph.bodies import Body
    from cgcli.terms.running import Frame

    Shape = tuple[int, ...]

TRIED = (4099, 4111)
"""Numbers of rows for which a graph is made to see what depends on them: primes, larger than most lengths, and than
the arrays of which passes tell the elements apart (`FEW_ELEMENTS` of `ops.shaping`)."""

INTO = frozenset((np.matmul, np.add, np.multiply, np.subtract, np.divide, np.tanh, np.exp, np.maximum, np.negative))
"""Functions that can write their result where it is to be."""


class BatchEngine(NumpyEngine):
    """NumPy, one operation after the other; nothing is let go of."""

    def planned(self, graph: Graph, wanted: Sequence[int]) -> Plan:
        """As every engine that goes node by node."""
        return PlannedEngine.planned(self, graph, wanted)


ENGINE = BatchEngine()


class Drawn:
    """The graph of a cell for a number of rows (or for a single node, None), forward and backward.

    operands, results, seeds: nodes. adjoints: of each operand, -1 where there is none.
    """

    def __init__(self, body: Body, varying: int, rows: int | None) -> None:
        """varying: so many of the operands, the first ones, differ from node to node."""
        operands = list(body.operands)
        if rows is None:
            graph, moved = _own_copy(body)
        else:
            graph, moved = batched(body.graph, body.results, operands[:varying], rows, one_by_one=False)
        self.graph = graph
        self.operands = [moved.get(operand, NONE) for operand in operands]
        self.results: list[int] = []
        self.seeds: list[int] = []
        for place, (node, shape) in enumerate(zip(body.results, body.result_shapes, strict=True)):
            result = graph.ref(moved[node])
            if rows is not None:
                result = for_every_row(result, shape, rows)
            if result.node in self.results or graph.is_leaf(result.node) or result.node in self.operands:
                result = graph.ref(graph.apply(structure.alias, [result.node], [place]))  # a node of its own
            self.results.append(result.node)
            self.seeds.append(graph.input(f"adjoint {place}", result.shape, hidden=True))
        wanted = [operand for operand in self.operands if operand != NONE]
        found = differentiate(graph, self.results, wanted, self.seeds)
        self.adjoints = [NONE if operand == NONE else found.adjoint_of(operand) for operand in self.operands]
        self._expand()

    def _expand(self) -> None:
        """Write out what NumPy knows by its definition only, where that holds lengths."""
        graph, moved = _written_out(self.graph, [*self.results, *(each for each in self.adjoints if each != NONE)])
        inputs = graph.inputs(hidden=True)
        names = [self.graph.input_name(node) for node in self.seeds]
        self.operands = [moved.get(node, NONE) for node in self.operands]
        self.seeds = [inputs.get(name, NONE) for name in names]
        self.results = [moved[node] for node in self.results]
        self.adjoints = [NONE if node == NONE else moved[node] for node in self.adjoints]
        self.graph = graph


def structure_of(body: Body) -> Any:
    """What a body calculates, whatever the names of its inputs are: bodies with the same structure have one program."""
    graph = body.graph
    numbers = {node: place for place, node in enumerate(body.operands)}
    needed = ancestors(graph, [*body.results, *body.operands])
    moved: dict[int, int] = {}
    told: list[Any] = []
    for node in (node for node, need in enumerate(needed) if need):
        moved[node] = len(moved)
        if graph.is_input(node):
            told.append((numbers.get(node), graph.shape_of(node)))
        elif graph.is_leaf(node):
            array = graph.array_value(node)
            told.append(graph.constant_value(node) if array is None else (array.shape, array.tobytes()))
        else:
            operands = tuple(moved[operand] for operand in graph.operands_of(node))
            told.append((graph.row(node).name, operands, graph.attributes_of(node)))
    return tuple(told), tuple(moved[node] for node in body.results)


def _own_copy(body: Body) -> tuple[Graph, dict[int, int]]:
    """The body as it is, to be added to."""
    graph = Graph()
    found: dict[int, int] = {}
    needed = ancestors(body.graph, body.results)
    for node in range(len(needed)):
        if needed[node]:
            found[node] = graph.copy_node(body.graph, node, [found[each] for each in body.graph.operands_of(node)])
    return graph, found


def _written_out(graph: Graph, wanted: Sequence[int]) -> tuple[Graph, dict[int, int]]:
    """What wanted nodes need, without structural operations that NumPy does not spell."""
    target, found = Graph(), dict[int, int]()
    pending = [(graph, found, [node for node, need in enumerate(ancestors(graph, wanted)) if need])]
    _copy_spelled(*pending[0], target)
    return target, found


def _copy_spelled(graph: Graph, found: dict[int, int], nodes: Iterable[int], target: Graph) -> None:
    """Copy nodes, and instead of an operation that is only known by its definition, that; they nest as rows do."""
    for node in nodes:
        if node in found:
            continue
        operands = [found[operand] for operand in graph.operands_of(node)]
        row, attributes = graph.row(node), graph.attributes_of(node)
        if graph.is_leaf(node) or row.elementwise or row.definition is None or row.spell.get("numpy") is not None:
            found[node] = target.copy_node(graph, node, operands)
            continue
        template, places, output = expansion(row, [target.shape_of(each) for each in operands], attributes)
        inner = dict(zip(places, operands, strict=True))
        needed = ancestors(template, [output])
        _copy_spelled(template, inner, (each for each, need in enumerate(needed) if need), target)
        found[node] = inner[output]


class PositionError(Exception):
    """A position that an array does not have. place: of the line, or of the node, that asks for it."""

    hint = "positions count from 0, and from the end where they are negative"

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


def require_positions(array: Any, positions: Any) -> None:
    """PositionError for the first position that an array does not have along its first axis."""
    found = wrong_position(positions, len(array))
    if found is not None:
        raise PositionError(found[1], found[0])


class Step:
    """One operation: its node, the function of the values of its operands (for a number of rows), and these.

    into: whether the function can write its result into an array. takes: whether it reads at positions that are values.
    """

    __slots__ = ("_kernels", "_make", "into", "kernel", "node", "operands", "takes")

    def __init__(self, node: int, operands: Sequence[int], kernel: Any, make: Callable[[int], Any] | None) -> None:
        self.node = node
        self.operands = tuple(operands)
        self.takes = False
        self.kernel = kernel
        self.into = kernel in INTO if make is None and getattr(kernel, "__hash__", None) else False
        self._make = make
        self._kernels: dict[int, Any] = {}

    def run(self, frame: Frame, rows: int, begin: int, end: int) -> None:
        """Take the step for some lines of a frame."""
        kernel = self.kernel if self._make is None else self.at(rows)
        values, node = frame.values, self.node
        operands = [values[operand] for operand in self.operands]
        if self.takes:
            require_positions(*operands)
        if node in frame.lines:
            out = frame.lines[node][begin:end]
            if self.into:
                kernel(*operands, out=out)
            else:
                out[...] = kernel(*operands)
            values[node] = out
            return
        if self.into and rows <= frame.most and node in frame.temps:
            values[node] = kernel(*operands, out=frame.temps[node][:rows])
        else:
            values[node] = kernel(*operands)
        if node in frame.lists:
            frame.lists[node][begin] = values[node]

    def at(self, rows: int) -> Any:
        """The function for a number of rows."""
        if self._make is None:
            return self.kernel
        found = self._kernels.get(rows)
        if found is None:
            if len(self._kernels) > 256:
                self._kernels.clear()
            found = self._kernels[rows] = self._make(rows)
        return found


class Program:
    """The steps of a cell. rows: whether it is for batches, or for single nodes only (see `Drawn`).

    own: operands (places) that differ from node to node; operands, results, seeds, adjoints: nodes by place.
    kept: nodes with a line for each node of the cell, and the shape of a line. reused: nodes that are read within a
    batch only and have memory of their own, which serves every batch. quick: the same with native kernels, once made.
    gathered: operands that are read where they are to be: in an array, from where to where along its last axis.
    """

    def __init__(self, body: Body, varying: int, *, single: bool = False) -> None:
        self.varying = varying
        self.batches = not single
        first = None
        if not single:
            try:
                first, second = (Drawn(body, varying, rows) for rows in TRIED)
                if not _alike(first.graph, second.graph):
                    first = None
            except NotBatchedError:
                first = None
            self.batches = first is not None
        if first is None:
            first = second = Drawn(body, varying, None)
        self.drawn, self._other = first, second
        self.operands, self.results = first.operands, first.results
        self.seeds, self.adjoints = first.seeds, first.adjoints
        self._sort()
        self.quick: Program | None = None
        lines = [self._line(step.node) or () for step in self.forward]
        self.widest: Shape = max(lines, key=size, default=())

    def _sort(self) -> None:
        """Put the steps into their kinds."""
        graph = self.drawn.graph
        own = [node for node in self.operands[: self.varying] if node != NONE]
        seeds = [node for node in self.seeds if node != NONE]
        varies = descendants(graph, [*own, *seeds, *self._by_length()])
        for_results = ancestors(graph, self.results)
        wanted = [node for node in self.adjoints if node != NONE]
        for_operands = ancestors(graph, [node for node in self.adjoints[: self.varying] if node != NONE])
        for_shared = ancestors(graph, wanted)
        self.values: list[Any] = [None] * len(graph)
        kinds: dict[int, list[int]] = {0: [], 1: [], 2: [], 3: []}
        kind_of = {}
        for node in range(len(graph)):
            if not (for_results[node] or for_shared[node]):
                continue
            if graph.is_leaf(node):
                self._leaf(graph, node)
                continue
            kind = 0 if not varies[node] else 1 if for_results[node] else 2 if for_operands[node] else 3
            kinds[kind].append(node)
            kind_of[node] = kind
        for node in own:
            kind_of[node] = 1
        for node in seeds:
            kind_of[node] = 2
        self.kept: dict[int, Shape | None] = {}
        self.reused: dict[int, Shape] = {}
        self.gathered: dict[int, tuple[int, int, int]] = {}
        for node, kind in kind_of.items():
            for operand in graph.operands_of(node):
                if 0 < kind_of.get(operand, 0) < kind:
                    self.kept[operand] = self._line(operand)
        self.fixed, self.forward, self.backward, self.late = (
            [self._step(node) for node in kinds[kind]] for kind in range(4)
        )  # fmt: skip
        if not self.batches:
            return
        self._late_from_lines(kind_of)

    def _by_length(self) -> list[int]:
        """The nodes that depend on the number of rows themselves."""
        one, two = self.drawn.graph, self._other.graph
        return [node for node in range(len(one)) if one.attributes_of(node) != two.attributes_of(node)
                or one.shape_of(node) != two.shape_of(node)]  # fmt: skip

    def _late_from_lines(self, kind_of: dict[int, int]) -> None:
        """Compute anew, for all nodes together, what is wanted of all of them and has no line for each."""
        graph = self.drawn.graph
        late = {step.node for step in self.late}
        read = {operand for node in late for operand in graph.operands_of(node)}
        pending = [node for node, shape in self.kept.items() if shape is None and node in read]
        pending += [node for node in self.adjoints[self.varying :] if kind_of.get(node, 0) in (1, 2)]
        again: set[int] = set()
        while pending:
            node = pending.pop()
            if node in again:
                continue
            again.add(node)
            for operand in graph.operands_of(node):
                if kind_of.get(operand, 0) == 0:
                    continue
                line = self._line(operand)
                if line is None:
                    pending.append(operand)
                else:
                    self.kept[operand] = line
        for node in again:
            used = any(kind_of.get(user, 0) < 3 and kind_of.get(user, 0) > kind_of[node]
                       for user in kind_of if node in graph.operands_of(user))  # fmt: skip
            if not used:
                self.kept.pop(node, None)
        self.late = [self._step(node) for node in sorted(late | again)]

    def _line(self, node: int) -> Shape | None:
        """The shape of what a node has for each row, where it has one value a row, in front."""
        if not self.batches:
            return None
        one, two = self.drawn.graph.shape_of(node), self._other.graph.shape_of(node)
        if one and one[0] == TRIED[0] and two[0] == TRIED[1] and one[1:] == two[1:]:
            return one[1:]
        return None

    def _leaf(self, graph: Graph, node: int) -> None:
        if graph.is_constant(node):
            self.values[node] = np.float64(graph.constant_value(node))
        elif not graph.is_input(node):
            self.values[node] = graph.array_value(node)

    def _step(self, node: int) -> Step:
        """The step of a node."""
        graph, other = self.drawn.graph, self._other.graph
        operands = graph.operands_of(node)
        attributes, others = graph.attributes_of(node), other.attributes_of(node)
        if attributes == others:
            step = Step(node, operands, self._plain(node) or ENGINE.kernel_of(graph, node), None)
            step.takes = graph.row(node) is take
            return step
        row, ranks = graph.row(node), [graph.shape_of(operand) for operand in operands]
        two = [other.shape_of(operand) for operand in operands]

        def make(rows: int) -> Any:
            shapes = tuple(_at(one, each, rows) for one, each in zip(ranks, two, strict=True))
            return ENGINE.own_kernel(row, shapes, _at(attributes, others, rows))

        return Step(node, operands, None, make)

    def _plain(self, node: int) -> Any:
        """A quicker function for an operation on operands of these ranks; None where there is none."""
        graph = self.drawn.graph
        row, shapes = graph.row(node), [graph.shape_of(operand) for operand in graph.operands_of(node)]
        if row is matmul and graph.attributes_of(node) == (2, 2):
            return np.matmul
        if row is where and shapes[0] == () and shapes[1] == graph.shape_of(node):
            return _chosen
        return None


def _chosen(condition: Any, value: Any, other: Any) -> Any:
    """`where` of one condition for all: the value itself where it holds."""
    return value if condition != 0 else np.broadcast_to(other, np.shape(value))


def _alike(one: Graph, two: Graph) -> bool:
    """Whether graphs for two numbers of rows differ in lengths only, and in nothing that is a value."""
    return (
        one.op == two.op and one.start == two.start and one.operands == two.operands
        and one.constants == two.constants and len(one.arrays) == len(two.arrays)
        and all(np.array_equal(a, b) for a, b in zip(one.arrays, two.arrays, strict=True))
        and all(_affine(one.attributes_of(node), two.attributes_of(node)) for node in range(len(one)))
    )  # fmt: skip


def _affine(one: Any, two: Any) -> bool:
    """Whether attributes for two numbers of rows say what they are for another one."""
    if isinstance(one, tuple):
        return isinstance(two, tuple) and len(one) == len(two) and all(map(_affine, one, two))
    if type(one) is int and type(two) is int:
        return (two - one) % (TRIED[1] - TRIED[0]) == 0
    return type(one) is type(two) and one == two


def _at(one: Any, two: Any, rows: int) -> Any:
    """Attributes for a number of rows, from those for the two that were tried."""
    if isinstance(one, tuple):
        return tuple(_at(a, b, rows) for a, b in zip(one, two, strict=True))
    if type(one) is int and one != two:
        return one + (two - one) // (TRIED[1] - TRIED[0]) * (rows - TRIED[0])
    return one
