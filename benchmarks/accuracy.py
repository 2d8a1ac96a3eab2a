"""Measure the worst error of every elementwise operation on every engine; write docs/accuracy.md.

    python benchmarks/accuracy.py               measure all, write figures and table, fail where a bound does not hold
    python benchmarks/accuracy.py sin lgamma    measure some anew and keep the figures of the others
    python benchmarks/accuracy.py --table       write the table from the figures that are there

The judge is Arb (python-flint, `benchmarks/references.py`) on 200,000 points an operation, and mpmath on 3,000 where
Arb has no such function. The points are the same in every run: some lie evenly in the range, some over all powers of
ten, some crowd towards the ends, towards zero and towards the places named in CRITICAL. Figures are kept in
benchmarks/accuracy.json, so that the work can be done in parts.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
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
    PYTHON,
    applied,
    bound_to,
    reference,
    suitable,
    ulps,
)

TARGET = ROOT / "docs" / "accuracy.md"
FIGURES = ROOT / "benchmarks" / "accuracy.json"
MANY, FEW = 200_000, 3000
"""Sample points: with Arb, and with mpmath."""
PATIENCE = 20.0
"""Seconds for the numbers of the python engine; what takes longer is measured on the first of the points."""
EVEN = 20.0
"""How far points lie evenly where a range has no end."""
LEAST = 1e-300
"""Smaller results are left out: on the way to them there are numbers with fewer digits."""
REAL, RIGHT = (-math.inf, math.inf), (0.0, math.inf)
RANGES = {
    "lerp": [(-1e100, 1e100)] * 3, "mod": [(-1e15, 1e15), (0.1, 1e15)], "floordiv": [(-1e15, 1e15), (0.1, 1e15)],
    "remainder": [(-1e15, 1e15), (0.1, 1e15)], "fmod": [(-1e15, 1e15), (0.1, 1e15)],
    "erfcx": [(-26.0, math.inf)], "erfi": [(-26.0, 26.0)], "gamma": [(-170.0, 171.6)], "rgamma": [(-170.0, 171.6)],
    "factorial": [(-170.0, 170.6)], "lgamma": [REAL], "digamma": [(-1e3, math.inf)], "trigamma": [RIGHT],
    "polygamma": [RIGHT], "beta": [RIGHT, RIGHT], "lbeta": [RIGHT, RIGHT], "comb": [(0.0, 1e3), (0.0, 50.0)],
    "perm": [(0.0, 1e3), (0.0, 50.0)], "gamma_density": [RIGHT, RIGHT], "gammainc": [RIGHT, RIGHT],
    "gammaincc": [RIGHT, RIGHT], "lcomb": [(15.0, 1e20), (0.0, 14.0)],
    "besselj": [REAL], "bessely": [RIGHT], "besseli": [(-700.0, 700.0)], "besselk": [RIGHT], "j0": [REAL], "j1": [REAL],
    "y0": [RIGHT], "y1": [RIGHT], "i0": [(-700.0, 700.0)], "i1": [(-700.0, 700.0)], "k0": [RIGHT], "k1": [RIGHT],
    "spherical_jn": [REAL], "airyai": [(-1e3, 100.0)], "airyaiprime": [(-1e3, 100.0)], "airybi": [(-1e3, 100.0)],
    "airybiprime": [(-1e3, 100.0)], "expi": [REAL], "exp1": [RIGHT], "cosint": [RIGHT], "logint": [RIGHT],
    "erfcx_slope": [(-25.0, 1e100)], "dawsn_slope": [(-1e100, 1e100)], "log_ndtr_slope": [(-1e100, 1e100)],
    "ellipk_slope": [(-1e100, 1.0)], "ellipe_slope": [(-1e100, 1.0)], "polygamma_step": [(1e-90, 1e90), (1e-90, 1e90)],
    "logit_loss": [REAL, (0.0, 1.0)], "lambertw": [(-0.36787944117144233, math.inf)],
    "lambertw_excess": [(-0.36787944117144233, math.inf)],
    "ellipk": [(-math.inf, 1.0)], "ellipe": [(-math.inf, 1.0)], "log_ndtr": [REAL], "dawsn": [REAL],
    "hypot": [REAL, REAL], "atan2": [REAL, REAL], "div": [REAL, REAL], "reciprocal": [REAL],
    "sin": [REAL], "cos": [REAL], "tan": [REAL], "sec": [REAL], "csc": [REAL], "cot": [REAL], "asec": [REAL],
    "acsc": [REAL], "acot": [REAL], "sinpi": [REAL], "cospi": [REAL], "tanpi": [REAL], "sind": [REAL], "cosd": [REAL],
    "tand": [REAL], "csch": [REAL], "coth": [REAL], "acsch": [REAL], "acoth": [REAL], "sinc_pi": [REAL],
}  # fmt: skip
"""Row -> range of each operand, where it is not the row's domain."""
CRITICAL = {
    "lgamma": (1.0, 2.0, 1.4616, -2.457, -2.747, 8.0, 15.0), "lambertw": (-0.36787944117144233,), "log": (1.0,),
    "log2": (1.0,), "log10": (1.0,), "lambertw_excess": (-0.36787944117144233,),
    "j0": (2.404825557695773, 1e4, 1e8, 1e10),
    "j1": (3.831705970207512, 1e4, 1e8), "y0": (0.8935769662791675, 1e4, 1e8), "y1": (2.197141326031017, 1e4, 1e8),
    "besselj": (5.135622301840683, 5e4, 1e8), "bessely": (3.3842417671495935, 5e4, 1e8), "tand": (45.0, -300.0, 135.0),
    "tanpi": (0.25, -920.5, 0.75), "ndtr": (-38.0, -1.0, -30.0), "gelu": (-38.0, -1.0, -0.75), "normpdf": (38.0, 27.0),
    "erfc": (26.0, 1.0, 0.5), "erfcx": (1.0, 50.0), "dawsn": (1.0, 7.0, 0.924), "digamma": (1.4616321449683623, -0.504),
    "sinint": (4.0, -3.8243), "i0": (7.3399, 8.0), "ellipe": (1.0, -1.0, -2.47e11), "ellipk": (1.0, -1.0),
    "cosh": (710.4,), "sinh": (710.4,), "exp": (709.7, -708.0), "expm1": (709.7, -37.0), "logit": (0.5, 1.0),
    "erfinv": (1.0, -1.0), "erfcinv": (1.0, 2.0), "ndtri": (0.5, 1.0), "expi": (0.37250741078136663,),
    "cosint": (0.6165054856207162,), "logint": (1.4513692348833812, 1.0), "gammainc": (2.0,), "trigamma": (1e3,),
    "sin": (math.pi, 355.0), "cos": (math.pi / 2, 11.0), "tan": (math.pi / 2, 11.0), "asin": (1.0, -1.0),
    "acos": (1.0, -1.0), "atanh": (1.0, -1.0), "acosh": (1.0,), "acoth": (1.0, -1.0), "asec": (1.0, -1.0),
    "acsc": (1.0, -1.0), "mish": (-0.3, -700.0), "silu": (-700.0,), "squareplus": (1e155,), "softplus": (-700.0, 37.0),
    "airyai": (-2.338107410459767,), "airybi": (-1.1737132227091279,), "log_ndtr": (-5.0, 5.0, 38.0),
}  # fmt: skip
"""Row -> places that a library is known, or likely, to stumble at."""


def draws(random, interval, critical, count):
    """Numbers of an open interval: evenly, over all powers of ten, close to its ends and to zero, close to places."""
    low, high = interval
    even = random.uniform(max(low, -EVEN), min(high, EVEN), count)
    sign = np.where(random.random(count) < 0.5, -1.0, 1.0)
    whole = sign * 10.0 ** random.uniform(-300, 308, count)
    size = 10.0 ** random.uniform(-16, 0, count)
    ends = [end for end in (low, high) if math.isfinite(end)]
    if ends:
        end = random.choice(ends, count)
        reach = high - low if len(ends) == 2 else 1e3
        close = np.where(end == low, end + size * reach, end - size * reach)
    else:
        close = sign * 10.0 ** random.uniform(-8, 3, count)
    places = np.array(critical or (0.0,))
    place = random.choice(places, count)
    near = place + sign * size * np.maximum(np.abs(place), 1e-3) if critical else even
    kind = random.integers(0, 4, count)
    found = np.choose(kind, [even, whole, close, near])
    inside = (found > low) & (found < high)
    return np.where(inside, found, np.where((even > low) & (even < high), even, close))


def sample(row, count):
    """Columns of operands."""
    random = np.random.default_rng(20261129)
    ranges = RANGES.get(row.name, row.domain)
    columns = [draws(random, interval, CRITICAL.get(row.name), count) for interval in ranges]
    return [np.array([suitable(row, float(x)) for x in column]) for column in columns]


def references(row, columns):
    """The true values, None where there is none, and the function that says how far a double is from one."""
    tuples = list(zip(*(column.tolist() for column in columns), strict=True))
    if is_in_arb(row):
        from benchmarks.references import error, interval

        return [interval(row.name, operands) for operands in tuples], error
    return [reference(row, operands) for operands in tuples], ulps


def is_in_arb(row):
    """Whether Arb has the function, so that there can be many points."""
    from benchmarks.references import REFERENCES

    return row.name in REFERENCES


def answers(row, columns):
    """Engine or path -> its values at the points, where it can compute the row."""
    graph, _, node = applied(row)
    given = bound_to(columns)
    found = {"python": python_values(row, columns), "numpy": NUMPY.evaluate_rows(graph, given, [node])[node]}
    for name, engine in NATIVE_PATHS.items():
        if not engine.lacks(graph, [node]):
            found[name] = engine.evaluate_rows(graph, given, [node])[node]
    return found


def python_values(row, columns):
    """The scalar engine's values of as many points as it has time for."""
    graph, _, node = applied(row)
    kernel = PYTHON.kernel(row, ((),) * row.arity, graph.attributes_of(node))
    found, end = [], time.monotonic() + PATIENCE
    for operands in zip(*(column.tolist() for column in columns), strict=True):
        found.append(kernel(*operands))
        if len(found) % 100 == 0 and time.monotonic() > end:
            break
    return found


def measure(row):
    """Path -> points, worst error in ulp and its operands, worst error in mixed units and its operands."""
    columns = sample(row, MANY if is_in_arb(row) else FEW)
    exact, distance = references(row, columns)
    tuples = list(zip(*(column.tolist() for column in columns), strict=True))
    worst = {}
    for path, values in answers(row, columns).items():
        figures = {"points": 0, "ulps": 0.0, "at": None, "mixed": 0.0, "mixed at": None}
        for operands, found, true in zip(tuples, map(float, values), exact, strict=False):
            if true is None or abs(true) < LEAST or (true != true):  # nan
                continue
            figures["points"] += 1
            own = distance(found, true)
            if own > figures["ulps"]:
                figures["ulps"], figures["at"] = own, operands
            if own > figures["mixed"]:
                in_mixed = own if own <= 1 or row.name not in MIXED else in_mixed_units(row, operands, found, own)
                if in_mixed > figures["mixed"]:
                    figures["mixed"], figures["mixed at"] = in_mixed, operands
        worst[path] = figures
    return worst


def in_mixed_units(row, operands, found, own):
    """An error in units of the change that one ulp of the answer or of each operand makes."""
    if not is_in_arb(row):
        return mixed(row, operands, found, reference(row, operands))
    from benchmarks.references import interval

    here, change = interval(row.name, operands), 0.0
    unit = math.ulp(float(here))
    for place, operand in enumerate(operands):
        moved = interval(row.name, (*operands[:place], math.nextafter(operand, math.inf), *operands[place + 1 :]))
        if moved is None:
            moved = interval(row.name, (*operands[:place], math.nextafter(operand, -math.inf), *operands[place + 1 :]))
        change += abs(float((moved - here) / unit)) if moved is not None else 0.0
    return own / max(1.0, change)


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
    packages = ("numpy", "scipy", "mpmath", "llvmlite", "python-flint")
    libc = " ".join(platform.libc_ver())
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"Python {platform.python_version()}, {versions}, {libc}, {platform.machine()} ({native})."


def worst_place(row, worst):
    """Where the worst error of all paths was found, and on which."""
    unit, place = ("mixed", "mixed at") if row.name in MIXED else ("ulps", "at")
    path = max(worst, key=lambda path: worst[path][unit])
    operands = worst[path][place]
    return f"{', '.join(f'{operand:.10g}' for operand in operands)} ({path})" if operands else ""


def table(figures):
    """The document."""
    paths = ("python", "numpy", *NATIVE_PATHS)
    measured = {row: figures["rows"][row.name] for row in ELEMENTWISE if row.name in figures["rows"]}
    plain = {row: worst for row, worst in measured.items() if row.name not in MIXED}
    others = {row: worst for row, worst in measured.items() if row.name in MIXED}
    lines = [
        "# Accuracy", "",
        "Written by `python benchmarks/accuracy.py`; do not edit. The worst error found of every elementwise",
        f"operation: on up to {MANY:,} points against Arb, intervals of any number of digits, over all doubles where",
        f"the function is real, or over the range in `benchmarks/accuracy.py`; on {FEW:,} against mpmath where Arb has",
        "no such function. Part of the points crowd towards zeros, poles, ends, and places where libraries stumble;",
        "`points` says how many had a finite result above 1e-300, and `worst at` where the worst error of the row was",
        "found. Operations on shapes, sums and linear algebra have no bound of their own.", "",
        "`native` is the path that tables take on this machine; `native library` calls the vector library for every",
        "function, as where the processor has no fused multiply-add, and `native scalar` the scalar C library lane by",
        "lane, as where there is no vector library either. A dash: the engine leaves the operation to NumPy.", "",
        "Functions that cg writes out give the same digits in a table and at a point. The last digit of one that comes",
        "from a library may differ between the two, and at a point with what else is computed beside it.",
        "", f"Measured with {figures['machine']}", "",
        f"## Within {ULPS:g} ulp", "",
        "Units in the last place of the answer. The conformance suite holds every engine to this bound.", "",
        "| operation | points | " + " | ".join(paths) + " | worst at |", "|---|---:|" + "---:|" * len(paths) + "---|",
    ]  # fmt: skip
    for row, worst in plain.items():
        cells = [number(worst[path]["ulps"]) if path in worst else "-" for path in paths]
        lines.append(f"| {row.name} | {worst['numpy']['points']} | {' | '.join(cells)} | {worst_place(row, worst)} |")
    lines += [
        "", "## Beyond", "",
        "Where the answer is small beside what the rounding of an operand does to it (next to a zero, in a tail), an",
        "ulp of the answer is not the right unit. These operations are bounded in *mixed units*: the change of the",
        "answer that one ulp of the answer or of each operand makes. Each cell says mixed units, then ulp of the",
        "answer.",
        "", "| operation | points | bound | " + " | ".join(paths) + " | worst at |",
        "|---|---:|---:|" + "---:|" * len(paths) + "---|",
    ]  # fmt: skip
    for row, worst in others.items():
        cells = [
            f"{number(found['mixed'])} ({number(found['ulps'])})" if found else "-" for found in map(worst.get, paths)
        ]
        start = f"| {row.name} | {worst['numpy']['points']} | {bound(row):g} |"
        lines.append(f"{start} {' | '.join(cells)} | {worst_place(row, worst)} |")
    return "\n".join(lines) + "\n"


def broken(figures):
    """What does not keep its bound, in words."""
    rows = {row.name: row for row in ELEMENTWISE}
    return [
        f"{name} on {path}: {found['mixed' if name in MIXED else 'ulps']:.3g} at "
        f"{found['mixed at' if name in MIXED else 'at']}, bound {bound(rows[name])}"
        for name, worst in figures["rows"].items()
        if name in rows
        for path, found in worst.items()
        if found["mixed" if name in MIXED else "ulps"] > bound(rows[name])
    ]


def main(arguments):
    """Measure what is asked for, write figures and table, report."""
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {"rows": {}}
    known = {row.name: row for row in ELEMENTWISE if row.arity}
    if "--table" not in arguments:
        figures["machine"] = machine()
        for name in arguments or known:
            start = time.monotonic()
            figures["rows"][name] = measure(known[name])
            print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
            FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    figures["rows"] = {name: worst for name, worst in figures["rows"].items() if name in known}
    TARGET.write_text(table(figures), encoding="utf-8")
    failures = broken(figures)
    print("\n".join(failures) or f"every bound holds; {len(figures['rows'])} operations", file=sys.stderr)
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
