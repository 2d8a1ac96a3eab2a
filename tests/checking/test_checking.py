"""The checker against planted rules, wrong ones of both signs and many sizes, and right ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.errors import UsageError
from cgcli.explain.checking import (
    AGREES,
    BRANCH,
    KINK,
    ROUNDING,
    UNDEFINED,
    WRONG,
    check,
    check_each,
    check_second,
    extrapolated,
)
from cgcli.graph.store import Graph
from cgcli.ops import logic, named, powers, shaping, temporary_rows
from cgcli.ops.row import Operation

sin, cos, exp = named("sin"), named("cos"), named("exp")

FAULTS = {
    "5 % too large": lambda right: right * 1.05,
    "5 % too small": lambda right: right * 0.95,
    "0.1 % too large": lambda right: right * 1.001,
    "0.1 % too small": lambda right: right * 0.999,
    "one in a million": lambda right: right * (1 + 1e-6),
    "sign": lambda right: -right,
    "factor 2": lambda right: right * 2.0,
    "factor 1/2": lambda right: right * 0.5,
    "term too much": lambda right: right + 0.001,
    "zero": lambda right: right * 0.0,
}
POINTS = (-2.3, 0.001, 0.7, 12.5)


def right_slope(x, r):
    """Derivative of x * sin(x)."""
    return sin(x) + x * cos(x)


def plant(name, partial, precise=True):
    """A row for x * sin(x) with the given rule; without a precise form doubles alone can judge it."""
    spell = {"numpy": lambda np, x: x * np.sin(x)}
    if precise:
        spell["precise"] = lambda mp, x: x * mp.sin(x)
    return Operation(name, "x", compute=lambda x: x * math.sin(x), spell=spell, partials=(partial,))


def checked(build, order=1, **point):
    """The report on a formula of the named inputs."""
    graph = Graph()
    inputs = {name: graph.ref(graph.input(name, np.shape(value))) for name, value in point.items()}
    output = build(*inputs.values())
    return check(graph, output.node, [ref.node for ref in inputs.values()], point, order)


@pytest.fixture(autouse=True)
def _only_here():
    with temporary_rows():
        yield


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("precise", [True, False])
def test_right_rules_are_accepted_at_both_orders(point, precise):
    row = plant("planted", right_slope, precise)
    report = checked(row, order=2, x=point)
    assert [finding.verdict for finding in report.findings] == [AGREES, AGREES]
    assert report.accepted


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("precise", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_rules_are_rejected_at_first_order(fault, precise, point):
    row = plant("planted", lambda x, r: FAULTS[fault](right_slope(x, r)), precise)
    report = checked(row, x=point)
    assert not report.accepted
    assert report.findings[0].verdict == WRONG


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_rules_are_rejected_at_second_order(fault, point):
    """The first derivative is right, but the row that computes it has a wrong rule of its own."""
    slope = Operation(
        "planted_slope", "x", compute=math.cos, spell={"numpy": "cos", "precise": "cos"},
        partials=(lambda x, r: FAULTS[fault](-sin(x)),),
    )  # fmt: skip
    row = Operation(
        "planted", "x", compute=math.sin, spell={"numpy": "sin", "precise": "sin"},
        partials=(lambda x, r: slope(x),),
    )  # fmt: skip
    assert checked(row, x=point).accepted
    assert [finding.verdict for finding in checked(row, order=2, x=point).findings] == [AGREES, WRONG]


@pytest.mark.parametrize("rule", [lambda x, r: sin(x), lambda x, r: x * cos(x)])
@pytest.mark.parametrize("point", POINTS[:1] + POINTS[2:])
def test_a_missing_term_is_found(rule, point):
    assert not checked(plant("planted", rule), x=point).accepted


def test_a_wrong_rule_deep_inside_is_found():
    row = plant("planted", lambda x, r: right_slope(x, r) * 1.001)
    report = checked(lambda x, y: exp(row(x * y) / (1 + y * y)), x=0.4, y=1.7)
    assert [finding.verdict for finding in report.findings] == [WRONG, WRONG]


def test_one_wrong_operand_of_two_is_told_apart():
    row = Operation(
        "planted", "x, y", spell={"numpy": "multiply", "precise": "fmul"}, compute=lambda x, y: x * y,
        partials=(lambda x, y, r: y, lambda x, y, r: x * 0.95),
    )  # fmt: skip
    report = checked(row, x=1.5, y=-0.3)
    assert [(finding.name, finding.verdict) for finding in report.findings] == [
        ("d result / d x", AGREES), ("d result / d y", WRONG),
    ]  # fmt: skip


def test_wrong_pullbacks_of_structural_rows_are_found():
    """A matrix product that forgets to transpose agrees at symmetric points only."""
    matmul = named("matmul")
    row = Operation(
        "planted", "A, v", shape=matmul.shape, prepare=matmul.prepare, spell=matmul.spell, traits=("structural",),
        pullback=lambda adjoint, operands, result, attributes: [
            named("outer")(adjoint, operands[1]), operands[0] @ adjoint,
        ],
    )  # fmt: skip
    report = checked(row, A=np.array([[1.0, 2.0], [3.0, 4.0]]), v=np.array([0.5, -1.0]))
    verdicts = {finding.name: finding.verdict for finding in report.findings}
    assert verdicts["d result / d A[0, 1]"] == AGREES
    assert verdicts["d result / d v[0]"] == verdicts["d result / d v[1]"] == WRONG


def test_rounding_is_told_from_a_wrong_rule():
    report = checked(lambda x: (exp(x) - 1.0 - x) / (x * x), x=1e-6)
    assert report.accepted
    assert report.findings[0].verdict == ROUNDING
    precise = report.findings[0].opinions[0]
    assert precise.value == pytest.approx(1 / 6, rel=1e-5)
    assert report.findings[0].difference > 1


def test_a_convention_at_a_kink_is_accepted_only_between_the_slopes():
    assert checked(logic.absolute, x=0.0).findings[0].verdict == KINK
    steep = Operation(
        "planted", "x", compute=abs, spell={"numpy": "abs", "precise": "fabs"}, partials=(lambda x, r: 2.0,)
    )
    assert checked(steep, x=0.0).findings[0].verdict == WRONG


def test_no_derivative_is_neither_right_nor_wrong():
    assert checked(powers.sqrt, x=0.0).findings[0].verdict == UNDEFINED
    assert checked(powers.log, x=-1.0).findings[0].verdict == UNDEFINED


def test_even_functions_at_their_minimum_agree():
    assert checked(lambda x: (exp(x) - 1.0) ** 2.0, x=0.0).findings[0].verdict == AGREES
    assert checked(lambda x: (exp(x) - 1.0) ** 3.0, x=0.0, order=2).accepted


def test_inner_nodes_can_be_checked_and_the_graph_stays():
    graph = Graph()
    x = graph.ref(graph.input("x"))
    inner = powers.exp(x)
    graph.names["inner"] = inner.node
    output = shaping.sum_of(shaping.stack(inner * inner, x))
    size = len(graph)
    report = check(graph, output.node, [inner.node], {"x": 0.5})
    assert len(graph) == size
    assert report.findings[0].name == "d result / d inner"
    assert report.findings[0].derivative == pytest.approx(2 * math.exp(0.5))
    assert report.findings[0].verdict == AGREES


def test_findings_have_the_names_that_are_given():
    graph = Graph()
    x = graph.ref(graph.input("x"))
    slope = (x * x).node
    report = check(graph, slope, {"a": x.node, "b": x.node}, {"x": 3.0}, order=2, name="loss")
    assert [finding.name for finding in report.findings] == ["d loss / d a", "d (d loss / d a) / d a"]
    assert [finding.derivative for finding in report.findings] == [6.0, 2.0]
    assert report.accepted


def test_the_report_is_plain_data():
    data = checked(lambda x: x * x, x=3.0).as_dict()
    assert data["accepted"] is True
    assert data["findings"][0]["derivative"] == 6.0
    assert {opinion["method"] for opinion in data["findings"][0]["opinions"]} == {
        "differences in 50 digits", "differences in doubles", "complex step",
    }  # fmt: skip


def test_extrapolation_skips_steps_that_leave_the_domain():
    def slope(step):
        return math.nan if step > 0.01 else math.exp(1) * math.sinh(step) / step

    value, error = extrapolated(slope, 0.125, 10, 1e-16)
    assert abs(value - math.e) <= error < 1e-10
    assert extrapolated(lambda step: math.nan, 0.1, 5, 0.0)[1] == math.inf


# ---- branches for a single point -------------------------------------------------------------------------------------


def judged(text, check=check, **point):
    """The findings on a formula's derivatives by all its inputs."""
    bound = cg.parse(text).bind(point)
    variables = bound.graph.inputs()
    return check(bound.graph, bound.program.outputs["result"], variables, bound.values, name="result").findings


@pytest.mark.parametrize(
    ("text", "x", "beside"),
    [
        ("1 if x == 1 else x^2", 1.0, (2.0, 2.0)),
        ("where(x == 0, 0, x)", 0.0, (1.0, 1.0)),
        ("5 if x == 1 else x^2", 1.0, (2.0, 2.0)),
        ("(x == 1)*1 + (x != 1)*x^2", 1.0, (2.0, 2.0)),
        ("3 if x == 1 else abs(x - 1)", 1.0, (-1.0, 1.0)),
    ],
)
def test_a_branch_for_a_single_point_is_told_from_a_wrong_rule(text, x, beside):
    (finding,) = judged(text, x=x)
    assert finding.verdict == BRANCH
    assert finding.beside == pytest.approx(beside)


@pytest.mark.parametrize(
    ("text", "x", "verdict"),
    [
        ("where(x == 0, 1, sin(x)/x)", 0.0, AGREES),
        ("where(x == 0, x, sin(x))", 0.0, AGREES),
        ("sign(x)*x", 0.0, KINK),
        ("abs(x)", 0.0, KINK),
        ("sign(x)", 0.0, AGREES),
        ("1 if x == 1 else x^2", 2.0, AGREES),
    ],
)
def test_other_points_and_kinks_are_no_such_branch(text, x, verdict):
    assert [finding.verdict for finding in judged(text, x=x)] == [verdict]


def test_a_wrong_rule_beside_a_branch_is_still_found():
    row = plant("planted", lambda x, r: right_slope(x, r) * 1.001)
    report = checked(lambda x: logic.where(logic.equal(x, 1.0), sin(x.coerce(1.0)), row(x)), x=1.0)
    assert report.findings[0].verdict == WRONG


def test_every_element_of_jacobians_and_hessians_is_checked():
    names = [finding.name for finding in judged("[x*y, x/y]", check_each, x=1.0, y=2.0)]
    assert names == ["d result[0] / d x", "d result[0] / d y", "d result[1] / d x", "d result[1] / d y"]
    second = judged("sum(v^3)*x", check_second, v=[1.0, 2.0], x=3.0)
    assert len(second) == 9
    assert {finding.verdict for finding in second} == {AGREES}
    assert second[0].name == "d (d result / d v[0]) / d v[0]"
    assert second[0].derivative == 18.0
    long = judged("v^2", check_each, v=list(range(1, 16)))
    assert {finding.name for finding in long} == {f"d (weighted sum of result) / d v[{place}]" for place in range(15)}


def test_many_second_derivatives_are_checked_as_one_sum():
    names = [f"x{number}" for number in range(15)]
    text = f"({' + '.join(f'{name}*{place}' for place, name in enumerate(names, 1))})^3"
    found = judged(text, check_second, **dict.fromkeys(names, 0.1))
    assert [finding.name for finding in found] == [f"d (weighted sum of all d result) / d {name}" for name in names]
    assert {finding.verdict for finding in found} == {AGREES}


def test_a_wrong_second_derivative_is_found_element_by_element():
    slope = Operation(
        "planted_slope", "x", compute=math.cos, spell={"numpy": "cos", "precise": "cos"},
        partials=(lambda x, r: -1.05 * sin(x),),
    )  # fmt: skip
    row = Operation(
        "planted", "x", compute=math.sin, spell={"numpy": "sin", "precise": "sin"}, partials=(lambda x, r: slope(x),)
    )
    graph = Graph()
    x, y = (graph.ref(graph.input(name)) for name in "xy")
    report = check_second(graph, (row(x) * y).node, {"x": x.node, "y": y.node}, {"x": 0.7, "y": 2.0}, name="f")
    verdicts = {finding.name: finding.verdict for finding in report.findings}
    assert verdicts.pop("d (d f / d x) / d x") == WRONG
    assert set(verdicts.values()) == {AGREES}


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (["x*y^2", "x=1", "y=2", "--hessian"], 0, "check d (d result / d x) / d y: agrees"),
        (["[x*y, x/y]", "x=1", "y=2", "--jacobian"], 0, "check d result[1] / d y: agrees"),
        (["1 if x==1 else x^2", "x=1"], 1, "is that of a branch for this single point; beside it the derivative is 2"),
        (
            ["a = where(x==0, 0, x); [a, 2*a]", "x=0", "--jacobian"],
            1,
            "hint: give the branch the slope",
        ),
        (["elu(x, a)", "x=-1", "a=2"], 0, "check d result / d a: agrees"),
        (["abs(x)^2", "x=0", "--hessian"], 0, "x, x = 2"),
        (["x^2", "x=1", "--hessian", "--json"], 0, '"checks": {"result": {"accepted": true'),
    ],
)
def test_what_the_command_says(line, code, told, capsys):
    assert main(["grad", *line, "--check"]) == code
    shown = capsys.readouterr()
    assert told in shown.out + shown.err
    assert "please report" not in shown.err


def test_the_answer_in_python_prints_as_words():
    lines = repr(cg.parse("sqrt(x+1) - sqrt(x)").check(x=1e15)).splitlines()
    assert lines[0] == "result = 1.862645149230957e-8, digits lost, of sixteen: 15.2"
    assert lines[-1].startswith("better: 1 / (sqrt(x + 1) + sqrt(x))")


def test_a_range_that_is_upside_down_is_refused_in_python():
    with pytest.raises(UsageError, match="1 is not below 0"):
        cg.parse("x^2").check(ranges={"x": (1, 0)})
