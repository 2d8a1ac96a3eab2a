"""Solving equations, from the question to the words of the answer."""

from __future__ import annotations

import numpy as np

from cgcli.errors import CalculationError, FormulaError, ShapeError, UsageError
from cgcli.formulas.base import FormulaBase
from cgcli.formulas.programs import of_text
from cgcli.minimizing.equations import read_equations
from cgcli.minimizing.large_roots import LargeRootWalk
from cgcli.minimizing.outcome import Root
from cgcli.minimizing.roots import BracketWalk, RootWalk
from cgcli.minimizing.search import start_places
from cgcli.minimizing.setting import Setting
from cgcli.minimizing.system import System, check_counts
from cgcli.numerals import compact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from cgcli.errors import Source
    from cgcli.minimizing.equations import Rewritten

ROUNDS = 200
DOUBTFUL = 1e-9
"""An uncertainty of the unknowns that is told of."""


def solve(
    formula: FormulaBase, start: Mapping[str, Any] | None = None, *, bounds: Mapping[str, Any] | None = None,
    of: str | None = None, wrt: Sequence[str] | None = None, fix: Sequence[str] | Mapping[str, Any] | None = None,
    starts: int = 1, seed: int = 0, rounds: int = ROUNDS, engine: str = "auto", origin: Rewritten | None = None,
) -> Root:  # fmt: skip
    """A root of the equations that the outputs of a formula are; see `Formula.solve`.

    origin: the text that messages show, where the formula was rewritten from another one.
    """
    for name, count in (("starts", starts), ("rounds", rounds)):
        if not isinstance(count, int) or count < 1:
            raise UsageError(f"{name} is {count!r}", hint="it is a whole number from 1 on")
    setting = Setting(formula, start, bounds=bounds, wrt=wrt, fix=fix, of=of, engine=engine)
    system = System(setting.bound, setting.names, of)
    check_counts(system)
    with np.errstate(all="ignore"):
        first, low, high = setting.vectors(system.variables.shapes, setting.bound.values)
        walks: list[RootWalk] = []
        for x in start_places(first, low, high, starts, seed, system.variables.labels()):
            bracketed = len(x) == system.count == 1 and np.isfinite(high - low).all()
            kind = BracketWalk if bracketed else LargeRootWalk if system.is_large else RootWalk
            walk = kind(system, x, low, high, rounds)
            if walk.is_finite() or bracketed:
                walk.run()
                walks.append(walk)
                if walk.ending == "root":
                    break
        if not walks:
            raise refuse_start(system, first, origin)
        return answer(system, setting, min(walks, key=lambda walk: (walk.ending != "root", walk.norm)))


def solve_text(source: Source, known: Collection[str], start: Mapping[str, Any], **options: Any) -> Root:
    """A root of equations as people write them; errors are shown in their text. known: as for `read_equations`."""
    rewritten = read_equations(source, known)
    try:
        formula = FormulaBase(of_text(rewritten.source), rewritten.source)
        return solve(formula, start, origin=rewritten, **options)
    except (FormulaError, ShapeError) as error:
        if error.source is None or error.source.text == rewritten.source.text:
            error.span, error.source = rewritten.back(error.span), rewritten.original
        raise


def refuse_start(system: System, x: Any, origin: Rewritten | None) -> CalculationError:
    """What is wrong with a start at which an equation, or a derivative of one, is no finite number."""
    births = system.births(x)
    if not births:
        return CalculationError("a derivative of the equations is not finite at the start", hint="start elsewhere")
    first = births[0]
    span, source = (origin.back(first.span), origin.original) if origin else (first.span, first.source)
    told = f"an equation is not finite at the start: {first.message}"
    return CalculationError(told, span=span, source=source, hint=first.hint or "start elsewhere")


def answer(system: System, setting: Setting, walk: RootWalk) -> Root:
    """The end of a walk in numbers and words."""
    found = Root(
        values=system.variables.unpack(walk.x), residual=float(np.max(np.abs(walk.residuals))),
        residuals=system.residuals.unpack(walk.residuals), kind=walk.ending,
        uncertainty=walk.uncertainty(), evaluations=system.evaluations,
        rounds=len(walk.steps) - 1, method=walk.method, message="", notes=list(setting.notes), steps=walk.steps,
    )  # fmt: skip
    found.message = message_of(found, system, walk)
    return found


def message_of(found: Root, system: System, walk: RootWalk) -> str:
    """What is said of the end of a search for a root."""
    least = f"the least residual is {compact(found.residual)}"
    if found.kind == "root":
        what = "all residuals are" if len(found.residuals) > 1 else "the residual is"
        return f"a root: {what} {'at rounding level' if found.residual else '0'}{doubt(found)}"
    told = {
        "apart": f"no root was found: {least}, which no direction lowers; another start may find one",
        "endless": f"no root was found: {least}, and it only becomes smaller without end",
        "no change of sign": f"no root was found: the residual has one sign at all places tried, and {least}",
        "jump": f"no root: the sign changes at a jump or a pole, not at a zero, and {least}",
        "stalled": f"no root was found: no step lowers the residuals any more, and {least}",
        "rounds": f"not converged: {found.rounds} rounds were not enough, and {least}",
    }[found.kind]
    births = system.births(walk.broken) if found.kind == "stalled" and walk.broken is not None else []
    return f"{told}; beyond it {births[0].message}" if births else told


def doubt(found: Root) -> str:
    """What is said of a root where the Jacobian is singular, or nearly so."""
    if found.uncertainty <= DOUBTFUL:
        return ""
    if found.uncertainty > 1:
        return ", but the Jacobian is singular there: it may be no single point, or be known to half of its digits only"
    return (
        f", but the Jacobian is nearly singular, as at a multiple root: the unknowns are certain to a part of "
        f"{found.uncertainty:.1g} only"
    )
