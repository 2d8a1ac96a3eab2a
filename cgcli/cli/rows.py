"""`--data`: a formula for every row of a table, as a command tells of it. Shared by `cg eval` and `cg grad`."""

from __future__ import annotations

import sys
import time
from math import isnan
from typing import TYPE_CHECKING

from cgcli.cli.arguments import could_be_name, read_bindings
from cgcli.cli.output import Births, number_text, print_json, warn
from cgcli.data import formats
from cgcli.data.stream import Request, gap_advice, gap_text
from cgcli.errors import UsageError
from cgcli.language.spelling import canonical
from cgcli.render.errors import width
from cgcli.render.progress import RowProgress
from cgcli.rows import files
from cgcli.rows.calculation import Calculation
from cgcli.rows.matching import bind_columns, check_inputs, kept_names, match_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TextIO

    from cgcli.api.formula import Formula
    from cgcli.cli.options import TableOptions
    from cgcli.data.stream import Report
    from cgcli.data.table import Table
    from cgcli.formulas.bound import Bound

    Choice = Callable[[Bound], tuple[Bound, dict[str, int]]]

HEAD = 10
"""Rows that are shown where no file is written."""


def run_table(
    formula: Formula, bindings: Sequence[str] | None, options: TableOptions, choose: Choice, *,
    show: Sequence[str] = (), wrt: Sequence[str] | None = None, engine: str = "auto", json: bool = False,
    strict: bool = False,
) -> None:  # fmt: skip
    """Compute the nodes that `choose` picks, by the names of their columns, for all rows of the table.

    choose: from the formula for one row to the one that has these nodes (derivatives are in a graph of their own).
    """
    path = options.check()
    values, bound_columns = read_bindings(bindings, formula), read_columns(options.bind)
    for name in bound_columns:
        if name in values:
            raise UsageError(f"`{name}` is given twice, as a value and as a column")
    if options.target is not None:
        formats.format_of(options.target)
    table = formats.open_table(path, options.format, separator=options.separator, decimal=options.decimal)
    try:
        columns, notes = match_columns(formula, table, values, bound_columns)
        for note in notes:
            warn(note.message, hint=note.hint)
        bound = bind_columns(formula, table, columns, values, show, wrt)
        check_inputs(bound, columns, table)
        rows = table.rows if options.limit is None else min(table.rows, options.limit)
        births = Births(strict=strict)
        calculation = Calculation(
            *choose(births.watch(bound)), columns, rows=rows, engine=engine, float32=options.float32, at_once=strict,
        )  # fmt: skip
        _run(table, calculation, options, json)
        births.tell()
    finally:
        table.close()


def read_columns(words: Sequence[str] | None) -> dict[str, str]:
    """INPUT=COLUMN words; a column's name may hold anything. UsageError for other words."""
    found: dict[str, str] = {}
    for word in words or ():
        name, equals, column = word.partition("=")
        name = canonical(name.strip())
        if not equals or not could_be_name(name) or not column.strip():
            raise UsageError(f"`{word}` is not of the form INPUT=COLUMN", hint="for example --bind x=length")
        if name in found:
            raise UsageError(f"`{name}` is given twice", hint="give each input once")
        found[name] = column.strip()
    return found


def _run(table: Table, calculation: Calculation, options: TableOptions, json: bool) -> None:
    """The run itself, and what is printed about it."""
    shown = options.head if options.head is not None else 0 if options.target else HEAD
    kept, notes = kept_names(table, options.keep, calculation.names)
    for note in notes:
        warn(note.message, hint=note.hint)
    request = Request(calculation.columns, kept=kept, head=shown, missing=options.policy, limit=options.limit)
    begin = time.perf_counter()
    with RowProgress(total_to_read(table, options.limit)) as progress:
        report = files.run(
            table, calculation, request, output=options.target, raw_text=options.raw_text, progress=progress.advance
        )
    calculation.tell_births()
    seconds = time.perf_counter() - begin
    if json:
        tell_json(report, request, calculation, seconds, options)
    else:
        tell(report, request, calculation, options)


def total_to_read(table: Table, limit: int | None) -> int | None:
    """What the `read` of all batches adds up to where a limit ends the run early."""
    if table.size is None or limit is None or limit >= table.rows:
        return table.size
    return table.size * limit // table.rows


def tell(report: Report, request: Request, calculation: Calculation, options: TableOptions) -> None:
    """The head, then the summary; the summary goes to standard error where results went to a file."""
    if request.head and options.target != "-":
        print_aligned([list(report.head), *zip(*report.head.values(), strict=True)], sys.stdout)
        print()
    stream = sys.stderr if options.target else sys.stdout
    counted = f"{report.rows:,} row{'' if report.rows == 1 else 's'}"
    if report.skipped:
        counted += f" ({report.skipped:,} of {report.read:,} left out)"
    print(f"{counted}, engine {calculation.engine.name}", file=stream)
    rows: list[Sequence[Any]] = [("", "min", "mean", "max", "nan", "first nan")]
    for name, summary in report.outputs.items():
        first = "" if summary.first_nan is None else f"row {summary.first_nan:,}"
        rows.append((name, summary.least, summary.mean, summary.greatest, f"{summary.nan:,}", first))
    print_aligned(rows, stream)
    if report.gaps:
        told = "; ".join(f"column `{name}`: {gap_text(gap)}" for name, gap in report.gaps.items())
        warn(told, hint=gap_advice(report.gaps.values(), options.policy))


def tell_json(
    report: Report, request: Request, calculation: Calculation, seconds: float, options: TableOptions
) -> None:
    """The summary as one JSON document."""
    document: dict[str, Any] = {
        "rows": report.rows, "skipped": report.skipped, "engine": calculation.engine.name, "seconds": seconds,
        "outputs": {
            name: {
                "min": summary.least, "mean": summary.mean, "max": summary.greatest, "nan": summary.nan,
                "first_nan_row": summary.first_nan,
            }
            for name, summary in report.outputs.items()
        },
        "gaps": {
            name: {"missing": gap.missing, "bad": gap.bad, "first_row": gap.first and gap.first[0],
                   "first_bad_row": gap.first_bad and gap.first_bad[0]}
            for name, gap in report.gaps.items()
        },
    }  # fmt: skip
    if request.head:
        document["head"] = report.head
    if options.target:
        document["output"] = options.target
    print_json(document, stream=sys.stderr if options.target == "-" else sys.stdout)


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
