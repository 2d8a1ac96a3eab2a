"""`cg trace` without values, of chosen steps, of a row, as LaTeX; what a trace and a picture show in a notebook."""

from __future__ import annotations

import json
import traceback

import pytest

import cgcli as cg
from cgcli.__main__ import main


def shown(capsys, *words, code=0):
    assert main(["trace", *words]) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_steps_without_values(capsys):
    text = shown(capsys, "exp(sin(x^2))")
    assert "∂v2 =      ∂result · exp(v2)" in text
    assert "∂result/∂x = 2 * x * exp(sin(x^2)) * cos(x^2)" in text
    data = json.loads(shown(capsys, "x*y - y", "--wrt", "y", "--json"))
    assert data["gradients"] == {"result": {"y": "x - 1"}}
    adjoints = {step["name"]: step["adjoint"] for step in data["backward"]["result"]}
    assert adjoints["y"] == "(-∂result) + ∂v1 · x"


def test_adjoints_without_values_are_those_with_values(capsys):
    """Each symbolic adjoint, computed from the ones above it, is the number of the trace at a point."""
    text, point = "f(t) = t*exp(t); f(x)*sin(y) + max(x, y)^2", {"x": 0.7, "y": 1.3}
    formula = cg.parse(text)
    found = formula.trace(point)
    adjoints = {step.name: step.adjoint for step in found.backward[0].steps}
    values = {found.names[node]: value for node, value in found.values.items()}
    data = json.loads(shown(capsys, text, "--json"))
    for step in data["backward"]["result"]:
        written = step["adjoint"].replace("·", "*")
        names = sorted({*values, *adjoints}, key=len, reverse=True)
        scope = {f"d_{name}": adjoints[name] for name in adjoints} | {name: values[name] for name in values}
        for name in names:
            written = written.replace(f"∂{name}", f"d_{name}")
        parsed = cg.parse(written)
        value = parsed.eval({name: scope[name] for name in parsed.inputs})
        assert value == pytest.approx(adjoints[step["name"]]), step


@pytest.mark.parametrize(
    ("words", "inside", "outside"),
    [
        (["exp(sin(x^2))", "x=0.5", "--node", "v1"], "v1", "sin(v1)"),
        (["h = x^2; k = sin(h); k + h", "x=0.5", "--show", "h"], "x^2", "sin"),
        (["f(t)=exp(t); g(t)=sin(t); f(g(x))", "x=0.5", "--call", "g"], "sin(x)", "exp"),
    ],
)
def test_chosen_steps(words, inside, outside, capsys):
    text = shown(capsys, *words)
    assert inside in text
    assert outside not in text.partition("Backward")[0]


def test_whole_arrays(capsys):
    words = ["A @ v", f"A={[[i + j for j in range(9)] for i in range(9)]}", f"v={list(range(9))}", "--no-backward"]
    assert "9×9 matrix" in shown(capsys, *words)
    text = shown(capsys, *words, "--full")
    assert "matrix" not in text
    assert "…" not in text


def test_a_row_of_a_table(tmp_path, capsys):
    path = tmp_path / "points.csv"
    path.write_text("x\n1\n3\n")
    assert "9" in shown(capsys, "x^2", "--data", str(path), "--row", "2")
    assert "go together" in shown(capsys, "x^2", "--data", str(path), code=2)
    assert "no row 7" in shown(capsys, "x^2", "--data", str(path), "--row", "7", code=2)


def test_latex(capsys):
    assert r"v_{1} &= x^{2} = 0.25" in shown(capsys, "exp(x^2)", "x=0.5", "--latex")
    text = shown(capsys, "exp(x^2)", "--latex")
    assert r"\mathit{result} &= e^{v_{1}}" in text
    assert (
        r"\frac{\partial \mathit{result}}{\partial x} &= \frac{\partial \mathit{result}}{\partial v_{1}} \cdot 2 x \\"
        in text
    )
    assert r"&= 2 x \cdot e^{x^{2}}" in text
    text = shown(capsys, "y = x*w - w^2", "x=2", "w=3", "--latex")
    assert r"\frac{\partial y}{\partial x} &= \frac{\partial y}{\partial v_{1}} \cdot w = 3" in text
    assert r"\mathit{rate}" in shown(capsys, "rate = 0.1; y = x*rate", "--latex")
    assert r"\sum \left(\frac{\partial y}{\partial v_{1}} \cdot v\right) = 3" in shown(
        capsys, "y = sum(x*v)", "x=3", "v=[1, 2]", "--latex"
    )
    text = shown(capsys, "y = sum(A@v)", "A=[[1, 2], [3, 4]]", "v=[1, 2]", "--latex")
    assert r"A &= \begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}" in text
    assert r"\frac{\partial y}{\partial v} &= A^{\top} \frac{\partial y}{\partial v_{1}} = " in text
    assert main(["grad", "x^2*sin(x)", "--latex"]) == 0
    assert capsys.readouterr().out.startswith(r"\frac{\partial}{\partial x} = 2 x \cdot \sin")
    assert main(["ops", "sin", "/", "--latex"]) == 0
    assert r"\frac{x}{y}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [(["x^2", "x=1", "--node", "v7"], "no step `v7`"), (["x^2", "x=1", "--call", "f"], "no call of `f`"),
     (["x^2", "--full"], "exclude each other"), (["x + y", "x=1"], "no value for the input `y`")],
)  # fmt: skip
def test_wrong_choices(words, told, capsys):
    assert told in shown(capsys, *words, code=2)


def test_choices_without_values(capsys):
    text = "h = x^2; f(t) = t*sin(t); f(h) + f(2)"
    assert "sin(h)" not in shown(capsys, text, "--show", "h").partition("Backward")[0]
    inside = shown(capsys, text, "--call", "f").partition("Gradient")[0]
    assert "h * v1" in inside
    assert "x^2" not in inside
    assert "no step `v9`" in shown(capsys, text, "--node", "v9", code=2)


def test_names_in_a_derivative_are_told_below_it(capsys):
    assert "∂result/∂x = 2 * x * (sin(h) + h * cos(h))\n    with h = x^2" in shown(capsys, "h = x^2; h*sin(h)")


def test_what_shows_itself():
    found = cg.parse("x^2").trace(x=2)
    assert "Backward from result" in str(found)
    assert "<pre>" in found._repr_mimebundle_()["text/html"]
    picture = cg.parse("x^2").draw()
    assert picture._repr_svg_() == str(picture)
    assert str(picture).lstrip().startswith("<")


def test_a_traceback_ends_with_the_place_and_the_hint():
    with pytest.raises(cg.CgError) as caught:
        cg.parse("2*sine(x)")
    text = "".join(traceback.format_exception(caught.value))
    assert text.endswith("1 | 2*sine(x)\n  |   ^^^^\nhint: did you mean `sin` or `sinh` or `sind`?\n")


class Shell:
    """As much of IPython as the extension needs."""

    def __init__(self):
        self.magics = {}

    def register_magic_function(self, function, kind, name):
        self.magics[kind, name] = function


def test_magics_of_a_notebook(capsys):
    shell = Shell()
    cg.load_ipython_extension(shell)
    shell.magics["line", "cg"]('eval "(x+y)*z" x=1 y=2 z=3')
    shell.magics["cell", "cg"]("x=0.5", "y = x^2\ny + 1\n")
    shell.magics["cell", "cg"]("grad x=3", "x^2\n")
    shell.magics["cell", "cg"]("", "2*sine(x)")
    shell.magics["line", "cg"]('eval "x^2 x=3')
    captured = capsys.readouterr()
    assert captured.out == "9\n1.25\nresult = 9\nd/dx = 6\n"
    assert "did you mean `sin`" in captured.err
    assert captured.err.endswith("usage error: a quotation mark is never closed\n")


LOOP = "step(x, i) = x + sin(x + i); fold(step, x, range(40))"


@pytest.mark.parametrize("values", [[], ["x=1"]])
def test_of_repeated_calls_the_first_and_the_last_are_shown(values, capsys):
    text = shown(capsys, LOOP, *values)
    told = "step × 38: calls 2 to 39 of 40, 113 steps left out; --open step shows them"
    assert text.count(told) == 2
    assert text.count("sin  ") == 2
    for words in (["--open", "step"], ["--all"], *([["--call", "step"]] if values else [])):
        text = shown(capsys, LOOP, *values, *words)
        assert "left out" not in text
        assert text.count("sin  ") == 40
    assert "has no call of `g`" in shown(capsys, LOOP, *values, "--open", "g", code=2)


def test_what_comes_out_of_hidden_calls_is_shown():
    found = cg.parse(LOOP).trace(x=0.5)
    before_last = found.forward[-4]
    assert f"{before_last.number}" in str(found)
    (line,) = (
        line for line in str(found).partition("Backward")[0].splitlines() if f" {before_last.name} " in line[:12]
    )
    assert line.endswith(f"{before_last.value:.6g}")
    opened, everything = (str(cg.parse(LOOP).trace(x=0.5, **options)) for options in ({"open": "step"}, {"all": True}))
    assert opened == everything
    assert len(opened.splitlines()) > 200


def test_the_data_of_a_trace_stay_complete(capsys):
    data = json.loads(shown(capsys, LOOP, "x=1", "--json"))
    assert len(data["forward"]) == 121
    assert len(data["calls"]) == 40
