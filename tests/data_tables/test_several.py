"""Several files as one table: folders, patterns and lists."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import cgcli
from cgcli.data.patterns import matches, would_read
from cgcli.errors import CgError, GapWarning

Y = [[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]]
PLACES = ["part-1", "part-2", "part-10"]


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Three files in a folder, among what others leave behind there; x is 1, 2, … over all of them."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "parts"
    folder.mkdir()
    first = 1
    for name, column in zip(PLACES, Y, strict=True):
        x = list(range(first, first + len(column)))
        first += len(column)
        columns = {"x": x, "y": column} if name != "part-2" else {"y": column, "x": x}
        parquet.write_table(pa.table(columns), folder / f"{name}.parquet")
    for name in (
        "_SUCCESS",
        "_metadata",
        ".part-1.parquet.crc",
        ".part-3.parquet.0123456789abcdef.partial",
        "notes.md",
    ):
        (folder / name).write_text("no table")
    return folder


def csv(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


ALL = [
    "parts/", "parts", "parts/*.parquet", "parts/part-*", "par*", "**/*.parquet",
    ["parts/part-1.parquet", Path("parts", "part-2.parquet"), "parts/part-1?.parquet"],
]  # fmt: skip


@pytest.mark.parametrize("data", ALL, ids=str)
def test_the_rows_of_all_files_in_natural_order(parts, data):
    assert cgcli.parse("x*k").eval_rows(data, k=2).tolist() == [2, 4, 6, 8, 10, 12]
    total, slopes = cgcli.parse("a*x*y").grad_sum(data, a=1.0, wrt=["a"])
    assert total == slopes["a"] == 1 + 4 + 9 + 16 + 25 + 36
    fitted = cgcli.parse("a*x").fit(data, target="y", start={"a": 1})
    assert fitted.values["a"] == pytest.approx(1)
    assert fitted.rows == 6


def test_a_list_is_read_in_its_order(parts):
    data = [f"parts/{name}.parquet" for name in reversed(PLACES)]
    assert cgcli.parse("x").eval_rows(data).tolist() == [4, 5, 6, 3, 1, 2]


@pytest.mark.parametrize("formula", ["x - mean(x)", "y^2", "sqrt(x)*y"])
def test_the_same_as_one_file(cg, parts, formula):
    x, y = np.arange(1.0, 7), np.concatenate(Y)
    parquet.write_table(pa.table({"x": x, "y": y}), "one.parquet")
    one = cg("eval", formula, "--data", "one.parquet", "--keep", "x", "-o", "-")
    many = cg("eval", formula, "--data", "parts/", "--keep", "x", "-o", "out.csv")
    assert (many.code, Path("out.csv").read_text(), many.err.split("engine")[0]) == (
        0,
        one.out,
        one.err.split("engine")[0],
    )
    assert (
        cg("grad", formula, "--data", "parts/", "-o", "-").out
        == cg("grad", formula, "--data", "one.parquet", "-o", "-").out
    )


def test_every_command_reads_them(cg, parts):
    told = cg("why", "log(x - 3)", "--data", "parts/*.parquet").out
    assert f"the first is row 1 of `{os.path.join('parts', 'part-2.parquet')}`, which is shown" in told
    assert "f" in cg("check", "f = x - y", "--data", "parts/").out
    assert cg("fit", "a*x + b", "--target", "y", "--data", "parts/", "--predict", "out.csv").code == 0
    assert len(Path("out.csv").read_text().splitlines()) == 7
    assert cg("fit", "loss = (a*x - y)^2", "--loss", "loss", "--data", "parts/", "--epochs", "2", "a=0").code == 0


def test_data_may_be_given_more_than_once(cg, parts):
    done = cg("eval", "x", "--data", "parts/part-10.parquet", "--data", "parts/part-1.parquet", "-o", "-")
    assert done.out.split() == ["result", "4", "5", "6", "1", "2"]


def test_folders_of_folders(cg, tmp_path):
    csv(tmp_path / "all/year=2024/month=2/a.csv", "x\n3\n")
    csv(tmp_path / "all/year=2024/month=10/a.csv", "x\n4\n")
    csv(tmp_path / "all/year=2023/a.csv", "x\n1\n2\n")
    csv(tmp_path / "all/_temporary/0/a.csv", "x\n9\n")
    csv(tmp_path / "all/.old/a.csv", "x\n9\n")
    assert cg("eval", "x", "--data", "all", "-o", "-").out.split() == ["result", "1", "2", "3", "4"]
    assert cg("eval", "x", "--data", "all/year=2024", "-o", "-").out.split() == ["result", "3", "4"]
    assert cg("eval", "x", "--data", "all/**/*.csv", "-o", "-").out.split() == ["result", "1", "2", "3", "4"]


def test_places_are_those_in_the_files(cg, tmp_path):
    csv(tmp_path / "p/a.csv", "x,y\n1,1\n2,1\n")
    csv(tmp_path / "p/b.csv", "y,x\n1,3\n1,\n-1,two\n")
    done = cg("eval", "x*sqrt(y)", "--data", "p", "--limit", "5")
    b = os.path.join("p", "b.csv")
    assert f"(first: row 3 of `{b}`, `two`)" in done.err
    assert f"row 2 of `{b}`" in done.out
    done = cg("eval", "x", "--data", "p", "--missing", "error")
    assert (done.code, done.err.splitlines()[0]) == (1, f"data error: `{b}`, row 2, column `x`: the cell is empty")
    done = cg("fit", "a*y", "--target", "x", "--data", "p")
    assert done.err.splitlines()[0] == f"data error: `{b}`, row 3, column `x`: `two` is no number"
    csv(tmp_path / "p/c.csv", "x,y\n4,5\n1,2,3\n")
    done = cg("eval", "y", "--data", "p")
    assert f"`{os.path.join('p', 'c.csv')}`, row 2" in done.err


def test_gaps_are_told_in_python(tmp_path):
    csv(tmp_path / "a.csv", "x\n1\n2\n")
    csv(tmp_path / "b.csv", "x\n3\nNA\n")
    with pytest.warns(GapWarning, match=r"first: row 2 of `.*b\.csv`"):
        found = cgcli.parse("x").eval_rows(str(tmp_path))
    assert found[:3].tolist() == [1, 2, 3]
    assert np.isnan(found[3])


UNLIKE = {"p/a.csv": "x\n1\n", "p/b.csv": "x,k\n3,4\n"}
WRONG = [
    ({"p/a.csv": "x,y\n1,2\n", "p/b.csv": "x\n3\n"}, ["x*y", "--data", "p"], 1, "`p/b.csv` has no column `y`, which"),
    (UNLIKE, ["k = 2\nx*k", "--bind", "k=k", "--data", "p"], 1, "`p/a.csv` has no column `k`, which `p/b.csv` has"),
    (UNLIKE, ["x", "--data", "p", "--keep", "all"], 1, "`p/a.csv` has no column `k`"),
    ({"p/a.csv": "x\n1\n", "p/b.tsv": "x\n1\n"}, ["x", "--data", "p"], 1, "several formats: `p/a.csv` and `p/b.tsv`"),
    ({"p/a.csv": "x\n1\n", "p/b.csv.gz": "x\n1\n"}, ["x", "--data", "p"], 1, "`p/b.csv.gz` is packed"),
    ({"p/notes.md": "x"}, ["x", "--data", "p"], 1, "the folder `p` has no table"),
    ({"p/a.csv": "x\n1\n"}, ["x", "--data", "p", "--format", "tsv"], 1, "the folder `p` has no table"),
    ({"p/a.csv": "x\n1\n"}, ["x", "--data", "p/*.parquet"], 1, "no file matches `p/*.parquet`"),
    ({"p/a.csv": "x\n1\n"}, ["x", "--data", "q/*.parquet"], 1, "there is no folder `q`"),
    ({"p/a.csv": "x\n1\n"}, ["x", "--data", "q/"], 1, "there is no folder `q/`"),
    ({"a.csv": "x\n1\n"}, ["x", "--data", "a.csv", "--data", "*.csv"], 2, "`a.csv` is given twice"),
    ({"a.csv": "x\n1\n"}, ["x", "--data", "a.csv", "--data", "-"], 2, "`-` is no file"),
    ({"a.csv": "x\n1\n", "b.csv": "x\n1\n"}, ["x", "b.csv", "--data", "a.csv"], 2, "quote a pattern of several files"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "words", "code", "told"), WRONG, ids=[case[3] for case in WRONG])
def test_what_is_no_table_is_told(cg, tmp_path, files, words, code, told):
    for name, text in files.items():
        csv(tmp_path / name, text)
    done = cg("eval", *words)
    assert done.code == code
    assert told in done.err.replace(os.sep, "/")
    assert done.out == ""


def test_types_of_what_is_copied_are_one(cg, parts):
    parquet.write_table(pa.table({"x": [7.5], "y": [1.0]}), parts / "part-11.parquet")
    assert cg("eval", "x*y", "--data", "parts", "-o", "out.csv").code == 0
    done = cg("eval", "x*y", "--data", "parts", "--keep", "x", "-o", "kept.csv")
    assert done.code == 1
    assert "the column `x` is double in" in done.err
    assert not Path("kept.csv").exists()


def test_a_link_to_a_part_does_not_count_twice(cg, parts):
    (parts / "latest.parquet").symlink_to("part-10.parquet")
    done = cg("eval", "x", "--data", "parts")
    assert done.code == 2
    assert "is given twice" in done.err


@pytest.mark.parametrize(
    "name", ["parts/out.parquet", "parts/out.csv", "parts/deeper/out.parquet", "parts/part-1.parquet"]
)
def test_a_result_is_no_part_of_its_table(cg, parts, name):
    before = {path: path.read_bytes() for path in parts.iterdir()}
    (parts / "deeper").mkdir()
    done = cg("eval", "x", "--data", "parts/", "--keep", "all", "-o", name)
    assert done.code == 2
    assert "would become a part of the table `parts/`" in done.err
    assert cg("fit", "a*x", "--target", "y", "--data", "parts", "--predict", name).code == 2
    assert {path: path.read_bytes() for path in parts.iterdir() if path.is_file()} == before


def test_a_result_may_stand_beside_them(cg, parts):
    for _ in range(2):
        for name in ("parts/_out.parquet", "out.parquet"):
            assert cg("eval", "x", "--data", "parts/", "-o", name).err.startswith("6 rows")
        assert cg("eval", "x", "--data", "parts/part-?.parquet", "-o", "out.parquet").err.startswith("3 rows")
    assert cg("eval", "x", "--data", "parts/part*.parquet", "-o", "parts/part-1.parquet").code == 2


def test_a_table_is_replaced_only_where_nothing_is_lost(cg, tmp_path):
    path = tmp_path / "t.csv"
    csv(path, "x,y\n1,2\n3,4\n")
    for words in ([], ["--keep", "x"], ["--keep", "all", "--limit", "1"], ["--keep", "all", "--missing", "skip"]):
        done = cg("eval", "z = x + y", "--data", "t.csv", *words, "-o", "t.csv")
        assert (done.code, path.read_text()) == (2, "x,y\n1,2\n3,4\n")
        assert "`t.csv` is the table itself, which would be lost" in done.err
    assert cg("eval", "z = x + y", "--data", "t.csv", "--keep", "all", "-o", "t.csv").code == 0
    assert path.read_text() == "x,y,z\n1,2,3\n3,4,7\n"


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("p/*.csv", "p/a.csv", True), ("p/*.csv", "p/q/a.csv", False), ("p/**/*.csv", "p/a.csv", True),
        ("p/**/*.csv", "p/q/r/a.csv", True), ("p/**", "p/a", True), ("*", "p/a.csv", True), ("q/*", "p/a.csv", False),
        ("p/?.csv", "p/ab.csv", False),
    ],
)  # fmt: skip
def test_matching_of_names(pattern, path, found):
    assert matches(pattern.split("/"), path.split("/")) == found


def test_a_name_with_a_bracket_is_a_file(tmp_path):
    path = csv(tmp_path / "x[1].csv", "x\n1\n")
    assert cgcli.parse("x").eval_rows(path).tolist() == [1]
    assert not would_read(path, str(tmp_path / "x1.csv"), None)


def test_a_table_that_is_no_file_at_all(tmp_path):
    with pytest.raises(CgError, match="no file in the list"):
        cgcli.parse("x").eval_rows([])
