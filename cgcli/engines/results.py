"""What leaves an engine for its caller: memory that nobody else knows.

An engine may answer with the very array that it was given, with a view of one, or twice with the same one. A caller
may write to what he gets (`total += f.grad(…)["v"]`), so such an array is copied; what was computed anew is not.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def separated(found: Iterable[Any], given: Iterable[Any] = ()) -> list[Any]:
    """Values as callers see them: floats for NumPy's scalars, and arrays that share memory with nothing.

    given: what the values were computed from. An array stays as it is where it covers all of a piece of memory that
    neither a given value nor a value before it uses.
    """
    used = {id(root(value)) for value in given if hasattr(value, "flags")}
    result = []
    for value in found:
        shape = getattr(value, "shape", None)
        if shape is None or hasattr(value, "_mpf_"):
            result.append(value)
        elif shape == ():
            result.append(float(value))
        else:
            memory = root(value)
            if id(memory) in used or not (value.flags.writeable and memory.flags.owndata) or value.size < memory.size:
                value = value.copy()
            used.add(id(memory))
            result.append(value)
    return result


def root(value: Any) -> Any:
    """The array whose memory a view shows; an array itself where it is none."""
    while hasattr(value.base, "flags"):
        value = value.base
    return value


def own_columns(found: dict[int, Any], wanted: Iterable[int]) -> list[Any]:
    """Columns of results by position: engines make them anew, but two nodes may have one."""
    used: set[int] = set()
    result = []
    for node in wanted:
        column = found[node]
        if column.ctypes.data in used and column.size:
            column = column.copy()
        used.add(column.ctypes.data)
        result.append(column)
    return result
