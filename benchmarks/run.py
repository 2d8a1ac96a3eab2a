"""Run all benchmarks and write docs/performance.md: the machine, the tables, and every aim with what was measured.

    python benchmarks/run.py [--keep FOLDER]      run everything (some ten minutes), keep the JSON of each in a folder
    python benchmarks/run.py --from FOLDER        write the document from a folder that was kept

Each benchmark is a process of its own; inside, cg and its peers take turns. An aim that is not met is a result, not
an error.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import adbench
import graphs
import growth
import rows
import startup
from harness import machine, markdown

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "docs" / "performance.md"
BENCHMARKS = ("rows", "graphs", "adbench", "growth", "startup")
TRANSCENDENTAL = ("exp(sin(x*x))*y", "Black–Scholes", "perceptron 10-16-1")
ARITHMETIC = ("polynomial of degree 10",)

LIMITS = {
    "rows": "The peers' own cost shrinks where few functions are called per input that is read. Next: a look at the "
    "instructions per cycle of the vector functions, which are libmvec's.",
    "copy": "Reading and writing memory. A result is a new array, and the system clears and maps its pages on their "
    "first use, which costs as much as the copy. Next: let the caller give the arrays for the results (`out=`).",
    "gradient of rows": "The value reads the inputs and writes one column; with the gradient there is one more column "
    "to write for each input, so that a cheap formula is bound by memory. Next: blocks that stay in the cache where "
    "the caller reduces them, and `out=`.",
    "graph": "The checks of names and values are part of the call (the lines `engine alone` have neither). What "
    "remains is gathering operands from memory, which no longer fits the cache at a million nodes. Next: order the "
    "nodes of a run by the places of their operands.",
    "differentiate": "One backward loop writes every derivative node and a hash table makes equal ones one; both miss "
    "the cache. Next: hash only those patterns that can meet an equal one.",
    "read": "Scanning and parsing is a small part; lowering to the graph with its names, and the hash table of nodes, "
    "are most of it. Next: lower while the parser reduces, without the syntax table between.",
    "growth": "Caches: what fits them at a hundred thousand does not at a million. The slope of a single decade that "
    "crosses the last cache is above 1 for every library that gathers.",
}  # fmt: skip
"""By kind of aim: what limits a result that is not met, and what would be tried next."""


class Aim(NamedTuple):
    """An aim, what was measured, and the bound, which is a least or a largest ratio."""

    kind: str
    what: str
    measured: float
    bound: float
    least: bool

    @property
    def met(self) -> bool:
        """Whether the measured ratio keeps the bound."""
        return self.measured >= self.bound if self.least else self.measured <= self.bound


def aims_of_rows(found: dict[str, Any]) -> Iterator[Aim]:
    """Rows beside the best of the peers, beside copying, and gradients beside values."""
    for name, tasks in found["ns"].items():
        value, both = tasks["value"], tasks["value and gradient"]
        if name in TRANSCENDENTAL:
            for task, times in tasks.items():
                best = min((times[peer] for peer in ("numexpr", "JAX", "PyTorch") if peer in times), default=None)
                if best is not None:
                    yield Aim("rows", f"{name}, {task}: the best of numexpr, JAX, PyTorch over cg",
                              best / times["cg"], 8, True)  # fmt: skip
        if name in ARITHMETIC:
            yield Aim("copy", f"{name}: cg over copying", value["cg"] / value["copy"], 1.5, False)
        yield Aim("gradient of rows", f"{name}: value and gradient over value", both["cg"] / value["cg"], 2, False)


def aims_of_graphs(found: dict[str, Any]) -> Iterator[Aim]:
    """Graphs beside CasADi at the largest size, and reading beside Python's parser."""
    sizes = sorted(found["ns"], key=int)
    largest = found["ns"][sizes[-1]]
    for task, bound in (("value", 0.6), ("gradient", 0.5), ("differentiate", 0.5)):
        for shape, tasks in largest.items():
            if "CasADi" in tasks[task]:
                kind = "differentiate" if task == "differentiate" else "graph"
                yield Aim(kind, f"{shape}, {int(sizes[-1]):,} nodes, {task}: cg over CasADi",
                          tasks[task]["cg"] / tasks[task]["CasADi"], bound, False)  # fmt: skip
    for size in reversed(sizes):
        if any("ast.parse" in tasks["read"] for tasks in found["ns"][size].values()):
            for shape, tasks in found["ns"][size].items():
                times = tasks["read"]
                yield Aim("read", f"{shape}, {int(size):,} nodes: ast.parse over cg", times["ast.parse"] / times["cg"],
                          30, True)  # fmt: skip
            return


def aims_of_growth(found: dict[str, Any]) -> Iterator[Aim]:
    """Exponents over rows and nodes."""
    for what in ("rows", "nodes"):
        for task, value in found[what]["exponents"].items():
            yield Aim("growth", f"{task}: exponent over {what}", value, growth.AIM, False)


def aims(found: dict[str, Any]) -> list[Aim]:
    """All of them."""
    return [
        *aims_of_rows(found["rows"]), *aims_of_graphs(found["graphs"]), *aims_of_growth(found["growth"]),
    ]  # fmt: skip


def table_of_aims(all_aims: list[Aim]) -> str:
    """What was measured beside the bound."""
    lines = [
        [aim.what, f"{aim.measured:.2f}", f"{'≥' if aim.least else '≤'} {aim.bound:g}", "met" if aim.met else "**no**"]
        for aim in all_aims
    ]
    return markdown(["aim", "measured", "bound", ""], lines)


def reasons(all_aims: list[Aim]) -> str:
    """What limits the results that are not met."""
    kinds = dict.fromkeys(aim.kind for aim in all_aims if not aim.met)
    lines = []
    for kind in kinds:
        missed, count = sum(aim.kind == kind and not aim.met for aim in all_aims), sum(a.kind == kind for a in all_aims)
        lines.append(f"- **{kind}** ({missed} of {count} not met). {LIMITS[kind]}")
    return "\n".join(lines) or "All are met."


def document(found: dict[str, Any]) -> str:
    """docs/performance.md."""
    versions: dict[str, str] = {}
    for each in found.values():
        versions.update(each.get("versions", {}))
    all_aims = aims(found)
    names = ", ".join(f"{name} {number}" for name, number in versions.items())
    tables = {
        f"Tables of {found['rows']['rows']:,} rows": rows_tables(found["rows"]),
        "Graphs of scalar nodes": graphs.tables(found["graphs"]["ns"], found["graphs"]["bytes"]),
        "Problems of ADBench": "Milliseconds (times that of cg).\n\n"
        + adbench.table(found["adbench"]["ms"], found["adbench"]["versions"]),
        "Growth": growth.table({what: found["growth"][what] for what in ("rows", "nodes")}),
        "Cold start": markdown(
            ["command", "ms", "of a bare interpreter"],
            [[name, f"{time:.1f}", f"{time / found['startup']['ms'][startup.BARE]:.1f}"]
             for name, time in found["startup"]["ms"].items()],
        ),
    }  # fmt: skip
    sections = "\n\n".join(f"## {title}\n\n{table}" for title, table in tables.items())
    return f"""# Performance

Written by `python benchmarks/run.py`; do not edit. See benchmarks/README.md for what is measured and how.

Measured on {found["rows"]["machine"]}. {names}. All numbers are float64. Every library had to agree with cg before it
was timed; medians of runs that take turns. Numbers in brackets say how many times the time of cg a peer takes: above 1,
cg is faster.

## Aims

{sum(aim.met for aim in all_aims)} of {len(all_aims)} are met.

{table_of_aims(all_aims)}

### What limits the others

{reasons(all_aims)}

{sections}
"""


def rows_tables(found: dict[str, Any]) -> str:
    """Nanoseconds a row by formula and library."""
    columns = [*found["versions"], "copy"]
    parts = []
    for task in ("value", "value and gradient"):
        lines = [[name, *(rows.cell(tasks[task], peer) for peer in columns)] for name, tasks in found["ns"].items()]
        parts.append(markdown([f"{task}, ns a row", *columns], lines))
    return "\n\n".join(parts)


def run_all(folder: Path) -> None:
    """Run each benchmark in a process of its own; its JSON goes to the folder."""
    for name in BENCHMARKS:
        print(f"{name} …", file=sys.stderr)
        words = [sys.executable, str(HERE / f"{name}.py")]
        path = folder / f"{name}.json"
        if name == "startup":
            done = subprocess.run([*words, "--json"], capture_output=True, text=True, check=True)
            path.write_text(json.dumps({"machine": machine(), "ms": json.loads(done.stdout)}), encoding="utf-8")
        else:
            subprocess.run([*words, "--json", str(path)], stdout=subprocess.DEVNULL, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="where the JSON of each benchmark is kept")
    parser.add_argument("--from", dest="source", metavar="FOLDER", type=Path, help="do not run; read what was kept")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, default=TARGET)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.source or options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not options.source:
            run_all(folder)
        found = {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in BENCHMARKS}
    options.output.write_text(document(found), encoding="utf-8")
    print(f"wrote {options.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
