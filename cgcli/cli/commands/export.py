"""Write the graph of a formula to a file, so that a large formula is parsed once.

Examples:
  cg export model.cg -o model.npz
  cg eval model.npz x=0.5
  cg export "sum(x*w)" "x=[1, 2, 3]" "w=[0, 0, 0]" -o dot.npz
  cg export "sum(x^k for k in range(n))" n=5 -o series.npz
"""

from __future__ import annotations

from cgcli.cli.arguments import read_bindings, read_formula
from cgcli.cli.output import number_text, warn
from cgcli.errors import UsageError
from cgcli.numerals import shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.options import Annotated, Bindings, FormulaText, typer


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="File to write: .npz.")] = None,
) -> None:
    """Write a graph file; values decide the shapes and lengths that it holds."""
    if output is None:
        raise UsageError("no file to write to", hint="add -o graph.npz")
    parsed = read_formula(formula)
    values = read_bindings(bindings, parsed)
    parsed.save(output, values)
    warn_of_numbers(parsed, values, output)


def warn_of_numbers(parsed: Formula, values: Mapping[str, Any], output: str) -> None:
    """Say which numbers were given in vain: those of inputs, which the graph leaves open."""
    decisive = parsed.bind(values, complete=False).program.specialised
    open_inputs = [name for name in parsed.inputs if name not in decisive]
    unused = [name for name in open_inputs if name in values and not shape_of(values[name])]
    if not unused:
        return
    listed = ", ".join(f"`{name}`" for name in unused)
    what = f"the value of {listed} is" if len(unused) == 1 else f"the values of {listed} are"
    given = " ".join(f"{name}={number_text(values[name])}" for name in unused)
    warn(
        f"{what} not in the file: no shape and no length depends on {'it' if len(unused) == 1 else 'them'}",
        hint=f"give {'it' if len(unused) == 1 else 'them'} to the graph: cg eval {output} {given}",
    )
