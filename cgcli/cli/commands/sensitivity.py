"""Show how much each input matters: derivative, elasticity, and the share of the result's uncertainty.

Examples:
  cg sensitivity "4*pi^2*L/T^2" L=1.00±0.01 T=2.006±0.005
  cg sensitivity "4*pi^2*L/T^2" L=1 T=2
  cg sensitivity "x/y" "x=R(1.1, 1.3)" "y=4.00(5)" --correlation x,y=0.3 --json
  cg sensitivity model.cg --values fitted.json t=30
"""

from __future__ import annotations

from cgcli.cli.arguments import read_formula
from cgcli.cli.output import Births, print_json, report_left_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.cli.options import Bindings, ErrorOptions, FormulaText, Json, Of, Strict
    from cgcli.uncertainty.sensitivity import Row


NARROW = ("contribution", "elasticity", "derivative")
"""Columns that a narrow terminal leaves out; the last one of the table first."""


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    of: Of = None,
    json: Json = False,
    strict: Strict = False,
    uncertain: ErrorOptions | None = None,
) -> None:
    """Print a table with a line for each input, and one for each pair of correlated ones, so that shares sum to 1."""
    from cgcli.cli import errors_of_values as shown
    from cgcli.formulas.derivatives import targets
    from cgcli.uncertainty import asking
    from cgcli.uncertainty.results import results_of
    from cgcli.uncertainty.sensitivity import table

    parsed, births = read_formula(formula), Births(strict=strict)
    asked = shown.question(parsed, bindings, uncertain)
    found = asking.propagate(parsed, asked, show=[of] if of else [], on_births=births)
    results = results_of(found, shown.sample_of(found, uncertain))
    report_left_out(found.bound, None, of)
    outputs = list(targets(found.bound.program, of))
    tables = {name: table(found, name, results[name]) for name in outputs}
    if json:
        told = shown.document(found, results, uncertain) if found.inputs.names else {"values": _values(results)}
        listed = {name: [row.as_dict() for row in rows] for name, rows in tables.items()}
        print_json({**told, "table": next(iter(listed.values())) if len(listed) == 1 else listed})
    else:
        for place, (name, rows) in enumerate(tables.items()):
            if place:
                print()
            _print_table(rows, _title(name, results[name], exact=not found.inputs.names))
        if uncertain is not None and found.inputs.names:
            for name in outputs:
                for each in asking.elements_of(results[name]):
                    if uncertain.coverage is not None or uncertain.samples is not None:
                        shown.print_more(each, uncertain, named=len(outputs) > 1)
    births.tell()
    shown.tell_doubts(found, results, uncertain)


def _values(results: dict[str, Any]) -> dict[str, Any]:
    return {name: each.value for name, each in results.items()}


def _title(name: str, result: Any, *, exact: bool) -> str:
    """`result = 9.811 ± 0.110`."""
    from cgcli.cli.output import number_text
    from cgcli.uncertainty.notation import result_text

    return f"{name} = {number_text(result.value) if exact else result_text(result.value, result.error)}"


def _print_table(rows: list[Row], title: str) -> None:
    """A line a row; columns in which nothing stands are left out."""
    from cgcli.render.tables import Column, Table, print_blocks

    cells = [row.cells() for row in rows]
    names = list(rows[0].cells()) if rows else ["input"]
    kept = [name for name in names if any(cell.get(name) for cell in cells)] or names
    columns = [
        Column(name.replace("_", " "), right=name != "input", optional=name in NARROW, cut=16 if name == "input" else 0)
        for name in kept
    ]
    print_blocks([Table(title, columns, [tuple([cell[name] for name in kept]) for cell in cells])])
