"""A table in pieces is the table: every row once, the batches of the whole, the places of the whole."""

from __future__ import annotations

import json
import shlex
import warnings
from contextlib import closing

import numpy as np
import pytest

import cgcli as cg
from cgcli.cluster import pieces, tables
from cgcli.cluster.executor import LocalExecutor
from cgcli.cluster.parts import MANIFEST, fingerprint
from cgcli.cluster.pieces import cut_into_pieces, flat, open_piece
from cgcli.cluster.running import TableRun
from cgcli.rows.sources import Source
from tests import transcripts
from tests.transcripts import run

pa = pytest.importorskip("pyarrow", reason="the extra `data` is not installed")

from pyarrow import parquet  # noqa: E402

ROWS = 300_000


class Backwards(LocalExecutor):
    """Runs the last task first, and a task twice now and then: an answer may not depend on that."""

    def run(self, function, job, tasks):
        found = {place: function(job, tasks[place]) for place in reversed(range(len(tasks)))}
        found |= {place: function(job, tasks[place]) for place in range(0, len(tasks), 3)}
        return iter([found[place] for place in range(len(tasks))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    draw = np.random.default_rng(0)
    x, y = draw.random(ROWS), draw.random(ROWS)
    parquet.write_table(pa.table({"x": x, "y": y, "n": np.arange(ROWS)}), folder / "one.parquet", row_group_size=20_000)
    (folder / "several").mkdir()
    for place in range(3):
        part = pa.table({"x": x[place::3], "y": y[place::3]})
        parquet.write_table(part, folder / "several" / f"part-{place}.parquet", row_group_size=30_000)
    gaps = ["x,y", *(f"{i},{'' if i == 7 else i % 5}" for i in range(20))]
    (folder / "csv").mkdir()
    (folder / "csv" / "a.csv").write_text("\n".join(gaps))
    (folder / "csv" / "b.csv").write_text("x,y\n5,abc\n6,2\n")
    return folder


def test_every_row_stands_in_one_piece_and_keeps_its_number(folder, monkeypatch):
    monkeypatch.setattr(pieces, "SECONDS", 1e-9)
    found = flat(cut_into_pieces(Source(str(folder / "one.parquet")), 50_000, 1.0))
    assert [piece.span for piece in found] == [(0, 50_000)] + [(k, k + 50_000) for k in range(50_000, ROWS, 50_000)]
    numbers = []
    for piece in found:
        with closing(open_piece(piece, (None, None, None))) as table:
            batches = list(table.batches(["n"], [], 50_000 // 3))
            assert table.located(1).row == piece.span[0] + 1
            assert {batch.rows for batch in batches[:-1]} == {50_000 // 3}
            numbers += [batch.numbers["n"] for batch in batches]
    assert np.array_equal(np.concatenate(numbers), np.arange(ROWS))


@pytest.mark.parametrize("name", ["one.parquet", "several", "csv/b.csv"])
@pytest.mark.parametrize("seconds", [1e-9, 1.0])
def test_sums_have_the_bits_of_one_process(folder, name, seconds, monkeypatch):
    monkeypatch.setattr(pieces, "SECONDS", seconds)
    formula, data = cg.parse("exp(-a*x)*y^2 + b"), str(folder / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cg.GapWarning)
        alone = formula.grad_sum(data, a=0.3, b=1.0)
        assert formula.grad_sum(data, a=0.3, b=1.0, cluster=LocalExecutor()) == alone
        assert formula.grad_sum(data, a=0.3, b=1.0, cluster=Backwards()) == alone


def test_two_hundred_steps_and_no_stale_answer(folder):
    formula, data = cg.parse("(a*x + w@[x, y] - y)^2"), str(folder / "csv")
    draw = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cg.GapWarning)
        for step in range(200):
            a, w = (2.0, np.ones(2)) if step % 7 == 0 else (draw.random(), draw.random(2))
            found = formula.grad_sum(data, a=a, w=w, cluster=LocalExecutor())
            alone = formula.grad_sum(data, a=a, w=w)
            assert found[0] == alone[0]
            assert found[1]["a"] == alone[1]["a"]
            assert found[1]["w"].tolist() == alone[1]["w"].tolist()


def test_columns_that_are_kept_go_when_the_file_changes(tmp_path):
    formula, path = cg.parse("a*x"), tmp_path / "t.csv"
    for value in (1, 2, 3):
        path.write_text(f"x\n{value}\n{'0' * value}\n")
        assert formula.grad_sum(str(path), a=2.0, cluster=LocalExecutor())[0] == 2.0 * value


def test_gaps_and_births_are_told_as_without_a_cluster(folder):
    formula = cg.parse("a*log(x)/y")
    told = []
    for cluster in (None, LocalExecutor()):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            formula.grad_sum(str(folder / "csv"), a=1.0, cluster=cluster)
        told.append([str(each.message) for each in caught])
    assert told[0] == told[1]
    assert any("first in row" in each for each in told[0])


def read(folder):
    return parquet.read_table(folder).to_pydict()


def table_run(data, out=None, text="c*exp(-x)*y", **more):
    return TableRun(cg.parse(text), Source(str(data)), {"c": 2.0}, {}, folder=None if out is None else str(out), **more)


@pytest.mark.parametrize("name", ["one.parquet", "several", "csv"])
def test_rows_are_those_of_one_process(folder, name, tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "SECONDS", 1e-9)
    out, alone = tmp_path / "out", tmp_path / "alone.parquet"
    words = ["eval", "c*exp(-x)*y", "c=2", "--keep", "y", "--data", str(folder / name)]
    code, shown = run([*words, "-o", str(alone)])
    assert code == 0, shown
    table_run(folder / name, out, keep="y").run(Backwards())
    assert read(out).keys() == read(alone).keys()
    for column, values in read(alone).items():
        assert np.array_equal(read(out)[column], values, equal_nan=column == "result") or read(out)[column] == values


def test_what_is_found_is_that_of_one_process(folder):
    one = table_run(folder / "csv", head=4)
    found = one.run(LocalExecutor())
    code, shown = run(["eval", "c*exp(-x)*y", "c=2", "--data", str(folder / "csv"), "--json", "--head", "4"])
    told = json.loads(shown[: shown.index("\n")])
    assert code == 0
    assert found.rows == told["rows"] == 22
    assert str(found.head["result"]) == str(told["head"]["result"])
    assert found.outputs["result"].nan == told["outputs"]["result"]["nan"] == 2
    assert found.outputs["result"].first_nan == told["outputs"]["result"]["first_nan_row"] == 8
    assert (found.gaps["y"].missing, found.gaps["y"].bad, found.gaps["y"].first_bad.row) == (1, 1, 21)
    assert str(found.gaps["y"].first_bad.place) == f"row 1 of `{folder}/csv/b.csv`"


@pytest.mark.parametrize("name", ["several", "one.parquet"])
def test_means_have_the_bits_of_one_process(folder, name, monkeypatch):
    monkeypatch.setattr(pieces, "SECONDS", 1e-9)
    words = ["eval", "c*exp(-x)*y", "c=2", "--data", str(folder / name), "--json"]
    found = table_run(folder / name).run(LocalExecutor()).outputs["result"]
    shown = run(words)[1]
    alone = json.loads(shown[: shown.index("\n")])["outputs"]["result"]
    assert len(found.as_list()[-1]) > 2
    assert (found.least, found.mean, found.greatest) == (alone["min"], alone["mean"], alone["max"])


def test_a_run_that_ended_early_goes_on_and_computes_no_part_twice(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pieces, "SECONDS", 1e-9)
    computed = []
    original = tables.files.run

    def counted(table, *rest, **more):
        if len(computed) == 2 and not (tmp_path / "went on").exists():
            raise KeyboardInterrupt
        computed.append(table.path)
        return original(table, *rest, **more)

    monkeypatch.setattr(tables.files, "run", counted)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        table_run(folder / "several", out).run(LocalExecutor())
    assert not json.loads((out / MANIFEST).read_text())["complete"]
    (tmp_path / "went on").touch()
    again = table_run(folder / "several", out)
    report = again.run(LocalExecutor())
    assert (again.again, report.rows, len(computed)) == (2, ROWS, 3)
    manifest = json.loads((out / MANIFEST).read_text())
    assert manifest["complete"]
    assert [part["rows"] for part in manifest["files"]] == [100_000] * 3
    names = [MANIFEST, *(f"part-0000{place}.parquet" for place in range(3))]
    assert sorted(path.name for path in out.iterdir()) == names
    third = table_run(folder / "several", out)
    assert third.folder.is_complete()
    assert third.run(LocalExecutor()).rows == ROWS
    assert len(computed) == 3


def test_other_values_take_the_place_of_a_run_and_other_files_do_not(folder, tmp_path):
    out = tmp_path / "out"
    table_run(folder / "several", out).run(LocalExecutor())
    first = read(out)["result"]
    assert table_run(folder / "several", out, text="c*x").run(LocalExecutor()).rows == ROWS
    assert read(out)["result"] != first
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(cg.CgError, match="is not empty, and no results of cg"):
        table_run(folder / "several", tmp_path / "mine")


def test_a_fingerprint_tells_values_apart():
    same = fingerprint("x", {"a": np.array([1.0, 2.0])}, [1, "2"])
    assert same == fingerprint("x", {"a": np.array([1.0, 2.0])}, [1, "2"])
    others = [("y", {}), ("x", {"a": np.array([1.0, 2.5])}, [1, "2"]), ("x", {"a": np.array([1, 2])}, [1, "2"]),
              ("x", {"a": np.array([1.0, 2.0])}, [1, 2]), ("x", {"b": np.array([1.0, 2.0])}, [1, "2"])]  # fmt: skip
    assert len({same, *(fingerprint(*each) for each in others)}) == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["eval", "x+y", "--cluster", "local:2"], "--cluster needs a table"),
        (["eval", "x+y", "--data", "{}/csv", "--cluster", "two"], "`two` is no cluster"),
        (["eval", "x+y", "--data", "{}/csv", "--cluster", "local:0"], "`0` is no count of workers"),
        (["eval", "x+y", "--data", "{}/csv", "--cluster", "local:1", "-o", "out.csv"], "need a folder"),
        (["eval", "x+y", "--data", "-", "--cluster", "local:1"], "a cluster reads files"),
        (["eval", "x - mean(x)", "--data", "{}/csv", "--cluster", "local:1"], "of the whole table"),
        (["eval", "x+y+z", "--data", "{}/csv", "--cluster", "local:1"], "no column and no value for the input `z`"),
        (["eval", "x+y", "--data", "{}/none", "--cluster", "local:1"], "cannot"),
        (["grad", "x+y", "--sum"], "--sum needs a table"),
    ],
)
def test_errors_are_told_before_a_process_starts(folder, words, said, capsys, monkeypatch):
    monkeypatch.setattr("cgcli.cluster.executor.Opened.__enter__", lambda self: pytest.fail("a cluster was opened"))
    if said.startswith("`"):
        monkeypatch.undo()
    code, shown = run([word.format(folder) for word in words])
    assert code
    assert said in shown
    assert "Traceback" not in shown


def test_a_sum_on_the_command_line(folder):
    code, shown = run(["grad", "(a*x - y)^2", "a=2", "--data", str(folder / "csv" / "b.csv"), "--sum"])
    assert (code, shown.splitlines()[:2]) == (0, ["result = 100", "d/da = 120"])
    assert "1 row has a gap and is left out" in shown


def test_the_engine_is_the_one_that_this_process_would_take(folder, monkeypatch):
    import cgcli.engines as engines

    pytest.importorskip("llvmlite", reason="the extra `native` is not installed")
    formula, data = cg.parse("exp(-a*x)*y"), str(folder / "one.parquet")
    found = set()
    for least in (1, 10**12):
        monkeypatch.setattr(engines, "LEAST_WORK", least)
        monkeypatch.setattr(engines, "LEAST_WORK_WITH_IMPORT", least)
        alone = formula.grad_sum(data, a=0.3)
        assert formula.grad_sum(data, a=0.3, cluster=LocalExecutor()) == alone
        found.add(table_run(folder / "one.parquet").job.engine)
    assert found == {"native", "numpy"}


def test_the_lines_of_the_handbook(folder, tmp_path, monkeypatch):
    """With an executor of this process in the place of the workers."""
    monkeypatch.setattr("cgcli.cluster.executor.opened", lambda word: LocalExecutor())
    text = (transcripts.ROOT / "docs" / "dask.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("cg ") and "--cluster" in line]
    assert len(lines) == 2
    monkeypatch.setattr(transcripts, "ROOT", tmp_path)  # where the lines run
    (tmp_path / "parts").symlink_to(folder / "several", target_is_directory=True)
    (tmp_path / "model.cg").write_text("param w = 0.5\nparam b = 1\nloss = (w*x + b - y)^2\n")
    for line in lines:
        code, told = run(shlex.split(line)[1:])
        assert code == 0, told
    assert len([*(tmp_path / "out").glob("part-*.parquet")]) == 3
    assert "dloss/dw = " in told
