"""A nan or an infinity of a result is told of with its place, in whatever way the result was asked for."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.__main__ import main
from tests.golden import check_golden
from tests.transcripts import run

GOLDEN = Path(__file__).parents[1] / "golden" / "births.txt"

LINES = [
    'grad "sqrt(x^2)" x=0',
    'grad "sqrt(x^2)" x=0 --json',
    'grad "p = softmax(z); q = p/sum(p); sum(entr(q))" "z=[1, 2, -inf]"',
    'grad "[x*y, sqrt(x)]" x=0 y=1 --jacobian',
    'grad "x^1.5 + y" x=0 y=1 --hessian',
    'grad "x^2.5" x=0 --wrt x --digits 20 --hessian',
    'eval "diff(sqrt(x^2), x)" x=0',
    'eval "y = x^2; f(a) = sqrt(a); diff(f(y), y)" x=0',
    'eval "diff(x^1.5, x, 2)" x=0',
    'grad "y / exp(x)" x=1000 y=1',
    'grad "1e308*x + 1e308*x*y" x=1 y=1',
    'grad "b = log(a); b + 1" a=-1',
    'grad "x / y" x=1 y=0',
    'eval "x + y" x=1/0 y=1',
    'eval "1e999"',
    'grad "x*y + sqrt(x - 1)*z" x=1 y=2 z=3 --strict',
    'eval "log(x)" x=-1 --strict',
    'grad "x*y" x=1 y=2 --strict',
]
"""Command lines whose output is kept; the place in the text is part of it."""


def told(call):
    """The warnings that a call gives."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    assert all(issubclass(each.category, cg.NotFiniteWarning) for each in found)
    return found


def test_what_commands_say():
    import shlex

    shown = []
    for line in LINES:
        code, text = run(shlex.split(line))
        shown.append(f"$ cg {line}\n{text}=> {code}\n")
    check_golden(GOLDEN, "\n".join(shown))


# ---- in Python -------------------------------------------------------------------------------------------------------

CALLS = {
    "eval": lambda: cg.parse("1/x").eval(x=0.0),
    "call": lambda: cg.parse("1/x")(x=0.0),
    "grad": lambda: cg.parse("sqrt(x^2)").grad(x=0.0),
    "jacobian": lambda: cg.parse("[x, sqrt(x)]").jacobian(x=0.0),
    "hessian": lambda: cg.parse("x^1.5").hessian(x=0.0),
    "jvp": lambda: cg.parse("sqrt(x)").jvp(x=0.0, directions={"x": 1.0}),
    "hvp": lambda: cg.parse("x^1.5").hvp(x=0.0, directions={"x": 1.0}),
    "derivative": lambda: cg.parse("sqrt(x)").derivative("x").eval(x=0.0),
    "eval_rows": lambda: cg.parse("log(x)").eval_rows(x=np.array([1.0, 0.0])),
    "grad_rows": lambda: cg.parse("sqrt(x)").grad_rows(x=np.array([1.0, 0.0])),
    "digits": lambda: cg.parse("sqrt(x)").grad(x=0.0, digits=30),
    "array": lambda: cg.parse("sum(sqrt(v))").grad(v=[0.0, 1.0]),
    "numpy": lambda: cg.parse("sqrt(x)").grad(x=0.0, engine="numpy"),
    "graph": lambda: cg.formula(cg.sqrt(cg.inputs("x"))).grad(x=0.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_method_warns_at_the_line_that_called_it(name):
    found = told(CALLS[name])
    assert found
    assert {each.filename for each in found} == {__file__}


def test_a_warning_says_operation_rule_and_place():
    (warning,) = told(lambda: cg.parse("1 + sqrt(x^2)").grad(x=0.0))
    message = warning.message
    assert message.message == "inf comes from the derivative of `sqrt` at 0 (rule: 1 / (2 * sqrt(x^2)))"
    assert message.source.text[slice(*message.span)] == "sqrt(x^2)"
    assert "in `sqrt(x^2)`" in str(message)
    assert issubclass(cg.NotFiniteWarning, cg.CgWarning)


def test_derivatives_by_patterns_are_told_with_a_place(monkeypatch):
    monkeypatch.setattr("cgcli.passes.differentiate.LARGE", (0, 0, 0))
    (warning,) = told(lambda: cg.parse("log(x)*sin(x) + sqrt(x - 1)").grad(x=1.0))
    assert warning.message.message == "inf comes from the derivative of `sqrt` at 0 (rule: 1 / (2 * sqrt(x - 1)))"
    assert warning.message.source.text[slice(*warning.message.span)] == "sqrt(x - 1)"


def test_derivatives_along_a_direction_need_no_value_of_their_weights():
    (warning,) = told(lambda: cg.parse("sum(v*log(v))").jvp(v=[-1.0, 1.0], directions={"v": [1.0, 0.0]}))
    assert warning.message.message.startswith("nan comes from ")
    assert told(lambda: cg.parse("[x*log(x), sqrt(x)*x]").jacobian(x=0.0))


def test_what_is_given_as_nan_or_infinity_is_no_news():
    assert not told(lambda: cg.parse("x + 1").eval(x=math.nan))
    assert not told(lambda: cg.parse("x^2").grad(x=math.inf))
    assert not told(lambda: cg.parse("-inf * x").eval(x=1.0))
    assert not told(lambda: cg.parse("x * y").grad_rows(x=np.array([1.0, math.nan]), y=2.0))
    assert not told(lambda: cg.parse("x * y").eval_rows(x=np.array([1.0, 2.0]), y=math.inf))


def test_a_branch_that_is_not_taken_is_no_birth():
    assert not told(lambda: cg.parse("where(x > 0, log(x), 0)").grad(x=-1.0))
    (warning,) = told(lambda: cg.parse("where(v > 0, log(v), 1/v)").eval(v=[1.0, 0.0]))
    assert "`div`" in str(warning.message)


def test_large_numbers_are_looked_at_without_a_word():
    formula = cg.parse("v * 2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert formula.eval(v=[1e200, -1e300]).tolist() == [2e200, -2e300]
        assert formula.jacobian(v=[1e200, 1e300])["v"].tolist() == [[2.0, 0.0], [0.0, 2.0]]
        assert cg.parse("x * 2").eval_rows(x=np.array([1e300, -1e300])).tolist() == [2e300, -2e300]


def test_the_warning_can_be_an_error():
    with warnings.catch_warnings():
        warnings.simplefilter("error", cg.NotFiniteWarning)
        with pytest.raises(cg.NotFiniteWarning, match="sqrt"):
            cg.parse("sqrt(x)").grad(x=0.0)


def test_a_loop_is_told_of_once_and_takes_no_longer(monkeypatch):
    formula, row = cg.parse("log(x) + y"), np.array([0.0])
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for step in range(10):
            formula.eval(x=-1.0 - step, y=1.0)
            formula.eval_rows(x=row - step, y=1.0)
        assert len(found) == 1
        formula.grad(x=0.0, y=1.0)
        assert len(found) == 2
    monkeypatch.setattr("cgcli.explain.births.births_of", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cg.NotFiniteWarning)
        assert math.isnan(formula.eval(x=-1.0, y=1.0))
        assert math.isnan(formula.eval_rows(x=row - 1, y=1.0)[0])


def test_rows_are_counted_and_the_first_is_shown():
    (warning,) = told(lambda: cg.parse("sqrt(x)*y").grad_rows(x=np.array([4.0, 0.0, 0.0, math.nan]), y=2.0))
    assert str(warning.message).startswith("inf comes from the derivative of `sqrt` at 0 ")
    assert "in 2 rows, the first with x = 0" in str(warning.message)


def test_single_precision_that_overflows_is_told():
    pytest.importorskip("llvmlite")
    found = told(lambda: cg.parse("x * x").eval_rows(x=np.array([1e30, 1.0]), dtype="float32"))
    assert "single precision" in str(found[0].message)


LEAVES = st.sampled_from(["x", "y", "2", "0.5", "0"])
PARTS = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.builds(str.format, st.sampled_from(["sqrt({})", "log({})", "exp({})", "({})^1.5", "abs({})"]), parts),
        st.builds(
            lambda form, a, b: form.format(a, b),
            st.sampled_from(["({})*({})", "({})/({})", "({})-({})", "where({}>{}, x, y)", "max({}, {})", "({})^({})"]),
            parts, parts,
        ),
    ),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(PARTS, st.sampled_from([-1.0, 0.0, 1.0, 2.0, 1e200]), st.sampled_from([-1.0, 0.0, 0.5]))
def test_a_result_is_finite_or_something_is_said(text, x, y):
    formula = cg.parse(f"{text} + 0*x + 0*y")
    found = []

    def ask():
        found.append(formula.eval(x=x, y=y))
        found.extend(formula.grad(x=x, y=y).values())
        found.extend(value for row in formula.hessian(x=x, y=y).values() for value in row.values())

    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        ask()
    given = [each for each in given if not isinstance(each.message, cg.KinkWarning)]
    assert bool(given) == (not all(map(math.isfinite, found)))
    assert all(each.message.span is not None for each in given)


ARRAY_PARTS = st.recursive(
    st.sampled_from(["v", "w", "x", "0", "2", "v[0]", "A[0]"]),
    lambda parts: st.one_of(
        st.builds(
            str.format,
            st.sampled_from(["sqrt({})", "log({})", "exp({})", "({})^1.5", "1/({})", "softmax({})", "entr({})"]), parts,
        ),
        st.builds(
            lambda form, a, b: form.format(a, b),
            st.sampled_from(["({})*({})", "({})/({})", "({})+({})", "where({}>{}, v, w)", "max({}, {})"]),
            parts, parts,
        ),
    ),
    max_leaves=5,
)  # fmt: skip
REDUCTIONS = st.sampled_from(["sum({})", "norm({})", "prod({})", "max({})", "logsumexp({})", "var({})"])
ITEMS = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1e200]), min_size=3, max_size=3)


@settings(deadline=None, max_examples=25)
@given(REDUCTIONS, ARRAY_PARTS, ITEMS, ITEMS, st.sampled_from([-1.0, 0.0, 2.0]))
def test_so_it_is_with_arrays_and_rows(reduction, text, v, w, x):
    try:
        formula = cg.parse(f"{reduction.format(f'({text}) + 0*v')} + 0*x + 0*sum(v) + 0*sum(w) + 0*sum(A)")
        point = {"v": v, "w": w, "x": x, "A": [v, w]}
        formula.bind(point)
    except cg.CgError:  # shapes that do not fit
        return
    rows = {name: np.array([value, value]) for name, value in point.items()}
    asked = {
        "eval": lambda: [formula.eval(point)],
        "grad": lambda: [formula.eval(point), *formula.grad(point).values()],
        "jacobian": lambda: formula.jacobian(point).values(),
        "jvp": lambda: [formula.jvp(point, directions={"v": [1.0, 0.0, 1.0]})],
        "rows": lambda: [formula.eval_rows(rows), *formula.grad_rows(rows).values()],
    }
    for kind, ask in asked.items():
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            finite = all(np.isfinite(value).all() for value in ask())
        assert {each.category for each in given} <= {cg.NotFiniteWarning}
        assert bool(given) == (not finite), kind
        assert all(each.message.span is not None for each in given)


# ---- --strict --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [[], ["--jacobian"], ["--hessian"], ["--json"], ["--check"]])
def test_strict_prints_an_error_and_no_result(form, capsys):
    assert main(["grad", "x^1.5 + sqrt(x)", "x=0", "--strict", *form]) == 1
    shown = capsys.readouterr()
    assert not shown.out
    assert "calculation error: " in shown.err


@pytest.mark.parametrize("ending", ["csv", "npy", "npz"])
def test_strict_writes_no_table(ending, tmp_path, capsys):
    table, output = tmp_path / "t.csv", tmp_path / f"out.{ending}"
    table.write_text("x,y\n1,2\n0,3\n,4\n")
    output.write_bytes(b"what was there before")
    line = ["grad", "sqrt(x)*y", "--data", str(table), "-o", str(output)]
    assert main([*line, "--strict"]) == 1
    assert output.read_bytes() == b"what was there before"
    assert sorted(tmp_path.iterdir()) == sorted([table, output])
    assert "in 1 row, the first with x = 0, y = 3" in capsys.readouterr().err
    assert main(line) == 0
    assert output.read_bytes() != b"what was there before"
    assert "warning: inf comes from the derivative of `sqrt` at 0" in capsys.readouterr().err


def test_strict_does_not_mind_gaps_in_a_table(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("x,y\n1,2\n,4\n")
    assert main(["eval", "x*y", "--data", str(table), "--strict"]) == 0
    assert "comes from" not in capsys.readouterr().err


def test_strict_goes_with_what_is_computed(capsys):
    assert main(["grad", "x^2", "--symbolic", "--strict"]) == 2
    assert "--symbolic" in capsys.readouterr().err
