"""A sketch of points and a curve in a terminal: the curve in dots of Braille, eight to a character, points as `o`."""

from __future__ import annotations

from math import isfinite, log10

from cgcli.numerals import short_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cgcli.render.fit_picture import FitPicture

    Point = tuple[float, float]

ROWS = 12
NARROWEST, WIDEST = 24, 72
"""Characters of a sketch."""

BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a Braille character by row and column of its dots (Unicode, block 2800)."""

MANY_POINTS = 80
"""From so many points on each is a dot as well: as `o` they would cover the curve."""


def sketch_lines(picture: FitPicture, width: int = WIDEST, *, plain: bool = False) -> list[str]:
    """The lines of a sketch, at most so many columns wide. plain: without Braille, for what cannot show it."""
    points = list(zip(picture.abscissa, picture.observed, strict=True))
    curve = picture.curve
    line = list(zip(curve.x, curve.y, strict=True)) if curve else diagonal(picture)
    name = picture.x_name or f"predicted {picture.y_name}"
    return drawn(points, line, width, x_name=name, y_name=picture.y_name, logarithmic=picture.logarithmic, plain=plain)


def diagonal(picture: FitPicture) -> list[Point]:
    """Where predictions and observations are equal."""
    ends = [number for number in (*picture.fitted, *picture.observed) if isfinite(number)]
    if not ends:
        return []
    low, high = min(ends), max(ends)
    return [(low + step / 200 * (high - low),) * 2 for step in range(201)]


def drawn(
    points: Sequence[Point], line: Sequence[Point], width: int, *, x_name: str, y_name: str,
    logarithmic: bool = False, plain: bool = False,
) -> list[str]:  # fmt: skip
    """Points and a line between labelled axes; nothing where no point is finite."""
    points, line = list(seen(points, logarithmic)), list(seen(line, logarithmic))
    if not points:
        return []
    line_heights = [y for _, y in line]
    heights = [y for _, y in points]
    low, high = spread([*heights, *near(line_heights, heights)])
    left, right = spread([x for x, _ in points])
    labels = {0: short_number(high, 4), ROWS - 1: short_number(low, 4)}
    gutter = max(map(len, labels.values()))
    columns = max(NARROWEST, min(width, WIDEST) - gutter - 2)
    canvas = Canvas(columns, ROWS, (left, right), (low, high))
    for x, y in line:
        canvas.dot(x, y)
    for x, y in points:
        (canvas.dot if len(points) > MANY_POINTS and not plain else canvas.mark)(x, y)
    lines = [f"{labels.get(row, ''):>{gutter}} │{text}" for row, text in enumerate(canvas.lines(plain))]
    ends = [short_number(10**end if logarithmic else end, 4) for end in (left, right)]
    middle = x_name if len(x_name) < columns - len("".join(ends)) - 2 else ""
    room = columns - len(ends[0]) - len(ends[1])
    axis = f"{' ' * gutter} └{'─' * columns}"
    return [f"{' ' * gutter}  {y_name}", *(line.rstrip() for line in lines), axis,
            f"{' ' * gutter}  {ends[0]}{middle:^{room}}{ends[1]}"]  # fmt: skip


def seen(points: Iterable[Point], logarithmic: bool) -> Iterable[Point]:
    """The points that can be drawn, over the logarithm where the axis has powers of ten."""
    for x, y in points:
        if isfinite(x) and isfinite(y) and (x > 0 or not logarithmic):
            yield (log10(x) if logarithmic else x), y


def near(line: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The part of a line that is not far from the points: a pole would make the rest of the sketch flat."""
    low, high = spread(heights)
    return [y for y in line if low - (high - low) <= y <= high + (high - low)]


def spread(numbers: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest; not the same."""
    low, high = min(numbers), max(numbers)
    if low == high:
        room = abs(low) / 2 or 0.5
        return low - room, high + room
    return low, high


class Canvas:
    """Characters of eight dots each, over a rectangle of the plane."""

    def __init__(self, columns: int, rows: int, across: tuple[float, float], up: tuple[float, float]) -> None:
        self._columns, self._rows = columns, rows
        self._across, self._up = across, up
        self._dots = [[0] * columns for _ in range(rows)]
        self._marks: dict[tuple[int, int], str] = {}

    def _place(self, x: float, y: float) -> tuple[int, int] | None:
        """Column and row of the dot at a point, from the left and from the top; None outside."""
        (left, right), (low, high) = self._across, self._up
        column = (x - left) / (right - left) * (2 * self._columns - 1)
        row = (high - y) / (high - low) * (4 * self._rows - 1)
        if not (-0.5 <= column < 2 * self._columns - 0.5 and -0.5 <= row < 4 * self._rows - 0.5):
            return None
        return int(column + 0.5), int(row + 0.5)

    def dot(self, x: float, y: float) -> None:
        """Set a dot."""
        place = self._place(x, y)
        if place is not None:
            column, row = place
            self._dots[row // 4][column // 2] |= DOTS[row % 4][column % 2]

    def mark(self, x: float, y: float) -> None:
        """Put an `o` in the place of a character."""
        place = self._place(x, y)
        if place is not None:
            self._marks[place[1] // 4, place[0] // 2] = "o"

    def lines(self, plain: bool) -> list[str]:
        """The characters, row by row."""
        return [
            "".join(
                self._marks.get((row, column)) or (" " if not dots else "." if plain else chr(BRAILLE + dots))
                for column, dots in enumerate(line)
            )
            for row, line in enumerate(self._dots)
        ]
