"""Gradients of formulas with many scalars beside arrays: what is done to each of them is done to arrays.

A matrix that is written element by element (`[[exp(q[i]) if i == j else low[i, j] for j in …] for i in …]`) is
thousands of scalars, which NumPy computes one at a time. As arrays (`passes.rolling`) they are some dozens of nodes.
"""

from __future__ import annotations

from cgcli.formulas.derivatives import derived, name_tuple, targets, variables
from cgcli.language.program import Program
from cgcli.numerals import finite
from cgcli.passes.differentiate import differentiate
from cgcli.passes.rolling import rolled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound

    Made = tuple[Program, dict[str, int], dict[str, dict[str, int]]]


def gradients_by_arrays(
    bound: Bound, wrt: Sequence[str] | None, of: str | None
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    """What `derivatives.gradients` gives; None where that helps nothing, or where it has something to tell.

    Numbers are added up in another order. Where one is not finite, the graph of the text is asked, which knows where.
    """
    names = name_tuple(wrt)
    found: Made | None = derived(
        bound, ("gradient by arrays", names, of), lambda program: _made(program, names, of)
    ).nodes  # fmt: skip
    if found is None:
        return None
    from cgcli.engines.results import separated

    program, outputs, slopes = found
    over = bound.over(program)
    wanted = [*outputs.values(), *(node for by_name in slopes.values() for node in by_name.values())]
    engine = over.engine(wanted)
    if engine.name != "numpy":
        return None
    values = engine.evaluate(over.graph, over.values, wanted)
    results = separated([values[node] for node in wanted], over.values.values())
    if not all(map(finite, results)):
        return None
    rest = iter(results)
    return (
        {name: next(rest) for name in outputs},
        {output: {name: next(rest) for name in by_name} for output, by_name in slopes.items()},
    )


def _made(program: Program, wrt: Sequence[str] | None, of: str | None) -> Made | None:
    """The program of arrays, the nodes of the outputs there, and those of their derivatives by name."""
    chosen, outputs = variables(program, wrt, of), targets(program, of)
    graph = program.graph
    if not all(map(graph.is_input, chosen.values())) or any(map(graph.shape_of, outputs.values())):
        return None
    found = rolled(graph, [*outputs.values(), *chosen.values()])
    if found is None:
        return None
    twin, moved = Program(found[0]), found[1]
    twin.inputs = list(program.inputs)
    by_name: dict[str, dict[str, int]] = {}
    for name, node in outputs.items():
        back = differentiate(twin.graph, [moved[node]], [moved[each] for each in chosen.values()])
        by_name[name] = {variable: back.wrt(moved[each]) for variable, each in chosen.items()}
    return twin, {name: moved[node] for name, node in outputs.items()}, by_name
