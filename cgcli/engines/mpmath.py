"""A fixed number of digits, with mpmath; arithmetic that answers like IEEE 754. What rounding loses is lost.

mpmath raises at poles, leaves the real line and never overflows. Here nothing raises: a result that is not real is
nan, where mpmath refuses the row's own double function says whether the answer is infinite, and beyond
2^(±65536) a number counts as infinite or zero, which bounds what one operation can cost.
Zero has no sign in this engine.
"""

from __future__ import annotations

from math import isfinite, nan
from typing import TYPE_CHECKING

from mpmath import MPContext
from mpmath.libmp import NoConvergence

from cgcli.engines.deferred import Deferred
from cgcli.engines.planned import PlannedEngine
from cgcli.engines.python import ENGINE as DOUBLES
from cgcli.errors import CgError, DataError
from cgcli.ops.constants import CONSTANTS

if TYPE_CHECKING:
    from typing import Any

    from cgcli.engines.plan import Kernel, Shape
    from cgcli.ops import Operation

GUARD = 10
"""Digits that are carried beyond those asked for, against rounding along the way."""
LARGEST_EXPONENT = 65536
REFUSALS = (ArithmeticError, ValueError, NotImplementedError, NoConvergence)
"""What mpmath raises where it has no answer: poles, nan where it wants an integer, series that do not converge."""


class MpmathEngine(PlannedEngine):
    """mpmath numbers of a given number of decimal digits; arrays are NumPy object arrays of them."""

    name = "mpmath"
    largest: float = LARGEST_EXPONENT

    def __init__(self, digits: int = 50, *, mp: Any = None) -> None:
        """mp: a context whose precision is set, instead of one of its own (which takes milliseconds to make)."""
        super().__init__()
        self.digits = digits
        self.mp = mp
        if mp is None:
            self.mp = MPContext()  # the precision of others is not touched
            self.mp.dps = digits + GUARD

    def number(self, value: float, exact: str | None) -> Any:
        """The exact decimal text or named constant where there is one, else the double."""
        if exact is None:
            return self.mp.mpf(value)
        return self._named_number(CONSTANTS[exact].precise, value) if exact in CONSTANTS else self.mp.mpf(exact)

    def array(self, values: Any) -> Any:
        """An object array of the doubles."""
        found = self._each(lambda value: self.mp.mpf(float(value)), 1)(values)
        found.setflags(write=False)  # it stays in the plan, so a result that shows it has to be a copy
        return found

    def given(self, value: Any) -> Any:
        """Floats and integers as they are, texts in full, mpmath numbers rounded; lists and arrays; `Deferred`."""
        if isinstance(value, Deferred):
            return value.by(self)
        if isinstance(value, (list, tuple)) or _has_axes(value):
            import numpy as np

            return self._each(self.given, 1)(np.asarray(value, dtype=object))
        if hasattr(value, "tolist"):
            value = value.tolist()
        try:
            return self.mp.convert(value.replace("_", "") if isinstance(value, str) else value)
        except ValueError:
            raise DataError(f"`{value}` is not a number") from None

    def own_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """The row's spelling for mpmath, else mpmath's function of that name, safe at poles; NumPy's for structure."""
        if not row.elementwise:
            return self._structural(row, attributes)
        function = self.spelled(row, attributes)
        if function is None:
            return None
        safe = self.safe(function, row, attributes)
        return self._each(safe, len(shapes)) if any(shapes) else safe

    def spelled(self, row: Operation, attributes: tuple[Any, ...]) -> Kernel | None:
        """A row's function for mpmath; None where the definition is left."""
        spelling = row.spell.get("precise")
        if callable(spelling):
            return lambda *operands: spelling(self.mp, *operands, *attributes)
        if isinstance(spelling, str):
            named: Kernel = getattr(self.mp, spelling)
            return named
        return None if row.definition is not None else getattr(self.mp, row.name, None)

    def _structural(self, row: Operation, attributes: tuple[Any, ...]) -> Kernel | None:
        """Structure is the same for objects as for floats: NumPy's spelling serves where there is no own one."""
        own, shared = row.spell.get("precise"), row.spell.get("numpy")
        if not callable(own or shared):
            return None
        import numpy as np

        function, home = (own, self.mp) if own else (shared, np)

        def work(*operands: Any) -> Any:
            arrays = [np.asarray(operand, dtype=object) for operand in operands]
            result = function(home, *arrays, *attributes)  # type: ignore[misc]  # callable, as asked above
            return self._each(self._real, 1)(result) if np.ndim(result) else self._real(_unwrapped(result))

        return work

    def safe(self, function: Kernel, row: Operation, attributes: tuple[Any, ...]) -> Kernel:
        """The function made total; the row's double function knows where an answer is infinite or no number."""
        finite = self.mp.isfinite

        def answer(*operands: Any) -> Any:
            if not all(map(finite, operands)):
                return self._at_infinity(function, operands, _double(row, operands, attributes))
            try:
                return self._real(function(*operands))
            except REFUSALS:
                value = _double(row, operands, attributes)
                return self.mp.nan if isfinite(value) else self.mp.mpf(value)

        return answer

    def _at_infinity(self, function: Kernel, operands: tuple[Any, ...], double: float) -> Any:
        """For operands that are infinite or nan: the double's answer, in full where it is a limit such as pi/2."""
        if double == 0 or not isfinite(double):
            return self.mp.mpf(double)
        try:
            value = self._real(function(*operands))
        except REFUSALS:
            value = self.mp.nan
        if abs(float(value) - double) <= 1e-12 * abs(double):
            return value
        return self.mp.mpf(double) if double.is_integer() else self.mp.nan

    def _real(self, value: Any) -> Any:
        """A result as a real number of this context and within its range; nan where it is complex."""
        if type(value) is not self.mp.mpf:
            value = self.mp.convert(value)
            if type(value) is self.mp.mpc:
                value = value.real if value.imag == 0 else self.mp.nan
        _, mantissa, exponent, bits = value._mpf_
        if mantissa and abs(exponent + bits) > self.largest:
            return self.mp.zero if exponent < 0 else self.mp.sign(value) * self.mp.inf
        return value

    def _each(self, function: Kernel, count: int) -> Kernel:
        """A function of numbers on arrays of them, with broadcasting."""
        import numpy as np

        each = np.frompyfunc(function, count, 1)

        def work(*operands: Any) -> Any:
            with np.errstate(all="ignore"):  # mpmath's own use of doubles may raise flags that mean nothing
                return each(*operands)

        return work

    def _named_number(self, formula: str, value: float) -> Any:
        """A constant by mpmath's name for it, or a product of such names and numbers (`2*pi`)."""
        product = self.mp.one
        for factor in formula.split("*"):
            known = getattr(self.mp, factor, None)
            if known is None and not factor.isdigit():
                return self.mp.mpf(value)
            product = product * (self.mp.mpf(factor) if known is None else known)
        return product


def _has_axes(value: Any) -> bool:
    """Whether a value is an array with at least one axis."""
    return bool(getattr(value, "shape", None))


def _unwrapped(value: Any) -> Any:
    """The number in an array without axes."""
    return value.item() if hasattr(value, "item") else value


def _double(row: Operation, operands: tuple[Any, ...], attributes: tuple[Any, ...]) -> float:
    """What the row's double function answers; nan where it has none."""
    try:
        scalar = DOUBLES.kernel(row, ((),) * len(operands), attributes)
        return float(scalar(*(nan if operand != operand else float(operand) for operand in operands)))
    except CgError:
        return nan
