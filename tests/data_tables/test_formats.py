"""What is written is what is read, in every format, and a column is numbers whatever its cells look like."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, ipc, parquet

from cgcli.data.csv.fast import CsvTable
from cgcli.data.formats import create_writer, open_table
from cgcli.errors import DataError

from .conftest import loaded, without_pyarrow

NUMBERS = {"x": np.array([1.5, -0.0, 1e300, np.nan, np.inf, -np.inf, 0.1]), "row id": np.arange(7)}
ENDINGS = ("csv", "tsv", "parquet", "arrow", "feather", "npy", "npz")


def write(path, *batches):
    with open(path, "w+b") as stream:
        writer = create_writer(stream, str(path))
        for batch in batches:
            writer.write(batch)
        writer.finish()


def read(path, numbers, kept=(), rows=1000):
    table = open_table(str(path))
    try:
        return table, list(table.batches(numbers, kept, rows))
    finally:
        table.close()


@pytest.mark.parametrize("ending", ENDINGS)
def test_numbers_come_back_to_the_last_bit(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    write(path, NUMBERS, NUMBERS)
    table, batches = read(path, ["x", "row id"], rows=3)
    assert table.columns == ["x", "row id"]
    assert max(batch.rows for batch in batches) <= 3
    for name, expected in NUMBERS.items():
        found = np.concatenate([batch.numbers[name] for batch in batches])
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, np.tile(expected, 2).astype(float))
    zero = batches[0].numbers["x"][1]
    assert np.signbit(zero)


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_numbers_come_back_without_pyarrow(tmp_path, ending, monkeypatch):
    without_pyarrow(monkeypatch)
    test_numbers_come_back_to_the_last_bit(tmp_path, ending)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_table_without_rows_keeps_its_columns(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    write(path, {name: column[:0] for name, column in NUMBERS.items()})
    table, batches = read(path, ["x"])
    assert table.columns == ["x", "row id"]
    assert [batch.rows for batch in batches] == [0]


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_numpy_reads_what_was_written(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    write(path, NUMBERS, NUMBERS)
    found = loaded(path)
    np.testing.assert_array_equal(found["x"], np.tile(NUMBERS["x"], 2))
    np.testing.assert_array_equal(found["row id"], np.tile(np.arange(7), 2))


@pytest.mark.parametrize("compressed", [False, True])
def test_npz_of_numpy(tmp_path, compressed):
    path = tmp_path / "t.npz"
    (np.savez_compressed if compressed else np.savez)(path, x=np.arange(5.0), y=np.arange(5, dtype=np.float32))
    _, batches = read(path, ["y"], ["x"], rows=2)
    assert np.concatenate([batch.numbers["y"] for batch in batches]).tolist() == [0, 1, 2, 3, 4]
    assert [batch.kept["x"].tolist() for batch in batches] == [[0, 1], [2, 3], [4]]


def test_structured_npy_of_numpy_with_its_own_letters(tmp_path):
    path = tmp_path / "t.npy"
    with pytest.warns(UserWarning, match="format 3.0"):
        np.save(path, np.array([(1, 2.5)], dtype=[("λ", ">i4"), ("y", "f4")]))
    _, batches = read(path, ["λ", "y"])
    assert batches[0].numbers["λ"].tolist() == [1]


def test_an_array_of_objects_is_never_unpickled(tmp_path):
    path = tmp_path / "t.npy"
    np.save(path, np.array([("a", 1)], dtype=[("x", object), ("y", float)]), allow_pickle=True)
    with pytest.raises(DataError, match="Python objects"):
        open_table(str(path))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, None, 3], pa.int32()), [1, np.nan, 3]),
        (pa.array([True, False, None]), [1, 0, np.nan]),
        (pa.array(["1", " 2.5 ", "NA"]), [1, 2.5, np.nan]),
        (pa.array(["7", None, "x"]).dictionary_encode(), [7, np.nan, np.nan]),
        (pa.array([None, None, None]), [np.nan] * 3),
        (pa.array([2**63, 1, 0], pa.uint64()), [2.0**63, 1, 0]),
        (pa.array(["1.10", "2", "3"]).cast(pa.decimal128(9, 2)), [1.1, 2, 3]),
    ],
    ids=["int", "bool", "text", "dictionary", "null", "uint64", "decimal"],
)
def test_columns_of_any_numeric_type_are_float64(tmp_path, column, expected):
    table = pa.table({"x": column})
    parquet.write_table(table, tmp_path / "t.parquet")
    feather.write_feather(table, tmp_path / "t.feather")
    with ipc.new_stream(tmp_path / "t.arrows", table.schema) as stream:
        stream.write_table(table)
    for ending in ("parquet", "feather", "arrows"):
        _, batches = read(tmp_path / f"t.{ending}", ["x"])
        np.testing.assert_array_equal(batches[0].numbers["x"], expected)


def test_times_are_no_numbers(tmp_path):
    parquet.write_table(pa.table({"t": pa.array([0], pa.timestamp("s"))}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="column `t` holds timestamp"):
        read(tmp_path / "t.parquet", ["t"])


def test_a_number_with_a_fraction_far_behind_integers(tmp_path):
    """Readers that guess types from the first block fail here."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"x,name\n" + b"7,a\n" * 1000 + b"1.5,b\nNA,c\n")
    with open(path, "rb") as stream:
        batches = list(CsvTable(str(path), stream, ",", block=100).batches(["x"], ["name"], 50))
    values = np.concatenate([batch.numbers["x"] for batch in batches])
    assert values[:1000].tolist() == [7.0] * 1000
    assert values[1000] == 1.5
    assert np.isnan(values[1001])
    assert max(batch.rows for batch in batches) <= 50


CELLS = 'x\n1\n 2.5 \n+3\n1e3\n.5\n"1,234"\n1_000\n0x10\n٣\nNaN\nN/A\n-\nabc\n""\ninf\n-Infinity\n'
MEANINGS = [1, 2.5, 3, 1000, 0.5, None, None, None, None, np.nan, np.nan, np.nan, None, np.nan, np.inf, -np.inf]


def test_what_cells_of_csv_mean(tmp_path, csv_reader):
    path = tmp_path / "t.csv"
    path.write_text(CELLS, encoding="utf-8")
    _, [batch] = read(path, ["x"], ["x"])
    expected = [np.nan if meaning is None else meaning for meaning in MEANINGS]
    np.testing.assert_array_equal(batch.numbers["x"], expected)
    assert batch.bad["x"] == [place for place, meaning in enumerate(MEANINGS) if meaning is None]
    assert batch.cell("x", 5) == "1,234"
    kept = batch.kept["x"]
    assert (kept if csv_reader == "plain" else kept.to_pylist())[:4] == ["1", " 2.5 ", "+3", "1e3"]


def test_headers_with_a_mark_quotes_blanks_and_line_ends(tmp_path, csv_reader):
    path = tmp_path / "t.csv"
    path.write_bytes('\ufeff"a, b","c\nd", e \n1,2,3\r\n\r\n4,"x\ny",6\r\n'.encode())
    table, [batch] = read(path, ["a, b", "e"], ["c\nd"])
    assert table.columns == ["a, b", "c\nd", "e"]
    assert batch.numbers["e"].tolist() == [3, 6]
    assert list(map(str, batch.kept["c\nd"])) == ["2", "x\ny"]


def test_a_ragged_record_is_named_by_its_row(tmp_path, csv_reader):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,2\n3,4\n5\n")
    with pytest.raises(DataError, match="row 3: 1 cell where there are 2 columns"):
        read(path, ["x"])


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n1\n"], ids=["empty", "no UTF-8"])
def test_files_that_are_no_csv(tmp_path, csv_reader, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot read"):
        read(path, ["x"])


@pytest.mark.parametrize("ending", ["parquet", "arrow", "npy", "npz"])
def test_broken_files_are_errors_of_data(tmp_path, ending):
    whole = tmp_path / f"t.{ending}"
    write(whole, {"x": np.arange(1000.0)})
    content = whole.read_bytes()
    for part in (b"", b"no table", content[: len(content) // 2]):
        path = tmp_path / f"broken.{ending}"
        path.write_bytes(part)
        with pytest.raises(DataError, match="cannot read"):
            read(path, ["x"])


def test_columns_of_different_length(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(3.0), y=np.arange(4.0))
    with pytest.raises(DataError, match="x has 3, y has 4"):
        read(tmp_path / "t.npz", ["x", "y"])


def test_text_that_a_spreadsheet_would_run(tmp_path, csv_reader):
    texts = ["=1+1", "@SUM(A1)", "+x", "-x", "-5", "+1.5e3", "plain", 'a,"b"', "\t=1", ""]
    path = tmp_path / "t.csv"
    write(path, {"=head": texts})
    _, [batch] = read(path, [], ["'=head"]) if csv_reader == "plain" else read(path, ["'=head"], ["'=head"])
    found = batch.kept["'=head"]
    found = found if isinstance(found, list) else found.to_pylist()
    assert found == ["'=1+1", "'@SUM(A1)", "'+x", "'-x", "-5", "+1.5e3", "plain", 'a,"b"', "'\t=1", ""]


def test_carriage_returns_stand_in_quotes(tmp_path, csv_reader):
    """Else they end a record for most readers, and what follows may be run by a spreadsheet."""
    texts = ["a\r=cmd", "\r=1", "b\r\nc", "d"]
    path = tmp_path / "t.csv"
    write(path, {"a\r=cmd": texts, "x": np.arange(4.0)})
    with open(path, newline="") as file:
        assert list(csv.reader(file)) == [
            ["a\r=cmd", "x"],
            ["a\r=cmd", "0"],
            ["'\r=1", "1"],
            ["b\r\nc", "2"],
            ["d", "3"],
        ]
    assert path.read_bytes().endswith(b"d,3\n") or path.read_bytes().endswith(b'"d",3\n')
    _, [batch] = read(path, ["x"], ["a\r=cmd"])
    assert list(map(str, batch.kept["a\r=cmd"])) == ["a\r=cmd", "'\r=1", "b\r\nc", "d"]
