"""Numbers that know how many of their digits stand: exact rational numbers, and pairs of samples.

A number is exact as long as it is rational and short enough. Every other result is computed twice and each time moved
a little, at random, by what rounding is taken to cost: the digits that both samples share are those that rounding left.
This is stochastic arithmetic: J. Vignes, A stochastic arithmetic for reliable scientific computation, Mathematics and
Computers in Simulation 35 (1993) 233-261. The movement is far larger than mpmath's own errors, so these hide behind it.

A comparison is decided where the samples are clearly on one side; otherwise it is `Unsettled`, as is what jumps.

`Numbers` answers as a context of mpmath does, so that the spellings of operations for mpmath work on these numbers.
"""

from __future__ import annotations

from fractions import Fraction
from math import isfinite, isqrt
from random import Random
from typing import TYPE_CHECKING

from mpmath import MPContext

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

HIDDEN = 30
"""Bits that are computed beyond those that count: a result is moved in the last bit that counts."""

CLEAR = 16
"""Bits that a difference must have beyond the distance of the samples to count as one."""

LONGEST_NUMERATOR, LONGEST_DENOMINATOR = 1 << 20, 1 << 14
"""Bits of an exact rational number; sums of longer fractions would take longer than functions do."""

LONGEST_EXPONENT = 4096
"""Bits of the exponent of a number."""

LARGEST_OPERAND = 1 << 16
"""Bits before or behind the point of an operand of a function: sine needs as many digits of pi."""

ANY_SIZE = frozenset(("cbrt", "fabs", "fadd", "fdiv", "fmul", "fneg", "fsub", "ln", "log", "log10", "power", "sqrt"))
"""What takes operands of any size, by mpmath's names."""

FACTORS = 128
"""Movements up and as many down, taken at random."""

AT_POINTS: dict[str, dict[int, int]] = {
    "acos": {1: 0}, "acosh": {1: 0}, "asin": {0: 0}, "asinh": {0: 0}, "atan": {0: 0}, "atanh": {0: 0},
    "cos": {0: 1}, "cosh": {0: 1}, "erf": {0: 0}, "erfc": {0: 1}, "erfi": {0: 0}, "erfinv": {0: 0}, "exp": {0: 1},
    "expm1": {0: 0}, "lambertw": {0: 0}, "ln": {1: 0}, "log": {1: 0}, "log1p": {0: 0}, "sec": {0: 1}, "sech": {0: 1},
    "sin": {0: 0}, "sinh": {0: 0}, "si": {0: 0}, "sinpi": {0: 0}, "tan": {0: 0}, "tanh": {0: 0},
}  # fmt: skip
"""Where functions whose values are no rational numbers have one all the same, by mpmath's names."""


class Unsettled(Exception):
    """A decision hangs on digits that do not stand at this precision."""


class TooLarge(Exception):
    """A number is beyond what this arithmetic takes."""


class Number:
    """An exact rational number, or two samples; the samples of an exact one are made when they are asked for."""

    __slots__ = ("_first", "_second", "exact", "home")

    def __init__(self, home: Numbers, exact: Fraction | None, first: Any = None, second: Any = None) -> None:
        self.home = home
        self.exact = exact
        self._first = first
        self._second = second

    @property
    def samples(self) -> tuple[Any, Any]:
        """Two mpmath numbers; the same one twice where the number is known to its last bit."""
        if self._first is None:
            assert self.exact is not None
            self._first, self._second = self.home.samples_of(self.exact)
        return self._first, self._second

    @property
    def is_known(self) -> bool:
        """Whether the number is what its samples say, to the last bit."""
        first, second = self.samples
        return first is second

    def __add__(self, other: Any) -> Number:
        return self.home.fadd(self, other)

    def __radd__(self, other: Any) -> Number:
        return self.home.fadd(other, self)

    def __sub__(self, other: Any) -> Number:
        return self.home.fsub(self, other)

    def __rsub__(self, other: Any) -> Number:
        return self.home.fsub(other, self)

    def __mul__(self, other: Any) -> Number:
        return self.home.fmul(self, other)

    def __rmul__(self, other: Any) -> Number:
        return self.home.fmul(other, self)

    def __truediv__(self, other: Any) -> Number:
        return self.home.fdiv(self, other)

    def __rtruediv__(self, other: Any) -> Number:
        return self.home.fdiv(other, self)

    def __mod__(self, other: Any) -> Number:
        return self - other * self.home.floor(self / other)

    def __pow__(self, other: Any) -> Number:
        return self.home.power(self, other)

    def __neg__(self) -> Number:
        return self.home.fneg(self)

    def __pos__(self) -> Number:
        return self

    def conjugate(self) -> Number:
        """The number, which is real; NumPy asks."""
        return self

    def __abs__(self) -> Number:
        return self.home.fabs(self)

    def __int__(self) -> int:
        return int(self.exact) if self.exact is not None else int(self.samples[0])

    def __float__(self) -> float:
        return float(self.samples[0])

    def __bool__(self) -> bool:
        return self != 0

    def __eq__(self, other: object) -> bool:
        return self.home.order(self, other) == 0

    def __ne__(self, other: object) -> bool:
        return self.home.order(self, other) != 0

    def __lt__(self, other: Any) -> bool:
        return self.home.order(self, other) == -1

    def __le__(self, other: Any) -> bool:
        return self.home.order(self, other) in (-1, 0)

    def __gt__(self, other: Any) -> bool:
        return self.home.order(self, other) == 1

    def __ge__(self, other: Any) -> bool:
        return self.home.order(self, other) in (0, 1)

    __hash__ = None  # type: ignore[assignment]


class Open(Number):
    """A number that may be anything: a decision may pass it by, and whoever looks at it gets Unsettled."""

    __slots__ = ("by",)

    def __init__(self, home: Numbers, by: str) -> None:
        """by: the operation that made it."""
        super().__init__(home, None)
        self.by = by

    @property
    def samples(self) -> tuple[Any, Any]:
        """Unsettled."""
        raise Unsettled(self.by, ())


class Numbers:
    """Arithmetic whose results are taken to be right to a number of bits; mpmath computes some more."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.mp = MPContext()  # a context of its own: the precision of others is not touched
        self.mp.prec = bits + HIDDEN
        self._random = Random(bits)
        sizes = [self.mp.ldexp(self._random.uniform(0.5, 1), -bits) for _ in range(FACTORS)]
        self._factors = [1 + size for size in sizes], [1 - size for size in sizes]
        self.one, self.zero = self.rational(1), self.rational(0)
        self.nan, self.inf = self.known(self.mp.nan), self.known(self.mp.inf)

    # ---- making numbers ----------------------------------------------------------------------------------------

    def rational(self, value: Fraction | int) -> Number:
        """An exact number, or its samples where it is too long for one."""
        exact = Fraction(value)
        long = exact.denominator.bit_length() > LONGEST_DENOMINATOR or exact.numerator.bit_length() > LONGEST_NUMERATOR
        return Number(self, None, *self.samples_of(exact)) if long else Number(self, exact)

    def known(self, value: Any) -> Number:
        """An mpmath number that is exactly what it says."""
        if not self.mp.isfinite(value):
            return Number(self, None, value, value)
        sign, mantissa, exponent, _ = value._mpf_
        if abs(exponent) > LONGEST_DENOMINATOR:
            return Number(self, None, value, value)
        mantissa = int(-mantissa if sign else mantissa)
        return self.rational(Fraction(mantissa) * Fraction(2) ** exponent)

    def convert(self, value: Any) -> Number:
        """Any real number. ValueError, TypeError for what is none."""
        if isinstance(value, Number):
            return value
        if hasattr(value, "item"):
            value = value.item()  # a number of NumPy's
        if isinstance(value, str):
            return self.decimal(value)
        if isinstance(value, float) and not isfinite(value):
            return self.known(self.mp.mpf(value))
        if hasattr(value, "_mpf_"):
            return self.known(self.mp.make_mpf(value._mpf_))
        return self.rational(Fraction(value))

    mpf = convert

    def decimal(self, text: str) -> Number:
        """A decimal number as it is written. ValueError for other texts."""
        _, _, exponent = text.lower().partition("e")
        if exponent and abs(int(exponent)) > LONGEST_DENOMINATOR:
            return self.near(self.mp.mpf(text))
        try:
            return self.rational(Fraction(text))
        except ValueError:
            return self.known(self.mp.mpf(text))

    def near(self, value: Any) -> Number:
        """What is only near an mpmath number, as pi is."""
        return self._rounded(value, value)

    def samples_of(self, exact: Fraction) -> tuple[Any, Any]:
        """Two samples of a rational number; one twice where the precision holds it."""
        top, below = exact.numerator, exact.denominator
        value = self.mp.mpf(top) / below
        if below & (below - 1) == 0 and top.bit_length() <= self.mp.prec:
            return value, value
        return self._moved(value, value)

    # ---- arithmetic --------------------------------------------------------------------------------------------

    def fadd(self, x: Any, y: Any) -> Number:
        """x + y."""
        x, y = self.convert(x), self.convert(y)
        if x.exact is not None and y.exact is not None:
            return self.rational(x.exact + y.exact)
        return self._lifted(self.mp.fadd, (x, y))

    def fsub(self, x: Any, y: Any) -> Number:
        """x - y."""
        x, y = self.convert(x), self.convert(y)
        if x.exact is not None and y.exact is not None:
            return self.rational(x.exact - y.exact)
        return self._lifted(self.mp.fsub, (x, y))

    def fmul(self, x: Any, y: Any) -> Number:
        """x*y."""
        x, y = self.convert(x), self.convert(y)
        if x.exact is not None and y.exact is not None:
            return self.rational(x.exact * y.exact)
        return self._lifted(self.mp.fmul, (x, y))

    def fdiv(self, x: Any, y: Any) -> Number:
        """x/y. ZeroDivisionError where y is 0; where it may be, the quotient may have any size: it is `Open`."""
        x, y = self.convert(x), self.convert(y)
        if x.exact is not None and y.exact is not None:
            return self.rational(x.exact / y.exact)
        if self._is_noise(y, CLEAR):
            return Open(self, "div")
        return self._lifted(self.mp.fdiv, (x, y))

    def fneg(self, x: Any) -> Number:
        """-x, which is as right as x."""
        x = self.convert(x)
        if x.exact is not None:
            return Number(self, -x.exact)
        first, second = x.samples
        return Number(self, None, -first, -second)

    def fabs(self, x: Any) -> Number:
        """|x|, which is as right as x."""
        x = self.convert(x)
        if x.exact is not None:
            return Number(self, abs(x.exact))
        first, second = x.samples
        return Number(self, None, abs(first), abs(second))

    def power(self, x: Any, y: Any) -> Number:
        """x^y; exact where y is whole and the result is not too long."""
        x, y = self.convert(x), self.convert(y)
        base, exponent = x.exact, y.exact
        if base is not None and exponent is not None and exponent.denominator == 1:
            length = max(base.numerator.bit_length(), base.denominator.bit_length())
            fraction = base.denominator > 1 or exponent < 0
            if abs(exponent) * length <= (LONGEST_DENOMINATOR if fraction else LONGEST_NUMERATOR):
                return self.rational(base ** int(exponent))
        if exponent == Fraction(1, 2) and base is not None and base >= 0:
            return self.sqrt(x)
        return self._lifted(self.mp.power, (x, y))

    def sqrt(self, x: Any) -> Number:
        """The square root, exact where that is rational. ValueError below 0."""
        x = self.convert(x)
        if x.exact is not None and x.exact >= 0:
            top, below = isqrt(x.exact.numerator), isqrt(x.exact.denominator)
            if top * top == x.exact.numerator and below * below == x.exact.denominator:
                return self.rational(Fraction(top, below))
        return self._lifted(self.mp.sqrt, (x,))

    def cbrt(self, x: Any) -> Number:
        """The cube root, exact where that is whole."""
        x = self.convert(x)
        if x.exact is not None and x.exact.denominator == 1 and x.exact.numerator.bit_length() < self.bits:
            root = int(self.mp.nint(self.mp.cbrt(abs(x.exact.numerator))))
            if root**3 == x.exact:
                return self.rational(root)
        return self._lifted(self.mp.cbrt, (x,))

    def log(self, x: Any, base: Any = None) -> Number:
        """The logarithm, natural or to a base; exact where x is a whole power of a whole base."""
        x = self.convert(x)
        if base is None:
            return self.zero if x.exact == 1 else self._lifted(self.mp.ln, (x,))
        found = _whole_logarithm(x.exact, int(base))
        return self.rational(found) if found is not None else self._lifted(lambda x: self.mp.log(x, base), (x,))

    def log10(self, x: Any) -> Number:
        """The logarithm to base 10."""
        return self.log(x, 10)

    def binomial(self, n: Any, k: Any) -> Number:
        """n!/(k!*(n - k)!); exact for a whole k that is not too large."""
        n, k = self.convert(n), self.convert(k)
        if n.exact is None or k.exact is None or k.exact.denominator > 1 or k.exact > 1000:
            return self._lifted(self.mp.binomial, (n, k))
        if k.exact < 0 and not (n.exact < 0 and n.exact.denominator == 1):
            return self.zero
        if k.exact < 0:
            return self._lifted(self.mp.binomial, (n, k))
        product = Fraction(1)
        for step in range(int(k.exact)):
            product = product * (n.exact - step) / (step + 1)
        return self.rational(product)

    def factorial(self, x: Any) -> Number:
        """x!; exact for whole numbers that are not too large."""
        x = self.convert(x)
        if x.exact is not None and x.exact.denominator == 1 and 0 <= x.exact <= 1000:
            return self.rational(int(self.mp.ifac(int(x.exact))))
        return self._lifted(self.mp.factorial, (x,))

    def gamma(self, x: Any) -> Number:
        """(x - 1)!"""
        x = self.convert(x)
        whole = x.exact is not None and x.exact.denominator == 1 and x.exact > 0
        return self.factorial(x - 1) if whole else self._lifted(self.mp.gamma, (x,))

    # ---- decisions ---------------------------------------------------------------------------------------------

    def order(self, x: Any, y: Any) -> int | None:
        """-1, 0 or 1 as x is below, equal to or above y; None where one is nan. Unsettled where that is not clear."""
        x, y = self.convert(x), self.convert(y)
        if x.exact is not None and y.exact is not None:
            return (x.exact > y.exact) - (x.exact < y.exact)
        found = {_order(*samples) for samples in zip(x.samples, y.samples, strict=True)}
        if len(found) > 1:
            raise Unsettled
        answer: int | None = found.pop()
        if answer and all(self.mp.isfinite(sample) for number in (x, y) for sample in number.samples):
            gap, size = x.samples[0] - y.samples[0], self.uncertainty(x) + self.uncertainty(y)
            if abs(gap) <= size:
                raise Unsettled
        elif answer == 0 and not (x.is_known and y.is_known) and x.samples != y.samples:
            raise Unsettled
        return answer

    def floor(self, x: Any) -> Number:
        """The largest whole number that is not above x."""
        return self._whole(x, lambda exact: exact.__floor__(), self.mp.floor)

    def ceil(self, x: Any) -> Number:
        """The smallest whole number that is not below x."""
        return self._whole(x, lambda exact: exact.__ceil__(), self.mp.ceil)

    def nint(self, x: Any) -> Number:
        """The nearest whole number, the even one of two."""
        return self._whole(x, round, self.mp.nint)

    def sign(self, x: Any) -> Number:
        """-1, 0 or 1; nan of nan."""
        order = self.order(x, 0)
        return self.nan if order is None else self.rational(order)

    def fmod(self, x: Any, y: Any) -> Number:
        """The remainder of numbers that are not negative."""
        return self.convert(x) % self.convert(y)

    def isnan(self, x: Any) -> bool:
        """Whether a number is nan. Unsettled where one sample is."""
        return self._both(x, self.mp.isnan)

    def isinf(self, x: Any) -> bool:
        """Whether a number is infinite. Unsettled where one sample is."""
        return self._both(x, self.mp.isinf)

    def isfinite(self, x: Any) -> bool:
        """Whether a number is neither nan nor infinite. Unsettled where one sample is."""
        return self._both(x, self.mp.isfinite)

    def isint(self, x: Any) -> bool:
        """Whether a number is whole. Unsettled where it may be."""
        return self.isfinite(x) and self.order(x, self.nint(x)) == 0

    # ---- matrices ----------------------------------------------------------------------------------------------

    @staticmethod
    def matrix(rows: Any) -> Any:
        """A matrix or a column, as `det` and `lu_solve` take it: a list, copied."""
        return [list(row) if isinstance(row, list) else row for row in rows]

    def det(self, rows: list[list[Number]]) -> Number:
        """The determinant, by elimination; exact for a rational matrix."""
        product, sign = self.one, 1
        for column in range(len(rows)):
            best = self._pivot(rows, column)
            if best is None:
                return self.zero
            if best != column:
                rows[best], rows[column] = rows[column], rows[best]
                sign = -sign
            product = product * rows[column][column]
            self._eliminate(rows, column)
        return product if sign > 0 else -product

    def lu_solve(self, rows: list[list[Number]], right: list[Number]) -> list[Number]:
        """The x with rows @ x = right. ZeroDivisionError for a singular matrix."""
        rows = [[*row, value] for row, value in zip(rows, right, strict=True)]
        size = len(rows)
        for column in range(size):
            best = self._pivot(rows, column)
            if best is None:
                raise ZeroDivisionError
            rows[best], rows[column] = rows[column], rows[best]
            self._eliminate(rows, column)
        found: list[Number] = []
        for place in reversed(range(size)):
            known = zip(rows[place][place + 1 : size], reversed(found), strict=True)
            rest = sum((factor * value for factor, value in known), self.zero)
            found.append((rows[place][size] - rest) / rows[place][place])
        return found[::-1]

    def _pivot(self, rows: list[list[Number]], column: int) -> int | None:
        """The row from the diagonal on with the largest element of a column; None where all are exactly 0."""
        candidates = [row for row in range(column, len(rows)) if rows[row][column].exact != 0]
        return max(candidates, key=lambda row: abs(rows[row][column].samples[0]), default=None)

    @staticmethod
    def _eliminate(rows: list[list[Number]], column: int) -> None:
        for row in range(column + 1, len(rows)):
            if rows[row][column].exact != 0:
                factor = rows[row][column] / rows[column][column]
                for place in range(column + 1, len(rows[row])):
                    rows[row][place] = rows[row][place] - factor * rows[column][place]

    # ---- other functions ---------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        """A constant or a function of mpmath by its name, lifted."""
        found = getattr(self.mp, name)
        if isinstance(found, self.mp.constant):
            return self.near(+found)
        points = AT_POINTS.get(name, {})

        def lifted(*operands: Any) -> Number:
            numbers = [self.convert(operand) for operand in operands]
            if len(numbers) == 1 and numbers[0].exact in points:
                return self.rational(points[int(numbers[0].exact)])
            return self.function(found, numbers, any_size=name in ANY_SIZE)

        return lifted

    def function(self, function: Callable[..., Any], numbers: Sequence[Number], *, any_size: bool = False) -> Number:
        """A function of mpmath numbers. TooLarge for operands that would need as many digits as they have.

        A result of 0 is taken to be lost in rounding, unless all operands are plain numbers or one is 0 itself.
        """
        if not any_size and any(self._magnitude(number) > LARGEST_OPERAND for number in numbers):
            raise TooLarge
        found = self._lifted(function, numbers)
        if found.exact == 0 and not (all(map(_is_plain, numbers)) or any(number.exact == 0 for number in numbers)):
            size = max((abs(sample) for number in numbers for sample in number.samples), default=self.mp.one)
            return self._noise(self.mp.ldexp(max(size, 1), -self.bits) if self.mp.isfinite(size) else self.mp.zero)
        return found

    # ---- inside ------------------------------------------------------------------------------------------------

    def _lifted(self, function: Callable[..., Any], numbers: Sequence[Number]) -> Number:
        """A function of the first samples and one of the second ones, each moved.

        Unsettled for a nan or an infinity that comes of a number of which no digit stands, not even the sign, or that
        comes of one sample alone.
        """
        first = second = self._real(function(*[number.samples[0] for number in numbers]))
        if all(number.is_known for number in numbers):
            return self._rounded(first, first)
        second = self._real(function(*[number.samples[1] for number in numbers]))
        finite = self.mp.isfinite(first), self.mp.isfinite(second)
        if not all(finite) and (any(finite) or any(self._is_noise(number, CLEAR) for number in numbers)):
            raise Unsettled  # an operand as near to the end of the domain as it is known
        return self._rounded(first, second)

    def _real(self, value: Any) -> Any:
        """A result of mpmath as a real number; nan where it is complex."""
        if type(value) is self.mp.mpc:
            return value.real if value.imag == 0 else self.mp.nan
        return value

    def _is_noise(self, number: Number, bits: int) -> bool:
        """Whether two finite samples share fewer bits than these; by chance they may share some."""
        first, second = number.samples
        if first is second or not (self.mp.isfinite(first) and self.mp.isfinite(second)):
            return False
        return bool(self.mp.ldexp(abs(first - second), bits) > abs(first) + abs(second))

    def _rounded(self, first: Any, second: Any) -> Number:
        """Two results, moved by what rounding may have cost; where they share no digit, they become independent."""
        if not (self.mp.isfinite(first) and self.mp.isfinite(second)):
            return Number(self, None, first, first if _order(first, second) in (0, None) else second)
        if not first and not second:
            return self.zero
        first, second = self._moved(first, second)
        found = Number(self, None, self._checked(first), self._checked(second))
        return self._noise(max(abs(first), abs(second))) if self._is_noise(found, 3) else found

    def _noise(self, size: Any) -> Number:
        """A number of which nothing is known but its size."""
        return Number(self, None, size * self._movement(), size * self._movement())

    def _moved(self, first: Any, second: Any) -> tuple[Any, Any]:
        """Two samples, one moved up and the other one down: by chance alike, they would hide what rounding costs."""
        up, down = self._random.choice(self._factors[0]), self._random.choice(self._factors[1])
        return (first * up, second * down) if self._random.random() < 0.5 else (first * down, second * up)

    def _movement(self) -> float:
        """A random number between 1/2 and 1, or between -1 and -1/2."""
        return self._random.choice((-1, 1)) * self._random.uniform(0.5, 1)

    def _checked(self, value: Any) -> Any:
        if value._mpf_[2].bit_length() > LONGEST_EXPONENT:
            raise TooLarge
        return value

    def magnitude_above(self, number: Number) -> int:
        """Bits before the point of the larger sample, negative where there are zeros behind the point."""
        return max(int(self.mp.mag(sample)) if sample else -(1 << 62) for sample in number.samples)

    def _magnitude(self, number: Number) -> int:
        """Bits before or behind the point, of the larger sample; 0 for what is not finite."""
        return max(abs(self.mp.mag(x)) if self.mp.isnormal(x) else 0 for x in number.samples)

    def uncertainty(self, number: Number) -> Any:
        """How far a number may be from its first sample, amply."""
        first, second = number.samples
        if number.exact is not None or first is second:
            return 0
        return self.mp.ldexp(abs(first - second), CLEAR) + self.mp.ldexp(abs(first), 4 - self.bits)

    def _whole(self, x: Any, exactly: Callable[[Fraction], int], function: Callable[..., Any]) -> Number:
        """A function that jumps between whole numbers. Unsettled at a jump, TooLarge for more digits than there are."""
        x = self.convert(x)
        if x.exact is not None:
            return self.rational(exactly(x.exact))
        if not self.isfinite(x):
            return x
        first, second = x.samples
        if self._magnitude(x) > LONGEST_NUMERATOR:
            raise TooLarge
        margin = self.uncertainty(x)
        found = [function(place) for place in (first, second, first - margin, first + margin)]
        if any(other != found[0] for other in found):
            raise Unsettled
        return self.rational(int(found[0]))

    def _both(self, x: Any, question: Callable[[Any], bool]) -> bool:
        x = self.convert(x)
        if x.exact is not None:
            return question(self.mp.one)
        first, second = map(question, x.samples)
        if first != second:
            raise Unsettled
        return first


def _order(x: Any, y: Any) -> int | None:
    """-1, 0 or 1, None where one is nan."""
    return None if x != x or y != y else (x > y) - (x < y)


def _is_plain(number: Number) -> bool:
    """Whether a number is one at which no function comes near 0 without reaching it: 0, an infinity, 1/2, 7."""
    if number.exact is None:
        return number.is_known
    return not number.exact or (number.exact.denominator <= 256 and abs(number.exact) <= 8)


def _whole_logarithm(x: Fraction | None, base: int) -> int | None:
    """The n with base^n = x, where there is one."""
    if x is None or x <= 0:
        return None
    large = max(x.numerator, x.denominator)
    power = round((large.bit_length() - 1) / (base.bit_length() - 1 or 1)) if base == 2 else len(str(large)) - 1
    if base not in (2, 10) or min(x.numerator, x.denominator) != 1 or base**power != large:
        return None
    return power if x >= 1 else -power
