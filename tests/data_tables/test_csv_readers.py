"""Both readers of CSV, with pyarrow and without, read the same from the same bytes, or refuse both."""

from __future__ import annotations

import io
import os
import tempfile

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from cgcli.data.csv import fast, plain
from cgcli.errors import DataError

TOKENS = [
    "1", "2.5", ",", ",", ",", "\n", "\n", "\r\n", "\r", '"', '""', "a", " ", "\t", "é", "NA", "\x00", "\u2028", "\x85",
    "\x0b", "\f", "\x1c", "\ufeff", "=1", "'", "-",
]  # fmt: skip
LINES = [
    "1,2", "3,", '"4",5', '"a,b",6', '"q""q",7', '8,"l\nm"', "", '9,"x\r\ny"', " 1 , 2 ", '"1" ,2', '1,"2" ', '1,2"',
    'a"b,3', '1,"', '1,""', '1,""z', '"', '1,"2"', "5,6,7", '1,"é\r',
]  # fmt: skip
wild = st.tuples(st.sampled_from(["x,y\n", "x\r", "", "\ufeff\n"]), st.lists(st.sampled_from(TOKENS), max_size=14)).map(
    lambda drawn: (drawn[0] + "".join(drawn[1])).encode()
)
tame = st.tuples(
    st.sampled_from(["x,y", '"x","y"', '"x\ny",z', "x\r\ny", 'x,len"']),
    st.lists(st.sampled_from(LINES), max_size=6), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(),
).map(lambda drawn: (drawn[2].join([drawn[0], *drawn[1]]) + drawn[2] * drawn[3]).encode())  # fmt: skip
PIECES = [b"x,y\n", b"1", b",", b"\n", b"\r", b'"', b"\xff", b"\xc3", b"\xa9"]
any_bytes = st.lists(st.sampled_from(PIECES)).map(b"".join)


def read(reader, path, **options):
    """Names, cells and numbers, or "error"."""
    try:
        with open(path, "rb") as stream:
            table = reader(path, stream, ",", **options)
            return contents(table)
    except DataError:
        return "error"


class Pipe(io.RawIOBase):
    """Bytes that come in small pieces, and once."""

    def __init__(self, data):
        self._data = data

    def readable(self):
        return True

    def readinto(self, buffer):
        part, self._data = self._data[:5], self._data[5:]
        buffer[: len(part)] = part
        return len(part)


def from_pipe(path, stream, delimiter, block):
    return fast.CsvTable(path, io.BufferedReader(Pipe(stream.read())), delimiter, block)


def contents(table):
    names = [name for name in dict.fromkeys(table.columns) if table.columns.count(name) == 1]
    if not names:
        reject()
    cells, numbers = [], []
    for batch in table.batches(names[:1], names, 3):
        columns = [column if isinstance(column, list) else column.to_pylist() for column in batch.kept.values()]
        assert all(len(column) == batch.rows for column in columns)
        cells += zip(*columns, strict=True)
        numbers += map(repr, batch.numbers[names[0]].tolist())
    return table.columns, cells, numbers


@given(content=st.one_of(wild, tame, any_bytes), block=st.sampled_from([16, 64, 1 << 20]))
@settings(max_examples=600, deadline=None)
@example(b"x,y\r1,2\r3,4\r", 1 << 20)
@example(b"x,y\r\n1,2\r3,4\n", 1 << 20)
@example(b'x,len"\n1,2\n3,4\n', 1 << 20)
@example("x\u2028,y\x0bz\n1,2\n".encode(), 1 << 20)
@example(b"\xef\xbb\xbf\nx,y\n1,2\n", 1 << 20)
@example(b"x,y\n1,2\n3,4\r5\n", 1 << 20)
@example(b"x,y\n1,\xff\n", 1 << 20)
def test_readers_agree(content, block):
    handle, path = tempfile.mkstemp(suffix=".csv")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        expected = read(plain.CsvTable, path)
        assert read(fast.CsvTable, path, block=block) == expected
        assert read(from_pipe, path, block=block) == expected
    finally:
        os.unlink(path)


def test_every_line_end_ends_a_row(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_bytes(b"x,y\r1,2\r3,4\r")
    assert cg("eval", "x+y", "--data", "t.csv", "-o", "-").out.split() == ["result", "3", "7"]


@pytest.mark.parametrize(
    ("content", "row"),
    [(b'x,n\n1,"oops\n2,b\n3,b\n', "row 1"), (b'n,x\n"a",1\n"",2\nb,"', "row 3"), (b'n,x\n"b,4\na,3\n', "row 1"),
     (b'x,"n\n1,2\n', "the names of the columns")],
)  # fmt: skip
def test_a_quote_that_is_never_closed_is_said(cg, tmp_path, csv_reader, content, row):
    (tmp_path / "t.csv").write_bytes(content)
    done = cg("eval", "x", "--data", "t.csv")
    assert done.code == 1
    assert f"`t.csv`, {row}: a quote is never closed" in done.err


CLOSED = ['""', '"a"', '"a\nb"', '"a"b', '""b', '"a""b"', 'a"b', '"a\n"\n', '"""a"', '"a\r"\r\n']


@pytest.mark.parametrize("last", CLOSED)
def test_a_quote_that_is_closed_is_not(cg, tmp_path, csv_reader, last):
    (tmp_path / "t.csv").write_bytes(f"x,n\n1,{last}".encode())
    assert cg("eval", "x", "--data", "t.csv", "-o", "-").out.split() == ["result", "1"]


def test_a_ragged_record_after_a_lone_carriage_return(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_bytes(b"x,y\n1,2\n3,4\r5\n")
    assert "row 3: 1 cell where there are 2 columns" in cg("eval", "x", "--data", "t.csv", "-o", "-").err


def test_a_cell_larger_than_a_block(cg, tmp_path, csv_reader):
    """Rows before and behind it are read once, in their order."""
    large = "a" * (fast.BLOCK + 100)
    rows = [f"{row},b" for row in range(200_000)]
    rows[150_000] = f'150000,"{large}"'
    (tmp_path / "t.csv").write_text("\n".join(["x,note", *rows]))
    done = cg("eval", "y = 2*x", "--data", "t.csv", "--keep", "note,x", "-o", "o.csv")
    assert done.code == 0, done.err
    with open("o.csv") as file:
        found = file.read().splitlines()
    assert found[0] == "note,x,y"
    assert [line.rpartition(",")[2] for line in found[1:]] == [str(2 * row) for row in range(200_000)]
    assert large in found[150_001]


def test_text_that_is_not_utf8_is_named_by_row_and_column(cg, tmp_path, csv_reader):
    (tmp_path / "t.csv").write_bytes(b"x,note,other\n1,a,b\n2,b\xe9b,c\n")
    done = cg("eval", "x", "--data", "t.csv", "--keep", "note", "-o", "-")
    assert done.code == 1
    assert "`t.csv`, row 2, column `note`: it is not UTF-8 text" in done.err
    assert cg("eval", "x", "--data", "t.csv", "--keep", "other", "-o", "-").code == 0


def test_a_header_that_is_not_utf8_is_refused_at_once(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"x,caf\xe9\n" + b"1,2\n" * 500_000)
    with open(path, "rb") as stream:
        with pytest.raises(DataError, match="it is not UTF-8 text"):
            fast.CsvTable(str(path), stream, ",")
        assert stream.tell() <= 2 * fast.SAMPLE
