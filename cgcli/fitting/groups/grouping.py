"""The rows of a table by groups: those with the same keys lie together, in the order in which groups first come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.cells import number_of
from cgcli.data.memory import MemoryTable
from cgcli.data.stream import Report, Request, limited, note_gaps, numberless
from cgcli.data.table import chosen, rows_of_a_batch
from cgcli.errors import DataError, UsageError
from cgcli.rows.matching import columns_by_reading, require_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.data.table import Table
    from cgcli.fitting.question import Question


@dataclass
class GroupedRows:
    """Whole rows by groups.

    by: the columns with the keys. keys: that of each group, a tuple where there are several columns. columns: column ->
    array of shape (rows,) + what a row has. first: where each group begins, and where the last one ends. numbers: the
    number of each row in the table, from 1; None where rows are all there and in their order. report: what was read and
    left out. keyless: rows without a key, and the first of them.
    """

    by: tuple[str, ...]
    keys: list[Any]
    columns: dict[str, Any]
    first: Any
    numbers: Any
    report: Report
    keyless: tuple[int, int]

    @property
    def sizes(self) -> Any:
        """How many rows each group has."""
        return np.diff(self.first)

    def number(self, place: int) -> int:
        """The number in the table of a row, from 1."""
        return place + 1 if self.numbers is None else int(self.numbers[place])

    def label(self, group: int) -> str:
        """A group's key in words."""
        key = self.keys[group]
        return ", ".join(map(str, key)) if len(self.by) > 1 else str(key)

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


@dataclass
class Runs:
    """Rows that follow each other with the same key: where each run begins, and the number of its key, -1 for none."""

    starts: Any
    codes: Any
    rows: int

    @property
    def lengths(self) -> Any:
        """How many rows each run has."""
        return np.diff(self.starts, append=self.rows)

    def kept(self, mask: Any) -> Runs:
        """Those of some rows."""
        codes = np.repeat(self.codes, self.lengths)[mask]
        starts = runs_of(codes[1:] != codes[:-1]) if len(codes) else np.zeros(0, dtype=np.int64)
        return Runs(starts, codes[starts], len(codes))


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
    runs: list[Runs] = []
    numbers: list[Any] = []
    each, together = [Keys() for _ in by], Keys()
    missing, first_missing = 0, 0
    most = max(table.rows, 1) if isinstance(table, MemoryTable) else rows_of_a_batch(len(needed) + len(by))
    for batch in limited(table.batches(needed, list(by), most), limit):
        whole = note_gaps(batch, table, request, report)
        found = runs_of_keys([batch.kept[name] for name in by], each, together)
        lost = np.flatnonzero(found.codes < 0)
        if len(lost):
            first_missing = first_missing or report.read + int(found.starts[lost[0]]) + 1
            missing += int(found.lengths[lost].sum())
            whole &= np.repeat(found.codes >= 0, found.lengths)
        if whole.all():
            parts.append(batch.numbers)
            numbers.append(range(report.read + 1, report.read + batch.rows + 1))
        else:
            parts.append({name: chosen(column, whole) for name, column in batch.numbers.items()})
            numbers.append(np.flatnonzero(whole) + report.read + 1)
            found = found.kept(whole)
            report.skipped += int(np.count_nonzero(~whole))
        runs.append(found)
        report.read += batch.rows
    for name in needed:
        if name in report.numberless and name in report.gaps and report.gaps[name].bad:
            raise numberless(table.path, name, report.gaps[name])
    if not sum(part.rows for part in runs):
        reason = "every row has a gap or no key" if report.read else "the table is empty"
        raise DataError("there is no row to fit to", hint=reason)
    columns = {name: joined([part[name] for part in parts]) for name in needed}
    known = joined(numbers) if report.skipped else None
    keys = each[0].found if len(by) == 1 else [
        tuple(its.found[code] for its, code in zip(each, key, strict=True)) for key in together.found
    ]  # fmt: skip
    return sorted_rows(by, keys, columns, runs, known, report, (missing, first_missing))


def sorted_rows(
    by: tuple[str, ...], keys: list[Any], columns: dict[str, Any], runs: Sequence[Runs], numbers: Any, report: Report,
    keyless: tuple[int, int],
) -> GroupedRows:  # fmt: skip
    """The rows with those of a group together; a key that only rows with a gap have is no group."""
    codes, lengths = joined([part.codes for part in runs]), joined([part.lengths for part in runs])
    counts = np.bincount(codes, weights=lengths, minlength=len(keys)).astype(np.int64)
    if (codes[1:] < codes[:-1]).any():
        ranked = np.argsort(codes, kind="stable")
        begins = (np.cumsum(lengths) - lengths)[ranked]
        lengths = lengths[ranked]
        places = np.cumsum(lengths) - lengths
        order = np.repeat(begins - places, lengths) + np.arange(int(lengths.sum()))
        columns = {name: column[order] for name, column in columns.items()}
        numbers = order + 1 if numbers is None else numbers[order]
    if (counts == 0).any():
        keys = [key for key, count in zip(keys, counts.tolist(), strict=True) if count]
        counts = counts[counts > 0]
    return GroupedRows(by, keys, columns, np.concatenate(([0], np.cumsum(counts))), numbers, report, keyless)


def joined(parts: Sequence[Any]) -> Any:
    """Arrays one after the other; one alone is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def runs_of_keys(columns: Sequence[Any], each: Sequence[Keys], together: Keys) -> Runs:
    """The runs of keys in columns side by side."""
    arrays = [array_of(column) for column in columns]
    rows = len(arrays[0][0])
    if not rows:
        return Runs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 0)
    changes = np.zeros(rows - 1, dtype=bool)
    for array, _ in arrays:
        changes |= np.asarray(array[1:] != array[:-1], dtype=bool)
    starts = runs_of(changes)
    codes = [codes_of(array[starts], items, keys) for (array, items), keys in zip(arrays, each, strict=True)]
    if len(codes) == 1:
        return Runs(starts, codes[0], rows)
    table = np.stack(codes, axis=1)
    keyed = (table >= 0).all(axis=1)
    found = np.full(len(starts), -1, dtype=np.int64)
    found[keyed] = together.codes(list(map(tuple, table[keyed].tolist())))
    return Runs(starts, found, rows)


def array_of(column: Any) -> tuple[Any, list[Any] | None]:
    """A column with keys as an array that can be compared, and what its numbers stand for, where they do."""
    if hasattr(column, "to_pylist"):  # Arrow
        encoded = column.combine_chunks() if hasattr(column, "combine_chunks") else column
        encoded = encoded if hasattr(encoded, "indices") else encoded.dictionary_encode()
        return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), [*encoded.dictionary.to_pylist(), None]
    array = np.asarray(column, dtype=object) if isinstance(column, list) else np.asarray(column)
    if array.ndim != 1:
        raise UsageError("a column of arrays cannot be grouped by")
    return array, None


def codes_of(firsts: Any, items: list[Any] | None, keys: Keys) -> Any:
    """A number for each key, -1 where there is none. items: what numbers stand for, where they do."""
    found = firsts.tolist()
    if items is not None:
        found = [items[place] for place in found]
    if items is None and firsts.dtype.kind in "biuf":
        present = ~np.isnan(firsts)
    else:
        present = np.array([not is_missing(item) for item in found], dtype=bool)
    if not present.all():
        found = [item for item, there in zip(found, present.tolist(), strict=True) if there]
    codes = np.full(len(firsts), -1, dtype=np.int64)
    codes[present] = keys.codes(found)
    return codes


def runs_of(changes: Any) -> Any:
    """Where runs of equal rows begin, from whether each row but the first is another one than that before it."""
    return np.concatenate(([0], np.flatnonzero(changes) + 1))


def is_missing(item: Any) -> bool:
    """Whether a cell holds no key: a null, nan, or a text that stands for a missing value."""
    if isinstance(item, str):
        number = number_of(item)
        return number is not None and number != number
    return item is None or item != item or str(item) in ("<NA>", "NaT")
