"""The path of a search for a minimum: over contours of a function of two variables, along the curve of one."""

from __future__ import annotations

from dataclasses import dataclass

from cgcli.numerals import shortened
from cgcli.render.figures import BLUE, INK, ORANGE, PALE, new_figure, write_figure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

WIDTH, HEIGHT = 6.0, 4.6
"""Inches."""

LONGEST_TITLE = 70

MOST_DOTS = 60
"""Steps of a path up to which each is a dot."""


@dataclass(frozen=True)
class PathPicture:
    """What is drawn of a search.

    names: of one or two variables. steps: a row a step, a column a variable. values: at the steps. axes: places along
    each variable, and heights: the value there, nan where it is none; a row a place along the second variable, where
    there are two. levels: the values at which lines are drawn.
    """

    names: Sequence[str]
    steps: Any
    values: Any
    axes: Sequence[Any]
    heights: Any
    levels: Any
    title: str
    converged: bool


def plot_path(picture: PathPicture, path: str | Path) -> None:
    """Draw a search into an SVG, PNG or PDF. MissingExtra without Matplotlib, DataError where it cannot be written."""
    with new_figure(WIDTH, HEIGHT) as figure:
        axes = figure.subplots()
        if len(picture.names) == 2:
            draw_contours(axes, picture)
            points = picture.steps[:, 0], picture.steps[:, 1]
            axes.set_ylabel(literal(picture.names[1]))
        else:
            axes.plot(picture.axes[0], picture.heights, color=PALE, linewidth=1.2)
            points = picture.steps[:, 0], picture.values
            axes.set_ylabel("value")
        axes.set_xlabel(literal(picture.names[0]))
        marker = "o" if len(picture.steps) <= MOST_DOTS else None
        axes.plot(*points, color=BLUE, linewidth=1.2, marker=marker, markersize=3.5, label="steps")
        axes.plot(points[0][0], points[1][0], "o", color=INK, markersize=6, label="start")
        end = "minimum" if picture.converged else "end (not converged)"
        axes.plot(points[0][-1], points[1][-1], "*", color=ORANGE, markersize=13, label=end)
        axes.legend(loc="best")
        title = shortened(picture.title, LONGEST_TITLE)
        axes.set_title(literal(title), loc="left", pad=8)
        write_figure(figure, path)


def draw_contours(axes: Any, picture: PathPicture) -> None:
    """Lines of equal value."""
    if len(picture.levels) > 1:
        lines = axes.contour(*picture.axes, picture.heights, levels=picture.levels, colors=PALE, linewidths=0.7)
        every = max(len(picture.levels) // 6, 1)
        axes.clabel(lines, picture.levels[::every], fontsize=7, fmt=lambda level: f"{level:.3g}")
    axes.set_xlim(picture.axes[0][0], picture.axes[0][-1])
    axes.set_ylim(picture.axes[1][0], picture.axes[1][-1])


def literal(text: str) -> str:
    """A text that Matplotlib shows as it is, without mathematics between dollars."""
    return text.replace("$", r"\$")
