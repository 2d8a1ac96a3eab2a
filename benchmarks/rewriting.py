"""`cg check` on the problems of Herbie and FPBench: what its better forms gain, and where they are worse.

    git clone https://github.com/herbie-fp/herbie
    python benchmarks/rewriting.py herbie/bench/hamming [--mode point] [--improve]

Modes: `point`, at one point that loses more than four digits; `range`, over what the problem's condition says, or all
doubles; `rows`, at 64 of its points as a table. Points are drawn as Herbie draws them, evenly among all doubles. The
judge is mpmath (`fpcore.py`); 128 points, of which `check` has seen one, none, or half.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import warnings
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import fpcore
import numpy as np

import cgcli as cg
from cgcli.formulas.digits import check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

POINTS, FEWEST = 128, 16
MANY, GAINED = 4.0, 0.9
"""Mean of the lost digits from which on a problem counts, and the part of them that a form should gain."""

LUCK, WORSE, HARDLY = 0.6, 0.3, 14.0
"""A form is worse where it loses WORSE digits more than the given one and than LUCK, four roundings; not where the
given one has lost HARDLY digits and more."""


def problems(folder: Path) -> Iterator[tuple[fpcore.Problem, str, list[tuple[dict[str, float], Any, float]]]]:
    """Problems that lose many digits, as formulas, with points: inputs, true value, digits lost."""
    told: set[str] = set()
    for problem in fpcore.read_folder(folder):
        try:
            text = fpcore.formula(problem)
        except (fpcore.Unsupported, KeyError):
            continue
        key = f"{text} {problem.condition}"
        if key in told:
            continue
        told.add(key)
        formula, names = cg.parse(text), fpcore.names_of(problem)
        seed = int(hashlib.sha256(key.encode()).hexdigest(), 16)
        points = []
        for at, true in fpcore.points(problem, POINTS, random.Random(seed)):
            given = {names[name]: value for name, value in at.items() if names[name] in formula.inputs}
            points.append((given, true, fpcore.lost(float(formula.eval(given)), true)))
        if len(points) >= FEWEST and fpcore.mean([lost for *_, lost in points]) > MANY:
            yield problem, text, points


def asked(problem: fpcore.Problem, formula: cg.Formula, points: Any, mode: str) -> dict[str, Any]:
    """What `check` is given of a problem."""
    if mode == "point":
        bad = sorted((point for point in points if point[2] > MANY), key=lambda point: point[2])
        return {"values": bad[len(bad) // 2][0]}
    if mode == "range":
        names, parts = fpcore.names_of(problem), fpcore.ranges(problem)
        return {"values": {}, "ranges": {names[name]: ends for name, ends in parts.items()
                                         if names[name] in formula.inputs}}  # fmt: skip
    columns = {name: np.array([at[name] for at, *_ in points[::2]]) for name in formula.inputs}
    return {"values": {}, "points": columns}


def main() -> None:
    """Measure, and print a line a problem and the shares."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--mode", choices=["point", "range", "rows"], default="rows")
    options.add_argument("--improve", action="store_true")
    given = options.parse_args()
    warnings.simplefilter("ignore")
    gains, worse, seconds = [], 0, []
    for problem, text, points in problems(given.folder):
        formula = cg.parse(text)
        begun = process_time()
        try:
            found = check(formula, improve=given.improve, **asked(problem, formula, points, given.mode)).rewritings
        except cg.CgError:
            found = []
        seconds.append(process_time() - begun)
        before = fpcore.mean([lost for *_, lost in points])
        after, bad = before, 0
        if found:
            form = cg.parse(found[0].formula)
            values = [float(form.eval({name: at[name] for name in form.inputs})) for at, *_ in points]
            lost = [fpcore.lost(value, true) for value, (_, true, _) in zip(values, points, strict=True)]
            after = fpcore.mean(lost)
            bad = sum(
                new > max(old, LUCK) + WORSE and old < HARDLY for new, (*_, old) in zip(lost, points, strict=True)
            )
        gains.append((before - after) / before)
        worse += bad > 0
        print(
            f"{before:5.1f} -> {after:4.1f}  worse at {bad:3} points  {seconds[-1]:5.2f} s  {problem.name}", flush=True
        )
    many = sum(gain >= GAINED for gain in gains)
    print(f"{many} of {len(gains)} gain {GAINED:.0%} of the lost digits; {worse} are worse at a point; seconds of the "
          f"processor: median {sorted(seconds)[len(seconds) // 2]:.2f}, most {max(seconds):.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
