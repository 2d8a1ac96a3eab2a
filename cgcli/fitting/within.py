"""Small linear least squares within bounds.

By a primal-dual active set: which numbers are at a bound is guessed from the solution without bounds, and mended by the
signs of the derivatives until nothing is left to mend. That is the solution, as the problem is convex
(M. Hintermüller, K. Ito & K. Kunisch, SIAM J. Optim. 13, 2003; J. J. Júdice & F. M. Pires, Computers & Operations
Research 21, 1994). It takes a round or two, and may go in circles: then SciPy's BVLS has the word (P. B. Stark &
R. L. Parker, 1995).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.upper import EPSILON, Upper, triangle_of

if TYPE_CHECKING:
    from typing import Any

ROUNDS = 6
"""Guesses of what is at a bound, before another algorithm is asked."""


def least_within(triangle: Any, right: Any, low: Any, high: Any, known: Upper | None = None) -> tuple[Any, Any]:
    """The x with low <= x <= high that brings |triangle x - right| to its least, and where it is at a bound.

    The second of them is -1 at a lower bound, 1 at an upper one, 0 between. known: the triangle, if it is at hand.
    """
    found = (known or Upper(triangle)).solved(right)
    sides = sides_of(found, low, high)
    if not sides.any():
        return found, sides
    lengths = np.linalg.norm(triangle, axis=0)
    for _ in range(ROUNDS):
        found = between(triangle, right, low, high, sides)
        left = triangle @ found - right
        wrong = sides * (left @ triangle) > len(right) * EPSILON * lengths * float(np.linalg.norm(right))
        outside = np.where(sides == 0, sides_of(found, low, high), 0)
        if not wrong.any() and not outside.any():
            return found, sides
        sides = np.where(wrong, 0, sides) + outside
    return by_bvls(triangle, right, low, high)


def sides_of(found: Any, low: Any, high: Any) -> Any:
    """On which side of its bounds each number is."""
    return (found > high).astype(int) - (found < low)


def between(triangle: Any, right: Any, low: Any, high: Any, sides: Any) -> Any:
    """The solution with some numbers held at the bounds that are said, and the others free."""
    found = np.where(sides < 0, low, np.where(sides > 0, high, 0.0))
    free = sides == 0
    if free.any():
        rest = triangle_of(triangle[:, free], right - triangle[:, ~free] @ found[~free])
        found[free] = Upper(rest[:-1, :-1]).solved(rest[:-1, -1])
    return found


def by_bvls(triangle: Any, right: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """As `least_within`, one number at a time."""
    from scipy.optimize import lsq_linear

    found, sides = low.copy(), np.full(len(low), -1)
    free = high > low
    with np.errstate(all="ignore"):
        answer = lsq_linear(triangle[:, free], right - triangle[:, ~free] @ low[~free], (low[free], high[free]), "bvls")
    sides[free] = answer.active_mask
    found[free] = np.clip(answer.x, low[free], high[free])
    return np.where(sides < 0, low, np.where(sides > 0, high, found)), sides
