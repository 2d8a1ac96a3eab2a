"""Random formulas at random values with errors: the law of propagation beside the package `uncertainties`.

    python -m tests.uncertainty.random_formulas 1000 [SEED]

prints the largest relative difference of the errors.
"""

from __future__ import annotations

import sys
from math import inf
from random import Random

import numpy as np

import cgcli as cg

UNARY = (
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "degrees", "erf", "erfc", "exp", "expm1",
    "log", "log10", "log1p", "radians", "sin", "sinh", "sqrt", "tan", "tanh",
)  # fmt: skip
"""Functions whose derivatives the other package knows; those of gamma, lgamma and fmod it takes by differences."""

BINARY = ("atan2", "hypot", "log", "pow")
NAMES = "abcd"


def formula(random: Random, size: int) -> str:
    """A formula of so many operations over a, b, c, d."""
    texts = [*NAMES, "1.7", "0.3"]
    for _ in range(size):
        one, other = random.choice(texts), random.choice(texts)
        kind = random.random()
        if kind < 0.35:
            texts.append(f"{random.choice(UNARY)}({one})")
        elif kind < 0.45:
            texts.append(f"{random.choice(BINARY)}({one}, {other})")
        else:
            texts.append(f"({one} {random.choice(['+', '-', '*', '/', '^'])} {other})")
    return texts[-1]


def beside(text: str, values: dict[str, tuple[float, float]], matrix: np.ndarray) -> float | None:
    """The relative difference of values and errors, None where the other package gives no finite one."""
    from uncertainties import correlated_values, umath

    variances = matrix * np.outer([error for _, error in values.values()], [error for _, error in values.values()])
    numbers = dict(zip(values, correlated_values([value for value, _ in values.values()], variances), strict=True))
    try:
        found = eval(text.replace("^", "**"), {name: getattr(umath, name) for name in UNARY + BINARY}, numbers)
        expected = found.std_dev
    except (
        ValueError,
        OverflowError,
        ZeroDivisionError,
        TypeError,
        AttributeError,
    ):  # also a complex number, a constant
        return None
    if not 1e-8 < expected < 1e100 or not abs(found.nominal_value) < 1e100:
        return None
    pairs = {(one, other): matrix[i, j] for i, one in enumerate(NAMES) for j, other in enumerate(NAMES) if i < j}
    parsed = cg.parse(text)
    used = {name: value for name, value in values.items() if name in parsed.inputs}
    own = parsed.uncertainty(used, correlations={pair: r for pair, r in pairs.items() if set(pair) <= used.keys()})
    largest = max(abs(each) * used[name][1] for name, each in own.derivatives.items())
    apart = abs(own.error - expected) / max(expected, 1e-3 * largest)  # correlated contributions cancel
    return max(apart, abs(own.value - found.nominal_value) / abs(found.nominal_value or 1))


def compared(count: int, seed: int, *, print_worse: bool = False) -> float:
    """The largest difference among so many formulas that have a finite error."""
    random, worst, done = Random(seed), 0.0, 0
    while done < count:
        text = formula(random, random.randint(1, 8))
        values = {name: (random.uniform(0.2, 3), random.uniform(0.001, 0.2)) for name in NAMES}
        factor = np.array([[random.gauss(0, 1) for _ in NAMES] for _ in NAMES])
        matrix = factor @ factor.T
        scale = np.sqrt(np.diagonal(matrix))
        found = beside(text, values, matrix / np.outer(scale, scale)) if set(text) & set(NAMES) else None
        if found is not None:
            done += 1
            if found > 1e-12 and print_worse:
                print(f"{found:.1e}  {text}  {values}")  # noqa: T201 - a command
            worst = max(worst, found if found == found else inf)
    return worst


if __name__ == "__main__":
    print(compared(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2, print_worse=True))  # noqa: T201 - a command
