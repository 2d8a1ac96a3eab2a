"""What a search begins with: which inputs vary, between which bounds, from where."""

from __future__ import annotations

import numpy as np

from cgcli.errors import DataError, UsageError, did_you_mean
from cgcli.formulas import given
from cgcli.formulas.derivatives import variables
from cgcli.numerals import compact, shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound

NO_BOUNDS = (-np.inf, np.inf)


class Setting:
    """A formula with the values that a search begins with.

    names: the inputs that vary. low, high: their bounds as vectors over all their numbers. notes: what was changed.
    """

    def __init__(
        self, formula: FormulaBase, start: Mapping[str, Any] | None, *, bounds: Mapping[str, Any] | None,
        wrt: Sequence[str] | None, fix: Sequence[str] | Mapping[str, Any] | None, of: str | None, engine: str,
    ) -> None:  # fmt: skip
        values = given.given_values(start, {})
        self.limits = {name: bounds_of(name, pair) for name, pair in given.given_values(bounds, {}).items()}
        given_fixed = given.given_values(fix, {}) if hasattr(fix, "keys") else {}
        fixed = list(given_fixed) or given.name_list(list(fix or []))
        values |= given_fixed
        for name, pair in self.limits.items():
            if name not in values and name in formula.inputs:
                values[name] = between(*pair)
        self.bound: Bound = formula.bind(values, engine=engine)
        self.names = chosen_names(formula, self.bound, wrt, fixed, of)
        for name in self.limits:
            if name not in self.names:
                hint = did_you_mean(name, self.names) or f"what varies is {', '.join(self.names)}"
                raise UsageError(f"a bound is given for `{name}`, which does not vary", hint=hint)
        self.notes: list[str] = []

    def vectors(self, shapes: Mapping[str, tuple[int, ...]], values: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """The start, moved between the bounds, and the bounds, as vectors."""
        starts, lows, highs = [], [], []
        for name, shape in shapes.items():
            low, high = (np.broadcast_to(side, shape) for side in self._sides(name, shape))
            start = np.asarray(values[name], dtype=float)
            if not np.isfinite(start).all():
                raise DataError(f"the start of `{name}` is {compact(values[name])}", hint="start at a finite number")
            moved = np.clip(start, low, high)
            if (moved != start).any():
                told = compact(moved if shape else float(moved))
                self.notes.append(f"the start of `{name}` is outside its bounds and was moved to {told}")
            starts.append(moved.ravel())
            lows.append(low.ravel())
            highs.append(high.ravel())
        return tuple(np.concatenate(parts).astype(float) for parts in (starts, lows, highs))  # type: ignore[return-value]

    def _sides(self, name: str, shape: tuple[int, ...]) -> tuple[Any, Any]:
        low, high = self.limits.get(name, NO_BOUNDS)
        for side in (low, high):
            if shape_of(side) not in ((), shape):
                raise UsageError(f"a bound of `{name}` has shape {list(shape_of(side))}, `{name}` {list(shape)}")
        return low, high


def chosen_names(
    formula: FormulaBase, bound: Bound, wrt: Sequence[str] | None, fixed: Sequence[str], of: str | None
) -> list[str]:  # fmt: skip
    """The inputs that vary, in the order of their values: those named; else those declared `param`; else all inputs.
    The fixed ones never do.

    UsageError for a name that is no input, and where nothing is left.
    """
    inputs = bound.graph.inputs()
    for name in [*given.name_list(wrt or []), *fixed]:
        if name not in inputs:
            hint = did_you_mean(name, inputs) or f"its inputs are {', '.join(inputs)}"
            raise UsageError(f"the formula has no input `{name}` to vary", hint=hint)
    if wrt is not None:
        names = list(variables(bound.program, given.name_list(wrt), of))
    else:
        names = list(variables(bound.program, None, of))
        params = set(formula.params)
        names = [name for name in names if name in params] or names
    order = {name: place for place, name in enumerate(bound.values)}
    found = sorted((name for name in names if name not in fixed), key=lambda name: order[name])
    if not found:
        raise UsageError("nothing varies", hint="the formula needs an input that is not fixed")
    return found


def bounds_of(name: str, pair: Any) -> tuple[Any, Any]:
    """Lower and upper bound of a pair, None for no bound. UsageError for what is no pair, or leaves no room."""
    if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
        raise UsageError(f"the bounds of `{name}` are no pair", hint=f"for example {{{name!r}: (0, 10)}}")
    low, high = (
        side if part is None else given.normalised(name, part) for part, side in zip(pair, NO_BOUNDS, strict=True)
    )
    if np.isnan(low).any() or np.isnan(high).any() or not np.all(np.asarray(low) <= high):
        raise UsageError(f"the bounds of `{name}` leave no room: {compact(low)} to {compact(high)}")
    return low, high


def between(low: Any, high: Any) -> Any:
    """A place to start between bounds: in the middle, or 1 from the only one."""
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    shape = np.broadcast_shapes(low.shape, high.shape)
    with np.errstate(all="ignore"):
        found = np.where(np.isfinite(low) & np.isfinite(high), low + (high - low) / 2, np.where(
            np.isfinite(low), low + 1, np.where(np.isfinite(high), high - 1, 0.0)))  # fmt: skip
    return found if shape else float(found)
