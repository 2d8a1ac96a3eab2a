"""Single values as text: a constant formula, or an array in a file."""

from __future__ import annotations

from contextlib import suppress

from cgcli.errors import DataError, NeedsValues, ShapeError, Source, UsageError, did_you_mean
from cgcli.formulas.base import FormulaBase
from cgcli.formulas.programs import of_text
from cgcli.ops.constants import ALIASES, CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read_value(name: str, text: str, *, digits: int | None = None) -> Any:
    """The value of `NAME=TEXT` on a command line: a constant formula, or `@file.npy`. DataError, FormulaError.

    With digits the formula is computed when it is needed, to as many digits as that needs.
    """
    if text.startswith("@"):
        return read_array(name, text[1:])
    source = Source(text, f"<value of {name}>")
    constant = FormulaBase(of_text(source), source)
    with suppress(ShapeError, NeedsValues):  # told below, where there are inputs; a wrong text is told here
        constant.programs.plain()
    if constant.inputs:
        needed = ", ".join(f"`{missing}`" for missing in constant.inputs)
        near = did_you_mean(constant.inputs[0], (*CONSTANTS, *ALIASES))
        raise UsageError(
            f"the value of `{name}` is not a number: it uses {needed}",
            hint=near or f"for example {name}=1.5 or {name}=pi/2",
        )
    if constant.outputs != ["result"]:
        raise UsageError(
            f"the value of `{name}` is a formula with names of its own",
            hint=f"give each input in a word of its own: {name}=1 {constant.outputs[0]}=2",
        )
    if digits is None:
        bound = constant.bind()
        bound.on_births = lambda births: None  # the formula that uses the value tells that it is nan or infinite
        return bound.named_values(bound.chosen())["result"]
    from cgcli.engines.deferred import Deferred

    bound = constant.bind(digits=digits)
    node = bound.program.outputs["result"]
    return Deferred(bound.graph, bound.values, node, bound.engine([node]))


def read_array(name: str, path: str) -> Any:
    """An array from an NPY file, never by unpickling. DataError where that cannot be."""
    from cgcli.data.arrays.values import read_array as array_in

    try:
        return array_in(path)
    except DataError as error:
        raise DataError(f"{error.message} (for `{name}`)", hint=error.hint) from None
