"""Values by name from a JSON text: what `cg fit -o` and `cg … --json` write, or a plain mapping."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from cgcli.data.cells import NAN_WITH_PAYLOAD
from cgcli.errors import DataError
from cgcli.language.spelling import canonical

if TYPE_CHECKING:
    from typing import Any

    from cgcli.errors import Source

EXAMPLE = 'for example {"a": 1.5, "w": [1, 2, 3]}, or what `cg fit -o` writes'
KINDS = {bool: "a truth value", type(None): "null", dict: "an object"}


class _Twice(ValueError):
    """A key that stands twice in one object."""


def read_values(source: Source, *, exact: bool = False) -> dict[str, Any]:
    """Numbers and nested lists of numbers by name; of a document with `values` those, and those in `fixed`.

    Texts are numbers, too: `nan`, `inf` and `-inf`, as JSON has none, and long numbers as `--digits` writes them.
    exact: numbers are read as decimals, not as doubles. DataError with the place where the text is no JSON, and for
    what holds no values by name.
    """
    found = _document(source, exact)
    if isinstance(found, dict) and isinstance(found.get("values"), dict):
        fixed = found.get("fixed")
        found = (fixed if isinstance(fixed, dict) else {}) | found["values"]
    if not isinstance(found, dict):
        raise DataError(f"`{source.name}` holds no values by name", hint=EXAMPLE)
    values: dict[str, Any] = {}
    for name, value in found.items():
        read = canonical(name.strip())
        if read in values:
            raise DataError(f"`{source.name}` gives `{read}` twice, in two spellings")
        values[read] = (
            _number(value, exact, name, source) if not isinstance(value, list) else _array(value, exact, name, source)
        )
    return values


def _document(source: Source, exact: bool) -> Any:
    """The JSON document. DataError with the place."""
    from decimal import Decimal

    try:
        return json.loads(source.text, parse_float=Decimal if exact else float, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        place = min(error.pos, max(len(source.text.rstrip()) - 1, 0))
        what = error.msg[:1].lower() + error.msg[1:]
        raise DataError(
            f"`{source.name}` is no JSON: {what}", span=(place, place + 1), source=source, hint=EXAMPLE
        ) from None
    except _Twice as twice:
        raise DataError(f"`{source.name}` gives `{twice}` twice", hint="give each name once") from None
    except RecursionError:
        raise DataError(f"`{source.name}` has too many lists in lists", hint=EXAMPLE) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, in which each key stands once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in found if names.count(name) > 1))
    return found


def _array(items: list[Any], exact: bool, name: str, source: Source) -> Any:
    """A nested list with each text in it read as a number. DataError for other items."""
    import numpy as np

    try:
        array = np.array(items, dtype=object)
    except ValueError:  # lists of several lengths; what is said of them is said where values are bound
        return items
    for place, item in enumerate(array.flat):
        if isinstance(item, list):
            return items
        array.flat[place] = _number(item, exact, name, source)
    return array if exact else _doubles(array, name, source)


def _doubles(array: Any, name: str, source: Source) -> Any:
    try:
        return array.astype(float)
    except OverflowError:
        raise DataError(f"`{source.name}`: the value of `{name}` is too large for a double") from None


def _number(value: Any, exact: bool, name: str, source: Source) -> Any:
    """A number, or the number that a text is. DataError for everything else."""
    kind = KINDS.get(type(value))
    if kind is not None:
        raise DataError(f"`{source.name}`: the value of `{name}` is {kind}, not a number", hint=EXAMPLE)
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        number = float("nan" if NAN_WITH_PAYLOAD.fullmatch(text) else text)
    except ValueError:
        raise DataError(f"`{source.name}`: the value of `{name}` is no number but `{text}`", hint=EXAMPLE) from None
    if exact and number - number == 0:
        from decimal import Decimal

        return Decimal(text)
    return number


class Errors(NamedTuple):
    """What a document says of errors: errors by name; covariances of elements, by their labels; degrees of freedom."""

    errors: dict[str, Any]
    covariance: dict[tuple[str, str], float]
    dof: float | None


def read_errors(source: Source) -> Errors:
    """What a document, as `cg fit -o` writes it, says of errors: `errors` by name, `names` and `covariance`, `dof`.

    What it does not say is empty. DataError where that cannot be meant.
    """
    found = _document(source, exact=False)
    if not isinstance(found, dict) or not isinstance(found.get("values"), dict):
        return Errors({}, {}, None)
    errors, matrix, dof = found.get("errors", {}), found.get("covariance", []), found.get("dof")
    names = found.get("names", list(found["values"]))
    usable = isinstance(errors, dict) and isinstance(names, list) and all(isinstance(name, str) for name in names)
    square = isinstance(matrix, list) and all(isinstance(row, list) and len(row) == len(matrix) for row in matrix)
    if not usable or not square or len(matrix) not in (0, len(names)):
        raise DataError(f"`{source.name}` holds errors that cannot be read", hint="as `cg fit -o` writes them")
    labels = [canonical(name.strip()) for name in names]
    return Errors(
        {canonical(name.strip()): _array(value, False, name, source) if isinstance(value, list)
         else _number(value, False, name, source) for name, value in errors.items()},
        {(first, second): _number(value, False, f"{first}, {second}", source)
         for first, row in zip(labels, matrix, strict=False) for second, value in zip(labels, row, strict=True)},
        None if dof is None else float(_number(dof, False, "dof", source)),
    )  # fmt: skip
