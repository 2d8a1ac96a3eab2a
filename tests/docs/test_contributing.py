"""The row of CONTRIBUTING.md works as it stands there."""

from __future__ import annotations

import math
import re
from textwrap import dedent

import pytest

import cgcli as cg
from cgcli.ops import Operation, temporary_rows
from cgcli.ops.hyperbolic import sinh
from cgcli.ops.trigonometric import atan
from tests.transcripts import ROOT

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_example_of_an_operation() -> None:
    (code,) = re.findall(r"^    \w+ = Operation\(\n(?:        .*\n)+    \)\n", CONTRIBUTING, re.MULTILINE)
    with temporary_rows():
        exec(dedent(code), {"__name__": __name__, "Operation": Operation, "atan": atan, "sinh": sinh})
        formula = cg.parse("2*gd(x)")
        assert formula.eval(x=1) == pytest.approx(2 * math.atan(math.sinh(1)), rel=1e-15)
        assert formula.grad(x=1)["x"] == pytest.approx(2 / math.cosh(1), rel=1e-15)
