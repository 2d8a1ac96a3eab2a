"""Tables in pipes and on terminals of any width."""

from __future__ import annotations

import io
import re

import pytest

from cgcli.api.sources import parse
from cgcli.cli.start import start
from cgcli.excerpts import width as width_of
from cgcli.render.tables import Column, Note, Table, cut, painted_text, plain_text, print_blocks
from cgcli.render.trace_tables import blocks

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
WORDS = Table("Title", [Column("#", right=True), Column("name", optional=True), Column("text", cut=6)], [
    ("1", "first", "a text of some length"), "between the rows", ("10", "second", "short"),
])  # fmt: skip

FORMULAS = [
    ("exp(sin(x^2))", {"x": 0.5}),
    ("z = [a, b, c]; p = exp(z) / sum(exp(z)); -log(p[1])", {"a": 1, "b": 2, "c": 3}),
    ("f(x) = max(x, 0)*x; f(f(first_input * second_input) + f(second_input))", {"first_input": -1, "second_input": 0}),
]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def shown(text, point):
    """The blocks of a trace."""
    parsed = parse(text)
    return list(blocks(parsed.trace(point), parsed.source))


def test_plain_tables_are_aligned_and_have_no_trailing_blanks():
    assert plain_text(WORDS).splitlines() == [
        "Title",
        " #  name    text",
        " 1  first   a text of some length",
        "    between the rows",
        "10  second  short",
    ]


def test_narrow_tables_drop_what_is_optional_and_then_cut():
    assert plain_text(WORDS, 27).splitlines()[2] == " 1  a text of some length"
    assert plain_text(WORDS, 16).splitlines()[2] == " 1  a text of s…"
    assert plain_text(WORDS, 16).splitlines()[3] == "    between the…"


def test_cut_knows_wide_characters():
    assert cut("漢字漢字", 5) == "漢字…"
    assert cut("漢字", 4) == "漢字"


@pytest.mark.parametrize(("text", "point"), FORMULAS)
@pytest.mark.parametrize("width", [80, 100])
def test_no_line_is_wider_than_the_terminal(text, point, width):
    for block in shown(text, point):
        painted = painted_text(block, width)
        assert "\x1b[" in painted
        assert max(width_of(ESCAPE.sub("", line)) for line in painted.splitlines()) <= width


@pytest.mark.parametrize(("text", "point"), FORMULAS)
def test_paint_changes_no_word(text, point):
    for block in shown(text, point):
        painted = ESCAPE.sub("", painted_text(block, 100)).splitlines()
        unruled = [line.rstrip() for line in painted if not line.startswith("─")]
        assert unruled == plain_text(block, 100).splitlines()


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_terminals_without_colour_get_plain_text(variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    print_blocks([WORDS, Note("Notes", ["one"])], stream)
    assert stream.getvalue() == plain_text(WORDS) + "\n" + "Notes\n  one\n"


def test_terminals_get_colours_and_their_own_width(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "16")
    stream = Terminal()
    print_blocks([WORDS], stream)
    assert "\x1b[" in stream.getvalue()
    assert "a text of s…" in stream.getvalue()


def test_pipes_get_every_word_and_no_drawing():
    stream = io.StringIO()
    print_blocks(shown(*FORMULAS[1]), stream)
    printed = stream.getvalue()
    assert "\x1b" not in printed
    assert not set("─│┌┐└┘━┃╭╮") & set(printed)
    assert "[2.71828, 7.38906, 20.0855] / 30.1929" in printed


def test_long_notes_are_wrapped_by_words_on_terminals():
    note = Note("Title", ["one two three four five six seven"])
    assert plain_text(note, 20) == "Title\n  one two three four\n    five six seven\n"
    assert plain_text(note) == "Title\n  one two three four five six seven\n"


def test_calls_head_their_steps():
    table = plain_text(shown("g(a) = a^2; f(a) = g(a) + g(2*a); f(x)", {"x": 1})[0])
    heads = [line for line in table.splitlines()[2:] if not line.split()[0].isdigit()]
    assert heads == ["   f(x)", "     g(a)", "     g(2*a)"]
    indents = {line.split()[1]: line.index(line.split()[1]) for line in table.splitlines()[2:] if line[0].isdigit()}
    assert indents["v1"] == indents["v3"] == indents["x"] + 4
    assert indents["v2"] == indents["result"] == indents["x"] + 2


def test_the_middle_of_a_long_pass_is_left_out(capsys):
    assert start(["trace", " + ".join(f"sin(x*{number})" for number in range(2, 102)), "x=1"]) == 0
    printed = capsys.readouterr().out
    forward = printed.split("\n\n")[0].splitlines()
    assert len(forward) == 2 + 200 + 1
    assert forward[2 + 100].strip() == "… 100 steps left out; --all shows them"
    assert forward[2 + 101].split()[0] == "201"


def test_all_shows_every_step(capsys):
    assert start(["trace", "--all", " + ".join(f"sin(x*{number})" for number in range(2, 102)), "x=1"]) == 0
    forward = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert len(forward) == 2 + 300


def test_repeated_calls_of_one_place_are_counted():
    table = plain_text(shown("step(s, i) = s*s + i; fold(step, x, range(2))", {"x": 1})[0])
    heads = [line.strip() for line in table.splitlines()[2:] if not line.split()[0].isdigit()]
    assert heads == [f"step in fold(step, x, range(2)), call {number} of 2" for number in (1, 2)]
