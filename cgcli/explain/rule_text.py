"""The derivative rule of one node, as a person would write it: over names.

Rows state their rules as functions of references. Here they are called with stand-ins for the operands, the result and
the adjoint, in a small graph of their own, and what comes out is printed. Nodes that do the same to operands of the
same kind share one such text with places for the names, so that a long trace costs a few calls of rules.
"""

from __future__ import annotations

import re

from cgcli.emit.formula import expression
from cgcli.graph.store import Graph
from cgcli.ops import shaping
from cgcli.passes.backward import contributions
from cgcli.passes.folding import FoldingRef
from cgcli.passes.partials import local_partials
from cgcli.passes.simplify import simplify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

ADJOINT = "∂"
"""In front of a node's name: the adjoint of that node, in the rules of operations on arrays."""

RESULT_MARK, ADJOINT_MARK = "_result_", "_adjoint_"
MARK = re.compile(r"_(operand_(\d+)|result|adjoint)_")
"""Names of the stand-ins, which a name of the formula replaces."""

FOLDED_STEPS, LARGEST_FOLDED = 4, 400
"""Quarters up to 100 are computed with in a rule; other numbers stand in it, as each one would make its own text."""

EACH = " for each element"
"""What becomes of one number where an array is needed."""

NO_RULE = "0"
"""The rule where an operation passes nothing on: its partial derivative is zero wherever it exists."""


class RuleTexts:
    """Writes the rules of the nodes of a graph over the names of its nodes."""

    def __init__(
        self, graph: Graph, names: Mapping[int, str], write: Callable[..., str] = expression,
        adjoint: Callable[[int], str] | None = None,
    ) -> None:  # fmt: skip
        """names: of nodes. write: (graph, node, texts in the place of nodes) -> text. adjoint: node -> its text."""
        self._graph = graph
        self._names = names
        self._write = write
        self._each = EACH if write is expression else rf" \text{{{EACH}}}"
        self._adjoint = adjoint or (lambda node: ADJOINT + names[node])
        self._known: dict[Hashable, str] = {}

    def text(self, node: int, place: int, *, partial: bool) -> str:
        """The rule for one operand: the partial derivative, or what is done with the adjoint of the node."""
        graph = self._graph
        operands = graph.operands_of(node)
        kinds = tuple(self._kind(operand) for operand in operands)
        key = (graph.op[node], graph.payload[node], kinds, place, partial)
        pattern = self._known.get(key)
        if pattern is None:
            pattern = self._known[key] = self._pattern(node, place, partial)
        names = self._names

        def name_for(mark: re.Match[str]) -> str:
            if mark[2] is not None:
                name = names[operands[int(mark[2])]]
                return f"({name})" if name.startswith("-") else name
            return names[node] if mark[0] == RESULT_MARK else self._adjoint(node)

        return MARK.sub(name_for, pattern)

    def _kind(self, operand: int) -> Hashable:
        """What the text of a rule depends on: the shape of an operand, or its value where that is a short number."""
        return self._names[operand] if self._folds(operand) else self._graph.shape_of(operand)

    def _folds(self, operand: int) -> bool:
        """Whether an operand is a number that its rule computes with: `x^2` has the rule `2 * x`."""
        value = self._graph.constant_value(operand)
        return value is not None and abs(value * FOLDED_STEPS) <= LARGEST_FOLDED and (value * FOLDED_STEPS).is_integer()

    def _pattern(self, node: int, place: int, partial: bool) -> str:
        """The text over the names of stand-ins. Partial derivatives are those of each element, so of scalars."""
        graph, scratch = self._graph, Graph()
        stand_ins = [
            scratch.copy_node(graph, operand, []) if self._folds(operand)
            else scratch.input(f"_operand_{position}_", () if partial else graph.shape_of(operand))
            for position, operand in enumerate(graph.operands_of(node))
        ]  # fmt: skip
        copy = scratch.repeat(graph.row(node), stand_ins, graph.attributes_of(node))
        if partial:
            found = local_partials(scratch, copy, [place])[0]
        else:
            adjoint = FoldingRef(scratch, scratch.input(ADJOINT_MARK, scratch.shape_of(copy)))
            parts = contributions(scratch, copy, adjoint, [position == place for position in range(len(stand_ins))])
            part = parts[place]
            found = None if part is None else part.node
        if found is None:
            return NO_RULE
        simple, (rule, result) = simplify(scratch, [found, copy])
        marks = {place: name for name, place in simple.inputs().items() if MARK.fullmatch(name)}
        if simple.row(rule) is shaping.broadcast_to:
            (rule,) = simple.operands_of(rule)
            return self._text(simple, rule, result, marks) + self._each
        return self._text(simple, rule, result, marks)

    def _text(self, simple: Graph, rule: int, result: int, marks: Mapping[int, str]) -> str:
        return marks[rule] if rule in marks else self._write(simple, rule, {**marks, result: RESULT_MARK})
