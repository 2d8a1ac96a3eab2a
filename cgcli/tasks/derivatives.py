"""The gradient of a task graph by some of its values."""

from __future__ import annotations

from cgcli.errors import CalculationError
from cgcli.formulas import derivatives
from cgcli.formulas.base import FormulaBase
from cgcli.formulas.programs import of_program
from cgcli.language.program import Program
from cgcli.numerals import shape_of
from cgcli.tasks.steps import is_numeric
from cgcli.tasks.tracing import check_same, traced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.tasks.steps import Steps


def gradient(
    steps: Steps, replaced: Mapping[int, Any], variables: Mapping[str, int]
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """The result, and its derivatives by slots, {name: number or array}. CalculationError where there are none."""
    values = steps.values(replaced, keep=True)
    for name, slot in variables.items():
        if not is_numeric(values[slot]):
            kind = type(values[slot]).__name__
            raise CalculationError(f"`{name}` is a value of type `{kind}`; there are derivatives by numbers only")
    found = traced(steps, values, variables)
    if found.result is None:  # a constant, and none of the variables is on the way to it
        return values[steps.result], {name: zero_like(values[slot]) for name, slot in variables.items()}
    program = Program(found.graph)
    program.outputs = {"result": found.result}
    program.inputs = list(variables)
    bound = FormulaBase(of_program(program)).bind({name: values[slot] for name, slot in variables.items()})
    check_same(steps, found, values, bound.evaluate(list(found.nodes.values())))
    return values[steps.result], derivatives.gradients(bound)[1]["result"]


def zero_like(value: Any) -> Any:
    """The derivative by a value of something that does not depend on it."""
    if not shape_of(value):
        return 0.0
    import numpy as np

    return np.zeros(shape_of(value))
