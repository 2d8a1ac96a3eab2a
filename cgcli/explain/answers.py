"""A student's answer to a derivative, line by line: which line is the first wrong one, and which rule it broke.

A line is right where it has the same values as the derivative. Of a wrong one the usual mistakes are tried at each step
of the working; the one that gives the student's line is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.engines.numpy import NumpyEngine
from cgcli.explain.comparing import ALMOST, WHERE_DEFINED, Counterexample, compare
from cgcli.explain.sampling import sampled
from cgcli.graph.replacing import replaced
from cgcli.numerals import short_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.explain.working import Applied, Working

POINTS = 60
"""At which a mistake must give the numbers of the line."""

FEWEST = 8
"""Points of them at which both must be finite."""

MATCH = 1e-8
"""Relative difference of doubles that count as the same number."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one line. right: whether it is the derivative. counterexample: where it is not.

    mistake: what went wrong, in words, where a usual mistake gives this line; step: the rule that was to be applied.
    order: of the derivative that the line is, or should be.
    """

    right: bool
    counterexample: Counterexample | None = None
    mistake: str = ""
    step: Applied | None = None
    order: int = 1


def judged(working: Working, line: int, reached: int = 0) -> Verdict:
    """Whether a node of the working's graph is the derivative, and what went wrong where it is not.

    reached: the order of the line before it. A line may be of that order or of a higher one that is asked for.
    """
    begins = {each.order: each.node for each in reversed(working.lines)}
    orders = [order for order in sorted(begins) if order >= reached]
    found = {}
    for order in orders:
        found[order] = compare(working.graph, {"the line": (working.meaning(begins[order]), line)})
        if found[order].equal or found[order].verdict in (ALMOST, WHERE_DEFINED):
            return Verdict(True, order=order)
    expected = min(reached + 1, orders[-1])
    points = found[expected].counterexamples
    mistake, step = mistaken(working, line, expected)
    return Verdict(False, points[0] if points else None, mistake, step, expected)


def mistaken(working: Working, line: int, order: int) -> tuple[str, Applied | None]:
    """The usual mistake in the derivative of an order that gives a line, and the step at which it is made.

    None, and the first step, where it is none of them.
    """
    steps = [step for step in working.applied if step.order == order]
    candidates = [
        (words, step, working.meaning(replaced(working.graph, step.line, {step.place: wrong.node})))
        for kind in (attrgetter("mistakes"), attrgetter("unlikely")) for step in steps
        for words, wrong in kind(step.rule)().items() if not working.graph.shape_of(wrong.node)
    ]  # fmt: skip
    matches = _matching(working, line, [node for _, _, node in candidates])
    for (words, step, _), match in zip(candidates, matches, strict=True):
        if match:
            return words, step
    begin = next(each.node for each in working.lines if each.order == order)
    return compared_with(working, line, begin), steps[0] if steps else None


def compared_with(working: Working, line: int, begin: int) -> str:
    """How a line differs from the whole derivative: by a factor, by a term, or it is the function; else nothing.

    begin: the first line of the working of that derivative.
    """
    values, expected, given = _columns(working, [line, working.meaning(begin), working.output])
    if _agree(values, given):
        return "that is the function itself, not its derivative"
    with np.errstate(all="ignore"):
        factor, term = values / expected, values - expected
    times, more = _constant(factor), _constant(term)
    if times == -1:
        return "the sign is wrong"
    if times is not None:
        return f"it is {short_number(times)} times the derivative"
    if more is not None:
        return f"it is the derivative {'plus' if more > 0 else 'minus'} {short_number(abs(more))}"
    return ""


def _constant(values: Any) -> float | None:
    """The number that a column is everywhere; None where it is not the same."""
    usable = values[np.isfinite(values)]
    if usable.size < FEWEST or not _agree(values, np.broadcast_to(np.median(usable), values.shape)):
        return None
    return float(f"{np.median(usable):.8g}")


def _matching(working: Working, line: int, nodes: Sequence[int]) -> list[bool]:
    """Which nodes have the values of a line at points chosen at random."""
    if not nodes:
        return []
    expected, *found = _columns(working, [line, *nodes])
    return [_agree(values, expected) for values in found]


def _columns(working: Working, nodes: Sequence[int]) -> list[Any]:
    """The values of nodes at points chosen at random."""
    graph = working.graph
    columns: Any = sampled(graph, nodes, {}, POINTS)
    if not columns:
        return [np.full(1, np.nan) for _ in nodes]
    rows = len(next(iter(columns.values())))
    found = NumpyEngine().evaluate_rows(graph, columns, nodes)
    return [np.broadcast_to(found[node], (rows,)) for node in nodes]


def _agree(values: Any, expected: Any) -> bool:
    """Whether two columns have the same numbers wherever both are finite, and enough of them."""
    with np.errstate(all="ignore"):
        both = np.isfinite(values) & np.isfinite(expected)
        gap = np.abs(values - expected) <= MATCH * np.maximum(np.abs(values), np.abs(expected))
    return bool(both.sum() >= FEWEST and gap[both].mean() > 0.9)
