"""In which inputs a node is jointly affine: with the others fixed, it is a sum of these times what depends on none.

Where a derivative by one of two inputs does not depend on the other one, their mixed second derivative is zero. The
graph says so by its edges alone, once the first derivatives are there; what would cancel is not looked for, so a few
affine inputs may be missed, and none is claimed that is not one. A value that no derivative sees (the operand of
`floor`, a condition) is what makes an input no candidate: `floor(a)` has the derivative 0 and is not affine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.graph.walk import ancestors, between, descendants
from cgcli.passes.differentiate import NONE, differentiate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cgcli.graph.store import Graph
    from cgcli.passes.differentiate import Derivatives

MOST_WORK = 20_000_000
"""Inputs times nodes that are looked at; with more, no input is called affine."""


def slopes_and_affine(graph: Graph, output: int, variables: Mapping[str, int]) -> tuple[dict[str, int], list[str]]:
    """The nodes of the derivatives of a scalar node by inputs, and the names of those in which it is jointly affine.

    The graph is extended. The set is as large as taking the input with the fewest conflicts first makes it: of `a*b*x`
    it has one of both. An array counts as a whole. CalculationError as of `differentiate`.
    """
    size = len(graph)
    found = differentiate(graph, [output], list(variables.values()))
    slopes = {name: found.wrt(node) for name, node in variables.items()}
    if len(variables) * len(graph) > MOST_WORK:
        return slopes, []
    reached = {name: descendants(graph, [node]) for name, node in variables.items()}
    unseen = _unseen(graph, found, output, list(variables.values()), size)
    conflicts: dict[str, set[str]] = {name: set() for name in variables}
    for name, slope in slopes.items():
        for other in variables:
            if reached[other][slope]:
                conflicts[name].add(other)
                conflicts[other].add(name)
    candidates = [
        name for name in variables
        if name not in conflicts[name] and not any(reached[name][operand] for operand in unseen)
    ]  # fmt: skip
    return slopes, independent(candidates, conflicts)


def _unseen(graph: Graph, found: Derivatives, output: int, variables: list[int], size: int) -> list[int]:
    """The operands, on the way from the variables to the output, to which no contribution goes."""
    active, reaching = between(graph, variables, [output]), ancestors(graph, [output])
    starts, operands, contribution = graph.start, graph.operands, found.contribution
    unseen: set[int] = set()
    for node in range(size):
        if active[node] and reaching[node]:
            unseen.update(
                operands[edge] for edge in range(starts[node], starts[node + 1])
                if active[operands[edge]] and contribution[edge] == NONE
            )  # fmt: skip
    return list(unseen)


def independent(candidates: list[str], conflicts: Mapping[str, set[str]]) -> list[str]:
    """Candidates of which no two are in conflict: the one with the fewest goes first, and what it excludes is out."""
    left, chosen = list(candidates), set()
    while left:
        best = min(left, key=lambda name: len(conflicts[name].intersection(left)))
        chosen.add(best)
        left = [name for name in left if name != best and name not in conflicts[best]]
    return [name for name in candidates if name in chosen]
