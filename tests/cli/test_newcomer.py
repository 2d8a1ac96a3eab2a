"""What somebody types who has never seen cg, on a command line and in Python: each mistake is one clear error."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.api.sources import is_name

Capture = pytest.CaptureFixture[str]


def told(capsys: Capture, *words: str, code: int = 2) -> str:
    """What a wrong line says on standard error, and nothing on standard output."""
    assert main(words) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert "bug in cg" not in captured.err
    return captured.err


def shown(capsys: Capture, *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


# ---- finding the way -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["help"], ["--help"], ["-h"]])
def test_help_comes_however_one_asks(capsys: Capture, words: list[str]) -> None:
    assert shown(capsys, *words).startswith("Usage: cg ")


def test_help_of_a_command(capsys: Capture) -> None:
    assert shown(capsys, "help", "grad") == shown(capsys, "grad", "--help")
    assert "there is no command `gard`" in told(capsys, "help", "gard")


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["eval", "x", "x=1", "--digits", "abc"], "`abc` is not a whole number", "`cg eval --help`"),
        (["draw", "x", "--timeout", "soon"], "`soon` is not a number", "`cg draw --help`"),
        (["eval", "x", "x=1", "--digits", "0"], "0 is not in the range", "`cg eval --help`"),
        (["draw", "x", "--json"], "there is no option `--json`", "hint: "),
        (["eval", "x", "x=1", "--JSON"], "there is no option `--JSON`", "did you mean `--json`?"),
        (["eval", "x", "x=1", "-j"], "`-j` is not of the form NAME=VALUE", "there is no option `-j`"),
        (["trace", "x", "x=1", "--no-backward", "--wrt", "x"], "--no-backward and --wrt exclude", ""),
        (["eval", "x", "x=1", "--head", "0"], "--head needs a table", "--data"),
        (["eval", "x", "x=1", "-o", ""], "--output needs a table", "--data"),
        (["eval", "-", "--data", "-"], "standard input cannot be both", "in a file"),
        (["grad", "-", "--data", "-"], "standard input cannot be both", "in a file"),
    ],
)  # fmt: skip
def test_wrong_options(capsys: Capture, words: list[str], what: str, hint: str) -> None:
    message = told(capsys, *words)
    assert what in message
    assert hint in message
    assert "--version" not in message


# ---- values and files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "what", "hint"),
    [
        ("NaN", "it uses `NaN`", "did you mean `nan`?"),
        ("Inf", "it uses `Inf`", "did you mean `inf`?"),
        ("True", "it uses `True`", "did you mean `true`?"),
        ("1;y=2", "names of its own", "x=1 y=2"),
        ("y=2", "names of its own", "x=1 y=2"),
        ("1,2", "a comma cannot stand in a number", "`1.2`, or `[1,2]`"),
        ("=1", "cannot begin with `=`", ""),
        ("[[1, 2], [3]]", "the same shape", ""),
    ],
)  # fmt: skip
def test_a_value_is_one_number_or_list(capsys: Capture, value: str, what: str, hint: str) -> None:
    message = told(capsys, "eval", "x", f"x={value}")
    assert what in message
    assert hint in message


def test_a_file_that_is_not_there_is_no_formula(capsys: Capture) -> None:
    assert told(capsys, "eval", "no/such/model.cg", code=1) == (
        "data error: cannot read `no/such/model.cg`: No such file or directory\n"
    )


def test_only_a_file_of_formulas_is_read(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hands on somebody else's formula to cg hands on none of his files; and `a/b` is a quotient."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    for name in ("secret.txt", "x", "a/b"):
        (tmp_path / name).write_text("2*secret\n")
    for word in ("secret.txt", "./x", str(tmp_path / "x")):
        message = told(capsys, "eval", word, code=1)
        assert message.startswith(f"data error: cannot read `{word}`: its name does not end with .cg\n")
        assert "2*secret" not in message
    assert shown(capsys, "eval", "x", "x=3") == "3\n"
    assert shown(capsys, "eval", "a/b", "a=6", "b=3") == "2\n"


def test_an_option_that_there_is_not_before_any_command(capsys: Capture) -> None:
    assert told(capsys, "-v") == "usage error: there is no option `-v`\nhint: `cg --help` shows those it has\n"
    assert "did you mean `--version`?" in told(capsys, "--versoin")


def test_formulas_that_end_in_a_transpose_are_no_files(capsys: Capture) -> None:
    assert shown(capsys, "eval", "A.T", "A=[[1, 2], [3, 4]]") == "[[1, 3], [2, 4]]\n"


def test_array_files_that_hold_no_numbers(capsys: Capture, tmp_path: Path) -> None:
    arrays = {
        "complex": np.array([1 + 2j]), "texts": np.array(["1", "2"]), "empty": np.zeros(0),
        "dates": np.array(["2020-01-01"], dtype="M8[D]"), "records": np.array([(1, 2.0)], dtype="i4,f8"),
    }  # fmt: skip
    for name, value in arrays.items():
        np.save(tmp_path / f"{name}.npy", value)
        message = told(capsys, "eval", "x", f"x=@{tmp_path}/{name}.npy", code=1)
        assert message.startswith("data error: ")
        assert "`x`" in message
    (tmp_path / "text.npy").write_text("x,y\n1,2\n")
    message = told(capsys, "eval", "x", f"x=@{tmp_path}/text.npy", code=1)
    assert "it is not a .npy file" in message
    assert "pickle" not in message
    assert "Is a directory" in told(capsys, "eval", "x", f"x=@{tmp_path}", code=1)
    message = told(capsys, "eval", "x", "x=@none.npy", code=1)
    assert "cannot read `none.npy`: No such file or directory (for `x`)" in message
    assert "Errno" not in message


def test_standard_input_that_is_no_text(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x + \xff"), encoding="utf-8"))
    assert "standard input: it is not UTF-8 text" in told(capsys, "eval", "-", "x=1", code=1)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff"), encoding="utf-8", errors="surrogateescape"))
    assert "standard input: it is not UTF-8 text" in told(capsys, "eval", "-", code=1)


@pytest.mark.skipif(os.name != "posix", reason="only a POSIX shell closes streams")
@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("eval 1+1 >&-", 1, "cannot write the output: standard output is closed"),
        ("eval 1+ 2>&-", 2, ""),
        ("eval 1/0 2>&-", 0, ""),
        ("eval - <&-", 2, "there is nothing to compute here"),
        ("eval x --data - <&-", 1, "it is empty"),
    ],
)  # fmt: skip
def test_closed_streams(line: str, code: int, says: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m cgcli {line}', sys.executable], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code
    assert says in done.stderr
    assert "bug in cg" not in done.stderr


# ---- derivatives -----------------------------------------------------------------------------------------------


def test_symbolic_derivatives_take_the_shapes_of_values(capsys: Capture) -> None:
    assert "sum(x)" in shown(capsys, "grad", "sum(x*w)", "x=[1, 2]", "--wrt", "w", "--symbolic")
    assert "2 * x" in shown(capsys, "grad", "x@x", "x=[1, 2]", "--symbolic")
    assert "the formula has no input `y`" in told(capsys, "grad", "x^2", "y=1", "--symbolic")


def test_symbolic_derivatives_keep_defaults() -> None:
    slope = cg.parse("input x = 3; input y = x + 1; input z = 5; x^2*y + z").derivative("x")
    assert slope.inputs == ["x", "y"]
    assert slope.eval() == 24.0
    assert slope.eval(x=1) == 4.0


def test_a_check_as_json_is_one_document(capsys: Capture) -> None:
    found = json.loads(shown(capsys, "grad", "x^2", "x=2", "--check", "--json"))
    assert found["gradients"] == {"result": {"x": 4.0}}
    assert found["checks"]["result"]["accepted"] is True


def test_where_an_inner_infinity_was_born_is_told(capsys: Capture) -> None:
    assert main(["grad", "h = 1/x; h + 1", "x=0", "--of", "h"]) == 0
    assert "warning: inf comes from `div` of 1, 0, which is `h`" in capsys.readouterr().err


# ---- in Python -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["3", None, 1 + 2j, {1}, [1, None], [[1, 2], [3]], np.array([1j]), np.array(["1"]), b"1", print], ids=repr
)
def test_values_of_wrong_types(value: object) -> None:
    with pytest.raises(cg.CgError, match=r"the value of `x` (is not a number|holds)"):
        cg.parse("x*2").eval(x=value)


@pytest.mark.parametrize("text", ["x@y", "range(n)", "sum(x^k for k in range(n))", "x[0]"])
def test_a_formula_without_a_graph_yet_shows_itself(text: str) -> None:
    formula = cg.parse(text)
    assert str(formula) == text
    assert repr(formula) == f"<formula {text}>"
    assert formula._repr_svg_() is None
    assert formula._repr_mimebundle_() == {"text/plain": text}


def test_a_formula_shows_itself_in_a_notebook() -> None:
    bundle = cg.parse("a = x^2; b = x; output a, b")._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/latex", "image/svg+xml"}
    assert repr(cg.parse("a = x^2; b = y; output a, b")) == "<formula a = x^2; b = y; output a, b>"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda f: f.eval([1, 2]),
        lambda f: f.eval(x=1, y=2, digits=0),
        lambda f: f.eval(x=1, y=2, digits=1.5),
        lambda f: f.grad(x=1, y=2, wrt="xy"),
        lambda f: f.grad(x=1, y=2, wrt=[1]),
        lambda f: f.hvp(x=1, y=2, directions={}),
        lambda f: f.jvp(x=1, y=2, directions=[1, 2]),
        lambda f: f.derivative(1),
        lambda f: cg.parse(None),
        lambda f: cg.parse(b"x"),
        lambda f: cg.formula(5),
        lambda f: cg.formula({}),
        lambda f: cg.formula([1]),
        lambda f: cg.inputs("1x"),
        lambda f: cg.inputs("x if"),
        lambda f: cg.inputs(["x"]),
        lambda f: cg.inputs("x", shape=(-1,)),
        lambda f: cg.inputs("x", shape="a"),
    ],
)  # fmt: skip
def test_wrong_calls(wrong) -> None:
    with pytest.raises(cg.CgError) as caught:
        wrong(cg.parse("x*y"))
    assert caught.value.exit_code == 2


def test_one_name_may_come_without_a_list() -> None:
    assert cg.parse("loss = w*x").grad(w=2, x=3, wrt="w") == {"w": 3.0}
    assert cg.parse("x*y").grad(x=2, y=3, wrt="x, y") == {"x": 3.0, "y": 2.0}


def test_products_with_directions_leave_no_names_behind() -> None:
    formula = cg.parse("x*y")
    formula.hvp(x=1, y=2, directions={"x": 1})
    with pytest.raises(cg.CgError) as caught:
        formula.grad(x=1, y=2, wrt=["q"])
    assert caught.value.hint == "it has x, y"
    assert formula.grad(x=1, y=2) == {"x": 2.0, "y": 1.0}


def test_rows_are_in_front_also_where_they_do_not_matter() -> None:
    found = cg.parse("(x+y)*z").grad_rows(x=[1, 2, 3], y=2, z=3, wrt="x")
    assert found["x"].tolist() == [3.0, 3.0, 3.0]
    assert cg.parse("a = x; z").eval_rows(x=[1, 2, 3], z=2).tolist() == [2.0, 2.0, 2.0]


def test_operations_on_lists_say_what_would_work() -> None:
    with pytest.raises(TypeError, match="`sum` computes on plain numbers"):
        cg.sum([1, 2])
    assert {"sin", "parse", "sum"} <= set(dir(cg))
    assert all(getattr(cg, name) is not None for name in dir(cg))


@pytest.mark.parametrize(
    ("word", "expected"),
    [("x", True), ("π", True), ("input", True), ("lambda", True), ("1x", False), ("if", False), ("x+y", False),
     ("-x", False), ("x=1", False), ("", False), ("#", False), ("x y", False)],
)  # fmt: skip
def test_names(word: str, expected: bool) -> None:
    assert is_name(word) is expected


# ---- files that are there already ------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="links and modes of POSIX")
def test_a_picture_takes_the_place_of_what_a_link_points_to(tmp_path: Path) -> None:
    target, link = tmp_path / "target.dot", tmp_path / "link.dot"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    assert main(["draw", "x+y", "-o", str(link)]) == 0
    assert link.is_symlink()
    assert target.read_text().startswith("digraph")
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.dot", "target.dot"]


def test_a_folder_is_no_place_for_a_picture(capsys: Capture, tmp_path: Path) -> None:
    folder = tmp_path / "folder.svg"
    folder.mkdir()
    assert f"cannot write `{folder}`: it is a folder" in told(capsys, "draw", "x+y", "-o", str(folder), code=1)


def test_long_numbers_are_written_as_short_ones(capsys: Capture) -> None:
    assert shown(capsys, "eval", "10^400", "--digits", "20") == "1e+400\n"
