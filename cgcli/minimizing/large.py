"""Minima by many variables: Newton's method within a trust region, its steps by conjugate gradients.

The Hessian is sparse where its pattern is (`formulas.sparse`), and else known by its products with vectors only, which
the graph computes exactly. A step stops at the boundary of the region, or where the model bends downwards, which it
follows (Steihaug's method). That no curvature is negative is read off the signs of a sparse factorisation, or asked of
Lanczos's method.

T. Steihaug, SIAM J. Numer. Anal. 20 (1983); J. Nocedal and S. J. Wright, Numerical optimization, 2nd ed., section 7.1.
"""

from __future__ import annotations

import numpy as np

from cgcli.minimizing.curvature import ROUNDING, SHORT, noise_at
from cgcli.minimizing.newton import FIRST, FORESEEN, GOOD_RATIO, GROWTH, LEAST_RATIO, POOR_RATIO, SMALLEST, Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.objective import Objective

MOST_INNER, EXACT = 2_000, 1e-6
"""Conjugate gradients in a step; how exactly the last step is solved for, by which convergence is judged."""

FALLING = -1e-8
"""A curvature of the scaled Hessian beside the largest that counts as negative."""

LANCZOS, WIDTH = 300, 40
"""Restarts of Lanczos's method in which a negative curvature shows, and the vectors that it keeps."""


class LargeWalk(Walk):
    """A walk downhill by many variables; see `newton.Walk`.

    It keeps no model with eigenvalues: `hessian_eigenvalues` of its result is None.
    """

    def __init__(
        self, objective: Objective, x: Any, low: Any, high: Any, *, tolerance: float, rounds: int,
        manner: str = FORESEEN,
    ) -> None:  # fmt: skip
        super().__init__(objective, x, low, high, tolerance=tolerance, rounds=rounds, manner=manner)
        self.matrix = objective.sparse_hessian()
        self.method = f"Newton, conjugate gradients, {'sparse Hessian' if self.matrix else 'products with the Hessian'}"

    def run(self) -> str:
        """Walk to the end, and say how it ended."""
        for _ in range(self.rounds):
            self._set_free()
            curvature = Curvature(self)
            self.ending = self._far() or self._round(curvature)
            if self.ending:
                return self.ending
        self._set_free()
        self.ending = "rounds"
        return self.ending

    def _round(self, curvature: Curvature) -> str:
        """One step down, or the end."""
        slope = self.point.gradient[self.free] / curvature.scale
        if not self.radius:
            self.radius = FIRST * float(np.linalg.norm(curvature.scale * self.reach[self.free])) or 1.0
        shrunk = 0
        while True:
            part, promised, is_inside = conjugate_gradients(curvature, slope, self.radius, self.exactness(slope))
            least = max(self.least, self.noise)
            if is_inside and promised <= 4 * least:
                ending = self._judged(curvature, slope, least)
                if ending != "negative":
                    return ending
                direction = curvature.lowest()[1]
                part = direction * (-np.sign(direction @ slope) or 1.0) * min(self.radius, 1.0)
                promised = -float(slope @ part + part @ curvature.times(part) / 2)
            step = np.zeros(len(self.point.x))
            step[self.free] = part / curvature.scale
            length = float(np.linalg.norm(part))
            trial = self.objective.at(np.clip(self.point.x + step, self.low, self.high))
            fall = self.point.value - trial.value
            promised = self._clipped(curvature, trial.x, promised)
            if not promised > 0:
                return self._stopped()
            level = max(self.noise, ROUNDING * abs(self.point.value))
            if np.isfinite(fall) and max(abs(fall), promised) <= level and trial.is_finite():
                if np.linalg.norm(trial.gradient[self.free]) > 0.5 * np.linalg.norm(self.point.gradient[self.free]):
                    return self._stopped()
                self.take(trial, length, "step within rounding")
                return ""
            ratio = fall / promised if np.isfinite(fall) else -np.inf
            if ratio >= LEAST_RATIO and trial.is_finite():
                break
            if not np.isfinite(trial.value):
                self.broken = trial.x
            shrunk += 1
            self.radius = 0.25 * length
            if self.radius <= SMALLEST * np.linalg.norm(curvature.scale * self.reach[self.free]):
                return self._stopped()
        what = "step" if not is_inside else "Newton step"
        self.take(trial, length, what if not shrunk else f"{what}, shortened {shrunk} ×")
        if ratio >= GOOD_RATIO and length >= 0.8 * self.radius:
            self.radius = GROWTH * length
        elif ratio < POOR_RATIO:
            self.radius = 0.5 * length
        return ""

    def exactness(self, slope: Any) -> float:
        """How exactly a step is solved for: the nearer to the end, the more (superlinear convergence)."""
        size = float(np.linalg.norm(slope))
        first = self.first_slope = max(getattr(self, "first_slope", 0.0), size)
        return float(min(0.1, np.sqrt(size / first))) if first > 0 else 0.1

    def _clipped(self, curvature: Curvature, x: Any, promised: float) -> float:
        """What a step promises that a bound has shortened."""
        part = (x - self.point.x)[self.free] * curvature.scale
        if (x > self.low).all() and (x < self.high).all():
            return promised
        slope = self.point.gradient[self.free] / curvature.scale
        return -float(slope @ part + part @ curvature.times(part) / 2)

    def _judged(self, curvature: Curvature, slope: Any, least: float) -> str:
        """What the end of a walk is: `negative` where it is none."""
        part, promised, _ = conjugate_gradients(curvature, slope, np.inf, EXACT)
        step = float(np.max(np.abs(part / curvature.scale) / self.reach[self.free], initial=0.0))
        if not curvature.is_positive():
            return "negative"
        if promised > 100 * least:
            return "stalled"
        return "minimum" if min(step, self.moved) <= SHORT else "endless"

    def _stopped(self) -> str:
        """The end where no step lowers the value, once it is known what rounding does to it."""
        if self.noise:
            return "stalled"
        self.noise = 10 * max(noise_at(self.objective, self.point), self.least)
        self.radius = 0.0
        return ""


class Curvature:
    """The Hessian by the free variables at a point, scaled by its diagonal where that is known."""

    def __init__(self, walk: LargeWalk) -> None:
        self._walk = walk
        self.matrix: Any = None
        count = int(walk.free.sum())
        self.scale = np.ones(count)
        if walk.matrix is not None:
            found = walk.matrix(walk.objective.values_at(walk.point.x))[walk.free][:, walk.free]
            found.data = np.where(np.isfinite(found.data), found.data, 0.0)
            diagonal = np.sqrt(np.abs(found.diagonal()))
            self.scale = np.where(
                diagonal > 1e-8 * diagonal.max(initial=0.0), diagonal, diagonal.max(initial=0.0) or 1.0
            )
            found = found.tocsr()
            found.data = found.data / np.repeat(self.scale, np.diff(found.indptr)) / self.scale[found.indices]
            self.matrix = found
        self._lowest: tuple[float, Any] | None = None

    def times(self, part: Any) -> Any:
        """The scaled Hessian times a vector."""
        if self.matrix is not None:
            return self.matrix @ part
        whole = np.zeros(len(self._walk.point.x))
        whole[self._walk.free] = part / self.scale
        found = self._walk.objective.products_with(self._walk.point.x, whole[None])[0][self._walk.free]
        return np.where(np.isfinite(found), found, 0.0) / self.scale

    def is_positive(self) -> bool:
        """Whether no curvature is negative, as far as can be told."""
        signs = self._signs()
        return signs if signs is not None else self.lowest()[0] >= 0

    def _signs(self) -> bool | None:
        """By a factorisation without exchanges of rows, where there is one: Sylvester's law of inertia."""
        if self.matrix is None or not self.matrix.shape[0]:
            return None if self.matrix is None else True
        from scipy.sparse import eye_array
        from scipy.sparse.linalg import splu

        shifted = (self.matrix - FALLING * abs(self.matrix).max() * eye_array(self.matrix.shape[0])).tocsc()
        try:
            found = splu(shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        except RuntimeError:
            return None
        if not (found.perm_r == found.perm_c).all():
            return None
        return bool((found.U.diagonal() > 0).all())

    def lowest(self) -> tuple[float, Any]:
        """The most negative curvature that Lanczos's method sees beside the largest, and its direction; 0 for none."""
        if self._lowest is None:
            from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

            count = len(self.scale)
            operator = LinearOperator((count, count), matvec=self.times, dtype=float)
            start = np.random.default_rng(0).standard_normal(count)
            largest = abs(float(eigsh(operator, 1, which="LM", tol=0.1, v0=start, return_eigenvectors=False)[0]))
            try:
                values, vectors = eigsh(
                    operator, 1, which="SA", tol=1e-3, maxiter=LANCZOS, v0=start, ncv=min(count, 40)
                )
            except ArpackNoConvergence as slow:
                values, vectors = slow.eigenvalues, slow.eigenvectors
            is_negative = len(values) and values[0] < FALLING * largest
            self._lowest = (float(values[0]), vectors[:, 0]) if is_negative else (0.0, start / np.linalg.norm(start))
        return self._lowest


def conjugate_gradients(curvature: Curvature, slope: Any, radius: float, exactness: float) -> tuple[Any, float, bool]:
    """Steihaug's step for the model of a slope and a curvature: the step, its promise, and whether it is inside."""
    step, rest = np.zeros_like(slope), slope.copy()
    direction = -rest
    square = float(rest @ rest)
    limit = exactness**2 * square
    inside = True
    for _ in range(min(MOST_INNER, 10 * len(slope) + 10)):
        if square <= limit or square == 0:
            break
        along = curvature.times(direction)
        bend = float(direction @ along)
        if bend <= 1e-14 * float(direction @ direction):
            inside = False
            step = step + to_boundary(step, direction, radius if np.isfinite(radius) else 1.0) * direction
            break
        length = square / bend
        longer = step + length * direction
        if np.linalg.norm(longer) >= radius:
            inside = False
            step = step + to_boundary(step, direction, radius) * direction
            break
        step = longer
        rest = rest + length * along
        before, square = square, float(rest @ rest)
        direction = -rest + square / before * direction
    promised = -float(slope @ step + step @ curvature.times(step) / 2)
    return step, promised, inside


def to_boundary(step: Any, direction: Any, radius: float) -> float:
    """How far along a direction a step reaches a radius."""
    a, b, c = float(direction @ direction), float(step @ direction), float(step @ step) - radius**2
    return (-b + np.sqrt(max(b * b - a * c, 0.0))) / a if a else 0.0
