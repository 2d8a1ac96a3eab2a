"""A real cluster of processes: a worker that is killed loses nothing, errors are told, and no process stays behind.

`python -m tests.cluster.killing` does the same for as long as one likes.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from contextlib import suppress

import pytest

import cgcli as cg
from cgcli.cluster import dask_executor, pieces
from cgcli.cluster.executor import LocalExecutor, opened
from tests.cluster.killing import TEXT, contents, rows_of, trial, write_parts
from tests.transcripts import run

pytest.importorskip("pyarrow", reason="the extra `data` is not installed")
pytest.importorskip("distributed", reason="the extra `dask` is not installed")

pytestmark = pytest.mark.filterwarnings("ignore:::distributed", "ignore:::tornado")


@pytest.fixture(scope="module")
def executor():
    executor = opened("local:2")
    workers = executor.workers
    yield executor
    executor.close()
    deadline = time.monotonic() + 20
    while any(map(lives, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(lives, workers))


def lives(process):
    """Whether a process is there; one that ended and that nobody waited for is not."""
    with suppress(OSError), open(f"/proc/{process}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "SECONDS", 1e-9)
    (tmp_path / "table").mkdir()
    write_parts(tmp_path / "table", 6, 30_000)
    return tmp_path / "table"


@pytest.mark.skipif(not hasattr(os, "kill") or sys.platform == "win32", reason="workers are killed by a signal")
def test_a_worker_that_is_killed_loses_nothing(executor, table, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_executor, "GONE", 4.0)  # one that was killed while it started is replaced sooner
    rows_of(table, tmp_path / "alone", LocalExecutor())
    total = cg.parse(TEXT).grad_sum(str(table), a=0.7)
    assert trial(executor, table, tmp_path / "out", contents(tmp_path / "alone"), total, seed=1) >= 0


def test_a_file_that_a_worker_does_not_see_is_named():
    failure = dask_executor.done(opened_file, pickle.dumps(None), "nowhere/part.parquet")
    error = failure.error()
    assert error.message == "a worker of the cluster finds no `nowhere/part.parquet`"
    assert "whole paths" in error.hint


def opened_file(_job, path):
    return os.stat(path)


def test_large_values_go_along_and_steps_have_no_stale_answer(executor, table):
    import numpy as np

    formula = cg.parse("input w[40000]; sum(w)*x - y")
    for step in range(3):
        w = np.full(40_000, 1e-5 * step)
        found, alone = (formula.grad_sum(str(table), w=w, cluster=each) for each in (executor, None))
        assert found[0] == alone[0]
        assert np.array_equal(found[1]["w"], alone[1]["w"])


def test_errors_of_a_worker_are_told_as_here(executor, tmp_path, monkeypatch, capfd):
    (tmp_path / "bad.csv").write_text("x,y\n1,2\n3,abc\n")
    monkeypatch.setattr("cgcli.cluster.executor.opened", lambda word: Borrowed(executor))
    words = ["eval", "log(x - 1) + y", "--data", str(tmp_path / "bad.csv")]
    for more in (["--missing", "error"], ["--missing", "skip", "--strict"], []):
        alone = run([*words, *more, "--json"])
        there = run([*words, *more, "--json", "--cluster", "local:2"])
        assert there[0] == alone[0]
        lines, here = there[1].splitlines()[1:], alone[1].splitlines()[1:]
        assert lines == here[: -1 if here[-1].startswith("cg why") else None]  # `cg why` reads no table by a cluster
        assert "Traceback" not in there[1]
    assert capfd.readouterr().err == ""


class Borrowed(LocalExecutor):
    """An executor that stays open."""

    def __init__(self, executor):
        self._executor = executor

    def run(self, function, job, tasks):
        return self._executor.run(function, job, tasks)


def test_nothing_of_dask_is_loaded_without_a_cluster(tmp_path):
    (tmp_path / "t.csv").write_text("x\n1\n2\n")
    code = (
        "import sys; from cgcli.__main__ import main; "
        f"main(['eval', 'x^2', '--data', {str(tmp_path / 't.csv')!r}]); "
        f"main(['grad', 'a*x^2', 'a=2', '--sum', '--data', {str(tmp_path / 't.csv')!r}]); "
        "print([name for name in sys.modules if name.split('.')[0] in ('dask', 'distributed')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
