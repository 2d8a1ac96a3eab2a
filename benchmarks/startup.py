"""Cold start of the commands beside a bare interpreter and other calculators, in interleaved processes.

    python benchmarks/startup.py [--rounds 15] [--json]

Peers that are not installed are left out. Every calculator must give the same answer before it is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

BARE = "bare interpreter"
ANSWER = "9"


def commands(folder: Path) -> dict[str, tuple[list[str], str, str | None]]:
    """Name -> words, standard input, and what must be in the answer (None: not looked at)."""
    python, cg = sys.executable, [sys.executable, "-m", "cgcli"]
    installed = shutil.which("cg", path=str(Path(python).parent))
    if installed:
        cg = [installed]
    formula, values = "(x+y)*z", ["x=1", "y=2", "z=3"]
    sympy = "import sympy; print(sympy.sympify('(x+y)*z').subs({'x': 1, 'y': 2, 'z': 3}))"
    sympy_grad = "import sympy; f = sympy.sympify('(x+y)*z'); print(f.diff('x').subs({'z': 9}))"
    found: dict[str, tuple[list[str], str, str | None]] = {
        BARE: ([python, "-c", "pass"], "", None),
        "cg eval": ([*cg, "eval", formula, *values], "", ANSWER),
        "cg grad": ([*cg, "grad", formula, *values], "", "d/dz = 3"),
        "cg eval --json": ([*cg, "eval", formula, *values, "--json"], "", ANSWER),
        "cg trace": ([*cg, "trace", formula, *values], "", ANSWER),
        "cg draw (svg)": ([*cg, "draw", formula, *values, "--grad", "-o", str(folder / "graph.svg")], "", None),
        "cg --help": ([*cg, "--help"], "", "eval"),
        "SymPy, value": ([python, "-c", sympy], "", ANSWER),
        "SymPy, derivative": ([python, "-c", sympy_grad], "", ANSWER),
        "bc": (["bc"], "(1+2)*3\n", ANSWER),
        "qalc": (["qalc", "-t", "(1+2)*3"], "", ANSWER),
        "maxima": (["maxima", "--very-quiet", "--batch-string=print((1+2)*3)$"], "", ANSWER),
    }
    return {name: entry for name, entry in found.items() if works(*entry)}


def works(words: list[str], given: str, expected: str | None) -> bool:
    """Whether a command is there and gives the answer."""
    if shutil.which(words[0]) is None:
        return False
    done = subprocess.run(words, input=given, capture_output=True, text=True, check=False, env=environment())
    return done.returncode == 0 and (expected is None or expected in done.stdout)


def environment() -> dict[str, str]:
    """As a user has it: Python keeps its compiled modules."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def measure(rounds: int) -> dict[str, float]:
    """Median milliseconds a command."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = commands(Path(folder))
        times: dict[str, list[float]] = {name: [] for name in chosen}
        for _ in range(rounds):
            for name, (words, given, _expected) in chosen.items():
                begin = perf_counter()
                subprocess.run(words, input=given.encode(), capture_output=True, check=False, env=environment())
                times[name].append((perf_counter() - begin) * 1e3)
    return {name: median(each) for name, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.rounds)
    if options.json:
        print(json.dumps(found))
        return
    print("| command | ms | of a bare interpreter |")
    print("|---|---:|---:|")
    for name, time in found.items():
        print(f"| {name} | {time:.1f} | {time / found[BARE]:.1f} |")


if __name__ == "__main__":
    main()
