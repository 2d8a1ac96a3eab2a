"""Lines from a pipe or a terminal into a session, and what is shown of them."""

from __future__ import annotations

import shutil
import signal
import sys
from contextlib import contextmanager, suppress

from cgcli.cli.output import warn
from cgcli.cli.session.changes import change_lines
from cgcli.cli.session.lines import Line
from cgcli.cli.streams import can_write
from cgcli.errors import CgError, CgWarning, ExitCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from cgcli.cli.session.journal import Journal
    from cgcli.cli.session.session import Answer, Session

PROMPT = "cg> "
ARROW = "→"


class Loop:
    """A session and where it shows itself. failed: whether a line was wrong."""

    def __init__(self, session: Session, journal: Journal | None = None) -> None:
        self.session = session
        self.failed = False
        self._journal = journal
        self._number = 0

    def begin(self) -> None:
        """Show the results, before the first line."""
        try:
            with told_warnings():
                self.show(self.session.begin())
        except KeyboardInterrupt:
            print("interrupted; the results are not computed yet", file=sys.stderr)

    def take(self, line: str) -> bool:
        """Do a line and show what came of it; whether the session goes on."""
        self._number += 1
        name = "<session>" if sys.stdin.isatty() else "<standard input>"
        source = Line(line.rstrip("\r\n"), name, self._number)
        answer = None
        try:
            self.session.columns = columns()
            with told_warnings():
                answer = self.session.run(source)
            if answer.altered and self._journal is not None:
                self._journal.add(source.text)
            self.show(answer)
        except CgError as error:
            self.failed = True
            tell(error, source)
        except KeyboardInterrupt:
            self.failed = True
            print("interrupted" + ("; nothing has changed" if answer is None else ""), file=sys.stderr)
        return answer is None or not answer.ended

    def replay(self, lines: Iterable[str]) -> None:
        """Do the lines of a journal again. CgError with the line for one that cannot be done any more."""
        for number, line in enumerate(lines, 2):
            with told_warnings():
                self.session.run(Line(line, "<journal>", number))

    def show(self, answer: Answer) -> None:
        """Show what a line came to."""
        for line in answer.lines:
            print(line)
        for line in change_lines(answer.changes, columns(), ARROW if can_write(ARROW, sys.stdout) else "->"):
            print(line)
        sys.stdout.flush()

    def run(self, lines: Iterable[str]) -> int:
        """Take lines until they end, or one ends the session; the exit code: 1 where one was wrong."""
        for line in lines:
            if not self.take(line):
                break
        return ExitCode.CALCULATION if self.failed else ExitCode.OK


def columns() -> int | None:
    """How wide the terminal is; None where standard output is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def tell(error: CgError, source: Line) -> None:
    """An error on standard error; one without a place of its own names the line."""
    from cgcli.render.errors import render_error
    from cgcli.render.style import wants_colour

    sys.stdout.flush()
    text = render_error(error, colour=wants_colour(sys.stderr))
    if error.source is None and not sys.stdin.isatty():
        head, *rest = text.splitlines()
        text = "\n".join([f"{head} (line {source.number})", *rest])
    print(text, file=sys.stderr, flush=True)


# ---- Ctrl-C and warnings ---------------------------------------------------------------------------------------------


@contextmanager
def told_warnings() -> Iterator[None]:
    """A context in which warnings of results are shown as those of other commands."""
    import warnings

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if isinstance(message, CgWarning):
            warn(message.message, hint=message.hint, source=message.source, span=message.span)
        else:
            usual(message, category, *place, **more)

    with warnings.catch_warnings():
        usual = warnings.showwarning
        warnings.simplefilter("always", CgWarning)
        warnings.showwarning = show
        yield


@contextmanager
def interruptible() -> Iterator[None]:
    """A context in which Ctrl-C is a KeyboardInterrupt and no more: whoever catches it goes on."""
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    try:
        if handler is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = again_after(hook)
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGINT, handler)


def again_after(hook: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A hook that lets a KeyboardInterrupt come again which hit a callback of C or a finalizer."""

    def swallowed(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            hook(lost)
            return
        import threading
        from _thread import interrupt_main

        threading.Timer(0.01, interrupt_main).start()

    return swallowed


# ---- where lines come from -------------------------------------------------------------------------------------------


def run(loop: Loop, journal: Sequence[str] = ()) -> int:
    """Take the lines of a journal, and of standard input: with completion where that is a terminal; the exit code.

    A line of a pipe that is wrong makes the exit code 1; a person has seen the message.
    """
    with interruptible():
        loop.replay(journal)
        loop.begin()
        if not sys.stdin.isatty():
            return loop.run(sys.stdin)
        loop.run(typed(loop.session))
        return ExitCode.OK


def typed(session: Session) -> Iterator[str]:
    """The lines of a person."""
    if not sys.stdout.isatty():
        return asked()
    try:
        from cgcli.cli.session.prompting import prompted
    except ImportError:
        print("`pip install 'cgcli[live]'` gives completion and a history", file=sys.stderr)
        with suppress(ImportError):
            import readline  # noqa: F401 - `input` edits lines with it
        return asked()
    return prompted(session, PROMPT)


def asked() -> Iterator[str]:
    """Lines from the terminal as the system has them, until Ctrl-D; Ctrl-C begins the line anew."""
    while True:
        line = ""
        try:
            line = ask()
        except KeyboardInterrupt:
            print(file=sys.stderr)
            continue
        except EOFError:
            print(file=sys.stderr)
            return
        yield line


def ask() -> str:
    """One line. EOFError at the end. The prompt goes to standard error where standard output is a file or a pipe."""
    if sys.stdout.isatty():
        return input(PROMPT)
    print(PROMPT, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line
