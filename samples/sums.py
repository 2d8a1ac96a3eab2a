"""Graphs of tasks, as somebody builds them with Dask; see docs/dask.md."""

import numpy as np
from dask import delayed


@delayed
def inc(x):
    """One more."""
    return x + 1


@delayed
def square(x):
    """The square."""
    return x * x


@delayed
def sum_list(numbers):
    """The sum."""
    return sum(numbers)


total = sum_list([square(inc(i)) for i in range(8)])

x = delayed(3.0, name="x")
wave = delayed(np.sin)(x) * x + square(inc(x))
