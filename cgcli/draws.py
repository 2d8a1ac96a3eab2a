"""Numbers drawn by a seed and a name: the same bits on every platform and for every version of NumPy.

Bits come from Philox4x64-10, a generator that computes the i-th number from a key and from i alone; NumPy promises the
raw output of its bit generators (NEP 19), not that of its distributions. So what follows from the bits is ours: sums,
products, quotients and square roots of doubles, one NumPy call each, which IEEE 754 rounds in one way only. A logarithm
of the C library would not do.

The key is the beginning of SHA-256 over seed and name: numbers of one name tell nothing of those of another, and an
array has the same first numbers whatever its length.

Sources: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011;
M. J. Wichura, Algorithm AS 241: the percentage points of the normal distribution, Applied Statistics 37 (1988).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

KEY_BYTES = 16
BITS = 52
"""Bits of a uniform number: so that the middles of all 2^52 intervals are doubles, and their distances to 1 too."""

LOG_TERMS = 12
"""Terms of the series of the logarithm; the first that is left out is below 1e-19."""


def raw(seed: int, name: str, count: int, first: int = 0) -> NDArray[np.uint64]:
    """64 random bits each: the numbers first … first + count - 1 of a seed and a name."""
    key = int.from_bytes(sha256(f"{seed}\0{name}".encode()).digest()[:KEY_BYTES], "little")
    generator = np.random.Philox(key=key)
    blocks, skipped = divmod(first, 4)
    generator.advance(blocks)
    return generator.random_raw(count + skipped)[skipped:]


def uniforms(seed: int, name: str, count: int, first: int = 0) -> Doubles:
    """Uniform numbers inside (0, 1): middles of 2^52 equal intervals, so neither 0 nor 1."""
    whole = (raw(seed, name, count, first) >> np.uint64(64 - BITS)).astype(np.float64)
    return (whole + 0.5) * 2.0**-BITS


def normals(seed: int, name: str, count: int) -> Doubles:
    """Standard normal numbers: the quantiles of `uniforms`; up to 8.2 from 0, exact to 1e-15."""
    return quantiles(uniforms(seed, name, count))


def order(seed: int, name: str, count: int) -> NDArray[np.int64]:
    """A random order of 0 … count - 1: that of as many random keys."""
    return np.argsort(raw(seed, name, count), kind="stable")


CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip
FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip
"""Numerator and denominator of AS 241 (routine PPND16), highest power first; the numbers are Wichura's."""


def quantiles(chances: Doubles) -> Doubles:
    """Where the standard normal distribution has these chances, each inside (0, 1) and at least 2^-53."""
    off = chances - 0.5
    found = off * _ratio(CENTRE, 0.180625 - off * off)
    outside = np.abs(off) > 0.425
    tail = np.sqrt(-_logarithms(np.minimum(chances[outside], 1.0 - chances[outside])))
    sizes = np.where(tail <= 5.0, _ratio(TAIL, tail - 1.6), _ratio(FAR_TAIL, tail - 5.0))
    found[outside] = np.where(off[outside] < 0.0, -sizes, sizes)
    return found


def _ratio(terms: tuple[Sequence[float], Sequence[float]], at: Doubles) -> Doubles:
    """A quotient of polynomials."""
    upper, lower = (_polynomial(each, at) for each in terms)
    return upper / lower


def _polynomial(terms: Sequence[float], at: Doubles) -> Doubles:
    """A polynomial by Horner's rule, highest power first."""
    value: Any = np.full_like(at, terms[0])
    for term in terms[1:]:
        value *= at
        value += term
    return value


def _logarithms(numbers: Doubles) -> Doubles:
    """Natural logarithms of positive numbers by basic operations: k*log(2) + 2*artanh((m - 1)/(m + 1)) of m*2^k."""
    parts, exponents = np.frexp(numbers)
    small = parts < 0.7071067811865476
    parts, exponents = np.where(small, 2.0 * parts, parts), exponents - small
    ratio = (parts - 1.0) / (parts + 1.0)
    series = _polynomial([1.0 / (2 * term + 1) for term in reversed(range(LOG_TERMS))], ratio * ratio)
    return exponents * 0.6931471805599453 + 2.0 * ratio * series
