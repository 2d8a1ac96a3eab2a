"""Whether two nodes have the same value at a point: in many digits, as the real numbers that they stand for.

Rounding is no difference: what counts is the number that the formula means. Stochastic arithmetic (`engines.numbers`)
knows how many digits of each value stand; digits are added until the two clearly differ or clearly agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.numbers import Number, TooLarge, Unsettled
from cgcli.errors import CgError
from cgcli.explain.digits import sampled_engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph

SAME, DIFFERENT, ONE_UNDEFINED, BOTH_UNDEFINED, UNKNOWN = (
    "same", "different", "one undefined", "both undefined", "unknown",
)  # fmt: skip

ATTEMPTS = (160, 400, 1000, 2500)
"""Bits of the attempts, one after the other until the answer is clear."""

AGREED = 100
"""Bits in which two values must agree, or of zeros behind the point where neither can be told from 0."""


STEADY = 1e-6
"""Relative change of a value up to which more digits confirm it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found at a point: one of the five words above, and the two values as doubles or lists of them.

    Two values that are the same double are numbers of mpmath.
    """

    verdict: str
    left: Any = None
    right: Any = None


def judge(graph: Graph, left: int, right: int, inputs: Mapping[str, Any]) -> Judgement:
    """Compare two nodes of one graph, of one shape, at a point; inputs are taken as the exact numbers they are.

    A difference is one only where more digits find it again.

    "unknown" where no number of digits decides it, or where an operation has no form in many digits.
    """
    if left == right:
        return Judgement(SAME)
    before: Judgement | None = None
    for bits in ATTEMPTS:
        try:
            found = sampled_engine(bits).run(graph, inputs, [left, right])
        except Unsettled:
            continue
        except (TooLarge, CgError, OverflowError, MemoryError):
            break
        verdict = _verdict(list(_numbers(found[left])), list(_numbers(found[right])))
        now = Judgement(verdict, *_told(found[left], found[right]))
        if verdict in (SAME, BOTH_UNDEFINED) or (before is not None and _confirms(now, before)):
            return now
        before = now
    return Judgement(UNKNOWN)


def _confirms(now: Judgement, before: Judgement) -> bool:
    """Whether more digits tell the same difference: those of a function at a huge place may all be wrong at first."""
    if now.verdict != before.verdict or now.verdict == UNKNOWN:
        return False
    sides = ((now.left, before.left), (now.right, before.right))
    return all(_settled(np.asarray(latest, dtype=float), np.asarray(first, dtype=float)) for latest, first in sides)


def _settled(latest: Any, first: Any) -> bool:
    """Whether a value stays what it is with more digits, or is 0, of which more digits leave less."""
    with np.errstate(all="ignore"):
        same = np.isclose(latest, first, rtol=STEADY, atol=0.0, equal_nan=True)
        return bool(np.all(same | (np.abs(latest) <= STEADY * np.abs(first))))


def _verdict(left: Sequence[Number], right: Sequence[Number]) -> str:
    """Of all elements: a difference decides, then one that is not defined on one side."""
    if len(left) != len(right):
        return DIFFERENT
    verdicts = {_of_two(one, other) for one, other in zip(left, right, strict=True)}
    for verdict in (DIFFERENT, ONE_UNDEFINED, UNKNOWN, SAME):
        if verdict in verdicts:
            return verdict
    return BOTH_UNDEFINED


def _of_two(left: Number, right: Number) -> str:
    numbers, mp = left.home, left.home.mp
    here, there = left.samples[0], right.samples[0]
    undefined = [not mp.isfinite(value) for value in (here, there)]
    if all(undefined):
        return SAME if here == there else BOTH_UNDEFINED  # both inf is the same; nan says nothing
    if any(undefined):
        return ONE_UNDEFINED
    if left.exact is not None and right.exact is not None:
        return SAME if left.exact == right.exact else DIFFERENT
    gap, margin = abs(here - there), numbers.uncertainty(left) + numbers.uncertainty(right)
    if gap > margin:
        return DIFFERENT
    size = max(abs(here), abs(there))
    known = margin <= mp.ldexp(size, -AGREED) or max(size, margin) <= mp.ldexp(1, -numbers.bits // 2)
    return SAME if known else UNKNOWN


def _numbers(value: Any) -> Iterator[Number]:
    if isinstance(value, Number):
        yield value
    else:
        yield from value.flat


def _told(left: Any, right: Any) -> tuple[Any, Any]:
    """Two values as doubles; two numbers that are the same double, and differ, in many digits."""
    one, other = _doubles(left), _doubles(right)
    if one == other and isinstance(left, Number) and isinstance(right, Number):
        return left.samples[0], right.samples[0]
    return one, other


def _doubles(value: Any) -> Any:
    """A value as a double, an array as lists of them."""
    return float(value) if isinstance(value, Number) else value.astype(float).tolist()
