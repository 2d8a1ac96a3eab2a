"""A session over a live graph: what a line does, and how it is undone as a whole.

A line is one change: where a part of it is wrong, or Ctrl-C ends it, all of it is taken back. What it changed among the
names that are watched is told by name, value before and value after; nothing else is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cgcli.cli.session.changes import Change, is_same, value_text
from cgcli.cli.session.lines import Command, Statement, placed, read_line
from cgcli.errors import CgError, Source, UsageError
from cgcli.language.names import is_constant, survey
from cgcli.language.reading import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.api.live import Live
    Step = tuple[Callable[[], object], Callable[[], object]]
    """How a part of a line is undone, and done again."""


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
    texts of those that were defined in the session. columns: of the terminal, None where there is none.
    """

    columns: int | None = None

    def __init__(self, live: Live) -> None:
        self.live = live
        self.watched: dict[str, Any] = dict.fromkeys(live.outputs)
        self.functions: dict[str, str] = {}
        self._done: list[list[Step]] = []
        self._undone: list[list[Step]] = []
        self._steps: list[Step] = []
        self._back: list[Callable[[], object]] = []

    def begin(self) -> Answer:
        """The values of what is watched."""
        answer = Answer()
        self._look(answer)
        return Answer([f"{name} = {value_text(value)}" for name, _, value in answer.changes])

    def run(self, source: Source) -> Answer:
        """Do a line. CgError for what is wrong with it, and KeyboardInterrupt: then nothing has changed."""
        answer, self._steps, self._back = Answer(), [], []
        before = dict(self.watched)
        try:
            for action in read_line(source):
                self._do(action, source, answer)
            self._look(answer)
        except BaseException as error:
            for back in reversed(self._back):
                back()
            self.watched = before
            if self._steps:
                self._undone = [self._steps] if isinstance(error, KeyboardInterrupt) else []
            raise
        if self._steps:
            answer.altered = True
            self._done.append(self._steps)
            self._undone = []
        return answer

    def _do(self, action: Command | Statement, source: Source, answer: Answer) -> None:
        if isinstance(action, Command):
            from cgcli.cli.session.commands import command_of

            command_of(action.name)(self, action, answer)
            return
        try:
            if action.kind == "expression":
                answer.lines.append(value_text(self.live[action.text]))
            elif action.kind == "function":
                self._define_function(action, answer)
            else:
                self._assign(action, answer)
        except CgError as error:
            raise placed(error, source, action.text, action.at) from None

    # ---- what changes the graph --------------------------------------------------------------------------------

    def change(self, call: Callable[[], object]) -> None:
        """Change the live graph as a part of this line."""
        call()
        self._enter(self.live.undo, self.live.redo)

    def _enter(self, back: Callable[[], object], again: Callable[[], object]) -> None:
        self._steps.append((back, again))
        self._back.append(back)

    def _assign(self, action: Statement, answer: Answer) -> None:
        """Give a name a value, or another definition."""
        name, live = action.name, self.live
        known = name in live.names
        before = live[name] if known and name not in live.stale() else None
        if known and self._is_closed(action.text):
            value = live[action.text]
            self.change(lambda: live.set({name: value}))
        else:
            self.change(lambda: live.define(name, action.text))
        if name in self.watched:
            return
        if before is None:
            answer.lines.append(f"{name} = {action.text}")
        elif not is_same(before, after := live[name]):
            answer.changes.append(Change(name, before, after))

    def _is_closed(self, text: str) -> bool:
        """Whether a text is a number, whatever the names of the graph stand for."""
        names = survey(parse(Source(text)))
        return not names.free and not any(name in self.live.names for name in names.constants)

    def _define_function(self, action: Statement, answer: Answer) -> None:
        if is_constant(action.name):
            raise UsageError(f"`{action.name}` is a constant and cannot be a function")
        before = self.functions.get(action.name)

        def put(text: str | None) -> None:
            self.functions.pop(action.name, None)
            if text is not None:
                self.functions[action.name] = text
            self.live.functions(self.functions)

        put(action.text)
        self._enter(lambda: put(before), lambda: put(action.text))
        answer.lines.append(action.text)

    # ---- undo and what is watched ------------------------------------------------------------------------------

    def undo(self, answer: Answer) -> None:
        """Take back the last line that changed something. UsageError where there is none."""
        self._move(self._done, self._undone, answer, "undo", back=True)

    def redo(self, answer: Answer) -> None:
        """Do again what was taken back last. UsageError where there is none."""
        self._move(self._undone, self._done, answer, "redo", back=False)

    def _move(
        self, source: list[list[Step]], target: list[list[Step]], answer: Answer, word: str, *, back: bool
    ) -> None:  # fmt: skip
        """Undo or redo the steps of a line, the last ones first or the first ones."""
        if not source:
            raise UsageError(f"there is nothing to {word}")
        before = dict(self.live.values)
        for undo, redo in reversed(source[-1]) if back else source[-1]:
            (undo if back else redo)()
            self._back.append(redo if back else undo)
        target.append(source.pop())
        self._back.append(lambda: source.append(target.pop()))
        for name, value in self.live.values.items():
            if name in before and not is_same(before[name], value) and name not in self.watched:
                answer.changes.append(Change(name, before[name], value))
        answer.altered = True

    def watch(self, name: str) -> Any:
        """Tell of a name from now on; its value."""
        value = self.live[name]
        self.watched[name] = value
        return value

    def _look(self, answer: Answer) -> None:
        """Find out what is watched and has another value than before."""
        for name, before in list(self.watched.items()):
            try:
                after = self.live[name]
            except CgError:
                if name in self.live.names:
                    raise
                after = None
            if not is_same(before, after):
                self.watched[name] = after
                answer.changes.append(Change(name, before, after))
            if after is None:
                del self.watched[name]
