"""Differentiating large graphs of scalars: each rule is worked out once and stamped onto all nodes that it fits.

The rules are worked out by pattern (see `patterns`). One backward loop over the columns then copies the steps of its
pattern for every node. It serves wide graphs and chains alike, and takes some 100 nanoseconds a node where the walk of
`differentiate` takes many microseconds. Both ways add up in the same order, so that they give the same bits.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from cgcli.graph.bulk import extend
from cgcli.graph.codes import CONSTANT
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.loops import MULTIPLIER, compiled, number_keys, viewed
from cgcli.ops import REGISTRY, arithmetic, logic
from cgcli.passes.adjoints import Mask
from cgcli.passes.folding import FoldingRef
from cgcli.passes.patterns import (
    ADJOINT,
    ASKED_FOR,
    FIRST_STEP,
    LARGEST_CONSTANT,
    MASK,
    NO_PATTERN,
    NOTHING,
    RESULT,
    Patterns,
    Stamps,
    add_variants,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.passes.patterns import HandedOn

    Column = NDArray[Any]

MOST_OPERANDS = 4
"""Operands that the key of a pattern has room for."""

FEW_PATTERNS = 4096
"""Distinct patterns that a small table holds; graphs have some dozens."""

MOST_OF_A_SUM, MOST_PLACES_OF_A_SUM = 4, 10
"""Nodes that the sum of two contributions under different conditions takes, and their operands."""

NONE = -1
"""Stands in the maps where there is no adjoint or no contribution."""

SPACING, NEAR, TRIES = 4, 32, 16
"""Of the hash table: places a node, places over which the users of one operand are spread (a power of two), and
places that are looked at before the search goes on somewhere else."""


class Nodes(NamedTuple):
    """The columns of the graph, with room for the nodes that come."""

    op: Any
    payload: Any
    start: Any
    operands: Any


class Found(NamedTuple):
    """What comes out: by node the adjoint and its mask, by edge the contribution and its mask; -1 for none.

    In a graph without decisions the columns of masks are empty. before: by node with an adjoint, how many nodes there
    were when the loop came to it.
    """

    adjoint: Any
    contribution: Any
    mask: Any
    edge_mask: Any
    before: Any


class Known(NamedTuple):
    """Nodes and rows that the loop writes: the constants 1 and 0, and the codes of the rows that join contributions."""

    one: int
    zero: int
    add: int
    where: int
    either: int
    rows: int


class MaskColumn:
    """The masks of nodes or edges by their conditions."""

    def __init__(self, graph: Graph, conditions: Column) -> None:
        self._graph = graph
        self._conditions = conditions

    def get(self, key: int) -> Mask | None:
        """The mask of one of them, None where it counts everywhere."""
        condition = int(self._conditions[key]) if len(self._conditions) else NONE
        return None if condition == NONE else Mask(FoldingRef(self._graph, condition))


def stamped(
    graph: Graph, outputs: Sequence[int], wrt: Sequence[int], seeds: Sequence[int], handed_on: HandedOn
) -> tuple[array[int], array[int], MaskColumn, MaskColumn] | None:
    """Extend the graph by the adjoints of all nodes between `wrt` and the outputs.

    Returns node -> adjoint and edge -> contribution (-1: none) and their masks, or None where the graph is not one of
    scalars or an operation has too many operands. CalculationError where an operation has no derivative rule.
    """
    size = len(graph)
    adjoint, contribution = array("i", [NONE]) * size, array("i", [NONE]) * len(graph.operands)
    active = np.frombuffer(ancestors(graph, outputs), np.uint8) & np.frombuffer(descendants(graph, wrt), np.uint8)
    numbered = _patterns(graph, active)
    if numbered is None:
        return None
    distinct, pattern = numbered
    one, zero = graph.constant(1.0), graph.constant(0.0)
    stamps = Stamps()
    if not add_variants(graph, stamps, distinct, handed_on, masked=False):
        return None
    decide = stamps.decide
    if decide and not add_variants(graph, stamps, distinct, handed_on, masked=True):
        return None
    for output, value in zip(outputs, seeds, strict=True):
        if active[output]:
            adjoint[output] = value
    known, edges = len(graph), len(graph.operands)
    graph.intern.learn(graph, known)  # gives the memory of its tables back before as much is taken
    patterns = stamps.patterns(2 * len(distinct))
    uses = np.zeros(size, dtype=np.int32)
    whole = np.zeros(size, dtype=np.uint8)
    whole[np.array(wrt, dtype=np.int64)] = 1
    sums = _run(count_uses, pattern, patterns.first_given, patterns.given, graph.start, graph.operands, uses)
    sums += len(outputs) + (int(whole.sum()) if decide else 0)
    steps, arguments = stamps.most(np.bincount(pattern, minlength=len(distinct)))
    most = known + steps + sums * (MOST_OF_A_SUM if decide else 1)
    places = edges + arguments + sums * (MOST_PLACES_OF_A_SUM if decide else 2)
    op, payload, start = (_with_room(column, most + 1) for column in (graph.op, graph.payload, graph.start))
    nodes = Nodes(op, payload, start, _with_room(graph.operands, places))
    mask, edge_mask = (np.full(len(each) if decide else 0, NONE, dtype=np.int32) for each in (adjoint, contribution))
    found = Found(viewed(adjoint), viewed(contribution), mask, edge_mask, np.empty(size, dtype=np.int32))
    rows = (arithmetic.add.code, logic.where.code, logic.disjunction.code, len(REGISTRY.rows))
    count = _run(stamp, pattern, uses, whole, patterns, nodes, found, Known(one, zero, *rows), known)
    extend(graph.op, nodes.op[known:count])
    extend(graph.payload, nodes.payload[known:count])
    extend(graph.operands, nodes.operands[edges : nodes.start[count]])
    extend(graph.start, nodes.start[known + 1 : count + 1])
    extend(graph.shape, np.zeros(count - known, dtype=np.int32))
    graph.intern.learn(graph, known)
    visited = np.flatnonzero(found.adjoint >= 0)[::-1]
    first = found.before[visited]
    graph.origins.note_all(first, np.append(first[1:], count), visited)
    return adjoint, contribution, MaskColumn(graph, mask), MaskColumn(graph, edge_mask)


def _run(loop: Callable[..., Any], *columns: Any) -> Any:
    """What a loop returns, as machine code wherever there is numba: graphs that come here are large."""
    return compiled(loop)(*(column if isinstance(column, tuple) else viewed(column) for column in columns))


def _with_room(column: array[int], length: int) -> Column:
    """A copy of a column of the graph that more can be written behind."""
    copy = np.empty(length, dtype=column.typecode)
    copy[: len(column)] = np.frombuffer(column, dtype=column.typecode)
    return copy


def _patterns(graph: Graph, active: Column) -> tuple[Column, Column] | None:
    """The distinct keys of the patterns, and which one each node has; None where a node has no key."""
    keys = np.empty(len(graph), dtype=np.int64)
    codes = _codes(graph, active)
    columns = (graph.op, graph.payload, graph.shape, graph.start, graph.operands)
    if not _run(write_keys, active, codes, *columns, keys):
        return None
    distinct, pattern = np.empty(FEW_PATTERNS, dtype=np.int64), np.empty(len(keys), dtype=np.int32)
    table = np.full(4 * FEW_PATTERNS, -1, dtype=np.int64)
    count = _run(number_keys, keys, table, distinct, pattern)
    if count >= 0:
        return distinct[:count], pattern
    distinct, inverse = np.unique(keys, return_inverse=True)
    return distinct, inverse.ravel()


def _codes(graph: Graph, active: Column) -> Column:
    """What the key of a pattern says of each node as an operand."""
    code = active * np.uint8(ASKED_FOR)
    constants = np.flatnonzero((np.frombuffer(graph.op, dtype=np.uint16) == CONSTANT) & (active == 0))
    values = np.array(graph.constants)[np.frombuffer(graph.payload, dtype=np.int32)[constants]]
    small = (np.abs(values) <= LARGEST_CONSTANT) & (values == np.floor(values)) & ~((values == 0) & np.signbit(values))
    code[constants[small]] = values[small] + LARGEST_CONSTANT + 1
    return code


def write_keys(
    active: Any, code: Any, op: Any, payload: Any, shape: Any, start: Any, operands: Any, keys: Any
) -> bool:  # fmt: skip
    """Write the key of the pattern of each node, and NO_PATTERN where it hands nothing on.

    Returns whether all active nodes are scalars and fit into a key.
    """
    for node in range(len(keys)):
        keys[node] = NO_PATTERN
        if not active[node]:
            continue
        begin, count = start[node], start[node + 1] - start[node]
        if shape[node] or count > MOST_OPERANDS or (count and payload[node] >= 0xFFFF):
            return False
        if count:
            key = int(op[node]) << 48 | (int(payload[node]) + 1) << 32
            for position in range(count):
                key |= int(code[operands[begin + position]]) << (8 * position)
            keys[node] = key
    return True


def count_uses(pattern: Any, first_given: Any, given: Any, start: Any, operands: Any, uses: Any) -> int:
    """Add to `uses` how many contributions each node receives at most. Returns how many sums of two that takes."""
    sums = 0
    for node in range(len(uses)):
        plain, seeded = first_given[2 * pattern[node]], first_given[2 * pattern[node] + 1]
        for place in range(seeded - plain):
            if given[plain + place] != NOTHING or given[seeded + place] != NOTHING:
                operand = operands[start[node] + place]
                sums += int(uses[operand] > 0)
                uses[operand] += 1
    return sums


def stamp(
    pattern: Any, uses: Any, whole: Any, patterns: Patterns, nodes: Nodes, found: Found, given_nodes: Known, known: int
) -> int:  # fmt: skip
    """The backward loop: sum up what a node received, then stamp its pattern. Returns how many nodes there are then.

    uses: how many contributions each node receives at most. whole: 1 for nodes whose adjoint is put together, without a
    mask. found.adjoint: the seeds, which are added last. What a node
    receives is summed as a balanced tree, each pair as soon as it is there, so that a sum stands near its terms and an
    engine finds them in the cache. `parts` holds, for each node up to `end`, the sums that wait for a partner: at most
    one of each size, as the digits of the binary number `arrived` say. Two contributions under different conditions
    are put together before they are added (see `passes.adjoints`).

    No node is made that equals another one: a hash table with open addressing tells. Its addresses are near for
    nodes whose latest operands are near, and those are made one soon after the other, so it works on a small stretch
    of memory at a time. An operand with very many users fills its stretch; then the search goes on somewhere else.
    The nodes that were there before come into it, those of one operation at a time, when the first new node is made
    that one of them could equal.
    """
    op, payload, start, operands = nodes.op, nodes.payload, nodes.start, nodes.operands
    adjoint, contribution, masks, edge_masks = found.adjoint, found.contribution, found.mask, found.edge_mask
    step_op, step_payload, arguments = patterns.op, patterns.payload, patterns.arguments
    first_step, first_argument, first_given = patterns.first_step, patterns.first_argument, patterns.first_given
    given, given_mask = patterns.given, patterns.given_mask
    one, zero, add, where, either = (
        given_nodes.one, given_nodes.zero, given_nodes.add, given_nodes.where, given_nodes.either,
    )  # fmt: skip
    decide = len(masks) > 0
    size = len(pattern)
    end, arrived = np.empty(size, dtype=np.int32), np.zeros(size, dtype=np.int32)
    room = 0
    for node in range(size):
        end[node] = room
        waiting = uses[node]
        while waiting:
            room += 1
            waiting >>= 1
    parts = np.empty(room, dtype=np.int32)
    part_masks = np.full(room if decide else 0, NONE, dtype=np.int32)
    meaning = np.empty(FIRST_STEP + len(step_op), dtype=np.int32)
    entered = np.zeros(given_nodes.rows, dtype=np.uint8)
    table = np.zeros(SPACING * len(op) + NEAR + TRIES, dtype=np.int32)  # 0: empty; node 0 has no operands, never met

    def latest_operand(node: int) -> int:
        """The latest operand; constants of the patterns stand behind all nodes, and do not count."""
        latest = 0
        for place in range(start[node], start[node + 1]):
            operand = int(operands[place])
            if operand > latest and (operand < size or operand >= known):
                latest = operand
        return latest

    def met(node: int, latest: int) -> int:
        """The node in the table that equals this one; where there is none, this one, which is in it from then on."""
        begin, behind = start[node], start[node + 1]
        hashed = int(op[node]) * 31 + int(payload[node])
        for place in range(begin, behind):
            hashed = (hashed ^ int(operands[place])) * MULTIPLIER & 0x7FFFFFFF
            hashed ^= hashed >> 15
        slot = SPACING * latest + (hashed & NEAR - 1)
        tries = 0
        while table[slot]:
            other = int(table[slot])
            if op[other] == op[node] and payload[other] == payload[node]:
                offset = start[other] - begin
                place = begin
                while place < behind and operands[place + offset] == operands[place]:
                    place += 1
                if place == behind and start[other + 1] - offset == behind:
                    return other
            tries += 1
            slot = slot + 1 if tries != TRIES else hashed % len(table)
            if slot == len(table):
                slot = 0
        table[slot] = node
        return node

    def shared(node: int) -> int:
        """The node that equals the one that was written behind all others; that one where there is none."""
        latest = latest_operand(node)
        if latest < size and not entered[op[node]]:
            entered[op[node]] = 1
            for other in range(size):
                if op[other] == op[node]:
                    met(other, latest_operand(other))
        return met(node, latest)

    def written(row: int, left: int, right: int, last: int, made: int) -> int:
        """A node of two operands, or of three, behind the others where it is new."""
        used = start[made]
        op[made] = row
        payload[made] = -1
        operands[used] = left
        operands[used + 1] = right
        if last >= 0:
            operands[used + 2] = last
        start[made + 1] = used + (3 if last >= 0 else 2)
        return shared(made)

    def joined(
        left: int, left_mask: int, right: int, right_mask: int, goes_on: bool, made: int
    ) -> tuple[int, int, int]:  # fmt: skip
        """The sum of two contributions, its mask, and how many nodes there are then; without a left one, the right one
        put together.

        In turn: the mask of the sum, each contribution put together, the sum; what is not needed is left out. They are
        turns of one loop since a compiled function has a copy of `written` for each place where it is called.
        """
        mask = right_mask if left_mask == right_mask or left == NONE else NONE
        total = NONE
        first_turn, last_turn = (2, 2) if left == NONE else (3, 3) if left_mask == right_mask else (0, 3)
        for turn in range(first_turn, last_turn + 1):
            row, first, second, last = add, left, right, NONE
            if turn == 0:
                if not goes_on or left_mask < 0 or right_mask < 0:
                    continue
                row, first, second = either, left_mask, right_mask
            elif turn < 3:
                first, second, last = (left_mask, left, zero) if turn == 1 else (right_mask, right, zero)
                if first < 0:
                    continue
                row = where
            total = written(row, first, second, last, made)
            made += total == made
            if turn == 0:
                mask = total
            elif turn == 1:
                left = total
            elif turn == 2:
                right = total
        return total, mask, made

    def receive(node: int, part: int, mask: int, made: int) -> int:
        """Add a contribution to what a node received; returns how many nodes there are then."""
        arrived[node] += 1
        pairs = arrived[node]
        goes_on = start[node + 1] > start[node]
        while pairs % 2 == 0:
            end[node] -= 1
            waits = end[node]
            waiting_mask = int(part_masks[waits]) if decide else NONE
            part, mask, made = joined(parts[waits], waiting_mask, part, mask, goes_on, made)
            pairs //= 2
        parts[end[node]] = part
        if decide:
            part_masks[end[node]] = mask
        end[node] += 1
        return made

    made = known
    for node in range(size - 1, -1, -1):
        edges = start[node]
        seed = adjoint[node]
        if arrived[node] == 0 and seed < 0:
            continue
        found.before[node] = made
        total, mask = int(seed), NONE
        waiting = arrived[node]
        if waiting:
            end[node] -= 1
            total = int(parts[end[node]])
            mask = int(part_masks[end[node]]) if decide else NONE
            waiting &= waiting - 1
        if arrived[node] == 0:
            seed = NONE
        under = mask
        while waiting or seed >= 0 or (mask >= 0 and whole[node]):
            part, part_mask = NONE, NONE
            if waiting:
                end[node] -= 1
                part = int(parts[end[node]])
                part_mask = int(part_masks[end[node]]) if decide else NONE
                waiting &= waiting - 1
            elif seed >= 0:
                part, seed = int(seed), NONE
            total, under, made = joined(part, part_mask, total, mask, start[node + 1] > edges, made)
            mask = under if part >= 0 else NONE
        adjoint[node] = total
        variant = 2 * pattern[node] + (1 if total == one else 0)
        if mask >= 0:
            masks[node] = mask
        if under >= 0:
            variant += patterns.masked
        for place in range(start[node + 1] - edges):
            meaning[place] = operands[edges + place]
        meaning[RESULT] = node
        meaning[ADJOINT] = total
        meaning[MASK] = under
        begin = first_step[variant]
        for step in range(begin, first_step[variant + 1]):
            used = start[made]
            op[made] = step_op[step]
            payload[made] = step_payload[step]
            for place in range(first_argument[step], first_argument[step + 1]):
                argument = arguments[place]
                operands[used] = meaning[argument] if argument >= 0 else -1 - argument
                used += 1
            start[made + 1] = used
            stood = shared(made)
            meaning[FIRST_STEP + step - begin] = stood
            made += stood == made
        for place in range(first_given[variant], first_given[variant + 1]):
            argument = given[place]
            if argument == NOTHING:
                continue
            edge = edges + place - first_given[variant]
            contribution[edge] = meaning[argument] if argument >= 0 else -1 - argument
            condition = NONE
            if given_mask[place] != NOTHING:
                condition = meaning[given_mask[place]] if given_mask[place] >= 0 else -1 - given_mask[place]
                edge_masks[edge] = condition
            made = receive(operands[edge], contribution[edge], condition, made)
    return made
