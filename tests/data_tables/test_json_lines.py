"""JSON lines in and out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import cgcli
from cgcli.data import json_lines


def objects(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_numbers_truth_values_and_gaps(cg, tmp_path, csv_reader):
    (tmp_path / "t.jsonl").write_text(
        '{"x": 1, "y": 2.5, "note": "a"}\n\n{"y": "3", "x": true}\n{"x": null, "y": 1}\n{"x": "red", "y": 1e400}\n'
    )
    done = cg("eval", "x*y", "--data", "t.jsonl", "--keep", "note,x", "-o", "o.csv")
    assert done.code == 0
    assert (tmp_path / "o.csv").read_text().splitlines() == ["note,x,result", "a,1,2.5", ",true,3", ",,nan", ",red,nan"]
    assert "1 cell is missing and 1 cell is no number (first: row 4, `red`)" in done.err


def test_written_and_read_back(cg, tmp_path, csv_reader):
    np.savez("t.npz", x=[1.5, np.nan, np.inf], k=np.array([1, 2, 2**60]), b=[True, False, True], s=["ä", "=1", ""])
    assert cg("eval", "y = 2*x", "--data", "t.npz", "--keep", "all", "-o", "o.jsonl").code == 0
    assert objects(tmp_path / "o.jsonl") == [
        {"x": 1.5, "k": 1, "b": True, "s": "ä", "y": 3.0},
        {"x": None, "k": 2, "b": False, "s": "=1", "y": None},
        {"x": "inf", "k": 2**60, "b": True, "s": "", "y": "inf"},
    ]
    done = cg("eval", "y + b", "--data", "o.jsonl", "--keep", "s", "-o", "-")
    assert done.out.split("\n")[1:] == ["ä,4", "'=1,nan", ",inf", ""]


def test_columns_of_arrow(cg, tmp_path):
    table = pa.table({
        "x": [1.0, None], "k": pa.array([None, 7]), "t": pa.array([5, None], pa.duration("s")),
        "d": pa.array(["a", "b"]).dictionary_encode(),
    })  # fmt: skip
    parquet.write_table(table, "t.parquet")
    assert cg("eval", "2*x", "--data", "t.parquet", "--keep", "all", "-o", "o.jsonl").code == 0
    assert objects(tmp_path / "o.jsonl") == [
        {"x": 1.0, "k": None, "t": "PT5S", "d": "a", "result": 2.0},
        {"x": None, "k": 7, "t": None, "d": "b", "result": None},
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[1, 2]", "it is no object"), ("3", "it is no object"), ('{"x": 1', "it is no line of JSON"),
        ("[" * 100_000, "JSON"),
        ('{"x": 1, "x": 2}', "a name stands twice in it"), ('{"x": "\udcff"}', "it is no line of JSON"), ("\0", "JSON"),
    ],
)  # fmt: skip
def test_what_is_no_row(cg, tmp_path, line, told):
    (tmp_path / "t.jsonl").write_bytes(b'{"x": 1}\n' + line.encode(errors="surrogateescape") + b"\n")
    done = cg("eval", "x", "--data", "t.jsonl")
    assert done.code == 1
    assert f"row 2: {told}" in done.err or told == "JSON"


def test_a_name_that_comes_late_is_not_lost(cg, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"x": 1}\n' * 200 + '{"x": 2, "z": 3}\n')
    assert cg("eval", "x", "--data", "t.jsonl", "--json").summary["rows"] == 201
    done = cg("eval", "y = x", "--data", "t.jsonl", "--keep", "all", "-o", "o.csv")
    assert done.code == 1
    assert "row 201: `z` is not among the names of the first 100 rows" in done.err


def test_a_file_of_nothing_has_no_columns(cg, tmp_path):
    (tmp_path / "t.jsonl").write_text("\n")
    assert "has no columns" in cg("eval", "x", "--data", "t.jsonl").err


@pytest.mark.parametrize(
    "text",
    ["{}", ' {"a": [1, "]"], "b": "x\\"}", "c": {"d": [2]}} \n', '{"a":null,"b":true}', '{"é": -1e5, "": []}'],
)
def test_an_object_is_read_without_recursion_as_with_it(text: str) -> None:
    found = json_lines.shallow(text)
    whole = {name: json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
             for name, value in found.items()}  # fmt: skip
    assert whole == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"a"}', '{"a":1,}', '{"a":1}}', '{"a":1} x', "[1]", "{a:1}", '{"a":[1}', '{"a":1 "b":2}', "{,}",
     '{"a":1,"a":2}'],
)  # fmt: skip
def test_what_is_no_object_is_refused_without_recursion(text: str) -> None:
    with pytest.raises(ValueError):
        json_lines.shallow(text)


@pytest.mark.parametrize("depth", [900, 985, 5_000])
def test_lists_of_any_depth_are_terms(tmp_path: Path, depth: int) -> None:
    nested = '["step", ' * depth + '["start"]' + ", 1]" * depth
    (tmp_path / "deep.jsonl").write_text(f'{{"t": {nested}, "y": 1}}\n{{"t": ["start"], "y": 2}}\n')
    formula = cgcli.parse("term t; step(s, k) = s + k; start() = 0; t - y")
    assert formula.eval_rows(str(tmp_path / "deep.jsonl")).tolist() == [depth - 1, -2]
