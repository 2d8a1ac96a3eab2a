"""Two formulas beside each other: the same graph, the same after simplification, the same at every point tried, or not.

A difference is shown by a point at which it can be checked by hand. That no point was found proves nothing, and the
verdict says how many were tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.numpy import NumpyEngine
from cgcli.explain.judging import DIFFERENT, ONE_UNDEFINED, SAME, UNKNOWN, Judgement, judge
from cgcli.explain.sampling import sampled
from cgcli.graph.copying import copied
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import arithmetic
from cgcli.passes.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

EQUAL_GRAPH = "equal: the same graph"
EQUAL_SIMPLIFIED = "equal after simplification"
EQUAL_POINTS = "equal at all points tried"
ALMOST = "equal almost everywhere"
WHERE_DEFINED = "equal where both are defined"
UNEQUAL = "different"
UNDECIDED = "undecided"

POINTS = 4_000
"""Random points that are looked at in doubles, to find those worth many digits."""

PRECISE, FEWEST, SECONDS = 150, 20, 6.0
"""Points that are compared in many digits; fewer, but so many at least, where they take long."""

NEIGHBOURS = 6
"""Points around a difference, to tell a single point from a region."""

NEAR = (1e-3, 1e-6, 1e-9, 1e-13, 1e-18)
"""How far around a point these lie, in parts of its size: a region may be narrow."""

LONGEST = 700
"""Digits of a point: those of the largest double, and some behind the point."""

ORDINARY = 1e6
"""A size beyond which an operand may be too large for a function in many digits."""

CLOSE = 1e-9
"""A relative difference of doubles that rounding rarely makes; a larger one is looked at first."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A point at which an output differs: {input: value}, the two values in doubles (nan where undefined).

    Values that are the same double are numbers of mpmath.

    alone: whether the formulas agree at all points around it.
    """

    output: str
    at: dict[str, Any]
    left: Any
    right: Any
    alone: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found. equal: whether no difference was. tried: points compared in many digits."""

    verdict: str
    equal: bool
    tried: int = 0
    counterexamples: list[Counterexample] = field(default_factory=list)


def compare(
    graph: Graph, pairs: Mapping[str, tuple[int, int]], fixed: Mapping[str, Any] | None = None, *, seed: int = 0
) -> Comparison:  # fmt: skip
    """Compare pairs of nodes by name, of equal shapes, in one graph; fixed: values of inputs that do not vary.

    The graph is extended by what tells where signs change.
    """
    if all(left == right for left, right in pairs.values()):
        return Comparison(EQUAL_GRAPH, True)
    simpler = _same_when_simplified(graph, pairs)
    found: list[Counterexample] = []
    tried = 0
    for name, (left, right) in pairs.items():
        if left != right:
            search = _Search(graph, left, right, dict(fixed or {}), seed)
            found += [Counterexample(name, *each) for each in search.differences()]
            tried += search.tried
    if not found:
        if simpler:
            return Comparison(EQUAL_SIMPLIFIED, True, tried)
        return Comparison(EQUAL_POINTS, True, tried) if tried else Comparison(UNDECIDED, False)
    found.sort(key=lambda each: (each.alone, _is_undefined(each)))
    return Comparison(_verdict(found), False, tried, found)


def _verdict(found: Sequence[Counterexample]) -> str:
    if all(each.alone for each in found):
        return ALMOST
    return WHERE_DEFINED if all(each.alone or _is_undefined(each) for each in found) else UNEQUAL


def _is_undefined(found: Counterexample) -> bool:
    """Whether one side has no finite value there."""
    return not all(np.isfinite(np.asarray(side, dtype=float)).all() for side in (found.left, found.right))


def _same_when_simplified(graph: Graph, pairs: Mapping[str, tuple[int, int]]) -> bool:
    """Whether both sides of all pairs are one node when they are simplified, each for itself."""
    common = Graph()
    sides = []
    for side in (0, 1):
        nodes = [pair[side] for pair in pairs.values()]
        simple, outputs = simplify(graph, nodes)
        moved = copied(simple, common, outputs)
        sides.append([moved[output] for output in outputs])
    forms = _unordered(common)
    return [forms[node] for node in sides[0]] == [forms[node] for node in sides[1]]


def _unordered(graph: Graph) -> list[int]:
    """A number for each node, the same where nodes differ in the order of sums, products and equal operands alone."""
    known: dict[Any, int] = {}
    parts: dict[int, tuple[Any, ...]] = {}
    found: list[int] = []
    for node in range(len(graph)):
        row, operands = graph.row(node), [found[operand] for operand in graph.operands_of(node)]
        inverse = row in (arithmetic.sub, arithmetic.div, arithmetic.neg)
        chain = "sum" if row in (arithmetic.add, arithmetic.sub, arithmetic.neg) else "product"
        key: tuple[Any, ...] = (row.name, graph.attributes_of(node), tuple(operands))
        if graph.is_leaf(node):
            key = ("leaf", node)
        elif inverse or row in (arithmetic.add, arithmetic.mul):
            signs = [1] * (len(operands) - 1) + [-1 if inverse else 1]
            items = [
                (sign * inner, part)
                for sign, operand in zip(signs, operands, strict=True)
                for inner, part in (parts[operand][1] if parts.get(operand, ("",))[0] == chain else [(1, operand)])
            ]
            key = (chain, tuple(sorted(items)), graph.shape_of(node))
        elif "commutative" in row.traits:
            key = (row.name, graph.attributes_of(node), tuple(sorted(operands)))
        found.append(known.setdefault(key, len(known)))
        if key[0] in ("sum", "product"):
            parts[found[-1]] = key
    return found


class _Search:
    """The search for points at which two nodes differ."""

    def __init__(self, graph: Graph, left: int, right: int, fixed: dict[str, Any], seed: int) -> None:
        self.graph = graph
        self.nodes = (left, right)
        self.fixed = fixed
        self.random = np.random.default_rng(seed)
        self.columns = sampled(graph, self.nodes, fixed, POINTS, seed)
        self.tried = 0
        self.until = monotonic() + SECONDS

    def differences(self) -> Iterator[tuple[dict[str, Any], Any, Any, bool]]:
        """The first difference that fills a region, else those at single points; each as point, values and which."""
        single, wanted = 0, {DIFFERENT, ONE_UNDEFINED}
        for point in self._points():
            found = self._judged(point)
            if found.verdict not in wanted:
                continue
            alone = self._is_alone(point)
            yield point, found.left, found.right, alone
            single += alone
            if single >= NEIGHBOURS or (not alone and found.verdict == DIFFERENT):
                return
            if not alone:  # a region where one is undefined; what is left to find is a difference
                wanted = {DIFFERENT}

    def _judged(self, point: Mapping[str, Any]) -> Judgement:
        found = judge(self.graph, *self.nodes, _all_written({**self.fixed, **point}))
        if found.verdict == ONE_UNDEFINED and self._doubles_know(point, found):
            found = Judgement(UNKNOWN)
        self.tried += found.verdict != UNKNOWN
        return found

    def _doubles_know(self, point: Mapping[str, Any], found: Judgement) -> bool:
        """Whether doubles know better: they give one number for both, or one where many digits give nan.

        So it is behind a division by a 0 of which doubles know the sign, and for an operand that is too large for many
        digits.
        """
        values = {name: np.asarray(value, dtype=float)[None] for name, value in {**self.fixed, **point}.items()}
        plain = NumpyEngine().evaluate_rows(self.graph, values, self.nodes)
        left, right = (np.asarray(plain[node], dtype=float) for node in self.nodes)
        if np.isfinite(left).all() and np.isfinite(right).all() and np.allclose(left, right, rtol=CLOSE, atol=0.0):
            return True
        if not any(np.any(np.abs(value) > ORDINARY) for value in values.values()):
            return False
        return any(np.isnan(side).any() and np.isfinite(plain[node]).all()
                   for side, node in zip((found.left, found.right), self.nodes, strict=True))  # fmt: skip

    def _points(self) -> Iterator[dict[str, Any]]:
        """Points worth many digits: first where doubles differ clearly, then where only one is a number, then others.

        Small and short numbers stand in front, so that the first difference is one to be checked by hand.
        """
        if not self.columns:
            yield {}
            return
        order = self._order()
        seen: set[bytes] = set()
        for row in order:
            point = {name: _plain(column[row]) for name, column in self.columns.items()}
            key = b"".join(np.asarray(value, dtype=float).tobytes() for value in point.values())
            if key in seen:
                continue
            if len(seen) >= PRECISE or (len(seen) >= FEWEST and monotonic() > self.until):
                return
            seen.add(key)
            yield point

    def _order(self) -> Any:
        """Rows by how much they promise; a share of each kind."""
        rows = len(next(iter(self.columns.values())))
        found = NumpyEngine().evaluate_rows(self.graph, {**self.fixed, **self.columns}, self.nodes)
        left, right = (np.broadcast_to(found[n], (rows, *found[n].shape[1:])).reshape(rows, -1) for n in self.nodes)
        with np.errstate(all="ignore"):
            finite = np.isfinite(left) & np.isfinite(right)
            gap = np.where(finite, np.abs(left - right) / (np.abs(left) + np.abs(right) + 1e-300), 0.0).max(axis=1)
        defined = (np.isnan(left) == np.isnan(right)).all(axis=1)
        ease, new = self._ease(), self._first_of_each()
        clear = _first(np.flatnonzero(new & (gap > CLOSE) & finite.any(axis=1)), ease, PRECISE // 3)
        one_sided = _first(np.flatnonzero(new & ~defined), ease, PRECISE // 4)
        plain = np.flatnonzero(new & defined & finite.all(axis=1))
        others = self.random.permutation(plain)[:PRECISE]
        rounded = plain[np.argsort(-gap[plain], kind="stable")[: PRECISE // 6]]  # or a difference as small as that
        easy = _first(plain, ease, PRECISE // 6)
        return np.array(
            list(dict.fromkeys([*clear, *one_sided, *rounded, *easy, *others])) or list(range(min(rows, FEWEST)))
        )

    def _first_of_each(self) -> Any:
        """Whether a row is the first one of its numbers: special ones are drawn again and again."""
        whole = np.concatenate([column.reshape(len(column), -1) for column in self.columns.values()], axis=1)
        new = np.zeros(len(whole), dtype=bool)
        new[np.unique(whole, axis=0, return_index=True)[1]] = True
        return new

    def _ease(self) -> Any:
        """How easily a person reads a point: the digits and the size of its numbers."""
        total = 0.0
        for column in self.columns.values():
            flat = column.reshape(len(column), -1)
            with np.errstate(all="ignore"):
                size = np.abs(np.log10(np.abs(flat) + 1e-300))
            rough = np.where(flat == np.round(flat, 1), 0.0, np.where(flat == np.round(flat, 6), 3.0, 10.0))
            total = total + np.where(flat == 0, 0.0, size + rough).sum(axis=1)
        return total

    def _is_alone(self, point: Mapping[str, Any]) -> bool:
        """Whether both are the same at all points around one at which they differ, as far as they are defined."""
        told = []
        for size in NEAR:
            for _ in range(NEIGHBOURS // 2):
                near = {name: self._moved(value, size) for name, value in point.items()}
                told.append(judge(self.graph, *self.nodes, {**_all_written(self.fixed), **near}).verdict)
        return SAME in told and DIFFERENT not in told and ONE_UNDEFINED not in told

    def _moved(self, value: Any, size: float) -> Any:
        """A number, or each one of an array, moved by about this part of its size: decimal texts.

        What is 1 or more is no whole number then, as all large doubles are.
        """
        array = np.asarray(value, dtype=float)
        step = self.random.uniform(0.5, 1.0, array.shape) * self.random.choice((-1.0, 1.0), array.shape)
        further = step * size * array + np.where(np.abs(array) >= 1, 0.1 * size * step, 0.0)
        return _written(array, np.where(array == 0, step * size * size, further))


def _written(value: Any, more: Any = 0.0) -> Any:
    """A number, and what is added to it, as a decimal text, an array as one of texts: `0.1` is a tenth."""
    if not np.ndim(value):
        return _decimal(float(value), float(more))
    added = np.broadcast_to(more, np.shape(value)).flat
    texts = [_decimal(float(one), float(other)) for one, other in zip(np.ravel(value), added, strict=True)]
    return np.array(texts, dtype=object).reshape(np.shape(value))


def _decimal(value: float, more: float) -> Any:
    """The sum of two numbers as they are written, in all digits; what is not finite stays as it is."""
    if not np.isfinite(value):
        return value
    with localcontext() as context:
        context.prec = LONGEST
        return str(Decimal(repr(value)) + Decimal(repr(more)))


def _all_written(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _written(value) for name, value in values.items()}


def _first(rows: Any, ease: Any, count: int) -> Iterable[int]:
    """The easiest of some rows."""
    return rows[np.argsort(ease[rows], kind="stable")[:count]].tolist()


def clearly_other(one: Any, other: Any) -> bool:
    """Whether two values in doubles differ by more than rounding makes, or two arrays of one shape do."""
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    return one.shape == other.shape and not np.allclose(one, other, rtol=1e-6, atol=1e-9, equal_nan=True)


def _plain(value: Any) -> Any:
    return float(value) if np.ndim(value) == 0 else value


# ---- what differs in the graphs --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where two graphs part: the node of each side, which have no counterpart in the other one."""

    left: int
    right: int


MOST_DIFFERENCES = 20
"""Places that are told."""


def differences(graph: Graph, pairs: Iterable[tuple[int, int]]) -> list[Difference]:
    """The smallest parts in which pairs of nodes of one graph differ, in the order of evaluation.

    Equal nodes are one node, so what is the same is passed by at once. Two operations of one kind differ in their
    operands; operands that both have do not count, and of a commutative operation their order does not either.
    """
    found: dict[tuple[int, int], None] = {}
    seen: set[tuple[int, int]] = set()
    pending = [pair for pair in pairs if pair[0] != pair[1]]
    while pending:
        pair = pending.pop()
        if pair in seen:
            continue
        seen.add(pair)
        deeper = _operands_that_differ(graph, *pair)
        if deeper:
            pending.extend(deeper)
        else:
            found[pair] = None
    return [Difference(*pair) for pair in sorted(found)][:MOST_DIFFERENCES]


def _operands_that_differ(graph: Graph, left: int, right: int) -> list[tuple[int, int]]:
    """The pairs of operands in which two nodes of one operation differ; [] where the nodes differ themselves."""
    if graph.is_leaf(left) or graph.is_leaf(right) or graph.op[left] != graph.op[right]:
        return []
    if graph.attributes_of(left) != graph.attributes_of(right):
        return []
    sides = [list(graph.operands_of(node)) for node in (left, right)]
    if len(sides[0]) != len(sides[1]):
        return []
    if "commutative" in graph.row(left).traits:
        for operand in list(sides[0]):
            if operand in sides[1]:
                sides[0].remove(operand)
                sides[1].remove(operand)
    pairs = [pair for pair in zip(*sides, strict=True) if pair[0] != pair[1]]
    return pairs if all(graph.shape_of(one) == graph.shape_of(other) for one, other in pairs) else []


def only_in(graph: Graph, nodes: Sequence[int], others: Sequence[int]) -> list[int]:
    """What some nodes need and others do not: the nodes of one side alone, in the order of evaluation."""
    ours, theirs = ancestors(graph, nodes), ancestors(graph, others)
    return [node for node, need in enumerate(ours) if need and not theirs[node]]
