"""Tables on a cluster of processes that are killed in the middle: nothing is lost, and nothing is computed twice.

    python -m tests.cluster.killing [--runs 20] [--parts 24] [--workers 2] [--seed 0]

Every run computes rows in parts, and a sum, while workers are killed at any moment; both must be what one process
gives, to the bit. A small one of it is a test.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import cgcli as cg
from cgcli.cluster import pieces
from cgcli.cluster.dask_executor import DaskExecutor, end_workers
from cgcli.cluster.executor import LocalExecutor
from cgcli.cluster.running import TableRun
from cgcli.rows.sources import Source

TEXT = "exp(-a*x)*y + sum([sin(x*k) for k in range(40)])"


def write_parts(folder: Path, count: int, rows: int) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    draw = np.random.default_rng(0)
    for place in range(count):
        table = pa.table({"x": draw.random(rows), "y": draw.random(rows)})
        parquet.write_table(table, folder / f"part-{place:03}.parquet")


class Killer:
    """Kills workers of a cluster while a block runs: one after each of some delays."""

    def __init__(self, executor: DaskExecutor, delays: list[float], draw: random.Random) -> None:
        self.killed = 0
        self._executor = executor
        self._delays = delays
        self._draw = draw
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._kill)

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _kill(self) -> None:
        for delay in self._delays:
            if self._ended.wait(delay):
                return
            processes = [nanny.process.process.pid for nanny in self._executor._cluster.workers.values()
                         if nanny.process and nanny.process.process]  # fmt: skip
            if processes:
                os.kill(self._draw.choice(processes), signal.SIGKILL)
                self.killed += 1


def rows_of(folder: Path, out: Path, executor: object, delays: tuple[float, ...] = ()) -> TableRun:
    """The rows of a folder in parts."""
    run = TableRun(cg.parse(TEXT), Source(str(folder)), {"a": 0.7}, {}, folder=str(out))
    run.run(executor)
    return run


def contents(out: Path) -> list[bytes]:
    """The bytes of all parts."""
    return [path.read_bytes() for path in sorted(out.glob("part-*.parquet"))]


def trial(executor: DaskExecutor, folder: Path, out: Path, expected: list[bytes], total: object, seed: int) -> int:
    """One run of each kind with kills in the middle; returns how many there were."""
    draw = random.Random(seed)
    with Killer(executor, [draw.uniform(0.05, 0.4)], draw) as killer:
        rows_of(folder, out, executor)
        killed = killer.killed
    assert contents(out) == expected, "rows were lost or changed"
    with Killer(executor, [draw.uniform(0.0, 0.2)], draw) as killer:
        found = cg.parse(TEXT).grad_sum(str(folder), a=0.7, cluster=executor)
        killed += killer.killed
    assert found == total, "the sum changed"
    return killed


def soak(runs: int, parts: int, workers: int, seed: int) -> None:
    """Many trials."""
    pieces.SECONDS = 1e-9
    with tempfile.TemporaryDirectory() as name, DaskExecutor(workers) as executor:
        folder, alone = Path(name) / "table", Path(name) / "alone"
        folder.mkdir()
        write_parts(folder, parts, 100_000)
        rows_of(folder, alone, LocalExecutor())
        total = cg.parse(TEXT).grad_sum(str(folder), a=0.7)
        end_workers(executor._cluster)  # as if they were killed while they started: nobody restarts them
        assert cg.parse(TEXT).grad_sum(str(folder), a=0.7, cluster=executor) == total
        print("workers that nobody restarts were replaced", flush=True)
        for place in range(runs):
            begin = time.monotonic()
            killed = trial(executor, folder, Path(name) / f"out-{place}", contents(alone), total, seed + place)
            print(f"run {place + 1}: {killed} killed, nothing lost, {time.monotonic() - begin:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--parts", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    soak(options.runs, options.parts, options.workers, options.seed)


if __name__ == "__main__":
    main()
