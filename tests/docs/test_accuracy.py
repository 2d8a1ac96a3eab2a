"""The measured errors in docs/accuracy.md keep the bounds that the conformance suite holds the engines to."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conformance.bounds import MIXED, ULPS
from tests.conformance.cases import ELEMENTWISE

TEXT = (Path(__file__).parent.parent.parent / "docs" / "accuracy.md").read_text(encoding="utf-8")


def tables():
    """Operation -> cells, of the first and of the second table."""
    first, second = TEXT.split("\n## ")[1:]
    return [
        {row[0]: row[1:] for row in (re.findall(r"[^|]+", line) for line in part.splitlines() if line.startswith("|"))}
        for part in (first, second)
    ]


def numbers(cells):
    """The figures of the cells, without what is in brackets or was not measured."""
    return [float(cell.split()[0]) for cell in cells if cell.strip() != "-"]


def rows(table):
    return {name.strip(): cells for name, cells in table.items() if "operation" not in name and "-" not in name}


def test_every_operation_is_measured():
    within, beyond = map(rows, tables())
    assert set(within) | set(beyond) == {row.name for row in ELEMENTWISE if row.arity}
    assert set(beyond) == set(MIXED)


def test_measured_errors_keep_the_bounds():
    within, beyond = map(rows, tables())
    too_far = {name for name, cells in within.items() if max(numbers(cells)) > ULPS}
    too_far |= {name for name, cells in beyond.items() if max(numbers(cells[1:])) > MIXED[name]}
    assert not too_far


def test_bounds_are_those_of_the_table_and_not_padded():
    """A bound that is far above what is measured would hide a loss of digits."""
    _, beyond = map(rows, tables())
    for name, (bound, *cells) in beyond.items():
        assert float(bound) == MIXED[name]
        assert MIXED[name] <= max(6, 2.5 * max(numbers(cells))), name
