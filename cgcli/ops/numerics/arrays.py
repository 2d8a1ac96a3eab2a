"""What the algorithms take: arrays of doubles, or numbers as such."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def doubles(x: Any) -> Array:
    """An array of doubles. TypeError for complex numbers, for which these algorithms are not made."""
    found = np.asarray(x)
    if found.dtype.kind == "c":
        raise TypeError("real numbers are needed")
    return found.astype(np.float64, copy=False)
