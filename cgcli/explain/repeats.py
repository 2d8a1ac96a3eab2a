"""Calls that a formula makes again and again: of such a series the first and the last are shown, the others counted.

The steps of a `fold` and the calls of a comprehension stand at one place of the text, in one call, one after the other.
Pictures, trees and traces show them as "first, step × 98, last"; each of them asks here which calls are behind the
count.
"""

from __future__ import annotations

from collections import Counter
from itertools import compress
from typing import NamedTuple

from cgcli.errors import UsageError, did_you_mean
from cgcli.explain.steps import NO_CALL, with_parents
from cgcli.passes.inlining import kept_bodies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Sequence

    from cgcli.graph.store import Call, Graph

FEW_NODES = 30
"""Up to so many nodes everything is shown: they fit a page, whatever they are."""

SHORTEST = 4
"""Calls of a series that is folded: of three the middle would be one."""

MOST_WRITTEN = 20
"""So many calls that stand at places of their own are shown one by one; more of them are a series, too."""


class Series(NamedTuple):
    """Calls of one function, made in one call (or in none), in order.

    name: of the function. parent: the call that they are made in, or -1. calls: their numbers. total: how many they
    are; more than there are numbers where those between the first and the last are one loop.
    """

    name: str
    parent: int
    calls: tuple[int, ...]
    total: int

    @property
    def is_loop(self) -> bool:
        """Whether the calls between the first and the last are one loop, which is computed as a whole."""
        return self.total > len(self.calls)

    @property
    def label(self) -> str:
        """`step × 98`: what stands for the calls between the first and the last."""
        return f"{self.name} × {self.total - 2:,}"

    def place(self, call: int) -> str:
        """`first of 100` or `last of 100`; "" for a hidden call."""
        ends = {self.calls[0]: "first", self.calls[-1]: "last"}
        return f"{ends[call]} of {self.total:,}" if call in ends else ""


def series_of(calls: Sequence[Call], used: Iterable[int], opened: Collection[str] = ()) -> list[Series]:
    """The series among the calls that are used, and those that they are made in.

    opened: functions whose calls are all shown, so that they make no series; but what is one loop stays one.
    """
    loops: dict[tuple[str, int, Hashable], list[int]] = {}
    written: dict[tuple[str, int], list[int]] = {}
    for number in with_parents(calls, used):
        call = calls[number]
        if call.name not in opened or call.times > 1:
            loops.setdefault((call.name, call.parent, call.span), []).append(number)
    found = []
    for (name, parent, _), numbers in loops.items():
        count = sum(calls[number].times for number in numbers)
        if count >= SHORTEST:
            found.append(Series(name, parent, tuple(numbers), count))
        else:
            written.setdefault((name, parent), []).extend(numbers)
    found += [
        Series(name, parent, tuple(sorted(numbers)), len(numbers))
        for (name, parent), numbers in written.items()
        if len(numbers) > MOST_WRITTEN
    ]
    return found


def count_calls(graph: Graph, needed: Sequence[int]) -> Counter[str]:
    """How often each function of the formula is called by what is needed. needed: 1 for each node that is.

    Calls in a kept call count as often as it is made.
    """
    scopes = graph.scopes if graph.calls else {}
    used = {call for node, call in scopes.items() if node < len(needed) and needed[node]}
    found = Counter(graph.calls[number].name for number in with_parents(graph.calls, used))
    for body, times in kept_bodies(graph, compress(range(len(graph)), needed)):
        found[body.name] += times
        calls = body.graph.calls
        names = [calls[number].name for number in with_parents(calls, set(body.graph.scopes.values()))]
        for name, count in Counter(names).items():
            found[name] += 0 if name == body.name else times * count
    return found


def is_worth_folding(calls: Sequence[Call], nodes: int) -> bool:
    """Whether so many nodes with these calls are more than a page shows; a loop is never shown step by step."""
    return nodes > FEW_NODES or any(call.times > 1 for call in calls)


def check_opened(calls: Sequence[Call], names: Iterable[str]) -> None:
    """UsageError for a function that is to be opened and is not called."""
    called = {call.name for call in calls}
    for name in names:
        if name not in called:
            hint = did_you_mean(name, called) or "it calls no function of its own"
            raise UsageError(f"the formula has no call of `{name}`", hint=hint)


class Repeats:
    """Which calls are hidden behind the count of a series, and which are the ends of one.

    hidden: call -> the series that hides it, also for calls made in hidden ones. ends: first and last calls that are
    shown -> their series.
    """

    __slots__ = ("ends", "hidden")

    def __init__(self, calls: Sequence[Call], used: Collection[int], opened: Collection[str] = ()) -> None:
        self.hidden: dict[int, Series] = {}
        self.ends: dict[int, Series] = {}
        member = {number: series for series in series_of(calls, used, opened) for number in series.calls}
        for number in with_parents(calls, used):  # a call stands behind the one that it is made in
            parent, series = calls[number].parent, member.get(number)
            if parent != NO_CALL and parent in self.hidden:
                self.hidden[number] = self.hidden[parent]
            elif series is not None and number in (series.calls[0], series.calls[-1]):
                self.ends[number] = series
            elif series is not None:
                self.hidden[number] = series

    def results(self, graph: Graph, nodes: Iterable[int], outputs: Iterable[int]) -> dict[Series, list[int]]:
        """The nodes of hidden calls that something outside of their series uses, or that are outputs."""
        scopes = graph.scopes
        found: dict[Series, dict[int, None]] = {}
        for user in nodes if self.hidden else ():
            above = self.hidden.get(scopes.get(user, NO_CALL))
            for operand in graph.operands_of(user):
                series = self.hidden.get(scopes.get(operand, NO_CALL))
                if series is not None and series is not above:
                    found.setdefault(series, {})[operand] = None
        for node in outputs:
            series = self.hidden.get(scopes.get(node, NO_CALL))
            if series is not None:
                found.setdefault(series, {})[node] = None
        return {series: list(results) for series, results in found.items()}
