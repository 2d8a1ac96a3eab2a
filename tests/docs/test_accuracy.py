"""docs/accuracy.md says what was measured, which keeps the bounds that the conformance suite holds the engines to."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.conformance.bounds import MIXED, ULPS
from tests.conformance.cases import ELEMENTWISE

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
FIGURES = json.loads((ROOT / "benchmarks" / "accuracy.json").read_text(encoding="utf-8"))
MANY = 100_000
"""Points at which the functions that matter are measured, those of a finite result."""


def tables():
    """Operation -> cells, of the first and of the second table."""
    first, second = TEXT.split("\n## ")[1:]
    return [
        {
            row[0].strip(): [cell.strip() for cell in row[1:]]
            for row in (re.findall(r"[^|]+", line) for line in part.splitlines() if line.startswith("| "))
            if row[0].strip() != "operation"
        }
        for part in (first, second)
    ]


def numbers(cells):
    """The figures of the cells, without what is in brackets or was not measured."""
    return [float(cell.split()[0]) for cell in cells if cell != "-"]


def test_every_operation_is_measured():
    within, beyond = tables()
    assert set(within) | set(beyond) == {row.name for row in ELEMENTWISE if row.arity}
    assert set(beyond) == set(MIXED)


def test_measured_errors_keep_the_bounds():
    within, beyond = tables()
    too_far = {name for name, cells in within.items() if max(numbers(cells[1:-1])) > ULPS}
    too_far |= {name for name, cells in beyond.items() if max(numbers(cells[2:-1])) > MIXED[name]}
    assert not too_far


def test_bounds_are_those_of_the_table_and_not_padded():
    """A bound that is far above what is measured would hide a loss of digits."""
    _, beyond = tables()
    for name, (_, bound, *cells, _) in beyond.items():
        assert float(bound) == MIXED[name]
        assert MIXED[name] <= max(6, 2.5 * max(numbers(cells))), name


def test_the_table_is_that_of_the_figures():
    within, beyond = tables()
    for name, cells in {**within, **beyond}.items():
        assert int(cells[0]) == FIGURES["rows"][name]["numpy"]["points"]


def test_critical_places_are_measured_on_many_points_and_the_worst_is_named():
    within, beyond = tables()
    for name in ("exp", "sin", "tand", "ellipe", "i0", "sinint"):
        assert int(within[name][0] if name in within else beyond[name][0]) > MANY
    for name in ("lgamma", "lambertw", "j0", "ndtr", "normpdf", "gelu", "dawsn", "erfcx"):
        points, *_, worst = beyond[name]
        assert int(points) > MANY
        assert re.fullmatch(r"[-+0-9.e, ]+ \([a-z ]+\)", worst), worst
