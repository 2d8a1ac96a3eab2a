"""Vectors, matrices and batches of rows with NumPy, in float64.

A batch is one more axis in front of a value: a value of shape s is stored for N rows as (N,) + s, and a value that
is the same for all rows is stored once, as s. Kernels tell the two apart by the number of axes, so that the same
kernels serve one point and many rows.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module

import numpy as np

from cgcli.engines.plan import Plan
from cgcli.engines.planned import PlannedEngine
from cgcli.engines.row_plans import NumpyBlocks, RowPlan, compute, with_last_uses
from cgcli.errors import DataError, UsageError
from cgcli.graph.shapes import describe
from cgcli.graph.walk import ancestors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.engines.plan import Kernel, Shape
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation


class NumpyEngine(PlannedEngine):
    """Float64 arrays; a scalar comes out as a Python float."""

    name = "numpy"
    rows = True
    least_compiled: int | None = 50_000  # 0.1 s, which loading LLVM and compiling takes the first time

    def number(self, value: float, exact: str | None) -> float:
        """The double."""
        return np.float64(value)

    def array(self, values: Any) -> Any:
        """The array itself: graphs hold NumPy arrays."""
        return values

    def given(self, value: Any) -> Any:
        """A float64, or a contiguous array of them (NumPy computes reversed arrays with other last bits)."""
        data = np.asarray(value, dtype=np.float64)
        return np.ascontiguousarray(data) if data.ndim else data[()]

    def evaluate(self, graph: Graph, inputs: Mapping[str, Any], wanted: Iterable[int]) -> list[Any]:
        """As every engine; values are Python floats and read-only or fresh arrays of the node's shape."""
        wanted = list(wanted)
        with np.errstate(all="ignore"):
            values = self.run(graph, inputs, wanted)
        scalar, shape = 0, graph.shape
        for node in wanted:
            if shape[node] == scalar:
                values[node] = float(values[node])
        return values

    def planned(self, graph: Graph, wanted: Sequence[int]) -> Plan:
        """As every engine; the values of nodes that are not wanted go after their last use."""
        return ArrayPlan(super().planned(graph, wanted), wanted)

    def evaluate_rows(self, graph: Graph, inputs: Mapping[str, Any], wanted: Iterable[int]) -> dict[int, Any]:
        """As every engine with rows."""
        wanted = list(wanted)
        values, columns, rows = split_columns(graph, self.given_inputs(self.needed_inputs(graph, wanted), inputs))
        results = {node: np.empty((rows, *graph.shape_of(node))) for node in wanted}
        with np.errstate(all="ignore"):
            plan = self.row_plan(graph, wanted, list(columns))
            fixed = plan.fixed(values)
            for node in wanted:
                if node not in plan.varying:
                    results[node][...] = fixed[node]
            for first in range(0, rows, plan.height):
                block = slice(first, first + plan.height)
                found = plan.compute(fixed, {node: column[block] for node, column in columns.items()})
                for node in plan.varying:
                    results[node][block] = found[node]
        return results

    def own_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """The row's spelling for NumPy, else NumPy's function of that name, else the row's scalar function mapped."""
        function = _spelled(row, attributes)
        if function is None or not row.elementwise:
            return function
        return _aligned(function, tuple(map(len, shapes)))

    @staticmethod
    def needed_inputs(graph: Graph, wanted: Sequence[int]) -> dict[str, int]:
        """The nodes of the inputs that the wanted nodes need, by name."""

        def find() -> dict[str, int]:
            needed = ancestors(graph, wanted)
            return {name: node for name, node in graph.inputs(hidden=True).items() if needed[node]}

        return graph.once("needed inputs", wanted, find)

    def given_inputs(self, needed: Mapping[str, int], inputs: Mapping[str, Any]) -> dict[int, Any]:
        """The values of needed inputs, by node. UsageError where one is missing."""
        for name in needed:
            if name not in inputs:
                raise UsageError(f"no value for the input `{name}`", hint=f"give one: {name}=…")
        return {node: self.given(inputs[name]) for name, node in needed.items()}

    def row_plan(self, graph: Graph, wanted: Sequence[int], columns: Sequence[int]) -> RowPlan:
        """How to compute the wanted nodes for rows, from the last time or made now. columns: the inputs that vary."""
        return graph.once((self, "rows", *columns), wanted, lambda: RowPlan(self, graph, wanted, columns))

    def blocks(self, graph: Graph, wanted: Sequence[int], columns: Sequence[str]) -> NumpyBlocks:
        """As every engine with rows."""
        varying = {name: node for name, node in self.needed_inputs(graph, wanted).items() if name in set(columns)}
        return NumpyBlocks(self.row_plan(graph, wanted, list(varying.values())), varying)


def split_columns(graph: Graph, given: dict[int, Any]) -> tuple[dict[str, Any], dict[int, Any], int]:
    """Single values by name, columns by node, and the number of rows."""
    values: dict[str, Any] = {}
    columns: dict[int, Any] = {}
    for node, value in given.items():
        shape, found = graph.shape_of(node), np.shape(value)
        if found == shape:
            values[graph.input_name(node)] = value
        elif found[1:] == shape and found:
            columns[node] = value
        else:
            what = f"`{graph.input_name(node)}` has shape {describe(found)}"
            raise DataError(f"{what}; one row of it is {describe(shape)}")
    lengths = {graph.input_name(node): len(column) for node, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise DataError(f"columns of different length: {listed}")
    return values, columns, next(iter(lengths.values()), 1)


class ArrayPlan(Plan):
    """A plan that lets go of each value after its last use, so that the next ones get memory that is in the cache."""

    __slots__ = ("freeing",)

    def __init__(self, plan: Plan, wanted: Iterable[int]) -> None:
        self.values, self.inputs = plan.values, plan.inputs
        self.freeing = with_last_uses(list(plan.steps()), {*wanted})

    def compute(self, values: list[Any]) -> None:
        """Take all steps."""
        compute(self.freeing, values)


def _spelled(row: Operation, attributes: tuple[Any, ...]) -> Kernel | None:
    """The function of a row on arrays, static arguments put in; None where only the definition is left."""
    spelling = row.spell.get("numpy")
    if callable(spelling):
        return partial(spelling, np) if not attributes else lambda *operands: spelling(np, *operands, *attributes)
    if isinstance(spelling, str):
        return library_function(np, spelling)
    if not row.elementwise or row.definition is not None:
        return None
    named = getattr(np, row.name, None)
    if isinstance(named, np.ufunc):
        return named
    return _mapped(row, attributes)


def library_function(home: Any, name: str) -> Kernel:
    """A function by its name in a home module, or by a dotted name whose module is imported here."""
    module, _, function = name.rpartition(".")
    found: Kernel = getattr(import_module(module) if module else home, function)
    return found


def _mapped(row: Operation, attributes: tuple[Any, ...]) -> Kernel | None:
    """The row's function on floats, applied element by element."""
    scalar = row.compute or ("python" in row.spell and library_function(None, row.spell["python"]))
    if not scalar:
        return None
    count = row.arity
    each = np.frompyfunc(lambda *operands: float(scalar(*map(float, operands), *attributes)), count, 1)
    return lambda *operands: np.asarray(each(*operands), dtype=np.float64)


def _aligned(function: Kernel, ranks: tuple[int, ...]) -> Kernel:
    """Elementwise operands of unlike rank: axes of length 1 go between the batch axis and the others."""
    rank = max(ranks, default=0)
    if all(own == rank for own in ranks):
        return function

    def align(operand: Any, own: int) -> Any:
        if operand.ndim == own or own == rank:
            return operand
        return operand.reshape(operand.shape[:1] + (1,) * (rank - own) + operand.shape[1:])

    def run(*operands: Any) -> Any:
        for operand, own in zip(operands, ranks, strict=True):
            if operand.ndim != own:
                return function(*map(align, operands, ranks))
        return function(*operands)

    return run


ENGINE = NumpyEngine()
