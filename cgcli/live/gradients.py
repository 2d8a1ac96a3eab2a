"""Derivatives in a live graph: nodes beside the formula, which are computed, doubted and cut off as all others are."""

from __future__ import annotations

from cgcli.formulas import derivatives, given
from cgcli.graph.copying import copy_missing
from cgcli.live.building import place
from cgcli.live.compacting import bound_over, compacted
from cgcli.numerals import finite
from cgcli.ops import structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.live.sheet import Sheet


class Slopes:
    """The derivatives of a node: by name, and how a nan among them is explained.

    nodes: name -> node of the live graph. bound: the same question over the formula as a graph of its own, in which
    they are `rates`.
    """

    __slots__ = ("bound", "nodes", "rates")

    def __init__(self, nodes: dict[str, int], bound: Bound, rates: list[int]) -> None:
        self.nodes = nodes
        self.bound = bound
        self.rates = rates

    def tell(self, sheet: Sheet, found: Mapping[str, Any]) -> None:
        """Say where a nan among the derivatives was born, and where one follows a convention."""
        bound = self.bound
        if bound.program.asks_points or not all(map(finite, found.values())):
            bound = bound_over(sheet, bound.program)
            bound.tell_births(self.rates, list(found.values()))


def slopes_of(sheet: Sheet, of: str, wrt: Sequence[str] | None) -> Slopes:
    """The derivatives of a name or a text by names (all inputs: None), made once for each edit of the graph.

    Errors of `formulas.derivatives.gradient_nodes`.
    """
    key = of, None if wrt is None else tuple(given.name_list(wrt))
    found: Slopes | None = sheet.slopes.get(key)
    if found is None:
        found = sheet.slopes[key] = _through_program(sheet, of, key[1])
    return found


def _through_program(sheet: Sheet, of: str, wrt: tuple[str, ...] | None) -> Slopes:
    """Differentiate the formula as a graph of its own, and bring over what that adds."""
    node = place(sheet, of)
    graph = sheet.graph
    extra = {} if sheet.named(of) is not None else {of: node}
    kept = [graph.names[name] for name in wrt or () if name in graph.names]
    found = compacted(sheet, extra, [node for node in kept if graph.op[node] == structure.alias.code])
    bound = bound_over(sheet, found.program)
    derivatives.tell_left_out(found.program, wrt, of)
    over, nodes = derivatives.gradient_nodes(bound, wrt, of)
    (by_name,) = nodes.values()
    copies = found.origins()
    copy_missing(over.graph, graph, by_name.values(), copies)
    sheet.grow(beside=True)
    return Slopes({name: copies[rate] for name, rate in by_name.items()}, over, list(by_name.values()))
