"""The next order of Taylor's series: expectation, standard uncertainty and skewness of an output.

With g, H, T the first, second and third derivatives at the estimates, Σ the covariance matrix of the inputs, and
t_j = Σ_kl T_jkl Σ_kl:

    expectation   y + ½ tr(HΣ)
    variance      gᵀΣg + ½ tr(HΣHΣ) + gᵀΣt
    third moment  3 gᵀΣHΣg (leading term)

for jointly normal inputs; for independent ones the variance is the formula of the note to GUM 5.1.2. An independent
input with another distribution, of skewness γ and kurtosis κ (3 for a normal one), adds

    g γ h u³ + (κ − 3) (¼ h² + ⅓ g T) u⁴   to the variance (h, T: derivatives by it alone), γ g³ u³ to the third moment,

from E δ³ = γu³ and E δ⁴ = κu⁴ in the expansion of (f − E f)². C. M. Wang and H. K. Iyer, Metrologia 42 (2005) 406;
S. Mekid and D. Vaja, Measurement 41 (2008) 600.

The derivatives are exact, and no tensor is ever made: a column a of a factor of Σ is a direction, and the graph holds
H·a and the gradient of aᵀHa for directions that are inputs. All columns are computed at once, as rows.
"""

from __future__ import annotations

from math import nan, sqrt
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose_for_rows
from cgcli.errors import CalculationError
from cgcli.formulas.derivatives import derived, direction_of, hidden_inputs, variables
from cgcli.graph.ref import Ref
from cgcli.passes.derivative import check_growth, products_with_hessian
from cgcli.passes.differentiate import differentiate
from cgcli.uncertainty.propagating import degrees_of_freedom, flat_rows, variances

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.language.program import Program
    from cgcli.uncertainty.propagating import Propagation

MOST_ELEMENTS = 1_000
"""Elements of the outputs: each one needs derivatives of its own."""


class Moments:
    """value, error, dof: of one output to second order. error is nan where the series gives a negative variance.

    skewness: third central moment by error³, its leading term. dof: each pair's part of the variance counts half for
    either of the two, in the formula of `degrees_of_freedom` (B. D. Hall, as his package GTC has it).
    """

    __slots__ = ("dof", "error", "skewness", "value")

    def __init__(self, value: float, error: float, dof: float, skewness: float) -> None:
        self.value = value
        self.error = error
        self.dof = dof
        self.skewness = skewness

    def __repr__(self) -> str:
        return f"<second order: {self.value:.6g} ± {self.error:.3g}>"


def second_order(found: Propagation) -> list[Moments]:
    """The moments of every element of the outputs. CalculationError where there are too many of them."""
    if len(found.value) > MOST_ELEMENTS:
        raise CalculationError(
            f"the second order of {len(found.value):,} results is more than the {MOST_ELEMENTS:,} that are allowed",
            hint="make fewer numbers of them, for example by an index",
        )
    factor = found.inputs.factor()
    factor = factor[:, factor.any(axis=0)]
    moments = []
    for element, (products, thirds) in enumerate(_directional(found, factor)):
        slope = found.jacobian[element]
        moments.append(_moments(found, float(found.value[element]), slope, factor, products, thirds))
    return moments


def _moments(found: Propagation, value: float, slope: Any, factor: Any, products: Any, thirds: Any) -> Moments:
    """The moments of one element. products, thirds: H·a and the gradient of aᵀHa, in rows, for each column a."""
    inputs = found.inputs
    curved = products.T @ factor.T  # H·Σ
    along = inputs.covariance @ slope
    mean = value + np.trace(curved) / 2
    parts = variances(slope, inputs.covariance) + np.einsum("ij,ji->i", curved, curved) / 2
    parts = parts + along * thirds.sum(axis=0)
    third = 3 * float(along @ (products.T @ (factor.T @ slope)))
    for place in [block[0] for block in inputs.blocks if len(block) == 1]:
        shape, error = inputs.stated(place), inputs.error[place]
        if shape is None or not error:
            continue
        column = int(np.flatnonzero(factor[place])[0])
        first, second = slope[place] * error, products[column, place] * error
        jerk = thirds[column, place] * error
        excess = shape.kurtosis - 3
        parts[place] += first * second * shape.skewness + excess * (second**2 / 4 + first * jerk / 3)
        third += shape.skewness * first**3
    variance = float(np.sum(parts))
    tiny = 1e-12 * float(np.sum(np.abs(parts)))
    if variance < -tiny or np.isnan(variance):
        return Moments(float(mean), nan, nan, nan)
    error = sqrt(max(variance, 0.0))
    return Moments(float(mean), error, degrees_of_freedom(parts, inputs), float(third) / error**3 if error else 0.0)


def _directional(found: Propagation, factor: Any) -> list[tuple[Any, Any]]:
    """H·a and the gradient of aᵀHa for all columns a of the factor, in rows, for every element of the outputs."""
    inputs, bound, names = found.inputs, found.bound, tuple(found.inputs.names)
    columns = factor.shape[1]
    if not columns:
        return [(np.zeros((0, len(inputs.labels))),) * 2] * len(found.value)
    added = derived(
        bound, ("second order", names, *found.nodes), lambda program: _second_derivatives(program, names, found.nodes)
    )
    arrows = {direction_of(name): moved for name, moved in inputs.unflatten(factor.T).items()}
    over = bound.over(added.program, arrows)
    wanted = list(dict.fromkeys(node for pair in added.nodes for nodes in pair for node in nodes))
    engine = choose_for_rows(over.graph, wanted, "auto", over.values, columns)
    values = engine.evaluate_rows(over.graph, over.values, wanted)
    return [(flat_rows(values, products, columns), flat_rows(values, thirds, columns))
            for products, thirds in added.nodes]  # fmt: skip


def _second_derivatives(
    program: Program, names: tuple[str, ...], outputs: Mapping[str, int]
) -> list[tuple[list[int], list[int]]]:
    """For every element of the outputs the nodes of H·a and of the gradient of aᵀHa, by input; a: hidden inputs."""
    graph, by_name = program.graph, variables(program, names)
    arrows, targets = hidden_inputs(graph, by_name), list(by_name.values())
    elements = [node for output in outputs.values() for node in _elements(program, output)]
    begin, made = len(graph), []
    for node in elements:
        slopes = differentiate(graph, [node], targets)
        products = products_with_hessian(graph, [slopes.wrt(target) for target in targets], targets, arrows)
        thirds = products_with_hessian(graph, products, targets, arrows)
        check_growth(graph, begin)
        made.append((products, thirds))
    return made


def _elements(program: Program, node: int) -> list[int]:
    """The nodes of the elements of an output."""
    pending, found = [Ref(program.graph, node)], []
    while pending:
        each = pending.pop()
        if each.shape:
            pending += reversed(list(each))
        else:
            found.append(each.node)
    return found
