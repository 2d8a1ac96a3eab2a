"""Batches of a table through a calculation, into a writer and a summary; memory does not grow with the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cgcli.data.cells import advice, number_of
from cgcli.data.summary import Summary
from cgcli.data.table import chosen, names_of, texts_of, values_of
from cgcli.errors import DataError
from cgcli.numerals import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from cgcli.data.table import Batch, Column, Named, Place, Table, Writer

    Compute = Callable[[Mapping[str, Any], int], Mapping[str, Any]]
    """Columns by input and the number of rows -> columns by output."""

LONGEST_EXCERPT = 40
"""Characters of a cell that a message shows."""


class Request:
    """What a run shall do.

    inputs: input -> the column with its values, or those of its elements. texts: input -> the column whose cells it
    takes as texts (`table.Texts`). kept: columns that are copied in front of
    the results. missing: what happens to a row with a cell that is missing or no number: `nan` computes with nan,
    `skip` leaves the row out, `error` stops. limit: at most so many rows are read. head: so many rows of the result are
    remembered. is_part: whether the rows are a part of a table only, where a column without a number is no fault yet.
    """

    __slots__ = ("head", "inputs", "is_part", "kept", "limit", "missing", "texts")

    def __init__(
        self, inputs: Mapping[str, Named], *, kept: Sequence[str] = (), missing: str = "nan", limit: int | None = None,
        head: int = 0, texts: Mapping[str, str] | None = None, is_part: bool = False,
    ) -> None:  # fmt: skip
        self.inputs = inputs
        self.is_part = is_part
        self.texts = dict(texts or {})
        self.kept = list(kept)
        self.missing = missing
        self.limit = limit
        self.head = head

    def with_numbers(self, columns: Mapping[str, str]) -> Request:
        """The same, but for inputs that take numbers from these columns and no texts."""
        texts = {name: column for name, column in self.texts.items() if name not in columns}
        return Request(
            {**self.inputs, **columns}, kept=self.kept, missing=self.missing, limit=self.limit, head=self.head,
            texts=texts,
        )  # fmt: skip

    @property
    def numbers(self) -> list[str]:
        """The columns that are read as numbers, each once."""
        return names_of(self.inputs.values())


class Cell(NamedTuple):
    """A cell: the number of its row in the table, from 1, its text, None for a null, and the place of the row."""

    row: int
    text: str | None
    place: Place


class Gap:
    """Cells of a column that are missing or no number: how many, and the first of them."""

    __slots__ = ("bad", "first", "first_bad", "missing")

    def __init__(self) -> None:
        self.missing = 0
        self.bad = 0
        self.first: Cell | None = None
        self.first_bad: Cell | None = None


class Report:
    """What a run did: rows read, rows left out, gaps by column, a summary by output, and the first rows.

    columns: those that are read as numbers. numberless: those of them in which no number has come so far. first_nans:
    by output where the first row with a nan stands.
    """

    __slots__ = ("first_nans", "gaps", "head", "numberless", "outputs", "read", "skipped")

    def __init__(self, columns: Sequence[str] = ()) -> None:
        self.numberless = set(columns)
        self.read = 0
        self.skipped = 0
        self.gaps: dict[str, Gap] = {}
        self.outputs: dict[str, Summary] = {}
        self.first_nans: dict[str, Place] = {}
        self.head: dict[str, list[Any]] = {}

    @property
    def rows(self) -> int:
        """Rows of the result."""
        return self.read - self.skipped


def run(
    table: Table, request: Request, compute: Compute, *, batch_rows: int, writer: Writer | None = None,
    progress: Callable[[int, int], None] = lambda read, rows: None,
) -> Report:  # fmt: skip
    """Send a table through a calculation.

    progress: called after each batch with what of `table.size` was read and with the rows so far. DataError for a
    broken file, for a column of texts without one number, for a gap where the request says `error`, and for what the
    writer cannot hold.
    """
    try:
        report = _run(table, request, compute, batch_rows, writer, progress)
        if writer is not None:
            writer.finish()
    except BaseException:
        if writer is not None:
            writer.abandon()
        raise
    return report


def _run(
    table: Table, request: Request, compute: Compute, batch_rows: int, writer: Writer | None,
    progress: Callable[[int, int], None],
) -> Report:  # fmt: skip
    report = Report(request.numbers)
    read = 0
    if writer is not None:
        writer.begin(table.nullable(request.kept))
    copied = list(dict.fromkeys([*request.kept, *request.texts.values()]))
    for batch in limited(table.batches(request.numbers, copied, batch_rows), request.limit):
        whole = note_gaps(batch, table, request, report)
        numbers = np.arange(report.read + 1, report.read + batch.rows + 1)
        columns, kept = batch.numbers, batch.kept
        if not whole.all():
            numbers = numbers[whole]
            columns = {name: column[whole] for name, column in columns.items()}
            kept = {name: chosen(column, whole) for name, column in kept.items()}
        report.skipped += batch.rows - len(numbers)
        report.read += batch.rows
        given = {name: values_of(column, columns) for name, column in request.inputs.items()}
        given |= {name: texts_of(kept[column], numbers) for name, column in request.texts.items()}
        kept = {name: kept[name] for name in request.kept}
        found = compute(given, len(numbers))
        for name, values in found.items():
            summary = report.outputs.setdefault(name, Summary())
            summary.add(values, numbers)
            if summary.first_nan is not None and name not in report.first_nans:
                report.first_nans[name] = table.located(summary.first_nan)
        remember_head(report, {**kept, **found}, request.head)
        if writer is not None:
            writer.write({**kept, **found})
        read += batch.read
        progress(read, report.read)
    for name in () if request.is_part else request.numbers:
        if name in report.numberless and name in report.gaps and report.gaps[name].bad:
            raise numberless(table.path, name, report.gaps[name])
    return report


def limited(batches: Iterator[Batch], limit: int | None) -> Iterator[Batch]:
    """Batches up to a number of rows."""
    if limit is None:
        yield from batches
        return
    for batch in batches:
        yield batch.head(limit)
        limit -= batch.rows
        if limit <= 0:
            return


def note_gaps(batch: Batch, table: Table, request: Request, report: Report) -> Any:
    """Count the gaps of a batch and return a mask of the rows that go on. DataError where the request says so."""
    whole = np.ones(batch.rows, dtype=bool)
    for name, column in batch.numbers.items():
        gaps = np.isnan(column)
        if gaps.ndim > 1:  # an array a row has a gap where one of its items is missing
            gaps = gaps.reshape(len(gaps), -1).any(axis=1)
        if name in report.numberless and not gaps.all():
            report.numberless.remove(name)
        if not gaps.any():
            continue
        whole &= ~gaps
        gap = report.gaps.setdefault(name, Gap())
        bad = batch.bad.get(name, [])
        gap.bad += len(bad)
        gap.missing += int(np.count_nonzero(gaps)) - len(bad)
        place = int(gaps.argmax())
        gap.first = gap.first or cell_at(batch, table, name, place, report.read)
        if bad:
            gap.first_bad = gap.first_bad or cell_at(batch, table, name, bad[0], report.read)
    if request.missing == "error" and not whole.all():
        place = int(whole.argmin())
        name = next(name for name, column in batch.numbers.items() if np.isnan(column[place]).any())
        raise refusal(name, cell_at(batch, table, name, place, report.read))
    return whole if request.missing == "skip" else np.ones(batch.rows, dtype=bool)


def cell_at(batch: Batch, table: Table, column: str, place: int, before: int) -> Cell:
    """A cell of a batch before which so many rows were read."""
    row = before + place + 1
    return Cell(row, batch.cell(column, place), table.located(row))


def refusal(column: str, cell: Cell) -> DataError:
    """The complaint about a cell: file, row, column, and what stands there."""
    text = cell.text
    place = f"`{cell.place.path}`, row {cell.place.row:,}, column `{column}`"
    hint = "--missing nan computes with nan there, --missing skip leaves such rows out"
    if text is None or not text.strip():
        return DataError(f"{place}: the cell is empty", hint=hint)
    if text.startswith("["):
        return DataError(f"{place}: an item is missing", hint=hint)
    if number_of(text) is not None:
        return DataError(f"{place}: `{shortened(text, LONGEST_EXCERPT)}` stands for a missing value", hint=hint)
    return DataError(f"{place}: `{shortened(text, LONGEST_EXCERPT)}` is no number", hint=advice(text) or hint)


def numberless(path: str, column: str, gap: Gap) -> DataError:
    """The complaint about a column of texts of which not one is a number."""
    assert gap.first_bad is not None
    text = gap.first_bad.text
    shown = shortened(text or "", LONGEST_EXCERPT)
    return DataError(
        f"`{path}`, column `{column}`: not one cell is a number (first: {gap.first_bad.place}, `{shown}`)",
        hint=advice(text or "") or "--bind INPUT=COLUMN takes another column",
    )


def gap_text(gap: Gap) -> str:
    """`12 cells are missing (first: row 3); 1 is no number (first: row 7, `abc`)`."""
    parts = []
    if gap.missing:
        parts.append(f"{gap.missing:,} {'cell is' if gap.missing == 1 else 'cells are'} missing")
    if gap.bad:
        parts.append(f"{gap.bad:,} {'cell is' if gap.bad == 1 else 'cells are'} no number")
    first = gap.first_bad or gap.first
    assert first is not None
    where = f"first: {first.place}" + (f", `{shortened(first.text, LONGEST_EXCERPT)}`" if first.text else "")
    return f"{' and '.join(parts)} ({where})"


def gaps_text(report: Report) -> str:
    """The gaps of a report, column by column."""
    return "; ".join(f"column `{name}`: {gap_text(gap)}" for name, gap in report.gaps.items())


def gap_advice(gaps: Iterable[Gap], policy: str) -> str | None:
    """What to do about gaps: a cure for the first text that shows what it is, and the way around them."""
    found = [advice(gap.first_bad.text) for gap in gaps if gap.first_bad and gap.first_bad.text]
    around = "--missing skip leaves such rows out" if policy == "nan" else None
    return "; ".join(filter(None, (next(filter(None, found), None), around))) or None


def remember_head(report: Report, columns: Mapping[str, Column], wanted: int) -> None:
    """Add rows to the head until it is full."""
    for name, column in columns.items():
        head = report.head.setdefault(name, [])
        part = column[: wanted - len(head)] if len(head) < wanted else []
        head.extend(part if isinstance(part, list) else part.tolist())
