"""Numbers as people read them."""

from __future__ import annotations

from math import inf, nan

import pytest

from cgcli.numerals import rounded, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2.50341, 0.0213, "2.5034"),
        (9.811, 0.10977, "9.811"),
        (9.8, 0.0999999, "9.800"),
        (-0.00012, 0.5, "0.000"),
        (123456.7, 1234.0, "123460"),
        (123456.7, 12.3, "123456.7"),
        (1.234567e-9, 2.1e-12, "1.23457e-09"),
        (1.234567e12, 2.1e9, "1.23457e+12"),
        (1.5e-9, 2.1e-8, "1.5e-09"),
        (0.0, 3e-7, "0e+00"),
        (0.0, 0.2, "0.000"),
        (2.5, 0.0, "2.5"),
        (2.5, nan, "2.5"),
        (1 / 3, inf, "0.333333"),
        (nan, 1.0, "nan"),
        (inf, 1.0, "inf"),
    ],
)  # fmt: skip
def test_the_error_decides_where_a_value_ends(value, error, text):
    assert rounded(value, error) == text


@pytest.mark.parametrize(
    ("value", "error", "texts"),
    [
        (2.50341, 0.0213, ("2.5034", "0.0213")),
        (0.29997541, 0.0000420, ("0.2999754", "0.0000420")),
        (1.234567e-9, 2.1e-12, ("1.23457e-09", "2.10e-12")),
        (123456.7, 1234.0, ("123460", "1230")),
        (2.5, 0.0, ("2.5", "0")),
        (2.5, inf, ("2.5", "inf")),
    ],
)  # fmt: skip
def test_a_value_and_its_error_are_written_alike(value, error, texts):
    assert with_error(value, error) == texts
