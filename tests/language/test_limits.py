"""What would take the memory or the day is refused, with the number and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

import cgcli as cg
from cgcli.errors import FormulaError
from cgcli.language import building, forms
from tests.transcripts import run

DOUBLING = "f0(x) = x + x\n" + "".join(f"f{i + 1}(x) = f{i}(f{i}(x))\n" for i in range(30)) + "f30(x)"
NESTED = "1"
for _place in range(60):
    NESTED = f"sum({NESTED}*k{_place} for k{_place} in range(2))"
FOLDED = "s(a, i) = a + i*diff(x^2, x)\nt(a, i) = fold(s, a, range(900))\nfold(t, x, range(900))"


@pytest.mark.parametrize(
    "text", [DOUBLING, NESTED, FOLDED, "sum(sum(i*j for i in range(j)) for j in range(900))"],
    ids=["doubling", "nested", "folded", "comprehensions"],
)  # fmt: skip
def test_bodies(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "MOST_BODIES", 5_000)
    with pytest.raises(FormulaError, match="more than the 5,000 times") as caught:
        cg.parse(text)
    assert "arrays" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["diff(tan(x)/x, x, 30)", "s(a, i) = sin(a) + cos(a)*i; fold(s, x, range(1700))"])
def test_nodes(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "MOST_NODES", 5_000)
    with pytest.raises(FormulaError, match="more than the 5,000 nodes"):
        cg.parse(text)


def test_steps_of_loops_within_loops() -> None:
    text = "s(a, i) = a + i; t(a, i) = fold(s, a, range(10^6)); fold(t, x, range(10^5))"
    with pytest.raises(FormulaError, match="loops within loops make 100,000,100,000 steps"):
        cg.parse(text)


def test_order() -> None:
    with pytest.raises(FormulaError, match=r"order 1e\+30 is beyond the 1,000"):
        cg.parse("diff(x, x, 10^30)")
    assert cg.parse("diff(x^3, x, 900)").eval(x=2) == 0
    assert cg.parse("diff(sin(x), x, 1000)").eval(x=0) == 0


def test_elements_of_a_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "MOST_DERIVATIVES", 100)
    with pytest.raises(FormulaError, match="has 144 elements, more than the 100"):
        cg.parse("input v[12]; diff(v*v, v)")


def test_ranges_of_any_length() -> None:
    with pytest.raises(FormulaError, match="more than the 100,000,000 that are allowed"):
        cg.parse("sum(i for i in range(10^300))")
    assert cg.parse("sum(i for i in range(-10^30, 0, 10^30))").eval() == -1e30
    assert cg.parse("sum(i for i in range(7, -2, -3))").eval() == 12


def test_points() -> None:
    with pytest.raises(FormulaError, match="100,000,000 points are more than the 10,000,000"):
        cg.parse("linspace(0, 1, 10^8)[0]").eval()


def test_columns_of_a_result(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("x\n1\n")
    code, shown = run(["eval", "zeros([500, 500])*x", "--data", str(tmp_path / "x.csv")])
    assert code == 2
    assert "250,000 columns, more than the 100,000" in shown


def test_a_newton_iteration_is_linear() -> None:
    """Each step differentiates what stands between its own x and y, not all that came before."""
    from cgcli.graph import walk

    looked_at: list[int] = []
    swept = walk.swept
    walk.swept = lambda loop, size, *columns: (looked_at.append(size), swept(loop, size, *columns))[1]
    try:
        cg.parse("f(x) = x^3 - 2*x - a; step(x, i) = x - f(x)/diff(f(x), x); fold(step, 1, range(200))")
    finally:
        walk.swept = swept
    assert len(looked_at) >= 200
    assert max(looked_at) < 100


@pytest.mark.parametrize(("text", "length"), [("zeros(round(2.61, 0))", 3), ("zeros(round(besselj(0, 0)*2, 0))", 2)])
def test_lengths_by_functions_with_static_arguments(text: str, length: int) -> None:
    assert list(cg.parse(text).eval()) == [0.0] * length


def test_a_static_argument_that_is_missing() -> None:
    with pytest.raises(FormulaError, match="`besselj` does not take 1 argument"):
        cg.parse("zeros(besselj(2))")


def test_long_names_are_cut_in_messages() -> None:
    name = "x" * 1_000_000
    with pytest.raises(cg.CgError) as caught:
        cg.parse(name).eval()
    assert len(caught.value.message) < 200
    assert len(str(caught.value.hint)) < 3_100


def test_loops_within_loops_are_walked_once_each() -> None:
    nested = "".join(f"f{level + 1}(a, i) = fold(f{level}, a, range(40))\n" for level in range(14))
    with pytest.raises(FormulaError, match="loops within loops make"):
        cg.parse(f"f0(a, i) = sin(a) + i\n{nested}f14(x, 1)")
