"""Engines by name, and the choice among them."""

from __future__ import annotations

from importlib import import_module

from cgcli.errors import MissingExtra, UsageError, did_you_mean
from cgcli.graph.walk import ancestors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cgcli.engines.base import Engine
    from cgcli.graph.store import Graph

NAMES = ("python", "numpy", "native", "precise")
"""Each is a module of this package that holds the engine as `ENGINE`; it is imported when it is asked for."""

SCALAR = 0
"""Number of the scalar's shape in every graph."""


def choose(graph: Graph, wanted: Iterable[int], name: str = "auto") -> Engine:
    """The engine of a name; for "auto" `python` where every needed value is a scalar, else `numpy`.

    UsageError for a name that no engine has, MissingExtra where its library is not installed.
    """
    if name == "auto":
        return engine("python" if all_scalar(graph, wanted) else "numpy")
    return engine(name)


def engine(name: str) -> Engine:
    """The engine of a name. UsageError for an unknown name, MissingExtra where its library is not installed."""
    if name not in NAMES:
        hint = did_you_mean(name, NAMES) or f"engines are auto, {', '.join(NAMES)}"
        raise UsageError(f"there is no engine `{name}`", hint=hint)
    try:
        module = import_module(f"cgcli.engines.{name}")
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"the engine `{name}` needs the package `{missing.name}`", hint=f"pip install {missing.name}"
        ) from None
    found: Engine = module.ENGINE
    return found


def all_scalar(graph: Graph, wanted: Iterable[int]) -> bool:
    """Whether the wanted nodes need scalars only."""
    if not any(graph.shape):
        return True
    needed = ancestors(graph, wanted)
    return not any(need and shape != SCALAR for need, shape in zip(needed, graph.shape, strict=True))
