"""The mean of a loss over rows, and its gradient by parameters as one vector."""

from __future__ import annotations

from math import inf, isfinite, prod
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose
from cgcli.engines.row_sums import RowSums
from cgcli.errors import CalculationError
from cgcli.explain.births import births_of
from cgcli.fitting.training.optimisers import norm_of
from cgcli.formulas.derivatives import gradient_nodes, need_scalar, targets
from cgcli.formulas.rows import row_values
from cgcli.formulas.totals import refuse_but_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.data.table import Place
    from cgcli.explain.births import Birth
    from cgcli.fitting.training.batches import Batch
    from cgcli.formulas.bound import Bound


MOVED = "a smaller --rate or --clip 1 may keep the parameters where the loss is finite"
AT_START = "give the parameters other first values, or leave the row out"
"""What to do where parameters have moved, and where they have not."""


class Parameters:
    """Parameters as parts of one vector. shapes: of each; size: of the vector; gradient: one like it."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = dict(shapes)
        self.size = sum(prod(shape) for shape in self.shapes.values())
        self.gradient = np.zeros(self.size)

    def parts(self, vector: Any) -> dict[str, Any]:
        """Views of a vector as the parameters, by name."""
        found: dict[str, Any] = {}
        place = 0
        for name, shape in self.shapes.items():
            found[name] = vector[place : place + prod(shape)].reshape(shape)
            place += prod(shape)
        return found


class MeanLoss(Parameters):
    """The loss of a row as a function of parameters, summed over batches."""

    def __init__(self, bound: Bound, loss: str, shapes: Mapping[str, tuple[int, ...]], columns: Sequence[str]) -> None:
        """bound: the formula for a row of the columns. shapes: parameter -> its shape.

        UsageError for a loss that the formula does not have, ShapeError for one that is no number.
        """
        super().__init__(shapes)
        (node,) = targets(bound.program, loss).values()
        need_scalar(
            bound.graph, loss, node, who="the loss of a row", hint=f"for example `sum({loss})` or `mean({loss})`"
        )
        refuse_but_means(bound, node)
        self._bound, nodes = gradient_nodes(bound, list(self.shapes), loss)
        self._wanted = [node, *nodes[loss].values()]
        self._columns = list(columns)
        self._with_slopes = RowSums(self._bound.graph, self._wanted, self._columns)
        self._alone = RowSums(self._bound.graph, [node], self._columns)
        known = {*bound.values, *columns}
        self._deferred = [name for name in self._with_slopes.inputs if name not in known]
        self.fixed = {name: value for name, value in bound.values.items() if name not in self.shapes}
        self._parts = list(self.parts(self.gradient).values())
        self._places = [None, *self._parts]

    @property
    def columns(self) -> list[str]:
        """The inputs that loss and gradient take from columns."""
        return [name for name in self._with_slopes.inputs if name in self._columns or name in self._deferred]

    @property
    def has_deferred(self) -> bool:
        """Whether a default value that follows from columns is needed: nobody says from which ones."""
        return bool(self._deferred)

    def _given(self, values: Mapping[str, Any], batch: Batch) -> Mapping[str, Any]:
        given = {**self.fixed, **values, **batch.columns}
        if self._deferred:
            over = self._bound.over(self._bound.program)
            over.values = given
            return row_values(over, batch.columns)
        return given

    def of_batch(self, values: Mapping[str, Any], batch: Batch) -> tuple[float, float]:
        """Mean loss of a batch and the length of its gradient, which is in `gradient` until the next call.

        values: the parameters by name, as of `parts`. One of both is not finite where something is not.
        """
        total, *slopes = self._with_slopes(self._given(values, batch), batch.rows, self._places)
        share = 1.0 / batch.rows
        for part, slope in zip(self._parts, slopes, strict=True):
            if slope is not part:
                part[...] = slope
        self.gradient *= share
        return float(total) * share, norm_of(self.gradient)

    def over(self, values: Mapping[str, Any], batches: Iterable[Batch]) -> float:
        """The mean loss over all rows of some batches."""
        total, rows = 0.0, 0
        for batch in batches:
            (found,) = self._alone(self._given(values, batch), batch.rows)
            total += float(found)
            rows += batch.rows
        return total / max(rows, 1)

    def slopes_over(self, values: Mapping[str, Any], batches: Iterable[Batch]) -> tuple[float, Any]:
        """The mean loss over all rows of some batches, and its gradient as a new vector; infinite where it is not."""
        total, rows, gradient = 0.0, 0, np.zeros(self.size)
        for batch in batches:
            sums = self._with_slopes(self._given(values, batch), batch.rows)
            total += float(sums[0])
            rows += batch.rows
            for part, slope in zip(self.parts(gradient).values(), sums[1:], strict=True):
                part += slope
        return mean_of(total, gradient, rows)

    # ---- where it is not finite --------------------------------------------------------------------------------

    def not_finite(
        self, values: Mapping[str, Any], batches: Iterable[Batch], when: str, hint: str = MOVED
    ) -> CalculationError:
        """The error for a loss or a gradient that is not finite: node, row and step.

        when: `in epoch 2, step 7`. hint: what to do where nothing better is known of the node.
        """
        for batch in batches:
            for place in range(batch.rows):
                row = {name: column[place : place + 1] for name, column in batch.columns.items()}
                sums = self._with_slopes(self._given(values, batch._replace(columns=row, rows=1)), 1)
                if not all(np.isfinite(found).all() for found in sums):
                    told = not_finite_in(batch.located(place), float(sums[0]), when)
                    return self._told(told, values, {name: value[0] for name, value in row.items()}, hint)
        return overflow(when, hint)

    def _told(self, told: str, values: Mapping[str, Any], row: Mapping[str, Any], hint: str) -> CalculationError:
        graph = self._bound.graph
        copies = {name: np.array(value) if np.ndim(value) else float(value) for name, value in values.items()}
        one = {name: float(value) if not np.ndim(value) else value for name, value in row.items()}
        given = {**self.fixed, **copies, **one}
        if self._deferred:
            over = self._bound.over(self._bound.program)
            over.values = given
            found = row_values(over, {})
            given |= {name: found[name][0] for name in self._deferred}
        births = births_of(graph, self._wanted, lambda nodes: choose(graph, nodes), given, self._bound.source)
        return told_with(births, told, hint)


# ---- what every loss over batches says ---------------------------------------------------------------------------


def mean_of(total: float, gradient: Any, rows: int) -> tuple[float, Any]:
    """Mean and gradient from the sums over so many rows, the vector changed in place; infinite where one is not."""
    gradient /= max(rows, 1)
    mean = total / max(rows, 1)
    return (mean, gradient) if isfinite(mean) and np.isfinite(gradient).all() else (inf, gradient)


def not_finite_in(at: Place, loss: float, when: str) -> str:
    """The message for a row whose loss, or else its gradient, is not finite."""
    what = "gradient of the loss" if isfinite(loss) else "loss"
    return f"the {what} is not finite {when}, in {at}{' of the data' if at.alone else ''}"


def overflow(when: str, hint: str) -> CalculationError:
    """The error where every row is finite, and their sum is not."""
    return CalculationError(f"the sum of the losses, or of their gradients, overflows {when}", hint=hint)


def told_with(births: Sequence[Birth], told: str, hint: str) -> CalculationError:
    """A message with the first operation that gave no finite number, where one is known."""
    if not births:
        return CalculationError(told, hint=hint)
    first = births[0]
    return CalculationError(f"{told}: {first.message}", span=first.span, source=first.source, hint=first.hint or hint)
