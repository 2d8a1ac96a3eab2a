"""The residuals of a question as a graph of their own: (formula - target) / sigma, and their derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.fitting.question import Over
from cgcli.formulas.bound import ordered_defaults
from cgcli.formulas.derivatives import need_scalar, targets, variables
from cgcli.formulas.rows import bind_rows, refuse_reductions
from cgcli.graph.copying import GONE, carry, copy_missing
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.passes.affine import slopes_and_affine

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cgcli.engines.base import Blocks, Engine
    from cgcli.fitting.question import Question
    from cgcli.language.program import Program

IN_A_ROW = "a fit, in each row,"
ONE_NUMBER = "write the elements as rows of the table, each with its number"


def residuals_of(question: Question) -> Residuals:
    """The residuals of a question, from the last time or made now: they are kept with the program of its formula."""
    overs = [over for over in (question.target, question.sigma) if isinstance(over, Over)]
    if any(over.settled for over in overs) or not all(isinstance(column, str) for column in question.columns.values()):
        return Residuals(question)
    texts = [(over.text, *over.columns.items()) if isinstance(over, Over) else over
             for over in (question.target, question.sigma)]  # fmt: skip
    key = ("residuals", question.output, *texts, *question.columns.items(), *question.shapes, "fixed", *question.fixed)
    kept = question.bound().program.derived
    found: Residuals | None = kept.get(key)
    if found is None:
        found = Residuals(question)
        found.graph.intern.drop()  # it is finished
        kept.put(key, found)
    return found


class Residuals:
    """A graph of rows, and its nodes.

    residual: (formula - target) / sigma. target, sigma: those of a row. slopes: the residual's derivatives by each
    parameter. affine: the parameters in which it is jointly affine. columns: input of the graph -> column of the table.
    """

    def __init__(self, question: Question) -> None:
        """ShapeError where the formula has no number in each row, and for a reduction over a column."""
        bound = question.bound()
        program = bound.program
        output = targets(program, question.output)[question.output]
        need_scalar(program.graph, question.output, output, who=IN_A_ROW, hint=ONE_NUMBER)
        refuse_reductions(bound, [output])
        self.graph = graph = Graph()
        by_name = variables(program, list(question.shapes), question.output)
        known = {*question.fixed, *question.shapes, *question.columns}
        copies = settled(program, graph, known, [output, *by_name.values()])
        self.columns = dict(question.columns)
        self.target = self._over_columns(question.target)
        self.sigma = self._sigma(question.sigma)
        residual = graph.ref(copies[output]) - graph.ref(self.target)
        self.residual = (residual if question.sigma is None else residual / graph.ref(self.sigma)).node
        moved = [copies.get(node, GONE) for node in range(len(program.graph))]
        carry(program.graph, graph, moved)
        parameters = {name: copies[node] for name, node in by_name.items()}
        self.slopes, self.affine = slopes_and_affine(graph, self.residual, parameters)
        needed = ancestors(graph, [self.residual, self.target, self.sigma, *self.slopes.values()])
        inputs = graph.inputs(hidden=True)
        self.columns = {
            name: column for name, column in self.columns.items() if name in inputs and needed[inputs[name]]
        }
        self._blocks: dict[tuple[str, tuple[int, ...]], Blocks] = {}

    def __len__(self) -> int:
        return len(self.graph)

    def blocks(self, engine: Engine, wanted: Sequence[int]) -> Blocks:
        """Some nodes for blocks of rows by an engine, prepared once."""
        key = (engine.name, tuple(wanted))
        if key not in self._blocks:
            self._blocks[key] = engine.blocks(self.graph, wanted, list(self.columns))
        return self._blocks[key]

    def without_slope(self) -> list[str]:
        """Parameters by which the derivative is 0 whatever the values are: `0*b`, `floor(b)`."""
        graph = self.graph
        return [
            name for name, node in self.slopes.items() if graph.is_constant(node) and not graph.constant_value(node)
        ]

    def _sigma(self, sigma: Over | float | None) -> int:
        if isinstance(sigma, Over):
            return self._over_columns(sigma)
        return self.graph.constant(1.0 if sigma is None else sigma)

    def _over_columns(self, over: Over) -> int:
        """A formula over columns, of hidden inputs: a parameter may be called like a column."""
        bound = bind_rows(over.formula, list(over.columns))
        (node,) = bound.program.outputs.values()
        refuse_reductions(bound, [node])
        need_scalar(bound.graph, over.text, node, who=IN_A_ROW, hint=ONE_NUMBER)
        copies = {}
        for name, place in bound.graph.inputs().items():
            if name in over.columns:
                hidden = f"column {over.columns[name]}"
                copies[place] = self.graph.input(hidden, hidden=True)
                self.columns[hidden] = over.columns[name]
        return settled(bound.program, self.graph, over.columns, [node], copies)[node]


def settled(
    program: Program, graph: Graph, given: Collection[str], nodes: Sequence[int], copies: dict[int, int] | None = None
) -> dict[int, int]:
    """Copy what nodes need into a graph, defaults in the place of inputs that are not given; old position -> new one.

    So a default that follows from a parameter or a column follows it, and derivatives go through it.
    copies: what has a copy already.
    """
    source, copies = program.graph, {} if copies is None else copies
    inputs = source.inputs()
    absent = {name: node for name, node in program.defaults.items() if name not in given and name in inputs}
    for ready in ordered_defaults(source, absent):
        copy_missing(source, graph, list(ready.values()), copies)
        copies.update({inputs[name]: copies[node] for name, node in ready.items()})
    copy_missing(source, graph, nodes, copies)
    return copies
