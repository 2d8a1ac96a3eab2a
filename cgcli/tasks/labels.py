"""What keys and functions of a task graph are called."""

from __future__ import annotations

import re

from cgcli.numerals import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

TOKEN = re.compile(r"-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|-[0-9a-f]{32}$")
"""What Dask puts behind a name, to tell a task from others of that name."""


def key_text(key: Hashable) -> str:
    """A key as messages show it: a text as it is, ('x', 0, 1) as x[0, 1]."""
    if isinstance(key, tuple) and key and isinstance(key[0], str):
        return f"{key[0]}[{', '.join(map(str, key[1:]))}]" if len(key) > 1 else key[0]
    return key if isinstance(key, str) else repr(key)


def key_name(key: Hashable) -> str:
    """A key as the name of an input: letters, digits and `_`, without what tells equal names apart."""
    parts = key if isinstance(key, tuple) else (key,)
    words = [TOKEN.sub("", str(part)) for part in parts]
    name = re.sub(r"\W+", "_", "_".join(words)).strip("_")
    return name if name and not name[0].isdigit() else f"n{name}"


def function_label(function: Callable[..., Any]) -> str:
    """What a function is called in messages and pictures; of a partial one the function inside."""
    inner = function
    for _ in range(9):
        wrapped = getattr(inner, "func", None) or getattr(inner, "first", None)
        if not callable(wrapped):
            break
        inner = wrapped
    name = getattr(inner, "__name__", None) or type(inner).__name__
    return shortened(str(name), 40)
