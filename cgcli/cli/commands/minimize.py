"""Find a minimum of a formula, with exact derivatives.

Examples:
  cg minimize "100*(y - x^2)^2 + (1 - x)^2" x=-1.2 y=1
  cg minimize "(x - 3)^2 + x*y + y^2" x=0 y=0 --bound y=0:10
  cg minimize "x + y" x=1 y=2 --subject-to "x^2 + y^2 <= 1"
  cg minimize "sin(3*x) + x^2/10" x=2 --bound x=-5:5 --starts 20
  cg minimize "cos(x)*y^2 + x^2" x=0.5 y=1 --trace --plot path.svg
  cg minimize model.cg --wrt a,b --of loss -o best.json
"""

from __future__ import annotations

from cgcli.cli.arguments import read_formula, split_names
from cgcli.cli.output import print_json, warn, write_json
from cgcli.errors import CalculationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.cli.options import Annotated, Bindings, EngineName, FormulaText, Json, Of, typer


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    bound: Annotated[
        list[str] | None,
        typer.Option("--bound", metavar="NAME=LOW:HIGH", help="Keep an input between; one end may be missing."),
    ] = None,
    subject_to: Annotated[
        list[str] | None, typer.Option("--subject-to", metavar="TEXT", help='A constraint: "x + y <= 1", "x*y = 2".')
    ] = None,
    wrt: Annotated[str | None, typer.Option("--wrt", help="What varies: a,b (default: params, else all).")] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option("--fix", metavar="NAME[=VALUE]", help="Inputs that keep their value."),
    ] = None,
    of: Of = None,
    starts: Annotated[int, typer.Option("--starts", min=1, help="Start from so many places between bounds.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which places.")] = 0,
    tolerance: Annotated[float, typer.Option("--tolerance", help="How exact, beside the value.")] = 1e-8,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Steps after which to give up.")] = 1000,
    trace: Annotated[bool, typer.Option("--trace", help="Show every step.")] = False,
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="FILE", help="Draw the path of one or two variables."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="Write the result here as JSON, which --values reads."),
    ] = None,
    json: Json = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Not to converge is an error, and nothing is written.")
    ] = False,
    engine: EngineName = "auto",
) -> None:
    """Print the point, its value, and what it is in words."""
    from cgcli.cli.starts import read_bounds, read_fixed, read_starts
    from cgcli.render.ends import minimum_blocks, minimum_lines
    from cgcli.render.tables import print_blocks

    parsed = read_formula(formula)
    if plot:
        from cgcli.render.figures import figure_format, require_matplotlib

        figure_format(plot)
        require_matplotlib()
    names, values = read_fixed(fix)
    starting, ranges = read_starts(bindings, parsed)
    start = {**starting, **values}
    chosen: dict[str, Any] = {
        "bounds": {**ranges, **read_bounds(bound)},
        "wrt": split_names(wrt),
        "fix": names,
        "of": of,
    }
    result = parsed.minimize(
        start, **chosen, subject_to=subject_to, starts=starts, seed=seed, tolerance=tolerance, rounds=rounds,
        engine=engine,
    )  # fmt: skip
    if strict and not result.converged:
        raise CalculationError(result.message)
    document: dict[str, Any] = result.as_dict()
    if trace:
        document["steps"] = [step.as_dict() for step in result.steps]
    if plot:
        from cgcli.minimizing.picturing import picture_of
        from cgcli.render.path_plots import plot_path

        title = " ".join(str(parsed).split())
        plot_path(picture_of(parsed, result, start, **chosen, title=title), plot)
    if output:
        write_json(output, document)
    if json:
        print_json(document)
        if not result.converged:
            warn(result.message)
    else:
        print_blocks(minimum_blocks(document))
        print("\n".join(["", *minimum_lines(document)]))
