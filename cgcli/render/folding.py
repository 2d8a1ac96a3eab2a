"""Graphs made small enough to look at: repeated calls first, then by call, by repeated pattern, by depth.

A folding puts the nodes of a picture into groups. A group of one node is drawn as it is, a larger one as one box that
says what it stands for. Calls that a formula makes again and again are folded in every picture of more than a few nodes
(`cgcli.explain.repeats`), the other ways are for large pictures. Each works on the groups that the one before left, and
none is taken once the picture is small enough. Every way is a few loops over the groups in order of evaluation.
"""

from __future__ import annotations

from collections import Counter
from itertools import compress

from cgcli.explain.repeats import SHORTEST, Repeats, Series, is_worth_folding
from cgcli.explain.steps import NO_CALL, with_parents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence

    from cgcli.graph.store import Call
    from cgcli.render.picture import Picture

LIMIT = 1000
"""A picture with more nodes than this is folded."""

TARGET = 50
"""How many boxes a folded picture should have at most: what a page shows."""

WIDEST = 2700
"""Pixels: a picture with folded calls that would get wider has the ends of its series closed, too. The estimate is
right within a tenth, and 3,000 are what a page shows."""

PAGES = 4
"""A picture that would be wider than so many pages has its middle folded, however few boxes it has: a long chain."""

CHARACTER, ARROW, ARROW_LABEL = 10, 80, 90
"""Pixels of a character, of the margin of a box and an arrow, and of the label of an arrow, as Graphviz lays them out
at 96 dots per inch in the sizes of `cgcli.render.dot`."""

MOST_LEVELS = 5
"""Levels that are kept at either end where the middle of a graph is folded."""

NARROW = 3
"""A graph with fewer groups a level than this is a chain with things hanging on it."""


class Group:
    """Nodes that are drawn as one box.

    kind: "node" (one node as it is), "calls" (the hidden ones of a series), "call", "alike" (nodes of one pattern) or
    "rest" (a stretch of many levels).
    label: what the nodes have in common; empty for a node. call: the call that the box is drawn in, or -1. is_loop:
    whether it stands for a loop, whose nodes are not counted here.
    """

    __slots__ = ("call", "is_loop", "kind", "label", "nodes")

    def __init__(self, kind: str, nodes: list[int], label: str, call: int, *, is_loop: bool = False) -> None:
        self.is_loop = is_loop
        self.kind = kind
        self.nodes = nodes
        self.label = label
        self.call = call


class Folding:
    """The groups of a picture in order of evaluation, the group of each node, and the edges between groups.

    Constants without a name are in no group: they are drawn where they are used, or not at all inside a fold.
    edges: (group of the operand, group of the user), each pair once. note: what was folded, or "". opened: calls that
    are not folded. ends: first and last calls of series that were folded.
    """

    __slots__ = ("edges", "ends", "group_of", "groups", "note", "opened")

    def __init__(
        self, picture: Picture, groups: Iterable[Group], opened: Collection[int] = (),
        ends: Mapping[int, Series] | None = None,
    ) -> None:  # fmt: skip
        self.groups = list(groups)
        self.note = ""
        self.opened = opened
        self.ends = ends or {}
        self.group_of = {node: number for number, group in enumerate(self.groups) for node in group.nodes}
        self.edges = _edges(picture, self.group_of)

    def regrouped(self, picture: Picture, groups: Iterable[Group]) -> Folding:
        """Other groups of the same nodes."""
        return Folding(picture, groups, self.opened, self.ends)

    def exits(self, picture: Picture) -> list[list[int]]:
        """For each group the nodes of it that others use or that are outputs."""
        found: list[set[int]] = [set() for _ in self.groups]
        for user, group in self.group_of.items():
            for operand in picture.graph.operands_of(user):
                source = self.group_of.get(operand, group)
                if source != group:
                    found[source].add(operand)
        for node in picture.output_names:
            found[self.group_of[node]].add(node)
        return [sorted(nodes) for nodes in found]

    def closed(self) -> list[str]:
        """The functions whose calls are folded, in alphabetical order."""
        return sorted({group.label.partition(" ")[0] for group in self.groups if group.kind in ("call", "calls")})

    def call_label(self, picture: Picture, call: int) -> str:
        """What a call is headed by: `step`, `step (first of 100)`."""
        name = picture.graph.calls[call].name
        return f"{name} ({self.ends[call].place(call)})" if call in self.ends else name


def fold(
    picture: Picture, *, limit: int | None = LIMIT, target: int = TARGET, opened: Collection[str] = (),
    widest: int = WIDEST,
) -> Folding:  # fmt: skip
    """The picture with its repeated calls folded, and with more boxes than `limit` folded towards `target`.

    limit: None folds nothing at all. opened: functions whose calls are not folded. widest: pixels of a page, which a
    picture with folded calls should not exceed.
    """
    folding = Folding(picture, _as_it_is(picture))
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


# ---- by series of calls ----------------------------------------------------------------------------------------------


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
        Group("calls", _nodes(groups), key.label, key.parent, is_loop=key.is_loop)
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
        return _alike(picture, groups)
    series = folding.groups[key]
    return Group("calls", _nodes(groups), series.label, series.call, is_loop=series.is_loop)


def _with_sums(picture: Picture, folding: Folding) -> Folding:
    """Fold what one operation makes of hidden calls of a series alone (the sum of a comprehension)."""
    operands, graph = _operands(folding), picture.graph
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
    return folding.regrouped(picture, (_alike(picture, groups) for groups in together.values()))


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
    return folding.regrouped(picture, _calls(picture, folding, together))


def _calls(
    picture: Picture, folding: Folding, together: Mapping[tuple[str, int], list[Group]]
) -> Iterator[Group]:  # fmt: skip
    """Groups that belong to one call as one group; a single one stays as it is."""
    calls = picture.graph.calls
    for (_, number), groups in together.items():
        if len(groups) == 1:
            yield groups[0]
        else:
            yield Group("call", _nodes(groups), folding.call_label(picture, number), calls[number].parent)


def width(picture: Picture, folding: Folding) -> int:
    """About how many pixels wide a drawing gets: the widest text of each level, and the way between the levels."""
    widths: dict[int, int] = {}
    arrows = ARROW + (ARROW_LABEL if picture.contributions else 0)
    for group, level in zip(folding.groups, _levels(folding), strict=True):
        characters = max(map(len, _texts(picture, group)))
        widths[level] = max(widths.get(level, 0), CHARACTER * characters + arrows)
    return sum(widths.values())


def _texts(picture: Picture, group: Group) -> list[str]:
    """About what a box says, a text a line."""
    if group.kind != "node":
        return [group.label]
    node = group.nodes[0]
    name, value = picture.own_name(node), picture.value_text(node)
    return [picture.title(node), f"{name} = {value}" if name and value else name or value, picture.adjoint_text(node)]


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
    return folding.regrouped(picture, _calls(picture, folding, together))


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
    return folding.regrouped(picture, (_alike(picture, groups) for groups in together.values()))


def _patterns(picture: Picture, folding: Folding) -> list[int]:
    """A number for what each group computes from what, up to the names of inputs and the values of constants.

    What has no operands is told apart by what it is used for.
    """
    operands = _operands(folding)
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


def _alike(picture: Picture, groups: list[Group]) -> Group:
    """One group for several of a pattern."""
    if len(groups) == 1:
        return groups[0]
    calls = {group.call for group in groups}
    node = groups[0].nodes[0]
    if groups[0].label:
        label = f"{len(groups):,} calls of {groups[0].label}"
    elif picture.graph.is_leaf(node):
        label = "inputs" if picture.graph.is_input(node) else "constants"
    else:
        same = len({picture.graph.attributes_of(group.nodes[0]) for group in groups}) == 1
        label = picture.sign(node) if same else picture.graph.row(node).name
    return Group("alike", _nodes(groups), label, calls.pop() if len(calls) == 1 else NO_CALL)


# ---- by depth --------------------------------------------------------------------------------------------------------


def by_length(picture: Picture, folding: Folding, target: int) -> Folding:
    """Fold the middle of a long chain, before its links and the inputs along it are folded by pattern."""
    is_narrow = len(folding.groups) < NARROW * (1 + max(_levels(folding)))
    return by_depth(picture, folding, target) if is_narrow else folding


def by_depth(picture: Picture, folding: Folding, target: int) -> Folding:
    """Keep some levels next to the outputs and next to the inputs; fold what lies between."""
    level = _levels(folding)
    first, last = _kept_levels(Counter(level), target - 1)
    groups: list[Group] = []
    middle: list[Group] = []
    for group, at in zip(folding.groups, level, strict=True):
        (middle if first <= at <= last and group.call not in folding.opened else groups).append(group)
    if len(middle) < 2:
        return folding
    return folding.regrouped(picture, [*groups, Group("rest", _nodes(middle), "…", NO_CALL)])


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


def _levels(folding: Folding) -> list[int]:
    """The length of the longest way to each group; what needs nothing stands beside its first user."""
    operands = _operands(folding)
    level: list[int] = []
    for number in range(len(folding.groups)):
        level.append(1 + max((level[source] for source in operands[number] if source < number), default=0))
    first_use: dict[int, int] = {}
    for source, user in folding.edges:
        first_use[source] = min(first_use.get(source, level[user]), level[user])
    return [level[number] if operands[number] else first_use.get(number, 1) for number in range(len(level))]


# ---- groups and their edges ------------------------------------------------------------------------------------------


def _as_it_is(picture: Picture) -> list[Group]:
    return [Group("node", [node], "", picture.call_of(node)) for node in picture.nodes if node not in picture.bare]


def _nodes(groups: Iterable[Group]) -> list[int]:
    return [node for group in groups for node in group.nodes]


def _operands(folding: Folding) -> list[list[int]]:
    """The groups that each group uses."""
    operands: list[list[int]] = [[] for _ in folding.groups]
    for source, user in folding.edges:
        operands[user].append(source)
    return operands


def _edges(picture: Picture, group_of: dict[int, int]) -> list[tuple[int, int]]:
    graph = picture.graph
    found: dict[tuple[int, int], None] = {}
    for node, user in group_of.items():
        for operand in graph.operands_of(node):
            source = group_of.get(operand, user)
            if source != user:
                found[source, user] = None
    return list(found)
