"""Fits of all groups of a table, as `f.fit(data, by="plate")` gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.stream import gap_text
from cgcli.fitting.fit import bounds_of, inside
from cgcli.fitting.gaps import refuse_gaps
from cgcli.fitting.groups.each import GroupFits, Groups, How, Results, fit_groups
from cgcli.fitting.groups.grouping import grouped_rows
from cgcli.fitting.question import ask
from cgcli.fitting.robust import check_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.fitting.question import Question
    from cgcli.formulas.base import FormulaBase

FACTS = ("rows", "dof", "residual", "r_squared", "evaluations", "converged", "message")
"""Columns of the table behind those of the parameters."""


@dataclass
class GroupedFit:
    """The fits of groups: one row a group in `table`, one result a group in `groups`.

    by: the columns with the keys. keys: of each group, a tuple where there are several columns, in the order in which
    groups first come. names: the elements of the parameters. groups: key -> `FitResult` of the group, as if its rows
    were a table of their own; with shared parameters a `SharedGroup`. rows: those that were fitted; left_out: those
    with a gap or without a key. residual: the standard deviation of all residuals together. converged: whether every
    group has. evaluations: the most that a group took. shared: names of the parameters that all groups have in common.
    warnings: sentences on what was left out or is wrong.
    """

    by: tuple[str, ...]
    keys: list[Any]
    names: tuple[str, ...]
    fits: GroupFits = field(repr=False)
    groups: Mapping[Any, Any] = field(repr=False)
    target: str
    method: str
    absolute_sigma: bool = False
    left_out: int = 0
    shared: tuple[str, ...] = ()
    fixed: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """The table that `cg fit --by` prints."""
        from cgcli.render.group_tables import blocks
        from cgcli.render.tables import plain_text

        return "\n".join(plain_text(block) for block in blocks(self)).rstrip("\n")

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, key: Any) -> Any:
        return self.groups[key]

    @property
    def values(self) -> dict[str, Any]:
        """Element -> its value in each group, an array; one number for what is shared. nan where there is no fit."""
        return self._by_name(self.fits.points)

    @property
    def errors(self) -> dict[str, Any]:
        """The standard errors in the form of `values`."""
        return self._by_name(self.fits.errors)

    def _by_name(self, numbers: Any) -> dict[str, Any]:
        return {name: float(line[0]) if name in self.shared else line.copy()
                for name, line in zip(self.names, numbers, strict=True)}  # fmt: skip

    @property
    def failed(self) -> list[Any]:
        """The keys of groups that have not converged, or have no fit."""
        return [key for key, converged in zip(self.keys, self.fits.converged.tolist(), strict=True) if not converged]

    @property
    def converged(self) -> bool:
        """Whether every group has converged."""
        return bool(self.fits.converged.all())

    @property
    def rows(self) -> int:
        """How many rows were fitted, of all groups."""
        return int(self.fits.rows.sum())

    @property
    def evaluations(self) -> int:
        """The most evaluations that a group took."""
        return int(self.fits.evaluations.max(initial=0))

    @property
    def residual(self) -> float:
        """The standard deviation of the residuals of all groups that have a fit."""
        fits = self.fits
        known = np.isfinite(fits.sum_of_squares)
        own = len(self.names) - len(self.shared)
        dof = int(np.maximum(fits.rows[known] - own, 0).sum()) - len(self.shared)
        return float(np.sqrt(fits.sum_of_squares[known].sum() / dof)) if dof > 0 else float("nan")

    @property
    def message(self) -> str:
        """How it ended, in words."""
        failed = self.failed
        if not failed:
            return "converged" if len(self) == 1 else f"converged in all {len(self):,} groups"
        if len(self) == 1:
            return "not converged"
        return f"{len(failed):,} of {len(self):,} groups without a fit that has converged"

    @property
    def table(self) -> dict[str, Any]:
        """Columns with a row for each group: keys, each parameter and its standard error (`a`, `a_error`), and how the
        fit ended. Whatever takes a mapping of columns (pandas, Arrow, polars) makes a frame of it.
        """
        fits = self.fits
        parts = self.keys if len(self.by) > 1 else [(key,) for key in self.keys]
        found: dict[str, Any] = {name: column_of([part[place] for part in parts]) for place, name in enumerate(self.by)}
        for name, value, error in zip(self.names, fits.points, fits.errors, strict=True):
            found[free_name(name, found)] = value.copy()
            found[free_name(f"{name}_error", found)] = error.copy()
        for name in FACTS:
            fact = fits.messages if name == "message" else getattr(fits, name)
            found[free_name(name, found)] = column_of(fact) if name == "message" else fact.copy()
        residual = next(name for name in reversed(found) if name.strip("_") == "residual")
        found[residual] = np.where(np.isfinite(found[residual]), found[residual], np.nan)
        return found

    def document(self) -> dict[str, Any]:
        """The fits as plain data: what `cg fit --by … --json` prints."""
        table = {name: column.tolist() for name, column in self.table.items()}
        table |= {name: [plain(key) for key in table[name]] for name in self.by}
        rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
        return {
            "by": list(self.by), "groups": rows, "rows": self.rows, "left_out": self.left_out,
            "residual": self.residual, "method": self.method, "evaluations": self.evaluations,
            "converged": self.converged, "message": self.message, "target": self.target, "fixed": self.fixed,
            "shared": {name: self.values[name] for name in self.shared},
            "shared_errors": {name: self.errors[name] for name in self.shared}, "warnings": self.warnings,
        }  # fmt: skip


def plain(key: Any) -> Any:
    """A key as JSON has it: what is no number and no truth as a text."""
    return key if isinstance(key, (bool, int, float, str)) else str(key)


def column_of(items: Sequence[Any]) -> Any:
    """Keys or messages as a column: an array of NumPy, of numbers where all of them are."""
    array = np.asarray(items)
    if array.dtype.kind in "biuf" and not any(isinstance(item, str) for item in items):
        return array
    found = np.empty(len(items), dtype=object)
    found[:] = items
    return found


def free_name(name: str, taken: Mapping[str, Any]) -> str:
    """A name for a column that no other one has."""
    while name in taken:
        name += "_"
    return name


def fit_by(
    formula: FormulaBase, data: Any, by: str | Sequence[str], *, share: str | Sequence[str] | None = None,
    target: str | None = None, start: Mapping[str, Any] | None = None,
    fix: Mapping[str, Any] | Sequence[str] | str | None = None, wrt: Sequence[str] | None = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None, sigma: str | float | None = None,
    absolute_sigma: bool = False, loss: str = "linear", loss_scale: float = 1.0, starts: int | None = None,
    seed: int = 1, columns: Mapping[str, str] | None = None, missing: str | None = None, limit: int | None = None,
    most: int = 1000,
) -> GroupedFit:  # fmt: skip
    """The formula fitted to each group of rows that have the same keys in the columns `by`.

    share: parameters that all groups have in common; the others are each group's own. Other arguments are those of
    `fitting.fit.fit`. A group that cannot be fitted has its reason in its row. UsageError and DataError as of `fit`.
    """
    check_loss(loss, loss_scale)
    question = ask(formula, data, target=target, start=start, fix=fix, wrt=wrt, sigma=sigma, columns=columns)
    low, high = bounds_of(question, bounds)
    moved = moved_starts(question, low, high)
    names = [by] if isinstance(by, str) else list(by)
    rows = grouped_rows(question, names, limit)
    refuse_gaps(question, rows.report, missing)
    how = How(low, high, absolute_sigma, loss, loss_scale, starts, seed, most)
    groups = Groups(question, rows, how)
    keys = rows.keys
    shared: list[str] = []
    if share is None:
        fits = fit_groups(groups)
        found: Mapping[Any, Any] = Results(groups, fits, keys)
        method = "Levenberg–Marquardt, groups side by side"
    else:
        from cgcli.fitting.groups.sharing import fit_shared

        fits, found, shared = fit_shared(groups, [share] if isinstance(share, str) else list(share), keys)
        method = "Levenberg–Marquardt, all groups together"
    result = GroupedFit(
        rows.by, keys, question.names, fits, found, question.target.text, method, absolute_sigma,
        rows.report.skipped, tuple(shared), question.fixed,
    )  # fmt: skip
    result.warnings += moved
    tell(result, groups)
    return result


def moved_starts(question: Question, low: Any, high: Any) -> list[str]:
    """Move starts that are outside of their bounds into them, for all groups; sentences on that."""
    told = []
    for name, least, most in zip(question.names, low, high, strict=True):
        start = question.starts.get(name)
        if start is not None and not least <= start <= most:
            question.starts[name] = begun = inside(float(start), least, most)
            told.append(f"the start {name} = {start:g} is outside of its bounds: the search begins at {begun:g}")
    return told


def tell_bounds(result: GroupedFit, groups: Groups) -> None:
    """Say which parameters are at a bound, and in how many groups."""
    points, how = result.fits.points, groups.how
    for name, numbers, least, most in zip(result.names, points, how.low, how.high, strict=True):
        there = np.flatnonzero((numbers <= least) | (numbers >= most))
        if len(there):
            which = f"{len(there):,} of {len(result):,} groups (first: `{groups.rows.label(int(there[0]))}`)"
            result.warnings.append(f"{name} is at its bound in {which}: errors there are those with {name} fixed")


def tell(result: GroupedFit, groups: Groups) -> None:
    """Say in a result what was left out and what failed."""
    rows = groups.rows
    for name, column in groups.question.columns.items():
        if column in rows.by:
            result.warnings.append(
                f"the column `{column}` tells groups apart, and is the input `{name}` of the formula, too"
            )
    for name, gap in rows.report.gaps.items():
        result.warnings.append(f"rows with a gap are left out: column `{name}`: {gap_text(gap)}")
    count, first = rows.keyless
    if count:
        listed = " or ".join(f"`{name}`" for name in rows.by)
        what = "1 row has" if count == 1 else f"{count:,} rows have"
        at = groups.question.source.located(first)
        result.warnings.append(f"{what} no key in {listed} and {'is' if count == 1 else 'are'} left out (first: {at})")
    tell_bounds(result, groups)
    unknown = np.flatnonzero(result.fits.converged & np.isinf(result.fits.errors).any(axis=0))
    if len(unknown):
        key = rows.label(int(unknown[0]))
        several = "1 group" if len(unknown) == 1 else f"{len(unknown):,} of {len(result):,} groups"
        which = f"`{key}`" if len(unknown) == 1 else f"the first is `{key}`"
        result.warnings.append(f"the data do not determine the parameters of {several} ({which})")
    failed = np.flatnonzero(~result.fits.converged)
    if len(failed):
        place = int(failed[0])
        key = rows.label(place)
        which = f"`{key}`" if len(failed) == 1 else f"the first is `{key}`"
        several = "1 group has" if len(failed) == 1 else f"{len(failed):,} of {len(result):,} groups have"
        result.warnings.append(f"{several} no fit that has converged: {which}: {result.fits.messages[place]}")
