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
