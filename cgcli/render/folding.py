"""Graphs made small enough to look at: repeated calls first, then by call, by repeated pattern, by depth.

A folding puts the nodes of a picture into groups. A group of one node is drawn as it is, a larger one as one box that
says what it stands for. Calls that a formula makes again and again are folded in every picture of more than a few nodes
(`cgcli.explain.repeats`), the other ways are for large pictures. Each works on the groups that the one before left, and
none is taken once the picture is small enough. Every way is a few loops over the groups in order of evaluation.
"""

from __future__ import annotations

from collections import Counter
from itertools import compress

from cgcli.explain.repeats import is_worth_folding
from cgcli.explain.steps import NO_CALL, with_parents
from cgcli.render.groups import Folding, Group, alike, as_calls, as_it_is, levels, nodes_of, operands_of
from cgcli.render.series import by_repeats, by_width, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence

    from cgcli.graph.store import Call
    from cgcli.render.picture import Picture

LIMIT = 1000
"""A picture with more nodes than this is folded."""

TARGET = 50
"""How many boxes a folded picture should have at most: what a page shows."""

WIDEST = 2400
"""Pixels: a picture with folded calls that would get wider has the ends of its series closed, too. The estimate is
right within a fifth, and 3,000 are what a page shows."""

PAGES = 4
"""A picture that would be wider than so many pages has its middle folded, however few boxes it has: a long chain."""

MOST_LEVELS = 5
"""Levels that are kept at either end where the middle of a graph is folded."""

NARROW = 3
"""A graph with fewer groups a level than this is a chain with things hanging on it."""


def fold(
    picture: Picture, *, limit: int | None = LIMIT, target: int = TARGET, opened: Collection[str] = (),
    widest: int = WIDEST,
) -> Folding:  # fmt: skip
    """The picture with its repeated calls folded, and with more boxes than `limit` folded towards `target`.

    limit: None folds nothing at all. opened: functions whose calls are not folded. widest: pixels of a page, which a
    picture with folded calls should not exceed.
    """
    folding = Folding(picture, as_it_is(picture))
    total = len(folding.groups)
    if limit is None:
        return folding
    folding.opened = opened_calls(picture, opened)
    if is_worth_folding(picture.graph.calls, total):
        folding = by_repeats(picture, folding, opened, widest)
        folding = by_width(picture, folding, widest)
    if len(folding.groups) > limit:
        for way in (by_call, by_length, by_pattern, by_depth):
            if len(folding.groups) > target:
                folding = way(picture, folding, target)
    elif width(picture, folding) > PAGES * widest:
        folding = by_depth(picture, folding, target)
    if len(folding.groups) < total:
        folding.note = f"{total:,} nodes are folded into {len(folding.groups):,} boxes"
    return folding


def opened_calls(picture: Picture, names: Collection[str]) -> set[int]:
    """The calls of some functions, and those that they are made in."""
    calls = picture.graph.calls
    return set(with_parents(calls, [number for number, call in enumerate(calls) if names and call.name in names]))


# ---- by call ---------------------------------------------------------------------------------------------------------


def by_call(picture: Picture, folding: Folding, target: int) -> Folding:
    """Fold the calls of user functions, as few levels of nesting as it takes."""
    calls = picture.graph.calls
    depth = call_depths(calls)
    used = with_parents(calls, {group.call for group in folding.groups})
    if not used:
        return folding
    boxes_at = Counter(depth[call] for call in used)
    nodes_at = Counter(depth[group.call] for group in folding.groups if group.call != NO_CALL)
    outside = sum(group.call == NO_CALL for group in folding.groups)
    level = max(boxes_at)
    while level and outside + sum(nodes_at[above] for above in range(level)) + boxes_at[level] > target:
        level -= 1
    return _call_level(picture, folding, depth, level)


def call_depths(calls: Sequence[Call]) -> list[int]:
    """How many calls each call is made in; 0 for one that the formula makes itself."""
    depth: list[int] = []
    for call in calls:
        depth.append(0 if call.parent == NO_CALL else depth[call.parent] + 1)
    return depth


def _call_level(picture: Picture, folding: Folding, depth: list[int], level: int) -> Folding:
    """Every call at this level of nesting as one group, with all calls that it makes."""
    calls = picture.graph.calls
    home: list[int] = []
    for number, call in enumerate(calls):
        home.append(number if depth[number] <= level else home[call.parent])
    together: dict[tuple[str, int], list[Group]] = {}
    for number, group in enumerate(folding.groups):
        inside = group.call != NO_CALL and depth[group.call] >= level and group.call not in folding.opened
        key = ("call", home[group.call]) if inside else ("alone", number)
        together.setdefault(key, []).append(group)
    return folding.regrouped(picture, as_calls(picture, folding, together))


# ---- by pattern ------------------------------------------------------------------------------------------------------


def by_pattern(picture: Picture, folding: Folding, target: int) -> Folding:
    """Fold groups that do the same to operands of the same pattern; the most frequent patterns first."""
    pattern = _patterns(picture, folding)
    excess = len(folding.groups) - target
    chosen: set[int] = set()
    free = [group.call not in folding.opened for group in folding.groups]
    for number, times in Counter(compress(pattern, free)).most_common():
        if times == 1 or excess <= 0:
            break
        chosen.add(number)
        excess -= times - 1
    together: dict[tuple[str, int], list[Group]] = {}
    for number, group in enumerate(folding.groups):
        key = ("alike", pattern[number]) if free[number] and pattern[number] in chosen else ("alone", number)
        together.setdefault(key, []).append(group)
    return folding.regrouped(picture, (alike(picture, groups) for groups in together.values()))


def _patterns(picture: Picture, folding: Folding) -> list[int]:
    """A number for what each group computes from what, up to the names of inputs and the values of constants.

    What has no operands is told apart by what it is used for.
    """
    operands = operands_of(folding)
    users: dict[int, set[Hashable]] = {}
    for source, user in folding.edges:
        users.setdefault(source, set()).add(_key(picture, folding.groups[user]))
    results = {folding.group_of[node] for node in picture.output_names}
    numbers: dict[Hashable, int] = {}
    pattern: list[int] = []
    for number, group in enumerate(folding.groups):
        below = tuple(pattern[source] if source < number else -1 for source in operands[number])
        used_for = frozenset(users.get(number, ())) if not below else frozenset()
        key = (_key(picture, group), number in results, below, used_for)
        pattern.append(numbers.setdefault(key, len(numbers)))
    return pattern


def _key(picture: Picture, group: Group) -> Hashable:
    """What a group does, cheap to compare."""
    node = group.nodes[0]
    return group.label or (picture.graph.op[node], picture.graph.attributes_of(node))


# ---- by depth --------------------------------------------------------------------------------------------------------


def by_length(picture: Picture, folding: Folding, target: int) -> Folding:
    """Fold the middle of a long chain, before its links and the inputs along it are folded by pattern."""
    is_narrow = len(folding.groups) < NARROW * (1 + max(levels(folding)))
    return by_depth(picture, folding, target) if is_narrow else folding


def by_depth(picture: Picture, folding: Folding, target: int) -> Folding:
    """Keep some levels next to the outputs and next to the inputs; fold what lies between."""
    level = levels(folding)
    first, last = _kept_levels(Counter(level), target - 1)
    groups: list[Group] = []
    middle: list[Group] = []
    for group, at in zip(folding.groups, level, strict=True):
        (middle if first <= at <= last and group.call not in folding.opened else groups).append(group)
    if len(middle) < 2:
        return folding
    return folding.regrouped(picture, [*groups, Group("rest", nodes_of(middle), "…", NO_CALL)])


def _kept_levels(width: Counter[int], room: int) -> tuple[int, int]:
    """The first and the last level to fold: levels are kept from both ends in turn while there is room."""
    first, last = min(width), max(width)
    for end in ("last", "first") * MOST_LEVELS:
        nearest = width[last if end == "last" else first]
        if first >= last or nearest > room:
            continue
        room -= nearest
        if end == "last":
            last -= 1
        else:
            first += 1
    return first, last
