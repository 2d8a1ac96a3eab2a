"""Repeated calls folded: of a series the first and the last are drawn, and one box for those between.

Which calls are a series is decided for pictures, trees and traces alike (`cgcli.explain.repeats`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter

from cgcli.explain.repeats import SHORTEST, Repeats, Series
from cgcli.explain.steps import NO_CALL, with_parents
from cgcli.render.folded_steps import MOST_RESULTS
from cgcli.render.groups import Folding, Group, alike, as_calls, levels, nodes_of, operands_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

    from cgcli.render.picture import Picture

CHARACTER, SMALL_CHARACTER, ARROW = 10, 8, 80
"""Pixels of a character in a box, of one at an arrow, and of the margin of a box and an arrow, as Graphviz lays them
out at 96 dots per inch in the sizes of `cgcli.render.dot`."""


def by_repeats(picture: Picture, folding: Folding, opened: Collection[str], widest: int) -> Folding:
    """Fold the middle of every series of calls.

    Where the picture gets too wide, the last call of each, which does what the first one does, and then the first.
    """
    repeats = Repeats(picture.graph.calls, {group.call for group in folding.groups}, opened)
    if not repeats.hidden:
        return folding
    together: dict[Hashable, list[Group]] = {}
    for number, group in enumerate(folding.groups):
        together.setdefault(repeats.hidden.get(group.call, number), []).append(group)
    groups = [
        Group("calls", nodes_of(groups), key.label, key.parent, is_loop=key.is_loop)
        if isinstance(key, Series)
        else groups[0]
        for key, groups in together.items()
    ]
    folding = Folding(picture, groups, folding.opened, repeats.ends)
    folding = _with_parts(picture, _with_sums(picture, folding))
    for end in (-1, 0):
        if width(picture, folding) > widest:
            chosen = {call for call, series in repeats.ends.items() if call == series.calls[end]}
            folding = _closed(picture, folding, chosen)
    return folding


def by_width(picture: Picture, folding: Folding, widest: int) -> Folding:
    """Every call as a box, where there are some and the picture is wider than a page: a tree of calls, say."""
    calls = picture.graph.calls
    outermost = {call for call in with_parents(calls, {group.call for group in folding.groups})
                 if calls[call].parent == NO_CALL}  # fmt: skip
    if len(outermost) < SHORTEST or width(picture, folding) <= widest:
        return folding
    return _closed(picture, folding, outermost)


def _with_parts(picture: Picture, folding: Folding) -> Folding:
    """Let what only hidden calls of one series use (elements of the list that a fold runs over) join them.

    What only hidden calls of several series use is a box of its own.
    """
    graph, groups = picture.graph, folding.groups
    users: list[set[int]] = [set() for _ in groups]
    for source, user in folding.edges:
        users[source].add(user)
    home: list[Hashable] = list(range(len(groups)))
    for number in range(len(groups) - 1, -1, -1):
        group, above = groups[number], {home[user] for user in users[number]}
        outside = any(groups[user].kind != "calls" or groups[user].call != group.call for user in users[number])
        if outside or not _is_between(picture, group):
            continue
        if len(above) == 1:
            home[number] = above.pop()
        elif above:
            home[number] = (graph.op[group.nodes[0]], group.call, frozenset(above))
    together: dict[Hashable, list[Group]] = {}
    for number, group in enumerate(groups):
        together.setdefault(home[number], []).append(group)
    return folding.regrouped(picture, (_joined(picture, folding, key, found) for key, found in together.items()))


def _joined(picture: Picture, folding: Folding, key: Hashable, groups: list[Group]) -> Group:
    """One group for the hidden calls of the series `key` and their parts, or for what several series use."""
    if len(groups) == 1 or not isinstance(key, int):
        return alike(picture, groups)
    series = folding.groups[key]
    return Group("calls", nodes_of(groups), series.label, series.call, is_loop=series.is_loop)


def _with_sums(picture: Picture, folding: Folding) -> Folding:
    """Fold what one operation makes of hidden calls of a series alone (the sum of a comprehension)."""
    operands, graph = operands_of(folding), picture.graph
    origin: list[Hashable] = []
    for number, group in enumerate(folding.groups):
        below = {origin[source] for source in operands[number] if source < number}
        key: Hashable = None
        if group.kind == "calls":
            key = number
        elif len(below) == 1 and None not in below and len(graph.operands_of(group.nodes[0])) > 1:
            (only,) = below
            series, row = only if isinstance(only, tuple) else (only, graph.op[group.nodes[0]])
            if row == graph.op[group.nodes[0]] and _is_between(picture, group):
                key = (series, row)
        origin.append(key)
    counts: Counter[Hashable] = Counter(key for key in origin if isinstance(key, tuple))
    together: dict[Hashable, list[Group]] = {}
    for number, (group, key) in enumerate(zip(folding.groups, origin, strict=True)):
        together.setdefault(key if counts.get(key, 0) >= SHORTEST else ("alone", number), []).append(group)
    return folding.regrouped(picture, (alike(picture, groups) for groups in together.values()))


def _is_between(picture: Picture, group: Group) -> bool:
    """Whether a group is one operation that no name of the formula and no output tells of."""
    node = group.nodes[0]
    return group.kind == "node" and node not in picture.own_names and not picture.graph.is_leaf(node)


def _closed(picture: Picture, folding: Folding, chosen: Collection[int]) -> Folding:
    """Each of the chosen calls as one box, with all calls that it makes."""
    calls = picture.graph.calls
    home: list[int] = []
    for number, call in enumerate(calls):
        outer = home[call.parent] if call.parent != NO_CALL else NO_CALL
        home.append(number if outer == NO_CALL and number in chosen else outer)
    together: dict[tuple[str, int], list[Group]] = {}
    for number, group in enumerate(folding.groups):
        closed = group.call != NO_CALL and home[group.call] != NO_CALL and group.call not in folding.opened
        together.setdefault(("call", home[group.call]) if closed else ("alone", number), []).append(group)
    return folding.regrouped(picture, as_calls(picture, folding, together))


def width(picture: Picture, folding: Folding) -> int:
    """About how many pixels wide a drawing gets: the widest texts of each level and of the arrows into it."""
    level, exits = levels(folding), folding.exits(picture)
    widths: dict[int, int] = {}
    for group, results, at in zip(folding.groups, exits, level, strict=True):
        characters = max(map(len, _texts(picture, group, results)))
        widths[at] = max(widths.get(at, 0), CHARACTER * characters)
    return sum(widths.values()) + ARROW * len(widths) + sum(_arrow_labels(picture, folding, level).values())


def _texts(picture: Picture, group: Group, results: list[int]) -> list[str]:
    """About what a box says, a text a line."""
    if group.kind != "node":
        known = results if len(results) <= MOST_RESULTS else []
        return [group.label, *(f"{picture.value_text(node)}   {picture.adjoint_text(node)}" for node in known)]
    node = group.nodes[0]
    name, value = picture.own_name(node), picture.value_text(node)
    return [picture.title(node), f"{name} = {value}" if name and value else name or value, picture.adjoint_text(node)]


def _arrow_labels(picture: Picture, folding: Folding, level: list[int]) -> dict[int, int]:
    """Pixels of the widest text of the arrows into each level."""
    found: dict[int, int] = {}
    graph, group_of = picture.graph, folding.group_of
    for edge in picture.contributions:
        user = group_of.get(bisect_right(graph.start, edge) - 1, -1)
        if user >= 0 and group_of.get(graph.operands[edge], user) != user:
            pixels = SMALL_CHARACTER * len(picture.contribution_text(edge))
            found[level[user]] = max(found.get(level[user], 0), pixels)
    return found
