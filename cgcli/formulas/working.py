"""The working of a formula's derivative: its lines, the next step as a hint, and a student's answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cgcli.emit.formula import expression
from cgcli.emit.names import number_text
from cgcli.errors import CalculationError, FormulaError, Source, UsageError
from cgcli.explain.answers import Verdict, judged
from cgcli.explain.working import BEGIN, Line, Working
from cgcli.formulas.derivatives import targets, variables
from cgcli.formulas.programs import of_text
from cgcli.graph.copying import copied
from cgcli.language.aliases import asked_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.explain.textbook import GivenRule
    from cgcli.formulas.base import FormulaBase
    from cgcli.graph.store import Graph
    from cgcli.language.program import Program

MOST_ORDER = 10
"""Highest order of a derivative that is worked out by hand."""


@dataclass(frozen=True, slots=True)
class Hint:
    """The next step: the rule, its general form, and what it is applied to."""

    rule: str
    general: str
    of: str

    def __str__(self) -> str:
        return f"{self.rule} for {self.of}" + (f": {self.general}" if self.general else "")


@dataclass(frozen=True, slots=True)
class Checked:
    """A line of an answer. text: as it was written; verdict: what was found; hint: the step that comes next, or that
    went wrong; None where the line is the whole answer."""

    text: str
    verdict: Verdict
    hint: Hint | None


class Answer(list["Checked"]):
    """The checked lines of an answer, up to the first wrong one; it prints what was found."""

    @property
    def right(self) -> bool:
        """Whether all lines are."""
        return bool(self[-1].verdict.right)

    def __str__(self) -> str:
        return "\n".join(self.text_lines())

    __repr__ = __str__

    def text_lines(self, *, hint: bool = False) -> list[str]:
        """Each line with its verdict; below a wrong one, why, and below a right one what comes next.

        hint: whether the next step is told below an answer of several lines, too.
        """
        lines = [f"{'right' if line.verdict.right else 'wrong'}: {line.text}" for line in self]
        last = self[-1]
        verdict = last.verdict
        if not verdict.right:
            lines += [f"  {verdict.mistake}"] if verdict.mistake else []
            lines += [f"  {_difference(verdict)}"] if verdict.counterexample is not None else []
            lines += [f"  rule: {last.hint}"] if last.hint is not None else []
        elif last.hint is not None and (hint or len(self) == 1):
            lines.append(f"  next: {last.hint}")
        return lines


def _difference(verdict: Verdict) -> str:
    """A point at which a line is wrong, with both numbers."""
    point = verdict.counterexample
    assert point is not None
    at = ", ".join(f"{name}={number_text(float(value))}" for name, value in point.at.items()) or "every point"
    yours, right = number_text(float(point.right)), number_text(float(point.left))
    which = f"derivative {verdict.order}" if verdict.order > 1 else "the derivative"
    return f"at {at} it is {yours}, and {which} is {right}"


class Steps:
    """What `Formula.steps` returns: the lines from d/dx(…) to the derivative; it prints itself.

    derivative: the derivative as `cg grad --symbolic` gives it, which has the value of the last line. That line is
    written for reading, this one for computing: `1 / sqrt(1 - x^2)` there may be `1 / sqrt(one_minus_square(x))` here.
    """

    def __init__(self, working: Working, name: str) -> None:
        self._working = working
        self.name = name
        self._named = _definitions(working.graph)

    @cached_property
    def derivative(self) -> str:
        """The derivative as formula text: the last line where it is left unsimplified."""
        working = self._working
        return expression(working.graph, working.by_pass() if working.plain else self.lines[-1].node)

    @property
    def lines(self) -> list[Line]:
        """The lines, each equal to the one before it."""
        return self._working.lines

    @property
    def hint(self) -> Hint | None:
        """The first step; None where nothing is to be done."""
        applied = self._working.applied
        return self._hint(applied[0].of, applied[0].rule) if applied else None

    def _hint(self, of: int, rule: GivenRule) -> Hint:
        return Hint(rule.name, rule.general, expression(self._working.graph, of))

    def check(self, answer: str) -> Answer:
        """A student's lines up to the first wrong one. Lines are apart by line ends, `;` or `=`.

        `d/dx(…)` may stand in a line, and so may the names of the formula's statements. Where a higher order is asked
        for, lines may go on to it. FormulaError for a line that cannot be read; UsageError for names that the formula
        does not have.
        """
        found = Answer()
        reached = 0
        for text in lines_of(answer, self.name):
            node = self._read(text)
            verdict = judged(self._working, node, reached)
            reached = verdict.order
            step = verdict.step
            hint = self._hint(step.of, step.rule) if step is not None else self._next(text)
            found.append(Checked(text, verdict, hint))
            if not verdict.right:
                break
        if not found:
            raise UsageError("the answer is empty", hint='for example --answer "2*x"')
        return found

    def _read(self, text: str) -> int:
        """The node that a line means, in the graph of the working."""
        line = in_language(text, self.name)
        program = of_text(Source(line, "<answer>")).plain()
        if any(name in self._named for name in program.inputs):  # names of the formula, which are no inputs of it
            program = of_text(Source("".join(f"{each}\n" for each in self._named.values()) + line, "<answer>")).plain()
        if len(program.outputs) != 1:
            raise UsageError(f"`{text}` is not one formula")
        graph = self._working.graph
        known = {name: graph.shape_of(node) for name, node in graph.inputs().items()}
        for name in program.inputs:
            if name not in known:
                raise UsageError(f"the formula has no `{name}`", hint=f"it has {', '.join((*known, *self._named))}")
            if known[name]:
                raise CalculationError(f"`{name}` is an array; an answer is checked for inputs that are numbers")
        (output,) = program.outputs.values()
        return copied(program.graph, graph, [output])[output]

    def _next(self, text: str) -> Hint | None:
        """The step that takes the first derivative which stands in a line."""
        first = next(iter(taken_in(text, self.name)), None)
        if first is None:
            return None
        node = self._read(first)
        graph = self._working.graph
        if node == self._working.variable or not self._working.depends(node):
            return Hint("constant rule", "c' = 0, x' = 1", first)
        return Hint(*self._working.ruled(node)[:2], expression(graph, node))

    def latex(self) -> str:
        r"""The lines as an aligned display: `\begin{aligned} … \end{aligned}`."""
        rows = []
        for line in self.lines:
            sign = "" if line.rule == BEGIN else "="
            reason = rf" && \text{{{line.rule.name}}}" if line.rule.name else ""
            rows.append(rf"{sign} & {line.latex}{reason}".strip())
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$${self.latex()}$$"

    def __str__(self) -> str:
        return "\n".join(text_lines(self.lines))

    __repr__ = __str__

    def as_dict(self) -> dict[str, Any]:
        """The lines as JSON-able data."""
        return {"lines": [line.as_dict() for line in self.lines], "derivative": self.derivative}


def _definitions(graph: Graph) -> dict[str, str]:
    """The numbers that a formula names, `u = x^2`, by their names, each over those before it."""
    names = {node: name for node, name in graph.name_of().items() if not graph.is_input(node)}
    return {
        name: f"{name} = {expression(graph, node, {each: other for each, other in names.items() if each != node})}"
        for node, name in sorted(names.items()) if not graph.shape_of(node)
    }  # fmt: skip


def text_lines(lines: Sequence[Line]) -> list[str]:
    """Each line under the rule that gave it."""
    found = []
    for line in lines:
        if line.rule == BEGIN:
            found.append(line.text if line.order == 1 else f"\nDerivative {line.order}\n{line.text}")
            continue
        general = f": {line.rule.general}" if line.rule.general else ""
        found += [f"    {line.rule.name}{general}", f"= {line.text}"]
    return found


def steps(
    formula: FormulaBase, mapping: Mapping[str, Any] | None = None, *, wrt: str | None = None, of: str | None = None,
    order: int = 1, unsimplified: bool = False,
) -> Steps:  # fmt: skip
    """The working of a derivative by hand.

    wrt: an input, or an element of one (`v[0]`); the only input by default. of: the output. order: first, second …
    mapping: values whose shapes decide the formula. UsageError for a name that is not there, and where one must be
    chosen; CalculationError for a derivative too long to be read.
    """
    if not 1 <= order <= MOST_ORDER:
        raise UsageError(f"the order of a derivative is from 1 to {MOST_ORDER}, not {order}")
    program = formula.bind(mapping, complete=False).program.begun()
    chosen = targets(program, of)
    if len(chosen) > 1:
        raise UsageError(f"the formula has {len(chosen)} outputs", hint=f"choose one (--of): {', '.join(chosen)}")
    graph = program.graph
    name = wrt if wrt is not None else only(list(variables(program, None, of)))
    node = _variable(program, name, of)
    (output,) = chosen.values()
    if graph.shape_of(output):
        raise UsageError("the formula is an array; steps are of a number", hint="choose an element, or `sum(…)` it")
    return Steps(Working(graph, output, node, name, order=order, plain=not unsimplified), name)


def only(names: Sequence[str]) -> str:
    """The only name. UsageError where there are more, or none."""
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError("the formula has no input to differentiate by")
    raise UsageError(f"the formula has {len(names)} inputs", hint=f"choose one (--wrt): {', '.join(names)}")


def _variable(program: Program, name: str, of: str | None) -> int:
    """The node of an input, or of an element of one. UsageError for anything else."""
    graph = program.graph
    ((base, parts),) = asked_parts([name]).items()
    (node,) = variables(program, [base], of).values()
    if not graph.is_input(node):
        inputs = ", ".join(program.inputs)
        raise UsageError(f"steps differentiate by an input, and `{base}` is none", hint=f"it has {inputs}")
    for _, key in parts:
        node = graph.ref(node)[key].node
    if graph.shape_of(node):
        raise UsageError(f"`{name}` is an array", hint=f"choose an element: {base}[0]")
    return node


# ---- what a student writes -------------------------------------------------------------------------------------------

LINE_END = re.compile(r"[\n;]|(?<![=<>!])=(?!=)")


def lines_of(answer: str, name: str) -> list[str]:
    """The lines of an answer; what merely repeats the question, `f'(x)` or `dy/dx`, is none."""
    question = re.compile(rf"\s*(\w+'\s*(\(\s*{re.escape(name)}\s*\))?|d\w*/d{re.escape(name)})\s*")
    return [text.strip() for text in LINE_END.split(answer) if text.strip() and not question.fullmatch(text)]


def taken_in(text: str, name: str) -> list[str]:
    """What stands in `d/dx(…)`, from left to right. FormulaError where a parenthesis is open."""
    return [text[begin:end] for begin, end in _spans(text, name)]


def in_language(text: str, name: str) -> str:
    """A line with `d/dx(u)` as the language writes it: `diff(u, x)`."""
    mark = _mark(name)
    while True:
        found = mark.search(text)
        if found is None:
            return text
        begin, end = next(iter(_spans(text, name)))
        text = f"{text[: found.start()]}diff({text[begin:end]}, {name}){text[end + 1 :]}"


def _mark(name: str) -> re.Pattern[str]:
    return re.compile(rf"\bd\s*/\s*d{re.escape(name)}\s*([(\[])")


def _spans(text: str, name: str) -> list[tuple[int, int]]:
    found = []
    for match in _mark(name).finditer(text):
        depth = 1
        for place in range(match.end(), len(text)):
            depth += (text[place] in "([") - (text[place] in ")]")
            if not depth:
                found.append((match.end(), place))
                break
        else:
            raise FormulaError(
                "a parenthesis is open", span=(match.end() - 1, match.end()), source=Source(text, "<answer>")
            )
    return found
