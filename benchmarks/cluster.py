"""Formulas over Parquet: one process, workers of Dask, and a loop over pyarrow's batches written by hand.

    python benchmarks/cluster.py [--rows 4000000] [--files 8] [--rounds 3] [--steps 200]

Results are written in parts by all. The loop computes with NumPy and reads only the columns that it needs. A cheap
formula, and one whose row costs a microsecond or more. Starting the processes is told apart. Sums are compared for 1,
2 and 3 workers, bit by bit, and for steps with changing weights, each with what one process gives.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import dask
import numpy as np
import pyarrow as pa
from pyarrow import parquet

import cgcli as cg
from cgcli.cluster.executor import LocalExecutor
from cgcli.cluster.running import TableRun
from cgcli.rows.sources import Source

TERMS = 60
FORMULAS = {
    "cheap": "c*exp(-x)*y + x*y",
    "dear": f"c*exp(-x)*y + sum([sin(x*k)*exp(-y*k) for k in range({TERMS})])",
}


def by_hand(name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same formulas with NumPy."""
    found = 2.0 * np.exp(-x) * y
    if name == "cheap":
        return found + x * y
    for k in range(TERMS):
        found += np.sin(x * k) * np.exp(-y * k)
    return found


def loop(name: str, table: Path, out: Path) -> None:
    """Batches of pyarrow through NumPy into parts."""
    for path in sorted(table.glob("*.parquet")):
        with parquet.ParquetWriter(out / path.name, pa.schema([("result", pa.float64())])) as writer:
            for batch in parquet.ParquetFile(path).iter_batches(131_072, columns=["x", "y"]):
                x, y = (batch.column(each).to_numpy() for each in ("x", "y"))
                writer.write(pa.record_batch({"result": by_hand(name, x, y)}))


def write_table(folder: Path, rows: int, files: int) -> None:
    draw = np.random.default_rng(0)
    for place in range(files):
        count = rows // files
        columns = {each: draw.random(count) for each in ("x", "y", "z", "u")}
        parquet.write_table(pa.table(columns), folder / f"part-{place:03}.parquet", row_group_size=250_000)


def timed(rounds: int, work: Path, **ways: Callable[[Path], None]) -> dict[str, float]:
    """Medians; ways take turns, and each writes into a new folder."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):  # the first one compiles
        for name, way in ways.items():
            out = work / f"{name}-{turn}"
            out.mkdir()
            start = perf_counter()
            way(out)
            if turn:
                taken[name].append(perf_counter() - start)
            shutil.rmtree(out)
    return {name: median(times) for name, times in taken.items()}


def through(name: str, table: Path, executor: object) -> Callable[[Path], None]:
    def way(out: Path) -> None:
        TableRun(cg.parse(FORMULAS[name]), Source(str(table)), {"c": 2.0}, {}, folder=str(out)).run(executor)

    return way


def compare(table: Path, work: Path, rows: int, rounds: int) -> None:
    start = perf_counter()
    with cg.Cluster("local:1") as one, cg.Cluster("local:2") as two:
        print(f"starting 1 and 2 workers: {perf_counter() - start:.1f} s")
        for name in FORMULAS:
            found = timed(
                rounds, work, hand=lambda out, name=name: loop(name, table, out),
                here=through(name, table, LocalExecutor()),
                one=through(name, table, one), two=through(name, table, two),
            )  # fmt: skip
            print(f"{name}: by hand {found['hand'] / rows * 1e9:.0f} ns a row")
            for way, told in (("here", "one process"), ("one", "1 worker"), ("two", "2 workers")):
                print(f"  {told}: {found[way] / rows * 1e9:.0f} ns a row, {found[way] / found['hand']:.2f} × the loop")


def compare_sums(table: Path, steps: int) -> None:
    formula = cg.parse("(a*exp(-b*x) - y)^2")
    data, draw = str(table), np.random.default_rng(0)
    points = [dict(zip("ab", map(float, draw.random(2)), strict=True)) for _ in range(steps)]
    alone = [formula.grad_sum(data, **point) for point in points]
    for workers in (1, 2, 3):
        with cg.Cluster(f"local:{workers}") as cluster:
            start = perf_counter()
            found = [formula.grad_sum(data, **point, cluster=cluster) for point in points]
            seconds = perf_counter() - start
        same = sum(each == other for each, other in zip(found, alone, strict=True))
        took = f"{seconds / steps * 1e3:.0f} ms each"
        print(f"{workers} workers: {same} of {steps} sums have the bits of one process, {took}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    print(f"dask {dask.__version__}, pyarrow {pa.__version__}, NumPy {np.__version__}, cg {cg.__version__}")
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "table"
        table.mkdir()
        write_table(table, options.rows, options.files)
        compare(table, Path(name), options.rows, options.rounds)
        compare_sums(table, options.steps)


if __name__ == "__main__":
    main()
