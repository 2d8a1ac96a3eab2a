"""Say why a value or a derivative is nan, infinite, zero, huge or tiny, and what cures it.

Examples:
  cg why "log(x - 3)" x=2
  cg why "sqrt(x^2 + y^2)" x=0 y=0
  cg why "relu(w*x + b)" w=-1 x=2 b=0 --wrt w
  cg why model.cg --data points.csv
  cg why model.cg --data points.csv --row 17 --json
"""

from __future__ import annotations

from cgcli.cli.arguments import read_bindings, read_formula, split_names
from cgcli.cli.output import print_json
from cgcli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from cgcli.cli.options import Annotated, Bindings, FormulaText, Json, Of, Wrt, typer
    from cgcli.explain.findings import Cure, Finding
    from cgcli.formulas.why import Why


KINDS_IN_WORDS = {
    "limit": "what it tends to",
    "root": "the root that is a real number",
    "branch": "another value where it has none",
    "clamp": "keep the number in range",
    "smooth": "a smooth function of the same shape",
    "slope": "a small slope where it is flat",
    "scale": "a smaller scale",
    "round": "round off the corner",
}


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    of: Of = None,
    wrt: Wrt = None,
    data: Annotated[str | None, typer.Option("--data", help="Look at the rows of this table.")] = None,
    row: Annotated[int | None, typer.Option("--row", min=1, help="Of the table, this row alone, from 1.")] = None,
    json: Json = False,
) -> None:
    """Print each finding with its place, the way from there to the result, and cures."""
    from cgcli.formulas.why import row_values, why, why_rows

    parsed, names = read_formula(formula), split_names(wrt)
    values = read_bindings(bindings, parsed)
    if parsed.terms:
        from cgcli.terms.single import written_out

        parsed, values = written_out(parsed, values)
    if row is not None and data is None:
        raise UsageError("--row needs a table", hint="add --data table.csv")
    located: Callable[[int], object] = "row {:,}".format
    if data is None:
        found = why(parsed, values, of=of, wrt=names)
    else:
        from cgcli.cli.points import read_rows

        points = read_rows(parsed, data, values)
        located = points.located
        if row is None:
            found = why_rows(parsed, points.columns, points.numbers, values, of=of, wrt=names)
        else:
            found = why(parsed, {**values, **row_values(points.columns, points.numbers, row)}, of=of, wrt=names)
    if json:
        print_json(found.as_dict())
        return
    print_why(found, located)


def print_why(found: Why, located: Callable[[int], object]) -> None:
    """Findings one after the other; where there is none, that. located: where a row stands, by its number."""
    if not found.findings:
        print(found.closest)
        return
    for place, finding in enumerate(found.findings):
        if place:
            print()
        for line in finding_lines(finding, found):
            print(line)
        if found.rows:
            count, first = found.rows[place]
            print(f"  in {count:,} row{'' if count == 1 else 's'}; the first is {located(first)}, which is shown")
    if found.unseen:
        print(f"\n{found.unseen:,} rows that went wrong in other ways were not looked at")


def finding_lines(finding: Finding, found: Why) -> Iterator[str]:
    """One finding: what, where in the text, the way, and cures."""
    from cgcli.excerpts import excerpt

    by = f" by {listed(finding.by)}" if finding.by else ""
    derivative = "derivatives" if len(finding.by) > 1 else "derivative"
    what = f"{derivative}{by}" if finding.pass_ == "backward" else "value"
    of = "" if finding.of == "result" else f" of {finding.of}"
    yield f"{finding.kind}: the {what}{of}"
    yield f"  {finding.why}"
    yield from (f"  {line}" for line in excerpt(found.source, finding.span))
    if len(finding.path) > 1:
        yield "  the way from there:"
        yield from (f"    {text} = {short_text(value)}" for text, value in finding.path)
    for cure in finding.cures:
        yield from cure_lines(cure)


def cure_lines(cure: Cure) -> Iterator[str]:
    """A cure and its numbers."""
    if cure.at is not None:
        at = ", ".join(f"{name}={short_text(value)}" for name, value in cure.at.items())
        yield f"  cure: start elsewhere, such as {at}"
    else:
        yield f"  cure ({KINDS_IN_WORDS.get(cure.how, cure.how)}): {cure.formula}"
    if cure.local:
        from cgcli.explain.findings import SAME_SIGNS

        yield f"    it holds {SAME_SIGNS} as here"
    slopes = ", ".join(f"d/d{name} = {short_text(slope)}" for name, slope in cure.gradient.items())
    yield f"    gives {short_text(cure.value)}" + (f", {slopes}" if slopes else "")


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def short_text(value: Any) -> str:
    """A value in a few characters."""
    from cgcli.numerals import compact

    return compact(value)
