"""The end of a search for a minimum or a root as tables: the point, the value, the steps, and the words."""

from __future__ import annotations

from cgcli.numerals import short_number
from cgcli.render.tables import Column, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.render.tables import Block

DIGITS = 10
"""Of the variables and of the value; derivatives need fewer."""

MOST_NUMBERS, MOST_STEPS = 60, 400
"""Variables and steps of a longer search are left out in the middle."""


def minimum_blocks(found: Mapping[str, Any]) -> Iterator[Block]:
    """The blocks of a minimum, as `Minimum.as_dict` (and its `steps`) has it."""
    if "steps" in found:
        yield steps_table(found["steps"])
    yield variables_table(found["values"], found["gradient"], "gradient")


def minimum_lines(found: Mapping[str, Any]) -> list[str]:
    """What is said below the table of variables."""
    rows = [("value", short_number(found["value"], 17)), ("gradient", f"{short_number(found['gradient_norm'])} long")]
    curvatures = found["hessian_eigenvalues"]
    if curvatures is not None and len(curvatures):
        rows.append(("curvatures", some([short_number(float(each)) for each in curvatures])))
    rows += [("held by", f"{name} (multiplier {short_number(factor)})") for name, factor in found["active"].items()]
    return [*aligned([*rows, ended(found)]), found["message"], *found["notes"]]


def ended(found: Mapping[str, Any]) -> tuple[str, str]:
    """How much work it was."""
    count = found["rounds"]
    return "evaluations", f"{found['evaluations']} ({found['method']}, {count} step{'' if count == 1 else 's'})"


def aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and texts in two columns."""
    widest = max(len(name) for name, _ in rows)
    return [f"{name:<{widest}}  {text}" for name, text in rows]


def variables_table(values: Mapping[str, Any], others: Mapping[str, Any], title: str) -> Table:
    """One row a number."""
    rows = [
        (label, short_number(value + 0.0, DIGITS), short_number(other + 0.0))  # without a sign of 0
        for name, each in values.items()
        for label, value, other in numbers(name, each, others[name])
    ]
    if len(rows) > MOST_NUMBERS:
        half = MOST_NUMBERS // 2
        rows = [*rows[:half], ("…", f"{len(rows) - 2 * half} more", ""), *rows[-half:]]
    return Table("", [Column("variable"), Column("value", style="green"), Column(title, optional=True)], rows)


def numbers(name: str, value: Any, other: Any) -> list[tuple[str, float, float]]:
    """The numbers of a variable with their labels: `x`, `w[0]`, `A[1,2]`."""
    if not getattr(value, "shape", ()):
        return [(name, value, other)]
    found: list[tuple[str, float, float]] = []
    pending = [("", value, other)]
    while pending:
        index, part, beside = pending.pop()
        if getattr(part, "shape", ()):
            pending += [
                (f"{index},{place}" if index else str(place), part[place], beside[place])
                for place in reversed(range(len(part)))
            ]
        else:
            found.append((f"{name}[{index}]", float(part), float(beside)))
    return found


def steps_table(steps: Sequence[Mapping[str, Any]]) -> Table:
    """What was done in each round."""
    rows: list[tuple[str, ...]] = [
        (
            str(place), str(step["evaluations"]), short_number(step["value"], DIGITS), short_number(step["gradient"]),
            short_number(step["length"]) if place else "", step["what"],
        )
        for place, step in enumerate(steps)
    ]  # fmt: skip
    if len(rows) > MOST_STEPS:
        half = MOST_STEPS // 2
        rows = [*rows[:half], ("…", "", "", "", "", f"{len(rows) - 2 * half} more steps"), *rows[-half:]]
    titles = ("step", "evaluations", "value", "gradient", "length", "what was done")
    columns = [Column(title, right=place < 2, optional=place in (1, 4)) for place, title in enumerate(titles)]
    return Table("", columns, rows)


def some(texts: Sequence[str]) -> str:
    """Up to eight texts in a row."""
    return ", ".join(texts if len(texts) <= 8 else [*texts[:4], "…", *texts[-3:]])
