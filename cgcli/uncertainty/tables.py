"""An error for every row of a table: the law of propagation as nodes of the graph, computed as any others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import ShapeError, UsageError, did_you_mean
from cgcli.formulas.derivatives import derived, need_scalar, slopes_of, variables
from cgcli.formulas.rows import bind_columns, evaluate_rows
from cgcli.graph.balanced import balanced
from cgcli.graph.walk import ancestors
from cgcli.ops import arithmetic, logic, powers, shaping
from cgcli.passes.folding import FoldingRef
from cgcli.uncertainty.intervals import COVERAGE, check_coverage
from cgcli.uncertainty.propagating import plain, refuse_defaults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound
    from cgcli.graph.ref import Ref
    from cgcli.language.program import Program
    from cgcli.passes.columns import Columns
    from cgcli.uncertainty.asking import Pairs, Question
    from cgcli.uncertainty.quantities import Quantity


def error_of(name: str) -> str:
    """What the hidden input with the error of an input is called."""
    return f"error of {name}"


def with_errors(
    bound: Bound,
    columns: Sequence[str],
    quantities: Mapping[str, Quantity],
    correlations: Pairs,
    show: Sequence[str] = (),
) -> tuple[Bound, dict[str, int]]:
    """The formula with the nodes of its results and, as `NAME_error`, of their errors, by the names of their columns.

    columns: inputs whose errors come in rows too, as hidden inputs (`error_of`). quantities: those with one error for
    all rows. correlations: of both, the same in all rows. ShapeError for results that are arrays, UsageError for
    correlations of what has no error, and of arrays.
    """
    names = (*columns, *[name for name, each in quantities.items() if not each.is_exact])
    refuse_defaults(bound, names, {*bound.values, *columns})
    pairs = tuple(sorted(correlations.items()))
    check_pairs(names, quantities, correlations)
    outputs = bound.chosen(show)
    question = ("errors in rows", names, tuple(columns), pairs, *outputs)
    found = derived(bound, question, lambda program: _error_nodes(program, names, columns, correlations, outputs))
    errors = {error_of(name): each.error if each.value.ndim else float(each.error)
              for name, each in quantities.items() if not each.is_exact}  # fmt: skip
    return bound.over(found.program, errors), found.nodes


def check_pairs(names: Sequence[str], quantities: Mapping[str, Quantity], correlations: Pairs) -> None:
    """UsageError for correlations of what has no error, of arrays, beyond 1, and that contradict each other."""
    matrix = np.eye(len(names))
    for (first, second), r in correlations.items():
        for name in (first, second):
            if name not in names:
                hint = did_you_mean(name, names) or f"with errors: {', '.join(names) or 'none'}"
                raise UsageError(f"`{name}` has a correlation, but no error", hint=hint)
            if name in quantities and quantities[name].value.ndim:
                raise UsageError(f"`{name}` is an array, and its elements go together with nothing in rows")
        if not abs(r) <= 1:
            raise UsageError(f"the correlation of `{first}` and `{second}` is {r:g}, which is not between -1 and 1")
        i, j = names.index(first), names.index(second)
        matrix[i, j] = matrix[j, i] = r
    if len(names) and np.linalg.eigvalsh(matrix)[0] < -1e-9 * len(names):
        listed = ", ".join(f"`{name}`" for name in names)
        raise UsageError(
            f"the correlations of {listed} contradict each other: their matrix is not positive semidefinite"
        )


def _error_nodes(
    program: Program, names: Sequence[str], columns: Sequence[str], correlations: Pairs, outputs: Mapping[str, int]
) -> dict[str, int]:
    """Nodes of the results and of their errors. A negative error, which has no square root, becomes nan."""
    graph = program.graph
    by_name = variables(program, names) if names else {}
    errors = {name: FoldingRef(graph, graph.input(error_of(name), graph.shape_of(node), hidden=True))
              for name, node in by_name.items()}  # fmt: skip
    errors = {
        name: powers.sqrt(each) * powers.sqrt(each) if each.shape == () else each for name, each in errors.items()
    }
    over = program.columns = None if program.columns is None else program.columns.also(list(map(error_of, columns)))
    found: dict[str, int] = {}
    for output, node in outputs.items():
        need_scalar(graph, output, node)
        _refuse_rows_of_columns(over, output, node, [by_name[name] for name in columns])
        slopes = slopes_of(program, node, list(by_name.values()))
        parts = {name: FoldingRef(graph, slope) * error
                 for slope, (name, error) in zip(slopes, errors.items(), strict=True)}  # fmt: skip
        found[output] = node
        if over is not None and over.is_whole(node):
            found[f"{output}_error"] = _root_over_rows(over, parts, columns, correlations).node
        else:
            found[f"{output}_error"] = _root(parts, correlations).node if parts else graph.constant(0.0)
    return found


def _refuse_rows_of_columns(over: Columns | None, output: str, node: int, uncertain: Sequence[int]) -> None:
    """ShapeError for a row's number that follows from a whole column with errors: it hangs on those of all rows."""
    if over is None or not over.varies(node):
        return
    for total in over.needed([node]):
        needed = ancestors(over.graph, [total.operand])
        if any(needed[each] for each in uncertain):
            raise ShapeError(
                f"`{output}` is a row's number and follows from `{total.asked}` of a column with errors, and so from "
                "the errors of all rows",
                hint="f.uncertainty takes a column as one array with its errors",
            )


def _root(parts: Mapping[str, Ref], correlations: Pairs) -> Ref:
    """The root of the sum of squares of contributions, and of twice the products of correlated ones."""
    total = _variance(parts, correlations)
    return powers.sqrt(logic.maximum(total, 0.0) if correlations else total)


def _variance(parts: Mapping[str, Ref], correlations: Pairs) -> Ref:
    """The sum of squares of contributions, and of twice the products of correlated ones."""
    squares = [part * part for part in parts.values()]
    terms: list[Ref] = [shaping.sum_of(each, None) if each.shape else each for each in squares]
    terms += [2 * r * parts[first] * parts[second] for (first, second), r in correlations.items()
              if r and first in parts and second in parts]  # fmt: skip
    return balanced(arithmetic.add, terms)


def _root_over_rows(over: Columns, parts: Mapping[str, Ref], columns: Sequence[str], correlations: Pairs) -> Ref:
    """The error of what is of the whole table: errors of columns are independent from row to row, and add up over all
    of them; those of the other inputs are the same in all rows. UsageError for a correlation of one with the other.
    """
    for pair, r in correlations.items():
        inside = [name for name in pair if name in columns]
        if r and len(inside) == 1:
            raise UsageError(
                f"`{pair[0]}` and `{pair[1]}` cannot go together: the errors of `{inside[0]}` are independent from row "
                "to row, and a result is of the whole table"
            )
    in_rows = {name: part for name, part in parts.items() if name in columns}
    shared = {name: part for name, part in parts.items() if name not in columns}
    terms = [_variance(shared, correlations)] if shared else []
    if in_rows:
        each = over.in_each_row(_variance(in_rows, correlations).node)
        terms.append(FoldingRef(over.graph, over.total(shaping.sum_of, each)))
    if not terms:
        return FoldingRef(over.graph, over.graph.constant(0.0))
    total = balanced(arithmetic.add, terms)
    return powers.sqrt(logic.maximum(total, 0.0) if correlations else total)


class RowsUncertainty:
    """value, error: arrays with the rows in front."""

    def __init__(self, value: Any, error: Any) -> None:
        self.value = value
        self.error = error

    def __repr__(self) -> str:
        return f"<{len(self.value):,} rows with errors>"

    def interval(self, coverage: float = COVERAGE) -> tuple[Any, Any]:
        """The ends of the intervals of a normal distribution."""
        from scipy.special import ndtri

        half = float(ndtri((1 + check_coverage(coverage)) / 2)) * self.error
        return self.value - half, self.value + half


def in_rows(formula: FormulaBase, asked: Question, engine: str = "auto") -> dict[str, RowsUncertainty]:
    """The results of all rows with their errors, by name. A value with an axis more than the input has is a column."""
    values = {**asked.values, **{name: plain(quantity) for name, quantity in asked.quantities.items()}}
    bound, rows = bind_columns(formula, values, list(asked.quantities))
    refuse_defaults(bound, [name for name, each in asked.quantities.items() if not each.is_exact], values)
    shapes = {name: bound.graph.shape_of(node) for name, node in bound.graph.inputs().items()}
    columns = [name for name, each in asked.quantities.items()
               if each.value.ndim > len(shapes.get(name, each.value.shape)) and not each.is_exact]  # fmt: skip
    single = {name: each for name, each in asked.quantities.items() if name not in columns}
    over, nodes = with_errors(bound, columns, single, asked.correlations)
    over.values |= {error_of(name): asked.quantities[name].error for name in columns}
    found = dict(zip(nodes, evaluate_rows(over, engine, list(nodes.values()), rows), strict=True))
    return {name: RowsUncertainty(found[name], found[f"{name}_error"]) for name in bound.program.outputs}
