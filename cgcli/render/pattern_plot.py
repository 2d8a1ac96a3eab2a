"""The pattern of a sparse matrix as a picture: a dot an entry, or shades where there are more entries than dots."""

from __future__ import annotations

from cgcli.render.figures import BLUE, INK, PALE, new_figure, write_figure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

SIDE = 5.6
"""Inches of the longer side of the matrix."""

DOTS = 700
"""Dots along a side; a longer matrix is drawn in squares of several elements."""

FAINTEST = 0.35
"""How dark a square with a single entry is; 1 is the fullest one."""

MOST_LABELS = 12


def plot_pattern(
    rows: Any, columns: Any, shape: tuple[int, int], path: str | Path, *, title: str,
    parts: tuple[Sequence[tuple[str, int]], Sequence[tuple[str, int]]],
) -> None:  # fmt: skip
    """Draw where entries are into an SVG, PNG or PDF. MissingExtra without Matplotlib.

    rows, columns: of each entry. parts: of rows and of columns the names of what they are of, each with its end.
    """
    image = shades(rows, columns, shape)
    height, width = (SIDE * max(length / max(shape), 0.2) for length in shape)
    with new_figure(width + 0.8, height + 0.9) as figure:
        axes = figure.subplots()
        axes.imshow(
            image, cmap=_colours(), vmin=0, vmax=1, interpolation="nearest", aspect="auto",
            extent=(0, shape[1], shape[0], 0),
        )  # fmt: skip
        for axis, own, line in zip((axes.yaxis, axes.xaxis), parts, (axes.axhline, axes.axvline), strict=True):
            _divide(axis, own, line)
        for side in axes.spines.values():
            side.set_visible(True)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.set_title(title, loc="left", pad=8)
        write_figure(figure, path)


def shades(rows: Any, columns: Any, shape: tuple[int, int]) -> Any:
    """The picture as numbers from 0 (nothing) to 1, of at most DOTS by DOTS squares."""
    import numpy as np

    sides = [min(length, DOTS) for length in shape]
    if not all(sides):
        return np.zeros((1, 1))
    square = (rows * sides[0] // shape[0]) * sides[1] + columns * sides[1] // shape[1]
    counts = np.bincount(square, minlength=sides[0] * sides[1]).reshape(sides)
    return np.where(counts, FAINTEST + (1 - FAINTEST) * counts / max(int(counts.max()), 1), 0.0)


def _colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pattern", ["white", BLUE])


def _divide(axis: Any, parts: Sequence[tuple[str, int]], line: Any) -> None:
    """A line between the parts of an axis, and the name of each in its middle."""
    begin, middles = 0, []
    for _, end in parts:
        middles.append((begin + end) / 2)
        if begin:
            line(begin, color=PALE, linewidth=0.6)
        begin = end
    named = len(parts) <= MOST_LABELS
    axis.set_ticks(middles if named else [], [name for name, _ in parts] if named else [], color=INK)
