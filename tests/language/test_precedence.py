"""Operators bind as in Python: the same tree as Python's own parser makes, and the same numbers."""

from __future__ import annotations

import ast
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli
from cgcli.errors import Source
from cgcli.language import syntax
from cgcli.language.reading import parse

Tree = Any

BINARY = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.MatMult: "matmul", ast.Pow: "pow",
}  # fmt: skip
UNARY = {ast.USub: "neg", ast.UAdd: "pos", ast.Not: "not"}
SIGNS = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}
BOOLEAN = {ast.And: "and", ast.Or: "or"}


def by_python(node: ast.expr) -> Tree:
    """Python's tree in the terms of the syntax table."""
    match node:
        case ast.BinOp(left, op, right):
            return BINARY[type(op)], by_python(left), by_python(right)
        case ast.UnaryOp(op, operand):
            return UNARY[type(op)], by_python(operand)
        case ast.BoolOp(op, values):
            joined = by_python(values[0])
            for value in values[1:]:
                joined = BOOLEAN[type(op)], joined, by_python(value)
            return joined
        case ast.Compare(left, ops, comparators):
            parts: list[Tree] = [by_python(left)]
            for op, right in zip(ops, comparators, strict=True):
                parts += [(SIGNS[type(op)],), by_python(right)]
            return "compare", *parts
        case ast.IfExp(test, body, orelse):
            return "conditional", by_python(body), by_python(test), by_python(orelse)
        case ast.Name(name):
            return name
        case ast.Constant(value):
            return str(value)
    raise TypeError(node)


def by_us(text: str) -> Tree:
    """The tree of the syntax table."""
    table = parse(Source(text))
    stack: list[Tree] = []
    for row in range(table.statements[0]):
        name, count = syntax.NAMES[table.rule[row]], table.count[row]
        if name in ("name", "number"):
            stack.append(table.word(row))
            continue
        children = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        stack.append((name, *children))
    return stack.pop()


operators = st.sampled_from(
    ("+", "-", "*", "/", "//", "%", "@", "**", "^", "<", "<=", ">", ">=", "==", "!=", "and", "or")
)
prefixes = st.sampled_from(("", "", "", "-", "+", "- -", "not "))
operands = st.sampled_from(("x", "y", "z", "1", "23"))


@st.composite
def chains(draw: st.DrawFn, depth: int = 2) -> str:
    """Operands between operators, some with signs in front, some in brackets, now and then a conditional."""
    words: list[str] = []
    for place in range(draw(st.integers(1, 6))):
        if place:
            words.append(draw(operators))
        inner = f"({draw(chains(depth - 1))})" if depth and draw(st.integers(0, 4)) == 0 else draw(operands)
        words.append(draw(prefixes) + inner)
    text = " ".join(words)
    if depth and draw(st.integers(0, 5)) == 0:
        return f"{text} if {draw(chains(depth - 1))} else {draw(chains(depth - 1))}"
    return text


@settings(max_examples=500, deadline=None)
@given(chains())
def test_the_tree_is_the_one_of_python(text: str) -> None:
    try:
        expected = by_python(ast.parse(text.replace("^", "**"), mode="eval").body)
    except SyntaxError:
        with pytest.raises(cgcli.CgError):
            parse(Source(text))
        return
    assert by_us(text) == expected


numbers = st.integers(-4, 4).map(float)
arithmetic = st.sampled_from(("+", "-", "*", "/", "//", "%", "^"))


@settings(max_examples=300, deadline=None)
@given(st.lists(arithmetic, min_size=1, max_size=5), st.lists(st.sampled_from("xyz"), min_size=6, max_size=6),
       st.tuples(numbers, numbers, numbers))  # fmt: skip
def test_the_numbers_are_those_of_python(signs: list[str], names: list[str], values: tuple[float, ...]) -> None:
    text = names[0] + "".join(f" {sign} {name}" for sign, name in zip(signs, names[1:], strict=False))
    given_values = dict(zip("xyz", values, strict=True))
    try:
        expected = eval(text.replace("^", "**"), {}, given_values)
    except (ZeroDivisionError, OverflowError, TypeError):
        return  # Python stops, or a root of a negative number became complex: cg goes on with inf or nan
    if isinstance(expected, complex):
        return
    formula = cgcli.parse(text)
    found = formula.eval({name: value for name, value in given_values.items() if name in formula.inputs})
    assert found == pytest.approx(expected, rel=1e-14, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-2^2", -4), ("2^3^2", 512), ("2^-1", 0.5), ("-2^-2", -0.25), ("2*-3", -6), ("2**3", 8), ("10-4-3", 3),
        ("100/10/5", 2), ("7//2", 3), ("-7//2", -4), ("-7%3", 2), ("7%-3", -2), ("1<2<3", 1), ("3>2>2", 0),
        ("1<2==2", 1), ("not 1<2", 0), ("not 0 and 1", 1), ("1 or 0 and 0", 1), ("1 if 0 else 2 if 0 else 3", 3),
        ("2 if 1<2 and 3>2 else 5", 2), ("+-+3", -3), ("- -3", 3), ("--3", 3), ("2^0.5^2", 2**0.25),
        ("[1,][0]", 1), ("1_000.5e-1", 100.05), (".5 + 5.", 5.5), ("1e3", 1000),
    ],
)  # fmt: skip
def test_examples(text: str, expected: float) -> None:
    assert cgcli.parse(text).eval() == pytest.approx(expected)


@pytest.mark.parametrize("text", ["1/0", "-1/0", "0/0", "log(0)", "log(-1)", "sqrt(-1)", "(-8)^(1/3)", "10^400", "5%0"])
def test_nothing_raises_in_the_middle_of_a_graph(text: str) -> None:
    assert not math.isfinite(cgcli.parse(text).eval())
