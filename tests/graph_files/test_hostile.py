"""Whatever a file holds, reading it ends in a message that names what is wrong, or in a graph without a fault."""

from __future__ import annotations

import json
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.errors import DataError
from cgcli.graph.lint import lint
from tests.graph_files.conftest import members_of, write_members

TEXT = "f(t) = exp(t)*2\na = [x, 0.1, y]\nb = sum(a^2) + a[1] + f(y)\ninput k = 3\nb*leaky_relu(k, 0.5)"


def changed(key, value):
    """A change of one member: a list of numbers becomes a column, anything else an entry of the header."""

    def change(header, columns):
        if key in columns:
            columns[key] = value(columns[key].copy()) if callable(value) else np.array(value)
        else:
            header[key] = value(header[key]) if callable(value) else value

    return change


def at(place, value):
    """A column with another number somewhere."""

    def change(column):
        column = column.astype(np.int64)
        column[place] = value
        return column

    return change


def first_line(line):
    """A text with another first line."""

    def change(column):
        lines = [line, *column.tobytes().decode().split("\n")[1:]]
        return np.frombuffer("\n".join(lines).encode(), dtype=np.uint8)

    return change


def default_of_another_shape(header, columns):
    header["defaults"]["k"] = int(columns["shape"].argmax())


HOSTILE = {
    "an operand after its user": (changed("operands", at(0, 5)), "which is not before it"),
    "a cycle of one": (changed("operands", at(-1, 10**6)), "which is not before it"),
    "a negative operand": (changed("operands", at(0, -1)), "uses node -1"),
    "a huge operand": (changed("operands", at(0, 2**40)), "outside -1"),
    "an unknown operation": (changed("operations", lambda names: ["expp", *names[1:]]), "no operation `expp`"),
    "an operation twice": (changed("operations", lambda names: [names[1], *names[1:]]), "names one twice"),
    "no operations": (changed("operations", []), "`op` holds"),
    "an operation without a name": (changed("operations", lambda names: [1, *names[1:]]), "`operations` in its header"),
    "an operation that is not there": (changed("op", at(3, 99)), "`op` holds 99"),
    "too many operands": (changed("operand_count", lambda column: column + 1), "adds up to"),
    "a negative count": (changed("operand_count", at(0, -1)), "below 0"),
    "counts that overflow": (changed("operand_count", lambda column: at(0, 2**31 - 1)(column)), "adds up to"),
    "columns of different length": (changed("shape", lambda column: column[1:]), "`shape` speaks of"),
    "a payload out of range": (changed("payload", at(0, 99)), "`payload` holds 99"),
    "a leaf without a payload": (changed("payload", at(0, -1)), "`payload` holds -1"),
    "a shape out of range": (changed("shape", at(0, 9)), "`shape` holds 9"),
    "a shape that does not follow": (changed("shapes", lambda shapes: [shapes[0], [7]]), "its operands make [3]"),
    "a scalar that is not the first": (changed("shapes", lambda shapes: shapes[::-1]), "begin with the scalar"),
    "a shape of nothing": (changed("shapes", [[], [-1]]), "`shapes` in its header"),
    "an enormous shape": (changed("shapes", [[], [10**9, 10**9]]), "`shapes` in its header"),
    "a shape of many axes": (changed("shapes", [[], [1] * 100]), "`shapes` in its header"),
    "static arguments of another": (
        changed("attributes", lambda found: [["x"], *found[1:]]), "static arguments of another",
    ),
    "empty static arguments": (changed("attributes", lambda found: [[], *found[1:]]), "`attributes` in its header"),
    "static arguments twice": (changed("attributes", lambda found: [*found, found[0]]), "not distinct"),
    "an output that is no node": (changed("outputs", {"result": 10**6}), "`outputs` in its header names no node"),
    "an output that is no number": (changed("outputs", {"result": "1"}), "`outputs` in its header"),
    "no output": (changed("outputs", {}), "no output"),
    "a default of nothing": (changed("defaults", {"nobody": 1}), "`nobody` in its header is no input"),
    "a default of another shape": (default_of_another_shape, "has another shape"),
    "a parameter of nothing": (changed("params", ["nobody"]), "`nobody` in its header is no input"),
    "a call before itself": (changed("calls", [["f", 0]]), "call 0 in its header"),
    "scopes of no call": (changed("scopes", at(0, 5)), "`scopes` holds 5"),
    "scopes of no node": (changed("scoped", at(0, 5000)), "`scoped` holds 5000"),
    "a name of no node": (changed("named", at(0, 5000)), "`named` holds 5000"),
    "too few names": (changed("named", lambda column: column[1:]), "differ in length"),
    "a name that moves the cursor": (changed("names", first_line("a\x1b[2J")), "cannot be printed"),
    "an input twice": (changed("input_names", first_line("y")), "holds a name twice"),
    "an input without a node": (
        changed("input_names", lambda column: np.append(column, np.frombuffer(b"\nz", np.uint8))), "`z` has no node",
    ),
    "names that are no text": (changed("names", lambda column: column | 128), "no UTF-8 text"),
    "an exact text that is no number": (changed("exact_texts", first_line("__import__('os')")), "is no number"),
    "an exact text of another number": (changed("exact_texts", first_line("0.2")), "other numbers than"),
    "an exact text that is too long": (changed("exact_texts", first_line("0.1" + "0" * 20_000)), "too long"),
    "an exact text of no constant": (changed("exact", [99]), "`exact` holds 99"),
    "constants that are texts": (changed("constants", ["a", "b"]), "no array of numbers"),
    "constants of two axes": (changed("constants", [[1.0, 2.0], [3.0, 4.0]]), "no array of numbers"),
    "operands that are fractions": (changed("operands", lambda column: column / 2), "holds float64, not integers"),
    "a later version": (changed("version", 2), "its version is 2"),
    "another format": (changed("format", "table"), "no graph of cg"),
    "a specialised input of nothing": (changed("specialised", {"nobody": 3}), "`nobody` in its header is no input"),
    "a specialised truth": (changed("specialised", {"x": True}), "`specialised` in its header"),
    "an array that nobody has": (changed("array_values", [1.0]), "more than its arrays"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "told"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_wrong_is_named(altered, change, told):
    with pytest.raises(DataError) as caught:
        cg.load(altered(TEXT, change))
    assert told in caught.value.message
    assert "altered.npz" in caught.value.message


def test_the_unchanged_file_is_read(altered):
    """The changes above are what makes the difference."""
    lint(cg.load(altered(TEXT, lambda header, columns: None)).graph)


@pytest.mark.parametrize("name", ["header", "op", "operands", "constants", "names", "array_values"])
def test_a_missing_member(altered, name, tmp_path):
    path = altered(TEXT, lambda header, columns: None)
    rest = tmp_path / "rest.npz"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(rest, "w") as target:
        for member in source.namelist():
            if member != f"{name}.npy":
                target.writestr(member, source.read(member))
    with pytest.raises(DataError, match=f"it has no `{name}.npy`"):
        cg.load(rest)


# ---- files that are no archives, or bad ones -------------------------------------------------------------------


def replaced(path, member, data, **how):
    """The archive with other bytes in a member."""
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    parts[member] = data
    with zipfile.ZipFile(path, "w", **how) as target:
        for name, part in parts.items():
            target.writestr(name, part)


@pytest.fixture
def file(altered):
    return altered(TEXT, lambda header, columns: None)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated(file, share):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DataError, match="not a zip file"):
        cg.load(file)


def test_a_bit_that_was_lost(file):
    data = bytearray(file.read_bytes())
    place = data.index(b"cg graph")
    data[place] ^= 1
    file.write_bytes(data)
    with pytest.raises(DataError, match="CRC"):
        cg.load(file)


def test_objects_are_never_unpickled(file, archive):
    class Bomb:
        def __reduce__(self):
            return exec, ("raise SystemExit('unpickled')",)

    replaced(file, "op.npy", archive(np.array([Bomb()], dtype=object), allow_pickle=True))
    with pytest.raises(DataError, match=r"`op.npy` is no array of numbers"):
        cg.load(file)


def test_a_member_that_claims_more_than_the_file_has(file):
    """Nothing is allocated for a claim: the header speaks of 8 EB."""
    described = b"{'descr': '<u8', 'fortran_order': False, 'shape': (999999999999999999,), }\n"
    replaced(file, "op.npy", b"\x93NUMPY\x01\x00" + len(described).to_bytes(2, "little") + described)
    with pytest.raises(DataError, match="does not hold the 999,999,999,999,999,999 numbers"):
        cg.load(file)


def test_a_member_whose_length_is_a_lie(file):
    data = bytearray(file.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 20 : entry + 28] = (2**32 - 2).to_bytes(4, "little") * 2
    file.write_bytes(data)
    with pytest.raises(DataError, match="longer than the file"):
        cg.load(file)


def test_a_compressed_member_is_not_inflated(file, archive):
    replaced(file, "op.npy", archive(np.zeros(10**7, dtype=np.uint8)), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="is compressed"):
        cg.load(file)


@pytest.mark.parametrize(
    "described",
    [b"(" * 60_000, b"{'descr': '<u8'}", b"__import__('os').abort()", b"{'descr': '<f1', 'fortran_order': False, "
     b"'shape': (1,), }\n"],
    ids=["nested", "incomplete", "code", "no such type"],
)  # fmt: skip
def test_headers_of_arrays_are_matched_and_not_evaluated(file, described):
    replaced(file, "op.npy", b"\x93NUMPY\x01\x00" + len(described).to_bytes(2, "little") + described + b"\0")
    with pytest.raises(DataError, match=r"`op\.npy` is"):
        cg.load(file)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "[]", "NaN", '"text"', '{"format": "cg graph"}'])
def test_headers_that_are_no_header(file, text, archive):
    replaced(file, "header.npy", archive(np.frombuffer(text.encode(), dtype=np.uint8)))
    with pytest.raises(DataError):
        cg.load(file)


def test_attributes_nested_deeper_than_python_goes(altered):
    deep = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(DataError):
        cg.load(altered(TEXT, changed("attributes", lambda found: [deep, *found[1:]])))


def test_defaults_that_need_each_other_end(altered):
    def knot(header, columns):
        names = columns["input_names"].tobytes().decode().split("\n")
        leaves = [int(node) for node in np.flatnonzero(columns["op"] == header["operations"].index("input"))]
        header["defaults"] = {"p": leaves[names.index("q")], "q": leaves[names.index("p")]}

    formula = cg.load(altered("p + q", knot))
    with pytest.raises(cg.CgError, match="need each other"):
        formula.eval()


# ---- any change at all -----------------------------------------------------------------------------------------

NUMBERS = st.integers(-2, 40) | st.sampled_from([127, 255, 2**31 - 1, 2**31, 2**63 - 1])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("graphs") / "whole.npz"
    cg.parse(TEXT).save(path)
    return members_of(path)


def fault(graph):
    """What is wrong with a graph, apart from nodes that are equal."""
    try:
        lint(graph)
    except cg.CgError as error:
        return "" if " equals " in error.message else error.message
    return ""


def assert_refused_or_sound(path):
    """Either an error of ours, or a graph that keeps every invariant but sharing, and that can be computed."""
    try:
        formula = cg.load(path)
    except DataError:
        return
    assert not fault(formula.graph)
    with np.errstate(all="ignore"), suppress(cg.CgError):
        formula.eval(dict.fromkeys(formula.inputs, 1.0), engine="numpy")


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_number_anywhere(whole, tmp_path, data):
    header, columns = json.loads(json.dumps(whole[0])), dict(whole[1])
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(name for name, column in columns.items() if len(column))))
        column = columns[name].astype(np.float64 if columns[name].dtype.kind == "f" else np.int64)
        column[data.draw(st.integers(0, len(column) - 1))] = data.draw(NUMBERS)
        columns[name] = column.astype(np.uint8) if name in ("names", "exact_texts", "input_names") else column
    write_members(tmp_path / "changed.npz", header, columns)
    assert_refused_or_sound(tmp_path / "changed.npz")


ENTRIES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.sampled_from(["x", "sum", "", "\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "k", "a"]), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), entry=ENTRIES)
def test_anything_in_the_header(whole, tmp_path, data, entry):
    header = json.loads(json.dumps(whole[0]))
    key = data.draw(st.sampled_from(sorted(header)))
    within = header[key]
    if isinstance(within, list) and within and data.draw(st.booleans()):
        within[data.draw(st.integers(0, len(within) - 1))] = entry
    else:
        header[key] = entry
    write_members(tmp_path / "changed.npz", header, whole[1])
    assert_refused_or_sound(tmp_path / "changed.npz")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), byte=st.integers(0, 255))
def test_any_byte(file, place, byte):
    data = bytearray(file.read_bytes())
    changed = file.with_name("changed.npz")
    data[int(place * (len(data) - 1))] = byte
    changed.write_bytes(data)
    assert_refused_or_sound(changed)
