"""A place in a text, as messages show it: the line, with marks under the span. Loaded on the way to a message only."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Source = Any  # an `errors.Source`, which stands above this module
    Span = tuple[int, int]

WINDOW = 100
"""Characters of a source line that are shown; a longer line is cut to a window around the place."""


def excerpt(source: Source | None, span: Span | None, *, tint: str = "", blue: str = "", plain: str = "") -> list[str]:
    """The place in a text: its name, its line, and marks under the span; [] where there is none.

    tint, blue, plain: what colours the marks and the margin, and what ends a colour.
    """
    if source is None or span is None:
        return []
    line, column = source.locate(span[0])
    gutter = " " * len(str(line))
    shown, mark = marked_line(source, span)
    return [
        f"{blue}{gutter}--> {plain}{printable(source.name)}:{line}:{column}",
        f"{blue}{line} | {plain}{shown}",
        f"{blue}{gutter} | {plain}{tint}{mark}{plain}",
    ]


def printable(text: str) -> str:
    """A text with escapes for what a terminal would obey or not show: cells and names of files hold anything.

    A source line has `?` for each such character instead, so that the marks under it stay in place.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def marked_line(source: Source, span: Span) -> tuple[str, str]:
    """The source line of a span, cut to a window, and the marks under it, aligned by the width of each character."""
    text = source.line_around(span[0]).replace("\t", " ")
    begin = source.locate(span[0])[1] - 1
    end = max(begin + 1, min(begin + span[1] - span[0], len(text)))
    left = max(0, min(begin - WINDOW // 3, len(text) - WINDOW))
    right = left + WINDOW
    before = "…" if left else ""
    after = "…" if right < len(text) else ""
    shown = "".join(character if character.isprintable() else "?" for character in text[left:right])
    marks = shown[begin - left : min(end, right) - left]
    indent = width(before) + width(shown[: begin - left])
    return f"{before}{shown}{after}", " " * indent + "^" * max(width(marks), 1)


def width(text: str) -> int:
    """Columns that a terminal gives to a text."""
    return sum(0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1 for character in text)
