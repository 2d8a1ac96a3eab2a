"""Derivatives in a live graph: nodes beside the formula, which are computed, doubted and cut off as all others are.

By a few names, the graph is walked backwards where these reach it and nowhere else, so the derivative by one leaf of a
large tree costs its depth. What that adds meets what was there before: after an edit the nodes around it are new, and
all others are found again with their values. By many names, and where an order of sums or a name must be told apart
from equal values, the formula as a graph of its own is differentiated and what that adds is brought over. Both give the
bits that `f.grad` gives.
"""

from __future__ import annotations

from cgcli.formulas import derivatives, given
from cgcli.graph.copying import copy_missing
from cgcli.graph.origins import Origins
from cgcli.live.building import place
from cgcli.live.compacting import bound_over, compacted
from cgcli.live.holding import Held
from cgcli.numerals import finite
from cgcli.ops import structure
from cgcli.passes.adjoints import Adjoint
from cgcli.passes.backward import filled, walked
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.live.sheet import Sheet

    Names = tuple[str, ...] | None

FEW, FAR = 8, 20_000
"""Names by which the graph is walked directly, and nodes that such a walk may meet."""


class Slopes:
    """The derivatives of a name or a text: name -> node of the live graph."""

    __slots__ = ("nodes", "of", "wrt")

    def __init__(self, of: str, wrt: Names, nodes: Mapping[str, int]) -> None:
        self.of = of
        self.wrt = wrt
        self.nodes = nodes

    def tell(self, sheet: Sheet, found: Mapping[str, Any]) -> None:
        """Warn where a nan among the derivatives was born, and of what could be taken for more than it is."""
        if not all(map(finite, found.values())):
            over, nodes = derivatives.gradient_nodes(_question(sheet, self.of, self.wrt), self.wrt, self.of)
            (by_name,) = nodes.values()
            over.tell_births([by_name[name] for name in found], list(found.values()))
        if sheet.asks_points():
            from cgcli.formulas import kinks

            bound = _question(sheet, self.of, self.wrt)
            kinks.tell(bound, kinks.kinks_at(bound, self.wrt, self.of), second=False)


def slopes_of(sheet: Sheet, of: str, wrt: Sequence[str] | str | None) -> Slopes:
    """The derivatives of a name or a text by names (all inputs: None), made once for each edit of the graph.

    Errors of `formulas.derivatives.gradient_nodes`.
    """
    key = of, wrt if wrt is None or type(wrt) is str else tuple(wrt)
    found: Slopes | None = sheet.slopes.get(key)
    if found is None:
        names = None if wrt is None else tuple(given.name_list(wrt))
        with Held():
            nodes = _walked(sheet, of, names)
        if nodes is None:
            nodes = _through_program(sheet, of, names)
        found = sheet.slopes[key] = Slopes(of, names, nodes)
    return found


def _walked(sheet: Sheet, of: str, wrt: Names) -> dict[str, int] | None:
    """Walk backwards from a node to a few others; None where that is not the way to do it."""
    graph = sheet.graph
    if wrt is None or len(wrt) > FEW or not sheet.is_simple():
        return None
    output, nodes = place(sheet, of), {name: graph.names.get(name) for name in wrt}
    if graph.shape[output] or None in nodes.values():
        return None
    targets = [node for node in nodes.values() if node is not None]
    way = _way(sheet, targets, _asked_beside(sheet, output))
    if way is None:
        return None
    origins, graph.origins = graph.origins, Origins()
    try:
        start = Adjoint(FoldingRef(graph, graph.constant(1.0)))
        adjoints, _ = walked(graph, [(output, start)], targets, way=way)
        zero = FoldingRef(graph, graph.constant(0.0))
        found = {
            name: (adjoints[node].given_out() if node in adjoints else filled(zero, graph.shape_of(node))).node
            for name, node in zip(wrt, targets, strict=True)
        }
    finally:
        graph.origins = origins
        sheet.grow(beside=True)
    return found


def _asked_beside(sheet: Sheet, output: int) -> set[int]:
    """The nodes of a question that are not of the formula."""
    found = {output} if sheet.beside[output] else set()
    pending = list(found)
    while pending:
        new = {operand for operand in sheet.graph.operands_of(pending.pop()) if sheet.beside[operand]} - found
        found |= new
        pending += new
    return found


def _way(sheet: Sheet, targets: Sequence[int], also: Collection[int]) -> list[int] | None:
    """The nodes of the formula, and some others, that depend on nodes, in an order of evaluation.

    None where they are too many, where a name stands behind an alias, and where more than two numbers are added up at a
    node of a graph that was edited: their order is that of a text.
    """
    graph, beside = sheet.graph, sheet.beside
    uses = graph.uses()
    found, seen = list(targets), set(targets)
    for node in found:
        users = 0
        for edge in uses.of(node):
            user = uses.owner[edge]
            if not beside[user] or user in also:
                users += 1
                if user not in seen:
                    seen.add(user)
                    found.append(user)
        if len(found) > FAR or (users > 2 and not graph.in_order) or graph.op[node] == structure.alias.code:
            return None
    found.sort(key=None if graph.in_order else graph.ranks().__getitem__)
    return found


def _through_program(sheet: Sheet, of: str, wrt: Names) -> dict[str, int]:
    """Differentiate the formula as a graph of its own, and bring over what that adds."""
    bound = _question(sheet, of, wrt)
    derivatives.tell_left_out(bound.program, wrt, of)
    over, nodes = derivatives.gradient_nodes(bound, wrt, of)
    (by_name,) = nodes.values()
    shared = bound.program.beginning()  # what stands behind is left behind, and other nodes have its positions
    copies = {place: node for place, node in sheet.compacted.origins().items() if place < shared}
    with Held():
        copy_missing(over.graph, sheet.graph, by_name.values(), copies)
        sheet.grow(beside=True)
    return {name: copies[rate] for name, rate in by_name.items()}


def _question(sheet: Sheet, of: str, wrt: Names) -> Bound:
    """The formula as a graph of its own, in which a text has a name and names that are asked for are apart."""
    graph = sheet.graph
    extra = {} if sheet.named(of) is not None else {of: place(sheet, of)}
    asked = [graph.names[name] for name in wrt or () if name in graph.names]
    aliases = [node for node in asked if graph.op[node] == structure.alias.code]
    return bound_over(sheet, compacted(sheet, extra, aliases).program)
