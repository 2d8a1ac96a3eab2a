"""Data of every kind read alike: the same numbers, gaps left out and counted, pass after pass."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from cgcli.errors import DataError, UsageError
from cgcli.rows.sources import Source, WholeRows, source_of

T = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
Y = np.array([3.0, 2.5, np.nan, 1.75, 1.5, 1.25])
WHOLE = {"t": T[[0, 1, 3, 4, 5]], "y": Y[[0, 1, 3, 4, 5]]}


def with_none(column):
    return [None if np.isnan(value) else float(value) for value in column]


def csv(folder):
    lines = ["t,y", *(f"{t},{'' if np.isnan(y) else y}" for t, y in zip(T, Y, strict=True))]
    (folder / "d.csv").write_text("\n".join(lines))
    return folder / "d.csv"


def json_lines(folder):
    rows = [{"t": t, "y": y} for t, y in zip(T.tolist(), with_none(Y), strict=True)]
    (folder / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder / "d.jsonl"


def arrow(folder=None):
    return pa.table({"t": T, "y": pa.array(with_none(Y))})


def written(write, name):
    def make(folder):
        write(arrow(), folder / name)
        return str(folder / name)

    return make


def npz(folder):
    np.savez(folder / "d.npz", t=T, y=Y)
    return folder / "d.npz"


class LikePolars:
    """What is used of a frame of polars, which is too large a package for one test."""

    def __init__(self, table):
        self._table, self.columns = table, table.column_names

    def get_column(self, name):
        return self[name]

    def __getitem__(self, name):
        return SimpleNamespace(to_numpy=lambda: self._table[name].to_numpy())


def structured(folder=None):
    return np.rec.fromarrays([T, Y], names="t,y").view(np.ndarray)


KINDS = {
    "csv": csv, "jsonl": json_lines, "parquet": written(parquet.write_table, "d.parquet"),
    "arrow file": written(feather.write_feather, "d.arrow"), "npz": npz,
    "lists": lambda folder: {"t": T.tolist(), "y": with_none(Y)},
    "arrays": lambda folder: {"t": T, "y": Y},
    "masked": lambda folder: {"t": T, "y": np.ma.masked_invalid(Y)},
    "single precision": lambda folder: {"t": T.astype(np.float32), "y": Y.astype(np.float32)},
    "texts": lambda folder: {"t": [f" {t}" for t in T], "y": ["NA" if np.isnan(y) else str(y) for y in Y]},
    "pandas": lambda folder: pd.DataFrame({"t": T, "y": Y}),
    "nullable pandas": lambda folder: pd.DataFrame({"t": T, "y": pd.array(with_none(Y), dtype="Float64")}),
    "pandas of Arrow": lambda folder: arrow().to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda folder: LikePolars(arrow()),
    "arrow": arrow,
    "chunked arrow": lambda folder: pa.concat_tables([arrow().slice(0, 2), arrow().slice(2)]),
    "record batch": lambda folder: arrow().to_batches()[0],
    "structured array": structured,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch_rows", [2, 100])
def test_every_kind_of_data_gives_the_same_numbers_on_every_pass(kind, batch_rows, tmp_path):
    rows = WholeRows(Source(KINDS[kind](tmp_path)), ["t", "y"], batch_rows=batch_rows)
    for _ in range(2):
        parts = list(rows.parts())
        for name, column in WHOLE.items():
            assert np.concatenate([part.columns[name] for part in parts]).tolist() == column.tolist()
        assert [part.number(place) for part in parts for place in range(part.rows)] == [1, 2, 4, 5, 6]
    assert (rows.rows, rows.report.skipped, rows.report.gaps["y"].missing) == (5, 1, 1)


@pytest.mark.parametrize("memory", [0, 40, 1 << 20])
def test_what_is_too_large_for_memory_is_read_again(memory, tmp_path):
    rows = WholeRows(Source(csv(tmp_path)), ["t", "y"], batch_rows=2, memory=memory)
    first, second = list(rows.parts()), list(rows.parts())
    assert [part.columns["y"].tolist() for part in first] == [part.columns["y"].tolist() for part in second]
    assert [part.number(0) for part in first] == [part.number(0) for part in second]
    assert (rows.in_memory() is None) == (memory < 1000)


@pytest.mark.parametrize("memory", [0, 40, 1 << 20])
def test_a_pipe_is_read_once_and_its_numbers_are_kept(memory, tmp_path, monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, csv(tmp_path).read_bytes())
    os.close(writing)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=os.fdopen(reading, "rb")))
    rows = WholeRows(Source("-"), ["t", "y"], batch_rows=2, memory=memory)
    for _ in range(3):
        parts = list(rows.parts())
        assert np.concatenate([part.columns["y"] for part in parts]).tolist() == WHOLE["y"].tolist()
        assert [part.number(place) for part in parts for place in range(part.rows)] == [1, 2, 4, 5, 6]


def test_a_file_that_changes_between_two_passes_is_told(tmp_path):
    path = csv(tmp_path)
    rows = WholeRows(Source(path), ["t", "y"], memory=0)
    assert len(list(rows.parts())) == 1
    path.write_text(path.read_text() + "\n9,9")
    with pytest.raises(DataError, match=r"has changed while it was read: 6 rows, 5 before"):
        list(rows.parts())


def test_columns_in_memory_are_whole_arrays_and_keep_the_rows_numbers(tmp_path):
    rows = WholeRows(Source(csv(tmp_path)), ["t", "y"], batch_rows=2)
    assert {name: column.tolist() for name, column in rows.in_memory().items()} == {
        name: column.tolist() for name, column in WHOLE.items()
    }
    (part,) = rows.parts()
    assert (part.rows, part.number(2)) == (5, 4)


def test_a_column_of_vectors_keeps_its_axes():
    table = WholeRows(Source({"x": np.arange(12.0).reshape(4, 3), "y": [1, 2, None, 4]}), ["x", "y"])
    (part,) = table.parts()
    assert part.columns["x"].tolist() == [[0, 1, 2], [3, 4, 5], [9, 10, 11]]


def test_a_limit_ends_a_pass():
    assert sum(part.rows for part in WholeRows(Source({"y": range(10)}), ["y"], limit=7, batch_rows=3).parts()) == 7


def test_a_source_is_given_on_as_it_is():
    source = Source({"y": [1.0]})
    assert source_of(source) is source
    assert source_of({"y": [1.0]}).open().columns == ["y"]


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        ({"t": [1, 2], "y": [1, 2, 3]}, DataError, "columns of different length"),
        ({"t": 1.5}, DataError, "one value, not one a row"),
        ({"y": ["red", "green"]}, DataError, "column `y`: not one cell is a number (first: row 1, `red`)"),
        ({"y": np.array(["2024-01-01"], dtype="M8[s]")}, DataError, "column `y` holds datetime64"),
        ({"y": [[1, 2], [3]]}, DataError, "not a list of numbers"),
        ({}, UsageError, "the data have no columns"),
        ({1: [1.0]}, UsageError, "a column's name is a text, not 1"),
        (pd.DataFrame([[1, 2]], columns=["y", "y"]), DataError, "more than one column `y`"),
        (3.5, UsageError, "not float"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_data_that_are_none_are_refused_in_words(data, error, said):
    with pytest.raises(error) as caught:
        list(WholeRows(Source(data), ["y"]).parts())
    assert said in str(caught.value)
