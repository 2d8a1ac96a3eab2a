"""Nothing calls itself on the depth of a formula.

Calls within a module are read from its syntax tree; whoever can reach itself through them stands in a table, with
what bounds the depth. Deep formulas themselves are tried in `tests/scale`.
"""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.tidy.sources import PACKAGE, modules

BOUNDED = {
    "cli/commands/ops.py": ({"rounded"}, "the axes of a value, at most 32"),
    "cli/output.py": ({"jsonable", "number_text"}, "the axes of a value, at most 32"),
    "data/arrow/columns.py": ({"holds_numbers", "plain"}, "the types within a column's type"),
    "data/graph_checks.py": ({"as_tuples"}, "lists within a list of a JSON text, whose reader has a limit itself"),
    "data/summary.py": ({"Summary.add"}, "once, with the values that are not nan"),
    "explain/stable/matching.py": (
        {
            f"Matcher.{name}"
            for name in ("_match", "_sum", "_one_term", "_whole_product", "_product", "_one_factor", "_each")
        },
        "the depth of a rule in stable.cg",
    ),
    "emit/formula.py": ({"array_text"}, "the axes of an array, at most 32"),
    "emit/placing.py": ({"_placed"}, "the axes of the array that an element is put back into"),
    "engines/planned.py": (
        {f"PlannedEngine.{name}" for name in ("kernel", "kernel_of", "planned", "planned_over", "_defined")},
        "definitions of rows by other rows; a row is never defined by itself",
    ),
    "terms/programs.py": ({"_at", "_copy_spelled"}, "tuples within attributes; definitions of rows by other rows"),
    "passes/batched.py": (
        {"_Batching._defined", "_Batching.node"},
        "definitions of rows by other rows; a row is never defined by itself",
    ),
    "engines/native/spelling.py": (
        {"spelled_out"},
        "definitions of rows by other rows; a row is never defined by itself",
    ),
    "graph/ref.py": ({"Ref.coerce"}, "lists within a list that Python code gives as one value"),
    "language/forms.py": (
        {"_derivative"},
        "the axes of y, and lists in lists, of which 32 are read",
    ),
    "language/recurrences.py": ({"Recurrence.go_on", "Recurrence._next"}, "two steps at most before a loop goes on"),
    "explain/births.py": ({"births_of", "_in_a_step"}, "bodies within bodies, at most 32"),
    "formulas/loop_kinks.py": (
        {"hits_of", "_condition", "_any_of", "_asked"},
        "bodies within bodies, at most 32",
    ),
    "language/inner.py": ({"Inner.capture"}, "lists in lists, of which 32 are read"),
    "language/layouts.py": ({"_built", "_form_of"}, "lists in lists, of which 32 are read"),
    "language/building.py": ({"Building.materialise", "Building._stacked"}, "lists in lists, of which 32 are read"),
    "numerals.py": ({"plain", "short"}, "the axes of a value, at most 32"),
    "passes/derivative.py": (
        {"derivative_of", "derivatives_of", "_by_components", "_wrt_part", "_by_gradients"},
        "the axes of y, and the part of x that is an element",
    ),
    "passes/backward.py": (
        {"walked", "handed_on", "element_by_element", "_by_definition", "_by_body"},
        "definitions of rows by other rows; a row is never defined by itself; bodies within bodies, at most 32",
    ),
    "passes/sparsity.py": (
        {"Dependencies._defined", "Dependencies.of_operation", "Dependencies.visit"},
        "definitions nest only as deep as the table of rows",
    ),
    "engines/native/straight.py": (
        {f"Straight.{name}" for name in ("_applied", "_node", "_repeated", "walk")},
        "definitions of rows by other rows, and of calls by bodies, which nest at most so deep",
    ),
    "passes/scalars.py": (
        {f"_Expansion.{name}" for name in ("_combined", "_defined", "_elements", "_pair", "walk")},
        "definitions of rows by other rows; a row is never defined by itself",
    ),
    "uncertainty/notation.py": ({"result_text"}, "the axes of an array, at most 32"),
}
"""File -> the functions that may reach themselves, and what bounds how deep that goes."""


def calls(tree):
    """Function -> functions of the same module that it calls by bare name, or as methods of its own object."""
    found = defaultdict(set)
    plain = {node.name for owner in ast.walk(tree) if not isinstance(owner, ast.ClassDef)
             for node in ast.iter_child_nodes(owner) if isinstance(node, ast.FunctionDef)}  # fmt: skip
    pending = [(tree, None)]
    while pending:
        owner, cls = pending.pop()
        for node in ast.iter_child_nodes(owner):
            inner = node.name if isinstance(node, ast.ClassDef) else cls
            pending.append((node, inner))
            if isinstance(node, ast.FunctionDef):
                methods = isinstance(owner, ast.ClassDef)
                found[f"{cls}.{node.name}" if methods else node.name] |= set(called(node, cls, plain))
    return found


def called(function, cls, plain):
    """What a function calls; names that it imports itself are of another module."""
    imported = {alias.asname or alias.name for node in ast.walk(function) if isinstance(node, ast.ImportFrom)
                for alias in node.names}  # fmt: skip
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            target = node.func
            if isinstance(target, ast.Name) and target.id in plain - imported:
                yield target.id
            elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                yield f"{cls}.{target.attr}"


def recursive(found):
    """The functions that can reach themselves."""
    for function in sorted(found):
        seen, pending = set(), list(found[function])
        while pending:
            callee = pending.pop()
            if callee not in seen:
                seen.add(callee)
                pending.extend(found.get(callee, ()))
        if function in seen:
            yield function


def test_the_search_finds_recursion():
    text = "def f(): g()\ndef g(): f()\ndef h(): pass\nclass C:\n  def m(self): self.m()\n  def n(self): h()\n"
    assert list(recursive(calls(ast.parse(text)))) == ["C.m", "f", "g"]


def test_recursion_is_bounded_by_something_else_than_depth():
    found = {path.relative_to(PACKAGE).as_posix(): set(recursive(calls(tree))) for path, tree in modules()}
    unknown = {file: names - BOUNDED.get(file, (set(), ""))[0] for file, names in found.items()}
    assert not {file: names for file, names in unknown.items() if names}
    stale = {file: names - found.get(file, set()) for file, (names, _) in BOUNDED.items()}
    assert not {file: names for file, names in stale.items() if names}, "no longer recursive; take them out"
