"""The steps of both passes as LaTeX: an equation a step, aligned at the signs of equality."""

from __future__ import annotations

from cgcli.emit.latex import latex, name_latex, number_latex
from cgcli.emit.names import is_bare_constant
from cgcli.explain.rule_text import RuleTexts
from cgcli.numerals import DIGITS, compact, shape_of, short_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.explain.steps import Backward, Trace
    from cgcli.explain.symbolic import SymbolicTrace
    from cgcli.graph.store import Graph


MOST_ELEMENTS = 36
"""Elements of an array that is written out."""


def symbolic_latex(found: SymbolicTrace, gradients: Mapping[str, Mapping[str, str]]) -> str:
    r"""Both passes over names: `v_{1} = x^{2}`, and the derivative by x as the one by `v_{1}` times `2 x`.

    gradients: output -> name -> the derivative in LaTeX.
    """
    graph, names = found.graph, found.names
    lines = [f"{name_latex(step.name)} &= {over_names(graph, step.node, names)}" for step in found.forward
             if not graph.is_input(step.node)]  # fmt: skip
    for output, steps in found.backward.items():
        rules = _Rules(graph, names, output)
        for step in steps:
            terms = [rules.term(user, place, exact=exact) for user, place, exact in step.sources]
            lines.append(f"{rules.of(step.name)} &= {_added(terms)}")
    for output, by_name in gradients.items():
        lines += [f"{_derivative(output, name)} &= {text}" for name, text in by_name.items()]
    return aligned(lines)


def trace_latex(trace: Trace, digits: int | None = None) -> str:
    r"""Both passes with their values: `v_{1} = x^{2} = 0.25`, `\frac{\partial y}{\partial x} = … = 1.2`."""
    graph, names = trace.graph, trace.names
    lines = []
    for step in trace.forward:
        formula = "" if graph.is_leaf(step.node) else f"{over_names(graph, step.node, names)} = "
        lines.append(f"{name_latex(step.name)} &= {formula}{value_latex(step.value, digits)}")
    for backward in trace.backward:
        lines += _backward(trace, backward, digits)
    return aligned(lines)


def _backward(trace: Trace, backward: Backward, digits: int | None) -> list[str]:
    rules = _Rules(trace.graph, trace.names, backward.output)
    lines = []
    for step in backward.steps:
        terms = [rules.term(edge.user, edge.place, exact=edge.partial is not None) for edge in step.received]
        terms = [rf"\sum \left({term}\right)" if edge.summed else term
                 for term, edge in zip(terms, step.received, strict=True)]  # fmt: skip
        formula = f"{_added(terms)} = " if terms else ""
        lines.append(f"{rules.of(step.name)} &= {formula}{value_latex(step.adjoint, digits)}")
    return lines


class _Rules:
    """What a node receives in the backward pass from an output, in LaTeX."""

    def __init__(self, graph: Graph, names: Mapping[int, str], output: str) -> None:
        self.output = output
        self.names = names
        known = {node: number_latex(name)[0] if is_bare_constant(graph, node, names) else name_latex(name)
                 for node, name in names.items()}  # fmt: skip
        self.rules = RuleTexts(graph, known, write=latex, adjoint=lambda node: self.of(names[node]))

    def of(self, name: str) -> str:
        """The derivative of the output by a node."""
        return _derivative(self.output, name)

    def term(self, user: int, place: int, *, exact: bool) -> str:
        """The derivative by a user times the partial derivative, or what an operation on arrays makes of it."""
        rule = self.rules.text(user, place, partial=exact)
        if not exact:
            return rule
        adjoint = self.of(self.names[user])
        if rule in ("1", "-1"):
            return adjoint if rule == "1" else f"-{adjoint}"
        return rf"{adjoint} \cdot {_factor(rule)}"


def _derivative(output: str, name: str) -> str:
    return rf"\frac{{\partial {name_latex(output)}}}{{\partial {name_latex(name)}}}"


def _factor(text: str) -> str:
    """A text that is to be multiplied: a sum, and what begins with a minus, in brackets."""
    depth, outer = 0, text[:1] == "-"
    for place, character in enumerate(text):
        depth += (character in "{([") - (character in "})]")
        outer |= not depth and text[place : place + 3] in (" + ", " - ")
    return rf"\left({text}\right)" if outer else text


def _added(terms: Sequence[str]) -> str:
    if not terms:
        return "1"
    return terms[0] + "".join(f" - {term[1:]}" if term.startswith("-") else f" + {term}" for term in terms[1:])


def over_names(graph: Graph, node: int, names: Mapping[int, str]) -> str:
    """The operation of a node over the names of its operands; bare numbers stay numbers."""
    texts = {operand: name_latex(names[operand]) for operand in graph.operands_of(node)
             if not is_bare_constant(graph, operand, names)}  # fmt: skip
    return latex(graph, node, texts)


def value_latex(value: Any, digits: int | None) -> str:
    """A number; a short list as a column, a small matrix, and in words what is larger."""
    shape, digits = shape_of(value), digits or DIGITS
    if not shape:
        return number_latex(short_number(value, digits))[0]
    if len(shape) > 2 or not 0 < value.size <= MOST_ELEMENTS:
        return rf"\text{{{compact(value, digits=digits)}}}"
    rows = value.reshape(-1, shape[1] if len(shape) == 2 else 1)
    lines = [" & ".join(number_latex(short_number(item, digits))[0] for item in row) for row in rows.tolist()]
    return r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"


def aligned(lines: Iterable[str]) -> str:
    """Equations under each other."""
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
