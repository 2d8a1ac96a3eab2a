"""The DOT text of a picture: goldens, and that nothing of the graph is missing or made up."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

import cgcli as cg
from cgcli.api.sources import formula
from cgcli.formulas.drawing import picture_of
from cgcli.graph.store import Graph
from cgcli.numerals import compact
from cgcli.ops.trigonometric import sin
from cgcli.render.dot import dot_text
from cgcli.render.folding import fold
from cgcli.render.graphviz import render
from tests.golden import check_golden

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "draw"
CHAIN = "f(x) = exp(x); g(x) = sin(x); h(x) = x^2; f(g(h(x)))"
NEURON = "neuron(v) = tanh(w @ v + b); input w[2]; input x[2]; result = neuron(x)^2"

DRAWINGS = {
    "structure": ("(x + y) * z", {}, False),
    "gradient": ("(x + y) * z", {"x": 1, "y": 2, "z": 3}, True),
    "calls": (CHAIN, {"x": 0.5}, True),
    "order": ("x / y - where(x > 1, y, x^y)", {"x": 2, "y": 3}, False),
    "vectors": (NEURON, {"w": [1, -2], "x": [3, 4], "b": 0.5}, True),
    "names": ("w = 0.5; a = w * x; b = sin(a); output a; output b", {}, False),
}


def dot(formula: cg.Formula, values=None, *, grad=False) -> str:
    picture = picture_of(formula, values or {}, grad=grad)
    return dot_text(picture, fold(picture, limit=None))


@pytest.mark.parametrize("name", DRAWINGS)
def test_golden(name):
    text, values, grad = DRAWINGS[name]
    check_golden(GOLDEN / f"{name}.dot", dot(cg.parse(text), values, grad=grad))


@pytest.mark.parametrize("name", DRAWINGS)
def test_graphviz_takes_it(name):
    text, values, grad = DRAWINGS[name]
    assert b"</svg>" in render(dot(cg.parse(text), values, grad=grad), "svg")


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_node_and_every_edge_is_there_once(name):
    text, values, grad = DRAWINGS[name]
    picture = picture_of(cg.parse(text), values, grad=grad)
    drawing = dot_text(picture, fold(picture, limit=None))
    drawn = [node for node in picture.nodes if node not in picture.bare]
    edges = [
        (operand, user) for user in drawn for operand in picture.graph.operands_of(user) if operand not in picture.bare
    ]
    boxes = [int(node) for node in re.findall(r"(?<!-> )\bn(\d+) \[label", drawing)]
    arrows = [(int(source), int(user)) for source, user in re.findall(r"\bn(\d+) -> n(\d+)", drawing)]
    assert sorted(boxes) == drawn
    assert sorted(arrows) == sorted(edges)


def test_a_number_stands_in_the_box_that_uses_it():
    labels = re.findall(r'label="([^"]*)"', dot(cg.parse("where(x > 1.5, 2 * x, 1 - x) ^ 3")))
    assert {"> 1.5", "2 ×", "1 −", "^ 3\\nresult"} <= set(labels)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("(x + y) * z", {"x": 1, "y": 2, "z": 3}),
        ("x * x + sin(x) / y", {"x": 0.7, "y": -2.5}),
        ("sum(v * w) + floor(x)", {"v": [1.0, 2.0, 3.0], "w": [0.5, -1.0, 4.0], "x": 2.5}),
    ],
)
def test_adjoints_are_those_of_grad(text, values):
    formula = cg.parse(text)
    drawing = dot(formula, values, grad=True)
    graph = formula.bind(values).graph
    for name, slope in formula.grad(values).items():
        caption = re.search(rf'cluster_n{graph.names[name]} {{ graph \[label="∂ ([^"]*)"', drawing)
        assert caption is not None
        assert caption[1] == compact(slope, 26)


def test_contributions_add_up_to_the_adjoint():
    picture = picture_of(cg.parse("x * y + x ^ 3 - x"), {"x": 2.0, "y": 5.0}, grad=True)
    x = picture.graph.names["x"]
    received = [part for edge, part in picture.contributions.items() if picture.graph.operands[edge] == x]
    assert sorted(received) == [-1.0, 5.0, 12.0]
    assert picture.adjoints[x] == 16.0


def test_operands_of_an_ordered_operation_have_numbered_places():
    drawing = dot(cg.parse("x - y"))
    assert "{{<p0>1|<p1>2}|−\\nresult}" in drawing
    assert re.findall(r"-> n2:(p\d)", drawing) == ["p0", "p1"]
    assert ":p" not in dot(cg.parse("x + y"))


def test_a_large_picture_numbers_its_arrows_instead():
    chain = " - ".join(f"x{place}" for place in range(100))
    drawing = dot(cg.parse(chain), {f"x{place}": 1 for place in range(100)}, grad=True)
    assert drawing.count('headlabel="1"') == drawing.count('headlabel="2"') == 99
    assert "−\\nresult = -98\\n∂ 1" in drawing
    assert b"</svg>" in render(drawing, "svg")


def test_each_call_is_a_frame_with_its_name():
    drawing = dot(cg.parse(CHAIN))
    frames = re.findall(r'cluster_call_\d+ {\n +graph \[label="(\w)".*\n +n\d+ \[label="(.*?)"', drawing)
    assert frames == [("h", "^ 2"), ("g", "sin"), ("f", "exp\\nresult")]


def test_calls_inside_calls_are_frames_inside_frames():
    lines = dot(cg.parse("inner(a) = a^2 + 1; outer(a) = sin(inner(a)) * 2; outer(x)")).splitlines()
    indents = {name: len(line) - len(line.lstrip()) for line in lines for name in ("inner", "outer")
               if f'label="{name}"' in line}  # fmt: skip
    assert indents["inner"] > indents["outer"]


def test_many_frames_of_calls_are_laid_out_whole():
    text = "step(s, i) = [s[0] + 0.1 * (s[1] - sin(s[0]) / m), s[1] - sin(s[0]) / m]; fold(step, [a, b], range(60))[0]"
    drawing = dot(cg.parse(text), {"a": 1, "b": 0, "m": 2}, grad=True)
    assert b"</svg>" in render(drawing, "svg")


HOSTILE = [
    '"]; evil [URL="http://example.org"', "<b>bold</b>", "<<b>bold</b>>", "&lt;&amp;&#65;", "back\\slash \\N \\G",
    "a{b|c}d<p0>", "two\nlines\r\0", "x" * 300, "∂√漢字",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_as_they_are_and_never_obeyed(name):
    graph = Graph()
    x = graph.ref(graph.input(name))
    svg = render(dot(formula({name + "'": x - sin(x)})), "svg").decode()
    shown = [unescape(text) for text in re.findall(r"<text [^>]*>([^<]*)</text>", svg)]
    for line in name.split("\n"):
        assert re.sub(r"[\r\0]", " ", line).strip() in [text.strip() for text in shown]
    assert not re.search(r"<(a|image|b)\b|xlink:href", svg)
