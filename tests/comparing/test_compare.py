"""`cg compare`: the verdict, and a counterexample that is one."""

from __future__ import annotations

import json

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.__main__ import main
from cgcli.errors import UsageError
from cgcli.explain.comparing import (
    ALMOST,
    EQUAL_GRAPH,
    EQUAL_POINTS,
    EQUAL_SIMPLIFIED,
    UNEQUAL,
    WHERE_DEFINED,
)

VERDICTS = [
    ("x*y + 1", "x*y + 1", EQUAL_GRAPH),
    ("f(t) = t^2; f(x)", "x^2", EQUAL_GRAPH),
    ("x + y", "y + x", EQUAL_SIMPLIFIED),
    ("x*x*x", "x^3", EQUAL_SIMPLIFIED),
    ("sin(x)^2 + cos(x)^2", "1", EQUAL_SIMPLIFIED),
    ("(x + 1)^2", "x^2 + 2*x + 1", EQUAL_POINTS),
    ("sqrt(x + 1) - sqrt(x)", "1/(sqrt(x + 1) + sqrt(x))", EQUAL_POINTS),
    ("log(1 + exp(x))", "softplus(x)", EQUAL_POINTS),
    ("max(x, y)", "(x + y + abs(x - y))/2", EQUAL_POINTS),
    ("0.1 + 0.2", "0.3", EQUAL_POINTS),
    ("input v[3]; sum(v^2)", "input v[3]; v @ v", EQUAL_POINTS),
    ("x/x", "1", ALMOST),
    ("(x^2 - 1)/(x - 1)", "x + 1", ALMOST),
    ("sin(x)/x", "sinc(x)", ALMOST),
    ("sign(x)^2", "1", ALMOST),
    ("where(2*x == 7, 0, x)", "x", ALMOST),
    ("where(x*y == 6, 1, 0)", "0", ALMOST),
    ("x < 3", "x <= 3", ALMOST),
    ("where(x == 5, 1, 0)", "0", ALMOST),
    ("where(x == 3 and y == 4, 1, 0)", "0", ALMOST),
    ("where(x > 5 and x < 5.0000001, 1, 0)", "0", UNEQUAL),
    ("where(abs(x - 2) < 1e-3, x^2, 4*x - 4)", "4*x - 4", UNEQUAL),
    ("where((x - 1)*(x - 1.00001) < 0, x^2, 2*x - 1)", "2*x - 1", UNEQUAL),
    ("2.5*x + 1", "2.5000000000000001*x + 1", UNEQUAL),
    ("tan(atan(x))", "x", EQUAL_SIMPLIFIED),
    ("binom(n, k)", "binom(n, n - k)", EQUAL_POINTS),
    ("3 + (-1)^n", "3 + cos(pi*n)", WHERE_DEFINED),
    ("lgamma(x)", "log(abs(gamma(x)))", EQUAL_POINTS),
    ("p*exp(-m*h/(k*t))", "p*exp(-(m*h)/k/t)", EQUAL_SIMPLIFIED),
    ("log(x^2)", "2*log(x)", WHERE_DEFINED),
    ("a*b + c", "c + b*a", EQUAL_SIMPLIFIED),
    ("a - b/c + d", "d + a - b/c", EQUAL_SIMPLIFIED),
    ("max(x, y, z)", "max(z, max(y, x))", EQUAL_SIMPLIFIED),
    ("sigmoid(x)", "(1 + tanh(x/2))/2", EQUAL_POINTS),
    ("erf(x)", "1 - erfc(x)", EQUAL_POINTS),
    ("input v[3]; softmax(v)", "input v[3]; softmax(v + 1)", EQUAL_POINTS),
    ("floor(x)", "ceil(x) - 1", ALMOST),
    ("atan2(y, x)", "2*atan(y/(sqrt(x^2 + y^2) + x))", ALMOST),
    ("where(x < 1e-200, 0, x)", "where(x < 0, 0, x)", UNEQUAL),
    ("a - b", "b - a", UNEQUAL),
    ("abs(x)", "x", UNEQUAL),
    ("sin(x)", "-sin(x)", UNEQUAL),
    ("atan2(y, x)", "atan(y/x)", UNEQUAL),
    ("0.1*x", "0.10000000000000002*x", UNEQUAL),
    ("0.1 + 0.2", "0.30000000000000004", UNEQUAL),
    ("x + 1e-30", "x", UNEQUAL),
    ("where(x > 1e6, x + 1e-3, x)", "x", UNEQUAL),
    ("exp(-x^2)", "where(x > 7, 0, exp(-x^2))", UNEQUAL),
    ("a = 2; a*x", "a = 3; a*x", UNEQUAL),
    ("param a = 2; a*x", "param a = 3; a*x", UNEQUAL),
    ("input v[3]; sum(v)", "input v[3]; v[0] + v[1]", UNEQUAL),
    ("u = x; v = 2*x; output u, v", "u = x; output u", UNEQUAL),
]


def differs(first, second, at):
    """Whether two formulas have other values at a point, in 40 digits, where a nan is no value."""
    left, right = first.eval(dict(at), digits=40), second.eval(dict(at), digits=40)
    return not (left == right or (left != left and right != right))


@pytest.mark.parametrize(("left", "right", "verdict"), VERDICTS)
def test_verdicts(left, right, verdict):
    first, second = cg.parse(left), cg.parse(right)
    found = first.compare(second)
    assert found.verdict == verdict
    assert bool(found) == found.equal == (verdict in (EQUAL_GRAPH, EQUAL_SIMPLIFIED, EQUAL_POINTS))
    for each in found.counterexamples:
        if each.output == "result":
            with mpmath.workdps(500):  # the decimals as they are told
                written = {name: mpmath.mpf(repr(value)) if isinstance(value, float) else value
                           for name, value in each.at.items()}  # fmt: skip
            point = {name: value for name, value in written.items() if name in first.inputs}
            other = {name: value for name, value in written.items() if name in second.inputs}
            left_value, right_value = first.eval(point, digits=250), second.eval(other, digits=250)
            assert left_value != right_value, each
            assert float(left_value) == pytest.approx(each.left, nan_ok=True)
            assert float(right_value) == pytest.approx(each.right, nan_ok=True)
        assert each.alone == (verdict == ALMOST)


def test_decimals_are_points():
    """A tenth is no double; `x=0.1` means it all the same."""
    found = cg.parse("where(x == 0.1, 4, x)").compare(cg.parse("x"))
    assert found.verdict == ALMOST
    assert [(each.at, each.left, each.right) for each in found.counterexamples] == [({"x": 0.1}, 4.0, 0.1)]


TERMS = st.recursive(
    st.sampled_from(["x", "y", "2", "0.5"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["sin", "exp", "abs", "atan"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=5)
@given(TERMS, TERMS, st.sampled_from([1e-3, -2.0, 1e-14]))
def test_rewritten_texts_are_equal_and_changed_ones_are_not(text, other, change):
    first = cg.parse(text)
    assert first.compare(cg.parse(f"({text} + {other}) - {other}")).equal
    found = first.compare(cg.parse(f"{text} + {change!r}"))
    assert not found.equal
    assert differs(first, cg.parse(f"{text} + {change!r}"), found.counterexample.at)


def test_given_values_fix_some_inputs_or_are_a_point():
    power = cg.parse("x^n")
    assert power.compare(cg.parse("x*x"), n=2)
    found = power.compare(cg.parse("x*x"), x=2, n=2)
    assert not found.equal
    assert found.first.values == found.second.values == {"result": 4.0}
    assert found.first.gradients["result"]["x"] == found.second.gradients["result"]["x"] == 4.0


def test_where_the_graphs_part():
    found = cg.parse("exp(-x^2)*(x + 1)").compare(cg.parse("exp(-x^2)*(x + 2)"))
    assert found.changed == [("1", "2")]
    assert found.removed == ["x + 1", "exp(-x^2) * (x + 1)"]
    assert found.added == ["x + 2", "exp(-x^2) * (x + 2)"]


@pytest.mark.parametrize(
    ("words", "code"),
    [(["x + y", "y + x"], 0), (["x", "x + 1"], 1), (["x"], 2), (["x", "y", "z=3"], 2), (["-", "-"], 2),
     (["x", "x", "-o", "both.gif"], 2)],
)  # fmt: skip
def test_exit_codes(words, code, capsys):
    assert main(["compare", *words]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert bool(captured.err) == (code == 2)


def test_json_and_picture(tmp_path, capsys):
    path = tmp_path / "both.svg"
    assert main(["compare", "x/x", "1", "--json", "-o", str(path)]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["verdict"] == ALMOST
    assert data["equal"] is False
    assert data["counterexamples"] == [
        {"output": "result", "at": {"x": 0.0}, "first": "nan", "second": 1.0, "single point": True}
    ]
    assert "only in the first formula" in path.read_text(encoding="utf-8")


def test_digits_beyond_a_double_are_shown(capsys):
    assert main(["compare", "2.5*x + 1", "2.5000000000000001*x + 1"]) == 1
    assert "`result` at x=1: 3.5 and 3.5000000000000001" in capsys.readouterr().out
    assert main(["compare", "2.5*x + 1", "2.5000000000000001*x + 1", "--json"]) == 1
    (point,) = json.loads(capsys.readouterr().out)["counterexamples"]
    assert (point["first"], point["second"]) == ("3.5", "3.5000000000000001")


def test_arrays_beside_each_other(capsys):
    assert main(["compare", "v + w", "w + v", "v=[1, 2]", "w=[3, 4]"]) == 0
    assert "[4, 6]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("first", "second", "at", "names"),
    [("relu(x)", "max(x, 0)", "x=0", "d/dx"), ("1/(1+exp(-x))", "exp(x)/(1+exp(x))", "x=1000", "`result` and d/dx"),
     ("(1-cos(x))/x^2", "2*(sin(x/2)/x)^2", "x=1e-9", "`result` and d/dx")],
)  # fmt: skip
def test_equal_formulas_with_other_numbers_at_the_point(first, second, at, names, capsys):
    """At a corner, by overflow, by cancellation: the verdict is about the formulas, and the numbers are told apart."""
    assert main(["compare", first, second, at]) == 0
    assert f"their numbers here are not {names}:" in " ".join(capsys.readouterr().out.split())


def test_equal_formulas_with_equal_numbers_say_no_more(capsys):
    assert main(["compare", "x + y", "y + x", "x=1", "y=2"]) == 0
    assert "their numbers here" not in capsys.readouterr().out


def test_the_comparison_in_python_prints_its_verdict_and_points():
    assert repr(cg.parse("x^2").compare(cg.parse("x^3"))).splitlines() == ["different", "`result` at x=-1: 1 and -1"]


def test_a_formula_is_not_compared_with_a_text():
    with pytest.raises(UsageError, match="compared with a formula"):
        cg.parse("x^2").compare("x*x")
