"""The machine of most engines: the nodes of a plan, one after the other.

An engine says how a number, an array and an operation look on it; the plan, the inputs and the expansion of
operations that are defined by others are here.
"""

from __future__ import annotations

from itertools import compress

from cgcli.engines.base import Engine
from cgcli.engines.plan import ALONE, MANY, REPEATED, Plan
from cgcli.errors import CalculationError, UsageError
from cgcli.graph.walk import ancestors
from cgcli.kept import Kept
from cgcli.ops import calling, structure
from cgcli.passes.expand import expansion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.engines.plan import Kernel, Shape
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation


OF_ARRAYS = "the engine `numpy` can"
"""What tells those who ask an engine of numbers for arrays; loops have them within."""

KERNELS = 4096
"""Functions of operations on operands of certain shapes that an engine keeps."""


class PlannedEngine(Engine):
    """Evaluates graphs node by node; a subclass states how values and operations look on it.

    least_compiled: steps times nodes of a loop of kept calls from which on it is compiled, where its values are plain
    doubles; None where they are not. It depends on nothing else, so that the same loop always gives the same bits.
    """

    least_compiled: int | None = None

    def __init__(self) -> None:
        self._kernels = Kept(KERNELS)

    def number(self, value: float, exact: str | None) -> Any:
        """A constant of the graph as a value of this engine; `exact` is its decimal text where that says more."""
        raise NotImplementedError

    def array(self, values: Any) -> Any:
        """An array constant as a value of this engine."""
        raise NotImplementedError

    def given(self, value: Any) -> Any:
        """A value that the caller gave for an input, as a value of this engine."""
        raise NotImplementedError

    def own_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """A function of the operands' values, or None where this engine knows the row by its definition only."""
        raise NotImplementedError

    def evaluate(self, graph: Graph, inputs: Mapping[str, Any], wanted: Iterable[int]) -> list[Any]:
        """As every engine; values are the engine's own."""
        return self.run(graph, inputs, list(wanted))

    def run(self, graph: Graph, inputs: Mapping[str, Any], wanted: Sequence[int]) -> list[Any]:
        """What `evaluate` gives, before an engine makes plain numbers of it."""
        return self.run_plan(self.plan(graph, wanted), inputs)

    def run_plan(self, plan: Plan, inputs: Mapping[str, Any]) -> list[Any]:
        """What `run` gives, by a plan at hand."""
        values = plan.values.copy()
        for node, name in plan.inputs:
            if name not in inputs:
                raise UsageError(f"no value for the input `{name}`", hint=f"give one: {name}=…")
            values[node] = self.given(inputs[name])
        plan.compute(values)
        return values

    def plan(self, graph: Graph, wanted: Sequence[int]) -> Plan:
        """How to compute the wanted nodes, from the last time or made now. CalculationError as of `kernel`."""
        return graph.once(self, wanted, lambda: self.planned(graph, wanted))

    def planned(self, graph: Graph, wanted: Sequence[int]) -> Plan:
        """A new plan. CalculationError where there is an operation that this engine cannot compute."""
        needed = ancestors(graph, wanted)
        return self.planned_over(graph, compress(range(max(wanted, default=-1) + 1), needed))

    def planned_over(self, graph: Graph, needed: Iterable[int]) -> Plan:
        """A new plan of nodes in an order of evaluation, with their operands. CalculationError as of `planned`."""
        plan = Plan(len(graph))
        op, start, operands, shape, payload = graph.op, graph.start, graph.operands, graph.shape, graph.payload
        nodes, functions, first, second = plan.nodes, plan.kernels, plan.first, plan.second
        kernels: dict[Any, Kernel] = {}
        leaves = structure.LEAVES
        same: list[Any] = [None] * len(graph)  # columns share one int object a node, which halves their memory
        for node in needed:
            same[node] = node
            code, begin = op[node], start[node]
            count = start[node + 1] - begin
            key: tuple[int, ...]
            if count == 2:
                left, right = operands[begin], operands[begin + 1]
                key = (code, payload[node], shape[left], shape[right])
                first.append(same[left])
                second.append(same[right])
            elif code in leaves:
                self._plan_leaf(plan, graph, node)
                continue
            elif count == 1:
                only = operands[begin]
                key = (code, payload[node], shape[only])
                first.append(same[only])
                second.append(ALONE)
            else:
                used = tuple(operands[begin : begin + count])
                key = (code, payload[node], *[shape[operand] for operand in used])
                first.append(used)
                second.append(MANY)
            kernel = kernels.get(key)
            if kernel is None:
                kernel = kernels[key] = self.kernel_of(graph, node)
            nodes.append(node)
            functions.append(kernel)
        if self.least_compiled is not None and any(key[0] == calling.scan.code for key in kernels):
            from cgcli.engines.calling import share_states

            share_states(graph, plan)
        return plan

    def lacks(self, graph: Graph, wanted: Iterable[int]) -> list[Operation]:
        """As every engine."""
        found: dict[Operation, None] = {}
        for node in compress(range(len(graph)), ancestors(graph, wanted)):
            try:
                if not graph.is_leaf(node):
                    self.kernel_of(graph, node)
            except CalculationError:
                found[graph.row(node)] = None
        return list(found)

    def kernel_of(self, graph: Graph, node: int) -> Kernel:
        """The function that computes a node that is no leaf. CalculationError where there is none."""
        shapes = tuple(map(graph.shape_of, graph.operands_of(node)))
        return self.kernel(graph.row(node), shapes, graph.attributes_of(node))

    def kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel:
        """The function that computes a row on operands of these shapes. CalculationError where there is none."""
        key: tuple[Any, ...] = (row, shapes, attributes)
        if "kept" in row.traits:
            key += (REPEATED.get(),)
        found: Kernel | None = self._kernels.get(key)
        if found is None:
            found = self._kept(attributes) if "kept" in row.traits else self.own_kernel(row, shapes, attributes)
            if found is None and row.definition is not None:
                found = self._defined(row, shapes, attributes)
            if found is None:
                raise CalculationError(
                    f"the engine `{self.name}` cannot compute `{row.name}`", hint=None if self.arrays else OF_ARRAYS
                )
            self._kernels.put(key, found)
        return found

    def _kept(self, attributes: tuple[Any, ...]) -> Kernel:
        """A kept call, or a loop of them, by the plan of the body. CalculationError where that cannot be made."""
        from cgcli.engines.calling import called, scanned

        return called(self, *attributes) if len(attributes) == 1 else scanned(self, *attributes)

    def _plan_leaf(self, plan: Plan, graph: Graph, node: int) -> None:
        """Enter the value of a constant or an array, or the name of an input."""
        if graph.shape[node] and not self.arrays:
            what = "an array" if not graph.is_input(node) else f"the array `{graph.input_name(node)}`"
            raise CalculationError(f"the engine `{self.name}` cannot compute with {what}", hint=OF_ARRAYS)
        number = graph.payload[node]
        if graph.is_constant(node):
            plan.values[node] = self.number(graph.constants[number], graph.exact.get(number))
        elif graph.op[node] == structure.array.code:
            plan.values[node] = self.array(graph.arrays[number])
        else:
            plan.inputs.append((node, graph.input_names[number]))

    def _defined(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel:
        """A row by its definition: the little graph of the definition, run by this same engine."""
        template, places, output = expansion(row, shapes, attributes)
        plan = self.planned(template, [output])

        def run(*operands: Any) -> Any:
            values = plan.values.copy()
            for place, operand in zip(places, operands, strict=True):
                values[place] = operand
            plan.compute(values)
            return values[output]

        return run
