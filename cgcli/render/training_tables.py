"""A training as tables for people: its parameters, its loss, and the learning curve in one line."""

from __future__ import annotations

from math import isfinite, log

from cgcli.numerals import compact, short_number
from cgcli.render.tables import Column, Note, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from cgcli.render.tables import Block, Row

    class Trained(Protocol):
        """What is shown of a training, see `fitting.training.train.TrainingResult`."""

        values: dict[str, Any]
        loss: float
        validation: float | None
        history: list[dict[str, Any]]
        evaluations: int
        rows: int
        left_out: int
        method: str
        slope: float
        converged: bool
        message: str
        output: str
        warnings: list[str]


SPARKS = "▁▂▃▄▅▆▇█"
"""Heights of a curve that is one line high (Unicode, block 2580)."""

PLAIN_SPARKS = "_.-~=+*#"
"""The same for what cannot show these."""

WIDEST = 40
"""Characters of a curve."""

MOST_PARAMETERS = 60


def blocks(result: Trained, *, plain: bool = False) -> Iterator[Block]:
    """The tables and notes of a training."""
    yield parameter_table(result.values)
    yield Note(f"Mean of {result.output}", lines_of_facts(facts(result, plain)))
    if result.warnings:
        yield Note("To be noticed", result.warnings, "yellow")


def parameter_table(values: Mapping[str, Any]) -> Table:
    """One row a parameter: its shape, and its value as far as that is short."""
    columns = [Column("name", style="bold cyan", cut=12), Column("shape", right=True),
               Column("value", style="green", cut=20)]  # fmt: skip
    rows: list[Row] = []
    for name, value in list(values.items())[:MOST_PARAMETERS]:
        shape = getattr(value, "shape", ())
        rows.append((name, "×".join(map(str, shape)), compact(value, digits=5)))
    if len(values) > MOST_PARAMETERS:
        rows.append(f"… {len(values) - MOST_PARAMETERS:,} more; --json has all of them")
    return Table("Parameters", columns, rows)


def facts(result: Trained, plain: bool) -> list[tuple[str, str]]:
    """What is told of the training as a whole, name and text."""
    left_out = f" ({result.left_out:,} of {result.rows + result.left_out:,} left out)" if result.left_out else ""
    steps = f"{result.evaluations:,} gradient{'' if result.evaluations == 1 else 's'}"
    flat = ", which is as good as zero" if result.converged else ""
    return [
        ("rows", f"{result.rows:,}{left_out}"),
        ("loss", short_number(result.loss)),
        ("validation", "" if result.validation is None else short_number(result.validation)),
        ("learning curve", curve_text([entry["loss"] for entry in result.history], plain)),
        ("its validation", curve_text([entry["validation"] for entry in result.history], plain)
         if result.validation is not None else ""),
        ("scaled gradient", f"{short_number(result.slope, 3)}{flat}"),
        ("method", f"{result.method}, {steps}"),
        ("ended", result.message),
    ]  # fmt: skip


def lines_of_facts(found: Sequence[tuple[str, str]]) -> list[str]:
    """`name  text` under each other, without those that are not known."""
    width = max(len(name) for name, text in found if text)
    return [f"{name:{width}}  {text}" for name, text in found if text]


def curve_text(losses: Sequence[float], plain: bool = False) -> str:
    """A curve in one line and its ends: `█▆▃▁▁  0.71 → 0.023`."""
    if len(losses) < 2:
        return ""
    return f"{spark_line(losses, plain=plain)}  {short_number(losses[0], 3)} → {short_number(losses[-1], 3)}"


def spark_line(numbers: Sequence[float], width: int = WIDEST, *, plain: bool = False) -> str:
    """A curve that is one line high: positive numbers by their logarithms, where these tell more; "" of none.

    Of more numbers than characters each character shows the last one of its share.
    """
    signs = PLAIN_SPARKS if plain else SPARKS
    if len(numbers) > width:
        numbers = [numbers[(place + 1) * len(numbers) // width - 1] for place in range(width)]
    finite = [number for number in numbers if isfinite(number)]
    if not finite:
        return ""
    if min(finite) > 0 and max(finite) > 10 * min(finite):
        numbers = [log(number) if number > 0 else number for number in numbers]
        finite = [number for number in numbers if isfinite(number)]
    low, high = min(finite), max(finite)
    step = (len(signs) - 1) / (high - low) if high > low else 0.0
    return "".join(signs[round((number - low) * step)] if isfinite(number) else "?" for number in numbers)
