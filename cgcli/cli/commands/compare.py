"""Compare two formulas: are they equal, and where do they differ.

Examples:
  cg compare "(x+y)*z" "x*z + y*z"
  cg compare "log(x^2)" "2*log(x)"
  cg compare "sin(x)/x" "sinc(x)" x=0.5
  cg compare old.cg new.cg -o both.svg
  cg compare "a*x^2" "x^2*a" a=2 --json

Exit code 0 where no difference was found, else 1.
"""

from __future__ import annotations

from cgcli.cli.arguments import read_bindings, read_formula
from cgcli.cli.output import number_text, print_json
from cgcli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cgcli.cli.options import Annotated, FormulaText, Json, typer
    from cgcli.explain.comparing import Counterexample
    from cgcli.formulas.comparing import Comparisons, Side


def run(
    formula: FormulaText,
    words: Annotated[
        list[str], typer.Argument(metavar="FORMULA [NAME=VALUE]...", help="The other formula, and values.")
    ],
    *,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Draw both: .svg, .png, .dot or .pdf.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the points that are tried.")] = 0,
    json: Json = False,
) -> int:
    """Print the verdict, a point where they differ, and what changed."""
    if not words:
        raise UsageError("one formula is missing", hint="cg compare FIRST SECOND")
    other, bindings = words[0], words[1:]
    if formula == other == "-":
        raise UsageError("standard input cannot be both formulas", hint="put one of them in a file")
    from warnings import simplefilter

    from cgcli.errors import NotFiniteWarning
    from cgcli.formulas.comparing import compared

    simplefilter(
        "ignore", NotFiniteWarning
    )  # two formulas are equal where both are nan; where one is, the point is told
    if output is not None:
        from cgcli.render.graphviz import format_of

        format_of(output)
    found = compared(read_formula(formula), read_formula(other), read_bindings(bindings), seed=seed)
    if json:
        print_json(as_data(found))
    else:
        print_comparison(found)
    if output is not None:
        from cgcli.formulas.drawing import draw_both

        draw_both(found, output)
    return 0 if found.equal else 1


def as_data(found: Comparisons) -> dict[str, Any]:
    """The comparison as a JSON document."""
    data: dict[str, Any] = {
        "equal": found.equal, "verdict": found.verdict, "tried": found.tried,
        "counterexamples": [
            {"output": each.output, "at": each.at, "first": value_as_data(each.left),
             "second": value_as_data(each.right), "single point": each.alone}
            for each in found.counterexamples
        ],
        "changed": [{"first": first, "second": second} for first, second in found.changed],
        "removed": found.removed, "added": found.added, "unmatched": found.unmatched,
    }  # fmt: skip
    for name, side in (("first", found.first), ("second", found.second)):
        if side is not None:
            data[name] = {"values": side.values, "gradients": side.gradients}
    return data


def print_comparison(found: Comparisons) -> None:
    """The verdict, then tables of what differs."""
    from cgcli.render.tables import Column, Note, Table, print_blocks

    print("\n".join(verdict_lines(found)))
    blocks = []
    if found.first is not None and found.second is not None:
        columns = [Column("", style="bold"), Column("first", right=True), Column("second", right=True)]
        blocks.append(Table("At the given values", columns, list(_at_values(found.first, found.second))))
    if found.changed:
        columns = [Column("first", cut=20), Column("second", cut=20)]
        blocks.append(Table("Where they are written differently", columns, [tuple(pair) for pair in found.changed]))
    if blocks:
        print()
        print_blocks(blocks)
    if found.equal:
        names = found.other_numbers()
        if names:
            print()
            print_blocks([Note("The formulas are equal, but their numbers here are not", other_lines(names))])


def other_lines(names: Sequence[str]) -> list[str]:
    """Why formulas that are equal may give other numbers."""
    told = ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
    return [
        f"{told}: digits are lost on the way, a number is too large or too small for a double,",
        "or there is a corner, where each formula has a convention for its slope.",
        "`cg why` and `cg check` tell which.",
    ]


def verdict_lines(found: Comparisons) -> Iterator[str]:
    """The verdict in a sentence, and the points that show it."""
    from cgcli.formulas.comparing import MOST_POINTS

    points = f"{found.tried} point{'' if found.tried == 1 else 's'} compared in many digits"
    if found.equal:
        yield f"{found.verdict} ({points})" if found.tried else found.verdict
    else:
        yield found.verdict
    if found.unmatched:
        names = ", ".join(f"`{name}`" for name in found.unmatched)
        yield f"  not in both, or of another shape: {names}"
    for each in found.counterexamples[:MOST_POINTS]:
        yield from point_lines(each)


def point_lines(each: Counterexample) -> Iterator[str]:
    """A point at which they differ, and what both are there."""
    at = ", ".join(f"{name}={number_text(value)}" for name, value in each.at.items()) or "every point"
    around = "; they agree around it" if each.alone else ""
    yield f"  `{each.output}` at {at}: {value_text(each.left)} and {value_text(each.right)}{around}"


def value_text(value: Any) -> str:
    """A value of one side; in 30 digits where doubles do not tell the sides apart."""
    text = number_text(value, 30 if hasattr(value, "_mpf_") else None)
    return "no value (nan)" if text == "nan" else text


def value_as_data(value: Any) -> Any:
    """A value of one side in JSON: a text of 30 digits where doubles do not tell the sides apart."""
    return number_text(value, 30) if hasattr(value, "_mpf_") else value


def _at_values(first: Side, second: Side) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys([*first.values, *second.values]):
        yield name, _text(first.values.get(name)), _text(second.values.get(name))
    for output in dict.fromkeys([*first.gradients, *second.gradients]):
        left, right = first.gradients.get(output, {}), second.gradients.get(output, {})
        for name in dict.fromkeys([*left, *right]):
            yield f"d{'' if output == 'result' else output}/d{name}", _text(left.get(name)), _text(right.get(name))


def _text(value: Any) -> str:
    return "" if value is None else number_text(value)
