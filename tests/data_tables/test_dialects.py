"""Separators, decimal marks, streams without a name, and what is told where a table is not what it seems."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

ROOT = str(Path(__file__).parents[2])


def result(done):
    assert done.code == 0, done.err
    return done.out.split()[1:]


def shell(line, folder, data=b""):
    """What a line of bash prints; `cg` is this one."""
    words = f'cg() {{ "{sys.executable}" -m cgcli "$@"; }}\n{line}'
    done = subprocess.run(
        ["bash", "-c", words], input=data, capture_output=True, cwd=folder, env={**os.environ, "PYTHONPATH": ROOT},
        check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("x;y\n1,5;2,5\n3;4\n", ["--separator", ";", "--decimal", ","], ["3.75", "12"]),
        ("x;y\n1.5;2\n", ["--separator", "semicolon"], ["3"]),
        ("x|y\n1.5|2\n", ["--separator", "|"], ["3"]),
        ("x\ty\n1,5\t2\n", ["--separator", "tab", "--decimal", ","], ["3"]),
        ("x\ty\n1.5\t2\n", ["--separator", r"\t"], ["3"]),
        ("  x   y \n 1.5   2\n\n3 4  \n", ["--separator", "blank"], ["3", "12"]),
        ('x y s\n1 2 "a  b"\n', ["--separator", "blanks"], ["2"]),
        ('x;y\n"1,5";2\n', ["--separator", ";", "--decimal", ","], ["3"]),
        ('x,y\n"1,5",2\n', ["--format", "csv", "--decimal", ","], ["3"]),
        ("x;y\n1,5e2;NA\n1,5E-1;2\n", ["--separator", ";", "--decimal", ","], ["nan", "0.3"]),
        ("x\ty\n1.5\t2\n", ["--format", "tsv"], ["3"]),
    ],
)
def test_dialects(cg, tmp_path, csv_reader, text, words, expected):
    (tmp_path / "t.dat").write_text(text)
    assert result(cg("eval", "x*y", "--data", "t.dat", *words, "-o", "-")) == expected


def test_with_a_decimal_comma_a_point_is_part_of_no_number(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_text("x;y\n1.234;1\n1.234,5;1\n2,5;1\n")
    done = cg("eval", "x*y", "--data", "t.csv", "--separator", ";", "--decimal", ",", "-o", "-")
    assert result(done) == ["nan", "nan", "2.5"]
    assert "2 cells are no number" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--decimal", ";"], "--decimal cannot be `;`"),
        (["--separator", "ab"], "--separator cannot be `ab`"),
        (["--separator", '"'], "--separator cannot be"),
        (["--separator", "x"], "--separator cannot be"),
        (["--format", "xls"], "there is no format `xls`"),
        (["--format", "npz", "--separator", ";"], "--separator is for CSV"),
    ],
)
def test_what_no_dialect_can_be(cg, tmp_path, words, told):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n")
    done = cg("eval", "x*y", "--data", "t.csv", *words)
    assert done.code == 2
    assert told in done.err


@pytest.mark.parametrize("words", [["--separator", ";"], ["--decimal", ","], ["--format", "csv"], ["--raw-text"]])
def test_options_of_tables_need_a_table(cg, words):
    done = cg("eval", "x", "x=1", *words)
    assert (done.code, f"{words[0]} needs a table" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x;y\n1;2\n", "`;`: --separator ';'"), ("x|y\n1|2\n", "`|`: --separator '|'"),
        ("x y\n1 2\n", "a blank: --separator blank"), ("x\ty\n1\t2\n", "a tab: --separator tab"),
    ],
)  # fmt: skip
def test_the_separator_that_a_table_seems_to_have(cg, tmp_path, csv_reader, text, said):
    (tmp_path / "t.csv").write_text(text)
    done = cg("eval", "x*y", "--data", "t.csv")
    assert done.code == 2
    assert f"the separator seems to be {said}" in done.err


@pytest.mark.parametrize(
    ("row", "told", "hint"),
    [
        ("1,2", "2 cells where there are 3 columns", "empty cells at the end"),
        ("1", "1 cell where there are 3 columns", "empty cells at the end"),
        ("1,2,3,4", "4 cells where there are 3 columns", "has to stand in quotes"),
    ],
)
def test_too_few_cells_and_too_many(cg, tmp_path, csv_reader, row, told, hint):
    (tmp_path / "t.csv").write_text(f"a,b,c\n{row}\n")
    done = cg("eval", "a", "--data", "t.csv")
    assert done.code == 1
    assert told in done.err
    assert hint in done.err


def test_columns_without_a_name_are_left_out_of_all(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_text("x,y,,\n1,2,,\n")
    done = cg("eval", "x*y", "--data", "t.csv", "--keep", "all", "-o", "-")
    assert done.out == "x,y,result\n1,2,2\n"
    assert "2 columns have no name and are left out" in done.err


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("raw", [False, True])
def test_texts_that_a_spreadsheet_runs(cg, tmp_path, csv_reader, start, raw):
    (tmp_path / "t.csv").write_text(f'x,"@n"\n1,"{start}A1"\n2,-5\n')
    done = cg("eval", "x", "--data", "t.csv", "--keep", "@n", *(["--raw-text"] if raw else []), "-o", "o.csv")
    assert done.code == 0
    mark = "" if raw else "'"
    cell = f"{mark}{start}A1"
    with open("o.csv", newline="") as file:
        assert list(csv.reader(file)) == [[f"{mark}@n", "result"], [cell, "1"], ["-5", "2"]]


def test_wide_characters_are_aligned(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_text("x,名前\n1,山田太郎\n22,あ\n")
    done = cg("eval", "y = x", "--data", "t.csv", "--keep", "all")
    assert done.out.splitlines()[:3] == [" x      名前   y", " 1  山田太郎   1", "22        あ  22"]


# ---- streams and folders ---------------------------------------------------------------------------------------


def test_streams_that_a_shell_makes(tmp_path):
    (tmp_path / "t.csv").write_text("x\n1\n2\n")
    assert shell("cg eval <(printf 'x+1\\n') x=2", tmp_path).stdout == b"3\n"
    assert shell("cg eval x+1 --data <(cat t.csv) -o -", tmp_path).stdout == b"result\n2\n3\n"
    assert shell("cg eval x+1 --data /dev/stdin -o /dev/stdout < t.csv", tmp_path).stdout == b"result\n2\n3\n"
    assert shell("cat t.csv | cg eval x+1 --data /dev/stdin -o >(cat)", tmp_path).stdout == b"result\n2\n3\n"
    assert shell("cg eval x+1 --data t.csv -o /dev/null", tmp_path).returncode == 0


@pytest.mark.parametrize("kind", ["tsv", "parquet", "npz"])
def test_standard_input_of_any_format(cg, tmp_path, kind):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n3,4\n")
    assert cg("eval", "a = x\nb = y\noutput a, b", "--data", "t.csv", "-o", f"t.{kind}").code == 0
    done = shell(f"cat t.{kind} | cg eval a*b --data - --format {kind} -o -", tmp_path)
    assert done.stdout == b"result\n2\n12\n", done.stderr


def test_standard_input_that_is_a_file(cg, tmp_path):
    parquet.write_table(pa.table({"x": [1.0]}), "t.parquet")
    assert shell("cg eval x+1 --data - --format parquet -o - < t.parquet", tmp_path).stdout == b"result\n2\n"


# ---- wide tables and long lines --------------------------------------------------------------------------------

WIDE = 20_000


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv"])
def test_wide_tables(cg, tmp_path, ending):
    """Were anything done for each pair of columns, this would take minutes."""
    names = [f"c{place}" for place in range(WIDE)]
    if ending == "csv":
        (tmp_path / "t.csv").write_text("\n".join([",".join(names), *[",".join(["1"] * WIDE)] * 2]) + "\n")
    else:
        table = pa.table({name: [1.0, 1.0] for name in names})
        if ending == "parquet":
            parquet.write_table(table, "t.parquet")
        else:
            with ipc.new_file("t.arrow", table.schema) as file:
                file.write_table(table)
    assert cg("eval", "c3 + c9", "--data", f"t.{ending}", "--keep", "all", "-o", f"o.{ending}").code == 0
    assert result(cg("eval", "result", "--data", f"o.{ending}", "-o", "-")) == ["2", "2"]


def test_a_long_line_through_a_pipe(tmp_path):
    """Were a line searched anew with each piece of it that comes, this would take minutes."""
    done = shell(
        f"""{sys.executable} -c "print('x,' + 'n'*60_000_000); print('1,' + 'a'*60_000_000)" """
        "| cg eval x+1 --data - -o -",
        tmp_path,
    )
    assert done.stdout == b"result\n2\n"


def test_a_name_in_json_does_not_reach_the_terminal(cg, tmp_path):
    np.savez(tmp_path / "t.npz", **{"x": np.ones(1), "a\u202e\u009b": np.ones(1)})
    done = cg("eval", "x", "--data", "t.npz", "--keep", "all", "--json")
    assert "\\u202e\\u009b" in done.out
    assert "a\u202e\u009b" in done.summary["head"]
