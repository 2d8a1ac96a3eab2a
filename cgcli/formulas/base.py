"""What a formula is, and how values are bound to it: all that the rooms above need to know of one."""

from __future__ import annotations

from cgcli.formulas import given
from cgcli.formulas.bound import Bound, add_defaults, chooser
from cgcli.formulas.programs import of_program, of_text
from cgcli.language.aliases import readable
from cgcli.ops import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.errors import Source
    from cgcli.formulas.programs import Programs
    from cgcli.graph.store import Graph
    from cgcli.language.program import Program

OPTIONS = frozenset(("all", "digits", "directions", "dtype", "engine", "grad", "of", "open", "sparse", "wrt"))
"""Names of options of methods: an input of such a name is given in a mapping."""


class FormulaBase:
    """A formula's programs by the shapes of its values, and its source text where it has one."""

    def __init__(self, programs: Programs, source: Source | None = None) -> None:
        self.programs = programs
        self.source = source
        self._known = frozenset(programs.names.inputs)
        self._unclear = self._known & OPTIONS

    def __reduce__(self) -> tuple[object, ...]:
        """A text is pickled as it is and read again, a graph by its columns."""
        if self.source is not None and self.programs.table is not None:
            return text_again, (self.source,)
        return program_again, (self.programs.plain(), self.source)

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in the order of their first use; those with a default value included."""
        return self.programs.names.inputs

    @property
    def params(self) -> list[str]:
        """Names of the inputs declared with `param`."""
        return list(self.programs.names.params)

    @property
    def terms(self) -> list[str]:
        """Names of the inputs declared with `term`, whose values are calls of the formula's functions."""
        return list(self.programs.names.terms)

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return list(self.programs.names.outputs)

    @property
    def constants(self) -> list[str]:
        """Names of the constants of the language that the text uses; a given value replaces one."""
        return list(self.programs.names.constants)

    @property
    def graph(self) -> Graph:
        """The graph for scalar inputs (of declared shapes where the text declares some)."""
        return self.programs.plain().graph

    def bind(
        self, mapping: Mapping[str, Any] | None = None, /, *, engine: str = "auto", digits: int | None = None,
        show: Sequence[str] = (), wrt: Sequence[str] | None = None, steps: bool = False, complete: bool = True,
        varying: Sequence[str] = (), **inputs: Any,
    ) -> Bound:  # fmt: skip
        """The program and the values that a call means.

        show, wrt: names that will be looked at, and differentiated by. steps: for a trace or a picture. varying: inputs
        that have another value in each row, of which one is given here.
        UsageError for names that the formula does not have and for inputs without a value (unless not `complete`);
        ShapeError where a declared shape differs; DataError for a value that is no number.
        """
        return self._bind(given.given_values(mapping, inputs), engine, digits, show, complete, wrt, steps, varying)

    def _bind(
        self, given_by_name: dict[str, Any], engine: str, digits: int | None, show: Sequence[str] = (),
        complete: bool = True, wrt: Sequence[str] | None = None, steps: bool = False, varying: Sequence[str] = (),
    ) -> Bound:  # fmt: skip
        if not given_by_name.keys() <= self._known:
            names = self.programs.names
            given.check_names(given_by_name, names.inputs, names.defined, names.constants)
        for name in self.programs.names.terms:
            given.refuse_term(name, given_by_name.get(name))
        exact = digits is not None or engine == "precise"
        values = {name: value if type(value) is float else given.normalised(name, value, exact=exact)
                  for name, value in given_by_name.items()}  # fmt: skip
        program = self.programs.fitting(values, show, complete, self.programs.told_apart(wrt), varying)
        if steps:
            program = readable(program)
        chosen = chooser(engine, digits)
        add_defaults(program, values, chosen, exact=exact, complete=complete)
        if complete:
            given.check_complete(program.inputs, values)
        return Bound(program, values, chosen, self.source)

    def _all_inputs(self, program: Program) -> list[str]:
        """The inputs of a program and those that nothing in it needs, of a function that is not called; in order."""
        own = set(program.inputs)
        return [name for name in self.inputs if name in own or name not in REGISTRY.callable_as]


def text_again(source: Source) -> FormulaBase:
    """A formula that was pickled by its text."""
    return FormulaBase(of_text(source), source)


def program_again(program: Program, source: Source | None) -> FormulaBase:
    """A formula that was pickled by its graph. source: the text that places in it mean."""
    return FormulaBase(of_program(program), source)
