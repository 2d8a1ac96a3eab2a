"""A formula that lives: values that survive changes, edits that can be taken back, watches."""

from __future__ import annotations

from collections import deque
from functools import cache
from operator import ne

from cgcli.errors import CgError, UsageError, did_you_mean
from cgcli.formulas import given
from cgcli.formulas.programs import of_program
from cgcli.live.building import place, place_of
from cgcli.live.changes import Change, ManyValues, NewSheet, NewValues, Transaction
from cgcli.live.compacting import bound_over, compacted, whole_text
from cgcli.live.gradients import slopes_of
from cgcli.live.holding import Held
from cgcli.live.sheet import Misfit, Sheet, outside
from cgcli.live.values import SHARE, same
from cgcli.numerals import finite
from cgcli.ops import structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase

    Watch = Callable[[str, Any, Any], Any]
    Told = tuple[str, Any, Any]

MOST_KEPT = 2_000_000
"""Numbers that changes hold to be taken back; the oldest changes stay as they are where there would be more."""

MANY = 1_000
"""Values that are put in together."""


class LiveGraph:
    """A formula with values that may be changed, asked and edited; see `cgcli.live`.

    A question computes what it needs and what does not stand any more, and nothing else. Not safe for threads.
    UsageError for names that are not there, ShapeError and DataError for values that do not fit, FormulaError for wrong
    texts, GraphError for edits that are refused; what failed has changed nothing.
    """

    def __init__(self, formula: FormulaBase, values: Mapping[str, Any]) -> None:
        self.sheet = Sheet(formula, values)
        self._past: deque[Change] = deque()
        self._future: list[Change] = []
        self._kept = 0
        self._watches: dict[str, list[Watch]] = {}
        self._seen: dict[str, Any] = {}
        self._noted: dict[str, Any] = {}

    # ---- questions ---------------------------------------------------------------------------------------------

    def __getitem__(self, key: str | int) -> Any:
        """The value of a name, of an expression over names, or of a node by its number."""
        sheet = self.sheet
        node = sheet.places.get(key) if type(key) is str else None
        if node is None:
            node = place(sheet, key)
        values = sheet.values
        values.recomputed = values.cut_off = 0
        values.full = False
        if values.state[node]:
            values.compute((node,))
            if sheet.followed:
                self._tell_kinks()
        found = values.values[node]
        if type(found) is float and found - found == 0:
            return found
        return self._given_out({str(key): node})[str(key)]

    eval = __getitem__

    def __call__(self) -> Any:
        """The value of the only output, or the values of all by name, as `f.eval` gives them."""
        sheet = self.sheet
        nodes = {name: place(sheet, name) for name in sheet.outputs}
        sheet.values.begin()
        sheet.values.compute(nodes.values())
        if sheet.followed and sheet.values.recomputed:
            self._tell_kinks()
        found = self._given_out(nodes)
        return next(iter(found.values())) if len(found) == 1 else found

    def grad(self, of: str | None = None, *, wrt: Sequence[str] | str | None = None) -> dict[str, Any]:
        """Derivatives of a scalar by each input, or by the names of `wrt`: {name: number or array of its shape}.

        of: a name or an expression over names; without one the outputs, {output: {name: …}} where there are several.
        """
        wanted = list(self.sheet.outputs) if of is None else [of]
        self.sheet.values.begin()
        found = {name: self._slopes(name, wrt) for name in wanted}
        return next(iter(found.values())) if len(found) == 1 else found

    def _slopes(self, of: str, wrt: Sequence[str] | str | None) -> dict[str, Any]:
        sheet = self.sheet
        slopes = slopes_of(sheet, of, wrt)
        sheet.values.compute(slopes.nodes.values())
        values = sheet.values.values
        found = {name: outside(values[node]) for name, node in slopes.nodes.items()}
        slopes.tell(sheet, found)
        return found

    def _tell_kinks(self) -> None:
        """Warn of derivatives in the formula that may not be what they seem, as `f.eval` does."""
        from cgcli.formulas import kinks

        bound = bound_over(self.sheet, compacted(self.sheet).program)
        kinks.tell(bound, kinks.kinks_within(bound), second=True)

    def _given_out(self, nodes: Mapping[str, int]) -> dict[str, Any]:
        """Values as callers see them; a nan among them is told with the place where it was born."""
        sheet = self.sheet
        values = sheet.values.values
        found = {name: outside(values[node]) for name, node in nodes.items()}
        broken = {name: node for name, node in nodes.items() if not finite(found[name])}
        if broken:
            extra = {name: node for name, node in broken.items() if sheet.named(name) != node}
            now = compacted(sheet, extra)
            bound_over(sheet, now.program).tell_births(
                [now.moved[node] for node in broken.values()], [found[name] for name in broken]
            )
        return found

    @property
    def report(self) -> dict[str, Any]:
        """What the last question or change cost.

        recomputed: nodes computed. reused: nodes whose values had stood. cut_off: of the computed ones those whose
        value came out equal to the last bit, where it stopped. mode: "full" where nothing that was needed had stood,
        else "partial".
        """
        values = self.sheet.values
        return {
            "recomputed": values.recomputed,
            "reused": max(values.standing() - values.recomputed, 0),
            "cut_off": values.cut_off,
            "mode": "full" if values.full else "partial",
        }

    def stale(self) -> dict[str, int]:
        """Names that are not up to date, each with the nodes that a question for it may have to compute."""
        sheet = self.sheet
        found = {name: node for name, node in sheet.names().items() if sheet.values.state[node]}
        return {name: len(sheet.values.stale_below(node)) for name, node in found.items()}

    def is_stale(self, name: str) -> bool:
        """Whether a name is not up to date. UsageError for one that is not there."""
        return bool(self.sheet.values.state[place_of(self.sheet, name)])

    def changes(self) -> list[Told]:
        """(name, before, after) of the names that were up to date when this was called last and changed since.

        What was not up to date then stays uncomputed.
        """
        sheet = self.sheet
        nodes = {name: node for name, node in sheet.names().items() if name in self._noted}
        sheet.values.compute(nodes.values())
        found = [
            (name, outside(self._noted[name]), outside(sheet.values.values[node]))
            for name, node in nodes.items() if not same(self._noted[name], sheet.values.values[node])
        ]  # fmt: skip
        state, values = sheet.values.state, sheet.values.values
        self._noted = {name: values[node] for name, node in sheet.names().items() if not state[node]}
        return found

    # ---- what there is -----------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """All names: inputs, definitions, outputs."""
        return list(self.sheet.names())

    def __contains__(self, name: str) -> bool:
        """Whether there is an input, a definition or an output of that name."""
        return self.sheet.named(name) is not None

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs."""
        return list(self.sheet.inputs)

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return list(self.sheet.outputs)

    @property
    def values(self) -> dict[str, Any]:
        """The values of the inputs by name."""
        values = self.sheet.values.values
        return {name: outside(values[node]) for name, node in self.sheet.inputs.items()}

    @property
    def fixed(self) -> dict[str, float]:
        """Inputs that keep their values, since a length or an index follows from them and the graph was edited."""
        sheet = self.sheet
        return {name: value for name, value in sheet.decided.items() if sheet.version and name in sheet.inputs}

    def formula(self) -> Any:
        """The formula as it is now, without values: the one that it was made of where nothing was edited."""
        sheet = self.sheet
        return type(sheet.formula)(of_program(compacted(sheet).program)) if sheet.version else sheet.formula

    def text(self) -> str:
        """The formula as it is now as text, with the definitions that no output needs, without values."""
        return whole_text(compacted(self.sheet).program, self.sheet.inputs)

    def __repr__(self) -> str:
        return f"<live {repr(self.formula())[1:-1]}>"

    @property
    def functions(self) -> dict[str, str]:
        """The functions that texts may call, those of the formula and of `define_functions`: name -> statement."""
        return dict(self.sheet.texts.statements())

    def define_functions(self, functions: Mapping[str, str]) -> None:
        """Let texts from now on call these functions, name -> statement (`f(a) = a^2`), beside those of the formula.

        What was built before keeps what it was built with. They are no change that `undo` takes back.
        """
        self.sheet.texts = self.sheet.texts.with_functions(functions)
        self.sheet.places.clear()

    def node(self, key: str) -> int:
        """The number of the node of a name or a text, which edits and questions take, too; it stays until `compact`."""
        return place(self.sheet, key)

    def definition(self, name: str) -> str:
        """What a name means now, as text over the other names. UsageError for a name that is not there."""
        return self.definitions([name])[name]

    def definitions(self, names: Iterable[str]) -> dict[str, str]:
        """As `definition`, for many names."""
        from cgcli.emit.formula import definition

        now = compacted(self.sheet)
        texts = {node: name for name, node in now.program.graph.names.items()}
        places = {name: now.moved[place_of(self.sheet, name)] for name in names}
        return {name: name if name in self.sheet.inputs else definition(now.program.graph, node, texts)
                for name, node in places.items()}  # fmt: skip

    # ---- changes -----------------------------------------------------------------------------------------------

    def set(self, mapping: Mapping[str, Any] | None = None, /, **values: Any) -> None:
        """Give inputs other values. A name that the formula defines is an input from then on.

        A value of another shape, or of a name that a length or an index follows from, makes the graph anew, where it
        was not edited; ShapeError, UsageError where it was.
        """
        sheet = self.sheet
        if mapping is not None:
            if type(mapping) is dict and not values and mapping.keys() <= sheet.inputs.keys():
                values = mapping
            else:
                values = given.given_values(mapping, values)
        inputs, stored, plain, shape = sheet.inputs, sheet.values.values, sheet.values.plain, sheet.graph.shape
        if len(values) > MANY and self._set_many(values):
            return None
        changed, dropped = [], {}
        for name, value in values.items():
            node = inputs.get(name)
            if node is None:
                self._check(values)
                return self._edit_values(values)
            if not plain or type(value) is not float or shape[node]:
                try:
                    value = sheet.admitted(name, value, sheet.graph.shape_of(node))
                except Misfit as misfit:
                    return self._begin_anew(values, misfit)
            before = stored[node]
            if not same(before, value):
                changed.append((node, before, value))
                if name in sheet.decided:
                    return self._begin_anew(values, None)
            if name in sheet.defaults:
                dropped[name] = sheet.defaults[name]
        self._do(NewValues(changed, dropped))
        return None

    def _set_many(self, values: Mapping[str, Any]) -> bool:
        """The same for many numbers of a formula of numbers; False where there is anything else among them."""
        sheet = self.sheet
        special = sheet.decided.keys() | sheet.defaults.keys()
        if not sheet.values.plain or not values.keys() <= sheet.inputs.keys() or not special.isdisjoint(values):
            return False
        if set(map(type, values.values())) != {float} or len(sheet.graph.shapes) > 1:
            return False
        nodes, after = list(map(sheet.inputs.__getitem__, values)), list(values.values())
        before = list(map(sheet.values.values.__getitem__, nodes))
        if SHARE * sum(map(ne, before, after)) < len(sheet.values.values):
            return False
        self._do(ManyValues(nodes, before, after))
        return True

    def define(self, name: str, text: str | int) -> None:
        """Let a name mean what a text says; a new name is one more definition. One edit, see `Edit.define`."""
        with self.edit() as edit:
            edit.define(name, text)

    def edit(self) -> Transaction:
        """`with live.edit() as e:` all edits of the block, or none of them where one is refused or anything fails."""
        return Transaction(self)

    def undo(self) -> str:
        """Take back the last change, of values or of the graph; what it was. UsageError where there is none."""
        if not self._past:
            raise UsageError("there is nothing to undo")
        with Held():
            change = self._past.pop()
            self._kept -= len(change)
            change.undo(self)
            self._future.append(change)
        self.tell()
        return str(change)

    def redo(self) -> str:
        """Do again what was taken back last; what it is. UsageError where nothing was, or something changed since."""
        if not self._future:
            raise UsageError("there is nothing to do again")
        with Held():
            change = self._future.pop()
            change.do(self)
            self._past.append(change)
            self._kept += len(change)
        self.tell()
        return str(change)

    def fork(self) -> LiveGraph:
        """An independent copy with the same values and the same past; watches stay with the original."""
        twin = type(self).__new__(type(self))
        forked = cache(Sheet.fork)
        twin.sheet = forked(self.sheet)
        twin._past = deque(change.fork(forked) for change in self._past)
        twin._future = [change.fork(forked) for change in self._future]
        twin._kept = self._kept
        twin._watches, twin._seen, twin._noted = {}, {}, dict(self._noted)
        return twin

    def compact(self) -> None:
        """Give nodes new numbers, in the order of the text, and let go of those that nothing needs any more.

        Edits and questions only add nodes. All is computed anew when it is asked for; `undo` brings the old nodes back.
        """
        sheet = self.sheet
        aliases = [node for node in sheet.graph.names.values() if sheet.graph.op[node] == structure.alias.code]
        formula = type(sheet.formula)(of_program(compacted(sheet, {}, aliases).program))
        known = {name: value for name, value in self.values.items() if name not in sheet.defaults}
        new = Sheet(formula, {name: known[name] for name in formula.inputs if name in known})
        new.version = 1
        self._do(NewSheet(sheet, new))

    def watch(self, name: str, call: Watch) -> None:
        """Call a function with (name, value before, value after) whenever the value of a name or a text has changed.

        `print` will do. It is called when the change is complete; a name that went has the value None.
        """
        self.sheet.values.begin()
        self._seen[name] = self._watched(name)
        self._watches.setdefault(name, []).append(call)

    def unwatch(self, name: str) -> None:
        """Call nobody about a name any more. UsageError where nobody watches it."""
        if name not in self._watches:
            raise UsageError(f"nobody watches `{name}`", hint=did_you_mean(name, self._watches))
        del self._watches[name], self._seen[name]

    @property
    def watched(self) -> list[str]:
        """The names and texts that are watched."""
        return list(self._watches)

    def follow(self, renamed: Iterable[tuple[str, str]]) -> None:
        """Let watches go with names that are called something else now."""
        for name, to in renamed:
            if name in self._watches:
                self._watches[to] = self._watches.pop(name)
                self._seen[to] = self._seen.pop(name)

    # ---- how ---------------------------------------------------------------------------------------------------

    def _do(self, change: Change) -> None:
        with Held():
            change.do(self)
            self.enter(change)
        self.tell()

    def enter(self, change: Change) -> None:
        """Let a change that was done be the last one that can be taken back."""
        self._past.append(change)
        self._future.clear()
        self._kept += len(change)
        while self._kept > MOST_KEPT and len(self._past) > 1:
            self._kept -= len(self._past.popleft())

    def tell(self) -> None:
        """Tell watchers after a change."""
        values = self.sheet.values
        values.recomputed = values.cut_off = 0
        values.full = False
        if self.sheet.defaults:
            self.sheet.follow_defaults()
        if not self._watches:
            return
        told = []
        for name in self._watches:
            before, after = self._seen[name], self._watched(name)
            if not same(before, after) and not (before is None and after is None):
                told.append((name, before, after))
                self._seen[name] = after
        for name, before, after in told:
            for call in self._watches.get(name, ())[:]:
                call(name, outside(before), outside(after))

    def _watched(self, name: str) -> Any:
        """The value of what is watched; None where that does not mean anything any more."""
        sheet = self.sheet
        try:
            node = place(sheet, name)
            sheet.values.compute((node,))
        except CgError:
            if name not in self._watches:
                raise
            return None
        return sheet.values.values[node]

    def _check(self, values: Mapping[str, Any]) -> None:
        names = self.sheet.names()
        given.check_names(values, list(self.sheet.inputs), names)

    def _edit_values(self, values: Mapping[str, Any]) -> None:
        with self.edit() as edit:
            edit.set(values)

    def _begin_anew(self, values: Mapping[str, Any], misfit: Misfit | None) -> None:
        """Make the graph anew for values that do not fit into it."""
        sheet = self.sheet
        if sheet.version:
            listed = " and ".join(f"`{name}`" for name in values if name in sheet.decided)
            hint = "a length or an index stays what it is in a graph that was edited"
            raise misfit or UsageError(f"the graph was made for the value of {listed}", hint=hint)
        known = {name: value for name, value in self.values.items() if name not in sheet.defaults}
        self._do(NewSheet(sheet, Sheet(sheet.formula, {**known, **values})))
