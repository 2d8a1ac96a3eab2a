"""Inputs that are arrays: from a column for each element, or from a column that holds an array in each row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from cgcli.__main__ import main

X = np.arange(12.0).reshape(4, 3)
LABEL = np.array([1.0, 2, 3, 4])
EXPECTED = (X @ [1, 10, 100] * LABEL).tolist()


def table(folder: Path, kind: str, x: np.ndarray = X) -> str:
    path = folder / f"t.{kind}"
    if kind == "npz":
        np.savez(path, x=x, label=LABEL)
    elif kind == "npy":
        fields = [("x", "f4", x.shape[1:]), ("label", "i8")]
        np.save(path, np.array([(row, label) for row, label in zip(x, LABEL, strict=True)], dtype=fields))
    else:
        lists: pa.Array = pa.array(x.ravel())
        for length in reversed(x.shape[1:]):
            lists = pa.FixedSizeListArray.from_arrays(lists, length)
        made = pa.table({"x": lists, "label": LABEL})
        parquet.write_table(made, path) if kind == "parquet" else feather.write_feather(made, str(path))
    return str(path)


def result(path: Path) -> list[float]:
    return np.loadtxt(path, skiprows=1, delimiter=",", ndmin=2)[:, 0].tolist()


@pytest.mark.parametrize("kind", ["npz", "npy", "parquet", "arrow"])
def test_a_column_of_arrays(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    assert main(["eval", "x @ [1, 10, 100] * label", "--data", table(tmp_path, kind), "-o", str(out)]) == 0
    assert result(out) == EXPECTED


@pytest.mark.parametrize("kind", ["npz", "npy", "parquet", "arrow"])
def test_a_column_of_matrices(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    matrices = np.arange(24.0).reshape(4, 2, 3)
    text = "input x[2, 3]; sum(x[1] * [1, 10, 100]) * label"
    assert main(["eval", text, "--data", table(tmp_path, kind, matrices), "-o", str(out)]) == 0
    assert result(out) == (matrices[:, 1] @ [1, 10, 100] * LABEL).tolist()


@pytest.mark.parametrize(
    "names", ["x0,x1,x2", "x1,x2,x3", "x[0],x[1],x[2]", "x_0,x_1,x_2", "x.0,x.1,x.2", "x2,x0,x1", "x01,x02,x03"]
)
def test_a_column_for_each_element(names: str, tmp_path: Path) -> None:
    columns = names.split(",")
    places = [sorted(columns).index(name) for name in columns]
    np.savetxt(
        tmp_path / "e.csv", np.column_stack([X[:, places], LABEL]), delimiter=",", header=f"{names},label", comments=""
    )
    out = tmp_path / "o.csv"
    text = "input x[3]; x @ [1, 10, 100] * label"
    assert main(["eval", text, "--data", str(tmp_path / "e.csv"), "-o", str(out)]) == 0
    assert result(out) == EXPECTED


def test_elements_of_a_matrix_and_a_pattern(tmp_path: Path) -> None:
    matrix = '"m[0,0]","m[0,1]","m[1,0]","m[1,1]"\n1,2,3,4\n5,6,7,8\n'
    (tmp_path / "m.csv").write_text(matrix)
    out = tmp_path / "o.csv"
    text = "input m[2, 2]; (m @ [1, 10])[1]"
    assert main(["eval", text, "--data", str(tmp_path / "m.csv"), "-o", str(out)]) == 0
    assert result(out) == [43, 87]
    assert main(["eval", "q[3] + 0*q[0]", "--bind", "q=m[*,*]", "--data", str(tmp_path / "m.csv"), "-o", str(out)]) == 0
    assert result(out) == [4, 8]


def test_a_pattern_orders_by_number(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("pix10,pix2,pix1,label\n10,2,1,5\n")
    out = tmp_path / "o.csv"
    assert (
        main(["eval", "q @ [1, 10, 100]", "--bind", "q=pix*", "--data", str(tmp_path / "p.csv"), "-o", str(out)]) == 0
    )
    assert result(out) == [1021]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("input x[4]; sum(x)", [], "`x` has 4 elements, and the table has 3 columns `x0`, `x1` … `x2` for them"),
        ("input x[4]; sum(x)", ["--bind", "x=x*"], "the input `x` has 4 elements, and `x*` are 3 columns"),
        ("sum(x)", ["--bind", "x=z*"], "has no columns `z*`"),
        ("input p[4]; sum(p)", [], "give --bind 'p=NAME*' (columns with numbers) or p=VALUE"),
        ("sum(x)", ["--bind", "x=*"], "has no columns `*`"),
    ],
)  # fmt: skip
def test_what_does_not_fit(
    text: str, options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savetxt(tmp_path / "e.csv", X, delimiter=",", header="x0,x1,x2", comments="")
    assert main(["eval", text, "--data", str(tmp_path / "e.csv"), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_default_stays_where_elements_are_missing(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "e.csv", X, delimiter=",", header="x0,x1,x2", comments="")
    out = tmp_path / "o.csv"
    text = "input x[4] = 7; input x1; sum(x) + x1"
    assert main(["eval", text, "--data", str(tmp_path / "e.csv"), "-o", str(out)]) == 0
    assert result(out) == (28 + X[:, 1]).tolist()


def test_a_gap_in_an_array_is_a_gap_of_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = X.copy()
    broken[2, 1] = np.nan
    out = tmp_path / "o.csv"
    line = ["eval", "x @ [1, 10, 100] * label", "--data", table(tmp_path, "npz", broken), "-o", str(out)]
    assert main([*line, "--missing", "skip"]) == 0
    assert result(out) == [EXPECTED[row] for row in (0, 1, 3)]
    assert main([*line, "--missing", "error"]) == 1
    assert "row 3, column `x`: an item is missing" in capsys.readouterr().err


def test_lists_that_are_missing_in_arrow(tmp_path: Path) -> None:
    kind = pa.list_(pa.list_(pa.float64(), 2), 2)
    items = [[[1, 2], [3, 4]], None, [[5, None], [7, 8]], [None, [9, 10]], [[1, 1], [1, 1]]]
    parquet.write_table(pa.table({"x": pa.array(items, kind).slice(1), "k": [1.0, 2, 3, 4]}), tmp_path / "t.parquet")
    out = tmp_path / "o.csv"
    line = ["eval", "k * sum(x)", "--data", str(tmp_path / "t.parquet"), "-o", str(out)]
    assert main([*line, "--missing", "skip"]) == 0
    assert result(out) == [16]


def test_rows_that_do_not_lie_one_behind_the_other_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "sum(x*x)", "--data", table(tmp_path, "npz", np.asfortranarray(X))]) == 1
    assert "numpy.ascontiguousarray" in capsys.readouterr().err
