"""Terms computed many at once are what calls of the functions give, node by node; values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import CgError, NotFiniteWarning
from cgcli.terms.columns import NAME, PART, Columns, Symbol, call, operation

TREES = """
term tree
n = 2
param E[10, 3] = normal(0, 1)
param W[3, 6] = glorot()
param b[3] = 0.1
param V[3] = 1
scaled = W * n
word(k) = tanh(E[k])
def leaf(k):
    return word(k), word(k) * 2
def pair(l, r):
    hl, cl = l
    hr, cr = r
    g = softmax(scaled @ concat(hl, hr) + b)
    c = cl * sigmoid(g) + cr
    return tanh(c) * g[0], c
def top(t):
    h, c = t
    return h + c
loss = (V @ tree - label)^2
"""


def random_tree(columns, random, leaves):
    """Without recursion: pairs of neighbours, in a random order."""
    nodes = [columns.node(call("leaf"), [columns.number(float(random.integers(-10, 10)))]) for _ in range(leaves)]
    while len(nodes) > 1:
        place = int(random.integers(len(nodes) - 1))
        nodes[place : place + 2] = [columns.node(call("pair"), nodes[place : place + 2])]
    return nodes[0]


def trees(random, rows, most=8):
    columns = Columns()
    for _ in range(rows):
        columns.end_row(columns.node(call("top"), [random_tree(columns, random, int(random.integers(1, most)))]))
    return columns.done()


def by_hand(terms, row, W, b, E, V, label):
    """The value of a row with NumPy."""
    values = {}
    for node in range(terms.begins[row], terms.begins[row + 1]):
        symbol = terms.symbols[terms.symbol[node]]
        below = [values[each] for each in terms.operands[terms.first[node] : terms.first[node + 1]]]
        match symbol.name:
            case "":
                values[node] = int(terms.numbers[node])
            case "leaf":
                word = np.tanh(E[below[0]])
                values[node] = (word, 2 * word)
            case "pair":
                (hl, cl), (hr, cr) = below
                z = 2 * W @ np.concatenate((hl, hr)) + b
                g = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
                c = cl / (1 + np.exp(-g)) + cr
                values[node] = (np.tanh(c) * g[0], c)
            case "top":
                values[node] = below[0][0] + below[0][1]
    return (V @ values[terms.roots[row]] - label) ** 2


@pytest.fixture(scope="module")
def question():
    random = np.random.default_rng(7)
    values = {"E": random.normal(size=(10, 3)), "W": random.normal(size=(3, 6)), "b": random.normal(size=3),
              "V": random.normal(size=3)}  # fmt: skip
    return cg.parse(TREES), {**values, "tree": trees(random, 30), "label": random.normal(size=30)}


@pytest.mark.parametrize("batched", [True, False])
def test_values_are_those_of_the_functions(question, batched):
    formula, values = question
    found = formula.eval_rows(values, batched=batched)
    arrays = [values[name] for name in "WbEV"]
    expected = [by_hand(values["tree"], row, *arrays, values["label"][row]) for row in range(30)]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@pytest.mark.parametrize("large", [0, 10**9], ids=["native kernels", "NumPy alone"])
def test_gradients_are_the_same_at_once_and_node_by_node(question, large, monkeypatch):
    from cgcli.terms import running

    monkeypatch.setattr(running, "LARGE", large)
    formula, values = question
    total, slopes = formula.grad_sum(values)
    again, others = formula.grad_sum(values, batched=False)
    assert total == pytest.approx(again, rel=1e-13)
    assert list(slopes) == ["E", "W", "b", "V"]
    for name in slopes:
        np.testing.assert_allclose(slopes[name], others[name], rtol=1e-12, atol=1e-12)
    rows = formula.grad_rows(values)
    for name in slopes:
        np.testing.assert_allclose(rows[name].sum(axis=0), slopes[name], rtol=1e-11, atol=1e-11)


CELL = """
term tree
param E[20, 8] = normal(0, 1)
param P[8, 16] = glorot()
param p[8] = 0.1
param G[32, 8] = glorot()
param g[32] = -0.1
word(k) = E[k]
def pair(l, r):
    h = relu(P @ concat(l, r) + p)
    z = G @ h + g
    c = sigmoid(z[:8]) * tanh(z[24:]) + sigmoid(z[16:24]) * h
    return sigmoid(z[8:16]) * tanh(c)
loss = sum(tree^2) * label
"""


def test_gates_are_native_kernels_on_stretches_of_lines(monkeypatch):
    """Gates are slices of one product, and their adjoints are written side by side."""
    from cgcli.terms import running

    monkeypatch.setattr(running, "LARGE", 0)
    monkeypatch.setattr(running, "FEWEST", 0)  # also a few lines are moved by machine code
    monkeypatch.setattr(running, "CACHE", 64)  # and batches are cut into pieces
    monkeypatch.setattr(running, "FEWEST_LINES", 3)
    random = np.random.default_rng(4)
    columns = Columns()
    for leaves in (1, 2, 9, 30, 31):
        nodes = [columns.node(call("word"), [columns.number(float(random.integers(20)))]) for _ in range(leaves)]
        while len(nodes) > 1:
            place = int(random.integers(len(nodes) - 1))
            nodes[place : place + 2] = [columns.node(call("pair"), nodes[place : place + 2])]
        columns.end_row(nodes[0])
    terms = columns.done()
    formula = cg.parse(CELL)
    label = random.normal(size=5)
    total, slopes = formula.grad_sum(tree=terms, label=label)
    again, others = formula.grad_sum(tree=terms, label=label, batched=False)
    assert total == pytest.approx(again, rel=1e-13)
    for name in slopes:
        np.testing.assert_allclose(slopes[name], others[name], rtol=1e-12, atol=1e-13)


def test_many_rows_are_done_in_parts(question, monkeypatch):
    from cgcli.terms import asking

    formula, values = question
    whole, (total, slopes) = formula.eval_rows(values), formula.grad_sum(values)
    monkeypatch.setattr(asking, "MOST_BYTES", 10_000)
    np.testing.assert_array_equal(formula.eval_rows(values), whole)
    again, others = formula.grad_sum(values)
    assert again == total
    for name in slopes:
        np.testing.assert_allclose(others[name], slopes[name], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["E", "W", "b", "V"])
def test_gradients_are_the_slopes_of_the_values(question, name):
    formula, values = question
    direction = np.random.default_rng(1).normal(size=values[name].shape)
    step = 1e-6
    up, down = (formula.eval_rows({**values, name: values[name] + sign * step * direction}).sum() for sign in (1, -1))
    slope = (formula.grad_sum(values, wrt=[name])[1][name] * direction).sum()
    assert slope == pytest.approx((up - down) / (2 * step), rel=1e-6)


def test_one_term_is_a_row_of_one(question):
    formula, values = question
    row = {**values, "tree": values["tree"].part(3, 4), "label": float(values["label"][3])}
    assert formula.eval(row) == formula.eval_rows(values)[3]
    slopes = formula.grad(row)
    assert slopes["label"] == pytest.approx(-2 * np.sqrt(formula.eval(row)) * np.sign(
        values["V"] @ formula_root(formula, row) - row["label"]))  # fmt: skip


def formula_root(formula, row):
    return cg.parse(TREES.replace("loss = (V @ tree - label)^2", "root = tree + 0")).eval(
        {name: row[name] for name in ("E", "W", "b", "V", "tree")}
    )


def test_names_parts_operators_and_shared_nodes():
    formula = cg.parse("""
        term t
        param a[2] = 1
        param s = 3
        f(u, v) = u * v + s
        def both(x):
            return x + 1, x * 2
        total = sum(t) * w
    """)
    columns = Columns()
    for k in (1.0, 2.0, 5.0):
        name = columns.node(Symbol(NAME, "a"), [])
        inner = columns.node(call("f"), [name, columns.number(k)])
        pair = columns.node(call("both"), [inner])
        first, second = (columns.node(Symbol(PART, "", (place,)), [pair]) for place in (0, 1))
        added = columns.node(operation("add"), [first, columns.node(operation("mul"), [second, inner])])
        columns.end_row(columns.node(call("f"), [added, added]))
    terms = columns.done()
    w = np.array([1.0, -1.0, 0.5])

    def expected(a, s):
        inner = a * np.array([1.0, 2.0, 5.0])[:, None] + s
        added = inner + 1 + 2 * inner * inner
        return ((added * added + s).sum(axis=1) * w).sum()

    for batched in (True, False):
        total, slopes = formula.grad_sum(t=terms, w=w, batched=batched)
        assert total == pytest.approx(expected(np.ones(2), 3.0))
        h = 1e-6
        assert slopes["s"] == pytest.approx((expected(np.ones(2), 3 + h) - expected(np.ones(2), 3 - h)) / (2 * h))
        assert slopes["a"].sum() == pytest.approx((expected(np.ones(2) + h, 3) - expected(np.ones(2) - h, 3)) / (2 * h))


def test_functions_may_read_columns():
    formula = cg.parse("term t; param p = 2; q = p * x; f(u) = u * q + x; y = t + x")
    columns = Columns()
    for depth in (1, 3):
        node = columns.number(1.5)
        for _ in range(depth):
            node = columns.node(call("f"), [node])
        columns.end_row(node)
    terms, x = columns.done(), np.array([0.5, -2.0])
    q = 2 * x
    expected = [1.5 * q[0] + x[0] + x[0], ((1.5 * q[1] + x[1]) * q[1] + x[1]) * q[1] + x[1] + x[1]]
    for batched in (True, False):
        np.testing.assert_allclose(formula.eval_rows(t=terms, x=x, batched=batched), expected)
        slope = formula.grad_sum(t=terms, x=x, batched=batched)[1]["p"]
        up, down = (formula.eval_rows(t=terms, x=x, p=2 + h).sum() for h in (1e-6, -1e-6))
        assert slope == pytest.approx((up - down) / 2e-6)


def test_functions_may_read_items_of_a_list_of_columns():
    text = "input c; xs = [c, 2*c, p]; f(a) = a + xs[1]*xs[2]; g(a) = sum([a*v for v in xs]); term t; t"
    formula = cg.parse(text)
    columns, c, p = {"t": ["f(1)", "g(f(2))"], "c": np.array([1.0, 3.0])}, np.array([1.0, 3.0]), 0.5
    expected = [1 + 2 * c[0] * p, (2 + 2 * c[1] * p) * (3 * c[1] + p)]
    np.testing.assert_allclose(formula.eval_rows(columns, p=p), expected)
    total, slopes = formula.grad_sum(columns, p=p)
    assert total == sum(expected)
    assert slopes["p"] == 2 * c[0] + 2 * c[1] * (3 * c[1] + p) + (2 + 2 * c[1] * p)


def test_what_cannot_be_batched_is_done_node_by_node():
    formula = cg.parse("term t; param A[2, 2] = [[2, 1], [0, 3]]; f(k) = solve(A + k, [1, k]); y = sum(t)")
    columns = Columns()
    for k in (1.0, 2.0, -0.5):
        columns.end_row(columns.node(call("f"), [columns.number(k)]))
    A = np.array([[2.0, 1.0], [0.0, 3.0]])
    expected = [np.linalg.solve(A + k, [1, k]).sum() for k in (1.0, 2.0, -0.5)]
    np.testing.assert_allclose(formula.eval_rows(t=columns.done()), expected)
    assert np.isfinite(formula.grad_sum(t=columns.done())[1]["A"]).all()


def one(symbol, *numbers):
    columns = Columns()
    columns.end_row(columns.node(call("word"), [columns.number(1.0)]))
    columns.end_row(columns.node(symbol, [columns.number(number) for number in numbers]))
    return columns.done(lambda node: ("word(1)", (0, 4)))


@pytest.mark.parametrize(("terms", "message"), [
    (one(call("word"), 10.0), "row 2 of `tree`: index 10 does not exist; the array has 10 items"),
    (one(call("word"), 1.5), "row 2 of `tree`: index 1.5 is no whole number"),
    (one(call("word"), 1.0, 2.0), "row 2 of `tree`: `word` takes 1 argument, not 2"),
    (one(call("leaf"), 1.0), r"row 2 of `tree`: the value of this term is \[3\] and \[3\], that of the first"),
    (one(call("wrod"), 1.0), "row 2 of `tree`: unknown function `wrod`"),
    (one(call("top"), 1.0), "row 2 of `tree`: "),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_row_and_place(question, terms, message):
    formula, values = question
    with pytest.raises(CgError, match=message) as told:
        formula.eval_rows({**values, "tree": terms, "label": [1.0, 2.0]})
    assert told.value.source.text == "word(1)"


def test_a_value_that_is_not_finite_is_told_with_its_call():
    formula = cg.parse("term t; f(k) = log(k); y = t * 2")
    columns = Columns()
    for k in (1.0, -1.0):
        columns.end_row(columns.node(call("f"), [columns.number(k)]))
    with pytest.warns(NotFiniteWarning, match="row 2 of `t`: `f` gives a value that is no finite number"):
        formula.eval_rows(t=columns.done())


def test_an_index_behind_the_terms_may_be_a_column():
    formula = cg.parse("term t; param W[3, 2] = glorot(); f(k) = [k, 1]; loss = -log_softmax(W @ t)[label]")
    terms = ["f(1)", "f(2)", "f(3)"]
    values = formula.eval_rows(t=terms, label=[0, 1, 2])
    np.testing.assert_allclose(values, [formula.eval(t=term, label=label) for label, term in enumerate(terms)])
    slopes = formula.grad_sum(t=terms, label=[0, 1, 2])[1]["W"]
    alone = sum(formula.grad(t=term, label=label)["W"] for label, term in enumerate(terms))
    np.testing.assert_allclose(slopes, alone, rtol=1e-13)
    for ask in (formula.eval_rows, formula.grad_sum, formula.grad_rows):
        with pytest.raises(CgError, match="row 3: index 3 does not exist"):
            ask(t=terms, label=[0, 1, 3])


def test_threads_may_share_a_formula(question):
    from concurrent.futures import ThreadPoolExecutor

    _, values = question
    formula = cg.parse(TREES)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: formula.grad_sum(values), range(8)))
    for total, slopes in found[1:]:
        assert total == found[0][0]
        for name in slopes:
            np.testing.assert_array_equal(slopes[name], found[0][1][name])


def test_without_a_row_that_is_said():
    with pytest.raises(CgError, match="`t` holds no term"):
        cg.parse("term t; f(x) = x; y = t").eval_rows(t=[])
