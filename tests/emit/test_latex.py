"""LaTeX: templates of the rows, parentheses where a reader needs them, names, numbers, sharing."""

from __future__ import annotations

import re

import numpy as np
import pytest

import cgcli as cg
from cgcli.emit.latex import latex, name_latex, number_latex
from cgcli.errors import Source
from cgcli.graph.store import Graph
from cgcli.language.reading import lower, parse
from cgcli.ops import REGISTRY, Operation, arithmetic, shaping, temporary_rows, trigonometric

SHAPES = {"v": (3,), "w_1": (3,), "A": (2, 3)}

RENDERED = {
    "(x+y)*z": r"\left(x + y\right) \cdot z",
    "a-(b-c)": r"a - \left(b - c\right)",
    "a/(b*c)": r"\frac{a}{b \cdot c}",
    "x*(y/2)": r"x \cdot \frac{y}{2}",
    "(x/y)^2": r"\left(\frac{x}{y}\right)^{2}",
    "-(x/y)": r"-\frac{x}{y}",
    "-2^2": "-2^{2}",
    "(-x)^2": r"\left(-x\right)^{2}",
    "-(a*b)": r"-a \cdot b",
    "-(a+b)": r"-\left(a + b\right)",
    "-2*x^2": "-2 x^{2}",
    "a*(-4)*x": r"a \cdot \left(-4\right) \cdot x",
    "a*-b": r"a \cdot \left(-b\right)",
    "a^b^c": "a^{b^{c}}",
    "(a^b)^c": r"\left(a^{b}\right)^{c}",
    "2*x^2 + 3*sin(x) - 2*3": r"2 x^{2} + 3 \sin\left(x\right) - 2 \cdot 3",
    "2*10^x": r"2 \cdot 10^{x}",
    "exp(-x)^2": r"\left(e^{-x}\right)^{2}",
    "sqrt(x^2+1)": r"\sqrt{x^{2} + 1}",
    "abs(x-1)^3": r"\left|x - 1\right|^{3}",
    "expm1(x)*2": r"\left(e^{x} - 1\right) \cdot 2",
    "log1p(-x)": r"\ln\left(1 + \left(-x\right)\right)",
    "log1p(x)^2": r"\ln\left(1 + x\right)^{2}",
    "floor(x + 1)": r"\left\lfloor x + 1 \right\rfloor",
    "pos(x + 1)^2": r"\left(x + 1\right)^{2}",
    "hypot(x+1, y)": r"\sqrt{\left(x + 1\right)^2 + y^2}",
    "factorial(n+1)": r"\left(n + 1\right)!",
    "log(x, 2)": r"\log_{2}\left(x\right)",
    "besselj(2, x)": r"J_{2}\left(x\right)",
    "polygamma(2, x)": r"\psi^{(2)}\left(x\right)",
    "gammainc(0.5, x)": r"P\left(0.5, x\right)",
    "round(x, 2)": r"\operatorname{round}\left(x, 2\right)",
    "leaky_relu(x)": r"\operatorname{leaky\_relu}\left(x\right)",
    "leaky_relu(x, 0.2)": r"\operatorname{leaky\_relu}\left(x, 0.2\right)",
    "x if a < 0 else -y": r"\begin{cases} x & a < 0 \\ -y & \text{otherwise} \end{cases}",
    "2*(x if a else y)": r"2 \cdot \left(\begin{cases} x & a \\ y & \text{otherwise} \end{cases}\right)",
    "not (a and b) or c <= d": r"\lnot \left(a \land b\right) \lor c \le d",
    "(a < b) == c": r"\left(a < b\right) = c",
    "x // y % z": r"\left\lfloor \frac{x}{y} \right\rfloor \bmod z",
    "pi*e^x + 1e-3": r"\pi \cdot e^{x} + 10^{-3}",
    "sum(v)": r"\sum v",
    "sum(v*w_1) + 1": r"\sum \left(v \cdot w_{1}\right) + 1",
    "sum(v)*2": r"\left(\sum v\right) \cdot 2",
    "sum(A, 0)": r"\operatorname{sum}\left(A, 0\right)",
    "v[1:]*w_1[0]": r"v_{1:} \cdot {w_{1}}_{0}",
    "A[1, 2]": "A_{1, 2}",
    "A.T @ A": r"A^{\top} A",
    "A @ (A.T @ A)": r"A \left(A^{\top} A\right)",
    "(v + 1) @ w_1": r"\left(v + 1\right) w_{1}",
    "[x, y]": r"\begin{bmatrix} x \\ y \end{bmatrix}",
    "[[x, y], [1, 2]]": r"\begin{bmatrix} x & y \\ 1 & 2 \end{bmatrix}",
    "[A, A]": r"\left[A, A\right]",
    "alpha_max*x_1": r"\alpha_{\mathrm{max}} \cdot x_{1}",
}
"""Formula -> LaTeX."""


def lowered(text):
    """The graph of a text, and its only output."""
    program = lower(parse(Source(text)), shapes=SHAPES)
    (node,) = program.outputs.values()
    return program.graph, node


@pytest.mark.parametrize("text", RENDERED)
def test_formulas_are_set_as_on_paper(text):
    assert latex(*lowered(text)) == RENDERED[text]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x", "x"), ("x_1", "x_{1}"), ("x1", "x_{1}"), ("x₁₂", "x_{12}"), ("x_1_2", "x_{1, 2}"), ("x_i", "x_{i}"),
        ("alpha", r"\alpha"), ("α", r"\alpha"), ("Omega_0", r"\Omega_{0}"), ("rate", r"\mathit{rate}"),
        ("k_B", "k_{B}"), ("v_max", r"v_{\mathrm{max}}"), ("learning_rate", r"\mathit{learning}_{\mathrm{rate}}"),
        ("_x", r"\mathit{\_x}"), ("x_", r"\mathit{x\_}"), ("beta2", r"\beta_{2}"), ("T_alpha", r"T_{\alpha}"),
    ],
)  # fmt: skip
def test_names(name, text):
    assert name_latex(name) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("2", "2"), ("-2", "-2"), ("0.1", "0.1"), ("1e-3", "10^{-3}"), ("-1e-3", "-10^{-3}"), ("1e16", "10^{16}"),
        ("1.5e-7", r"1.5 \cdot 10^{-7}"), ("pi", r"\pi"), ("inf", r"\infty"), ("-inf", r"-\infty"),
        ("nan", r"\mathrm{nan}"),
    ],
)  # fmt: skip
def test_numbers(number, text):
    assert number_latex(number)[0] == text


def test_arrays_are_columns_and_matrices():
    graph = Graph()
    assert latex(graph, graph.array_constant([1, -2.5])) == r"\begin{bmatrix} 1 \\ -2.5 \end{bmatrix}"
    assert latex(graph, graph.array_constant([[1, 2], [3, 4]])) == r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}"
    assert (
        latex(graph, graph.array_constant(np.zeros((1, 1, 2)))) == r"\left[\begin{bmatrix} 0 & 0 \end{bmatrix}\right]"
    )


def balanced(text):
    """Whether braces, `\\left` and `\\right`, `\\begin` and `\\end` pair up."""
    open_brackets = []
    for token in re.findall(r"\\[A-Za-z]+|\\.|[{}]", text):
        if token in ("{", r"\left", r"\begin"):
            open_brackets.append(token)
        elif token in ("}", r"\right", r"\end") and (
            not open_brackets or open_brackets.pop() != {"}": "{", r"\right": r"\left", r"\end": r"\begin"}[token]
        ):
            return False
    return not open_brackets


def nested(row):
    """A node of an elementwise row whose operands are sums, as a graph and the node."""
    graph = Graph()
    operands = [
        graph.apply(arithmetic.add, [graph.input(f"x_{place}"), graph.input("y")]) for place in range(row.arity)
    ]
    return graph, graph.apply(row, operands, [2.0 if each.required else each.default
                                              for each in row.parameters if each.static])  # fmt: skip


@pytest.mark.parametrize(
    "row", [row for row in REGISTRY.rows if row.elementwise and row.arity], ids=lambda row: row.name
)
def test_every_elementwise_row_renders_all_its_operands_in_balanced_brackets(row):
    graph, node = nested(row)
    text = latex(graph, graph.apply(REGISTRY.by_name["pow"], [node, graph.constant(2.0)]))
    assert balanced(text), text
    assert text.endswith("^{2}")
    assert not re.search(r"\^(\{[^{}]*\}|\w)\^", text), "a power of a power needs parentheses"
    for place in range(row.arity):
        assert f"x_{{{place}}} + y" in text


@pytest.mark.parametrize("row", [row for row in REGISTRY.rows if row.examples], ids=lambda row: row.name)
def test_every_example_renders_with_balanced_brackets(row):
    for example in row.examples:
        text = latex(*lowered(example))
        assert balanced(text), text
        assert "{0}" not in text.replace("_{0}", "")


def test_the_adjoint_of_an_index_renders():
    graph = Graph()
    entries = graph.attributes_of(graph.apply(shaping.index, [graph.input("v", (3,))], [(1,)]))
    text = latex(graph, graph.apply(shaping.place, [graph.input("x")], [entries]))
    assert text.startswith(r"\operatorname{place}\left(x, ")
    assert balanced(text)


def test_a_row_declared_in_a_test_is_set_by_its_template_and_without_one_by_its_name():
    with temporary_rows():
        plain = Operation("twice_it", "x", compute=lambda x: 2 * x, partials=(lambda x, r: 2.0,))
        styled = Operation(
            "bracketed", "x, y", definition=lambda x, y: x * y, spell={"latex": r"\langle {0}, {1} \rangle"}
        )
        graph = Graph()
        x, y = graph.input("x"), graph.input("y")
        total = graph.apply(arithmetic.add, [x, y])
        assert latex(graph, graph.apply(plain, [total])) == r"\operatorname{twice\_it}\left(x + y\right)"
        assert latex(graph, graph.apply(styled, [x, y])) == r"\langle x, y \rangle"


def test_what_would_explode_has_names_and_definitions():
    graph = Graph()
    node = graph.input("x")
    for _ in range(50):
        node = graph.apply(trigonometric.sin, [graph.apply(arithmetic.mul, [node, node])])
    text = latex(graph, node)
    assert len(text) < 10_000
    assert balanced(text)
    assert r"\quad \text{with } t_{1} = \sin\left(x \cdot x\right),\; t_{2} = " in text


def test_definitions_take_the_names_of_the_formula():
    lines = ["t_1 = sin(x)*x", "h = t_1*t_1 + t_1"]
    lines += [f"h{step} = {before}*sin({before})" for step, before in enumerate(["h", *[f"h{k}" for k in range(20)]])]
    text = cg.parse("\n".join([*lines, "result = h20*h20"])).latex()
    assert r"\mathit{h} = " not in text
    assert r"h_{3} = h_{2} \cdot \sin\left(h_{2}\right)" in text


def test_a_deep_formula_renders():
    graph = Graph()
    node, y = graph.input("x"), graph.input("y")
    for step in range(100_000):
        node = graph.apply(trigonometric.sin, [node]) if step % 2 else graph.apply(arithmetic.add, [node, y])
    text = latex(graph, node)
    assert text.count(r"\sin") == 50_000
    assert balanced(text)


def test_a_formula_gives_one_equation_a_line():
    formula = cg.parse("a = x + 1; b = a*2; output a, b")
    assert formula.latex() == "a = x + 1\n" + r"b = \left(x + 1\right) \cdot 2"
