"""`cg fit`: a formula and a table into a fit, as a command tells of it and writes it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from shutil import copyfileobj, get_terminal_size
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from cgcli.cli.interrupted import told_how_to_go_on
from cgcli.cli.output import print_json, write_json
from cgcli.cli.rows import read_columns
from cgcli.cli.starts import Starts, number_or_text
from cgcli.cli.streams import EvenUnread, can_write
from cgcli.data import formats
from cgcli.errors import CalculationError, UsageError
from cgcli.fitting.fit import fit
from cgcli.formulas.given import check_names
from cgcli.render.figures import figure_format, require_matplotlib
from cgcli.render.progress import FitProgress, RowProgress
from cgcli.rows.sources import Source

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from cgcli.api.formula import Formula
    from cgcli.cli.options import ReadOptions
    from cgcli.data.table import Table
    from cgcli.fitting.profile import Profile
    from cgcli.fitting.result import FitResult

COVERAGE = 0.95
"""Of intervals and bands, where the line does not say it."""

FITTED_ENDING = ".json"
MOST_NAMED = 6
"""Parameters that an error names."""

MOST_SKETCHED = 1_000_000
"""Rows up to which a sketch is drawn without being asked for: it is one more pass over the table."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What a line wants to see and to have written. sketch: None where a terminal decides."""

    json: bool
    coverage: float
    fitted: str | None
    predicted: str | None
    plot: str | None
    sketch: bool | None
    profile: bool = False

    @property
    def need_rows(self) -> bool:
        """Whether the rows are read once more after the fit."""
        return bool(self.predicted or self.plot or self.wants_sketch)

    @property
    def wants_sketch(self) -> bool:
        """Whether points and curve are sketched: on a terminal, where nothing is said."""
        return not self.json and (sys.stdout.isatty() if self.sketch is None else self.sketch)

    def check(self) -> None:
        """UsageError and MissingExtra for what could not be written, before anything is computed."""
        if not 0 < self.coverage < 1:
            raise UsageError(
                f"a coverage lies between 0 and 1, not at {self.coverage:g}", hint="--coverage 0.95 is 95 %"
            )
        if self.fitted is not None and not self.fitted.lower().endswith(FITTED_ENDING):
            hint = (
                "--json prints it" if self.fitted == "-" else "name it .json; --predict writes rows, --plot a picture"
            )
            raise UsageError(f"a fit is written as JSON, not as `{self.fitted}`", hint=hint)
        if self.predicted is not None:
            formats.format_of(self.predicted)
        if self.plot is not None:
            figure_format(self.plot)
            require_matplotlib()


def fit_table(
    formula: Formula, table: ReadOptions, outputs: Outputs, begun: Starts, *, fix: list[str], values: dict[str, Any],
    sigma: str | None, absolute_sigma: bool, **options: Any,
) -> None:  # fmt: skip
    """Fit a formula to a table, tell of it, and write what is wanted.

    fix, values: the names of what is fixed, and the values of those that came with one; options: as of `fitting.fit`.
    CalculationError behind the table for a fit that is none (`require_success`); no file is written then.
    """
    source = table.source()
    outputs.check()
    source.spare(outputs.predicted)
    if absolute_sigma and sigma is None:
        raise UsageError("--absolute-sigma needs sigma", hint="add --sigma COLUMN, or a number")
    if source.is_stream and outputs.need_rows:
        source = Replayed(source.name, table.format, table.separator, table.decimal)
    held = held_values(formula, fix, values, begun)
    start = {name: value for name, value in {**begun.values, **begun.ranges}.items() if name not in held}
    with told_how_to_go_on(), FitProgress() as progress:
        result = fit(
            formula, source, start=start, fix=held, columns=read_columns(table.bind), sigma=number_or_text(sigma),
            absolute_sigma=absolute_sigma, missing=table.missing, limit=table.limit, progress=progress.advance,
            **options,
        )  # fmt: skip
    profiles = profiles_of(result, outputs)
    with EvenUnread():
        tell(result, outputs, profiles)
    require_success(result)
    write(result, outputs, profiles)


def profiles_of(result: FitResult, outputs: Outputs) -> dict[str, Profile] | None:
    """Likelihood intervals, where they are wanted and the fit has come to an end."""
    return result.profile(outputs.coverage) if outputs.profile and result.converged else None


def require_success(result: FitResult) -> None:
    """CalculationError where a fit has not converged, and where its parameters are not those of the data alone."""
    if not result.converged:
        raise CalculationError("the fit has not converged, and no file is written", hint="give other starts")
    if result.undetermined:
        names = list(dict.fromkeys(name for direction in result.undetermined for name in direction))
        listed = ", ".join(f"`{name}`" for name in names[:MOST_NAMED]) + (" …" if len(names) > MOST_NAMED else "")
        first = names[0].partition("[")[0]
        raise CalculationError(
            f"the data do not determine {listed}, and no file is written",
            hint=f"fix what is too much, for example --fix {first}=1, or take it out of the formula",
        )


class Replayed(Source):
    """What comes through a pipe, kept in a file of its own so that it can be read again."""

    def __init__(self, path: str, kind: str | None, separator: str | None, decimal: str | None) -> None:
        super().__init__(path, kind, separator=separator, decimal=decimal)
        self._how = (formats.format_of(path, kind), separator, decimal)
        self._file = NamedTemporaryFile()  # noqa: SIM115 - lives as long as this object
        with sys.stdin.buffer if path == "-" else open(path, "rb") as stream:
            copyfileobj(stream, self._file)
        self._file.flush()
        self.again = True

    def open(self, spool: BinaryIO | None = None) -> Table:
        """The table from its first row."""
        kind, separator, decimal = self._how
        table = formats.open_table(self._file.name, kind, separator=separator, decimal=decimal)
        table.path = "standard input" if self.name == "-" else self.name
        return table


def held_values(formula: Formula, names: list[str], values: dict[str, Any], begun: Starts) -> dict[str, Any]:
    """The values of what is fixed: given with it, as a start, or by the formula. UsageError where there is none."""
    known = {**begun.values, **values}
    check_names(names, formula.inputs)
    defaults = formula.bind({}, complete=False).values if set(names) - set(known) else {}
    for name in names:
        if name not in known and name not in defaults:
            raise UsageError(f"`{name}` is fixed at no value", hint=f"give it: --fix {name}=1")
    return {name: known[name] if name in known else defaults[name] for name in names}


def tell(result: FitResult, outputs: Outputs, profiles: dict[str, Profile] | None = None) -> None:
    """Print the table, or the document; to standard error where predictions go to standard output."""
    stream = sys.stderr if outputs.predicted == "-" else sys.stdout
    if outputs.json:
        print_json(result.document(outputs.coverage, profiles), stream=stream)
        return
    from cgcli.render.fit_tables import blocks
    from cgcli.render.tables import print_blocks

    print_blocks(blocks(result, outputs.coverage, profiles), stream)
    if outputs.wants_sketch and (outputs.sketch or result.rows <= MOST_SKETCHED):
        print_sketch(result, stream)


def print_sketch(result: FitResult, stream: Any) -> None:
    """Points and curve below the table."""
    from cgcli.render.sketch import sketch_lines

    plain = not can_write("\u28ff", stream)
    lines = sketch_lines(result.picture(), get_terminal_size().columns, plain=plain)
    print(*["", *lines], sep="\n", file=stream)


def write(result: FitResult, outputs: Outputs, profiles: dict[str, Profile] | None = None) -> None:
    """The files that are wanted; what may still be refused comes first."""
    if outputs.predicted is not None:
        from cgcli.fitting.predictions import write_predictions

        with RowProgress(None) as progress:
            write_predictions(result.fitted(outputs.coverage), outputs.predicted, progress=progress.advance)
    if outputs.plot is not None:
        result.plot(outputs.plot, coverage=outputs.coverage)
    if outputs.fitted is not None:
        write_json(outputs.fitted, result.document(outputs.coverage, profiles))
