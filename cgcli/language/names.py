"""What the names of a text are, before anything is lowered: functions, definitions, inputs, outputs."""

from __future__ import annotations

from cgcli.errors import FormulaError
from cgcli.language import syntax
from cgcli.ops.constants import ALIASES, CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.errors import Span
    from cgcli.language.syntax import Syntax


class Definition:
    """A user function: its parameters, and the rows of its body up to but without `end`."""

    __slots__ = ("end", "first", "name", "parameters", "span")

    def __init__(self, name: str, parameters: tuple[str, ...], first: int, end: int, span: Span) -> None:
        self.name = name
        self.parameters = parameters
        self.first = first
        self.end = end
        self.span = span


class Names:
    """The names of one text.

    functions: user functions. defined: names with a definition or a declaration -> where. declared: those with
    `input` or `param`; params: those with `param`; with_default: declared names that need no value.
    outputs: what the text computes. free: names that are neither defined nor local, in the order of their first
    use, with the constants among them left out; constants: those, which a given value replaces.
    """

    __slots__ = ("constants", "declared", "defined", "free", "functions", "outputs", "params", "with_default")

    def __init__(self) -> None:
        self.functions: dict[str, Definition] = {}
        self.defined: dict[str, Span] = {}
        self.declared: list[str] = []
        self.params: list[str] = []
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
    first = table.first()
    last: str | None = None
    for row in table.statements:
        rule = table.rule[row]
        if rule == syntax.ASSIGN:
            last = _assigned(table, names, row) or last
        elif rule in (syntax.INPUT, syntax.PARAM):
            _declared(table, names, row)
        elif rule == syntax.OUTPUT:
            names.outputs.extend(table.word(place) for place in range(first[row], row))
        else:
            last = "result"
    if not names.outputs and last is not None:
        names.outputs.append(last)
    for name in _undefined_names(table, names):
        (names.constants if ALIASES.get(name, name) in CONSTANTS else names.free).append(name)
    return names


def _assigned(table: Syntax, names: Names, row: int) -> str | None:
    """Enter a definition; returns the name of a value, None for a function."""
    value_first = table.first()[row - 1]
    target = value_first - 1
    if table.rule[target] != syntax.CALL:
        name = table.word(target)
        _enter(table, names, name, table.span(target))
        return name
    callee = table.first()[target]
    name = table.callee(target)
    _enter(table, names, name, table.span(callee))
    del names.defined[name]
    parameters = tuple(table.word(place) for place in range(callee + 1, target))
    names.functions[name] = Definition(name, parameters, value_first, row, table.span(target))
    return None


def _declared(table: Syntax, names: Names, row: int) -> None:
    name_row = table.first()[row]
    name = table.word(name_row)
    _enter(table, names, name, table.span(name_row))
    names.declared.append(name)
    if table.rule[row] == syntax.PARAM:
        names.params.append(name)
    if table.rule[row - 1] != syntax.EMPTY:
        names.with_default.add(name)


def _enter(table: Syntax, names: Names, name: str, span: Span) -> None:
    earlier = names.functions[name].span if name in names.functions else names.defined.get(name)
    if earlier is not None:
        line = table.source.locate(earlier[0])[0]
        raise FormulaError(
            f"`{name}` is defined twice", span=span, source=table.source,
            hint=f"line {line} defines it first; use another name",
        )  # fmt: skip
    names.defined[name] = span


def _undefined_names(table: Syntax, names: Names) -> list[str]:
    """Names of values that nothing in the text defines."""
    first = table.first()
    local: dict[str, list[tuple[int, int]]] = {}
    skipped: set[int] = set()
    for definition in names.functions.values():
        for parameter in definition.parameters:
            local.setdefault(parameter, []).append((definition.first, definition.end))
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
