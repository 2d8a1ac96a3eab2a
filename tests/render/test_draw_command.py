"""`cg draw` and `Formula.draw`: files, formats, errors."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.errors import CalculationError, DataError, UsageError
from cgcli.render import graphviz


@pytest.mark.parametrize(
    ("ending", "beginning"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("dot", b"digraph"), ("SVG", b"<?xml")]
)
def test_a_file_starts_as_its_format_does(tmp_path, ending, beginning):
    path = tmp_path / f"graph.{ending}"
    assert main(["draw", "(x+y)*z", "x=1", "y=2", "z=3", "--grad", "-o", str(path)]) == 0
    assert path.read_bytes().startswith(beginning)
    assert os.listdir(tmp_path) == [path.name]


def test_pdf_without_a_system_dot_is_a_missing_package(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(graphviz.shutil, "which", lambda *args, **kwargs: None)
    assert main(["draw", "x+y", "-o", str(tmp_path / "graph.pdf")]) == 4
    assert "Graphviz" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_an_unknown_ending_lists_the_formats(capsys):
    assert main(["draw", "x+y", "-o", "graph.jpeg"]) == 2
    error = capsys.readouterr().err
    assert all(ending in error for ending in (".svg", ".png", ".dot", ".pdf"))
    assert main(["draw", "x+y", "-o", "graph"]) == 2


def test_too_slow_a_layout_is_an_error_and_leaves_no_file(tmp_path, monkeypatch, capsys):
    def too_slow(*args, timeout, **kwargs):
        raise subprocess.TimeoutExpired(args, timeout)

    monkeypatch.setattr(graphviz.subprocess, "run", too_slow)
    assert main(["draw", "x+y", "--timeout", "2", "-o", str(tmp_path / "graph.svg")]) == 1
    assert "took longer than 2 seconds" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "graph.svg"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cgcli.files.os.fsync", full)
    with pytest.raises(DataError, match="No space left"):
        cg.parse("x+y").draw(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["graph.svg"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path, capsys):
    assert main(["draw", "x+y", "-o", str(tmp_path / "none" / "graph.svg")]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_missing_and_unknown_inputs_are_told_as_by_eval(capsys):
    for words in (["(x+y)*z", "x=1"], ["x+y", "x=1", "y=2", "zz=3"], ["x+y", "x=what"]):
        codes, errors = [], []
        for command in ("eval", "draw"):
            codes.append(main([command, *words]))
            errors.append(capsys.readouterr().err)
        assert codes == [2, 2]
        assert errors[0] == errors[1]


def test_derivatives_need_values_and_one_output(capsys):
    assert main(["draw", "x+y", "--grad"]) == 2
    assert "`x`, `y`" in capsys.readouterr().err
    assert main(["draw", "a = x^2; b = sin(x); output a; output b", "x=1", "--grad"]) == 2
    assert "--of: a, b" in capsys.readouterr().err
    assert main(["draw", "x+y", "x=1", "y=2", "--wrt", "x"]) == 2


def test_one_output_is_drawn_with_what_it_needs(capsys):
    assert main(["draw", "a = x^2; b = sin(y); output a; output b", "x=3", "y=1", "--of", "a", "--grad"]) == 0
    shown = capsys.readouterr().out
    assert "sin" not in shown
    assert "x = 3   ∂ 6" in shown


def test_only_what_is_asked_for_has_adjoints(capsys):
    assert main(["draw", "x*y", "x=3", "y=4", "--grad", "--wrt", "x"]) == 0
    assert capsys.readouterr().out == "result: × = 12   ∂ 1\n├─ x = 3   ∂ 4\n└─ y = 4\n"


def test_a_formula_that_needs_no_values_shows_them(capsys):
    assert main(["draw", "param w = 2; w * 3"]) == 0
    assert capsys.readouterr().out == "result: × = 6\n├─ w = 2\n└─ 3\n"


def test_folding_is_told_on_standard_error_and_all_draws_everything(tmp_path, capsys):
    text = " + ".join(f"x{place}" for place in range(600))
    path = tmp_path / "sum.dot"
    assert main(["draw", text, "-o", str(path)]) == 0
    assert "1,199 nodes are folded" in capsys.readouterr().err
    assert path.read_text().count(" -> ") < 50
    assert main(["draw", text, "--all", "-o", str(path)]) == 0
    assert capsys.readouterr().err == ""
    assert path.read_text().count(" -> ") == 1198


def test_the_method_returns_svg_or_the_path(tmp_path):
    formula = cg.parse("(x+y)*z")
    svg = formula.draw(None, x=1, y=2, z=3, grad=True)
    assert svg.startswith("<?xml")
    assert "result = 9" in svg
    assert formula._repr_svg_().startswith("<?xml")
    assert formula.draw(tmp_path / "g.dot") == str(tmp_path / "g.dot")
    with pytest.raises(UsageError, match="format"):
        formula.draw("g.gif")


def test_an_array_output_is_drawn_with_the_derivatives_of_its_sum():
    svg = cg.parse("input v[2]; v * v").draw(None, {"v": [1, 2]}, grad=True)
    assert "derivative of sum(result)" in svg
    assert "∂ [2, 4]" in svg


def test_a_failing_engine_is_an_error(monkeypatch):
    monkeypatch.setattr(graphviz, "find_program", lambda form: sys.executable)  # which has no option -Kdot
    with pytest.raises(CalculationError, match="Graphviz failed"):
        cg.parse("x+y").draw()


LOOP = "step(x, i) = x + sin(x + i); fold(step, x, range(40))"


def test_a_function_is_opened_on_demand(tmp_path, capsys):
    path = tmp_path / "loop.dot"
    assert main(["draw", LOOP, "-o", str(path)]) == 0
    assert "hint: --open step draws each of these calls, --all draws every node" in capsys.readouterr().err
    assert "step × 38" in path.read_text()
    for words in (["--open", "step"], ["--all"]):
        assert main(["draw", LOOP, *words, "-o", str(path)]) == 0
        assert capsys.readouterr().err == ""
        assert " × " not in path.read_text()
        assert path.read_text().count("sin") == 40


def test_the_tree_is_folded_as_the_picture_is(capsys):
    assert main(["draw", LOOP, "x=1"]) == 0
    shown = capsys.readouterr().out
    assert "step × 38 (114 nodes) = " in shown
    assert "in step (first of 40)" in shown
    assert main(["draw", LOOP, "x=1", "--open", "step"]) == 0
    assert capsys.readouterr().out.count("in step\n") > 40


def test_a_function_that_is_not_called_cannot_be_opened(capsys):
    assert main(["draw", LOOP, "--open", "stop"]) == 2
    assert "did you mean `step`?" in capsys.readouterr().err
    with pytest.raises(UsageError, match="has no call of `f`"):
        cg.parse(LOOP).draw(open="f")
    with pytest.raises(UsageError, match="`open` is an option of this method and an input"):
        cg.parse("open + 1").draw(open="step")


def test_the_method_opens_calls_too():
    formula = cg.parse(LOOP)
    assert "step × 38" in formula.draw()
    for options in ({"open": "step"}, {"open": ["step"]}, {"all": True}):
        assert formula.draw(x=1, **options).count("sin") == 40
