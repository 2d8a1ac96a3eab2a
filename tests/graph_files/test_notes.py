"""Long phases tell on a terminal what they do, and leave nothing behind; a pipe never sees it."""

from __future__ import annotations

import io

import pytest

import cgcli as cg
from cgcli.__main__ import main


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """What standard error shows of a command, as a terminal or not, where a single node counts as many."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("cgcli.cli.output.MANY_NODES", 1)
    monkeypatch.setattr("cgcli.cli.arguments.BYTES_A_NODE", 1)

    def run(stream, *words):
        monkeypatch.setattr("sys.stderr", stream)
        main(list(words))
        return stream.getvalue()

    return run


def last_line(text):
    """What is left of a terminal's last line after all the returns to its begin."""
    line = [" "] * 200
    place = 0
    for character in text.rpartition("\n")[2]:
        if character == "\r":
            place = 0
        else:
            line[place] = character
            place += 1
    return "".join(line).rstrip()


@pytest.mark.parametrize(
    ("words", "told"),
    [(["eval", "x*y", "x=1", "y=2"], "computing 3 nodes"), (["grad", "x*y", "x=1", "y=2"], "differentiating 3 nodes"),
     (["eval", "g.npz", "x=1"], "reading about")],
)  # fmt: skip
def test_a_terminal_is_told_and_then_clean(shown, words, told, capsys):
    cg.parse("sin(x)").save("g.npz")
    text = shown(Terminal(), *words)
    assert told in text
    assert last_line(text) == ""


def test_an_error_comes_on_a_clean_line(shown, capsys):
    text = shown(Terminal(), "eval", "x +", "x=1")
    assert last_line(text.partition("formula error")[0]) == ""


def test_a_pipe_sees_nothing(shown, capsys):
    assert shown(io.StringIO(), "eval", "x*y", "x=1", "y=2") == ""


def test_small_formulas_are_not_told_of(monkeypatch, capsys):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    main(["grad", "x*y", "x=1", "y=2"])
    assert stream.getvalue() == ""
