"""A trace as tables for people: the forward pass, one backward pass an output, and what should be noticed."""

from __future__ import annotations

from bisect import bisect_left

from cgcli.emit.formula import applied
from cgcli.emit.names import is_bare_constant
from cgcli.explain.repeats import is_worth_folding
from cgcli.explain.steps import NO_CALL
from cgcli.numerals import DIGITS, compact, finite, shape_of, short, shortened
from cgcli.render.folded_steps import Behind, FoldedSteps, Gap
from cgcli.render.tables import Column, Note, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.errors import Source
    from cgcli.explain.steps import Backward, BackwardStep, Edge, Step, Trace
    from cgcli.explain.symbolic import SymbolicTrace
    from cgcli.render.tables import Block, Row

MOST_STEPS = 200
"""Steps of a longer pass are left out in the middle."""

MOST_PARTS = 4
"""An adjoint is shown as the sum of at most so many contributions."""

DEEPEST = 6
"""Calls within calls are indented up to this depth."""

LONGEST_CALL = 60
"""Characters of a call that heads its steps."""

WARNING = "yellow"

ENDS_OF_A_LOOP = 3
"""First, loop, last: calls that may stand for more than they are."""

SHORTEST_NAME, SHORTEST_FORMULA = 8, 10
"""Characters that a narrow terminal leaves of a name and of a formula."""

AROUND_DIGITS = 7
"""A number may be this much wider than its digits: sign, point, exponent. Numbers are not cut, only arrays are."""


def blocks(
    trace: Trace, source: Source | None = None, *, digits: int = DIGITS, everything: bool = False, full: bool = False,
    opened: Collection[str] = (),
) -> Iterator[Block]:  # fmt: skip
    """The tables and notes of a trace.

    source: the text, for the calls that head their steps. everything: also calls that are made again and again, and the
    middle of a long pass. opened: functions whose calls are all shown. full: whether arrays are written out, however
    long.
    """
    view = _View(trace, source, digits, everything, full, opened)
    yield view.forward()
    for backward in trace.backward:
        yield view.backward(backward)
    yield from view.remarks()
    for backward in trace.backward:
        yield view.gradient(backward)


def symbolic_blocks(
    trace: SymbolicTrace, gradients: Mapping[str, Mapping[str, str]], *, everything: bool = False,
    opened: Collection[str] = (),
) -> Iterator[Block]:  # fmt: skip
    """The tables of a trace without values. gradients: output -> name -> the derivative as a formula."""
    folds = is_worth_folding(trace.graph.calls, len(trace.forward)) and not everything
    folded = FoldedSteps(trace.graph, [step.node for step in trace.forward] if folds else [], trace.outputs, opened)
    columns = [Column("#", right=True, style="dim"), Column("node", style="bold cyan", cut=SHORTEST_NAME)]
    rows: list[Row] = [
        step.text() if isinstance(step, Behind) else (str(step.number), step.name, step.operation, step.formula)
        for step in folded.shown(trace.forward)
    ]
    operation, formula = Column("operation", style="dim", optional=True), Column("formula", cut=SHORTEST_FORMULA)
    yield Table("Forward", [*columns, operation, formula], rows)
    for name, steps in trace.backward.items():
        rows = [
            step.text() if isinstance(step, Behind) else (str(step.number), step.name, f"∂{step.name} =", step.formula)
            for step in folded.shown(steps)
        ]
        adjoint = Column("adjoint", style="cyan")
        yield Table(f"Backward from {name}", [*columns, adjoint, Column("", cut=SHORTEST_FORMULA)], rows)
    if trace.backward:
        outputs = " or ".join(trace.backward)
        yield Note("Notation", [f"∂v, the adjoint of v, is the derivative of {outputs} with respect to v"])
    for name, by_name in gradients.items():
        lines = [line for by, text in by_name.items() for line in _gradient_lines(f"∂{name}/∂{by}", text)]
        yield Note(f"Gradient of {name}", lines, style="green")


def _gradient_lines(name: str, text: str) -> list[str]:
    """A derivative, and below it what its names mean: the definitions of its formula text."""
    *definitions, value = text.split("\n")
    return [f"{name} = {value}", *[f"  with {each}" for each in definitions]]


class _View:
    """A trace with the choices of how to show it."""

    def __init__(
        self, trace: Trace, source: Source | None, digits: int, everything: bool, full: bool, opened: Collection[str]
    ) -> None:
        self.trace = trace
        self.source = source
        self.digits = digits
        self.everything = everything
        self.full = full
        folds = is_worth_folding(trace.calls, len(trace.forward)) and not everything
        self.folded = FoldedSteps(
            trace.graph, [step.node for step in trace.forward] if folds else [], trace.outputs.values(), opened
        )

    def number(self, value: Any) -> str:
        """A value in a cell."""
        return short(value, self.digits, whole=True) if self.full else compact(value, digits=self.digits)

    def _number_column(self, title: str) -> Column:
        return Column(title, style="green", cut=0 if self.full else self.digits + AROUND_DIGITS)

    # ---- forward -----------------------------------------------------------------------------------------------

    def forward(self) -> Table:
        """One row a step; the steps of a call of a user function below its head."""
        rows: list[Row] = []
        calls = _Calls(self.trace, self.source)
        for step in self._shown(self.trace.forward):
            if isinstance(step, (Gap, Behind)):
                rows.extend(calls.between(step))
                continue
            rows.extend(calls.heads(step.call))
            other = [name for name in step.outputs if name != step.name]
            name = f"{step.name} ({', '.join(other)})" if other else step.name
            rows.append((
                str(step.number), calls.indent() + name, step.operation, step.formula, self._numbers(step),
                self.number(step.value),
            ))  # fmt: skip
        return Table("Forward", [
            Column("#", right=True, style="dim"), Column("node", style="bold cyan", cut=SHORTEST_NAME),
            Column("operation", style="dim", optional=True), Column("formula", cut=SHORTEST_FORMULA),
            Column("with numbers", cut=SHORTEST_FORMULA), self._number_column("value"),
        ], rows)  # fmt: skip

    def _numbers(self, step: Step) -> str:
        """The operation over the values of its operands."""
        if not self.full or not step.numbers:
            return step.numbers
        graph, values = self.trace.graph, self.trace.values
        return applied(graph, step.node, [self.number(values[operand]) for operand in graph.operands_of(step.node)])

    # ---- backward ----------------------------------------------------------------------------------------------

    def backward(self, backward: Backward) -> Table:
        """For each node its adjoint, then a row for each operand that it hands something on to."""
        rows: list[Row] = []
        calls = _Calls(self.trace, self.source)
        for step in self._shown(backward.steps):
            if isinstance(step, (Gap, Behind)):
                rows.extend(calls.between(step))
                continue
            rows.extend(calls.heads(self.trace.graph.scopes.get(step.node, NO_CALL)))
            cells = [str(step.number), calls.indent() + step.name, self._adjoint(step)]
            for edge in step.sent:
                rows.append((*cells, *self._edge(step, edge)))
                cells = ["", "", ""]
            if not step.sent:
                rows.append((*cells, "", "", "", "", "", ""))
        summed = " (the sum of its elements)" if self.trace.graph.shape_of(backward.node) else ""
        return Table(f"Backward from {backward.output}{summed}", [
            Column("#", right=True, style="dim"), Column("node", style="bold cyan", cut=SHORTEST_NAME),
            self._number_column("adjoint"), Column("to", style="cyan", cut=SHORTEST_NAME),
            Column("local partial", optional=True), Column("rule", cut=SHORTEST_FORMULA), self._number_column("value"),
            Column("adjoint · partial", optional=True), self._number_column("contribution"),
        ], rows)  # fmt: skip

    def _adjoint(self, step: BackwardStep) -> str:
        """The adjoint, as a sum where several users contribute."""
        total = self.number(step.adjoint)
        if not 1 < len(step.received) <= MOST_PARTS or shape_of(step.adjoint):
            return total
        first, *others = [self.number(edge.contribution) for edge in step.received]
        return f"{total} = {first}{''.join(_plus(part) for part in others)}"

    def _edge(self, step: BackwardStep, edge: Edge) -> tuple[str, ...]:
        """Where it leads, which partial that is, its rule and value, adjoint times value, and what is contributed."""
        to, contribution = self.trace.names[edge.operand], self.number(edge.contribution)
        if edge.partial is None:
            return to, "", edge.rule, "", "", contribution
        value = self.number(edge.partial)
        if edge.summed:
            product = "sum of products"
        elif shape_of(edge.contribution):
            product = "element by element"
        else:
            product = f"{self.number(step.adjoint)} · {_factor(value)}"
        return to, self._partial(edge), edge.rule, value, product, contribution

    def _partial(self, edge: Edge) -> str:
        """`∂v2/∂x =`."""
        names = self.trace.names
        return f"∂{names[edge.user]}/∂{names[edge.operand]} ="

    def gradient(self, backward: Backward) -> Note:
        """The derivatives with respect to what was asked for."""
        names = self.trace.names
        lines = [
            f"∂{backward.output}/∂{names[node]} = {self.number(value)}" for node, value in backward.gradient.items()
        ]
        return Note(f"Gradient of {backward.output}", lines, style="green")

    # ---- what should be noticed --------------------------------------------------------------------------------

    def remarks(self) -> Iterator[Note]:
        """How the tables are read, unused inputs, kinks, and where values are no numbers."""
        trace = self.trace
        edges = [edge for backward in trace.backward for step in backward.steps for edge in step.sent]
        if trace.backward:
            outputs = " or ".join(each.output for each in trace.backward)
            short = (
                ["∂v without a denominator is the adjoint of v"] if any(edge.partial is None for edge in edges) else []
            )
            yield Note("Notation", [f"the adjoint of v is the derivative of {outputs} with respect to v", *short])
        if trace.unused:
            yield Note("Inputs that were not used", [", ".join(trace.unused)])
        if trace.kinks:
            lines = [f"{kink.name} = {kink.formula} at {kink.numbers}: {kink.convention}" for kink in trace.kinks]
            yield Note("Kinks: here the derivative is a convention", lines, WARNING)
        if trace.births:
            yield Note("Where nan or inf begins", [self._birth(node) for node in trace.births], WARNING)
        for backward in trace.backward:
            wrong = backward.births()
            if wrong:
                lines = [self._wrong(edge) for edge in wrong]
                yield Note(f"Where the derivative of {backward.output} becomes nan or inf", lines, WARNING)
        if any(_is_decided(step, edge) for each in trace.backward for step in each.steps for edge in step.sent):
            yield Note("Not taken", [
                "what a decision did not take (a branch, an element) contributes 0, whatever the factors are"
            ])  # fmt: skip

    def _wrong(self, edge: Edge) -> str:
        """`from v1 to x: ∂v1/∂x = 0.5 / v1 = inf`."""
        names, exact = self.trace.names, edge.partial is not None
        rule = f"{self._partial(edge)} {edge.rule}" if exact else edge.rule
        value = self.number(edge.partial if exact else edge.contribution)
        return f"from {names[edge.user]} to {names[edge.operand]}: {rule} = {value}"

    def _birth(self, node: int) -> str:
        """`v1 = log(x) = log(-1) = nan`."""
        trace = self.trace
        if is_bare_constant(trace.graph, node, trace.names):
            return f"{trace.names[node]} stands in the formula"
        texts = [trace.names[node], self.number(trace.values[node])]
        for step in trace.forward:
            if step.node == node and step.formula:
                texts[1:1] = [step.formula, step.numbers]
        return " = ".join(texts)

    def _shown(self, steps: Sequence[Any]) -> list[Any]:
        """The steps to show; in the place of others a `Behind` or a `Gap`."""
        found = self.folded.shown(steps)
        omitted = len(found) - MOST_STEPS
        if self.everything or omitted <= 0:
            return found
        half = MOST_STEPS // 2
        return [*found[:half], Gap(omitted), *found[-half:]]


class _Calls:
    """Heads for the steps of each call of a user function, and how far these are indented."""

    def __init__(self, trace: Trace, source: Source | None) -> None:
        self._calls = trace.calls
        self._source = source
        self._open: list[int] = []
        self._alike: dict[Hashable, list[int]] = {}
        for number, call in enumerate(trace.calls):
            self._alike.setdefault((call.name, call.span, call.parent), []).append(number)

    def heads(self, call: int) -> Iterator[str]:
        """The heads of the calls that begin (or go on) with a step of this call."""
        chain: list[int] = []
        while call != NO_CALL:
            chain.append(call)
            call = self._calls[call].parent
        chain.reverse()
        same = 0
        while same < min(len(chain), len(self._open)) and chain[same] == self._open[same]:
            same += 1
        for depth in range(max(same, len(chain) - DEEPEST), len(chain)):
            yield f"{'  ' * min(depth, DEEPEST)}{self._text(chain[depth])}"
        self._open = chain

    def between(self, left_out: Gap | Behind) -> Iterator[str]:
        """What stands for steps that are left out; those of a series stand in the call that its calls are made in."""
        if isinstance(left_out, Behind):
            yield from self.heads(left_out.series.parent)
        yield f"{self.indent()}{left_out.text()}"

    def indent(self) -> str:
        """Blanks in front of the name of a step of the current call."""
        return "  " * min(len(self._open), DEEPEST)

    def _text(self, number: int) -> str:
        call = self._calls[number]
        place = self._place(number)
        if call.times > 1:
            return f"{call.name} × {call.times:,}: {place}, one loop"
        if self._source is None or call.span is None or call.span[0] < 0:  # a call of a term is not in the text
            return f"{call.name}(…)"
        text = " ".join(self._source.text[slice(*call.span)].split())
        if not text.startswith(call.name):
            text = f"{call.name} in {text}"
        text = shortened(text, LONGEST_CALL)
        return f"{text}, {place}" if place else text

    def _place(self, number: int) -> str:
        """`call 2 of 8`, `calls 2 to 7 of 8`; "" where there is one alone."""
        call = self._calls[number]
        alike = self._alike[call.name, call.span, call.parent]
        if len(alike) == 1:
            return ""
        at = bisect_left(alike, number)
        first, total = 1 + at, len(alike)
        if total == ENDS_OF_A_LOOP:
            first, total = 1 + self._count(alike[:at]), self._count(alike)
        last = first + call.times - 1
        return f"call {first:,} of {total:,}" if first == last else f"calls {first:,} to {last:,} of {total:,}"

    def _count(self, numbers: Sequence[int]) -> int:
        return sum(self._calls[number].times for number in numbers)


def _is_decided(step: BackwardStep, edge: Edge) -> bool:
    """Whether a decision made a contribution 0 that is nan by its factors."""
    if edge.partial is None or shape_of(edge.contribution) or shape_of(edge.partial) or edge.contribution != 0:
        return False
    return not (finite(step.adjoint) and finite(edge.partial))


def _plus(part: str) -> str:
    """` + 2`, ` - 2`."""
    return f" - {part[1:]}" if part.startswith("-") else f" + {part}"


def _factor(text: str) -> str:
    return f"({text})" if text.startswith("-") else text
