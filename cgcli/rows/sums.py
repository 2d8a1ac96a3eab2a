"""Sums over rows: of a number that each row has, and of its gradient by what all rows share.

    RowSum(bound, columns)          made once; called with columns and values as often as one likes
    grad_sum(formula, data, …)      the same for data of every kind, read once

No derivative of a single row is kept: native kernels sum blocks of rows in the cache, and where there are arrays the
sums go inwards (see `engines.row_sums`). Which rows make a block depends on the data alone, and blocks are added up in
their order, so a sum has the same bits on any number of threads.
"""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any
from warnings import warn
from weakref import WeakKeyDictionary

import numpy as np

from cgcli.data.stream import gaps_text
from cgcli.data.table import names_of, values_of
from cgcli.engines import choose, choose_for_rows
from cgcli.engines.results import separated
from cgcli.engines.row_sums import RowSums
from cgcli.engines.threads import in_order, processors
from cgcli.errors import DataError, GapWarning, ShapeError, UsageError
from cgcli.explain.births import Birth, births_of
from cgcli.formulas import given
from cgcli.formulas.derivatives import gradient_nodes, need_scalar, targets, variables
from cgcli.formulas.rows import bind_columns, refuse_reductions, require_positions, row_values
from cgcli.graph.shapes import size
from cgcli.graph.walk import ancestors, descendants
from cgcli.kept import Kept
from cgcli.rows import matching
from cgcli.rows.sources import Source, WholeRows, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cgcli.data.stream import Report
    from cgcli.data.table import Named, Table
    from cgcli.engines.base import BlocksOver
    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound

CELLS = 32_768
"""Numbers of a block (256 KB): it stays in a core's cache from the kernel to its sum."""

FEWEST, MOST = 256, 8_192
"""Rows of a block."""

BLOCKS = 8
"""Blocks of one piece of work for a thread."""


class RowSum:
    """The sum over rows of a number that each row has, and its gradient by what all rows share.

    names: what it is differentiated by. lasts: whether it is the same for all values of these
    shapes. nodes: of the graph, which say what a row costs. Safe for threads.
    """

    def __init__(
        self, bound: Bound, columns: Sequence[str], wrt: Sequence[str] | None = None, of: str | None = None, *,
        rows: int = 1, engine: str = "auto",
    ) -> None:  # fmt: skip
        """bound: the formula for one row of the columns (see `formulas.rows.bind_rows`). wrt, of: as for `f.grad`; by
        default all inputs that are no columns. rows: how many there will be, to choose an engine.

        UsageError where the formula has several outputs and none is named, and for a name that differs from row to row;
        ShapeError for an output that is no number, and for a reduction over a column.
        """
        chosen = targets(bound.program, of)
        if len(chosen) > 1:
            raise UsageError("the formula has several outputs", hint=f"name one: of={next(iter(chosen))!r}")
        ((output, node),) = chosen.items()
        need_scalar(bound.graph, output, node)
        refuse_reductions(bound, [node])
        if bound.program.columns is not None:
            raise ShapeError(
                f"`{bound.program.columns.totals[0].asked}` of a column stands in what is summed over the rows",
                hint="write the sum in the formula, sum(…): f.grad_rows gives its derivatives",
            )
        self.names = self._shared(bound, columns, wrt, output)
        self._bound, nodes = gradient_nodes(bound, self.names, output)
        self._wanted = [node, *nodes[output].values()]
        graph = self._bound.graph
        self.nodes = sum(ancestors(graph, self._wanted))
        self._shapes = [graph.shape_of(each) for each in self._wanted]
        deferred = [name for name in bound.program.defaults if name not in bound.values]
        self._deferred = bool(deferred)
        self.lasts = not bound.program.specialised and not bound.program.defaults
        varying = [*columns, *deferred]
        self.engine = choose_for_rows(graph, self._wanted, engine, bound.values, rows).name
        if self.engine == "native":
            from cgcli.engines.native import ENGINE

            blocks = ENGINE.blocks(graph, self._wanted, varying)
            self._blocks, self._height = blocks, max(FEWEST, min(MOST, CELLS // blocks.width))
        else:
            self._plan, self._lock = RowSums(graph, self._wanted, varying), Lock()

    @staticmethod
    def _shared(bound: Bound, columns: Sequence[str], wrt: Sequence[str] | None, output: str) -> list[str]:
        """The names to differentiate by."""
        inputs = bound.graph.inputs()
        deferred = [name for name in bound.program.defaults if name not in bound.values]
        varies = descendants(bound.graph, [inputs[name] for name in (*columns, *deferred) if name in inputs])
        found = variables(bound.program, wrt, output)
        if wrt is None:
            return [name for name, node in found.items() if not varies[node]]
        for name, node in found.items():
            if varies[node]:
                raise UsageError(
                    f"`{name}` differs from row to row: a sum has no one derivative by it",
                    hint="f.grad_rows gives one a row",
                )
        return list(found)

    def __call__(
        self, values: Mapping[str, Any], columns: Mapping[str, Any], rows: int,
        number: Callable[[int], int] | None = None,
    ) -> list[Any]:  # fmt: skip
        """The sum and its derivatives, in the order of `names`: float64 and arrays of their shapes; not finite where
        something is not.

        values: the inputs that all rows share; those that were bound may be left away. columns: float64 arrays with so
        many rows in front. number: from the place of a row to its number, for messages.
        """
        everything = {**self._bound.values, **values, **columns}
        if self._deferred:
            over = self._bound.over(self._bound.program)
            over.values = everything
            everything = row_values(over, columns)
        if self.engine == "native":
            return self._by_blocks(everything, rows)
        require_positions(self._bound, self._wanted, everything, number)
        with self._lock:
            return separated(self._plan(everything, rows), everything.values())

    def _by_blocks(self, values: Mapping[str, Any], rows: int) -> list[Any]:
        """Sums by native kernels."""
        over = self._blocks.at(values).over(values)
        step = BLOCKS * self._height
        jobs = (partial(self._piece, over, first, min(first + step, rows)) for first in range(0, rows, step))
        total = Total()
        for found in in_order(jobs, processors()):
            total.add(found)
        flat = total.value(self._blocks.width)
        ends = np.cumsum([size(shape) for shape in self._shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), self._shapes, strict=True)]

    def _piece(self, over: BlocksOver, begin: int, end: int) -> Any:
        """The sums of some blocks, one after the other."""
        out = np.empty((self._blocks.width, min(self._height, end - begin)))
        total = Total()
        with np.errstate(all="ignore"):
            for first in range(begin, end, self._height):
                last = min(first + self._height, end)
                over.fill(first, last, out)
                total.add(np.add.reduce(out[:, : last - first], axis=1))
        return total.value(self._blocks.width)

    def births(self, values: Mapping[str, Any], columns: Mapping[str, Any], rows: int) -> tuple[int, list[Birth]]:
        """The place of the first row whose sums are not finite, and where that began; -1 where no single row is."""
        first, last = 0, rows
        while last - first > 1:
            middle = (first + last) // 2
            part = {name: column[first:middle] for name, column in columns.items()}
            if all(map(all_finite, self(values, part, middle - first))):
                first = middle
            else:
                last = middle
        row = {name: column[first] for name, column in columns.items()}
        graph = self._bound.graph
        everything = {**self._bound.values, **values, **row}
        found = births_of(graph, self._wanted, lambda nodes: choose(graph, nodes), everything, self._bound.source)
        return (first, found) if found else (-1, [Birth("the sum of the rows overflows", None, self._bound.source)])

    def tell(self, place: str, births: Sequence[Birth]) -> None:
        """Tell whoever listens where what is not finite began. place: which row."""
        if self._bound.is_heard(self._wanted):
            for birth in births:
                birth.message += place
            self._bound.tell(list(births))


class Total:
    """A sum of arrays with what was lost to rounding added at the end (A. Neumaier, ZAMM 54 (1974), 39–51)."""

    def __init__(self) -> None:
        self._sum: Any = None
        self._lost: Any = 0.0

    def add(self, values: Any) -> None:
        """Add an array; all have one shape."""
        if self._sum is None:
            self._sum, self._lost = np.array(values), np.zeros(np.shape(values))
            return
        with np.errstate(all="ignore"):
            total = self._sum + values
            larger = np.abs(self._sum) >= np.abs(values)
            self._lost += np.where(larger, (self._sum - total) + values, (values - total) + self._sum)
        self._sum = total

    def value(self, width: int) -> Any:
        """The sum; zeros where nothing was added."""
        if self._sum is None:
            return np.zeros(width)
        return np.where(np.isfinite(self._sum), self._sum + self._lost, self._sum)


def grad_sum(
    formula: FormulaBase, data: Any, shared: Mapping[str, Any], *, wrt: Sequence[str] | None, of: str | None,
    mean: bool, engine: str,
) -> tuple[float, dict[str, Any]]:  # fmt: skip
    """See `Formula.grad_sum`. shared: values that all rows share, beside those that a mapping holds."""
    if is_mapping(data):
        return _of_values(formula, {**given.given_values(data, {}), **shared}, wrt, of, mean, engine)
    source = source_of(data)
    table = source.open()
    if not source.again:
        source = Source(table)
    try:
        columns, _ = matching.match_columns(formula, table, shared, {})
        over = sum_over(formula, table, columns, shared, wrt=wrt, of=of, engine=engine, rows=table.rows)
    finally:
        if source.again:
            table.close()
    whole = WholeRows(source, names_of(columns.values()), memory=0)
    totals = [Total() for _ in range(1 + len(over.names))]
    rows = 0
    for part in whole.parts():
        batch = {name: values_of(column, part.columns) for name, column in columns.items()}
        found = over({}, batch, part.rows, part.number)
        if not all(map(all_finite, found)):
            place, births = over.births({}, batch, part.rows)
            over.tell("" if place < 0 else f"; first in {source.located(part.number(place))}", births)
        for total, each in zip(totals, found, strict=True):
            total.add(each)
        rows += part.rows
    tell_report(whole.report)
    return result_of(over, [total.value(0) for total in totals], rows, mean)


def sum_over(
    formula: FormulaBase, table: Table, columns: Mapping[str, Named], shared: Mapping[str, Any], *,
    wrt: Sequence[str] | None, of: str | None, engine: str, rows: int,
) -> RowSum:  # fmt: skip
    """The sum over the rows of a table. columns: input -> column. rows: of all of the table, to choose an engine."""
    bound = matching.bind_columns(formula, table, columns, shared, (), wrt)
    matching.check_inputs(bound, columns, table)
    return RowSum(bound, list(columns), wrt, of, rows=rows, engine=engine)


def tell_report(report: Report) -> None:
    """Warn of rows that were left out."""
    if report.skipped:
        _tell_gaps(report.skipped, gaps_text(report))


def is_mapping(data: Any) -> bool:
    """Whether data are a mapping of values, columns and others; a frame and an Arrow table hold columns only."""
    return data is None or (hasattr(data, "keys") and not hasattr(data, "columns"))


class _Call:
    """What a call on columns in memory means, for all calls with values of the same names and shapes."""

    def __init__(self, over: RowSum, columns: Sequence[str], rows: int) -> None:
        self.over = over
        self.columns = list(columns)
        self.rows = rows


_CALLS: WeakKeyDictionary[FormulaBase, Kept] = WeakKeyDictionary()
"""Calls by formula and by the names and shapes of their values."""

CALLS = 16
"""Calls that are kept for a formula."""


def _of_values(
    formula: FormulaBase, values: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None, mean: bool, engine: str
) -> tuple[float, dict[str, Any]]:
    """The sum over rows of columns in memory, which are told from what rows share by their shapes."""
    plain = all(type(value) is float or (type(value) is np.ndarray and value.dtype == np.float64)
                for value in values.values())  # fmt: skip
    shapes = tuple([(name, np.shape(value)) for name, value in values.items()]) if plain else None
    kept = _CALLS.setdefault(formula, Kept(CALLS))
    key = (shapes, None if wrt is None else tuple(given.name_list(wrt)), of, engine)
    call: _Call | None = kept.get(key) if plain else None
    if call is None:
        call, values, lasts = _call(formula, values, wrt, of, engine)
        if plain and lasts:
            kept.put(key, call)
    columns = {name: values[name] for name in call.columns}
    fixed = {name: value for name, value in values.items() if name not in columns}
    rows, whole = call.rows, _whole(columns, call.rows)
    if whole is not None:
        columns = {name: column[whole] for name, column in columns.items()}
        rows = int(whole.sum())
        _tell_gaps(call.rows - rows, "")
    found = call.over(
        fixed, columns, rows, lambda place: place + 1 if whole is None else int(np.flatnonzero(whole)[place]) + 1
    )
    if not all(map(all_finite, found)):
        place, births = call.over.births(fixed, columns, rows)
        row = place if whole is None or place < 0 else int(np.flatnonzero(whole)[place])
        call.over.tell("" if place < 0 else f"; first in row {row + 1:,}", births)
    return result_of(call.over, found, rows, mean)


def _call(
    formula: FormulaBase, values: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None, engine: str
) -> tuple[_Call, Mapping[str, Any], bool]:
    """What a call means, the values of its inputs, and whether another call with such shapes means the same."""
    bound, rows = bind_columns(formula, values, wrt)
    inputs = bound.graph.inputs()
    of_rows = {name for name, value in bound.values.items()
               if name in inputs and np.ndim(value) > len(bound.graph.shape_of(inputs[name]))}  # fmt: skip
    columns = [name for name in values if name in of_rows]  # a default may follow from them, and is computed anew
    for_one = bound.over(bound.program)
    for_one.values = {name: value for name, value in bound.values.items() if name not in of_rows}
    over = RowSum(for_one, columns, wrt, of, rows=rows, engine=engine)
    return _Call(over, columns, rows), {**for_one.values, **{name: bound.values[name] for name in columns}}, over.lasts


def all_finite(values: Any) -> bool:
    """Whether no number is nan or infinite; their sum says so in one pass, unless it overflows."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.add.reduce(values, axis=None))) or bool(np.isfinite(values).all())


def _whole(columns: Mapping[str, Any], rows: int) -> Any:
    """Which rows have no gap; None where none has one."""
    whole = None
    for column in columns.values():
        if column.size and np.isnan(column.min()):  # which is nan where one of them is
            gaps = np.isnan(column).reshape(rows, -1).any(axis=1)
            whole = ~gaps if whole is None else whole & ~gaps
    return whole


def _tell_gaps(count: int, where: str) -> None:
    rows = "1 row has a gap and is left out" if count == 1 else f"{count:,} rows have a gap and are left out"
    warn(GapWarning(f"{rows}{f': {where}' if where else ''}"), stacklevel=4)


def result_of(over: RowSum, found: list[Any], rows: int, mean: bool) -> tuple[float, dict[str, Any]]:
    """Sums, or means, as callers see them."""
    if mean and not rows:
        raise DataError("there is no row to take the mean of")
    if mean:
        share = 1.0 / rows
        exact = not rows & (rows - 1)  # a power of two: the product, which is several times quicker, is the quotient
        for place, each in enumerate(found):
            out = each if np.ndim(each) else None
            found[place] = np.multiply(each, share, out=out) if exact else np.divide(each, rows, out=out)
    total, *slopes = found
    return float(total), {name: slope if np.ndim(slope) else float(slope)
                          for name, slope in zip(over.names, slopes, strict=True)}  # fmt: skip
