"""As many right digits as asked for: the same graph at growing precisions, until they stand.

A calculation on `numbers` tells how many digits of each result stand. Where they are too few, or where a decision hangs
on digits that do not stand, the graph is evaluated anew, with more of them; up to a limit, which is told.
"""

from __future__ import annotations

import warnings
from math import ceil, inf, log, log2
from time import monotonic
from typing import TYPE_CHECKING

from mpmath import MPContext

from cgcli.engines.base import Engine
from cgcli.engines.deferred import Deferred
from cgcli.engines.mpmath import REFUSALS, MpmathEngine
from cgcli.engines.numbers import HIDDEN, Number, Numbers, Open, TooLarge, Unsettled
from cgcli.engines.planned import PlannedEngine
from cgcli.errors import CalculationError, DataError, PrecisionWarning
from cgcli.ops.constants import CONSTANTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.engines.plan import Kernel, Shape
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

BITS = log2(10)
"""Bits of a decimal digit."""

FEWEST, BEYOND = 15, 4
"""Digits that must stand at least, and beyond those that are asked for: samples that meet by chance are that rare."""

CHANCE = 3
"""Digits that samples may share by chance where none stands."""

AHEAD = 30
"""Bits of the first attempt beyond those that must stand."""

ZERO = 1000
"""Digits behind the point from which on a result of which none stands counts as 0, and equal numbers as undecided."""

MOST = 10_000
"""Digits of an attempt, where the digits that are asked for do not need more."""

SECONDS = 60.0
"""The longest time that the digits of one calculation may take, as a smaller attempt foretells it."""

TRIAL, SHORTEST_TRIAL = 4, 250
"""By what the digits of smaller attempts are fewer, and the fewest digits of one."""

LEAST_GROWTH, MOST_GROWTH = 1.5, 2.5
"""Powers of the number of digits between which the time grows."""

NOTICEABLE, NEAR = 1.0, 16
"""Seconds of an attempt that foretell anything, or the times fewer digits at which any attempt does: what takes less
is overhead."""


class SampledEngine(PlannedEngine):
    """Evaluates once, at a number of bits; values are `Number`s and object arrays of them."""

    name = "precise"

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.numbers = Numbers(bits)
        self._plain = MpmathEngine(mp=self.numbers.mp)
        self._plain.largest = inf  # what is too large is told

    def run(self, graph: Graph, inputs: Mapping[str, Any], wanted: Sequence[int]) -> list[Any]:
        """As every planned engine. Unsettled where a wanted number is open."""
        values = super().run(graph, inputs, wanted)
        for number in _each_number(values[node] for node in wanted):
            if isinstance(number, Open):
                _ = number.samples
        return values

    def number(self, value: float, exact: str | None) -> Number:
        """The exact decimal text or named constant where there is one, else the double."""
        if exact is None:
            return self.numbers.convert(value)
        if exact not in CONSTANTS:
            return self.numbers.decimal(exact)
        product = self.numbers.one
        for factor in CONSTANTS[exact].precise.split("*"):
            known = getattr(self.numbers, factor, None)
            if known is None and not factor.isdigit():
                return self.numbers.convert(value)
            product = product * (factor if known is None else known)
        return product

    def array(self, values: Any) -> Any:
        """An object array of the doubles, exactly."""
        return self._each(lambda value: self.numbers.convert(float(value)), 1)(values)

    def given(self, value: Any) -> Any:
        """Floats, integers and mpmath numbers exactly, decimal texts in full; lists and arrays of these; `Deferred`."""
        if isinstance(value, Deferred):
            return value.by(self)
        if isinstance(value, (list, tuple)) or getattr(value, "shape", None):
            import numpy as np

            return self._each(self.given, 1)(np.asarray(value, dtype=object))
        try:
            return self.numbers.convert(value.item() if hasattr(value, "item") else value)
        except (OverflowError, TypeError, ValueError):
            raise DataError(f"`{value}` is not a number") from None

    def own_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """The row's spelling for mpmath, which `Numbers` understands too."""
        if not row.elementwise:
            return self._structural(row, attributes)
        function = self._plain.spelled(row, attributes)
        if function is None:
            return None
        kernel = self._told(row, self._scalar(row, function, attributes))
        return self._each(kernel, len(shapes)) if any(shapes) else kernel

    def _scalar(self, row: Operation, function: Kernel, attributes: tuple[Any, ...]) -> Kernel:
        """A function of numbers: by their own arithmetic where they are exact or where it decides, else by samples."""
        numbers = self.numbers
        spelling = row.spell.get("precise", row.name)
        by_name = spelling if isinstance(spelling, str) else ""
        own = getattr(numbers, by_name) if by_name else lambda *operands: spelling(numbers, *operands, *attributes)
        safe = self._plain.safe(function, row, attributes)
        jumps = "piecewise_constant" in row.traits
        decides = jumps or row.kink is not None or row.pullback is not None
        simple = by_name in vars(Numbers)

        def answer(*operands: Number) -> Number:
            if simple or decides or all(operand.exact is not None for operand in operands):
                try:
                    return numbers.convert(own(*operands))
                except Unsettled:
                    if jumps or simple:
                        raise
                except (*REFUSALS, TypeError, AttributeError):
                    pass
            found = numbers.function(safe, operands, any_size=simple)
            if decides and not all(operand.is_known for operand in operands):
                self._require_no_jump(safe, operands, found)
            return found

        return answer

    def _require_no_jump(self, function: Kernel, operands: Sequence[Number], found: Number) -> None:
        """Unsettled where a function has other values than the found one as near as the operands are known.

        It is tried with the operands moved to either side, and with 0 for those of which no digit stands.
        """
        numbers = self.numbers
        size = max(abs(number.samples[0]) for number in (found, *operands))
        here = found.samples[0]
        trials: list[list[Any]] = [[], [], []]
        for place, operand in enumerate(operands):
            value, margin = operand.samples[0], numbers.uncertainty(operand)
            margin = -margin if place % 2 else margin
            trials[0].append(value + margin)
            trials[1].append(value - margin)
            trials[2].append(value if _standing(operand) > CHANCE else numbers.mp.zero)
        for trial in trials:
            there = function(*trial)
            near = there == here or (there != there and here != here)
            if not (near or abs(there - here) <= numbers.mp.ldexp(size, -HIDDEN)):
                raise Unsettled

    def _structural(self, row: Operation, attributes: tuple[Any, ...]) -> Kernel | None:
        """Structure is the same for objects as for floats: NumPy's spelling serves where there is no own one."""
        own, shared = row.spell.get("precise"), row.spell.get("numpy")
        if not callable(own or shared):
            return None
        import numpy as np

        function, home = (own, self.numbers) if own else (shared, np)

        def work(*operands: Any) -> Any:
            arrays = [np.asarray(operand, dtype=object) for operand in operands]
            result = function(home, *arrays, *attributes)  # type: ignore[misc]  # callable, as asked above
            if np.ndim(result):
                return self._each(self.numbers.convert, 1)(result)
            return self.numbers.convert(result.item() if hasattr(result, "item") else result)

        return self._told(row, work)

    @staticmethod
    def _told(row: Operation, function: Kernel) -> Kernel:
        """A function that says whose decision is open, and whose number is too large."""

        def answer(*operands: Any) -> Any:
            try:
                return function(*operands)
            except (TooLarge, Unsettled) as unable:
                if not unable.args:
                    unable.args = (row.name, operands)
                raise

        return answer

    @staticmethod
    def _each(function: Kernel, count: int) -> Kernel:
        """A function of numbers on arrays of them, with broadcasting."""
        import numpy as np

        each = np.frompyfunc(function, count, 1)

        def run(*operands: Any) -> Any:
            with np.errstate(all="ignore"):  # the flags are those of doubles that were looked at on the way
                return each(*operands)

        return run


class PreciseEngine(Engine):
    """mpmath numbers of which as many decimal digits are right as were asked for."""

    name = "precise"

    def __init__(self, digits: int = 50) -> None:
        self.digits = digits
        self.mp = MPContext()
        self.mp.dps = max(digits, FEWEST) + BEYOND

    def evaluate(self, graph: Graph, inputs: Mapping[str, Any], wanted: Iterable[int]) -> list[Any]:
        """As every engine; values are mpmath numbers and object arrays of them.

        A result that is smaller the more digits it is computed with is 0, with a `PrecisionWarning`. CalculationError
        where the digits do not stand at the most digits that are tried, or would take too long.
        """
        wanted = list(wanted)
        self._require_time(graph, inputs, wanted)
        found, zero = self._found(graph, inputs, wanted)
        values: list[Any] = [None] * (max(wanted, default=-1) + 1)
        for node in wanted:
            values[node] = self._published(found[node])
        if zero:
            names = graph.name_of()
            named = sorted(f"`{names[node]}`" for node in zero if node in names)
            what = " and ".join(named) if len(named) == len(zero) else "the result" if len(wanted) == 1 else "a result"
            told = f"{what} {'is' if len(named) < 2 else 'are'} 0 to {min(zero.values())} digits"
            warnings.warn(PrecisionWarning(told), stacklevel=2)
        return values

    def lacks(self, graph: Graph, wanted: Iterable[int]) -> list[Operation]:
        """As every engine."""
        return SampledEngine(AHEAD).lacks(graph, wanted)

    def _found(
        self, graph: Graph, inputs: Mapping[str, Any], wanted: Sequence[int]
    ) -> tuple[list[Any], dict[int, int]]:  # fmt: skip
        """Values whose digits stand, and to how many digits those are 0 of which none does."""
        needed = max(self.digits, FEWEST) + BEYOND
        digits, most, begun = needed + AHEAD / BITS, max(MOST, 4 * needed), monotonic()
        while True:
            stand: float = 0
            try:
                machine = SampledEngine(ceil(digits * BITS))
                found = machine.run(graph, inputs, wanted)
            except Unsettled as unsettled:
                if digits > max(ZERO, needed):
                    raise _undecided(unsettled, int(digits)) from None
            except TooLarge as large:
                if all(_standing(number) > FEWEST for number in _each_number(large.args[1])):
                    raise _too_large(large) from None
                if digits > most:
                    raise _too_large(large) from None
            else:
                stands = {node: min(map(_standing, _each_number([found[node]])), default=inf) for node in wanted}
                zero = {node: _zeros(found[node]) for node in wanted if stands[node] < needed}
                if all(zeros >= max(ZERO, needed) for zeros in zero.values()):
                    return found, {node: int(min(zeros, digits)) for node, zeros in zero.items()}
                stand = min(stands.values())
                if digits > most or monotonic() - begun > SECONDS:
                    raise _too_few(stand, self.digits, int(digits))
            digits = digits + 1.1 * (needed - stand) + 5 if CHANCE < stand < needed else 2 * digits

    def _require_time(self, graph: Graph, inputs: Mapping[str, Any], wanted: Sequence[int]) -> None:
        """CalculationError where smaller attempts foretell that the digits take too long."""
        fewer, before = SHORTEST_TRIAL, 0.0
        while TRIAL * fewer <= self.digits:
            begun = monotonic()
            try:
                PreciseEngine(fewer)._found(graph, inputs, wanted)
            except CalculationError:
                return  # the whole attempt tells better what is wrong
            taken = monotonic() - begun
            growth = min(max(log(taken / before, TRIAL), LEAST_GROWTH), MOST_GROWTH) if before else 0
            foretold = taken * (self.digits / fewer) ** growth
            tells = taken > NOTICEABLE or NEAR * fewer >= self.digits
            if growth and tells and foretold > SECONDS:
                raise _too_slow(self.digits, foretold, fewer * (SECONDS / taken) ** (1 / growth))
            fewer, before = TRIAL * fewer, taken

    def _published(self, value: Any) -> Any:
        """A value as mpmath numbers of the digits that stand."""
        if not isinstance(value, Number):
            import numpy as np

            return np.frompyfunc(self._published, 1, 1)(value)
        if value.exact is not None:
            return self.mp.mpf(value.exact.numerator) / value.exact.denominator
        if _standing(value) < FEWEST:
            return self.mp.zero
        return +self.mp.make_mpf(value.samples[0]._mpf_)


def _each_number(values: Iterable[Any]) -> Iterator[Number]:
    """The numbers of values that are numbers or arrays of them."""
    for value in values:
        if isinstance(value, Number):
            yield value
        else:
            yield from value.flat


def _standing(number: Number) -> float:
    """How many digits of a number stand."""
    if number.exact is not None:
        return inf
    first, second = number.samples
    mp = number.home.mp
    if first is second or first == second:
        return inf
    if not (mp.isfinite(first) and mp.isfinite(second)):
        return -inf
    return max(0.0, float(mp.mag(max(abs(first), abs(second))) - mp.mag(first - second)) / BITS)


def _zeros(value: Any) -> float:
    """How many digits behind the point are 0 in those numbers of which not all digits stand that must."""
    loose = [number for number in _each_number([value]) if _standing(number) < FEWEST]
    if any(_standing(number) == -inf for number in loose):
        return -1
    return min((-number.home.magnitude_above(number) / BITS for number in loose), default=-1)


def _undecided(unsettled: Unsettled, digits: int) -> CalculationError:
    name = unsettled.args[0]
    return CalculationError(
        f"`{name}` cannot be decided: it hangs on digits beyond the first {digits}",
        hint="numbers that are equal, or that stand at a jump, cannot be told apart by their digits",
    )


def _too_slow(digits: int, seconds: float, possible: float) -> CalculationError:
    return CalculationError(
        f"{digits} digits of this would take about {_two_figures(seconds)} seconds, and {SECONDS:.0f} are the limit",
        hint=f"about {_two_figures(possible)} digits can be had",
    )


def _two_figures(number: float) -> int:
    return int(float(f"{number:.1e}"))


def _too_large(large: TooLarge) -> CalculationError:
    return CalculationError(f"`{large.args[0]}` meets or makes a number that is too large for --digits")


def _too_few(stand: float, wanted: int, tried: int) -> CalculationError:
    what = f"only {int(stand)} of {wanted} digits stand" if stand > CHANCE else "no digit of the result stands"
    return CalculationError(f"{what} when it is computed with {tried} digits, which is the limit")


ENGINE = PreciseEngine()
