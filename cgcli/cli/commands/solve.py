"""Solve equations, with exact derivatives.

Examples:
  cg solve "x = cos(x)" x=1
  cg solve "x^2 + y^2 = 4; x*y = 1" x=2 y=0
  cg solve "tan(x) = x" x=4:4.7
  cg solve "M = E - ε*sin(E)" E=1 --fix M=1 --fix ε=0.3
  cg solve "v = x + a; v^2 = 2" x=1 a=1 --wrt x --trace

Where no root was found, what was found is shown, the exit code is 1, and no file is written.
"""

from __future__ import annotations

from cgcli.cli.arguments import read_source, split_names
from cgcli.cli.output import number_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.cli.options import (
        Annotated,
        Bindings,
        EngineName,
        EveryStep,
        FormulaText,
        Json,
        ResultFile,
        Rounds,
        SearchSeed,
        SearchStarts,
        typer,
    )


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    bound: Annotated[
        list[str] | None,
        typer.Option("--bound", metavar="NAME=LOW:HIGH", help="Keep an unknown between; one end may be missing."),
    ] = None,
    wrt: Annotated[
        str | None, typer.Option("--wrt", help="The unknowns: a,b (default: all that have a value).")
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option("--fix", metavar="NAME[=VALUE]", help="Inputs that are known.")
    ] = None,
    starts: SearchStarts = 1,
    seed: SearchSeed = 0,
    rounds: Rounds = 200,
    trace: EveryStep = False,
    output: ResultFile = None,
    json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Where there is no root, show nothing but that.")] = False,
    engine: EngineName = "auto",
) -> None:
    """Print the unknowns, the residual, and in words whether they are a root.

    `left = right` is an equation, unless it defines a name that is no unknown; unknowns are the names with a start
    (NAME=VALUE) or a bracket (NAME=LOW:HIGH).
    """
    from cgcli.cli.ends import document_of, hand_on, require_converged
    from cgcli.cli.starts import read_bounds, read_fixed, read_starts
    from cgcli.minimizing.solving import solve_text

    starting, brackets = read_starts(bindings, None)
    names, values = read_fixed(fix, bindings)
    unknowns = split_names(wrt) or [name for name in (*starting, *brackets) if name not in names]
    result = solve_text(
        read_source(formula), {*starting, *brackets, *names}, {**starting, **values},
        bounds={**brackets, **read_bounds(bound)}, wrt=unknowns, starts=starts, seed=seed, rounds=rounds, engine=engine,
    )  # fmt: skip
    document = document_of(result, strict=strict, trace=trace)
    hand_on(document, output, json=json)
    if trace and not json:
        from cgcli.render.ends import steps_table
        from cgcli.render.tables import print_blocks

        print_blocks([steps_table(document["steps"])])
    if not json:
        print_root(document)
    require_converged(document, output)


def print_root(found: dict[str, Any]) -> None:
    """`name = value` of each unknown, and what is said of them."""
    from cgcli.render.ends import aligned, ended

    for name, value in found["values"].items():
        print(f"{name} = {number_text(value)}")
    rows = [("residual", number_text(found["residual"])), ended(found)]
    print("\n".join(["", *aligned(rows), found["message"], *found["notes"]]))
