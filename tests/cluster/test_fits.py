"""A fit whose passes run elsewhere is the fit of one process, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.cluster import pieces
from cgcli.cluster.executor import LocalExecutor
from tests.cluster.test_pieces import Backwards
from tests.transcripts import run

pa = pytest.importorskip("pyarrow", reason="the extra `data` is not installed")

from pyarrow import parquet  # noqa: E402

START = {"a": 2.0, "b": 1.0, "c": 0.0}


class Counting(Backwards):
    """Counts the passes."""

    passes = 0

    def run(self, function, job, tasks):
        self.passes += 1
        assert len(tasks) > 1
        return super().run(function, job, tasks)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fits")
    draw = np.random.default_rng(0)
    for place in range(3):
        t = draw.random(20_000 + place)
        y = 2.5 * np.exp(-1.3 * t) + 0.1 + 0.05 * draw.normal(size=len(t))
        y[5] = np.nan
        parquet.write_table(pa.table({"t": t, "y": y}), folder / f"part-{place}.parquet")
    return folder


@pytest.mark.filterwarnings("ignore::cgcli.GapWarning")
@pytest.mark.parametrize("text", ["a*exp(-b*t) + c", "a*exp(-b*(t - mean(t))) + c"])
@pytest.mark.parametrize("more", [{}, {"loss": "huber", "loss_scale": 0.05}], ids=["linear", "huber"])
def test_parameters_errors_and_profiles_have_the_same_bits(table, text, more, monkeypatch):
    monkeypatch.setattr(pieces, "SECONDS", 1e-9)
    formula, executor = cg.parse(text), Counting()
    alone = formula.fit(str(table), target="y", start=START, **more)
    found = formula.fit(str(table), target="y", start=START, cluster=executor, **more)
    assert found.values == alone.values
    assert found.errors == alone.errors
    assert executor.passes > 0
    passes = executor.passes
    if not more:
        assert str(found.profile()) == str(alone.profile())
    assert executor.passes == passes


def test_a_row_that_is_not_finite_is_named_by_its_place(table, monkeypatch):
    monkeypatch.setattr(pieces, "SECONDS", 1e-9)
    told = []
    for cluster in (None, LocalExecutor()):
        with pytest.raises(cg.CgError) as caught:
            cg.parse("a*t + log(0.99999 - t)").fit(str(table), target="y", start={"a": 1.0}, cluster=cluster)
        told.append((caught.value.message, caught.value.hint))
    assert told[0] == told[1]


def test_a_table_of_one_task_stays_here(table):
    class Nobody(LocalExecutor):
        def run(self, function, job, tasks):
            pytest.fail("a worker was asked")

    assert cg.parse("a*exp(-b*t) + c").fit(str(table), target="y", start=START, cluster=Nobody()).converged


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--limit", "5"], "a cluster fits all rows"),
        (["--by", "t"], "--by and --cluster exclude each other"),
        (["--loss", "result", "--method", "adam", "--epochs", "1"], "a training does not run on a cluster"),
    ],
)
def test_what_does_not_go_with_a_cluster_is_told(table, words, said, monkeypatch):
    monkeypatch.setattr("cgcli.cluster.executor.opened", lambda word: LocalExecutor())
    code, shown = run(["fit", "a*t", "--data", str(table), "--target", "y", "--cluster", "local:1", *words])
    assert code
    assert said in shown
    assert "Traceback" not in shown
