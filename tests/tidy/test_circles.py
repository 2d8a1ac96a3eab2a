"""No file needs itself: imports make no circle, those inside functions included. Types may be asked for upwards."""

from __future__ import annotations

import ast

import pytest

from tests.tidy.sources import PACKAGE, modules

ALLOWED: dict[frozenset[str], str] = {}
"""Circles that there are, as sets of files, and why."""


def name_of(path):
    """The module of a file, with dots."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree):
    """The names that a module imports when it runs, wherever the import stands; of `from a import b` a and a.b."""
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module
        pending.extend(ast.iter_child_nodes(node))


def needs(trees):
    """Module -> the modules of the same set that it imports. A package counts where something of its own is taken."""
    found = {}
    for name, tree in trees.items():
        wanted = set(imported(tree))
        deeper = {word.rpartition(".")[0] for word in wanted if word in trees}
        found[name] = {word for word in wanted if word in trees and word not in deeper - {name}} - {name}
    return found


def circles(found):
    """The sets of modules that need each other, with two of them or more."""
    reached = {name: reach(found, name) for name in found}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in found}
    return {group for group in groups if len(group) > 1}


def reach(found, start):
    """All that a module needs, directly or not."""
    seen, pending = set(), [start]
    while pending:
        for other in found[pending.pop()]:
            if other not in seen:
                seen.add(other)
                pending.append(other)
    return seen


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"a": "import b", "b": "import c", "c": ""}, set()),
        ({"a": "import b", "b": "def f():\n  from c import x", "c": "import a"}, {frozenset("abc")}),
        ({"a": "import b", "b": "if TYPE_CHECKING:\n  import a"}, set()),
        ({"p": "from p.q import x", "p.q": "from p.r import y", "p.r": ""}, set()),
        ({"p": "from p.q import x", "p.q": "from p import y"}, {frozenset({"p", "p.q"})}),
    ],
)
def test_the_search_for_circles(texts, expected):
    assert circles(needs({name: ast.parse(text) for name, text in texts.items()})) == expected


def test_no_circle_but_those_that_are_allowed():
    found = circles(needs({name_of(path): tree for path, tree in modules()}))
    assert found == set(ALLOWED)
