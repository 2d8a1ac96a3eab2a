"""Files whose bytes are not those that were written: a message that says so, whatever they hold."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import ipc, parquet

from cgcli.data.arrays.headers import read_header
from cgcli.errors import DataError


def header(text):
    """An NPY file that says so much and holds 64 zeros."""
    data = text.encode()
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data + bytes(64)


def described(shape="(2,)", descr="'<f8'", order="False"):
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n")


HEADERS = {
    "a negative length": described("(-1,)"),
    "an infinite length": described("(1e999,)"),
    "a length that is a truth": described("(True,)"),
    "a length beyond 64 bits": described("(10**30,)").replace(b"10**30", b"9" * 30),
    "a list for a shape": described("[2]"),
    "no shape": header("{'descr': '<f8', 'fortran_order': False}\n"),
    "a deep nest": header("(" * 3000),
    "an open bracket": header("{'descr': ("),
    "a call": header("__import__('os').system('true')\n"),
    "a type of no length": described(descr="'<f-8'"),
    "an unknown type": described(descr="'<q9'"),
    "a type that is a number": described(descr="12"),
    "fields without a type": described(descr="[('x',)]"),
    "bytes that are no text": header("\xff\xfe"),
    "nothing": b"\x93NUMPY",
    "a header of 4 GB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
    "objects": described(descr="'|O'"),
}


@pytest.mark.parametrize("data", HEADERS.values(), ids=HEADERS)
def test_headers_of_arrays(cg, tmp_path, data):
    (tmp_path / "t.npy").write_bytes(data)
    with zipfile.ZipFile("t.npz", "w") as archive:
        archive.writestr("x.npy", data)
    for words in (("eval", "sum(v)", "v=@t.npy"), ("eval", "x", "--data", "t.npy"), ("eval", "x", "--data", "t.npz")):
        done = cg(*words)
        assert done.code == 1
        assert done.err.startswith("data error: cannot read `t.np"), done.err


@pytest.mark.parametrize("shape", ["(9999999,)", "(2, 2, 10**9)", f"({2**62},)"])
def test_an_array_that_ends_before_its_claim(cg, tmp_path, shape):
    """Nothing is allocated for a claim."""
    (tmp_path / "t.npy").write_bytes(described(shape.replace("10**9", "1000000000")))
    assert "it ends too early" in cg("eval", "sum(v)", "v=@t.npy").err


def test_arrays_are_read_as_numpy_reads_them(cg, tmp_path):
    rows = np.arange(6.0).reshape(2, 3)
    for array in (rows, np.asfortranarray(rows), rows.astype(">i2"), rows.astype("f4"), rows > 2, rows[0, 0]):
        np.save("t.npy", array)
        found = cg("eval", "v*1", "v=@t.npy", "--json").summary["values"]["result"]
        assert found == array.astype(float).tolist()
    np.save("t.npy", rows.astype("U4"))
    assert "the value of `v` holds texts" in cg("eval", "v*1", "v=@t.npy").err


def test_texts_of_what_are_no_characters(cg, tmp_path):
    table = np.zeros(2, [("x", "f8"), ("s", "U2")])
    np.save("t.npy", table)
    data = bytearray((tmp_path / "t.npy").read_bytes())
    data[-4:] = b"\xff\xff\xff\xff"
    (tmp_path / "t.npy").write_bytes(data)
    for output in ("o.csv", "o.parquet"):
        assert (
            "the column `s` holds texts that are none"
            in cg("eval", "x", "--data", "t.npy", "--keep", "s", "-o", output).err
        )
    assert cg("eval", "x", "--data", "t.npy").code == 0


def test_truth_values_are_one_whatever_their_byte(cg, tmp_path):
    np.savez("t.npz", b=np.array([0, 1, 1], bool))
    data = (tmp_path / "t.npz").read_bytes()
    with zipfile.ZipFile("t.npz") as archive:
        member = archive.read("b.npy")
    with zipfile.ZipFile("t.npz", "w") as archive:
        archive.writestr("b.npy", member[:-1] + b"\x07")
    assert data
    assert cg("eval", "b", "--data", "t.npz", "-o", "-").out.split() == ["result", "0", "1", "1"]


# ---- archives --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive_with_a_flipped_byte(cg, tmp_path, save):
    save("whole.npz", x=np.arange(50.0), y=np.arange(50) % 7)
    data = (tmp_path / "whole.npz").read_bytes()
    for place in range(0, len(data), 7):
        (tmp_path / "t.npz").write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        done = cg("eval", "x*y", "--data", "t.npz", "-o", "o.csv")
        assert done.code in (0, 1, 2)
        assert "bug in cg" not in done.err, (place, done.err)


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/../../x", "..\\x", "C:\\x", "C:/x"])
def test_no_member_leaves_the_folder_into_which_it_is_unpacked(cg, tmp_path, name):
    (tmp_path / "t.csv").write_text(f"x,{name}\n1,2\n")
    done = cg("eval", "x", "--data", "t.csv", "--keep", name, "-o", "o.npz")
    assert done.code == 1
    assert f"the column `{name}` cannot be the name of a file" in done.err
    assert not (tmp_path / "o.npz").exists()


@pytest.mark.parametrize("name", ["speed [m/s]", "a..b", "ratio a:b", "x/y"])
def test_other_names_are_kept(cg, tmp_path, name):
    (tmp_path / "t.csv").write_text(f"x,{name}\n1,2\n")
    assert cg("eval", "x", "--data", "t.csv", "--keep", name, "-o", "o.npz").code == 0
    assert cg("eval", "q", "--data", "o.npz", "--bind", f"q={name}", "-o", "-").out.split() == ["result", "2"]


def test_a_column_that_an_archive_has_twice(cg):
    part = io.BytesIO()
    np.save(part, np.arange(3.0))
    with zipfile.ZipFile("t.npz", "w") as archive:
        archive.writestr("x.npy", part.getvalue())
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("x.npy", part.getvalue())
    assert "more than one column `x`" in cg("eval", "x", "--data", "t.npz").err


# ---- Arrow and Parquet -----------------------------------------------------------------------------------------


def test_offsets_that_point_nowhere(cg, tmp_path):
    """Arrow trusts them, and reads whatever stands there."""
    texts = pa.array(["ab", "cd", "ef"])
    wrong = pa.array([0, 2, 2**30, 6], pa.int32()).buffers()[1]
    table = pa.table(
        {"x": [1.0, 2.0, 3.0], "s": pa.Array.from_buffers(pa.string(), 3, [None, wrong, texts.buffers()[2]])}
    )
    for ending, writer in (("arrow", ipc.new_file), ("arrows", ipc.new_stream)):
        with writer(f"t.{ending}", table.schema) as file:
            file.write_table(table)
        done = cg("eval", "x", "--data", f"t.{ending}", "--keep", "s", "-o", "o.csv")
        assert done.code == 1
        assert f"cannot read `t.{ending}`" in done.err
        assert cg("eval", "x", "--data", f"t.{ending}").code == 0


def test_texts_that_are_not_utf8(cg, tmp_path):
    wrong = pa.array([b"\xff\xfe", b"a"], pa.binary())
    column = pa.Array.from_buffers(pa.string(), 2, wrong.buffers())
    parquet.write_table(pa.table({"x": [1.0, 2.0], "s": column}), "t.parquet")
    done = cg("eval", "x", "--data", "t.parquet", "--keep", "s", "-o", "o.csv")
    assert done.code == 1
    assert "cannot read `t.parquet`" in done.err


@pytest.mark.parametrize("claimed", [301, 299, 10**9])
def test_a_footer_that_claims_other_rows_than_there_are(cg, tmp_path, claimed):
    parquet.write_table(pa.table({"x": np.arange(300.0)}), "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    found = with_rows(data, 300, claimed)
    (tmp_path / "t.parquet").write_bytes(found)
    done = cg("eval", "x", "--data", "t.parquet", "-o", "o.csv")
    assert done.code == 1
    assert "data error: cannot read `t.parquet`" in done.err
    assert not (tmp_path / "o.csv").exists()


def with_rows(data, rows, claimed):
    """A Parquet file whose footer has another number of rows (field 3 of the Thrift structure FileMetaData)."""
    length = int.from_bytes(data[-8:-4], "little")
    body, footer = data[: -8 - length], data[-8 - length : -8]
    place = footer.index(b"\x16" + varint(2 * rows))
    footer = footer[: place + 1] + varint(2 * claimed) + footer[place + 1 + len(varint(2 * rows)) :]
    return body + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def varint(number):
    """A number in sevens of bits, the low ones first."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def test_a_limit_does_not_ask_for_the_rest(cg, tmp_path):
    parquet.write_table(pa.table({"x": np.arange(300.0)}), "t.parquet")
    assert json.loads(cg("eval", "x", "--data", "t.parquet", "--limit", "5", "--json").out)["rows"] == 5


def test_a_header_is_read_without_warnings(recwarn):
    with pytest.raises(DataError):
        read_header(io.BytesIO(described(descr="'<\\d9'")), "t.npy")
    assert not recwarn.list
