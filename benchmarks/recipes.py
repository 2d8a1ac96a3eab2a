"""Graphs of scalar nodes for the benchmarks, as columns that belong to no library.

A recipe numbers its values: first the inputs, then the constants, then one value a node. Every library builds its own
graph from the same recipe. All of them stay finite, and so do their derivatives, at any size: what grows is followed
by a sine or a tanh, and the gains along a path are one on average.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

ADD, SUB, MUL, SIN, TANH = range(5)
SIGNS = {ADD: "+", SUB: "-", MUL: "*"}
CALLS = {SIN: "sin", TANH: "tanh"}
INPUTS = 64
NEAR = 1000
"""Nodes within which the operands of the random local graph lie."""

Column = Any


class Recipe:
    """kind, first, second: of each node its operation and the values that it takes (second = first for one operand).

    inputs: values of the inputs. constants: those of the constants. The last node is the result.
    """

    def __init__(self, inputs: Column, constants: Sequence[float], kind: Column, first: Column, second: Column) -> None:
        self.inputs = np.asarray(inputs, dtype=np.float64)
        self.constants = [float(value) for value in constants]
        self.kind = np.asarray(kind, dtype=np.uint8)
        self.first = np.asarray(first, dtype=np.int64)
        self.second = np.asarray(second, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def leaves(self) -> int:
        """Inputs and constants."""
        return len(self.inputs) + len(self.constants)

    @property
    def names(self) -> list[str]:
        """Names of the inputs."""
        return [f"x{place}" for place in range(len(self.inputs))]

    def steps(self) -> zip[tuple[int, int, int]]:
        """Kind, first and second operand of every node, as Python's numbers."""
        return zip(self.kind.tolist(), self.first.tolist(), self.second.tolist(), strict=True)

    def run(self, leaf: Sequence[Any], operations: Sequence[Callable[..., Any]]) -> Any:
        """The result, computed on whatever numbers a library has: from its inputs and constants, by kind of node."""
        values = list(leaf)
        keep = values.append
        for kind, first, second in self.steps():
            if kind in SIGNS:
                keep(operations[kind](values[first], values[second]))
            else:
                keep(operations[kind](values[first]))
        return values[-1]

    def levels(self) -> tuple[Recipe, list[tuple[int, int, int]]]:
        """The same nodes ordered by depth and kind, and the blocks (kind, first, last) of equal ones of one depth."""
        from cgcli.graph.walk import measure_depths
        from cgcli.loops import compiled

        operands = np.stack([self.first, self.second], axis=1).ravel()
        start = np.concatenate([np.zeros(self.leaves, dtype=np.int64), 2 * np.arange(len(self) + 1)])
        depth = np.zeros(self.leaves + len(self), dtype=np.int64)
        compiled(measure_depths)(depth, start, operands)
        key = depth[self.leaves :] * (TANH + 1) + self.kind
        order = np.argsort(key, kind="stable")
        place = np.concatenate([np.arange(self.leaves), self.leaves + np.argsort(order)])
        sorted_key = key[order]
        ends = [*(np.flatnonzero(np.diff(sorted_key)) + 1).tolist(), len(self)]
        kinds = self.kind[order]
        blocks = [(int(kinds[begin]), begin, end) for begin, end in zip([0, *ends], ends, strict=False)]
        ordered = Recipe(self.inputs, self.constants, kinds, place[self.first][order], place[self.second][order])
        return ordered, blocks

    def text(self) -> str:
        """The formula as statements, one a node; valid in Python, too."""
        words = [*self.names, *map(repr, self.constants)]
        lines = []
        for number, (kind, first, second) in enumerate(self.steps()):
            name = f"v{number}"
            words.append(name)
            if kind in SIGNS:
                lines.append(f"{name} = {words[first]} {SIGNS[kind]} {words[second]}")
            else:
                lines.append(f"{name} = {CALLS[kind]}({words[first]})")
        return "\n".join([*lines, words[-1]])

    def expression(self) -> str:
        """The formula as one expression without names; for trees only, where nothing is shared."""
        words = [*self.names, *map(repr, self.constants)]
        for kind, first, second in self.steps():
            if kind in SIGNS:
                words.append(f"({words[first]} {SIGNS[kind]} {words[second]})")
            else:
                words.append(f"{CALLS[kind]}({words[first]})")
            for used in (first, second):
                if used >= self.leaves:
                    words[used] = ""
        return words[-1]


def starting(count: int = INPUTS) -> Column:
    """Values of inputs, about one in size, of both signs."""
    return np.random.default_rng(7).normal(size=count) / 2


def chain(nodes: int) -> Recipe:
    """x = x*p; x = x + q, over and over: every node needs the one before. The factors are one on average."""
    cells = nodes // 2
    factors = np.exp(np.repeat(starting(INPUTS // 4), 2) / 5 * np.tile([1, -1], INPUTS // 4))
    inputs = np.concatenate([factors, starting(INPUTS // 2)])
    step = np.arange(cells)
    here = INPUTS + 2 * step
    first = np.stack([np.where(step, here - 1, 0), here], axis=1)
    second = np.stack([step % (INPUTS // 2), INPUTS // 2 + step % (INPUTS // 2)], axis=1)
    return Recipe(inputs, [], np.tile([MUL, ADD], cells), first.ravel(), second.ravel())


def tree(nodes: int) -> Recipe:
    """A balanced tree over products of inputs and constants, all of them different: a + b, its sine, a - b, a * b."""
    depth = max(int(np.log2(nodes / 2.2)), 1)
    leaves = 2**depth
    constants = np.random.default_rng(8).normal(size=-(-leaves // INPUTS))
    product = np.arange(leaves)
    blocks = [(MUL, product % INPUTS, INPUTS + product // INPUTS)]
    end = INPUTS + len(constants)
    below = end + product
    for level in range(depth):
        end += len(blocks[-1][1])
        blocks.append(((ADD, SUB, MUL)[level % 3], below[::2], below[1::2]))
        below = end + np.arange(len(below) // 2)
        if level % 3 == 0:
            end += len(below)
            blocks.append((SIN, below, below))
            below = end + np.arange(len(below))
    return joined(starting(), constants, blocks)


def joined(inputs: Column, constants: Sequence[float], blocks: Sequence[tuple[int, Column, Column]]) -> Recipe:
    """A recipe of blocks of equal nodes."""
    kind = np.repeat([kind for kind, _, _ in blocks], [len(first) for _, first, _ in blocks])
    return Recipe(
        inputs, constants, kind,
        np.concatenate([first for _, first, _ in blocks]), np.concatenate([second for _, _, second in blocks]),
    )  # fmt: skip


def random_local(nodes: int) -> Recipe:
    """Cells sin(a*b + c*0.9 - x) whose a, b and c are results within the last nodes."""
    return cells(nodes, NEAR // 5)


def random_global(nodes: int) -> Recipe:
    """The same cells, whose a, b and c are any results so far."""
    return cells(nodes, nodes)


def cells(nodes: int, near: int) -> Recipe:
    """Cells of five nodes on results among the last `near`; all results that no cell uses are summed at the end."""
    count = max(nodes // 5, 2)
    random = np.random.default_rng(9)
    step = np.arange(count)
    chosen = step[:, None] - 1 - (random.random((count, 3)) * np.minimum(step, near)[:, None]).astype(np.int64)
    base = INPUTS + 1
    a, b, c = np.where(chosen < 0, step[:, None] % INPUTS, base + 5 * chosen + 4).T
    here = base + 5 * step
    first = np.stack([a, c, here, here + 2, here + 3], axis=1).ravel()
    second = np.stack([b, np.full(count, INPUTS), here + 1, step * 7 % INPUTS, here + 3], axis=1).ravel()
    unused = np.ones(count, dtype=bool)
    unused[chosen[chosen >= 0]] = False
    pending, end = here[unused] + 4, base + 5 * count
    blocks = []
    while len(pending) > 1:
        pairs = len(pending) // 2
        blocks.append((ADD, pending[: 2 * pairs : 2], pending[1 : 2 * pairs : 2]))
        pending = np.concatenate([end + np.arange(pairs), pending[2 * pairs :]])
        end += pairs
    found = joined(starting(), [0.9], blocks) if blocks else Recipe(starting(), [0.9], [], [], [])
    return Recipe(
        found.inputs, found.constants, np.concatenate([np.tile([MUL, MUL, ADD, SUB, SIN], count), found.kind]),
        np.concatenate([first, found.first]), np.concatenate([second, found.second]),
    )  # fmt: skip


def pendulum(nodes: int) -> Recipe:
    """A pendulum unrolled by the semi-implicit rule: v = v - sin(q)*g; q = q + v*h. Inputs: q, v, g; h is constant."""
    count = max(nodes // 5, 1)
    step = np.arange(count)
    here = 4 + 5 * step
    q, v = np.where(step, here - 1, 0), np.where(step, here - 3, 1)
    first = np.stack([q, here, v, here + 2, q], axis=1)
    second = np.stack([q, np.full(count, 2), here + 1, np.full(count, 3), here + 3], axis=1)
    return Recipe([1.0, 0.3, 0.02], [0.01], np.tile([SIN, MUL, SUB, MUL, ADD], count), first.ravel(), second.ravel())


WIDTHS = (8, 16, 8, 1)
"""Units of the layers of the perceptron: 289 weights."""


def perceptron(nodes: int) -> Recipe:
    """A multilayer perceptron and its loss over rows of constant data, in scalars; the inputs are its weights."""
    sample: list[tuple[int, int, int]] = []
    weights = sum(high * (low + 1) for low, high in pairwise(WIDTHS))
    below = [-1 - place for place in range(WIDTHS[0])]  # data: -1 - place; weight: its number; node: weights + number
    weight = 0
    for layer, units in enumerate(WIDTHS[1:]):
        above = []
        for _ in range(units):
            total = weight
            for place, value in enumerate(below):
                sample.append((MUL, value, weight + 1 + place))
                sample.append((ADD, total, weights + len(sample) - 1))
                total = weights + len(sample) - 1
            weight += 1 + len(below)
            if layer < len(WIDTHS) - 2:
                sample.append((TANH, total, total))
            above.append(weights + len(sample) - 1)
        below = above
    sample.append((SUB, below[0], -1 - WIDTHS[0]))
    sample.append((MUL, weights + len(sample) - 1, weights + len(sample) - 1))
    kind, first, second = np.array(sample).T
    rows = max(nodes // (len(sample) + 1), 1)
    constants = np.random.default_rng(5).normal(size=rows * (WIDTHS[0] + 1))
    end = weights + len(constants)
    row = np.arange(rows)[:, None]

    def placed(operand: Column) -> Column:
        data = weights + (WIDTHS[0] + 1) * row - 1 - operand
        node = end + len(sample) * row + operand - weights
        return np.where(operand < 0, data, np.where(operand < weights, operand, node)).ravel()

    losses = end + len(sample) * np.arange(1, rows + 1) - 1
    sums = end + len(sample) * rows + np.arange(rows - 1)
    return Recipe(
        starting(weights), constants, np.concatenate([np.tile(kind, rows), np.full(rows - 1, ADD)]),
        np.concatenate([placed(first), losses[:1], sums[:-1]])[: rows * len(sample) + rows - 1],
        np.concatenate([placed(second), losses[1:]]),
    )  # fmt: skip


SHAPES: dict[str, Callable[[int], Recipe]] = {
    "chain": chain, "balanced tree": tree, "random local": random_local, "random global": random_global,
    "pendulum": pendulum, "perceptron": perceptron,
}  # fmt: skip
