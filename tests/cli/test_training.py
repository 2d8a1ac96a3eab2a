"""`cg fit --loss` end to end: the samples are learned, what is printed and written, and what goes wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from tests.hostile.frame import environment, words_of
from tests.transcripts import ROOT

RINGS = ["fit", "fits/rings.cg", "--data", "fits/rings.csv", "--loss", "loss", "--batch", "32", "--rate", "0.05"]


@pytest.fixture
def cg(run):
    """A folder with the samples of fits."""
    copytree(ROOT / "samples" / "fits", "fits")
    return run


@pytest.mark.parametrize(
    ("name", "least"),
    [("xor", 0.005), ("rings", 0.03), ("stripes", 0.02)],
)
def test_the_samples_are_learned(cg, name, least):
    """By the line that stands in each sample; the stated loss leaves room for another rounding."""
    text = Path(f"fits/{name}.cg").read_text(encoding="utf-8")
    (line,) = [each for each in text.splitlines() if each.startswith("# cg fit ")]
    words = line.removeprefix("# cg ").replace("samples/", "").split()
    found = cg(*words, "--json").summary
    assert found["loss"] < least
    assert found["rows"] in (4, 240, 300)
    right = {"xor": "(score > 0) == truth", "rings": "(score > 0) == inner", "stripes": "right"}[name]
    model = text.partition("output")[0] + f"hit = {right}"
    Path("model.cg").write_text(model, encoding="utf-8")
    Path("fitted.json").write_text(json.dumps(found))
    done = cg("eval", "model.cg", "--values", "fitted.json", "--data", f"fits/{name}.csv", "--json")
    assert done.summary["outputs"]["hit"]["mean"] > 0.98


def test_what_is_printed(cg):
    done = cg(*RINGS, "--epochs", "12")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:2] == ["Parameters", "name    shape  value"]
    assert lines[2] == "W        12×2  12×2 matrix"
    assert "Mean of loss" in lines
    assert any(line.startswith("  learning curve   █") and "→" in line for line in lines)
    assert "  rows             300" in lines
    assert "  method           adam, 120 gradients" in lines
    assert "  ended            12 epochs done" in lines


def test_the_document_and_its_keys(cg):
    done = cg(*RINGS, "--epochs", "2", "--json", "--seed", "3", "--validate", "fits/rings.csv", "-o", "f.json")
    found = done.summary
    assert found.keys() >= {
        "values", "loss", "validation", "epochs", "history", "converged", "message", "method", "evaluations", "rows",
        "seed", "best",
    }  # fmt: skip
    assert found["seed"] == 3
    assert [entry["epoch"] for entry in found["history"]] == [1, 2]
    assert found["converged"] is False
    assert json.loads(Path("f.json").read_text()) == found


def test_the_learning_curve_as_a_picture(cg):
    pytest.importorskip("matplotlib", reason="the extra `plot`")
    assert cg(*RINGS, "--epochs", "3", "--validate", "fits/rings.csv", "--plot", "curve.svg").code == 0
    text = Path("curve.svg").read_text()
    assert text.startswith("<?xml")
    assert cg(*RINGS, "--epochs", "3", "--plot", "curve.xyz").code == 2


def test_saved_and_resumed(cg):
    whole = cg(*RINGS, "--epochs", "4", "--json").out
    assert cg(*RINGS, "--epochs", "2", "--save", "run.npz").code == 0
    assert cg(*RINGS, "--epochs", "4", "--resume", "run.npz", "--json").out == whole
    with np.load("run.npz") as held:
        np.testing.assert_array_equal(held["values/W"], json.loads(whole)["values"]["W"])
    short = ["fit", "fits/rings.cg", "--data", "fits/rings.csv", "--loss", "loss", "--resume", "run.npz", "--json"]
    assert cg(*short).out == whole
    done = cg("fit", "fits/xor.cg", "--data", "fits/xor.csv", "--loss", "loss", "--resume", "run.npz")
    assert done.code == 1
    assert "`run.npz` was trained with another formula" in done.err


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    copytree(ROOT / "samples" / "fits", tmp_path / "fits")
    process = subprocess.Popen(
        words_of(*RINGS, "--epochs", "1000000", "--save", "run.npz"), cwd=tmp_path, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test in the background ignores it
    )  # fmt: skip
    end = time.monotonic() + 60
    while not (tmp_path / "run.npz").exists() and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"`--resume run.npz` goes on from there" in told
    with np.load(tmp_path / "run.npz") as held:
        assert json.loads(held["header"].tobytes())["state"]["evaluations"] > 0


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["--loss", "los"], "`los` is neither an output of the formula nor a robust loss", 2),
        (["--method", "adam"], "`method` is for a training, which needs an output of the formula as its loss", 2),
        (["--loss", "loss", "--target", "x"], "a training has no target", 2),
        (["--loss", "loss", "--predict", "p.csv"], "--predict is for least squares", 2),
        (["--loss", "loss", "--validate", "nowhere.csv"], "cannot read `nowhere.csv`", 1),
        (["--loss", "loss", "--resume", "nowhere.npz"], "there is no file `nowhere.npz`", 1),
        (["--loss", "loss", "--method", "adem"], "there is no method `adem` to train with", 2),
        (["--loss", "loss", "--bind", "x=z"], "has no column `z`", 2),
        (["--loss", "loss", "inner=1", "--fix", "x=1", "--fix", "y=1"], "the formula uses no column of the table", 2),
        (["--loss", "loss", "--save", "no/where/run.npz", "--epochs", "1"], "cannot write `no/where/run.npz`", 1),
    ],
)
def test_what_goes_wrong(cg, words, message, code):
    before = sorted(path.name for path in Path().iterdir())
    done = cg("fit", "fits/rings.cg", "--data", "fits/rings.csv", "-o", "f.json", *words)
    assert message in done.err
    assert done.code == code
    assert sorted(path.name for path in Path().iterdir()) == before


def test_a_loss_that_becomes_infinite_is_told_and_nothing_is_written(cg):
    Path("bad.cg").write_text("param a = 1; input x; loss = log(a - x)", encoding="utf-8")
    done = cg("fit", "bad.cg", "--data", "fits/rings.csv", "--loss", "loss", "-o", "f.json")
    assert done.code == 1
    assert "the loss is not finite in epoch 1, step 1, in row " in done.err
    assert "nan comes from `log` of -" in done.err
    assert "bad.cg:1:30" in done.err
    assert not Path("f.json").exists()
