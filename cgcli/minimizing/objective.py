"""A formula as a function of one vector: value, gradient and Hessian from one program, prepared once.

The variables are packed one behind the other. Nothing is bound, parsed or differentiated again from one point to the
next: an evaluation is one run of a plan.
"""

from __future__ import annotations

from itertools import compress

import numpy as np

from cgcli.errors import CalculationError, UsageError
from cgcli.formulas.derivatives import derived, direction_of, hidden_inputs, need_scalar, targets, variables
from cgcli.formulas.sparse import rolled_program
from cgcli.graph.walk import between
from cgcli.numerals import element_names
from cgcli.passes.derivative import derivatives_of, products_with_hessian
from cgcli.passes.differentiate import differentiate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.explain.births import Birth
    from cgcli.formulas.bound import Bound
    from cgcli.formulas.derivatives import Derived
    from cgcli.formulas.sparse import SparseHessian
    from cgcli.graph.store import Graph
    from cgcli.language.program import Program

MOST_WRITTEN = 8
"""Numbers by which second derivatives are written out one by one; more come as products with directions, a batch."""


MOST_FORESEEN = 20_000
"""Nodes up to which derivatives of higher order are taken: of a larger formula they cost more than a few steps."""

MOST_SPARSE = 200
"""Entries a row, and colours, up to which a Hessian is computed as a sparse matrix."""


class Variables:
    """Named numbers and arrays as one vector."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = dict(shapes)
        self.places: dict[str, slice] = {}
        begin = 0
        for name, shape in shapes.items():
            end = begin + int(np.prod(shape, dtype=np.int64))
            self.places[name] = slice(begin, end)
            begin = end
        self.count = begin

    def pack(self, values: Mapping[str, Any]) -> Any:
        """The vector of values by name."""
        return np.concatenate([np.ravel(np.asarray(values[name], dtype=float)) for name in self.shapes])

    def unpack(self, vector: Any) -> dict[str, Any]:
        """Values by name: floats, and arrays of their shapes that share no memory with the vector."""
        return {
            name: np.array(vector[self.places[name]]).reshape(shape) if shape else float(vector[self.places[name]][0])
            for name, shape in self.shapes.items()
        }  # fmt: skip

    def labels(self) -> list[str]:
        """What each number of the vector is called: `x`, `w[0]`, `A[1,2]`."""
        return [label for name, shape in self.shapes.items() for label in element_names(name, shape)]


class Point:
    """The objective at one point; gradient and Hessian are computed when they are asked for."""

    __slots__ = ("_gradient", "_hessian", "_objective", "value", "x")

    def __init__(self, objective: Objective, x: Any, value: float) -> None:
        self._objective = objective
        self._gradient: Any = None
        self._hessian: Any = None
        self.x = x
        self.value = value

    @property
    def gradient(self) -> Any:
        """The gradient as a vector."""
        if self._gradient is None:
            self._gradient = self._objective.gradient(self.x)
        return self._gradient

    @property
    def hessian(self) -> Any:
        """The Hessian as a symmetric matrix."""
        if self._hessian is None:
            self._hessian = self._objective.hessian(self.x)
        return self._hessian

    def is_finite(self) -> bool:
        """Whether value and gradient are finite numbers."""
        return bool(np.isfinite(self.value) and np.isfinite(self.gradient).all())


class Nodes:
    """The nodes that hold the value, the gradient, and second derivatives: by pairs, or along directions.

    program: where they are; a large one has its loops as arrays (see `passes.rolling`). moving: the variables in it.
    """

    __slots__ = ("along", "moving", "pairs", "program", "slopes", "value")

    def __init__(
        self, program: Program, moving: list[int], value: int, slopes: list[int], pairs: list[int], along: list[int]
    ) -> None:  # fmt: skip
        self.program = program
        self.moving = moving
        self.value = value
        self.slopes = slopes
        self.pairs = pairs
        self.along = along


class Along:
    """The nodes that hold third, fourth and fifth derivatives along a direction; empty where there are too many.

    is_quartic: whether the fifth ones are 0 everywhere, so that a polynomial of the fourth order is the value itself.
    """

    __slots__ = ("fifth", "fourth", "is_quartic", "third")

    def __init__(self, third: list[int], fourth: list[int], fifth: list[int], *, is_quartic: bool) -> None:
        self.third, self.fourth, self.fifth = third, fourth, fifth
        self.is_quartic = is_quartic


class Objective:
    """A scalar output as a function of one vector.

    evaluations: at how many points the value was computed. products: how many products with the Hessian.
    UsageError where there are several outputs and none is chosen; ShapeError where the output is no number.
    """

    def __init__(self, bound: Bound, names: Sequence[str], of: str | None) -> None:
        self.bound = bound
        self.names = tuple(names)
        self.of = of
        self.output = self.output_of(bound.program)
        wanted = variables(bound.program, self.names, of)
        self.variables = Variables({name: bound.graph.shape_of(node) for name, node in wanted.items()})
        self.evaluations = 0
        self.products = 0
        self._written = self.variables.count <= MOST_WRITTEN and not any(self.variables.shapes.values())
        found = derived(bound, ("objective", type(self), self.names, of), self._nodes)
        self.nodes: Nodes = found.nodes
        self.over = bound.over(self.nodes.program)
        self._is_rolled = self.nodes.program is not found.program
        self._third: Derived | None = None
        self._along: Derived | None = None
        self._kinks: bool | None = None

    def output_of(self, program: Program) -> str:
        """What the value is called."""
        return one_output(program, self.of)

    def value_node(self, program: Program) -> int:
        """The node of the value. ShapeError where it is no number."""
        (node,) = targets(program, self.of).values()
        need_scalar(program.graph, self.output, node, who="a minimum", hint="make a number of it, as `sum(…)` does")
        return node

    def _nodes(self, program: Program) -> Nodes:
        by_name: Mapping[str, int] = variables(program, self.names, self.of)
        value = self.value_node(program)
        if not self._written:
            program, value, by_name = rolled_program(program, value, by_name)
        return self._derivatives(program, value, by_name)

    def _derivatives(self, program: Program, value: int, by_name: Mapping[str, int]) -> Nodes:
        graph, wanted = program.graph, list(by_name.values())
        back = differentiate(graph, [value], wanted)
        slopes = [back.wrt(node) for node in wanted]
        pairs: list[int] = []
        if self._written:
            for place, slope in enumerate(slopes):
                pairs += derivatives_of(graph, slope, wanted[place:])
            return Nodes(program, wanted, value, slopes, pairs, [])
        along = products_with_hessian(graph, slopes, wanted, hidden_inputs(graph, by_name))
        return Nodes(program, wanted, value, slopes, pairs, along)

    def at(self, x: Any) -> Point:
        """The point, with its value."""
        self.evaluations += 1
        return Point(self, x, float(self._run([self.nodes.value], x)[0]))

    def point_at(self, x: Any) -> Point:
        """The point, where the value was computed before: it does not count."""
        return Point(self, np.array(x), float(self._run([self.nodes.value], x)[0]))

    def gradient(self, x: Any) -> Any:
        """The gradient as a vector."""
        return self._joined(self._run(self.nodes.slopes, x))

    def hessian(self, x: Any) -> Any:
        """The Hessian as a symmetric matrix."""
        if not self._written:
            found = self._products(x, np.eye(self.variables.count))
            return (found + found.T) / 2
        return self._from_pairs(x)

    def _from_pairs(self, x: Any) -> Any:
        count = self.variables.count
        found = np.empty((count, count))
        upper = np.triu_indices(count)
        found[upper] = self._run(self.nodes.pairs, x)
        found.T[upper] = found[upper]
        return found

    def products_with(self, x: Any, directions: Any) -> Any:
        """The products of the Hessian with some directions: both have one row a direction."""
        return directions @ self._from_pairs(x) if self._written else self._products(x, directions)

    def _products(self, x: Any, directions: Any) -> Any:
        self.products += len(directions)
        from cgcli.engines import choose_for_rows

        values, graph, wanted = self.values_at(x), self.over.graph, self.nodes.along
        if self.over.engine(wanted).name == "native":  # one point is quick there, and a kernel for rows is not
            return np.array([self._one_product(values, direction) for direction in directions])
        for name, shape in self.variables.shapes.items():
            values[direction_of(name)] = np.ascontiguousarray(
                directions[:, self.variables.places[name]].reshape(len(directions), *shape)
            )
        engine = choose_for_rows(graph, wanted, "numpy", values)
        by_node = engine.evaluate_rows(graph, values, wanted)
        return np.concatenate([by_node[node].reshape(len(directions), -1) for node in wanted], axis=1)

    def _one_product(self, values: dict[str, Any], direction: Any) -> Any:
        wanted = self.nodes.along
        along = {direction_of(name): part for name, part in self.variables.unpack(direction).items()}
        found = self.over.engine(wanted).evaluate(self.over.graph, values | along, wanted)
        return self._joined([found[node] for node in wanted])

    def sparse_hessian(self) -> SparseHessian | None:
        """The Hessian as a sparse matrix to be evaluated again and again; None where it has too many entries."""
        from cgcli.formulas.sparse import SparseHessian

        try:
            found = SparseHessian(self.bound, self.names, self.of)
        except CalculationError:
            return None
        count = self.variables.count
        return found if found.pattern.nnz <= MOST_SPARSE * count and found.colours <= MOST_SPARSE else None

    def third(self, x: Any, direction: Any) -> Any:
        """The third derivatives along a direction, twice: the change of `hessian @ direction` along it."""
        if self._third is None:
            self._third = derived(self.bound, ("third", type(self), self.names, self.of), self._third_nodes)
        over, wanted = self.bound.over(self._third.program), self._third.nodes
        found = over.engine(wanted).evaluate(over.graph, self._values_along(x, direction), wanted)
        return self._joined([found[node] for node in wanted])

    def along(self) -> Along:
        """The nodes of `taylor`, made when they are asked for first."""
        if self._along is None:
            self._along = derived(self.bound, ("along", type(self), self.names, self.of), self._nodes_along)
        found: Along = self._along.nodes
        return found

    def taylor(self, x: Any, direction: Any) -> tuple[Any, Any, float]:
        """The third and fourth derivatives along a direction, twice and thrice: two vectors; the fifth, five times."""
        nodes = self.along()
        assert self._along is not None
        over, wanted = self.bound.over(self._along.program), [*nodes.third, *nodes.fourth, *nodes.fifth]
        found = over.engine(wanted).evaluate(over.graph, self._values_along(x, direction), wanted)
        third, fourth, fifth = (
            self._joined([found[node] for node in part]) for part in (nodes.third, nodes.fourth, nodes.fifth)
        )
        return third, fourth, float(fifth @ direction)

    def _values_along(self, x: Any, direction: Any) -> dict[str, Any]:
        parts = self.variables.unpack(direction)
        return self.values_at(x) | {direction_of(name): part for name, part in parts.items()}

    def _nodes_along(self, program: Program) -> Along:
        graph = program.graph
        by_name = variables(program, self.names, self.of)
        wanted, directions = list(by_name.values()), hidden_inputs(graph, by_name)
        back = differentiate(graph, [self.value_node(program)], wanted)
        orders = [[back.wrt(node) for node in wanted]]
        for _ in range(4):
            if len(graph) > MOST_FORESEEN:
                return Along([], [], [], is_quartic=False)
            orders.append(products_with_hessian(graph, orders[-1], wanted, directions))
        is_quartic = all(is_zero(graph, node) for node in orders[4])
        return Along(*orders[2:], is_quartic=is_quartic)

    def _third_nodes(self, program: Program) -> list[int]:
        graph = program.graph
        by_name = variables(program, self.names, self.of)
        wanted, directions = list(by_name.values()), hidden_inputs(graph, by_name)
        back = differentiate(graph, [self.value_node(program)], wanted)
        along = products_with_hessian(graph, [back.wrt(node) for node in wanted], wanted, directions)
        return products_with_hessian(graph, along, wanted, directions)

    def _run(self, wanted: list[int], x: Any) -> list[Any]:
        graph = self.over.graph
        values = self.over.engine(wanted).evaluate(graph, self.values_at(x), wanted)
        return [values[node] for node in wanted]

    def values_at(self, x: Any) -> dict[str, Any]:
        """The values of all inputs at a point."""
        return {**self.over.values, **self.variables.unpack(x)}

    def _joined(self, parts: list[Any]) -> Any:
        return (
            np.concatenate([np.ravel(part) for part in parts])
            if any(self.variables.shapes.values())
            else np.array(parts, dtype=float)
        )

    def may_kink(self) -> bool:
        """Whether an operation between the variables and the value has kinks."""
        if self._kinks is None:
            graph = self.over.graph
            active = between(graph, self.nodes.moving, [self.nodes.value])
            self._kinks = any(graph.row(node).kink is not None for node in compress(range(len(active)), active))
        return self._kinks

    def births(self, x: Any, *, slopes: bool = False) -> list[Birth]:
        """Where what is no finite number in the value (or the gradient) at a point was born."""
        from cgcli.explain.births import births_of

        def as_written(program: Program) -> Nodes:
            return self._derivatives(program, self.value_node(program), variables(program, self.names, self.of))

        found = self.nodes
        if self._is_rolled:  # only as it is written, a loop has its places in the text
            found = derived(self.bound, ("objective as written", type(self), self.names, self.of), as_written).nodes
        over, nodes = self.bound.over(found.program), [found.value, *(found.slopes if slopes else [])]
        return births_of(over.graph, nodes, over.engine, self.values_at(x), over.source)


def is_zero(graph: Graph, node: int) -> bool:
    """Whether a node is 0 whatever the inputs are, as far as its form tells."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if graph.is_leaf(node):
            data = graph.array_value(node)
            if graph.constant_value(node) != 0 and (data is None or data.any()):
                return False
        elif graph.row(node).traits.isdisjoint(("linear", "moves")):
            return False
        else:  # what is linear makes zeros of zeros
            waiting += graph.operands_of(node)
    return True


def one_output(program: Program, of: str | None) -> str:
    """The name of the output that is meant. UsageError where there are several and none is chosen."""
    found = list(targets(program, of))
    if len(found) > 1:
        raise UsageError(f"the formula has {len(found)} outputs", hint=f"choose one (--of, of=…): {', '.join(found)}")
    return found[0]
