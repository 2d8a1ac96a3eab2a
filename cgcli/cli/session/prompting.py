"""Lines of a person at a terminal, with completion and a history (prompt_toolkit, the extra `live`)."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.history import FileHistory, InMemoryHistory

from cgcli.cli.session.completing import completions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import History

    from cgcli.cli.session.session import Session


class Words(Completer):
    """Commands, names and functions."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """As prompt_toolkit asks for them."""
        word, found = completions(self._session, document.text_before_cursor)
        for each in found:
            yield Completion(each, start_position=-len(word))


def prompted(session: Session, sign: str) -> Iterator[str]:
    """Lines until Ctrl-D; Ctrl-C begins the line anew. sign: what stands in front of a line."""
    prompt: PromptSession[str] = PromptSession(history=history(), completer=Words(session), complete_while_typing=False)
    while True:
        try:
            yield prompt.prompt(sign)
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def history() -> History:
    """The lines of earlier sessions, in a file that only this user can read; of this one alone where there is none."""
    base = os.environ.get("XDG_STATE_HOME")
    with suppress(OSError, RuntimeError):
        folder = (Path(base) if base else Path.home() / ".local" / "state") / "cgcli"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "live_history"
        path.touch(mode=0o600)
        if os.access(path, os.R_OK | os.W_OK):
            return FileHistory(str(path))
    return InMemoryHistory()
