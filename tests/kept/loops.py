"""Loops over bodies as graphs, to be compared with the same loops written out."""

from __future__ import annotations

import numpy as np

from cgcli.engines import engine
from cgcli.graph.bodies import closed
from cgcli.graph.lint import lint
from cgcli.graph.store import Graph
from cgcli.ops import calling, shaping, trigonometric
from cgcli.passes.differentiate import differentiate
from cgcli.passes.folding import FoldingRef
from cgcli.passes.inlining import inlined


def body_of(step, *shapes):
    """The body of a function of references."""
    graph = Graph()
    operands = [FoldingRef(graph, graph.input(f"operand {place}", shape)) for place, shape in enumerate(shapes)]
    results = step(*operands)
    results = results if isinstance(results, tuple) else (results,)
    return closed("step", graph, [ref.node for ref in operands], [ref.node for ref in results])


class Loop:
    """A scan over a body: its graph, a scalar that follows from it, and values for its inputs."""

    def __init__(self, step, state, items, shared, steps, reverse=False):
        self.body = body_of(step, state, *items, *shared)
        self.graph = Graph()
        shapes = [state, *((steps, *item) for item in items), *shared]
        self.operands = [FoldingRef(self.graph, self.graph.input(f"x{k}", shape)) for k, shape in enumerate(shapes)]
        static = [self.body, steps, len(items), reverse]
        self.result = self.operands[0].build(calling.scan, self.operands, static)
        self.total = summed(trigonometric.sin(self.result))
        random = np.random.default_rng(5)
        self.values = {f"x{k}": random.uniform(0.2, 0.9, shape) for k, shape in enumerate(shapes)}
        lint(self.graph)

    @property
    def inputs(self):
        return [ref.node for ref in self.operands]


def summed(ref):
    """The sum of all elements."""
    return shaping.sum_of(ref, None) if ref.shape else ref


def values_and_derivatives(graph, total, inputs, values):
    """A scalar node, its gradient, and the gradient of something that follows from the gradient."""
    first = differentiate(graph, [total], inputs)
    slopes = [first.wrt(node) for node in inputs]
    mixed = None
    for slope in slopes:
        term = summed(trigonometric.cos(FoldingRef(graph, slope)))
        mixed = term if mixed is None else mixed + term
    second = differentiate(graph, [mixed.node], inputs)
    wanted = [total, *slopes, *(second.wrt(node) for node in inputs)]
    lint(graph)
    found = engine("numpy").evaluate(graph, values, wanted)
    return [np.asarray(found[node]) for node in wanted]


def written_out(graph, nodes):
    """The graph without kept calls, and where the nodes are in it."""
    moved, plain = inlined(graph, nodes)
    lint(plain)
    return plain, [moved[node] for node in nodes]
