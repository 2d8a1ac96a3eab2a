"""A table computed on a cluster, as whoever asks for it sees it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from cgcli.cluster import reports
from cgcli.cluster.parts import Folder, fingerprint
from cgcli.cluster.pieces import cut_into_pieces, flat, price, require_files
from cgcli.cluster.tables import TableJob, compute
from cgcli.data.stream import Report
from cgcli.data.table import names_of, rows_of_a_batch
from cgcli.errors import ShapeError, UsageError
from cgcli.formulas.totals import levels
from cgcli.graph.walk import ancestors
from cgcli.rows.matching import check_inputs, kept_names, match_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.cluster.executor import Executor
    from cgcli.cluster.pieces import Piece
    from cgcli.data.table import Named, Table
    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound
    from cgcli.rows.calculation import Calculation
    from cgcli.rows.matching import Note
    from cgcli.rows.sources import Source


class TableRun:
    """A formula for every row of a table on a cluster: what is to be done, and what was found.

    job, tasks: what workers are told. calculation: the same in this process, which tells of births. notes: what is to
    be told of how columns were matched. total: about how many rows there are. report: what was found so far. again:
    how many parts were there already.
    """

    def __init__(
        self, formula: FormulaBase, source: Source, values: Mapping[str, Any], bound_columns: Mapping[str, str], *,
        show: Sequence[str] = (), derivatives: tuple[Sequence[str] | None, str | None] | None = None,
        engine: str = "auto", float32: bool = False, policy: str = "nan", keep: str | None = None, head: int = 0,
        folder: str | None = None, watch: Callable[[Bound], Bound] = lambda bound: bound,
    ) -> None:  # fmt: skip
        """keep: as of `rows.matching.kept_names`. folder: where parts are written; None where nothing is.

        UsageError for data that are in no file; errors of matching columns, and of the formula, as without a cluster.
        """
        require_files(source.is_path and not source.is_stream)
        with closing(source.open()) as table:
            columns, noted = match_columns(formula, table, values, dict(bound_columns))
            self.notes: list[Note] = list(noted)
            self.job = TableJob(
                formula, values, columns, source.how, show=show, derivatives=derivatives, engine=engine,
                float32=float32, policy=policy, head=head, rows=table.rows, alone=len(source.files()) == 1,
            )  # fmt: skip
            self.calculation = self._checked(table, columns, watch)
            self.job.engine = self.calculation.engine.name  # which depends on what a process has loaded
            self.job.kept, notes = kept_names(table, keep, self.calculation.names)
            self.total = table.size
        self.notes += notes
        self.columns = names_of(self.calculation.columns.values())
        self._source = source
        self._cells = len(self.columns) + len(self.job.kept) + len(self.calculation.names)
        self.tasks = self._tasks()
        self.pieces: list[Piece] = [piece for _, piece in flat(self.tasks)]
        self.folder: Folder | None = None
        if folder is not None:
            key = self._key()
            self.folder = Folder(folder, key, len(self.pieces))
            self.job.folder, self.job.key = folder, key
        self.report = Report(self.columns)
        self.again = 0
        self.engine = self.calculation.engine.name

    def _checked(
        self, table: Table, columns: Mapping[str, Named], watch: Callable[[Bound], Bound]
    ) -> Calculation:  # fmt: skip
        bound = watch(self.job.bound(table))
        check_inputs(bound, columns, table)
        bound, nodes = self.job.chosen(bound)
        if levels(bound, list(nodes.values())):
            raise ShapeError(
                "a reduction of a column is of the whole table, which no worker has", hint="leave --cluster out"
            )
        self._nodes = sum(ancestors(bound.graph, nodes.values()))
        return self.job.calculation(bound, nodes)

    def _tasks(self) -> list[list[tuple[int, Piece]]]:
        """The pieces of each task, with the numbers of their parts."""
        seconds = price(self._nodes, self._cells)
        tasks, place = [], 0
        for pieces in cut_into_pieces(self._source, rows_of_a_batch(self._cells), seconds):
            tasks.append([(place + each, piece) for each, piece in enumerate(pieces)])
            place += len(pieces)
        return tasks

    def _key(self) -> str:
        """What tells this run from those of other formulas, values and data."""
        job, source = self.job, self.job.formula.source
        text = source.text if source is not None else repr(job.formula.__reduce__())
        columns = {name: each if isinstance(each, str) else list(each.columns) for name, each in job.columns.items()}
        return fingerprint(
            text, job.values, columns, list(job.how), job.show, job.derivatives or "", job.engine, job.float32,
            job.policy, job.kept, list(map(tuple, self.pieces)),
        )  # fmt: skip

    def run(self, executor: Executor, progress: Callable[[int, int], None] = lambda read, rows: None) -> Report:
        """Compute everything, and return what was found. progress: as for `data.stream.run`, in rows."""
        for parts in executor.run(compute, self.job, self.tasks):
            for found in parts:
                self._take(found)
            progress(self.report.read, self.report.read)
        reports.require_numbers(self.report, self._source.name, self.columns)
        if self.folder is not None:
            self.folder.finish(self.pieces, self.report.rows)
        self.calculation.tell_births()
        return self.report

    def _take(self, found: dict[str, Any]) -> None:
        import numpy as np

        reports.add(self.report, found, self.columns)
        self.again += found["again"]
        count, first = found["births"]
        self.calculation.births.take(count, {name: np.asarray(value) for name, value in first.items()})
        for name, values in found["head"].items():
            held = self.report.head.setdefault(name, [])
            held.extend(values[: self.job.head - len(held)])


def refuse_file(target: str | None) -> str | None:
    """The folder that results are written to. UsageError for the name of a file, and for standard output."""
    if target is None:
        return None
    import os

    if target == "-" or (os.path.splitext(target)[1] and not os.path.isdir(target) and not target.endswith(os.sep)):
        raise UsageError("workers write parts, which need a folder", hint="for example -o out/")
    return target
