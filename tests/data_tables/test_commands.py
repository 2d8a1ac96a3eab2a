"""`cg eval --data` and `cg grad --data` as a shell sees them."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

import cgcli
from cgcli.data.summary import Summary
from cgcli.data.table import FEWEST_ROWS, MOST_ROWS, rows_of_a_batch

from .conftest import loaded, without_pyarrow

FORMULA = "exp(sin(x*x))*y"
ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def points(tmp_path):
    """A table of 50 rows as CSV, and its columns."""
    random = np.random.default_rng(7)
    columns = {"x": random.normal(size=50), "y": random.normal(size=50), "k": np.arange(50.0)}
    with open(tmp_path / "points.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*columns, "note"])
        rows.writerows([*row, f"n{number}"] for number, row in enumerate(zip(*columns.values(), strict=True)))
    return columns


def table(path):
    with open(path, newline="") as file:
        first, *rows = csv.reader(file)
    return {name: [row[place] for row in rows] for place, name in enumerate(first)}


def floats(texts):
    return np.array(list(map(float, texts)))


def test_rows_are_what_eval_says_one_by_one(cg, points, csv_reader):
    done = cg("eval", FORMULA, "--data", "points.csv", "-o", "out.csv")
    assert (done.code, done.out) == (0, "")
    formula = cgcli.parse(FORMULA)
    expected = [formula.eval(x=x, y=y) for x, y in zip(points["x"], points["y"], strict=True)]
    np.testing.assert_allclose(floats(table("out.csv")["result"]), expected, rtol=1e-14)


def test_gradients_are_columns(cg, points):
    assert cg("grad", FORMULA, "--data", "points.csv", "-o", "out.parquet").code == 0
    found = parquet.read_table("out.parquet").to_pydict()
    assert list(found) == ["result", "d_result_d_x", "d_result_d_y"]
    formula = cgcli.parse(FORMULA)
    for row, (x, y) in enumerate(zip(points["x"], points["y"], strict=True)):
        slopes = formula.grad(x=x, y=y)
        assert found["d_result_d_x"][row] == pytest.approx(slopes["x"], rel=1e-13)
        assert found["d_result_d_y"][row] == pytest.approx(slopes["y"], rel=1e-13)


def test_gradients_of_a_named_output_by_chosen_names(cg, points):
    done = cg("grad", "h = x*y\nloss = h^2 + k\noutput loss, h", "--data", "points.csv", "--of", "loss", "--wrt", "h",
              "-o", "out.csv")  # fmt: skip
    assert done.code == 0
    found = table("out.csv")
    assert list(found) == ["loss", "d_loss_d_h"]
    np.testing.assert_allclose(floats(found["d_loss_d_h"]), 2 * points["x"] * points["y"], rtol=1e-14)


@pytest.mark.parametrize("command", ["eval", "grad"])
def test_engines_agree(cg, points, command):
    results = {}
    for engine in ("auto", "numpy", "native"):
        assert cg(command, FORMULA, "--data", "points.csv", "--engine", engine, "-o", f"{engine}.npz").code == 0
        results[engine] = loaded(f"{engine}.npz")
    for name in results["auto"]:
        np.testing.assert_allclose(results["native"][name], results["numpy"][name], rtol=1e-14)
        np.testing.assert_array_equal(results["auto"][name], results["numpy"][name])


def test_single_precision(cg, points):
    assert cg("eval", FORMULA, "--data", "points.csv", "--float32", "-o", "out.npz").code == 0
    found = loaded("out.npz")["result"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.exp(np.sin(points["x"] ** 2)) * points["y"], rtol=1e-5)


def test_values_and_bound_columns(cg, points):
    done = cg("eval", "a*q + b", "q=2", "--data", "points.csv", "--bind", "a=k", "--bind", "b=k", "-o", "o.csv")
    assert done.code == 0
    np.testing.assert_array_equal(floats(table("o.csv")["result"]), 3 * points["k"])


def test_a_value_wins_over_a_column_and_a_bound_column_over_a_definition(cg, points):
    assert cg("eval", "x + k", "x=1", "--data", "points.csv", "-o", "o.csv").code == 0
    np.testing.assert_array_equal(floats(table("o.csv")["result"]), 1 + points["k"])
    assert cg("eval", "h = x^2\nh + k", "--data", "points.csv", "--bind", "h=k", "-o", "o.csv").code == 0
    np.testing.assert_array_equal(floats(table("o.csv")["result"]), 2 * points["k"])


def test_a_default_that_follows_from_a_column(cg, points):
    assert cg("eval", "input d = 2*k\ninput f = d + 1\nf + k", "--data", "points.csv", "-o", "o.csv").code == 0
    np.testing.assert_array_equal(floats(table("o.csv")["result"]), 3 * points["k"] + 1)


def test_a_vector_result_is_a_column_an_element(cg, points):
    assert cg("eval", "[k, 2*k]", "--data", "points.csv", "-o", "o.csv").code == 0
    assert list(table("o.csv")) == ["result[0]", "result[1]"]
    np.testing.assert_array_equal(floats(table("o.csv")["result[1]"]), 2 * points["k"])


def test_kept_columns_stand_in_front_as_they_were(cg, points, csv_reader):
    assert cg("eval", "k+1", "--data", "points.csv", "--keep", "note,k", "-o", "o.csv").code == 0
    found = table("o.csv")
    assert list(found) == ["note", "k", "result"]
    assert found["note"][:2] == ["n0", "n1"]
    assert found["k"][:2] == ["0.0", "1.0"]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_kept_columns_of_csv_are_texts_in_a_typed_file(cg, points, ending):
    """Whether the formula uses a column does not matter, and no cell is lost."""
    with open("points.csv", "a") as file:
        file.write("1,1,two,last\n")
    assert cg("eval", "k+1", "--data", "points.csv", "--keep", "all", "-o", f"o.{ending}").code == 0
    found = parquet.read_table("o.parquet") if ending == "parquet" else feather.read_table("o.arrow")
    kinds = {field.name: str(field.type) for field in found.schema}
    assert kinds == {"x": "string", "y": "string", "k": "string", "note": "string", "result": "double"}
    assert found["k"].to_pylist()[-2:] == ["49.0", "two"]


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_kept_columns_of_csv_are_numbers_in_a_file_of_arrays(cg, tmp_path, csv_reader, ending):
    (tmp_path / "t.csv").write_text("x,k,note\n1, 2,3\n2,NA,a\n")
    assert cg("eval", "x", "--data", "t.csv", "--keep", "k,x", "-o", f"o.{ending}").code == 0
    found = loaded(f"o.{ending}")
    np.testing.assert_array_equal(found["k"], [2, np.nan])
    np.testing.assert_array_equal(found["x"], [1, 2])
    done = cg("eval", "x", "--data", "t.csv", "--keep", "note", "-o", f"o.{ending}")
    assert done.code == 1
    assert "row 2, column `note`: the text is no number" in done.err


def test_a_kept_column_with_the_name_of_a_result(cg, points):
    assert cg("eval", "x = k + 1", "--data", "points.csv", "--keep", "all", "-o", "o.csv").code == 2


COMMAS = '"m[0,1]",m,"a, b","say ""x, y""", blank \n1,2,3,4,5\n'


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("m[0,1]", ["m[0,1]"]),
        ("a, b", ["a, b"]),
        ('m,"m[0,1]"', ["m", "m[0,1]"]),
        ('"a, b", m', ["a, b", "m"]),
        ('m,"say ""x, y"""', ["m", 'say "x, y"']),
        ("m , blank", ["m", "blank"]),
        ("all", ["m[0,1]", "m", "a, b", 'say "x, y"', "blank"]),
    ],
)
def test_a_kept_column_may_have_a_comma_in_its_name(cg, tmp_path, keep, expected, csv_reader):
    (tmp_path / "t.csv").write_text(COMMAS)
    assert cg("eval", "y = m", "--data", "t.csv", "--keep", keep, "-o", "o.csv").code == 0
    assert list(table("o.csv")) == [*expected, "y"]


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        ("m[0,1],m", """hint: put the name in quotes of its own: '"m[0,1]",…'"""),
        ('say "x, y",m', '"say ""x, y""",…'),
        ("m[0", "has no column `m[0`"),
        ('"m', "quotes stand around a whole name"),
        ('"m"x', "quotes stand around a whole name"),
        ("m,,blank", "separate names by commas"),
        ("", "separate names by commas"),
        (" ", "separate names by commas"),
    ],
)
def test_what_is_no_list_of_columns(cg, tmp_path, keep, told):
    (tmp_path / "t.csv").write_text(COMMAS)
    done = cg("eval", "y = m", "--data", "t.csv", "--keep", keep, "-o", "o.csv")
    assert (done.code, told in done.err) == (2, True), done.err


GAPS = "x,y\n1,1\n,2\n3,abc\nNA,4\n5,5\n"


@pytest.mark.parametrize(("policy", "expected"), [("nan", ["2", "nan", "nan", "nan", "10"]), ("skip", ["2", "10"])])
def test_missing_cells(cg, tmp_path, policy, expected, csv_reader):
    (tmp_path / "gaps.csv").write_text(GAPS)
    done = cg("eval", "x+y", "--data", "gaps.csv", "--missing", policy, "-o", "o.csv", "--json")
    assert table("o.csv")["result"] == expected
    assert done.summary["gaps"] == {
        "x": {"missing": 2, "bad": 0, "first_row": 2, "first_bad_row": None},
        "y": {"missing": 0, "bad": 1, "first_row": 3, "first_bad_row": 3},
    }
    assert done.summary["rows"] == len(expected)
    assert done.summary["outputs"]["result"]["first_nan_row"] == (2 if policy == "nan" else None)


@pytest.mark.parametrize(
    ("cell", "told"),
    [("", "the cell is empty"), ("NA", "`NA` stands for"), ("abc", "`abc` is no number"), ('"1,5"', "`1,5` is no")],
)
def test_a_gap_as_an_error_names_file_row_and_column(cg, tmp_path, cell, told, csv_reader):
    (tmp_path / "gaps.csv").write_text(f"x,y\n1,1\n2,{cell}\n")
    (tmp_path / "o.csv").write_text("old\n")
    done = cg("eval", "x+y", "--data", "gaps.csv", "--missing", "error", "-o", "o.csv")
    assert done.code == 1
    assert "`gaps.csv`, row 2, column `y`: " in done.err
    assert told in done.err
    assert (tmp_path / "o.csv").read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gaps.csv", "o.csv"]


def test_thousands_get_a_hint(cg, tmp_path):
    (tmp_path / "t.csv").write_text('x\n"1,234.5"\n')
    assert "thousands separators" in cg("eval", "x", "--data", "t.csv", "--missing", "error").err


@pytest.mark.parametrize("policy", ["nan", "error"])
def test_a_cell_is_shown_cut_and_without_what_a_terminal_obeys(cg, tmp_path, policy, csv_reader):
    (tmp_path / "t.csv").write_text(f"x\n\033[31m{'a' * 3000}\n")
    done = cg("eval", "x", "--data", "t.csv", "--missing", policy)
    assert f"`\\x1b[31m{'a' * 34}…`" in done.err
    assert "\033" not in done.err


def test_a_long_missing_word_is_cut(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_text(f"x\n{' ' * 3000}NA\n")
    assert max(map(len, cg("eval", "x", "--data", "t.csv", "--missing", "error").err.splitlines())) < 120


def test_names_of_columns_and_files_are_shown_without_what_a_terminal_obeys(cg, tmp_path):
    (tmp_path / "\033[2J.csv").write_text("\033[31mx,y\n1,a\n")
    done = cg("eval", "x", "--data", "\033[2J.csv", "--bind", "x=z")
    assert "`\\x1b[2J.csv` has no column `z`" in done.err
    assert "`\\x1b[31mx`" in done.err
    assert "\033" not in done.err


def test_head_and_summary_without_a_file(cg, points):
    done = cg("eval", "k*2", "--data", "points.csv", "--head", "2", "--limit", "4")
    assert done.err == ""
    assert done.out.split() == [
        "result", "0", "2", "4", "rows,", "engine", "numpy", "min", "mean", "max", "nan", "first", "nan",
        "result", "0", "3", "6", "0",
    ]  # fmt: skip


def test_the_summary_goes_to_standard_error_beside_a_file(cg, points):
    done = cg("eval", "k*2", "--data", "points.csv", "-o", "-")
    assert done.out.splitlines()[:3] == ["result", "0", "2"]
    assert "50 rows" in done.err


def test_standard_input(cg, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("x\n1\n2\n")
    with open("t.csv") as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert cg("eval", "x*2", "--data", "-", "-o", "-").out.split() == ["result", "2", "4"]


@pytest.mark.parametrize("end", ["head", "limit", "broken cell"])
def test_a_large_pipe_that_is_given_up_early(tmp_path, end):
    """Readers ahead of the calculation must not hold up the end of the program."""
    words = {"head": [], "limit": ["--limit", "3"], "broken cell": ["--missing", "error"]}[end]
    rows = b"x,y\n" + (b"NA,1\n" if end == "broken cell" else b"") + b"1.25,2\n" * 2_000_000
    (tmp_path / "t.csv").write_bytes(rows)
    program = [sys.executable, "-m", "cgcli", "eval", "x+y", *words, "-o", "-", "--data"]
    for source in (str(tmp_path / "t.csv"), "-"):
        with (
            open(tmp_path / "t.csv", "rb") as file,
            subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE) as pipe,
            subprocess.Popen(
                [*program, source], stdin=pipe.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as child,
        ):
            pipe.stdout.close()
            first = child.stdout.readline()
            child.stdout.close()
            told = child.stderr.read().decode()
            assert child.wait(timeout=60) == (1 if end == "broken cell" else 0), told
            assert first == (b"" if end == "broken cell" else b"result\n")


def test_results_may_replace_their_source(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_text("x\n1\n2\n")
    assert cg("eval", "y = x+1", "--data", "t.csv", "--keep", "x", "-o", "t.csv").code == 0
    assert table("t.csv") == {"x": ["1", "2"], "y": ["2", "3"]}


WRONG = [
    (["eval", "x*w + v", "--data", "points.csv"], 2, "no column and no value for the inputs `w`, `v`"),
    (["eval", "x", "--data", "points.csv", "--bind", "x=X"], 2, "did you mean `x`"),
    (["eval", "x", "--data", "points.csv", "--keep", "nota"], 2, "did you mean `note`"),
    (["eval", "x", "--data", "points.csv", "--bind", "z=k"], 2, "no input `z`"),
    (["eval", "x", "--data", "points.csv", "--bind", "k"], 2, "INPUT=COLUMN"),
    (["eval", "x", "x=1", "--data", "points.csv", "--bind", "x=k"], 2, "given twice"),
    (["eval", "x", "x=1", "--data", "points.csv"], 2, "uses no column"),
    (["eval", "x", "--data", "points.csv", "--missing", "zero"], 2, "--missing cannot be `zero`"),
    (["eval", "x", "--data", "points.csv", "--digits", "30"], 2, "exclude each other"),
    (["grad", "x^2", "--data", "points.csv", "--hessian"], 2, "exclude each other"),
    (["grad", "x^2", "--data", "points.csv", "--latex"], 2, "--data and --latex exclude each other"),
    (["grad", "x^2", "--data", "points.csv", "--sum", "--symbolic"], 2, "--sum and --symbolic exclude each other"),
    (["grad", "x^2", "--data", "points.csv", "--sum", "--digits", "30"], 2, "--sum and --digits exclude each other"),
    (["grad", "term t; f(x) = x; t", "--data", "points.csv", "--digits", "30"], 2, "terms are computed in doubles"),
    (["eval", "x", "x=1", "--keep", "k"], 2, "--keep needs a table"),
    (["eval", "x", "--data", "points.csv", "-o", "out.xls"], 2, "cannot tell the format"),
    (["eval", "x", "--data", "none.csv"], 1, "No such file"),
    (["eval", "x", "--data", "points.csv", "-o", "no/folder.csv"], 1, "cannot write `no/folder.csv`"),
    (["eval", "x", "--data", "points.csv", "--keep", "note", "-o", "o.npy"], 1, "row 1, column `note`: the text"),
    (["eval", "x", "--data", "points.csv", "--engine", "python"], 2, "one point at a time"),
    (["eval", "x", "--data", "points.csv", "--engine", "numpy", "--float32"], 2, "has no --float32"),
    (["eval", "sum(x*i for i in range(k))", "--data", "points.csv"], 2, "`k` cannot be a column"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "told"), WRONG, ids=[told for *_, told in WRONG])
def test_what_is_wrong_is_said(cg, points, words, code, told):
    done = cg(*words)
    assert done.code == code
    assert told in done.err
    assert done.out == ""


@pytest.mark.parametrize("words", [["--data", "t"], ["--data", "points.csv", "-o", "t"]])
def test_a_name_without_a_format_gets_the_way_by_standard_streams(cg, points, words):
    done = cg("eval", "x", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        f"usage error: cannot tell the format of `{words[-1]}` by its name\nhint: names end with .csv"
    )
    assert done.err.endswith("; - is CSV from standard input, or to standard output\n")


def test_a_packed_table_gets_the_way_through_a_pipe(cg):
    assert "hint: a packed file goes through a pipe (gzip -dc" in cg("eval", "x", "--data", "t.csv.gz").err


@pytest.mark.parametrize(
    ("name", "content", "doubt"),
    [
        ("t.csv", "x;y\n1;2\n", "the separator seems to be `;`: --separator ';'"),
        ("t.csv", "x\ty\n1\t2\n", "the separator seems to be a tab: --separator tab, or name the file .tsv"),
        ("t.tsv", "x,y\n1,2\n", "the separator seems to be a comma: --separator ,"),
        ("t.csv", "1,2\n3,4\n", "the first line is taken for the names"),
        ("t.csv", "a1,2.5,\na2,3,4\n", "the first line is taken for the names"),
        ("t.csv", '"x,y"\n1\n', None),
        ("t.csv", "a,na,\n1,2,3\n", None),
    ],
)
@pytest.mark.parametrize("words", [[], ["--bind", "q=w"]], ids=["no column for an input", "an unknown column"])
def test_a_table_that_is_not_what_it_seems(cg, tmp_path, name, content, doubt, words, csv_reader):
    (tmp_path / name).write_text(content)
    done = cg("eval", "q + w", "--data", name, *words)
    assert done.code == 2
    hint = done.err.splitlines()[-1]
    assert hint.endswith(f"; {doubt}") if doubt else "seems" not in hint and "first line" not in hint


@pytest.mark.parametrize("formula", ["v[0] + v[1]", "v + 1", "sum(v*w)"])
def test_the_elements_of_a_vector_as_columns(cg, tmp_path, formula):
    (tmp_path / "t.csv").write_text('"v[0]","v[1]"\n1,2\n3,4\n')
    done = cg("eval", formula, "--data", "t.csv")
    assert done.code == 2
    assert done.err == (
        "usage error: the input `v` is no array, and the columns `v[0]`, `v[1]` are called like its elements\n"
        "hint: begin the formula with `input v[2]`, or add --bind 'v=v[*]'\n"
    )


def test_the_way_that_the_hint_shows(cg, tmp_path):
    (tmp_path / "t.csv").write_text('"v[0]","v[1]"\n1,2\n3,4\n')
    assert cg("eval", "input v[2]\nv[0] + v[1]", "--data", "t.csv", "-o", "-").out == "result\n3\n7\n"
    done = cg("eval", "v[0] + v[1]", "--data", "t.csv", "--bind", "v=v[*]", "-o", "o.csv")
    assert (done.code, table("o.csv")) == (0, {"result": ["3", "7"]})


def test_an_input_with_a_default_needs_no_elements(cg, tmp_path):
    (tmp_path / "t.csv").write_text('x,"v[0]"\n1,2\n')
    assert cg("eval", "input v = 5\nx + v", "--data", "t.csv", "-o", "-").out == "result\n6\n"


def test_a_table_without_columns(cg, tmp_path):
    np.savez(tmp_path / "empty.npz")
    parquet.write_table(pa.table({}), tmp_path / "empty.parquet")
    for name in ("empty.npz", "empty.parquet"):
        done = cg("eval", "x", "--data", name)
        assert (done.code, done.err.splitlines()[0]) == (1, f"data error: `{name}` has no columns")


def test_all_columns_are_listed(cg, points):
    assert "`x`, `y`, `k`, `note`" in cg("eval", "zz", "--data", "points.csv").err


def test_a_column_of_a_constants_name_is_not_taken_in_silence(cg, tmp_path):
    (tmp_path / "t.csv").write_text("x,e\n1,7\n")
    done = cg("eval", "x*e", "--data", "t.csv", "-o", "-")
    assert float(done.out.split()[1]) == math.e
    assert "`e` is a constant" in done.err
    assert cg("eval", "x*e", "--data", "t.csv", "--bind", "e=e", "-o", "-").out.split()[1] == "7"


def test_a_used_column_that_is_there_twice(cg, tmp_path):
    (tmp_path / "t.csv").write_text("x,x,y\n1,2,3\n")
    assert cg("eval", "y", "--data", "t.csv").code == 0
    assert "more than one column `x`" in cg("eval", "x", "--data", "t.csv").err


@pytest.mark.parametrize("words", [["--data", "t.parquet"], ["--data", "points.csv", "-o", "o.feather"]])
def test_without_pyarrow_there_is_csv_and_a_way_to_more(cg, points, tmp_path, monkeypatch, words):
    parquet.write_table(pa.table({"x": [1.0]}), tmp_path / "t.parquet")
    without_pyarrow(monkeypatch)
    done = cg("eval", "x", *words)
    assert done.code == 4
    assert "pip install 'cgcli[data]'" in done.err


def test_batches_are_bounded(cg, tmp_path, monkeypatch):
    """What bounds the memory of a run: no batch that is read, computed or written is larger."""
    monkeypatch.setattr("cgcli.data.table.MOST_ROWS", 300)
    rows = np.arange(1000.0)
    np.savez(tmp_path / "t.npz", x=rows)
    assert cg("eval", "x", "--data", "t.npz", "-o", "o.parquet").code == 0
    file = parquet.ParquetFile("o.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [300, 300, 300, 100]
    file.close()
    for source in ("o.parquet", "t.npz"):
        assert cg("eval", "y = x", "--data", source, "--bind", "x=result" if source == "o.parquet" else "x=x",
                  "-o", "again.npy").code == 0  # fmt: skip
        np.testing.assert_array_equal(loaded("again.npy")["y"], rows)


def test_wide_tables_have_smaller_batches():
    assert rows_of_a_batch(1) == MOST_ROWS
    assert rows_of_a_batch(4000) == 1000
    assert rows_of_a_batch(10**9) == FEWEST_ROWS


def test_summary_by_parts_is_summary_of_the_whole():
    random = np.random.default_rng(3)
    values = 1e9 + random.normal(size=10_000)
    values[4321] = values[8000] = np.nan
    summary = Summary()
    for first in range(0, len(values), 700):
        part = values[first : first + 700]
        summary.add(part, np.arange(first + 1, first + 1 + len(part)))
    good = values[~np.isnan(values)]
    assert summary.nan == 2
    assert summary.first_nan == 4322
    assert (summary.least, summary.greatest) == (good.min(), good.max())
    assert summary.mean == pytest.approx(math.fsum(good) / len(good), rel=1e-15)


def test_summary_of_infinities_and_of_nothing():
    summary = Summary()
    assert math.isnan(summary.mean)
    summary.add(np.array([math.inf, 1.0]), np.array([1, 2]))
    summary.add(np.array([2.0]), np.array([3]))
    assert (summary.least, summary.mean, summary.greatest) == (1.0, math.inf, math.inf)


def test_info(cg):
    plain = cg("info", "--json")
    assert json.loads(plain.out)["engines"]["numpy"] == "available"
    facts = json.loads(cg("info", "sin(x)*sin(x) + y", "--json").out)
    assert facts["operations"] == {"input": 2, "add": 1, "mul": 1, "sin": 1}
    assert (facts["nodes"], facts["depth"], facts["widest level"], facts["engine"]) == (5, 3, 2, "python")


AT_THE_SECOND_BATCH = """
import sys
from cgcli.__main__ import main
from cgcli.data import stream, table

def remember_head(report, columns, wanted):
    if report.read > 300:
        raise ERROR

table.MOST_ROWS = 300
stream.remember_head = remember_head
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("ending", ["parquet", "arrow", "npz"])
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "MemoryError"])
def test_an_error_after_the_first_batch_leaves_one_message(tmp_path, ending, error):
    """Writers that end themselves when they are collected have nothing to write into any more."""
    np.savez(tmp_path / "t.npz", x=np.arange(1000.0))
    words = ["eval", "x", "--data", "t.npz", "-o", f"o.{ending}", "--engine", "numpy", "--json"]
    program = [sys.executable, "-X", "dev", "-c", AT_THE_SECOND_BATCH.replace("ERROR", error), *words]
    done = subprocess.run(program, cwd=tmp_path, env=os.environ | {"PYTHONPATH": ROOT}, capture_output=True, text=True)
    assert done.returncode != 0
    told = done.stderr.splitlines()
    assert len(told) <= 1, done.stderr
    assert told in ([], ["interrupted"], ["error: the memory is not enough for this"])
    assert [path.name for path in tmp_path.iterdir()] == ["t.npz"]
