"""`cg dask` and `cg draw --dask`."""

from __future__ import annotations

import json

import pytest

from tests.transcripts import run

pytest.importorskip("dask", reason="the extra `dask` is not installed")

FILE = """
import numpy as np
from dask import delayed
from helper import inc

x = delayed(3.0, name="x")
value = delayed(inc)(x) * x
wide = delayed(sum)([delayed(inc)(i) for i in range(1500)])
bad = delayed(lambda a: a / 0)(1)
array = delayed(np.arange)(3) * 1.5
text = delayed(str.upper)("a")
number = 5
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "helper.py").write_text("def inc(x):\n    return x + 1\n")
    (tmp_path / "tasks.py").write_text(FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["tasks.py:value"], "12\n"),
        (["tasks.py:value", "x=2"], "6\n"),
        (["tasks.py:value", "--grad"], "result = 12\nd/dx = 7\n"),
        (["tasks.py:array"], "[0, 1.5, 3]\n"),
        (["tasks.py:text"], "A\n"),
        (["tasks.py:wide"], "1125750\n"),
    ],
)
def test_values(folder, words, shown):
    assert run(["dask", f"{folder}/{words[0]}", *words[1:]]) == (0, shown)


def test_json(folder):
    code, shown = run(["dask", f"{folder}/tasks.py:value", "--grad", "--json"])
    assert (code, json.loads(shown)) == (0, {"values": {"result": 12.0}, "gradients": {"result": {"x": 7.0}}})


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("none.py:value", 1, "cannot read `{}/none.py`: No such file or directory"),
        ("tasks.py:vaule", 2, "`{}/tasks.py` has no `vaule`\nhint: did you mean `value`?"),
        ("tasks.py:number", 2, "`number` in `{}/tasks.py` is a value of type `int`, no Dask collection"),
        ("tasks.py", 2, "`{}/tasks.py` has 6 Dask collections; one has to be named"),
        ("tasks:value", 2, "`{}/tasks:value` names no file of Python and no name in it"),
        ("tasks.py:bad", 1, "raised ZeroDivisionError: division by zero\nhint: {}/tasks.py, line 9: bad = "),
        ("broken.py:value", 1, "`{}/broken.py` raised NameError: name 'nothing' is not defined"),
        ("ends.py:value", 1, "`{}/ends.py` raised SystemExit: 3"),
        ("syntax.py:value", 1, "`{}/syntax.py` raised SyntaxError"),
    ],
)
def test_errors(folder, word, code, said):
    (folder / "broken.py").write_text("value = nothing\n")
    (folder / "ends.py").write_text("import sys\nsys.exit(3)\n")
    (folder / "syntax.py").write_text("value = (\n")
    found, shown = run(["dask", f"{folder}/{word}"])
    assert found == code
    assert said.format(folder) in shown
    assert "Traceback" not in shown


def test_pictures(folder):
    assert run(["draw", f"{folder}/tasks.py:value", "--dask"]) == (0, "result: ×\n├─ inc\n│  └─ x = 3\n└─ x = 3\n")
    code, shown = run(["draw", f"{folder}/tasks.py:wide", "--dask", "-o", str(folder / "wide.svg")])
    assert (code, "1,502 nodes are folded into 3 boxes" in shown) == (0, True)
    assert "inc" in (folder / "wide.svg").read_text()
    code, shown = run(["draw", f"{folder}/tasks.py:value", "--dask", "--grad"])
    assert (code, "--dask and --grad exclude each other" in shown) == (2, True)


def test_the_help_says_that_the_file_is_executed():
    assert "executed" in run(["dask", "--help"])[1]
    assert "executed" in run(["draw", "--help"])[1]
