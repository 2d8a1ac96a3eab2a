"""Arguments and options that several commands share, declared once for Typer."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

FormulaText = Annotated[
    str, typer.Argument(metavar="FORMULA", help="An expression, a .cg file, or - for standard input.")
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

__all__ = ["Annotated", "Bindings", "Digits", "EngineName", "FormulaText", "Json", "Of", "Wrt", "typer"]
