"""Graphs in files: the columns of a lowered formula as an NPZ archive, written and read in bulk.

The file is an uncompressed ZIP archive of one-dimensional arrays in NumPy's format (numpy.lib.format); anything that
opens NPZ can look into it, and nothing in it is ever unpickled or compiled.

    header          JSON as UTF-8 bytes: format, version, names of the operations, shapes, static arguments, outputs,
                    default values, parameters, how their initial values are drawn, calls of user functions, values
                    that decided the graph, and the bodies of kept calls (see `graph_bodies`)
    op              of each node the place of its operation among the names in the header; so the order in which a
                    version of cg declares its operations does not matter
    operand_count   of each node; its operands follow those of the node before it in `operands`
    operands        positions of nodes; each is smaller than that of the node that uses it
    payload, shape  as in `Graph`
    constants       doubles; `own_constants` is 1 for those that are kept apart from equal ones
    exact           places among the constants whose decimal texts are the lines of `exact_texts`
    input_names     one a line, in the order of the formula
    named           nodes whose names are the lines of `names`
    scoped, scopes  nodes that were written in a call of a user function, and the numbers of those calls
    array_shapes    of each array the number of its shape; `array_values` holds their elements one after the other

Integers have the narrowest type that holds them. Members are stored, not compressed: deflating takes five times as
long as writing and saves a fifth, and what a file makes a reader allocate stays in proportion to its size.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from cgcli.data.archives import FAULTS, what_is_wrong
from cgcli.data.graph_bodies import BodyTable, bodies_of, with_bodies
from cgcli.data.graph_checks import (
    Malformed,
    Nodes,
    Tables,
    check_constants,
    check_nodes,
    check_results,
    check_shapes,
    require,
    tables_of,
)
from cgcli.errors import DataError, UsageError, did_you_mean
from cgcli.files import Replacement
from cgcli.graph.bulk import enter_constants, extend
from cgcli.graph.codes import ARRAY, CONSTANT, INPUT
from cgcli.graph.store import Call, Graph
from cgcli.graph.walk import ancestors
from cgcli.language.program import EVERYTHING, Program
from cgcli.ops import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

    Column = NDArray[Any]

FORMAT = "cg graph"
VERSION = 1
ENDING = ".npz"

ARRAY_HEADER = re.compile(rb"\{'descr': '([<|][iuf][1248])', 'fortran_order': False, 'shape': \((\d{1,18}),\), \} *\n")
"""The header of an array of one axis, as NumPy writes it."""

LONGEST_ARRAY_HEADER = 512

NODE_COLUMNS = ("op", "operand_count", "operands", "payload", "shape")


# ---- writing ---------------------------------------------------------------------------------------------------


def write_graph(program: Program, path: str) -> None:
    """Write a lowered formula, so that at every moment the old file or the new one is there whole.

    What neither an output nor a name, an input or a default needs is left out. UsageError for a path that does not
    end with `.npz` and for names that cannot be printed, DataError where the file cannot be written.
    """
    if not path.endswith(ENDING):
        raise UsageError(f"a graph cannot be written to `{path}`", hint=f"give a name that ends with {ENDING}")
    columns = _columns_of(program)
    with Replacement(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, column in columns.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                npy.write_array_header_1_0(member, npy.header_data_from_array_1_0(column))
                member.write(column.data if len(column) else b"")


def _columns_of(program: Program) -> dict[str, Column]:
    """The members of the file."""
    graph = program.graph
    graph.require_order()
    inputs, own, names = graph.inputs(), set(program.inputs), graph.names
    _check_names(names, program.outputs, program.inputs)
    roots = [*program.outputs.values(), *program.defaults.values(), *names.values()]
    needed = np.array(ancestors(graph, [*roots, *(inputs[name] for name in own & inputs.keys())]), dtype=bool)
    kept = np.flatnonzero(needed)
    place = np.cumsum(needed) - 1
    counts = np.diff(np.array(graph.start))
    codes, op = np.unique(np.array(graph.op)[kept], return_inverse=True)
    payload = np.array(graph.payload)[kept]
    leaf = {code: np.array(graph.op)[kept] == code for code in (CONSTANT, ARRAY, INPUT)}
    constants = _renumbered(payload, leaf[CONSTANT])
    arrays = _renumbered(payload, leaf[ARRAY])
    attributes = _renumbered(payload, ~(leaf[CONSTANT] | leaf[ARRAY] | leaf[INPUT]) & (payload >= 0))
    input_names = _order_inputs(graph, program.inputs, payload, leaf[INPUT])
    shapes, shape = np.unique(np.append(np.array(graph.shape)[kept], 0), return_inverse=True)
    exact = [(number, graph.exact[each]) for number, each in enumerate(constants.tolist()) if each in graph.exact]
    scoped = [(int(place[node]), call) for node, call in graph.scopes.items() if needed[node]]
    values = [np.asarray(graph.arrays[number], dtype="<f8").ravel() for number in arrays.tolist()]
    return {
        "header": _header_of(program, place, codes, shapes, attributes),
        "op": _narrow(op),
        "operand_count": _narrow(counts[kept]),
        "operands": _narrow(place[np.array(graph.operands)[np.repeat(needed, counts)]]),
        "payload": _narrow(payload),
        "shape": _narrow(shape[:-1]),
        "constants": np.array(graph.constants, dtype="<f8")[constants],
        "own_constants": _narrow([graph.is_own_constant(node) for node in kept[leaf[CONSTANT]].tolist()]),
        "exact": _narrow([number for number, _ in exact]),
        "exact_texts": _bytes("\n".join(text for _, text in exact)),
        "input_names": _lines(input_names),
        "named": _narrow(place[list(names.values())]),
        "names": _lines(names),
        "scoped": _narrow([node for node, _ in scoped]),
        "scopes": _narrow([call for _, call in scoped]),
        "array_shapes": _narrow(np.searchsorted(shapes, np.array(graph.shape)[kept[leaf[ARRAY]]])),
        "array_values": np.concatenate(values) if values else np.zeros(0),
    }


def _header_of(program: Program, place: Column, codes: Column, shapes: Column, attributes: Column) -> Column:
    """The JSON document: place is node -> position in the file, the others are what of the graph's tables is used."""
    graph, bodies = program.graph, BodyTable()
    header = {
        "format": FORMAT, "version": VERSION,
        "operations": [REGISTRY.rows[code].name for code in codes.tolist()],
        "shapes": [graph.shapes[number] for number in shapes.tolist()],
        "attributes": [bodies.told(graph.attributes[number]) for number in attributes.tolist()],
        "outputs": {name: int(place[node]) for name, node in program.outputs.items()},
        "defaults": {name: int(place[node]) for name, node in program.defaults.items()},
        "params": program.params, "specialised": program.specialised, "decided": _decided(program),
        "calls": [(call.name, call.parent) for call in graph.calls],
        "initialisers": {name: (drawn.kind.name, drawn.arguments) for name, drawn in program.initialisers.items()},
    }  # fmt: skip
    if bodies.listed:
        header["bodies"] = bodies.listed
    return _bytes(json.dumps(header))


def _decided(program: Program) -> dict[str, tuple[str, bool]]:
    """Names whose values decided the graph, each with what it decided and whether that is a whole number."""
    graph, own = program.graph, set(program.inputs)
    names = {name: node for name, node in graph.names.items() if name in own or not graph.is_input(node)}
    found = program.decided(list(names.values()), list(program.outputs.values()))
    return {name: (found[node].what, found[node].whole) for name, node in names.items() if node in found}


def _renumbered(payload: Column, mask: Column) -> Column:
    """Number the used entries of a table anew, in place; returns which ones they are."""
    used, numbers = np.unique(payload[mask], return_inverse=True)
    payload[mask] = numbers
    return used


def _order_inputs(graph: Graph, ordered: Sequence[str], payload: Column, mask: Column) -> list[str]:
    """Number the inputs in the order of the formula, in place; returns their names."""
    number = {name: place for place, name in enumerate(ordered)}
    payload[mask] = [number[graph.input_names[each]] for each in payload[mask].tolist()]
    return list(ordered)


def _narrow(values: Any) -> Column:
    """Integers in the narrowest type that holds them, little end first."""
    column = np.asarray(values, dtype=np.int64)
    if not len(column):
        return column.astype("|u1")
    kind = np.result_type(np.min_scalar_type(int(column.min())), np.min_scalar_type(int(column.max())))
    return column.astype(kind.newbyteorder("<"))


def _bytes(text: str) -> Column:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _lines(names: Iterable[str]) -> Column:
    """Names, one a line."""
    return _bytes("\n".join(names))


def _check_names(*groups: Iterable[str]) -> None:
    """UsageError for a name that a reader would refuse; only names given from Python can be such."""
    for names in groups:
        for name in names:
            if not name or not name.isprintable():
                raise UsageError(f"the name {name!r} cannot be written to a graph file", hint="use letters and digits")


# ---- reading ---------------------------------------------------------------------------------------------------


def read_graph(path: str) -> Program:
    """The lowered formula of a file that `write_graph` wrote.

    Everything is checked before it is used, so that the graph keeps the invariants of `cgcli.graph.lint` whoever
    wrote the file; only that no two nodes are equal is taken for granted. DataError where there is no such file, and
    for what is wrong with it.
    """
    try:
        with open(path, "rb") as stream:
            return _program_of(_Members(stream))
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror or error}") from None
    except Malformed as error:
        raise DataError(f"cannot read the graph in `{path}`: {error}", hint=error.hint) from None


class _Members:
    """The arrays of an archive by their names. Malformed for what `write_graph` cannot have written."""

    def __init__(self, stream: BinaryIO) -> None:
        with _unpacking():
            self._archive = zipfile.ZipFile(stream)
        self._size = os.fstat(stream.fileno()).st_size

    def column(self, name: str, kinds: str, what: str) -> Column:
        """A member whose type is of these kinds (as NumPy's `dtype.kind`); the memory that it takes is in the file."""
        member = f"{name}.npy"
        try:
            info = self._archive.getinfo(member)
        except KeyError:
            raise Malformed(f"it has no `{member}`") from None
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or info.file_size != info.compress_size:
            raise Malformed(f"`{member}` is compressed or encrypted", hint="graph files are written by cg export")
        if info.file_size > self._size:
            raise Malformed(f"`{member}` claims to be longer than the file")
        with _unpacking(), self._archive.open(info) as stream:
            data = stream.read(info.file_size)
        kind, length, begin = _array_header(data, member)
        if kind.kind not in kinds:
            raise Malformed(f"`{member}` holds {kind}, not {what}")
        if len(data) - begin != length * kind.itemsize:
            raise Malformed(f"`{member}` does not hold the {length:,} numbers that it claims")
        return np.frombuffer(data, dtype=kind, offset=begin, count=length)

    def integers(self, name: str) -> Column:
        """A member of integers, each of which 32 bits with a sign hold."""
        column = self.column(name, "iu", "integers")
        if len(column) and (column.min() < -1 or column.max() >= 2**31):
            raise Malformed(f"`{name}.npy` holds numbers outside -1 … 2^31")
        return column.astype(np.int32)

    def doubles(self, name: str) -> Column:
        """A member of doubles."""
        return self.column(name, "f", "doubles").astype(np.float64, copy=False)

    def text(self, name: str) -> str:
        """A member of UTF-8 bytes."""
        try:
            return self.column(name, "u", "bytes").astype(np.uint8).tobytes().decode()
        except UnicodeDecodeError:
            raise Malformed(f"`{name}.npy` is no UTF-8 text") from None

    def lines(self, name: str) -> list[str]:
        """A member of distinct names, one a line."""
        text = self.text(name)
        names = text.split("\n") if text else []
        if not all(map(str.isprintable, names)) or not all(names):
            raise Malformed(f"`{name}.npy` holds a name that cannot be printed")
        require(len(set(names)) == len(names), f"`{name}.npy` holds a name twice")
        return names


@contextmanager
def _unpacking() -> Iterator[None]:
    """Malformed for all the errors that `zipfile` has for broken archives."""
    try:
        yield
    except FAULTS as error:
        raise Malformed(what_is_wrong(error)) from None


def _array_header(data: bytes, member: str) -> tuple[Any, int, int]:
    """Type, length and begin of the data of an array of one axis."""
    end = 10 + int.from_bytes(data[8:10], "little")
    matched = ARRAY_HEADER.fullmatch(data[10:end]) if end <= LONGEST_ARRAY_HEADER else None
    if data[:8] != b"\x93NUMPY\x01\x00" or matched is None:
        raise Malformed(f"`{member}` is no array of numbers with one axis")
    try:
        return np.dtype(matched[1].decode()), int(matched[2]), end
    except TypeError:
        raise Malformed(f"`{member}` is of the unknown type {matched[1].decode()}") from None


def _program_of(file: _Members) -> Program:
    """The program that the members hold."""
    header = _header_in(file)
    bodies = bodies_of(header)
    tables = tables_of(header, lambda entry: with_bodies(entry, bodies))
    graph = Graph()
    for number, axes in enumerate(tables.shapes):
        require(graph.shape_number(axes) == number, "its shapes are not distinct ones that begin with the scalar")
    for number, attributes in enumerate(tables.attributes):
        require(graph.attribute_number(attributes) == number, "its static arguments are not distinct")
    constants, own = file.doubles("constants"), file.integers("own_constants")
    exact = file.integers("exact")
    texts = check_constants(constants, own, exact, file.text("exact_texts"))
    input_names, array_shapes = file.lines("input_names"), file.integers("array_shapes")
    nodes = Nodes([_row(name) for name in tables.operations], *map(file.integers, NODE_COLUMNS))
    check_nodes(nodes, tables, {CONSTANT: len(constants), ARRAY: len(array_shapes), INPUT: len(input_names)})
    check_shapes(nodes, tables, array_shapes)
    extend(graph.op, nodes.of_rows(lambda row: row.code))
    extend(graph.start, np.cumsum(nodes.count))
    extend(graph.operands, nodes.operands)
    extend(graph.payload, nodes.payload)
    extend(graph.shape, nodes.shape)
    enter_constants(graph, constants, (exact, texts), own.astype(bool))
    graph.enter_inputs(input_names)
    graph.arrays.extend(_arrays(file, tables.shapes, array_shapes))
    named, names = file.integers("named"), file.lines("names")
    scoped, scopes = file.integers("scoped"), file.integers("scopes")
    check_results(tables, graph, input_names, (named, names), (scoped, scopes))
    graph.names.update(zip(names, named.tolist(), strict=True))
    graph.scopes.update(zip(scoped.tolist(), scopes.tolist(), strict=True))
    graph.calls.extend(Call(name, parent, None) for name, parent in tables.calls)
    graph.intern.learn(graph, 0)
    return _program(graph, tables, input_names)


def _program(graph: Graph, tables: Tables, input_names: list[str]) -> Program:
    """The graph with its inputs and outputs."""
    program = Program(graph)
    program.outputs = dict(tables.outputs)
    program.inputs = input_names
    program.params = list(tables.params)
    program.defaults = dict(tables.defaults)
    program.specialised = dict(tables.specialised)
    program.initialisers = dict(tables.initialisers)
    for name, (what, whole) in tables.decided.items():
        program.decide(graph.names[name], EVERYTHING, what, whole)
    for name, value in program.specialised.items():  # what decided the graph need not be given again
        program.defaults.setdefault(name, graph.constant(value))
    return program


def _header_in(file: _Members) -> Mapping[str, Any]:
    """The JSON document, of a version that this module reads."""
    try:
        header = json.loads(file.text("header"))
    except (ValueError, RecursionError):
        raise Malformed("`header.npy` is no JSON text") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise Malformed("it holds arrays, but no graph of cg", hint="a table of columns goes to --data")
    if header.get("version") != VERSION:
        raise Malformed(
            f"its version is {header.get('version')!r}, and this cg reads {VERSION}", hint="write it with this version"
        )
    return header


def _row(name: str) -> Any:
    """The row of an operation of the file."""
    row = REGISTRY.by_name.get(name)
    if row is None:
        raise Malformed(f"this cg has no operation `{name}`", hint=did_you_mean(name, REGISTRY.by_name))
    return row


def _arrays(file: _Members, shapes: Sequence[tuple[int, ...]], numbers: Column) -> list[Column]:
    """The array constants, each read-only."""
    values, arrays, end = file.doubles("array_values"), [], 0
    for number in numbers.tolist():
        begin, end = end, end + int(np.prod(shapes[number], dtype=np.int64))
        require(end <= len(values), "`array_values.npy` ends too early")
        arrays.append(values[begin:end].reshape(shapes[number]))
        arrays[-1].setflags(write=False)
    require(end == len(values), "`array_values.npy` holds more than its arrays")
    return arrays
