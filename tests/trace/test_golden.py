"""What `cg trace` prints, kept in files that a person can read and judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from cgcli.cli.start import start
from tests.golden import check_golden

FOLDER = Path(__file__).parents[1] / "golden" / "trace"

SOFTMAX_LOSS = "z = [a, b, c]; p = exp(z) / sum(exp(z)); loss = -log(p[1])"
LINES = {
    "product_of_sum": ["(x+y)*z", "x=1", "y=2", "z=3"],
    "chain": ["exp(sin(x^2))", "x=0.5"],
    "user_functions": ["f(x)=exp(x); g(x)=sin(x); h(x)=x^2; f(g(h(x)))", "x=0.5"],
    "nested_calls": ["f(a)=a^2; g(a)=f(a)+f(2*a); g(x)+g(y)", "x=1", "y=2"],
    "softmax_loss": [SOFTMAX_LOSS, "a=1", "b=2", "c=3"],
    "kink": ["abs(x) + max(x, y)", "x=0", "y=0"],
    "birth": ["y + 2*log(x)", "x=-1", "y=1"],
    "infinite_slope": ["sqrt(x) + where(y > 0, sqrt(y), 0)", "x=0", "y=-3"],
    "several_outputs": ["a = x*2; b = a^2; output a, b", "x=3"],
    "no_inputs": ["2*3 + 1"],
    "unused_input": ["a = x*w; y + 1", "x=1", "w=2", "y=3"],
    "matrix_product": ["A @ v", "A=[[1, 2], [3, 4]]", "v=[1, -1]"],
    "forward_only": ["floor(x) * y", "x=2.5", "y=-3", "--no-backward"],
    "with_respect_to": ["h = x*y; loss = h^2 + h", "x=2", "y=3", "--wrt", "h", "--of", "loss"],
    "digits": ["x / 3 + 1e-10", "x=1", "--digits", "20"],
    "json": ["x * log(y)", "x=2", "y=0", "--json"],
}


@pytest.mark.parametrize("name", LINES)
def test_printed(name, capsys):
    assert start(["trace", *LINES[name]]) == 0
    check_golden(FOLDER / f"{name}.txt", capsys.readouterr().out)
