"""Figures of Matplotlib (the extra `plot`): their common look, and the way into a file.

A figure is the same bytes whenever it is drawn: no settings of the user, no window, no dates, no random names.
"""

from __future__ import annotations

import os
from contextlib import contextmanager

from cgcli.errors import MissingExtra, UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

FORMATS = ("svg", "png", "pdf")
DOTS_PER_INCH = 200
"""Of a PNG; wide enough for a column of a printed page."""

INK, PALE, BLUE, ORANGE, GREEN = "#222222", "#8a8a8a", "#1f5fa8", "#d1661c", "#2f8f5b"
"""Text and points, what stands back, and up to three curves; told apart by those who see few colours, too."""

STYLE: dict[str, object] = {
    "font.size": 10, "axes.titlesize": 10, "axes.labelsize": 10, "legend.fontsize": 9, "xtick.labelsize": 9,
    "ytick.labelsize": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8,
    "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "legend.frameon": False, "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white",
    "svg.hashsalt": "cg", "axes.formatter.useoffset": False, "axes.unicode_minus": True,
}  # fmt: skip


def figure_format(path: str | Path) -> str:
    """The format that the ending of a path names. UsageError, listing the formats, where it names none."""
    ending = os.path.splitext(path)[1][1:].lower()
    if ending in FORMATS:
        return ending
    known = ", ".join(f".{name}" for name in FORMATS)
    raise UsageError(
        f"cannot tell the format of `{path}` by its name",
        hint=did_you_mean(ending, FORMATS) or f"names of plots end with {known}",
    )


def require_matplotlib() -> None:
    """MissingExtra where Matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtra("plots need the package `matplotlib`", hint="pip install 'cgcli[plot]'") from None


@contextmanager
def new_figure(width: float, height: float) -> Iterator[Any]:
    """A figure of Matplotlib of so many inches, in the common look; it is drawn within this context."""
    require_matplotlib()
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: Any = matplotlib.rcParams
        settings.update(STYLE)
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def write_figure(figure: Any, path: str | Path) -> None:
    """A figure as a file of the format that its name says. UsageError, and DataError where it cannot be written."""
    from cgcli.files import write_file

    write_file(str(path), figure_bytes(figure, figure_format(path)))


def figure_bytes(figure: Any, form: str) -> bytes:
    """A figure as the bytes of an SVG, PNG or PDF, without a date in it."""
    from io import BytesIO

    stream = BytesIO()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})
    figure.savefig(stream, format=form, dpi=DOTS_PER_INCH, metadata=dates)
    return stream.getvalue()
