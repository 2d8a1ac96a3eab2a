"""What must not stand in the project's texts, and what its documents promise."""

from __future__ import annotations

import ast
import re

import pytest

from cgcli.ops import REGISTRY
from tests.tidy.sources import PACKAGE, PROJECT, modules, project_files

UNFINISHED = re.compile("|".join(rf"\b{word}\b" for word in ("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")))
OF_ONE_MACHINE = re.compile(r"(?<![\w.~}\])-])/(?:work|home|root|opt|Users|mnt)/[\w.]")


def texts():
    """Path and content of every file that holds text."""
    for path in project_files():
        try:
            yield path.relative_to(PROJECT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize(
    ("pattern", "hits", "misses"),
    [
        (UNFINISHED, ["# TO" + "DO: later", "FIX" + "ME"], ["todos", "HACKNEY"]),
        (OF_ONE_MACHINE, ["see /home/ann/x", '"/opt/lib/y"', "cd /work/z"], ["docs/work/x", "a/home/b", "~/work/x"]),
    ],
)
def test_the_patterns(pattern, hits, misses):
    assert all(map(pattern.search, hits))
    assert not any(map(pattern.search, misses))


@pytest.mark.parametrize("pattern", [UNFINISHED, OF_ONE_MACHINE], ids=["unfinished", "of one machine"])
def test_nothing_unfinished_and_no_path_of_one_machine(pattern):
    found = [f"{name}:{number}: {line.strip()}" for name, text in texts()
             for number, line in enumerate(text.splitlines(), 1) if name != "tests/tidy/test_texts.py"
             and pattern.search(line)]  # fmt: skip
    assert not found


def test_every_path_in_the_architecture_exists():
    text = (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    quoted = {word for word in re.findall(r"`([^`\s]+)`", text) if re.fullmatch(r"[\w./-]+", word)}
    tops = {path.name for path in PROJECT.iterdir()}
    paths = {word for word in quoted if word.split("/")[0] in tops or word.endswith((".py", ".md", ".lark", ".toml"))}
    assert len(paths) > 20
    missing = sorted(path for path in paths if not (PROJECT / path).exists() and not (PACKAGE / path).exists())
    assert not missing


# ---- operations are rows, not names ----------------------------------------------------------------------------


def names_in(node):
    """The string constants of an expression that are names of operations."""
    known = REGISTRY.by_name.keys() | REGISTRY.callable_as.keys()
    return [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and each.value in known]


def namings(tree):
    """(line, text) of every place that tells operations apart, or finds one, by its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Attribute) and side.attr == "name" for side in sides) and names_in(node):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("named", "resolve"):
            if any(map(names_in, node.args)):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(("by_name", "callable_as")):
            if names_in(node.slice):
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Match) and ast.unparse(node.subject).endswith(".name") and names_in(node):
            yield node.lineno, ast.unparse(node.subject)


@pytest.mark.parametrize(
    "text",
    [
        'row.name == "sin"',
        'graph.row(n).name in ("add", "mul")',
        'named("sin")',
        'REGISTRY.by_name["sin"]',
        '"exp" != r.name',
    ],
)
def test_the_search_for_names(text):
    assert list(namings(ast.parse(text)))


def test_no_module_but_the_rows_names_an_operation():
    found = [f"{path.relative_to(PACKAGE)}:{line}: {text}" for path, tree in modules()
             if path.relative_to(PACKAGE).parts[0] != "ops" for line, text in namings(tree)]  # fmt: skip
    assert not found
