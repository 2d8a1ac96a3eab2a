"""The sum over the rows of a table, and its gradient, piece by piece: `Formula.grad_sum` on a cluster.

Every batch of rows gives its sums, as without a cluster, and they are added up here in the order of the rows. So the
sum has the same bits for any number of workers, and for none. Values that all rows share go along with each call,
under keys of its own; what is compiled is kept by the formula and the shapes of the values alone.
"""

from __future__ import annotations

import pickle
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from cgcli.cluster import reports
from cgcli.cluster.executor import Opened
from cgcli.cluster.parts import fingerprint
from cgcli.cluster.pieces import cut_into_pieces, open_piece, price, require_files
from cgcli.data.stream import Report
from cgcli.data.table import names_of, rows_of_a_batch, values_of
from cgcli.errors import UsageError
from cgcli.formulas import given
from cgcli.kept import Kept
from cgcli.rows.matching import match_columns
from cgcli.rows.sources import Source, WholeRows, source_of
from cgcli.rows.sums import RowSum, Total, all_finite, is_mapping, result_of, sum_over, tell_report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.cluster.executor import Executor
    from cgcli.cluster.pieces import How, Piece
    from cgcli.data.table import Named, Table
    from cgcli.formulas.base import FormulaBase
    from cgcli.rows.sources import Part

MEMORY = 1 << 28
"""Bytes of columns that a worker keeps for the next call."""


class SumJob:
    """What is summed; everything that a worker has to know.

    packed: the formula, pickled. shared: values that all rows share. columns: input -> column. rows: of the whole
    table.
    """

    def __init__(
        self, packed: bytes, shared: Mapping[str, Any], columns: Mapping[str, Named], how: How, *,
        wrt: Sequence[str] | None, of: str | None, engine: str, rows: int, alone: bool,
    ) -> None:  # fmt: skip
        self.packed = packed
        self.shared = dict(shared)
        self.columns = dict(columns)
        self.how = how
        self.wrt = wrt
        self.of = of
        self.engine = engine
        self.rows = rows
        self.alone = alone

    @property
    def names(self) -> list[str]:
        """The columns that are read."""
        return names_of(self.columns.values())

    def key(self) -> str:
        """What tells compiled sums apart: the formula and the shapes of the values, not the values."""
        shapes = {name: np.shape(value) for name, value in self.shared.items()}
        columns = {name: each if isinstance(each, str) else list(each.columns) for name, each in self.columns.items()}
        return fingerprint(
            self.packed, shapes, columns, list(self.wrt) if self.wrt is not None else "", self.of or "", self.engine,
            self.rows,
        )  # fmt: skip


_SUMS = Kept(16)
"""Compiled sums by `SumJob.key`."""


class Held:
    """The rows of a piece that are whole, as they were read, and what was found while they were."""

    def __init__(self, parts: list[Part], report: Report) -> None:
        self.parts = parts
        self.report = report

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return sum(column.nbytes for part in self.parts for column in part.columns.values())


_HELD = Kept(1024, heaviest=MEMORY, weigh=lambda held: held.nbytes)
"""In a worker: columns by piece and names."""


def summed(job: SumJob, table: Table) -> RowSum:
    """The sum of a job, compiled now or before."""
    key = job.key()
    found: RowSum | None = _SUMS.get(key)
    if found is None:
        formula = pickle.loads(job.packed)
        found = sum_over(
            formula, table, job.columns, job.shared, wrt=job.wrt, of=job.of, engine=job.engine, rows=job.rows
        )  # fmt: skip
        if found.lasts:
            _SUMS.put(key, found)
    return found


def compute(job: SumJob, task: Sequence[Piece]) -> list[dict[str, Any]]:
    """The sums of the batches of each piece of a task, what was read, and where something not finite began."""
    return [compute_piece(job, piece) for piece in task]


def compute_piece(job: SumJob, piece: Piece) -> dict[str, Any]:
    """The sums of the batches of a piece."""
    with closing(open_piece(piece, job.how, alone=job.alone)) as table:
        over = summed(job, table)
        held = held_rows(job, piece, table)
        sums, broken = [], []
        shared = {name: given.normalised(name, value) for name, value in job.shared.items()}
        for part in held.parts:
            batch = {name: values_of(column, part.columns) for name, column in job.columns.items()}
            found = over(shared, batch, part.rows)
            sums.append([np.asarray(each) for each in found])
            if not all(map(all_finite, found)):
                place, births = over.births(shared, batch, part.rows)
                where = "" if place < 0 else f"; first in {table.located(part.number(place))}"
                broken.append((where, births))
    return {"sums": sums, "rows": held.report.rows, "report": reports.as_data(held.report), "broken": broken}


def held_rows(job: SumJob, piece: Piece, table: Table) -> Held:
    """The rows of a piece, read now or before."""
    key = (piece, tuple(job.names), job.how, job.alone)
    held: Held | None = _HELD.get(key)
    if held is None:
        rows = WholeRows(Source(table), job.names, memory=0)
        held = Held(list(rows.parts()), rows.report)
        if held.nbytes <= MEMORY // 4:
            _HELD.put(key, held)
    return held


def grad_sum(
    formula: FormulaBase, data: Any, shared: Mapping[str, Any], cluster: str | Executor, *,
    wrt: Sequence[str] | None, of: str | None, mean: bool, engine: str,
) -> tuple[float, dict[str, Any]]:  # fmt: skip
    """See `Formula.grad_sum`. UsageError for data that are in no file."""
    if formula.programs.names.terms:
        raise UsageError("terms are not computed on a cluster", hint="leave cluster out")
    require_files(not is_mapping(data))
    source = source_of(data)
    require_files(source.is_path and not source.is_stream)
    with closing(source.open()) as table:
        columns, _ = match_columns(formula, table, shared, {})
        job = SumJob(
            pickle.dumps(formula), shared, columns, source.how, wrt=wrt, of=of, engine=engine, rows=table.rows,
            alone=len(source.files()) == 1,
        )  # fmt: skip
        over = sum_over(formula, table, columns, shared, wrt=wrt, of=of, engine=engine, rows=table.rows)
        job.engine = over.engine  # which depends on what a process has loaded
    seconds = price(over.nodes, len(job.names))
    tasks = cut_into_pieces(source, rows_of_a_batch(len(job.names)), seconds)
    totals = [Total() for _ in range(1 + len(over.names))]
    report = Report(job.names)
    with Opened(cluster) as executor:
        for found in found_in(executor, job, tasks):
            for sums in found["sums"]:
                for total, each in zip(totals, sums, strict=True):
                    total.add(each)
            reports.add(report, found["report"], job.names)
            for where, births in found["broken"]:
                over.tell(where, births)
    reports.require_numbers(report, source.name, job.names)
    tell_report(report)
    return result_of(over, [total.value(0) for total in totals], report.rows, mean)


def found_in(executor: Executor, job: SumJob, tasks: Sequence[Sequence[Piece]]) -> Iterator[dict[str, Any]]:
    """What was found in each piece, in order."""
    for pieces in executor.run(compute, job, tasks):
        yield from pieces
