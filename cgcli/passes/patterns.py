"""Derivative rules worked out once for a kind of node, as short lists of steps: what `stamping` copies for every node.

What a node hands to its operands depends on its *pattern* only: the operation, its static arguments, which operands
are asked for, and which are small whole constants (so that x^2 gets 2*x). The contributions of a pattern are built by
`handed_on`, as for every graph, on stand-ins for operands, result, adjoint and mask.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import REGISTRY
from cgcli.passes.adjoints import Adjoint, Mask
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.ops import Operation

    Column = NDArray[Any]
    HandedOn = Callable[[Graph, int, Adjoint, Sequence[bool]], list[Adjoint | None]]

LARGEST_CONSTANT = 64
"""Whole constants up to here are part of a pattern; every other constant is an operand like any other."""

ASKED_FOR = 255
"""Code of an operand whose adjoint is asked for; others are 0, or 1 + LARGEST_CONSTANT + the constant."""

RESULT, ADJOINT, MASK, FIRST_STEP = 8, 9, 10, 16
"""What a step's argument says: an operand (0 to 7), the result, the adjoint, its mask, an earlier step; a node of the
graph n (a constant) is written as -1 - n."""

NOTHING = 1 << 30
"""In the place of an argument: this operand receives nothing."""

NO_PATTERN = -1
"""Key of the nodes that hand nothing on; their pattern has no steps."""


class Patterns(NamedTuple):
    """The steps of all patterns, as columns.

    Each pattern has four variants, of which those with a mask are empty in a graph without decisions. first_step: of
    each variant (and the end). op, payload, first_argument (and the end): of each step. arguments: of all steps.
    first_given, given, given_mask: for each variant, what each operand receives, and the mask under which it counts.
    masked: the first variant of those with a mask.
    """

    masked: int
    first_step: Any
    op: Any
    payload: Any
    first_argument: Any
    arguments: Any
    first_given: Any
    given: Any
    given_mask: Any


class Stamps:
    """Patterns as they are worked out. Variants 2p and 2p + 1 of pattern p: for any adjoint, and for exactly 1."""

    def __init__(self) -> None:
        self.first_step = [0]
        self.op: list[int] = []
        self.payload: list[int] = []
        self.first_argument = [0]
        self.arguments: list[int] = []
        self.first_given = [0]
        self.given: list[int] = []
        self.given_mask: list[int] = []

    def add_empty(self) -> None:
        """A variant that does nothing."""
        self.first_step += self.first_step[-1:]
        self.first_given += self.first_given[-1:]

    @property
    def decide(self) -> bool:
        """Whether a contribution of any pattern counts under a condition."""
        return any(mask != NOTHING for mask in self.given_mask)

    def most(self, nodes: Column) -> tuple[int, int]:
        """Steps and arguments that so many nodes of each pattern need at most."""
        first = np.array(self.first_step)
        steps = np.diff(first).reshape(-1, len(nodes), 2).max(axis=(0, 2))
        arguments = np.diff(np.array(self.first_argument)[first]).reshape(-1, len(nodes), 2).max(axis=(0, 2))
        return int(nodes @ steps), int(nodes @ arguments)

    def patterns(self, masked: int) -> Patterns:
        """All of it for the loop."""
        columns = (
            self.first_step, self.op, self.payload, self.first_argument, self.arguments, self.first_given, self.given,
            self.given_mask,
        )  # fmt: skip
        return Patterns(masked, *(np.array(values, dtype=np.int32) for values in columns))


def add_variants(graph: Graph, stamps: Stamps, distinct: Column, handed_on: HandedOn, *, masked: bool) -> bool:
    """Work out all patterns, for adjoints that count everywhere or under a mask; False where a step is no scalar."""
    for key in distinct.tolist():
        if key == NO_PATTERN:
            stamps.add_empty()
            stamps.add_empty()
            continue
        row = REGISTRY.rows[key >> 48]
        number = (key >> 32 & 0xFFFF) - 1
        codes = [key >> 8 * position & 0xFF for position in range(row.arity)]
        attributes = graph.attributes[number] if number >= 0 else ()
        for seeded in (False, True):
            if not _add_variant(graph, stamps, row, codes, attributes, handed_on, seeded, masked):
                return False
    return True


def _add_variant(
    graph: Graph, stamps: Stamps, row: Operation, codes: Sequence[int], attributes: tuple[Any, ...],
    handed_on: HandedOn, seeded: bool, masked: bool,
) -> bool:  # fmt: skip
    """Work out one variant of a pattern on stand-ins."""
    template = Graph()
    operands = [
        template.constant(code - LARGEST_CONSTANT - 1) if 0 < code < ASKED_FOR
        else template.input(f"operand {position}")
        for position, code in enumerate(codes)
    ]  # fmt: skip
    result = template.repeat(row, operands, attributes)
    adjoint = FoldingRef(template, template.constant(1.0) if seeded else template.input("adjoint"))
    mask = FoldingRef(template, template.input("mask")) if masked else None
    start = Adjoint(adjoint, None if mask is None else Mask(mask))
    found = handed_on(template, result, start, [code == ASKED_FOR for code in codes])
    meaning = {operand: position for position, operand in enumerate(operands) if not template.is_constant(operand)}
    meaning[result] = RESULT
    if not seeded:
        meaning[adjoint.node] = ADJOINT
    if mask is not None:
        meaning[mask.node] = MASK
    return not any(template.shape) and _add_steps(graph, stamps, template, meaning, found)


def _add_steps(
    graph: Graph, stamps: Stamps, template: Graph, meaning: dict[int, int], found: Sequence[Adjoint | None]
) -> bool:
    """The nodes that the contributions need as steps, and what each operand receives."""
    values = [None if part is None else part.value.node for part in found]
    conditions = [None if part is None or part.mask is None else part.mask.condition for part in found]
    masks = [None if condition is None else condition.node for condition in conditions]
    needed = ancestors(template, [node for node in (*values, *masks) if node is not None])
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
    stamps.given.extend(NOTHING if node is None else meaning[node] for node in values)
    stamps.given_mask.extend(NOTHING if node is None else meaning[node] for node in masks)
    stamps.first_given.append(len(stamps.given))
    return True
