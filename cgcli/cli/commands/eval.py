"""Compute a formula.

Examples:
  cg eval "(x+y)*z" x=1 y=2 z=3
  cg eval "sqrt(2)" --digits 50
  cg eval "A @ v" "A=[[1, 2], [3, 4]]" "v=[1, 1]"
  cg eval model.cg x=0.5 --show hidden,loss
  cg eval "a*exp(-b*t) + c" --values fitted.json t=2
  cg eval "x*y + c" --data points.csv c=2 -o results.parquet
  cg eval model.cg --data 'parts/*.parquet' --cluster local:2 -o out/
  cg eval "4*pi^2*L/T^2" L=1.00±0.01 T=2.006±0.005 --coverage 0.99
  echo "x^2 + 1" | cg eval - x=3 --json
  cg eval tree.cg "tree=pair(word(3), pair(word(5), word(9)))" label=2
"""

from __future__ import annotations

from cgcli.cli.arguments import exclude, has_errors, read_bindings, read_formula, split_names
from cgcli.cli.output import Births, during, print_json, print_values, report_kinks, tell_warnings, why_line
from cgcli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.cli.options import (
        Annotated,
        Bindings,
        Digits,
        EngineName,
        ErrorOptions,
        FormulaText,
        Json,
        Strict,
        TableOptions,
        typer,
    )


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    show: Annotated[str | None, typer.Option("--show", help="Print these inner names instead: a,b.")] = None,
    json: Json = False,
    digits: Digits = None,
    engine: EngineName = "auto",
    strict: Strict = False,
    table: TableOptions | None = None,
    sigma: Annotated[
        list[str] | None,
        typer.Option("--sigma", metavar="INPUT=COLUMN", help="With --data: the column with the errors of an input."),
    ] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Errors in files of values count (`cg fit -o`).")] = False,
    uncertain: ErrorOptions | None = None,
) -> None:
    """Print the result, or one `name = value` a line."""
    names = split_names(show) or []
    parsed = read_formula(formula)
    if parsed.terms:
        from cgcli.cli import terms

        terms.refuse(cluster=table is not None and table.cluster is not None)
        terms.refuse(show=names, sigma=sigma, errors=errors or (uncertain is not None and uncertain.given()))
        if table is not None and table.given():
            terms.run_table(parsed, bindings, table, engine=engine, digits=digits, json=json, strict=strict)
        else:
            terms.print_outputs(parsed, bindings, engine=engine, digits=digits, json=json, strict=strict)
        return
    if table is not None and table.cluster is not None:
        from cgcli.cli.cluster import run_on_cluster

        exclude("--cluster", digits=digits, sigma=sigma, errors=errors or (uncertain is not None and uncertain.given()))
        run_on_cluster(parsed, bindings, table, show=names, engine=engine, json=json, strict=strict)
        return
    if table is not None and table.given() and (errors or sigma or has_errors(bindings)):
        from cgcli.cli.errors_of_values import run_table_with_errors

        exclude("--data", digits=digits)
        run_table_with_errors(
            parsed, bindings, table, uncertain, sigma or (), show=names, engine=engine, json=json, strict=strict
        )
        return
    if sigma:
        raise UsageError("--sigma needs a table", hint="add --data table.csv, or write x=1.5±0.1")
    if table is not None and table.given():
        from cgcli.cli.rows import run_table

        exclude("--data", digits=digits)
        run_table(
            parsed, bindings, table, lambda bound: (bound, bound.chosen(names)),
            show=names, engine=engine, json=json, strict=strict,
            line=lambda: why_line(formula, bindings, table=table.same_rows()),
        )  # fmt: skip
        return
    if errors or (uncertain is not None and uncertain.given()) or has_errors(bindings):
        from cgcli.cli.errors_of_values import run_with_errors

        if digits is not None or engine == "precise":
            raise UsageError("errors of values (±) are computed in doubles", hint="leave --digits out")
        run_with_errors(parsed, bindings, uncertain, show=names, engine=engine, json=json, strict=strict)
        return
    tell_warnings(digits, engine)
    shown = names[0] if len(names) == 1 else None
    births = Births(strict=strict, line=lambda: why_line(formula, bindings, of=shown))
    given = read_bindings(bindings, parsed, digits=digits)
    bound = births.watch(parsed.bind(given, engine=engine, digits=digits, show=names))
    chosen = bound.chosen(names)
    with during("computing", len(bound.graph)):
        values = bound.named_values(chosen)
    if json:
        print_json({"values": values}, digits)
    else:
        print_values(values, digits)
    births.tell()
    if bound.program.slopes:
        from cgcli.formulas.kinks import kinks_within

        report_kinks(bound, kinks_within(bound), second=True)
