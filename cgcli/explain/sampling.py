"""Points at which formulas are looked at: of every size and sign, whole numbers, and places where something may change.

Random points alone never meet a place where a formula is different at a single point, so the numbers that stand in the
formula are among them, and the places where a comparison, a kink or a divisor changes its sign.
"""

from __future__ import annotations

from math import isfinite, nextafter
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.numpy import NumpyEngine
from cgcli.graph.walk import ancestors
from cgcli.ops import arithmetic, logic
from cgcli.passes.kinks import kink_conditions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph

    Shape = tuple[int, ...]
    Columns = dict[str, Any]
    """Values by input, the points along the first axis."""

FAMOUS = (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, 10.0, 1e-8, -1e-8, 1e8, -1e8, 709.0, -745.0, 1000.0, -1000.0)
"""Numbers at which formulas have their edges: signs, halves, and where exp ends."""

MOST_NUMBERS = 40
"""Numbers of the formula's own that are tried."""

MOST_BOUNDARIES = 30
"""Comparisons, kinks and divisors whose zeros are looked for."""

BESIDE = (1e-13, 1e-10, 1e-7, 1e-4)
"""Distances from an edge, in parts of it, at which points are looked at."""

HALVINGS = 80
"""Of an interval in which a sign changes: down to neighbouring doubles, whatever its size."""


def sampled(graph: Graph, wanted: Sequence[int], fixed: Mapping[str, Any], count: int, seed: int = 0) -> Columns:
    """Points for the inputs that wanted nodes need, in columns; those with a fixed value stay as they are.

    graph: is extended by what tells where signs change. count: of random points; special ones come in front.
    """
    needed = ancestors(graph, wanted)
    free = {name: graph.shape_of(node) for name, node in graph.inputs().items() if needed[node] and name not in fixed}
    generator = np.random.default_rng(seed)
    specials = [*FAMOUS, *own_numbers(graph, wanted)]
    parts = [_one_by_one(free, specials, generator), _random(free, specials, count, generator)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in free}
    edges = _edges(graph, wanted, columns, fixed)
    return {name: np.concatenate([edges[name], columns[name]]) for name in free} if edges else columns


def own_numbers(graph: Graph, wanted: Sequence[int]) -> list[float]:
    """The numbers that stand in a formula, of both signs, and their neighbours among the doubles."""
    needed = ancestors(graph, wanted)
    found: dict[float, None] = {}
    for node in range(len(graph)):
        value = graph.constant_value(node) if needed[node] else None
        if value is not None and isfinite(value) and value not in FAMOUS:
            for each in (value, -value, nextafter(value, -1e308), nextafter(value, 1e308)):
                found[each] = None
        if len(found) >= 4 * MOST_NUMBERS:
            break
    return list(found)


def _one_by_one(free: Mapping[str, Shape], specials: Sequence[float], generator: Any) -> Columns:
    """Each special number for each input while the others are ordinary, and for all inputs at once."""
    count = len(specials) * (len(free) + 1)
    columns = {name: generator.uniform(0.3, 2.5, (count, *shape)) for name, shape in free.items()}
    everywhere = np.array(specials)
    for place, (name, shape) in enumerate(free.items()):
        stretched = np.broadcast_to(everywhere.reshape(-1, *([1] * len(shape))), (len(specials), *shape))
        for part in {place, len(free)}:
            columns[name][part * len(specials) : (part + 1) * len(specials)] = stretched
    return columns


def _random(free: Mapping[str, Shape], specials: Sequence[float], count: int, generator: Any) -> Columns:
    """Random points of several kinds, one kind a row for most rows, mixed in the others."""
    columns: Columns = {}
    kinds = generator.integers(0, 7, count)
    for name, shape in free.items():
        size = (count, *shape)
        sign = generator.choice((-1.0, 1.0), size)
        drawn = [
            generator.uniform(0.0, 1.0, size), generator.normal(0.0, 2.0, size),
            sign * 10.0 ** generator.uniform(-3.0, 3.0, size), 10.0 ** generator.uniform(-2.0, 2.0, size),
            generator.integers(-6, 7, size).astype(float), sign * 10.0 ** generator.uniform(-200.0, 200.0, size),
            generator.choice(np.array(specials), size),
        ]  # fmt: skip
        own = np.where(generator.random(count) < 0.25, generator.integers(0, len(drawn), count), kinds)
        columns[name] = np.choose(own.reshape(-1, *([1] * len(shape))), drawn)
    return columns


def _edges(graph: Graph, wanted: Sequence[int], columns: Columns, fixed: Mapping[str, Any]) -> Columns | None:
    """Points where a comparison, a kink or a divisor changes its sign along one scalar input, by halving."""
    gaps = boundaries(graph, wanted)
    scalars = [name for name in columns if columns[name].ndim == 1]
    if not gaps or not scalars:
        return None
    engine, rows = NumpyEngine(), len(columns[scalars[0]])
    order = np.roll(np.arange(rows), 1)
    found: list[Columns] = []
    for name in scalars:
        low, high = columns[name], columns[name][order]
        others = {other: column for other, column in columns.items() if other != name}
        ends = [_values(engine, graph, gaps, {**fixed, **others, name: end}, rows) for end in (low, high)]
        for gap in gaps:
            crossed = np.flatnonzero(np.sign(ends[0][gap]) * np.sign(ends[1][gap]) < 0)[:4]
            if len(crossed):
                here = {other: column[crossed] for other, column in others.items()}
                found += _halved(engine, graph, gap, name, here, fixed, low[crossed], high[crossed])
    return {name: np.concatenate([part[name] for part in found]) for name in columns} if found else None


def boundaries(graph: Graph, wanted: Sequence[int]) -> list[int]:
    """Nodes of numbers at whose zeros the formula may change: sides of comparisons and kinks, and divisors."""
    needed = [node for node, need in enumerate(ancestors(graph, wanted)) if need]
    found: dict[int, None] = {}
    for condition in kink_conditions(graph, needed).values():
        for node in (each for each, need in enumerate(ancestors(graph, [condition])) if need):
            if graph.row(node) is logic.equal:
                left, right = graph.operands_of(node)
                found[(graph.ref(left) - graph.ref(right)).node] = None
    found.update({graph.operands_of(node)[1]: None for node in needed if graph.row(node) is arithmetic.div})
    plain = [node for node in found if not graph.shape_of(node) and graph.constant_value(node) is None]
    return plain[:MOST_BOUNDARIES]


def _values(engine: NumpyEngine, graph: Graph, nodes: Sequence[int], values: Mapping[str, Any], rows: int) -> Any:
    found = engine.evaluate_rows(graph, values, nodes)
    return {node: np.broadcast_to(found[node], (rows,)) for node in nodes}


def _halved(
    engine: NumpyEngine, graph: Graph, gap: int, name: str, others: Columns, fixed: Mapping[str, Any], low: Any,
    high: Any,
) -> list[Columns]:  # fmt: skip
    """Both ends of intervals in which a node changes its sign along an input, halved, the shortest number there, and
    some on either side: what holds between two edges that lie close together holds at one of these.
    """
    count = len(low)
    begins = np.sign(_values(engine, graph, [gap], {**fixed, **others, name: low}, count)[gap])
    for _ in range(HALVINGS):
        middle = low / 2 + high / 2
        signs = np.sign(_values(engine, graph, [gap], {**fixed, **others, name: middle}, count)[gap])
        low, high = np.where(signs == begins, middle, low), np.where(signs == begins, high, middle)
    short = np.array([float(f"{value:.12g}") for value in high])
    steps = [sign * part * np.maximum(np.abs(high), 1e-3) for part in BESIDE for sign in (1.0, -1.0)]
    return [{**others, name: end} for end in (low, high, short, *(high + step for step in steps))]
