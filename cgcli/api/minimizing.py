"""What can be asked about the lowest value of a formula."""

from __future__ import annotations

from cgcli.formulas.base import FormulaBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.minimizing.outcome import Minimum, Root


class Minimizing(FormulaBase):
    """Minima and roots."""

    def minimize(
        self, start: Mapping[str, Any] | None = None, *, bounds: Mapping[str, Any] | None = None,
        of: str | None = None, wrt: Sequence[str] | None = None, fix: Sequence[str] | Mapping[str, Any] | None = None,
        subject_to: Sequence[str] | str | None = None, method: str = "auto", tolerance: float = 1e-8, starts: int = 1,
        seed: int = 0, rounds: int = 1000, engine: str = "auto", data: Any = None,
    ) -> Minimum:  # fmt: skip
        """A minimum of a scalar output near a start: `.values .value .gradient .hessian_eigenvalues .converged …`.

        start: a value for each input; what varies are the inputs named by `wrt`, else those declared `param`, else all,
        less those of `fix` (names, or values by name). An input with bounds and no start begins between them.
        bounds: pairs by name, None for a side without one; each side a number, or an array of the input's shape.
        of: the output, or an inner name, that is minimised, where there are several.
        subject_to: constraints as texts over the inputs, `x + y <= 1`, `x*y = 2`, `0 <= x <= y`, element by element.
        tolerance: where Newton's method promises a fall below `tolerance²` beside the value, the search is done.
        starts, seed: how many places to start from, drawn between the bounds; the best end is the answer.
        data: a table (a path, a DataFrame, a mapping of arrays …) whose columns are the values of the inputs of their
        names that have no start, each as one array, so that the output is a sum or a mean over the rows. Rows with
        gaps are left out.

        Gradient and Hessian are exact; saddles and maxima are left. `.converged` is true where nothing is promised any
        more and no curvature is negative; `.kind` and `.message` say what the end is (`cgcli.minimizing.outcome`).
        UsageError for names and bounds that do not fit; CalculationError where value or gradient are no finite number
        at the start.
        """
        from cgcli.minimizing.search import minimize

        return minimize(
            self, start, bounds=bounds, of=of, wrt=wrt, fix=fix, subject_to=subject_to, method=method,
            tolerance=tolerance, starts=starts, seed=seed, rounds=rounds, engine=engine, data=data,
        )  # fmt: skip

    def solve(
        self, start: Mapping[str, Any] | None = None, *, bounds: Mapping[str, Any] | None = None,
        of: str | None = None, wrt: Sequence[str] | None = None, fix: Sequence[str] | Mapping[str, Any] | None = None,
        starts: int = 1, seed: int = 0, rounds: int = 200, engine: str = "auto",
    ) -> Root:  # fmt: skip
        """A root of equations near a start: `.values .residual .converged .evaluations .message`.

        Each output is an equation: `a == b`, several joined by `and`, or what is to be 0; arrays element by element.
        start, wrt, fix, bounds: as for `minimize`. One equation in one unknown with two bounds is solved between them,
        where a change of sign is never lost. starts, seed: places to start from, until there is a root.

        `.converged` is true where every residual is 0 but for rounding; else `.residual` is the least one that was
        found, and `.message` says why it is none. UsageError where there are fewer equations than unknowns.
        """
        from cgcli.minimizing.solving import solve

        return solve(
            self, start, bounds=bounds, of=of, wrt=wrt, fix=fix, starts=starts, seed=seed, rounds=rounds, engine=engine
        )
