"""What a plot of a search shows: the steps, and the function around them."""

from __future__ import annotations

import numpy as np

from cgcli.engines import engine
from cgcli.errors import UsageError
from cgcli.minimizing.objective import Objective
from cgcli.minimizing.setting import Setting
from cgcli.render.path_plots import PathPicture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase
    from cgcli.minimizing.outcome import Minimum

ALONG, MARGIN, CONTOURS = 201, 0.15, 18
"""Places along each variable, how far the picture goes beyond the steps, and lines of equal value."""


def picture_of(
    formula: FormulaBase, result: Minimum, start: Mapping[str, Any] | None, *, bounds: Mapping[str, Any] | None = None,
    of: str | None = None, wrt: Sequence[str] | None = None, fix: Sequence[str] | Mapping[str, Any] | None = None,
    title: str = "",
) -> PathPicture:  # fmt: skip
    """The picture of a search that was made with these options. UsageError for more than two numbers that vary."""
    setting = Setting(formula, start, bounds=bounds, wrt=wrt, fix=fix, of=of, engine="auto")
    objective = Objective(setting.bound, setting.names, of)
    labels = objective.variables.labels()
    if len(labels) > 2:
        raise UsageError(f"{len(labels)} numbers vary, and a plot shows one or two", hint="fix the others (--fix)")
    steps = np.array([step.x for step in result.steps])
    axes = [stretch(column) for column in steps.T]
    grid = np.stack([each.ravel() for each in np.meshgrid(*axes)], axis=1)
    heights = values_at(objective, grid)
    heights = np.where(np.isfinite(heights), heights, np.nan)
    return PathPicture(
        names=labels, steps=steps, values=np.array([step.value for step in result.steps]), axes=axes,
        heights=heights.reshape([len(each) for each in reversed(axes)]), levels=levels_of(heights), title=title,
        converged=result.converged,
    )  # fmt: skip


def levels_of(heights: Any) -> Any:
    """Values at which lines are drawn: as many between low values as between high ones."""
    known = heights[np.isfinite(heights)]
    return np.unique(np.quantile(known, np.linspace(0.005, 0.97, CONTOURS))) if len(known) else np.zeros(0)


def stretch(places: Any) -> Any:
    """Places along an axis that show all of some, and a margin."""
    low, high = float(places.min()), float(places.max())
    width = (high - low) or max(abs(low), 1.0)
    return np.linspace(low - MARGIN * width, high + MARGIN * width, ALONG)


def values_at(objective: Objective, points: Any) -> Any:
    """The value at many points, a row each."""
    values = dict(objective.over.values)
    for name, shape in objective.variables.shapes.items():
        values[name] = np.ascontiguousarray(points[:, objective.variables.places[name]]).reshape(len(points), *shape)
    node = objective.nodes.value
    with np.errstate(all="ignore"):
        return np.ravel(engine("numpy").evaluate_rows(objective.over.graph, values, [node])[node])
