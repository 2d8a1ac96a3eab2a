"""The options of `cg fit` that train: the mean of an output over the rows is made small (`cgcli.fitting.training`)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

FILES = ("save", "resume")
"""Options that least squares have, too."""

NO_SETTINGS = ("validate", *FILES)
"""Options that say where, and not how, to train."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """How to train; nothing is set where an option is left away, so that a training that is resumed keeps its own."""

    method: Annotated[
        str | None, typer.Option("--method", help="Train by sgd, momentum, adam (default), adamw or lbfgs.")
    ] = None
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the rows (default: 20).")] = None
    batch: Annotated[int | None, typer.Option("--batch", help="Rows of a step (default: 256).")] = None
    rate: Annotated[
        float | None, typer.Option("--rate", help="Length of the steps (default: 0.001, of sgd and momentum 0.01).")
    ] = None
    schedule: Annotated[
        str | None, typer.Option("--schedule", help="How the rate goes on: constant (default), cosine or step.")
    ] = None
    warmup: Annotated[
        float | None, typer.Option("--warmup", metavar="EPOCHS", help="So long the rate grows from 0.")
    ] = None
    drop: Annotated[float | None, typer.Option("--drop", help="Factor of the schedule step (default: 0.1).")] = None
    drop_every: Annotated[
        float | None, typer.Option("--drop-every", metavar="EPOCHS", help="Its time (default: a third of all).")
    ] = None
    decay: Annotated[float | None, typer.Option("--decay", help="Weight decay (default: 0).")] = None
    clip: Annotated[float | None, typer.Option("--clip", help="Greatest length of a gradient.")] = None
    momentum: Annotated[float | None, typer.Option("--momentum", help="Of momentum (default: 0.9).")] = None
    nesterov: Annotated[bool | None, typer.Option("--nesterov", help="Momentum in the way of Nesterov.")] = None
    beta1: Annotated[float | None, typer.Option("--beta1", help="Of adam and adamw (default: 0.9).")] = None
    beta2: Annotated[float | None, typer.Option("--beta2", help="Of adam and adamw (default: 0.999).")] = None
    epsilon: Annotated[float | None, typer.Option("--epsilon", help="Of adam and adamw (default: 1e-8).")] = None
    validate: Annotated[
        str | None, typer.Option("--validate", metavar="TABLE", help="Look at these rows after each epoch.")
    ] = None
    patience: Annotated[
        int | None, typer.Option("--patience", metavar="EPOCHS", help="End so long after the best validation.")
    ] = None
    save: Annotated[
        str | None, typer.Option("--save", metavar="FILE", help="Save the state here (.npz), from time to time.")
    ] = None
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="FILE", help="Go on from what --save wrote, to the same bits.")
    ] = None

    def settings(self) -> dict[str, Any]:
        """The options that are given and say how to train, by name."""
        found = {option.name: getattr(self, option.name) for option in fields(self)}
        return {name: value for name, value in found.items() if value is not None and name not in NO_SETTINGS}

    def given(self) -> dict[str, Any]:
        """The options that are given and that only a training has, by name."""
        return self.settings() | ({} if self.validate is None else {"validate": self.validate})
