"""What a picture is drawn as: groups of nodes, each of which is one box, and the edges between them."""

from __future__ import annotations

from cgcli.explain.steps import NO_CALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from cgcli.explain.repeats import Series
    from cgcli.render.picture import Picture


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
    """The groups of a picture, the group of each node, and the edges between groups.

    The order is that in which their last nodes are evaluated.

    Constants without a name are in no group: they are drawn where they are used, or not at all inside a fold.
    edges: (group of the operand, group of the user), each pair once. note: what was folded, or "". opened: calls that
    are not folded. ends: first and last calls of series that were folded.
    """

    __slots__ = ("edges", "ends", "group_of", "groups", "note", "opened")

    def __init__(
        self, picture: Picture, groups: Iterable[Group], opened: Collection[int] = (),
        ends: Mapping[int, Series] | None = None,
    ) -> None:  # fmt: skip
        self.groups = sorted(groups, key=lambda group: max(group.nodes))
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


# ---- making groups ---------------------------------------------------------------------------------------------------


def as_it_is(picture: Picture) -> list[Group]:
    """Every node as a group of its own."""
    return [Group("node", [node], "", picture.call_of(node)) for node in picture.nodes if node not in picture.bare]


def nodes_of(groups: Iterable[Group]) -> list[int]:
    """The nodes of some groups."""
    return [node for group in groups for node in group.nodes]


def operands_of(folding: Folding) -> list[list[int]]:
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


def as_calls(
    picture: Picture, folding: Folding, together: Mapping[tuple[str, int], list[Group]]
) -> Iterator[Group]:  # fmt: skip
    """Groups that belong to one call as one group; a single one stays as it is."""
    calls = picture.graph.calls
    for (_, number), groups in together.items():
        if len(groups) == 1:
            yield groups[0]
        else:
            yield Group("call", nodes_of(groups), folding.call_label(picture, number), calls[number].parent)


def alike(picture: Picture, groups: list[Group]) -> Group:
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
    return Group("alike", nodes_of(groups), label, calls.pop() if len(calls) == 1 else NO_CALL)


def levels(folding: Folding) -> list[int]:
    """The length of the longest way to each group; what needs nothing stands beside its first user."""
    operands = operands_of(folding)
    level: list[int] = []
    for number in range(len(folding.groups)):
        level.append(1 + max((level[source] for source in operands[number] if source < number), default=0))
    first_use: dict[int, int] = {}
    for source, user in folding.edges:
        first_use[source] = min(first_use.get(source, level[user]), level[user])
    return [level[number] if operands[number] else first_use.get(number, 1) for number in range(len(level))]
