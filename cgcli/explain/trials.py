"""Cures on trial: what a form gives at the point, whether that is right, and whether the form is as good elsewhere."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose
from cgcli.errors import CgError
from cgcli.explain.births import births
from cgcli.explain.digits import Exact
from cgcli.explain.sizes import array_of, size_of
from cgcli.graph.walk import ancestors
from cgcli.numerals import finite
from cgcli.passes.differentiate import differentiate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.engines.numbers import Number
    from cgcli.graph.store import Graph

LIKE, AROUND = 12, 20
"""Points at which a cure must agree with the formula: with the signs of the given one, and with any."""

DIGITS = 700
"""Bits in which the true value at the point is looked for."""

AGREES, TENDS, ROUGH = 1e-6, 1e-4, 0.05
"""Relative difference up to which two values agree, one agrees with a limit, and a rounded corner with the corner."""

EPSILON = 2.0**-53
"""Relative error of one rounding."""

DIRECTIONS = 3
"""Directions in which a limit is looked for where there are several numbers to move."""


class Form:
    """A formula on trial. graph, node: what it computes; variables: what it is differentiated by. text: as written."""

    __slots__ = ("_slopes", "graph", "node", "text", "variables")

    def __init__(self, graph: Graph, node: int, variables: Mapping[str, int], text: str) -> None:
        self.graph = graph
        self.node = node
        self.variables = variables
        self.text = text
        self._slopes: list[int] | None = None

    def with_slopes(self) -> tuple[Graph, list[int]]:
        """The graph and the nodes of the value and of its derivatives. CgError where there is no rule for one."""
        if self._slopes is None:
            self._slopes = []
            if self.variables and not self.graph.shape_of(self.node):
                slopes = differentiate(self.graph, [self.node], list(self.variables.values()))
                self._slopes = [slopes.wrt(node) for node in self.variables.values()]
        return self.graph, [self.node, *self._slopes]

    def at(self, inputs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Value and gradient at a point. CgError where it has no derivative."""
        _, wanted = self.with_slopes()
        values = self._evaluated(inputs, wanted)
        found = [values[node] + 0.0 for node in wanted]  # 0 without a sign
        return found[0], dict(zip(self.variables, found[1:], strict=False))

    def births(self, inputs: Mapping[str, Any], wanted: Sequence[int]) -> list[int]:
        """Where what is no finite number in wanted nodes begins at a point (`births.births`)."""
        needed = [node for node, need in enumerate(ancestors(self.graph, wanted)) if need]
        found = self._evaluated(inputs, needed)
        values = [0.0] * len(self.graph)
        for node in needed:
            values[node] = found[node]
        return births(self.graph, values, wanted)

    def _evaluated(self, inputs: Mapping[str, Any], wanted: Sequence[int]) -> Any:
        """The values of wanted nodes at a point, which may have inputs that the form has not."""
        names = self.graph.inputs(hidden=True)
        given = {name: value for name, value in inputs.items() if name in names}
        return choose(self.graph, wanted).evaluate(self.graph, given, wanted)


class Trials:
    """Tries forms against one formula at one point. names: the inputs by which it is differentiated."""

    def __init__(self, formula: Form, inputs: Mapping[str, Any]) -> None:
        self.formula = formula
        self.inputs = dict(inputs)
        self._truth: tuple[Any, dict[str, Any]] | None = None
        self._doubts: dict[str, float] = {}
        self._beyond = 0.0  # the sign of a value that is a number, but larger than doubles are
        self.is_open = False  # whether the formula has no value, or no slope, at the point, in any digits
        self._points: dict[bool, list[tuple[dict[str, Any], Any, Any, dict[str, Any]]]] = {}
        self._seed = np.random.default_rng(0)

    # ---- what is right at the point ----------------------------------------------------------------------------------

    def truth(self) -> tuple[Any, dict[str, Any]]:
        """The value and the slopes at the point in many digits, or what they tend to around it.

        None, and no slope, where there is none such: it is infinite, undefined all around, or depends on the side.
        """
        if self._truth is None:
            _, nodes = self.formula.with_slopes()
            here = self._numbers(nodes, self.inputs)
            self._beyond = self._sign_beyond(here[0])
            self.is_open = any(_undefined(each) for each in here)
            tend = self._limits(nodes) if self.is_open else [(None, 0.0)] * len(nodes)
            found = [end if _undefined(each) else (each, 0.0) for each, end in zip(here, tend, strict=True)]
            known = [each if each is not None and finite(each) else None for each, _ in found]
            names = ("", *self.formula.variables)
            self._doubts = dict(zip(names, [doubt for _, doubt in found], strict=False))
            by_name = dict(zip(names[1:], known[1:], strict=False)) if known[0] is not None else {}
            self._truth = (known[0], {name: slope for name, slope in by_name.items() if slope is not None})
        return self._truth

    def keeps(self, value: Any, gradient: Mapping[str, Any]) -> bool:
        """Whether a form has the true value and slopes of the formula at the point, where these are known.

        Of a value beyond doubles the sign is known.
        """
        right, slopes = self.truth()
        if self._beyond and not np.all(array_of(value) * self._beyond > 0):
            return False
        close = [right is None or _near(right, value, self._doubts[""])]
        close += [
            _near(slope, gradient[name], self._doubts[name] + self._unseen(name, value))
            for name, slope in slopes.items() if name in gradient
        ]  # fmt: skip
        return all(close)

    def _sign_beyond(self, value: Any) -> float:
        """The sign of the formula's value where this is a number that is infinite as a double only; else 0."""
        graph, node = self.formula.graph, self.formula.node
        if value is None or graph.shape_of(node) or not np.isinf(value):
            return 0.0
        number = Exact(most=DIGITS).values(graph, self.inputs, [node])[node]
        is_number = number is not None and all(number.home.mp.isfinite(each) for each in number.samples)
        return float(np.sign(value)) if is_number else 0.0

    def _unseen(self, name: str, value: Any) -> float:
        """How far a slope may be off so that over the whole size of its input no digit of the value is another one."""
        size = float(np.min(np.abs(array_of(self.inputs[name])), initial=np.inf))
        digits = EPSILON * float(np.max(np.abs(array_of(value)), initial=0.0))
        return digits / size if 0 < size < np.inf else 0.0

    def _numbers(self, nodes: Sequence[int], inputs: Mapping[str, Any]) -> list[Any]:
        """Nodes in many digits, as doubles; an array as doubles compute it; None where no digits decide it."""
        graph = self.formula.graph
        scalars = [node for node in nodes if not graph.shape_of(node)]
        exact = Exact(most=DIGITS).values(graph, inputs, scalars)
        plain = choose(graph, nodes).evaluate(graph, inputs, nodes) if len(scalars) < len(nodes) else []
        return [plain[node] if graph.shape_of(node) else _double(exact[node]) for node in nodes]

    def _limits(self, nodes: Sequence[int]) -> list[tuple[Any, float]]:
        """What the values of nodes around the point tend to, and how far off that may be; None where to no number."""
        around = []
        for direction in self._directions():
            for step in (1e-7, -1e-7, 3e-8, -3e-8):
                near = dict(self.inputs)
                for name, ways in direction.items():
                    value = array_of(self.inputs[name])
                    moved = value + step * ways * np.maximum(np.abs(value), 1.0)
                    near[name] = moved if moved.shape else float(moved)
                around.append(self._numbers(nodes, near))
        return [_agreed(values) for values in zip(*around, strict=True)]

    def _directions(self) -> Iterator[dict[str, Any]]:
        """Ways in which the variables are moved together: all alike, and at random where there are several numbers."""
        moving = {name: array_of(self.inputs[name]) for name in self.formula.variables if name in self.inputs}
        yield {name: np.ones(value.shape) for name, value in moving.items()}
        if sum(value.size for value in moving.values()) > 1:
            for _ in range(DIRECTIONS - 1):
                yield {name: self._seed.uniform(0.3, 1.0, value.shape) * self._seed.choice([-1.0, 1.0], value.shape)
                       for name, value in moving.items()}  # fmt: skip

    # ---- elsewhere ---------------------------------------------------------------------------------------------------

    def agrees(self, form: Form, *, everywhere: bool = True, rough: bool = False) -> bool:
        """Whether a form is as good as the formula around the point: a cure does no harm.

        Where the formula has a value, and doubles compute it, the form must have the same, and the same slopes.
        everywhere: also where inputs have other signs. rough: as a rounded corner agrees with a corner.
        """
        within = ROUGH if rough else AGREES
        points = [*self._tried(alike=True), *(self._tried(alike=False) if everywhere else ())]
        for near, right, value, gradient in points:
            if not _close(value, right, within):
                continue  # rounding spoils the formula itself
            try:
                other, slopes = form.at(near)
            except CgError:
                return False
            if not _close(other, right, within):
                return False
            if not rough and any(finite(slope) and not _close(slopes.get(name, slope), slope, TENDS)
                                 for name, slope in gradient.items()):  # fmt: skip
                return False
        return True

    def _tried(self, *, alike: bool) -> list[tuple[dict[str, Any], Any, Any, dict[str, Any]]]:
        """Points around: (inputs, value in many digits, value, gradient), where there is one."""
        if alike not in self._points:
            self._points[alike] = []
            for place in range(LIKE if alike else AROUND):
                near = {name: self._alike(value, place) if alike else self._moved(value, place)
                        for name, value in self.inputs.items()}  # fmt: skip
                right = self._numbers([self.formula.node], near)[0]
                if right is not None and finite(right):
                    self._points[alike].append((near, right, *self.formula.at(near)))
        return self._points[alike]

    def _alike(self, value: Any, place: int) -> Any:
        """A number, or each of an array, of the same sign: near at first, then of other sizes."""
        array = array_of(value)
        spread = 0.1 + 0.2 * place
        small = self._seed.normal(0.0, spread, array.shape)
        moved = np.where(array == 0, small, array * np.exp(self._seed.normal(0.0, spread, array.shape)))
        return float(moved) if not array.shape else moved

    def _moved(self, value: Any, place: int) -> Any:
        """A number, or each of an array, of either sign; every fourth time a small whole one, every third as it is."""
        array = array_of(value)
        if self._seed.random() < 1 / 3:
            return value
        moved = array * self._seed.uniform(-1.8, 1.8, array.shape) + self._seed.normal(0.0, 1.0, array.shape)
        if place % 4 == 3:
            moved = self._seed.integers(-3, 4, array.shape).astype(float)
        return float(moved) if not array.shape else moved

    def others(self) -> Iterator[tuple[dict[str, Any], Any, dict[str, Any]]]:
        """Other points to start from: one input moved, then all of them; (what is moved, value, gradient)."""
        constants = _constants(self.formula.graph)
        moved = [(name, other) for name, value in self.inputs.items() for other in _others(value, constants)]
        alone = [{name: other} for name, other in moved]
        together = [
            {name: array_of(value) * part + shift if np.ndim(value) else value * part + shift
             for name, value in self.inputs.items()}
            for part, shift in ((0.1, 0.0), (0.01, 0.0), (1.0, 1.0), (0.0, 1.0))
        ]  # fmt: skip
        for each in (*alone, *together):
            try:
                value, gradient = self.formula.at({**self.inputs, **each})
            except CgError:
                continue
            if finite(value) and all(finite(slope) for slope in gradient.values()):
                yield each, value, gradient

    def is_settled(self, at: Mapping[str, Any], gradient: Mapping[str, Any]) -> bool:
        """Whether slopes at a point are those right beside it, as they are not at a corner."""
        for step in (1e-7, -1e-7):
            beside = {}
            for place, (name, value) in enumerate(at.items()):
                slant = 1.0 + place + np.arange(np.size(value)).reshape(np.shape(value))  # no two move alike
                moved = value + step * slant * np.maximum(np.abs(value), 1.0)
                beside[name] = moved if np.ndim(moved) else float(moved)
            _, slopes = self.formula.at(beside)
            if not all(_close(slope, gradient[name], 1e-3) for name, slope in slopes.items()):
                return False
        return True


def _constants(graph: Graph) -> list[float]:
    """The numbers that stand in a formula, beside which it may be another one."""
    found = [graph.constant_value(node) for node in range(len(graph))]
    return sorted({each for each in found if each is not None and isfinite(each) and abs(each) < 1e6}, key=abs)[:8]


def _others(value: Any, constants: Sequence[float]) -> list[Any]:
    """Values of an input to start from instead; of a square matrix, with a larger diagonal."""
    array = array_of(value)
    if not array.shape:
        start = float(array)
        tried = [start / 10, start / 100, 1.0, 0.5, -1.0, start + 1.0, start - 1.0, 2.0, 10.0, 0.1]
        tried += [each + step for each in constants for step in (1.0, -1.0)]
        return [other for other in dict.fromkeys(tried) if isfinite(other) and other != start]
    size = max(1.0, size_of(array))
    if array.ndim == 2 and array.shape[0] == array.shape[1]:
        return [array + size * part * np.eye(len(array)) for part in (0.01, 1.0)]
    slant = np.arange(1.0, array.size + 1.0).reshape(array.shape)
    return [array / 10, array / 100, array + slant, array - slant, slant]


def _double(number: Number | None) -> float | None:
    return None if number is None else float(number)


def _undefined(value: Any) -> bool:
    """Whether a value is unknown or nan, or holds a nan; an infinity is a value."""
    return value is None or bool(np.any(np.isnan(array_of(value))))


def _close(value: Any, right: Any, within: float) -> bool:
    """Whether two values are the same up to a relative difference, beside the largest element and 1e-12."""
    value, right = array_of(value), array_of(right)
    if value.shape != right.shape or not finite(value):
        return False
    size = max(size_of(right), size_of(value))
    return bool(np.all(np.abs(value - right) <= within * size + (1e-12 if within < ROUGH else 1e-5)))


def _near(right: Any, value: Any, doubt: float) -> bool:
    """Whether a value is as good as the right one, which may be off by some doubt."""
    right, value = array_of(right), array_of(value)
    size = size_of(right)
    return bool(np.allclose(right, value, rtol=TENDS, atol=TENDS * (min(1.0, size) or 1.0) + doubt))


def _agreed(values: Sequence[Any]) -> tuple[Any, float]:
    """The mean of values that are as good as the same, and ten times how far they are from it; else None.

    On some sides of an edge there may be no value.
    """
    some = [array_of(each) for each in values if not _undefined(each)]
    if len(some) < 2 or not all(map(finite, some)):
        return None, 0.0
    middle = np.mean(some, axis=0)
    if not all(np.allclose(each, middle, rtol=TENDS, atol=TENDS) for each in some):
        return None, 0.0
    return middle, 10 * max(size_of(each - middle) for each in some)
