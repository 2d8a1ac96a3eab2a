"""Bodies of kept calls in graph files: as JSON in the header, built anew node by node when they are read.

A body is `{"name", "nodes", "operands", "results"}`. A node is `[operation, operands, static arguments]`; of a constant
the last are its value, its exact text or null, and whether it is apart from equal ones, of an array its shape and its
elements, of an input its name and its shape. `{"body": k}` in the place of a static argument is the body k of the list,
which stands before the one that holds it. Building through `Graph` checks operands and shapes on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.data.graph_checks import DECIMALS, Malformed, as_tuples, is_prepared, is_shape, require
from cgcli.errors import CgError
from cgcli.graph.bodies import Body
from cgcli.graph.codes import ARRAY, CONSTANT, INPUT
from cgcli.graph.store import Graph
from cgcli.ops import REGISTRY
from cgcli.ops.constants import CONSTANTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_BODIES, MOST_NODES = 10_000, 1_000_000
"""Bodies of a file, and nodes of one."""


class BodyTable:
    """The bodies of a graph that is written, each once and those within it before it."""

    def __init__(self) -> None:
        self.listed: list[dict[str, Any]] = []
        self._places: dict[Body, int] = {}

    def told(self, attributes: Iterable[Any]) -> list[Any]:
        """Static arguments as JSON has them."""
        return [{"body": self._place(each)} if isinstance(each, Body) else each for each in attributes]

    def _place(self, body: Body) -> int:
        """The place of a body in the list, entered with all that lie in it where it is new."""
        pending = [body]
        while pending:
            current = pending[-1]
            within = [first for first, *_ in current.graph.attributes
                      if isinstance(first, Body) and first not in self._places]  # fmt: skip
            if within:
                pending.extend(within)
                continue
            pending.pop()
            if current not in self._places:
                self._places[current] = len(self.listed)
                self.listed.append(self._told(current))
        return self._places[body]

    def _told(self, body: Body) -> dict[str, Any]:
        graph = body.graph
        nodes = [
            (graph.row(node).name, list(graph.operands_of(node)), self._static(graph, node))
            for node in range(len(graph))
        ]
        return {"name": body.name, "nodes": nodes, "operands": body.operands, "results": body.results}

    def _static(self, graph: Graph, node: int) -> list[Any]:
        number = graph.payload[node]
        if graph.is_constant(node):
            return [graph.constants[number], graph.exact.get(number), graph.is_own_constant(node)]
        if graph.op[node] == ARRAY:
            values = graph.arrays[number]
            return [values.shape, values.ravel().tolist()]
        if graph.is_input(node):
            return [graph.input_name(node), graph.shape_of(node)]
        return [{"body": self._places[each]} if isinstance(each, Body) else each for each in graph.attributes_of(node)]


def bodies_of(header: Mapping[str, Any]) -> list[Body]:
    """The bodies of a header. Malformed for what is none."""
    entries = header.get("bodies", [])
    require(isinstance(entries, list) and len(entries) <= MOST_BODIES, "`bodies` in its header is not as it should be")
    found: list[Body] = []
    for number, entry in enumerate(entries):
        try:
            found.append(_body_of(entry, found))
        except (CgError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError) as error:
            raise Malformed(f"body {number} in its header is not as it should be: {error}") from None
        except Malformed as error:
            raise Malformed(f"body {number} in its header is not as it should be: {error}", error.hint) from None
    return found


def with_bodies(attributes: Any, bodies: Sequence[Body]) -> tuple[Any, ...]:
    """Static arguments as JSON has them as a graph has them."""
    return tuple(_body(each, bodies) if isinstance(each, dict) else as_tuples(each) for each in attributes)


def _body(entry: Mapping[str, Any], bodies: Sequence[Body]) -> Body:
    place = entry.get("body")
    require(len(entry) == 1 and type(place) is int and 0 <= place < len(bodies), "it names no body")
    return bodies[place]  # type: ignore[index]  # a whole number, as asked above


def _body_of(entry: Any, bodies: Sequence[Body]) -> Body:
    name, nodes, operands, results = (entry[key] for key in ("name", "nodes", "operands", "results"))
    require(isinstance(name, str) and name.isprintable(), "its name cannot be printed")
    require(isinstance(nodes, list) and len(nodes) <= MOST_NODES, "its nodes are no list")
    graph = Graph()
    moved: list[int] = []
    for word, used, static in nodes:
        row = REGISTRY.by_name.get(word)
        require(row is not None, f"this cg has no operation `{word}`")
        assert row is not None
        require(all(type(each) is int and 0 <= each < len(moved) for each in used), f"`{word}` uses no node before it")
        moved.append(_node(graph, row, [moved[each] for each in used], static, bodies))
    places = [*operands, *results]
    require(all(type(each) is int and 0 <= each < len(moved) for each in places) and results, "it has no such results")
    inputs = sorted(moved[each] for each in operands)
    require(inputs == sorted(graph.inputs(hidden=True).values()) and len(set(inputs)) == len(inputs) > 0,
            "its operands are not its inputs")  # fmt: skip
    return Body(name, graph, [moved[each] for each in operands], [moved[each] for each in results])


def _node(graph: Graph, row: Any, operands: list[int], static: Any, bodies: Sequence[Body]) -> int:
    if row.code in (CONSTANT, ARRAY, INPUT):
        require(not operands, f"`{row.name}` takes no operands")
        return _leaf(graph, row.code, static)
    require(len(operands) == row.arity or (row.variadic and len(operands) > row.arity),
            f"`{row.name}` takes {row.arity} operands")  # fmt: skip
    attributes = with_bodies(static, bodies)
    shapes = [graph.shape_of(operand) for operand in operands]
    fits = is_prepared(row, shapes, attributes) if row.prepare is not None else not attributes
    require(fits, f"`{row.name}` has static arguments of another")
    return graph.repeat(row, operands, attributes)


def _leaf(graph: Graph, code: int, static: Any) -> int:
    if code == INPUT:
        name, shape = static
        require(isinstance(name, str) and name.isprintable() and name != "" and is_shape(shape), "it has a wrong input")
        return graph.input(name, tuple(shape))
    if code == ARRAY:
        shape, values = static
        require(
            is_shape(shape) and shape and all(type(each) in (int, float) for each in values), "it has a wrong array"
        )
        return graph.array_constant(np.array(values, dtype=np.float64).reshape(shape))
    value, exact, own = static
    require(type(value) in (int, float) and type(own) is bool, "it has a wrong constant")
    if exact is not None:
        known = CONSTANTS[exact].value if exact in CONSTANTS else None
        decimal = isinstance(exact, str) and DECIMALS.fullmatch(f"{exact}\n")
        require(known is not None or decimal, "it has a wrong exact text")
        require(float(exact) == value if known is None else known == value, "an exact text tells of another number")
    return graph.constant(value, exact, own=own)
