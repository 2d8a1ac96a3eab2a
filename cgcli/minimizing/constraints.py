"""Constraints as people write them, `x + y <= 1`, as functions of one vector: values, Jacobian, curvature."""

from __future__ import annotations

import numpy as np

from cgcli.errors import FormulaError, Source, UsageError
from cgcli.formulas.base import FormulaBase
from cgcli.formulas.derivatives import derived
from cgcli.formulas.programs import of_text
from cgcli.graph.balanced import balanced
from cgcli.language.spelling import canonical
from cgcli.minimizing.equations import check_brackets, statements_of
from cgcli.minimizing.objective import Objective
from cgcli.ops import arithmetic, logic, shaping
from cgcli.passes.derivative import derivatives_of
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.graph.ref import Ref
    from cgcli.language.program import Program

PREFIX = "constraint_"
NAME = "multiplier of "
"""What the hidden input for the multipliers of a constraint is called, with the number of the constraint."""


class Condition:
    """A comparison within a constraint: `part` is to be 0 (`equality`), or at least 0."""

    __slots__ = ("equality", "part", "text")

    def __init__(self, part: int, equality: bool, text: str) -> None:
        self.part = part
        self.equality = equality
        self.text = text


def read_constraints(texts: Sequence[str] | str) -> tuple[FormulaBase, list[str]]:
    """A formula whose outputs are the constraints, and their texts. FormulaError, in the text of the constraint.

    In a constraint `=` means `==`.
    """
    given = [texts] if isinstance(texts, str) else list(texts)
    lines, shown = [], []
    for number, text in enumerate(given):
        if not isinstance(text, str):
            raise UsageError(f"a constraint is a text, not {text!r}", hint='for example subject_to=["x + y <= 1"]')
        shown.append(" ".join(text.split()))
        lines.append(f"{PREFIX}{number} = {_line(text)}")
        parsed(Source(lines[-1]), text)
    outputs = ", ".join(f"{PREFIX}{number}" for number in range(len(given)))
    return FormulaBase(of_text(Source("\n".join([*lines, f"output {outputs}"])))), shown


def _line(text: str) -> str:
    """A constraint in brackets, `=` as `==`. FormulaError for what is no single comparison."""
    source = Source(canonical(text), "<constraint>")
    check_brackets(source)
    statements = statements_of(source.text)
    if len(statements) != 1:
        raise FormulaError("a constraint is one comparison", source=source, hint="give several, one each")
    pieces, last = [], 0
    for token in statements[0]:
        if token.depth == 0 and token.text == "=":
            pieces.append(source.text[last : token.begin])
            last = token.end
    return f"({'=='.join([*pieces, source.text[last:]])})"


def parsed(source: Source, text: str) -> None:
    """FormulaError for a constraint that cannot be read, at its place in the text as it was given."""
    try:
        of_text(source).plain()
    except FormulaError as error:
        shift = source.text.index("(") + 1
        if error.span is not None and error.source is not None and error.source.text == source.text:
            error.span = (max(error.span[0] - shift, 0), max(error.span[1] - shift, 0))
            error.source = Source(text, "<constraint>")
        raise


def conditions_of(program: Program, texts: Sequence[str]) -> list[Condition]:
    """The comparisons that the outputs of a program are. UsageError for an output that is none."""
    graph, found = program.graph, []
    for text, output in zip(texts, program.outputs.values(), strict=True):
        pending = [output]
        while pending:
            node = pending.pop()
            row, operands = graph.row(node), graph.operands_of(node)
            if row is logic.conjunction:
                pending.extend(reversed(operands))
                continue
            if row not in (logic.equal, logic.less, logic.less_equal, logic.greater, logic.greater_equal):
                raise UsageError(f"the constraint `{text}` is no comparison", hint='for example "x + y <= 1"')
            left, right = (FoldingRef(graph, operand) for operand in operands)
            part = right - left if row in (logic.less, logic.less_equal) else left - right
            found.append(Condition(part.node, row is logic.equal, text))
    return found


class Constraints:
    """Constraints as a vector function of the variables of an objective, all of them at least 0, or 0.

    equality: which of its numbers are to be 0. labels: what each number is called.
    UsageError for names that the objective does not have.
    """

    def __init__(self, texts: Sequence[str] | str, objective: Objective) -> None:
        self.formula, self.texts = read_constraints(texts)
        self.variables = objective.variables
        values = objective.bound.values
        unknown = [name for name in self.formula.inputs if name not in values]
        if unknown:
            listed = ", ".join(f"`{name}`" for name in values)
            raise UsageError(f"a constraint needs `{unknown[0]}`, which has no value", hint=f"inputs are {listed}")
        self.bound: Bound = self.formula.bind({name: values[name] for name in self.formula.inputs})
        self.names = [name for name in objective.names if name in self.bound.graph.inputs()]
        found = derived(self.bound, ("constraints", tuple(self.names)), self._nodes)
        self.over, (self.parts, self.slopes, conditions) = self.bound.over(found.program), found.nodes
        self.shapes = [self.over.graph.shape_of(part) for part in self.parts]
        self.counts = counts = [int(np.prod(shape, dtype=np.int64)) for shape in self.shapes]
        self.equality = np.repeat([each.equality for each in conditions], counts)
        self.labels = [
            each.text if count == 1 else f"{each.text} [{place}]"
            for each, count in zip(conditions, counts, strict=True)
            for place in range(count)
        ]
        self.bending = Bending(self) if self.names else None

    def _nodes(self, program: Program) -> tuple[list[int], list[list[int]], list[Condition]]:
        graph = program.graph
        inputs = graph.inputs()
        wanted = [inputs[name] for name in self.names]
        conditions = conditions_of(program, self.texts)
        slopes = [derivatives_of(graph, each.part, wanted) if wanted else [] for each in conditions]
        return [each.part for each in conditions], slopes, conditions

    def at(self, x: Any) -> Any:
        """The values as a vector."""
        return np.concatenate([np.ravel(part) for part in self._run(self.parts, x)])

    def jacobian(self, x: Any) -> Any:
        """A row a constraint, a column a variable."""
        found = np.zeros((sum(self.counts), self.variables.count))
        values = iter(self._run([node for row in self.slopes for node in row], x))
        begin = 0
        for count in self.counts:
            for name in self.names:
                found[begin : begin + count, self.variables.places[name]] = np.reshape(next(values), (count, -1))
            begin += count
        return found

    def hessian(self, x: Any, multipliers: Any) -> Any:
        """The Hessian of the sum of all constraints times their multipliers."""
        found = np.zeros((self.variables.count, self.variables.count))
        if self.bending is None:
            return found
        places = np.concatenate([np.arange(self.variables.count)[self.variables.places[name]] for name in self.names])
        found[np.ix_(places, places)] = self.bending.of_multipliers(x[places], multipliers)
        return found

    def _run(self, wanted: list[int], x: Any) -> list[Any]:
        found = self.over.engine(wanted).evaluate(self.over.graph, self._values(x), wanted)
        return [found[node] for node in wanted]

    def _values(self, x: Any) -> dict[str, Any]:
        values = self.variables.unpack(x)
        return {**self.over.values, **{name: values[name] for name in self.names}}


class Bending(Objective):
    """The sum of constraints times multipliers, of which only the Hessian is asked for."""

    def __init__(self, constraints: Constraints) -> None:
        self.texts, self.shapes, self.counts = constraints.texts, constraints.shapes, constraints.counts
        super().__init__(constraints.bound, constraints.names, None)

    def output_of(self, program: Program) -> str:
        """What the value is called."""
        return "constraints"

    def value_node(self, program: Program) -> int:
        """The node of the sum; multipliers are hidden inputs."""
        graph = program.graph
        terms: list[Ref] = []
        for number, each in enumerate(conditions_of(program, self.texts)):
            shape = graph.shape_of(each.part)
            weights = FoldingRef(graph, graph.input(f"{NAME}{number}", shape, hidden=True))
            product = weights * FoldingRef(graph, each.part)
            terms.append(shaping.sum_of(product, None) if shape else product)
        return balanced(arithmetic.add, terms).node

    def of_multipliers(self, x: Any, multipliers: Any) -> Any:
        """The Hessian for some multipliers."""
        begin, weights = 0, {}
        for number, (shape, count) in enumerate(zip(self.shapes, self.counts, strict=True)):
            part = multipliers[begin : begin + count]
            weights[f"{NAME}{number}"] = np.reshape(part, shape) if shape else float(part[0])
            begin += count
        self.over = self.over.over(self.over.program, weights)
        return self.hessian(x)
