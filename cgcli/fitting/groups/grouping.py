"""The rows of a table by groups: those with the same keys lie together, in the order in which groups first come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.cells import number_of
from cgcli.data.stream import Report, Request, limited, note_gaps, numberless
from cgcli.data.table import chosen, rows_of_a_batch
from cgcli.errors import DataError, UsageError
from cgcli.rows.matching import columns_by_reading, require_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.data.table import Table
    from cgcli.fitting.question import Question

    Key = tuple[Any, ...]


@dataclass
class GroupedRows:
    """Whole rows by groups.

    by: the columns with the keys. keys: those of each group, a tuple. columns: column -> array of shape (rows,) + what
    a row has. first: where each group begins, and where the last one ends. numbers: the number of each row in the
    table, from 1. report: what was read and left out. keyless: rows without a key, and the first of them.
    """

    by: tuple[str, ...]
    keys: list[Key]
    columns: dict[str, Any]
    first: Any
    numbers: Any
    report: Report
    keyless: tuple[int, int]

    @property
    def sizes(self) -> Any:
        """How many rows each group has."""
        return np.diff(self.first)

    def __len__(self) -> int:
        return len(self.keys)


class Keys:
    """Numbers for keys, in the order in which they come."""

    def __init__(self) -> None:
        self._known: dict[Any, int] = {}

    def codes(self, items: Sequence[Any]) -> Any:
        """The numbers of keys."""
        known = self._known
        return np.array([known.setdefault(item, len(known)) for item in items], dtype=np.int64)

    @property
    def found(self) -> list[Any]:
        """All keys by their numbers."""
        return list(self._known)


def grouped_rows(question: Question, by: Sequence[str], limit: int | None = None) -> GroupedRows:
    """The rows of a question's table by the keys in some columns; rows with a gap, or without a key, are left out.

    UsageError for columns that are not there, DataError as of a table, and where no row is whole.
    """
    table = question.source.open()
    try:
        by = key_columns(table, by)
        return _read(question, table, by, limit)
    finally:
        table.close()


def key_columns(table: Table, by: Sequence[str]) -> tuple[str, ...]:
    """The columns with the keys. UsageError for one that is not there or stands twice."""
    known = columns_by_reading(table)
    found = tuple(name if name in table.columns else known.get(name, name) for name in by)
    if not found:
        raise UsageError("there is no column to group by", hint='for example by="plate"')
    require_columns(table, list(found))
    if len(set(found)) < len(found):
        raise UsageError(f"rows are grouped by `{next(name for name in found if found.count(name) > 1)}` twice")
    return found


def _read(question: Question, table: Table, by: tuple[str, ...], limit: int | None) -> GroupedRows:
    needed = question.needed()
    report, request = Report(needed), Request({name: name for name in needed}, missing="skip")
    parts: list[dict[str, Any]] = []
    codes: list[Any] = []
    numbers: list[Any] = []
    each, together = [Keys() for _ in by], Keys()
    missing, first_missing = 0, 0
    for batch in limited(table.batches(needed, list(by), rows_of_a_batch(len(needed) + len(by))), limit):
        whole = note_gaps(batch, table, request, report)
        columns = [codes_of(batch.kept[name], keys) for name, keys in zip(by, each, strict=True)]
        keyed = np.all([column >= 0 for column in columns], axis=0)
        lost = np.flatnonzero(~keyed)
        if len(lost):
            first_missing = first_missing or report.read + int(lost[0]) + 1
            missing += len(lost)
        kept = whole & keyed
        if kept.all():
            parts.append(batch.numbers)
        else:
            parts.append({name: chosen(column, kept) for name, column in batch.numbers.items()})
            columns = [column[kept] for column in columns]
        numbers.append(np.flatnonzero(kept) + report.read + 1)
        codes.append(columns[0] if len(by) == 1 else joined(columns, together))
        report.skipped += int(np.count_nonzero(~kept))
        report.read += batch.rows
    for name in needed:
        if name in report.numberless and name in report.gaps and report.gaps[name].bad:
            raise numberless(table.path, name, report.gaps[name])
    if not sum(map(len, codes)):
        reason = "every row has a gap or no key" if report.read else "the table is empty"
        raise DataError("there is no row to fit to", hint=reason)
    found = each[0].found if len(by) == 1 else together.found
    keys = [(key,) if len(by) == 1 else tuple(keys.found[code] for keys, code in zip(each, key, strict=True))
            for key in found]  # fmt: skip
    whole_columns = {name: np.concatenate([part[name] for part in parts]) for name in needed}
    return sorted_rows(
        by, keys, whole_columns, np.concatenate(codes), np.concatenate(numbers), report, (missing, first_missing)
    )


def sorted_rows(
    by: tuple[str, ...], keys: list[Key], columns: dict[str, Any], codes: Any, numbers: Any, report: Report,
    keyless: tuple[int, int],
) -> GroupedRows:  # fmt: skip
    """The rows with those of a group together; a key that only rows with a gap have is no group."""
    counts = np.bincount(codes, minlength=len(keys))
    if (counts == 0).any():
        keys = [key for key, count in zip(keys, counts.tolist(), strict=True) if count]
        codes = (np.cumsum(counts > 0) - 1)[codes]
        counts = counts[counts > 0]
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes, kind="stable")
        columns = {name: column[order] for name, column in columns.items()}
        numbers = numbers[order]
    return GroupedRows(by, keys, columns, np.concatenate(([0], np.cumsum(counts))), numbers, report, keyless)


def joined(columns: Sequence[Any], keys: Keys) -> Any:
    """The numbers of keys of several columns together."""
    table = np.stack(columns, axis=1)
    if not len(table):
        return np.zeros(0, dtype=np.int64)
    starts = runs_of((table[1:] != table[:-1]).any(axis=1))
    codes = keys.codes(list(map(tuple, table[starts].tolist())))
    return np.repeat(codes, np.diff(starts, append=len(table)))


def codes_of(column: Any, keys: Keys) -> Any:
    """A number for the key of each row, -1 where there is none; of equal rows in a run only the first is looked at."""
    if hasattr(column, "to_pylist"):  # Arrow
        column = column.to_numpy(zero_copy_only=False) if not hasattr(column, "combine_chunks") else column.to_numpy()
    array = np.asarray(column, dtype=object) if isinstance(column, list) else np.asarray(column)
    if array.ndim != 1:
        raise UsageError("a column of arrays cannot be grouped by")
    if not len(array):
        return np.zeros(0, dtype=np.int64)
    starts = runs_of(np.asarray(array[1:] != array[:-1], dtype=bool))
    firsts = array[starts]
    items = firsts.tolist()
    plain = array.dtype.kind in "biuf"
    present = ~np.isnan(firsts) if plain else np.array([not is_missing(item) for item in items])
    if not present.all():
        items = [item for item, there in zip(items, present.tolist(), strict=True) if there]
    codes = np.full(len(firsts), -1, dtype=np.int64)
    codes[present] = keys.codes(items)
    return np.repeat(codes, np.diff(starts, append=len(array)))


def runs_of(changes: Any) -> Any:
    """Where runs of equal rows begin, from whether each row but the first is another one than that before it."""
    return np.concatenate(([0], np.flatnonzero(changes) + 1))


def is_missing(item: Any) -> bool:
    """Whether a cell holds no key: a null, nan, or a text that stands for a missing value."""
    if isinstance(item, str):
        number = number_of(item)
        return number is not None and number != number
    return item is None or item != item or str(item) in ("<NA>", "NaT")
