"""A compiled loop of a scan gives what the body gives step by step, whatever the body is made of."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import cgcli as cg
from cgcli.engines import engine
from cgcli.engines.native.host import detect
from cgcli.engines.native.loops import Loop, Loops, loops
from cgcli.engines.numpy import ENGINE as ARRAYS
from cgcli.engines.numpy import NumpyEngine
from cgcli.graph.bodies import Body
from cgcli.graph.store import Graph
from cgcli.ops import REGISTRY, calling, positions
from cgcli.passes.differentiate import differentiate
from cgcli.passes.folding import FoldingRef

RELATIVE = 1e-12
POINT = {"x": 0.83, "y": 1.37, "z": 2.21}


def body_of(make, *shapes):
    """A body by a function of references to operands that gives its results."""
    graph = Graph()
    operands = [FoldingRef(graph, graph.input(f"operand {place}", shape)) for place, shape in enumerate(shapes)]
    results = make(*operands)
    results = results if isinstance(results, tuple) else (results,)
    return Body("step", graph, [each.node for each in operands], [each.node for each in results])


def step_by_step(body, items, reverse, steps, operands):
    """What a scan is: the final state, and behind it what the steps emitted."""
    names = [body.graph.input_name(operand) for operand in body.operands]
    state, emitted = operands[0], np.empty((steps, 0))
    if len(body.results) > 1:
        emitted = np.empty((steps, int(np.prod(body.result_shapes[1]))))
    for step in range(steps - 1, -1, -1) if reverse else range(steps):
        given = [state, *(item[step] for item in operands[1 : 1 + items]), *operands[1 + items :]]
        values = ARRAYS.evaluate(body.graph, dict(zip(names, given, strict=True)), body.results)
        state, *found = (values[node] for node in body.results)
        if found:
            emitted[step] = np.ravel(found[0])
    return np.concatenate([np.ravel(state), emitted.ravel()])


def require_equal(found, expected, relative=RELATIVE):
    """Equal to rounding, with the same infinities and nan."""
    np.testing.assert_allclose(found, expected, rtol=relative, atol=relative, equal_nan=True)


@cache
def kinds_of_loops():
    """This machine as it is, and with narrow vectors and nothing but C's functions."""
    narrow = detect()
    narrow.bits, narrow.isa, narrow.fused, narrow.vector_math = 128, "b", False, None
    return {"as it is": loops(), "narrow": Loops(narrow)}


def compare(body, items, reverse, steps, operands, relative=RELATIVE):
    expected = step_by_step(body, items, reverse, steps, operands)
    for compiled in kinds_of_loops().values():
        loop = compiled.find(body, items, reverse)
        assert loop is not None
        require_equal(loop.run(steps, operands), expected, relative)


# ---- bodies by hand --------------------------------------------------------------------------------------------


def some(random, *shape):
    return random.uniform(0.2, 1.5, shape) if shape else float(random.uniform(0.2, 1.5))


def mixed(state, a, b, weights, matrix):
    """Slices, products, sums and functions, with two items and two shared operands."""
    low, high = state[:2], state[2:]
    joined = cg.concat(high, low * b) + weights
    following = cg.tanh(joined[: state.shape[0]] * a) + cg.sum(matrix @ joined) / 50
    return cg.concat(following[1:], following[:1]), cg.outer(following, cg.exp(-joined))


@pytest.mark.parametrize("steps", [1, 2, 3, 300])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "in reverse"])
@pytest.mark.parametrize("length", [3, 5, 9, 21])
def test_steps_directions_and_lengths(steps, reverse, length):
    random = np.random.default_rng(length)
    body = body_of(mixed, (length,), (), (2,), (length,), (4, length))
    operands = [
        some(random, length), some(random, steps), some(random, steps, 2), some(random, length), some(random, 4, length)
    ]  # fmt: skip
    compare(body, 2, reverse, steps, operands)


def test_no_step_leaves_the_state():
    body = body_of(lambda x: (x * 2, x), ())
    assert loops().find(body, 0, False).run(0, [3.0]).tolist() == [3.0]


def test_states_that_are_moved_swapped_kept_or_constant():
    body = body_of(lambda x, a: (cg.stack(x[1], x[0], x[2], x[2].coerce(7.0), a), x), (5,), ())
    compare(body, 1, False, 4, [np.arange(5.0), np.array([10.0, 11.0, 12.0, 13.0])])


def test_what_depends_on_no_step_is_the_same_in_each():
    body = body_of(lambda x, w: x + cg.sum(cg.exp(w)), (), (11,))
    compare(body, 0, False, 5, [1.0, np.linspace(0, 1, 11)])


@pytest.mark.parametrize("shapes", [((3, 4), (4, 2)), ((2, 9), (9, 9)), ((12,), (12, 3)), ((5, 8), (8,)), ((6,), (6,))])
def test_matrix_products(shapes):
    random = np.random.default_rng(5)
    body = body_of(lambda x, a, b: (x + cg.sum(cg.tanh(a @ b * x)) / 9, a @ b), (), *shapes)
    for items in (0, 1, 2):
        steps = 3
        operands = [0.5, *(some(random, *((steps,) if place < items else ()), *shape)
                           for place, shape in enumerate(shapes))]  # fmt: skip
        compare(body, items, False, steps, operands)


def test_infinities_and_nan_are_those_of_ieee():
    items = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e308, 5e-324, -800.0, 800.0])
    body = body_of(lambda x, a: (a / x[::-1], cg.concat(cg.exp(x * a), cg.log(x - a), cg.sigmoid(a - x), 1 / x)),
                   (3,), ())  # fmt: skip
    compare(body, 1, False, len(items), [np.array([1.0, -2.0, 0.0]), items])


def test_the_logistic_map_has_the_bits_of_a_loop():
    body = body_of(lambda x: 3.7 * x * (1 - x), ())
    expected = 0.4
    for _ in range(10_000):
        expected = 3.7 * expected * (1 - expected)
    assert loops().find(body, 0, False).run(10_000, [0.4]).tolist() == [expected]


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "in reverse"])
def test_loops_within_a_step_are_written_out(reverse):
    inner = body_of(lambda x, a, b: (x * a + b, cg.stack(a, x)), (), (), ())

    def outer(x, rows, b):
        found = x.build(calling.scan, [x, rows, b], [inner, 4, 1, reverse])
        return found[0], found[1:]

    random = np.random.default_rng(2)
    compare(body_of(outer, (), (4,), ()), 1, False, 5, [0.5, some(random, 5, 4), 0.3])


def test_positions_that_are_values():
    """Rows of a table by numbers that differ from step to step, and what is added to them; nan where there is none."""

    def body(state, k, several, table):
        row = table.build(positions.take, [table, k])
        both = table.build(positions.take, [table, several])
        added = table.build(positions.scatter_add, [both * state, several], [5])
        return cg.tanh(state + row), cg.concat(cg.reshape(both, [6]), cg.reshape(added, [15]))

    random = np.random.default_rng(4)
    k = np.array([0.0, 4, -1, -5, 2, 1.5, 5, np.nan])
    several = random.integers(-5, 5, (len(k), 2)).astype(float)
    several[0] = 3, 3
    compare(body_of(body, (3,), (), (2,), (5, 3)), 2, False, len(k), [some(random, 3), k, several, some(random, 5, 3)])


def test_large_bodies_are_left_to_the_general_loop():
    assert loops().find(body_of(lambda x, a: a @ x, (200,), (200, 200)), 0, False) is None


# ---- every row -------------------------------------------------------------------------------------------------


@cache
def example(text):
    """The values and first derivatives of an example, as a body with the state x; None where it does not run."""
    bound = cg.parse(text).bind({name: POINT[name] for name in cg.parse(text).inputs})
    graph = bound.graph
    (output,) = bound.program.outputs.values()
    places = list(graph.inputs().values())
    refs = [FoldingRef(graph, node) for node in [output, *map(differentiate(graph, [output], places).wrt, places)]]
    if not places:
        return None
    flat = cg.concat(*(cg.reshape(ref, [int(np.prod(ref.shape))]) for ref in refs))
    return Body(text, graph, places, [places[0], flat.node])


STRUCTURAL = [(row.name, text) for row in REGISTRY.rows for text in row.examples if not row.elementwise]


@pytest.mark.parametrize(("name", "text"), STRUCTURAL, ids=[text for _, text in STRUCTURAL])
def test_examples_of_structural_rows(name, text):
    """A loop is compiled wherever a table is, and gives the same values and derivatives."""
    body = example(text)
    if body is None:
        return
    loop = loops().find(body, 0, False)
    assert (loop is None) == bool(engine("native").lacks(body.graph, body.results))
    if loop is not None:
        operands = [POINT[body.graph.input_name(node)] for node in body.operands]
        require_equal(loop.run(1, operands), step_by_step(body, 0, False, 1, operands), 1e-11)


# ---- random bodies ---------------------------------------------------------------------------------------------

UNARY = (cg.tanh, cg.exp, cg.sin, cg.sigmoid, cg.abs, lambda v: -v, lambda v: 1 / (2 + v * v), cg.sqrt, cg.floor)
BINARY = (
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (1 + b * b), cg.maximum, cg.hypot,
    lambda a, b: cg.where(a > b, a, b / 2),
)  # fmt: skip


def random_body(random, longest=20):
    """A body of a few shapes and some random operations, and how many items it has."""
    length = int(random.integers(1, longest))
    shapes = [(length,), (), (length,), (3, length), (length, 2), (int(random.integers(1, 6)),)]
    kept = [shapes[0], *(shapes[k] for k in sorted(random.choice(range(1, 6), 3, replace=False)))]

    def make(*operands):
        pool = list(operands)
        for _ in range(8):
            pool.append(random_node(random, pool))
        vectors = [cg.reshape(each, [int(np.prod(each.shape))]) for each in pool[-4:]]
        following = cg.tanh(sum((cg.sum(each) for each in vectors), operands[0]) / 10)
        return (following, cg.concat(*vectors)) if random.integers(2) else following

    return body_of(make, *kept), kept, int(random.integers(0, 4))


def random_node(random, pool):
    """One more node: a function, a pair of equal or stretched shapes, or something that moves or sums."""
    one, other = (pool[int(random.integers(len(pool)))] for _ in range(2))
    kind = int(random.integers(6))
    if kind == 0:
        return UNARY[int(random.integers(len(UNARY)))](cg.abs(one) if random.integers(2) else cg.tanh(one))
    if kind in (1, 2) and (one.shape == other.shape or () in (one.shape, other.shape)):
        return BINARY[int(random.integers(len(BINARY)))](one, other)
    if kind == 3 and one.shape:
        return one[::-1] if random.integers(2) else cg.sum(one, 0)
    if kind == 4 and one.shape and one.shape == other.shape:
        return cg.amax(one * other) if random.integers(2) else cg.sum(one * other)
    if kind == 5 and len(one.shape) == 2:
        return one.T if random.integers(2) else one @ one.T
    return one * 0.5 + cg.sum(other)


@pytest.mark.parametrize("seed", range(8))
def test_random_bodies(seed):
    random = np.random.default_rng(seed)
    body, shapes, items = random_body(random)
    steps = int(random.integers(1, 8))
    operands = [some(random, *((steps,) if 0 < place <= items else ()), *shape) for place, shape in enumerate(shapes)]
    compare(body, items, bool(seed % 2), steps, operands, 1e-11)


# ---- rows side by side -----------------------------------------------------------------------------------------


def over_rows(body, items, reverse, steps, operands, varying):
    """The rows one by one."""
    rows = next(len(operand) for operand, varies in zip(operands, varying, strict=True) if varies)
    return np.stack([
        step_by_step(body, items, reverse, steps,
                     [each[row] if varies else each for each, varies in zip(operands, varying, strict=True)])
        for row in range(rows)
    ])  # fmt: skip


def compare_rows(random, body, shapes, items, reverse, rows):
    """Some operands differ from row to row, at least one."""
    steps = int(random.integers(1, 6))
    varying = tuple(
        (random.integers(2, size=len(shapes)) | (np.arange(len(shapes)) == random.integers(len(shapes)))) > 0
    )
    operands = [
        some(random, *((rows,) if varies else ()), *((steps,) if 0 < place <= items else ()), *shape)
        for place, (shape, varies) in enumerate(zip(shapes, varying, strict=True))
    ]
    expected = over_rows(body, items, reverse, steps, operands, varying)
    for compiled in kinds_of_loops().values():
        loop = compiled.find(body, items, reverse, varying)
        assert loop is not None
        require_equal(loop.run(steps, operands), expected, 1e-11)


@pytest.mark.parametrize("rows", [1, 3, 8, 21])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "in reverse"])
def test_rows_in_the_lanes_of_vectors(rows, reverse):
    random = np.random.default_rng(rows)
    shapes = [(3,), (), (2,), (3,), (4, 3)]
    compare_rows(random, body_of(mixed, *shapes), shapes, 2, reverse, rows)


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_random_bodies(seed):
    random = np.random.default_rng(seed)
    body, shapes, items = random_body(random, 4)
    compare_rows(random, body, shapes, items, bool(seed % 2), 5)


def test_rows_by_an_engine(monkeypatch):
    monkeypatch.setattr(NumpyEngine, "least_compiled", 0)
    random = np.random.default_rng(3)
    body = body_of(mixed, (5,), (), (2,), (5,), (4, 5))
    graph, wanted, shapes = scan_of(body, 2, False, 6)
    columns = {f"operand {place}": some(random, 11, *shape) for place, shape in enumerate(shapes)}
    columns["operand 3"] = some(random, *shapes[3])
    found = NumpyEngine().evaluate_rows(graph, columns, wanted)
    for row in range(11):
        values = {name: column if name == "operand 3" else column[row] for name, column in columns.items()}
        alone = NumpyEngine().evaluate(graph, values, wanted)
        for node in wanted:
            require_equal(found[node][row], alone[node])


# ---- by an engine ----------------------------------------------------------------------------------------------


def scan_of(body, items, reverse, steps):
    """A graph with a scan: its node and those of its derivatives by state and operands of the sum of all it gives."""
    graph = Graph()
    shapes = [(*((steps,) if 0 < place <= items else ()), *shape) for place, shape in enumerate(body.operand_shapes)]
    operands = [FoldingRef(graph, graph.input(f"operand {place}", shape)) for place, shape in enumerate(shapes)]
    result = operands[0].build(calling.scan, operands, [body, steps, items, reverse])
    places = [operand.node for operand in operands]
    slopes = differentiate(graph, [cg.sum(cg.sin(result)).node], places)
    return graph, [result.node, *map(slopes.wrt, places)], shapes


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "in reverse"])
def test_values_and_derivatives_with_and_without_machine_code(reverse, monkeypatch):
    random = np.random.default_rng(7)
    body = body_of(mixed, (5,), (), (2,), (5,), (4, 5))
    graph, wanted, shapes = scan_of(body, 2, reverse, 7)
    values = {f"operand {place}": some(random, *shape) for place, shape in enumerate(shapes)}
    found = []
    for least in (10**9, 0):
        monkeypatch.setattr(NumpyEngine, "least_compiled", least)
        every = NumpyEngine().evaluate(graph, values, wanted)
        found.append(np.concatenate([np.ravel(every[node]) for node in wanted]))
    require_equal(*found)


def test_a_value_and_its_derivative_go_through_the_states_once(monkeypatch):
    taken = []
    run = Loop.run

    def noted(self, *arguments):
        taken.append(self.body.name)
        return run(self, *arguments)

    monkeypatch.setattr(Loop, "run", noted)
    monkeypatch.setattr(NumpyEngine, "least_compiled", 0)
    for shape in ((), (3,)):
        taken.clear()
        body = body_of(lambda x, a: cg.sin(x * a), shape, ())
        graph, wanted, _ = scan_of(body, 0, False, 9)
        values = {"operand 0": np.full(shape, 0.7), "operand 1": 1.1}
        found = NumpyEngine().evaluate(graph, values, wanted)
        assert taken == ["states of step", "adjoint of step"]
        require_equal(found[wanted[0]], step_by_step(body, 0, False, 9, [values["operand 0"], 1.1]).reshape(shape))


def test_the_native_engine_goes_around_kept_calls():
    random = np.random.default_rng(5)
    body = body_of(mixed, (5,), (), (2,), (5,), (4, 5))
    graph, wanted, shapes = scan_of(body, 2, False, 6)
    native = engine("native")
    assert native.lacks(graph, wanted) == []
    columns = {f"operand {place}": some(random, 3, *shape) for place, shape in enumerate(shapes)}
    rows = native.evaluate_rows(graph, columns, wanted)
    blocks = native.blocks(graph, wanted, list(columns)).at({}).over(columns)
    lines = np.empty((sum(rows[node][0].size for node in wanted), 3))
    blocks.fill(0, 3, lines)
    for row in range(3):
        found = native.evaluate(graph, {name: column[row] for name, column in columns.items()}, wanted)
        for node in wanted:
            require_equal(rows[node][row], found[node])
        require_equal(lines[:, row], np.concatenate([np.ravel(found[node]) for node in wanted]))


def test_many_steps_in_stretches_are_the_same(monkeypatch):
    body = body_of(lambda x, a: (cg.tanh(x * a) + 0.1, x), (3,), ())
    operands = [np.array([0.1, 0.2, 0.3]), np.linspace(0.5, 2, 100)]
    for reverse in (False, True):
        loop = loops().find(body, 1, reverse)
        at_once = loop.run(100, operands)
        monkeypatch.setattr("cgcli.engines.native.loops.FIRST_STRETCH", 7)
        assert loop.run(100, operands).tobytes() == at_once.tobytes()
        monkeypatch.undo()
