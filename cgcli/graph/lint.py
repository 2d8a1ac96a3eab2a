"""Checks every invariant of a graph: run after every pass in the tests, and on demand.

It repeats nothing that building does: it reads the columns as they stand and derives what they should be.
"""

from __future__ import annotations

from cgcli.errors import GraphError
from cgcli.graph.bodies import bodies_in
from cgcli.graph.codes import ARRAY, CONSTANT, INPUT, NO_PAYLOAD
from cgcli.graph.intern import key_of
from cgcli.graph.shapes import describe
from cgcli.graph.store import result_shape
from cgcli.ops import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.graph.store import Graph

    Shape = tuple[int, ...]


def lint(graph: Graph) -> None:
    """Return if the graph keeps its invariants; otherwise GraphError that names the node and what is wrong with it.

    Columns agree in length; every operand stands before its user; operands fit the operation in number; payloads
    lie in range; shapes are those that the operations infer; no two nodes are equal (constants of their own and
    arrays have payloads of their own); names, spans, scopes and the intern table tell of nodes that exist. So do
    the bodies of kept calls.
    """
    pending = [graph]
    while pending:
        each = pending.pop()
        each.require_order()
        for check in (_check_columns, _check_operands, _check_payloads, _check_shapes, _check_distinct,
                      _check_tables, _check_intern):  # fmt: skip
            check(each)
        pending.extend(body.graph for body in bodies_in(each))


def _check_columns(graph: Graph) -> None:
    count = len(graph.op)
    for name, length in (
        ("payload", len(graph.payload)),
        ("shape", len(graph.shape)),
        ("start", len(graph.start) - 1),
    ):
        if length != count:
            raise GraphError(f"the column `{name}` speaks of {length} nodes, the column `op` of {count}")
    if graph.start[0] != 0 or graph.start[count] != len(graph.operands):
        raise GraphError(f"the operand ranges end at {graph.start[count]}, the column at {len(graph.operands)}")


def _check_operands(graph: Graph) -> None:
    start, operands, rows = graph.start, graph.operands, REGISTRY.rows
    for node, op in enumerate(graph.op):
        if op >= len(rows):
            raise GraphError(f"node {node} has the operation code {op}, which no row has")
        first, end = start[node], start[node + 1]
        count, row = end - first, rows[op]
        if count != row.arity and not (row.variadic and count > row.arity):
            raise GraphError(f"{graph.describe(node)} has {count} operands; `{row.name}` takes {row.arity}")
        for operand in operands[first:end]:
            if not 0 <= operand < node:
                raise GraphError(f"{graph.describe(node)} uses {graph.describe(operand)}, which is not before it")


def _check_payloads(graph: Graph) -> None:
    lengths = {CONSTANT: len(graph.constants), ARRAY: len(graph.arrays), INPUT: len(graph.input_names)}
    for node, payload in enumerate(graph.payload):
        length = lengths.get(graph.op[node])
        if length is None:
            length = len(graph.attributes)
            if payload == NO_PAYLOAD:
                continue
        if not 0 <= payload < length:
            raise GraphError(f"{graph.describe(node)} has the payload {payload}, of {length} there are")


def _check_shapes(graph: Graph) -> None:
    if graph.shapes[0] != () or len(set(graph.shapes)) != len(graph.shapes):
        raise GraphError("the shapes are not distinct ones that begin with the scalar")
    shape, start, operands, rows = graph.shape, graph.start, graph.operands, REGISTRY.rows
    for node, number in enumerate(shape):
        if not 0 <= number < len(graph.shapes):
            raise GraphError(f"{graph.describe(node)} has the shape number {number}, of {len(graph.shapes)} there are")
        row = rows[graph.op[node]]
        used = operands[start[node] : start[node + 1]]
        if row.shape is None and all(shape[operand] == number for operand in used) and used:
            continue
        expected = _expected_shape(graph, node, used)
        if expected is not None and expected != graph.shapes[number]:
            raise GraphError(
                f"{graph.describe(node)} has the shape {describe(graph.shapes[number])}; "
                f"its operands make {describe(expected)}"
            )


def _expected_shape(graph: Graph, node: int, used: Sequence[int]) -> Shape | None:
    """The shape that a node should have; None for an input, which may have any."""
    if graph.is_input(node):
        return None
    if graph.op[node] == ARRAY:
        return tuple(graph.arrays[graph.payload[node]].shape)
    try:
        return result_shape(graph.row(node), [graph.shape_of(operand) for operand in used], graph.attributes_of(node))
    except ValueError as error:
        raise GraphError(f"{graph.describe(node)} cannot take its operands: {error}") from None


def _check_distinct(graph: Graph) -> None:
    seen: dict[tuple[int, object], int] = {}
    for node, op in enumerate(graph.op):
        key = op, key_of(graph.payload[node], graph.operands_of(node))
        twin = seen.setdefault(key, node)
        if twin != node:
            raise GraphError(f"{graph.describe(node)} equals {graph.describe(twin)}")


def _check_tables(graph: Graph) -> None:
    """Names, spans and scopes tell of nodes that exist, and calls of calls before them."""
    count = len(graph)
    for name, node in graph.names.items():
        if not 0 <= node < count:
            raise GraphError(f"the name `{name}` belongs to node {node}, which does not exist")
    for what, table in (("span", graph.spans), ("scope", graph.scopes)):
        for node in table:
            if not 0 <= node < count:
                raise GraphError(f"there is a {what} for node {node}, which does not exist")
    for node, call in graph.scopes.items():
        if not 0 <= call < len(graph.calls):
            raise GraphError(f"{graph.describe(node)} was written in call {call}, which does not exist")
    for number, made in enumerate(graph.calls):
        if not -1 <= made.parent < number:
            raise GraphError(f"call {number} of `{made.name}` was made from call {made.parent}, which is not before it")
    for number in graph.exact:
        if not 0 <= number < len(graph.constants):
            raise GraphError(f"there is an exact text for constant {number}, which does not exist")


def _check_intern(graph: Graph) -> None:
    """What the intern table holds is true; it may hold less than the graph."""
    for op, table in graph.intern.tables.items():
        for key, node in table.items():
            if not 0 <= node < len(graph):
                raise GraphError(f"the intern table knows node {node}, which does not exist")
            if graph.op[node] != op or key_of(graph.payload[node], graph.operands_of(node)) != key:
                raise GraphError(f"the intern table takes {graph.describe(node)} for another node")
