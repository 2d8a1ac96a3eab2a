"""Values of nodes, which are floats or arrays, looked at as arrays of doubles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any


def array_of(value: Any) -> Any:
    """A value as an array of doubles."""
    return np.asarray(value, dtype=float)


def size_of(value: Any) -> float:
    """How large a value is: the absolute value of its largest element, 0 of an empty array, nan where one is nan."""
    return float(np.max(np.abs(array_of(value)), initial=0.0))
