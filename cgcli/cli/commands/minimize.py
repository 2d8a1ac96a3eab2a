"""Find a minimum of a formula, with exact derivatives.

Examples:
  cg minimize "100*(y - x^2)^2 + (1 - x)^2" x=-1.2 y=1
  cg minimize "(x - 3)^2 + x*y + y^2" x=0 y=0 --bound y=0:10
  cg minimize "x + y" x=1 y=2 --subject-to "x^2 + y^2 <= 1"
  cg minimize "sin(3*x) + x^2/10" x=2 --bound x=-5:5 --starts 20
  cg minimize "cos(x)*y^2 + x^2" x=0.5 y=1 --trace --plot path.svg
  cg minimize model.cg --wrt a,b --of loss -o best.json
  cg minimize "sum(abs(y - a*x))" a=1 --data points.csv

Where no minimum was reached, what was found is shown, the exit code is 1, and no file is written.
"""

from __future__ import annotations

from cgcli.cli.arguments import read_formula, split_names

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
        Of,
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
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="FILE", help="A table: its columns are arrays for the inputs of their names."),
    ] = None,
    starts: SearchStarts = 1,
    seed: SearchSeed = 0,
    tolerance: Annotated[float, typer.Option("--tolerance", help="How exact, beside the value.")] = 1e-8,
    rounds: Rounds = 1000,
    trace: EveryStep = False,
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="FILE", help="Draw the path of one or two variables."),
    ] = None,
    output: ResultFile = None,
    json: Json = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Where it has not converged, show nothing but that.")
    ] = False,
    engine: EngineName = "auto",
) -> None:
    """Print the point, its value, and what it is in words."""
    from cgcli.cli.ends import document_of, hand_on, require_converged
    from cgcli.cli.starts import read_bounds, read_fixed, read_starts
    from cgcli.render.ends import minimum_blocks, minimum_lines
    from cgcli.render.tables import print_blocks

    parsed = read_formula(formula)
    if plot:
        from cgcli.render.figures import figure_format, require_matplotlib

        figure_format(plot)
        require_matplotlib()
    names, values = read_fixed(fix, bindings)
    starting, ranges = read_starts(bindings, parsed)
    start = {**starting, **values}
    chosen: dict[str, Any] = {
        "bounds": {**ranges, **read_bounds(bound)},
        "wrt": split_names(wrt),
        "fix": names,
        "of": of,
    }
    if data:
        from cgcli.cli.output import show_warnings
        from cgcli.minimizing.search import with_columns

        show_warnings()
        start, chosen["fix"] = with_columns(parsed, data, start, chosen["bounds"], names)
    result = parsed.minimize(
        start, **chosen, subject_to=subject_to, starts=starts, seed=seed, tolerance=tolerance, rounds=rounds,
        engine=engine,
    )  # fmt: skip
    document = document_of(result, strict=strict, trace=trace)
    if plot:
        from cgcli.minimizing.picturing import picture_of
        from cgcli.render.path_plots import plot_path

        title = " ".join(str(parsed).split())
        plot_path(picture_of(parsed, result, start, **chosen, title=title), plot)
    hand_on(document, output, json=json)
    if not json:
        print_blocks(minimum_blocks(document))
        print("\n".join(["", *minimum_lines(document)]))
    require_converged(document, output)
