"""What a graph file has to keep: checked on whole columns before a graph is made of them.

A file may come from anywhere. Whatever it holds, a reader gets a message, or a graph that every pass and every engine
can work on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.graph.codes import ARRAY, CONSTANT, INPUT, NO_PAYLOAD
from cgcli.graph.shapes import describe, size
from cgcli.graph.store import MOST_ELEMENTS, result_shape
from cgcli.language.initial import Initialiser
from cgcli.language.tokens import LONGEST_NUMBER
from cgcli.ops.constants import CONSTANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

    Column = NDArray[Any]
    Shape = tuple[int, ...]

MOST_AXES = 32
DECIMALS = re.compile(r"(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\n)*")
"""Decimal numbers, each with a line end."""


class Malformed(Exception):
    """The file is no graph; the reason goes on `cannot read the graph in …: `."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.hint = hint


def require(condition: Any, reason: str) -> None:
    """Malformed where the condition does not hold."""
    if not condition:
        raise Malformed(reason)


# ---- the header ------------------------------------------------------------------------------------------------


class Tables:
    """The header with its types checked; see `graph_files` for what each entry means."""

    __slots__ = (
        "attributes",
        "calls",
        "decided",
        "defaults",
        "initialisers",
        "operations",
        "outputs",
        "params",
        "shapes",
        "specialised",
    )

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.shapes: list[Shape] = []
        self.attributes: list[tuple[Any, ...]] = []
        self.outputs: dict[str, int] = {}
        self.defaults: dict[str, int] = {}
        self.params: list[str] = []
        self.initialisers: dict[str, Initialiser] = {}
        self.specialised: dict[str, float] = {}
        self.decided: dict[str, tuple[str, bool]] = {}
        self.calls: list[tuple[str, int]] = []


def tables_of(header: Mapping[str, Any], as_attributes: Callable[[Any], tuple[Any, ...]]) -> Tables:
    """The tables of a header. Malformed, naming the entry, where one is not what it should be.

    as_attributes: static arguments as JSON has them -> as a graph has them.
    """
    tables = Tables()
    tables.operations = _entries(header, "operations", list, _is_name)
    tables.shapes = [tuple(shape) for shape in _entries(header, "shapes", list, is_shape)]
    attributes = _entries(header, "attributes", list, lambda entry: isinstance(entry, list) and entry)
    try:
        tables.attributes = [as_attributes(entry) for entry in attributes]
    except RecursionError:
        raise Malformed("`attributes` in its header is nested too deep") from None
    tables.outputs = _entries(header, "outputs", dict, _is_integer)
    tables.defaults = _entries(header, "defaults", dict, _is_integer)
    tables.params = _entries(header, "params", list, _is_name)
    tables.specialised = _entries(header, "specialised", dict, lambda entry: type(entry) in (int, float))
    if "decided" in header:  # files of the first releases have none
        decided = _entries(header, "decided", dict, _is_decision)
        tables.decided = {name: (what, whole) for name, (what, whole) in decided.items()}
    if "initialisers" in header:  # as above
        tables.initialisers = _initialisers(header)
    calls = _entries(header, "calls", list, lambda entry: isinstance(entry, list) and len(entry) == 2)
    tables.calls = [(name, parent) for name, parent in calls]
    for number, (name, parent) in enumerate(tables.calls):
        fits = _is_name(name) and _is_integer(parent) and -1 <= parent < number
        require(fits, f"call {number} in its header is not as it should be")
    require(tables.outputs, "it has no output")
    return tables


def _entries(header: Mapping[str, Any], key: str, kind: type, fits: Callable[[Any], Any]) -> Any:
    """An entry of the header: a list or a mapping whose items all fit."""
    found: Any = header.get(key)
    fine = isinstance(found, kind)
    if fine and isinstance(found, dict):
        fine = all(map(_is_name, found)) and all(map(fits, found.values()))
    elif fine:
        fine = all(map(fits, found))
    require(fine, f"`{key}` in its header is not as it should be")
    return found


def _is_name(entry: Any) -> bool:
    return isinstance(entry, str) and entry.isprintable() and entry != ""


def _is_decision(entry: Any) -> bool:
    """Whether an entry says what a name decided, and whether that is a whole number."""
    return isinstance(entry, list) and len(entry) == 2 and _is_name(entry[0]) and isinstance(entry[1], bool)


def _initialisers(header: Mapping[str, Any]) -> dict[str, Initialiser]:
    """How initial values are drawn, by the names of their parameters."""
    found = {}
    for name, entry in _entries(header, "initialisers", dict, lambda entry: isinstance(entry, list)).items():
        try:
            kind, arguments = entry
            require(all(type(number) in (int, float) for number in arguments), "")
            found[name] = Initialiser(kind, arguments)
        except (Malformed, ValueError, TypeError):
            raise Malformed(f"how `{name}` is drawn is not as it should be") from None
    return found


def _is_integer(entry: Any) -> bool:
    return type(entry) is int


def is_shape(entry: Any) -> bool:
    """Whether an entry is a list of lengths of an array that may be."""
    fine = isinstance(entry, list) and len(entry) <= MOST_AXES and all(map(_is_integer, entry))
    return fine and all(length >= 0 for length in entry) and size(tuple(entry)) <= MOST_ELEMENTS


def as_tuples(entry: Any) -> Any:
    """Lists within lists as tuples within tuples: JSON does not tell them apart, and attributes are hashable."""
    return tuple(as_tuples(item) for item in entry) if isinstance(entry, list) else entry


# ---- nodes -----------------------------------------------------------------------------------------------------


class Nodes:
    """The columns of the nodes as a file has them.

    rows: the operations of the file. op: of each node the place among them; count: how many operands it has.
    """

    __slots__ = ("count", "op", "operands", "payload", "rows", "shape")

    def __init__(
        self, rows: Sequence[Operation], op: Column, count: Column, operands: Column, payload: Column, shape: Column
    ) -> None:
        self.rows = rows
        self.op = op
        self.count = count
        self.operands = operands
        self.payload = payload
        self.shape = shape

    def users(self) -> Column:
        """The node that each operand belongs to."""
        return np.repeat(np.arange(len(self.op), dtype=np.int32), self.count)

    def of_rows(self, fact: Callable[[Operation], Any]) -> Column:
        """What holds of the operation of each node."""
        return np.array([fact(row) for row in self.rows] or [0])[self.op]


def check_nodes(nodes: Nodes, tables: Tables, lengths: Mapping[int, int]) -> None:
    """Columns agree in length, every number lies in its range, operands stand before their users and fit in number.

    lengths: code of a leaf -> length of the table that its payload points into.
    """
    op, count = nodes.op, nodes.count
    for name, column in (("operand_count", count), ("payload", nodes.payload), ("shape", nodes.shape)):
        require(len(column) == len(op), f"`{name}` speaks of {len(column):,} nodes, `op` of {len(op):,}")
    require(len(set(tables.operations)) == len(nodes.rows), "`operations` in its header names one twice")
    _check_range("op", op, 0, len(nodes.rows))
    _check_range("shape", nodes.shape, 0, len(tables.shapes))
    require(not len(count) or count.min() >= 0, "`operand_count` holds a number below 0")
    total = int(count.sum(dtype=np.int64))
    require(total == len(nodes.operands), f"`operand_count` adds up to {total:,}, not {len(nodes.operands):,}")
    few = count < nodes.of_rows(lambda row: row.arity)
    many = count > nodes.of_rows(lambda row: 2**31 if row.variadic else row.arity)
    if (few | many).any():
        node = int((few | many).argmax())
        row = nodes.rows[op[node]]
        raise Malformed(f"node {node} has {count[node]} operands; `{row.name}` takes {row.arity}")
    users = nodes.users()
    wrong = (nodes.operands < 0) | (nodes.operands >= users)
    if wrong.any():
        edge = int(wrong.argmax())
        raise Malformed(f"node {users[edge]} uses node {nodes.operands[edge]}, which is not before it")
    _check_payloads(nodes, tables, lengths)


def _check_payloads(nodes: Nodes, tables: Tables, lengths: Mapping[int, int]) -> None:
    for number, row in enumerate(nodes.rows):
        mine = nodes.payload[nodes.op == number]
        if row.code in lengths:
            _check_range("payload", mine, 0, lengths[row.code])
            shared = (np.bincount(mine) > 1).any() if len(mine) else False
            require(not shared, f"two nodes of `{row.name}` have one payload")
        elif row.prepare is None:
            require((mine == NO_PAYLOAD).all(), f"a node of `{row.name}` has static arguments")
        else:
            _check_range("payload", mine, NO_PAYLOAD, len(tables.attributes))


def _check_range(name: str, column: Column, least: int, end: int) -> None:
    if len(column) and not (column.min() >= least and column.max() < end):
        worst = column.min() if column.min() < least else column.max()
        raise Malformed(f"`{name}` holds {worst}; there are {end:,}")


def check_shapes(nodes: Nodes, tables: Tables, array_shapes: Column) -> None:
    """Every node has the shape that its operation infers, and the static arguments that its operation prepares.

    Elementwise nodes on operands of their own shape are looked at together; of all others, each combination of
    operation, static arguments and shapes once.
    """
    _check_range("array_shapes", array_shapes, 0, len(tables.shapes))
    shape, operands, users = nodes.shape, nodes.operands, nodes.users()
    code = nodes.of_rows(lambda row: row.code)
    require((shape[code == CONSTANT] == 0).all(), "a constant has another shape than the scalar's")
    is_array = code == ARRAY
    require((shape[is_array] == array_shapes[nodes.payload[is_array]]).all(), "an array has the shape of another one")
    settled = nodes.of_rows(lambda row: row.shape is None and row.prepare is None).astype(bool) & (nodes.count > 0)
    settled[users[shape[operands] != shape[users]]] = False
    settled |= np.isin(code, (CONSTANT, ARRAY, INPUT))
    start = np.cumsum(nodes.count) - nodes.count
    for count in np.unique(nodes.count[~settled]).tolist():
        rest = np.flatnonzero(~settled & (nodes.count == count))
        used = shape[operands[start[rest, None] + np.arange(count)]] if count else np.zeros((len(rest), 0), np.int32)
        cases = np.column_stack([nodes.op[rest], nodes.payload[rest], shape[rest], used])
        for place in np.unique(cases, axis=0, return_index=True)[1].tolist():
            kind, attributes, own, *shapes = cases[place].tolist()
            _check_shape(
                f"node {rest[place]} (`{nodes.rows[kind].name}`)", nodes.rows[kind],
                [tables.shapes[each] for each in shapes], tables.attributes[attributes] if attributes >= 0 else (),
                tables.shapes[own],
            )  # fmt: skip


def _check_shape(who: str, row: Operation, shapes: list[Shape], attributes: tuple[Any, ...], own: Shape) -> None:
    """One operation on operands of these shapes."""
    try:
        require(row.prepare is None or is_prepared(row, shapes, attributes), f"{who} has static arguments of another")
        expected = result_shape(row, shapes, attributes)
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        raise Malformed(f"{who} cannot take its operands: {error}") from None
    require(expected == own, f"{who} has the shape {describe(own)}; its operands make {describe(expected)}")


def is_prepared(row: Operation, shapes: list[Shape], attributes: tuple[Any, ...]) -> bool:
    """Whether attributes are what the operation makes of them: what it prepares does not change by preparing again.

    An operation keeps its static arguments in front of what it adds, or a single one as the attributes themselves, or
    has nothing but them.
    """
    assert row.prepare is not None
    static = attributes[: sum(parameter.static for parameter in row.parameters)]
    for given in (static, (attributes,), attributes):
        try:
            if repr(row.prepare(shapes, *given)) == repr(attributes):
                return True
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
            continue
    return False


# ---- numbers, names and results --------------------------------------------------------------------------------


def check_constants(constants: Column, own: Column, exact: Column, text: str) -> list[str]:
    """The exact texts of the constants that have one; each is a literal of the language, or a name, of its constant."""
    texts = text.split("\n") if text else []
    require(len(own) == len(constants), "`own_constants` and `constants` differ in length")
    require(len(exact) == len(texts), "`exact` and `exact_texts` differ in length")
    _check_range("exact", exact, 0, len(constants))
    require(len(np.unique(exact)) == len(exact), "`exact` names a constant twice")
    require(max(map(len, texts), default=0) <= LONGEST_NUMBER, "`exact_texts` holds a number that is too long")
    named = {name for name in set(texts) if name in CONSTANTS}
    decimals = [each for each in texts if each not in named]
    require(DECIMALS.fullmatch("".join(f"{each}\n" for each in decimals)), "`exact_texts` holds what is no number")
    values = [CONSTANTS[each].value if each in named else float(each) for each in texts]
    same = np.array_equal(np.array(values, dtype=np.float64), constants[exact], equal_nan=True)
    require(same, "`exact_texts` tells of other numbers than `constants`")
    return texts


def check_results(
    tables: Tables, graph: Graph, input_names: list[str], names: tuple[Column, list[str]], scopes: tuple[Column, Column]
) -> None:
    """Names, outputs, defaults and calls tell of nodes and inputs that exist, and defaults fit their inputs."""
    count = len(graph)
    named, texts = names
    require(len(named) == len(texts), "`named` and `names` differ in length")
    require(len(scopes[0]) == len(scopes[1]), "`scoped` and `scopes` differ in length")
    _check_range("named", named, 0, count)
    _check_range("scoped", scopes[0], 0, count)
    _check_range("scopes", scopes[1], 0, len(tables.calls))
    for key, nodes in (("outputs", tables.outputs), ("defaults", tables.defaults)):
        require(all(0 <= node < count for node in nodes.values()), f"`{key}` in its header names no node")
    known = set(input_names)
    for name in (*tables.params, *tables.defaults, *tables.specialised):
        require(name in known, f"`{name}` in its header is no input")
    require(all(name in texts for name in tables.decided), "`decided` in its header names no node")
    for name in tables.initialisers:
        require(name in tables.defaults and name in tables.params, f"`{name}` is drawn, but has no default")
    inputs = graph.inputs()
    absent = [name for name in input_names if name not in inputs]
    require(not absent, f"the input `{''.join(absent[:1])}` has no node")
    for name, node in tables.defaults.items():
        fits = name not in inputs or graph.shape[inputs[name]] == graph.shape[node]
        require(fits, f"the default of `{name}` has another shape than the input")
    for name in tables.specialised:
        scalar = name not in inputs or not graph.shape_of(inputs[name])
        require(scalar, f"`{name}` decided the graph, but is no number")
