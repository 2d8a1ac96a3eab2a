"""What the names of a text are, before anything is lowered: functions, definitions, inputs, outputs."""

from __future__ import annotations

from cgcli.errors import FormulaError
from cgcli.language import syntax
from cgcli.language.functions import UNWANTED, definition_of
from cgcli.ops.constants import ALIASES, CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cgcli.errors import Span
    from cgcli.language.functions import Definition
    from cgcli.language.syntax import Syntax


class Names:
    """The names of one text.

    functions: user functions. defined: names with a definition or a declaration -> where. declared: those with
    `input` or `param`; params: those with `param`; with_default: declared names that need no value.
    terms: those with `term`. outputs: what the text computes. free: names that are neither defined nor local, in the
    order of their first use, with the constants among them left out; constants: those, which a given value replaces.
    """

    __slots__ = ("constants", "declared", "defined", "free", "functions", "outputs", "params", "terms", "with_default")

    def __init__(self) -> None:
        self.functions: dict[str, Definition] = {}
        self.defined: Mapping[str, Span] = {}
        self.declared: list[str] = []
        self.params: list[str] = []
        self.terms: list[str] = []
        self.with_default: set[str] = set()
        self.outputs: list[str] = []
        self.free: list[str] = []
        self.constants: list[str] = []

    @property
    def inputs(self) -> list[str]:
        """Declared inputs and free names: what may be given from outside."""
        return [*self.declared, *self.free]


def survey(table: Syntax) -> Names:
    """Find all names of a text. FormulaError where a name is defined twice."""
    names = Names()
    defined: dict[str, Span] = {}
    for row in table.statements:
        rule = table.rule[row]
        if rule == syntax.ASSIGN:
            _assigned(table, names, defined, row)
        elif rule == syntax.FUNCTION:
            _enter(table, names, defined, table.first()[row])
            del defined[table.callee(row)]
            enter_function(table, names, row)
        elif rule in (syntax.UNPACK, syntax.TERM):
            for place in declared_rows(table, row):
                if table.word(place) != UNWANTED or rule == syntax.TERM:
                    _enter(table, names, defined, place)
            if rule == syntax.TERM:
                enter_terms(table, names, row)
        elif rule in (syntax.INPUT, syntax.PARAM):
            _enter(table, names, defined, table.first()[row])
            enter_declaration(table, names, row)
    names.defined = defined
    settle_outputs(table, names)
    for name in _undefined_names(table, names):
        (names.constants if is_constant(name) else names.free).append(name)
    return names


def is_constant(name: str) -> bool:
    """Whether a name is one of the language's constants, as long as nothing else has that name."""
    return ALIASES.get(name, name) in CONSTANTS


def settle_outputs(table: Syntax, names: Names) -> None:
    """What the text computes: its outputs, or the last statement with a value."""
    first = table.first()
    for row in table.rows_of(syntax.OUTPUT):
        names.outputs.extend(table.word(place) for place in range(first[row], row))
    if names.outputs:
        return
    for row in reversed(table.statements):
        if table.rule[row] == syntax.UNPACK:
            words = map(table.word, declared_rows(table, row))
            names.outputs.extend(word for word in words if word != UNWANTED)
            return
        target = first[row - 1] - 1
        if table.rule[row] == syntax.EXPRESSION:
            names.outputs.append("result")
            return
        if table.rule[row] == syntax.ASSIGN and table.rule[target] == syntax.NAME:
            names.outputs.append(table.word(target))
            return


def _assigned(table: Syntax, names: Names, defined: dict[str, Span], row: int) -> None:
    """Enter the definition of a value or a function."""
    target = table.first()[row - 1] - 1
    if table.rule[target] == syntax.NAME:
        _enter(table, names, defined, target)
        return
    callee = table.first()[target]
    _enter(table, names, defined, callee)
    del defined[table.callee(target)]
    enter_function(table, names, row)


def declared_rows(table: Syntax, row: int) -> range:
    """The rows of the names of an UNPACK or a TERM."""
    first = table.first()
    return range(first[row], first[row - 1] if table.rule[row] == syntax.UNPACK else row)


def enter_terms(table: Syntax, names: Names, row: int) -> None:
    """Enter the names of a `term` statement: inputs whose values are terms."""
    for place in declared_rows(table, row):
        names.declared.append(table.word(place))
        names.terms.append(table.word(place))


def enter_function(table: Syntax, names: Names, row: int) -> None:
    """Enter a user function from the row of its statement. FormulaError where it is not laid out as it reads."""
    function = definition_of(table, row)
    names.functions[function.name] = function


def enter_declaration(table: Syntax, names: Names, row: int) -> None:
    """Enter an `input` or a `param`."""
    name = table.word(table.first()[row])
    names.declared.append(name)
    if table.rule[row] == syntax.PARAM:
        names.params.append(name)
    if table.rule[row - 1] != syntax.EMPTY:
        names.with_default.add(name)


def _enter(table: Syntax, names: Names, defined: dict[str, Span], row: int) -> None:
    """Enter where a name is defined: the row of the name, or of the opening of a function."""
    name = table.callee(row) if table.rule[row] == syntax.CALLEE else table.word(row)
    earlier = names.functions[name].span if name in names.functions else defined.get(name)
    if earlier is not None:
        raise defined_twice(table, name, row, earlier[0])
    defined[name] = table.span(row)


def defined_twice(table: Syntax, name: str, row: int, earlier: int) -> FormulaError:
    """The error for a second definition; `earlier` is the offset of the first one."""
    return FormulaError(
        f"`{name}` is defined twice", span=table.span(row), source=table.source,
        hint=f"line {table.source.locate(earlier)[0]} defines it first; use another name",
    )  # fmt: skip


def _undefined_names(table: Syntax, names: Names) -> list[str]:
    """Names of values that nothing in the text defines."""
    first = table.first()
    local: dict[str, list[tuple[int, int]]] = {}
    skipped: set[int] = set()
    for definition in names.functions.values():
        for name in (*definition.parameters, *definition.locals):
            local.setdefault(name, []).append((definition.first, definition.end))
        skipped.update(range(definition.first - 1 - len(definition.parameters), definition.first))
    for row, rule in enumerate(table.rule):
        if rule in (syntax.COMPREHENSION, syntax.GENERATOR):
            variable = first[row - 1] - 1
            local.setdefault(table.word(variable), []).append((first[row] + 1, variable + 1))
    free: dict[str, None] = {}
    for row, rule in enumerate(table.rule):
        if rule != syntax.NAME or row in skipped:
            continue
        name = table.word(row)
        if name in names.defined or name in names.functions:
            continue
        if not any(begin <= row < end for begin, end in local.get(name, ())):
            free[name] = None
    return list(free)
