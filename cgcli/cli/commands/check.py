"""Count the digits that are right, name the operations that lose them, and offer a better form.

Examples:
  cg check "sqrt(x+1) - sqrt(x)" x=1e15
  cg check "(1 - cos(x))/x^2" --range x=0:1
  cg check "(-b + sqrt(b^2 - 4*a*c))/(2*a)" a=1 b=1e8 c=1 --improve
  cg check "exp(x) - 1" "expm1(x)" --range x=-1:1
  cg check model.cg --data points.csv --json
"""

from __future__ import annotations

import shutil
import sys

from cgcli.cli.arguments import could_be_name, exclude, read_bindings, read_formula, split_bindings
from cgcli.cli.output import number_text, print_json, show_warnings
from cgcli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.options import Annotated, FormulaText, Json, typer
    from cgcli.formulas.digits import Checked, Loser, Result, Rewriting
    from cgcli.render.tables import Block, Column

ROWS = 200
"""Rows of a table that are looked at, taken evenly."""

WIDE = 100
"""Columns of a terminal in which a strip is drawn in full."""

BARS = " ▁▂▃▄▅▆▇█"

MORE_DIGITS = "`cg eval … --digits 30` computes with more digits"
NONE_FOUND = f"none was found; --improve searches longer, and {MORE_DIGITS}"
NONE_IN_LONG = f"none was found; {MORE_DIGITS}"
LOSERS = "What loses them, and how many times it enlarges a relative error (condition)"


def run(
    formula: FormulaText,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[FORMULA] [NAME=VALUE]...", help="One's own rewriting, and values.")
    ] = None,
    *,
    range_: Annotated[
        list[str] | None, typer.Option("--range", metavar="NAME=LOW:HIGH", help="Look at an input between two numbers.")
    ] = None,
    data: Annotated[str | None, typer.Option("--data", help="Look at the rows of this table.")] = None,
    improve: Annotated[bool, typer.Option("--improve", help="Search longer for better forms, and print them.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the points that are tried.")] = 0,
    json: Json = False,
) -> None:
    """Print results with the digits that are lost, what loses them, and a better form."""
    show_warnings()
    words = list(words or ())
    others = [word for word in words[:1] if is_formula(word)]
    parsed = read_formula(formula)
    values = read_bindings(words[len(others) :], parsed)
    if parsed.terms:
        from cgcli.terms.single import written_out

        parsed, values = written_out(parsed, values)
    ranges = read_ranges(range_)
    if others:
        exclude("a second formula", data=data, improve=improve)
        compare_forms(parsed, read_formula(others[0]), values, ranges, seed=seed, json=json)
        return
    from cgcli.formulas.digits import check

    points = None
    if data is not None:
        from cgcli.cli.points import read_rows

        points = read_rows(parsed, data, values, most=ROWS).columns
    found = check(parsed, values, ranges, points=points, improve=improve, seed=seed)
    if json:
        print_json(found.as_dict())
        return
    print_checked(found, improve=improve)


def is_formula(word: str) -> bool:
    """Whether a word is a formula and no NAME=VALUE."""
    name, equals, rest = word.partition("=")
    return not (equals and could_be_name(name.strip()) and not rest.startswith("=")) and not word.startswith("@")


def read_ranges(words: Sequence[str] | None) -> dict[str, tuple[float, float]]:
    """NAME=LOW:HIGH words. UsageError for others."""
    from cgcli.cli.starts import read_range, split_range

    found: dict[str, tuple[float, float]] = {}
    for name, text in split_bindings(words or ()).items():
        if split_range(text) is None:
            raise UsageError(f"`{text}` is no range for `{name}`", hint=f"for example --range {name}=0:1")
        low, high = read_range(name, text, ends=True)
        if not isinstance(low, float) or not isinstance(high, float):
            raise UsageError(f"the range of `{name}` is from a number to a number", hint=f"--range {name}=0:1")
        found[name] = low, high
    return found


def print_checked(found: Checked, *, improve: bool = False) -> None:
    """Results, the operations that lose digits, and better forms."""
    from cgcli.render.tables import Column, Note, Table, print_blocks

    results = [*found.outputs.values(), *(each for by in found.derivatives.values() for each in by.values())]
    names = [*found.outputs, *(f"d{'' if output == 'result' else output}/d{by}"
                               for output, slopes in found.derivatives.items() for by in slopes)]  # fmt: skip
    many = any(result.at is not None for result in results)
    columns = result_columns(many=many)
    title = "Digits lost, of sixteen"
    rows = [tuple(result_cells(name, result, many=many)) for name, result in zip(names, results, strict=True)]
    blocks: list[Block] = [Table(title, columns, rows)]
    if found.losers:
        columns = [Column("lost", right=True), Column("condition", right=True), Column("operation", cut=16)]
        strip = any(each.strip for each in found.losers)
        columns += [Column("over the range")] if strip else []
        blocks.append(Table(LOSERS, columns, [loser_cells(each, strip) for each in found.losers]))
    if found.rewritings:
        blocks += [Note("A better form", list(rewriting_lines(each))) for each in found.rewritings]
    elif any(result.lost >= 1 for result in found.outputs.values()):
        blocks.append(Note("A better form", [NONE_FOUND if not improve else NONE_IN_LONG]))
    print_blocks(blocks)


def result_columns(*, many: bool) -> list[Column]:
    """The columns of results; a narrow terminal leaves out the value, of which the right one and the loss tell most."""
    from cgcli.render.tables import Column

    columns = [Column(""), Column("value", right=True, optional=True), Column("right", right=True)]
    columns.append(Column("digits lost", right=True))
    return [*columns, *([Column("mean", right=True), Column("worst at", cut=16)] if many else [])]


def result_cells(name: str, result: Result, *, many: bool) -> Iterator[str]:
    """A row of the table of results."""
    yield name
    yield number_text(result.value)
    yield number_text(result.right) if result.right == result.right else "not known"
    yield lost_text(result.lost)
    if many:
        yield "" if result.mean is None else lost_text(result.mean)
        yield ", ".join(f"{each}={number_text(value)}" for each, value in (result.at or {}).items())


def lost_text(lost: float) -> str:
    """Digits with one place behind the point."""
    return "?" if lost != lost else f"{lost:.1f}"


def loser_cells(loser: Loser, strip: bool) -> tuple[str, ...]:
    """A row of the table of operations."""
    cells = (lost_text(loser.lost), f"{loser.condition:.1e}" if loser.condition == loser.condition else "", loser.text)
    return (*cells, bars(fitting(loser.strip))) if strip else cells


def fitting(values: Sequence[float]) -> Sequence[float]:
    """A strip as it is; in a terminal of less than WIDE columns half as long, each two parts as the worse one."""
    if not sys.stdout.isatty() or shutil.get_terminal_size().columns >= WIDE:
        return values
    return [max(values[place : place + 2]) for place in range(0, len(values), 2)]


def bars(values: Sequence[float]) -> str:
    """Digits lost in each part of a range, as bars of up to sixteen."""
    return "".join(BARS[min(len(BARS) - 1, round(value / 16 * (len(BARS) - 1)))] for value in values)


def rewriting_lines(each: Rewriting) -> Iterator[str]:
    """A better form, what it gives, and why it holds."""
    yield each.formula
    if each.value is not None:
        yield f"  = {number_text(each.value)}, digits lost: {lost_text(each.lost)}"
    else:
        yield f"  digits lost: at most {lost_text(each.lost)}, in the mean {lost_text(each.mean)}"
    for rule in each.rules:
        yield f"  by {rule}"
    if each.conditions:
        yield f"  where {' and '.join(each.conditions)}"


def compare_forms(
    first: Formula, second: Formula, values: dict[str, Any], ranges: dict[str, tuple[float, float]], *, seed: int,
    json: bool,
) -> None:  # fmt: skip
    """Both forms beside each other."""
    from cgcli.formulas.digits import as_data, compared
    from cgcli.render.tables import Table, print_blocks

    sides = compared(first, second, values, ranges, seed=seed)
    if json:
        print_json({key: {"outputs": {name: as_data(each) for name, each in side.outputs.items()}}
                    for key, side in zip(("first", "second"), sides, strict=True)})  # fmt: skip
        return
    many = bool(ranges)
    columns = result_columns(many=many)
    rows = [tuple(result_cells(key, each, many=many)) for key, side in zip(("first", "second"), sides, strict=True)
            for each in side.outputs.values()]  # fmt: skip
    print_blocks([Table("Digits lost, of sixteen", columns, rows)])
