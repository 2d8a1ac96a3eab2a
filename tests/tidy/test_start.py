"""What a small call loads: the most used path stays free of every heavy library."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"numpy", "scipy", "llvmlite", "numba", "mpmath", "graphviz_pure", "lark", "pyarrow", "dask"}
COSTLY = HEAVY | {"typer", "click", "rich", "dataclasses", "inspect", "typing", "pathlib", "json", "difflib"}

PROBE = """
import sys
from cgcli.__main__ import program
sys.argv = ["cg", *sys.argv[1:]]
try:
    program()
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*arguments):
    """The output of a call, and the libraries and modules that it has loaded beyond those of a bare interpreter."""
    bare = subprocess.run([sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True)
    run = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout, set(run.stderr.split()) - set(bare.stdout.split())


def test_a_scalar_formula_loads_nothing_costly():
    output, modules = loaded("eval", "(x+y)*z", "x=1", "y=2", "z=3")
    assert output == "9\n"
    assert "cgcli" in modules
    assert not modules & COSTLY


@pytest.mark.parametrize(
    "arguments",
    [
        ("grad", "(x+y)*z", "x=1", "y=2", "z=3"),
        ("eval", "exp(sin(x^2))", "x=0.5"),
        ("eval", "x^2", "x=sqrt(4)"),
        ("--help",),
    ],
    ids=str,
)
def test_small_calls_load_no_library_for_numbers(arguments):
    output, modules = loaded(*arguments)
    assert output
    assert not modules & HEAVY


def test_nothing_is_loaded_before_the_program_begins():
    """Until then a signal is answered by the interpreter, with a traceback."""
    script = "import sys; before = set(sys.modules); import cgcli.__main__; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cgcli", "cgcli.__main__"]


def test_an_error_of_a_value_loads_nothing_but_arrays():
    output, modules = loaded("eval", "4*pi^2*L/T^2", "L=1.00±0.01", "T=2.006+-0.005")
    assert output == "9.811 ± 0.110\n"
    assert modules & HEAVY == {"numpy"}
