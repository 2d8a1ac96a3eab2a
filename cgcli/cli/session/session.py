"""A session over a live graph: what a line does, and how it is undone as a whole.

A line is one change: where a part of it is wrong, or Ctrl-C ends it, all of it is taken back. What it changed among the
names that are watched is told by name, value before and value after; nothing else is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cgcli.cli.session.changes import Change, is_same, value_text
from cgcli.cli.session.lines import Command, Line, Statement, placed, read_line
from cgcli.errors import CgError, FormulaError, Source, UsageError, did_you_mean
from cgcli.formulas.values import read_value
from cgcli.language import syntax
from cgcli.language.names import is_constant, survey
from cgcli.language.reading import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.live.live import LiveGraph

    Step = tuple[Callable[[], object], Callable[[], object]]
    """How a part of a line is undone, and done again."""

    Done = tuple[str, list[Step], list[str]]
    """A line, its parts, and the names that it gave something."""

NOT_NEEDED = "_"
"""A name that takes a value nobody needs, as in the language."""


@dataclass
class Answer:
    """What a line came to.

    lines: texts to show. changes: names with another value. ended: whether that was the end. altered: whether a session
    that goes on from here needs the line.
    """

    lines: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    ended: bool = False
    altered: bool = False


class Session:
    """Lines over a live graph.

    watched: names whose value is told whenever it changes; the outputs, until somebody says otherwise. functions: the
    texts of those that were defined in the session. cost: how many nodes the last line has computed (`:lazy` does not
    count), and how many of these came out as before. columns: of the terminal, None where there is none.
    """

    columns: int | None = None

    def __init__(self, live: LiveGraph) -> None:
        self.live = live
        self.watched: dict[str, Any] = dict.fromkeys(live.outputs)
        self.functions: dict[str, str] = {}
        self.cost = {"recomputed": 0, "cut_off": 0}
        self._done: list[Done] = []
        self._undone: list[Done] = []
        self._steps: list[Step] = []
        self._names: list[str] = []
        self._back: list[Callable[[], object]] = []

    def begin(self) -> Answer:
        """The values of what is watched."""
        answer = Answer()
        self._look(answer)
        return Answer([f"{name} = {value_text(value)}" for name, _, value in answer.changes])

    def run(self, source: Line) -> Answer:
        """Do a line. CgError for what is wrong with it, and KeyboardInterrupt: then nothing has changed."""
        answer, self._steps, self._names, self._back = Answer(), [], [], []
        before = dict(self.watched)
        try:
            actions = read_line(source)
            if not asks_cost(actions):
                self.cost = dict.fromkeys(self.cost, 0)
            for action in actions:
                self._do(action, source, answer)
            self._look(answer)
        except BaseException as error:
            if isinstance(error, CgError):
                placed(error, source, source.text, 0)
            for back in reversed(self._back):
                back()
            self.watched = before
            if self._steps:
                done = (source.text, self._steps, self._names)
                self._undone = [done] if isinstance(error, KeyboardInterrupt) else []
            raise
        if self._steps:
            answer.altered = True
            self._done.append((source.text, self._steps, self._names))
            self._undone = []
        return answer

    def _do(self, action: Command | Statement, source: Line, answer: Answer) -> None:
        if isinstance(action, Command):
            from cgcli.cli.session.commands import command_of

            command_of(action.name)(self, action, answer)
            return
        try:
            self._require_names(action, source)
            if action.kind == "expression":
                answer.lines.append(value_text(self.value(action.text)))
            elif action.kind == "function":
                self._define_function(action, answer)
            elif len(action.names) == 1:
                self._assign(action.names[0], action.text, answer)
            else:
                for place, name in enumerate(action.names):
                    if name != NOT_NEEDED:
                        self._assign(name, f"({action.text})[{place}]", answer)
        except CgError as error:
            raise placed(error, source, action.text, action.at) from None

    def _require_names(self, action: Statement, source: Line) -> None:
        """FormulaError for a name that is not there, and for one that its own definition uses."""
        table = parse(Source(action.text))
        names = survey(table)
        for row in table.rows_of(syntax.NAME):
            name, (begin, end) = table.word(row), table.span(row)
            span = (action.at + begin, action.at + end)
            if name in names.free and name not in self.live and name not in self.live.functions:
                near = did_you_mean(name, [*self.live.names, *self.live.functions])
                hint = near or "`:names` shows those that there are"
                raise FormulaError(f"there is no `{name}`", span=span, source=source, hint=hint)
            if name in action.names and (name in names.free or name in names.constants):
                raise FormulaError(
                    f"`{name}` cannot be defined by itself: that would close a cycle", span=span, source=source,
                    hint=f"a number is no cycle: write the value that `{name}` has instead of its name",
                )  # fmt: skip

    def value(self, text: str) -> Any:
        """The value of a name or an expression."""
        found = self.live[text]
        report = self.live.report
        for key in self.cost:
            self.cost[key] += report[key]
        return found

    # ---- what changes the graph --------------------------------------------------------------------------------

    def change(self, call: Callable[[], object]) -> None:
        """Change the live graph as a part of this line."""
        call()
        self.enter(self.live.undo, self.live.redo)

    def enter(self, back: Callable[[], object], again: Callable[[], object]) -> None:
        """A part of this line was done: how it is undone, and done again."""
        self._steps.append((back, again))
        self._back.append(back)

    def _assign(self, name: str, text: str, answer: Answer) -> None:
        """Give a name a value, or another definition."""
        live = self.live
        known = name in live
        before = self._known(name)
        self._names.append(name)
        if known and self._is_closed(text):
            value = read_value(name, text)
            self.change(lambda: live.set({name: value}))
        else:
            self.change(lambda: live.define(name, text))
        if name in self.watched:
            return
        if before is None:
            answer.lines.append(f"{name} = {text}")
        elif not is_same(before, after := self.value(name)):
            answer.changes.append(Change(name, before, after))

    def _known(self, name: str) -> Any:
        """The value of a name where it is up to date, else None."""
        return self.value(name) if name in self.live and not self.live.is_stale(name) else None

    def _is_closed(self, text: str) -> bool:
        """Whether a text is a number or an array of them, whatever names and functions of the graph stand for."""
        table = parse(Source(text))
        names, functions = survey(table), self.live.functions
        if names.free or any(name in self.live for name in names.constants):
            return False
        return not any(table.callee(row) in functions for row in table.rows_of(syntax.CALL))

    def _define_function(self, action: Statement, answer: Answer) -> None:
        if is_constant(action.names[0]):
            raise UsageError(f"`{action.names[0]}` is a constant and cannot be a function")
        before = self.functions.get(action.names[0])

        def put(text: str | None) -> None:
            self.functions.pop(action.names[0], None)
            if text is not None:
                self.functions[action.names[0]] = text
            self.live.define_functions(self.functions)

        put(action.text)
        self.enter(lambda: put(before), lambda: put(action.text))
        answer.lines.append(action.text)

    # ---- undo and what is watched ------------------------------------------------------------------------------

    def undo(self, answer: Answer) -> None:
        """Take back the last line that changed something. UsageError where there is none."""
        self._move(self._done, self._undone, answer, "undo", back=True)

    @property
    def can_undo(self) -> bool:
        """Whether there is a line to take back."""
        return bool(self._done)

    def redo(self, answer: Answer) -> None:
        """Do again what was taken back last. UsageError where there is none."""
        self._move(self._undone, self._done, answer, "redo", back=False)

    def _move(
        self, source: list[Done], target: list[Done], answer: Answer, word: str, *, back: bool
    ) -> None:  # fmt: skip
        """Undo or redo the steps of a line, the last ones first or the first ones."""
        if not source:
            raise UsageError(f"there is nothing to {word}")
        text, steps, names = source[-1]
        before = {name: self._known(name) for name in names}
        for undo, redo in reversed(steps) if back else steps:
            (undo if back else redo)()
            self._back.append(redo if back else undo)
        target.append(source.pop())
        self._back.append(lambda: source.append(target.pop()))
        for name, value in before.items():
            after = None if value is None or name not in self.live else self.value(name)
            if not is_same(value, after) and name not in self.watched:
                answer.changes.append(Change(name, value, after))
        answer.lines.append(f"{'undone' if back else 'done again'}: {text.strip()}")
        answer.altered = True

    def watch(self, name: str) -> Any:
        """Tell of a name from now on; its value."""
        value = self.value(name)
        self.watched[name] = value
        return value

    def _look(self, answer: Answer) -> None:
        """Find out what is watched and has another value than before."""
        for name, before in list(self.watched.items()):
            try:
                after = self.value(name)
            except CgError:
                if name in self.live:
                    raise
                after = None
            if not is_same(before, after):
                self.watched[name] = after
                answer.changes.append(Change(name, before, after))
            if after is None:
                del self.watched[name]


def asks_cost(actions: Sequence[Command | Statement]) -> bool:
    """Whether a line asks what the one before has cost."""
    return bool(actions) and isinstance(actions[0], Command) and actions[0].name == "lazy"
