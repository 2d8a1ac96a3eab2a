"""The type of a column that is copied: what nulls, wide numbers and decimals become in other formats."""

from __future__ import annotations

import decimal

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from .conftest import loaded

PAST_A_BATCH = 131_072 + 5
"""A row that the first batch does not have."""


def load(name):
    return loaded(name)["k"]


@pytest.fixture(params=["npy", "npz"])
def arrays(request):
    """A name for a file of arrays."""
    return f"o.{request.param}"


@pytest.mark.parametrize("first_null", [0, PAST_A_BATCH])
@pytest.mark.parametrize("ending", ["parquet", "arrow"])
@pytest.mark.parametrize("kind", [pa.int64(), pa.uint8(), pa.bool_()], ids=str)
def test_nulls_among_whole_numbers_become_nan_wherever_they_stand(cg, arrays, ending, first_null, kind):
    values = [1] * (first_null + 10)
    values[first_null] = None
    table = pa.table({"x": np.zeros(len(values)), "k": pa.array(values).cast(kind)})
    (parquet.write_table if ending == "parquet" else feather.write_feather)(table, f"t.{ending}")
    assert cg("eval", "x", "--data", f"t.{ending}", "--keep", "k", "-o", arrays).code == 0
    found = load(arrays)
    assert found.dtype == np.float64
    assert np.flatnonzero(np.isnan(found)).tolist() == [first_null]
    assert np.nanmin(found) == np.nanmax(found) == 1


def test_whole_numbers_without_nulls_keep_their_type(cg, arrays):
    parquet.write_table(pa.table({"x": [0.0, 1.0], "k": [2**53 + 1, 2**63 - 1]}), "t.parquet")
    assert cg("eval", "x", "--data", "t.parquet", "--keep", "k", "-o", arrays).code == 0
    assert load(arrays).tolist() == [2**53 + 1, 2**63 - 1]


@pytest.mark.parametrize("large", [2**53 + 1, -(2**53) - 1, -(2**63)])
def test_a_whole_number_that_a_double_does_not_hold_is_refused(cg, arrays, large):
    values = [1] * PAST_A_BATCH + [large, None]
    parquet.write_table(pa.table({"x": np.zeros(len(values)), "k": values}), "t.parquet")
    done = cg("eval", "x", "--data", "t.parquet", "--keep", "k", "-o", arrays)
    assert done.code == 1
    assert f"row {PAST_A_BATCH + 1:,}, column `k`: {large} would be rounded" in done.err


def test_decimals_are_rounded_once(cg, arrays):
    texts = [f"{cents // 100}.{cents % 100:02}" for cents in range(1, 1001)]
    parquet.write_table(pa.table({"k": [decimal.Decimal(text) for text in texts]}), "t.parquet")
    assert cg("eval", "y = k", "--data", "t.parquet", "--keep", "k", "-o", arrays).code == 0
    for name in ("y", "k"):
        assert loaded(arrays)[name].tolist() == list(map(float, texts))


def test_a_column_of_the_other_byte_order(cg, csv_reader):
    values = np.array([1.5, 2.5])
    np.savez("t.npz", x=values, k=values.astype(">f8"), n=np.array([1, 2], ">i4"), text=np.array(["a", "b"], ">U3"))
    for output in ("o.csv", *(["o.parquet", "o.npz"] if csv_reader == "pyarrow" else ["o.npz"])):
        assert cg("eval", "x", "--data", "t.npz", "--keep", "k,n,text", "-o", output).code == 0
    with open("o.csv") as file:
        assert file.read() == "k,n,text,result\n1.5,1,a,1.5\n2.5,2,b,2.5\n"


def test_single_precision_in_csv_reads_as_the_same_doubles(cg, csv_reader):
    third = np.float32(1) / np.float32(3)
    np.savez("t.npz", x=np.zeros(1), k=np.array([third]), half=np.array([0.1], np.float16), flag=np.array([True]))
    assert cg("eval", "x", "--data", "t.npz", "--keep", "k,half,flag", "-o", "o.csv").code == 0
    with open("o.csv") as file:
        _, row = file.read().splitlines()
    assert row == f"{float(third)!r},{float(np.float16(0.1))!r},true,0"


@pytest.mark.parametrize(
    ("column", "kind"),
    [([[1.0], [2.0]], "list"), ([{"a": 1}] * 2, "struct"), ([b"a", b"b"], "binary")],
    ids=["list", "struct", "binary"],
)
@pytest.mark.parametrize("output", ["o.csv", "-"])
def test_columns_without_a_text_are_refused_before_the_first_byte(cg, column, kind, output):
    parquet.write_table(pa.table({"x": [1.0, 2.0], "k": pa.array(column)}), "t.parquet")
    done = cg("eval", "x", "--data", "t.parquet", "--keep", "k", "-o", output)
    assert (done.code, done.out) == (1, "")
    assert f"the column `k` holds {kind}" in done.err
    done = cg("eval", "k", "--data", "t.parquet")
    assert f"the column `k` holds {kind}" in done.err
    assert "seconds" not in done.err


def test_bytes_of_numpy_have_no_text(cg, csv_reader):
    np.savez("t.npz", x=np.zeros(1), k=np.array([b"a"]))
    done = cg("eval", "x", "--data", "t.npz", "--keep", "k", "-o", "-")
    assert (done.code, done.out) == (1, "")
    assert "the column `k` holds" in done.err
