"""The law of propagation of uncertainty: JCGM 100:2008 (GUM) §5, for several outputs JCGM 102:2011 §6."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose_for_rows
from cgcli.errors import CalculationError, UsageError, did_you_mean
from cgcli.formulas import derivatives
from cgcli.formulas.bound import named_nodes
from cgcli.graph.shapes import size
from cgcli.graph.walk import descendants
from cgcli.passes.derivative import directional

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound
    from cgcli.language.program import Program
    from cgcli.uncertainty.quantities import Inputs, Quantity


BY_ROWS = 16
"""Elements of the outputs up to which each has a reverse pass of its own."""

MOST_NUMBERS = 1_000_000
"""Numbers of the Jacobian that are computed at once."""


class Propagation:
    """The outputs of a formula as one vector, with the Jacobian by all elements that have errors.

    bound: the formula at the values. inputs: what has errors. show: inner names that take the place of the outputs.
    nodes, outputs: by name the node and the shape. value: of all elements.
    jacobian: elements of the outputs × elements of the inputs. covariance: J·Σ·Jᵀ.
    """

    def __init__(self, bound: Bound, inputs: Inputs, show: Sequence[str] = ()) -> None:
        self.bound = bound
        self.inputs = inputs
        self.show = show
        self.nodes = outputs = bound.chosen(show)
        self.outputs = {name: bound.graph.shape_of(node) for name, node in outputs.items()}
        values = bound.evaluate(list(outputs.values()))
        self.value = flat(values)
        self.jacobian = np.zeros((len(self.value), len(inputs.labels)))
        if inputs.names:
            self.jacobian = self._by_columns() if len(self.value) > BY_ROWS else self._by_rows()
        self.covariance = self.jacobian @ inputs.covariance @ self.jacobian.T
        self.error = np.sqrt(np.maximum(np.diagonal(self.covariance), 0))
        self.error[np.isnan(self.value)] = np.nan  # a derivative may be there all the same, as that of log below 0

    def _by_rows(self) -> Any:
        """The Jacobian by reverse passes, one for each element of the outputs."""
        found, begin = np.zeros((len(self.value), len(self.inputs.labels))), 0
        for name, by_input in self._jacobians().items():
            count = size(self.outputs[name])
            for other, group in self.inputs.groups.items():
                found[begin : begin + count, group] = np.reshape(by_input[other], (count, -1))
            begin += count
        return found

    def _by_columns(self) -> Any:
        """The Jacobian by products with unit vectors, which are all computed in rows of one graph."""
        inputs, names = self.inputs, tuple(self.inputs.names)

        def make(program: Program) -> list[int]:
            by_name = derivatives.variables(program, names)
            arrows = derivatives.hidden_inputs(program.graph, by_name)
            return [directional(program.graph, node, list(by_name.values()), arrows) for node in self.nodes.values()]

        added = derivatives.derived(self.bound, ("columns of the Jacobian", names, *self.nodes), make)
        columns = np.eye(len(inputs.labels))
        parts = []
        for begin in range(0, len(columns), step := max(1, MOST_NUMBERS // len(self.value))):
            rows = columns[begin : begin + step]
            arrows = {derivatives.direction_of(name): moved for name, moved in inputs.unflatten(rows).items()}
            over = self.bound.over(added.program, arrows)
            engine = choose_for_rows(over.graph, added.nodes, "auto", over.values, len(rows))
            values = engine.evaluate_rows(over.graph, over.values, added.nodes)
            parts.append(flat_rows(values, added.nodes, len(rows)))
        return np.concatenate(parts).T

    def _jacobians(self) -> dict[str, dict[str, Any]]:
        """The derivatives of each output by each input with an error."""
        if not self.show:
            return derivatives.jacobians(self.bound, self.inputs.names)
        return {name: derivatives.jacobians(self.bound, self.inputs.names, name)[name] for name in self.nodes}

    def rows(self) -> dict[str, slice]:
        """The range of elements of each output."""
        found, begin = {}, 0
        for name, shape in self.outputs.items():
            found[name] = slice(begin, begin + size(shape))
            begin = found[name].stop
        return found


def flat(values: list[Any]) -> Any:
    """Numbers and arrays one behind the other."""
    return np.concatenate([np.ravel(np.asarray(value, dtype=float)) for value in values])


def flat_rows(found: Mapping[int, Any], nodes: Sequence[int], rows: int) -> Any:
    """The values of nodes in rows, as rows of elements; what is the same in all rows is repeated."""
    parts = [np.reshape(found[node], (len(found[node]), -1)) for node in nodes]
    return np.concatenate([np.broadcast_to(part, (rows, part.shape[1])) for part in parts], axis=1)


def variances(slope: Any, covariance: Any) -> Any:
    """What each element of the inputs adds to the variance of an output: c_i·Σ_j u(x_i, x_j)·c_j."""
    return slope * (covariance @ slope)


def degrees_of_freedom(parts: Any, inputs: Inputs) -> float:
    """Effective degrees of freedom of a variance that is a sum of parts, one for each element of the inputs.

    The formula of Welch and Satterthwaite (GUM G.4.1), ν = u⁴/Σ u_k⁴/ν_k, summed over groups of elements that go
    together, as R. Willink, Metrologia 44 (2007) 340, has it: estimates from one sample count as one component with
    that sample's ν. Where a group has several ν its estimates are taken to err together, √(u_k⁴/ν_k) = Σ |part|/√ν,
    which is never less than if they did not.
    """
    total, against = float(np.sum(parts)), 0.0
    for block in inputs.blocks:
        own, dof = parts[block], inputs.dof[block]
        if np.isinf(dof).all():
            continue
        one = np.ptp(dof) == 0
        against += float(np.sum(own)) ** 2 / dof[0] if one else float(np.sum(np.abs(own) / np.sqrt(dof))) ** 2
    return total**2 / against if against > 0 else inf


def bind(
    formula: FormulaBase, values: Mapping[str, Any], quantities: Mapping[str, Quantity], *, show: Sequence[str] = (),
    engine: str = "auto",
) -> Bound:  # fmt: skip
    """The formula at its values, those with errors among them. UsageError for a length or an index with an error."""
    everything = {**values, **{name: plain(each) for name, each in quantities.items()}}
    bound = formula.bind(everything, wrt=list(quantities), show=show, engine=engine)
    for name, quantity in quantities.items():
        if quantity.is_exact:
            continue
        node = bound.graph.inputs().get(name, named_nodes(bound.program).get(name))
        if node is None:
            raise UsageError(f"the formula has no input `{name}`", hint=did_you_mean(name, formula.inputs))
        why = bound.program.decided([node], list(bound.chosen(show).values())).get(node)
        if name in bound.program.specialised or why is not None:
            raise CalculationError(
                f"`{name}` cannot have an error: {why.reason if why else 'it sets the shape of the graph'}",
                hint=f"give it without one: {name}={quantity.value:g}" if not quantity.value.ndim else None,
            )
    refuse_defaults(bound, [name for name, each in quantities.items() if not each.is_exact], everything)
    return bound


def refuse_defaults(bound: Bound, names: Sequence[str], given: Collection[str]) -> None:
    """UsageError for a default that follows from an input with an error: derivatives take the two as independent."""
    inputs = bound.graph.inputs()
    reached = descendants(bound.graph, [inputs[name] for name in names if name in inputs])
    for name, node in bound.program.defaults.items():
        if name not in given and reached[node]:
            raise UsageError(
                f"`{name}` follows from an input with an error, and has none of its own as a default",
                hint=f"give {name} a value, or write it as a definition, without `input` or `param`",
            )


def plain(quantity: Quantity) -> Any:
    """The value of a quantity as the formula takes it."""
    return quantity.value if quantity.value.ndim else float(quantity.value)
