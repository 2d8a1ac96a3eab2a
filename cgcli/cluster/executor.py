"""Who runs tasks. The interface is small on purpose: whoever has workers can offer it.

    executor.run(function, job, tasks)      an iterator over function(job, task), in the order of the tasks
    executor.close()                        nothing is left behind

A function may be run again for a task whose worker died, and has to be one that a worker can import. `LocalExecutor`
is the plainest one, in this process; Dask's is in `dask_executor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from cgcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Any

EXAMPLE = "local:2 for two processes on this machine, or the address of a scheduler: tcp://scheduler:8786"


@runtime_checkable
class Executor(Protocol):
    """Runs a function for each of some tasks."""

    def run(self, function: Callable[[Any, Any], Any], job: Any, tasks: Sequence[Any]) -> Iterator[Any]:
        """The results of function(job, task), in the order of the tasks. The first error, in that order, is raised."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class LocalExecutor:
    """Runs tasks in this process, one after the other."""

    def run(self, function: Callable[[Any, Any], Any], job: Any, tasks: Sequence[Any]) -> Iterator[Any]:
        """As every executor."""
        return (function(job, task) for task in tasks)

    def close(self) -> None:
        """There is nothing to let go of."""


class Opened:
    """A cluster for a while: one of a text is opened here, and closed at the end; an executor stays as it is."""

    def __init__(self, cluster: str | Executor) -> None:
        self._cluster = cluster
        self._own: Executor | None = None

    def __enter__(self) -> Executor:
        if isinstance(self._cluster, str):
            self._own = opened(self._cluster)
            return self._own
        if not isinstance(self._cluster, Executor):
            raise UsageError(f"a value of type `{type(self._cluster).__name__}` is no cluster", hint=EXAMPLE)
        return self._cluster

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._own is not None:
            self._own.close()


def opened(word: str) -> Executor:
    """The executor that a word means: `local:2`, or `tcp://…`. UsageError for another word; MissingExtra."""
    workers = word.removeprefix("local:")
    if workers == word and "://" not in word:
        raise UsageError(f"`{word}` is no cluster", hint=EXAMPLE)
    if workers != word and not (workers.isdigit() and int(workers)):
        raise UsageError(f"`{workers}` is no count of workers", hint=EXAMPLE)
    from cgcli.cluster.dask_executor import DaskExecutor

    return DaskExecutor(int(workers) if workers != word else word)
