"""The working of a derivative by hand: one rule a line, from d/dx(…) to the answer.

A line is a node in which derivatives that are still to be taken stand as hidden inputs. A step takes the leftmost of
them and writes its rule in its place, so each line equals the one before it, and all of them are the derivative. Which
rule that is follows from the operation: products, quotients, powers and branches in the form of textbooks, every other
one by the partial derivatives of its row and the chain rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from cgcli.emit.formula import expression
from cgcli.emit.latex import latex
from cgcli.errors import CalculationError
from cgcli.explain.multiplying import multiplied_out
from cgcli.explain.table_rule import table_rule
from cgcli.explain.textbook import FORMS, Asked, GivenRule
from cgcli.explain.tidying import in_elements, of_finite_numbers, plainer, simplified, with_tidy_products, written
from cgcli.graph.copying import copy_beginning
from cgcli.graph.replacing import replaced
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import linear, shaping
from cgcli.passes.derivative import derivative_of, directional
from cgcli.passes.expand import expansion, transplant
from cgcli.passes.folding import FoldingRef
from cgcli.passes.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.graph.ref import Ref

MOST_STEPS = 400
"""Steps of one derivative; more than anybody reads."""

LONGEST_LINE = 20_000
"""Characters of a line."""


ARRAYS = {
    shaping.stack: ("list rule", "a list is differentiated element by element"),
    linear.matmul: ("product rule", "(u @ v)' = u' @ v + u @ v'"),
    shaping.sum_of: ("sum rule", "the derivative of a sum is the sum of the derivatives"),
}  # fmt: skip
"""What rules of operations on arrays are called."""


class Rule(NamedTuple):
    """A rule: its name, and how it is written in general (u' is the derivative of u)."""

    name: str
    general: str


BEGIN = Rule("", "")
ELEMENTS = Rule("lists written out", "element by element")
TIDIED = Rule("simplification", "numbers are multiplied, equal factors put together or cancelled")
MULTIPLIED = Rule("simplification", "parentheses are multiplied out, or common factors taken out")
COLLECTED = Rule("simplification", "like terms are added, common factors taken out")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the working.

    rule: what was done to come here, with its general form; empty for the first line. of: the text of what was
    differentiated, or of what was simplified. text: the line with `d/dx(…)` where a derivative is still to be taken.
    node: in the graph of the working. order: of the derivative that is being taken, from 1.
    """

    order: int
    rule: Rule
    of: str
    text: str
    node: int
    working: Working = field(repr=False)

    @property
    def formula(self) -> str:
        """The line in the language, which cg evaluates: with `diff(…, x)` where a derivative is still to be taken."""
        return self.working.text(self.node, "diff({1}, {0})")

    @property
    def latex(self) -> str:
        """The line for mathematics mode."""
        return self.working.latex(self.node)

    def as_dict(self) -> dict[str, Any]:
        """The line as JSON-able data."""
        return {
            "order": self.order, "rule": self.rule.name, "general": self.rule.general, "of": self.of,
            "text": self.text, "formula": self.formula, "latex": self.latex,
        }  # fmt: skip


class Applied(NamedTuple):
    """A rule that was applied: in which order and line, in the place of which of its hidden inputs, to which node."""

    order: int
    line: int
    place: int
    of: int
    rule: GivenRule


class Working:
    """The lines of the derivative of one output by one variable, to some order; `applied` has the rules one by one."""

    def __init__(
        self, graph: Graph, output: int, variable: int, name: str, *, order: int = 1, plain: bool = True
    ) -> None:
        """output, variable: scalar nodes; the variable an input or one of its elements. name: of the variable in texts.
        plain: whether what can be simplified is, in lines of their own.

        CalculationError for more steps, or longer lines, than anybody reads.
        """
        self.graph = Graph()
        copy_beginning(graph, self.graph, len(graph))
        self.name = name
        self.variable = variable
        self.output = output
        self.order = order
        self.plain = plain
        part = graph.row(variable) is shaping.index
        self.root = graph.operands_of(variable)[0] if part else variable
        self.pending: dict[int, int] = {}
        self.lines: list[Line] = []
        self.applied: list[Applied] = []
        self._depends = bytearray()
        self._taken: dict[int, int] = {}
        self._written: dict[int, str] = {}
        last = output
        for number in range(1, order + 1):
            last = self._differentiated(last, number)

    # ---- one derivative ----------------------------------------------------------------------------------------------

    def _differentiated(self, node: int, order: int) -> int:
        line = self._pending(node)
        self._write(order, BEGIN, "", line)
        apart = in_elements(self.graph, node)
        if apart != node:
            line = self._pending(apart)
            self._write(order, ELEMENTS, expression(self.graph, node), line)
        moving = [each for each, need in enumerate(ancestors(self.graph, [apart])) if need and self.depends(each)]
        chosen = self.leftmost(line)
        while chosen is not None:
            if max(len(self.lines), len(moving)) > MOST_STEPS:  # each of them is a step at least
                raise _too_much(f"this derivative takes more than {MOST_STEPS} steps by hand")
            of = self.pending[chosen]
            found = self.ruled(of)
            self.applied.append(Applied(order, line, chosen, of, found))
            line = written(self.graph, replaced(self.graph, line, {chosen: found.result.node}))
            self._write(order, Rule(found.name, found.general), self._text_of(of), line)
            chosen = self.leftmost(line)
        return self._simplified(line, order) if self.plain else line

    def _write(self, order: int, rule: Rule, of: str, node: int) -> None:
        """A line, where it differs from the one before it."""
        text = self.text(node)
        if len(text) > LONGEST_LINE:
            raise _too_much(f"a line of this derivative has more than {LONGEST_LINE:,} characters")
        last = self.lines[-1] if self.lines else None
        if rule.name and last is not None and last.text == text:
            return
        self.lines.append(Line(order, rule, of, text, node, self))

    def text(self, node: int, form: str = "d/d{}({})") -> str:
        """A line as text; form: how a derivative of what is written by the variable is."""
        texts = {each: form.format(self.name, self._text_of(of)) for each, of in self.inner(node).items()}
        return texts[node] if node in texts else expression(self.graph, node, texts)

    def _text_of(self, node: int) -> str:
        """The text of what is differentiated, made once."""
        if node not in self._written:
            self._written[node] = expression(self.graph, node)
        return self._written[node]

    def latex(self, node: int) -> str:
        """A line for mathematics mode."""
        by = latex(self.graph, self.variable)
        texts = {
            each: rf"\frac{{d}}{{d {by}}}\left({latex(self.graph, of)}\right)" for each, of in self.inner(node).items()
        }
        return texts[node] if node in texts else latex(self.graph, node, texts)

    def inner(self, node: int) -> dict[int, int]:
        """The derivatives that are still to be taken in a line."""
        needed = ancestors(self.graph, [node])
        return {each: of for each, of in self.pending.items() if needed[each]}

    def leftmost(self, root: int) -> int | None:
        """The first derivative in the order of the text that is still to be taken."""
        pending, seen = [root], set()
        while pending:
            node = pending.pop()
            if node in self.pending:
                return node
            if node not in seen:
                seen.add(node)
                pending.extend(reversed(self.graph.operands_of(node)))
        return None

    def meaning(self, node: int) -> int:
        """The node that a line means: with the derivatives that are still to be taken in their places."""
        return replaced(self.graph, node, {each: self._derivative(of) for each, of in self.inner(node).items()})

    def _derivative(self, of: int) -> int:
        """The derivative of a node by the pass, made once."""
        if of not in self._taken:
            self._taken[of] = derivative_of(self.graph, of, self.variable)
        return self._taken[of]

    # ---- rules -------------------------------------------------------------------------------------------------------

    def depends(self, node: int) -> bool:
        """Whether a node changes with the variable, as far as the graph tells."""
        known = self._depends
        for each in range(len(known), node + 1):
            moves = each == self.root or any(known[operand] for operand in self.graph.operands_of(each))
            known.append(moves and not self._is_another_element(each))
        return bool(known[node])

    def _is_another_element(self, node: int) -> bool:
        """Whether a node is a number of the array of which the variable is another one."""
        graph = self.graph
        return (
            node != self.variable and graph.row(node) is shaping.index and not graph.shape_of(node)
            and graph.operands_of(node)[0] == self.root
        )  # fmt: skip

    def derivative_of_operand(self, of: Ref) -> Ref:
        """The derivative of a node: a number at once where it is one, else as one that is still to be taken."""
        graph, node = self.graph, of.node
        if node == self.variable:
            return FoldingRef(graph, graph.constant(1.0))
        shape = graph.shape_of(node)
        if self._is_another_element(node):
            return FoldingRef(graph, graph.constant(0.0))  # another element of the array
        if node == self.root:
            return FoldingRef(graph, self._unit(shape))
        if not self.depends(node):
            zero = graph.constant(0.0)
            return FoldingRef(graph, graph.apply(shaping.broadcast_to, [zero], [shape]) if shape else zero)
        return FoldingRef(graph, self._pending(node))

    def _pending(self, node: int) -> int:
        """The derivative of a node as one that is still to be taken."""
        place = self.graph.input(f"derivative of node {node}", self.graph.shape_of(node), hidden=True)
        self.pending[place] = node
        return place

    def _unit(self, shape: tuple[int, ...]) -> int:
        """The derivative of an array by one of its elements: 1 there and 0 elsewhere."""
        graph = self.graph
        key, _ = graph.attributes_of(self.variable)
        nodes = [graph.constant(float(place == key)) for place in product(*map(range, shape))]
        for length in reversed(shape):
            nodes = [graph.apply(shaping.stack, nodes[begin : begin + length])
                     for begin in range(0, len(nodes), length)]  # fmt: skip
        return nodes[0]

    def ruled(self, node: int) -> GivenRule:
        """The rule for the derivative of a node, and what it writes in its place."""
        graph = self.graph
        if node == self.variable or not self.depends(node):
            general = "x' = 1" if node == self.variable else "c' = 0"
            return GivenRule("power rule" if node == self.variable else "constant rule", general,
                             self.derivative_of_operand(graph.ref(node)))  # fmt: skip
        row, operands = graph.row(node), [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
        asked = Asked(FoldingRef(graph, self.variable), FoldingRef(graph, node), operands,
                      lambda ref: self.depends(ref.node), self.derivative_of_operand)  # fmt: skip
        form = FORMS.get(row)
        found = form(asked) if form else None
        if found is None or found.result.shape != graph.shape_of(node):
            found = table_rule(asked)
        if found is not None and found.result.shape == graph.shape_of(node):
            return found
        if row.definition is not None and row.pullback is None and row.partials is None:
            template, places, output = expansion(row, [each.shape for each in operands], graph.attributes_of(node))
            meant = transplant(template, graph, dict(zip(places, operands, strict=True)))(output)
            meant = FoldingRef(graph, of_finite_numbers(graph, meant.node))
            text = expression(graph, meant.node)
            return GivenRule(f"definition of {row.name}", f"it is {text}", self.derivative_of_operand(meant))
        return self._by_directions(node, operands, [self.depends(operand.node) for operand in operands])

    def _by_directions(self, node: int, operands: Sequence[Ref], depends: Sequence[bool]) -> GivenRule:
        """The rule of an operation on arrays: how it changes as its operands move along their derivatives."""
        graph, scratch = self.graph, Graph()
        row = graph.row(node)
        inputs = [scratch.input(f"operand {place}", each.shape) for place, each in enumerate(operands)]
        copy = scratch.repeat(row, inputs, graph.attributes_of(node))
        moved = [place for place, depend in enumerate(depends) if depend]
        arrows = [scratch.input(f"direction {place}", operands[place].shape) for place in moved]
        along = directional(scratch, copy, [inputs[place] for place in moved], arrows)
        simple, (result,) = simplify(scratch, [along])
        known = simple.inputs(hidden=True)
        stand_ins = {known[f"operand {place}"]: each for place, each in enumerate(operands)
                     if f"operand {place}" in known}  # fmt: skip
        for place in moved:
            if f"direction {place}" in known:
                stand_ins[known[f"direction {place}"]] = self.derivative_of_operand(operands[place])
        name, general = ARRAYS.get(row, (f"derivative of {row.name}", ""))
        return GivenRule(name, general, transplant(simple, graph, stand_ins)(result))

    # ---- simplification ----------------------------------------------------------------------------------------------

    def _simplified(self, line: int, order: int) -> int:
        """The line in simpler form: first each product by itself, then the whole."""
        for rule, simpler in ((TIDIED, with_tidy_products), (COLLECTED, simplified), (MULTIPLIED, multiplied_out)):
            after = written(self.graph, simpler(self.graph, line))
            if after != line and plainer(self.graph, after, line):
                self._write(order, rule, self.lines[-1].text, after)
                line = after
        return line

    def by_pass(self) -> int:
        """The derivative as the pass gives it, in simpler form."""
        node = self.output
        for _ in range(self.order):
            node = simplified(self.graph, derivative_of(self.graph, node, self.variable))
        return node


def _too_much(message: str) -> CalculationError:
    return CalculationError(message, hint="`cg grad FORMULA --symbolic` gives the derivative at once")
