"""What a line that is being typed can go on with."""

from __future__ import annotations

import re

from cgcli.cli.session.commands import COMMANDS, WORDS
from cgcli.cli.session.lines import SIGN
from cgcli.ops import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.cli.session.session import Session

WORD = re.compile(r"[^\W\d]\w*$")


def completions(session: Session, line: str) -> tuple[str, list[str]]:
    """The word at the end of a line, and the words that it can become: commands, names, functions."""
    text = line.lstrip()
    if text.startswith(SIGN) and not any(map(str.isspace, text)):
        return text, [word for word in WORDS if word.startswith(text)]
    found = WORD.search(line)
    word = found[0] if found else ""
    names = sorted(session.live.names)
    command = text[1:].split(maxsplit=1)[0] if text.startswith(SIGN) else ""
    if command in COMMANDS and not COMMANDS[command].names:
        return word, []
    calls = [] if command in ("watch", "unwatch", "show", "remove") else functions(session)
    return word, [each for each in [*names, *calls] if each.startswith(word) and each != word]


def functions(session: Session) -> list[str]:
    """Functions that can be called, with their bracket."""
    return [f"{name}(" for name in sorted({*REGISTRY.callable_as, *session.live.functions})]
