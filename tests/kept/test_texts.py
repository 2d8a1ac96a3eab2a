"""Folds of texts, kept and written out: the same numbers, and the same errors."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.errors import CgError
from cgcli.language import mapping
from cgcli.ops import REGISTRY
from cgcli.passes.inlining import has_kept
from tests.kept.keeping import everything_kept, nothing_kept

SAMPLES = sorted(path for path in Path("samples").glob("*.cg") if "fold(" in path.read_text())

TEXTS = {
    "captured": "a = 2*r; step(s, i) = sin(a*s) + exp(-r)*i/9; fold(step, x, range(7))",
    "list state": "step(s, i) = [s[1], s[0]*r + i/9]; v = fold(step, [x, 1], range(6)); v[0] + v[1]^2",
    "array state": "input A[2, 2]; step(s, i) = sin(A @ s) + i/9; sum(fold(step, [x, r], range(5))^2)",
    "list becomes array": "input A[2, 2]; step(s, i) = A @ s*0.5; sum(fold(step, [x, r], range(5))^2)",
    "several values": "def cell(h, c, i):\n    n = tanh(h*r + i/9)\n    return n, c*r + n\n"
                      "h, c = fold(cell, (x, 0.5), range(6)); h*c",
    "vectors side by side": "input v[3]; def cell(h, c, i):\n    n = tanh(h*r + i/9)\n    return n, c*r + sum(n)\n"
                            "h, c = fold(cell, (v, x), range(6)); sum(h)*c",
    "lists become vectors": "input A[2, 2]; def cell(h, c, i):\n    n = tanh(A @ h + c*r)\n    return n, c + i*n\n"
                            "h, c = fold(cell, ([x, 0], [0, 0]), range(6)); sum(h*c)",
    "a number becomes a vector": "input v[5]; step(s, e) = s*r + e*[1, x]; sum(fold(step, 0, v)^2)",
    "numbers become vectors": "input v[2]; def step(a, b, i):\n    return a*r + b, b*x + v\n"
                              "a, b = fold(step, (0, 1), range(6)); sum(a*b)",
    "a list becomes several values": "def step(a, b, i): return a*r + i, b + a\n"
                                     "a, b = fold(step, [x, 1], range(6)); a*b",
    "an operation that widens": "input A[4, 2]; sum(fold(hypot, x, A)*[1, r])",
    "an array": "input v[5]; step(s, e) = s*r + e^2; fold(step, x, v)",
    "a matrix": "input A[4, 2]; step(s, e) = s*e[0] + e[1]; fold(step, x, A)",
    "a list": "step(s, e) = s*r + e; fold(step, x, [x, 2, r, x*r, 0.1])",
    "pairs": "step(s, e) = s*e[0] + e[1]; fold(step, x, [[x, 2], [r, 1], [0.1, x*r]])",
    "read at the number": "input v[8]; step(s, i) = s*v[i] + v[i + 2]*v[7 - i]; fold(step, x, range(6))",
    "read from the end": "input v[8]; step(s, i) = s*r + v[i - 3]; fold(step, x, range(6))",
    "read anywhere": "input v[8]; step(s, i) = s*r + v[i*i % 5]; fold(step, x, range(6))",
    "read rows": "input A[3, 2]; step(s, i) = s + A[i] * A[i, 0]; sum(fold(step, [x, r], range(3)))",
    "read backwards": "input v[8]; step(s, i) = s*v[i] + r; fold(step, x, range(7, -1, -1))",
    "read of the state": "step(s, i) = s*r + s[i]; sum(fold(step, [x, 2, 3, r], range(3)))",
    "folds in folds": "inner(t, j) = t*r + j/9; step(s, i) = fold(inner, s, range(4)) + i/7; fold(step, x, range(3))",
    "fold over what is captured": "input v[4]; inner(t, e) = t*e + r; step(s, i) = fold(inner, s, v) + i; "
                                  "fold(step, x, range(3))",
    "an operation": "input v[5]; fold(max, x, v) + fold(hypot, r, [x, 1, 2])",
    "decisions": "step(s, i) = sqrt(s)*r if s > 1 else s + 0.4; fold(step, x, range(6))",
    "a comprehension": "step(s, i) = sum([s*k + i for k in range(3)])/9 + r; fold(step, x, range(4))",
    "static outside": "n = 2; input v[4]; step(s, i) = s*v[n] + i*r; fold(step, x, range(4))",
    "no use of the state": "step(s, i) = i*r; fold(step, x, range(4)) + x",
    "no use of the item": "step(s, i) = cos(s*r); fold(step, x, range(4))",
    "nothing happens": "step(s, i) = s; fold(step, x, range(4))*r",
    "a constant": "step(s, i) = 3; fold(step, x, range(4))*r",
    "shared with the outside": "step(s, i) = s*sin(r) + i; fold(step, x, range(4)) + sin(r)",
    "twice": "step(s, i) = s*r + i/9; fold(step, fold(step, x, range(4)), range(5))",
    "in a function": "step(s, i) = s*r + i/9; f(y) = fold(step, y, range(4)); f(x) + f(x^2)",
    "in a comprehension": "step(s, i) = s*r + i/9; sum(fold(step, x*k, range(4)) for k in range(3))",
    "all states": "step(s, i) = sin(s*r) + i/9; sum(scan(step, x, range(6))^2)",
    "one of all states": "step(s, i) = s*r + i/9; u = scan(step, x, range(6)); u[2]*u[-1]",
    "all states of several values": "def step(a, b, i): return b*r, a + x\n"
                                    "u, v = scan(step, (x, 1), range(6)); sum(u*v)",
    "all states of unlike values": "input v[3]; def step(a, b, i): return a*r + v, b + sum(a)*x\n"
                                   "u, w = scan(step, (v, 1), range(5)); sum(sum(u^2)) + sum(w^2)*u[2, 1]",
    "all states that are lists": "step(s, i) = [s[1]*r, s[0] + i]; u = scan(step, [x, 1], range(5)); "
                                 "sum(sum(u^2)) + u[3, 1]",
    "all states that widen": "input v[5]; step(s, e) = s*r + e*[1, x]; sum(sum(scan(step, 0, v)^2))",
    "all states of an operation": "input v[5]; sum(scan(max, x, v)) + sum(scan(hypot, r, v))",
    "all states read again": "step(s, i) = s*r + i; u = scan(step, x, range(6)); "
                             "g(t, i) = t*u[i]/9 + u[5 - i]; fold(g, 1, range(6))",
    "a list of all states": "step(s, i) = s*r + i; u = scan(step, x, range(6)); "
                            "sum([u[i + 1] - u[i]^2 for i in range(5)])",
}  # fmt: skip


LISTS = {
    "numbers": "sum([sin(k*x)/(k + 1) for k in range(5)])",
    "a generator": "prod(1 + x/k^2 for k in range(1, 6))",
    "captured": "a = 2*r; sum(exp(-a*k)*x for k in range(6))",
    "read at the number": "input v[8]; sum([v[i + 1]*v[7 - i] - v[i]*x for i in range(6)])",
    "read from the end": "input v[8]; sum([v[i - 3]*x^i for i in range(6)])",
    "read anywhere": "input v[8]; sum([v[i*i % 5]*x for i in range(6)])",
    "read rows": "input A[3, 2]; sum(sum(A[i]*A[i, 0]*x) for i in range(3))",
    "over an array": "input v[5]; mean([u^2*x for u in v])",
    "over a matrix": "input A[4, 2]; sum([a[0]*x + a[1]^2 for a in A])",
    "over a list": "sum([e^2 + e*r for e in [x, 2, r, x*r, 0.1]])",
    "over pairs": "sum([e[0]*x + e[1] for e in [[x, 2], [r, 1], [0.1, x*r]]])",
    "over a comprehension": "sum([e*x for e in [sin(k*x) for k in range(5)]])",
    "lists of lists": "sum(sum([[k*x, x^2, r] for k in range(5)]))",
    "items that are arrays": "input v[3]; sum(sum([v*k + x for k in range(5)]))",
    "a matrix by a vector": "input A[2, 2]; sum(sum([A @ [k*x, 1] for k in range(5)]))",
    "an item of it": "u = [sin(k*x)*r for k in range(5)]; u[3] + u[-1]*u[0]",
    "an element of an item": "u = [[k*x, k^2*r] for k in range(5)]; u[3, 1] + u[-1][0]",
    "a part of it": "u = [k*x for k in range(9)]; sum(u[2:7:2]*r)",
    "nested": "sum(sum(sin(i*x + j*r) for i in range(4)) for j in range(3))",
    "nested lists": "sum(sum([[cos(i*x)*j for i in range(4)] for j in range(3)]))",
    "decisions": "sum(sqrt(k*x) if k > 2 else k*r for k in range(6))",
    "extremes": "max(sin(k*x) for k in range(6)) - min([cos(k*r) for k in range(6)])",
    "in a function": "f(z) = sum(z^k/(k + 1) for k in range(5)); f(x) + f(x*r)",
    "local names": "def f(z, n):\n    w = z*r\n    return sum(w*k + n for k in range(4))\nf(x, 2)",
    "calls": "f(a, b) = a*exp(-b*a); sum([f(k/9, x)*r for k in range(5)])",
    "a fold over it": "step(s, e) = s*r + e; fold(step, x, [sin(k*x) for k in range(6)])",
    "within a fold": "step(s, i) = sum(s*k + i for k in range(3))/9 + r; fold(step, x, range(4))",
    "differentiated": "y = sum(sin(k*x)*r for k in range(5)); diff(y, x)",
    "static": "input v[9]; u = [2*k for k in range(4)]; v[u[3]]*x",
    "exponents": "sum([x^k*r for k in range(6)])",
}  # fmt: skip


def everything(text):
    """The graph of a text, its value, its gradient, and its second derivatives."""
    formula = cg.parse(text)
    random = np.random.default_rng(2)
    names = [name for name in formula.inputs if name not in REGISTRY.by_name]
    values = {name: random.uniform(0.3, 0.9, shape_in(text, name)) for name in names}
    bound = formula.bind(values)
    return (
        bound.program.graph, formula.eval(values), formula.grad(values, wrt=list(values)),
        formula.hessian(values, wrt=list(values)),
    )  # fmt: skip


def shape_in(text, name):
    """The shape of an input as a text declares it."""
    found = re.search(rf"input {name}\[([\d, ]+)\]", text)
    return tuple(map(int, found[1].split(","))) if found else ()


def compare(ours, theirs, *, at_kinks=False):
    """at_kinks: whether a second derivative at a kink may be told as nan, where the whole graph would say more."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for name in ours:
            compare(ours[name], theirs[name], at_kinks=at_kinks)
    elif at_kinks and np.isnan(ours).any():
        compare(np.where(np.isnan(ours), 0, ours), np.where(np.isnan(ours), 0, theirs))
    else:
        np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", TEXTS)
def test_values_and_derivatives_are_the_same_both_ways(name):
    with everything_kept():
        graph, *kept = everything(TEXTS[name])
        assert has_kept(graph)
    with nothing_kept():
        graph, *written_out = everything(TEXTS[name])
        assert not has_kept(graph)
    for ours, theirs in zip(kept, written_out, strict=True):
        compare(ours, theirs)


@pytest.mark.parametrize("name", LISTS)
def test_lists_at_once_have_the_same_values_and_derivatives(name):
    with everything_kept(), counted_lists() as made:
        _, *at_once = everything(LISTS[name])
        assert made
    with nothing_kept(), counted_lists() as made:
        _, *written_out = everything(LISTS[name])
        assert not made
    for ours, theirs in zip(at_once, written_out, strict=True):
        compare(ours, theirs)


@contextmanager
def counted_lists():
    """The rows of comprehensions that become arrays, as they do."""
    made, array = [], mapping._Item.array

    def counting(item):
        found = array(item)
        made.append(item.row)
        return found

    with patch.object(mapping._Item, "array", counting):
        yield made


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_are_the_same_both_ways(path):
    """A sample that reads its state by a derivative, or whose state changes its shape, is written out both times."""
    found = []
    for way in (everything_kept, nothing_kept):
        with way():
            formula = cg.load(path)
            outputs = formula.outputs
            slopes = [formula.grad(of=name) for name in outputs] if formula.inputs else []
            found.append((formula.eval(), dict(zip(outputs, slopes, strict=False))))
    for ours, theirs in zip(*found, strict=True):
        compare(ours, theirs)


ATOMS = st.sampled_from(["s", "i/7", "p", "q", "0.5", "2", "v[i]", "v[3 - i]", "s*p"])
UNARY = st.sampled_from(["sin({})", "-({})", "tanh({})", "abs({})", "relu({})", "exp(-({})^2)", "sqrt({})"])
BINARY = st.sampled_from(
    ["({}) + ({})", "({}) - ({})", "({})*({})", "({})/({})", "max({}, {})", "({}) if s > p else ({})"]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.builds(str.format, UNARY, inner) | st.builds(str.format, BINARY, inner, inner),
    max_leaves=6,
)


def both_ways(text, *, second=False):
    """Value and gradient, kept and written out; second: and second derivatives."""
    values = {"v": [0.3, 0.9, 0.4, 0.8], "q": 0.31, "x": 0.7, "y": 1.2, "p": 0.6}
    found = []
    for way in (everything_kept, nothing_kept):
        with way(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            formula = cg.parse(text)
            given_here = {name: values[name] for name in formula.inputs}
            names = list(formula.bind(given_here).program.inputs)
            asked = [formula.grad, formula.hessian] if second else [formula.grad]
            found.append([formula.eval(given_here), *(ask(given_here, wrt=names) for ask in asked)])
    return found


@settings(max_examples=20, deadline=None, phases=[Phase.generate])
@given(step=EXPRESSIONS, other=EXPRESSIONS, several=st.booleans())
def test_any_step_is_the_same_both_ways(step, other, several):
    if several:
        text = (
            f"def step(s, p, i):\n    n = {step}\n    return n, {other}\ns, p = fold(step, (x, y), range(4)); s - p*q"
        )
    else:
        text = f"step(s, i) = {step}; fold(step, x, range(4)) + p*q*y"
    kept, written_out = both_ways("input v[4]\n" + text, second=True)
    kinked = any(word in text for word in ("max", "abs", "relu"))
    for ours, theirs in zip(kept, written_out, strict=True):
        compare(ours, theirs, at_kinks=kinked and ours is kept[-1])


@settings(max_examples=30, deadline=None, phases=[Phase.generate])
@given(item=EXPRESSIONS, other=EXPRESSIONS, nested=st.booleans())
def test_any_list_is_the_same_both_ways(item, other, nested):
    one = "sum([f(s, i) for s in v])" if nested else "f(x, i)"
    text = f"input v[4]; f(s, i) = {item}; g(s, i) = {other}\n"
    text += f"sum([{one} for i in range(4)]) + prod(1 + g(y, i)/9 for i in range(3))"
    found = both_ways(text)
    for ours, theirs in zip(*found, strict=True):
        compare(ours, theirs)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("step(s, i) = [s, s]", "must be a loop of equal steps, but the state has another shape after a step"),
        ("step(s, i) = s*v[i]", "but index 1999999 does not exist; the axis has length 3"),
        ("step(s, i) = s + diff(y^2, y)", "a derivative is not taken within a loop that is kept"),
        ("step(s, i) = s + v[s]", "this must be a number that is known before the calculation starts"),
    ],
)
def test_what_is_too_long_to_be_written_out_says_why_it_is_not_kept(step, told):
    with pytest.raises(CgError) as caught:
        cg.parse(f"input v[3]; {step}; fold(step, 1, range(2*10^6)) + y").eval(v=[1, 2, 3], y=1)
    assert told in caught.value.message
