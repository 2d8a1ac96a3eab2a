"""A picture as a tree of lines, for a terminal or a pipe.

The operands of a node stand below it, indented. What is used more than once is shown once, under a name, and
referred to by that name afterwards. Where the tree gets too deep to be read, a branch goes on at the left margin.
"""

from __future__ import annotations

from collections import deque

from cgcli.render.folded_steps import MOST_RESULTS
from cgcli.render.folding import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from cgcli.render.groups import Folding, Group
    from cgcli.render.picture import Picture

WIDEST_TREE = 10**9
"""A tree grows down and not to the right: the ends of a series stay open in it."""

MOST_LINES = 200
"""A tree of more lines is folded."""

DEEPEST = 24
"""Levels of indentation before a branch goes on at the left margin."""


def line_count(picture: Picture) -> int:
    """How many lines the tree of every node has: one an output and one an operand."""
    return len(picture.outputs) + sum(len(picture.graph.operands_of(node)) for node in picture.nodes)


def fold_tree(picture: Picture, opened: Collection[str] = ()) -> Folding:
    """The picture folded so far that its tree has not too many lines."""
    folding = fold(picture, limit=line_count(picture), opened=opened, widest=WIDEST_TREE)
    lines = len(folding.groups) + len(folding.edges)
    return folding if lines <= MOST_LINES else fold(picture, limit=0, opened=opened)


def tree_lines(picture: Picture, folding: Folding) -> Iterator[str]:
    """The lines of the tree of every output, in order."""
    return _Tree(picture, folding).lines()


class _Tree:
    """A tree while it is written."""

    def __init__(self, picture: Picture, folding: Folding) -> None:
        self.picture = picture
        self.folding = folding
        self.exits = folding.exits(picture)
        self.sources: list[list[int]] = [[] for _ in folding.groups]
        for source, user in folding.edges:
            self.sources[user].append(source)
        self.uses = [0] * len(folding.groups)
        for number in range(len(folding.groups)):
            for child in self._children(number):
                if child >= 0:
                    self.uses[child] += 1

    def lines(self) -> Iterator[str]:
        """Depth first on a stack; roots that wait are outputs and branches that became too deep."""
        shown: set[int] = set()
        waiting = deque(dict.fromkeys(self.folding.group_of[node] for node in self.picture.outputs.values()))
        started = False
        while waiting:
            root = waiting.popleft()
            if root in shown:
                continue
            if started:
                yield ""
            started = True
            pending = [(root, "", "", 0)]
            while pending:
                child, lead, below, depth = pending.pop()
                if child < 0:
                    yield f"{lead}{self.picture.names[~child]}"
                    continue
                children = self._children(child)
                if children and (child in shown or depth == DEEPEST):
                    if child not in shown:
                        waiting.append(child)
                    yield f"{lead}{self._name(child)} {'(above)' if child in shown else '(below)'}"
                    continue
                shown.add(child)
                yield f"{lead}{self._text(child, depth)}"
                last = len(children) - 1
                pending.extend(
                    (each, f"{below}{'└─ ' if place == last else '├─ '}", f"{below}{'   ' if place == last else '│  '}",
                     depth + 1)
                    for place, each in reversed(list(enumerate(children)))
                )  # fmt: skip

    def _children(self, number: int) -> list[int]:
        """The groups below a group, a fold once, in the order of operands; a constant without a name is `~node`."""
        group = self.folding.groups[number]
        if group.kind != "node":
            return self.sources[number]
        children: list[int] = []
        for operand in self.picture.graph.operands_of(group.nodes[0]):
            child = ~operand if operand in self.picture.bare else self.folding.group_of[operand]
            if child < 0 or self.folding.groups[child].kind == "node" or child not in children:
                children.append(child)
        return children

    def _name(self, number: int) -> str:
        """What a group is referred to by."""
        exits = self.exits[number]
        return self.picture.names[exits[0]] if len(exits) == 1 else self.folding.groups[number].label

    def _title(self, group: Group) -> str:
        """What the group does; the numbers that a node works on have lines of their own below it."""
        if group.kind != "node":
            return group.label
        node = group.nodes[0]
        return self.picture.title(node) if self.picture.graph.is_leaf(node) else self.picture.sign(node)

    def _results(self, exits: list[int]) -> list[str]:
        """Value and adjoint of each of a few results of a fold, as far as they are known."""
        known = [(self.picture.value_text(node), self.picture.adjoint_text(node)) for node in exits[:MOST_RESULTS]]
        texts = [" ".join(filter(None, (value and f"= {value}", adjoint))) for value, adjoint in known]
        return list(filter(None, texts)) if len(exits) <= MOST_RESULTS else []

    def _text(self, number: int, depth: int) -> str:
        """`name: operation = value   ∂ adjoint   in call`, as far as these are known and needed."""
        group, exits = self.folding.groups[number], self.exits[number]
        text = self._title(group)
        if group.kind != "node" and not group.is_loop:
            text += f" ({len(group.nodes):,} nodes)"
        if len(exits) != 1:
            return "   ".join([text, *self._results(exits)])
        node = exits[0]
        leaf = self.picture.graph.is_leaf(node)
        value = self.picture.value_text(node)
        if value and value != text:
            text += f" = {value}"
        name = self.picture.own_name(node)
        if not name and not leaf and (depth == 0 or self.uses[number] > 1):
            name = self.picture.names[node]
        if name and not leaf:
            text = f"{name}: {text}"
        call = "" if group.call < 0 else f"in {self.folding.call_label(self.picture, group.call)}"
        return "   ".join(filter(None, (text, self.picture.adjoint_text(node), call)))
