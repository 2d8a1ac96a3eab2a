"""Fits of groups as a table for people: a row a group, each value with its standard error."""

from __future__ import annotations

from math import isfinite, isnan

from cgcli.numerals import short_number, with_error
from cgcli.render.fit_tables import WARNING, goodness, lines_of_facts
from cgcli.render.tables import Column, Note, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Protocol

    from cgcli.render.tables import Block, Row

    class Fits(Protocol):
        """What is shown of fits of groups, see `fitting.groups.grouped.GroupedFit`."""

        by: tuple[str, ...]
        keys: list[Any]
        names: tuple[str, ...]
        shared: tuple[str, ...]
        target: str
        method: str
        absolute_sigma: bool
        left_out: int
        warnings: list[str]

        @property
        def values(self) -> dict[str, Any]: ...  # noqa: D102
        @property
        def errors(self) -> dict[str, Any]: ...  # noqa: D102
        @property
        def table(self) -> dict[str, Any]: ...  # noqa: D102
        @property
        def rows(self) -> int: ...  # noqa: D102
        @property
        def residual(self) -> float: ...  # noqa: D102
        @property
        def evaluations(self) -> int: ...  # noqa: D102
        @property
        def message(self) -> str: ...  # noqa: D102
        def __len__(self) -> int: ...


MOST_GROUPS = 40
"""Rows of the table; of more groups the middle is left out."""

PLUS_MINUS = " ± "


def blocks(fits: Fits) -> Iterator[Block]:
    """The tables and notes of fits of groups."""
    if fits.shared:
        rows = [(name, *with_error(fits.values[name], fits.errors[name])) for name in fits.shared]
        columns = [Column("name", style="bold cyan"), Column("value", right=True, style="green"),
                   Column("standard error", right=True)]  # fmt: skip
        yield Table("Parameters of all groups", columns, rows)
    yield group_table(fits)
    left_out = f" ({fits.left_out:,} left out)" if fits.left_out else ""
    facts = [
        ("groups", f"{len(fits):,}"), ("rows", f"{fits.rows:,}{left_out}"),
        ("residual deviation", short_number(fits.residual) if isfinite(fits.residual) else ""),
        ("sigma", "absolute: errors follow from sigma alone" if fits.absolute_sigma else ""),
        ("method", fits.method), ("evaluations", f"at most {fits.evaluations:,}"), ("ended", fits.message),
    ]  # fmt: skip
    yield Note(f"Fits of {fits.target}", lines_of_facts(facts))
    if fits.warnings:
        yield Note("To be noticed", fits.warnings, WARNING)


def group_table(fits: Fits) -> Table:
    """A row a group: its keys, its own parameters, rows, residual deviation, R²."""
    own = [name for name in fits.names if name not in fits.shared]
    columns = [
        *(Column(name, style="bold cyan", cut=12) for name in fits.by),
        *(Column(name, right=True, style="green") for name in own),
        Column("rows", right=True), Column("residual", right=True, optional=True),
        Column("R²", right=True, optional=True), Column("", style=WARNING, optional=True, cut=20),
    ]  # fmt: skip
    table, values, errors = fits.table, fits.values, fits.errors
    count, half = len(fits), MOST_GROUPS // 2
    rows: list[Row] = []
    for place in range(count):
        if count > MOST_GROUPS and half <= place < count - half:
            if place == half:
                rows.append(f"… {count - 2 * half:,} more; -o FILE has all of them")
            continue
        keys = fits.keys[place] if len(fits.by) > 1 else (fits.keys[place],)
        cells = [value_text(float(values[name][place]), float(errors[name][place])) for name in own]
        rows.append((*map(str, keys), *cells, *fact_cells(table, place)))
    return Table(f"Groups by {', '.join(fits.by)}", columns, rows)


def fact_cells(table: dict[str, Sequence[Any]], place: int) -> tuple[str, str, str, str]:
    """Rows, residual deviation, R² of a group, and a word where it has not converged."""
    residual, share = float(table["residual"][place]), float(table["r_squared"][place])
    told = "" if table["converged"][place] else "no fit" if isnan(residual) else "not converged"
    spread = short_number(residual) if isfinite(residual) else ""
    return f"{int(table['rows'][place]):,}", spread, goodness(share) if isfinite(share) else "", told


def value_text(value: float, error: float) -> str:
    """`2.31 ± 0.04`; nothing where there is no fit."""
    if isnan(value):
        return ""
    if not isfinite(error):
        return short_number(value)
    return PLUS_MINUS.join(with_error(value, error))
