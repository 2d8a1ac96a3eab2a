"""Values and derivatives that are finite and not 0, but out of all proportion: the operation that makes them so.

Along the way from a variable to the output each operation multiplies the derivative by its slope (the chain rule), and
each operation multiplies the size of a value by that of its result over that of its operands. Where one factor makes
most of it, that operation is named; else it is the many steps together.
"""

from __future__ import annotations

from itertools import pairwise
from math import log10
from typing import TYPE_CHECKING

import numpy as np

from cgcli.explain.findings import BACKWARD, FORWARD
from cgcli.explain.sizes import array_of, size_of
from cgcli.explain.words import middle_left_out, tidy
from cgcli.numerals import compact

if TYPE_CHECKING:
    from cgcli.explain.findings import Finding
    from cgcli.explain.point import Point
    from cgcli.explain.words import Words

HUGE, TINY = 1e12, 1e-12
"""Sizes of a derivative, and of a value beside what it is made of, from which on it is told."""

MANY = 4
"""Steps that enlarge, or shrink, from which on they are told together where none of them makes half of the size."""


def extreme_value(words: Words, point: Point, name: str, output: int) -> list[Finding]:
    """A value that is huge or vanishing beside all the numbers of the formula: where that began."""
    graph = words.graph
    size = size_of(words.values[output])
    leaves = [size_of(words.values[node]) for node in point.nodes if graph.is_leaf(node)]
    leaves = [each for each in leaves if each > 0 and np.isfinite(each)]
    kind = _kind(size, max([1.0, *leaves]), min([1.0, *leaves]))
    if kind is None:
        return []
    sign = 1 if kind == "huge" else -1
    way = [output]
    while True:  # down to the operands that are the largest, or the least
        operands = [each for each in graph.operands_of(way[-1]) if size_of(words.values[each]) > 0]
        if not operands:
            break
        way.append(max(operands, key=lambda each: sign * log10(size_of(words.values[each]))))
        if sign * log10(size_of(words.values[way[-1]])) < 0.25 * sign * log10(size):
            break  # this is an ordinary number still
    gains = [sign * (log10(size_of(words.values[upper])) - log10(size_of(words.values[lower])))
             for upper, lower in pairwise(way)]  # fmt: skip
    best = int(np.argmax(gains)) if gains else 0
    node = way[best]
    does = "gives" if kind == "huge" else "gives as little as"
    why = f"{words.operation(node)} {does} {compact(words.values[node])} where {words.numbers(node)}"
    path = [(words.text(each), words.values[each]) for each in middle_left_out(way[best::-1])]
    return [words.finding(kind, FORWARD, name, (), node, why + words.in_a_call(node), path)]


def extreme_derivative(words: Words, point: Point, name: str, by: str, variable: int) -> list[Finding]:
    """A derivative that is huge or vanishing: the operation that enlarges or shrinks it most, or that many do."""
    backward = point.passes[name]
    adjoint = array_of(words.values[backward.adjoints[variable]])
    sizes = np.abs(adjoint)
    kind = _kind(float(sizes.max())) or _kind(float(sizes[sizes > 0].min()))
    if kind is None:
        return []
    way = _heaviest_way(words, point, name, variable)
    if not way:
        return []
    sign = 1 if kind == "huge" else -1
    gains = [sign * log10(factor) for _, factor in way]
    best = int(np.argmax(gains))
    total = sign * log10(size_of(adjoint)) if size_of(adjoint) not in (0.0, 1.0) else 0.0
    node, factor = way[best]
    moving = [gain for gain in gains if gain > 0.05]
    does = "enlarges" if kind == "huge" else "shrinks"
    if len(moving) >= MANY and gains[best] < total / 2:
        typical = 10 ** (sign * float(np.median(moving)))
        why = (
            f"no step alone {does} it: {len(moving)} steps on the way multiply it, each by about {compact(typical)}; "
            f"{words.operation(node)} {does} it most, by the factor {compact(factor)}"
        )
    else:
        why = f"{words.operation(node)} {does} it most, by the factor {compact(factor)}, where {words.numbers(node)}"
    steps = [user for user, _ in way] + [variable]
    path = [(words.rate(each), tidy(words.values[backward.adjoints[each]])) for each in middle_left_out(steps)]
    return [words.finding(kind, BACKWARD, name, (by,), node, why, path)]


def _heaviest_way(words: Words, point: Point, name: str, variable: int) -> list[tuple[int, float]]:
    """From the output to a variable along what contributes most: (operation, factor that it multiplies by) each."""
    graph, backward = words.graph, point.passes[name]
    users: dict[int, list[tuple[float, int]]] = {}
    for user in backward.order:
        for place, operand in enumerate(graph.operands_of(user)):
            part = backward.contributions.get(graph.start[user] + place)
            passed = 0.0 if part is None else size_of(words.values[part])
            if passed > 0:
                users.setdefault(operand, []).append((passed, user))
    way: list[tuple[int, float]] = []
    node = variable
    while node in users:
        passed, user = max(users[node])
        above = size_of(words.values[backward.adjoints[user]])
        way.append((user, passed / above if above else 1.0))
        node = user
    return way[::-1]


def _kind(size: float, largest: float = 1.0, least: float = 1.0) -> str | None:
    """huge, vanishing, or neither, beside the largest and the least number that it is made of."""
    if size >= HUGE * largest:
        return "huge"
    return "vanishing" if 0 < size <= TINY * least else None
