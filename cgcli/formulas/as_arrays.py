"""Gradients of formulas with many scalars beside arrays: what is done to each of them is done to arrays.

A matrix that is written element by element (`[[exp(q[i]) if i == j else low[i, j] for j in …] for i in …]`) is
thousands of scalars, which NumPy computes one at a time. As arrays (`passes.rolling`) they are some dozens of nodes.
"""

from __future__ import annotations

from cgcli.graph.store import Graph
from cgcli.language.program import Program
from cgcli.numerals import finite
from cgcli.passes.differentiate import differentiate
from cgcli.passes.rolling import rolled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.formulas.bound import Bound

    Made = tuple[Program, dict[str, int], dict[str, dict[str, int]]]


def gradient_by_arrays(program: Program, outputs: Mapping[str, int], variables: Mapping[str, int]) -> Made:
    """A program of arrays, the nodes of the outputs there, and those of their derivatives by name.

    Without outputs where there is nothing to gain, where a variable is no input, or where an output is no number.
    """
    graph = program.graph
    if not all(map(graph.is_input, variables.values())) or any(map(graph.shape_of, outputs.values())):
        return Program(Graph()), {}, {}
    found = rolled(graph, [*outputs.values(), *variables.values()])
    if found is None:
        return Program(Graph()), {}, {}
    twin, moved = Program(found[0]), found[1]
    twin.inputs = list(program.inputs)
    by_name: dict[str, dict[str, int]] = {}
    for name, node in outputs.items():
        back = differentiate(twin.graph, [moved[node]], [moved[each] for each in variables.values()])
        by_name[name] = {variable: back.wrt(moved[each]) for variable, each in variables.items()}
    twin.graph.intern.drop()  # it is finished
    return twin, {name: moved[node] for name, node in outputs.items()}, by_name


def evaluated(bound: Bound, made: Made) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    """Values of the outputs and their gradients. None where a number is not finite: the text's own graph knows why.

    Numbers are added up in another order than the text has.
    """
    from cgcli.engines.results import separated

    program, outputs, slopes = made
    over = bound.over(program)
    wanted = [*outputs.values(), *(node for by_name in slopes.values() for node in by_name.values())]
    values = over.engine(wanted).evaluate(over.graph, over.values, wanted)
    results = separated([values[node] for node in wanted], over.values.values())
    if not all(map(finite, results)):
        return None
    rest = iter(results)
    return (
        {name: next(rest) for name in outputs},
        {output: {name: next(rest) for name in by_name} for output, by_name in slopes.items()},
    )
