"""What the words of terms mean: the formula's functions and values, operations, and signs; and the errors of a term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.errors import DataError, FormulaError, Source, did_you_mean
from cgcli.language.forms import FORMS
from cgcli.ops import REGISTRY
from cgcli.ops.constants import ALIASES, CONSTANTS
from cgcli.terms.columns import NAME, Symbol, call, operation, where

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, Protocol

    from cgcli.language.functions import Definition

    class Maker(Protocol):
        """Who makes nodes, whatever stands for them: positions, or objects."""

        def node(self, symbol: Symbol, operands: Sequence[Any]) -> Any:
            """One more node."""

        def constant(self, value: float) -> Any:
            """A number."""

        def number_of(self, node: Any) -> float | None:
            """The number of a node; None where it is something else."""


ITS_PARTS = "a term is made of calls, numbers, names, operators, lists `[ ]` and definitions `a = …`"


class Known:
    """What names mean in terms: the formula's functions, and its names of values."""

    def __init__(self, functions: Mapping[str, Definition], values: Collection[str]) -> None:
        self.functions = functions
        self.values = values

    def name(self, name: str) -> Symbol | float:
        """The symbol of a name, or the number of a constant. FormulaError where it is none, without a place."""
        if name in self.values:
            return Symbol(NAME, name)
        if ALIASES.get(name, name) in CONSTANTS:
            return CONSTANTS[ALIASES.get(name, name)].value
        if name in self.functions:
            shown = ", ".join(self.functions[name].parameters)
            raise FormulaError(f"`{name}` is a function; call it with arguments", hint=f"{name}({shown})")
        near = did_you_mean(name, [*self.values, *self.functions])
        raise FormulaError(f"the formula has no name `{name}`", hint=near or f"it has {listed(self.values)}")

    def call(self, name: str, count: int) -> Symbol | None:
        """The symbol of a call with so many operands; None for an operation whose operands have to be looked at.

        FormulaError where nothing is called so, or not with so many, without a place.
        """
        definition = self.functions.get(name)
        if definition is not None:
            expected = len(definition.parameters)
            if count != expected:
                arguments = f"{expected} argument{'' if expected == 1 else 's'}"
                raise FormulaError(
                    f"`{name}` takes {arguments}, here {'is' if count == 1 else 'are'} {count}",
                    hint=f"it is defined as {name}({', '.join(definition.parameters)})",
                )
            return call(name)
        row = None if name in FORMS else REGISTRY.resolve(name, count)
        if row is not None:
            plain = count == len(row.parameters) and not any(parameter.static for parameter in row.parameters)
            return operation(row.name) if plain and not row.variadic else None
        if name in FORMS:
            raise FormulaError(f"`{name}` has no place in a term", hint=ITS_PARTS)
        candidates = REGISTRY.callable_as.get(name)
        if candidates:
            forms = " or ".join(f"{name}({candidate.signature})" for candidate in candidates)
            raise FormulaError(f"`{name}` does not take {count} arguments", hint=f"it is {forms}")
        near = did_you_mean(name, self.functions) or did_you_mean(name, REGISTRY.callable_as)
        raise FormulaError(f"unknown function `{name}`", hint=near or f"the formula has {listed(self.functions)}")


def apply_operation(name: str, operands: Sequence[Any], maker: Maker) -> Any:
    """A call of an operation with static arguments, with defaults, or with more operands than it takes.

    FormulaError where a static argument is no number that stands in the term.
    """
    found = REGISTRY.resolve(name, len(operands))
    assert found is not None  # `Known.call` has found it
    if len(operands) > len(found.parameters) and not found.variadic:
        result = operands[0]
        for each in operands[1:]:
            result = maker.node(operation(found.name), [result, each])
        return result
    nodes, numbers = [], []
    for place, parameter in enumerate(found.parameters):
        number: float | None = None
        if place >= len(operands):
            number = parameter.default if isinstance(parameter.default, float) else None
        elif parameter.static:
            number = maker.number_of(operands[place])
            if number is None:
                message = f"`{parameter.name}` of `{name}` must be a number that stands here"
                raise FormulaError(message, hint="write the number itself")
        if parameter.static:
            numbers.append(int(number) if number is not None and number.is_integer() else number)
        else:
            nodes.append(operands[place] if place < len(operands) else maker.constant(number or 0.0))
    return maker.node(operation(found.name, *numbers), nodes)


def listed(names: Collection[str]) -> str:
    """The first names of some, for a hint."""
    return ", ".join(f"`{name}`" for name in list(names)[:8]) + (", …" if len(names) > 8 else "") or "none"


def numbers_of(numbers: Any, rows: int) -> Callable[[int], int | None]:
    """The number of each of so many rows: what is given, or 1, 2, …, or None for a single one."""
    if numbers is not None:
        return lambda row: int(numbers[row])
    return lambda row: row + 1 if rows > 1 else None


def row_error(
    message: str, column: str, number: int | None, text: str | None, span: tuple[int, int] | None, hint: str | None
) -> DataError:
    """An error in a term. number: of its row, None where there is one term only; text: of the term, if it has one."""
    told = where(column, number)
    source = None if text is None else Source(text, f"<{told.replace('`', '')}>")
    return DataError(f"{told}: {message}", span=span if source else None, source=source, hint=hint)
