"""What is differentiated by what, by the names of the formula, and the nodes that hold the derivatives."""

from __future__ import annotations

from cgcli.errors import CalculationError, LeftOutWarning, ShapeError, UsageError, did_you_mean
from cgcli.formulas import given
from cgcli.formulas.bound import named_nodes
from cgcli.graph.walk import ancestors
from cgcli.language.program import OWN_NAME
from cgcli.numerals import shape_of
from cgcli.passes.derivative import check_growth, derivatives_of, directional, products_with_hessian
from cgcli.passes.differentiate import differentiate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.graph.store import Graph
    from cgcli.language.program import Decision, Program

MANY_NODES = 3_000
"""Nodes from which on it is looked for scalars that are done alike, beside arrays."""

MOST_ENTRIES = 4_000_000
"""Entries of a Hessian, pairs of names, that are given out by name; some 100 bytes each."""


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
    outputs = list(targets(program, of).values())
    return program.graph.once("left out", outputs, lambda: _left_out(program, outputs))


def _left_out(program: Program, outputs: Sequence[int]) -> dict[str, Decision]:
    inputs = program.graph.inputs()
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


class Derived:
    """A program that begins as another one and holds derivatives, too, and the nodes that were asked for."""

    __slots__ = ("nodes", "program")

    def __init__(self, program: Program, nodes: Any) -> None:
        self.program = program
        self.nodes = nodes

    def __len__(self) -> int:
        return len(self.program.graph)


def derived(bound: Bound, question: Hashable, make: Callable[[Program], Any]) -> Derived:
    """What `make` adds to a copy of a program, from the last time or made now.

    A copy always begins with the same nodes, so the answer to a question is the same to the last bit whatever was
    asked before, and nobody who evaluates sees a graph grow.
    """
    kept = bound.program.derived
    found: Derived | None = kept.get(question)
    if found is None:
        with bound.graph.lock:
            found = kept.get(question)
            if found is None:
                program = bound.program.begun()
                found = Derived(program, make(program))
                program.graph.intern.drop()  # it is finished
                kept.put(question, found)
    return found


def gradient_nodes(
    bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None
) -> tuple[Bound, dict[str, dict[str, int]]]:  # fmt: skip
    """The nodes that hold the derivatives of the outputs, {output: {name: node}}, and the values over their graph."""
    names = name_tuple(wrt)
    found = derived(bound, ("gradient", names, of), lambda program: _gradients(program, names, of))
    return bound.over(found.program), found.nodes


def _gradients(program: Program, wrt: Sequence[str] | None, of: str | None) -> dict[str, dict[str, int]]:
    chosen, nodes = variables(program, wrt, of), {}
    for name, node in targets(program, of).items():
        need_scalar(program.graph, name, node)
        nodes[name] = dict(zip(chosen, slopes_of(program, node, list(chosen.values())), strict=True))
    return nodes


def slopes_of(program: Program, node: int, wrt: Sequence[int]) -> list[int]:
    """The nodes of the derivatives of a number; through the columns of a table where it has reductions of those."""
    if program.columns is not None:
        from cgcli.passes.columns import column_slopes

        return column_slopes(program.columns, node, wrt)
    pass_back = differentiate(program.graph, [node], wrt)
    return [pass_back.wrt(target) for target in wrt]


def gradients(
    bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Values of the outputs and their gradients, {output: value} and {output: {name: derivative}}, in one run."""
    chosen = targets(bound.program, of)
    if _has_many_scalars(bound, chosen):
        found_by_arrays = _gradients_by_arrays(bound, wrt, of)
        if found_by_arrays is not None:
            return found_by_arrays
    over, nodes = gradient_nodes(bound, wrt, of)
    rates = [node for by_name in nodes.values() for node in by_name.values()]
    found = iter(over.evaluate([*chosen.values(), *rates]))
    values = {name: next(found) for name in chosen}
    return values, {name: {variable: next(found) for variable in by_name} for name, by_name in nodes.items()}


def _has_many_scalars(bound: Bound, chosen: Mapping[str, int]) -> bool:
    """Whether NumPy would compute many nodes one by one."""
    if len(bound.graph) < MANY_NODES or bound.program.columns is not None:
        return False
    return bound.engine(list(chosen.values())).name == "numpy"


def _gradients_by_arrays(
    bound: Bound, wrt: Sequence[str] | None, of: str | None
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    """What `gradients` gives, where scalars are done as arrays; None where they are not."""
    from cgcli.formulas.as_arrays import evaluated, gradient_by_arrays

    names = name_tuple(wrt)
    kept, question = bound.program.derived, ("gradient by arrays", names, of)
    found: Derived | None = kept.get(question)
    if found is None:  # nothing is added to the program, so no copy of it is needed
        made = gradient_by_arrays(bound.program, targets(bound.program, of), variables(bound.program, names, of))
        found = Derived(made[0], made if made[1] else None)
        kept.put(question, found)
    return None if found.nodes is None else evaluated(bound, found.nodes)


def jacobians(
    bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """The derivatives of every element of the outputs: {output: {name: array of shape output.shape + input.shape}}."""
    names = name_tuple(wrt)

    def make(program: Program) -> dict[str, dict[str, int]]:
        by_name = variables(program, names, of)
        return {
            output: dict(zip(by_name, derivatives_of(program.graph, node, list(by_name.values())), strict=True))
            for output, node in targets(program, of).items()
        }

    found = derived(bound, ("jacobian", names, of), make)
    values = iter(bound.over(found.program).evaluate([node for row in found.nodes.values() for node in row.values()]))
    return {output: {variable: next(values) for variable in row} for output, row in found.nodes.items()}


def hessians(
    bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None
) -> dict[str, dict[str, dict[str, Any]]]:  # fmt: skip
    """The second derivatives of scalar outputs: {output: {a: {b: array of shape a.shape + b.shape}}}."""
    names = name_tuple(wrt)

    def make(program: Program) -> dict[str, dict[str, list[int]]]:
        wanted = list(variables(program, names, of).values())
        first = _gradients(program, names, of)
        slopes = {slope for by_name in first.values() for slope in by_name.values()}
        check_entries(len(wanted))
        rows, begin = {}, len(program.graph)
        for slope in sorted(slopes):
            rows[slope] = derivatives_of(program.graph, slope, wanted)
            check_growth(program.graph, begin)
        return {output: {name: rows[slope] for name, slope in by_name.items()} for output, by_name in first.items()}

    found = derived(bound, ("hessian", names, of), make)
    nodes = [node for rows in found.nodes.values() for row in rows.values() for node in row]
    values = iter(bound.over(found.program).evaluate(nodes))
    return {output: {a: {b: next(values) for b in rows} for a in rows} for output, rows in found.nodes.items()}


def check_entries(count: int) -> None:
    """CalculationError for a Hessian by so many inputs that nobody could look at its entries."""
    if count * count > MOST_ENTRIES:
        raise CalculationError(
            f"the Hessian by {count:,} inputs has {count * count:,} entries, more than {MOST_ENTRIES:,}",
            hint="choose some of them (wrt), make them one vector (`input x[3000]`), or take `f.hvp`",
        )


def products(bound: Bound, moved: Any, of: str | None) -> dict[str, Any]:
    """Jacobian-vector products by output: how it changes when the inputs move along the given directions."""
    names, arrows = directions(bound, moved, of)

    def make(program: Program) -> dict[str, int]:
        by_name, graph = variables(program, names, of), program.graph
        along = hidden_inputs(graph, by_name)
        return {
            output: directional(graph, node, list(by_name.values()), along)
            for output, node in targets(program, of).items()
        }

    found = derived(bound, ("jvp", names, of), make)
    return dict(zip(found.nodes, bound.over(found.program, arrows).evaluate(list(found.nodes.values())), strict=True))


def second_products(bound: Bound, moved: Any, of: str | None) -> dict[str, dict[str, Any]]:
    """Hessian-vector products by output: how its gradient changes when the inputs move along the given directions."""
    names, arrows = directions(bound, moved, of)

    def make(program: Program) -> dict[str, list[int]]:
        by_name, graph = variables(program, names, of), program.graph
        along = hidden_inputs(graph, by_name)
        return {
            output: products_with_hessian(graph, list(slopes.values()), list(by_name.values()), along)
            for output, slopes in _gradients(program, names, of).items()
        }

    found = derived(bound, ("hvp", names, of), make)
    values = iter(bound.over(found.program, arrows).evaluate([node for row in found.nodes.values() for node in row]))
    return {output: {variable: next(values) for variable in names} for output in found.nodes}


def directions(bound: Bound, moved: Any, of: str | None) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The names that move, and the values of the hidden inputs that say where to. ShapeError where one does not fit."""
    if not hasattr(moved, "keys") or not len(moved):
        raise UsageError("no directions given", hint='for example directions={"x": 1}')
    by_name = given.given_values(moved, {})
    arrows: dict[str, Any] = {}
    for name, target in variables(bound.program, list(by_name), of).items():
        value = given.normalised(name, by_name[name])
        expected = bound.graph.shape_of(target)
        if shape_of(value) != expected:
            raise ShapeError(f"the direction of `{name}` has shape {list(shape_of(value))}, not {list(expected)}")
        arrows[direction_of(name)] = value
    return tuple(by_name), arrows


def hidden_inputs(graph: Graph, moved: Mapping[str, int]) -> list[int]:
    """The inputs that hold the directions of named nodes."""
    return [graph.input(direction_of(name), graph.shape_of(node), hidden=True) for name, node in moved.items()]


def direction_of(name: str) -> str:
    """What the input for the direction of a name is called."""
    return f"direction of {name}"


def name_tuple(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names as a key; None, for all inputs, stays None."""
    return None if names is None else tuple(given.name_list(names))


def need_scalar(graph: Graph, name: str, node: int, *, who: str = "a gradient", hint: str | None = None) -> None:
    """ShapeError for an output that is no number. who: what needs one. hint: what to do instead."""
    if graph.shape_of(node):
        raise ShapeError(
            f"`{name}` has shape {list(graph.shape_of(node))}; {who} needs a number",
            hint=hint or "use the Jacobian (`--jacobian`, `f.jacobian`), or `sum(…)` it first",
        )
