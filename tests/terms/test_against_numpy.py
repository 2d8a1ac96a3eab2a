"""Cells of every sort of operation against NumPy: losses, and derivatives by complex steps (Squire & Trapp 1998)."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.terms import running

WORDS, WIDTH = 11, 5
TEXT = """
term tree
input label
param E[11, 5]
param W[15, 5]
param b[15, 2]
param L[25, 5]
param R[25, 5]
param d[25]
param S[3, 5]
param rare[5]
param tau
half = 0.5*tau
gate(x) = sigmoid(half*x)
step(a, i) = a*tau + i

def word(k):
    g = W @ E[k] + b[:, 1]
    c = gate(g[:5]) * tanh(g[10:])
    return sigmoid(g[5:10]) * tanh(c), c

def pair(left, right):
    hl, cl = left
    hr, cr = right
    g = L @ hl + R @ hr + d
    m = max(relu(hl), relu(-hr))
    c = gate(g[:5]) * tanh(g[20:]) + sigmoid(g[5:10] + 1) * cl + sigmoid(g[10:15] + 1) * cr
    p = softmax(c)
    h = sigmoid(g[15:20]) * tanh(c) + m/10 + outer(p, hl) @ hr + logsumexp(g)*p/100 + mean(cl)*max(hr) + norm(cl)/9
    return h, (c if sum(hl) > sum(hr) else c - abs(cl - cr)/5)

def turn(x):
    h, c = x
    return concat(h[1:], [-h[0]]), c * rare

def three(x, y, z):
    hx, cx = x
    hy, cy = y
    hz, cz = z
    q = fold(step, 0, [hx[i]*hy[i] for i in range(5)])
    return [q*v for v in hz] + max(hx, hy), max(cx, cy, cz) + min(cx, cz)

h, c = tree
loss = softmax_cross_entropy(S @ h, label == range(3)) + norm(c)^2/100
output loss
"""
SHAPES = {"E": (11, 5), "W": (15, 5), "b": (15, 2), "L": (25, 5), "R": (25, 5), "d": (25,), "S": (3, 5), "rare": (5,),
          "tau": ()}  # fmt: skip


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def larger(a, b):
    return np.where(a.real > b.real, a, b)


def state(term, p):
    """The two results of a term."""
    name, *below = term
    if name == "word":
        g = p["W"] @ p["E"][below[0]] + p["b"][:, 1]
        c = sigmoid(p["tau"] / 2 * g[:5]) * np.tanh(g[10:])
        return sigmoid(g[5:10]) * np.tanh(c), c
    states = [state(each, p) for each in below]
    if name == "turn":
        ((h, c),) = states
        return np.array([*h[1:], -h[0]]), c * p["rare"]
    if name == "three":
        (hx, cx), (hy, cy), (hz, cz) = states
        q = 0
        for product in hx * hy:
            q = q * p["tau"] + product
        return q * hz + larger(hx, hy), larger(larger(cx, cy), cz) - larger(-cx, -cz)
    (hl, cl), (hr, cr) = states
    g = p["L"] @ hl + p["R"] @ hr + p["d"]
    c = sigmoid(p["tau"] / 2 * g[:5]) * np.tanh(g[20:]) + sigmoid(g[5:10] + 1) * cl + sigmoid(g[10:15] + 1) * cr
    soft = np.exp(c) / np.exp(c).sum()
    h = sigmoid(g[15:20]) * np.tanh(c) + larger(larger(hl, 0 * hl), larger(-hr, 0 * hr)) / 10
    h = h + np.outer(soft, hl) @ hr + np.log(np.exp(g).sum()) * soft / 100
    h = h + cl.mean() * hr[hr.real.argmax()] + np.sqrt((cl**2).sum()) / 9
    return h, c if hl.sum().real > hr.sum().real else c - larger(cl - cr, cr - cl) / 5


def loss(term, label, p):
    h, c = state(term, p)
    z = p["S"] @ h
    return np.log(np.exp(z).sum()) - z[label] + (c**2).sum() / 100


def grown(random, leaves):
    """A random term of so many words."""
    if leaves == 1:
        return ("word", int(random.integers(WORDS)))
    kind = random.random()
    if kind < 0.15:
        return ("turn", grown(random, leaves - 1))
    if kind < 0.4 and leaves > 2:
        one, two = sorted(random.choice(np.arange(1, leaves), 2, replace=False).tolist())
        return ("three", grown(random, one), grown(random, two - one), grown(random, leaves - two))
    one = int(random.integers(1, leaves))
    return ("pair", grown(random, one), grown(random, leaves - one))


@pytest.mark.parametrize("large", [0, 10**9], ids=["kernels", "numpy"])
def test_losses_and_gradients(large, monkeypatch):
    monkeypatch.setattr(running, "LARGE", large)
    random = np.random.default_rng(3)
    params = {name: random.normal(size=shape) for name, shape in SHAPES.items()}
    terms = [grown(random, int(random.choice([1, 1, 2, 3, 6, 12]))) for _ in range(120)]
    labels = random.integers(3, size=len(terms)).tolist()
    formula = cg.parse(TEXT)
    losses = [loss(term, label, params) for term, label in zip(terms, labels, strict=True)]
    ways = {name: random.normal(size=shape) for name, shape in SHAPES.items()}
    slopes = {}
    for name, way in ways.items():
        moved = {**params, name: params[name] + 1e-30j * way}
        slopes[name] = [loss(*row, moved).imag / 1e-30 for row in zip(terms, labels, strict=True)]
    for batched in (True, False):
        given = {"tree": terms, "label": labels, **params, "batched": batched}
        np.testing.assert_allclose(formula.eval_rows(**given), losses, rtol=1e-12)
        total, found = formula.grad_sum(**given, wrt=list(SHAPES))
        assert total == pytest.approx(sum(losses), rel=1e-12)
        for name, way in ways.items():
            scale = np.abs(slopes[name]).sum()
            assert np.sum(found[name] * way) == pytest.approx(sum(slopes[name]), abs=1e-13 * scale), name
    rows = formula.grad_rows(tree=terms[:20], label=labels[:20], **params, wrt=list(SHAPES))
    for name, way in ways.items():
        products = (rows[name] * way).reshape(20, -1).sum(axis=1)
        np.testing.assert_allclose(products, slopes[name][:20], rtol=1e-10, atol=1e-12, err_msg=name)


def test_vectors_that_lie_apart_in_memory(monkeypatch):
    """A column of a matrix, and every second number of a vector, are added to gates as other vectors are."""
    monkeypatch.setattr(running, "LARGE", 0)
    random = np.random.default_rng(0)
    formula = cg.parse("""
        term t; param W[64, 32]; param M[64, 2]; param b[64]; param v[32]
        leaf(x) = x*v
        def next(a):
            g = W @ a + M[:, 1]
            u = W @ tanh(g[:32]) + b
            return sigmoid(u[:32]) * tanh(u[32:]) * sigmoid(g[32:])
        loss = sum(t)
    """)
    params = {"W": random.normal(size=(64, 32)), "M": random.normal(size=(64, 2)), "b": random.normal(size=128)[::2],
              "v": random.normal(size=32)}  # fmt: skip
    terms = [f"next(next(leaf({number})))" for number in random.normal(size=80).tolist()]
    total, slopes = formula.grad_sum(t=terms, **params, of="loss", wrt=list(params))
    same, others = formula.grad_sum(t=terms, **params, of="loss", wrt=list(params), batched=False)
    assert total == pytest.approx(same, rel=1e-12)
    for name in params:
        np.testing.assert_allclose(slopes[name], others[name], rtol=1e-10, atol=1e-10)
