"""What the conformance suite runs over: the engines, the rows, and points on a row's own domain and at its kinks.

A new engine of `cgcli.engines.NAMES` joins by itself, as a new row does.
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import cache
from itertools import product

import numpy as np
import pytest

from cgcli.engines import NAMES, engine
from cgcli.engines.mpmath import MpmathEngine
from cgcli.errors import MissingExtra
from cgcli.graph.store import Graph
from cgcli.ops import REGISTRY
from tests.conformance.gaps import LEFT_OUT

PRECISE = MpmathEngine(50)
REFERENCE = MpmathEngine(65)
"""The judge: more digits than the engine that is judged."""


def native_paths():
    """The native engine as it is on this machine, without functions of its own, and without a vector library, too.

    Nothing without llvmlite.
    """
    try:
        native = engine("native")
    except MissingExtra:
        return {}
    from cgcli.engines.native.engine import NativeEngine
    from cgcli.engines.native.host import detect

    library, scalar = detect(), detect()
    library.fused = scalar.fused = False
    scalar.vector_math = None
    return {"native": native, "native library": NativeEngine(library), "native scalar": NativeEngine(scalar)}


NATIVE_PATHS = native_paths()
ENGINES = {}
for _name in NAMES:
    with suppress(MissingExtra):
        ENGINES[_name] = engine(_name)
PYTHON, NUMPY = ENGINES["python"], ENGINES["numpy"]
EPSILON = {"precise": 1e-45}
"""Relative error that an engine may have; doubles have bounds in ulp (see bounds.py)."""

STATIC = 2.0
"""Value of a static argument that has no default: an order, a number of digits."""
POINTS = 5
PACES = (0.6180339887498949, 0.7548776662466927, 0.8191725133961645, 0.8566748838545029)
"""Multiples of these numbers, modulo 1, are places in an interval that fall on nothing special."""
EDGES = (0.0, 1.0, -1.0, 2.0)
TYPICAL = 4.0
"""How far we go where an interval has no end."""
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e-300, -1e300, math.inf, -math.inf, math.nan)
KINK_CANDIDATES = (-6.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0)

ROWS = [row for row in REGISTRY.rows if "leaf" not in row.traits]
ELEMENTWISE = [row for row in ROWS if row.elementwise and not row.traits & {"verdict", "derived"}]
STRUCTURAL = [row for row in ROWS if not row.elementwise]


def pairs(rows, names=tuple(ENGINES)):
    """Every row with every engine that has it, as parameters `row, name` of a test."""
    return pytest.mark.parametrize(
        ("row", "name"),
        [
            pytest.param(row, name, id=f"{row.name}-{name}")
            for row in rows
            for name in names
            if row.name not in LEFT_OUT.get(name, ())
        ],
    )


def lacks(name, graph, wanted):
    """The operations below the wanted nodes that an engine does not have; only those it is known to leave out."""
    missing = {row.name for row in ENGINES[name].lacks(graph, wanted)}
    assert missing <= LEFT_OUT.get(name, frozenset())
    return missing


def statics(row):
    """Values for the static arguments of a row."""
    return [STATIC if parameter.required else parameter.default for parameter in row.parameters if parameter.static]


def between(interval, fraction):
    """The point of an open interval at a fraction of its length; an end at infinity stands at TYPICAL."""
    low, high = interval
    low = max(low, min(high, 0.0) - TYPICAL) if low == -math.inf else low
    high = low + 2 * TYPICAL if high == math.inf else high
    return low + fraction * (high - low)


def points(row):
    """Tuples of operands inside the domain, away from anything special."""
    return [
        tuple(
            suitable(row, between(interval, (step * pace) % 1.0))
            for interval, pace in zip(row.domain, PACES, strict=False)
        )
        for step in range(1, POINTS + 1)
    ]


def suitable(row, operand):
    """An operand as the row takes it: a whole number where it wants one."""
    return float(math.ceil(operand)) if "whole_operands" in row.traits else operand


def edges(row):
    """Tuples of 0, 1, 2 and -1 that are inside the domain or on its border."""
    return list(product(*([edge for edge in EDGES if low <= edge <= high] for low, high in row.domain)))


def kinks(row):
    """Tuples of operands where the row has a value and says that its derivative is a convention."""
    if row.kink is None:
        return []
    extra = statics(row)
    found = [operands for operands in product(KINK_CANDIDATES, repeat=row.arity) if row.kink(*operands, *extra)]
    return [operands for operands in found if math.isfinite(value(PYTHON, row, operands))]


def applied(row, shapes=None):
    """A graph with one node of the row on inputs x0, x1, …: the graph, the inputs, the node."""
    graph = Graph()
    shapes = shapes or [()] * row.arity
    places = [graph.input(f"x{position}", shape) for position, shape in enumerate(shapes)]
    return graph, places, graph.apply(row, places, statics(row))


def bound_to(operands):
    """Values by the names that `applied` gives."""
    return {f"x{position}": operand for position, operand in enumerate(operands)}


def value(engine, row, operands):
    """The row on numbers, by an engine."""
    graph, _, node = applied(row)
    return engine.evaluate(graph, bound_to(operands), [node])[node]


@cache
def reference(row, operands):
    """The row on numbers, to 65 digits."""
    return value(REFERENCE, row, operands)


def same(found, expected, tolerance):
    """Whether two numbers agree: both nan, the same infinity, or close (relative, 1e-300 counts as 0)."""
    found, expected = float(found), float(expected)
    if math.isnan(expected) or math.isnan(found):
        return math.isnan(expected) and math.isnan(found)
    if math.isinf(expected) or math.isinf(found):
        return found == expected
    return abs(found - expected) <= tolerance * abs(expected) + 1e-300


def ulps(found, exact):
    """Error of a double in units of the last place of the exact value; inf where only one of the two is finite."""
    nearest = float(exact)
    if not math.isfinite(nearest) or not math.isfinite(found):
        alike = (math.isnan(nearest) and math.isnan(found)) or nearest == found
        return 0.0 if alike else math.inf
    return float(abs(REFERENCE.mp.mpf(found) - exact) / math.ulp(nearest))


def as_array(values):
    """Results as an array of doubles."""
    return np.asarray(values, dtype=float)
