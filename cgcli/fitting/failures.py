"""Why a fit cannot begin: residuals that are not finite, told with their row and the place in the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.engines import choose
from cgcli.errors import CalculationError
from cgcli.explain.births import births_of
from cgcli.formulas.derivatives import gradient_nodes, targets

if TYPE_CHECKING:
    from typing import Any

    from cgcli.fitting.least_squares import Solution
    from cgcli.fitting.protocol import Reduced
    from cgcli.fitting.question import Question

MOST_SHOWN = 6
"""Values that a message shows."""


def not_finite_error(question: Question, point: Any, reduced: Reduced) -> CalculationError:
    """That residuals are not finite at a start: in which row, at which values, and where in the formula that begins."""
    where = reduced.not_finite
    assert where is not None
    shown = dict(zip(question.names, point, strict=True)) | where.values
    values = ", ".join(f"{name} = {value:g}" for name, value in list(shown.items())[:MOST_SHOWN])
    what = "the residual" if where.parameter is None else f"the derivative by `{where.parameter}`"
    message = f"{what} of {question.source.located(where.row + 1)} is not finite at the start ({values})"
    bound, nodes = gradient_nodes(question.bound(), list(question.shapes), question.output)
    wanted = [targets(bound.program, question.output)[question.output]]
    if where.parameter is not None:
        wanted = [nodes[question.output][where.parameter.partition("[")[0]]]
    inputs = {**bound.values, **question.values(point), **where.values}
    graph = bound.graph
    found = births_of(graph, wanted, lambda wanted: choose(graph, wanted), inputs, bound.source)
    if not found:
        return CalculationError(message, hint="give other starts, or none")
    birth = found[0]
    return CalculationError(
        f"{message}: {birth.message}", span=birth.span, source=birth.source, hint=birth.hint or "give other starts"
    )


def no_start_error(question: Question, unknown: list[str], solution: Solution) -> CalculationError:
    """That no place that was tried led to a solution, with the parameters whose starts would help."""
    listed = ", ".join(f"`{name}`" for name in unknown[:MOST_SHOWN])
    reached = " ".join(f"{name}={value:.4g}" for name, value in zip(question.names, solution.point, strict=True))
    return CalculationError(
        f"no start was found for {listed}: the search converged from none of the places that were tried",
        hint=f"give starts, or ranges such as {unknown[0]}=0:10; it came nearest at {reached}",
    )
