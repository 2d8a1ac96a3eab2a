"""Arguments and options that several commands share, declared once for Typer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from cgcli.cli.arguments import typed
from cgcli.cli.training_options import TrainOptions
from cgcli.data.cells import POLICIES
from cgcli.engines import NAMES
from cgcli.errors import UsageError

if TYPE_CHECKING:
    from cgcli.rows.sources import Source

FormulaText = Annotated[
    str, typer.Argument(metavar="FORMULA", help="An expression, a .cg or .npz file, or - for standard input.")
]
Bindings = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads this form in every version
    typer.Argument(metavar="NAME=VALUE", help="Values: numbers, constant formulas, lists, or @file.npy."),
]
StartWords = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(metavar="NAME=VALUE", help="Where to start: a=1, or within a range, a=0:10."),
]
Values = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--values", metavar="FILE", help="Values by name from JSON, as `cg fit -o` writes it; - is a pipe."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; nan and infinities as texts.")]
Digits = Annotated[Optional[int], typer.Option("--digits", min=1, max=100_000, help="Decimal digits, beyond doubles.")]  # noqa: UP045
EngineName = Annotated[str, typer.Option("--engine", help=f"auto, {', '.join(NAMES)}.")]
Wrt = Annotated[
    Optional[str], typer.Option("--wrt", help="Differentiate with respect to these names: a,b (default: all inputs).")  # noqa: UP045
]
Of = Annotated[Optional[str], typer.Option("--of", help="The output, or an inner name, to differentiate.")]  # noqa: UP045

Strict = Annotated[
    bool, typer.Option("--strict", help="A nan or an infinity in a result is an error, and nothing is written.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a table is and how it is read. An option stands here and nowhere else; `cgcli.cli.app` spreads them out."""

    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            help="The table, row by row (CSV, TSV, Parquet, Arrow, NPY, NPZ, JSON lines; - is CSV); a folder or a "
            "'pattern*' is one table, too.",
        ),
    ] = None
    format: Annotated[
        str | None, typer.Option("--format", help="What the table is, where its name does not say it: csv, tsv, …")
    ] = None
    separator: Annotated[
        str | None, typer.Option("--separator", help="What separates cells of CSV: one sign, or tab or blank.")
    ] = None
    decimal: Annotated[str | None, typer.Option("--decimal", help="The decimal mark of numbers in CSV: . or ,")] = None
    bind: Annotated[
        list[str] | None,
        typer.Option("--bind", metavar="INPUT=COLUMN", help="Take an input from a column of another name."),
    ] = None
    missing: Annotated[
        str | None,
        typer.Option(
            "--missing", help="Rows with a cell that is missing or no number: nan (eval and grad do so), skip or error."
        ),
    ] = None
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Read at most so many rows.")] = None

    def given(self) -> list[str]:
        """Names of the options that the line has."""
        return typed({option.name: getattr(self, option.name) for option in fields(self)})

    def source(self) -> Source:
        """The table. UsageError where options of tables come without one, and for what they cannot be."""
        if not self.data:
            option = next(iter(self.given()), "data").replace("_", "-")
            raise UsageError(f"--{option} needs a table", hint="add --data table.csv")
        if self.policy not in POLICIES:
            raise UsageError(f"--missing cannot be `{self.missing}`", hint=f"it is one of {', '.join(POLICIES)}")
        from cgcli.rows.sources import Source

        return Source(self.data, self.format, separator=self.separator, decimal=self.decimal)

    @property
    def policy(self) -> str:
        """What happens to rows with gaps."""
        return POLICIES[0] if self.missing is None else self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions(ReadOptions):
    """The options that go with `--data` where each row has a result."""

    output: Annotated[str | None, typer.Option("-o", "--output", help="Write the rows here (- is CSV).")] = None
    keep: Annotated[str | None, typer.Option("--keep", help="Copy these columns to the result: a,b or all.")] = None
    head: Annotated[int | None, typer.Option("--head", min=0, help="Show so many rows of the result.")] = None
    raw_text: Annotated[
        bool, typer.Option("--raw-text", help="Write texts as they are into CSV, even what a spreadsheet would run.")
    ] = False
    float32: Annotated[bool, typer.Option("--float32", help="Compute in single precision (native engine).")] = False
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="WHERE", help="Compute on Dask: local:2 (processes here), tcp://host:8786."),
    ] = None

    def same_rows(self) -> list[str] | None:
        """The options by which a command that only knows `--data TABLE` reads the same rows; None where none do."""
        known = {"data", "output", "keep", "head", "float32", "raw_text"}
        if not self.given():
            return []
        return ["--data", *self.data] if set(self.given()) <= known and self.data and len(self.data) == 1 else None

    @property
    def target(self) -> str | None:
        """The file that is written, `-` for standard output."""
        return "-" if self.output == "/dev/stdout" else self.output


Where = Annotated[
    str | None,
    typer.Option("--cluster", metavar="WHERE", help="Compute on Dask: local:2 (processes here), tcp://host:8786."),
]
SearchStarts = Annotated[int, typer.Option("--starts", min=1, help="Start from so many places between bounds.")]
SearchSeed = Annotated[int, typer.Option("--seed", min=0, help="Which places.")]
Rounds = Annotated[int, typer.Option("--rounds", min=1, help="Steps after which to give up.")]
EveryStep = Annotated[bool, typer.Option("--trace", help="Show every step.")]
ResultFile = Annotated[
    str | None, typer.Option("-o", "--output", help="Write the result here as JSON, which --values reads.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorOptions:
    """The options that go with errors of values (±)."""

    correlation: Annotated[
        list[str] | None,
        typer.Option("--correlation", metavar="A,B=R", help="Correlation of two inputs, or of more by a matrix."),
    ] = None
    coverage: Annotated[
        float | None, typer.Option("--coverage", help="Show the interval with this coverage probability: 0.95.")
    ] = None
    samples: Annotated[
        float | None, typer.Option("--samples", help="Draw so many random values, and show their distribution: 1e6.")
    ] = None
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Where the random values begin (0).")] = None
    repeat: Annotated[
        list[str] | None,
        typer.Option(
            "--repeat", metavar="TABLE", help="Inputs from repeated readings: a column each, a row a reading."
        ),
    ] = None
    average: Annotated[
        str | None,
        typer.Option("--average", help="Compute these inner names for every reading, and take their means: a,b."),
    ] = None

    def given(self) -> list[str]:
        """Names of the options that the line has."""
        return typed({option.name: getattr(self, option.name) for option in fields(self)})


__all__ = [
    "Annotated", "Bindings", "Digits", "EngineName", "ErrorOptions", "EveryStep", "FormulaText", "Json", "Of",
    "ReadOptions", "ResultFile", "Rounds", "SearchSeed", "SearchStarts", "StartWords", "Strict", "TableOptions",
    "TrainOptions", "Values", "Wrt", "typer",
]  # fmt: skip
