"""Published examples typed at a shell: what is printed there is what `--json` says, to the last printed digit.

Formulas, inputs, numbers and their sources stand in `examples.toml`.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.transcripts import run

approx = pytest.approx


def printed(text: str) -> Any:
    """A number as it was printed, to one unit of its last digit; `…` behind it says that it was cut there."""
    digits = text.rstrip("…")
    mantissa, _, exponent = digits.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return approx(float(digits), abs=1.0001 * 10.0 ** (int(exponent or 0) - decimals), rel=2e-15)


def asked(words: list[str]) -> dict[str, Any]:
    """What `cg eval … --json` says."""
    code, shown = run(["eval", *words, "--json"])
    assert code == 0, shown
    found: dict[str, Any] = json.JSONDecoder().raw_decode(shown)[0]  # a warning may follow
    return found


EXAMPLES = tomllib.loads((Path(__file__).parent / "examples.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_published_example(name):
    example = EXAMPLES[name]
    found = asked([example["formula"], *example["inputs"], *example.get("options", [])])
    for key, text in example["printed"].items():
        what, _, output = key.partition(".")
        assert number(found, what, output) == printed(text), key


def number(found: dict[str, Any], what: str, output: str) -> float:
    """What is printed under a name."""
    if what == "correlations":
        return found[what][output]
    if what == "shares":
        return next(iter(found[what].values()))[output]
    result = output or next(iter(found["values"]))
    if what == "second":
        return found["second_order"][result]["error"]
    if what == "second value":
        return found["second_order"][result]["value"]
    if what == "expanded":
        low, high = found["intervals"][result]
        return (high - low) / 2
    return found[what][result]


READINGS = {
    # name: (readings of t, value, error, degrees of freedom, interval)
    "TN 1900 E2, temperature in May": (
        "18.75 28.25 25.75 28.00 28.50 20.75 21.00 22.75 18.50 27.25 20.75 26.50 28.00 23.25 28.00 21.75 26.00 26.50 "
        "28.00 33.25 32.00 29.50", "25.6", "0.872", 21, ("23.8", "27.4"),
    ),
    "GUM 4.4.3, thermometer": (
        "96.90 98.18 98.25 98.61 99.03 99.49 99.56 99.74 99.89 100.07 100.33 100.42 100.68 100.95 101.11 101.20 101.57 "
        "101.84 102.36 102.72", "100.14", "0.33", 19, ("99.45", "100.84"),
    ),
    "GUM H.5, voltage of a Zener diode, daily means": (
        "10.000172 10.000116 10.000013 10.000144 10.000106 10.000031 10.000060 10.000125 10.000163 10.000041",
        "10.000097", "18e-6", 9, ("10.000056", "10.000138"),
    ),
    "MetroloPy, side of a rectangle": ("3.011 3.125 2.995 3.055 3.067 3.101", "3.059", "0.020", 5, ("3.006", "3.112")),
}  # fmt: skip


@pytest.mark.parametrize("name", READINGS)
def test_published_readings(name, tmp_path):
    readings, value, error, dof, interval = READINGS[name]
    table = tmp_path / "readings.csv"
    table.write_text("\n".join(["t", *readings.split()]))
    found = asked(["t", "--repeat", str(table)])
    assert found["values"]["result"] == printed(value)
    assert found["errors"]["result"] == printed(error)
    assert found["dof"]["result"] == dof
    assert found["intervals"]["result"] == [printed(end) for end in interval]
