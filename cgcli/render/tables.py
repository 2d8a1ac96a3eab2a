"""Tables and notes on a stream: drawn by Rich on a terminal with colours, aligned plain text everywhere else.

What is shown, how wide each column is and what is cut follows from the table and the width alone; Rich only paints it.
In a pipe nothing is cut and nothing is drawn but text, two blanks apart.
"""

from __future__ import annotations

import re
import shutil
import sys
from textwrap import wrap

from cgcli.excerpts import width as measured_width
from cgcli.render.style import wants_colour

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

    from rich.text import Text

    Row = tuple[str, ...] | str

GAP = 2
"""Blanks between columns."""

MOST_PAINTED = 2000
"""Longer tables are written as plain text: Rich takes a good part of a millisecond a row."""


ONE_COLUMN_EACH = re.compile(r"[ -~∂·…×]*\Z")
"""What nearly all cells are made of; they are measured at once."""


class Column:
    """One column. right: whether it is aligned to the right. style: Rich's name of its look.

    optional: dropped where a terminal is too narrow, as its neighbours say the same (the last one first). cut: the
    width that its texts may be cut down to after that; 0 where they may not.
    """

    __slots__ = ("cut", "optional", "right", "style", "title")

    def __init__(
        self, title: str, *, right: bool = False, style: str = "", optional: bool = False, cut: int = 0
    ) -> None:
        self.title = title
        self.right = right
        self.style = style
        self.optional = optional
        self.cut = cut


class Table:
    """A title, columns, and rows: a text a column, or a single text that goes across from the second column on."""

    __slots__ = ("columns", "rows", "title")

    def __init__(self, title: str, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        self.title = title
        self.columns = columns
        self.rows = rows


class Note:
    """A title and lines of text below it."""

    __slots__ = ("lines", "style", "title")

    def __init__(self, title: str, lines: Sequence[str], style: str = "") -> None:
        self.title = title
        self.lines = lines
        self.style = style


Block = Table | Note


def print_blocks(blocks: Iterable[Block], stream: TextIO | None = None) -> None:
    """Write tables and notes, a blank line between them, in the form that fits the stream (standard output)."""
    stream = sys.stdout if stream is None else stream
    width = shutil.get_terminal_size().columns if stream.isatty() else None
    painted = width is not None and wants_colour(stream)
    for number, block in enumerate(blocks):
        if number:
            stream.write("\n")
        short = isinstance(block, Note) or len(block.rows) <= MOST_PAINTED
        stream.write(painted_text(block, width or 80) if painted and short else plain_text(block, width))


def plain_text(block: Block, width: int | None = None) -> str:
    """A block as aligned text. width: columns of the terminal; None where nothing is to be cut."""
    if isinstance(block, Note):
        return "".join(f"{line}\n" for line in _note_lines(block, width))
    kept, widths = layout(block, width)
    lines = [block.title, _aligned([block.columns[place].title for place in kept], block, kept, widths)]
    for row in block.rows:
        if isinstance(row, str):
            lines.append(_across(row, widths, width))
        else:
            lines.append(_aligned([row[place] for place in kept], block, kept, widths))
    return "\n".join(lines) + "\n"


def layout(table: Table, width: int | None) -> tuple[list[int], list[int]]:
    """Which columns are shown, and how wide each of them is, so that a line fits into the width where that can be."""
    kept = list(range(len(table.columns)))
    widths = [
        max([width_of(column.title), *(width_of(row[place]) for row in table.rows if not isinstance(row, str))])
        for place, column in enumerate(table.columns)
    ]
    if width is None:
        return kept, widths
    for place in [place for place in reversed(kept) if table.columns[place].optional]:
        if _line_width([widths[each] for each in kept]) > width:
            kept.remove(place)
    while _line_width([widths[place] for place in kept]) > width:
        shrinkable = [place for place in kept if 0 < table.columns[place].cut < widths[place]]
        if not shrinkable:
            break
        widest = max(shrinkable, key=widths.__getitem__)
        widths[widest] -= 1
    return kept, [widths[place] for place in kept]


def width_of(text: str) -> int:
    """Columns that a terminal gives to a text."""
    return len(text) if ONE_COLUMN_EACH.match(text) else measured_width(text)


def cut(text: str, width: int) -> str:
    """A text in at most so many columns, an ellipsis where something is missing."""
    if width_of(text) <= width:
        return text
    kept = text[:width]
    while width_of(kept) >= width:
        kept = kept[:-1]
    return f"{kept}…"


def painted_text(block: Block, width: int) -> str:
    """A block as text with the colours of a terminal."""
    from io import StringIO

    from rich.console import Console

    stream = StringIO()
    console = Console(file=stream, force_terminal=True, width=width, highlight=False, emoji=False)
    for line in _painted_note(block, width) if isinstance(block, Note) else _painted_table(block, width):
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    return stream.getvalue()


def _painted_note(note: Note, width: int) -> Iterator[Text]:
    from rich.text import Text

    head, *lines = _note_lines(note, width)
    yield Text(head, style="bold")
    for line in lines:
        yield Text(line, style=note.style)


def _painted_table(table: Table, width: int) -> Iterator[Text]:
    """The lines of the layout with the look of each column. (Rich's own table has no row that goes across.)"""
    from rich.text import Text

    kept, widths = layout(table, width)
    yield Text(table.title, style="bold")
    yield Text(_aligned([table.columns[place].title for place in kept], table, kept, widths), style="dim")
    yield Text("─" * min(_line_width(widths), width), style="dim")
    styles = [table.columns[place].style for place in kept]
    gap = " " * GAP
    for row in table.rows:
        if isinstance(row, str):
            yield Text(_across(row, widths, width), style="italic")
        else:
            cells = _cells([row[place] for place in kept], table, kept, widths)
            line = Text(gap).join(Text(cell, style=style) for cell, style in zip(cells, styles, strict=True))
            line.rstrip()
            yield line


def _line_width(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _cells(cells: Sequence[str], table: Table, kept: Sequence[int], widths: Sequence[int]) -> Iterator[str]:
    """Texts cut and filled up to the widths of their columns."""
    for cell, place, size in zip(cells, kept, widths, strict=True):
        shown = cut(cell, size)
        filling = " " * (size - width_of(shown))
        yield filling + shown if table.columns[place].right else shown + filling


def _aligned(cells: Sequence[str], table: Table, kept: Sequence[int], widths: Sequence[int]) -> str:
    return (" " * GAP).join(_cells(cells, table, kept, widths)).rstrip()


def _across(text: str, widths: Sequence[int], width: int | None) -> str:
    """A text that goes across, below the title of the second column."""
    line = " " * (widths[0] + GAP) + text
    return line if width is None else cut(line, width)


def _note_lines(note: Note, width: int | None) -> list[str]:
    lines = [note.title]
    for line in note.lines:
        if width is None or width_of(line) + GAP <= width:
            lines.append(" " * GAP + line)
        else:
            lines += wrap(line, max(width, 20), initial_indent=" " * GAP, subsequent_indent=" " * 2 * GAP)
    return lines
