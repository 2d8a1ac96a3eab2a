"""Which nodes of terms are computed at once, and in which order: compiled loops over their columns.

Nodes that are the same call on operands of the same types are of one *cell*, and those of a cell that do not need each
other can be one batch. Two orders are tried, and the one with fewer batches is taken: by depth (M. Looks et al., "Deep
learning with dynamic computation graphs", ICLR 2017), and by agenda, where always the cell is next whose nodes that are
left lie lowest on average (G. Neubig, Y. Goldberg, C. Dyer, "On-the-fly operation batching in dynamic computation
graphs", NIPS 2017, section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.loops import compiled, pays

if TYPE_CHECKING:
    from collections.abc import Callable

NO_CELL = -1
"""Stands for the cell of a number and of a name, which are not computed."""

COMPILED, LOADED, AT_HAND = 100_000, 20_000, 500
"""Nodes that were scheduled so far from which on loops are machine code: where they are still to be compiled (it takes
seconds, once a machine), where numba is to be loaded, and where that is done."""

_seen = [0]


@dataclass(frozen=True)
class Schedule:
    """The batches of the nodes of some terms.

    cell, start, stop: by batch, its cell and its stretch of `order`, which has the nodes batch by batch. depths: how
    many batches there would be, one after the other, if each depth were one. by: "depth" or "agenda".
    """

    cell: Any
    start: Any
    stop: Any
    order: Any
    depths: int
    by: str

    @property
    def batches(self) -> int:
        """How many there are."""
        return len(self.cell)

    @property
    def nodes(self) -> int:
        """How many nodes are computed."""
        return len(self.order)

    @property
    def average(self) -> float:
        """Nodes of a batch on average."""
        return self.nodes / max(1, self.batches)


def scheduled(cell: Any, first: Any, operands: Any, cells: int) -> Schedule:
    """The batches of nodes. cell: int32 by node, or NO_CELL; first, operands: as of `columns.Terms`."""
    run = loop_for(len(cell))
    depth = np.zeros(len(cell), dtype=np.int32)
    deepest = run(_depths)(cell, first, operands, depth)
    computed = np.flatnonzero(cell >= 0)
    keys = depth[computed].astype(np.int64) * cells + cell[computed]
    by_depth = np.argsort(keys, kind="stable")
    sorted_keys = keys[by_depth]
    begins = np.flatnonzero(np.concatenate(([True], sorted_keys[1:] != sorted_keys[:-1]))) if len(keys) else keys
    if cells > 1 and len(begins) > deepest:  # with one batch a depth there are none fewer
        found = _by_agenda(run, cell, first, operands, depth, cells, len(computed))
        if found.batches < len(begins):
            return Schedule(found.cell, found.start, found.stop, found.order, int(deepest), "agenda")
    stops = np.concatenate((begins[1:], [len(keys)])) if len(keys) else begins
    order = computed[by_depth]
    return Schedule(cell[order[begins]], begins, stops, order, int(deepest), "depth")


def loop_for(size: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What makes of a loop the function to call for columns of this size: itself, or machine code where that pays."""
    _seen[0] += size
    machine = pays(_seen[0], (COMPILED, LOADED, AT_HAND), Path(__file__), "_agenda")
    return compiled if machine else lambda loop: loop


def _depths(cell: Any, first: Any, operands: Any, depth: Any) -> int:
    """How many nodes stand above each other at most up to each node; numbers and names count for nothing."""
    deepest = 0
    for node in range(len(cell)):
        below = 0
        for place in range(first[node], first[node + 1]):
            below = max(below, depth[operands[place]])
        if cell[node] >= 0:
            below += 1
        depth[node] = below
        deepest = max(deepest, below)
    return deepest


def _by_agenda(
    run: Any, cell: Any, first: Any, operands: Any, depth: Any, cells: int, count: int
) -> Schedule:  # fmt: skip
    """The batches of an agenda."""
    users_first = np.zeros(len(cell) + 1, dtype=np.int64)
    users = np.empty(len(operands), dtype=np.int32)
    run(_users)(first, operands, users_first, users)
    order = np.empty(count, dtype=np.int64)
    batch_cell, batch_stop = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int64)
    batches = run(_agenda)(cell, first, operands, depth, users_first, users, cells, order, batch_cell, batch_stop)
    stops = batch_stop[:batches].copy()
    return Schedule(batch_cell[:batches].copy(), np.concatenate(([0], stops[:-1])), stops, order, 0, "agenda")


def _users(first: Any, operands: Any, users_first: Any, users: Any) -> None:
    """The users of each node, one entry an edge."""
    nodes = len(first) - 1
    for edge in range(len(operands)):
        users_first[operands[edge] + 1] += 1
    for node in range(nodes):
        users_first[node + 1] += users_first[node]
    for back in range(nodes):
        node = nodes - 1 - back
        for edge in range(first[node], first[node + 1]):
            operand = operands[edge]
            users_first[operand + 1] -= 1
            users[users_first[operand + 1]] = node
    # every entry has moved to the begin of its stretch: put them back by one place
    for node in range(nodes):
        users_first[node] = users_first[node + 1]
    users_first[nodes] = len(operands)


def _agenda(
    cell: Any, first: Any, operands: Any, depth: Any, users_first: Any, users: Any, cells: int, order: Any,
    batch_cell: Any, batch_stop: Any,
) -> int:  # fmt: skip
    """Take all nodes of a cell that are ready, again and again; returns how many batches there are."""
    nodes = len(cell)
    waiting = np.zeros(nodes, dtype=np.int32)
    head = np.full(cells, -1, dtype=np.int32)
    following = np.empty(nodes, dtype=np.int32)
    total, left = np.zeros(cells, dtype=np.float64), np.zeros(cells, dtype=np.int64)
    for back in range(nodes):
        node = nodes - 1 - back
        if cell[node] < 0:
            continue
        for edge in range(first[node], first[node + 1]):
            if cell[operands[edge]] >= 0:
                waiting[node] += 1
        total[cell[node]] += depth[node]
        left[cell[node]] += 1
        if waiting[node] == 0:
            following[node] = head[cell[node]]
            head[cell[node]] = node
    done, batches = 0, 0
    while True:
        chosen, lowest = -1, 0.0
        for each in range(cells):
            if head[each] >= 0 and (chosen < 0 or total[each] / left[each] < lowest):
                chosen, lowest = each, total[each] / left[each]
        if chosen < 0:
            return batches
        begin, node = done, head[chosen]
        head[chosen] = -1
        while node >= 0:
            order[done] = node
            done += 1
            node = following[node]
        if batches > 0:
            order[begin:done].sort()
        for place in range(begin, done):
            node = order[place]
            total[chosen] -= depth[node]
            left[chosen] -= 1
            for edge in range(users_first[node], users_first[node + 1]):
                user = users[edge]
                waiting[user] -= 1
                if waiting[user] == 0:
                    following[user] = head[cell[user]]
                    head[cell[user]] = user
        batch_cell[batches] = chosen
        batch_stop[batches] = done
        batches += 1


# ---- places ----------------------------------------------------------------------------------------------------------


def places_of(schedule: Schedule, kind: Any, kinds: int, position: Any) -> Any:
    """The place of each node in the store of its type, written into `position`; returns the length of each store.

    kind: int32 by node, its type; those of numbers have places already, the first ones of type 0. Results of a batch
    lie one after the other.
    """
    lengths = np.zeros(kinds, dtype=np.int64)
    numbers = position >= 0
    lengths[0] = int(numbers.sum())
    loop_for(len(kind))(_place)(schedule.order, kind, lengths, position)
    return lengths


def _place(order: Any, kind: Any, lengths: Any, position: Any) -> None:
    for place in range(len(order)):
        node = order[place]
        position[node] = lengths[kind[node]]
        lengths[kind[node]] += 1


def progressions(places: Any, starts: Any, stops: Any, run: Any) -> Any:
    """For stretches of places the step between them where that is the same, and 0 where it is not (or not positive)."""
    steps = np.zeros(len(starts), dtype=np.int64)
    run(_progressions)(places, starts, stops, steps)
    return steps


def _progressions(places: Any, starts: Any, stops: Any, steps: Any) -> None:
    for stretch in range(len(starts)):
        begin, end = starts[stretch], stops[stretch]
        if end - begin == 1:
            steps[stretch] = 1
            continue
        if end == begin:
            continue
        step = places[begin + 1] - places[begin]
        place = begin + 2
        while place < end and places[place] - places[place - 1] == step:
            place += 1
        if place == end and step > 0:
            steps[stretch] = step
