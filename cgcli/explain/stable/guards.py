"""Forms that are taken only where none of their operations overflows or underflows; elsewhere the given form stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.explain.stable.edges import TINY
from cgcli.explain.stable.trials import computed
from cgcli.graph.walk import ancestors
from cgcli.ops import logic

if TYPE_CHECKING:
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.graph.store import Graph

    Columns = dict[str, Any]

HUGE = 1e300
"""A size up to which an operation has not overflowed."""

MOST = 4
"""Conditions of a guard."""

SUMS = frozenset(("add", "sub", "sum", "where"))
"""Operations whose result is tiny only where an operand is, or where all digits cancel."""

POSITIVE = frozenset(("abs", "square", "sqrt", "exp", "hypot"))


def guarded(graph: Graph, given: int, form: int, worse: Columns, far_off: Columns) -> int | None:
    """The form behind a condition that holds at no point where it is worse; None where none of its operations
    overflows or underflows there.

    worse: points at which the form is worse than the given one. far_off: those at which it seems to be, of which as
    many are kept out as can be.
    """
    certain = len(next(iter(worse.values())))
    sound = ~np.any([*_broken(graph, given, far_off).values()], axis=0)  # elsewhere the given form may be the wrong one
    far_off = {name: column[sound] for name, column in far_off.items()}
    columns = {name: np.concatenate([column, far_off[name]]) for name, column in worse.items()}
    broken = _broken(graph, form, columns)
    left = np.ones(len(next(iter(columns.values()))), dtype=bool)
    conditions: list[tuple[int, bool]] = []
    while left.any() and broken and len(conditions) < MOST:
        best = max(broken, key=lambda each: (int((broken[each] & left)[:certain].sum()),
                                             int((broken[each] & left).sum())))  # fmt: skip
        if not (broken[best] & left).any():
            break
        conditions.append(best)  # of those that explain as much the first: what breaks after it follows from it
        left &= ~broken[best]
    if not conditions or left[:certain].any():
        return None
    condition = _condition(graph, *conditions[0])
    for each in conditions[1:]:
        condition = logic.conjunction(condition, _condition(graph, *each))
    return logic.where(condition, graph.ref(form), graph.ref(given)).node


def _broken(graph: Graph, form: int, columns: Columns) -> dict[tuple[int, bool], Any]:
    """Where each operation of a form overflows (node, True) or underflows (node, False)."""
    nodes = [node for node, need in enumerate(ancestors(graph, [form])) if need and not graph.is_constant(node)]
    values = computed(graph, nodes, columns, len(next(iter(columns.values()))))
    found = {}
    for node in nodes:
        size = np.abs(values[node])
        with np.errstate(invalid="ignore"):
            found[node, True] = ~(size < HUGE)
            if graph.is_input(node) or graph.row(node).name not in SUMS:
                found[node, False] = ~(size > TINY)
    return found


def _condition(graph: Graph, node: int, is_large: bool) -> Ref:
    size = graph.ref(node)
    if graph.is_input(node) or graph.row(node).name not in POSITIVE:
        size = logic.absolute(size)
    limit = graph.ref(graph.constant(HUGE if is_large else TINY))
    return size < limit if is_large else size > limit
