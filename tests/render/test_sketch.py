"""Sketches of points and curves in a terminal, and which axis they get."""

from __future__ import annotations

from math import exp, inf, nan

from hypothesis import given, settings
from hypothesis import strategies as st

from cgcli.excerpts import width as width_of
from cgcli.render.fit_picture import Curve, FitPicture, spans_decades
from cgcli.render.sketch import NARROWEST, sketch_lines

STRAIGHT = FitPicture(
    title="a + b*t", y_name="y", x_name="t", x=[0, 1, 2, 3], observed=[0, 10, 20, 30], fitted=[0, 10, 20, 30], rows=4,
    curve=Curve(x=[place / 50 for place in range(151)], y=[place / 5 for place in range(151)]),
)  # fmt: skip


def test_a_line_goes_from_corner_to_corner():
    assert sketch_lines(STRAIGHT, 30, plain=True) == [
        "    y",
        "30 │                       ..o",
        "   │                     ...",
        "   │                   ...",
        "   │                 ...",
        "   │               ..o",
        "   │             ...",
        "   │          ....",
        "   │        o..",
        "   │      ...",
        "   │    ...",
        "   │  ...",
        " 0 │o..",
        "   └" + "─" * 26,
        "    0           t            3",
    ]


def test_braille_has_eight_dots_in_a_character():
    lines = sketch_lines(STRAIGHT, 30)
    assert any("⠀" < sign <= "⣿" for line in lines for sign in line)
    assert len(lines) == len(sketch_lines(STRAIGHT, 30, plain=True))


def test_several_columns_are_predicted_and_observed():
    picture = FitPicture(title="a*x + b*z", y_name="y", observed=[1, 2, 3], fitted=[1, 2, 3], rows=3)
    lines = sketch_lines(picture, 40, plain=True)
    assert "predicted y" in lines[-1]
    assert lines[1].endswith("o")


def test_nothing_to_see_is_no_sketch():
    picture = FitPicture(title="a", y_name="y", x_name="t", x=[nan, 1], observed=[1, inf], fitted=[1, 1], rows=2)
    assert sketch_lines(picture) == []


def test_a_pole_does_not_flatten_the_points():
    far = Curve(x=[0, 1, 2, 3], y=[0, 1e9, -1e9, 30])
    picture = FitPicture(
        title="a", y_name="y", x_name="t", x=[0, 3], observed=[0, 30], fitted=[0, 30], rows=2, curve=far
    )
    assert sketch_lines(picture, plain=True)[1].startswith("30 │")


def test_decades_get_a_logarithmic_axis():
    assert spans_decades([10.0**place for place in range(5)])
    assert not spans_decades(range(1, 1001))
    assert not spans_decades([0, 1, 10, 100, 1000])
    assert not spans_decades([exp(place) for place in range(3)])
    assert not spans_decades([1.0, 1e6])


numbers = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=100)
@given(st.lists(st.tuples(numbers, numbers), max_size=100), st.integers(1, 200))
def test_any_points_fit_into_the_width(points, wide):
    xs, ys = [x for x, _ in points], [y for _, y in points]
    picture = FitPicture(title="f", y_name="y", x_name="x", x=xs, observed=ys, fitted=ys, rows=len(points))
    for line in sketch_lines(picture, wide)[1:-1]:
        assert width_of(line) <= max(wide, NARROWEST + 14)
