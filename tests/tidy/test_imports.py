"""Imports go downwards, wherever they stand in a module; a library is used in its own room only."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.tidy.sources import PACKAGE, modules

LEVELS = [
    {"excerpts"},
    {"caches", "draws", "errors", "kept", "numerals"},
    {"loops"},
    {"ops"},
    {"graph"},
    {"passes"},
    {"language", "emit", "engines"},
    {"explain"},
    {"files"},
    {"render", "data"},
    {"formulas"},
    {"rows"},
    {"minimizing", "uncertainty", "terms", "live", "tasks", "cluster"},
    {"fitting"},
    {"api"},
    {"cli"},
    {"__main__"},
    {"notebook"},
    {"__init__"},
]
"""The rooms of the package, lowest first; rooms of one level do not know of each other."""

ROOMS = {
    "lark": {"language"}, "typer": {"cli"}, "click": {"cli"}, "rich": {"render"}, "graphviz_pure": {"render"},
    "prompt_toolkit": {"cli"}, "matplotlib": {"render"},
    "pyarrow": {"data"},
    "numpy": {
        "engines", "data", "rows", "explain", "fitting", "minimizing", "tasks", "cluster", "uncertainty", "terms",
    },
    "scipy": {"engines", "fitting", "minimizing", "uncertainty"}, "mpmath": {"engines", "explain"},
    "llvmlite": {"engines"}, "numba": {"engines"}, "dask": {"tasks", "cluster"}, "distributed": {"cluster"},
}  # fmt: skip

LATE = {
    ("draws.py", "numpy"): "the only reason for this module, which is loaded when it is called for",
    ("formulas/digits.py", "numpy"): "points in ranges; loaded when digits are asked for",
    ("formulas/why.py", "numpy"): "rows of a table; loaded when an explanation is asked for",
    ("formulas/given.py", "numpy"): "a value given as a list becomes an array",
    ("formulas/rows.py", "numpy"): "an array that stands for those of a column",
    ("cli/output.py", "mpmath"): "numbers of many digits as text",
    ("graph/bulk.py", "numpy"): "the only reason for this module, which is loaded when it is called for",
    ("live/engine.py", "numpy"): "kernels of nodes with arrays beside a formula of numbers",
    ("live/sheet.py", "numpy"): "NumPy's own warnings are silenced where arrays are computed",
    ("loops.py", "numba"): "compiled sweeps, where the package is installed",
    ("loops.py", "numpy"): "views of the columns, once a graph is large",
    ("graph/store.py", "numpy"): "an array given from Python",
    ("graph/intern.py", "numpy"): "tables of a graph that was built in bulk",
    ("language/bulk/lowering.py", "numpy"): "large texts only, for which it is loaded",
    ("language/bulk/names.py", "numpy"): "large texts only, for which it is loaded",
    ("language/bulk/dense_tables.py", "numpy"): "large texts only, for which it is loaded",
    ("language/bulk/literals.py", "numpy"): "large texts only, for which it is loaded",
    ("language/bulk/reader.py", "numpy"): "large texts only, for which it is loaded",
    ("language/bulk/words.py", "numpy"): "large texts only, for which it is loaded",
    ("numerals.py", "numpy"): "a long array is asked whether it is finite",
    ("numerals.py", "mpmath"): "numbers of many digits as text",
    **{(f"ops/numerics/{name}.py", library): "algorithms for arrays, loaded when a row that needs one is computed"
       for name, libraries in (("arrays", ("numpy",)), ("minors", ("numpy",)), ("bell", ("numpy", "scipy")),
                               ("bessel", ("numpy", "scipy")), ("elliptic", ("numpy", "scipy")),
                               ("gammas", ("numpy", "scipy")), ("integrals", ("numpy", "scipy")),
                               ("shapes", ("numpy", "scipy")),
                               ("lambert", ("numpy", "scipy")))
       for library in libraries},
    ("ops/positions.py", "numpy"): "positions of a whole column are looked at",
    ("ops/linear.py", "numpy"): "how NumPy spells the row; nothing but an engine asks",
    ("ops/special.py", "scipy"): "how SciPy spells the row; nothing but an engine asks",
    ("formulas/sparse.py", "numpy"): "sparse matrices",
    ("render/pattern_plot.py", "numpy"): "a picture as numbers",
    ("formulas/sparse.py", "scipy"): "sparse matrices",
    ("formulas/sparse_plans.py", "numpy"): "sparse matrices",
    ("formulas/sparse_parts.py", "numpy"): "sparse matrices",
    ("formulas/sparse_parts.py", "scipy"): "sparse matrices",
    ("passes/alike.py", "numpy"): "columns of a graph",
    ("passes/colouring.py", "numpy"): "sparse matrices",
    ("passes/entries.py", "numpy"): "sparse matrices",
    ("passes/known_masks.py", "numpy"): "values that are known",
    ("passes/reading.py", "numpy"): "the positions of elements",
    ("passes/rolling.py", "numpy"): "the positions of elements",
    ("passes/static_positions.py", "numpy"): "the positions of elements",
    ("passes/uniform.py", "numpy"): "values that are known",
    ("passes/sparsity.py", "numpy"): "sparse matrices",
    ("passes/sparsity.py", "scipy"): "sparse matrices",
    ("passes/scalars.py", "numpy"): "arrays of references",
    ("passes/schedule.py", "numpy"): "sorting a large graph",
    ("passes/patterns.py", "numpy"): "large graphs only, for which it is loaded",
    ("passes/stamping.py", "numpy"): "the only reason for this module, which is loaded when it is called for",
}  # fmt: skip
"""Files of other rooms that use a library when they need it, never on the way of a scalar formula."""

AT_THE_TOP = {
    (file, "numpy")
    for file in (
        "draws.py", "graph/bulk.py", "language/bulk/lowering.py", "language/bulk/names.py",
        "language/bulk/dense_tables.py", "language/bulk/literals.py",
        "language/bulk/reader.py", "language/bulk/words.py", "passes/patterns.py",
        "passes/stamping.py", "formulas/digits.py", "formulas/why.py",
    )
} | {excuse for excuse in LATE if excuse[0].startswith("ops/numerics/")}  # fmt: skip
"""Those that may import it at once, being loaded late themselves."""


@cache
def imports():
    """(file, room, imported module, whether when the module itself is loaded) for every import of the package."""
    found = []
    for path, tree in modules():
        file = path.relative_to(PACKAGE).as_posix()
        room = file.split("/")[0].removesuffix(".py")
        pending = [(node, True) for node in tree.body]
        while pending:
            node, at_once = pending.pop()
            later = isinstance(node, ast.FunctionDef) or (
                isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            )
            pending.extend((child, at_once and not later) for child in ast.iter_child_nodes(node))
            if isinstance(node, ast.Import):
                found.extend((file, room, alias.name, at_once) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file} imports relatively; write the whole name"
                names = [f"cgcli.{alias.name}" for alias in node.names] if node.module == "cgcli" else [node.module]
                found.extend((file, room, name, at_once) for name in names)
    return found


def level(room):
    places = [place for place, rooms in enumerate(LEVELS) if room in rooms]
    assert places, f"the room `{room}` stands on no level"
    return places[0]


def test_every_room_stands_on_one_level():
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path, _ in modules()}
    stated = [room for rooms_of_level in LEVELS for room in rooms_of_level]
    assert sorted(stated) == sorted(rooms)


def test_imports_go_downwards():
    rooms = {room for level_rooms in LEVELS for room in level_rooms}
    wrong = []
    for file, room, name, _ in imports():
        parts = name.split(".")
        if parts[0] != "cgcli" or len(parts) == 1 or parts[1] not in rooms or parts[1] == room:
            continue
        if level(parts[1]) >= level(room):
            wrong.append((file, name))
    assert not wrong


def test_libraries_stay_in_their_rooms():
    wrong = []
    for file, room, name, at_once in imports():
        library = name.split(".")[0]
        if room in ROOMS.get(library, {room}):
            continue
        if (file, library) not in LATE or (at_once and (file, library) not in AT_THE_TOP):
            wrong.append((file, name, "at once" if at_once else "late"))
    assert not wrong


@pytest.mark.parametrize("excuse", sorted(LATE), ids=" ".join)
def test_no_excuse_is_stale(excuse):
    assert excuse in {(file, name.split(".")[0]) for file, _, name, _ in imports()}
