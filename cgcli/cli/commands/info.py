"""Show what this installation computes with, and what a formula is made of.

Examples:
  cg info
  cg info "exp(sin(x^2))"
  cg info model.cg --json
  cg info model.npz
  cg info tree.cg --data trees.jsonl
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from itertools import compress

from cgcli import __version__
from cgcli.cli.arguments import read_bindings, read_formula
from cgcli.cli.output import print_json
from cgcli.errors import MissingExtra, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.cli.options import Annotated, Bindings, Json, ReadOptions, typer
    from cgcli.graph.store import Graph

ROWS = 10_000_000
"""The length of the table for which an engine and a cost are told."""

CHEAP = ("arithmetic", "logic", "rounding", "structure", "shaping")
"""Families whose operations are an instruction or two; all others call functions."""

AT_A_POINT = {"python": (900.0, 0.0, 0.0), "numpy": (1500.0, 0.3, 8.0), "native": (0.0, 1.0, 6.0)}
A_ROW = {"numpy": (0.0, 0.3, 8.0), "native": (0.0, 0.1, 0.8)}
"""Engine -> nanoseconds of a node, of an element of a cheap operation and of one of another: measured once, on a
virtual machine of two cores, and rounded. They tell a second from an hour, and what the time goes into."""

PACKAGES = (
    "numpy", "scipy", "mpmath", "llvmlite", "numba", "pyarrow", "lark", "rich", "typer", "graphviz-pure",
    "matplotlib", "odrpack", "prompt_toolkit",
)  # fmt: skip


def run(
    formula: Annotated[
        str | None,
        typer.Argument(metavar="[FORMULA]", help="An expression, a .cg or .npz file, or - for standard input."),
    ] = None,
    bindings: Bindings = None,
    *,
    json: Json = False,
    table: ReadOptions | None = None,
) -> None:
    """Print one fact a line."""
    facts = formula_facts(formula, bindings, table) if formula is not None else installation_facts()
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
        from cgcli.caches import cache_folder
        from cgcli.engines import engine

        native: Any = engine("native")
        facts["vector math"] = native.describe()
        facts["cpu features"] = sorted(name[1:] for name in native.host.features.split(",") if name.startswith("+"))
        facts["cache"] = str(cache_folder("native") or "none")
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


def formula_facts(word: str, bindings: list[str] | None, table: ReadOptions | None = None) -> dict[str, Any]:
    """A formula's names, its graph, the engines that auto takes, and an estimate of what they need.

    table: of a formula with terms, whose schedule is told; UsageError for others.
    """
    from cgcli.engines import choose, choose_for_rows

    formula = read_formula(word)
    if formula.terms:
        from cgcli.cli import terms

        return terms.facts(formula, bindings, table)
    if table is not None and table.given():
        raise UsageError("--data tells of the terms of a table, and the formula has none", hint="leave --data out")
    bound = formula.bind(read_bindings(bindings, formula), complete=False)
    graph, wanted = bound.graph, list(bound.program.outputs.values())
    engine, rows_engine = choose(graph, wanted).name, choose_for_rows(graph, wanted, "auto", {}, ROWS).name
    return {
        "inputs": formula.inputs,
        "params": formula.params,
        "outputs": formula.outputs,
        **graph_facts(graph, wanted),
        "engine": engine,
        "estimated ns at a point": cost(graph, wanted, AT_A_POINT[engine]),
        f"engine for {ROWS:,} rows": rows_engine,
        "estimated ns a row": cost(graph, wanted, A_ROW[rows_engine]),
    }


def graph_facts(graph: Graph, wanted: list[int]) -> dict[str, Any]:
    """What the wanted nodes need: nodes by operation, calls by function, levels, and bytes."""
    from cgcli.explain.repeats import count_calls
    from cgcli.graph.walk import ancestors, depths
    from cgcli.ops import REGISTRY

    needed = ancestors(graph, wanted)
    counts = Counter(compress(graph.op, needed))
    by_operation = {REGISTRY.rows[code].name: count for code, count in counts.items()}
    widths = Counter(compress(depths(graph), needed))
    calls = dict(sorted(count_calls(graph, needed).items(), key=lambda item: (-item[1], item[0])))
    return {
        "nodes": counts.total(),
        "operations": dict(sorted(by_operation.items(), key=lambda item: (-item[1], item[0]))),
        **({"calls": calls} if calls else {}),
        "depth": max(widths, default=0),
        "widest level": max(widths.values(), default=0),
        "bytes": graph.nbytes(),
    }


def cost(graph: Graph, wanted: list[int], rates: tuple[float, float, float]) -> dict[str, float]:
    """An estimate of the nanoseconds that the wanted nodes take, by family of operations and in total."""
    from cgcli.graph.shapes import size
    from cgcli.graph.walk import ancestors
    from cgcli.ops import REGISTRY
    from cgcli.passes.inlining import kept_bodies

    node, cheap, other = rates
    found: dict[str, float] = {}
    needed = ancestors(graph, wanted)
    kinds = Counter(compress(zip(graph.op, graph.shape, strict=True), needed))
    counts = Counter({(code, graph.shapes[at]): count for (code, at), count in kinds.items()})
    for body, times in kept_bodies(graph, compress(range(len(graph)), needed)):
        inner = body.graph
        for code, at in zip(inner.op, inner.shape, strict=True):
            counts[code, inner.shapes[at]] += times
    for (code, shape), count in counts.items():
        row = REGISTRY.rows[code]
        family = row.family.rpartition(".")[2]
        if not {"leaf", "kept"} & row.traits:
            element = cheap if family in CHEAP else other
            found[family] = found.get(family, 0.0) + count * (node + element * size(shape))
    by_cost = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return {name: float(f"{value:.2g}") for name, value in [("total", sum(found.values())), *by_cost]}


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
    if isinstance(value, dict):
        return ", ".join(f"{name} {count:,}" for name, count in value.items())
    if isinstance(value, (int, float)):
        return f"{value:,}".removesuffix(".0")
    return str(value).replace(os.path.expanduser("~"), "~", 1)
