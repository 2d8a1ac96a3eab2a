"""Measure the worst error of every elementwise operation on every engine against mpmath; write docs/accuracy.md.

    python benchmarks/accuracy.py            measure, write the table, fail where a bound does not hold
    python benchmarks/accuracy.py --print    measure and print only

Half of the sample points lie evenly in an operation's domain, half crowd towards its ends and towards zero. They are
the same in every run. The reference has 75 digits.
"""

from __future__ import annotations

import math
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.conformance.bounds import MIXED, ULPS, bound, mixed  # noqa: E402
from tests.conformance.cases import (  # noqa: E402
    ELEMENTWISE,
    NATIVE_PATHS,
    NUMPY,
    PACES,
    PYTHON,
    applied,
    between,
    bound_to,
    reference,
    suitable,
    ulps,
    value,
)

TARGET = ROOT / "docs" / "accuracy.md"
MANY, FEW = 3000, 500
SLOW = frozenset(("besselk", "bessely", "k0", "k1", "y1"))
"""Sample points; those of the functions that take mpmath some ten milliseconds."""
SMALLEST, LARGEST = -8, 2
"""Decimal exponents of the distance from an end of the domain, or from zero."""
LEAST = 1e-300
"""Smaller results are left out: on the way to them there are numbers with fewer digits."""


def crowded(interval, step, fraction):
    """A point whose distance from an end of the interval (or from 0) is a power of ten with a broken exponent."""
    low, high = interval
    distance = 10 ** (SMALLEST + (LARGEST - SMALLEST) * fraction)
    sign = 1 if step % 4 < 2 else -1
    if math.isinf(low) and math.isinf(high):
        return sign * distance
    if math.isinf(high) or math.isinf(low):
        return low + distance if math.isinf(high) else high - distance
    inside = (high - low) * distance / (2 * 10**LARGEST)
    return low + inside if sign > 0 else high - inside


def sample(row, count):
    """Tuples of operands in the row's domain."""
    tuples = []
    for step in range(1, count + 1):
        operands = []
        for place, (interval, pace) in enumerate(zip(row.domain, PACES, strict=False)):
            fraction = (step * pace) % 1.0
            even = (step + (step // 3 if place else 0)) % 2
            point = between(interval, fraction) if even else crowded(interval, step // (place + 1), fraction)
            operands.append(suitable(row, point))
        if all(low < operand < high for operand, (low, high) in zip(operands, row.domain, strict=True)):
            tuples.append(tuple(operands))
    return tuples


def answers(row, tuples):
    """Engine or path -> its values at the points, where it can compute the row."""
    graph, _, node = applied(row)
    columns = bound_to([np.array(column) for column in zip(*tuples, strict=True)])
    found = {
        "python": [value(PYTHON, row, operands) for operands in tuples],
        "numpy": NUMPY.evaluate_rows(graph, columns, [node])[node],
    }
    for name, engine in NATIVE_PATHS.items():
        if not engine.lacks(graph, [node]):
            found[name] = engine.evaluate_rows(graph, columns, [node])[node]
    return found


def measure(row):
    """Path -> (worst error in ulp, worst error in mixed units, the operands of the former)."""
    tuples = sample(row, FEW if row.name in SLOW else MANY)
    exact = [reference(row, operands) for operands in tuples]
    worst = {}
    for path, values in answers(row, tuples).items():
        worst_ulps, worst_mixed, place = 0.0, 0.0, None
        for operands, found, true in zip(tuples, map(float, values), exact, strict=True):
            if abs(true) < LEAST:
                continue
            own = ulps(found, true)
            if own > worst_ulps:
                worst_ulps, place = own, operands
            if own > worst_mixed:
                worst_mixed = max(worst_mixed, mixed(row, operands, found, true) if own > 1 else own)
        worst[path] = (worst_ulps, worst_mixed, place)
    return worst


def number(found):
    """An error for the table: rounded up, so that the table never says less than was measured."""
    if math.isinf(found):
        return "inf"
    digits = 2 if found < 10 else 1 if found < 100 else 0
    shown = math.ceil(found * 10**digits) / 10**digits
    return f"{shown:.{digits}f}" if shown < 1e5 else f"{shown:.1e}"


def machine():
    """What the figures belong to."""
    native = NATIVE_PATHS["native"].describe() if NATIVE_PATHS else "no native engine"
    packages = ("numpy", "scipy", "mpmath", "llvmlite")
    libc = " ".join(platform.libc_ver())
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"Python {platform.python_version()}, {versions}, {libc}, {platform.machine()} ({native})."


def table(measured):
    """The document."""
    paths = ("python", "numpy", *NATIVE_PATHS)
    plain = {row: worst for row, worst in measured.items() if row.name not in MIXED}
    others = {row: worst for row, worst in measured.items() if row.name in MIXED}
    lines = [
        "# Accuracy", "",
        "Written by `python benchmarks/accuracy.py`; do not edit. The worst error found of every elementwise operation",
        "over its domain, against mpmath with 75 digits. `native` is the path that tables take on this machine;",
        "`native library` calls the vector library for every function, as where the processor has no fused",
        "multiply-add, and `native scalar` the scalar C library lane by lane, as where there is no vector library",
        "either. A dash: the engine leaves the operation to NumPy. Results below 1e-300 are left out. Operations on",
        "shapes, sums and linear algebra have no bound of their own.", "",
        "Functions that cg writes out give the same digits in a table and at a point. The last digit of one that comes",
        "from a library may differ between the two, and at a point with what else is computed beside it.",
        "", f"Measured with {machine()}", "",
        f"## Within {ULPS:g} ulp", "",
        "Units in the last place of the answer. The conformance suite holds every engine to this bound.", "",
        "| operation | " + " | ".join(paths) + " |", "|---|" + "---:|" * len(paths),
    ]  # fmt: skip
    for row, worst in plain.items():
        cells = [number(worst[path][0]) if path in worst else "-" for path in paths]
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    lines += [
        "", "## Beyond", "",
        "Where the answer is small beside what the rounding of an operand does to it (next to a zero, in a tail), an",
        "ulp of the answer is not the right unit. These operations are bounded in *mixed units*: the change of the",
        "answer that one ulp of the answer or of each operand makes. Each cell says mixed units, then ulp of the",
        "answer.",
        "", "| operation | bound | " + " | ".join(paths) + " |", "|---|---:|" + "---:|" * len(paths),
    ]  # fmt: skip
    for row, worst in others.items():
        cells = [f"{number(worst[path][1])} ({number(worst[path][0])})" if path in worst else "-" for path in paths]
        lines.append(f"| {row.name} | {bound(row):g} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def broken(measured):
    """What does not keep its bound, in words."""
    return [
        f"{row.name} on {path}: {found:.3g} at {place}, bound {bound(row):g}"
        for row, worst in measured.items()
        for path, (own, in_mixed, place) in worst.items()
        for found in [in_mixed if row.name in MIXED else own]
        if found > bound(row)
    ]


def main(arguments):
    """Measure, write, report."""
    measured = {row: measure(row) for row in ELEMENTWISE if row.arity}
    text = table(measured)
    if "--print" in arguments:
        print(text)
    else:
        TARGET.write_text(text, encoding="utf-8")
    failures = broken(measured)
    print("\n".join(failures) or f"every bound holds; {len(measured)} operations", file=sys.stderr)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
