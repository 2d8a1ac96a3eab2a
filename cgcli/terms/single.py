"""One row whose inputs are terms as a formula without terms: all calls written out, for pictures and traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cgcli.formulas.programs import of_program
from cgcli.graph.copying import GONE, copy_missing
from cgcli.graph.store import Graph
from cgcli.passes.loop_ends import called
from cgcli.terms.asking import Question
from cgcli.terms.columns import CALL, NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cgcli.formulas.base import FormulaBase
    from cgcli.graph.store import Call
    from cgcli.terms.running import Layout

Face = TypeVar("Face", bound="FormulaBase")


def written_out(formula: Face, values: Mapping[str, Any]) -> tuple[Face, dict[str, Any]]:
    """A formula for one row, with its terms in the place of the inputs that had them, and the values of the others.

    The formula itself where it has no terms. Each call of a term is a call of the graph, so that pictures show it as
    one. Errors as of `Question`.
    """
    if not formula.programs.names.terms:
        return formula, dict(values)
    question = Question(formula, values, rows=False)
    writer = _Writer(question)
    program = question.bound.program
    copies: dict[int, int] = {}
    inputs = program.graph.inputs()
    for name, layout in question.layouts.items():
        for part, node in zip(question.roots[name], writer.roots(layout), strict=True):
            if part in inputs:
                copies[inputs[part]] = node
    copy_missing(program.graph, writer.graph, range(len(program.graph)), copies)
    moved = [copies.get(node, GONE) for node in range(len(program.graph))]
    graph = writer.graph
    parts = {part for listed in question.roots.values() if len(listed) > 1 for part in listed}
    for name, node in program.graph.names.items():
        if name not in parts:
            graph.names.setdefault(name, moved[node])
    for node, place in program.graph.spans.items():
        graph.spans.setdefault(moved[node], place)
    for node, call in program.graph.scopes.items():
        graph.scopes.setdefault(moved[node], call)
    return _formula(formula, question, graph, moved), dict(question.shared)


def _formula(formula: Face, question: Question, graph: Graph, moved: list[int]) -> Face:
    """The formula of a graph in which terms are written out."""
    functions = question.compilation.functions
    made = question.bound.program.over(graph, moved)
    gone = {part for parts in question.roots.values() for part in parts}
    known = {*made.inputs, *functions.program.inputs}.difference(gone)
    made.inputs = [name for name in formula.inputs if name in known]
    made.params = [name for name in formula.programs.names.params if name in made.inputs]
    copies = {functions.graph.inputs()[name]: node for name, node in graph.inputs().items()
              if name in functions.graph.inputs()}  # fmt: skip
    for name, node in functions.program.defaults.items():
        copy_missing(functions.graph, graph, [node], copies)
        made.defaults.setdefault(name, copies[node])
    made.initialisers = {**functions.program.initialisers, **made.initialisers}
    return type(formula)(of_program(made), formula.source)


class _Writer:
    """The terms of one row on their way into a graph. Calls of the formula itself keep their numbers."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.graph = Graph()
        self.calls: list[Call] = list(question.bound.program.graph.calls)
        self.graph.calls = self.calls
        self._outside: dict[int, int] = {}

    def outside(self, name: str) -> int:
        """The node of what functions take from outside."""
        functions = self.question.compilation.functions
        node = functions.nodes[name]
        copy_missing(functions.graph, self.graph, [node], self._outside)
        if name in functions.graph.names:
            self.graph.names.setdefault(name, self._outside[node])
        return self._outside[node]

    def roots(self, layout: Layout) -> list[int]:
        """The values of the term of the row."""
        terms, cells = layout.terms, self.question.compilation.cells
        cell_of, _ = cells.of(terms)
        values: list[list[int]] = []
        for node in range(len(terms)):
            symbol = terms.symbols[terms.symbol[node]]
            if symbol.kind == NUMBER:
                values.append([self.graph.constant(float(terms.numbers[node]))])
            elif cell_of[node] < 0:
                values.append([self.outside(symbol.name)])
            else:
                operands = terms.operands[terms.first[node] : terms.first[node + 1]].tolist()
                values.append(self._cell(int(cell_of[node]), [values[each] for each in operands], node,
                                         is_call=symbol.kind == CALL))  # fmt: skip
        return values[int(terms.roots[0])]

    def _cell(self, number: int, arguments: list[list[int]], node: int, *, is_call: bool) -> list[int]:
        """The values of a call, or of an operation."""
        cell = self.question.compilation.cells.cells[number]
        operands = [arguments[place][part] for place, _, part in cell.reads]
        operands += [self.outside(name) for name in (*cell.by_row, *cell.outside)]
        if not is_call:
            return cell.body.onto(self.graph, operands)
        return called(self.graph, self.calls, cell.body, operands, place=(-1 - node, -1 - node))
