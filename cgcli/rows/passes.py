"""Reductions of whole columns over a table: the passes before the one whose rows are the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.data import stream
from cgcli.data.table import rows_of_a_batch
from cgcli.engines import choose_for_rows
from cgcli.errors import CgError, DataError
from cgcli.formulas.rows import bind_rows, declared_shapes, row_values
from cgcli.formulas.totals import Pass, levels, over_columns
from cgcli.graph.shapes import size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.data.stream import Report, Request
    from cgcli.data.table import Table
    from cgcli.engines.base import Engine
    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound


def reads_again(formula: FormulaBase, values: Mapping[str, Any], **shown: Any) -> bool:
    """Whether a formula over a table, of which nothing is known yet, may need more than one pass.

    Inputs without a value are taken for columns. shown: as `show` and `wrt` of `bind_rows`.
    """
    try:
        shapes = declared_shapes(formula, values)
        columns = {name: shapes.get(name, ()) for name in formula.inputs if name not in values}
        return over_columns(bind_rows(formula, columns, values, complete=False, **shown)).program.columns is not None
    except CgError:
        return True


def with_totals(
    tables: Callable[[], Table], bound: Bound, nodes: Sequence[int], request: Request, *, rows: int,
    engine: str = "auto", float32: bool = False, progress: Callable[[int, int], None] = lambda read, rows: None,
) -> tuple[Bound, Report | None, Engine | None]:  # fmt: skip
    """The formula with the values of the totals that nodes need; the report and the engine of the last pass for them.

    tables: the table from its first row, anew for each pass. request: its inputs are those of all passes, so that all
    of them leave out the same rows; rows: about how many there are, to choose an engine. DataError as of `stream.run`,
    and where no row is left.
    """
    report: Report | None = None
    chosen: Engine | None = None
    read_before, rows_before = 0, 0

    def advance(read: int, count: int) -> None:
        progress(read_before + read, rows_before + count)

    for totals in levels(bound, nodes):
        taken = Pass(bound, totals)
        name = "native" if float32 and engine == "auto" else engine
        chosen = choose_for_rows(bound.graph, taken.operands, name, bound.values, rows)
        width = len(request.numbers) + sum(size(bound.graph.shape_of(node)) for node in taken.operands)
        table = tables()
        try:
            report = stream.run(
                table, request, _adding(taken, chosen, float32=float32), batch_rows=rows_of_a_batch(width),
                progress=advance,
            )  # fmt: skip
        finally:
            table.close()
        read_before, rows_before = read_before + (table.size or 0), rows_before + report.read
        if not report.rows and report.skipped:
            raise DataError(f"no row is left: each of {report.read:,} has a cell that is missing or no number")
        bound = bound.over(bound.program, taken.values())
    return bound, report, chosen


def _adding(taken: Pass, engine: Engine, *, float32: bool) -> Callable[[Mapping[str, Any], int], Mapping[str, Any]]:
    """A calculation without results that takes in rows."""

    def add(columns: Mapping[str, Any], rows: int) -> Mapping[str, Any]:
        taken.add(row_values(taken.bound, columns), rows, engine, "float32" if float32 else "float64")
        return {}

    return add
