"""Columns that hold the elements of an array, one array a row: `input x[784]` from x0 … x783, or pixel1 … pixel784."""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING

from cgcli.data.table import Elements
from cgcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.data.table import Named, Table

    Shape = tuple[int, ...]
    Index = tuple[int, ...]

NUMBERED = "{name}*", "{name}_*", "{name}.*", "{name}[*]", "{name}[*,*]", "{name}[*, *]", "{name}[*,*,*]"
"""How tables call the elements of an array; the star is a number."""


def elements_of(name: str, shape: Shape, table: Table, *, needed: bool) -> Named | None:
    """The columns with the elements of an input of this shape, as they are usually called; None where there are none.

    They count from 0, or, of a vector, from 1, and all of them are there. UsageError where some of them are not and the
    input is needed: it has no default.
    """
    short: list[str] = []
    for pattern in NUMBERED:
        found = matching(pattern.format(name=name), table.columns)
        if found and is_whole(list(found), shape):
            return Elements(list(found.values()), shape)
        if len(found) > len(short):
            short = list(found.values())
    if needed and len(short) > 1:
        raise UsageError(
            f"the input `{name}` has {prod(shape):,} elements, and the table has {len(short):,} columns "
            f"{listed(short)} for them",
            hint=f"declare `input {name}[{len(short)}]`, or say which: --bind '{name}={short[0][:-1]}*'",
        )
    return None


def chosen_elements(name: str, pattern: str, shape: Shape, table: Table) -> Named:
    """The columns that a pattern such as `pixel*` names, in the order of the numbers that its stars stand for.

    shape: the declared one; () makes it a vector. UsageError where there are none, or not as many as elements.
    """
    found = matching(pattern, table.columns)
    if not found:
        raise UsageError(
            f"`{table.path}` has no columns `{pattern}`",
            hint="the star stands for a number: pixel* is pixel0, pixel1 …",
        )
    if shape and prod(shape) != len(found):
        raise UsageError(
            f"the input `{name}` has {prod(shape):,} elements, and `{pattern}` are {len(found):,} columns",
            hint=f"they are {listed(list(found.values()))}",
        )
    return Elements(list(found.values()), shape or (len(found),))


def matching(pattern: str, columns: Sequence[str]) -> dict[Index, str]:
    """The columns of a pattern by the numbers in the place of its stars, in their order.

    UsageError where two columns have the same numbers (x1 and x01).
    """
    expression = re.compile(r"(\d+)".join(map(re.escape, pattern.split("*"))))
    found: dict[Index, str] = {}
    for column in columns:
        matched = expression.fullmatch(column)
        if matched is not None:
            index = tuple(map(int, matched.groups()))
            if index in found:
                raise UsageError(f"the columns `{found[index]}` and `{column}` are the same element of `{pattern}`")
            found[index] = column
    return dict(sorted(found.items()))


def is_whole(indices: Sequence[Index], shape: Shape) -> bool:
    """Whether sorted indices are those of all elements: from 0 on each axis; or one count, from 0 or from 1."""
    if len(indices) != prod(shape):
        return False
    if len(indices[0]) == 1:
        return indices[0][0] in (0, 1) and indices[-1][0] - indices[0][0] == len(indices) - 1
    return len(indices[0]) == len(shape) and indices[-1] == tuple(length - 1 for length in shape)


def listed(columns: Sequence[str]) -> str:
    """`a`, `b` … `z`."""
    shown = ", ".join(f"`{name}`" for name in columns[:2])
    return f"{shown} … `{columns[-1]}`" if len(columns) > 2 else shown
