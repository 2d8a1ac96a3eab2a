"""The programs of a formula: what its text is lowered to, once for each signature of names and shapes."""

from __future__ import annotations

from _thread import RLock  # `threading` takes a millisecond to load
from math import inf

from cgcli.errors import NeedsValues, ShapeError, UsageError
from cgcli.formulas.given import check_complete, name_list
from cgcli.kept import Kept
from cgcli.language.names import Names
from cgcli.language.program import Program
from cgcli.language.reading import lower, parse, survey
from cgcli.numerals import shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.errors import Source
    from cgcli.language.syntax import Syntax

    Shape = tuple[int, ...]
    Words = Sequence[str]
    Lower = Callable[[Mapping[str, Shape], Mapping[str, float], Words, Words, Words, Words], Program]

KEPT, MOST_NODES = 64, 400_000
"""Programs that are kept, and how many nodes they may have together; the one of the last call may have more."""


class Programs:
    """Programs by what decides them: names and shapes of the values, and the numbers that are lengths or indices."""

    __slots__ = ("_deciding", "_fitting", "_free", "_lock", "_lower", "_made", "names", "table")

    def __init__(self, lower_for: Lower, names: Names, table: Syntax | None = None) -> None:
        """table: what was read of a text, where the formula has one."""
        self.names = names
        self.table = table
        self._lower = lower_for
        self._free = frozenset(names.free)
        self._made = Kept(KEPT, heaviest=MOST_NODES, weigh=len)
        self._fitting = Kept(KEPT, heaviest=MOST_NODES, weigh=len)
        self._deciding: tuple[str, ...] = ()
        self._lock = RLock()

    def plain(self) -> Program:
        """The program for inputs that are numbers. ShapeError, NeedsValues where there is none."""
        return self.made_for({})

    def made_for(
        self, values: Mapping[str, Any], show: Sequence[str] = (), apart: Sequence[str] = (),
        varying: Sequence[str] = (),
    ) -> Program:  # fmt: skip
        """The program for values of these names and shapes, lowered once for each signature.

        A number for a name that the text only uses decides nothing, unless it is a length or an index. show, apart,
        varying: see `reading.lower`; the number of a name that varies decides nothing.
        """
        shapes = {name: shape_of(value) for name, value in values.items()}
        deciding = {name: shape for name, shape in shapes.items() if shape or name not in self._free}
        signature = (tuple(sorted(deciding.items())), tuple(show), tuple(apart), tuple(varying))
        known = {name: value for name, value in values.items() if name not in varying} if varying else values
        program: Program | None = self._made.get((signature, self._numbers(known)))
        if program is None:
            numbers = {name: double(value) for name, value in known.items() if not shapes[name]}
            program = self._lower(deciding, numbers, list(deciding), show, apart, varying)
            with self._lock:  # a program is found by all numbers that decided it, or not at all
                self._deciding += tuple([name for name in program.specialised if name not in self._deciding])
                self._made.put((signature, self._numbers(known)), program)
        return program

    def told_apart(self, wrt: Sequence[str] | str | None) -> tuple[str, ...]:
        """Of names to differentiate by those that need a node of their own: inner names, and elements of any name."""
        names = () if wrt is None else name_list(wrt)
        return tuple(sorted(set(names).difference(self.names.inputs)))

    def fitting(
        self, values: Mapping[str, Any], show: Sequence[str], complete: bool, apart: Sequence[str] = (),
        varying: Sequence[str] = (),
    ) -> Program:  # fmt: skip
        """The program of a call, found quickly where a call gave the same names and shapes before.

        Where inputs may be without a value, an unknown length is asked for by itself, at its place in the text.
        UsageError for missing values, ShapeError where a declared shape differs.
        """
        numbers = self._numbers(values)
        key = (tuple(values), tuple([() if type(value) is float else shape_of(value) for value in values.values()]),
               tuple(show), tuple(apart), tuple(varying), numbers)  # fmt: skip
        program: Program | None = self._fitting.get(key)
        if program is not None:
            return program
        try:
            program = self.made_for(values, show, apart, varying)
        except (ShapeError, NeedsValues) as error:
            if isinstance(error, NeedsValues) and not complete:
                raise
            needed = [name for name in self.names.inputs if name not in self.names.with_default]
            check_complete(needed, values)
            raise
        check_shapes(program, values)
        if self._numbers(values) == numbers:
            self._fitting.put(key, program)
        return program

    def _numbers(self, values: Mapping[str, Any]) -> tuple[float | None, ...]:
        """The numbers of names that decided a program before; None where a name has no value, or an array.

        Names are only ever added, so programs that were kept under fewer numbers are not found any more, and go.
        """
        deciding = self._deciding
        if not deciding:
            return ()
        return tuple([
            None if name not in values or shape_of(values[name]) else double(values[name]) for name in deciding
        ])  # fmt: skip


def of_text(source: Source) -> Programs:
    """The programs of a text. FormulaError where it is wrong."""
    table = parse(source)
    return Programs(
        lambda shapes, values, bound, show, apart, varying: lower(
            table, shapes=shapes, values=values, bound=bound, show=show, apart=apart, varying=varying
        ),
        survey(table),
        table,
    )  # fmt: skip


def of_program(program: Program) -> Programs:
    """The one program of a formula that was not made from text."""
    names = Names()
    names.declared = list(program.inputs)
    names.params = list(program.params)
    names.outputs = list(program.outputs)
    names.with_default = set(program.defaults)

    def settled(shapes: Mapping[str, Shape], values: Mapping[str, float], *others: object) -> Program:
        for name, value in program.specialised.items():
            if shapes.get(name) or not is_same(values.get(name, value), value):
                raise UsageError(
                    f"`{name}` is {value:g} in this graph and cannot be another value",
                    hint="a length or an index decides the graph: export the formula again",
                )
        return program

    return Programs(settled, names)


def check_shapes(program: Program, values: Mapping[str, Any]) -> None:
    """ShapeError for a value whose shape is not the declared one."""
    inputs = program.graph.inputs()
    for name, value in values.items():
        node = inputs.get(name)
        if node is not None and program.graph.shape_of(node) != shape_of(value):
            expected = program.graph.shape_of(node)
            raise ShapeError(
                f"the value of `{name}` has shape {list(shape_of(value))}, but the formula declares "
                f"{list(expected) if expected else 'a number'}"
            )


def double(number: Any) -> float:
    """A number as a double, infinite where it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def is_same(number: float, other: float) -> bool:
    """Whether two numbers decide the same graph; nan is the same as nan."""
    return number == other or (number != number and other != other)
