"""The steps of a trace as LaTeX: an equation a step, aligned at the signs of equality."""

from __future__ import annotations

from cgcli.emit.latex import latex, name_latex, number_latex
from cgcli.emit.names import is_bare_constant, node_names
from cgcli.graph.walk import ancestors
from cgcli.numerals import DIGITS, compact, shape_of, short_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from cgcli.graph.store import Graph


def symbolic_latex(graph: Graph, outputs: Mapping[str, int]) -> str:
    """The forward pass over names: `v_{1} = x^{2}`."""
    nodes = [node for node, need in enumerate(ancestors(graph, outputs.values())) if need]
    names = node_names(graph, nodes, outputs)
    known = set(outputs.values())
    lines = [f"{name_latex(names[node])} &= {over_names(graph, node, names)}" for node in nodes
             if not graph.is_leaf(node) and not is_bare_constant(graph, node, names, known)]  # fmt: skip
    return aligned(lines)


def trace_latex(trace: Any, digits: int | None = None) -> str:
    r"""Both passes with their values: `v_{1} = x^{2} = 0.25`, `\frac{\partial result}{\partial x} = 1.2`.

    trace: an `explain.steps.Trace`.
    """
    graph, names = trace.graph, trace.names
    lines = []
    for step in trace.forward:
        formula = "" if graph.is_leaf(step.node) else f"{over_names(graph, step.node, names)} = "
        lines.append(f"{name_latex(step.name)} &= {formula}{value_latex(step.value, digits)}")
    for backward in trace.backward:
        output = name_latex(backward.output)
        lines += [rf"\frac{{\partial {output}}}{{\partial {name_latex(step.name)}}} &= "
                  f"{value_latex(step.adjoint, digits)}" for step in backward.steps]  # fmt: skip
    return aligned(lines)


def over_names(graph: Graph, node: int, names: Mapping[int, str]) -> str:
    """The operation of a node over the names of its operands; bare numbers stay numbers."""
    texts = {operand: name_latex(names[operand]) for operand in graph.operands_of(node)
             if not graph.is_constant(operand)}  # fmt: skip
    return latex(graph, node, texts)


def value_latex(value: Any, digits: int | None) -> str:
    """A number, or an array in words."""
    if shape_of(value):
        return rf"\text{{{compact(value, digits=digits or DIGITS)}}}"
    return number_latex(short_number(value, digits or DIGITS))[0]


def aligned(lines: Iterable[str]) -> str:
    """Equations under each other."""
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
