"""Engines by name, and the choice among them."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module

from cgcli.errors import MissingExtra, UsageError, did_you_mean
from cgcli.graph.walk import ancestors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.graph.store import Graph

NAMES = ("python", "numpy", "native", "precise")
"""Each is a module of this package that holds the engine as `ENGINE`; it is imported when it is asked for."""

EXTRAS = {"llvmlite": "native"}
"""Packages that are not always there, and the extra that brings each."""

NATIVE_LIBRARY = "llvmlite"
FEWEST_ROWS = 20_000
"""Rows from which compiling an operation (some 50 µs) takes less time than NumPy's pass over them."""

LEAST_WORK = 2_000_000
LEAST_WORK_WITH_IMPORT = 40_000_000
"""Rows times nodes that take NumPy as long as LLVM takes to begin, once it is loaded and with loading it."""

MANY_NODES, MANY_NODES_WITH_IMPORT = 5_000, 300_000
"""Nodes that Python computes at one point for the first time as long as the native engine takes to begin, once LLVM is
loaded (with the kernels, which hardly depend on the graph, on disk) and with loading it."""

SCALAR = 0
"""Number of the scalar's shape in every graph."""

BODIES = "cgcli.graph.bodies"
"""The module of what loops and calls hold."""


def choose(graph: Graph, wanted: Iterable[int], name: str = "auto") -> Engine:
    """The engine of a name; for "auto" `numpy` where there are arrays, else `python`, or `native` for a large graph.

    UsageError for a name that no engine has, MissingExtra where its library is not installed.
    """
    if name != "auto":
        return engine(name)
    wanted = list(wanted)
    if not all_scalar(graph, wanted):
        return engine("numpy")
    many = MANY_NODES if NATIVE_LIBRARY in sys.modules else MANY_NODES_WITH_IMPORT
    return (len(graph) >= many and _native(graph, wanted)) or engine("python")


def choose_for_rows(
    graph: Graph, wanted: Sequence[int], name: str, values: Mapping[str, Any], rows: int | None = None
) -> Engine:
    """The engine that computes the wanted nodes for every row of the columns among the values.

    rows: how many there are, where the values are only the first of them.

    For "auto": `native` where there is enough work to pay for compiling, llvmlite is there and every operation has a
    native spelling; else `numpy`. UsageError and MissingExtra as for `choose`; UsageError for an engine without rows.
    """
    if name == "auto":
        return _native_for_rows(graph, wanted, _rows(graph, values) if rows is None else rows) or engine("numpy")
    found = engine(name)
    if not found.rows:
        raise UsageError(
            f"the engine `{name}` computes one point at a time", hint=f"for rows: {', '.join(_with_rows())}"
        )
    return found


def _with_rows() -> list[str]:
    """The engines that are installed and compute all rows of a table at once, and what chooses among them."""
    found = ["auto"]
    for name in NAMES:
        with suppress(MissingExtra):
            found += [name] if engine(name).rows else []
    return found


def _native_for_rows(graph: Graph, wanted: Sequence[int], rows: int) -> Engine | None:
    """The native engine where it is likely to be done first."""
    if rows < FEWEST_ROWS:
        return None
    work = rows * sum(ancestors(graph, wanted))
    if work < (LEAST_WORK if NATIVE_LIBRARY in sys.modules else LEAST_WORK_WITH_IMPORT):
        return None
    return _native(graph, wanted)


def _native(graph: Graph, wanted: Sequence[int]) -> Engine | None:
    """The native engine where it is installed and can compute the wanted nodes."""
    try:
        found = engine("native")
    except MissingExtra:
        return None
    return None if found.lacks(graph, wanted) else found


def _rows(graph: Graph, values: Mapping[str, Any]) -> int:
    """The length of the columns; 1 where every value is a single one."""
    inputs = graph.inputs()
    for name, value in values.items():
        shape: tuple[int, ...] = getattr(value, "shape", ())
        if name in inputs and len(shape) > len(graph.shape_of(inputs[name])):
            return int(shape[0])
    return 1


def engine(name: str) -> Engine:
    """The engine of a name. UsageError for an unknown name, MissingExtra where its library is not installed."""
    if name not in NAMES:
        hint = did_you_mean(str(name), NAMES) or f"engines are auto, {', '.join(NAMES)}"
        raise UsageError(f"there is no engine `{name}`", hint=hint)
    try:
        module = import_module(f"cgcli.engines.{name}")
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"the engine `{name}` needs the package `{missing.name}`", hint=_how_to_install(missing.name or "")
        ) from None
    found: Engine = module.ENGINE
    return found


def _how_to_install(package: str) -> str:
    extra = EXTRAS.get(package)
    return f'pip install "cgcli[{extra}]"' if extra else f"pip install {package}"


def all_scalar(graph: Graph, wanted: Iterable[int]) -> bool:
    """Whether the wanted nodes need scalars only, in the bodies of loops and calls too."""
    if len(graph.shapes) == 1 and not graph.attributes:
        return True
    wanted = list(wanted)
    return graph.once("all scalar", wanted, lambda: _all_scalar(graph, wanted))


def _all_scalar(graph: Graph, wanted: Iterable[int]) -> bool:
    if any(graph.shape):
        needed = ancestors(graph, wanted)
        if any(need and shape != SCALAR for need, shape in zip(needed, graph.shape, strict=True)):
            return False
    if BODIES not in sys.modules:  # start-up: then there are none
        return True
    from cgcli.graph.bodies import bodies_below

    return not any(any(body.graph.shape) for body in bodies_below(graph))
