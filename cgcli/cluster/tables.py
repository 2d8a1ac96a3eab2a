"""The rows of a table through a formula, piece by piece, in any processes."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from cgcli.cluster.parts import found_part, note_part, part_name
from cgcli.cluster.pieces import open_piece
from cgcli.cluster.reports import as_data
from cgcli.data.stream import Request
from cgcli.formulas.totals import over_columns
from cgcli.kept import Kept
from cgcli.rows import files
from cgcli.rows.calculation import Calculation, gradient_columns
from cgcli.rows.matching import bind_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.cluster.pieces import How, Piece
    from cgcli.data.table import Named, Table
    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound


class TableJob:
    """What is computed for each row of a table; everything that a worker has to know.

    columns: input -> column. show: names of inner nodes for `eval`; derivatives: (wrt, of) for `grad`, else None. kept:
    columns that are copied. head: so many first rows are remembered. rows: of the whole table. folder, key: where
    parts are written, and whose they are; None where nothing is written.
    """

    def __init__(
        self, formula: FormulaBase, values: Mapping[str, Any], columns: Mapping[str, Named], how: How, *,
        show: Sequence[str] = (), derivatives: tuple[Sequence[str] | None, str | None] | None = None,
        engine: str = "auto", float32: bool = False, policy: str = "nan", kept: Sequence[str] = (), head: int = 0,
        rows: int = 1, alone: bool = True, folder: str | None = None, key: str = "",
    ) -> None:  # fmt: skip
        self.formula = formula
        self.values = dict(values)
        self.columns = dict(columns)
        self.how = how
        self.show = list(show)
        self.derivatives = derivatives
        self.engine = engine
        self.float32 = float32
        self.policy = policy
        self.kept = list(kept)
        self.head = head
        self.rows = rows
        self.alone = alone
        self.folder = folder
        self.key = key

    def chosen(self, bound: Bound) -> tuple[Bound, dict[str, int]]:
        """The nodes of the results by their columns' names, and their formula."""
        if self.derivatives is None:
            return bound, bound.chosen(self.show)
        return gradient_columns(bound, *self.derivatives)

    def bound(self, table: Table) -> Bound:
        """The formula for one row of the table."""
        wrt = None if self.derivatives is None else self.derivatives[0]
        return over_columns(bind_columns(self.formula, table, self.columns, self.values, self.show, wrt))

    def calculation(self, bound: Bound, nodes: dict[str, int]) -> Calculation:
        """The calculation of rows."""
        return Calculation(
            bound, nodes, self.columns, rows=self.rows, engine=self.engine, float32=self.float32
        )  # fmt: skip


_MADE = Kept(8)
"""In a worker: job -> its formula for one row and the nodes of its results."""


def compute(job: TableJob, task: Sequence[tuple[int, Piece]]) -> list[dict[str, Any]]:
    """What was found in the pieces of a task, each with the place of its part; a part that is there is not computed."""
    return [compute_piece(job, place, piece) for place, piece in task]


def compute_piece(job: TableJob, place: int, piece: Piece) -> dict[str, Any]:
    """What was found in one piece: a report as data, the rows in which something was born, the first rows."""
    if job.folder is not None and (there := found_part(job.folder, place, job.key)) is not None:
        return {**there, "head": {}, "again": True}
    with closing(open_piece(piece, job.how, alone=job.alone)) as table:
        made = _MADE.get(id(job))
        if made is None or made[0] is not job:
            made = (job, *job.chosen(job.bound(table)))
            _MADE.put(id(job), made)
        calculation = job.calculation(made[1], made[2])
        request = Request(
            calculation.columns, kept=job.kept, head=job.head, missing=job.policy, is_part=True
        )  # fmt: skip
        target = None if job.folder is None else os.path.join(job.folder, part_name(place))
        report = files.run(table, calculation, request, output=target)
    births = calculation.births
    first = {name: value.tolist() for name, value in births.first.items()}
    found = {**as_data(report), "births": [births.count, first], "engine": calculation.engine.name}
    if job.folder is not None:
        note_part(job.folder, place, job.key, found)
    return {**found, "head": report.head, "again": False}
