"""Errors and warnings on a terminal: whatever a file holds, nothing in them is obeyed by it."""

from __future__ import annotations

import pytest

from cgcli.errors import DataError, FormulaError, Source
from cgcli.excerpts import printable
from cgcli.render.errors import BOLD, PLAIN, RED, render_error, render_warning

RED_CELL = "\033[31mred\033[0m"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, ünd, 数, 🎈 and blanks", "plain, ünd, 数, 🎈 and blanks"),
        (RED_CELL, r"\x1b[31mred\x1b[0m"),
        ("a\nb\tc\rd\x7f\x9b", r"a\nb\tc\rd\x7f\x9b"),
        ("12\xa0345", r"12\xa0345"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("name\udcff", r"name\udcff"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_written_as_an_escape(text, expected):
    assert printable(text) == expected


def test_message_hint_and_name_of_the_source_are_cleaned():
    source = Source(f"1 + {RED_CELL}", RED_CELL)
    shown = render_error(FormulaError(f"a {RED_CELL}", span=(4, 5), source=source, hint=RED_CELL), colour=False)
    assert "\033" not in shown
    assert shown.splitlines()[0] == r"formula error: a \x1b[31mred\x1b[0m"
    assert shown.splitlines()[-1] == r"hint: \x1b[31mred\x1b[0m"
    assert len(shown.splitlines()) == 5


def test_our_own_colours_stay():
    shown = render_error(DataError("broken\ncell"), colour=True)
    assert shown == f"{RED}{BOLD}data error{PLAIN}{BOLD}: broken\\ncell{PLAIN}"


def test_a_warning_is_cleaned_like_an_error():
    assert render_warning("row 1\033[2J", colour=False) == r"warning: row 1\x1b[2J"
