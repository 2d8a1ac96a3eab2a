"""What a reader gives and a writer takes, whatever the format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    Named: TypeAlias = "str | Elements"
    """Where the numbers of an input come from: a column, or a column for each element."""

Column = Any
"""A column as it was read: a list of texts, a NumPy array, or an Arrow array."""

CELLS = 4_000_000
"""Numbers in a batch over all of its columns: 32 MB."""

MOST_ROWS = 131_072
FEWEST_ROWS = 256


class Place(NamedTuple):
    """Where a row stands: its file, and its number there, from 1. alone: whether the table is that file."""

    path: str
    row: int
    alone: bool = True

    def __str__(self) -> str:
        """`row 7`, with the file where there are others."""
        return f"row {self.row:,}" + ("" if self.alone else f" of `{self.path}`")


class Elements:
    """Columns that hold the elements of an array, one array a row. columns: in C order. shape: of one array."""

    __slots__ = ("columns", "shape")

    def __init__(self, columns: Sequence[str], shape: tuple[int, ...]) -> None:
        self.columns = tuple(columns)
        self.shape = shape


class Batch:
    """Consecutive rows of a table.

    rows: how many. numbers: float64 columns by name, nan for what is missing or no number; a column of arrays (see
    `Table.item_shape`) has further axes. bad: for columns that
    have cells that are no number, the places of those among the rows. kept: columns as they were read. cell: the
    text of a cell of `numbers` by (column, place), None for a null. read: how much of the table's `size` this is.
    """

    __slots__ = ("bad", "cell", "kept", "numbers", "read", "rows")

    def __init__(
        self, rows: int, numbers: dict[str, Any], kept: dict[str, Column], *,
        cell: Callable[[str, int], str | None], bad: dict[str, list[int]] | None = None, read: int = 0,
    ) -> None:  # fmt: skip
        self.rows = rows
        self.numbers = numbers
        self.bad = bad or {}
        self.kept = kept
        self.cell = cell
        self.read = read

    def head(self, rows: int) -> Batch:
        """The first rows."""
        return Batch(
            min(rows, self.rows), {name: column[:rows] for name, column in self.numbers.items()},
            {name: column[:rows] for name, column in self.kept.items()}, cell=self.cell, read=self.read,
            bad={name: [place for place in places if place < rows] for name, places in self.bad.items()},
        )  # fmt: skip


class Table(ABC):
    """A file of named columns, open for reading.

    columns: their names in order. rows: how many rows there are where the file says so, else an estimate. size:
    what the `read` of all batches adds up to, None where nobody knows (a pipe). is_text: whether every cell is text.
    """

    path: str
    columns: list[str]
    rows: int
    size: int | None
    is_text = False

    @abstractmethod
    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """The table from its first row, in batches of at most so many rows; at least one, which may be empty.

        There has to be a column to read. DataError where the file is broken, or where a column of `numbers` is of
        a kind that holds no numbers.
        """

    def places(self, names: Iterable[str]) -> dict[str, int]:
        """The first places of named columns, each name once. KeyError for names that there are not."""
        first = {name: place for place, name in reversed(list(enumerate(self.columns)))}
        return {name: first[name] for name in names}

    def nullable(self, names: Sequence[str]) -> frozenset[str]:
        """Those columns, of the named ones with types of Arrow, in which a null may come."""
        return frozenset()

    def item_shape(self, name: str) -> tuple[int, ...]:
        """The shape of one item of a column of numbers: () but for tables that can hold arrays."""
        return ()

    def located(self, row: int) -> Place:
        """Where a row of the table stands, counted from 1, once it was read."""
        return Place(self.path, row)

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""


class Writer(ABC):
    """A file of named columns that is being written. is_text: whether every cell becomes text."""

    is_text = False

    def begin(self, nullable: frozenset[str]) -> None:
        """Hear, before the first rows, in which columns a null may come: a type cannot change later on."""
        return

    @abstractmethod
    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows; every call brings the same columns with the same types. DataError for what cannot be held."""

    @abstractmethod
    def finish(self) -> None:
        """Write what stands at the end. The stream itself stays open."""

    def abandon(self) -> None:
        """Let go of what was gathered: the file will not be, after an error. Nothing more is written."""
        return


def rows_of_a_batch(columns: int) -> int:
    """How many rows a batch may have for so many columns read, computed and kept."""
    return max(FEWEST_ROWS, min(MOST_ROWS, CELLS // max(columns, 1)))


def names_of(columns: Iterable[Named]) -> list[str]:
    """The columns that inputs come from, each once."""
    names: dict[str, None] = {}
    for column in columns:
        names.update(dict.fromkeys([column] if isinstance(column, str) else column.columns))
    return list(names)


def values_of(column: Named, numbers: Mapping[str, Any]) -> Any:
    """What an input has in each row: a column of numbers, or arrays of elements with the rows in front."""
    if isinstance(column, str):
        return numbers[column]
    items = np.stack([numbers[name] for name in column.columns], axis=1)
    return items.reshape(len(items), *column.shape)


class Texts(list[Any]):
    """The cells of a column as texts, or as what else a table holds; numbers: those of their rows, from 1."""

    def __init__(self, cells: Iterable[Any], numbers: Any) -> None:
        super().__init__(cells)
        self.numbers = numbers


def texts_of(column: Column, numbers: Any) -> Texts:
    """A kept column as texts."""
    if isinstance(column, list):
        return Texts(column, numbers)
    return Texts(column.tolist() if isinstance(column, np.ndarray) else column.to_pylist(), numbers)


def chosen(column: Column, mask: Any) -> Column:
    """The entries of a column where a mask is true."""
    if isinstance(column, list):
        return [value for value, wanted in zip(column, mask.tolist(), strict=True) if wanted]
    return column[mask] if isinstance(column, np.ndarray) else column.filter(mask)
