"""Which columns of a table the inputs of a formula come from, and what is told where they do not fit.

What a person should know and what is no error is returned as notes.
"""

from __future__ import annotations

import csv
from collections import Counter
from math import isnan
from typing import TYPE_CHECKING, NamedTuple

from cgcli.data.cells import number_of
from cgcli.data.table import names_of
from cgcli.errors import DataError, ShapeError, UsageError, did_you_mean
from cgcli.formulas.rows import bind_rows, declared_shapes
from cgcli.language.spelling import canonical
from cgcli.rows.elements import chosen_elements, elements_of, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.data.table import Named, Table
    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound


SEPARATORS = {
    "\t": "a tab: --separator tab, or name the file .tsv", ";": "`;`: --separator ';'", "|": "`|`: --separator '|'",
    ",": "a comma: --separator ,", " ": "a blank: --separator blank",
}  # fmt: skip
"""What a table of one column may be separated by, as far as its name says it; the likeliest first."""


class Note(NamedTuple):
    """What whoever asked should know: a sentence, and what to do about it."""

    message: str
    hint: str | None = None


def match_columns(
    formula: FormulaBase, table: Table, values: Mapping[str, Any], chosen: Mapping[str, str]
) -> tuple[dict[str, Named], list[Note]]:
    """Which column each input comes from, the chosen one or the one of its name, and notes on columns left unused.

    An array comes from the columns of its elements (see `elements`), or from a column that holds arrays.
    UsageError for unknown columns, DataError for one whose name stands twice.
    """
    spelled = columns_by_reading(table)
    columns = Counter(table.columns)
    shapes = declared_shapes(formula, values)
    chosen = {name: column if column in columns else spelled.get(canonical(column), column)
              for name, column in chosen.items()}  # fmt: skip
    patterns = {name: column for name, column in chosen.items() if column not in columns and "*" in column}
    require_columns(table, [column for name, column in chosen.items() if name not in patterns])
    found: dict[str, Named] = dict(chosen)
    for name, pattern in patterns.items():
        found[name] = chosen_elements(name, pattern, shapes.get(name, ()), table)
    for name in formula.inputs:
        if name in values or name in found:
            continue
        if name in spelled:
            found[name] = spelled[name]
        elif shapes.get(name):
            needed = name not in formula.programs.names.with_default
            elements = elements_of(name, shapes[name], table, needed=needed)
            found |= {name: elements} if elements is not None else {}
    notes = [
        Note(f"the column `{name}` is not used: `{name}` is a constant", f"--bind {name}={name} uses it")
        for name in formula.constants
        if name not in values and name not in found and name in columns
    ]
    notes += [hidden_column(name, spelled[name], "has a value") for name in formula.inputs
              if name in values and name in spelled]  # fmt: skip
    for column in names_of(found.values()):
        if columns[column] > 1:
            raise DataError(f"`{table.path}` has more than one column `{column}`", hint="rename the others")
    return found, notes


def hidden_column(name: str, column: str, why: str) -> Note:
    """That an input does not come from the column of its name."""
    return Note(
        f"the column `{column}` is not used: `{name}` {why}", f"without a value for `{name}` the column is used"
    )


def columns_by_reading(table: Table) -> dict[str, str]:
    """The columns by the names that formulas read them as; of two that are read alike the one that is spelled so."""
    found: dict[str, str] = {}
    for column in table.columns:
        name = canonical(column)
        if column == name or name not in found:
            found[name] = column
    return found


def require_columns(table: Table, names: Sequence[str]) -> None:
    """UsageError for names that the table does not have."""
    known = set(table.columns)
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(f"`{name}`" for name in unknown)
        near = did_you_mean(unknown[0], table.columns)
        rest = "; ".join(filter(None, (f"its columns are {list_columns(table)}", doubt_about(table))))
        hint = f"{near} {rest}" if near else rest
        raise UsageError(f"`{table.path}` has no column {listed}", hint=hint)


def list_columns(table: Table, most: int = 30) -> str:
    """The names of a table's columns, cut where there are very many."""
    more = len(table.columns) - most
    return ", ".join(f"`{name}`" for name in table.columns[:most]) + (f" and {more} more" if more > 0 else "")


def doubt_about(table: Table) -> str | None:
    """Why the columns of a text file may not be those that its author sees, for a hint; None where nothing says so."""
    if not table.is_text:
        return None
    if len(table.columns) == 1:
        name = table.columns[0]
        for sign, said in SEPARATORS.items():
            if sign in name and (sign != "," or table.path.lower().endswith((".tsv", ".tab"))):
                return f"the separator seems to be {said}"
    numbers = [number_of(name) for name in table.columns]
    if any(number is not None and not isnan(number) for number in numbers):
        return "the first line is taken for the names"
    return None


def bind_columns(
    formula: FormulaBase, table: Table, columns: Mapping[str, Named], values: Mapping[str, Any], show: Sequence[str],
    wrt: Sequence[str] | None = None,
) -> Bound:  # fmt: skip
    """The formula for columns and values; show, wrt: see `Formula.bind`.

    UsageError where the table has the elements of an input as columns.
    """
    try:
        shapes = {name: table.item_shape(column) if isinstance(column, str) else column.shape
                  for name, column in columns.items()}  # fmt: skip
        return bind_rows(formula, shapes, values, show=show, wrt=wrt, complete=False)
    except (UsageError, ShapeError):
        refuse_elements([name for name in formula.inputs if name not in values and name not in columns], table)
        raise


def refuse_elements(missing: Sequence[str], table: Table) -> None:
    """UsageError where columns are called like the elements of a missing input that is not declared as an array."""
    for name in missing:
        elements = [column for column in table.columns if column.startswith(f"{name}[")]
        if not elements:
            continue
        several = len(elements) > 1
        raise UsageError(
            f"the input `{name}` is no array, and the column{'s' if several else ''} {listed(elements)} "
            f"{'are' if several else 'is'} called like {'its elements' if several else 'an element of it'}",
            hint=f"begin the formula with `input {name}[{len(elements)}]`, or add --bind '{name}={name}[*]'",
        )


def check_inputs(bound: Bound, columns: Mapping[str, Named], table: Table) -> None:
    """UsageError that names all inputs which are neither a column nor a value."""
    known = {*bound.values, *columns, *bound.program.defaults}
    missing = [name for name in bound.program.inputs if name not in known]
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        refuse_elements(missing, table)
        near = did_you_mean(missing[0], table.columns)
        node = bound.graph.inputs().get(missing[0])
        elements = node is not None and bound.graph.shape_of(node) != ()
        source = f"'{missing[0]}=NAME*' (columns with numbers)" if elements else f"{missing[0]}=COLUMN"
        ways = f"give --bind {source} or {missing[0]}=VALUE; the columns are {list_columns(table)}"
        raise UsageError(
            f"no column and no value for the input{'s' if len(missing) > 1 else ''} {listed}",
            hint="; ".join(filter(None, (near, ways, doubt_about(table)))),
        )
    if not columns:
        raise UsageError(
            "the formula uses no column of the table", hint=f"the columns are {list_columns(table)}; see --bind"
        )


def split_columns(table: Table, text: str) -> list[str]:
    """The columns that `a,b` or `all` names; quotes stand around a name with a comma, as in CSV. UsageError."""
    if text in table.columns:
        return [text]
    if text == "all":
        return list(table.columns)
    try:
        record = next(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error:
        raise UsageError(f"`{text}` is not a list of columns", hint="quotes stand around a whole name") from None
    known = set(table.columns)
    names = [name if name in known else name.strip() for name in record]
    if not names or not all(names):
        raise UsageError(f"`{text}` is not a list of columns", hint="separate names by commas: a,b")
    divided = [name for name in table.columns if "," in name and name in text]
    if divided and not set(names) <= known:
        quoted = divided[0].replace('"', '""')
        raise UsageError(
            f"--keep `{text}` divides the name `{divided[0]}` at its comma",
            hint=f"""put the name in quotes of its own: '"{quoted}",…'""",
        )
    require_columns(table, names)
    return names


def kept_names(table: Table, keep: str | None, results: Sequence[str]) -> tuple[list[str], list[Note]]:
    """The columns that `--keep` names, and notes. UsageError where one has the name of a result, DataError for twins.

    Spreadsheets leave columns behind that have no name: `all` does not mean those.
    """
    names = [] if keep is None else split_columns(table, keep)
    notes = []
    if keep == "all" and (nameless := names.count("")):
        names = [name for name in names if name]
        has = "a column has" if nameless == 1 else f"{nameless:,} columns have"
        notes.append(Note(f"`{table.path}`: {has} no name and {'is' if nameless == 1 else 'are'} left out"))
    counts, taken = Counter(table.columns), set(results)
    for name in names:
        if name in taken:
            raise UsageError(
                f"the column `{name}` and a result have the same name",
                hint="give the result another name in the formula (y = …), or keep other columns",
            )
        if counts[name] > 1:
            raise DataError(f"`{table.path}` has more than one column `{name}`", hint="rename the others")
    return list(dict.fromkeys(names)), notes
