"""Reductions of whole columns in what is fitted: `a*(t - mean(t)) + b` has the mean of the table's `t`, a number.

They are taken from the rows that are fitted, before the first evaluation, and are numbers of the formula from then on:
a prediction for other rows has those of the fitted ones, for the parameters belong to these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.table import values_of
from cgcli.engines import engine
from cgcli.errors import ShapeError
from cgcli.fitting.question import Over
from cgcli.formulas.base import FormulaBase
from cgcli.formulas.programs import of_program
from cgcli.formulas.rows import bind_rows, row_values
from cgcli.formulas.totals import Pass, levels, over_columns, whole_values
from cgcli.graph.copying import GONE, carry, copy_missing
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.language.program import Program
from cgcli.numerals import compact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cgcli.data.table import Named
    from cgcli.fitting.question import Question
    from cgcli.formulas.bound import Bound
    from cgcli.rows.sources import WholeRows


LONGEST = 40
"""Characters of a text that is shown in a note."""


def settle_whole_columns(question: Question, rows: WholeRows) -> None:
    """Put numbers in the place of reductions of columns in a question; its notes tell of them.

    ShapeError for one that depends on a parameter, DataError where there is no row.
    """
    notes = question.notes
    bound = over_columns(question.bound())
    if bound.program.columns is not None:
        _refuse_parameters(bound, list(question.shapes))
        question.formula = _settled(bound, question.columns, rows, notes)
    for over in (question.target, question.sigma):
        if isinstance(over, Over) and not over.is_column:
            bound = over_columns(bind_rows(over.formula, list(over.columns)))
            if bound.program.columns is not None:
                over.formula, over.settled = _settled(bound, over.columns, rows, notes), True


def _refuse_parameters(bound: Bound, parameters: Sequence[str]) -> None:
    """ShapeError for a reduction of a column that depends on a parameter: it would be another number at each step."""
    columns = bound.program.columns
    assert columns is not None
    inputs = bound.graph.inputs()
    for name in parameters:
        reached = descendants(bound.graph, [inputs[name]]) if name in inputs else b""
        for total in columns.totals:
            if reached and reached[total.operand]:
                raise ShapeError(
                    f"`{total.asked}` is of a column that depends on the parameter `{name}`",
                    span=bound.graph.spans.get(total.node), source=bound.source,
                    hint="in a fit, what is of the whole column has to follow from the table alone",
                )  # fmt: skip


def _settled(bound: Bound, columns: Mapping[str, Named], rows: WholeRows, notes: list[str]) -> FormulaBase:
    """The formula with the totals of its columns as numbers."""
    chosen, outputs = engine("numpy"), list(bound.program.outputs.values())
    for totals in levels(bound, outputs):
        taken = Pass(bound, totals)
        for part in rows.parts():
            given = {name: values_of(column, part.columns) for name, column in columns.items()}
            taken.add(row_values(bound, given), part.rows, chosen)
        bound = bound.over(bound.program, taken.values())
    over = bound.program.columns
    assert over is not None
    needed = ancestors(bound.graph, [*outputs, *(total.operand for total in over.needed(outputs))])
    asked = [(name, node) for name, node in over.asked if needed[node]]
    for (name, node), value in zip(asked, whole_values(bound, [node for _, node in asked]), strict=True):
        written = _as_written(bound, node) or f"`{name}` of a column"
        notes.append(f"{written} is that of the rows that are fitted: {compact(value)}")
    return FormulaBase(of_program(_with_numbers(bound)), bound.source)


def _as_written(bound: Bound, node: int) -> str:
    """The text of a reduction, `mean(t)`; nothing where none is known, or it is long."""
    span = bound.graph.spans.get(node)
    text = bound.source.text[slice(*span)] if span is not None and bound.source is not None else ""
    return f"`{text}`" if len(text) <= LONGEST and "\n" not in text else ""


def _with_numbers(bound: Bound) -> Program:
    """The program of a formula with the values of its totals as constants."""
    program, old, graph = bound.program, bound.graph, Graph()
    assert program.columns is not None
    copies: dict[int, int] = {}
    for total in program.columns.totals:
        value = bound.values.get(old.input_name(total.node))
        if value is not None:
            copies[total.node] = graph.array_constant(value) if np.ndim(value) else graph.constant(value, own=True)
    wanted = [*program.outputs.values(), *program.defaults.values(), *old.inputs().values()]
    copy_missing(old, graph, wanted, copies)
    moved = [copies.get(node, GONE) for node in range(len(old))]
    carry(old, graph, moved)
    new = Program(graph)
    new.outputs = {name: moved[node] for name, node in program.outputs.items()}
    new.defaults = {name: moved[node] for name, node in program.defaults.items()}
    new.inputs, new.params, new.specialised = program.inputs, program.params, program.specialised
    new.take_decisions(program, moved, GONE)
    return new
