"""The complex step: a derivative from one evaluation at a point moved along the imaginary axis.

Im f(x + ih) / h has no cancellation, so h may be tiny and the derivative is exact to rounding; but every operation
on the way must be holomorphic, as NumPy computes it. That is not a matter of belief here: each operation is tried at
its operands against the Cauchy-Riemann equations. See W. Squire and G. Trapp, SIAM Review 40 (1998) 110-112.
"""

from __future__ import annotations

import numpy as np

from cgcli.engines.numpy import NumpyEngine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.engines.plan import Kernel, Shape
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

STEP = 1e-30
TRIAL_STEP = 1e-6
"""Relative step of the trial, and what the two directions may differ by (they differ by 100 % or not at all)."""
TRIAL_TOLERANCE = 1e-2
NEAR_ZERO = 1e-20


class NotHolomorphicError(Exception):
    """An operation on the way does not allow the complex step at this point."""


class ComplexStepEngine(NumpyEngine):
    """Evaluates in complex128; stops with NotHolomorphicError where the complex step would lie."""

    name = "complex step"
    least_compiled = None

    def number(self, value: float, exact: str | None) -> Any:
        """The double as a complex number."""
        return np.complex128(value)

    def array(self, values: Any) -> Any:
        """The array in complex128."""
        return values.astype(np.complex128)

    def given(self, value: Any) -> Any:
        """A complex number or array."""
        return np.asarray(value, dtype=np.complex128)[()]

    def own_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """NumPy's function on complex values, tried; what is piecewise constant sees the real parts only."""
        function = super().own_kernel(row, shapes, attributes)
        if function is None:
            return None
        if "piecewise_constant" in row.traits:
            return lambda *operands: np.asarray(function(*map(np.real, operands)), dtype=np.complex128)[()]
        return _tried(function)


ENGINE = ComplexStepEngine()


def derivative(graph: Graph, output: int, inputs: Mapping[str, Any], name: str, direction: Any) -> float:
    """Derivative of a scalar node along a direction of one input. NotHolomorphicError where the method fails."""
    moved = {**inputs, name: np.asarray(inputs[name], dtype=np.complex128) + 1j * STEP * np.asarray(direction)}
    with np.errstate(all="ignore"):
        value = ENGINE.run(graph, moved, [output])[output]
    return float(np.imag(value)) / STEP


def _tried(function: Kernel) -> Kernel:
    """The function with the trial of the Cauchy-Riemann equations at the operands it meets."""

    def run(*operands: Any) -> Any:
        try:
            value = function(*operands)
            step = [TRIAL_STEP * np.where(np.abs(x) < NEAR_ZERO, 1.0, np.abs(x)) for x in operands]
            along = function(*(np.add(x, h) for x, h in zip(operands, step, strict=True))) - value
            across = function(*(np.add(x, 1j * h) for x, h in zip(operands, step, strict=True))) - value
        except (TypeError, ValueError, np.linalg.LinAlgError):
            raise NotHolomorphicError from None
        gap = np.abs(across - 1j * along)
        if not np.all(gap <= TRIAL_TOLERANCE * np.abs(along) + 1e-9 * np.abs(value)):
            raise NotHolomorphicError
        return value

    return run
