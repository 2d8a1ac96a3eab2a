"""A graph comes back from its file as it was, whatever the formula."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings

import cgcli as cg
from cgcli.api.formula import from_source
from cgcli.data.graph_files import read_graph, write_graph
from cgcli.errors import CgError, Source
from cgcli.graph.lint import lint
from cgcli.graph.walk import ancestors
from cgcli.passes.derivative import derivative_of
from tests.conformance.cases import ELEMENTWISE, STRUCTURAL, applied
from tests.language.texts import formulas
from tests.transcripts import ROOT

SAMPLES = sorted((ROOT / "samples").glob("*.cg"))
TEXTS = re.compile(r"<text[^>]*>([^<]*)</text>")


def described(program):
    """All that a program says, without positions of nodes that nothing needs."""
    graph = program.graph
    inputs = graph.inputs()
    names = {name: node for name, node in graph.names.items() if name in program.inputs or name not in inputs}
    roots = [*program.outputs.values(), *program.defaults.values(), *names.values()]
    needed = ancestors(graph, [*roots, *(inputs[name] for name in program.inputs if name in inputs)])
    place = dict(zip((node for node in range(len(graph)) if needed[node]), range(len(graph)), strict=False))
    return {
        "nodes": [(*node_of(graph, node), [place[each] for each in graph.operands_of(node)]) for node in place],
        "names": [(name, place[node]) for name, node in names.items()],
        "scopes": {place[node]: call for node, call in graph.scopes.items() if node in place},
        "calls": [(call.name, call.parent) for call in graph.calls],
        "outputs": [(name, place[node]) for name, node in program.outputs.items()],
        "defaults": [(name, place[node]) for name, node in program.defaults.items()],
        "inputs": program.inputs, "params": program.params, "specialised": program.specialised,
    }  # fmt: skip


def node_of(graph, node):
    """Operation, shape and content of a node."""
    shape, payload = graph.shape_of(node), graph.payload[node]
    if graph.is_constant(node):
        content = repr(graph.constant_value(node)), graph.exact.get(payload), graph.is_own_constant(node)
    elif graph.is_input(node):
        content = graph.input_name(node)
    elif graph.row(node).name == "array":
        content = graph.arrays[payload].tolist()
    else:
        content = repr(graph.attributes_of(node))
    return graph.row(node).name, shape, repr(content)


def assert_comes_back(program, path):
    write_graph(program, str(path))
    again = read_graph(str(path))
    lint(again.graph)
    assert described(again) == described(program)
    first = path.read_bytes()
    write_graph(again, str(path))
    assert path.read_bytes() == first


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_samples(sample, tmp_path):
    formula = cg.load(sample)
    assert_comes_back(formula.bind(complete=False).program, tmp_path / "g.npz")
    formula.save(tmp_path / "g.npz")
    again = cg.load(tmp_path / "g.npz")
    assert (again.inputs, again.params, again.outputs) == (formula.inputs, formula.params, formula.outputs)
    assert TEXTS.findall(again.draw()) == TEXTS.findall(formula.draw())


@pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)
def test_every_elementwise_operation(row, tmp_path):
    graph, _, node = applied(row)
    formula = cg.formula(graph.ref(node))
    assert_comes_back(formula.bind(complete=False).program, tmp_path / "g.npz")


@pytest.mark.parametrize("text", [text for row in STRUCTURAL for text in row.examples])
def test_every_structural_operation_and_its_derivative(text, tmp_path):
    formula = cg.parse(text)
    program = formula.bind(complete=False).program
    for output in list(program.outputs.values()):
        for name in program.inputs:
            program.outputs[f"d{name}"] = derivative_of(program.graph, output, program.graph.inputs()[name])
    assert_comes_back(program, tmp_path / "g.npz")


@settings(max_examples=200, deadline=None)
@given(formulas)
def test_any_text(tmp_path_factory, text):
    try:
        program = from_source(Source(text)).bind(complete=False).program
    except CgError:
        return
    assert_comes_back(program, tmp_path_factory.getbasetemp() / "any.npz")


SPECIAL = {
    "exact": "0.1*x + 1e999 + pi + 1_000.5",
    "literals of every form": "1_000.1*x + .1 + 1e-400 + 1e400 + 12345678901234567890.1 + 0.1E-3 + 2.e-1 + tau + -0.3",
    "odd numbers": "x*nan + inf - 0*x",
    "own constants": "a = 2\nb = a*x + 2\nb",
    "defaults": "input a = 2*3\ninput b = a + 1\nparam w[3] = 0.5\nsum(w)*a*b",
    "unused": "unused = sin(x)\ninput y\nz = 2*x\nz",
    "calls": "f(t) = exp(t)*2\ng(t) = f(t) + f(2*t)\ng(x)",
    "outputs": "output p, q\np = x*y\nq = p + x",
    "conditions": "y if x < 1 <= y else -x",
}


@pytest.mark.parametrize("text", SPECIAL.values(), ids=SPECIAL)
def test_special_contents(text, tmp_path):
    assert_comes_back(cg.parse(text).bind(complete=False).program, tmp_path / "g.npz")


def test_arrays_and_static_arguments(tmp_path):
    x, y = cg.inputs("x y")
    values = np.array([[1.0, np.nan, np.inf], [-0.0, 0.1, 3.0]])
    formula = cg.formula({"p": x * values, "q": (x * values)[1, ::-2] + y, "r": cg.leaky_relu(y, 0.25)})
    assert_comes_back(formula.bind(complete=False).program, tmp_path / "g.npz")
    formula.save(tmp_path / "g.npz")
    expected, found = formula.eval(x=2, y=-3), cg.load(tmp_path / "g.npz").eval(x=2, y=-3)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_derivatives_that_were_asked_for_are_not_written(tmp_path):
    formula = cg.parse("exp(x*y)*x")
    formula.save(tmp_path / "before.npz")
    formula.grad(x=1, y=2)
    formula.hvp(x=1, y=2, directions={"x": 1.0})
    formula.save(tmp_path / "after.npz")
    assert (tmp_path / "after.npz").read_bytes() == (tmp_path / "before.npz").read_bytes()


def test_digits_beyond_doubles_are_kept(tmp_path):
    cg.parse("0.1 + pi*x").save(tmp_path / "g.npz")
    found = cg.load(tmp_path / "g.npz").eval(x=0, digits=40)
    assert str(found) == "0.1"


def test_a_graph_goes_on_growing(tmp_path):
    """What is read can be differentiated, and shares nodes with what is added."""
    cg.parse("sin(x)*y").save(tmp_path / "g.npz")
    formula = cg.load(tmp_path / "g.npz")
    assert str(formula.derivative("x")) == str(cg.parse("sin(x)*y").derivative("x"))
    graph = formula.graph
    before = len(graph)
    x = graph.ref(graph.inputs()["x"])
    assert (cg.sin(x) * graph.ref(graph.inputs()["y"])).node == formula.bind(complete=False).program.outputs["result"]
    assert len(graph) == before


def test_the_order_of_operations_in_a_version_does_not_matter(tmp_path, altered):
    def reverse(header, columns):
        header["operations"].reverse()
        columns["op"] = len(header["operations"]) - 1 - columns["op"]

    path = altered("exp(x)*y + 3", reverse)
    assert cg.load(path).eval(x=0, y=2) == 5
