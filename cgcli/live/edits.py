"""Edits of a live graph by names, numbers of nodes and pieces of text: all of a transaction, or nothing of it.

Each is checked before anything changes for good: GraphError for a node that is not there, a cycle, a shape that does
not fit, a name that others need; errors of the language for a text that is wrong. A refused one changes nothing.
"""

from __future__ import annotations

from cgcli.errors import GraphError, UsageError
from cgcli.formulas import given
from cgcli.language.messages import RESERVED
from cgcli.language.names import is_constant
from cgcli.live.building import Building, found_in, place, place_of
from cgcli.live.holding import Held
from cgcli.numerals import shape_of
from cgcli.ops import structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any

    from cgcli.graph.edit import Change, EditableGraph
    from cgcli.live.sheet import Sheet

    Place = str | int
    Step = tuple[str, tuple[Any, ...], dict[str, Any]]


ANEW = "edit the text of the formula, and make the live graph anew"


MOST_TOLD = 5
"""Users that a message names."""


class Edit:
    """Edits of one transaction.

    steps: those that were done, to do them again.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.graph = sheet.graph
        self.steps: list[Step] = []
        self.begin = Mark(sheet)
        self.renamed: list[tuple[str, str]] = []

    # ---- the vocabulary ----------------------------------------------------------------------------------------

    def replace(self, what: Place, by: Place) -> None:
        """Let everything that uses a node use another one, names and outputs included.

        In the text of `by` the node may stand itself: `e.replace("sin(x)", "2*sin(x)")`.
        """
        self._one(self._replace, what, by)

    def _replace(self, what: Place, by: Place) -> None:
        node = self._found(what)
        new, made = self._built(by, apart=node)
        if new == node:
            raise GraphError(f"{self._called(what)} would be replaced by itself")
        names = self._names_of(node)
        self._redirect(node, self._own(new) if names else new, made, names=bool(names))

    def insert(self, text: str, *, after: Place) -> None:
        """Put what a text makes of a node between it and all that uses it, outputs included: the name stays with it.

        Only the name of an output goes to what was inserted, since that is what the formula gives out now.
        """
        self._one(self._insert, text, after=after)

    def _insert(self, text: Place, *, after: Place) -> None:
        node = self._found(after)
        new, made = self._built(text, apart=node)
        if new == node or not made:
            raise GraphError(f"`{text}` does not use {self._called(after)}", hint="`replace` needs no use of it")
        self._redirect(node, new, made, names=False)

    def remove(self, name: str) -> None:
        """Take away a name that nothing needs: a definition, or an input."""
        self._one(self._remove, name)

    def _remove(self, name: str) -> None:
        node = place_of(self.sheet, name)
        if name in self.sheet.outputs:
            raise GraphError(f"`{name}` cannot be removed: it is an output", hint="`replace` gives it another value")
        users = self.sheet.needing(node, but=name, most=MOST_TOLD)
        if users:
            listed = " and ".join(f"`{user}`" for user in sorted(users))
            raise GraphError(f"`{name}` cannot be removed: {listed} {'uses' if len(users) == 1 else 'use'} it")
        if name in self.sheet.inputs:
            self.sheet.enter_absent(name)
        self.graph.call(name, None, "removed")

    def define(self, name: str, text: Place) -> None:
        """Let a name mean what a text says, for all that uses the name; a new name is one more definition."""
        self._one(self._define, name, text)

    def _define(self, name: str, text: Place) -> None:
        self._check_name(name)
        new, _ = self._built(text)
        old = self.sheet.named(name)
        if new == old:
            return
        new = self._own(new)
        if old is not None:
            self._redirect_name(name, old, new)
        elif self.graph.names.get(name) != new:
            self.graph.call(name, new, "defined")

    def rename(self, name: str, to: str) -> None:
        """Call a definition, an output or an input something else. Nothing is computed anew."""
        self._one(self._rename, name, to)

    def _rename(self, name: str, to: str) -> None:
        node = place_of(self.sheet, name)
        self._check_name(to)
        if self.sheet.named(to) is not None:
            raise GraphError(f"`{to}` is there already")
        self.sheet.rename(name, to, node)
        self.renamed.append((name, to))

    def set(self, mapping: Any = None, /, **values: Any) -> None:
        """Give inputs other values; a name that the formula defines is an input from then on."""
        self._one(self._set, mapping, **values)

    def _set(self, mapping: Any, /, **values: Any) -> None:
        for name, value in given.given_values(mapping, values).items():
            self._give(name, value)

    def _give(self, name: str, value: Any) -> None:
        sheet = self.sheet
        if name in sheet.inputs:
            if name in sheet.decided and value != sheet.decided[name]:
                raise GraphError(f"`{name}` decided the graph, which would not follow this edit", hint=ANEW)
            sheet.give(name, value)
            return
        old = place_of(sheet, name)
        node = self.graph.input(name, shape_of(given.normalised(name, value)))
        sheet.grow(beside=False)
        sheet.enter("inputs", name, node)
        sheet.give(name, value)
        self._redirect_name(name, old, node)

    # ---- how ---------------------------------------------------------------------------------------------------

    def _redirect(self, node: int, new: int, made: Collection[int], *, names: bool) -> None:
        """Let users, outputs and perhaps names of a node go to a new one; an input keeps its name."""
        own = self._names_of(node)
        self.graph.supplant(node, new, "an edit", kept=made, names=False)
        moved = self.sheet.move_outputs(node, new)
        for name in own:
            if names or name in moved:
                self.graph.call(name, new, "an edit")
        for name in moved:
            if self.sheet.inputs.get(name) == node:
                self._end_input(name, new)

    def _end_input(self, name: str, new: int) -> None:
        """Let an input that is an output, too, be the definition that took its place."""
        if self.graph.uses().any(self.sheet.inputs[name]):
            raise GraphError(
                f"`{name}` is an input and an output: what takes its place cannot use it", hint="give it another name"
            )
        self.graph.call(name, new, "an output")
        self.sheet.enter_absent(name)

    def _names_of(self, node: int) -> list[str]:
        """The names of a node, without that of an input itself."""
        return [name for name in self.graph.names_of(node) if name not in self.sheet.inputs]

    def _redirect_name(self, name: str, old: int, new: int) -> None:
        """Let a name mean a new node, and what used the old one by it."""
        others = [each for each in self.graph.names_of(old) if each != name]
        self.graph.supplant(old, new, "a definition", names=False)
        read_by_name = [each for each in self.sheet.outputs if each == name or each not in self.graph.names]
        self.sheet.move_outputs(old, new, read_by_name)
        if self.graph.names.get(name) == old or (name not in self.graph.names and name not in self.sheet.outputs):
            self.graph.call(name, new, "defined")
        for each in others:
            self.graph.call(each, new, "the same as before")
        if name in self.sheet.inputs and self.sheet.inputs[name] == old:
            self.sheet.enter_absent(name)

    def _own(self, node: int) -> int:
        """A node that nothing else is: a number of its own, or an alias where others use the node."""
        graph = self.graph
        if graph.is_constant(node) and not graph.is_own_constant(node):
            number = graph.payload[node]
            found = graph.constant(graph.constants[number], graph.exact.get(number), own=True)
        elif node < self.begin.size or graph.names_of(node) or graph.uses().any(node):
            found = self.sheet.alias(node)
        else:
            found = node
        self.sheet.grow(beside=False)
        return found

    def _found(self, what: Place) -> int:
        """The node of the formula that an edit speaks of."""
        if isinstance(what, str):
            return found_in(self.sheet, what)
        return place(self.sheet, what)

    def _built(self, text: Place, apart: int | None = None) -> tuple[int, Collection[int]]:
        """The node of a text, and the nodes that were made apart (see `Building`)."""
        if isinstance(text, str):
            building = Building(self.sheet, beside=False, apart=apart)
            return building.of(text), building.made
        return (self.graph.constant(text) if isinstance(text, float) else place(self.sheet, text)), ()

    def _called(self, what: Place) -> str:
        return f"`{what}`" if isinstance(what, str) else self.graph.describe(what)

    def _check_name(self, name: str) -> None:
        if not isinstance(name, str) or not name.isidentifier() or name in RESERVED:
            raise UsageError(f"`{name}` cannot be the name of a definition")
        if is_constant(name) and self.sheet.named(name) is None:
            raise UsageError(f"`{name}` is a constant in this formula", hint="take another name")

    def _one(self, edit: Callable[..., None], /, *arguments: Any, **named: Any) -> None:
        """Do one edit, which is taken back as a whole where it fails."""
        with Held():
            mark = Mark(self.sheet)
            try:
                edit(*arguments, **named)
                mark.settle(self.sheet)
            except BaseException:
                mark.take_back(self.sheet)
                raise
            self.steps.append((edit.__name__.removeprefix("_"), arguments, named))


class Mark:
    """A moment in the life of a sheet, which can be gone back to."""

    __slots__ = ("changes", "entries", "size")

    def __init__(self, sheet: Sheet) -> None:
        self.changes = len(sheet.graph.record)
        self.size = len(sheet.graph.op)
        self.entries = len(sheet.log)

    def settle(self, sheet: Sheet) -> None:
        """After edits: equal nodes become one, and what depends on the edited ones is doubted."""
        graph = sheet.graph
        if graph.twins:
            merge_twins(sheet)
        sheet.grow(beside=False)
        owner = graph.uses().owner
        touched: set[int] = set()
        for change in graph.record[self.changes :]:
            touched.update(owner[edge] for edge, _ in change.edges)
            for node in change.shapes:
                touched.add(node)
                touched.update(graph.users_of(node))
        if sheet.followed or sheet.decided or sheet.program.decisions:
            check_followed(sheet, graph.record[self.changes :])
        sheet.edited(touched)

    def take_back(self, sheet: Sheet) -> None:
        """Undo everything since."""
        graph = sheet.graph
        owner = graph.uses().owner
        touched: set[int] = set()
        while len(graph.record) > self.changes:
            change = graph.record[-1]
            touched.update(owner[edge] for edge, _ in change.edges)
            for node in change.shapes:
                touched.add(node)
                touched.update(owner[edge] for edge in graph.uses().of(node))
            graph.undo()
        graph.forget(self.size)
        graph.settle_twins()
        sheet.shrink()
        sheet.take_back(self.entries)
        sheet.edited({node for node in touched if node < self.size})


def check_followed(sheet: Sheet, changes: Sequence[Change]) -> None:
    """GraphError where edits change what a derivative in the formula was taken of, or what decided its graph.

    Neither would follow.
    """
    graph = sheet.graph
    owner = graph.uses().owner
    below: list[int] = []
    for change in changes:
        if change.kind == "supplant" and not _is_alias_of(graph, change.nodes[1], change.nodes[0]):
            below += [change.nodes[0], *(owner[edge] for edge, _ in change.edges)]
    reached = sheet.users_of(below)
    before = {node: name for change in changes for name, node in change.names if node is not None}
    for name in sheet.decided:
        if sheet.named(name) in reached:
            raise GraphError(f"`{name}` decided the graph, which would not follow this edit", hint=ANEW)
    for each in sheet.program.decisions.values():
        if graph.survivor(each.source) in reached:
            raise GraphError(f"{_called(graph, each.source, before)} cannot be edited: {each.reason}", hint=ANEW)
    for y, _, result in sheet.followed:
        if graph.survivor(y) in reached and (result is None or sheet.needing(result)):
            raise GraphError(
                f"the formula has a derivative of {_called(graph, y, before)}, which would not follow this edit",
                hint=ANEW,
            )


def _called(graph: EditableGraph, node: int, before: Mapping[int, str]) -> str:
    """What a node is called, or was before the edits."""
    names = graph.names_of(graph.survivor(node)) or [before[node]] * (node in before)
    return f"`{names[0]}`" if names else graph.describe(node)


def _is_alias_of(graph: EditableGraph, node: int, other: int) -> bool:
    return graph.op[node] == structure.alias.code and graph.operands_of(node)[0] == other


def merge_twins(sheet: Sheet) -> None:
    """Let nodes of the formula that became equal be one, as they are in a graph that is made from text."""
    graph = sheet.graph
    while graph.twins:
        sheet.grow(beside=False)
        node = graph.twins.pop()
        other = graph.twin_of(node)
        if other is None or sheet.beside[node]:
            continue
        if sheet.beside[other]:
            graph.prefer(node, other)
            continue
        for each in (node, other):
            sheet.tell_apart(each)
        graph.replace(node, other, "both are equal now")
