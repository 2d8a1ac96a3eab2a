"""`cg eval` and `cg grad` inside this process: what they print, what they say of wrong lines, and the exit codes."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from cgcli.__main__ import main

Capture = pytest.CaptureFixture[str]


def shown(capsys: Capture, *words: str, code: int = 0) -> str:
    """Standard output of a line that must end with this exit code."""
    assert main(words) == code
    return capsys.readouterr().out


def complaint(capsys: Capture, *words: str, code: int = 2) -> str:
    """Standard error of a line that must end with this exit code, and print nothing else."""
    assert main(words) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["(x+y)*z", "x=1", "y=2", "z=3"], "9\n"),
        (["exp(sin(x^2))", "x=0.5"], "1.2806963574441748\n"),
        (["x", "x=pi/2"], "1.5707963267948966\n"),
        (["x", "x=-1e-3"], "-0.001\n"),
        (["x", "x = 2"], "2\n"),
        (["sum(x)", "x=[1, 2, 3]"], "6\n"),
        (["A @ v", "A=[[1, 2], [3, 4]]", "v=[1, 1]"], "[3, 7]\n"),
        (["1e300*1e300 - 1", "--json"], '{"values": {"result": "inf"}}\n'),
        (["a = x; b = 2*x; output a, b", "x=2"], "a = 2\nb = 4\n"),
        (["h = x + 1; h^2", "x=2", "--show", "h"], "3\n"),
        (["h = x + 1; k = h^2; k", "x=2", "--show", "h,k"], "h = 3\nk = 9\n"),
        (["sqrt(2)", "--digits", "50"], "1.4142135623730950488016887242096980785696718753769\n"),
        (["0.1 + 0.2", "--digits", "30"], "0.3\n"),
        (["x", "x=0.1", "--digits", "25"], "0.1\n"),
        (["h = x^2; h + 1", "h=5"], "6\n"),
        (["e*2", "e=3"], "6\n"),
        (["x+1", "x=2", "--engine", "numpy"], "3\n"),
        (["--json", "x", "x=2"], '{"values": {"result": 2.0}}\n'),
    ],
)  # fmt: skip
def test_eval(capsys: Capture, words: list[str], expected: str) -> None:
    assert shown(capsys, "eval", *words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-x+y", "x=1", "y=2"], "1\n"),
        (["-x+q", "x=1", "q=2"], "1\n"),
        (["-x + q", "x=1", "q=2"], "1\n"),
        (["-x", "x=1"], "-1\n"),
        (["-(x)", "x=1"], "-1\n"),
        (["-2^2"], "-4\n"),
        (["-.5*x", "x=4"], "-2\n"),
        (["-x+y", "x=1", "y=2", "--json"], '{"values": {"result": 1.0}}\n'),
        (["-x+q", "x=1", "q=2", "--json"], '{"values": {"result": 1.0}}\n'),
        (["--json", "-x+y", "x=1", "y=2"], '{"values": {"result": 1.0}}\n'),
        ([" --x", "x=3"], "3\n"),
        (["--", "--x", "x=3"], "3\n"),
        (["--", "-x", "x=3"], "-3\n"),
        (["--x+1", "x=3"], "4\n"),
    ],
)  # fmt: skip
def test_expressions_that_start_with_a_minus(capsys: Capture, words: list[str], expected: str) -> None:
    assert shown(capsys, "eval", *words) == expected


def test_two_minus_signs_before_a_name_look_like_an_option(capsys: Capture) -> None:
    told = complaint(capsys, "eval", "--x", "x=3")
    assert "there is no option `--x`" in told
    assert '" --x"' in told


def test_json_has_texts_for_what_json_has_no_numbers_for(capsys: Capture) -> None:
    text = "a = 0/0; b = 1/0; c = -1/0; d = [1, 1/0]; output a, b, c, d"
    values = json.loads(shown(capsys, "eval", text, "--json"))
    assert values == {"values": {"a": "nan", "b": "inf", "c": "-inf", "d": [1.0, "inf"]}}


def test_where_a_nan_was_born_is_told_on_standard_error(capsys: Capture) -> None:
    assert main(["eval", "1 + log(x)", "x=-1"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "nan\n"
    assert "warning: nan comes from `log` of -1" in captured.err
    assert "1 | 1 + log(x)\n  |     ^^^^^^" in captured.err


def test_a_nan_that_reaches_no_output_is_not_told(capsys: Capture) -> None:
    assert main(["eval", "sqrt(x) if x > 0 else 0", "x=-1"]) == 0
    assert capsys.readouterr().err == ""


def test_grad(capsys: Capture) -> None:
    assert shown(capsys, "grad", "(x+y)*z", "x=1", "y=2", "z=3") == "result = 9\nd/dx = 3\nd/dy = 3\nd/dz = 3\n"
    line = shown(capsys, "grad", "loss = w*x", "w=2", "x=3", "--wrt", "w")
    assert line == "loss = 6\ndloss/dw = 3\n"
    found = json.loads(shown(capsys, "grad", "(x+y)*z", "x=1", "y=2", "z=3", "--json"))
    assert found == {"values": {"result": 9.0}, "gradients": {"result": {"x": 3.0, "y": 3.0, "z": 3.0}}}
    assert shown(capsys, "grad", "h = x^2; k = 3*h; k + 1", "x=2", "--wrt", "h", "--of", "k") == "k = 12\ndk/dh = 3\n"


def test_hessian_and_jacobian(capsys: Capture) -> None:
    assert shown(capsys, "grad", "x*y^2", "x=1", "y=2", "--hessian") == "x, x = 0\nx, y = 4\ny, x = 4\ny, y = 2\n"
    assert shown(capsys, "grad", "[x*y, x/y]", "x=1", "y=2", "--jacobian") == "x = [2, 0.5]\ny = [1, -0.25]\n"
    found = json.loads(shown(capsys, "grad", "x^3", "x=2", "--hessian", "--json"))
    assert found == {"hessian": {"x": {"x": 12.0}}}


def test_a_gradient_of_an_array_points_to_the_jacobian(capsys: Capture) -> None:
    told = complaint(capsys, "grad", "[x, x^2]", "x=1")
    assert "`result` has shape [2]; a gradient needs a number" in told
    assert "--jacobian" in told


def test_the_checker_gives_a_second_opinion(capsys: Capture) -> None:
    assert ": agrees (" in shown(capsys, "grad", "x^x", "x=2", "--check")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["x^2"], "d result / d x"),
        (["b = x^2; b"], "d result / d x"),
        (["b = x^2"], "d b / d x"),
        (["x"], "d result / d x"),
        (["h = x; h^2", "--wrt", "h"], "d result / d h"),
        (["h = x; h^2", "--of", "h"], "d h / d x"),
    ],
)
def test_the_checker_names_what_grad_names(capsys: Capture, words: list[str], name: str, tmp_path: Path) -> None:
    formula, *options = words
    graph = str(tmp_path / "g.npz")
    shown(capsys, "export", formula, "-o", graph)
    for source in (formula, graph):
        lines = shown(capsys, "grad", source, "x=2", *options, "--check").splitlines()
        assert lines[-1].startswith(f"check {name}: agrees ")


def test_all_missing_inputs_are_named_at_once(capsys: Capture) -> None:
    told = complaint(capsys, "eval", "(x+y)*z", "y=2")
    assert told == "usage error: no value for the inputs `x`, `z`\nhint: add x=… z=…\n"


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["eval", "alpha + 1", "alpah=1"], "the formula has no input `alpah`", "did you mean `alpha`?"),
        (["eval", "x + 1", "x=1", "q=2"], "the formula has no input `q`", "its inputs are `x`"),
        (["eval", "1 + 1", "q=2"], "the formula has no input `q`", "it has no inputs"),
        (["eval", "sinn(x)", "x=1"], "unknown function `sinn`", "did you mean `sin`"),
        (["eval", "x", "x=1", "--jsn"], "there is no option `--jsn`", "did you mean `--json`?"),
        (["eval", "x", "x=y"], "the value of `x` is not a number: it uses `y`", "for example x=1.5"),
        (["eval", "x", "x=1", "x=2"], "`x` is given twice", "give each input once"),
        (["eval", "x", "x:1"], "`x:1` is not of the form NAME=VALUE", "write x=1"),
        (["eval", "x", "x", "=", "1"], "`x` is not of the form NAME=VALUE", "x=1"),
        (["eval", "x", "+", "y"], "`+` is not of the form NAME=VALUE", "quote it"),
        (["eval", "h = x; h", "x=1", "--show", "g"], "the formula has no `g` to show", "it has"),
        (["eval", "x", "x=1", "--show", "a,,b"], "`a,,b` is not a list of names", "separate names by commas"),
        (["grad", "alpha^2", "alpha=1", "--wrt", "alpah"], "to differentiate with respect to", "did you mean `alpha`"),
        (["grad", "loss = x^2", "x=1", "--of", "los"], "the formula has no `los`", "did you mean `loss`"),
        (["evla", "x"], "there is no command `evla`", "did you mean `eval`?"),
        (["x+1", "x=2"], "there is no command `x+1`", "cg eval 'x+1'"),
        (["grad", "x", "x=1", "--hessian", "--jacobian"], "exclude each other", ""),
        (["eval", "x", "x=1", "--digits", "0"], "--digits", ""),
        (["eval", "x", "x=1", "--digits", "many"], "--digits", ""),
        (["eval"], "", ""),
    ],
)  # fmt: skip
def test_a_wrong_line_is_a_usage_error_with_a_hint(capsys: Capture, words: list[str], what: str, hint: str) -> None:
    told = complaint(capsys, *words)
    assert what in told
    assert hint in told
    assert "unexpected" not in told


def test_a_calculation_or_data_error_is_1(capsys: Capture, tmp_path: Path) -> None:
    assert "cannot read" in complaint(capsys, "eval", "sum(x)", f"x=@{tmp_path}/none.npy", code=1)
    pickled = tmp_path / "objects.npy"
    np.save(pickled, np.array([{}]), allow_pickle=True)
    assert "cannot read" in complaint(capsys, "eval", "sum(x)", f"x=@{pickled}", code=1)


@pytest.mark.parametrize(
    ("words", "file", "use"),
    [
        (["no_such.cg"], "`no_such.cg`", ""),
        (["no_such.npz"], "`no_such.npz`", ""),
        (["x", "x=@no_such.npy"], "`no_such.npy`", " (for `x`)"),
        (["x", "--data", "no_such.csv"], "`no_such.csv`", ""),
    ],
)
def test_a_file_that_is_not_there_is_the_same_error_wherever_it_is_named(
    capsys: Capture, words: list[str], file: str, use: str
) -> None:
    told = complaint(capsys, "eval", *words, code=1)
    assert told == f"data error: cannot read {file}: No such file or directory{use}\n"


def test_values_from_an_array_file(capsys: Capture, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([1, 2, 3]))
    assert shown(capsys, "eval", "sum(v^2)", f"v=@{tmp_path}/v.npy") == "14\n"


def test_formulas_from_files_and_standard_input(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.cg"
    path.write_text("\ufeff# a model\r\nh = x^2\r\nh + 1\r\n", encoding="utf-8")
    assert shown(capsys, "eval", str(path), "x=3") == "10\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("x^2 + 1\n"))
    assert shown(capsys, "eval", "-", "x=3", "--json") == '{"values": {"result": 10.0}}\n'
    monkeypatch.setattr("sys.stdin", io.StringIO("x +\n"))
    assert "<standard input>:1:" in complaint(capsys, "eval", "-", "x=3")
    path.write_bytes(b"x + \xff\xfe")
    assert "not UTF-8 text" in complaint(capsys, "eval", str(path), "x=3", code=1)
    assert "cannot read" in complaint(capsys, "eval", f"{tmp_path}/.cg", code=1)


def test_a_warning_and_an_error_are_plain_without_a_terminal(capsys: Capture) -> None:
    assert "\033" not in complaint(capsys, "eval", "2x")


@pytest.mark.parametrize("command", ["eval", "grad"])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_leads_with_examples(capsys: Capture, command: str, option: str) -> None:
    text = shown(capsys, command, option)
    examples = text.index("Examples:")
    assert text.index("Usage:") < examples < text.index("Options:")
    assert f'cg {command} "(x+y)*z" x=1 y=2 z=3' in text


def test_help_names_every_command_and_examples(capsys: Capture) -> None:
    text = shown(capsys, "--help")
    assert 'cg eval "(x+y)*z" x=1 y=2 z=3              9' in text
    assert "\n  eval" in text
    assert "\n  grad" in text
    assert shown(capsys, "--version").startswith("cg ")


@pytest.mark.parametrize("command", ["eval", "grad"])
def test_the_examples_of_the_help_work(
    capsys: Capture, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "param w = 2; param b = 1; input x = 1; hidden = w*x + b; loss = hidden^2; output loss"
    (tmp_path / "model.cg").write_text(text)
    trees = "term tree\nword(k) = k\npair(a, b) = tanh(a - b)\n(tree - label)^2"
    (tmp_path / "tree.cg").write_text(trees)
    (tmp_path / "fitted.json").write_text('{"values": {"a": 2, "b": 0.5, "c": 1}}')
    monkeypatch.chdir(tmp_path)
    lines = [line.strip() for line in shown(capsys, command, "--help").splitlines()]
    examples = [line for line in lines if f"cg {command} " in line and not line.startswith("Usage")]
    examples = [line for line in examples if "--data" not in line]  # these need tables, and a package to read them
    assert len(examples) >= 4
    for line in examples:
        before, _, words = line.partition(f"cg {command} ")
        if before:
            monkeypatch.setattr("sys.stdin", io.StringIO(shlex.split(before)[1]))
        assert main([command, *shlex.split(words)]) == 0, line


def test_ctrl_c_is_130(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cgcli.cli.start.start", interrupted)
    assert complaint(capsys, "eval", "1", code=130) == "interrupted\n"


def test_what_nobody_foresaw_is_one_line_and_a_way_to_see_more(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("cgcli.cli.start.start", broken)
    told = complaint(capsys, "eval", "1", code=1)
    assert told.startswith("error: unexpected RuntimeError: two lines\nhint: ")
    monkeypatch.setenv("CG_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main(["eval", "1"])


def test_a_missing_extra_is_4(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from cgcli.errors import MissingExtra

    def missing(*_: object) -> None:
        raise MissingExtra("llvmlite is not installed", hint="pip install 'cgcli[native]'")

    monkeypatch.setattr("cgcli.cli.start.start", missing)
    assert "pip install" in complaint(capsys, "eval", "1", code=4)
