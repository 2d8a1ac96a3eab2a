"""How many decimal digits of a number computed in doubles are right, and which operations lose them.

A double has sixteen digits. What is lost is measured against the same graph in as many digits as it takes
(`engines.numbers` knows how many of them stand): the common logarithm of the relative error in units of a double's
rounding, from 0, none, to 16, all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import copysign, isfinite, isinf, log10
from typing import TYPE_CHECKING

from cgcli.engines.numbers import Number, TooLarge, Unsettled
from cgcli.engines.precise import SampledEngine
from cgcli.errors import CgError
from cgcli.graph.walk import ancestors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph

ALL = 16.0
"""Digits of a double."""

ROUNDING = 2.0**-53
"""Relative rounding of a double."""

ATTEMPTS = (220, 700, 2200, 7000)
"""Bits of the attempts, one after the other until enough digits stand."""

STANDING = 80
"""Bits that must stand, so that a loss is known to far less than half a digit."""


@cache
def sampled_engine(bits: int) -> SampledEngine:
    """An engine of so many bits; a new one costs as much as dozens of evaluations."""
    return SampledEngine(bits)


class Exact:
    """Computes what scalar nodes stand for, to more digits than a double has. most: bits of the last attempt."""

    def __init__(self, most: int = ATTEMPTS[-1]) -> None:
        self._engines = [sampled_engine(bits) for bits in ATTEMPTS if bits <= most]

    def values(self, graph: Graph, inputs: Mapping[str, Any], wanted: Sequence[int]) -> dict[int, Number | None]:
        """The numbers of nodes at a point; None where no digits decide it."""
        found: dict[int, Number | None] = dict.fromkeys(wanted)
        open_nodes = list(dict.fromkeys(wanted))
        for engine in self._engines:
            try:
                values = engine.run(graph, inputs, open_nodes)
            except Unsettled:
                continue
            except (TooLarge, CgError, OverflowError, MemoryError):
                break
            found.update({node: values[node] for node in open_nodes if isinstance(values[node], Number)})
            open_nodes = [node for node in open_nodes if not _stands(values[node])]
            if not open_nodes:
                break
        for node in open_nodes:  # what is 0 for all that is known
            number = found[node]
            if number is not None and not _is_nothing(number):
                found[node] = None
        return found


def _stands(value: Any) -> bool:
    """Whether enough bits of a number stand."""
    if not isinstance(value, Number) or value.exact is not None:
        return True
    first, second = value.samples
    mp = value.home.mp
    if not (mp.isfinite(first) and mp.isfinite(second)) or first == second:
        return True
    return bool(mp.mag(max(abs(first), abs(second))) - mp.mag(first - second) >= STANDING)


def _is_nothing(number: Number) -> bool:
    """Whether a number is 0 to far more digits than a double reaches below 1."""
    return number.home.magnitude_above(number) < -ATTEMPTS[-1] // 4


def lost(value: float, exact: Number | None) -> float:
    """Digits that a double has lost; nan where the exact number is not known, or is no number."""
    if exact is None:
        return float("nan")
    mp, true = exact.home.mp, exact.samples[0]
    if mp.isnan(true):
        return float("nan")
    if not mp.isfinite(true):
        return 0.0 if value == float(true) else ALL
    if _is_nothing(exact):
        true = mp.zero
    if abs(true) > mp.mpf(1.7976931348623157e308):
        return 0.0 if abs(value) == float("inf") else ALL  # too large for any double
    if not isfinite(value):
        return ALL
    if value == float(true):
        return 0.0
    error = abs(mp.mpf(value) - true)
    small = abs(true) < mp.ldexp(1, -1022)  # the doubles below have fewer digits
    units = error / mp.ldexp(1, -1074) if small else error / (abs(true) * ROUNDING)
    return min(ALL, max(0.0, log10(max(float(units), 1.0)))) if true else ALL


@dataclass(frozen=True, slots=True)
class Measured:
    """A node at a point: its value in doubles, in many digits (a double and a text), and how many digits it lost."""

    node: int
    value: float
    exact: float
    text: str
    lost: float


@dataclass(frozen=True, slots=True)
class Loss:
    """An operation that loses digits. lost: by itself, beyond what its operands had lost. condition: by how much it
    enlarges a relative error of its operands (the largest condition number, |x · f'(x) / f(x)|)."""

    node: int
    lost: float
    condition: float


def measured(
    graph: Graph, inputs: Mapping[str, Any], values: Mapping[int, float], most: int = ATTEMPTS[-1]
) -> dict[int, Measured]:  # fmt: skip
    """Nodes of numbers with their values in doubles, and what is right of them. most: bits of the last attempt."""
    exact = Exact(most).values(graph, inputs, list(values))
    signed = any(_is_negative_zero(value) for value in inputs.values())
    found = {}
    for node, value in values.items():
        number = exact[node]
        near = float("nan") if number is None else float(number)
        if signed and isinf(value) and isinf(near):  # exact numbers have one 0, and 1/-0 is -inf
            found[node] = Measured(node, value, value, repr(value), 0.0)
            continue
        text = "" if number is None else number.home.mp.nstr(number.samples[0], 25)
        found[node] = Measured(node, value, near, text, lost(value, number))
    return found


def _is_negative_zero(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == 0 and copysign(1.0, value) < 0


LEAST_LOSS = 0.5
"""Digits that an operation must lose to be told."""


def losses(
    graph: Graph, outputs: Sequence[int], found: Mapping[int, Measured], partials: Mapping[tuple[int, int], float]
) -> list[Loss]:  # fmt: skip
    """The operations that lose digits on the way to outputs, worst first.

    partials: (node, place of the operand) -> partial derivative there.
    """
    needed = ancestors(graph, outputs)
    told = []
    for node, need in enumerate(needed):
        if not need or node not in found or graph.is_leaf(node):
            continue
        operands = graph.operands_of(node)
        before = max((found[operand].lost for operand in operands if operand in found), default=0.0)
        own = found[node].lost - before
        if own >= LEAST_LOSS:
            told.append(Loss(node, own, _condition(graph, node, found, partials)))
    return sorted(told, key=lambda each: -each.lost)


def _condition(
    graph: Graph, node: int, found: Mapping[int, Measured], partials: Mapping[tuple[int, int], float]
) -> float:
    result = found[node].exact
    numbers = []
    for place, operand in enumerate(graph.operands_of(node)):
        slope = partials.get((node, place))
        if slope is not None and operand in found and result:
            numbers.append(abs(found[operand].exact * slope / result))
        elif slope is not None and operand in found:
            numbers.append(float("inf") if found[operand].exact * slope else 0.0)
    return max(numbers, default=float("nan"))
