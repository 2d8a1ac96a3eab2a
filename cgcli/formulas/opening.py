"""Kept loops of a formula opened for pictures and traces: their first and last steps stand there node by node."""

from __future__ import annotations

from cgcli.passes.inlining import has_kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from cgcli.formulas.bound import Bound


def with_opened_loops(bound: Bound, opened: Collection[str] = (), *, everything: bool = False) -> Bound:
    """The same values for a program in which the ends of loops are written out; see `passes.loop_ends`.

    opened: functions whose loops are written out step by step; everything: all of them. CalculationError where that
    makes too many nodes.
    """
    if not has_kept(bound.graph):
        return bound
    from cgcli.passes.loop_ends import with_loop_ends

    moved, graph = with_loop_ends(bound.graph, range(len(bound.graph)), opened, everything=everything)
    return bound.over(bound.program.over(graph, moved))
