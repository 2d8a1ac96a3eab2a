"""Where a search may begin when nobody says so: places scaled by the data, as the graph puts them together.

A parameter meets the data somewhere: in `exp(-b*t)` it multiplies a column, in `(x - m)/s` one is compared with the
column and one divides what is left. There its size follows: `b` is about one over a typical `t`, `m` lies among the
values of `x`, `s` is about as large as `x - m`. The parameters are drawn in the order in which they meet what is known,
those drawn before among it. What a node does with a parameter is found by trying numbers, not by its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose_for_rows
from cgcli.graph.walk import ancestors, descendants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph
    from cgcli.ops.row import Operation

SUM, FACTOR, DIVISOR, OTHER = "sum", "factor", "divisor", "other"
"""What a parameter is where it meets the data."""
PERIOD = 2 * np.pi
FEWEST_WAVES, MOST_WAVES = 0.3, 100.0
"""Waves in the range of the data that a frequency or a period is drawn for; no more than every third row has one."""

DECADES = (-0.7, 1.2)
"""The size of a product or quotient of a parameter and the data, as powers of ten."""
POSITIVE = 0.75
"""How often a parameter that is no place is drawn positive."""
AMONG = 0.7
"""How often a place is drawn among the values that it is compared with, and not from all magnitudes."""

MAGNITUDES = np.concatenate(
    [sign * 10.0 ** np.linspace(*ends, 100) for sign, ends in ((-1, (12, -12)), (1, (-12, 12)))]
)
"""Where the value of a parameter is looked for whose function alone is known."""
MOST_TOGETHER, ROWS_AT_ONCE = 6, 20
"""Parameters among which those are looked for that decide the size of the output, and rows at which that is seen."""
LEAST_POWER = 0.01
"""The power of two by which rows must grow at least, to say that a parameter decides their size."""
SPREAD = 0.3
"""By how many powers of ten an output drawn is off the target's size."""


@dataclass(frozen=True)
class Meeting:
    """A parameter, or a node that depends on it alone, meets data at a node of the formula.

    own: the node that depends on the parameter alone. other: the node with the data; None where it meets none.
    kind: what it is there. place: which operand it is. waves: whether the node goes into a function that oscillates.
    """

    name: str
    own: int
    other: int | None = None
    kind: str = OTHER
    row: Operation | None = None
    place: int = 0
    waves: bool = False


class Starts:
    """Draws values of parameters without a start. A parameter is a number here; elements of arrays are drawn alike."""

    def __init__(
        self, graph: Graph, output: int, values: Mapping[str, Any], columns: Mapping[str, Any], unknown: Sequence[str],
        linear: Sequence[str], size: float = np.nan,
    ) -> None:  # fmt: skip
        """values: of all inputs but columns and unknown parameters. columns: some rows, by input.

        unknown: parameters to draw; linear: parameters that are solved for, whatever they are here. size: of the
        target, nan where it is not known.
        """
        self._graph = graph
        self._values = dict(values)
        self._columns = dict(columns)
        self._rows = max(map(len, columns.values()), default=0)
        self._output = output
        self.meetings = meetings(graph, output, list(columns), unknown, linear)
        self._size = size
        self._amplitude: tuple[str, ...] | None = None if np.isfinite(size) and size > 0 and not linear else ()

    def draw(self, generator: np.random.Generator, within: Mapping[str, tuple[float, float]]) -> dict[str, float]:
        """One set of values. within: ranges to draw from, of parameters that have one."""
        found: dict[str, float] = {}
        values = {**self._values, **self._columns}
        for meeting in self.meetings:
            name = meeting.name
            low, high = within.get(name, (-np.inf, np.inf))
            if np.isfinite(high - low):
                number = drawn_between(generator, low, high)
            else:
                number = folded(self._parameter(meeting, self._drawn(meeting, values, generator), values), low, high)
            found[name] = values[name] = number
        return self._as_large_as_the_target(found, within, generator)

    def _as_large_as_the_target(
        self, found: dict[str, float], within: Mapping[str, tuple[float, float]], generator: np.random.Generator
    ) -> dict[str, float]:
        """The values, those that together decide how large the output is such that it is like the target.

        Of `exp(-a*x)/(b + c*x)` these are b and c: both times two, and all rows are halved. Units of the target decide
        them, and nothing that they meet says so.
        """
        if self._amplitude is None:
            self._amplitude = self._deciding(found)
        chosen = self._amplitude
        if not chosen or any(np.isfinite(within.get(name, (-np.inf, np.inf))).any() for name in chosen):
            return found
        once, twice = self._outputs([found, doubled(found, chosen)])
        power = common_power(once, twice)
        if power is None:
            return found
        wanted = self._size * 10 ** generator.normal(scale=SPREAD) / typical(once)
        with np.errstate(all="ignore"):
            factor = float(wanted ** (1 / power))
        if not 0 < factor < np.inf:
            return found
        return {name: value * factor if name in chosen else value for name, value in found.items()}

    def _deciding(self, found: Mapping[str, float]) -> tuple[str, ...]:
        """The fewest parameters that, multiplied together, multiply all rows; () where there are none."""
        names = [meeting.name for meeting in self.meetings][:MOST_TOGETHER]
        sets = [chosen for size in range(1, len(names) + 1) for chosen in combinations(names, size)]
        if not sets:
            return ()
        once, *doubles = self._outputs([dict(found), *(doubled(found, chosen) for chosen in sets)])
        return next((chosen for chosen, twice in zip(sets, doubles, strict=True) if common_power(once, twice)), ())

    def _outputs(self, points: list[dict[str, float]]) -> Any:
        """The output at some rows, evenly taken, for each of several sets of values: (sets, rows)."""
        places = np.linspace(0, self._rows - 1, min(self._rows, ROWS_AT_ONCE)).astype(int)
        columns = {name: np.tile(np.asarray(column)[places], (len(points),) + (1,) * (np.ndim(column) - 1))
                   for name, column in self._columns.items()}  # fmt: skip
        own = {name: np.repeat([point[name] for point in points], len(places)) for name in points[0]}
        graph, values = self._graph, {**self._values, **columns, **own}
        with np.errstate(all="ignore"):
            found = choose_for_rows(graph, [self._output], "numpy", values).evaluate_rows(graph, values, [self._output])
        return np.reshape(found[self._output], (len(points), len(places)))

    def _drawn(self, meeting: Meeting, values: Mapping[str, Any], generator: np.random.Generator) -> float:
        """A value of the node that depends on the parameter alone, fit for what it meets."""
        sign = 1.0 if generator.uniform() < POSITIVE else -1.0
        size = sign * 10 ** generator.uniform(*DECADES)
        if meeting.other is None or meeting.row is None:
            return size
        met = self._rows_of(meeting.other, values)
        if not len(met):
            return size
        if meeting.kind == SUM:
            with np.errstate(all="ignore"):
                roots = -np.array([combined(meeting.row, meeting.place, 0.0, float(one)) for one in met])
                roots *= combined(meeting.row, meeting.place, 1.0, 0.0)
            if generator.uniform() < AMONG:
                place = float(generator.uniform(roots.min(), roots.max()))
                return -place if roots.max() <= 0 and generator.uniform() < POSITIVE else place  # `K + x`, not `x - m`
            return size * typical(roots)
        if meeting.kind == OTHER:
            return size
        effects = np.array([combined(meeting.row, meeting.place, 1.0, float(one)) for one in met])
        if meeting.waves and np.ptp(effects) > 0:
            waves = PERIOD * number_of_waves(generator, self._rows) / float(np.ptp(effects))
            return waves if meeting.kind == FACTOR else 1 / waves
        effect = typical(effects)
        return size / effect if meeting.kind == FACTOR else effect / size

    def _rows_of(self, node: int, values: Mapping[str, Any]) -> Any:
        """The finite values of a node at some rows, evenly taken."""
        graph = self._graph
        found = choose_for_rows(graph, [node], "numpy", values).evaluate_rows(graph, values, [node])[node]
        found = np.ravel(found)
        found = found[np.isfinite(found)]
        return found[np.linspace(0, len(found) - 1, min(len(found), 50)).astype(int)] if len(found) else found

    def _parameter(self, meeting: Meeting, wanted: float, values: Mapping[str, Any]) -> float:
        """The parameter at which the node that depends on it alone has a value."""
        if meeting.own == self._graph.inputs()[meeting.name]:
            return wanted
        zero, one, two, four = self._own(meeting, np.array([0.0, 1.0, 2.0, 4.0]), values)
        if np.isfinite([zero, one, two]).all() and close(two - one, one - zero) and one != zero:
            return float((wanted - zero) / (one - zero))
        ratio = two / one if one else 0.0
        if ratio > 0 and ratio != 1 and close(four / two, ratio):
            power = float(np.log2(ratio))
            base = wanted / one
            if base > 0 or (close(power, round(power)) and round(power) % 2):
                return float(np.sign(base) * abs(base) ** (1 / power))
            return float(abs(base) ** (1 / power))
        rough = crossing(MAGNITUDES, self._own(meeting, MAGNITUDES, values) - wanted)
        if rough is None:
            return wanted
        finer = np.linspace(*rough, len(MAGNITUDES))
        found = crossing(finer, self._own(meeting, finer, values) - wanted)
        return found[0] if found else rough[0]

    def _own(self, meeting: Meeting, numbers: Any, values: Mapping[str, Any]) -> Any:
        """The node that depends on a parameter alone, at several of its values."""
        graph = self._graph
        given = {name: value for name, value in values.items() if name not in self._columns} | {meeting.name: numbers}
        with np.errstate(all="ignore"):
            found = choose_for_rows(graph, [meeting.own], "numpy", given).evaluate_rows(graph, given, [meeting.own])
        return found[meeting.own]


def crossing(places: Any, differences: Any) -> tuple[float, float] | None:
    """Between which two places differences change their sign first; None where they do not."""
    signs = np.sign(differences)
    with np.errstate(invalid="ignore"):
        changes = np.flatnonzero((signs[:-1] * signs[1:] <= 0) & np.isfinite(differences[:-1] + differences[1:]))
    return (float(places[changes[0]]), float(places[changes[0] + 1])) if len(changes) else None


def doubled(values: Mapping[str, float], chosen: Sequence[str]) -> dict[str, float]:
    """The values, those that are chosen times two."""
    return {name: 2 * value if name in chosen else value for name, value in values.items()}


def common_power(once: Any, twice: Any) -> float | None:
    """The power of two by which all rows have grown; None where it is not the same, or 0."""
    with np.errstate(all="ignore"):
        ratios = twice / once
    if not len(ratios) or not np.isfinite(ratios).all() or not (ratios > 0).all():
        return None
    power = float(np.log2(ratios[0]))
    return power if abs(power) > LEAST_POWER and np.ptp(ratios) <= 1e-9 * abs(ratios[0]) else None


def meetings(
    graph: Graph, output: int, columns: Sequence[str], unknown: Sequence[str], linear: Sequence[str]
) -> list[Meeting]:
    """Where each unknown parameter meets data first, in an order in which all that it meets is known by then."""
    inputs = graph.inputs()
    varying = descendants(graph, [inputs[name] for name in columns if name in inputs])
    free = descendants(graph, [inputs[name] for name in linear if name in inputs])
    needed = ancestors(graph, [output])
    scalars = {name: inputs[name] for name in unknown if name in inputs and not graph.shape_of(inputs[name])}
    below = {name: descendants(graph, [node]) for name, node in scalars.items()}
    pending = dict.fromkeys(scalars)
    found: list[Meeting] = []
    for node in range(min(scalars.values(), default=0), output + 1):
        if not needed[node] or free[node] or graph.is_leaf(node):
            continue
        operands = list(graph.operands_of(node))
        if not any(varying[operand] for operand in operands):
            continue
        for place, operand in enumerate(operands):
            met = [name for name in pending if below[name][operand]]
            for name in met[:-1]:
                found.append(Meeting(name, scalars[name]))
                del pending[name]
            if met:
                found.append(meeting_at(graph, node, met[-1], place))
                del pending[met[-1]]
    return [*found, *(Meeting(name, scalars[name]) for name in pending)]


def meeting_at(graph: Graph, node: int, name: str, place: int) -> Meeting:
    """What a parameter is at a node whose operands are, but for one, data."""
    row, operands = graph.row(node), list(graph.operands_of(node))
    if len(operands) != 2 or not row.elementwise:
        return Meeting(name, operands[place])
    kind = kind_of(row, place)
    waves = kind in (FACTOR, DIVISOR) and goes_into_waves(graph, node)
    return Meeting(name, operands[place], operands[1 - place], kind, row, place, waves)


def goes_into_waves(graph: Graph, node: int) -> bool:
    """Whether a node, by way of sums, becomes the argument of a function that oscillates."""
    reached = {node}
    for user in range(node + 1, len(graph)):
        operands = list(graph.operands_of(user))
        if reached.isdisjoint(operands) or not graph.row(user).elementwise:
            continue
        if len(operands) == 1 and oscillates(graph.row(user)):
            return True
        if len(operands) == 1 or (len(operands) == 2 and kind_of(graph.row(user), 0) == SUM):
            reached.add(user)
    return False


def oscillates(row: Operation) -> bool:
    """Whether a row of one operand goes up and down again and again."""
    if row.compute is None:
        return False
    values = np.array([float(row(number)) for number in np.linspace(-60.0, 60.0, 241)])
    turns = np.diff(np.sign(np.diff(values[np.isfinite(values)])))
    return int(np.count_nonzero(turns)) > 20


def number_of_waves(generator: np.random.Generator, rows: int) -> float:
    """How many waves there may be in the range of the data: as often few of them as any number."""
    most = float(np.clip(rows / 3, 1.0, MOST_WAVES))
    if generator.uniform() < 0.5:
        return float(np.exp(generator.uniform(np.log(FEWEST_WAVES), np.log(most))))
    return float(generator.uniform(FEWEST_WAVES, most))


def kind_of(row: Operation, place: int) -> str:
    """What an operand of a row of two is: a summand, a factor, a divisor, or something else."""
    with np.errstate(all="ignore"):
        once, twice, thrice = (combined(row, place, number, 1.7) for number in (0.6, 1.2, 1.8))
        nothing = combined(row, place, 0.0, 1.7)
    if close(twice, 2 * once) and close(nothing, 0.0):
        return FACTOR
    if close(twice, once / 2) and close(thrice, once / 3):
        return DIVISOR
    if close(abs(twice - once), 0.6) and close(abs(thrice - twice), 0.6) and close(abs(nothing), 1.7):
        return SUM
    return OTHER


def combined(row: Operation, place: int, own: float, other: float) -> float:
    """A row of two operands, one of them the parameter's."""
    return float(row(other, own) if place else row(own, other))


def typical(numbers: Any) -> float:
    """The size of numbers: the median of those that are not 0."""
    sizes = np.abs(np.asarray(numbers, dtype=float))
    sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
    return float(np.median(sizes)) if len(sizes) else 1.0


def close(one: float, other: float) -> bool:
    """Whether two numbers are equal but for rounding."""
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other), 1e-300) or one == other


def drawn_between(generator: np.random.Generator, low: float, high: float) -> float:
    """A number between two: of its logarithm where they are positive and far apart."""
    if low > 0 and high > 100 * low:
        return float(np.exp(generator.uniform(np.log(low), np.log(high))))
    return float(generator.uniform(low, high))


def folded(number: float, low: float, high: float) -> float:
    """A number on the right side of a bound, as far from it as it was."""
    if number < low:
        return 2 * low - number
    return 2 * high - number if number > high else number
