"""`cg export`, and the commands that take its file in place of a formula."""

from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest

import cgcli as cg

TEXT = "f(t) = exp(t) + 1\nh = f(x)*y\nloss = h^2 + 0.5*x\noutput loss, h"
VALUES = ("x=0.5", "y=2")

COMMANDS = {
    "eval": ("eval", *VALUES),
    "inner name": ("eval", *VALUES, "--show", "h"),
    "json": ("eval", *VALUES, "--json"),
    "digits": ("eval", *VALUES, "--digits", "30"),
    "engine": ("eval", *VALUES, "--engine", "numpy"),
    "grad": ("grad", *VALUES),
    "wrt an inner name": ("grad", *VALUES, "--of", "loss", "--wrt", "h"),
    "hessian": ("grad", *VALUES, "--hessian", "--of", "h"),
    "symbolic": ("grad", "--symbolic", "--of", "h"),
    "trace": ("trace", *VALUES, "--of", "h"),
    "draw": ("draw",),
    "draw values": ("draw", *VALUES, "--grad", "--of", "h"),
    "info": ("info",),
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_graph_file_answers_as_its_formula(run, words, tmp_path):
    (tmp_path / "m.cg").write_text(TEXT)
    exported = run("export", "m.cg", "-o", "m.npz")
    assert (exported.code, exported.out, exported.err) == (0, "", "")
    expected = run(words[0], "m.cg", *words[1:])
    found = run(words[0], "m.npz", *words[1:])
    assert expected.code == 0
    without_text = expected.out.replace(" f(x)\n", " f(…)\n")  # how a call was written stands in the text alone
    assert (found.code, found.out, found.err) == (expected.code, without_text, expected.err)


def test_rows_of_a_table(run, tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n0.5,2\n1,3\n")
    run("export", "exp(x)*y + c", "-o", "m.npz")
    words = ("c=1", "--data", "t.csv", "-o", "-")
    found = run("eval", "m.npz", *words)
    assert found.code == 0
    assert found.out == run("eval", "exp(x)*y + c", *words).out
    assert run("grad", "m.npz", *words).out.startswith("result,d_result_d_x,d_result_d_y")


def test_shapes_and_lengths_are_those_of_the_export(run):
    text = "sum(x*w)*n + sum(x[i] for i in range(n))"
    assert run("export", text, "x=[1, 2]", "w=[0, 0]", "n=2", "-o", "g.npz").code == 0
    assert run("eval", "g.npz", "x=[3, 4]", "w=[1, 2]").out == "29\n"
    assert run("eval", "g.npz", "x=[3, 4]", "w=[1, 2]", "n=2").out == "29\n"
    other = run("eval", "g.npz", "x=[3, 4]", "w=[1, 2]", "n=1")
    assert (other.code, "`n` is 2 in this graph" in other.err) == (2, True)
    wrong = run("eval", "g.npz", "x=[3, 4, 5]", "w=[1, 2, 3]")
    assert (wrong.code, "has shape [3]" in wrong.err) == (2, True)
    assert [line.split()[0] for line in run("grad", "g.npz", "x=[3, 4]", "w=[1, 2]").out.splitlines()] == [
        "result", "d/dx", "d/dw",
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["2", "inf", "nan"])
def test_whatever_number_decided_the_graph_holds(run, number):
    text = "sum(x for k in range(3 if n > 0 else 2))"
    expected = run("eval", text, "x=1", f"n={number}").out
    assert run("export", text, f"n={number}", "-o", "g.npz").code == 0
    assert run("eval", "g.npz", "x=1").out == expected
    assert run("eval", "g.npz", "x=1", f"n={number}").out == expected
    assert run("eval", "g.npz", "x=1", "n=1").code == 2


def test_a_length_is_asked_for_alone(run):
    text = "sum(x^k for k in range(n))"
    for words in (("export", text, "-o", "g.npz"), ("grad", text, "--symbolic"), ("info", text)):
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        assert done.err.splitlines()[-1] == "hint: give a value for `n`, for example n=3"
    assert "no value for the inputs `x`, `n`" in run("eval", text).err


IN_VAIN = [
    (("x + y", "x=2"), "the value of `x` is not in the file", "give it to the graph: cg eval g.npz x=2"),
    (("x + y", "x=2", "y=1/2"), "the values of `x`, `y` are not", "give them to the graph: cg eval g.npz x=2 y=0.5"),
    (("param w = 1\nw*x", "w=3"), "the value of `w` is not", "w=3"),
    (("x + y",), None, None),
    (("x + sum(y)", "y=[1, 2]"), None, None),
    (("sum(x^k for k in range(n))", "n=3"), None, None),
    (("h = x*2\nh + 1", "h=3"), None, None),
    (("x*e", "e=3"), None, None),
]


@pytest.mark.parametrize(("words", "what", "hint"), IN_VAIN, ids=[" ".join(words) for words, *_ in IN_VAIN])
def test_numbers_that_are_given_in_vain_are_told(run, words, what, hint):
    done = run("export", *words, "-o", "g.npz")
    assert (done.code, done.out) == (0, "")
    lines = done.err.splitlines()
    if what is None:
        assert lines == []
    else:
        assert lines[0].startswith(f"warning: {what}")
        assert lines[1].endswith(hint)


def test_defaults_hold_and_give_way(run):
    run("export", "param w = 0.5\ninput b = 2*w\nw*x + b", "-o", "g.npz")
    assert run("eval", "g.npz", "x=4").out == "3\n"
    assert run("eval", "g.npz", "x=4", "w=1").out == "6\n"
    assert run("eval", "g.npz", "x=4", "b=0").out == "2\n"


def test_a_graph_file_is_exported_again(run, tmp_path):
    run("export", "sin(x)*2", "-o", "a.npz")
    run("export", "a.npz", "-o", "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


WRONG = [
    (["export", "x"], 2, "no file to write to"),
    (["export", "x", "-o", "g.json"], 2, "ends with .npz"),
    (["export", "x", "-o", "no/g.npz"], 1, "cannot write `no/g.npz`"),
    (["export", "x +", "-o", "g.npz"], 2, "formula error"),
    (["export", "sum(x^k for k in range(n))", "-o", "g.npz"], 2, "hint: give a value for `n`, for example n=3"),
    (["export", "x", "z=1", "-o", "g.npz"], 2, "`z`"),
    (["eval", "none.npz", "x=1"], 1, "No such file"),
    (["eval", "text.npz", "x=1"], 1, "the archive is broken"),
    (["eval", "table.npz", "x=1"], 1, "it has no `header.npy`"),
    (["eval", "good.npz"], 2, "no value for the input `x`"),
    (["eval", "good.npz", "q=1"], 2, "`q`"),
    (["grad", "good.npz", "x=1", "--wrt", "q"], 2, "`q`"),
]


@pytest.mark.parametrize(("words", "code", "told"), WRONG, ids=[" ".join(words) for words, *_ in WRONG])
def test_what_is_wrong_is_said(run, tmp_path, words, code, told):
    (tmp_path / "text.npz").write_text("x + 1")
    np.savez(tmp_path / "table.npz", x=np.arange(3.0))
    cg.parse("x^2").save(tmp_path / "good.npz")
    before = sorted(os.listdir(tmp_path))
    done = run(*words)
    assert done.code == code
    assert told in done.err
    assert "Traceback" not in done.err
    assert sorted(os.listdir(tmp_path)) == before


def test_the_old_file_stays_until_the_new_one_is_whole(run, tmp_path, monkeypatch):
    run("export", "x", "-o", "g.npz")
    old = (tmp_path / "g.npz").read_bytes()
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    full = run("export", "x*y", "-o", "g.npz")
    assert (full.code, "No space left" in full.err) == (1, True)
    assert (tmp_path / "g.npz").read_bytes() == old
    assert os.listdir(tmp_path) == ["g.npz"]


def test_permissions_are_kept(run, tmp_path):
    run("export", "x", "-o", "g.npz")
    os.chmod(tmp_path / "g.npz", 0o600)
    run("export", "x*y", "-o", "g.npz")
    assert stat.S_IMODE((tmp_path / "g.npz").stat().st_mode) == 0o600


def test_names_that_a_line_cannot_hold_are_refused(tmp_path):
    x = cg.inputs("x")
    with pytest.raises(cg.CgError, match="cannot be written"):
        cg.formula({"a\nb": x * 2}).save(tmp_path / "g.npz")


def test_numpy_opens_the_file(tmp_path):
    """The format is what its documentation says; other programs can read it."""
    cg.parse("a = x*y\na + 0.1").save(tmp_path / "g.npz")
    with np.load(tmp_path / "g.npz", allow_pickle=False) as file:
        header = json.loads(file["header"].tobytes())
        names = [header["operations"][code] for code in file["op"]]
        assert names == ["input", "input", "mul", "constant", "add"]
        assert file["operand_count"].tolist() == [0, 0, 2, 0, 2]
        assert file["operands"].tolist() == [0, 1, 2, 3]
        assert file["constants"].tolist() == [0.1]
        assert file["exact_texts"].tobytes() == b"0.1"
        assert file["input_names"].tobytes() == b"x\ny"
        assert header["outputs"] == {"result": 4}


def test_a_large_graph_takes_few_bytes_a_node(tmp_path):
    count = 30_000
    text = "\n".join(["v0 = x", *(f"v{k} = sin(v{k - 1})*v{k // 2}" for k in range(1, count))])
    formula = cg.parse(text)
    formula.save(tmp_path / "g.npz")
    names = sum(len(f"v{k}\n") for k in range(count))
    assert (tmp_path / "g.npz").stat().st_size < 13 * len(formula.graph) + names + 4 * count + 10_000
    again = cg.load(tmp_path / "g.npz")
    assert again.eval(x=0.5) == formula.eval(x=0.5)
    assert again.grad(x=0.5) == formula.grad(x=0.5)
