"""Where another kind of search within bounds ends: SciPy's trust region reflective algorithm.

It stays away from bounds until its end (M. A. Branch, T. F. Coleman & Y. Li, SIAM J. Sci. Comput. 21, 1999), moves all
parameters together and takes shorter steps, so that it sometimes comes to a lower minimum than steps along the bounds.
A triangle of [J r] has the same J'J, J'r and r'r as the rows have, and the algorithm uses nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from cgcli.fitting.protocol import Problem, Reduced


def reflective_end(problem: Problem, start: Any, low: Any, high: Any, most: int) -> tuple[Any, float, int]:
    """Where the search from a start ends, the sum of squares there, and how many evaluations that took.

    The sum is infinite where the residuals are not finite at the start. most: evaluations at most. For plain least
    squares: a robust loss is not the sum of squares of a triangle.
    """
    from scipy.optimize import least_squares

    triangles = Triangles(problem)
    if triangles.at(start).triangle is None:
        return start, np.inf, triangles.evaluations
    with np.errstate(all="ignore"):
        found = least_squares(
            triangles.residuals, start, triangles.slopes, bounds=(low, high), method="trf", max_nfev=most
        )
    return np.clip(found.x, low, high), 2 * float(found.cost), triangles.evaluations


class Triangles:
    """The triangles of a problem as residuals and derivatives; the latest ones are kept: both are asked in turn."""

    def __init__(self, problem: Problem) -> None:
        self.evaluations = 0
        self._problem = problem
        self._known: list[tuple[bytes, Reduced]] = []

    def at(self, point: Any) -> Reduced:
        """What the problem is at a point."""
        key = point.tobytes()
        for known, reduced in self._known:
            if known == key:
                return reduced
        self.evaluations += 1
        reduced = self._problem.reduced(point)
        self._known = [(key, reduced), *self._known[:1]]
        return reduced

    def residuals(self, point: Any) -> Any:
        """Residuals (p + 1,) whose squares have the same sum; infinite where those of the rows are not finite."""
        triangle = self.at(point).triangle
        return np.full(len(point) + 1, np.inf) if triangle is None else triangle[:, -1]

    def slopes(self, point: Any) -> Any:
        """Their derivatives (p + 1, p)."""
        triangle = self.at(point).triangle
        assert triangle is not None  # they are asked where residuals are finite
        return triangle[:, :-1]
