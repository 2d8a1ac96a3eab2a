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
TRANSCENDENTAL = ("exp(sin(x*x))*y", "Black–Scholes", "physics, 12 inputs", "perceptron 10-16-1")
ARITHMETIC = ("polynomial of degree 10",)

LIMITS = {
    "rows": (
        "Bound by memory or by the multipliers. exp(sin(x*x))*y takes about as long as copying its columns (compare "
        "the tables). Measured by kernels whose columns stay in the cache, on one thread, in ns a row: exp 0.47, log "
        "0.56, sin and cos 0.76, both of one operand 0.85, tanh 0.77, erf 1.2 (libmvec), sqrt 0.4, a division 0.15. "
        "A core multiplies eight numbers a cycle: exp is 14 products, tanh 20 and a division. So the perceptron (16 "
        "tanh, 160 products) takes 22 on one thread; Black–Scholes takes 7, of which the two erf are a third. Next: "
        "erf written out, with fewer products by tables in registers; stores that go past the cache."
    ),
    "copy": (
        "Not profiled. Mapping the pages of a new result was suspected and is not the cause: copying into a "
        "new array takes as long as into a kept one (0.25 ns a row)."
    ),
    "gradient of rows": (
        "Counted, for the polynomial: value and derivative are 30 products and 20 sums where the value is 10 and 10, "
        "where forward mode would take 20 and 20, but there are no forward rules. Elsewhere one more column is written "
        "for each input. Next: stores that go past the cache for "
        "results that do not fit into it."
    ),
    "graph": (
        "Measured: a deep graph takes one jump a node, about 1 ns, and every step of the pendulum waits for its sine, "
        "some 45 cycles, whatever is done beside it. Next: one block of code for a sequence of nodes that comes again "
        "and again."
    ),
    "differentiate": (
        "Profiled: the backward loop (`passes.stamping.stamp`) takes 55 to 70 % of the time, half of it to find "
        "equal nodes; freeing the table of the nodes that were built one by one takes 10 to 20 %, telling the "
        "patterns apart 5 to 10 %. Next: a tighter loop for the pairs of a sum."
    ),
    "read": (
        "Profiled at 100,000 nodes: the compiled loop that scans and parses takes more than half of the time (a third "
        "of that for scanning, 30 % for the table of words), lowering 30 ns a statement, writing the graph 8. Long "
        "literals go through Python's `float` in part. Next: literals rounded in the loop, fewer rows in the syntax "
        "table."
    ),
    "growth": (
        "Profiled in part: at ten million statements the columns of the syntax table are memory that was never "
        "touched, and mapping its pages takes longer than reading; in a smaller text the memory of the one before is "
        "used again."
    ),
}
"""By kind of aim: what is known about a result that is not met. What was not measured is called so."""


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
                margin = " (by a wide margin, taken as half)" if task == "differentiate" else ""
                yield Aim(kind, f"{shape}, {int(sizes[-1]):,} nodes, {task}: cg over CasADi{margin}",
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
        each = found[what]
        for task, value in each["exponents"].items():
            last = growth.exponent(each["sizes"], each["seconds"][task], 1)
            name = f"{task}: exponent over {what} ({last:.2f} in the last decade alone)"
            yield Aim("growth", name, value, growth.AIM, False)


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

An exponent far below 1 says that what is the same at every size, or a change of method on the way up, hides the
growth; then the last decade says more. A node is one of the recipe; cg makes equal nodes one, and in the random graphs
has up to a tenth fewer to compute (see the table of bytes).

### What is known about the others

The figures of this section were profiled once, when this text was written, on the machine described above; the
command does not measure them anew.

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
