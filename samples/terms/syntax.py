"""Functions of the Python standard library become terms: their abstract syntax trees, one JSON line a function.

    python samples/terms/syntax.py -o samples/terms/syntax.jsonl --formula samples/terms/syntax.cg

A node of a type without parts is `["leaf", k]`, with k the place of the type in the list below; any other node is a
call of the cell of its type on its parts, which `then` chains from the left:

    if x: return y      ["If", ["then", ["leaf", 12], ["Return", ["leaf", 12]]]]

What is told of a function is its cyclomatic complexity (T. J. McCabe, "A complexity measure", 1976): one more than the
number of its decisions, which are `if`, `for`, `while`, `except`, `assert`, each loop of a comprehension and each
further operand of `and` and `or`. Names, numbers and operators are left out: only the shape of the code counts.
Other versions of Python have other sources, so this makes another table with each; the one here is of Python 3.11.
"""

from __future__ import annotations

import argparse
import ast
import json
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = (
    "abc", "bisect", "calendar", "cmd", "codeop", "colorsys", "contextlib", "copy", "dataclasses", "difflib", "fnmatch",
    "fractions", "functools", "genericpath", "glob", "heapq", "keyword", "linecache", "operator", "posixpath", "queue",
    "random", "reprlib", "sched", "shlex", "statistics", "string", "textwrap", "tokenize", "types", "weakref",
)  # fmt: skip

DECISIONS = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.Assert, ast.comprehension)

LEFT_OUT = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.alias, ast.type_ignore)

TYPES = (
    "FunctionDef", "AsyncFunctionDef", "ClassDef", "Return", "Delete", "Assign", "AugAssign", "AnnAssign", "For",
    "While", "If", "With", "Name", "Raise", "Try", "Assert", "Import", "ImportFrom", "Global", "Nonlocal", "Expr",
    "Pass", "Break", "Continue", "BoolOp", "NamedExpr", "BinOp", "UnaryOp", "Lambda", "IfExp", "Dict", "Set",
    "ListComp", "SetComp", "DictComp", "GeneratorExp", "Await", "Yield", "YieldFrom", "Compare", "Call",
    "FormattedValue", "JoinedStr", "Constant", "Attribute", "Subscript", "Starred", "List", "Tuple", "Slice",
    "comprehension", "ExceptHandler", "arguments", "arg", "keyword", "withitem",
)  # fmt: skip

HEAD = """\
# How complicated is a function of Python? McCabe's cyclomatic complexity, learnt from abstract syntax trees alone: a
# cell for each type of node. Written by samples/terms/syntax.py, which also makes the table.
term code
input complexity
param E[{count}, 8] = normal(0, 0.1)       # nodes without parts, by type
param W[{count}, 8, 8] = normal(0, 0.1)    # nodes with parts: a matrix for each type
param b[{count}, 8] = 0
param v[8] = glorot()

leaf(k) = E[k]
then(first, second) = first + second
"""

TAIL = """
loss = (v @ code + 1 - complexity)^2
output loss
"""


def formula() -> str:
    """The text of the model: a line for each type of node."""
    cells = [f"{name}(parts) = parts + tanh(W[{number}] @ parts + b[{number}])\n" for number, name in enumerate(TYPES)]
    return HEAD.format(count=len(TYPES)) + "".join(cells) + TAIL


def term_of(function: ast.AST) -> Any:
    """The syntax tree of a function as nested lists. Nothing recurses."""
    results: list[Any] = []
    pending: list[tuple[ast.AST, int]] = [(function, -1)]
    while pending:
        node, count = pending.pop()
        name = type(node).__name__
        parts = [part for part in ast.iter_child_nodes(node) if not isinstance(part, LEFT_OUT)]
        if not parts:
            results.append(["leaf", TYPES.index(name)])
        elif count < 0:
            pending.append((node, len(parts)))
            pending.extend((part, -1) for part in reversed(parts))
        else:
            results, own = results[:-count], results[-count:]
            chained = own[0]
            for part in own[1:]:
                chained = ["then", chained, part]
            results.append([name, chained])
    return results[0]


def complexity(function: ast.AST) -> int:
    """McCabe's number."""
    found = 1
    for node in ast.walk(function):
        found += isinstance(node, DECISIONS)
        if isinstance(node, ast.BoolOp):
            found += len(node.values) - 1
    return found


def functions(smallest: int = 12, largest: int = 90) -> Iterator[ast.AST]:
    """Functions of the standard library that have between so many nodes."""
    for name in MODULES:
        tree = ast.parse((Path(sysconfig.get_path("stdlib")) / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and smallest <= sum(1 for _ in ast.walk(node)) <= largest:
                yield node


def rows(count: int = 250) -> Iterator[dict[str, Any]]:
    """The rows of the table: functions from all modules in turn, those whose types of nodes are all in the list."""
    found = list(functions())
    for function in found[:: max(1, len(found) // count)][:count]:
        if all(isinstance(node, LEFT_OUT) or type(node).__name__ in TYPES for node in ast.walk(function)):
            yield {"code": term_of(function), "complexity": complexity(function)}


def main() -> None:
    """Write the table and the model."""
    parser = argparse.ArgumentParser(description="Functions of the Python standard library become terms.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--formula", type=Path)
    given = parser.parse_args()
    given.output.write_text("".join(f"{json.dumps(row)}\n" for row in rows()), encoding="utf-8")
    if given.formula:
        given.formula.write_text(formula(), encoding="utf-8")


if __name__ == "__main__":
    main()
