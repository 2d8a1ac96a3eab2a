"""Task graphs of Dask in Python."""

from __future__ import annotations

from cgcli.tasks.graph import TaskGraph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def from_dask(collection: Any, keys: Any = None, /) -> TaskGraph:
    """A graph that somebody built with Dask, as something that has `eval`, `grad` and `draw` as a formula has.

    collection: a Delayed, a bag, an array or a dataframe of Dask; or a mapping from keys to tasks as `dask.get` takes
    it, with the wanted key or a list of keys (without them the one task that no other uses).
    MissingExtra without Dask; UsageError for any other object; CalculationError for tasks that need each other.
    """
    return TaskGraph(collection, keys)
