"""What separates the cells of a text file, and what stands before the decimals of its numbers."""

from __future__ import annotations

from typing import NamedTuple

from cgcli.errors import UsageError

NAMED = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "bar": "|",
    "blank": " ",
    "blanks": " ",
    "space": " ",
}
"""Separators that are easier to name than to type."""

DECIMAL_MARKS = (".", ",")


class Dialect(NamedTuple):
    """separator: of the cells; a blank stands for any number of blanks. decimal: the mark before the decimals."""

    separator: str = ","
    decimal: str = "."


def dialect_of(usual: str, separator: str | None, decimal: str | None) -> Dialect:
    """The dialect that options say; `usual` separates where they say nothing. UsageError for what cannot be."""
    chosen = usual if separator is None else NAMED.get(separator, separator)
    mark = decimal or "."
    if len(chosen) != 1 or chosen.isalnum() or chosen in "\"\r\n.+-'\0":
        raise UsageError(f"--separator cannot be `{separator}`", hint="one sign, such as ; or |, or tab or blank")
    if mark not in DECIMAL_MARKS:
        raise UsageError(f"--decimal cannot be `{decimal}`", hint="it is . or ,")
    return Dialect(chosen, mark)
