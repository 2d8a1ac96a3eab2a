"""`cg fit --loss NAME`: a formula and a table into a training, as a command tells of it and writes it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cgcli.cli.interrupted import told_how_to_go_on
from cgcli.cli.output import print_json, write_json
from cgcli.cli.rows import read_columns
from cgcli.cli.streams import EvenUnread, can_write
from cgcli.errors import UsageError
from cgcli.fitting.training.train import train
from cgcli.render.progress import EpochLine
from cgcli.rows.sources import Source

if TYPE_CHECKING:
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.fits import Outputs
    from cgcli.cli.options import ReadOptions
    from cgcli.cli.starts import Starts
    from cgcli.cli.training_options import TrainOptions
    from cgcli.fitting.training.train import TrainingResult


def train_table(
    formula: Formula, table: ReadOptions, outputs: Outputs, begun: Starts, chosen: TrainOptions, *, loss: str,
    fix: dict[str, Any], wrt: list[str] | None, seed: int | None,
) -> None:  # fmt: skip
    """Train a formula on a table, tell of it, and write what is wanted.

    KeyboardInterrupt after Ctrl-C, when the state is saved and how to go on is said.
    """
    source = table.source()
    outputs.check()
    if outputs.predicted is not None:
        raise UsageError(
            "--predict is for least squares",
            hint="-o fitted.json, then cg eval MODEL --values fitted.json --data TABLE",
        )
    settings = chosen.settings() | ({} if seed is None else {"seed": seed})
    starts = {name: value for name, value in {**begun.values, **begun.ranges}.items() if name not in fix}
    validate = None
    if chosen.validate is not None:
        validate = Source(chosen.validate, table.format, separator=table.separator, decimal=table.decimal)
    with told_how_to_go_on(), EpochLine(settings.get("epochs")) as line:
        result = train(
            formula, source, loss=loss, start=starts, fix=fix or None, wrt=wrt,
            columns=read_columns(table.bind), missing=table.missing, limit=table.limit, validate=validate,
            save=chosen.save, resume=chosen.resume, progress=line.advance, **settings,
        )  # fmt: skip
    with EvenUnread():
        tell(result, outputs)
    write(result, outputs)


def tell(result: TrainingResult, outputs: Outputs) -> None:
    """Print what the training came to, or the document."""
    if outputs.json:
        print_json(result.document())
        return
    from cgcli.render.tables import print_blocks
    from cgcli.render.training_tables import SPARKS, blocks

    print_blocks(blocks(result, plain=not can_write(SPARKS, sys.stdout)), sys.stdout)


def write(result: TrainingResult, outputs: Outputs) -> None:
    """The files that are wanted."""
    if outputs.fitted is not None:
        write_json(outputs.fitted, result.document())
    if outputs.plot is not None:
        result.plot(outputs.plot)
