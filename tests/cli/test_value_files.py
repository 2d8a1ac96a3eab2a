"""`--values FILE`: values by name from JSON, in every command that takes NAME=VALUE."""

from __future__ import annotations

import inspect
import io
import json
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgcli.cli.start import HOME, commands
from cgcli.data.value_files import read_values
from cgcli.errors import CgError, Source
from tests.golden import check_golden
from tests.transcripts import run as replay

LINES = {
    "eval": ["eval", "a*x"],
    "grad": ["grad", "a*x", "--check"],
    "trace": ["trace", "a*x"],
    "draw": ["draw", "a*x"],
    "export": ["export", "sum(a*k for k in range(x))", "-o", "graph.npz"],
    "compare": ["compare", "a*x", "x*a"],
    "check": ["check", "a*x"],
    "steps": ["steps", "a*x^2", "--wrt", "x"],
    "minimize": ["minimize", "(a - 1)^2 + (x - 2)^2"],
    "sensitivity": ["sensitivity", "a*x"],
    "solve": ["solve", "a = 1; x = 2"],
    "info": ["info", "sum(a*k for k in range(x))", "--json"],
}


@pytest.mark.parametrize("name", LINES)
def test_a_file_is_as_good_as_words(run, name):
    """Every command does the same with a file as with NAME=VALUE."""
    Path("v.json").write_text('{"values": {"a": 2, "x": 5}, "rows": 7}')
    with_words = run(*LINES[name], "a=2", "x=5")
    with_file = run(*LINES[name], "--values", "v.json")
    assert (with_file.code, with_file.out, with_file.err) == (with_words.code, with_words.out, with_words.err)
    assert with_words.code == 0


def test_every_command_with_values_has_the_option(run):
    for name in commands():
        if {"bindings", "words"} & set(inspect.signature(import_module(f"{HOME}.{name}").run).parameters):
            assert "--values" in run(name, "--help").out, name


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ('{"a": 1, "x": 2}', [], "3"),
        ('{"values": {"a": 1, "x": 2}}', [], "3"),
        ('{"values": 4, "a": 1, "x": 2}', [], "3"),
        ('{"a": 1, "x": 2}', ["x=5"], "6"),
        ('{"a": 1}', ["x=5"], "6"),
        ('{"values": {"a": 1}, "fixed": {"x": 2}}', [], "3"),
        ('{"a": "inf", "x": 2}', [], "inf"),
        ('{"a": NaN, "x": 2}', [], "nan"),
        ('{"a": [1, 2], "x": [[3, 4], [5, "-inf"]]}', [], "[[4, 6], [6, -inf]]"),
        ('{"a": 0.1, "x": 0.2}', ["--digits", "30"], "0.3"),
        ('{"a": "0.1234567890123456789012345", "x": 0}', ["--digits", "40"], "0.1234567890123456789012345"),
        ('{"a": 1000000000000000000001, "x": 0}', ["--digits", "30"], "1000000000000000000001"),
    ],
)  # fmt: skip
def test_what_a_file_may_hold(run, text, words, expected):
    Path("v.json").write_text(text)
    assert run("eval", "a + x", *words, "--values", "v.json").out == f"{expected}\n"


def test_a_result_is_a_file_of_values(run):
    Path("v.json").write_text(run("eval", "a = 2; b = [1, 2]; output a, b", "--json").out)
    assert run("eval", "a*b", "--values", "v.json").out == "[2, 4]\n"


def test_names_in_another_spelling(run):
    Path("v.json").write_text(json.dumps({"\u03d5": 3}))
    assert run("eval", "\u03c6 + 1", "--values", "v.json").out == "4\n"


def test_several_files_and_the_short_form(run):
    Path("v.json").write_text('{"a": 1}')
    Path("w.json").write_text('{"x": 2}')
    assert run("eval", "a + x", "--values", "v.json", "--values", "w.json").out == "3\n"
    assert run("eval", "a + x", "@v.json", "x=5").out == "6\n"
    again = run("eval", "a + x", "--values", "v.json", "--values", "v.json")
    assert again.code == 2
    assert "given twice, by two files" in again.err


def test_standard_input(run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 1, "x": 2}'))
    assert run("eval", "a + x", "--values", "-").out == "3\n"
    wrong = run("eval", "-", "--values", "-")
    assert wrong.code == 2
    assert "cannot be both the formula and the values" in wrong.err


def test_rows(run):
    Path("t.csv").write_text("t\n1\n2\n")
    Path("v.json").write_text('{"a": 3, "spare": 1}')
    done = run("eval", "a*t", "--values", "v.json", "--data", "t.csv", "-o", "-")
    assert done.out == "result\n3\n6\n"
    assert "`v.json` also gives `spare`, which the formula does not have" in done.err


def test_a_name_that_the_formula_lacks_is_told(run):
    Path("v.json").write_text('{"b": 2, "a": 7, "c": 0}')
    done = run("eval", "log(2)/b", "--values", "v.json")
    assert (done.code, done.out) == (0, "0.34657359027997264\n")
    assert "`v.json` also gives `a`, `c`, which the formula does not have" in done.err


WRONG = {
    "no_json": "{'a': 1}",
    "unfinished": '{"a": 1,\n "x": 2',
    "empty": "",
    "a_list": "[1, 2]",
    "null": '{"a": null}',
    "truth": '{"a": true}',
    "text": '{"a": "pi"}',
    "array_file": '{"a": "@/etc/passwd"}',
    "object": '{"a": {"value": 1}}',
    "text_in_a_list": '{"a": [1, "two"]}',
    "ragged": '{"a": [[1, 2], [3]]}',
    "twice": '{"a": 1, "a": 2}',
    "large": '{"a": 1' + "0" * 400 + "}",
    "deep": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
}


def test_wrong_files_are_told(tmp_path, monkeypatch):
    shown = []
    for name, text in WRONG.items():
        path = tmp_path / f"{name}.json"
        path.write_text(text)
        code, told = replay(["eval", "2*a", "--values", str(path)])
        assert code == 1, name
        shown.append(told.replace(f"{tmp_path}/", ""))
    code, told = replay(["eval", "2*a", "--values", "missing.json"])
    assert code == 1
    check_golden(Path(__file__).parent / "golden" / "value_files.txt", "\n".join([*shown, told]))


@settings(max_examples=200)
@given(st.text(alphabet='{}[]":,.-+0123456789aeinfNtrul \n\\', max_size=40))
def test_any_text_gives_values_or_an_error(text):
    try:
        found = read_values(Source(text, "v.json"))
    except CgError:
        return
    assert all(isinstance(name, str) for name in found)


@pytest.mark.parametrize("words", [["eval", "a*x + b*y"], ["fit", "a*x + b", "--target", "y", "--fix", "x,b"]])
def test_a_value_that_takes_the_place_of_a_column_is_told(run, words):
    Path("table.csv").write_text("x,y\n1,2\n2,4.5\n3,6\n")
    Path("values.json").write_text('{"x": 3, "a": 2, "b": 1}')
    done = run(*words, "--data", "table.csv", "--values", "values.json")
    assert done.code == 0
    assert "the column `x` is not used" in done.out + done.err
