"""Formulas with terms on the command line and over tables of every kind: as the same terms one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cgcli as cg
from cgcli.errors import DataError, GapWarning, UsageError
from tests.transcripts import run

TEXT = """
term tree
param w[2] = [0.5, -0.25]
def word(k): return sin(k), k*w[0]
def pair(left, right):
    a, b = left
    c, d = right
    return tanh(a + w[1]*c), b - d*w[0]
h, c = tree
loss = (h + c - label)^2
"""
FORMULA = cg.parse(TEXT)
TREES: list[Any] = [
    ("word", 1), ("pair", ("word", 2), ("word", 3)), ("pair", ("pair", ("word", 1), ("word", 2)), ("word", 4)),
    ("pair", ("word", 3), ("pair", ("word", 2), ("word", 3))), ("word", -2),
]  # fmt: skip
LABELS = [0.5, -1.0, 2.0, 0.25, 1.5]


def text_of(term: Any) -> str:
    return f"{term[0]}({', '.join(map(text_of, term[1:]))})" if isinstance(term, tuple) else str(term)


def alone() -> list[float]:
    return [FORMULA.eval(tree=tree, label=label) for tree, label in zip(TREES, LABELS, strict=True)]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """One table in several formats, and the formula."""
    texts = list(map(text_of, TREES))
    paths = {kind: str(tmp_path / f"trees.{kind}") for kind in ("csv", "jsonl", "parquet", "arrow")}
    rows = zip(texts, LABELS, strict=True)
    Path(paths["csv"]).write_text("tree,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows))
    lines = [json.dumps({"tree": tree, "label": label}) for tree, label in zip(TREES, LABELS, strict=True)]
    Path(paths["jsonl"]).write_text("\n".join(lines))
    table = pa.table({"tree": texts, "label": LABELS})
    pq.write_table(table, paths["parquet"])
    with pa.OSFile(paths["arrow"], "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    paths["cg"] = str(tmp_path / "tree.cg")
    Path(paths["cg"]).write_text(TEXT)
    return paths


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "arrow"])
def test_a_table_of_terms_gives_what_each_row_gives(files: dict[str, str], kind: str, tmp_path: Path) -> None:
    target = str(tmp_path / "losses.csv")
    code, shown = run(["eval", files["cg"], "--data", files[kind], "-o", target, "--keep", "label"])
    assert code == 0, shown
    written = Path(target).read_text().splitlines()
    assert written[0] == "label,loss"
    assert np.allclose([float(line.split(",")[1]) for line in written[1:]], alone(), rtol=1e-14)
    assert np.allclose(FORMULA.eval_rows(files[kind]), alone(), rtol=1e-14)


def test_sums_and_gradients_over_a_table(files: dict[str, str]) -> None:
    slopes = [FORMULA.grad(tree=tree, label=label, wrt=["w"])["w"] for tree, label in zip(TREES, LABELS, strict=True)]
    code, shown = run(["grad", files["cg"], "--data", files["jsonl"], "--sum", "--json"])
    found = json.loads(shown)
    assert code == 0
    assert found["rows"] == len(TREES)
    assert found["values"]["loss"] == pytest.approx(sum(alone()), rel=1e-13)
    assert np.allclose(found["gradients"]["loss"]["w"], np.sum(slopes, axis=0), rtol=1e-12)
    total, by_name = FORMULA.grad_sum(files["parquet"], wrt=["w"])
    assert total == pytest.approx(sum(alone()), rel=1e-13)
    assert np.allclose(by_name["w"], np.sum(slopes, axis=0), rtol=1e-12)
    code, shown = run(["grad", files["cg"], "--data", files["csv"], "--wrt", "w", "--json", "--head", "5"])
    head = json.loads(shown)["head"]
    assert np.allclose(np.array([head["d_loss_d_w[0]"], head["d_loss_d_w[1]"]]).T, slopes, rtol=1e-12)


def test_a_term_on_the_command_line(files: dict[str, str]) -> None:
    term = ["tree=pair(word(2), word(3))", "label=-1"]
    assert run(["eval", files["cg"], *term]) == (0, f"{alone()[1]!r}\n")
    assert json.loads(
        run(["eval", files["cg"], 'tree=["pair", ["word", 2], ["word", 3]]', "label=-1", "--json"])[1]
    ) == {"values": {"loss": alone()[1]}}
    shown = run(["grad", files["cg"], *term, "--wrt", "label"])[1]
    assert shown.startswith(f"loss = {alone()[1]!r}\ndloss/dlabel = ")
    code, shown = run(["eval", files["cg"], "tree=pair(word(2), wrod(3))", "label=1"])
    assert code == 1
    assert shown.splitlines()[0] == "data error: `tree`: unknown function `wrod`"
    assert shown.splitlines()[3].index("^^^^") == shown.splitlines()[2].index("wrod")


def test_a_value_for_all_rows_goes_before_the_column(files: dict[str, str]) -> None:
    code, shown = run(["eval", files["cg"], "tree=word(1)", "--data", files["csv"], "--json"])
    assert code == 0
    expected = [FORMULA.eval(tree="word(1)", label=label) for label in LABELS]
    assert "the column `tree` is not used" in shown
    assert np.allclose(json.loads(shown.splitlines()[-1])["head"]["loss"], expected, rtol=1e-14)


WRONG = [
    ("pair(word(1), 3)", "row 2 of `tree`: "), ("word(1", "row 2 of `tree`: this `(` is never closed"),
    ("", "row 2 of `tree`: there is no term here"), ("wrod(1)", "row 2 of `tree`: unknown function `wrod`"),
    ("word(1) + 1", "row 2 of `tree`: "), ("3", "row 2 of `tree`: the value of this term is a number"),
]  # fmt: skip


@pytest.mark.parametrize(("term", "message"), WRONG, ids=[term or "empty" for term, _ in WRONG])
def test_a_wrong_row_is_named(files: dict[str, str], term: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(f'tree,label\nword(3),1\n"{term}",2\nword(4),3\n')
    code, shown = run(["eval", files["cg"], "--data", str(path)])
    assert code == 1
    assert shown.startswith(f"data error: {message}")
    with pytest.raises(DataError, match="row 2"):
        FORMULA.eval_rows(str(path))


def test_a_row_keeps_its_number_where_others_are_left_out(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text("tree,label\nword(3),\nword(4),1\nwrod(4),2\n")
    code, shown = run(["eval", files["cg"], "--data", str(path), "--missing", "skip"])
    assert (code, shown.splitlines()[0]) == (1, "data error: row 3 of `tree`: unknown function `wrod`")
    path.write_text("tree,label\nword(3),\nword(4),1\n")
    with pytest.warns(GapWarning, match="1 cell is missing"):
        assert np.isnan(FORMULA.eval_rows(str(path))[0])


def test_what_terms_do_not_have_is_refused(files: dict[str, str]) -> None:
    for words in (["--show", "h"], ["--digits", "30"], ["--engine", "native"]):
        code, shown = run(["eval", files["cg"], "tree=word(1)", "label=1", *words])
        assert (code, shown.startswith("usage error: ")) == (2, True), shown
    assert run(["grad", files["cg"], "tree=word(1)", "label=1", "--hessian"])[0] == 2
    assert run(["grad", files["cg"], "tree=word(1)", "label=1", "--sum"])[0] == 2
    code, shown = run(["grad", files["cg"], "--data", files["csv"], "--sum", "-o", files["csv"] + ".out"])
    assert (code, "--sum and --output exclude each other" in shown) == (2, True), shown
    code, shown = run(["eval", files["cg"], "--data", files["csv"], "--bind", "label=nothing"])
    assert (code, "has no column `nothing`" in shown) == (2, True)
    with pytest.raises(UsageError, match="no value for the term `tree`"):
        FORMULA.eval(label=1)


def test_sums_over_ordinary_rows(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("x,y\n1,2\n2,3\n3,5\n")
    code, shown = run(["grad", "(w*x - y)^2", "--data", str(path), "--sum", "w=1"])
    assert (code, shown) == (0, "result = 6\nd/dw = -18\n")
    assert run(["grad", "(w*x - y)^2", "w=1", "x=1", "y=1", "--sum"])[0] == 2


def test_info_tells_how_a_table_of_terms_is_computed(files: dict[str, str]) -> None:
    code, shown = run(["info", files["cg"], "--data", files["jsonl"], "--json"])
    facts = json.loads(shown)
    assert code == 0
    assert facts["terms"] == ["tree"]
    assert facts["functions"] == ["word", "pair"]
    schedule = facts["schedule of tree"]
    assert schedule["cells"] == {"word": 9, "pair": 5}
    assert (schedule["rows"], schedule["calls"], schedule["depths"]) == (5, 14, 3)
    assert schedule["saves"] == 14 - schedule["batches"]
    assert schedule["average batch"] == pytest.approx(14 / schedule["batches"], abs=0.05)
    code, shown = run(["info", files["cg"], "tree=pair(word(1), word(2))", "label=0"])
    assert "cells            word 2, pair 1" in shown
    assert json.loads(run(["info", files["cg"], "--json"])[1])["inputs"] == ["tree", "w", "label"]
    assert run(["info", "x + 1", "--data", files["csv"]])[0] == 2


def test_a_row_has_no_more_columns_than_are_allowed(files: dict[str, str], tmp_path: Path) -> None:
    wide = tmp_path / "wide.cg"
    wide.write_text(
        TEXT.replace("param w[2] = [0.5, -0.25]", "param w[60000] = 0.5; param u[60000] = 1") + "\nh2 = u[0]*h"
    )
    code, shown = run(["grad", str(wide), "--data", files["csv"], "--of", "h2"])
    assert (code, shown.startswith("shape error: a row of the result would have 120,00")) == (2, True), shown
    code, shown = run(["grad", str(wide), "--data", files["csv"], "--of", "h", "--wrt", "label", "--json"])
    assert list(json.loads(shown)["head"]) == ["h", "d_h_d_label"]


def test_tables_of_arrow_in_python() -> None:
    texts = pa.array(list(map(text_of, TREES)))
    for column in (texts, texts.dictionary_encode(), pa.chunked_array([texts[:2], texts[2:]])):
        found = FORMULA.eval_rows(pa.table({"tree": column, "label": LABELS}))
        np.testing.assert_allclose(found, alone(), rtol=1e-13)


def test_a_sum_over_rows_that_all_have_a_gap_says_so(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "gaps.jsonl"
    path.write_text('{"tree": "word(1)", "label": null}\n')
    code, shown = run(["grad", files["cg"], "--data", str(path), "--sum"])
    assert (code, "the table has no row without a gap" in shown) == (1, True), shown


def test_a_name_alone_is_no_term_in_any_row() -> None:
    formula = cg.parse("term t; param w; leaf(x) = w*x; t")
    for terms, row in ((["w", "leaf(1)"], 1), (["leaf(1)", "leaf(2)", "w"], 3)):
        with pytest.raises(DataError, match=f"row {row} of `t`: a term is a call of a function"):
            formula.eval_rows(t=terms, w=2)


@pytest.mark.parametrize("rows", [2, 3])
def test_a_param_is_shared_however_many_rows_there_are(rows: int, tmp_path: Path) -> None:
    text = "term t; param w; leaf(x) = w*x; loss = sum(t)^2 * y"
    terms, y = [f"leaf({row + 1})" for row in range(rows)], [2.0] * rows
    right = [18.0 * (row + 1) ** 2 for row in range(rows)]
    formula = cg.parse(text)
    np.testing.assert_allclose(formula.eval_rows(t=terms, y=y, w=[1, 2]), right)
    np.testing.assert_allclose(formula.grad_sum(t=terms, y=y, w=[1, 2])[1]["w"], [sum(right) * 2 / 3] * 2)
    assert formula.grad_rows(t=terms, y=y, w=[1, 2])["w"].shape == (rows, 2)
    path = tmp_path / "rows.csv"
    path.write_text("t,y\n" + "".join(f"leaf({row + 1}),2\n" for row in range(rows)))
    code, shown = run(["eval", text.replace("param w; ", ""), "w=[1, 2]", "--data", str(path)])
    assert (code, shown.split()[1 : rows + 1]) == (0, [f"{value:g}" for value in right]), shown
    code, shown = run(["grad", text, "w=[1, 2]", "--data", str(path), "--sum"])
    assert (code, f"dloss/dw = [{sum(right) * 2 / 3:g}" in shown) == (0, True), shown
