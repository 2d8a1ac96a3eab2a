"""Columns of Arrow as float64, and columns from elsewhere as Arrow's."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from math import nan
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, types

from cgcli.data.cells import BLANKS, FORMULA_STARTS, MISSING_WORDS, TRUTH_WORDS, duration_text, number_of
from cgcli.data.table import Column
from cgcli.data.times import DIGITS_OF_UNITS, standard
from cgcli.errors import DataError

BOOL8: Any = getattr(pa, "Bool8Type", ())
"""The type of truth values of 8 bits, which pyarrow has since version 18."""

NUMBER = r"^\s*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf|infinity|nan)|)\s*$"
"""Texts that begin like a formula of a spreadsheet and are none."""


@cache
def words() -> tuple[Any, Any]:
    """Words that are numbers or missing ones, and what they stand for: texts of numbers, and null.

    Made where they are asked for: `pa.array` loads pandas where that is installed, for half a second.
    """
    meanings = [*(None for _ in MISSING_WORDS), *(str(value) for value in TRUTH_WORDS.values())]
    return pa.array([*MISSING_WORDS, *TRUTH_WORDS]), pa.array(meanings, pa.string())


def is_text(kind: Any) -> bool:
    """Whether a type is one of Arrow's string types."""
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def holds_numbers(kind: Any) -> bool:
    """Whether cells of a type can be numbers; texts can."""
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return holds_numbers(kind.value_type)
    return bool(
        types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind)
        or types.is_null(kind) or is_text(kind) or isinstance(kind, BOOL8)
    )  # fmt: skip


def item_shape(kind: Any) -> tuple[int, ...]:
    """The shape of what a column of this type has in a row: () for numbers, lists of a fixed length are arrays."""
    shape: list[int] = []
    while types.is_fixed_size_list(kind):
        shape.append(kind.list_size)
        kind = kind.value_type
    return tuple(shape)


def require_numbers(kind: Any, path: str, name: str) -> None:
    """DataError for a type whose cells are no numbers and no arrays of them."""
    while types.is_fixed_size_list(kind) and not is_text(kind.value_type):
        kind = kind.value_type
    if not holds_numbers(kind):
        hint = None
        if types.is_temporal(kind):
            hint = "convert it before, for example to seconds"
        elif types.is_nested(kind):
            hint = "give each of its parts a column of its own before, or make it lists of a fixed length"
        raise DataError(f"`{path}`: the column `{name}` holds {kind}, not numbers", hint=hint)


def has_text(kind: Any) -> bool:
    """Whether cells of a type have a text of their own, which CSV needs."""
    return holds_numbers(kind) or bool(types.is_temporal(kind) and not types.is_interval(kind))


def plain(column: Any) -> Any:
    """A column without dictionary and without runs, truth values as such.

    Batches of one file may bring different dictionaries, and not every format has runs, or truth values of 8 bits.
    """
    if types.is_dictionary(column.type):
        return plain(column.dictionary_decode())
    if types.is_run_end_encoded(column.type):
        return plain(compute.run_end_decode(column))
    if isinstance(column.type, BOOL8):
        return compute.not_equal(column.storage, pa.scalar(0, pa.int8()))
    return column


def numbers_of(column: Any, decimal: str = ".") -> tuple[Any, list[int]]:
    """A column as float64 with nan for what is missing or no number, and the places of the latter."""
    if types.is_fixed_size_list(column.type):
        return _arrays_of(column), []
    return _items_as_numbers(column, decimal)


def _items_as_numbers(column: Any, decimal: str) -> tuple[Any, list[int]]:
    bad: list[int] = []
    if types.is_null(column.type):
        return np.full(len(column), np.nan), bad
    if is_text(column.type):
        values, bad = _texts_as_numbers(column, decimal)
    else:
        values = _as_doubles(column)
    if values.null_count:
        values = compute.fill_null(values, float("nan"))
    return _doubles_in(values), bad


def _doubles_in(values: Any) -> Any:
    """Doubles without a null as an array over the same memory. `to_numpy` loads pandas where that is installed."""
    if isinstance(values, pa.ChunkedArray):
        return values.to_numpy()
    if not len(values):
        return np.empty(0)
    return np.frombuffer(values.buffers()[1], np.float64, len(values), values.type.bit_width // 8 * values.offset)


def _arrays_of(column: Any) -> Any:
    """A column of lists of a fixed length, with the rows in front; one that is missing is nan throughout."""
    shape, gaps = [len(column)], []
    while types.is_fixed_size_list(column.type):
        if column.null_count:
            gaps.append(column.is_null().to_numpy(zero_copy_only=False).reshape(shape))
        size = column.type.list_size
        column = column.values.slice(column.offset * size, len(column) * size)
        shape.append(size)
    found = _items_as_numbers(plain(column), ".")[0].reshape(shape)
    for gap in gaps:
        found = np.where(gap.reshape(gap.shape + (1,) * (found.ndim - gap.ndim)), np.nan, found)
    return found


def _as_doubles(column: Any) -> Any:
    """A column of numbers as doubles, each the nearest one (Arrow's own cast of decimals rounds twice)."""
    if types.is_decimal(column.type):
        column = compute.cast(column, pa.string())
    return compute.cast(column, pa.float64(), safe=False)


def is_whole(kind: Any) -> bool:
    """Whether a type is one of whole numbers or of truth values, which NumPy has without a null."""
    return bool(types.is_integer(kind) or types.is_boolean(kind))


def whole_numbers_of(column: Any) -> tuple[Any, Any]:
    """A column of whole numbers or truth values as an array of its type, 0 for nulls, and a mask of the nulls."""
    null = compute.is_null(column).to_numpy(zero_copy_only=False)
    filled = compute.fill_null(column, False if types.is_boolean(column.type) else 0)
    return filled.to_numpy(zero_copy_only=False), null


def floats_of(column: Any) -> Any:
    """A column of numbers as an array of floats, of the same width where it has one, with nan for nulls."""
    if types.is_floating(column.type):
        return column.to_numpy(zero_copy_only=False)
    return numbers_of(column)[0]


def _texts_as_numbers(column: Any, decimal: str) -> tuple[Any, list[int]]:
    """Texts as doubles: all at once where every text is a number, else with words replaced, else one by one."""
    if types.is_string_view(column.type):
        column = compute.cast(column, pa.string())
    if decimal == ".":
        with suppress(pa.ArrowInvalid):
            return compute.cast(column, pa.float64()), []
    trimmed = compute.utf8_trim(column, BLANKS)
    known, meanings = words()
    word = compute.index_in(trimmed, value_set=compute.cast(known, trimmed.type))
    meant = compute.take(compute.cast(meanings, trimmed.type), word)
    if decimal == "." or not compute.any(compute.match_substring(trimmed, ".")).as_py():
        marked = trimmed if decimal == "." else compute.replace_substring(trimmed, decimal, ".")
        with suppress(pa.ArrowInvalid):
            return compute.cast(compute.if_else(compute.is_valid(word), meant, marked), pa.float64()), []
    texts = column.to_pylist()
    found = [nan if text is None else number_of(text, decimal) for text in texts]
    return pa.array(found, pa.float64()), [place for place, number in enumerate(found) if number is None]


def cell_text(column: Any, row: int) -> str | None:
    """The text of one cell, None for a null."""
    value = column[row].as_py()
    return None if value is None else str(value)


def arrow_of(column: Column) -> Any:
    """A column of any reader as Arrow's. TypeError, or an error of Arrow, for a type that Arrow does not have."""
    if isinstance(column, list):
        return pa.array(column, pa.string())
    if isinstance(column, np.ndarray):
        column = standard(column)
        return pa.array(column.astype(column.dtype.newbyteorder("="), copy=False))
    return plain(column)


def for_csv(column: Any, *, raw: bool = False) -> Any:
    """A column as CSV may hold it: floats as doubles, durations with their unit, and an apostrophe before texts that a
    spreadsheet runs, unless they shall be raw.

    The shortest text of a float of single precision would read back as another double.
    """
    column = plain(column)
    if types.is_floating(column.type):
        return compute.cast(column, pa.float64())
    if types.is_duration(column.type):
        return _durations_as_texts(column)
    if not is_text(column.type):
        return column
    column = compute.cast(column, pa.string())
    if raw:
        return column
    starts = "".join(FORMULA_STARTS).replace("-", r"\-")
    risky = compute.match_substring_regex(column, f"^[{starts}]")
    if not compute.any(risky).as_py():
        return column
    risky = compute.and_(risky, compute.invert(compute.match_substring_regex(column, NUMBER)))
    return compute.if_else(risky, compute.binary_join_element_wise("'", column, ""), column)


def _durations_as_texts(column: Any) -> Any:
    """Durations with their unit, which a number alone would lose."""
    digits = DIGITS_OF_UNITS[column.type.unit]
    ticks = compute.cast(column, pa.int64()).to_pylist()
    return pa.array([None if each is None else duration_text(each, digits) for each in ticks], pa.string())


def needs_quotes(column: Any, delimiter: str) -> bool:
    """Whether a text of a column holds what CSV can only hold in quotes."""
    return bool(compute.any(compute.match_substring_regex(column, f'[{delimiter}"\r\n]')).as_py())
