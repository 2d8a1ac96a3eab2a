"""`cg eval` with errors and `cg sensitivity`, end to end."""

from __future__ import annotations

import json

import pytest

from tests.golden import check_golden
from tests.transcripts import ROOT, run

approx = pytest.approx
PENDULUM = "4*pi^2*L/T^2"
GIVEN = ["L=1.00±0.01", "T=2.006+-0.005"]


def told(*words):
    code, shown = run(list(words))
    assert code == 0, shown
    return shown


def test_the_result_has_its_error():
    assert told("eval", PENDULUM, *GIVEN) == "9.811 ± 0.110\n"
    assert told("eval", PENDULUM, "L=1.00(1)", "T=2.006(5)", "--correlation", "L,T=0.3") == "9.8107 ± 0.0956\n"


def test_a_result_that_is_none_has_no_error():
    assert told("eval", "log(x)", "x=-1±0.1").startswith("nan ± nan\nwarning: nan comes from `log` of -1")


def test_a_derivative_that_is_zero_has_no_sign():
    assert "-0 " not in told("sensitivity", "x/y", "x=0±0.1", "y=2±0.1")


def test_a_value_without_an_error_is_printed_as_ever():
    assert told("eval", "x^2", "x=3") == "9\n"


def test_json_has_everything():
    found = json.loads(
        told("eval", PENDULUM, *GIVEN, "--json", "--coverage", "0.99", "--samples", "1e4", "--seed", "1")
    )
    assert found["values"] == {"result": approx(9.810652)}
    assert found["errors"] == {"result": approx(0.109621, abs=1e-6)}
    assert found["shares"]["result"] == {"L": approx(0.80096, abs=1e-5), "T": approx(0.19904, abs=1e-5)}
    assert found["intervals"]["result"] == approx([9.528287, 10.093017], abs=1e-6)
    assert (found["coverage"], found["dof"]) == (0.99, {"result": "inf"})
    assert found["second_order"]["result"]["value"] == approx(9.810835)
    assert found["sampled"]["result"]["error"] == approx(0.1096, rel=0.03)


def test_the_seed_decides_the_sample():
    words = ["eval", PENDULUM, *GIVEN, "--samples", "5000", "--seed"]
    assert told(*words, "1") == told(*words, "1")
    assert told(*words, "1") != told(*words, "2")


def test_the_linear_rule_is_doubted():
    shown = told("eval", "x^2", "x=0±0.5")
    assert shown.splitlines() == [
        "0 ± 0", "warning: the linear rule is wrong here: the second order gives 0.250 ± 0.354",
        "hint: --samples 1e6 shows the distribution",
    ]  # fmt: skip
    assert "95 % of the sample are in" in told("eval", "x^2", "x=0±0.5", "--samples", "1e4")


@pytest.mark.parametrize(
    ("text", "value", "what"),
    [
        ("abs(x)", "0.2±0.5", "at x = -0.78 the result is 0.78, on a straight line -0.78"),
        ("max(x, 1)", "1.1±0.2", "at x = 0.708 the result is 1, on a straight line 0.708"),
        ("sqrt(x - 1)", "R(1, 3)", "the second order gives"),
        ("log(x + 0.9) + 1000*x", "0±1", "the formula has no finite value at x = -1.96"),
        ("abs(x)", "0±0.5", "a kink, abs(x) at 0"),
    ],
    ids=["kink nearby", "branch", "root", "domain", "kink"],
)
def test_doubts_that_derivatives_at_the_point_do_not_know_of(text, value, what):
    assert what in told("eval", text, f"x={value}")


def test_a_formula_that_is_nearly_straight_is_not_doubted():
    assert told("eval", "x^2", "x=2±0.02") == "4.0000 ± 0.0800\n"
    assert told("eval", "a + b", "a=R(0, 1)", "b=1±0.1(dof 3)").count("\n") == 1


def test_several_outputs_and_readings():
    shown = told(
        "eval",
        "R = V/I*cos(p); X = V/I*sin(p); Z = V/I; output R, X, Z",
        "--repeat",
        "samples/uncertainty/impedance.csv",
    )
    assert shown.splitlines() == [
        "R = 127.7322 ± 0.0711", "X = 219.847 ± 0.296", "Z = 254.260 ± 0.236", "correlation of R, X = -0.588",
        "correlation of R, Z = -0.485", "correlation of X, Z = 0.993",
    ]  # fmt: skip


def test_readings_of_two_tables_are_independent(tmp_path):
    (tmp_path / "v.csv").write_text("V\n5.007\n4.994\n5.005\n4.990\n4.999\n")
    (tmp_path / "i.csv").write_text("I\n19.663\n19.639\n19.640\n")
    found = json.loads(
        told("eval", "V/I", "--repeat", str(tmp_path / "v.csv"), "--repeat", str(tmp_path / "i.csv"), "--json")
    )
    u, i = 0.0032094, 0.0078387
    assert found["values"]["result"] == approx(4.999 / 19.647333, rel=1e-6)
    assert found["errors"]["result"] == approx(
        4.999 / 19.647333 * ((u / 4.999) ** 2 + (i / 19.647333) ** 2) ** 0.5, rel=1e-4
    )
    assert 2 < found["dof"]["result"] < 6


@pytest.mark.parametrize(("cell", "what"), [("", "is missing in row 2"), ("x", "is no number but `x` in row 2")])
def test_a_gap_among_readings_is_told(tmp_path, cell, what):
    (tmp_path / "v.csv").write_text(f"V,I\n5,1\n4,{cell}\n5,2\n")
    code, shown = run(["eval", "V/I", "--repeat", str(tmp_path / "v.csv")])
    assert code == 1
    assert what in shown


def test_inner_names():
    assert told("eval", "h = a*b; h^2", "a=2±0.1", "b=3", "--show", "h") == "6.000 ± 0.300\n"


def test_the_table_of_shares():
    check_golden(ROOT / "tests/golden/uncertainty/shares.txt", told("sensitivity", PENDULUM, *GIVEN))
    check_golden(
        ROOT / "tests/golden/uncertainty/correlated.txt",
        told("sensitivity", PENDULUM, *GIVEN, "--correlation", "L,T=0.3"),
    )
    check_golden(ROOT / "tests/golden/uncertainty/exact.txt", told("sensitivity", PENDULUM, "L=1", "T=2.006"))


def test_the_table_as_json():
    found = json.loads(told("sensitivity", PENDULUM, *GIVEN, "--correlation", "L,T=0.3", "--json"))
    table = found["table"]
    assert [row["input"] for row in table] == ["L", "T", "L, T (correlation 0.3)"]
    assert sum(row["share"] for row in table) == approx(1)
    assert table[0] == {
        "input": "L", "value": 1.0, "error": 0.01, "derivative": approx(9.810652), "elasticity": approx(1),
        "contribution": approx(0.09810652), "share": approx(1.053292, abs=1e-6),
    }  # fmt: skip
    exact = json.loads(told("sensitivity", PENDULUM, "L=1", "T=2", "--json"))["table"]
    assert [row["elasticity"] for row in exact] == [approx(1), approx(-2)]


WRONG = {
    "negative": ["eval", "x^2", "x=1±-0.1"],
    "nan": ["eval", "x^2", "x=1±nan"],
    "no value": ["eval", "x^2", "x=±0.1"],
    "no error": ["eval", "x^2", "x=5(dof 3)"],
    "length": ["eval", "sum(zeros(n) + 1)", "n=3±1"],
    "digits": ["eval", "x^2", "x=1±0.1", "--digits", "30"],
    "grad": ["grad", "x^2", "x=1±0.1"],
    "trace": ["trace", "x^2", "x=1.0(1)"],
    "distribution": ["eval", "x^2", "x=R(2, 1)"],
    "student": ["eval", "x^2", "x=student(2, 0.1, 3)"],
    "unknown": ["eval", "x^2", "x=1±0.1", "y=1±0.1"],
    "correlation": ["eval", "x^2*y", "x=1±0.1", "y=1±0.1", "--correlation", "x,y=1.3"],
    "correlation of what": ["eval", "x^2", "x=1±0.1", "--correlation", "x,y=0.3"],
    "correlation how": ["eval", "x^2", "x=1±0.1", "--correlation", "x"],
    "contradiction": [
        "eval", "a+b+c", "a=1±0.1", "b=1±0.1", "c=1±0.1",
        "--correlation", "a,b,c=[[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]",
    ],
    "coverage": ["eval", "x^2", "x=1±0.1", "--coverage", "95"],
    "samples": ["eval", "x^2", "x=1±0.1", "--samples", "1.5"],
    "seed": ["eval", "x^2", "x=1±0.1", "--seed", "1"],
    "repeat": ["eval", "x^2", "--repeat", "samples/uncertainty/impedance.csv"],
    "average": ["eval", "x^2", "x=1±0.1", "--average", "x"],
    "averaged error": [
        "eval", "R = V/I*k; R", "k=1±0.1", "--repeat", "samples/uncertainty/impedance.csv", "--average", "R",
    ],
    "array": ["sensitivity", "[x, 2*x]", "x=1±0.1"],
}  # fmt: skip


def test_wrong_lines_end_in_one_message_each():
    shown = []
    for what, words in WRONG.items():
        code, text = run(words)
        assert code in (1, 2), what
        assert 1 <= len(text.splitlines()) <= 5, text
        shown.append(f"[{what}: {code}]\n{text}")
    check_golden(ROOT / "tests/golden/uncertainty/errors.txt", "\n".join(shown))
