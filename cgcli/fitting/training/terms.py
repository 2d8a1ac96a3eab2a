"""Training where inputs are terms: every row is a graph of its own, and a batch of them is computed at once.

The terms of the whole table are read once; a batch takes some of them (`terms.selecting`).
"""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.data import stream
from cgcli.draws import order
from cgcli.errors import DataError
from cgcli.fitting.checkpoints import columns_mark, values_mark
from cgcli.fitting.question import parameters
from cgcli.fitting.training.batches import Batch, Rows
from cgcli.fitting.training.optimisers import norm_of
from cgcli.fitting.training.sums import MOVED, Parameters, mean_of, not_finite_in, overflow, told_with
from cgcli.fitting.training.trained import check_loss, first_values, named, require_first
from cgcli.formulas import given
from cgcli.formulas.derivatives import need_scalar, targets
from cgcli.kept import Kept
from cgcli.terms.asking import Question
from cgcli.terms.compilation import KEPT
from cgcli.terms.matching import matched, require_inputs, source_with_terms, whole_columns
from cgcli.terms.reading import read_terms
from cgcli.terms.selecting import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cgcli.data.table import Named, Table
    from cgcli.errors import CalculationError
    from cgcli.explain.births import Birth
    from cgcli.formulas.base import FormulaBase
    from cgcli.rows.sources import Source

CHUNK = 1024
"""Rows that a pass in order takes at once."""


class TermRows(Rows):
    """The rows of a table with terms, in memory."""

    def __init__(
        self, formula: FormulaBase, table: Table, columns: Mapping[str, Named], texts: Mapping[str, str],
        cells: Mapping[str, Sequence[Any]], limit: int | None,
    ) -> None:  # fmt: skip
        """cells: as of `source_with_terms`. DataError for a term that is none, and where no row is without a gap."""
        request = stream.Request(columns, texts=texts, missing="skip", limit=limit)
        self._values, terms, self.report = whole_columns(table, request, cells)
        self.rows = self.report.rows
        if not self.rows:
            raise DataError(f"`{table.path}` has no row without a gap")
        self._located = table.located
        self._numbers = next(iter(terms.values())).numbers
        self._terms = {name: read_terms(column, formula.programs.names, name, column.numbers)
                       for name, column in terms.items()}  # fmt: skip
        self._chunks: list[Batch] = []

    def shuffled(self, seed: int, epoch: int, size: int, first: int = 0) -> Iterator[Batch]:
        """As all rows."""
        places = order(seed, f"order of epoch {epoch}", self.rows)
        for begin in range(first * size, self.rows, size):
            yield self._taken(places[begin : begin + size])

    def in_order(self) -> Iterator[Batch]:
        """As all rows; the batches are made once."""
        if not self._chunks:
            places = np.arange(self.rows)
            self._chunks = [self._taken(places[begin : begin + CHUNK]) for begin in range(0, self.rows, CHUNK)]
        yield from self._chunks

    def _taken(self, places: Any) -> Batch:
        columns: dict[str, Any] = {name: value[places] for name, value in self._values.items()}
        columns |= {name: select(terms, places) for name, terms in self._terms.items()}
        return Batch(columns, len(places), lambda place: self._located(int(self._numbers[places[place]])))

    def first(self) -> Batch:
        """The first row."""
        return self._taken(np.arange(1))

    def fingerprint(self) -> str:
        """As all rows: of every number and of every node."""
        nodes = {
            f"{name}.{column}": np.asarray(getattr(terms, column))
            for name, terms in self._terms.items() for column in ("symbol", "numbers", "operands", "begins")
        }  # fmt: skip
        symbols = {f"{name}.symbols": np.frombuffer(repr(terms.symbols).encode(), dtype=np.uint8)
                   for name, terms in self._terms.items()}  # fmt: skip
        return columns_mark(self.rows, [self._values, nodes, symbols])


class TermLoss(Parameters):
    """The loss of a row as a function of parameters, summed over batches; see `sums.MeanLoss`."""

    def __init__(
        self, formula: FormulaBase, loss: str, shapes: Mapping[str, tuple[int, ...]], fixed: Mapping[str, Any],
        store: Kept,
    ) -> None:  # fmt: skip
        """store: what is known of cells. Their order, and with it the last bits of sums, are those of this training."""
        super().__init__(shapes)
        self._formula = formula
        self._loss = loss
        self.fixed = dict(fixed)
        self._views = self.parts(self.gradient)
        self._store = store

    def _question(self, values: Mapping[str, Any], batch: Batch, births: list[Birth] | None = None) -> Question:
        given = {name: value if np.ndim(value) else float(value) for name, value in values.items()}
        question = Question(
            self._formula, {**self.fixed, **given, **batch.columns}, rows=True, columns=list(batch.columns),
            store=self._store,
        )  # fmt: skip
        question.bound.on_births = lambda found: None if births is None else births.extend(found)
        return question

    def meet(self, values: Mapping[str, Any], rows: TermRows) -> None:
        """Meet all cells in the order of the table, whatever the order of batches is."""
        for batch in rows.in_order():
            self._question(values, batch)

    def _sums(self, values: Mapping[str, Any], batch: Batch) -> tuple[float, dict[str, Any]]:
        """The sum of the losses of a batch and its derivatives by the parameters."""
        _, found, slopes = self._question(values, batch).gradients(list(self.shapes), self._loss)
        return float(found.sum()), slopes

    def of_batch(self, values: Mapping[str, Any], batch: Batch) -> tuple[float, float]:
        """As of `MeanLoss`."""
        total, slopes = self._sums(values, batch)
        for name, part in self._views.items():
            part[...] = slopes[name]
        self.gradient *= 1.0 / batch.rows
        return total / batch.rows, norm_of(self.gradient)

    def over(self, values: Mapping[str, Any], batches: Iterable[Batch]) -> float:
        """As of `MeanLoss`."""
        total, rows = 0.0, 0
        for batch in batches:
            question = self._question(values, batch)
            total += float(question.value(self._loss).sum())
            rows += batch.rows
        return total / max(rows, 1)

    def slopes_over(self, values: Mapping[str, Any], batches: Iterable[Batch]) -> tuple[float, Any]:
        """As of `MeanLoss`."""
        total, rows, gradient = 0.0, 0, np.zeros(self.size)
        parts = self.parts(gradient)
        for batch in batches:
            value, slopes = self._sums(values, batch)
            total += value
            rows += batch.rows
            for name, part in parts.items():
                part += slopes[name]
        return mean_of(total, gradient, rows)

    def not_finite(
        self, values: Mapping[str, Any], batches: Iterable[Batch], when: str, hint: str = MOVED
    ) -> CalculationError:
        """As of `MeanLoss`: node, row and step."""
        for batch in batches:
            for place in range(batch.rows):
                one = {name: select(column, [place]) if name in self._formula.terms else column[place : place + 1]
                       for name, column in batch.columns.items()}  # fmt: skip
                births: list[Birth] = []
                question = self._question(values, batch._replace(columns=one, rows=1), births)
                _, found, slopes = question.gradients(list(self.shapes), self._loss)
                if isfinite(float(found[0])) and all(np.isfinite(slope).all() for slope in slopes.values()):
                    continue
                return told_with(births, not_finite_in(batch.located(place), float(found[0]), when), hint)
        return overflow(when, hint)


class TermTraining:
    """A formula with terms and its data; see `trained.Trained`."""

    def __init__(
        self, formula: FormulaBase, source: Source, loss: TermLoss, rows: TermRows, vector: Any, output: str,
        chosen: Mapping[str, str],
    ) -> None:  # fmt: skip
        self.formula, self.source, self.loss, self.vector, self.output = formula, source, loss, vector, output
        self._rows = rows
        self._chosen = chosen

    def rows(self, limit: int | None) -> TermRows:
        """The rows that are trained on; they are read already, with the limit."""
        return self._rows

    def marks(self) -> dict[str, str]:
        """Fingerprints of the formula, its functions included, and of the values that stay."""
        text = self.formula.source.text if self.formula.source else ""
        return {"formula": sha256(text.encode()).hexdigest(), "values": values_mark(self.loss.fixed)}

    def validation(self, data: Any) -> TermRows:
        """The rows of other data. UsageError where they lack a column, DataError without a row."""
        return _read(self.formula, data, {**self.loss.fixed, **self.loss.parts(self.vector)}, self._chosen, None)


def trained_by(
    formula: FormulaBase, data: Any, loss: str, *, start: Mapping[str, Any] | None, fix: Any,
    wrt: Sequence[str] | None, columns: Mapping[str, str] | None, seed: int, limit: int | None,
) -> TermTraining:  # fmt: skip
    """What a call means: see `training.train`. UsageError for unknown names, and for a parameter without a start."""
    check_loss(formula, loss)
    started, held, chosen = named(formula, start, fix, columns)
    known = {**started, **held}
    asked = set(given.name_list(wrt)) if wrt is not None else set(formula.params)
    rows = _read(formula, data, {**known, **dict.fromkeys(asked - chosen.keys(), 0.0)}, chosen, limit)
    batch = rows.first()
    names = parameters(formula, {}, dict.fromkeys(batch.columns, ""), held, started, wrt)
    with_default = formula.programs.names.with_default
    require_first([name for name in names if name not in known and name not in with_default])
    store = Kept(KEPT)
    question = Question(formula, {**known, **batch.columns}, rows=True, columns=list(batch.columns), store=store)
    first = first_values(question.bound, known, names, seed)
    fixed = {name: value for name, value in known.items() if name not in names}
    shapes = {name: np.shape(value) for name, value in first.items()}
    made = TermLoss(formula, loss, shapes, fixed, store)
    made.meet(first, rows)
    need_scalar(question.bound.graph, loss, targets(question.bound.program, loss)[loss], who="the loss of a row",
                hint=f"for example `sum({loss})` or `mean({loss})`")  # fmt: skip
    vector = np.concatenate([np.ravel(value) for value in first.values()]).astype(float)
    return TermTraining(formula, source_with_terms(formula, data, chosen)[0], made, rows, vector, loss, chosen)


def _read(
    formula: FormulaBase, data: Any, known: Mapping[str, Any], chosen: Mapping[str, str], limit: int | None
) -> TermRows:
    """The rows of data of every kind. UsageError for an input without a column and a value."""
    source, cells = source_with_terms(formula, data, chosen)
    with closing(source.open()) as table:
        columns, texts, _ = matched(formula, table, known, chosen)
        require_inputs(formula, table, {*known, *columns, *texts})
        return TermRows(formula, table, columns, texts, cells, limit)
