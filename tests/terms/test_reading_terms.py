"""Terms read from texts, JSON, tuples and objects: the same nodes, with the values of the term; and what is wrong."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.errors import DataError, NeedsValues, UsageError
from cgcli.language import reading as formulas
from cgcli.ops import REGISTRY
from cgcli.terms import objects, ordering, sharing, texts, walking
from cgcli.terms import reading as terms_reading
from cgcli.terms.columns import CALL, NAME, NUMBER, PART, Terms
from cgcli.terms.reading import read_terms

FORMULA = cg.parse("""
term tree, other
param w = 2; param v[3] = [1, 10, 100]
def pair(a, b): return a + 2*b
word(k) = w*k
leaf() = 7
def both(a): return a, -a
pair(tree, label)
""")
FUNCTIONS: dict[str, Any] = {
    "pair": lambda a, b: a + 2 * b, "word": lambda k: 2 * k, "leaf": lambda: 7.0, "both": lambda a: (a, -a),
}  # fmt: skip
NAMES = {"w": 2.0, "v": np.array([1.0, 10, 100]), "label": 5.0}


def read(*values: Any) -> Terms:
    return read_terms(values, FORMULA.programs.names, "tree")


def value_of(terms: Terms, row: int = 0) -> Any:
    """The value of a row, node by node."""
    found: list[Any] = []
    begin = int(terms.begins[row])
    for node in range(begin, int(terms.begins[row + 1])):
        symbol = terms.symbols[terms.symbol[node]]
        operands = [found[place - begin] for place in terms.operands[terms.first[node] : terms.first[node + 1]]]
        assert all(begin <= place < node for place in terms.operands[terms.first[node] : terms.first[node + 1]])
        if symbol.kind == NUMBER:
            found.append(float(terms.numbers[node]))
        elif symbol.kind == CALL:
            found.append(FUNCTIONS[symbol.name](*operands))
        elif symbol.kind == NAME:
            found.append(NAMES[symbol.name])
        elif symbol.kind == PART:
            found.append(operands[0][symbol.static[0]])
        elif symbol.name == "stack":
            found.append(np.array(operands))
        elif symbol.name == "take":
            found.append(operands[0][int(operands[1])])
        else:
            found.append(REGISTRY.by_name[symbol.name](*operands, *symbol.static) if not symbol.static else symbol)
    return found[int(terms.roots[row]) - begin]


def text_of(term: Any) -> str:
    if not isinstance(term, tuple):
        return str(term)
    return f"{term[0]}({', '.join(map(text_of, term[1:]))})"


def object_of(term: Any) -> Any:
    return FORMULA.functions[term[0]](*map(object_of, term[1:])) if isinstance(term, tuple) else term


def computed(term: Any) -> float:
    return float(FUNCTIONS[term[0]](*map(computed, term[1:]))) if isinstance(term, tuple) else float(term)


nested = st.recursive(
    st.one_of(st.integers(-9, 9), st.floats(-1e3, 1e3), st.just(("leaf",))),
    lambda inner: st.one_of(st.tuples(st.just("pair"), inner, inner), st.tuples(st.just("word"), inner)),
    max_leaves=12,
)
calls = st.one_of(st.tuples(st.just("word"), nested), st.tuples(st.just("pair"), nested, nested))


@settings(max_examples=60, deadline=None)
@given(st.lists(calls, min_size=1, max_size=4))
def test_every_way_to_write_a_term_gives_its_nodes(rows: list[Any]) -> None:
    ways = [
        read(*map(text_of, rows)), read(*rows), read(*map(object_of, rows)), read(*map(json.dumps, rows)),
        read(*(json.dumps(row, indent=1) for row in rows)), read(*(json.loads(json.dumps(row)) for row in rows)),
    ]  # fmt: skip
    for terms in ways:
        assert [value_of(terms, row) for row in range(len(rows))] == list(map(computed, rows))
        assert len(terms) == len(ways[0])


EXAMPLES: list[tuple[Any, Any]] = [
    ("a = word(3); pair(a, a) + a", 24),
    ("a = word(3)\nb = pair(a, 1) # note\n\nb*b - 1e1", 54),
    ("-3 + -(-2) - +word(-1)", 1),
    ("a = 3; -a + a", 0),
    ("v[2] + v[word(0)] + v[-1]", 201),
    ("[1, 2, word(3)]", [1, 2, 6]),
    ("max(1, word(2), 3) + w^2 + pi*0", 8),
    ("1 < word(1) <= 2 and not 0", 1),
    ("word(1) if label > 4 else 100", 2),
    ("p, q = both(4); p - q", 8),
    ("_, q = both(4); q", -4),
    ("p, q, r = v; p + q - r", -89),
    ("p, q = [word(1), 5]; p - q", -3),
    ("leaf()", 7),
    ("(word(\n1))", 2),
    (("+", ("word", 1), ("-", 3)), -1),
    (("max", 1, 5, ("word", 2)), 5),
    (("pair", "w", np.float32(3)), 8),
    ("w", 2),
    (["pair", ["word", 3], True], 8),
    (("word", np.array([1.0, 2.0])), [2, 4]),
    (["pair", [1, 2], [3, 4]], [7, 10]),
    ('["pair", [1, 2], ["word", [3, 4]]]', [13, 18]),
    ('["pair", "w", 1]', 4),
    (FORMULA.functions["word"](3) * 2 - 1 / FORMULA.functions["leaf"]() ** 0, 11),
    (-FORMULA.functions["word"](np.array([1.0, 2.0]))[1], -4),
]


@pytest.mark.parametrize(("term", "right"), EXAMPLES, ids=[str(number) for number in range(len(EXAMPLES))])
def test_what_a_term_means(term: Any, right: Any) -> None:
    assert np.array_equal(value_of(read(term)), right)
    assert np.array_equal(value_of(read("word(1)", term, "word(2)"), 1), right)


def test_static_arguments_of_operations_stand_in_the_symbol() -> None:
    for term in ("norm([3, 4], 3)", ("norm", [3, 4], 3)):
        terms = read(term)
        assert terms.symbols[terms.symbol[terms.roots[0]]] == ("operation", "norm", (3,))
        assert len(terms) == 4


def test_what_is_equal_is_one_node_and_what_is_not_needed_none() -> None:
    assert len(read("pair(word(3), word(3))")) == 3
    assert len(read("a = word(3); b = word(4); pair(a, a)")) == 3
    assert len(read("pair(0.0, -0.0)")) == 3
    assert len(read("word(1)", "word(1)")) == 4
    word, pair = FORMULA.functions["word"], FORMULA.functions["pair"]
    shared = word(3)
    nested: Any = ("word", 3)
    for _ in range(60):
        shared, nested = pair(shared, shared), ("pair", nested, nested)
    assert len(read(shared)) == len(read(nested)) == 62
    assert value_of(read(nested)) == 6 * 3.0**60


def test_nothing_recurses_on_the_depth_of_a_term() -> None:
    depth = 100_000
    nested: Any = 1
    for _ in range(depth):
        nested = ("word", nested)
    text = "word(" * depth + "1" + ")" * depth
    as_json = '["word", ' * depth + "1" + "]" * depth
    for term in (nested, text, as_json):
        assert len(read(term)) == depth + 1
    del term
    while isinstance(nested, tuple):  # Python itself would take it down recursively
        nested = nested[1]


def test_the_loops_as_machine_code_and_as_python(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [text for text, _ in EXAMPLES if isinstance(text, str)] * 3
    tuples = [("pair", ("word", number % 3), number) for number in range(300)]

    def columns() -> list[Any]:
        found = [read(*rows), read(*tuples)]
        names = ("symbol", "numbers", "first", "operands", "begins", "roots")
        return [(each.symbols, *(getattr(each, name).tolist() for name in names)) for each in found]

    by_python = columns()
    for module in (texts, objects, terms_reading):
        monkeypatch.setattr(module, "pays", lambda *arguments: True)
    monkeypatch.setattr(formulas, "LARGE", (0, 0, 0))
    assert columns() == by_python
    assert all(callable(loop) for loop in (walking.walk, sharing.share, ordering.sort))


WRONG: list[tuple[Any, str, str | None]] = [
    ("par(1, 2)", "unknown function `par`", "did you mean `pair`?"),
    ("word(pair(1))", "`pair` takes 2 arguments, here is 1", "it is defined as pair(a, b)"),
    ("pair(1, 2", "this `(` is never closed", "add `)`"),
    ("pair(1, 2))", "there is no `(` for this `)`", "remove it, or open a bracket before"),
    ("pair(1, x)", "the formula has no name `x`", None),
    ("pair(1, word)", "`word` is a function; call it with arguments", "word(k)"),
    ("tree", "the formula has no name `tree`", None),
    ("f(x) = x; f(1)", "a function cannot be defined in a term", None),
    ("def f(x): return x; f(1)", "the definition of a function has no place in a term", None),
    ("[i for i in v]", "a list that repeats has no place in a term", None),
    ("v[1:2]", "a part of an array has no place in a term", None),
    ("pair((1, 2), 3)", "values side by side have no place in a term", None),
    ("diff(w, w)", "`diff` has no place in a term", None),
    ("a = 1; a = 2; a", "`a` is defined twice", "use another name"),
    ("norm(v, word(1))", "`order` of `norm` must be a number that stands here", "write the number itself"),
    ("sin(1, 2)", "`sin` does not take 2 arguments", "it is sin(x)"),
    ("", "there is no term here", "a term is a text such as f(1, g(2))"),
    ("# nothing", "there is no term here", "a term is a text such as f(1, g(2))"),
    ('["par", 1, 2]', "unknown function `par`", "did you mean `pair`?"),
    ('["pair", ["word", 3, 4]', "this is not JSON: expecting ',' delimiter", None),
    (("par", 1, 2), "unknown function `par`", "did you mean `pair`?"),
    (("pair", ("word", 1)), "`pair` takes 2 arguments, here is 1", "it is defined as pair(a, b)"),
    (("word", None), "None has no place in a term", None),
    (("word", {}), "a value of type `dict` has no place in a term", None),
    (("word", "q"), "the formula has no name `q`", None),
    ((), "an empty list has no value", 'a call is ("name", operand, …)'),
    (None, "None has no place in a term", None),
]


@pytest.mark.parametrize(("term", "message", "hint"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_a_wrong_term_names_its_row_and_its_place(term: Any, message: str, hint: str | None) -> None:
    with pytest.raises(DataError) as alone:
        read(term)
    with pytest.raises(DataError) as among:
        read("word(1)", "pair(1, word(2))", term, "word(3)")
    assert alone.value.message == f"`tree`: {message}"
    assert among.value.message == f"row 3 of `tree`: {message}"
    assert hint in (None, among.value.hint)
    assert among.value.hint or "never" not in message
    if among.value.span is not None:
        begin, end = among.value.span
        assert among.value.source is not None
        assert 0 <= begin < end <= len(among.value.source.text)
    else:
        assert "there is no term" in message


def test_the_place_of_an_error_is_the_part_that_is_wrong() -> None:
    for term in ("pair(1, word(q))", ("pair", 1, ("word", "q")), '["pair", 1, ["word", "q"]]'):
        with pytest.raises(DataError) as error:
            read("word(1)", term)
        assert error.value.source is not None
        begin, end = error.value.span or (0, 0)
        assert error.value.source.text[begin:end] == "q"


def test_brackets_that_close_in_another_row_are_wrong() -> None:
    with pytest.raises(DataError, match="row 2"):
        read("word(1)", "pair(1,", "2)")


def test_a_place_is_where_a_node_was_written() -> None:
    for row in ("pair(word(3), 5)", ("pair", ("word", 3), 5)):
        terms = read("word(1)", row)
        text, span = terms.place(int(terms.roots[1]))
        assert (text, span) == ("pair(word(3), 5)", (0, 16))
        places = [terms.place(node) for node in range(2, len(terms))]
        assert ["pair(word(3), 5)"[slice(*(span or (0, 0)))] for _, span in places] == ["3", "word(3)", "5", text]


def test_a_term_that_contains_itself_is_refused() -> None:
    term: list[Any] = ["pair", 1]
    term.append(term)
    with pytest.raises(DataError, match="contains itself"):
        read(term)


def test_functions_of_a_formula_make_terms() -> None:
    functions = FORMULA.functions
    assert list(functions) == ["pair", "word", "leaf", "both"]
    assert FORMULA.terms == ["tree", "other"]
    assert repr(functions["pair"](1, 2)) == "<term pair(…)>"
    with pytest.raises(UsageError, match="takes 2 arguments, here is 1"):
        functions["pair"](1)
    with pytest.raises(KeyError, match="pair, word"):
        functions["par"]
    with pytest.raises(TypeError):
        list(functions["word"](1))


def test_a_formula_asks_for_the_value_of_its_term_where_it_takes_it_apart() -> None:
    formula = cg.parse("term tree; def f(x): return x, 2*x; a, b = tree; a + b")
    with pytest.raises(NeedsValues, match="value of a term"):
        formula.programs.plain()
    assert str(formula).startswith("term tree")
    program = formula.programs.made_for({"tree.0": 1.0, "tree.1": np.ones(3)})
    assert program.inputs == ["tree.0", "tree.1"]
    assert program.graph.shape_of(program.outputs["result"]) == (3,)


@pytest.mark.parametrize(("term", "there"), [("a, b, c = both(2); a", "are 2"), ("a, b = word(2); a", "is 1")])
def test_as_many_names_as_values(term: str, there: str) -> None:
    with pytest.raises(DataError, match=f"names take a value each, but there {there}"):
        FORMULA.eval(tree=term, other=0, label=1)
    assert FORMULA.eval(tree="a, _, b = v; a + b", other=0, label=1) == 1 + 100 + 2
