"""The figures of the house: `python -m tests.tidy.figures` prints them, and nothing depends on them.

Modules and functions are counted in lines, without the generated tables; a circle is a group of modules that import
each other, late imports included and those for type checkers left out.
"""

from __future__ import annotations

import ast
from statistics import median

from tests.tidy.sources import PACKAGE, modules

GENERATED = {"language/tables.py", "language/automaton.py", "language/bulk/automaton.py"}
LONG_FUNCTION, LARGE_CLASS = 40, 25


def sources() -> dict[str, tuple[ast.Module, int]]:
    """Every module that is written by hand, by its path: its tree and its length in lines."""
    found = {}
    for path, tree in modules():
        name = path.relative_to(PACKAGE).as_posix()
        if name not in GENERATED:
            found[name] = (tree, len(path.read_text(encoding="utf-8").splitlines()))
    return found


def functions(tree: ast.Module) -> list[tuple[str, int]]:
    """Each function and its length."""
    return [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
            for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]  # fmt: skip


def methods(tree: ast.Module) -> list[tuple[str, int]]:
    """Each class and the number of its methods."""
    return [(node.name, sum(isinstance(each, ast.FunctionDef) for each in node.body))
            for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]  # fmt: skip


def imported(name: str, tree: ast.Module, known: set[str]) -> set[str]:
    """The modules of the package that a module imports when it runs, now or later."""
    found: set[str] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            pending.extend(node.orelse)
            continue
        pending.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            found.update(file for alias in node.names if (file := file_of(alias.name, known)))
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                file = file_of(f"{node.module}.{alias.name}", known) or file_of(node.module, known)
                found.update([file] if file else [])
    return found - {name}


def file_of(module: str, known: set[str]) -> str | None:
    """The file of a dotted name, where it is one of ours."""
    if not module.startswith("cgcli."):
        return None
    path = module.removeprefix("cgcli.").replace(".", "/")
    return next((file for file in (f"{path}.py", f"{path}/__init__.py") if file in known), None)


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules each of which reaches all others."""
    reach = {name: reachable(name, edges) for name in edges}
    groups = {
        frozenset(other for other in reach[name] if name in reach[other]) for name in edges if name in reach[name]
    }
    return sorted(sorted(group) for group in groups)


def reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    """What can be reached by one step or more."""
    seen: set[str] = set()
    pending = list(edges[start])
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending.extend(edges[name])
    return seen


def report() -> str:
    """The figures, a line each."""
    house = sources()
    by_length = sorted(((length, name) for name, (_, length) in house.items()), reverse=True)
    long = sorted(((length, f"{name}:{function}") for name, (tree, _) in house.items()
                   for function, length in functions(tree) if length > LONG_FUNCTION), reverse=True)  # fmt: skip
    large = sorted(((count, f"{name}:{owner}") for name, (tree, _) in house.items()
                    for owner, count in methods(tree) if count > LARGE_CLASS), reverse=True)  # fmt: skip
    rings = circles({name: imported(name, tree, set(house)) for name, (tree, _) in house.items()})
    lines = [
        f"modules: {len(house)}, {sum(length for length, _ in by_length):,} lines; "
        f"median {median(length for length, _ in by_length):g}, largest {by_length[0][0]} ({by_length[0][1]})",
        f"functions of more than {LONG_FUNCTION} lines: {len(long)}",
        *(f"  {length:4} {name}" for length, name in long),
        f"classes of more than {LARGE_CLASS} methods: {len(large)}",
        *(f"  {count:4} {name}" for count, name in large),
        f"circles: {len(rings)}",
        *(f"  {' - '.join(ring)}" for ring in rings),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
