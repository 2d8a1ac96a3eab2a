"""One fit of all groups in which some parameters are common to them: `share=["k"]`.

The Jacobian of all rows is bordered and block diagonal: each group's rows have derivatives by its own parameters and by
the shared ones. A triangle of each group with its own parameters first leaves, behind them, rows that hold the shared
ones alone; these of all groups, one above the other, give the shared step, and each group's own step follows from it
(G. H. Golub & V. Pereyra, Inverse Problems 19, 2003, §5; Å. Björck, Numerical Methods for Least Squares Problems, 1996,
§6.3). So the cost grows with the number of groups, not with its square or cube.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import CalculationError, DataError, UsageError, did_you_mean
from cgcli.fitting.groups.each import FEWEST, GroupFits, Groups, Places, empty, fit_groups
from cgcli.fitting.groups.side_by_side import Batches
from cgcli.fitting.groups.small_matrices import covariances, dependent, orthogonalised, product, solved, squares

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

ORTHOGONAL, ENOUGH = 1e-7, 1e-10
"""The part of the residuals that may lie along their derivatives at a solution, and at which nothing more is tried."""
FIRST, LEAST, MOST = 1e-3, 1e-14, 1e12
"""Damping at the start, and where it ends."""
STEPS = 200
"""Evaluations at most."""


@dataclass
class SharedGroup:
    """A group of a fit with shared parameters: values and standard errors of all its parameters, the shared ones among
    them; rows; sum_of_squares of its residuals; residual: their standard deviation, the shared parameters taken as
    known; converged: whether the whole fit is.
    """

    values: dict[str, float]
    errors: dict[str, float]
    rows: int
    sum_of_squares: float
    residual: float
    r_squared: float
    converged: bool
    message: str = ""
    warnings: list[str] = field(default_factory=list)


def fit_shared(groups: Groups, share: Sequence[str], keys: Sequence[Any]) -> tuple[GroupFits, Any, list[str]]:
    """The joint fit: numbers of each group, a `SharedGroup` by key, the names that are shared.

    UsageError for names that are no parameters, for arrays, bounds and robust losses; DataError for fewer rows than
    parameters; CalculationError where nothing is finite at the start.
    """
    question, how = groups.question, groups.how
    share = [name for name in question.names if name in share_names(groups, share)]
    own = [name for name in question.names if name not in share]
    total = len(own) * len(groups.rows) + len(share)
    if degrees(groups.rows.sizes, len(own), len(share)) <= 0:
        count = int(groups.rows.first[-1])
        raise DataError(f"{count:,} rows cannot determine {total:,} parameters", hint="share or fix more of them")
    begun = start_of(groups)
    batches = Batches(question, groups.rows, order=[*own, *share])
    joint = Joint(batches, len(groups.rows), len(own), len(share))
    try:
        joint.run(begun[[question.names.index(name) for name in own]],
                  np.array([typical(begun[question.names.index(name)]) for name in share]))  # fmt: skip
    except NotFiniteError as error:
        groups.fitted_alone(error.group)  # which says where, if that is so wherever the group begins
        raise CalculationError(
            f"the residuals of the group `{groups.rows.label(error.group)}` are not finite at the start",
            hint="give other starts, or none",
        ) from None
    fits = fits_of(groups, joint, batches, how.absolute)
    return fits, Shared(fits, question.names, keys), share


def share_names(groups: Groups, share: Sequence[str]) -> list[str]:
    """The names, checked."""
    question, how = groups.question, groups.how
    for name in share:
        if name not in question.shapes:
            hint = did_you_mean(name, question.shapes) or f"parameters are {', '.join(question.shapes)}"
            raise UsageError(f"there is no parameter `{name}` to share", hint=hint)
    if any(question.shapes.values()):
        raise UsageError("parameters that are arrays cannot be shared among groups, nor stand beside shared ones")
    if np.isfinite(how.low).any() or np.isfinite(how.high).any():
        raise UsageError("a fit with shared parameters keeps no bounds", hint="leave them out, or fit without share")
    if how.loss != "linear":
        raise UsageError("a fit with shared parameters has no robust loss", hint="leave it out, or fit without share")
    return list(share)


def start_of(groups: Groups) -> Any:
    """Where the joint fit begins: at the fits of single groups, and at a typical one where a group has none."""
    question = groups.question
    known = {name: float(value) for name, value in question.starts.items()}
    found = empty(groups) if set(known) >= set(question.names) and len(groups.rows) < FEWEST else fit_groups(groups)
    points = np.where(found.converged, found.points, np.nan)
    for place, name in enumerate(question.names):
        line = points[place]
        usual = typical(line) if np.isfinite(line).any() else known.get(name, 1.0)
        points[place] = np.where(np.isfinite(line), line, usual)
    return points


def typical(numbers: Any) -> float:
    """The median of what is finite."""
    return float(np.median(numbers[np.isfinite(numbers)]))


class NotFiniteError(Exception):
    """The residuals of a group are not finite at the start. group: its place."""

    def __init__(self, group: int) -> None:
        super().__init__(group)
        self.group = group


class Joint:
    """The joint problem at a point, and the way to its solution. Own points (own, groups), shared ones (shared,)."""

    def __init__(self, batches: Batches, groups: int, own: int, shared: int) -> None:
        self._batches = batches
        self._places = np.arange(groups)
        self._own, self._shared = own, shared
        self.evaluations = 0

    def run(self, own: Any, shared: Any) -> None:
        """From a start to the solution; points, triangle, offset and `converged` are told afterwards."""
        with np.errstate(all="ignore"):
            self._run(own, shared)

    def _run(self, own: Any, shared: Any) -> None:
        self.own, self.shared = own, shared
        self.triangle = self._at(own, shared)
        bad = np.flatnonzero(~np.isfinite(self.triangle).all(axis=(0, 1)))
        if len(bad):
            raise NotFiniteError(int(bad[0]))
        damping, growth = FIRST, 2.0
        self.offset, before = self._offset(), np.inf
        while self.evaluations < STEPS and damping < MOST and self.offset > ENOUGH:
            near = self.offset <= ORTHOGONAL
            own_step, shared_step = self._step(0.0 if near else damping)
            there = self._at(self.own + own_step, self.shared + shared_step)
            here, total = self._total(self.triangle), self._total(there)
            lower = total <= here * (1 + 1e-12) if near else total < here
            if not (np.isfinite(total) and lower):
                if near:
                    break
                damping, growth = damping * growth, 2 * growth
                continue
            self.own, self.shared, self.triangle = self.own + own_step, self.shared + shared_step, there
            before, self.offset = self.offset, self._offset()
            damping, growth = max(damping / 5, LEAST), 2.0
            if near and self.offset > 0.5 * before:
                break
        self.converged = bool(self.offset <= ORTHOGONAL) or self._total(self.triangle) == 0

    def _at(self, own: Any, shared: Any) -> Any:
        """The triangles of all groups, their own parameters first: (k, k, groups)."""
        self.evaluations += 1
        return self._batches.triangles(self._places, np.concatenate((own, self._everywhere(shared))))

    def _everywhere(self, numbers: Any) -> Any:
        """The same numbers for all groups."""
        return np.repeat(numbers[:, None], len(self._places), axis=1)

    @staticmethod
    def _total(triangle: Any) -> float:
        return float(squares(triangle[:, -1]).sum())

    def reduced(self, damping: float = 0.0) -> tuple[Any, Any]:
        """The triangles of all groups with damping of their own parameters, and the one of the shared parameters and
        the residuals that is left behind them.
        """
        own, triangle = self._own, self.triangle
        if damping and own:
            size = len(triangle)
            lines = np.zeros((size, size + own, len(self._places)))
            lines[:, :size] = triangle.transpose(1, 0, 2)
            lengths = np.sqrt(np.einsum("rcg,rcg->cg", triangle[:, :own], triangle[:, :own]))
            for place in range(own):
                lines[place, size + place] = np.sqrt(damping) * lengths[place]
            triangle = orthogonalised(lines)
        behind = triangle[own:, own:].transpose(2, 0, 1).reshape(-1, self._shared + 1)
        return triangle, np.linalg.qr(behind, mode="r")

    def _step(self, damping: float) -> tuple[Any, Any]:
        own, shared = self._own, self._shared
        triangle, left = self.reduced(damping)
        slopes, behind = left[:shared, :shared], left[:shared, shared]
        norms = np.linalg.norm(slopes, axis=0)
        norms[norms == 0] = 1.0
        scaled = np.vstack((slopes / norms, np.sqrt(damping) * np.eye(shared)))
        step = np.linalg.lstsq(scaled, np.concatenate((-behind, np.zeros(shared))), rcond=1e-14)[0] / norms
        ahead = triangle[:own, -1] + product(triangle[:own, own:-1], self._everywhere(step))
        return solved(triangle[:own, :own], -ahead), step

    def _offset(self) -> float:
        """The part of the residuals' length along all derivatives."""
        _, left = self.reduced()
        along = squares(self.triangle[: self._own, -1]).sum() + float(
            left[: self._shared, -1] @ left[: self._shared, -1]
        )
        total = self._total(self.triangle)
        return float(np.sqrt(along / total)) if total else 0.0


def fits_of(groups: Groups, joint: Joint, batches: Batches, absolute: bool) -> GroupFits:
    """The numbers of each group, with the errors of a joint fit."""
    fits, own, shared = empty(groups), joint._own, joint._shared
    triangle, left = joint.reduced()
    total = joint._total(triangle)
    dof = degrees(groups.rows.sizes, own, shared)
    variance = 1.0 if absolute else total / dof
    square = left[:shared, :shared]
    common = covariances(square[:, :, None], shared)[..., 0]
    inner = covariances(triangle[:own, :own], own)
    through = solved(triangle[:own, :own], triangle[:own, own:-1])
    with np.errstate(all="ignore"):
        variances = np.concatenate((
            np.einsum("iig->ig", inner) + np.einsum("isg,st,itg->ig", through, common, through),
            np.repeat(np.diag(common)[:, None], len(groups.rows), axis=1),
        )) * variance  # fmt: skip
    unknown = dependent(triangle, own)
    variances[:own, unknown] = np.inf
    if dependent(square[:, :, None], shared)[0]:
        variances[:], unknown = np.inf, np.ones(len(unknown), dtype=bool)
    points = np.concatenate((joint.own, np.repeat(joint.shared[:, None], len(groups.rows), axis=1)))
    fits.points, fits.errors = points[batches.back], np.sqrt(variances)[batches.back]
    fits.sum_of_squares, fits.dof = squares(triangle[:, -1]), groups.rows.sizes - own
    fits.residual = np.sqrt(fits.sum_of_squares / np.where(fits.dof > 0, fits.dof, np.nan))
    spread = batches.spreads()
    fits.r_squared = 1 - fits.sum_of_squares / np.where(spread > 0, spread, np.nan)
    fits.evaluations[:], fits.converged[:] = joint.evaluations, joint.converged
    fits.messages = ["the data do not determine its parameters" if each else "" for each in unknown.tolist()]
    if not joint.converged:
        fits.messages = [f"not converged (relative offset {joint.offset:.1e})"] * len(groups.rows)
    return fits


def degrees(sizes: Any, own: int, shared: int) -> int:
    """Degrees of freedom; a group with fewer rows than parameters of its own answers each of its rows."""
    return int(np.maximum(sizes - own, 0).sum()) - shared


class Shared(Mapping):  # type: ignore[type-arg]
    """A `SharedGroup` by key."""

    def __init__(self, fits: GroupFits, names: Sequence[str], keys: Sequence[Any]) -> None:
        self._fits = fits
        self._names = names
        self._places = Places(keys)

    def __getitem__(self, key: Any) -> SharedGroup:
        place, fits = self._places.of(key), self._fits
        values, errors = (dict(zip(self._names, numbers[:, place].tolist(), strict=True))
                          for numbers in (fits.points, fits.errors))  # fmt: skip
        return SharedGroup(
            values, errors, int(fits.rows[place]), float(fits.sum_of_squares[place]), float(fits.residual[place]),
            float(fits.r_squared[place]), bool(fits.converged[place]), fits.messages[place],
        )  # fmt: skip

    def __iter__(self) -> Iterator[Any]:
        return iter(self._places.keys)

    def __len__(self) -> int:
        return len(self._places.keys)
