"""A session as a file of the language: the formula as it is now, and the values of its inputs as their defaults."""

from __future__ import annotations

from pathlib import Path

from cgcli.api.formula import from_source
from cgcli.cli.output import number_text
from cgcli.cli.session.changes import is_same
from cgcli.errors import CalculationError, Source, UsageError
from cgcli.files import write_file
from cgcli.language import syntax
from cgcli.language.reading import parse, survey
from cgcli.numerals import shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.cli.session.session import Session
    from cgcli.live.live import LiveGraph

ENDING = ".cg"


def save(session: Session, path: str) -> list[str]:
    """Write a session; the names whose values the file takes for granted (`LiveGraph.fixed`).

    UsageError for another ending, DataError where the file cannot be written.

    CalculationError where the text would not give the same bits as the session has.
    """
    if not path.endswith(ENDING):
        raise UsageError(f"`{path}` is no name of a formula file", hint=f":save {Path(path).with_suffix(ENDING)}")
    text = session_text(session.live)
    require_same(session.live, text)
    write_file(path, text.encode())
    return list(session.live.fixed)


def formula_text(live: LiveGraph) -> str:
    """The formula without its values. Where it was not edited its own text; definitions that no output needs stay."""
    formula = live.formula()
    if formula.source is not None:
        return str(formula.source.text).rstrip("\n")
    names = survey(parse(Source(text := str(formula))))
    known = {*names.defined, *names.inputs, *names.outputs, *live.inputs}
    return text if known.issuperset(live.names) else live.text()


def session_text(live: LiveGraph) -> str:
    """The formula with its values, as a text that `cg live` and every other command reads."""
    values = dict(live.values)
    formula = formula_text(live)
    for name in live.fixed:
        rest = without_declaration(formula, name)
        if name not in survey(parse(Source(rest))).free:  # else who gives it another value would wait for an effect
            formula = rest
            values.pop(name, None)
    text = with_values(formula, values)
    text = "\n".join([*(declaration(name, value) for name, value in values.items()), text])
    text = "\n".join([*callable_in(text, live.functions), text])
    if survey(parse(Source(text))).outputs != list(live.outputs):
        text += f"\noutput {', '.join(live.outputs)}"
    return f"{text}\n"


def callable_in(formula: str, functions: Mapping[str, str]) -> list[str]:
    """The functions that a text has no other one for, and has all names for."""
    names = survey(parse(Source(formula)))
    known = {*names.defined, *names.inputs}
    kept = {name: text for name, text in functions.items() if name not in names.functions}
    return [text for text in kept.values() if known.issuperset(survey(parse(Source(text))).free)]


def without_declaration(formula: str, name: str) -> str:
    """A formula without the statement that declares an input."""
    table = parse(Source(formula))
    for row in table.statements:
        if table.rule[row] in (syntax.INPUT, syntax.PARAM) and table.word(table.first()[row]) == name:
            begin, end = table.span(row)
            return table.source.text[:begin] + table.source.text[end:].lstrip("\n")
    return formula


def with_values(formula: str, values: dict[str, Any]) -> str:
    """A formula in which values stand for defaults and definitions; those are taken out of the mapping."""
    table = parse(Source(formula))
    text, pieces, at = table.source.text, [], 0
    for row in table.statements:
        if table.rule[row] in (syntax.INPUT, syntax.PARAM, syntax.ASSIGN):
            name = table.word(table.first()[row])
            if name in values:
                begin, end = table.span(row)
                word = "param" if table.rule[row] == syntax.PARAM else "input"
                pieces += [text[at:begin], declaration(name, values.pop(name), word)]
                at = end
    return "".join([*pieces, text[at:]])


def declaration(name: str, value: Any, word: str = "input") -> str:
    """An input with its value as the default."""
    lengths = ", ".join(map(str, shape_of(value)))
    return f"{word} {name}{f'[{lengths}]' if lengths else ''} = {number_text(value)}"


def require_same(live: LiveGraph, text: str) -> None:
    """CalculationError where a text does not give the bits that the outputs have; those not computed are left alone."""
    stale = live.stale()
    known = [name for name in live.outputs if name not in stale]
    if not known:
        return
    formula = from_source(Source(text, "<saved>"))
    found = formula.live()
    for name in known:
        if not is_same(found[name], live[name]):
            raise CalculationError(
                f"the text of the formula gives another value of `{name}`, and is not written",
                hint="this is a bug in cg; please report it with the lines of the session",
            )
