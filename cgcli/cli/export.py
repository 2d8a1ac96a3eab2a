"""Write the graph of a formula to a file, so that a large formula is parsed once.

Examples:
  cg export model.cg -o model.npz
  cg eval model.npz x=0.5
  cg export "sum(x*w)" "x=[1, 2, 3]" "w=[0, 0, 0]" -o dot.npz
  cg export "sum(x^k for k in range(n))" n=5 -o series.npz
"""

from __future__ import annotations

import sys

from cgcli.cli.arguments import read_bindings, read_formula
from cgcli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING or "typer" in sys.modules:  # the plain form runs without Typer
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
    read_formula(formula).save(output, read_bindings(bindings))
