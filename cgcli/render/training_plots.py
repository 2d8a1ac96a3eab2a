"""The learning curve of a training as a figure of Matplotlib (the extra `plot`)."""

from __future__ import annotations

from cgcli.render.figures import BLUE, ORANGE, new_figure, write_figure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

WIDTH, HEIGHT = 6.0, 3.6
"""Inches."""

STEEP = 10.0
"""Losses that differ by more than this factor are drawn on powers of ten."""

FEW = 30
"""Epochs up to which each is a dot as well."""


def plot_curve(history: Sequence[Mapping[str, Any]], path: str | Path, *, name: str, best: int | None = None) -> None:
    """Draw the mean loss of each epoch, and its validation where there is one, into a file (svg, png, pdf).

    name: of the loss. best: the epoch that counts, marked where there is a validation.
    """
    epochs = [entry["epoch"] for entry in history]
    curves = {"training": [entry["loss"] for entry in history]}
    if history and "validation" in history[0]:
        curves["validation"] = [entry["validation"] for entry in history]
    with new_figure(WIDTH, HEIGHT) as figure:
        axes = figure.add_subplot()
        marker = "o" if len(epochs) <= FEW else None
        for colour, (label, losses) in zip((BLUE, ORANGE), curves.items(), strict=False):
            axes.plot(epochs, losses, color=colour, label=label, marker=marker, markersize=3)
        found = [loss for losses in curves.values() for loss in losses]
        if found and min(found) > 0 and max(found) > STEEP * min(found):
            axes.set_yscale("log")
        if len(curves) > 1:
            if best is not None:
                axes.axvline(best, color=ORANGE, linewidth=0.8, linestyle=":", label=f"best, epoch {best}")
            axes.legend()
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"mean of {name}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        write_figure(figure, path)
