"""Large graphs made small enough to look at: by call, by repeated pattern, by depth.

A folding puts the nodes of a picture into groups. A group of one node is drawn as it is, a larger one as one box that
says what it stands for. Each way of folding works on the groups that the one before left, and none is taken once the
picture is small enough. Every way is a few loops over the groups in order of evaluation.
"""

from __future__ import annotations

from collections import Counter

from cgcli.explain.steps import NO_CALL, with_parents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from cgcli.graph.store import Call
    from cgcli.render.picture import Picture

LIMIT = 1000
"""A picture with more nodes than this is folded."""

TARGET = 50
"""How many boxes a folded picture should have at most: what a page shows."""

MOST_LEVELS = 5
"""Levels that are kept at either end where the middle of a graph is folded."""

NARROW = 3
"""A graph with fewer groups a level than this is a chain with things hanging on it."""


class Group:
    """Nodes that are drawn as one box.

    kind: "node" (one node as it is), "call", "alike" (nodes of one pattern) or "rest" (a stretch of many levels).
    label: what the nodes have in common; empty for a node. call: the call that the box is drawn in, or -1.
    """

    __slots__ = ("call", "kind", "label", "nodes")

    def __init__(self, kind: str, nodes: list[int], label: str, call: int) -> None:
        self.kind = kind
        self.nodes = nodes
        self.label = label
        self.call = call


class Folding:
    """The groups of a picture in order of evaluation, the group of each node, and the edges between groups.

    Constants without a name are in no group: they are drawn where they are used, or not at all inside a fold.
    edges: (group of the operand, group of the user), each pair once. note: what was folded, or "".
    """

    __slots__ = ("edges", "group_of", "groups", "note")

    def __init__(self, picture: Picture, groups: Iterable[Group], note: str = "") -> None:
        self.groups = list(groups)
        self.note = note
        self.group_of = {node: number for number, group in enumerate(self.groups) for node in group.nodes}
        self.edges = _edges(picture, self.group_of)

    def exits(self, picture: Picture) -> list[int]:
        """For each group the one node of it that others use or that is an output; -1 where there are more."""
        found: list[set[int]] = [set() for _ in self.groups]
        for user, group in self.group_of.items():
            for operand in picture.graph.operands_of(user):
                source = self.group_of.get(operand, group)
                if source != group:
                    found[source].add(operand)
        for node in picture.output_names:
            found[self.group_of[node]].add(node)
        return [nodes.pop() if len(nodes) == 1 else -1 for nodes in found]


def fold(picture: Picture, *, limit: int | None = LIMIT, target: int = TARGET) -> Folding:
    """The picture as it is where it has at most `limit` nodes (None: however many), else folded towards `target`."""
    folding = Folding(picture, _as_it_is(picture))
    total = len(folding.groups)
    if limit is None or total <= limit:
        return folding
    for way in (by_call, by_length, by_pattern, by_depth):
        if len(folding.groups) > target:
            folding = way(picture, folding, target)
    folding.note = f"{total:,} nodes are folded into {len(folding.groups):,} boxes"
    return folding


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
        inside = group.call != NO_CALL and depth[group.call] >= level
        key = ("call", home[group.call]) if inside else ("alone", number)
        together.setdefault(key, []).append(group)
    return Folding(
        picture,
        (
            groups[0] if len(groups) == 1 else Group("call", _nodes(groups), calls[number].name, calls[number].parent)
            for (_, number), groups in together.items()
        ),
    )


# ---- by pattern ------------------------------------------------------------------------------------------------------


def by_pattern(picture: Picture, folding: Folding, target: int) -> Folding:
    """Fold groups that do the same to operands of the same pattern; the most frequent patterns first."""
    pattern = _patterns(picture, folding)
    excess = len(folding.groups) - target
    chosen: set[int] = set()
    for number, times in Counter(pattern).most_common():
        if times == 1 or excess <= 0:
            break
        chosen.add(number)
        excess -= times - 1
    together: dict[tuple[str, int], list[Group]] = {}
    for number, group in enumerate(folding.groups):
        key = ("alike", pattern[number]) if pattern[number] in chosen else ("alone", number)
        together.setdefault(key, []).append(group)
    return Folding(picture, (_alike(picture, groups) for groups in together.values()))


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
        label = picture.sign(node)
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
    middle = [group for number, group in enumerate(folding.groups) if first <= level[number] <= last]
    if len(middle) < 2:
        return folding
    groups = [group for number, group in enumerate(folding.groups) if not first <= level[number] <= last]
    nodes = _nodes(middle)
    return Folding(picture, [*groups, Group("rest", nodes, "…", NO_CALL)])


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
