"""`cg steps`: every line equals the one before it, the last one is the derivative, and answers are judged by line."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.errors import CgError, UsageError
from cgcli.explain.judging import DIFFERENT, ONE_UNDEFINED, SAME, judge
from tests.language.texts import CORPUS, records

FORMULAS = [
    "x^2*sin(x)", "sin(x^2)/x", "exp(-x^2/2)", "x^x", "2^x", "1/(1 + exp(-x))", "softplus(3*x + 1)", "sqrt(1 + x^2)",
    "log(x)/x^2", "atan2(x, 2)", "where(x > 1, x^2, -x)", "max(x, x^2)", "abs(x - 3)", "sum([x, x^2, 3])",
    "norm([x, 2*x])", "hypot(x, 1 - x)", "gamma(x)", "tanh(x)^3", "x - 3 - x^4", "3 - x", "5", "fma(x, x, 1)",
    "f(t) = t*exp(t); f(x) + f(2*x)", "x*y + y^x", "product([x, x + 1, x + 2])", "[x, x^2] @ [1, 2]",
]  # fmt: skip


POINTS = ((0.7, 1.9), (1.9, 0.4), (3.2, 2.5), (-0.4, 1.1))
"""Of x and y."""


def same(working, left, right):
    """Whether two nodes of a working have the same values in many digits, wherever both are defined."""
    told = [judge(working.graph, left, right, {"x": x, "y": y}).verdict for x, y in POINTS]
    return SAME in told and DIFFERENT not in told and ONE_UNDEFINED not in told


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("plain", [True, False])
def test_every_line_equals_the_one_before_it(text, plain):
    formula = cg.parse(text)
    steps = formula.steps("x" if "x" in formula.inputs else None) if formula.inputs else None
    if steps is None:
        with pytest.raises(CgError):
            formula.steps()
        return
    steps = formula.steps("x", unsimplified=not plain)
    working = steps._working
    meanings = [working.meaning(line.node) for line in steps.lines]
    for left, right in pairwise(meanings):
        assert same(working, left, right)
    assert not working.inner(steps.lines[-1].node)
    if plain:
        assert steps.derivative == str(formula.derivative("x"))


@pytest.mark.parametrize("text", ["x^2*sin(x)", "exp(-x^2/2)", "x^x"])
def test_lines_are_formulas(text):
    """What is printed in the language is what the line means."""
    formula = cg.parse(text)
    for line in formula.steps().lines:
        assert cg.parse(line.formula).eval(x=1.3) == pytest.approx(formula.grad(x=1.3)["x"], rel=1e-12)
    last = formula.steps(order=3).lines[-1]
    expected = formula.derivative("x").derivative("x").derivative("x")
    assert cg.parse(last.formula).eval(x=1.3) == pytest.approx(expected.eval(x=1.3), rel=1e-12)
    assert last.order == 3


def test_rules_have_their_names():
    rules = [line.rule.name for line in cg.parse("x^2*sin(x^2)/3").steps().lines]
    assert rules == [
        "", "constant factor rule", "product rule", "power rule", "derivative of sin and chain rule", "power rule",
        "simplification",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "answer", "words"),
    [
        ("x^2*sin(x)", "2*x*cos(x)", "one by one"),
        ("x^2*sin(x)", "2*x*sin(x)", "second term of the product rule"),
        ("sin(x^2)", "cos(x^2)", "inner derivative is missing"),
        ("exp(3*x)", "exp(3*x)", "inner derivative is missing"),
        ("cos(x)", "sin(x)", "minus sign of the derivative of cos"),
        ("x^3", "3*x^3", "not lowered"),
        ("x^3", "x^2", "factor n"),
        ("x^2/sin(x)", "(2*x*sin(x) + x^2*cos(x))/sin(x)^2", "subtracted, not added"),
        ("x^2/sin(x)", "(x^2*cos(x) - 2*x*sin(x))/sin(x)^2", "exchanged"),
        ("x/exp(x)", "1/exp(x)", "one by one"),
        ("2^x", "x*2^(x - 1)", "constant exponent"),
        ("2^x", "2^x", "log(c)"),
        ("x^2 - sin(x)", "2*x + cos(x)", "minus sign was lost"),
        ("x^2 + 7", "2*x + 7", "constant was kept"),
        ("5*x^2", "2*x", "constant factor was lost"),
        ("sin(x^2)", "2*x*cos(x)", "at the inside, not at the variable"),
        ("sin(x^2)", "cos(2*x)", "f(u)' is not f'(u')"),
        ("sqrt(x^2 + 1)", "sqrt(2*x)", "f(u)' is not f(u')"),
        ("sin(x)^2", "cos(x)^2", "(u^n)' is not (u')^n"),
        ("exp(2*x)", "2*x*exp(2*x - 1)", "power rule is for a constant exponent"),
        ("exp(-x)", "exp(-x)", "inner derivative is missing"),
        ("log10(x)", "1/x", "log(10) is missing"),
        ("log(x, 2)", "log(2)/x", "divided by log(2)"),
        ("sec(x)", "sec(x)^2", "derivative of tan, not of sec"),
        ("csc(x)", "csc(x)*cot(x)", "minus sign of the derivative of csc"),
        ("sin(cos(x))", "cos(cos(x))*sin(x)", "minus sign of the derivative of cos"),
        ("sinh(x)", "-cosh(x)", "other sign"),
        ("x^3", "x^4/4", "integral"),
        ("1/x", "log(x)", "integral"),
        ("1/x^2", "-2/x", "smaller, not larger"),
        ("x^2/sin(x)", "2*x*sin(x) - x^2*cos(x)", "divisor of the quotient rule is missing"),
        ("log(x)/x", "1/x^2", "only the part above"),
        ("log(x^2)", "2*log(x)", "the function itself"),
        ("sqrt(x)", "1/sqrt(x)", "2 times the derivative"),
        ("sqrt(x)", "x^(1/2)/2", "the exponent was not lowered by 1"),
        ("3*x + 2", "3*x", "the variable was kept"),
        ("x^2 - x", "2*x - x", "the variable was kept"),
        ("tan(x) - x", "tan(x)^2 + 3", "the derivative plus 3"),
        ("x*sin(x)*exp(x)", "sin(x)*exp(x) + x*sin(x)*exp(x)", "second term of the product rule"),
        ("3*x/(2*sin(x))", "3*(sin(x) - x*cos(x))/sin(x)^2", "constant divisor was lost"),
    ],
)
def test_usual_mistakes_are_named(formula, answer, words):
    (checked,) = cg.parse(formula).steps().check(answer)
    assert not checked.verdict.right
    assert words in checked.verdict.mistake
    assert checked.hint is not None
    point = checked.verdict.counterexample
    assert point.left != pytest.approx(point.right)
    assert point.left == pytest.approx(cg.parse(formula).grad(point.at)["x"])


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("2*x*sin(x) + x^2*cos(x)", [True]),
        ("x*(2*sin(x) + x*cos(x))", [True]),
        ("f'(x) = d/dx(x^2)*sin(x) + x^2*d/dx(sin(x)) = 2*x*sin(x) + x^2*cos(x)", [True, True]),
        ("d/dx(x^2)*sin(x) + x^2*d/dx(sin(x))\n2*x*sin(x) - x^2*cos(x)\n0", [True, False]),
        ("2*x*sin(x) + x^2*cos(x) + 1e-9", [False]),
    ],
)
def test_answers_line_by_line(answer, right):
    checked = cg.parse("x^2*sin(x)").steps().check(answer)
    assert [line.verdict.right for line in checked] == right


def test_an_answer_prints_what_was_found():
    steps = cg.parse("x^2*sin(x)").steps()
    assert str(steps.check("2*x*cos(x)")).splitlines()[:2] == [
        "wrong: 2*x*cos(x)", "  the factors were differentiated one by one: (u · v)' is not u' · v'",
    ]  # fmt: skip
    assert repr(steps.check("d/dx(x^2)*sin(x) + x^2*cos(x)")).splitlines()[1].startswith("  next: power rule")
    assert repr(steps) == str(steps)


def test_hints():
    steps = cg.parse("x^2*sin(x)").steps()
    assert str(steps.hint) == "product rule for x^2 * sin(x): (u · v)' = u' · v + u · v'"
    (checked,) = steps.check("2*x*sin(x) + x^2*d/dx(sin(x))")
    assert checked.hint.rule == "derivative of sin"
    assert steps.check("2*x*sin(x) + x^2*cos(x)")[0].hint is None


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["x^2", "--answer", "2*x"], 0, "right: 2*x"),
        (["x^2", "--answer", "x"], 1, "wrong: x"),
        (["x^2", "--hint"], 0, "power rule"),
        (["x^2", "--latex"], 0, r"\begin{aligned}"),
        (["x*y"], 2, "choose one (--wrt): x, y"),
        (["3"], 2, "no input to differentiate by"),
        (["[x, x]"], 2, "steps are of a number"),
        (["h = x^2; h", "--wrt", "h"], 2, "`h` is none"),
        (["sum(v)", "v=[1, 2]"], 2, "v[0]"),
        (["x^2", "--answer", "2*y"], 2, "no `y`"),
        (["x^2", "--answer", "d/dx(x"], 2, "a parenthesis is open"),
        (["x^2", "--answer", " "], 2, "empty"),
        (["x^2", "--order", "11"], 2, "from 1 to 10"),
        (["sum([sin(i*x) for i in range(500)])"], 1, "more than 400 steps"),
    ],
)
def test_command_lines(words, code, told, capsys):
    assert main(["steps", *words]) == code
    captured = capsys.readouterr()
    assert told in captured.out + captured.err
    assert "Traceback" not in captured.err


def test_json(capsys):
    assert main(["steps", "x^2*y", "--wrt", "x", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["variable"] == "x"
    assert data["derivative"] == "2 * x * y"
    assert [line["rule"] for line in data["lines"]] == ["", "constant factor rule", "power rule", "simplification"]
    assert main(["steps", "x^2", "--answer", "x", "--json"]) == 1
    (line,) = json.loads(capsys.readouterr().out)["answer"]
    assert line["right"] is False
    assert line["mistake"] == "the factor n of the power rule is missing"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real formulas is not there")
def test_derivatives_of_others():
    """A sample of derivatives that other people published: the last line has their value."""
    for row in list(records(CORPUS / "derivatives.jsonl"))[::25]:
        steps = cg.parse(row["f"]).steps(row["variable"])
        last = cg.parse(steps.derivative)
        for point in row["points"][:2]:
            at = {name: value for name, value in point["at"].items() if name in last.inputs}
            found = last.eval({name: float(value) for name, value in at.items()}, digits=20)
            assert float(found) == pytest.approx(float(point["df"]), rel=1e-12), row["id"]


@pytest.mark.parametrize(
    ("answer", "right"),
    [("3*x^2; 6*x", [True, True]), ("6*x", [True]), ("3*x^2; 7*x", [True, False]), ("6*x; 3*x^2", [True, False])],
)
def test_an_answer_may_go_on_to_a_higher_order(answer, right):
    checked = cg.parse("x^3").steps(order=2).check(answer)
    assert [line.verdict.right for line in checked] == right
    if not right[-1]:
        assert checked[-1].verdict.order == 2
        assert checked[-1].verdict.step.order == 2


def test_no_line_has_a_helper_for_digits():
    """What rows write so that doubles keep their digits is written as on paper."""
    for text in ("atan(x)/x", "asinh(x)*x", "hypot(x, 2)*x", "beta(x, 2)"):
        for line in cg.parse(text).steps(order=2).lines:
            assert not any(word in line.text for word in ("square", "slope", "step")), line.text


@pytest.mark.parametrize(
    ("answer", "right"),
    [("cos(u)*2*x", [True]), ("cos(u)*d/dx(u); cos(u)*2*x", [True, True]), ("2*x*sqrt(1 - y^2)", [False]),
     ("cos(y)*2*x", [False]), ("cos(u)", [False])],
)  # fmt: skip
def test_an_answer_may_use_the_names_of_the_formula(answer, right):
    checked = cg.parse("u = x^2; y = sin(u)").steps().check(answer)
    assert [line.verdict.right for line in checked] == right


def test_a_name_that_is_nowhere_in_the_formula_is_told_with_those_that_are():
    with pytest.raises(UsageError, match="has no `q`") as caught:
        cg.parse("u = x^2; y = sin(u)").steps().check("cos(q)")
    assert caught.value.hint == "it has x, u, y"


def test_another_element_of_a_list_is_a_constant():
    found = cg.parse("sum(v^2)").steps("v[0]", v=[1.0, 2.0])
    assert [line.rule.name for line in found.lines[1:]] == ["lists written out", "sum rule", "power rule"]
    assert found.lines[-1].text == "2 * v[0]"
