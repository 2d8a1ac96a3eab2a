"""The least-squares problem of a table that is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose_for_rows
from cgcli.errors import DataError
from cgcli.fitting.array_problem import ArrayProblem
from cgcli.fitting.linear import jointly_affine
from cgcli.fitting.question import Over, elements, evaluated, refuse_infinite
from cgcli.formulas.derivatives import gradient_nodes, targets
from cgcli.formulas.rows import refuse_reductions, row_values
from cgcli.rows.sources import WholeRows

if TYPE_CHECKING:
    from typing import Any

    from cgcli.fitting.question import Question


class MemoryProblem(ArrayProblem):
    """A problem that knows the columns it was made of. held: input -> column."""

    held: dict[str, Any]

    def columns(self, rows: int) -> dict[str, Any]:
        """As `Problem.columns`."""
        chosen = np.linspace(0, self.rows - 1, min(rows, self.rows)).astype(int)
        return {name: column[chosen] for name, column in self.held.items()}


def problem_of(question: Question, *, loss: str = "linear", scale: float = 1.0) -> MemoryProblem:
    """The problem that a question asks. DataError where no row is whole."""
    rows = WholeRows(question.source, question.needed())
    columns = rows.in_memory()
    assert columns is not None
    (part,) = rows.parts()
    if not part.rows:
        raise DataError("there is no row to fit to", hint="every row has a cell that is missing or no number"
                        if rows.report.read else "the table is empty")  # fmt: skip
    target = evaluated(question.target, columns, part.rows)
    refuse_infinite(question.target, target, part.number)
    weights = np.ones(part.rows)
    if isinstance(question.sigma, Over):
        sigma = evaluated(question.sigma, columns, part.rows)
        refuse_infinite(question.sigma, sigma, part.number)
        if not (sigma > 0).all():
            place = int((sigma <= 0).argmax())
            raise DataError(f"sigma is {sigma[place]:g} in row {part.number(place):,}: it has to be positive")
        weights = 1 / sigma
    elif question.sigma is not None:
        weights /= question.sigma
    model = Model(question, columns, part.rows)

    def row_of(place: int) -> tuple[int, dict[str, Any]]:
        values = {name: float(columns[column][place]) for name, column in question.columns.items()}
        return part.number(place) - 1, values

    problem = MemoryProblem(
        question.names, lambda point: (model(point)[0] - target) * weights,
        lambda point: model(point)[1] * weights[:, None], linear=model.linear, target=(target * weights, weights),
        loss=loss, scale=scale, row_of=row_of,
    )  # fmt: skip
    problem.rows = part.rows
    problem.held = {name: columns[column] for name, column in question.columns.items()}
    return problem


class Model:
    """The formula's values (rows,) and derivatives (rows, p) at points, the last ones kept."""

    def __init__(self, question: Question, columns: Any, rows: int) -> None:
        bound = question.bound()
        refuse_reductions(bound, [targets(bound.program, question.output)[question.output]])
        self._bound, nodes = gradient_nodes(bound, list(question.shapes), question.output)
        self._wanted = [targets(bound.program, question.output)[question.output], *nodes[question.output].values()]
        self._question = question
        self._rows = rows
        self._columns = {name: columns[column] for name, column in question.columns.items()}
        self._engine = choose_for_rows(self._bound.graph, self._wanted, "auto", self._bound.values, rows)
        affine = jointly_affine(self._bound.graph, nodes[question.output])
        self.linear = [name in affine for name, shape in question.shapes.items() for _ in elements(name, shape)]
        self._last: tuple[Any, Any] | None = None
        self._kept: Any = None

    def __call__(self, point: Any) -> Any:
        """Values and derivatives."""
        key = point.tobytes()
        if self._last != key:
            self._bound.values = {**self._bound.values, **self._question.values(point)}
            values = row_values(self._bound, self._columns)
            found = self._engine.evaluate_rows(self._bound.graph, values, self._wanted)
            results = [found[node] for node in self._wanted]
            model, *slopes = (np.broadcast_to(result, (self._rows, *result.shape[1:])) for result in results)
            self._last, self._kept = key, (model, np.column_stack([slope.reshape(self._rows, -1) for slope in slopes]))
        return self._kept
