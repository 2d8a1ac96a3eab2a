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


def test_every_path_and_module_that_it_names_exists() -> None:
    quoted = re.findall(r"`((?:cgcli|tests|docs|benchmarks|grammar)/[\w./]+)`", CONTRIBUTING)
    assert len(quoted) > 15
    assert [path for path in quoted if not (ROOT / path).exists()] == []
    named = re.findall(r"python -m ([\w.]+)", CONTRIBUTING)
    assert [name for name in named if not (ROOT / f"{name.replace('.', '/')}.py").exists()] == []
