"""What is fitted to what: parameters, columns, fixed values, target and sigma, from names that a person gave."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cache
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.table import names_of
from cgcli.errors import CgError, NeedsValues, ShapeError, Source, UsageError, did_you_mean
from cgcli.formulas import given
from cgcli.formulas.base import FormulaBase
from cgcli.formulas.programs import of_text
from cgcli.formulas.rows import bind_rows, declared_shapes
from cgcli.language.spelling import canonical
from cgcli.ops.constants import CONSTANTS
from cgcli.rows.elements import elements_of
from cgcli.rows.matching import columns_by_reading, hidden_column, list_columns, require_columns
from cgcli.rows.sources import Source as RowSource
from cgcli.rows.sources import source_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from cgcli.data.table import Named, Table
    from cgcli.formulas.bound import Bound

    Shape = tuple[int, ...]


PARAMETERS_TOO = ("tau", "e")
"""Constants of the language whose names are also given to parameters."""
BASE = re.compile(r"\be\s*(\^|\*\*)")
"""Where e is the base of a power, as it is meant then."""


@dataclass
class Over:
    """A formula over columns alone: the target, or sigma. text: as it was given. columns: input -> column.

    settled: whether numbers stand in it that were taken from the rows (`whole_columns`).
    """

    text: str
    formula: FormulaBase
    columns: dict[str, str]
    settled: bool = False

    @property
    def is_column(self) -> bool:
        """Whether it is a column as it is."""
        return self.formula is itself()


@dataclass
class Question:
    """A formula, and where each of its inputs comes from.

    columns: input -> column of the table, or the columns of its elements; row_shapes: what each has in one row. fixed:
    input -> value. shapes: parameter -> its shape, in the order of the formula. starts: parameter -> value or array;
    ranges: parameter -> (low, high) to start in. output: which output of the formula is fitted. sigma: a formula over
    columns, a number for all rows, or None. sigma_x: as sigma, of inputs that have errors themselves. limit: of rows
    that are read. notes: what should be told.
    """

    formula: FormulaBase
    source: RowSource
    columns: dict[str, Named]
    row_shapes: dict[str, Shape]
    fixed: dict[str, Any]
    shapes: dict[str, Shape]
    output: str
    target: Over
    sigma: Over | float | None = None
    starts: dict[str, Any] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    limit: int | None = None
    notes: list[str] = field(default_factory=list)
    sigma_x: dict[str, Over | float] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each element of a point: `a`, `W[0,1]`."""
        return tuple(element for name, shape in self.shapes.items() for element in elements(name, shape))

    def values(self, point: Any) -> dict[str, Any]:
        """The parameters at a point, by name: floats and arrays."""
        parts = self.parts(point)
        return {name: part if self.shapes[name] else float(part) for name, part in parts.items()}

    def parts(self, point: Any) -> dict[str, Any]:
        """The parameters at a point, by name: its elements as they are, and arrays of them."""
        found: dict[str, Any] = {}
        place = 0
        for name, shape in self.shapes.items():
            part = point[place : place + prod(shape)]
            found[name] = np.array(part).reshape(shape) if shape else part[0]
            place += prod(shape)
        return found

    def point(self, values: Mapping[str, Any], missing: float = np.nan) -> Any:
        """A point from values by name; a parameter without one is missing."""
        parts = [np.broadcast_to(values.get(name, missing), shape).ravel() for name, shape in self.shapes.items()]
        return np.concatenate(parts).astype(float) if parts else np.zeros(0)

    def bound(self) -> Bound:
        """The formula for rows of the columns, with fixed values and some value for each parameter."""
        some = self.values(self.point(self.starts, missing=1.0))
        return bind_rows(self.formula, self.row_shapes, {**self.fixed, **some}, wrt=list(self.shapes))

    def needed(self) -> list[str]:
        """The columns of the table that are read, each once."""
        overs = [over for over in (self.target, self.sigma, *self.sigma_x.values()) if isinstance(over, Over)]
        names = [name for over in overs for name in over.columns.values()]
        return list(dict.fromkeys([*names_of(self.columns.values()), *names]))


def elements(name: str, shape: Shape) -> list[str]:
    """What the elements of an array are called; the name itself for a number."""
    return [f"{name}[{','.join(map(str, index))}]" for index in np.ndindex(*shape)] if shape else [name]


def ask(
    formula: FormulaBase, data: Any, *, target: str | None = None, start: Mapping[str, Any] | None = None,
    fix: Mapping[str, Any] | Sequence[str] | str | None = None, wrt: Sequence[str] | None = None,
    sigma: str | float | None = None, sigma_x: Any = None, columns: Mapping[str, str] | None = None,
) -> Question:  # fmt: skip
    """What a call means. columns: input -> column where their names differ. See `fit` for the others.

    UsageError for unknown names, for a formula without parameters and where no target is known.
    """
    source = source_of(data)
    table = source.open()
    if not source.again:
        return _asked(formula, RowSource(table), table, start, fix, columns, wrt, target, sigma, sigma_x)
    with closing(table):
        return _asked(formula, source, table, start, fix, columns, wrt, target, sigma, sigma_x)


def _asked(
    formula: FormulaBase, source: RowSource, table: Table, start: Any, fix: Any, columns: Any, wrt: Any,
    target: str | None, sigma: str | float | None, sigma_x: Any,
) -> Question:  # fmt: skip
    """As `ask`, with the table open. source: gives its rows; itself what comes through a pipe, and so comes once."""
    started, ranges = split_starts(start)
    started = spread_out(formula, started)
    held = held_values(formula, fix, started)
    known = columns_by_reading(table)
    matched = matched_columns(formula, table, columns)
    matched |= arrays_of_elements(formula, table, {*known, *matched, *started, *ranges, *held, *(wrt or [])})
    inputs = inputs_with(formula, {**started, **ranges, **held, **matched}, wrt)
    names = parameters(formula, known, matched, held, {**started, **ranges}, wrt)
    fixed = {name: value for name, value in started.items() if name not in names} | held
    found = {name: column for name, column in matched.items() if name not in names and name not in fixed}
    found |= {name: known[name] for name in inputs
              if name in known and name not in found and name not in names and name not in fixed}  # fmt: skip
    begun = {name: value for name, value in started.items() if name in names}
    in_one_row = {name: table.item_shape(column) if isinstance(column, str) else column.shape
                  for name, column in found.items()}  # fmt: skip
    defaults, shapes = defaults_and_shapes(formula, in_one_row, fixed, begun, names)
    check_inputs(formula, table, {*found, *fixed, *names}, defaults)
    output, fitted = what_is_fitted(formula, table, known, target)
    spread = checked_sigma(over_columns(sigma, table, known) if isinstance(sigma, str) else sigma)
    across = sigmas_of_inputs(sigma_x, found, table, known)
    begun = {**{name: value for name, value in defaults.items() if name in names}, **begun}
    hidden = [hidden_column(name, known[name], "is fitted" if name in names else "is fixed").message
              for name in [*names, *fixed] if name in known]  # fmt: skip
    hidden += constants_like_parameters(formula, {*names, *fixed, *found}, known)
    if not found:
        hidden.append(f"no input of the formula is a column of the table, which has {list_columns(table)}")
    return Question(
        formula, source, found, in_one_row, fixed, shapes, output, fitted, spread, begun, ranges, notes=hidden,
        sigma_x=across,
    )  # fmt: skip


def constants_like_parameters(formula: FormulaBase, taken: set[str], known: Collection[str]) -> list[str]:
    """Sentences on constants that are often meant as parameters: the `tau` of `exp(-t/tau)`, an `e` that is no base."""
    text = formula.source.text if formula.source is not None else ""
    told = []
    for name in formula.constants:
        if name in PARAMETERS_TOO and name not in taken and not (name == "e" and BASE.search(text)):
            cure = (
                f"bind it to the column ({name}={name})" if name in known else f"give it a start to fit it ({name}=1)"
            )
            told.append(f"`{name}` is the constant {CONSTANTS[name].value:.6g} here: {cure}")
    return told


def split_starts(start: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, tuple[float, float]]]:
    """Starts, and ranges to start in, which are pairs: `{"a": 1.0, "b": (0, 10)}`."""
    values = given.given_values(start, {})
    ranges = {name: value for name, value in values.items() if isinstance(value, tuple) and len(value) == 2}
    for name, (low, high) in ranges.items():
        if not (isinstance(low, (int, float)) and isinstance(high, (int, float)) and low < high):
            raise UsageError(f"({low}, {high}) is no range for `{name}`", hint="two numbers, the smaller one first")
    starts = {name: given.normalised(name, value) for name, value in values.items() if name not in ranges}
    for name, value in starts.items():
        if not np.isfinite(value).all():
            raise UsageError(f"the start of `{name}` is not finite", hint="leave it away: a start is then looked for")
    return starts, {name: (float(low), float(high)) for name, (low, high) in ranges.items()}


def spread_out(formula: FormulaBase, values: Mapping[str, Any]) -> dict[str, Any]:
    """Starts of declared arrays that are one number, or one row, for all: in the shape that the formula declares."""
    declared = declared_shapes(formula, values)
    found = dict(values)
    for name, value in values.items():
        shape = declared.get(name, ())
        if shape and np.shape(value) != shape:
            with suppress(ValueError):  # what does not fit is told where values are bound
                found[name] = np.array(np.broadcast_to(value, shape))
    return found


def held_values(formula: FormulaBase, fix: Any, started: Mapping[str, Any]) -> dict[str, Any]:
    """The values of inputs that are fixed: given with them, or elsewhere as a start or a default."""
    if fix is None:
        return {}
    if hasattr(fix, "keys"):
        return {name: given.normalised(name, value) for name, value in given.given_values(fix, {}).items()}
    names = given.name_list(fix)
    given.check_names(names, formula.inputs, formula.constants, formula.programs.names.defined)
    bound = formula.bind(dict(started), complete=False)
    for name in names:
        if name not in bound.values:
            raise UsageError(f"`{name}` is fixed at no value", hint=f'for example fix={{"{name}": 1}}')
    return {name: bound.values[name] for name in names}


def arrays_of_elements(formula: FormulaBase, table: Table, known: Collection[str]) -> dict[str, Named]:
    """Declared inputs that are arrays and known by nothing else, from the columns of their elements."""
    found: dict[str, Named] = {}
    for name, shape in declared_shapes(formula, {}).items():
        if shape and name in formula.inputs and name not in known and name not in formula.params:
            elements = elements_of(name, shape, table, needed=False)
            found |= {} if elements is None else {name: elements}
    return found


def matched_columns(formula: FormulaBase, table: Table, chosen: Mapping[str, str] | None) -> dict[str, Named]:
    """Columns that were chosen for inputs. UsageError for unknown ones."""
    chosen = given.given_values(chosen, {})
    given.check_names(chosen, formula.inputs, formula.constants)
    require_columns(table, list(chosen.values()))
    return chosen


def inputs_with(formula: FormulaBase, named: Mapping[str, Any], wrt: Sequence[str] | None) -> list[str]:
    """The inputs, and what else becomes one by a value: a constant or a definition that is named. UsageError else."""
    others = [*formula.constants, *formula.programs.names.defined]
    names = [*named, *given.name_list(wrt or [])]
    given.check_names(names, formula.inputs, others)
    return list(dict.fromkeys([*formula.inputs, *(name for name in names if name in others)]))


def parameters(
    formula: FormulaBase, known: Mapping[str, str], matched: Mapping[str, Named], held: Mapping[str, Any],
    started: Mapping[str, Any], wrt: Sequence[str] | None,
) -> list[str]:  # fmt: skip
    """The inputs that are fitted, in the order of the formula. UsageError where there is none."""
    inputs = inputs_with(formula, {**started, **held, **matched}, wrt)
    if wrt is not None:
        chosen = given.name_list(wrt)
    elif formula.params:
        chosen = [name for name in formula.params if name not in matched]
    else:
        chosen = [name for name in inputs if name in started or (name not in known and name not in matched)]
    found = [name for name in inputs if name in chosen and name not in held]
    if not found:
        raise UsageError(
            "there is nothing to fit: every input is a column or fixed",
            hint="parameters are the inputs that no column fills; wrt names others",
        )
    return found


def defaults_and_shapes(
    formula: FormulaBase, columns: Mapping[str, Shape], fixed: Mapping[str, Any], begun: Mapping[str, Any],
    names: Sequence[str],
) -> tuple[dict[str, Any], dict[str, Shape]]:  # fmt: skip
    """The default values of inputs without another one, and the shapes of parameters."""
    declared: dict[str, Shape] = {}
    with suppress(ShapeError, NeedsValues):
        plain = formula.programs.plain()
        declared = {name: plain.graph.shape_of(node) for name, node in plain.graph.inputs().items()}
    with_default = formula.programs.names.with_default
    some = {name: np.ones(declared[name]) if declared.get(name) else 1.0
            for name in names if name not in begun and name not in with_default}  # fmt: skip
    bound = bind_rows(formula, columns, {**fixed, **begun, **some}, wrt=list(names), complete=False)
    inputs = bound.graph.inputs()
    defaults = {name: bound.values[name] for name in bound.program.defaults if name in bound.values}
    shapes = {name: bound.graph.shape_of(inputs[name]) if name in inputs else () for name in names}
    return {name: value for name, value in defaults.items() if name not in begun and name not in fixed}, shapes


def check_inputs(formula: FormulaBase, table: Table, known: set[str], defaults: Mapping[str, Any]) -> None:
    """UsageError that names all inputs which are neither a column nor a parameter nor a value."""
    missing = [name for name in formula.inputs if name not in known and name not in formula.programs.names.with_default]
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        near = did_you_mean(missing[0], table.columns)
        ways = f"fix {missing[0]}=VALUE, or fit it, too; the columns are {list_columns(table)}"
        raise UsageError(
            f"no column and no value for the input{'s' if len(missing) > 1 else ''} {listed}",
            hint="; ".join(filter(None, (near, ways))),
        )


def what_is_fitted(
    formula: FormulaBase, table: Table, known: Mapping[str, str], target: str | None
) -> tuple[str, Over]:  # fmt: skip
    """The output that is fitted, and to what. UsageError where the names do not say so."""
    outputs = formula.outputs
    if target is None:
        named = [name for name in outputs if name in known]
        if len(named) != 1:
            which = f"more than one output is named like a column: {', '.join(named)}" if named else (
                "no column is named to fit to")  # fmt: skip
            raise UsageError(which, hint=f"name the target; the columns are {list_columns(table)}")
        return named[0], over_columns(named[0], table, known)
    over = over_columns(target, table, known)
    if len(outputs) == 1:
        return outputs[0], over
    if canonical(target) in outputs:
        return canonical(target), over
    raise UsageError(
        f"the formula has {len(outputs)} outputs, and none is called `{target}`", hint=f"it has {', '.join(outputs)}"
    )


def over_columns(text: str, table: Table, known: Mapping[str, str]) -> Over:
    """A column, or a formula whose inputs are columns."""
    if not isinstance(text, str):
        raise UsageError(f"a column or a formula over columns is a text, not {text!r}")
    if text in table.columns or canonical(text) in known:
        column = text if text in table.columns else known[canonical(text)]
        return Over(text, itself(), {"column": column})
    source = Source(text)
    try:
        formula = FormulaBase(of_text(source), source)
    except CgError:
        if not text.isidentifier() and "".join(text.split()).isalnum():
            require_columns(table, [text])
        raise
    require_columns(table, [name for name in formula.inputs if name not in known])
    if len(formula.outputs) != 1 or not formula.inputs:
        column = next(iter(table.columns), "x")
        hint = f"the same number in all rows is {text} + 0*{column}" if not formula.inputs else None
        raise UsageError(f"`{text}` is no column and no formula over columns", hint=hint)
    return Over(text, formula, {name: known[name] for name in formula.inputs})


@cache
def itself() -> FormulaBase:
    """The formula of a column as it is."""
    return FormulaBase(of_text(Source("column")))


def sigmas_of_inputs(
    sigma_x: Any, columns: Mapping[str, Named], table: Table, known: Mapping[str, str]
) -> dict[str, Over | float]:  # fmt: skip
    """The standard deviations of inputs: by input, or one where only one input has a column. UsageError."""
    if sigma_x is None:
        return {}
    if not hasattr(sigma_x, "keys"):
        if len(columns) != 1:
            listed = ", ".join(f"`{name}`" for name in columns)
            hint = f'for example sigma_x={{"{next(iter(columns), "x")}": "error"}}'
            raise UsageError(f"sigma_x is of one of the inputs {listed}: which one?", hint=hint)
        sigma_x = {next(iter(columns)): sigma_x}
    given.check_names(sigma_x, list(columns))
    for name in sigma_x:
        if not isinstance(columns[name], str):
            raise UsageError(f"`{name}` has a column for each element: errors of inputs are of single columns")
    return {name: checked_sigma(over_columns(sigma, table, known) if isinstance(sigma, str) else sigma)
            for name, sigma in sigma_x.items() if sigma is not None}  # fmt: skip


def checked_sigma(sigma: Any) -> Any:
    """UsageError for a standard deviation that is none."""
    if sigma is None or isinstance(sigma, Over):
        return sigma
    if not isinstance(sigma, (int, float)) or not 0 < sigma < np.inf:
        raise UsageError(f"sigma is a column, a formula over columns or a positive number, not {sigma!r}")
    return float(sigma)
