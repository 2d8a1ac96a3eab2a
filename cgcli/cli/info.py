"""Show what this installation computes with, and what a formula is made of.

Examples:
  cg info
  cg info "exp(sin(x^2))"
  cg info model.cg --json
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, version

from cgcli import __version__
from cgcli.cli.arguments import read_bindings, read_formula
from cgcli.cli.output import print_json
from cgcli.errors import MissingExtra

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.graph.store import Graph
if TYPE_CHECKING or "typer" in sys.modules:  # the plain form runs without Typer
    from cgcli.cli.options import Annotated, Bindings, Json, typer

PACKAGES = (
    "numpy", "scipy", "mpmath", "llvmlite", "numba", "pyarrow", "lark", "rich", "typer", "graphviz-pure",
)  # fmt: skip


def run(
    formula: Annotated[
        str | None, typer.Argument(metavar="[FORMULA]", help="An expression, a .cg file, or - for standard input.")
    ] = None,
    bindings: Bindings = None,
    *,
    json: Json = False,
) -> None:
    """Print one fact a line."""
    facts = formula_facts(formula, bindings) if formula is not None else installation_facts()
    if json:
        print_json(facts)
    else:
        print_facts(facts)


def installation_facts() -> dict[str, Any]:
    """Versions, engines, the processor with its vectors and mathematical library, and the cache folder."""
    facts: dict[str, Any] = {
        "cg": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "packages": {name: package_version(name) for name in PACKAGES},
        "engines": engine_facts(),
    }
    if facts["engines"]["native"] == "available":
        from cgcli.engines import engine
        from cgcli.engines.native import cache

        native: Any = engine("native")
        facts["vector math"] = native.describe()
        facts["cpu features"] = sorted(name[1:] for name in native.host.features.split(",") if name.startswith("+"))
        facts["cache"] = str(cache.folder())
    return facts


def package_version(name: str) -> str:
    """The version of a package, without importing it."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def engine_facts() -> dict[str, str]:
    """Each engine: available, or how it is installed."""
    from cgcli.engines import NAMES, engine

    facts = {}
    for name in NAMES:
        try:
            engine(name)
            facts[name] = "available"
        except MissingExtra as missing:
            facts[name] = missing.hint or missing.message
    return facts


def formula_facts(word: str, bindings: list[str] | None) -> dict[str, Any]:
    """A formula's names, and its graph: nodes by operation, depth, widest level, bytes, engine that auto takes."""
    from cgcli.engines import choose, choose_for_rows

    formula = read_formula(word)
    bound = formula.bind(read_bindings(bindings), complete=False)
    graph, wanted = bound.graph, list(bound.program.outputs.values())
    rows = 10_000_000
    return {
        "inputs": formula.inputs,
        "params": formula.params,
        "outputs": formula.outputs,
        **graph_facts(graph, wanted),
        "engine": choose(graph, wanted).name,
        f"engine for {rows:,} rows": choose_for_rows(graph, wanted, "auto", {}, rows).name,
    }


def graph_facts(graph: Graph, wanted: list[int]) -> dict[str, Any]:
    """What the wanted nodes need: how many nodes of which operation, and in how many levels."""
    from cgcli.graph.walk import ancestors, depths

    needed, levels = ancestors(graph, wanted), depths(graph)
    nodes = [node for node in range(len(graph)) if needed[node]]
    by_operation = Counter(graph.row(node).name for node in nodes)
    widths = Counter(levels[node] for node in nodes)
    return {
        "nodes": len(nodes),
        "operations": dict(sorted(by_operation.items(), key=lambda item: (-item[1], item[0]))),
        "depth": max((levels[node] for node in nodes), default=0),
        "widest level": max(widths.values(), default=0),
        "bytes": graph.nbytes(),
    }


def print_facts(facts: Mapping[str, Any]) -> None:
    """`name  value` a line; a mapping's entries stand under its name, a list on one line."""
    width = max(map(len, facts))
    for name, value in facts.items():
        if isinstance(value, dict):
            print(name)
            inner = max(map(len, map(str, value)), default=0)
            for key, entry in value.items():
                print(f"  {key:{inner}}  {shown(entry)}")
        elif value != []:
            print(f"{name:{width}}  {shown(value)}".rstrip())


def shown(value: Any) -> str:
    """A fact as text."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace(os.path.expanduser("~"), "~", 1)
