"""Make the tables of this folder: known laws with noise from a seed, rounded as an instrument would.

Run it in the folder of the samples: python samples/fits/make_data.py
"""

from __future__ import annotations

from math import cos, exp, pi, sin, sqrt
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Rows = Iterable[tuple[object, ...]]

FOLDER = Path(__file__).parent


def decay() -> Rows:
    """A signal that fades to a background: 2.5 exp(-0.13 t) + 0.4, noise of 0.05."""
    random = Random(1)
    yield "t", "y"
    for place in range(40):
        t = 0.75 * place
        yield t, f"{2.5 * exp(-0.13 * t) + 0.4 + random.gauss(0, 0.05):.4f}"


def peaks() -> Rows:
    """Two lines of a spectrum that overlap, over a straight background; counts, whose error is their root."""
    random = Random(2)
    yield "channel", "counts", "error"
    for channel in range(20, 141, 2):
        mean = 60 + 0.2 * channel
        mean += 900 * exp(-(((channel - 70) / 8) ** 2) / 2) + 400 * exp(-(((channel - 92) / 6) ** 2) / 2)
        counts = max(round(random.gauss(mean, sqrt(mean))), 1)
        yield channel, counts, f"{sqrt(counts):.3f}"


def enzyme() -> Rows:
    """The speed of an enzyme, 210 S / (0.06 + S), measured twice at each amount of substrate; noise of 8."""
    random = Random(3)
    yield "S", "speed"
    for amount in (0.02, 0.06, 0.11, 0.22, 0.56, 1.1):
        for _ in range(2):
            yield amount, f"{210 * amount / (0.06 + amount) + random.gauss(0, 8):.1f}"


def growth() -> Rows:
    """Yeast in a flask: logistic growth from 9.6 to 665 at a rate of 0.54 an hour; two readings are missing."""
    random = Random(4)
    yield "hour", "cells"
    for hour in range(19):
        mean = 665 / (1 + (665 / 9.6 - 1) * exp(-0.54 * hour))
        cells = f"{mean + random.gauss(0, 8):.1f}"
        yield hour, "" if hour in (7, 15) else cells


def pendulum() -> Rows:
    """The period of a pendulum, 2 pi sqrt(L / 9.81), with the errors of both measurements."""
    random = Random(5)
    yield "L", "T", "L_error", "T_error"
    for length in (0.2, 0.35, 0.5, 0.65, 0.8, 1.0, 1.2, 1.5):
        period = 2 * pi * sqrt(length / 9.81)
        error = 0.004 + 0.004 * length
        yield f"{length + random.gauss(0, 0.003):.4f}", f"{period + random.gauss(0, error):.4f}", 0.003, f"{error:.4f}"


def plates() -> Rows:
    """Five samples that fade at one rate, 0.35, to backgrounds of their own; of the last one there are two readings."""
    random = Random(11)
    yield "plate", "t", "y"
    for place, plate in enumerate(("A1", "A2", "B1", "B2", "C1")):
        for reading in range(2 if plate == "C1" else 12):
            t = 0.75 * reading
            mean = (1.5 + 0.5 * place) * exp(-0.35 * t) + 0.1 * (place + 1)
            yield plate, t, f"{mean + random.gauss(0, 0.03):.4f}"


def xor() -> Rows:
    """The four cases of exclusive or."""
    yield "a", "b", "truth"
    for a in (0, 1):
        for b in (0, 1):
            yield a, b, a ^ b


def rings() -> Rows:
    """Points of two rings, one around the other, told apart by `inner`."""
    random = Random(6)
    yield "x", "y", "inner"
    for place in range(300):
        inner = place % 2
        angle, radius = 2 * pi * random.random(), random.gauss(1.0 if inner else 2.0, 0.18)
        yield f"{radius * cos(angle):.4f}", f"{radius * sin(angle):.4f}", inner


SIDE = 4
"""Pixels of a small picture on each side."""


def stripes() -> Rows:
    """Pictures of 4 by 4 pixels with noise of 0.3: a line across (0), down (1), and along both diagonals (2, 3)."""
    random = Random(8)
    yield *(f"pixel{place}" for place in range(SIDE * SIDE)), "label"
    for place in range(240):
        label, at = place % 4, random.randrange(SIDE)
        lit = {0: lambda i, j, at=at: i == at, 1: lambda i, j, at=at: j == at,
               2: lambda i, j: i == j, 3: lambda i, j: i + j == SIDE - 1}[label]  # fmt: skip
        pixels = (lit(i, j) + random.gauss(0, 0.3) for i in range(SIDE) for j in range(SIDE))
        yield *(f"{pixel:.2f}" for pixel in pixels), label


POINTS = 12
"""Points that three cameras see."""


def cameras() -> Rows:
    """Three cameras look at twelve points (see cameras.cg): a row for each coordinate of each picture, noise of 0.3."""
    random = Random(7)
    points = [(random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(4, 6)) for _ in range(POINTS)]
    poses = [((0, 0, 0), (0, 0, 0)), ((0.01, -0.11, 0.01), (1, 0.05, 0.1)), ((-0.07, 0.12, 0.02), (-0.9, 0.6, 0.2))]
    yield "camera", "point", "axis", "seen"
    for camera, (turn, shift) in enumerate(poses):
        for point, place in enumerate(points):
            x, y, z = (part + moved for part, moved in zip(turned(turn, place), shift, strict=True))
            for axis, side in enumerate((x, y)):
                yield camera, point, axis, f"{800 * side / z + random.gauss(0, 0.3):.2f}"


def turned(turn: tuple[float, ...], place: tuple[float, ...]) -> tuple[float, ...]:
    """A point turned about an axis whose length is the tangent of half the angle (Rodrigues 1840)."""
    across = cross(turn, place)
    further = cross(turn, across)
    share = 2 / (1 + sum(part * part for part in turn))
    return tuple(p + share * (a + f) for p, a, f in zip(place, across, further, strict=True))


def cross(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, ...]:
    """The product of two vectors that stands upright on both."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


TABLES = {
    each.__name__: each for each in (decay, peaks, enzyme, growth, pendulum, plates, xor, rings, stripes, cameras)
}


def lines(name: str) -> Iterator[str]:
    """The lines of a table."""
    return (",".join(map(str, row)) + "\n" for row in TABLES[name]())


if __name__ == "__main__":
    for each in TABLES:
        (FOLDER / f"{each}.csv").write_text("".join(lines(each)), encoding="utf-8")
