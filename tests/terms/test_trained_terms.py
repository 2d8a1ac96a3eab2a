"""Training over terms: the loss and its gradient as row by row, the same bits when it goes on, and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import CalculationError, DataError, UsageError
from cgcli.terms.reading import read_terms
from cgcli.terms.selecting import select
from tests.transcripts import run

TEXT = """
term tree
param p[2] = 1
param E[5] = normal(0, 0.5)
word(k) = E[k]
plus(a, b) = p[0]*a + p[1]*b
loss = (tree - label)^2
"""
WORDS = np.array([0.3, -0.2, 0.5, 1.0, -0.7])


def trees(count: int) -> tuple[list[Any], np.ndarray]:
    """Trees, and what they are worth with p = (2, -1) and these words."""
    random = np.random.default_rng(3)

    def grown(depth: int) -> tuple[Any, float]:
        if depth == 0 or random.random() < 0.3:
            k = int(random.integers(5))
            return ("word", k), float(WORDS[k])
        (one, a), (other, b) = grown(depth - 1), grown(depth - 1)
        return ("plus", one, other), 2 * a - b

    found = [grown(3) for _ in range(count)]
    return [tree for tree, _ in found], np.array([value for _, value in found])


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "trees.csv"
    terms, labels = trees(120)

    def text(term: Any) -> str:
        return f"{term[0]}({', '.join(map(text, term[1:]))})" if isinstance(term, tuple) else str(term)

    path.write_text("tree,label\n" + "".join(f'"{text(t)}",{v}\n' for t, v in zip(terms, labels, strict=True)))
    return str(path)


def test_a_training_finds_what_the_functions_mean(table: str) -> None:
    found = cg.parse(TEXT).fit(table, loss="loss", method="lbfgs", epochs=200)
    assert found.converged
    assert found.loss < 1e-12
    assert np.allclose(found.values["p"], [2, -1], atol=1e-5)
    assert np.allclose(found.values["E"], WORDS, atol=1e-5)


def test_loss_and_gradient_are_those_of_the_rows(table: str) -> None:
    formula = cg.parse(TEXT)
    terms, labels = trees(120)
    drawn = formula.fit(table, loss="loss", epochs=1, batch=120, rate=1e-12)
    start = {name: drawn.values[name] for name in ("p", "E")}
    rows = [formula.eval(tree=tree, label=label, **start) for tree, label in zip(terms, labels, strict=True)]
    assert drawn.loss == pytest.approx(np.mean(rows), rel=1e-9)
    total, _ = formula.grad_sum(tree=terms, label=labels, mean=True, wrt=["p"], **start)
    assert total == pytest.approx(drawn.loss, rel=1e-9)


def test_a_training_goes_on_to_the_same_bits(table: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"loss": "loss", "method": "adam", "batch": 16, "rate": 0.05}
    whole = cg.parse(TEXT).fit(table, epochs=4, **options)
    cg.parse(TEXT).fit(table, epochs=2, save=tmp_path / "run.npz", **options)
    other = cg.parse(TEXT)
    other.fit(table, loss="loss", epochs=1, batch=7)  # what a formula met before changes nothing
    resumed = other.fit(table, epochs=4, resume=tmp_path / "run.npz", **options)
    assert all(np.array_equal(whole.values[name], resumed.values[name]) for name in whole.values)
    with pytest.raises(DataError):
        cg.parse(TEXT.replace("a + p[1]", "a - p[1]")).fit(table, epochs=4, resume=tmp_path / "run.npz", **options)


def test_the_command_and_a_validation(table: str, tmp_path: Path) -> None:
    model = tmp_path / "model.cg"
    model.write_text(TEXT)
    fitted = str(tmp_path / "fitted.json")
    words = [
        "--data",
        table,
        "--loss",
        "loss",
        "--method",
        "lbfgs",
        "--epochs",
        "100",
        "--validate",
        table,
        "-o",
        fitted,
    ]
    code, shown = run(["fit", str(model), *words])
    assert code == 0, shown
    assert "rows             120" in shown
    code, shown = run(["eval", str(model), "--values", fitted, "tree=plus(word(3), word(0))", "label=0"])
    assert code == 0
    assert float(shown) == pytest.approx((2 * 1.0 - 0.3) ** 2, abs=1e-4)


def test_what_cannot_be_trained_is_told(table: str, tmp_path: Path) -> None:
    formula = cg.parse(TEXT)
    with pytest.raises(UsageError, match="least squares"):
        formula.fit(table, target="label")
    with pytest.raises(UsageError, match="no first value"):
        cg.parse(TEXT.replace("p[2] = 1", "p[2]")).fit(table, loss="loss")
    with pytest.raises(UsageError, match="has no column `nothing`"):
        formula.fit(table, loss="loss", columns={"tree": "label", "label": "nothing"})
    path = tmp_path / "wrong.csv"
    path.write_text("tree,label\nword(1),2\nwrod(1),3\n")
    with pytest.raises(DataError, match="row 2 of `tree`: unknown function `wrod`"):
        formula.fit(str(path), loss="loss")
    path.write_text('tree,label\nword(1),2\n"plus(word(1), word(2))",1e200\n')
    with pytest.raises(CalculationError, match=r"the loss is not finite .*row 2"):
        formula.fit(str(path), loss="loss", epochs=1)


def test_rows_are_selected_in_any_order() -> None:
    formula = cg.parse(TEXT)
    terms, labels = trees(30)
    whole = read_terms(terms, formula.programs.names, "tree")
    chosen = [7, 3, 3, 29, 0]
    part = select(whole, chosen)
    values = {"p": np.array([2.0, -1.0]), "E": WORDS}
    assert np.allclose(formula.eval_rows(tree=part, label=np.zeros(5), **values), labels[chosen] ** 2)
    for place, row in enumerate(chosen):
        assert part.place(int(part.roots[place])) == whole.place(int(whole.roots[row]))
        assert part.row_number(int(part.roots[place])) == row + 1
    assert select(whole, []).rows == 0


def test_columns_in_memory_are_terms_of_any_kind(table: str) -> None:
    terms, labels = trees(120)
    of_table = cg.parse(TEXT).fit(table, loss="loss", epochs=2, batch=16, validate=table)
    lists = [*terms[:60], *map(list, terms[60:])]
    data = {"tree": lists, "label": labels}
    found = cg.parse(TEXT).fit(data, loss="loss", epochs=2, batch=16, validate=data)
    assert all(np.array_equal(found.values[name], of_table.values[name]) for name in found.values)
    gaps = {"tree": terms, "label": np.where(np.arange(120) == 3, np.nan, labels)}
    assert cg.parse(TEXT).fit(gaps, loss="loss", epochs=1).left_out == 1
    with pytest.raises(DataError, match="row 5 of `tree`: unknown function `wrod`"):
        cg.parse(TEXT).fit({**gaps, "tree": [*terms[:4], ("wrod", 1), *terms[5:]]}, loss="loss", epochs=1)
