"""Differentiating large graphs of scalars: each rule is worked out once and stamped onto all nodes that it fits.

What a node hands to its operands depends on its *pattern* only: the operation, its static arguments, which operands
are asked for, and which are small whole constants (so that x^2 gets 2*x). The contributions of a pattern are built by
`contributions`, as for every graph, on stand-ins for operands, result and adjoint; what was built is a short list of
steps. One backward loop over the columns then copies the steps for every node. It serves wide graphs and chains
alike, and takes some 50 nanoseconds a node where the walk of `differentiate` takes many microseconds.
"""

from __future__ import annotations

import numpy as np

from cgcli.graph.bulk import extend
from cgcli.graph.loops import compiled, number_keys, share_equal, swept
from cgcli.graph.store import CONSTANT, INPUT, Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.ops import REGISTRY, arithmetic
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.graph.ref import Ref

    Column = NDArray[Any]
    Contributions = Callable[[Graph, int, Ref, Sequence[bool]], list[Ref | None]]

MOST_OPERANDS = 4
"""Operands that the key of a pattern has room for."""

FEW_PATTERNS = 4096
"""Distinct patterns that a small table holds; graphs have some dozens."""

LARGEST_CONSTANT = 64
"""Whole constants up to here are part of a pattern; every other constant is an operand like any other."""

ASKED_FOR = 255
"""Code of an operand whose adjoint is asked for; others are 0, or 1 + LARGEST_CONSTANT + the constant."""

RESULT, ADJOINT, FIRST_STEP = 8, 9, 16
"""What a step's argument says: an operand (0 to 7), the result, the adjoint, an earlier step; a node of the graph n
(a constant) is written as -1 - n."""

NOTHING = 1 << 30
"""In the place of an argument: this operand receives nothing."""


class Stamps:
    """The steps of all patterns, as columns. Pattern p has two variants: 2p, and 2p + 1 for an adjoint of exactly 1.

    first_step: of each variant (and the end). op, payload, first_argument (and the end): of each step. arguments: of
    all steps. first_given, given: for each variant, what each operand receives.
    """

    def __init__(self) -> None:
        self.first_step = [0]
        self.op: list[int] = []
        self.payload: list[int] = []
        self.first_argument = [0]
        self.arguments: list[int] = []
        self.first_given = [0]
        self.given: list[int] = []

    def columns(self) -> tuple[Column, ...]:
        """All of it for the loop."""
        of_steps = (self.first_step, self.op, self.payload, self.first_argument, self.arguments)
        return tuple(np.array(values, dtype=np.int32) for values in (*of_steps, self.first_given, self.given))


def stamped(
    graph: Graph, outputs: Sequence[int], wrt: Sequence[int], seeds: Sequence[int], contributions: Contributions
) -> tuple[Column, Column] | None:
    """Extend the graph by the adjoints of all nodes between `wrt` and the outputs.

    Returns node -> adjoint and edge -> contribution (-1: none), or None where the graph is not one of scalars or an
    operation has too many operands. CalculationError where an operation has no derivative rule.
    """
    size, edges = len(graph), len(graph.operands)
    active = np.frombuffer(ancestors(graph, outputs), np.uint8) & np.frombuffer(descendants(graph, wrt), np.uint8)
    start, operands = np.array(graph.start), np.array(graph.operands)
    op, payload = np.array(graph.op), np.array(graph.payload)
    if np.array(graph.shape)[active.astype(bool)].any():
        return None
    keys = _keys(graph, active, op, payload, start, operands)
    if keys is None:
        return None
    nodes, distinct, inverse = keys
    stamps = Stamps()
    one = graph.constant(1.0)
    for key in distinct.tolist():
        if not _add_pattern(graph, stamps, key, contributions):
            return None
    pattern = np.full(size, -1, dtype=np.int32)
    pattern[nodes] = inverse
    seed = np.full(size, -1, dtype=np.int32)
    for output, value in zip(outputs, seeds, strict=True):
        if active[output]:
            seed[output] = value
    columns = stamps.columns()
    steps = np.diff(columns[0]).reshape(-1, 2).max(axis=1, initial=0)
    arguments = np.diff(columns[3][columns[0]]).reshape(-1, 2).max(axis=1, initial=0)
    known = len(graph)
    nodes_room = known + int(steps[inverse].sum()) + len(operands) + len(outputs)
    edges_room = len(graph.operands) + int(arguments[inverse].sum()) + 2 * (len(operands) + len(outputs))
    op, payload, start = (_with_room(column, nodes_room + 1) for column in (graph.op, graph.payload, graph.start))
    operands = _with_room(graph.operands, edges_room)
    adjoint, contribution = np.full(size, -1, dtype=np.int32), np.full(edges, -1, dtype=np.int32)
    count = compiled(stamp)(
        pattern, active, seed, start, operands, adjoint, contribution, *columns, op, payload, known,
        graph.start[known], one, arithmetic.add.code, int(steps.max(initial=0)),
    )  # fmt: skip
    moved = np.empty(count - known, dtype=np.int32)
    table = np.full(1 << (2 * count).bit_length(), -1, dtype=np.int32)
    kept = compiled(share_equal)(op, payload, start, operands, known, count, table, moved)
    extend(graph.op, op[known:kept])
    extend(graph.payload, payload[known:kept])
    extend(graph.operands, operands[start[known] : start[kept]])
    extend(graph.start, start[known + 1 : kept + 1])
    extend(graph.shape, np.zeros(kept - known, dtype=np.int32))
    graph.intern.learn(graph, known)
    return _moved(adjoint, known, moved), _moved(contribution, known, moved)


def _with_room(column: Any, length: int) -> Column:
    """A copy of a column of the graph that more can be written behind."""
    copy = np.empty(length, dtype=np.int32)
    copy[: len(column)] = column
    return copy


def _moved(nodes: Column, known: int, moved: Column) -> Column:
    """Nodes where they are after equal ones became one."""
    new = nodes >= known
    nodes[new] = moved[nodes[new] - known]
    return nodes


def _keys(
    graph: Graph, active: Column, op: Column, payload: Column, start: Column, operands: Column
) -> tuple[Column, Column, Column] | None:
    """The active nodes with operands, the distinct keys of their patterns, and which one each node has."""
    nodes = np.flatnonzero(active & ~np.isin(op, (CONSTANT, INPUT)))
    count = (start[1:] - start[:-1])[nodes]
    if count.max(initial=0) > MOST_OPERANDS or payload[nodes].max(initial=0) >= 0xFFFF:
        return None
    code = np.zeros(len(op), dtype=np.uint8)
    constants = np.flatnonzero(op == CONSTANT)
    values = np.array(graph.constants)[payload[constants]]
    small = (np.abs(values) <= LARGEST_CONSTANT) & (values == np.floor(values)) & ~((values == 0) & np.signbit(values))
    code[constants[small]] = values[small] + LARGEST_CONSTANT + 1
    code[active.astype(bool)] = ASKED_FOR
    key = op[nodes].astype(np.int64) << 48 | (payload[nodes] + 1).astype(np.int64) << 32
    for position in range(MOST_OPERANDS):
        has = np.flatnonzero(count > position)
        operand = operands[start[nodes[has]] + position]
        key[has] |= code[operand].astype(np.int64) << (8 * position)
    return nodes, *_numbered(key)


def _numbered(keys: Column) -> tuple[Column, Column]:
    """The distinct keys, and which one each key is."""
    distinct, inverse = np.empty(FEW_PATTERNS, dtype=np.int64), np.empty(len(keys), dtype=np.int64)
    table = np.full(4 * FEW_PATTERNS, -1, dtype=np.int64)
    count = swept(number_keys, len(keys), keys, table, distinct, inverse)
    if count >= 0:
        return distinct[:count], inverse
    distinct, inverse = np.unique(keys, return_inverse=True)
    return distinct, inverse.ravel()


def _add_pattern(graph: Graph, stamps: Stamps, key: int, contributions: Contributions) -> bool:
    """Work out both variants of a pattern; False where a step is no scalar."""
    row = REGISTRY.rows[key >> 48]
    number = (key >> 32 & 0xFFFF) - 1
    codes = [key >> 8 * position & 0xFF for position in range(row.arity)]
    for seeded in (False, True):
        template = Graph()
        operands = [
            template.constant(code - LARGEST_CONSTANT - 1) if 0 < code < ASKED_FOR
            else template.input(f"operand {position}")
            for position, code in enumerate(codes)
        ]  # fmt: skip
        result = template.repeat(row, operands, graph.attributes[number] if number >= 0 else ())
        adjoint = FoldingRef(template, template.constant(1.0) if seeded else template.input("adjoint"))
        found = contributions(template, result, adjoint, [code == ASKED_FOR for code in codes])
        meaning = {operand: position for position, operand in enumerate(operands) if not template.is_constant(operand)}
        meaning[result] = RESULT
        if not seeded:
            meaning[adjoint.node] = ADJOINT
        if any(template.shape) or not _add_steps(graph, stamps, template, meaning, found):
            return False
    return True


def _add_steps(
    graph: Graph, stamps: Stamps, template: Graph, meaning: dict[int, int], found: Sequence[Ref | None]
) -> bool:
    """The nodes that the contributions need as steps, and what each operand receives."""
    needed = ancestors(template, [part.node for part in found if part is not None])
    count = 0
    for node in range(len(template)):
        if not needed[node] or node in meaning:
            continue
        if template.is_constant(node):
            number = template.payload[node]
            meaning[node] = -1 - graph.constant(template.constants[number], template.exact.get(number))
            continue
        stamps.op.append(template.op[node])
        stamps.payload.append(graph.attribute_number(template.attributes_of(node)))
        stamps.arguments.extend(meaning[operand] for operand in template.operands_of(node))
        stamps.first_argument.append(len(stamps.arguments))
        meaning[node] = FIRST_STEP + count
        count += 1
    stamps.first_step.append(len(stamps.op))
    stamps.given.extend(NOTHING if part is None else meaning[part.node] for part in found)
    stamps.first_given.append(len(stamps.given))
    return True


def stamp(
    pattern: Any, active: Any, seed: Any, start: Any, operands: Any, adjoint: Any, contribution: Any, first_step: Any,
    step_op: Any, step_payload: Any, first_argument: Any, arguments: Any, first_given: Any, given: Any, op: Any,
    payload: Any, made: int, used: int, one: int, add: int, most_steps: int,
) -> int:  # fmt: skip
    """The backward loop: sum up what a node received, then stamp its pattern. Returns how many nodes there are then.

    What a node received is a list of edges, threaded through `following`, and is summed in pairs (a balanced tree).
    """
    size = len(pattern)
    first = np.full(size, -1, dtype=np.int32)
    last = np.full(size, -1, dtype=np.int32)
    following = np.full(len(contribution), -1, dtype=np.int32)
    parts = np.empty(len(contribution) + 1, dtype=np.int32)
    meaning = np.empty(FIRST_STEP + most_steps, dtype=np.int32)
    for node in range(size - 1, -1, -1):
        if not active[node]:
            continue
        count = 0
        if seed[node] >= 0:
            parts[0] = seed[node]
            count = 1
        edge = first[node]
        while edge >= 0:
            parts[count] = contribution[edge]
            count += 1
            edge = following[edge]
        if count == 0:
            continue
        while count > 1:
            for pair in range(count // 2):
                op[made] = add
                payload[made] = -1
                operands[used] = parts[2 * pair]
                operands[used + 1] = parts[2 * pair + 1]
                used += 2
                parts[pair] = made
                made += 1
                start[made] = used
            if count % 2:
                parts[count // 2] = parts[count - 1]
            count = (count + 1) // 2
        total = parts[0]
        adjoint[node] = total
        if pattern[node] < 0:
            continue
        variant = 2 * pattern[node] + (1 if total == one else 0)
        edges = start[node]
        for place in range(start[node + 1] - edges):
            meaning[place] = operands[edges + place]
        meaning[RESULT] = node
        meaning[ADJOINT] = total
        begin = first_step[variant]
        for step in range(begin, first_step[variant + 1]):
            op[made] = step_op[step]
            payload[made] = step_payload[step]
            for place in range(first_argument[step], first_argument[step + 1]):
                argument = arguments[place]
                operands[used] = meaning[argument] if argument >= 0 else -1 - argument
                used += 1
            meaning[FIRST_STEP + step - begin] = made
            made += 1
            start[made] = used
        for place in range(first_given[variant], first_given[variant + 1]):
            argument = given[place]
            if argument == NOTHING:
                continue
            edge = edges + place - first_given[variant]
            contribution[edge] = meaning[argument] if argument >= 0 else -1 - argument
            operand = operands[edge]
            if first[operand] < 0:
                first[operand] = edge
            else:
                following[last[operand]] = edge
            last[operand] = edge
    return made
