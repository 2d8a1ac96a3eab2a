"""What a line of `cg fit` or `cg minimize` says of parameters: where they start, their bounds, which are fixed."""

from __future__ import annotations

from math import inf, isnan
from typing import TYPE_CHECKING, Any, NamedTuple

from cgcli.cli.arguments import could_be_name, is_value_file, read_bindings, split_bindings, split_names
from cgcli.errors import UsageError
from cgcli.language.spelling import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.formulas.base import FormulaBase

    Range = tuple[Any, Any]


class Starts(NamedTuple):
    """values: a number or an array by name. ranges: the lowest and the highest place to start in, by name."""

    values: dict[str, Any]
    ranges: dict[str, Range]


def read_starts(words: Sequence[str] | None, formula: FormulaBase | None) -> Starts:
    """NAME=VALUE and NAME=LOW:HIGH words, and files of values. UsageError for other words and for an empty range."""
    words = words or ()
    texts = split_bindings([word for word in words if not is_value_file(word)])
    ranged = {name: text for name, text in texts.items() if split_range(text)}
    plain = [f"{name}={text}" for name, text in texts.items() if name not in ranged]
    values = read_bindings([*(word for word in words if is_value_file(word)), *plain], formula)
    ranges = {name: read_range(name, text, ends=True) for name, text in ranged.items()}
    return Starts({name: value for name, value in values.items() if name not in ranges}, ranges)


def read_bounds(words: Sequence[str] | None) -> dict[str, Range]:
    """`--bound NAME=LOW:HIGH`, of which an end may be left out. UsageError for other words, and for an empty range."""
    found: dict[str, Range] = {}
    for word in words or ():
        name, equals, text = word.partition("=")
        name = canonical(name.strip())
        if not equals or not could_be_name(name) or split_range(text) is None:
            raise UsageError(
                f"`{word}` is not of the form NAME=LOW:HIGH",
                hint="for example --bound a=0:10, or --bound a=0:",
            )
        if name in found:
            raise UsageError(f"`{name}` has two bounds", hint="give both ends at once: --bound a=0:10")
        found[name] = read_range(name, text, ends=False)
    return found


def read_fixed(words: Sequence[str] | None, bindings: Sequence[str] | None) -> tuple[list[str], dict[str, Any]]:
    """`--fix NAME=VALUE` and `--fix a,b`: the names, and the values of those that have one. UsageError for others.

    bindings: the NAME=VALUE words of the line, none of which may give a second value to what is fixed at one.
    """
    names: list[str] = []
    given = [word for word in words or () if "=" in word]
    values = read_bindings(given)
    for word in words or ():
        if "=" not in word:
            names += split_names(word) or []
    for name in [*names, *values]:
        if [*names, *values].count(name) > 1:
            raise UsageError(f"`{name}` is fixed twice", hint="give each name once")
    for name in split_bindings([word for word in bindings or () if not is_value_file(word)]):
        if name in values:
            raise UsageError(
                f"`{name}` has two values, one with --fix and one without", hint=f"fix it at the other: --fix {name}"
            )
    return [*names, *values], values


def read_sigma_x(words: Sequence[str] | None) -> Any:
    """`--sigma-x SIGMA` and `--sigma-x INPUT=SIGMA`: one for all, sigma by input, or None. UsageError for both at once.

    A sigma is a column, a formula over columns, or a number.
    """
    named: dict[str, Any] = {}
    for word in words or ():
        name, equals, text = word.partition("=")
        if not equals or text.startswith("=") or not could_be_name(canonical(name.strip())):
            if len(words or ()) > 1:
                raise UsageError("which input has which sigma?", hint="--sigma-x INPUT=SIGMA, once for each input")
            return number_or_text(word)
        if canonical(name.strip()) in named:
            raise UsageError(f"`{name.strip()}` has two sigmas", hint="give each input once")
        named[canonical(name.strip())] = number_or_text(text.strip())
    return named or None


def number_or_text(text: str | None) -> str | float | None:
    """A number where a text is one; else a column, or a formula over columns."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def split_range(text: str) -> tuple[str, str] | None:
    """The two sides of the one colon outside of brackets; None where a text has no such colon."""
    depth, places = 0, []
    for place, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == ":" and depth == 0:
            places.append(place)
    return (text[: places[0]].strip(), text[places[0] + 1 :].strip()) if len(places) == 1 else None


def read_range(name: str, text: str, *, ends: bool) -> Range:
    """LOW:HIGH as numbers or arrays. ends: whether both have to be there, and finite; else one may be missing."""
    from cgcli.formulas.values import read_value

    sides = split_range(text)
    assert sides is not None
    low = read_value(name, sides[0]) if sides[0] else -inf
    high = read_value(name, sides[1]) if sides[1] else inf
    if isinstance(low, float) and isinstance(high, float):
        open_end = low == -inf or high == inf
        if isnan(low) or isnan(high) or low > high or (ends and open_end):
            hint = f"for example {name}=0:10" + ("" if ends else f", or {name}=0: without an end")
            what = "goes from a lower number to a higher one" if ends else "has its lower end first"
            raise UsageError(f"`{text.strip()}` is no range for `{name}`: it {what}", hint=hint)
    return low, high
