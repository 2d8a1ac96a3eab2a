"""A few damaged files of each kind; `python -m tests.hostile.tables` tries as many as one likes."""

from __future__ import annotations

import sys
from random import Random

import pytest

pytest.importorskip("pyarrow", reason="some of the files are of its formats")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a reader that crashes is seen from a fork")

TRIALS = 8
SEED = 2026


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork")
@pytest.mark.parametrize(
    "kind", ["npy", "npz", "packed npz", "array", "arrow file", "arrow stream", "parquet", "csv", "json lines", "graph"]
)
def test_damaged_files(kind, tmp_path) -> None:
    from tests.hostile import tables

    for number in range(TRIALS):
        folder = tmp_path / str(number)
        folder.mkdir()
        tables.check(kind, Random(f"{SEED}/{kind}/{number}"), folder)
