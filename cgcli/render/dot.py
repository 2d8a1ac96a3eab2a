"""The drawing of a graph in the DOT language.

Labels are plain quoted strings; nothing from a formula ever becomes an attribute, a link or markup. A label has one
colour in DOT, so in pictures that are not large each node stands in an invisible frame whose caption is the adjoint.
"""

from __future__ import annotations

from cgcli.explain.steps import NO_CALL, with_parents
from cgcli.render.folded_steps import MOST_RESULTS
from cgcli.render.graphviz import escaped, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cgcli.render.groups import Folding, Group
    from cgcli.render.picture import Picture

FONT = "Arial"
INK, BLUE, GREY, RED = "#222222", "#1F5A99", "#6B6B6B", "#B3261E"
"""Each has a contrast of at least 5 to 1 with white and with the fills below (WCAG 2 asks for 4.5)."""

GRAPH = {
    "rankdir": "LR", "fontname": FONT, "fontsize": "12", "fontcolor": GREY, "nodesep": "0.25", "ranksep": "0.55",
    "pad": "0.15", "labelloc": "b", "size": "150,150",
}  # fmt: skip
NODE = {"fontname": FONT, "fontsize": "14", "fontcolor": INK, "penwidth": "1", "height": "0.42", "margin": "0.13,0.06"}
EDGE = {"fontname": FONT, "fontsize": "11", "fontcolor": RED, "color": GREY, "arrowsize": "0.7"}

OPERAND = {"labelfontcolor": INK, "labelfontsize": "10", "labeldistance": "1.5"}
"""The number of an operand, at the head of an arrow."""

SMALL = 150
"""Up to so many boxes a picture is drawn with care: slots for operands, captions for adjoints, labels that arrows make
room for. Graphviz loses edges between records, or beside labels, in one rank; only its option `newrank` rules that out.
That option and the frames of captions take long in large pictures, where all this is told in plain labels."""

LOOKS = {
    "input": {"shape": "box", "style": "filled", "fillcolor": "#DCE9F7", "color": BLUE},
    "constant": {"shape": "box", "style": "filled", "fillcolor": "#EFEFEF", "color": GREY},
    "operation": {"shape": "box", "style": "rounded,filled", "fillcolor": "#FFFFFF", "color": INK},
    "output": {"shape": "box", "style": "rounded,filled", "fillcolor": "#FCEFC9", "color": INK, "penwidth": "2.5"},
    "folded": {"shape": "box3d", "style": "filled", "fillcolor": "#EFEFEF", "color": GREY},
}
"""Looks by role; they differ in outline too, so that the picture works in grey."""

SIDES = {
    "first": {"fillcolor": "#F8D9D6", "color": RED},
    "second": {"fillcolor": "#D8EFD8", "color": INK, "penwidth": "2.5"},
}  # fmt: skip
"""Looks of what only one of two formulas has."""

CALL = {
    "labelloc": "t", "labeljust": "l", "style": "rounded,filled", "color": "#A8A493", "penwidth": "1", "margin": "10",
    "fontcolor": INK, "fontsize": "13",
}  # fmt: skip
CALL_FILLS = ("#F6F5F0", "#EBE9E1")
"""Fill of the boxes of calls, alternating with the depth of nesting."""

CAPTION = {
    "labelloc": "b", "labeljust": "c", "fontcolor": RED, "fontsize": "12", "margin": "1", "penwidth": "0", "style": "",
}  # fmt: skip
"""The invisible frame around a node whose label is the adjoint."""


def dot_text(picture: Picture, folding: Folding) -> str:
    """The DOT text of a picture, folded as given."""
    return "\n".join(_Drawing(picture, folding).lines()) + "\n"


def attributes(values: Mapping[str, str]) -> str:
    """An attribute list in brackets, every value quoted."""
    return "[" + ", ".join(f"{name}={quoted(value)}" for name, value in values.items()) + "]"


def record_label(places: Sequence[int], text: str) -> str:
    """The quoted label of a record that has a slot for each of these operands on its left, numbered from 1."""
    plain = "".join(f"\\{sign}" if sign in "{}|<>" else sign for sign in escaped(text))
    slots = "|".join(f"<p{place}>{place + 1}" for place in places)
    return f'"{{{{{slots}}}|{plain}}}"'


class _Drawing:
    """One picture on its way to DOT."""

    def __init__(self, picture: Picture, folding: Folding) -> None:
        self.picture = picture
        self.folding = folding
        self.exits = folding.exits(picture)
        self.is_small = len(folding.groups) <= SMALL

    def lines(self) -> Iterator[str]:
        caption = "\n".join(filter(None, (self.picture.legend(), self.folding.note)))
        yield "digraph cg {"
        if self.is_small:
            yield "  newrank=true"
        yield f"  graph {attributes(GRAPH)}"
        yield f"  node {attributes(NODE)}"
        yield f"  edge {attributes(EDGE)}"
        yield from self._boxes()
        yield from self._edges()
        if caption:
            yield f"  label={quoted(caption)}"
        yield "}"

    # ---- boxes ---------------------------------------------------------------------------------------------------

    def _boxes(self) -> Iterator[str]:
        """All groups, those of a call inside the frame of the call; frames are opened and closed on a stack."""
        inside: dict[int, list[int]] = {}
        for number, group in enumerate(self.folding.groups):
            inside.setdefault(group.call, []).append(number)
        calls = self.picture.graph.calls
        children: dict[int, list[int]] = {}
        for call in with_parents(calls, inside):
            children.setdefault(calls[call].parent, []).append(call)
        yield from self._members(inside.get(NO_CALL, ()), "  ")
        pending = [(call, 0, False) for call in reversed(children.get(NO_CALL, []))]
        while pending:
            call, depth, done = pending.pop()
            indent = "  " * (depth + 1)
            if done:
                yield f"{indent}}}"
                continue
            frame = {"label": self.folding.call_label(self.picture, call), **CALL, "fillcolor": CALL_FILLS[depth % 2]}
            yield f"{indent}subgraph cluster_call_{call} {{"
            yield f"{indent}  graph {attributes(frame)}"
            yield from self._members(inside.get(call, ()), f"{indent}  ")
            pending.append((call, depth, True))
            pending.extend((child, depth + 1, False) for child in reversed(children.get(call, [])))

    def _members(self, numbers: Iterable[int], indent: str) -> Iterator[str]:
        for number in numbers:
            group = self.folding.groups[number]
            box = self._box(number, group)
            exits = self.exits[number]
            adjoint = self.picture.adjoint_text(exits[0]) if len(exits) == 1 else ""
            if adjoint and self.is_small:
                frame = attributes({"label": adjoint, **CAPTION})
                box = f"subgraph cluster_{identifier(group)} {{ graph {frame} {box} }}"
            yield f"{indent}{box}"

    def _box(self, number: int, group: Group) -> str:
        text, look = self._text(number, group), {**LOOKS[self._role(group)], **self._side(group)}
        places = self._ordered_places(group.nodes[0]) if group.kind == "node" and self.is_small else []
        if places:
            rest = attributes({**look, "shape": "Mrecord"})
            return f"{identifier(group)} [label={record_label(places, text)}, {rest[1:]}"
        return f"{identifier(group)} {attributes({'label': text, **look})}"

    def _ordered_places(self, node: int) -> list[int]:
        """The places of operands that a reader has to tell apart, without those that come from a fold."""
        operands, groups, group_of = self.picture.graph.operands_of(node), self.folding.groups, self.folding.group_of
        places = self.picture.ordered_places(node)
        return [place for place in places if groups[group_of[operands[place]]].kind == "node"]

    def _side(self, group: Group) -> dict[str, str]:
        """The look of a box whose nodes only one of two formulas has."""
        sides = {self.picture.sides.get(node, "") for node in group.nodes}
        return SIDES.get(sides.pop(), {}) if len(sides) == 1 else {}

    def _role(self, group: Group) -> str:
        if group.kind != "node":
            return "folded"
        node, graph = group.nodes[0], self.picture.graph
        if graph.is_input(node):
            return "input"
        if node in self.picture.output_names:
            return "output"
        return "constant" if graph.is_leaf(node) else "operation"

    def _text(self, number: int, group: Group) -> str:
        """What the box says: the operation or the fold; below it name and value of what others use of it."""
        title = self.picture.title(group.nodes[0]) if group.kind == "node" else group.label
        exits = self.exits[number]
        lines = [title] if group.kind == "node" or group.is_loop else [title, f"{len(group.nodes):,} nodes"]
        if len(exits) <= MOST_RESULTS:
            alone = len(exits) == 1
            for node in exits:
                name, value = self.picture.own_name(node), self.picture.value_text(node)
                name = "" if name == title else name
                value = "" if value == title else value
                adjoint = "" if alone and self.is_small else self.picture.adjoint_text(node)
                known = f"{name} = {value}" if name and value else name or value
                lines += [known, adjoint] if alone else [f"{known}   {adjoint}".strip()]
        return "\n".join(filter(None, lines))

    # ---- edges ---------------------------------------------------------------------------------------------------

    def _edges(self) -> Iterator[str]:
        """Between plain nodes one arrow for each operand; to and from folds one for each pair."""
        groups, group_of = self.folding.groups, self.folding.group_of
        for group in groups:
            if group.kind != "node":
                continue
            for place, operand in enumerate(self.picture.graph.operands_of(group.nodes[0])):
                if operand in group_of and groups[group_of[operand]].kind == "node":
                    yield self._edge(identifier(groups[group_of[operand]]), group, place)
        along = self._into_folds()
        for source, user in self.folding.edges:
            if groups[source].kind != "node" or groups[user].kind != "node":
                part = self.picture.sum_text(along.get((source, user), ()))
                look = f" {attributes({'label' if self.is_small else 'xlabel': part})}" if part else ""
                yield f"  {identifier(groups[source])} -> {identifier(groups[user])}{look}"

    def _into_folds(self) -> dict[tuple[int, int], list[int]]:
        """Between which groups run which edges (positions in the column `operands`), where one group is a fold.

        Only where they all lead to one node: contributions to several have no sum that means something.
        """
        groups, group_of, graph = self.folding.groups, self.folding.group_of, self.picture.graph
        found: dict[tuple[int, int], list[int]] = {}
        if not self.picture.contributions:
            return found
        for node, user in group_of.items():
            for edge in range(graph.start[node], graph.start[node + 1]):
                source = group_of.get(graph.operands[edge], user)
                if source != user and (groups[source].kind != "node" or groups[user].kind != "node"):
                    found.setdefault((source, user), []).append(edge)
        return {pair: edges for pair, edges in found.items() if len({graph.operands[edge] for edge in edges}) == 1}

    def _edge(self, source: str, user: Group, place: int) -> str:
        """An arrow, with what it contributes, and with the operand's number where the order matters."""
        node, target = user.nodes[0], identifier(user)
        look = {}
        part = self.picture.contribution_text(self.picture.graph.start[node] + place)
        if part:
            look["label" if self.is_small else "xlabel"] = part
        ordered = self._ordered_places(node)
        if ordered and self.is_small:
            target += f":p{place}"
        elif ordered:
            look.update({"headlabel": str(place + 1), "labelangle": "30" if place == ordered[0] else "-30", **OPERAND})
        return f"  {source} -> {target}{' ' + attributes(look) if look else ''}"


def identifier(group: Group) -> str:
    """The name of a box in the DOT text: `n` and the position of its (first) node."""
    return f"n{group.nodes[0]}"
