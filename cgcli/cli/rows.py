"""`--data`: a formula for every row of a table, as a command tells of it. Shared by `cg eval` and `cg grad`."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing
from functools import partial
from math import isnan
from typing import TYPE_CHECKING

from cgcli.cli.arguments import could_be_name, read_bindings
from cgcli.cli.output import Births, number_text, print_json, warn
from cgcli.data import formats
from cgcli.data.stream import Request, gap_advice, gaps_text
from cgcli.errors import UsageError
from cgcli.excerpts import width
from cgcli.formulas.totals import is_whole, levels, over_columns, whole_values
from cgcli.language.spelling import canonical
from cgcli.render.progress import RowProgress
from cgcli.rows import files
from cgcli.rows.calculation import Calculation, needed_columns
from cgcli.rows.matching import (
    bind_columns,
    check_inputs,
    kept_names,
    match_columns,
    require_columns,
    split_columns,
)
from cgcli.rows.passes import reads_again, with_totals

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from typing import Any, TextIO

    from cgcli.api.formula import Formula
    from cgcli.cli.options import ReadOptions, TableOptions
    from cgcli.data.stream import Report
    from cgcli.data.table import Named, Table
    from cgcli.formulas.bound import Bound
    from cgcli.rows.matching import Note

    Choice = Callable[[Bound], tuple[Bound, dict[str, int]]]

HEAD = 10
"""Rows that are shown where no file is written."""


def run_table(
    formula: Formula, bindings: Sequence[str] | None, options: TableOptions, choose: Choice, *,
    show: Sequence[str] = (), wrt: Sequence[str] | None = None, engine: str = "auto", json: bool = False,
    strict: bool = False, labels: Mapping[str, str] | None = None, values: Mapping[str, Any] | None = None,
    more: Mapping[str, str] | None = None, line: Callable[[], str] | None = None,
) -> None:  # fmt: skip
    """Compute the nodes that `choose` picks, by the names of their columns, for all rows of the table.

    choose: from the formula for one row to the one that has these nodes (derivatives are in a graph of their own).
    labels: how the results that are of the whole table are called where they are not by the names of their columns.
    values: of NAME=VALUE words that were read already. more: hidden inputs of those nodes, and their columns.
    line: how warnings of nan and infinity end.
    """
    source = options.source()
    values = read_bindings(bindings, formula) if values is None else values
    chosen = chosen_columns(options, values)
    if options.target is not None:
        formats.format_of(options.target)
        source.spare(options.target, whole=True)
    with ExitStack() as stack:
        spool = None
        if source.is_stream and reads_again(formula, values, show=show, wrt=wrt):
            spool = stack.enter_context(formats.spooled(formats.opened(source.name)))
        read = partial(source.open, spool)
        table = stack.enter_context(closing(read()))
        source.spare(options.target, whole=keeps_all(table, options))
        columns, notes = match_columns(formula, table, values, chosen)
        tell_notes(notes)
        require_columns(table, list((more or {}).values()))
        bound = bind_columns(formula, table, columns, values, show, wrt)
        check_inputs(bound, columns, table)
        births = Births(strict=strict, line=line)
        bound, nodes = choose(over_columns(births.watch(bound)))
        columns |= more or {}
        run = Run(options, engine, json=json, strict=strict, labels=labels or {})
        if levels(bound, list(nodes.values())):
            run.passes(table, read, bound, nodes, columns)
        else:
            run.rows(table, bound, nodes, columns)
        births.tell()


def keeps_all(table: Table, options: TableOptions) -> bool:
    """Whether the result has all columns and rows of the table, and may take its place."""
    if options.keep is None or options.limit is not None or options.policy == "skip":
        return False
    return set(split_columns(table, options.keep)) >= set(table.columns)


def tell_notes(notes: Iterable[Note]) -> None:
    """Warnings about the columns of a table."""
    for note in notes:
        warn(note.message, hint=note.hint)


def chosen_columns(options: ReadOptions, values: Container[str]) -> dict[str, str]:
    """The columns that --bind names, by input. UsageError for one that has a value."""
    chosen = read_columns(options.bind)
    for name in chosen:
        if name in values:
            raise UsageError(f"`{name}` is given twice, as a value and as a column")
    return chosen


def read_columns(words: Sequence[str] | None, example: str = "--bind x=length") -> dict[str, str]:
    """INPUT=COLUMN words; a column's name may hold anything. UsageError for other words."""
    found: dict[str, str] = {}
    for word in words or ():
        name, equals, column = word.partition("=")
        name = canonical(name.strip())
        if not equals or not could_be_name(name) or not column.strip():
            raise UsageError(f"`{word}` is not of the form INPUT=COLUMN", hint=f"for example {example}")
        if name in found:
            raise UsageError(f"`{name}` is given twice", hint="give each input once")
        found[name] = column.strip()
    return found


class Run:
    """How a line wants its table computed and told of. labels: what results are called where they are no columns."""

    def __init__(
        self, options: TableOptions, engine: str, *, json: bool, strict: bool, labels: Mapping[str, str]
    ) -> None:
        self.options = options
        self.engine = engine
        self.json = json
        self.strict = strict
        self.labels = labels
        self.begin = time.perf_counter()

    def rows(
        self, table: Table, bound: Bound, nodes: dict[str, int], columns: Mapping[str, Named],
        values: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Compute rows and tell of them. values: those of the nodes that are of the whole table, the same in each."""
        calculation = Calculation(
            bound, nodes, columns, rows=self._count(table), engine=self.engine, float32=self.options.float32,
            at_once=self.strict,
        )  # fmt: skip
        self.computed(table, calculation, values)

    def computed(self, table: Table, calculation: Any, values: Mapping[str, Any] | None = None) -> None:
        """Send all rows through a calculation (also one of `terms.tables`), and tell of them. values: as of `rows`."""
        options = self.options
        shown = options.head if options.head is not None else 0 if options.target else HEAD
        kept, notes = kept_names(table, options.keep, calculation.names)
        tell_notes(notes)
        request = Request(
            calculation.columns, kept=kept, head=shown, missing=options.policy, limit=options.limit,
            texts=calculation.texts,
        )  # fmt: skip
        with RowProgress(total_to_read(table, options.limit)) as progress:
            report = files.run(
                table, calculation, request, output=options.target, raw_text=options.raw_text,
                progress=progress.advance,
            )  # fmt: skip
        calculation.tell_births()
        for name in values or {}:
            for column in calculation.columns_of(name):
                del report.outputs[column]
        if self.json:
            self._tell_json(report, calculation.engine.name, values, head=report.head if request.head else None)
            return
        if request.head and options.target != "-":
            print_aligned([list(report.head), *zip(*report.head.values(), strict=True)], sys.stdout)
            print()
        stream = sys.stderr if options.target else sys.stdout
        tell_count(report, calculation.engine.name, stream)
        tell_outputs(report, stream)
        for name, value in (values or {}).items():
            print(f"{self._label(name)} = {number_text(value)}, of the whole table", file=stream)
        tell_gaps(report, options.policy)

    def passes(
        self, table: Table, read: Callable[[], Table], bound: Bound, nodes: dict[str, int], columns: Mapping[str, Named]
    ) -> None:
        """Compute what is of the whole table, and then its rows where there are results in each of them.

        read: the table anew, from its first row.
        """
        options, unread = self.options, [table]
        single = [name for name, node in nodes.items() if is_whole(bound, node)]
        if options.keep is not None and len(single) == len(nodes):
            raise UsageError(
                "--keep copies columns beside rows, and the result is of the whole table", hint="leave --keep out"
            )
        inputs = needed_columns(bound, list(nodes.values()), columns)
        request = Request(inputs, missing=options.policy, limit=options.limit)
        total = total_to_read(table, options.limit)
        count = len(levels(bound, list(nodes.values())))
        with RowProgress(None if total is None else total * count) as progress:
            bound, report, engine = with_totals(
                lambda: unread.pop() if unread else read(), bound, list(nodes.values()), request,
                rows=self._count(table), engine=self.engine, float32=options.float32, progress=progress.advance,
            )  # fmt: skip
        values = dict(zip(single, whole_values(bound, [nodes[name] for name in single]), strict=True))
        if len(single) < len(nodes):
            with closing(read()) as again:
                self.rows(again, bound, nodes, columns, values)
            return
        assert report is not None
        assert engine is not None
        self._tell_values(values, report, engine.name)
        if options.target is not None:
            files.write_row(Calculation(bound, nodes, columns, rows=1), options.target)

    def _tell_values(self, values: Mapping[str, Any], report: Report, engine: str) -> None:
        """Results that are all of the whole table: as without a table, on standard output where that is no file."""
        if self.json:
            self._tell_json(report, engine, values)
            return
        stream = sys.stderr if self.options.target else sys.stdout
        named = len(values) > 1
        for name, value in values.items():
            print(f"{self._label(name)} = {number_text(value)}" if named else number_text(value), file=stream)
        tell_count(report, engine, sys.stderr)
        tell_gaps(report, self.options.policy)

    def _tell_json(
        self, report: Report, engine: str, values: Mapping[str, Any] | None, head: dict[str, list[Any]] | None = None
    ) -> None:
        """The summary as one JSON document."""
        document = {
            "rows": report.rows, "skipped": report.skipped, "engine": engine,
            "seconds": time.perf_counter() - self.begin, **summary_as_data(report),
        }  # fmt: skip
        if values:
            document["values"] = dict(values)
        if head is not None:
            document["head"] = head
        if self.options.target:
            document["output"] = self.options.target
        print_json(document, stream=sys.stderr if self.options.target == "-" else sys.stdout)

    def _label(self, name: str) -> str:
        return self.labels.get(name, name)

    def _count(self, table: Table) -> int:
        """About how many rows are read."""
        return table.rows if self.options.limit is None else min(table.rows, self.options.limit)


def total_to_read(table: Table, limit: int | None) -> int | None:
    """What the `read` of all batches adds up to where a limit ends the run early."""
    if table.size is None or limit is None or limit >= table.rows:
        return table.size
    return table.size * limit // table.rows


def tell_count(report: Report, engine: str, stream: TextIO) -> None:
    """How many rows there were, and what computed them."""
    counted = f"{report.rows:,} row{'' if report.rows == 1 else 's'}"
    if report.skipped:
        counted += f" ({report.skipped:,} of {report.read:,} left out)"
    print(f"{counted}, engine {engine}", file=stream)


def tell_outputs(report: Report, stream: TextIO) -> None:
    """What each column of results looks like from afar."""
    rows: list[Sequence[Any]] = [("", "min", "mean", "max", "nan", "first nan")]
    for name, summary in report.outputs.items():
        first = str(report.first_nans.get(name, ""))
        rows.append((name, summary.least, summary.mean, summary.greatest, f"{summary.nan:,}", first))
    print_aligned(rows, stream)


def tell_gaps(report: Report, policy: str) -> None:
    """A warning about cells that are missing or no number."""
    if report.gaps:
        warn(gaps_text(report), hint=gap_advice(report.gaps.values(), policy))


def summary_as_data(report: Report) -> dict[str, Any]:
    """Results from afar and gaps, as JSON has them."""
    return {
        "outputs": {
            name: {
                "min": summary.least, "mean": summary.mean, "max": summary.greatest, "nan": summary.nan,
                "first_nan_row": summary.first_nan,
            }
            for name, summary in report.outputs.items()
        },
        "gaps": {
            name: {"missing": gap.missing, "bad": gap.bad, "first_row": gap.first and gap.first.row,
                   "first_bad_row": gap.first_bad and gap.first_bad.row}
            for name, gap in report.gaps.items()
        },
    }  # fmt: skip


def print_aligned(rows: Sequence[Sequence[Any]], stream: TextIO) -> None:
    """Rows of cells under each other: the first row names the columns."""
    texts = [[cell_text(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        cells = (" " * (wanted - width(text)) + text for text, wanted in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip(), file=stream)


def cell_text(cell: Any) -> str:
    """A cell for a person."""
    if isinstance(cell, float):
        return "nan" if isnan(cell) else number_text(cell)
    return "" if cell is None else "".join(c if c.isprintable() else "?" for c in str(cell))
