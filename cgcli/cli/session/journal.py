"""A journal: the lines that changed something, as they come, so that a session that was killed goes on.

It is a script for the same formula and values. A line is written when it is done; one that is cut off, since the
machine stopped in the middle of writing it, is not taken.
"""

from __future__ import annotations

from hashlib import sha256

from cgcli.errors import DataError

HEAD = "# journal of `cg live` for the formula "


class Journal:
    """The file of a session. lines: those that are to be done again. foreign: whether they are of another formula."""

    def __init__(self, path: str, formula: str) -> None:
        """formula: its text. DataError where the file cannot be read or written, and for a file that is no journal."""
        self.path = path
        head = f"{HEAD}{sha256(formula.encode()).hexdigest()[:16]}\n"
        try:
            with open(path, "a+b") as file:
                file.seek(0)
                text = file.read().decode()
                whole = text[: text.rfind("\n") + 1]
                if text and not whole.startswith(HEAD):
                    raise DataError(f"`{path}` is no journal", hint="give the name of a new file")
                file.truncate(len(whole.encode()))
        except UnicodeError:
            raise DataError(f"`{path}` is no journal: it is not UTF-8 text") from None
        except OSError as error:
            raise DataError(f"cannot use `{path}` as a journal: {error.strerror}") from None
        self.lines = whole.splitlines()[1:]
        self.foreign = bool(text) and not whole.startswith(head)
        if not text:
            self._write(head)

    def add(self, line: str) -> None:
        """Enter a line that was done. DataError where that cannot be."""
        self._write(line + "\n")

    def _write(self, text: str) -> None:
        try:
            with open(self.path, "ab", buffering=0) as file:
                file.write(text.encode())
        except OSError as error:
            raise DataError(f"cannot write `{self.path}`: {error.strerror}") from None
