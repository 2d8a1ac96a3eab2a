"""Arguments and options that several commands share, declared once for Typer."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

FormulaText = Annotated[
    str, typer.Argument(metavar="FORMULA", help="An expression, a .cg or .npz file, or - for standard input.")
]
Bindings = Annotated[
    Optional[list[str]],  # noqa: UP045 - Typer reads this form in every version
    typer.Argument(metavar="NAME=VALUE", help="Values: numbers, constant formulas, lists, or @file.npy."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; nan and infinities as texts.")]
Digits = Annotated[Optional[int], typer.Option("--digits", min=1, max=100_000, help="Decimal digits, beyond doubles.")]  # noqa: UP045
EngineName = Annotated[str, typer.Option("--engine", help="auto, python, numpy, native or precise.")]
Wrt = Annotated[
    Optional[str], typer.Option("--wrt", help="Differentiate with respect to these names: a,b (default: all inputs).")  # noqa: UP045
]
Of = Annotated[Optional[str], typer.Option("--of", help="The output, or an inner name, to differentiate.")]  # noqa: UP045

Data = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--data", help="Compute every row of this table (CSV, TSV, Parquet, Arrow, NPY, NPZ; - is CSV)."),
]
Output = Annotated[Optional[str], typer.Option("-o", "--output", help="Write the rows here (- is CSV).")]  # noqa: UP045
Bind = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--bind", metavar="INPUT=COLUMN", help="Take an input from a column of another name."),
]
Keep = Annotated[Optional[str], typer.Option("--keep", help="Copy these columns to the result: a,b or all.")]  # noqa: UP045
Missing = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--missing", help="Rows with cells that are missing or no number: nan (default), skip or error."),
]
Limit = Annotated[Optional[int], typer.Option("--limit", min=1, help="Read at most so many rows.")]  # noqa: UP045
Head = Annotated[Optional[int], typer.Option("--head", min=0, help="Show so many rows of the result.")]  # noqa: UP045
Float32 = Annotated[bool, typer.Option("--float32", help="Compute in single precision (native engine).")]

__all__ = [
    "Annotated", "Bind", "Bindings", "Data", "Digits", "EngineName", "Float32", "FormulaText", "Head", "Json", "Keep",
    "Limit", "Missing", "Of", "Output", "Wrt", "typer",
]  # fmt: skip
