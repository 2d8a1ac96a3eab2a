"""The Typer application: built from the commands that a line needs."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer

from cgcli import __version__
from cgcli.cli import options
from cgcli.cli.arguments import check_standard_input
from cgcli.errors import ExitCode, UsageError, closest
from cgcli.render.style import wants_colour

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

HELP = """Evaluate, differentiate, fit, minimise, explain and draw formulas.

    cg eval "(x+y)*z" x=1 y=2 z=3              9
    cg grad "(x+y)*z" x=1 y=2 z=3              value and every partial derivative
    cg trace "exp(sin(x^2))" x=0.5             forward and backward, step by step
    cg draw "(x+y)*z" x=1 y=2 z=3 -o graph.svg
    cg fit "a*exp(-b*t)" --data decay.csv --target y
    cg minimize "x^2 - 2*x" x=3                what the end is, in words
    cg why "log(x - 3)" x=2                    why a number is nan, and what cures it
    cg live model.cg x=0.3                     change it while it runs, line by line

A formula is an expression, a .cg or .npz file, or - for standard input. `cg COMMAND --help` shows more."""


NEEDS_BLANK = 'a formula that starts with -- needs a blank in front: " --x"'


def show_version(wanted: bool) -> None:
    """`cg --version`."""
    if wanted:
        typer.echo(f"cg {__version__}")
        raise typer.Exit


def build(commands: Mapping[str, ModuleType]) -> typer.Typer:
    """An application with the given commands."""
    app = typer.Typer(
        name="cg", rich_markup_mode=None, pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )  # fmt: skip

    def cg(
        version: Annotated[
            bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
        ] = False,
    ) -> None:
        """Stand before all commands."""

    app.callback(help=HELP.replace("\n    cg", "\n\b\n    cg", 1))(cg)
    for name, module in commands.items():
        summary, _, rest = (module.__doc__ or "").partition("\n")
        app.command(name, help=f"{summary}\n\n\b\n{rest.strip()}", short_help=summary)(spread(module.run))
    return app


def spread(run: Callable[..., int | None]) -> Callable[..., int | None]:
    """A command with an option for each field of its groups of options (dataclasses), as Typer has no groups.

    Its annotations are texts, and read with the names of `options.py`: a command imports these for the type checker
    only, since its plain form runs without Typer. So there is nothing that a command could forget.

    A command that takes NAME=VALUE also gets `--values FILE`; the file comes to it as one more word, `@FILE`. That
    standard input is read once is seen to here, too.
    """
    signature = inspect.signature(run, locals={**vars(options), **run.__globals__}, eval_str=True)
    groups: dict[str, Any] = {name: group for name, parameter in signature.parameters.items()
              for group in (parameter.annotation, *get_args(parameter.annotation)) if is_dataclass(group)}  # fmt: skip
    parameters = [
        each for name, parameter in signature.parameters.items()
        for each in (options_in(groups[name]) if name in groups else [parameter])
    ]  # fmt: skip
    takes_values = next((name for name in TAKE_VALUES if name in signature.parameters), None)
    if takes_values:
        parameters.append(VALUES)

    def gathered(**given: Any) -> int | None:
        """Call the command with its groups."""
        files = given.pop(VALUES.name, None)
        check_standard_input(
            formula=given.get("formula"), table=given.get("data"), values=files, readings=given.get("repeat")
        )
        if files and takes_values:
            given[takes_values] = [*(given[takes_values] or ()), *(f"@{path}" for path in files)]
        for name, group in groups.items():
            given[name] = group(**{option.name: given.pop(option.name) for option in fields(group)})
        return run(**given)

    gathered.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    gathered.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return gathered


TAKE_VALUES = ("bindings", "words")
"""What a parameter of NAME=VALUE words is called; `words` may begin with another formula."""

VALUES = inspect.Parameter("values", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=options.Values)
"""The option of every command that takes NAME=VALUE."""


def options_in(group: Any) -> list[inspect.Parameter]:
    """The fields of a group of options as parameters."""
    hints = get_type_hints(group, include_extras=True)
    return [inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default,
                              annotation=hints[option.name]) for option in fields(group)]  # fmt: skip


def run_app(commands: Mapping[str, ModuleType], words: Sequence[str], option: re.Pattern[str]) -> int:
    """Run a line through Typer; its complaints become errors of ours.

    `option` tells the words that look like an option.
    """
    command = typer.main.get_command(build(commands))
    known = options_of(command, words)
    try:
        code = command.main(
            [*words[:1], *(guarded(word, known, option) for word in words[1:])], prog_name="cg", standalone_mode=False,
            color=None if wants_colour_on_stdout() else False,
        )  # fmt: skip
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.Exit as stop:
        code = stop.exit_code
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # Click ends the program with 1 where a reader has enough
            raise stop.__context__ from None
        raise
    except Exception as error:
        complaint = getattr(error, "format_message", None)
        if complaint is None:
            raise
        raise usage_error(error, complaint(), known, words) from None
    if code == ExitCode.INTERRUPTED:  # what Typer makes of Ctrl-C; older ones abort
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def wants_colour_on_stdout() -> bool:
    """Whether help may be coloured."""
    import sys

    return wants_colour(sys.stdout)


def options_of(command: Any, words: Sequence[str]) -> set[str]:
    """Every option that the line's command has, in all spellings."""
    chosen = getattr(command, "commands", {}).get(words[0]) if words else None
    known = {"--help", "-h"}
    for parameter in (command if chosen is None else chosen).params:
        known.update((*parameter.opts, *parameter.secondary_opts))
    return {option for option in known if option.startswith("-")}


def guarded(word: str, known: set[str], option: re.Pattern[str]) -> str:
    """A formula that starts with a minus gets a blank in front, so that it is not taken for options.

    Letting unknown options through instead loses letters: `-x+q` became `-x+`.
    """
    if not word.startswith("-") or word in ("-", "--"):
        return word
    name = word.partition("=")[0]
    if name in known or (word.startswith("--") and option.match(word)):
        return word
    return f" {word}"


def usage_error(error: Exception, complaint: str, known: set[str], words: Sequence[str]) -> UsageError:
    """A complaint of Typer in our own look."""
    option = getattr(error, "option_name", None)
    if option and complaint.startswith("No such option"):
        by_word = {name.lstrip("-"): name for name in known if name.startswith("--")}
        near = [f"`{by_word[word]}`" for word in closest(option.lstrip("-"), by_word)]
        wanted = f"did you mean {' or '.join(near)}?" if near else None
        return UsageError(
            f"there is no option `{option}`",
            hint=wanted
            or (NEEDS_BLANK if words[:1] and not words[0].startswith("-") else "`cg --help` shows those it has"),
        )
    text = " ".join(complaint.split()).replace("'", "`")
    text = text.replace("a valid int range", "a whole number").replace("a valid float range", "a number")
    command = f"cg {words[0]}" if words and not words[0].startswith("-") else "cg"
    return UsageError(text[:1].lower() + text[1:].rstrip("."), hint=f"`{command} --help` shows how it is used")
