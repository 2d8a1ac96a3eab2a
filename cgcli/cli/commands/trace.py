"""Show every step of the forward and the backward pass.

Examples:
  cg trace "(x+y)*z" x=1 y=2 z=3
  cg trace "exp(sin(x^2))" x=0.5
  cg trace "f(x)=exp(x); g(x)=sin(x); f(g(x))" x=0.5
  cg trace model.cg --wrt w,b --of loss
  cg trace "x*log(x)" x=2 --no-backward
  cg trace "sin(x)/x" x=1 --json
"""

from __future__ import annotations

from cgcli.cli.arguments import exclude, read_bindings, read_formula, split_names
from cgcli.cli.output import print_json, report_left_out, tell_warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.cli.options import Annotated, Bindings, Digits, EngineName, FormulaText, Json, Of, Wrt, typer


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    wrt: Wrt = None,
    of: Of = None,
    everything: Annotated[bool, typer.Option("--all", help="Every step, also of a pass of more than 200.")] = False,
    no_backward: Annotated[bool, typer.Option("--no-backward", help="The forward pass alone.")] = False,
    json: Json = False,
    digits: Digits = None,
    engine: EngineName = "auto",
) -> None:
    """Print both passes as tables: operations, numbers, local partials, contributions and adjoints."""
    from cgcli.explain.tracing import trace
    from cgcli.formulas.derivatives import targets, variables

    exclude("--no-backward", wrt=wrt if no_backward else None)
    parsed, names = read_formula(formula), split_names(wrt)
    tell_warnings(digits, engine)
    values = read_bindings(bindings, parsed, digits=digits)
    bound = parsed.bind(values, engine=engine, digits=digits, wrt=names, steps=True)
    chosen = targets(bound.program, of)
    if not no_backward:
        report_left_out(bound, names, of)
    nodes = None if no_backward else list(variables(bound.program, names, of).values())
    found = trace(bound.graph, chosen, bound.values, nodes, bound.engine)
    if json:
        print_json(found.as_dict(), digits)
        return
    from cgcli.numerals import DIGITS
    from cgcli.render.tables import print_blocks
    from cgcli.render.trace_tables import blocks

    print_blocks(blocks(found, parsed.source, digits=digits or DIGITS, everything=everything))
