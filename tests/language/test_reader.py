"""The compiled driver of the grammar's tables reads every text as the other driver does, errors and places included."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgcli.errors import FormulaError, Source
from cgcli.graph.lint import lint
from cgcli.language import generate, parser, reading, syntax, tables
from cgcli.language.bulk import automaton, dense_tables, literals, reader, words
from cgcli.language.bulk import lowering as bulk_lowering
from cgcli.language.bulk import names as bulk_names
from cgcli.language.reading import lower, survey
from tests.language.texts import any_text, blocks, expressions, formulas, glued_soup, known_formulas, token_soup
from tests.transcripts import ROOT

FILES = sorted((ROOT / "samples").glob("**/*.cg"))

TARGETS = (
    "f(x) = x^2\nf(2)", "f (x) = x\nf (1)", "f \\\n (x) = x\nf(1)", "f(x, x) = x", "f(x, 2) = x", "2 = x", "a + b = c",
    "f(x)(y) = 2", "[a] = 2", "f() = 2\nf()", "a = b = c", "x[1] = 2", "g(a, b) = a*b\nh(c) = g(c, c)\nh(2)", "-x = 2",
    "f(x) = x\nabs(f # note\n (2))", "def f(x): return x", "def f(x, x): return x",
    "def f (x): # note\n\n y = x\n return y", "a, b = 1, 2", "a, a = 1, 2", "a, 2 = 1, 2",
    "def f(x):\ny = x\nreturn y", "def f(x): y = x", "term a, b", "term(2)",
    "def = 2", "return = 2", "def(x) = x", "f(x) = (x, x)", "def f(a,): b, c = (a, (a, 2,)); return b", "(1, 2)",
)  # fmt: skip
EDGES = (
    "", " ", "\n", "\ufeff", "\ufeffx + 1", "x\ufeff", "x ; y;", "(\n x\n)", "(x;y)", "(\r\n1)", "x\r\ny", "x \r y",
    "a \\\n + b", "a \\ b", "# only", "x # ²\n", "x ²", "x² + 1", "π*r₁", "\ud800", "1" * 10_001, "x + " + "1" * 10_001,
    "((((", "))", "[1, 2", "1._5", "1.e5", "1e", "1_", "1__0", ".T", "1.T", "a.T.T", "!x", "a ! b", "x = = 2",
    "ifx + inputs", "if = 2", "input x\nx", "param w[2] = 1\nw", "v[:, ::]", "v[1:2:3, 4]", "[i for i in range(3)]",
    "\U0001d465 + 1", "x + \U0001d465", "a\u00a0+\u00a0b", "\n" * 300 + "x",
    "(" * 400 + "x" + ")" * 400, "-" * 300 + "x",
)  # fmt: skip

Outcome = tuple[Any, ...]


def outcome(read: Any, text: str) -> Outcome:
    """The syntax table that a driver makes, or its error."""
    try:
        table = read(Source(text))
    except FormulaError as error:
        return type(error), error.message, error.span, error.hint
    return table.rule, table.count, table.start, table.end, table.statements, table.first()


def assert_read_alike(text: str) -> None:
    assert outcome(reader.read, text) == outcome(parser.parse, text)


def test_the_automaton_is_that_of_the_grammar() -> None:
    current = generate.AUTOMATON.read_text(encoding="utf-8")
    assert current == generate.generated_automaton(), "run python -m cgcli.language.generate"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_samples(path: Any) -> None:
    assert_read_alike(path.read_text(encoding="utf-8"))


def test_the_corpus() -> None:
    for text in known_formulas():
        assert_read_alike(text)


@pytest.mark.parametrize("text", [*TARGETS, *EDGES], ids=lambda text: repr(text)[:30])
def test_edges(text: str) -> None:
    assert_read_alike(text)


@settings(max_examples=400, deadline=None)
@given(st.one_of(any_text, token_soup, glued_soup, formulas, blocks))
def test_generated_texts(text: str) -> None:
    assert_read_alike(text)


def test_little_room_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "ROWS_PER_CHARACTER", 0)
    monkeypatch.setattr(reader, "LEAST_ROWS", 2)
    for path in FILES:
        assert_read_alike(path.read_text(encoding="utf-8"))


def test_a_large_text_is_read_by_the_compiled_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE", (0, 0, 0))
    assert reading.parse(Source("x + 1")).characters is not None
    monkeypatch.undo()
    assert reading.parse(Source("x + 1")).characters is None


def test_the_rows_have_room_in_their_columns() -> None:
    assert len(syntax.NAMES) < 256


def test_states_and_reductions_have_room_in_their_numbers() -> None:
    assert dense_tables.CELLS < 1 << dense_tables.CELL_BITS
    assert max(length for _, length, _ in tables.REDUCTIONS) < 1 << dense_tables.LENGTH_BITS
    assert len(tables.ACTIONS) < dense_tables.NO_ACTION
    assert max(automaton.CLASSES) < dense_tables.END_OF_TEXT
    assert dense_tables.SKIPPED >= 0


NEAR_WORDS = [
    *(f"x{number}" for number in [*range(400), *range(2_600, 3_000)]),
    *(f"seventh{number}" for number in range(30)), "sevent", "seventh",
    *(letter * size for letter in "ab" for size in range(1, 12)), "r₁", "r₁₂", "räume", "räumen", "raumes", "ŕaume",
]  # fmt: skip


@pytest.mark.parametrize("extra", ["", " + π"], ids=["ASCII", "Greek"])
def test_words_are_told_apart(extra: str) -> None:
    names = [word for word in NEAR_WORDS if word.isascii() or extra]
    found = reader.read(Source(" + ".join([*names, *reversed(names)]) + extra)).words
    assert found is not None
    assert [found.text(word) for word in range(len(names))] == names
    assert [found.find(name) for name in names] == list(range(len(names)))
    assert [found.find(name) for name in ("y", "x3000", "sevenths", "aaaaaaaaaaaa", "ä", "räum")] == [-1] * 6


def test_the_loop_as_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "compiled", lambda loop: loop)
    monkeypatch.setattr(reader, "MASK", 0)  # all words longer than a key have the same hash
    monkeypatch.setattr(words, "MASK", 0)
    for path in sorted(FILES, key=lambda path: path.stat().st_size)[: len(FILES) // 2]:  # it is slow
        assert_read_alike(path.read_text(encoding="utf-8"))
    test_words_are_told_apart("")
    test_words_are_told_apart(" + π")


# ---- the graph -------------------------------------------------------------------------------------------------

PLAIN = """\
a = 2
b = a*x + 2*y - 2.50 + 2.5
c = sin(b) if a < b <= 3 < d2 else max(a, b, 2, x) - -x
k = e^pi + true + inf + 1e400 + 0.1 + 0.10 + 1_0 + 10 + 0.30000000000000004 + 12345678901234567890
own = 0.1
again = 0.1
same = b
+c
hypot(a, b) and not c or atan2(x, π) // 3 % 2
z = .5 + 5. + 5e-1 + 9007199254740993 + 123456789012345678e-3 + 1e22 + 1e23 + 0e9 + 4.35 + 1_0.2_5 + 10.25
last = z ** 2 ** k
"""
SHARED = "\n".join([
    " + ".join(f"x{number}" for number in range(40)), "y = x0 * x1",
    *(f"{name}{number} = x{number} * y" for name in "ab" for number in range(40)),
    *(f"{name}{number} = (x{number} if x{number % 7} else x{number % 3}) - y*x{number}"
      for name in "cd" for number in range(40)),
    *(f"{name}{number} = clip(x{number % 2}, y, x{number % 3})" for name in "ef" for number in range(12)),
])  # fmt: skip
"""Many nodes whose last operand is the same, and every one twice."""

MIXED = f"""\
input v[3] = [1, 2, 3]
param w = 0.1
f(s, t) = s*t + e + 0.1
{PLAIN}
m = f(x, 3) + w
n = f(m, a) * f(x, 3)
total = sum(v * w) + m
more = total + m*2 + 0.7 + sum([x, m, m, 3])
u = [total, more]
g = u[1] + fold(f, 1, [x, m]) + sum(i*x for i in range(3)) + cube
h = mean(v) + (1 if x else q)
p = v
r = p + 1
j = dot(r, v) - n + 0.25 + 0.75
output h, j, g, c
"""
BLOCKS = """\
term tree
def norms(v, w):
    m = sum(v*w)/sum(w)
    v = v - m  # from here on

    d, s = abs(v), v^2
    return sum(d*w), sqrt(sum(s*w)), m
one, two, _ = norms([1, 2, x], u)
_, _, mean = norms([one, two, 3], 2)
k = one*2 + v
def twice(s, t, i): s, t = t, s + t*i; return (s, t)
a, b = fold(twice, (k, mean), range(4))
z = a*3 + b
c, d = 5, y
output z, c, a, d
"""
REFUSED = (
    "a = 1\na = 2", "f(x) = x\nf = 2", "a = b\nb = 1", "a = a + 1", "x = sine(2)", "y = sin(1, 2)", "a = 2\na(3)",
    "f(x) = x\ng = f + 1", "input a\na = 2", "output nothing", "a = 1\noutput b", "f(x) = 2", "sin", "y = sin + 1",
    "v = [1, 2]\nw = [1, 2, 3]\nx = v + w", "f(x) = g(x)\ng(x) = f(x)\nf(2)", "param p = 2\nparam p = 3", "x = x[1]",
    "a, b = 1", "a, b = 1, 2\na = 3", "def f(x): return x\nf = 2", "def f(x): y = y; return y\nf(2)", "_, a = 1, 2\n_",
)  # fmt: skip


def lowered(read: Any, text: str, **given: Any) -> Outcome:
    """Everything that a program and its graph are, or the error."""
    try:
        table = read(Source(text))
        names = survey(table)
        program = lower(table, **given)
    except FormulaError as error:
        return type(error), error.message, error.span, error.hint
    graph = program.graph
    lint(graph)
    assert_known(graph)
    columns = dict(vars(graph))
    for name in ("intern", "_adopted", "_made_once", "calls", "spans", "lock"):
        del columns[name]
    columns["origins"] = list(graph.origins)
    columns["arrays"] = [(value.shape, value.tobytes()) for value in graph.arrays]
    constants = list(map(str, columns.pop("constants")))
    numbers = {str(key): number for key, number in columns.pop("_constant_numbers").items()}
    calls = [(call.name, call.parent, call.span) for call in graph.calls]
    surveyed = {name: getattr(names, name) for name in names.__slots__ if name not in ("functions", "defined")}
    functions = [tuple(getattr(made, name) for name in made.__slots__) for made in names.functions.values()]
    parts = {name: getattr(program, name) for name in program.__slots__ if name not in ("graph", "derived", "told")}
    told = columns, list(graph.names), constants, numbers, calls, dict(graph.spans)
    return *told, surveyed, functions, list(names.defined.items()), parts


def assert_known(graph: Any) -> None:
    """The intern table finds every node that is an operation on operands alone."""
    for node in range(len(graph)):
        row = graph.row(node)
        if not graph.is_leaf(node) and graph.payload[node] < 0 and row.prepare is None:
            before = len(graph)
            assert graph.apply(row, list(graph.operands_of(node))) == node
            assert len(graph) == before


def assert_lowered_alike(text: str, **given: Any) -> None:
    by_loops, by_us = lowered(reader.read, text, **given), lowered(parser.parse, text, **given)
    for one, other in zip(by_loops, by_us, strict=True):
        assert one == other


@pytest.mark.parametrize(
    "text", [PLAIN, MIXED, BLOCKS, SHARED, *REFUSED, *TARGETS, *EDGES], ids=lambda text: repr(text)[:30]
)
def test_graphs(text: str) -> None:
    assert_lowered_alike(text)


@pytest.mark.parametrize(
    "given",
    [
        {"bound": ["a", "e", "x"]},
        {"bound": ["x", "same"], "shapes": {"x": (2,)}},
        {"bound": ["w", "y"], "values": {"w": 2.0}, "show": ["u"]},
        {"shapes": {"y": (2, 2), "pi": (2,)}, "bound": ["y", "pi"]},
    ],
)
def test_graphs_of_bound_names(given: dict[str, Any]) -> None:
    assert_lowered_alike(PLAIN, **given)
    assert_lowered_alike(MIXED, **given)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_graphs_of_samples(path: Any) -> None:
    assert_lowered_alike(path.read_text(encoding="utf-8"))


def test_graphs_of_the_corpus() -> None:
    for text in known_formulas():
        assert_lowered_alike(text)


statements = st.lists(
    st.one_of(expressions, st.builds("{} = {}".format, st.sampled_from(("a", "b", "c", "e", "x")), expressions),
              st.sampled_from(("input q = 2", "param z[2]", "output x", "f(t) = t^2 + 1", "g(s, i) = s*x + i",
                               "b = 0.1", "c = a", "d = [1, x]", "w = d[1] + 1", "a, b = d", "_, c = (x, 2)",
                               "def h(t): t = t + x; return t, x", "term tree, y"))),
    max_size=12,
).map("\n".join)  # fmt: skip
"""Programs that are right or nearly so."""


@settings(max_examples=300, deadline=None)
@given(st.one_of(statements, formulas, blocks, expressions))
def test_graphs_of_generated_texts(text: str) -> None:
    assert_lowered_alike(text)


def test_graphs_where_stretches_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_lowering, "SHORT_STRETCH", 0)
    monkeypatch.setattr(bulk_lowering, "LEAST_ROOM", 1)
    monkeypatch.setattr(bulk_lowering, "NODES_PER_ROW", 0)
    monkeypatch.setattr(words, "LEAST_SLOTS", 4)
    monkeypatch.setattr(words, "CHARACTERS_PER_SLOT", 1_000)
    for text in (MIXED, BLOCKS, PLAIN, SHARED):
        assert_lowered_alike(text)


@pytest.mark.filterwarnings("error")
def test_graphs_by_the_loops_as_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (reader, words, bulk_names, literals, bulk_lowering):
        monkeypatch.setattr(module, "compiled", lambda loop: loop)
    monkeypatch.setattr(bulk_lowering, "LEAST_ROOM", 1)
    monkeypatch.setattr(bulk_lowering, "NODES_PER_ROW", 0)
    for text in (MIXED, BLOCKS, PLAIN, SHARED):
        assert_lowered_alike(text)


def test_a_text_waits_for_the_compiled_driver_only_where_that_pays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(reading, "LARGE", (500, 100, 100))
    monkeypatch.setitem(sys.modules, "cgcli.language.bulk.reader", None)  # who imports it fails
    assert reading.parse(Source("x + " * 50 + "1")).rule
    with pytest.raises(ImportError):
        reading.parse(Source("x + " * 200 + "1"))
    (tmp_path / "bulk_1").mkdir()
    (tmp_path / "bulk_1" / "reader.drive-12.py311.nbi").touch()
    with pytest.raises(ImportError):
        reading.parse(Source("x + " * 50 + "1"))
