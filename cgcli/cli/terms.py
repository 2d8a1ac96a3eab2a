"""Formulas whose inputs are terms, as `cg eval` and `cg grad` tell of them."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from cgcli.cli.arguments import exclude, read_bindings
from cgcli.cli.output import Births, print_gradients, print_json, print_values
from cgcli.cli.rows import (
    Run,
    chosen_columns,
    keeps_all,
    read_columns,
    tell_count,
    tell_gaps,
    tell_notes,
    total_to_read,
)
from cgcli.data import formats, stream
from cgcli.data.table import rows_of_a_batch
from cgcli.errors import UsageError
from cgcli.render.progress import RowProgress
from cgcli.terms.answers import check_engine
from cgcli.terms.asking import Question
from cgcli.terms.matching import matched, require_inputs, whole_columns
from cgcli.terms.tables import Asked, Calculation, Total

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.options import ReadOptions, TableOptions
    from cgcli.data.stream import Report
    from cgcli.data.table import Table


def refuse(**options: object) -> None:
    """UsageError for an option that formulas with terms do not have."""
    for name, value in options.items():
        if value:
            raise UsageError(f"--{name.replace('_', '-')} does not go with terms", hint="leave it out")


def print_outputs(
    formula: Formula, bindings: Sequence[str] | None, *, engine: str, digits: int | None, json: bool, strict: bool
) -> None:  # fmt: skip
    """The outputs for one term."""
    question, births = _asked(formula, bindings, engine, digits, strict)
    values = {name: plain(column[0]) for name, column in question.values().items()}
    if json:
        print_json({"values": values})
    else:
        print_values(values, None)
    births.tell()


def print_derivatives(
    formula: Formula, bindings: Sequence[str] | None, table: TableOptions | None, wrt: Sequence[str] | None,
    of: str | None, *, total: bool, engine: str, digits: int | None, json: bool, strict: bool,
) -> None:  # fmt: skip
    """What `cg grad` tells: for one term, for every row of a table, or, total, for the sum of these."""
    refuse(cluster=table is not None and table.cluster is not None)
    if table is None or not table.given():
        if total:
            raise UsageError("--sum needs a table", hint="add --data table.csv")
        print_slopes(formula, bindings, wrt, of, engine=engine, digits=digits, json=json, strict=strict)
        return
    if total:
        run_sum(formula, bindings, table, wrt, of, engine=engine, digits=digits, json=json, strict=strict)
    else:
        run_table(
            formula, bindings, table, wrt=wrt, of=of, slopes=True, engine=engine, digits=digits, json=json,
            strict=strict,
        )  # fmt: skip


def print_slopes(
    formula: Formula, bindings: Sequence[str] | None, wrt: Sequence[str] | None, of: str | None, *, engine: str,
    digits: int | None, json: bool, strict: bool,
) -> None:  # fmt: skip
    """The value for one term and its derivatives by the other inputs."""
    question, births = _asked(formula, bindings, engine, digits, strict)
    output, found, slopes = question.gradients(wrt, of)
    tell_slopes(output, float(found[0]), {name: plain(slope) for name, slope in slopes.items()}, json=json)
    births.tell()


def _asked(
    formula: Formula, bindings: Sequence[str] | None, engine: str, digits: int | None, strict: bool
) -> tuple[Question, Births]:
    """The formula for one term, and who hears of a nan that is born."""
    check_engine(engine, digits)
    births = Births(strict=strict)
    question = Question(formula, read_bindings(bindings, formula), rows=False)
    births.watch(question.bound)
    return question, births


def plain(value: Any) -> Any:
    """A float for a number, an array for others."""
    return float(value) if getattr(value, "ndim", 0) == 0 else value


def tell_slopes(output: str, value: float, slopes: dict[str, Any], *, json: bool, **more: Any) -> None:
    """A value and its gradient, as without terms."""
    if json:
        print_json({**more, "values": {output: value}, "gradients": {output: slopes}})
    else:
        print_gradients({output: value}, {output: slopes}, None)


# ---- tables ----------------------------------------------------------------------------------------------------------


def run_table(
    formula: Formula, bindings: Sequence[str] | None, options: TableOptions, *, engine: str, digits: int | None,
    json: bool, strict: bool, wrt: Sequence[str] | None = None, of: str | None = None, slopes: bool = False,
) -> None:  # fmt: skip
    """The outputs of every row of a table with terms; slopes: and their derivatives."""
    check_engine(engine, digits)
    refuse(float32=options.float32)
    births = Births(strict=strict)
    source = options.source()
    if options.target is not None:
        formats.format_of(options.target)
        source.spare(options.target, whole=True)
    with closing(source.open()) as table:
        source.spare(options.target, whole=keeps_all(table, options))
        columns, texts, asked = _matched(formula, bindings, options, table, births)
        names = [of or formula.outputs[0]] if slopes else formula.outputs
        calculation = Calculation(columns, texts, asked.slopes(wrt, of) if slopes else asked.outputs, names)
        if source.again:  # the first row tells how many columns the result has, and so how many rows go at once
            with closing(source.open()) as first:
                stream.run(first, stream.Request(columns, texts=texts, limit=1), calculation, batch_rows=1)
        Run(options, engine, json=json, strict=strict, labels={}).computed(table, calculation)
        births.tell()


def run_sum(
    formula: Formula, bindings: Sequence[str] | None, options: TableOptions, wrt: Sequence[str] | None,
    of: str | None, *, engine: str, digits: int | None, json: bool, strict: bool,
) -> None:  # fmt: skip
    """The sum of an output over the rows of a table with terms, and its gradient by what all rows share."""
    check_engine(engine, digits)
    exclude("--sum", output=options.output, keep=options.keep, head=options.head, float32=options.float32)
    births = Births(strict=strict)
    with closing(options.source().open()) as table:
        columns, texts, asked = _matched(formula, bindings, options, table, births)
        total = Total(asked, wrt, of)
        policy = "skip" if options.missing is None else options.policy
        request = stream.Request(columns, texts=texts, missing=policy, limit=options.limit)
        with RowProgress(total_to_read(table, options.limit)) as progress:
            report = stream.run(table, request, total, batch_rows=rows_of_a_batch(len(columns) + len(texts)),
                                progress=progress.advance)  # fmt: skip
    slopes = {name: plain(slope) for name, slope in total.slopes.items()}
    tell_slopes(total.output, total.value, slopes, json=json, **({"rows": report.rows} if json else {}))
    if not json:
        tell_count(report, "numpy", sys.stderr)
    tell_gaps(report, policy)
    births.tell()


# ---- facts -----------------------------------------------------------------------------------------------------------


def facts(formula: Formula, bindings: Sequence[str] | None, options: ReadOptions | None) -> dict[str, Any]:
    """What a formula with terms is made of, and how the calls of its terms are computed: those of a table, or of one.

    DataError for a term that is none.
    """
    found: dict[str, Any] = {
        "inputs": formula.inputs, "terms": formula.terms, "params": formula.params, "outputs": formula.outputs,
        "functions": list(formula.functions),
    }  # fmt: skip
    values = read_bindings(bindings, formula)
    if options is not None and options.given():
        columns, texts, _ = given_rows(formula, options, values)
        question = Question(formula, {**values, **columns, **texts}, rows=True, columns=list(columns))
    elif all(name in values for name in formula.terms):
        question = Question(formula, values, rows=False)
    else:
        return found
    return found | {f"schedule of {name}": schedule_facts(question, name) for name in formula.terms}


def given_rows(
    formula: Formula, options: ReadOptions, values: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], Report]:  # fmt: skip
    """All rows of a table: columns of numbers, and columns of terms."""
    with closing(options.source().open()) as table:
        columns, texts, notes = matched(formula, table, values, read_columns(options.bind))
        tell_notes(notes)
        require_inputs(formula, table, {*values, *columns, *texts})
        request = stream.Request(columns, texts=texts, missing=options.policy, limit=options.limit)
        return whole_columns(table, request)


def schedule_facts(question: Question, name: str) -> dict[str, Any]:
    """The batches of a column of terms, and how many calls of each kind they are made of."""
    layout, cells = question.layouts[name], question.compilation.cells.cells
    schedule = layout.schedule
    counts: Counter[str] = Counter()
    for cell, begin, end in zip(schedule.cell, schedule.start, schedule.stop, strict=True):
        counts[cells[cell].name] += int(end - begin)
    return {
        "rows": layout.terms.rows, "calls": schedule.nodes, "cells": dict(counts.most_common()),
        "depths": schedule.depths, "batches": schedule.batches, "average batch": round(schedule.average, 1),
        "in the order of": schedule.by, "saves": schedule.nodes - schedule.batches,
    }  # fmt: skip


def _matched(
    formula: Formula, bindings: Sequence[str] | None, options: TableOptions, table: Table, births: Births
) -> tuple[dict[str, Any], dict[str, str], Asked]:  # fmt: skip
    """Columns of numbers, columns of terms, and what is asked. UsageError for an input without a column or a value."""
    values = read_bindings(bindings, formula)
    chosen = chosen_columns(options, values)
    columns, texts, notes = matched(formula, table, values, chosen)
    tell_notes(notes)
    require_inputs(formula, table, {*values, *columns, *texts})
    return columns, texts, Asked(formula, values, births.watch)
