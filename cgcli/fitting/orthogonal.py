"""Orthogonal distance regression: inputs that have errors, too.

With standard deviations of target and inputs the objective is the sum over the rows of the least
((f(x + δ) − y)/σ_y)² + Σ (δ/σ_x)² over δ: the squared distance of a row to the curve. The search over parameters and
all δ together is ODRPACK's (P. T. Boggs, R. H. Byrd & R. B. Schnabel, SIAM J. Sci. Stat. Comput. 8, 1987; package
`odrpack`), with exact derivatives. At its end the distances are residuals of an ordinary problem, for the last digits
and for statistics: with δ at its optimum the distance d has the derivative w ∂f/∂β / σ_y, w² = 1/(1 + Σ (σ_x ∂f/∂x /
σ_y)²), exactly, since d is stationary in δ.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.table import values_of
from cgcli.engines import choose_for_rows
from cgcli.errors import DataError, MissingExtra, UsageError
from cgcli.fitting.array_problem import ArrayProblem
from cgcli.fitting.least_squares import Search
from cgcli.fitting.question import Over
from cgcli.formulas.derivatives import gradient_nodes, targets
from cgcli.formulas.rows import bind_rows, row_values
from cgcli.rows.sources import WholeRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.fitting.least_squares import Solution
    from cgcli.fitting.question import Question

INNER = 100
"""Steps at most that look for the nearest point of the curve."""
NEAREST, SHORT, ROUNDING = 1e-15, 1e-6, 1e-14
"""A step, in units of sigma, that is none, and one from which on steps that do not shrink are rounding; and by how much
a squared distance may grow by rounding."""
HALVED = 20
TOLERANCE = 1e-14
"""ODRPACK's, of the sum of squares and of parameters."""
ITERATIONS = 1_000


def require_odrpack() -> Any:
    """The package. MissingExtra where it is not installed."""
    try:
        import odrpack
    except ImportError:
        raise MissingExtra("errors of inputs need the package `odrpack`", hint="pip install 'cgcli[odr]'") from None
    return odrpack


def check_orthogonal(question: Question, loss: str, saving: object) -> None:
    """UsageError for options that do not go together with errors of inputs, MissingExtra without the package."""
    if question.sigma is None:
        raise UsageError(
            "sigma_x needs sigma, too: errors of inputs and of the target are weighed against each other",
            hint="sigma: a column, a formula over columns, or a number",
        )
    if loss != "linear" or saving:
        raise UsageError(f"sigma_x does not go together with {'a file to save in' if saving else f'the loss {loss}'}")
    require_odrpack()


class Curve:
    """The formula and its derivatives by parameters and by inputs with errors, for all rows at moved inputs."""

    def __init__(self, question: Question) -> None:
        """DataError for tables that are too large for memory, and where a standard deviation is not positive."""
        assert question.sigma is not None
        rows = WholeRows(question.source, question.needed(), limit=question.limit)
        columns = rows.in_memory()
        if columns is None:
            raise DataError("the table is too large for orthogonal distances", hint="limit, or fit without sigma_x")
        self.rows = rows.counted()
        self.inputs = list(question.sigma_x)
        self.x = np.array([values_of(question.columns[name], columns) for name in self.inputs])
        self.y = over_rows(question.target, columns, self.rows)
        self.sigma = deviation("sigma", question.sigma, columns, self.rows)
        self.sigmas = np.array([deviation(f"the sigma of {name}", sigma, columns, self.rows)
                                for name, sigma in question.sigma_x.items()])  # fmt: skip
        self._question = question
        self._columns = {name: values_of(column, columns) for name, column in question.columns.items()}
        wanted = [*question.shapes, *self.inputs]
        some = question.values(question.point(question.starts, missing=1.0))
        bound = bind_rows(question.formula, question.row_shapes, {**question.fixed, **some}, wrt=wanted)
        self._bound, nodes = gradient_nodes(bound, wanted, question.output)
        slopes = nodes[question.output]
        self._value = targets(bound.program, question.output)[question.output]
        self._by_parameters = [slopes[name] for name in question.shapes]
        self._by_inputs = [slopes[name] for name in self.inputs]
        all_nodes = [self._value, *self._by_parameters, *self._by_inputs]
        self._engine = choose_for_rows(self._bound.graph, all_nodes, "auto", self._bound.values, self.rows)

    def value(self, point: Any, x: Any) -> Any:
        """f of shape (rows,)."""
        return self._computed(point, x, [self._value])[0]

    def by_parameters(self, point: Any, x: Any) -> Any:
        """Derivatives of shape (rows, p)."""
        found = self._computed(point, x, self._by_parameters)
        return np.column_stack([slope.reshape(self.rows, -1) for slope in found])

    def by_inputs(self, point: Any, x: Any) -> Any:
        """Derivatives of shape (inputs, rows)."""
        return np.array(self._computed(point, x, self._by_inputs))

    def _computed(self, point: Any, x: Any, nodes: list[int]) -> list[Any]:
        moved = dict(zip(self.inputs, x, strict=True))
        self._bound.values = {**self._bound.values, **self._question.values(point)}
        values = row_values(self._bound, {**self._columns, **moved})
        found = self._engine.evaluate_rows(self._bound.graph, values, nodes)
        return [np.broadcast_to(found[node], (self.rows, *found[node].shape[1:])) for node in nodes]


def over_rows(over: Over, columns: Mapping[str, Any], rows: int) -> Any:
    """A formula over columns that are in memory."""
    bound = bind_rows(over.formula, list(over.columns))
    bound.values = row_values(bound, {name: columns[column] for name, column in over.columns.items()})
    (node,) = bound.program.outputs.values()
    engine = choose_for_rows(bound.graph, [node], "auto", bound.values, rows)
    return np.broadcast_to(engine.evaluate_rows(bound.graph, bound.values, [node])[node], (rows,))


def deviation(what: str, sigma: Over | float, columns: Mapping[str, Any], rows: int) -> Any:
    """A standard deviation for each row. DataError where one is not positive."""
    found = over_rows(sigma, columns, rows) if isinstance(sigma, Over) else np.full(rows, sigma)
    wrong = ~((found > 0) & np.isfinite(found))
    if wrong.any():
        raise DataError(f"{what} is {found[wrong.argmax()]:g} in a row", hint="a standard deviation is positive")
    return found


class Distances(ArrayProblem):
    """The distances of all rows to the curve as residuals. The nearest points are kept between parameters."""

    def __init__(self, names: Sequence[str], curve: Curve, shift: Any) -> None:
        """shift: δ where the search begins, of shape (inputs, rows)."""
        super().__init__(names, self.distances, self.slopes)
        self.rows = curve.rows
        self._curve = curve
        self._shift = np.array(shift)
        self._at: Any = None

    def log_sigma(self) -> float:
        """Unknown: a likelihood of inputs and target together is not one of the target alone."""
        return float("nan")

    def distances(self, point: Any) -> Any:
        """Distances with the sign of f − y."""
        self._move(point)
        return self._distances

    def slopes(self, point: Any) -> Any:
        """Their derivatives by the parameters."""
        self._move(point)
        curve = self._curve
        by_parameters = curve.by_parameters(point, curve.x + self._shift)
        return by_parameters * (self._weights / curve.sigma)[:, None]

    def _move(self, point: Any) -> None:
        """Find the nearest points for new parameters, by Gauss–Newton steps in δ."""
        if self._at is not None and (point == self._at).all():
            return
        curve, shift = self._curve, self._shift
        ahead, squares = self._measured(point, shift)
        longest = np.inf
        for _ in range(INNER):
            slopes = curve.by_inputs(point, curve.x + shift) * curve.sigmas / curve.sigma
            rest = ahead - np.sum(slopes * shift / curve.sigmas, axis=0)
            step = -curve.sigmas * slopes * rest / (1 + np.sum(slopes**2, axis=0)) - shift
            before, longest = longest, float(np.abs(step / curve.sigmas).max())
            if longest <= NEAREST or (longest < SHORT and longest > 0.5 * before):  # its last digits come and go
                break
            shift = self._shortened(point, shift, step, squares)
            ahead, squares = self._measured(point, shift)
        slopes = curve.by_inputs(point, curve.x + shift) * curve.sigmas / curve.sigma
        self._weights = 1 / np.sqrt(1 + np.sum(slopes**2, axis=0))
        self._distances = np.copysign(np.sqrt(squares), ahead)
        self._shift, self._at = shift, np.array(point)

    def _measured(self, point: Any, shift: Any) -> tuple[Any, Any]:
        """(f(x + δ) − y)/σ_y, and the squared distance, of each row."""
        curve = self._curve
        ahead = (curve.value(point, curve.x + shift) - curve.y) / curve.sigma
        return ahead, ahead**2 + np.sum((shift / curve.sigmas) ** 2, axis=0)

    def _shortened(self, point: Any, shift: Any, step: Any, squares: Any) -> Any:
        """The shift after a step, halved in the rows that it takes farther away; none where that does not help."""
        factor = np.ones(len(squares))
        for _ in range(HALVED):
            farther = ~(self._measured(point, shift + factor * step)[1] <= squares * (1 + ROUNDING))
            if not farther.any():
                break
            factor[farther] *= 0.5
        else:
            factor[farther] = 0.0
        return shift + factor * step


def nearest(question: Question, start: Solution, low: Any, high: Any) -> tuple[Solution, Distances]:
    """From a solution without errors of inputs to the one with them, and the problem whose residuals are distances."""
    odrpack = require_odrpack()
    curve = Curve(question)
    with np.errstate(all="ignore"):
        found = odrpack.odr_fit(
            lambda x, point: np.ascontiguousarray(curve.value(point, x.reshape(curve.x.shape))),
            curve.x, curve.y, np.array(start.point), weight_x=1 / curve.sigmas**2, weight_y=1 / curve.sigma**2,
            bounds=(low, high), maxit=ITERATIONS, sstol=TOLERANCE, partol=TOLERANCE,
            jac_beta=lambda x, point: curve.by_parameters(point, x.reshape(curve.x.shape)).T[None].copy(),
            jac_x=lambda x, point: curve.by_inputs(point, x.reshape(curve.x.shape))[None].copy(),
        )  # fmt: skip
        problem = Distances(question.names, curve, found.delta.reshape(curve.x.shape))
        search = Search(problem, low, high, project=False)
        solution = search.run(np.clip(found.beta, low, high))
    method = "orthogonal distance regression (odrpack)"
    return replace(solution, method=method, evaluations=start.evaluations + found.nfev + search.evaluations), problem
