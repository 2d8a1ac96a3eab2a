"""`cg ops`: the list, one operation in full, names that do not exist."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cgcli import __main__ as program
from cgcli import parse
from cgcli.cli.commands.ops import constants, entry, families, kink_text, shown, signature
from cgcli.ops import REGISTRY


def run(capsys, *words):
    code = program.main(list(words))
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_list_names_everything_that_can_be_called(capsys):
    code, text, _ = run(capsys, "ops")
    assert code == 0
    for name in REGISTRY.callable_as:
        assert name in text
    for constant in constants():
        assert f"  {constant['name']} = " in text
    assert max(map(len, text.splitlines())) <= 80


def test_families_hold_every_row_once():
    rows = [row for _, members in families() for row in members]
    assert sorted(rows, key=id) == sorted(shown(), key=id)
    titles = [title for title, _ in families()]
    assert "Declared elsewhere" not in titles
    groups = dict(families())
    assert "sin" in [row.name for row in groups["Circular functions and their inverses"]]
    assert "where" in [row.name for row in groups["Comparisons, truth and selection"]]


def test_one_operation_in_full(capsys):
    code, text, _ = run(capsys, "ops", "abs")
    assert code == 0
    for line in ("abs(x)", "aliases     fabs, absolute", "derivative  d/dx = sign(x)", "kink        where x == 0",
                 "convention  derivative 0 at 0", "at a kink   x = 0: slopes -1 and 1, taken as 0",
                 "example     abs(2.5) = 2.5"):  # fmt: skip
        assert line in text


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("floor", ["x = 1: slope 0"]),
        ("relu6", ["x = 0: slopes 0 and 1, taken as 0", "x = 6: slopes 1 and 0, taken as 0"]),
        ("fdim", ["x = 2, y = 2: d/dx 0 and 1, taken as 0; d/dy -1 and 0, taken as 0"]),
        ("copysign", ["x = 0, y = 1: d/dx -1 and 1, taken as 0; d/dy 0",
                      "x = 0, y = -1: d/dx 1 and -1, taken as 0; d/dy 0"]),
        ("hypot_slope", ["x = 0, y = 0: d/dx 0 and 0, taken as nan; d/dy 0 and 0, taken as nan"]),
    ],
)  # fmt: skip
def test_kinks_in_numbers(name, texts):
    assert list(map(kink_text, entry(REGISTRY.by_name[name])["kinks_at"])) == texts


def test_kinks_as_json(capsys):
    _, text, _ = run(capsys, "ops", "fdim", "--json")
    assert json.loads(text)["kinks_at"] == [
        {"operands": {"x": 2, "y": 2},
         "slopes": {"x": {"left": 0, "right": 1, "taken": 0}, "y": {"left": -1, "right": 0, "taken": 0}}}
    ]  # fmt: skip


@pytest.mark.parametrize(("word", "name"), [("ln", "log"), ("^", "pow"), ("-", "sub"), ("arctan", "atan")])
def test_aliases_and_signs(capsys, word, name):
    code, text, _ = run(capsys, "ops", word, "--json")
    found = json.loads(text)
    assert code == 0
    assert name in [one["name"] for one in (found if isinstance(found, list) else [found])]


def test_an_alias_of_several_rows_shows_them_all(capsys):
    _, text, _ = run(capsys, "ops", "max")
    assert "max(x, y)" in text
    assert "amax(x, axis=None)" in text


def test_several_names_and_a_constant(capsys):
    code, text, _ = run(capsys, "ops", "sin", "pi")
    assert code == 0
    assert text.startswith("sin(x)\n")
    assert "pi = 3.141592653589793 (also" in text


def test_a_misspelt_name(capsys):
    code, text, complaint = run(capsys, "ops", "sinn")
    assert (code, text) == (2, "")
    assert "there is no operation `sinn`" in complaint
    assert "did you mean `sin`" in complaint


def test_json_of_the_list(capsys):
    _, text, _ = run(capsys, "ops", "--json")
    found = json.loads(text)
    assert {"name": "sin", "signature": "sin(x)", "aliases": [], "about": "Sine of an angle in radians."} in found[
        "operations"
    ]
    assert [constant["name"] for constant in found["constants"]][:2] == ["pi", "e"]


@pytest.mark.parametrize("row", shown(), ids=lambda row: row.name)
def test_every_entry_is_complete_and_its_formulas_parse(row):
    facts = entry(row)
    assert facts["about"].endswith(".")
    assert signature(row)
    for text in facts.get("derivatives", {}).values() if row.elementwise else ():
        parse(text)
    for key in ("kink", "definition"):
        if key in facts:
            parse(facts[key])
    assert ("kink" in facts) <= ("convention" in facts)
    assert ("kink" in facts) == ("kinks_at" in facts)
    assert "example" in facts or "internal" in row.traits


def test_the_list_is_quick_to_load():
    """The list needs neither arrays nor the parser."""
    check = (
        "import sys; from cgcli.cli.commands.ops import run; run(); "
        "sys.exit(bool({'numpy', 'lark'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check], stdout=subprocess.DEVNULL, check=False).returncode == 0
