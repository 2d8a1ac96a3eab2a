"""A fit of a file larger than memory beside reading it once with pyarrow: seconds, rows a second, the peak of memory.

    python benchmarks/streaming.py [--gb 10] [--format parquet|csv] [--folder /tmp] [--json FILE]

The file, doubles without compression, is made in a folder of its own and goes with it. The fit runs in a process of
its own, whose peak is its memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from fitting import NAMES, START, TEXT, data
from harness import PACKAGES, installed, machine, written

PACKAGES |= {"pyarrow": "pyarrow"}

PART = 2_000_000
"""Rows that are made at once."""
BYTES = {"parquet": 16, "csv": 37}
"""Of a row of two doubles, about."""

CHILD = """
import json, time
import cgcli
from cgcli.fitting.rows_problem import RowsProblem
passes = []
def counted(method):
    def run(self, *given):
        begin = time.perf_counter()
        found = method(self, *given)
        passes.append((self.rows, time.perf_counter() - begin))
        return found
    return run
RowsProblem.reduced = counted(RowsProblem.reduced)
begin = time.perf_counter()
found = cgcli.parse({text!r}).fit({path!r}, target="y", start={start!r})
seconds = time.perf_counter() - begin
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
whole = [taken for rows, taken in passes if rows == found.rows]
print(json.dumps({{"seconds": seconds, "peak MB": peak, "rows": found.rows, "evaluations": found.evaluations,
                   "whole passes": len(whole), "a pass": sum(whole) / len(whole), "values": found.values}}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gb", type=float, default=10.0)
    parser.add_argument("--format", choices=tuple(BYTES), default="parquet")
    parser.add_argument("--folder", default=None)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    peers = installed(["cg", "NumPy", "pyarrow"])
    print(f"{machine()}; {', '.join(f'{name} {version}' for name, version in peers.items())}")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder, f"decays.{options.format}")
        make(path, options.format, int(options.gb * 1e9 / BYTES[options.format]))
        size = path.stat().st_size / 1e9
        alone = read_alone(path, options.format)
        code = CHILD.format(text=TEXT, path=str(path), start=dict(zip(NAMES, START, strict=True)))
        answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    print(f"{options.format}, {size:.2f} GB, {found['rows']:,} rows, peak {found['peak MB']:.0f} MB")
    print(f"reading it with pyarrow alone: {alone:.1f} s, {found['rows'] / alone / 1e6:.1f} million rows/s")
    print(f"the fit: {found['seconds']:.1f} s; {found['whole passes']} evaluations with derivatives over all rows, "
          f"{found['a pass']:.1f} s each ({found['a pass'] / alone:.2f} × reading), "
          f"{found['rows'] / found['a pass'] / 1e6:.1f} million rows/s")  # fmt: skip
    written(options.json, {"machine": machine(), "versions": peers, "GB": size, "reading": alone, **found})


def make(path: Path, kind: str, rows: int) -> None:
    """The file, part by part."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    schema = pa.schema([("t", pa.float64()), ("y", pa.float64())])
    opened: Any = csv.CSVWriter(path, schema) if kind == "csv" else parquet.ParquetWriter(
        path, schema, compression="none", use_dictionary=False, write_statistics=False)  # fmt: skip
    with opened as writer:
        for part, first in enumerate(range(0, rows, PART)):
            writer.write_table(pa.table(data(min(PART, rows - first), seed=part)))


def read_alone(path: Path, kind: str) -> float:
    """Seconds of reading the file once, batch by batch."""
    from pyarrow import csv, parquet

    begin = perf_counter()
    batches = csv.open_csv(path) if kind == "csv" else parquet.ParquetFile(path).iter_batches(batch_size=1 << 18)
    for _ in batches:
        pass
    return perf_counter() - begin


if __name__ == "__main__":
    main()
