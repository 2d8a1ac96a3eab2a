"""What `cg minimize` and `cg solve` share: bounds and fixed inputs on a line, and the file of a result."""

from __future__ import annotations

import json
from math import inf, isnan

from cgcli.cli.arguments import could_be_name, read_bindings, split_bindings, split_names
from cgcli.cli.output import jsonable
from cgcli.errors import UsageError
from cgcli.files import write_file
from cgcli.formulas.values import read_value
from cgcli.language.spelling import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def read_bounds(words: Sequence[str] | None) -> dict[str, tuple[Any, Any]]:
    """`--bound NAME=LOW:HIGH`, of which an end may be left out. UsageError for other words, and for an empty range."""
    found: dict[str, tuple[Any, Any]] = {}
    for word in words or ():
        name, equals, text = word.partition("=")
        name = canonical(name.strip())
        if not equals or not could_be_name(name) or text.count(":") != 1:
            raise UsageError(
                f"`{word}` is not of the form NAME=LOW:HIGH",
                hint="for example --bound x=0:10, or --bound x=0: for one end",
            )
        if name in found:
            raise UsageError(f"`{name}` has two bounds", hint="give both ends at once: --bound x=0:10")
        found[name] = read_range(name, text)
    return found


def read_range(name: str, text: str) -> tuple[Any, Any]:
    """LOW:HIGH as numbers or arrays; a missing end is infinite. UsageError for an empty range."""
    first, _, second = text.partition(":")
    low = read_value(name, first) if first.strip() else -inf
    high = read_value(name, second) if second.strip() else inf
    if isinstance(low, float) and isinstance(high, float) and (isnan(low) or isnan(high) or low > high):
        raise UsageError(f"`{text.strip()}` is no range for `{name}`", hint=f"for example {name}=0:10")
    return low, high


def read_starts(words: Sequence[str] | None) -> tuple[dict[str, Any], dict[str, tuple[Any, Any]]]:
    """NAME=VALUE words as values, and NAME=LOW:HIGH words as brackets."""
    brackets = {
        name: read_range(name, text)
        for name, text in split_bindings([word for word in words or () if is_range(word)]).items()
    }
    return read_bindings([word for word in words or () if not is_range(word)]), brackets


def is_range(word: str) -> bool:
    """Whether a word is NAME=LOW:HIGH; a colon within brackets is a slice."""
    _, equals, text = word.partition("=")
    return bool(equals) and text.count(":") == 1 and not set(text) & set("[(@")


def read_fixed(words: Sequence[str] | None) -> tuple[list[str], dict[str, Any]]:
    """`--fix NAME=VALUE` and `--fix a,b`: the names, and the values of those that have one."""
    values = read_bindings([word for word in words or () if "=" in word])
    names = [name for word in words or () if "=" not in word for name in split_names(word) or ()]
    return [*names, *values], values


def write_result(path: str, document: dict[str, Any]) -> None:
    """A result as JSON under its name, whole or not at all. DataError where it cannot be written."""
    write_file(path, (json.dumps(jsonable(document), ensure_ascii=False, indent=1) + "\n").encode())
