"""A fit as a plot: points, curve and bands, residuals below; of several columns, predictions and observations."""

from __future__ import annotations

from math import inf, isfinite, nan

from cgcli.numerals import shortened
from cgcli.render.figures import BLUE, INK, PALE, new_figure, write_figure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from cgcli.render.fit_picture import FitPicture

WIDTH, HEIGHT = 6.4, 5.2
"""Inches."""

MANY_POINTS = 300
"""From so many points on they are small and pale, and one bitmap in an SVG from ten times as many."""

LONGEST_TITLE = 80


def plot_fit(picture: FitPicture, path: str | Path) -> None:
    """Draw a fit into an SVG, PNG or PDF. MissingExtra without Matplotlib, DataError where it cannot be written."""
    with new_figure(WIDTH, HEIGHT) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        if picture.logarithmic:
            above.set_xscale("log")
        draw_points(above, picture, picture.observed, picture.errors)
        draw_curve(above, picture)
        above.set_ylabel(literal(picture.y_name))
        handles, labels = above.get_legend_handles_labels()
        order = sorted(range(len(labels)), key=lambda place: labels[place] not in ("observed", "rows"))
        above.legend([handles[place] for place in order], [labels[place] for place in order], loc="best")
        draw_residuals(below, picture)
        figure.align_ylabels()
        title = shortened(picture.title, LONGEST_TITLE)
        above.set_title(literal("\n".join([title, *wrapped(picture.parameters)])), loc="left", pad=8)
        if picture.notes:
            figure.text(0.995, 0.005, literal("; ".join(picture.notes)), ha="right", va="bottom", size=7, color=PALE)
        write_figure(figure, path)


def literal(text: str) -> str:
    """A text that Matplotlib shows as it is, without mathematics between dollars."""
    return text.replace("$", r"\$")


def wrapped(parts: Any, width: int = 84) -> list[str]:
    """Short texts joined into lines."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 3 <= width:
            lines[-1] += f"   {part}"
        else:
            lines.append(part)
    return lines


def draw_points(axes: Any, picture: FitPicture, heights: Any, errors: Any) -> None:
    """The rows: each a point, with a bar of its standard deviation where it has one."""
    many = len(heights) > MANY_POINTS
    look: dict[str, Any] = {
        "color": INK, "marker": "o", "linestyle": "none", "markersize": 2.5 if many else 4.5, "zorder": 3,
        "markeredgewidth": 0, "alpha": 0.35 if many else 0.85, "rasterized": len(heights) > 10 * MANY_POINTS,
    }  # fmt: skip
    label = "observed" if picture.x_name is not None else "rows"
    if (len(errors) or len(picture.x_errors)) and not many:
        bars = {"yerr": errors if len(errors) else None, "xerr": picture.x_errors if len(picture.x_errors) else None}
        axes.errorbar(picture.abscissa, heights, **bars, label=label, elinewidth=0.9, capsize=2,
                      capthick=0.9, **look)  # fmt: skip
    else:
        axes.plot(picture.abscissa, heights, label=label, **look)


def draw_curve(axes: Any, picture: FitPicture) -> None:
    """The fitted curve with its bands, or the line on which predictions and observations are equal."""
    curve = picture.curve
    if curve is None:
        ends = [number for number in (*picture.fitted, *picture.observed) if isfinite(number)]
        if ends:
            axes.plot([min(ends), max(ends)], [min(ends), max(ends)], color=BLUE, linewidth=1.4, label="equal")
        return
    share = f"{100 * picture.coverage:g} %"
    axes.plot(curve.x, curve.y, color=BLUE, linewidth=1.8, label="fitted", zorder=4)
    if curve.confidence is not None:
        axes.fill_between(curve.x, *curve.confidence, color=BLUE, alpha=0.28, linewidth=0,
                          label=f"{share} confidence", zorder=2)  # fmt: skip
    if curve.prediction is not None:
        axes.fill_between(curve.x, *curve.prediction, color=BLUE, alpha=0.10, linewidth=0,
                          label=f"{share} prediction", zorder=1)  # fmt: skip


def draw_residuals(axes: Any, picture: FitPicture) -> None:
    """What is left of each row, over the same axis; in units of its standard deviation, where it has one.

    Where the column has errors, too, the distance to the curve is none along the target: residuals stay as they are.
    """
    axes.axhline(0, color=BLUE, linewidth=1.2, zorder=2)
    in_sigma = len(picture.errors) > 0 and not len(picture.x_errors)
    heights, errors = picture.residuals, list(picture.errors)
    if in_sigma:
        heights = [left / error if error else nan for left, error in zip(heights, errors, strict=True)]
        errors = [1.0] * len(errors)
    draw_points(axes, picture, heights, errors)
    axes.set_ylabel("residual / σ" if in_sigma else "residual")
    axes.set_xlabel(literal(picture.x_name if picture.x_name is not None else f"predicted {picture.y_name}"))
    reach = errors if errors and len(heights) <= MANY_POINTS else [0.0] * len(heights)
    sizes = [abs(height) + more for height, more in zip(heights, reach, strict=True) if isfinite(height)]
    if sizes and 0 < max(sizes) < inf:
        axes.set_ylim(-1.15 * max(sizes), 1.15 * max(sizes))
