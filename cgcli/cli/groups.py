"""`cg fit --by`: a formula and a table into a fit of each group, as a command tells of them and writes them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cgcli.cli.fits import COVERAGE, FITTED_ENDING, Outputs, held_values
from cgcli.cli.output import print_json, write_json
from cgcli.cli.rows import read_columns
from cgcli.cli.starts import Starts, number_or_text
from cgcli.cli.streams import EvenUnread
from cgcli.data import formats
from cgcli.errors import CalculationError, UsageError
from cgcli.files import Replacement
from cgcli.fitting.groups.grouped import fit_by

if TYPE_CHECKING:
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.options import ReadOptions
    from cgcli.fitting.groups.grouped import GroupedFit


def fit_groups(
    formula: Formula, table: ReadOptions, outputs: Outputs, begun: Starts, *, by: list[str], fix: list[str],
    values: dict[str, Any], sigma: str | None, absolute_sigma: bool, **options: Any,
) -> None:  # fmt: skip
    """Fit a formula to each group of a table, tell of the fits, and write them.

    options: as of `grouped.fit_by`. CalculationError behind the table where no group has a fit; then no file is
    written.
    """
    source = table.source()
    check(outputs)
    source.spare(outputs.fitted)
    if absolute_sigma and sigma is None:
        raise UsageError("--absolute-sigma needs sigma", hint="add --sigma COLUMN, or a number")
    held = held_values(formula, fix, values, begun)
    start = {name: value for name, value in {**begun.values, **begun.ranges}.items() if name not in held}
    result = fit_by(
        formula, source, by, start=start, fix=held,
        columns=read_columns(table.bind), sigma=number_or_text(sigma), absolute_sigma=absolute_sigma,
        missing=table.missing, limit=table.limit, **options,
    )  # fmt: skip
    with EvenUnread():
        tell(result, outputs)
    if len(result.failed) == len(result):
        raise CalculationError(
            "no group has a fit that has converged, and no file is written", hint="give other starts"
        )
    write(result, outputs.fitted)


def check(outputs: Outputs) -> None:
    """UsageError for what groups do not have, and for a file that cannot be written."""
    for option in ("predicted", "plot", "sketch", "profile"):
        if getattr(outputs, option):
            raise UsageError(
                f"--{'predict' if option == 'predicted' else option} is for one fit, not for groups",
                hint="fit one group by itself, or use f.fit(…, by=…).groups[key] in Python",
            )
    if outputs.coverage != COVERAGE:
        raise UsageError(
            "--coverage is for one fit: groups are told with standard errors",
            hint="f.fit(…, by=…).groups[key] in Python has intervals",
        )
    if outputs.fitted is not None and not outputs.fitted.lower().endswith(FITTED_ENDING):
        formats.format_of(outputs.fitted)


def tell(result: GroupedFit, outputs: Outputs) -> None:
    """Print the table, or the document; to standard error where the rows go to standard output."""
    stream = sys.stderr if outputs.fitted == "-" else sys.stdout
    if outputs.json:
        print_json(result.document(), stream=stream)
        return
    from cgcli.render.group_tables import blocks
    from cgcli.render.tables import print_blocks

    print_blocks(blocks(result), stream)


def write(result: GroupedFit, target: str | None) -> None:
    """A row a group into a table, or the document into a file whose name ends with .json."""
    if target is None:
        return
    if target.lower().endswith(FITTED_ENDING):
        write_json(target, result.document())
        return
    columns = {
        name: [str(item) for item in column] if column.dtype == object else column
        for name, column in result.table.items()
    }
    if target == "-":
        finish(columns, sys.stdout.buffer, target)
        return
    with Replacement(target) as file:
        finish(columns, file, target)


def finish(columns: dict[str, Any], stream: Any, target: str) -> None:
    """Write columns into a stream in the format that a name says."""
    writer = formats.create_writer(stream, target)
    writer.begin(frozenset())
    writer.write(columns)
    writer.finish()
