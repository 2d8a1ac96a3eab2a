"""What engines share: one loop over the nodes, and how an operation finds its function on an engine.

An engine says how a number, an array and an operation look on it; the loop, the inputs and the expansion of
operations that are defined by others are here.
"""

from __future__ import annotations

from cgcli.errors import CalculationError, UsageError
from cgcli.graph.walk import ancestors
from cgcli.ops import structure
from cgcli.passes.expand import expansion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

    Shape = tuple[int, ...]
    Kernel = Callable[..., Any]


class Engine:
    """Evaluates graphs; a subclass states how values and operations look on it."""

    name = ""

    def __init__(self) -> None:
        self._kernels: dict[Any, Kernel] = {}

    def number(self, value: float, exact: str | None) -> Any:
        """A constant of the graph as a value of this engine; `exact` is its decimal text where that says more."""
        raise NotImplementedError

    def array(self, values: Any) -> Any:
        """An array constant as a value of this engine."""
        raise NotImplementedError

    def given(self, value: Any) -> Any:
        """A value that the caller gave for an input, as a value of this engine."""
        raise NotImplementedError

    def native_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """A function of the operands' values, or None where this engine knows the row by its definition only."""
        raise NotImplementedError

    def evaluate(self, graph: Graph, inputs: Mapping[str, Any], wanted: Iterable[int]) -> list[Any]:
        """Values by node; None for nodes that none of the wanted ones needs.

        inputs: value of every input that is needed; others may be there too. UsageError where one is missing.
        """
        return self.run(graph, {name: self.given(value) for name, value in inputs.items()}, list(wanted))

    def run(self, graph: Graph, inputs: Mapping[str, Any], wanted: Sequence[int]) -> list[Any]:
        """As `evaluate`, on inputs in the engine's own kind: the loop over the nodes."""
        needed = ancestors(graph, wanted)
        values: list[Any] = [None] * len(graph)
        op, start, operands = graph.op, graph.start, graph.operands
        leaves = (structure.constant.code, structure.array.code, structure.variable.code)
        kernels: dict[Any, Kernel] = {}
        shape, payload = graph.shape, graph.payload
        for node in range(max(wanted, default=-1) + 1):
            if not needed[node]:
                continue
            code = op[node]
            if code in leaves:
                values[node] = self.leaf(graph, node, inputs)
                continue
            used = operands[start[node] : start[node + 1]]
            key = (code, payload[node], *[shape[operand] for operand in used])
            kernel = kernels.get(key)
            if kernel is None:
                kernel = kernels[key] = self.kernel_of(graph, node)
            values[node] = kernel(*[values[operand] for operand in used])
        return values

    def kernel_of(self, graph: Graph, node: int) -> Kernel:
        """The function that computes a node that is no leaf. CalculationError where there is none."""
        shapes = tuple(map(graph.shape_of, graph.operands_of(node)))
        return self.kernel(graph.row(node), shapes, graph.attributes_of(node))

    def kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel:
        """The function that computes a row on operands of these shapes. CalculationError where there is none."""
        key = (row, shapes, attributes)
        found = self._kernels.get(key)
        if found is None:
            found = self.native_kernel(row, shapes, attributes)
            if found is None and row.definition is not None:
                found = self._defined(row, shapes, attributes)
            if found is None:
                raise CalculationError(f"the engine `{self.name}` cannot compute `{row.name}`")
            self._kernels[key] = found
        return found

    def leaf(self, graph: Graph, node: int, inputs: Mapping[str, Any]) -> Any:
        """The value of a constant, an array or an input. UsageError where the input has none."""
        number = graph.payload[node]
        if graph.is_constant(node):
            return self.number(graph.constants[number], graph.exact.get(number))
        if graph.op[node] == structure.array.code:
            return self.array(graph.arrays[number])
        name = graph.input_names[number]
        if name not in inputs:
            raise UsageError(f"no value for the input `{name}`", hint=f"give one: {name}=…")
        return inputs[name]

    def _defined(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel:
        """A row by its definition: the little graph of the definition, run by this same engine."""
        template, places, output = expansion(row, shapes, attributes)
        names = [template.input_name(place) for place in places]

        def run(*operands: Any) -> Any:
            return self.run(template, dict(zip(names, operands, strict=True)), [output])[output]

        return run
