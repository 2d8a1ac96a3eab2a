"""What cells mean: truth values, dates, durations, columns without a number; read and written by both readers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, ipc, parquet

from cgcli.data.cells import duration_text
from cgcli.data.times import standard, texts_of

TRUTHS = "x,flag\n1,True\n2,true\n3,TRUE\n4,False\n5,false\n6,FALSE\n"


def lines(path):
    return path.read_text().splitlines()


@pytest.mark.parametrize("rest", ["", "7,\n", "7,yes\n"], ids=["only words", "a missing one", "no number"])
def test_truth_values_are_read_as_they_are_written(cg, tmp_path, csv_reader, rest):
    (tmp_path / "t.csv").write_text(TRUTHS + rest)
    assert cg("eval", "x*flag", "--data", "t.csv", "-o", "o.csv").code == 0
    assert lines(tmp_path / "o.csv") == ["result", "1", "2", "3", "0", "0", "0", *(["nan"] if rest else [])]


def test_truth_values_beside_numbers(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_text("x\n true\n2\nNA\nFALSE \n")
    assert cg("eval", "x", "--data", "t.csv", "-o", "o.csv").code == 0
    assert lines(tmp_path / "o.csv") == ["result", "1", "2", "nan", "0"]


def test_truth_values_that_cg_wrote_are_read_back(cg, tmp_path, csv_reader):
    np.savez("t.npz", x=[1.0, 2.0], flag=[True, False])
    assert cg("eval", "2*x", "--data", "t.npz", "--keep", "flag,x", "-o", "t.csv").code == 0
    assert lines(tmp_path / "t.csv")[1] == "true,1,2"
    assert cg("eval", "x + 10*flag", "--data", "t.csv", "-o", "o.csv").code == 0
    assert lines(tmp_path / "o.csv") == ["result", "11", "2"]


@pytest.mark.parametrize("text", ["nan(ind)", "-nan(ind)", "NaN(12)"])
def test_a_nan_of_another_program_is_missing(cg, tmp_path, csv_reader, text):
    (tmp_path / "t.csv").write_text(f"x\n1\n{text}\n")
    done = cg("eval", "x", "--data", "t.csv", "--json")
    assert done.summary["gaps"]["x"]["missing"] == 1


# ---- columns without a number ----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["nan", "skip"])
@pytest.mark.parametrize(
    ("cells", "hint"),
    [
        (["2020-01-01", "2020-01-02"], "it seems to be a date or a time"),
        (["2020-01-01T12:00:00Z", ""], "it seems to be a date or a time"),
        (["31.12.2020", "1.1.2021"], "it seems to be a date or a time"),
        (["12/31/2020"], "it seems to be a date or a time"),
        (["12:30", "12:31:05"], "it seems to be a date or a time"),
        (["PT5S", "-PT0.5S"], "it seems to be a duration"),
        (["0 days 00:00:05"], "it seems to be a duration"),
        (["5 kg", "7 kg"], "without units"),
        (["red", "green"], "--bind INPUT=COLUMN takes another column"),
    ],
)
def test_a_column_without_one_number_is_an_error(cg, tmp_path, csv_reader, cells, hint, policy):
    (tmp_path / "t.csv").write_text("a,x\n" + "".join(f"{cell},1\n" for cell in cells))
    done = cg("eval", "a + x", "--data", "t.csv", "--missing", policy, "-o", "o.csv")
    assert done.code == 1
    assert f"column `a`: not one cell is a number (first: row 1, `{cells[0]}`)" in done.err
    assert hint in done.err
    assert not (tmp_path / "o.csv").exists()


def test_a_column_of_missing_cells_only_has_nothing_wrong_in_it(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_text("a,x\n,1\nNA,2\n")
    done = cg("eval", "a + x", "--data", "t.csv", "-o", "-")
    assert (done.code, done.out.split()) == (0, ["result", "nan", "nan"])
    assert "2 cells are missing" in done.err


def test_a_number_far_below_is_a_number(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_text("x\n" + "none yet\n" * 300_000 + "5\n")
    done = cg("eval", "x", "--data", "t.csv", "--json")
    assert done.code == 0
    assert done.summary["gaps"]["x"]["bad"] == 300_000


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ('"1,5"', "--decimal , reads decimal commas"),
        ('"1,234"', "write numbers with a decimal point"),
        ('"1,234.5"', "write numbers with a decimal point"),
        (' "5"', "a blank stands before the quote"),
        ("2020-02-30", "it seems to be a date"),
    ],
)
def test_the_hint_fits_the_cell(cg, tmp_path, csv_reader, cell, hint):
    (tmp_path / "t.csv").write_text(f"x,y\n1,1\n2,{cell}\n")
    assert f"hint: {hint}" in cg("eval", "x + y", "--data", "t.csv").err
    assert f"hint: {hint}" in cg("eval", "x + y", "--data", "t.csv", "--missing", "error").err


@pytest.mark.parametrize("kind", ["M8[D]", "m8[s]"])
def test_times_in_files_of_arrays_are_refused_by_name(cg, kind):
    np.savez("t.npz", x=np.arange(2.0), t=np.zeros(2, kind))
    done = cg("eval", "x + t", "--data", "t.npz")
    assert done.code == 1
    assert "the column `t` holds" in done.err
    assert "hint: convert it before" in done.err


# ---- durations and dates that are kept -------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "ticks"), [("s", 5), ("ms", 5000), ("us", 5 * 10**6), ("ns", 5 * 10**9)])
def test_a_duration_keeps_its_unit(cg, tmp_path, unit, ticks):
    kept = pa.array([ticks, None, -ticks], pa.duration(unit))
    parquet.write_table(pa.table({"x": [1.0, 2.0, 3.0], "t": kept}), "t.parquet")
    assert cg("eval", "x", "--data", "t.parquet", "--keep", "t", "-o", "o.csv").code == 0
    assert lines(tmp_path / "o.csv") == ["t,result", "PT5S,1", ",2", "-PT5S,3"]
    assert cg("eval", "x", "--data", "t.parquet", "--keep", "t", "-o", "o.parquet").code == 0
    assert parquet.read_table("o.parquet").schema.field("t").type == pa.duration(unit)


def test_times_of_numpy_are_written_alike_with_pyarrow_and_without(cg, tmp_path, csv_reader):
    np.savez(
        "t.npz", x=np.arange(2.0), a=np.array([90, "NaT"], "m8[m]"), b=np.array([3, 4], "m8[5s]"),
        c=np.array(["2020-05", "NaT"], "M8[M]"), d=np.array(["2020-01-01T10:20", "1969-12-31"], "M8[s]"),
    )  # fmt: skip
    assert cg("eval", "x", "--data", "t.npz", "--keep", "a,b,c,d", "-o", "o.csv").code == 0
    assert lines(tmp_path / "o.csv")[1:] == ["PT5400S,PT15S,2020-05-01,2020-01-01 10:20:00,0",
                                             ",PT20S,,1969-12-31 00:00:00,1"]  # fmt: skip


@pytest.mark.parametrize("kind", ["m8[Y]", "m8[ps]", "M8[ps]", "c16"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_has_no_counterpart_is_refused(cg, csv_reader, kind, ending):
    np.savez("t.npz", x=np.arange(2.0), t=np.ones(2, "f8").astype(kind))
    done = cg("eval", "x", "--data", "t.npz", "--keep", "t", "-o", f"o.{ending}")
    if ending == "parquet" and csv_reader == "plain":
        assert done.code == 4
    else:
        assert done.code == 1
        assert "cannot write" in done.err


@pytest.mark.parametrize(("ticks", "digits", "text"), [(0, 3, "PT0S"), (-1, 9, "-PT0.000000001S"), (1500, 3, "PT1.5S")])
def test_text_of_a_duration(ticks, digits, text):
    assert duration_text(ticks, digits) == text


def test_times_that_do_not_fit_are_refused():
    with pytest.raises(TypeError):
        standard(np.array([2**62], "m8[W]"))
    assert texts_of(np.array([2**40], "m8[s]")) == [f"PT{2**40}S"]


# ---- columns of Arrow in other clothes -------------------------------------------------------------------------


def test_runs_and_truth_values_of_eight_bits_are_read(cg, tmp_path):
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([1.5, None]))
    truths = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, 2], pa.int8()))
    table = pa.table({"x": runs, "b": truths, "k": pa.array(["1", "2", "1"]).dictionary_encode()})
    with ipc.new_file("t.arrow", table.schema) as file:
        file.write_table(table)
    assert cg("eval", "x + b + k", "--data", "t.arrow", "--keep", "all", "-o", "o.csv").code == 0
    assert lines(tmp_path / "o.csv") == ["x,b,k,result", "1.5,false,1,2.5", "1.5,true,2,4.5", ",true,1,nan"]
    assert cg("eval", "x + b + k", "--data", "t.arrow", "--keep", "all", "-o", "o.arrow").code == 0
    assert feather.read_table("o.arrow")["x"].to_pylist() == [1.5, 1.5, None]


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "arrow", "npy", "npz"])
@pytest.mark.parametrize("into", ["csv", "parquet", "arrow", "npy", "npz"])
def test_no_rows_are_an_answer(cg, tmp_path, ending, into):
    (tmp_path / "t.csv").write_text("x,y\n")
    assert cg("eval", "a = x\nb = y\noutput a, b", "--data", "t.csv", "-o", f"e.{ending}").code == 0
    done = cg("eval", "a*b", "--data", f"e.{ending}", "--keep", "a", "-o", f"o.{into}")
    assert done.code == 0, done.err
    assert "0 rows" in done.err
    assert cg("eval", "result", "--data", f"o.{into}", "--json").summary["rows"] == 0
