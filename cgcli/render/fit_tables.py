"""A fit as tables for people: the parameters with their errors, what the fit is worth, and what is wrong with it."""

from __future__ import annotations

from math import isfinite, isinf, isnan

from cgcli.numerals import ERROR_DIGITS, compact, last_place, rounded, short_number, with_error
from cgcli.render.tables import Column, Note, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from cgcli.render.tables import Block, Row

    class Fit(Protocol):
        """What is shown of a fit, see `fitting.fit.FitResult`."""

        fixed: dict[str, Any]
        names: tuple[str, ...]
        rows: int
        dof: int
        residual: float
        r_squared: float | None
        adjusted_r_squared: float | None
        aic: float
        method: str
        evaluations: int
        message: str
        absolute_sigma: bool
        loss: str
        target: str
        warnings: list[str]
        at_bound: list[str]

        @property
        def has_sigma(self) -> bool: ...  # noqa: D102
        @property
        def left_out(self) -> int: ...  # noqa: D102
        @property
        def element_values(self) -> dict[str, float]: ...  # noqa: D102
        @property
        def element_errors(self) -> dict[str, float]: ...  # noqa: D102
        def intervals_at(self, coverage: float) -> Mapping[str, tuple[float, float]]: ...  # noqa: D102
        def strong_correlations(self) -> list[tuple[str, str, float]]: ...  # noqa: D102

    class Told(Protocol):
        """A combination of parameters that is determined, with its value and its standard error."""

        @property
        def text(self) -> str: ...  # noqa: D102
        @property
        def value(self) -> float: ...  # noqa: D102
        @property
        def error(self) -> float: ...  # noqa: D102

    class Profile(Protocol):
        """A likelihood interval, see `fitting.profile.Profile`."""

        low: float
        high: float
        at_bound: tuple[str, ...]
        lower: Any

        @property
        def kind(self) -> str: ...  # noqa: D102
        @property
        def told(self) -> Sequence[Told]: ...  # noqa: D102


MOST_PARAMETERS = 60
"""Rows of the table; of more the middle is left out."""

MOST_CORRELATIONS = 12
"""Pairs of strongly correlated parameters that are listed."""

WARNING = "yellow"


def blocks(fit: Fit, coverage: float, profiles: Mapping[str, Profile] | None = None) -> Iterator[Block]:
    """The tables and notes of a fit. profiles: likelihood intervals by element, where they were asked for."""
    yield parameter_table(fit, coverage)
    if profiles is not None:
        yield profile_table(profiles, coverage, fit.element_errors)
    yield Note(f"Fit of {fit.target}", lines_of_facts(facts(fit)))
    errors = fit.element_errors
    pairs = [pair for pair in fit.strong_correlations() if isfinite(errors[pair[0]]) and isfinite(errors[pair[1]])]
    if pairs:
        yield correlation_note(pairs)
    if fit.warnings:
        yield Note("To be noticed", fit.warnings, WARNING)


def parameter_table(fit: Fit, coverage: float) -> Table:
    """One row a parameter: value, standard error, interval and relative error, each rounded as the error says."""
    columns = [
        Column("name", style="bold cyan", cut=12), Column("value", right=True, style="green"),
        Column("standard error", right=True), Column(f"{100 * coverage:g} % interval", optional=True),
        Column("relative error", right=True, optional=True),
    ]  # fmt: skip
    values, errors, intervals = fit.element_values, fit.element_errors, fit.intervals_at(coverage)
    rows: list[Row] = []
    half = MOST_PARAMETERS // 2
    for place, (name, value) in enumerate(values.items()):
        if len(values) <= MOST_PARAMETERS or not half <= place < len(values) - half:
            rows.append(parameter_cells(name, value, errors[name], intervals[name], name in fit.at_bound))
        elif place == half:
            rows.append(f"… {len(values) - 2 * half:,} more; --json has all of them")
    rows.extend((name, compact(value), "fixed", "", "") for name, value in fit.fixed.items())
    return Table("Parameters", columns, rows)


def parameter_cells(
    name: str, value: float, error: float, interval: tuple[float, float], at_bound: bool = False
) -> tuple[str, ...]:
    """The cells of a row. An error that is not finite is not known: the data do not tell, or have no rows to spare."""
    if at_bound or not isfinite(error):
        return name, short_number(value), "at its bound" if at_bound else "unknown", "", ""
    if error == 0:
        return name, short_number(value), "0", "", ""
    relative = percentage(error / abs(value)) if value else ""
    return name, *with_error(value, error), interval_text(interval, error), relative


def profile_table(profiles: Mapping[str, Profile], coverage: float, errors: Mapping[str, float]) -> Table:
    """One row a parameter: the likelihood interval, which sides it has, and what is determined in its place."""
    columns = [
        Column("name", style="bold cyan", cut=12), Column(f"{100 * coverage:g} % interval", style="green"),
        Column("kind"), *([Column("determined instead")] if any(one.told for one in profiles.values()) else []),
    ]  # fmt: skip
    rows: list[Row] = []
    for name, profile in profiles.items():
        told = "; ".join(f"{one.text} = {' ± '.join(with_error(one.value, one.error))}" for one in profile.told)
        ends = f" ({' and '.join(profile.at_bound)} end at its bound)" if profile.at_bound else ""
        cells = name, interval_text((profile.low, profile.high), errors[name]), f"{profile.kind}{ends}", told
        rows.append(cells[: len(columns)])
        if profile.lower is not None:
            rows.append(f"a better fit was met while {name} was moved: start there")
    return Table("Likelihood", columns, rows)


def interval_text(interval: tuple[float, float], error: float) -> str:
    """`[1.92, 2.08]`; an end that there is not is open."""
    low, high = interval
    if isnan(low) or isnan(high):
        return ""
    left = "(-∞" if isinf(low) else f"[{rounded(low, error)}"
    right = "∞)" if isinf(high) else f"{rounded(high, error)}]"
    return f"{left}, {right}"


def percentage(share: float) -> str:
    """A share as a percentage of two digits."""
    if not isfinite(share):
        return ""
    if share >= 1:
        return f"{100 * share:.3g} %"
    return f"{100 * share:.{max(0, -last_place(100 * share, 2))}f} %" if share > 1e-7 else "< 0.00001 %"


def facts(fit: Fit) -> list[tuple[str, str]]:
    """What is told of the fit as a whole, name and text."""
    left_out = f" ({fit.left_out:,} of {fit.rows + fit.left_out:,} left out)" if fit.left_out else ""
    adjusted = "" if fit.adjusted_r_squared is None else f", adjusted {goodness(fit.adjusted_r_squared)}"
    robust = "" if fit.loss == "linear" else f", {fit.loss} loss"
    in_sigma = " (in units of sigma)" if fit.has_sigma else ""
    return [
        ("rows", f"{fit.rows:,}{left_out}"),
        ("degrees of freedom", f"{fit.dof:,}"),
        ("residual deviation", f"{short_number(fit.residual)}{in_sigma}" if isfinite(fit.residual) else ""),
        ("R²", "" if fit.r_squared is None else f"{goodness(fit.r_squared)}{adjusted}"),
        ("AIC", short_number(fit.aic) if isfinite(fit.aic) else ""),
        ("sigma", sigma_text(fit)),
        ("method", f"{fit.method}{robust}"),
        ("evaluations", f"{fit.evaluations:,}"),
        ("ended", fit.message),
    ]  # fmt: skip


def sigma_text(fit: Fit) -> str:
    """What the standard errors rest on."""
    if fit.absolute_sigma:
        return "absolute: errors follow from sigma alone"
    return f"relative: errors follow from {'sigma and ' if fit.has_sigma else ''}the residuals"


def goodness(share: float) -> str:
    """R² with as many digits as tell it from 1."""
    if not isfinite(share):
        return "unknown"
    share = share if abs(share) > 1e-9 else 0.0
    left = abs(1 - share)
    places = 4 if left > 1e-3 else min(12, 1 - last_place(left, 1)) if left else 4
    return f"{share:.{places}f}"


def lines_of_facts(found: Sequence[tuple[str, str]]) -> list[str]:
    """`name  text` under each other, without those that are not known."""
    width = max(len(name) for name, _ in found)
    return [f"{name:{width}}  {text}" for name, text in found if text]


def correlation_note(pairs: Sequence[tuple[str, str, float]]) -> Note:
    """The pairs of parameters that the data can hardly tell apart, the strongest first."""
    lines = [f"{first}, {second}  {correlation_text(value)}" for first, second, value in pairs[:MOST_CORRELATIONS]]
    if len(pairs) > MOST_CORRELATIONS:
        lines.append(f"… {len(pairs) - MOST_CORRELATIONS:,} more; --json has all of them")
    return Note("Correlations above 0.9", lines)


def correlation_text(value: float) -> str:
    """Three decimals, and more where these would say 1."""
    text = f"{value:+.3f}"
    return text if abs(float(text)) < 1 else f"{value:+.{ERROR_DIGITS + 6}f}".rstrip("0").rstrip(".")
