"""The samples of terms: losses and gradients are those of plain NumPy code, and their tables what the scripts make."""

from __future__ import annotations

import ast
import csv
import json
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.terms.single import written_out
from samples.terms import make_data, syntax, treebank
from tests.samples.terms_reference import LOSSES, slope, total
from tests.transcripts import ROOT

FOLDER = ROOT / "samples" / "terms"
FIRST = 25
"""Rows that are compared one by one."""


def table(name):
    """The rows of a sample, its term and its other column."""
    path = FOLDER / f"{name}.jsonl"
    if path.exists():
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    else:
        with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    term, other = [column for column in rows[0] if column != "smiles"]
    return [row[term] for row in rows], np.array([float(row[other]) for row in rows]), term, other


def declared(name):
    """The shapes of the parameters of a sample."""
    text = (FOLDER / f"{name}.cg").read_text(encoding="utf-8")
    found = re.findall(r"^param (\w+)(?:\[([\d, ]+)\])?", text, re.MULTILINE)
    return {parameter: tuple(map(int, shape.split(","))) if shape else () for parameter, shape in found}


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_gradients_are_those_of_plain_code(name, batched):
    formula = cg.load(FOLDER / f"{name}.cg")
    terms, labels, term, other = (column[:FIRST] if place < 2 else column for place, column in enumerate(table(name)))
    random = np.random.default_rng(1)
    point = {each: random.normal(0, 0.4, shape) for each, shape in declared(name).items()}
    assert list(point) == formula.params
    data = {term: terms, other: labels}
    found = formula.eval_rows({**data, **point}, batched=batched)
    expected = [total(LOSSES[name], each, point, label) for each, label in zip(terms, labels, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    _, gradient = formula.grad_sum({**data, **point}, wrt=formula.params, batched=batched)
    for _ in range(3):
        direction = {each: random.normal(size=np.shape(value)) for each, value in point.items()}
        along = sum(float(np.sum(gradient[each] * direction[each])) for each in point)
        slopes = [slope(LOSSES[name], each, point, label, direction) for each, label in zip(terms, labels, strict=True)]
        assert along == pytest.approx(sum(slopes), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_all_rows_at_once_are_the_sum_of_a_few_at_a_time(name):
    """Kernels depend on how many lines there are."""
    formula = cg.load(FOLDER / f"{name}.cg")
    terms, labels, term, other = table(name)
    total_, slopes = formula.grad_sum({term: terms, other: labels}, wrt=formula.params)
    parts = [
        formula.grad_sum({term: terms[begin:end], other: labels[begin:end]}, wrt=formula.params)
        for begin, end in pairwise([*range(0, len(terms), 60), len(terms)])
    ]
    assert total_ == pytest.approx(sum(part for part, _ in parts), rel=1e-12)
    for each in formula.params:
        expected = sum(slope_[each] for _, slope_ in parts)
        np.testing.assert_allclose(slopes[each], expected, rtol=1e-10, atol=1e-12 * len(terms))


@pytest.mark.parametrize("name", LOSSES)
def test_a_term_written_out_is_a_formula_with_the_same_numbers(name):
    formula = cg.load(FOLDER / f"{name}.cg")
    terms, labels, term, other = table(name)
    row = {term: terms[4], other: labels[4]}
    single, values = written_out(formula, row)
    assert single.inputs == [each for each in formula.inputs if each != term]
    assert single.params == formula.params
    assert single.eval(values) == pytest.approx(formula.eval(row), rel=1e-13)
    _, expected = formula.grad_sum({term: [terms[4]], other: [labels[4]]}, wrt=formula.params)
    for each, slope_ in single.grad(values, wrt=formula.params).items():
        np.testing.assert_allclose(slope_, expected[each], rtol=1e-11, atol=1e-14)


def test_a_term_is_drawn_and_traced_call_by_call():
    formula = cg.load(FOLDER / "tree_lstm.cg")
    row = {"tree": "pair(word(3), pair(word(5), word(9)))", "label": 2}
    closed, opened = formula.draw(None, row), formula.draw(None, row, open="pair")
    assert (closed.count(">word<"), closed.count(">pair<")) == (3, 2)
    assert closed.count(">tanh<") == 0
    assert opened.count(">tanh<") == 4
    found = formula.trace(row)
    assert found.values[found.outputs["loss"]] == pytest.approx(formula.eval(row), rel=1e-13)
    assert str(found).partition("Backward")[0].count("word(…)") == 3


TERM = "plus(number(2), times(number(3), number(4)))"


def test_commands_that_look_at_one_point_take_a_term(capsys, tmp_path):
    words = [str(FOLDER / "arithmetic.cg"), f"expression={TERM}", "value=2"]
    for command in (["trace"], ["draw"], ["draw", "-o", str(tmp_path / "tree.svg")], ["why"], ["check"]):
        assert main([command[0], *words, *command[1:]]) == 0, command
    shown = capsys.readouterr().out
    assert "times(…)" in shown
    assert "`loss` does not depend on `m`" in shown
    assert main(["trace", words[0], "--data", str(FOLDER / "arithmetic.csv"), "--row", "3"]) == 0
    assert "minus(…)" in capsys.readouterr().out
    assert main(["trace", words[0], "--data", str(FOLDER / "arithmetic.csv"), "--row", "999"]) == 2
    assert "the table has 200 rows" in capsys.readouterr().err
    assert main(["minimize", *words]) == 2
    assert "`expression` is a term, and this question takes none" in capsys.readouterr().err


def test_questions_about_one_point_take_a_term():
    formula = cg.load(FOLDER / "arithmetic.cg")
    row = {"expression": ("plus", ("number", 2), ("number", float("inf"))), "value": 1}
    assert formula.why(row).findings[0].kind == "infinite"
    assert formula.check({**row, "expression": TERM}).outputs


# ---- tables and the scripts that make them ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", make_data.TABLES)
def test_a_table_is_what_the_script_makes(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == make_data.text_of(name, make_data.TABLES[name]())


def test_the_treebank_is_read_from_its_brackets(tmp_path):
    command = [sys.executable, FOLDER / "treebank.py", FOLDER / "sentences.txt", "-o", tmp_path / "trees.jsonl"]
    subprocess.run([*command, "--vocabulary", tmp_path / "words.txt"], check=True)
    for made, kept in (("trees.jsonl", "tree_lstm.jsonl"), ("words.txt", "words.txt")):
        assert (tmp_path / made).read_text(encoding="utf-8") == (FOLDER / kept).read_text(encoding="utf-8")


def test_brackets_of_both_treebanks_are_read():
    words = ["It", "good", "is", "so", "<unknown>"]
    (stanford,) = treebank.rows(treebank.phrases("(3 (2 It)\n (4 (2 is) (4 great)))"), words)
    assert stanford == {"tree": ["pair", ["word", 0], ["pair", ["word", 2], ["word", 4]]], "label": 3}
    penn = "( (S (NP (PRP It)) (VP (VBZ is) (NP (-NONE- *T*-1)) (ADJP (RB so) (JJ good)) (. .))) )"
    (found,) = treebank.rows(treebank.phrases(penn), words)
    so_good = ["pair", ["word", 3], ["word", 1]]
    assert found == {"tree": ["pair", ["word", 0], ["pair", ["word", 2], ["pair", so_good, ["word", 4]]]]}
    lines = list(treebank.rows(treebank.phrases("(3 (2 It) (4 (2 is) (4 good)))"), words, all_phrases=True))
    assert [line["label"] for line in lines] == [2, 2, 4, 4, 3]


def test_a_treebank_may_be_deep():
    depth = 20_000
    text = "(1 (2 a) " * depth + "(3 b)" + ")" * depth
    (found,) = treebank.rows(treebank.phrases(text), ["a", "b", "<unknown>"])
    assert found["label"] == 1
    for _ in range(depth):
        name, word, found_below = found["tree"]
        assert (name, word) == ("pair", ["word", 0])
        found = {"tree": found_below}


@pytest.mark.parametrize(
    ("text", "told"), [("(3 good))", "closes nothing, in line 1"), ("(3 (2 so) good)", "brackets of its own"),
                       ("word", "outside of brackets"), ("(3 (2 so)", "not closed")]
)  # fmt: skip
def test_wrong_brackets_are_told(text, told):
    with pytest.raises(ValueError, match=told):
        list(treebank.phrases(text))


CODE = """
def first(x, y):
    for each in x:
        if each > 0 and y:
            return [part for part in each if part]
    assert y, "none"
"""


def test_syntax_trees_are_those_of_python():
    (function,) = ast.parse(CODE).body
    assert syntax.complexity(function) == 1 + 1 + 1 + 1 + 1 + 1
    (short,) = ast.parse("def f(x): return x").body
    arguments, returned = (
        ["arguments", ["leaf", syntax.TYPES.index("arg")]],
        ["Return", ["leaf", syntax.TYPES.index("Name")]],
    )
    assert syntax.term_of(short) == ["FunctionDef", ["then", arguments, returned]]
    deep = ast.parse(f"def f(x): return {'-' * 80}x").body[0]
    assert str(syntax.term_of(deep)).count("UnaryOp") == 80


def test_the_model_of_syntax_trees_is_what_the_script_writes():
    assert (FOLDER / "syntax.cg").read_text(encoding="utf-8") == syntax.formula()
    terms, labels, _, _ = table("syntax")
    assert len(terms) > 200
    assert set(labels) <= set(range(1, 20))


def test_molecules_are_what_rdkit_makes_of_smiles():
    pytest.importorskip("rdkit", reason="the table of molecules is made with RDKit; without it the one here is used")
    from samples.terms.molecules import MOLECULES, rows

    made = [{name: str(value) for name, value in row.items()} for row in rows(MOLECULES.split())]
    with (FOLDER / "molecules.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == made
    with pytest.raises(ValueError, match="not a SMILES"):
        list(rows(["C(("]))


@pytest.mark.parametrize(("name", "most"), [("tree_lstm", 60), ("attention", 20), ("molecules", 30)])
def test_models_are_short(name, most):
    assert len((FOLDER / f"{name}.cg").read_text(encoding="utf-8").splitlines()) <= most
