"""A cluster that stays open for many calls."""

from __future__ import annotations

from cgcli.cluster.executor import Opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Any


class Cluster:
    """Workers for `cluster=`: `Cluster("local:2")` starts two processes here, `Cluster("tcp://host:8786")` asks a
    scheduler.

    A context manager; at the end of the block, or by `close()`, the processes that were started end. An executor of
    another kind (anything with `run` and `close`, see `cgcli.cluster.executor`) can be given to `cluster=` as it is.
    MissingExtra without `distributed`, UsageError for another word, CalculationError where no scheduler answers.
    """

    def __init__(self, where: str) -> None:
        self._opened = Opened(where)
        self._executor = self._opened.__enter__()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, function: Callable[[Any, Any], Any], job: Any, tasks: Sequence[Any]) -> Iterator[Any]:
        """The results of function(job, task), in the order of the tasks."""
        return self._executor.run(function, job, tasks)

    def close(self) -> None:
        """End the processes that were started."""
        self._opened.__exit__(None, None, None)
