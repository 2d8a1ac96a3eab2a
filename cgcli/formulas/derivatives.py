"""What is differentiated by what, by the names of the formula, and the nodes that hold the derivatives."""

from __future__ import annotations

from cgcli.errors import CalculationError, LeftOutWarning, ShapeError, UsageError, did_you_mean
from cgcli.formulas import given
from cgcli.formulas.bound import named_nodes
from cgcli.graph.walk import ancestors
from cgcli.language.program import OWN_NAME
from cgcli.numerals import shape_of
from cgcli.passes.derivative import derivative_of
from cgcli.passes.differentiate import Derivatives, differentiate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.graph.store import Graph
    from cgcli.language.program import Decision, Program


def targets(program: Program, of: str | None) -> dict[str, int]:
    """The outputs to differentiate, by name."""
    if of is None:
        return dict(program.outputs)
    known = {**named_nodes(program), **program.outputs}
    (of,) = given.name_list([of])
    if of not in known:
        raise UsageError(
            f"the formula has no `{of}`", hint=did_you_mean(str(of), known) or f"it has {', '.join(known)}"
        )
    return {of: known[of]}


def variables(program: Program, wrt: Sequence[str] | None, of: str | None = None) -> dict[str, int]:
    """The nodes to differentiate with respect to, by name; all inputs but those of `left_out` where none are named.

    UsageError for a name that the formula does not have, CalculationError for one of those that would be left out.
    """
    inputs = program.graph.inputs()
    outputs = list(targets(program, of).values())
    if wrt is None:
        decided = program.decided(list(inputs.values()), outputs)
        return {name: inputs[name] for name in program.inputs if inputs[name] not in decided}
    known = named_nodes(program)
    names = given.name_list(wrt)
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"it has {', '.join(known) or 'no inputs'}"
            raise UsageError(f"the formula has no `{name}` to differentiate with respect to", hint=hint)
    decided = program.decided([known[name] for name in names], outputs)
    for name in names:
        if known[name] in decided:
            why = decided[known[name]]
            raise CalculationError(
                f"there is no derivative with respect to `{name}`: {why.reason}",
                span=program.graph.spans.get(why.user), hint=OWN_NAME if why.whole else None,
            )  # fmt: skip
    return {name: known[name] for name in names}


def left_out(program: Program, of: str | None = None) -> dict[str, Decision]:
    """The inputs by which outputs are not differentiated although they depend on them, each with the reason.

    An input that is nothing but a length or an index is not among them: nobody expects a derivative there.
    """
    if not program.decisions:
        return {}
    inputs, outputs = program.graph.inputs(), list(targets(program, of).values())
    reaching = ancestors(program.graph, outputs)
    decided = program.decided(list(inputs.values()), outputs)
    return {
        name: decided[node] for name, node in inputs.items()
        if node in decided and name in program.inputs and (reaching[node] or not decided[node].whole)
    }  # fmt: skip


def tell_left_out(program: Program, wrt: Sequence[str] | None, of: str | None = None) -> None:
    """A LeftOutWarning for each input that the derivatives by all inputs leave out."""
    if wrt is None and program.decisions:
        from warnings import warn

        for name, why in left_out(program, of).items():
            message, place = f"`{name}` is left out of the derivatives: {why.reason}", program.graph.spans.get(why.user)
            warn(LeftOutWarning(message, span=place), stacklevel=3)


def gradients(
    bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Values of the outputs and their gradients, {output: value} and {output: {name: derivative}}, in one run."""
    chosen = targets(bound.program, of)
    nodes = gradient_nodes(bound.program, wrt, of)
    rates = [node for by_name in nodes.values() for node in by_name.values()]
    found = iter(bound.evaluate([*chosen.values(), *rates]))
    values = {name: next(found) for name in chosen}
    return values, {name: {variable: next(found) for variable in by_name} for name, by_name in nodes.items()}


def jacobians(
    bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """The derivatives of every element of the outputs: {output: {name: array of shape output.shape + input.shape}}."""
    found, chosen = variables(bound.program, wrt, of), targets(bound.program, of)
    nodes = [derivative_of(bound.graph, node, target) for node in chosen.values() for target in found.values()]
    values = iter(bound.evaluate(nodes))
    return {name: {variable: next(values) for variable in found} for name in chosen}


def hessians(
    bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None
) -> dict[str, dict[str, dict[str, Any]]]:  # fmt: skip
    """The second derivatives of scalar outputs: {output: {a: {b: array of shape a.shape + b.shape}}}."""
    found, chosen = variables(bound.program, wrt, of), targets(bound.program, of)
    nodes: list[int] = []
    for name, node in chosen.items():
        need_scalar(bound.graph, name, node)
        with bound.graph.lock:
            first = differentiated(bound.program, node, tuple(found.values()))
            slopes = [first.wrt(target) for target in found.values()]
            nodes.extend(derivative_of(bound.graph, slope, target) for slope in slopes for target in found.values())
    values = iter(bound.evaluate(nodes))
    return {name: {a: {b: next(values) for b in found} for a in found} for name in chosen}


def gradient_nodes(
    program: Program, wrt: Sequence[str] | None = None, of: str | None = None
) -> dict[str, dict[str, int]]:  # fmt: skip
    """The nodes that hold the derivatives of the outputs: {output: {name: node}}."""
    names = None if wrt is None else tuple(given.name_list(wrt))
    key = ("gradient nodes", names, of)
    nodes: dict[str, dict[str, int]] | None = program.derived.get(key)
    if nodes is None:
        nodes = program.derived[key] = _new_gradient_nodes(program, names, of)
    return nodes


def _new_gradient_nodes(program: Program, wrt: Sequence[str] | None, of: str | None) -> dict[str, dict[str, int]]:
    found = variables(program, wrt, of)
    nodes: dict[str, dict[str, int]] = {}
    for name, node in targets(program, of).items():
        need_scalar(program.graph, name, node)
        with program.graph.lock:
            derivatives = differentiated(program, node, tuple(found.values()))
            nodes[name] = {variable: derivatives.wrt(target) for variable, target in found.items()}
    return nodes


def differentiated(program: Program, output: int, wrt: tuple[int, ...]) -> Derivatives:
    """The derivatives of a node of a program, worked out once."""
    key = ("derivatives", output, wrt)
    found: Derivatives | None = program.derived.get(key)
    if found is None:
        found = program.derived[key] = differentiate(program.graph, [output], wrt)
    return found


def directions(bound: Bound, moved: Mapping[str, Any], of: str | None = None) -> tuple[list[int], list[int]]:
    """The nodes to move and the nodes that hold the directions, which become values of the call."""
    if not hasattr(moved, "keys") or not moved:
        raise UsageError("no directions given", hint='for example directions={"x": 1}')
    found = variables(bound.program, list(moved), of)
    arrows: list[int] = []
    for name, target in found.items():
        value = given.normalised(name, moved[name])
        expected = bound.graph.shape_of(target)
        if shape_of(value) != expected:
            raise ShapeError(f"the direction of `{name}` has shape {list(shape_of(value))}, not {list(expected)}")
        label = f"direction of {name}"
        with bound.graph.lock:
            arrows.append(bound.graph.input(label, expected, hidden=True))
        bound.values[label] = value
    return list(found.values()), arrows


def need_scalar(graph: Graph, name: str, node: int) -> None:
    """ShapeError for an output that is no number."""
    if graph.shape_of(node):
        raise ShapeError(
            f"`{name}` has shape {list(graph.shape_of(node))}; a gradient needs a number",
            hint="use the Jacobian (`--jacobian`, `f.jacobian`), or `sum(…)` it first",
        )
