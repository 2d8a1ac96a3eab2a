"""What is trained on what: parameters with their first values, the columns of the other inputs, and the loss."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.errors import UsageError, did_you_mean
from cgcli.fitting.checkpoints import program_mark, values_mark
from cgcli.fitting.question import held_values, parameters, split_starts
from cgcli.fitting.training.batches import rows_of
from cgcli.fitting.training.sums import MeanLoss
from cgcli.formulas import given
from cgcli.formulas.rows import bind_rows, declared_shapes, ones
from cgcli.rows.matching import check_inputs, list_columns, match_columns
from cgcli.rows.sources import Source, source_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cgcli.data.table import Named, Table
    from cgcli.fitting.training.batches import Rows
    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound

    Shape = tuple[int, ...]


class Trained:
    """A formula with its data. inputs: input -> columns that loss and gradient need. vector: the first values."""

    def __init__(
        self, formula: FormulaBase, source: Source, bound: Bound, loss: MeanLoss, inputs: Mapping[str, Named],
        chosen: Mapping[str, str], vector: Any, output: str,
    ) -> None:  # fmt: skip
        self.formula, self.source, self.bound, self.loss = formula, source, bound, loss
        self.inputs = dict(inputs)
        self.vector = vector
        self.output = output
        self._chosen = chosen

    def rows(self, limit: int | None) -> Rows:
        """The rows that are trained on, at most so many. DataError where none is without a gap."""
        return rows_of(self.inputs, self.source, limit=limit)

    def marks(self) -> dict[str, str]:
        """Fingerprints of the formula and of the values that stay."""
        return {"formula": program_mark(self.bound.program), "values": values_mark(self.loss.fixed)}

    def validation(self, data: Any) -> Rows:
        """The rows of other data. UsageError where they lack a column, DataError without a row."""
        source = source_of(data)
        table = source.open()
        if not source.again:
            return self._validation(Source(table), table)
        with closing(table):
            return self._validation(source, table)

    def _validation(self, source: Source, table: Table) -> Rows:
        known = {**self.loss.fixed, **self.loss.parts(self.vector)}
        matched, _ = match_columns(self.formula, table, known, self._chosen)
        missing = [name for name in self.inputs if name not in matched]
        if missing:
            check_inputs(self.bound, {name: matched[name] for name in matched if name not in missing}, table)
        return rows_of({name: matched[name] for name in self.inputs}, source)


def named(
    formula: FormulaBase, start: Mapping[str, Any] | None, fix: Any, columns: Mapping[str, str] | None
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """By name where to start, what is held, and the columns that were chosen. UsageError for a name that is none."""
    started = one_place(start)
    held = held_values(formula, fix, started)
    given.check_names({**started, **held}, formula.inputs)
    chosen = given.given_values(columns, {})
    given.check_names(chosen, formula.inputs, formula.constants)
    return started, held, chosen


def trained_by(
    formula: FormulaBase, source: Source, loss: str, *, start: Mapping[str, Any] | None, fix: Any,
    wrt: Sequence[str] | None, columns: Mapping[str, str] | None, seed: int,
) -> Trained:  # fmt: skip
    """What a call means: see `training.train`. UsageError for unknown names, and for a parameter without a start."""
    check_loss(formula, loss)
    table = source.open()
    if not source.again:  # what comes through a pipe comes once
        return _trained(formula, Source(table), table, loss, start, fix, wrt, columns, seed)
    with closing(table):
        return _trained(formula, source, table, loss, start, fix, wrt, columns, seed)


def _trained(
    formula: FormulaBase, source: Source, table: Table, loss: str, start: Any, fix: Any, wrt: Sequence[str] | None,
    columns: Any, seed: int,
) -> Trained:  # fmt: skip
    """As `trained_by`, with the table open."""
    started, held, chosen = named(formula, start, fix, columns)
    asked = set(given.name_list(wrt)) if wrt is not None else set(formula.params)
    known = {**started, **held}
    matched, _ = match_columns(formula, table, {**known, **dict.fromkeys(asked - chosen.keys(), 0.0)}, chosen)
    names = parameters(formula, {}, dict.fromkeys(matched, ""), held, started, wrt)
    matched = {name: column for name, column in matched.items() if name not in names}
    bound = _bound(formula, table, matched, known, names)
    check_inputs(bound, matched, table)
    first = first_values(bound, known, names, seed)
    shapes = {name: np.shape(value) for name, value in first.items()}
    bound.values.update(first)
    mean_loss = MeanLoss(bound, loss, shapes, list(matched))
    vector = np.concatenate([np.ravel(value) for value in first.values()]).astype(float)
    inputs = {name: matched[name] for name in matched if name in mean_loss.columns or mean_loss.has_deferred}
    if not inputs:
        raise UsageError(f"`{loss}` depends on no column of the table", hint=f"the columns are {list_columns(table)}")
    return Trained(formula, source, bound, mean_loss, inputs, chosen, vector, loss)


def one_place(start: Mapping[str, Any] | None) -> dict[str, Any]:
    """The first values that are given. UsageError for a range."""
    started, ranges = split_starts(start)
    if ranges:
        name = next(iter(ranges))
        raise UsageError(f"a training starts at one place, not in a range of `{name}`",
                         hint=f"draw it: param {name} = uniform({ranges[name][0]:g}, {ranges[name][1]:g})")  # fmt: skip
    return dict(started)


def check_loss(formula: FormulaBase, loss: str) -> None:
    """UsageError for a loss that is no name of the formula."""
    known = [*formula.outputs, *formula.programs.names.defined]
    if loss not in known:
        hint = did_you_mean(loss, known) or f"it has {', '.join(f'`{name}`' for name in known[:9])}"
        raise UsageError(f"the formula has no `{loss}` to make small", hint=hint)


def _bound(
    formula: FormulaBase, table: Table, matched: Mapping[str, Named], known: Mapping[str, Any], names: Sequence[str]
) -> Bound:
    """The formula for a row of the columns, with some value for each parameter."""
    shapes = {name: table.item_shape(column) if isinstance(column, str) else column.shape
              for name, column in matched.items()}  # fmt: skip
    declared = declared_shapes(formula, known)
    with_default = formula.programs.names.with_default
    some = {name: ones(declared.get(name, ())) for name in names if name not in known and name not in with_default}
    return bind_rows(formula, shapes, {**some, **known}, wrt=list(names), complete=False)


def first_values(bound: Bound, known: Mapping[str, Any], names: Sequence[str], seed: int) -> dict[str, Any]:
    """The first value of each parameter: given, drawn, or its default. UsageError where there is none."""
    program, inputs = bound.program, bound.graph.inputs()
    found: dict[str, Any] = {}
    for name in names:
        shape = bound.graph.shape_of(inputs[name]) if name in inputs else ()
        if name in known:
            found[name] = known[name]
        elif name in program.initialisers:
            found[name] = program.initialisers[name].drawn(name, shape, seed)
        elif name in program.defaults and name in bound.values:
            found[name] = bound.values[name]
    require_first([name for name in names if name not in found])
    wrong = [name for name, value in found.items() if not np.isfinite(value).all()]
    if wrong:
        raise UsageError(f"the first value of `{wrong[0]}` is not finite")
    return found


def require_first(missing: Sequence[str]) -> None:
    """UsageError for parameters without a first value, where there are some."""
    if missing:
        raise UsageError(
            f"no first value for {', '.join(f'`{name}`' for name in missing)}",
            hint=f"give {missing[0]}=…, or have it drawn: param {missing[0]} = normal(0, 0.1)",
        )
