"""Fit the parameters of a formula to a table, by least squares, or train them.

Examples:
  cg fit "a*exp(-b*t) + c" --data decay.csv --target y
  cg fit "a*exp(-b*t) + c" --data decay.csv --target y a=1 b=0.1 c=0
  cg fit decay.cg --data decay.csv --bound b=0: --fix c=0.4 -o fitted.json
  cg fit peaks.cg --data peaks.csv --sigma error --absolute-sigma m1=60:80 m2=85:100
  cg fit "a + b*x" --data line.csv --target y --sigma y_error --sigma-x x_error
  cg fit "V*S/(K + S)" --data enzyme.csv --target speed --profile
  cg fit decay.cg --data decay.csv --plot fit.svg --predict predicted.csv
  cg fit "a*exp(-b*t) + c" --data plates.csv --target y --by plate --share b -o groups.csv
  cg eval decay.cg --values fitted.json t=3
  cg fit model.cg --data train.parquet --loss loss --method adam --epochs 20 --batch 256 --rate 1e-3 --save run.npz

Parameters are the inputs that no column fills, or those declared `param`. NAME=VALUE is where a search starts and
NAME=LOW:HIGH a range to start in; a parameter without either gets its start from the data. A fit that has not
converged ends with exit code 1, and no file is written.

With --loss NAME, an output of the formula, the mean of that output over the rows is made small by minibatches (or, with
--method lbfgs, over all rows at once). --save and --resume go on after any end to the same bits.
"""

from __future__ import annotations

from cgcli.cli.arguments import exclude, read_formula, split_names
from cgcli.cli.starts import read_bounds, read_fixed, read_sigma_x, read_starts
from cgcli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.cli.options import Annotated, FormulaText, Json, ReadOptions, StartWords, TrainOptions, Where, typer


def run(
    formula: FormulaText,
    bindings: StartWords = None,
    *,
    target: Annotated[
        str | None,
        typer.Option("--target", help="What is fitted: a column or a formula over columns (default: as the output)."),
    ] = None,
    bound: Annotated[
        list[str] | None,
        typer.Option("--bound", metavar="NAME=LOW:HIGH", help="Keep a parameter within, as a=0: does."),
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option("--fix", metavar="NAME[=VALUE]", help="Keep an input at its value: c=2, or c.")
    ] = None,
    wrt: Annotated[str | None, typer.Option("--wrt", help="Fit these inputs: a,b.")] = None,
    sigma: Annotated[
        str | None, typer.Option("--sigma", help="Standard deviation of the rows: a column, a formula, or a number.")
    ] = None,
    sigma_x: Annotated[
        list[str] | None,
        typer.Option("--sigma-x", metavar="[INPUT=]SIGMA", help="As --sigma, of an input that has errors itself."),
    ] = None,
    absolute_sigma: Annotated[
        bool, typer.Option("--absolute-sigma", help="Sigma is meant as it is, not in proportion.")
    ] = False,
    loss: Annotated[
        str | None,
        typer.Option("--loss", help="An output to make small, or a robust loss: soft_l1, huber, cauchy, arctan."),
    ] = None,
    loss_scale: Annotated[
        float, typer.Option("--loss-scale", help="The residual from which on a robust loss counts less.")
    ] = 1.0,
    starts: Annotated[
        int | None, typer.Option("--starts", min=1, help="Places to start from (default: 48 where no start is given).")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of the places to start from, and of a training (default: 1).")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="COLUMNS", help="Fit every group of rows with the same values there.")
    ] = None,
    share: Annotated[
        str | None,
        typer.Option("--share", metavar="NAMES", help="With --by: these parameters are common to all groups."),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Likelihood intervals: how far a parameter goes, the others following.")
    ] = False,
    coverage: Annotated[float, typer.Option("--coverage", help="Of intervals and bands.")] = 0.95,
    predict: Annotated[
        str | None, typer.Option("--predict", metavar="FILE", help="Write predictions, their errors and bands by row.")
    ] = None,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="Draw points, curve and residuals: .svg, .png, .pdf.")
    ] = None,
    sketch: Annotated[
        bool | None, typer.Option("--sketch/--no-sketch", help="Sketch points and curve (default: on a terminal).")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the fit as JSON, for --values; with --by a table."),
    ] = None,
    cluster: Where = None,
    json: Json = False,
    table: ReadOptions | None = None,
    training: TrainOptions | None = None,
) -> None:
    """Print the parameters with their errors, and how good the fit is."""
    from cgcli.cli.fits import Outputs, fit_table
    from cgcli.cli.options import ReadOptions, TrainOptions
    from cgcli.fitting.choosing import is_training, refuse_cluster, refuse_options

    parsed = read_formula(formula)
    begun = read_starts(bindings, parsed)
    held, values = read_fixed(fix, bindings)
    outputs = Outputs(
        json=json, coverage=coverage, fitted=output, predicted=predict, plot=plot, sketch=sketch, profile=profile
    )
    chosen = training or TrainOptions()
    if is_training(parsed, loss or "linear", chosen.given()):
        from cgcli.cli.fits import COVERAGE, held_values
        from cgcli.cli.training import train_table

        refuse_cluster(cluster)
        refuse_options(
            target=target, bound=bound, sigma=sigma, by=by, share=share, sigma_x=sigma_x, profile=profile or None,
            starts=starts, absolute_sigma=absolute_sigma or None, loss_scale=None if loss_scale == 1 else loss_scale,
            coverage=None if coverage == COVERAGE else coverage,
        )  # fmt: skip
        train_table(
            parsed, table or ReadOptions(), outputs, begun, chosen, loss=loss or "", wrt=split_names(wrt), seed=seed,
            fix=held_values(parsed, held, values, begun),
        )  # fmt: skip
        return
    options: dict[str, Any] = {
        "fix": held, "values": values, "bounds": read_bounds(bound), "target": target, "wrt": split_names(wrt),
        "sigma": sigma, "absolute_sigma": absolute_sigma, "loss": loss or "linear", "loss_scale": loss_scale,
        "starts": starts, "seed": 1 if seed is None else seed,
    }  # fmt: skip
    if by is None:
        if share is not None:
            raise UsageError("--share is for groups", hint="say what tells them apart: --by COLUMN")
        fit_table(
            parsed, table or ReadOptions(), outputs, begun, save=chosen.save, resume=chosen.resume,
            sigma_x=read_sigma_x(sigma_x), cluster=cluster, **options,
        )  # fmt: skip
        return
    exclude("--by", sigma_x=sigma_x, profile=profile, cluster=cluster)
    from cgcli.cli.groups import fit_groups
    from cgcli.fitting.choosing import refuse_saving

    refuse_saving(chosen.save, chosen.resume)
    fit_groups(parsed, table or ReadOptions(), outputs, begun, by=split_names(by) or [], share=split_names(share),
               **options)  # fmt: skip
