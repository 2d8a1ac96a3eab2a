"""Show every step of the forward and the backward pass; without values the steps alone.

Examples:
  cg trace "(x+y)*z" x=1 y=2 z=3
  cg trace "exp(sin(x^2))"
  cg trace "f(x)=exp(x); g(x)=sin(x); f(g(x))" x=0.5 --call g
  cg trace kepler.cg --open improve
  cg trace model.cg --wrt w,b --of loss --node v12,hidden --full
  cg trace model.cg --data points.csv --row 17
  cg trace "sin(x)/x" x=1 --json
  cg trace "x*log(x)" --latex
"""

from __future__ import annotations

from cgcli.cli.arguments import exclude, read_bindings, read_formula, split_names
from cgcli.cli.output import print_json, report_left_out, tell_warnings
from cgcli.errors import UsageError, did_you_mean
from cgcli.explain.repeats import check_opened
from cgcli.explain.steps import nodes_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.options import Annotated, Bindings, Digits, EngineName, FormulaText, Json, Of, Wrt, typer
    from cgcli.explain.steps import Trace
    from cgcli.graph.store import Graph


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    wrt: Wrt = None,
    of: Of = None,
    node: Annotated[str | None, typer.Option("--node", help="These steps alone: v12,hidden.")] = None,
    show: Annotated[str | None, typer.Option("--show", help="The steps of these names of the formula alone.")] = None,
    call: Annotated[str | None, typer.Option("--call", help="The steps within calls of this function alone.")] = None,
    opened: Annotated[
        str | None, typer.Option("--open", metavar="NAMES", help="Every call of these functions: step,f.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Write arrays out, however long.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Every step, also of repeated calls and of a pass of more than 200.")
    ] = False,
    no_backward: Annotated[bool, typer.Option("--no-backward", help="The forward pass alone.")] = False,
    data: Annotated[str | None, typer.Option("--data", help="Take values from a row of this table.")] = None,
    row: Annotated[int | None, typer.Option("--row", min=1, help="Which row, from 1.")] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print the steps as LaTeX.")] = False,
    json: Json = False,
    digits: Digits = None,
    engine: EngineName = "auto",
) -> None:
    """Print both passes as tables: operations, numbers, local partials, contributions and adjoints."""
    exclude("--no-backward", wrt=wrt if no_backward else None)
    if (data is None) != (row is None):
        raise UsageError("--data and --row go together", hint="a trace is of one row: --data points.csv --row 1")
    parsed, names = read_formula(formula), split_names(wrt)
    tell_warnings(digits, engine)
    values = read_bindings(bindings, parsed, digits=digits)
    if data is not None and row is not None:
        values |= row_of(parsed, data, row, values)
    if parsed.terms:
        from cgcli.terms.single import written_out

        parsed, values = written_out(parsed, values)
    filters = [*(split_names(node) or []), *(split_names(show) or [])]
    open_names = split_names(opened) or []
    if not values and needs_values(parsed):
        exclude("a trace without values", digits=digits, full=full)
        form = "json" if json else "latex" if latex else "tables"
        print_symbolic(parsed, names, of, form, filters, call, backward=not no_backward, everything=everything,
                       opened=open_names)  # fmt: skip
        return
    found = traced(
        parsed, values, names, of, digits=digits, engine=engine, backward=not no_backward, opened=open_names,
        everything=everything,
    )  # fmt: skip
    keep(found, filters, call)
    if json:
        print_json(found.as_dict(), digits)
    elif latex:
        from cgcli.explain.latex_steps import trace_latex

        print(trace_latex(found, digits))
    else:
        if call is not None:
            open_names.append(call)
        print_tables(found, parsed, digits, everything=everything or bool(filters), full=full, opened=open_names)


def row_of(parsed: Formula, path: str, row: int, values: dict[str, Any]) -> dict[str, Any]:
    """The values of a row of a table."""
    if parsed.terms:
        from cgcli.terms.matching import row_of_table

        return row_of_table(parsed, path, row, values)
    from cgcli.cli.points import read_rows
    from cgcli.formulas.why import row_values

    points = read_rows(parsed, path, values)
    return row_values(points.columns, points.numbers, row)


def needs_values(parsed: Formula) -> bool:
    """Whether an input has neither a value nor a default."""
    program = parsed.bind({}, complete=False).program
    return any(name not in program.defaults for name in program.inputs)


def traced(
    parsed: Formula, values: dict[str, Any], names: list[str] | None, of: str | None, *, digits: int | None,
    engine: str, backward: bool, opened: Sequence[str] = (), everything: bool = False,
) -> Trace:  # fmt: skip
    """Both passes at a point."""
    from cgcli.explain.tracing import trace
    from cgcli.formulas.derivatives import targets, variables
    from cgcli.formulas.opening import with_opened_loops

    bound = parsed.bind(values, engine=engine, digits=digits, wrt=names, steps=True)
    bound = with_opened_loops(bound, opened, everything=everything)
    check_opened(bound.graph.calls, opened)
    chosen = targets(bound.program, of)
    if backward:
        report_left_out(bound, names, of)
    nodes = list(variables(bound.program, names, of).values()) if backward else None
    return trace(bound.graph, chosen, bound.values, nodes, bound.engine)


def keep(found: Trace, names: list[str], call: str | None) -> None:
    """Leave the steps of some names, and those within calls of a function, in a trace. UsageError for unknown ones."""
    wanted = wanted_nodes(found.graph, found.names, found.outputs, names, call)
    if wanted is not None:
        found.keep(wanted.__contains__)


def wanted_nodes(
    graph: Graph, known: dict[int, str], outputs: Mapping[str, int], names: list[str], call: str | None
) -> set[int] | None:  # fmt: skip
    """The nodes of some names that are within calls of a function; None for all. UsageError for unknown names."""
    by_name = {name: node for node, name in known.items()} | dict(outputs)
    for name in names:
        if name not in by_name:
            hint = did_you_mean(name, by_name) or "`cg trace` without --node shows all names"
            raise UsageError(f"the trace has no step `{name}`", hint=hint)
    if call is not None and all(each.name != call for each in graph.calls):
        hint = did_you_mean(call, {each.name for each in graph.calls}) or "it calls no function of its own"
        raise UsageError(f"the formula has no call of `{call}`", hint=hint)
    wanted = {by_name[name] for name in names}
    if call is None:
        return wanted or None
    inside = nodes_within(graph, known, call)
    return inside & wanted if wanted else inside


def print_tables(
    found: Trace, parsed: Formula, digits: int | None, *, everything: bool, full: bool, opened: list[str]
) -> None:
    """The tables of a trace."""
    from cgcli.numerals import DIGITS
    from cgcli.render.tables import print_blocks
    from cgcli.render.trace_tables import blocks

    shown = blocks(found, parsed.source, digits=digits or DIGITS, everything=everything, full=full, opened=opened)
    print_blocks(shown)


def print_symbolic(
    parsed: Formula, names: list[str] | None, of: str | None, form: str, filters: list[str], call: str | None, *,
    backward: bool, everything: bool, opened: list[str],
) -> None:  # fmt: skip
    """The steps without values, and the derivatives as formulas."""
    from cgcli.explain.symbolic import symbolic_trace
    from cgcli.formulas.derivatives import targets, variables
    from cgcli.formulas.opening import with_opened_loops

    bound = parsed.bind({}, wrt=names, steps=True, complete=False)
    bound = with_opened_loops(bound, opened, everything=everything)
    check_opened(bound.graph.calls, opened)
    program = bound.program.begun()
    chosen = targets(program, of)
    by_name = variables(program, names, of) if backward else {}
    backward = backward and not any(program.graph.shape_of(node) for node in chosen.values())
    found = symbolic_trace(program.graph, chosen, list(by_name.values()) if backward else None)
    wanted = wanted_nodes(found.graph, found.names, chosen, filters, call)
    if wanted is not None:
        found = found.kept(wanted.__contains__)
    asked = chosen if backward else {}
    gradients = {output: {name: parsed.derivative(name, of=output) for name in by_name} for output in asked}
    if form == "latex":
        from cgcli.explain.latex_steps import symbolic_latex

        print(symbolic_latex(found, {output: {name: each.latex() for name, each in by.items()}
                                     for output, by in gradients.items()}))  # fmt: skip
        return
    texts = {output: {name: str(each) for name, each in by.items()} for output, by in gradients.items()}
    if form == "json":
        print_json({**found.as_dict(), "gradients": texts})
        return
    from cgcli.render.tables import print_blocks
    from cgcli.render.trace_tables import symbolic_blocks

    opened = [*opened, call] if call is not None else opened
    print_blocks(symbolic_blocks(found, texts, everything=everything or bool(filters), opened=opened))
