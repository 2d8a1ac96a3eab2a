"""Differentiating large graphs of scalars: each rule is worked out once and stamped onto all nodes that it fits.

What a node hands to its operands depends on its *pattern* only: the operation, its static arguments, which operands
are asked for, and which are small whole constants (so that x^2 gets 2*x). The contributions of a pattern are built by
`contributions`, as for every graph, on stand-ins for operands, result and adjoint; what was built is a short list of
steps. One backward loop over the columns then copies the steps for every node. It serves wide graphs and chains
alike, and takes some 100 nanoseconds a node where the walk of `differentiate` takes many microseconds.
"""

from __future__ import annotations

from array import array

import numpy as np

from cgcli.graph.bulk import extend
from cgcli.graph.store import CONSTANT, Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.loops import MULTIPLIER, compiled, number_keys, viewed
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

NO_PATTERN = -1
"""Key of the nodes that hand nothing on; their pattern has no steps."""

NONE = -1
"""Stands in the maps where there is no adjoint or no contribution."""

SPACING, NEAR, TRIES = 4, 32, 16
"""Of the hash table: places a node, places over which the users of one operand are spread (a power of two), and
places that are looked at before the search goes on somewhere else."""


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

    def most(self, nodes: Column) -> tuple[int, int]:
        """Steps and arguments that so many nodes of each pattern need at most."""
        first = np.array(self.first_step)
        steps = np.diff(first).reshape(-1, 2).max(axis=1)
        arguments = np.diff(np.array(self.first_argument)[first]).reshape(-1, 2).max(axis=1)
        return int(nodes @ steps), int(nodes @ arguments)

    def columns(self) -> tuple[Column, ...]:
        """All of it for the loop."""
        of_steps = (self.first_step, self.op, self.payload, self.first_argument, self.arguments)
        return tuple(np.array(values, dtype=np.int32) for values in (*of_steps, self.first_given, self.given))


def stamped(
    graph: Graph, outputs: Sequence[int], wrt: Sequence[int], seeds: Sequence[int], contributions: Contributions
) -> tuple[array[int], array[int]] | None:
    """Extend the graph by the adjoints of all nodes between `wrt` and the outputs.

    Returns node -> adjoint and edge -> contribution (-1: none), or None where the graph is not one of scalars or an
    operation has too many operands. CalculationError where an operation has no derivative rule.
    """
    size = len(graph)
    adjoint, contribution = array("i", [NONE]) * size, array("i", [NONE]) * len(graph.operands)
    active = np.frombuffer(ancestors(graph, outputs), np.uint8) & np.frombuffer(descendants(graph, wrt), np.uint8)
    found = _patterns(graph, active)
    if found is None:
        return None
    distinct, pattern = found
    stamps = Stamps()
    one = graph.constant(1.0)
    for key in distinct.tolist():
        if not _add_pattern(graph, stamps, key, contributions):
            return None
    for output, value in zip(outputs, seeds, strict=True):
        if active[output]:
            adjoint[output] = value
    known, edges = len(graph), len(graph.operands)
    graph.intern.learn(graph, known)  # gives the memory of its tables back before as much is taken
    columns = stamps.columns()
    uses = (np.frombuffer(adjoint, np.int32) >= 0).astype(np.int32)
    sums = _run(count_uses, pattern, *columns[-2:], graph.start, graph.operands, uses)
    steps, arguments = stamps.most(np.bincount(pattern, minlength=len(distinct)))
    most = known + steps + sums
    op, payload, start = (_with_room(column, most + 1) for column in (graph.op, graph.payload, graph.start))
    operands = _with_room(graph.operands, edges + arguments + 2 * sums)
    count = _run(
        stamp, pattern, uses, adjoint, contribution, *columns, op, payload, start, operands, known, one,
        arithmetic.add.code, len(REGISTRY.rows), most,
    )  # fmt: skip
    extend(graph.op, op[known:count])
    extend(graph.payload, payload[known:count])
    extend(graph.operands, operands[edges : start[count]])
    extend(graph.start, start[known + 1 : count + 1])
    extend(graph.shape, np.zeros(count - known, dtype=np.int32))
    graph.intern.learn(graph, known)
    return adjoint, contribution


def _run(loop: Callable[..., Any], *columns: Any) -> Any:
    """What a loop returns, as machine code wherever there is numba: graphs that come here are large."""
    return compiled(loop)(*map(viewed, columns))


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


def _add_pattern(graph: Graph, stamps: Stamps, key: int, contributions: Contributions) -> bool:
    """Work out both variants of a pattern; False where a step is no scalar."""
    if key == NO_PATTERN:
        stamps.first_step += 2 * stamps.first_step[-1:]
        stamps.first_given += 2 * stamps.first_given[-1:]
        return True
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
    pattern: Any, uses: Any, adjoint: Any, contribution: Any, first_step: Any, step_op: Any,
    step_payload: Any, first_argument: Any, arguments: Any, first_given: Any, given: Any, op: Any, payload: Any,
    start: Any, operands: Any, known: int, one: int, add: int, rows: int, most: int,
) -> int:  # fmt: skip
    """The backward loop: sum up what a node received, then stamp its pattern. Returns how many nodes there are then.

    uses: how many contributions each node receives at most. adjoint: the seeds, which count as contributions. What a
    node receives is summed as a balanced tree, each pair as soon as it is there, so that a sum stands near its terms
    and an engine finds them in the cache. `parts` holds, for each node up to `end`, the sums that wait for a partner:
    at most one of each size, as the digits of the binary number `arrived` say.

    No node is made that equals another one: a hash table with open addressing tells. Its addresses are near for
    nodes whose latest operands are near, and those are made one soon after the other, so it works on a small stretch
    of memory at a time. An operand with very many users fills its stretch; then the search goes on somewhere else.
    The nodes that were there before come into it, those of one operation at a time, when the first new node is made
    that one of them could equal.
    """
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
    meaning = np.empty(FIRST_STEP + len(step_op), dtype=np.int32)
    entered = np.zeros(rows, dtype=np.uint8)
    table = np.zeros(SPACING * most + NEAR + TRIES, dtype=np.int32)  # 0: empty; node 0 has no operands, it is never met

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

    def sum_of(left: int, right: int, made: int) -> int:
        """The node of a sum, written behind the others where it is new."""
        used = start[made]
        op[made] = add
        payload[made] = -1
        operands[used] = left
        operands[used + 1] = right
        start[made + 1] = used + 2
        return shared(made)

    def receive(node: int, part: int, made: int) -> int:
        """Add a contribution to what a node received; returns how many nodes there are then."""
        arrived[node] += 1
        pairs = arrived[node]
        while pairs % 2 == 0:
            end[node] -= 1
            part = sum_of(parts[end[node]], part, made)
            made += part == made
            pairs //= 2
        parts[end[node]] = part
        end[node] += 1
        return made

    made = known
    for node in range(size - 1, -1, -1):
        if adjoint[node] >= 0:
            made = receive(node, adjoint[node], made)
        if arrived[node] == 0:
            continue
        end[node] -= 1
        total = parts[end[node]]
        waiting = arrived[node] & (arrived[node] - 1)
        while waiting:
            end[node] -= 1
            total = sum_of(parts[end[node]], total, made)
            made += total == made
            waiting &= waiting - 1
        adjoint[node] = total
        variant = 2 * pattern[node] + (1 if total == one else 0)
        edges = start[node]
        for place in range(start[node + 1] - edges):
            meaning[place] = operands[edges + place]
        meaning[RESULT] = node
        meaning[ADJOINT] = total
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
            found = shared(made)
            meaning[FIRST_STEP + step - begin] = found
            made += found == made
        for place in range(first_given[variant], first_given[variant + 1]):
            argument = given[place]
            if argument == NOTHING:
                continue
            edge = edges + place - first_given[variant]
            contribution[edge] = meaning[argument] if argument >= 0 else -1 - argument
            made = receive(operands[edge], contribution[edge], made)
    return made
