"""Columns that are in memory as a table: a mapping of arrays or lists, a frame of pandas or polars, a table of Arrow.

No library of frames is imported: what a column is follows from what it can do. A gap is what the library says is one
(a null, NaT, a masked item), None, nan, or a text that stands for a missing value in CSV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.data.arrays.tables import require_column
from cgcli.data.cells import number_of
from cgcli.data.table import Batch, Table
from cgcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAME = "data"
"""What messages call columns in memory, where they name the file of others."""


class MemoryTable(Table):
    """Named columns of one length. A column of NumPy may have more axes than the first: one array a row."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        """DataError where lengths differ and for what is no column, UsageError without any column."""
        self.path = NAME
        self._held = {name: held(name, column) for name, column in columns.items()}
        if not self._held:
            raise UsageError("the data have no columns", hint='for example {"x": [1, 2, 3], "y": [2, 4, 6]}')
        self.columns = list(self._held)
        lengths = {name: len(column) for name, column in self._held.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"`{name}` has {length:,}" for name, length in lengths.items())
            raise DataError(f"columns of different length: {listed}")
        self.rows = self.size = next(iter(lengths.values()))

    def item_shape(self, name: str) -> tuple[int, ...]:
        """As every table: what is behind the first axis."""
        column = self._held[name]
        if hasattr(column, "dtype"):
            return tuple(column.shape[1:])
        from cgcli.data.arrow.columns import item_shape

        return item_shape(column.type)

    def close(self) -> None:
        """Nothing is open."""

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; columns are kept with their types."""
        for first in range(0, max(self.rows, 1), rows):
            part = {name: self._held[name][first : first + rows] for name in dict.fromkeys([*numbers, *kept])}
            found = {name: numbers_of(name, part[name]) for name in numbers}
            height = min(rows, self.rows - first)
            yield Batch(
                height, {name: values for name, (values, _) in found.items()}, {name: part[name] for name in kept},
                cell=lambda name, place, part=part: cell_text(part[name], place),  # type: ignore[misc]
                bad={name: bad for name, (_, bad) in found.items() if bad}, read=height,
            )  # fmt: skip


def columns_of(data: Any) -> dict[str, Any]:
    """What a mapping or a frame holds, by the names of its columns. UsageError for everything else."""
    names: Any = None
    if hasattr(data, "keys"):
        names = list(data.keys())
    elif hasattr(data, "column_names"):  # Arrow
        names = list(data.column_names)
    elif hasattr(data, "get_column"):  # polars
        names = list(data.columns)
    else:
        names = getattr(getattr(data, "dtype", None), "names", None)
    if names is None:
        raise UsageError(
            f"data are a path, a frame, an Arrow table or columns by name, not {type(data).__name__}",
            hint='for example "decay.csv", or {"t": [0, 1, 2], "y": [3.1, 2.2, 1.6]}',
        )
    for name in names:
        if not isinstance(name, str):
            raise UsageError(f"a column's name is a text, not {name!r}", hint="rename the columns first")
        if list(names).count(name) > 1:
            raise DataError(f"the data have more than one column `{name}`", hint="rename the others")
    return {name: data[name] for name in names}


def held(name: str, column: Any) -> Any:
    """A column as an Arrow array or an array of NumPy, whose rows can be cut out. DataError for what is no column."""
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    if hasattr(column, "null_count") and hasattr(column, "to_pylist"):  # Arrow
        return column
    if hasattr(column, "filled") and hasattr(column, "mask"):  # a masked array of NumPy
        array: Any = np.ma.filled(column.astype(np.float64), np.nan)
    elif hasattr(getattr(column, "dtype", None), "na_value"):  # a nullable column of pandas
        array = column.to_numpy(dtype=object if column.dtype.kind in "OUST" else np.float64, na_value=np.nan)
    elif hasattr(column, "to_numpy"):  # pandas, polars
        array = column.to_numpy()
    else:
        try:
            array = np.asarray(column)
        except (TypeError, ValueError, OverflowError):
            raise DataError(f"the column `{name}` is not a list of numbers", hint="one number a row") from None
        if array.dtype.kind in "US" and isinstance(column, (list, tuple)):  # 1.5 beside "abc" is no text
            array = _objects(column)
    if array.ndim == 0:
        raise DataError(
            f"the column `{name}` is one value, not one a row", hint=f"give it as a value: {name}={array[()]}"
        )
    return array


def _objects(items: Sequence[Any]) -> Any:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def numbers_of(name: str, column: Any) -> tuple[Any, list[int]]:
    """A column as contiguous float64 with nan for what is missing or no number, and the places of the latter.

    DataError for dates and other types that are no numbers.
    """
    if not hasattr(column, "dtype"):
        from cgcli.data.arrow import columns as arrow

        arrow.require_numbers(column.type, NAME, name)
        return arrow.numbers_of(arrow.plain(column))
    if column.dtype.kind in "OUST":
        return _numbers_of_items(column.tolist())
    require_column(np.dtype(column.dtype.str), NAME, name, [name])
    return np.ascontiguousarray(column, dtype=np.float64), []


def _numbers_of_items(items: Sequence[Any]) -> tuple[Any, list[int]]:
    """Numbers and texts in any order, None among them."""
    found, bad = np.full(len(items), np.nan), []
    for place, item in enumerate(items):
        number = _number_of_item(item)
        if number is None:
            bad.append(place)
        else:
            found[place] = number
    return found, bad


def _number_of_item(item: Any) -> float | None:
    """One item as a float, nan for a missing one, None for what is neither."""
    if isinstance(item, bytes):
        item = item.decode("latin-1")
    if isinstance(item, str):
        return number_of(item)
    if item is None or str(item) in ("<NA>", "NaT"):
        return float("nan")
    try:
        return float(item)
    except (TypeError, ValueError, OverflowError):
        return None


def cell_text(column: Any, place: int) -> str | None:
    """The text of one cell, None for a null."""
    value = column[place]
    value = value.as_py() if hasattr(value, "as_py") else value
    return None if value is None else str(value)
