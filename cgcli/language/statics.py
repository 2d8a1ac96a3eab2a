"""Values that must be known while the graph is built: indices, lengths, axes, orders of a derivative."""

from __future__ import annotations

from cgcli.language.aliases import element_of_stack
from cgcli.ops import shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cgcli.graph.store import Graph


class StaticValues:
    """Computes scalar nodes from constants, and from the given values of inputs, which it then remembers as used."""

    def __init__(self, graph: Graph, given: Mapping[str, float]) -> None:
        self.graph = graph
        self.given = given
        self.used: dict[str, float] = {}
        self._known: dict[int, float] = {}

    def value(self, wanted: int) -> float | None:
        """The number that a scalar node is; None where it depends on something that is not known yet."""
        pending = [wanted]
        while pending:
            node = pending[-1]
            if node in self._known:
                pending.pop()
                continue
            unknown = [operand for operand in self._needed(node) if operand not in self._known]
            if unknown:
                pending.extend(unknown)
                continue
            value = self._compute(node)
            if value is None:
                return None
            self._known[node] = value
            pending.pop()
        return self._known[wanted]

    def unknown_inputs(self, wanted: int) -> list[str]:
        """Names of the scalar inputs without a value that a node depends on, where nothing else keeps it unknown."""
        from cgcli.graph.walk import ancestors

        needed = ancestors(self.graph, [wanted])
        missing = [name for name, node in self.graph.inputs().items() if needed[node] and name not in self.given]
        inputs = self.graph.inputs()
        return [] if any(self.graph.shape_of(inputs[name]) for name in missing) else missing

    def _needed(self, node: int) -> Sequence[int]:
        """What a node is computed from: its operands, or the item that it takes of a list."""
        item = element_of_stack(self.graph, node)
        return self.graph.operands_of(node) if item == node else (item,)

    def _compute(self, node: int) -> float | None:
        graph = self.graph
        needed = self._needed(node)
        if graph.is_constant(node):
            return graph.constant_value(node)
        if graph.is_input(node):
            name = graph.input_name(node)
            value = self.given.get(name)
            if value is not None:
                self.used[name] = value
            return value
        row = graph.row(node)
        if row is shaping.index and len(needed) == 1 and needed[0] in self._known:
            return self._known[needed[0]]
        if row.compute is None or graph.shape_of(node) or graph.is_leaf(node):
            return None
        if any(graph.shape_of(operand) for operand in needed):
            return None

        operands = [self._known[operand] for operand in needed]
        return float(row.compute(*operands, *graph.attributes_of(node)))
