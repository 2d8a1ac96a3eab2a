"""`cg why`: the operation where trouble began, in which pass, and cures that work."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.explain.remedies import general_rules

CASES = [
    # formula, point, kind, pass, operation, a cure that must be among those told (None: any that works, "": none)
    ("log(x - 3)", {"x": 2.0}, "nan", "forward", "log", None),
    ("log(x)", {"x": 0.0}, "infinite", "forward", "log", None),
    ("log(1 + exp(x))", {"x": 1000.0}, "infinite", "forward", "exp", "softplus(x)"),
    ("log(sum(exp(v)))", {"v": [1000.0, 2.0]}, "infinite", "forward", "exp", "logsumexp(v)"),
    ("sum(log(softmax(v)))", {"v": [1000.0, 0.0]}, "infinite", "forward", "log", "sum(log_softmax(v))"),
    ("sqrt(x^2 + y^2)", {"x": 0.0, "y": 0.0}, "nan", "backward", "sqrt", "hypot(x, y)"),
    ("sqrt(x^2)", {"x": 0.0}, "nan", "backward", "sqrt", "abs(x)"),
    ("sin(x)/x", {"x": 0.0}, "nan", "forward", "div", "sinc(x)"),
    ("x/y", {"x": 1.0, "y": 0.0}, "infinite", "forward", "div", None),
    ("1/(1/a + 1/b)", {"a": 0.0, "b": 2.0}, "nan", "backward", "div", "a * b / (b + a)"),
    ("x^0.5", {"x": -2.0}, "nan", "forward", "pow", None),
    ("acos(x)", {"x": 1.0}, "infinite", "backward", "acos", None),
    ("exp(x)/(1 + exp(x))", {"x": 800.0}, "nan", "forward", "exp", "sigmoid(x)"),
    ("relu(w*x)", {"w": -1.0, "x": 2.0}, "zero", "backward", "relu", "leaky_relu(w * x)"),
    ("sigmoid(x)", {"x": 800.0}, "zero", "backward", "sigmoid", None),
    ("floor(x)*y", {"x": 1.5, "y": 2.0}, "zero", "backward", "floor", None),
    ("where(x > 0, log(x), 0)", {"x": -1.0}, "zero", "backward", "where", None),
    ("a*b", {"a": 0.0, "b": 3.0}, "zero", "backward", "mul", None),
    ("exp(-x)", {"x": 800.0}, "zero", "forward", "exp", None),
    ("exp(x)", {"x": 40.0}, "huge", "backward", "exp", None),
    ("exp(-x)", {"x": 40.0}, "vanishing", "backward", "exp", None),
    ("abs(x)", {"x": 0.0}, "convention", "backward", "abs", "sqrt(x^2 + 1e-12)"),
    ("sqrt(sum(v^2))", {"v": [0.0, 0.0]}, "nan", "backward", "sqrt", "norm(v)"),
    ("log(1 - sigmoid(x))", {"x": 50.0}, "infinite", "forward", "log", "log_sigmoid(-x)"),
    ("log(1 - exp(-x))", {"x": 1e-20}, "infinite", "forward", "log", "log1mexp(-x)"),
    ("log(1 + exp(x) + exp(y))", {"x": 1000.0, "y": 2.0}, "infinite", "forward", "exp", "logaddexp(softplus(x), y)"),
    ("(1 - cos(x))/x^2", {"x": 0.0}, "nan", "forward", "div", "where(x == 0, 0.5, (1 - cos(x)) / x^2)"),
    ("(exp(x) - 1)/x", {"x": 0.0}, "nan", "forward", "div", "where(x == 0, 1 + 0.5 * x, (exp(x) - 1) / x)"),
    ("sum(inv(M) @ [1, 2])", {"M": [[1.0, 2.0], [2.0, 4.0]]}, "nan", "forward", "inv", None),
    ("x*y*z", {"x": 0.0, "y": 0.0, "z": 3.0}, "zero", "backward", "mul", None),
]


@pytest.mark.parametrize(("text", "at", "kind", "pass_", "operation", "cure"), CASES,
                         ids=[f"{row[0]} {row[2]}" for row in CASES])  # fmt: skip
def test_the_place_and_a_cure(text, at, kind, pass_, operation, cure):
    formula = cg.parse(text)
    findings = [each for each in formula.why(at).findings if (each.kind, each.pass_) == (kind, pass_)]
    found = next(each for each in findings if each.operation == operation)
    assert found.why
    if cure == "":
        assert not found.cures
        return
    assert found.cures
    if cure is not None:
        assert found.cures[0].formula == cure
    for each in found.cures:
        point = {**at, **(each.at or {})}
        better = cg.parse(each.formula)
        point = {name: value for name, value in point.items() if name in better.inputs}
        value, slopes = better.eval(point), better.grad(point)
        assert np.isfinite(value).all()
        assert value == pytest.approx(each.value)
        assert all(np.isfinite(slope).all() for slope in slopes.values())


@pytest.mark.parametrize("text", ["x^2 + 1", "exp(x)", "sin(x)*cos(x)"])
def test_nothing_wrong(text):
    found = cg.parse(text).why(x=2.0)
    assert not found.findings
    assert "nothing is wrong" in found.closest


def test_the_way_from_there():
    (found,) = cg.parse("y = log(x); z = 2*y; z + 1").why(x=0.0).findings
    assert [text for text, _ in found.path] == ["y", "z", "z + 1"]
    assert all(value == -np.inf for _, value in found.path)
    (found,) = cg.parse("sqrt(x*3)").why(x=0.0).findings
    assert [text for text, _ in found.path] == ["∂/∂(sqrt(x*3))", "∂/∂(x*3)", "∂/∂x"]


def test_a_cure_does_no_harm():
    """No branch that gives another value than the limit is told."""
    (found,) = cg.parse("(exp(x) - 1)/x").why(x=0.0).findings
    for cure in found.cures:
        assert cure.at is not None or cure.value == pytest.approx(1.0)


def test_rules_of_general_cures_name_their_operation():
    for name, rules in general_rules().items():
        for rule in rules:
            assert rule.left.graph.row(rule.left.node).name == name
            assert rule.source in ("root", "branch", "clamp", "smooth", "slope", "scale", "round")


def test_rows_of_a_table_by_cause(tmp_path, capsys):
    path = tmp_path / "points.csv"
    path.write_text("x,y\n1,2\n-1,3\n,1\n0,1\n4,0\n-2,2\n")
    assert main(["why", "log(x)/y", "--data", str(path), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    told = [(each["kind"], each["operation"], each["rows"], each["first_row"]) for each in findings]
    assert told == [("nan", "log", 2, 2), ("infinite", "log", 1, 4), ("infinite", "div", 1, 5)]
    assert main(["why", "log(x)/y", "--data", str(path), "--row", "2"]) == 0
    assert "where x = -1" in capsys.readouterr().out
    assert main(["why", "log(x)/y", "--data", str(path), "--row", "3"]) == 2
    assert "without a gap" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["log(x)", "x=0"], 0, "^^^^^^"),
        (["log(x)"], 2, "no value for the input"),
        (["x", "x=1", "--row", "2"], 2, "needs a table"),
        (["u = log(x); v = x; output u, v", "x=0", "--of", "v"], 0, "nothing is wrong"),
        (["[log(x), x]", "x=0"], 0, "`log` gives -inf"),
        (["3"], 0, "nothing is wrong"),
    ],
)
def test_command_lines(words, code, told, capsys):
    assert main(["why", *words]) == code
    captured = capsys.readouterr()
    assert told in captured.out + captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("text", ["log(exp(-x)*sin(x)/x)", "exp(x)/(1 + exp(x))^2", "log(1 + exp(x)*y)"])
def test_no_cure_has_another_value(text):
    """Where many digits give the value that doubles miss, a cure gives that one."""
    formula = cg.parse(text)
    at = {"x": 1000.0, "y": 2.0}
    at = {name: at[name] for name in formula.inputs}
    for found in formula.why(at).findings:
        for each in found.cures:
            if each.at is None:
                assert each.value == pytest.approx(float(formula.eval(at, digits=30)), rel=1e-4)


def test_a_cure_moves_the_derivative_in_question():
    for found in cg.parse("x + 0*y").why(x=1.0, y=2.0).findings:
        assert found.by == ("y",)
        assert all(each.gradient["y"] for each in found.cures)


def test_every_row_of_a_table_is_counted(tmp_path, capsys):
    """Rows that went wrong in one way are looked at once, however many they are."""
    path = tmp_path / "points.csv"
    path.write_text("x,y\n" + "-1,2\n0,1\n2,0\n1,1\n" * 3000)
    assert main(["why", "log(x)/y", "--data", str(path), "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    told = [(each["kind"], each["operation"], each["rows"], each["first_row"]) for each in findings]
    assert told == [("nan", "log", 3000, 1), ("infinite", "log", 3000, 2), ("infinite", "div", 3000, 3)]


def test_what_a_zero_is_in_truth():
    (found,) = cg.parse("log(prod(p))").why(p=[1e-120, 1e-150, 1e-130]).findings
    assert "in truth prod(p) is 1e-400" in found.why


def test_inputs_count_as_they_are_written():
    """0.3 - 300*0.001 is 0 in truth, too: what binary rounding adds is not told as a truth."""
    (found,) = cg.parse("log(x - 0.001*k)").why(x=0.3, k=300.0).findings
    assert "in truth" not in found.why


@pytest.mark.parametrize(
    ("text", "at", "value", "slope"),
    [("x^(1/3)", -8.0, -2.0, 1 / 12), ("2*(x - 1)^(1/5)", -31.0, -4.0, 2 / 5 / 16), ("x^(2/3)", -8.0, 4.0, -1 / 3)],
)
def test_an_odd_root_of_a_negative_number_is_the_real_one(text, at, value, slope):
    """And it alone: another value in its place would be worse."""
    (cure,) = cg.parse(text).why(x=at).findings[0].cures
    assert (cure.value, cure.gradient["x"]) == pytest.approx((value, slope))


def test_where_digits_cancel_the_rule_is_told_though_its_slope_is_below_the_rounding_of_the_value():
    (finding,) = (each for each in cg.parse("(1 - cos(x))/x^2").why(x=1e-9).findings if each.pass_ == "forward")
    assert finding.cures[0].at is None
    assert finding.cures[0].value == pytest.approx(0.5)


def test_a_corner_is_told_by_the_formula_that_meets_it():
    (finding,) = cg.parse("abs(x - 2)").why(x=2).findings
    assert finding.why.startswith("`abs` has a corner or a jump where x - 2 = 0, and no slope there")


def test_a_comparison_is_called_so():
    assert cg.parse("(x > 2)*3").why(x=1).findings[0].why.startswith("the comparison is constant between its steps")


def test_no_cure_gives_0_for_a_number_beyond_doubles():
    """exp(800) - exp(801) is -4.7e347: both clamped to one number would be 0."""
    for finding in cg.parse("exp(x) - exp(y)").why(x=800, y=801).findings:
        assert all(cure.at is not None or cure.value < 0 for cure in finding.cures)


def test_a_function_is_called_as_the_formula_calls_it():
    assert cg.parse("arcsin(x)").why(x=2).findings[0].why.startswith("`arcsin` gives nan")


def test_answers_print_as_words():
    assert str(cg.parse("log(x)").why(x=-1)).splitlines()[:2] == [
        "nan in the forward pass: `log` gives nan where x = -1",
        "  cure: where(x > 0, log(x), 0), which gives 0",
    ]
