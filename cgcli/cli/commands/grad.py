"""Compute a formula and its derivatives.

Examples:
  cg grad "(x+y)*z" x=1 y=2 z=3
  cg grad "x^2*sin(x)" --symbolic
  cg grad "x*y^2" x=1 y=2 --hessian
  cg grad "[x*y, x/y]" x=1 y=2 --jacobian
  cg grad "sum(v[1:]*v[:-1])" "v=[1, 2, 3, 4]" --hessian --pattern p.svg
  cg grad model.cg --wrt w,b --of loss --json
  cg grad "x^x" x=2 --check
  cg grad "x*y^2" --data points.csv -o slopes.parquet
  cg grad model.cg --data points.csv --sum --wrt w,b
  cg grad tree.cg --data trees.jsonl --sum
"""

from __future__ import annotations

from cgcli.cli.arguments import exclude, read_bindings, read_formula, split_names
from cgcli.cli.output import (
    Births,
    during,
    number_text,
    print_gradients,
    print_json,
    rate_name,
    report_kinks,
    report_left_out,
    tell_warnings,
    warn,
    why_line,
)
from cgcli.errors import CalculationError, CgWarning, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.options import (
        Annotated,
        Bindings,
        Digits,
        EngineName,
        FormulaText,
        Json,
        Of,
        Strict,
        TableOptions,
        Wrt,
        typer,
    )
    from cgcli.explain.checking import Finding, Report
    from cgcli.formulas.bound import Bound
    from cgcli.formulas.kinks import KinkHit


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    wrt: Wrt = None,
    of: Of = None,
    symbolic: Annotated[bool, typer.Option("--symbolic", help="Print the derivatives as formulas.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print the derivatives as formulas in LaTeX.")] = False,
    jacobian: Annotated[bool, typer.Option("--jacobian", help="Derivatives of every element of the output.")] = False,
    hessian: Annotated[bool, typer.Option("--hessian", help="All second derivatives.")] = False,
    check: Annotated[bool, typer.Option("--check", help="A second opinion by the derivative checker.")] = False,
    pattern: Annotated[
        str | None,
        typer.Option("--pattern", metavar="FILE", help="Draw where the Jacobian or the Hessian has entries."),
    ] = None,
    total: Annotated[
        bool, typer.Option("--sum", help="With --data: the sum over the rows, and its derivatives by what they share.")
    ] = False,
    kinks: Annotated[bool, typer.Option("--kinks", help="List where a derivative is a convention.")] = False,
    json: Json = False,
    digits: Digits = None,
    engine: EngineName = "auto",
    strict: Strict = False,
    table: TableOptions | None = None,
) -> None:
    """Print the value and every partial derivative."""
    if sum((symbolic, jacobian, hessian)) > 1:
        raise UsageError("--symbolic, --jacobian and --hessian exclude each other")
    parsed, variables = read_formula(formula), split_names(wrt)
    others = {
        "symbolic": symbolic, "latex": latex, "jacobian": jacobian, "hessian": hessian, "pattern": pattern,
        "check": check, "kinks": kinks,
    }  # fmt: skip
    if parsed.terms:
        from cgcli.cli import terms

        terms.refuse(**others)
        terms.print_derivatives(
            parsed, bindings, table, variables, of, total=total, engine=engine, digits=digits, json=json, strict=strict
        )
        return
    if total:
        exclude("--sum", **others, digits=digits)
        print_sum(parsed, bindings, table, variables, of, engine=engine, json=json, strict=strict)
        return
    if table is not None and (table.cluster is not None or table.given()):
        exclude("--data" if table.cluster is None else "--cluster", **others, digits=digits)
        print_rows(
            parsed, bindings, table, variables, of, engine=engine, json=json, strict=strict,
            line=lambda: why_line(formula, bindings, of=of, wrt=wrt, table=table.same_rows()),
        )  # fmt: skip
        return
    if symbolic or latex:
        asked = "--symbolic" if symbolic else "--latex"
        exclude(asked, strict=strict, check=check, kinks=kinks, pattern=pattern, jacobian=jacobian, hessian=hessian)
        print_symbolic(parsed, read_bindings(bindings, parsed, digits=digits), variables, of, json=json, latex=latex)
        return
    if pattern is not None:
        from cgcli.cli.pattern import show_pattern

        exclude("--pattern", strict=strict, check=check, kinks=kinks, digits=digits)
        bound = parsed.bind(read_bindings(bindings, parsed), wrt=variables, complete=False)
        kind = "jacobian" if jacobian else "hessian" if hessian else ""
        show_pattern(report_left_out(bound, variables, of), variables, of, pattern, kind=kind, json=json)
        return
    tell_warnings(digits, engine)
    values = read_bindings(bindings, parsed, digits=digits)
    told = not (jacobian or hessian)  # `cg why` looks at first derivatives of numbers
    births = Births(strict=strict, line=(lambda: why_line(formula, bindings, of=of, wrt=wrt)) if told else None)
    bound = births.watch(parsed.bind(values, engine=engine, digits=digits, wrt=variables))
    report_left_out(bound, variables, of)
    kind = "jacobian" if jacobian else "hessian" if hessian else "gradients"
    found = computed(bound, variables, of, kind)
    reports = check_derivatives(bound, variables, of, kind) if check else {}
    hits = kinks_hit(bound, variables, of, asked=kinks or hessian)
    if json:
        print_json({**found, **checks_as_data(reports), **kinks_as_data(hits, kinks)}, digits)
    else:
        if kind == "gradients":
            print_gradients(found["values"], found["gradients"], digits)
        else:
            print_derivatives(found[kind], digits)
        print_checks(reports)
        print_kinks(hits if kinks else [])
    births.tell()
    report_kinks(bound, hits, second=hessian)
    require_agreement(bound, reports)


def print_rows(
    parsed: Formula, bindings: list[str] | None, table: TableOptions, wrt: list[str] | None, of: str | None, *,
    engine: str, json: bool, strict: bool, line: Callable[[], str],
) -> None:  # fmt: skip
    """The outputs of every row of a table and their derivatives, here or on a cluster."""
    if table.cluster is not None:
        from cgcli.cli.cluster import run_on_cluster

        run_on_cluster(parsed, bindings, table, derivatives=(wrt, of), engine=engine, json=json, strict=strict)
        return
    from cgcli.cli.rows import run_table
    from cgcli.rows.calculation import gradient_columns

    labels: dict[str, str] = {}

    def choose(bound: Bound) -> tuple[Bound, dict[str, int]]:
        over, nodes = gradient_columns(report_left_out(bound, wrt, of), wrt, of)
        labels.update(column_labels(over, wrt, of))
        return over, nodes

    run_table(
        parsed, bindings, table, choose, wrt=wrt, engine=engine, json=json, strict=strict, labels=labels, line=line
    )  # fmt: skip


def print_sum(
    parsed: Formula, bindings: list[str] | None, table: TableOptions | None, wrt: list[str] | None, of: str | None, *,
    engine: str, json: bool, strict: bool,
) -> None:  # fmt: skip
    """The sum of an output over the rows of a table, and its derivatives by what all rows share."""
    from warnings import catch_warnings, simplefilter

    if table is None or not table.given():
        raise UsageError("--sum needs a table", hint="add --data table.csv")
    exclude("--sum", bind=table.bind, limit=table.limit, missing=table.missing, output=table.output, keep=table.keep,
            head=table.head, float32=table.float32)  # fmt: skip
    values = read_bindings(bindings, parsed)
    with catch_warnings(record=True) as told:
        simplefilter("always", CgWarning)
        value, slopes = parsed.grad_sum(
            table.source(), wrt=wrt, of=of, engine=engine, cluster=table.cluster, **values
        )  # fmt: skip
    if strict and told:
        raise CalculationError(str(told[0].message))
    output = of or parsed.outputs[0]
    if json:
        print_json({"values": {output: value}, "gradients": {output: slopes}})
    else:
        print_gradients({output: value}, {output: slopes}, None)
    for warning in told:
        warn(str(warning.message))


def computed(bound: Bound, variables: list[str] | None, of: str | None, kind: str) -> dict[str, Any]:
    """The entries of the JSON document: `values` and `gradients`, or one of the kind asked for."""
    from cgcli.api.formula import alone
    from cgcli.formulas import derivatives, matrices

    if kind != "gradients":
        derive = matrices.jacobians if kind == "jacobian" else matrices.hessians
        return {kind: alone(derive(bound, variables, of))}
    with during("differentiating", len(bound.graph)):
        values, gradients = derivatives.gradients(bound, variables, of)
    return {"values": values, "gradients": gradients}


def print_derivatives(found: dict[str, Any], digits: int | None) -> None:
    """A Jacobian or Hessian: one line an entry of the nested mapping."""
    for name, value in found.items():
        if isinstance(value, dict):
            for other, entry in value.items():
                print(f"{name}, {other} = {number_text(entry, digits)}")
        else:
            print(f"{name} = {number_text(value, digits)}")


def kinks_hit(bound: Bound, variables: list[str] | None, of: str | None, *, asked: bool) -> list[KinkHit]:
    """The kinks at this point, where somebody asks for them or has to know."""
    if not asked and not bound.program.asks_points:
        return []
    from cgcli.formulas.kinks import kinks_at

    return kinks_at(bound, variables, of)


def kinks_as_data(hits: list[KinkHit], asked: bool) -> dict[str, Any]:
    """The entry `kinks` of a JSON document, where they were asked for."""
    return {"kinks": [hit.as_dict() for hit in hits]} if asked else {}


def print_kinks(hits: list[KinkHit]) -> None:
    """One line a kink: where, and which convention it has."""
    for hit in hits:
        print(f"kink {hit.text}: {hit.convention}")


def print_symbolic(
    parsed: Formula, values: dict[str, Any], variables: list[str] | None, of: str | None, *, json: bool, latex: bool
) -> None:
    """The derivatives as formulas, or in LaTeX; of the values only the shapes count, and lengths."""
    from cgcli.formulas.derivatives import variables as variables_of

    program = parsed.bind(values, wrt=variables, complete=False).program
    if variables is None and program.decisions:
        report_left_out(parsed.bind(values, complete=False), variables, of)
    names = list(variables_of(program, variables, of))
    found = {name: parsed.derivative(name, values, of=of) for name in names}
    formulas = {name: formula.latex() if latex else str(formula) for name, formula in found.items()}
    if json:
        print_json({"derivatives": formulas})
        return
    if latex:
        from cgcli.emit.latex import name_latex

        for name, text in formulas.items():
            print(rf"\frac{{\partial}}{{\partial {name_latex(name)}}} = {text}")
        return
    for name, text in formulas.items():
        print(f"d/d{name} = {text}" if "\n" not in text else f"# d/d{name}\n{text}")


def check_derivatives(
    bound: Bound, variables: list[str] | None, of: str | None, kind: str
) -> dict[str, Report]:  # fmt: skip
    """What the derivative checker says of the derivatives of each output, under the names of the results above it."""
    from cgcli.explain import checking
    from cgcli.formulas import derivatives

    check = {"gradients": checking.check, "jacobian": checking.check_each, "hessian": checking.check_second}[kind]
    wanted = derivatives.variables(bound.program, variables, of)
    return {
        name: check(bound.graph, output, wanted, bound.values, name=name)
        for name, output in derivatives.targets(bound.program, of).items()
    }


def checks_as_data(reports: dict[str, Report]) -> dict[str, Any]:
    """The entry `checks` of a JSON document, where something was checked."""
    return {"checks": {name: report.as_dict() for name, report in reports.items()}} if reports else {}


def print_checks(reports: dict[str, Report]) -> None:
    """One line a derivative: the verdict, and the first of the other opinions."""
    for report in reports.values():
        for finding in report.findings:
            second = finding.opinions[0] if finding.opinions else None
            told = f"{second.method} {second.value!r}" if second else "no second opinion"
            if finding.beside is not None:
                told = f"to the left of it {finding.beside[0]!r}, to the right {finding.beside[1]!r}"
            print(f"check {finding.name}: {finding.verdict} ({told})")


def require_agreement(bound: Bound, reports: dict[str, Report]) -> None:
    """CalculationError where a rule is wrong, or where a derivative is that of a branch for this single point."""
    if not all(report.accepted for report in reports.values()):
        raise CalculationError("the checker contradicts a derivative", hint="please report the formula and the point")
    for report in reports.values():
        for finding in report.branches:
            raise contradiction(bound, finding)


def contradiction(bound: Bound, finding: Finding) -> CalculationError:
    """What is wrong with a derivative at a branch for a single point, or with one that follows a convention there."""
    assert finding.beside is not None
    assert finding.condition is not None
    graph = bound.graph
    left, right = map(number_text, finding.beside)
    beside = f"beside it the derivative is {left}" if left == right else f"beside it they are {left} and {right}"
    *_, source = finding.condition, *graph.origins.chain(finding.condition)
    if source == finding.condition:
        why = "is that of a branch for this single point"
        hint = "give the branch the slope of what is around it, or leave it out"
    else:
        why, hint = f"follows a convention of `{graph.row(source).name}` at this point", None
    return CalculationError(
        f"{finding.name} = {number_text(finding.derivative)} {why}; {beside}",
        span=graph.spans.get(source), source=bound.source, hint=hint,
    )  # fmt: skip


def column_labels(bound: Bound, variables: list[str] | None, of: str | None) -> dict[str, str]:
    """`dloss/dx` by the name that the derivative has as a column, `d_loss_d_x`."""
    from cgcli.formulas import derivatives

    names = derivatives.variables(bound.program, variables, of)
    return {
        f"d_{output}_d_{name}": rate_name(output, name)
        for output in derivatives.targets(bound.program, of) for name in names
    }  # fmt: skip
