"""The words of a session that begin with a colon."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from cgcli.cli.arguments import split_names
from cgcli.cli.session.changes import value_text
from cgcli.cli.session.lines import SIGN, divided
from cgcli.errors import CgError, UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.session.lines import Command
    from cgcli.cli.session.session import Answer, Session

    Call = Callable[[Session, Command, Answer], None]


@dataclass(frozen=True)
class Known:
    """A command: how it is used, and what it does. names: whether names of the graph may stand behind it."""

    call: Call
    usage: str
    about: str
    names: bool = True


def names_behind(command: Command) -> list[str]:
    """The names behind a command, separated by commas or blanks."""
    return split_names(",".join(command.rest.replace(",", " ").split())) if command.rest else []  # type: ignore[return-value]


def one_name(command: Command, *, needed: bool = False) -> str | None:
    """The name or the text behind a command. UsageError where there has to be one and is not."""
    if needed and not command.rest:
        raise UsageError(f"`:{command.name}` needs a name", hint=f"for example {COMMANDS[command.name].usage}")
    return command.rest or None


def nothing_behind(command: Command) -> None:
    """UsageError where something stands behind a command that takes nothing."""
    if command.rest:
        raise UsageError(f"nothing stands behind `:{command.name}`")


# ---- what changes the graph ------------------------------------------------------------------------------------------


def do_replace(session: Session, command: Command, answer: Answer) -> None:
    """`:replace A with B`."""
    what, by = divided(command, "with", COMMANDS["replace"].usage)
    edit(session, lambda e: e.replace(what, by))


def do_insert(session: Session, command: Command, answer: Answer) -> None:
    """`:insert E after y`."""
    text, after = divided(command, "after", COMMANDS["insert"].usage)
    edit(session, lambda e: e.insert(text, after=after))


def do_remove(session: Session, command: Command, answer: Answer) -> None:
    """`:remove b`."""
    name = one_name(command, needed=True) or ""
    edit(session, lambda e: e.remove(name))
    if name in session.watched:
        del session.watched[name]
        session.enter(lambda: session.watched.setdefault(name), lambda: session.watched.pop(name, None))


def do_rename(session: Session, command: Command, answer: Answer) -> None:
    """`:rename a to b`."""
    old, new = divided(command, "to", COMMANDS["rename"].usage)
    edit(session, lambda e: e.rename(old, new))
    if old in session.watched:
        rename_watched(session, old, new)
        session.enter(lambda: rename_watched(session, new, old), lambda: rename_watched(session, old, new))


def rename_watched(session: Session, old: str, new: str) -> None:
    """Watch a name by its new one."""
    session.watched = {new if name == old else name: value for name, value in session.watched.items()}


def edit(session: Session, call: Callable[[Any], None]) -> None:
    """One edit of the live graph."""

    def whole() -> None:
        try:
            with session.live.edit() as edits:
                call(edits)
        except CgError as error:
            error.hint = error.hint and error.hint.replace("`live.formula()`", "`:formula`")
            raise

    session.change(whole)


def do_undo(session: Session, command: Command, answer: Answer) -> None:
    """`:undo`."""
    nothing_behind(command)
    session.undo(answer)


def do_redo(session: Session, command: Command, answer: Answer) -> None:
    """`:redo`."""
    nothing_behind(command)
    session.redo(answer)


# ---- what is looked at -----------------------------------------------------------------------------------------------


def do_watch(session: Session, command: Command, answer: Answer) -> None:
    """`:watch y`; without a name what is watched."""
    for name in names_behind(command) or list(session.watched):
        answer.lines.append(f"{name} = {value_text(session.watch(name))}")
    answer.altered = bool(command.rest)


def do_unwatch(session: Session, command: Command, answer: Answer) -> None:
    """`:unwatch y`; without a name everything."""
    for name in names_behind(command):
        if name not in session.watched:
            hint = did_you_mean(name, list(session.watched))
            raise UsageError(f"`{name}` is not watched", hint=hint or "`:watch` shows what is")
    for name in names_behind(command) or list(session.watched):
        del session.watched[name]
    answer.altered = True


def do_names(session: Session, command: Command, answer: Answer) -> None:
    """`:names`: every name, what it is, and its value where that is up to date."""
    nothing_behind(command)
    live, stale = session.live, session.live.stale()
    wide = max(map(len, live.names), default=0)
    for name in live.names:
        kind = "input" if name in live.inputs else "output" if name in live.outputs else ""
        value = "not computed" if name in stale else value_text(live[name])
        answer.lines.append(f"{name:{wide}}  {kind:6}  {value}".rstrip())
    answer.lines += "\n".join(live.functions.values()).splitlines()


def do_show(session: Session, command: Command, answer: Answer) -> None:
    """`:show y`: how a name is defined, and its value."""
    one_name(command, needed=True)
    for name in names_behind(command):
        text = session.live.definition(name)
        answer.lines.append(f"{name} = {text}")
        if name not in session.live.inputs:
            answer.lines.append(f"  = {value_text(session.value(name))}")


def do_formula(session: Session, command: Command, answer: Answer) -> None:
    """`:formula`."""
    from cgcli.cli.session.saving import formula_text

    nothing_behind(command)
    answer.lines += formula_text(session.live).splitlines()


def do_grad(session: Session, command: Command, answer: Answer) -> None:
    """`:grad loss`, `:grad loss by a, b`: derivatives by all inputs, or by some."""
    of, _, by = f" {command.rest} ".partition(" by ")
    wrt = split_names(",".join(by.replace(",", " ").split())) if by.strip() else None
    outputs = [of.strip()] if of.strip() else list(session.live.outputs)
    for output in outputs:
        for name, value in session.live.grad(output, wrt=wrt).items():
            answer.lines.append(f"d{output}/d{name} = {value_text(value)}")


def do_lazy(session: Session, command: Command, answer: Answer) -> None:
    """`:lazy`: what is not up to date, and how many operations a question would cost."""
    nothing_behind(command)
    stale = session.live.stale()
    wide = max(map(len, stale), default=0)
    answer.lines += [f"{name:{wide}}  {cost:,} operation{'' if cost == 1 else 's'}" for name, cost in stale.items()]
    if not stale:
        answer.lines.append("everything is up to date")
    computed, equal = session.cost["recomputed"], session.cost["cut_off"]
    answer.lines.append(f"last computed: {computed:,}" + (f", {equal:,} of them as before" if equal else ""))


# ---- what other commands do ------------------------------------------------------------------------------------------


def do_why(session: Session, command: Command, answer: Answer) -> None:
    """`:why y`: where a nan was born, and what cures it."""
    from cgcli.cli.commands.why import finding_lines
    from cgcli.formulas.why import why

    found = why(*at_this_point(session), of=one_name(command))
    if not found.findings:
        answer.lines.append(found.closest)
    for place, finding in enumerate(found.findings):
        answer.lines += [""] * (place > 0) + list(finding_lines(finding, found))


def at_this_point(session: Session) -> tuple[Formula, dict[str, Any]]:
    """The formula as it is now, and its values."""
    formula, values = session.live.formula(), session.live.values
    known = {*formula.inputs, *formula.constants, *formula.programs.names.defined}
    return formula, {name: value for name, value in values.items() if name in known}


def do_trace(session: Session, command: Command, answer: Answer) -> None:
    """`:trace`: every step of both passes, as tables."""
    from cgcli.cli.commands.trace import traced
    from cgcli.render.tables import plain_text
    from cgcli.render.trace_tables import blocks

    formula, values = at_this_point(session)
    found = traced(formula, values, None, one_name(command), digits=None, engine="auto", backward=True)
    texts = [plain_text(block, session.columns) for block in blocks(found, formula.source)]
    answer.lines += "\n".join(texts).splitlines()


def do_draw(session: Session, command: Command, answer: Answer) -> None:
    """`:draw graph.svg`; without a file a tree."""
    from cgcli.formulas.drawing import draw_formula, picture_of
    from cgcli.render.folding import fold
    from cgcli.render.tree import MOST_LINES, line_count, tree_lines

    formula, values = at_this_point(session)
    if command.rest:
        draw_formula(formula, command.rest, values)
        answer.lines.append(f"written: {command.rest}")
        return
    picture = picture_of(formula, values)
    answer.lines += tree_lines(picture, fold(picture, limit=None if line_count(picture) <= MOST_LINES else 0))


def do_save(session: Session, command: Command, answer: Answer) -> None:
    """`:save s.cg`."""
    from cgcli.cli.session.saving import save

    if not command.rest:
        raise UsageError("`:save` needs the name of a file", hint="for example :save model.cg")
    fixed = save(session, command.rest)
    answer.lines.append(f"written: {command.rest}")
    answer.lines += [
        f"  for {name} = {value_text(session.live[name])}: a length or an index follows from it, and stays what it is"
        for name in fixed
    ]


def do_help(session: Session, command: Command, answer: Answer) -> None:
    """`:help`."""
    answer.lines += help_lines(session.columns)


def do_quit(session: Session, command: Command, answer: Answer) -> None:
    """`:quit`."""
    nothing_behind(command)
    answer.ended = True


COMMANDS: dict[str, Known] = {
    "watch": Known(do_watch, ":watch y", "show y whenever it changes; alone: what is watched"),
    "unwatch": Known(do_unwatch, ":unwatch y", "no longer; alone: nothing"),
    "names": Known(do_names, ":names", "all names, with the values that are up to date", names=False),
    "show": Known(do_show, ":show y", "how y is defined"),
    "formula": Known(do_formula, ":formula", "the whole formula", names=False),
    "lazy": Known(do_lazy, ":lazy", "what is not up to date, and what it would cost", names=False),
    "grad": Known(do_grad, ":grad y by a, b", "derivatives of y; alone: of the outputs by all inputs"),
    "why": Known(do_why, ":why y", "where a nan was born, and what cures it"),
    "trace": Known(do_trace, ":trace y", "both passes, step by step"),
    "draw": Known(do_draw, ":draw y.svg", "a picture; alone: a tree", names=False),
    "replace": Known(do_replace, ":replace sin(x) with tanh(x)", "one part of the formula by another"),
    "insert": Known(do_insert, ":insert clip(y, -1, 1) after y", "between y and all that uses it"),
    "remove": Known(do_remove, ":remove b", "a name that nothing needs"),
    "rename": Known(do_rename, ":rename a to b", "another name; nothing is computed"),
    "undo": Known(do_undo, ":undo", "take the last change back", names=False),
    "redo": Known(do_redo, ":redo", "do it again", names=False),
    "save": Known(do_save, ":save s.cg", "formula and values; cg live s.cg goes on", names=False),
    "help": Known(do_help, ":help", "this", names=False),
    "quit": Known(do_quit, ":quit", "end, as Ctrl-D does", names=False),
}


def command_of(name: str) -> Call:
    """What a word does; the first letters are enough where no other begins with them. UsageError."""
    if name in COMMANDS:
        return COMMANDS[name].call
    found = [each for each in COMMANDS if name and each.startswith(name)]
    if len(found) == 1:
        return COMMANDS[found[0]].call
    hint = did_you_mean(name, list(COMMANDS)) or "`:help` shows those that there are"
    if found:
        hint = f"it could be {' or '.join(f'`:{each}`' for each in found)}"
    raise UsageError(f"there is no command `:{name}`", hint=hint)


LINES = [
    ("x = 0.5", "give x a value"),
    ("y = x^2 + 1", "define y, anew or for the first time"),
    ("f(a) = a^2", "define a function"),
    ("x*y + 1", "show the value of an expression"),
]


WIDE, NARROW = 18, 60
"""Columns of the first words of the help, and those of a terminal from which on the others stand beside them."""


def help_lines(columns: int | None) -> list[str]:
    """All that a line can be, within so many columns."""
    lines = []
    for usage, about in [*LINES, *((known.usage, known.about) for known in COMMANDS.values())]:
        beside = len(usage) < WIDE and (columns is None or columns >= NARROW)
        indent = " " * (WIDE if columns is None or columns >= NARROW else 2)
        text = f"{usage:{WIDE}}{about}" if beside else f"{indent}{about}"
        lines += [] if beside else [usage]
        lines += wrap(text, columns or 100, subsequent_indent=indent)
    return lines


WORDS = [SIGN + name for name in COMMANDS]
"""All commands with their colon."""
