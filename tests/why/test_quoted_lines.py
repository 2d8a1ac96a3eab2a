"""Warnings end with a line that tells more, and that line runs as it stands."""

from __future__ import annotations

import shlex

import pytest

from cgcli.__main__ import main
from cgcli.cli.quoting import why_line


@pytest.mark.parametrize("words", [
    ["eval", "log(x - 3)", "x=1"],
    ["eval", "-log(x)", "x=0"],
    ["eval", "--", "-x/y", "x=0", "y=0"],
    ["grad", "sqrt(x^2) + y", "x=0", "y=1", "--wrt", "x"],
    ["grad", "u = sqrt(x); v = x; output u, v", "x=0", "--of", "u"],
    ["eval", "sum(log(v))", "v=[1, 0, 2]"],
    ["eval", "a b.cg", "x=0"],
    ["eval", "a b.cg", "--values", "x 1.json"],
    ["eval", "log(x)", "--data", "it's.csv"],
    ["grad", "log(x)*k", "k=2", "--data", "it's.csv"],
    ["eval", "u = log(x); v = u + 1; v", "x=0", "--show", "u"],
])  # fmt: skip
def test_the_line_behind_a_warning_runs_and_tells_of_the_same(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.cg").write_text("log(x)  # of what\n")
    (tmp_path / "x 1.json").write_text('{"x": 0}')
    (tmp_path / "it's.csv").write_text("x\n1\n-1\n0\n")
    assert main(words) == 0
    *_, last = capsys.readouterr().err.splitlines()
    assert last.endswith(" tells more")
    program, *again = shlex.split(last.removesuffix(" tells more"))
    assert program == "cg"
    assert main(again) == 0
    told = capsys.readouterr().out
    assert told.startswith(("nan:", "infinite:"))


@pytest.mark.parametrize("words", [
    ["eval", "exp(x)", "x=1"],  # nothing to tell of
    ["eval", "x + 1", "x=inf"],  # given, and no news
    ["grad", "x^1.5 + y", "x=0", "y=1", "--hessian"],  # `cg why` looks at first derivatives
])  # fmt: skip
def test_no_line_where_there_is_nothing_more(words, capsys):
    assert main(words) == 0
    assert "cg why" not in capsys.readouterr().err


@pytest.mark.parametrize("path", ["-", "/dev/fd/63", "/dev/stdin"])
def test_what_came_through_a_pipe_is_told_of_in_general_terms(path):
    assert why_line("log(x)", None, table=["--data", path]) == "`cg why` with the same formula and values tells more"
