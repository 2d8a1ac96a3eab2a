"""Values of a session as text, and what a line changed: name, before, after."""

from __future__ import annotations

from math import prod
from struct import pack
from typing import NamedTuple

from cgcli.cli.output import number_text
from cgcli.excerpts import width
from cgcli.numerals import shape_of, short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

LONGEST = 200
"""Numbers of an array that are written out; of a longer one the first and the last are shown."""


class Change(NamedTuple):
    """A name whose value is another one; None where it had none, or has none any more."""

    name: str
    before: Any
    after: Any


def is_same(one: Any, other: Any) -> bool:
    """Whether two values have the same bits; any two nan have."""
    if one is None or other is None:
        return one is other
    if shape_of(one) != shape_of(other):
        return False
    if shape_of(one):
        return bool(one.tobytes() == other.tobytes())
    one, other = float(one), float(other)
    return (one != one and other != other) or pack("d", one) == pack("d", other)


def value_text(value: Any) -> str:
    """A value as it is shown: every digit, but of a long array a few numbers and its shape."""
    if value is None:
        return "(none)"
    shape = shape_of(value)
    if prod(shape) <= LONGEST:
        return number_text(value)
    return f"{short(value)}, {'×'.join(map(str, shape))} numbers"


def change_lines(changes: Sequence[Change], columns: int | None, arrow: str = "→") -> Iterator[str]:
    """Changes under each other, each on one line where that is no wider than so many columns."""
    wide = max((width(change.name) for change in changes), default=0)
    for name, before, after in changes:
        line = f"{name}{' ' * (wide - width(name))}  {value_text(before)} {arrow} {value_text(after)}"
        if columns is None or width(line) <= columns:
            yield line
        else:
            yield from (name, f"  {value_text(before)}", f"  {arrow} {value_text(after)}")
