"""Dask as an executor: processes of this machine with one thread each, or the workers of a scheduler."""

from __future__ import annotations

import logging
import pickle
import signal
import threading
import time
from collections import deque
from contextlib import suppress
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from cgcli.errors import CalculationError, CgError, DataError, MissingExtra
from cgcli.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Any

WAITING = 4
"""Tasks for each worker that are handed out before the first result is taken."""

INLINE = 200_000
"""Bytes of a job that go along with each task; larger ones are laid down on the workers once."""

ATTEMPTS = 3
"""How often a task is handed out again after all that the scheduler itself tries."""

QUIET = {
    "distributed.logging": {"distributed": "critical", "tornado": "critical", "asyncio": "critical"},
    "distributed.scheduler.allowed-failures": 10, "distributed.worker.daemon": True,
    "distributed.admin.low-level-log-length": 0, "distributed.comm.timeouts.connect": "10s",
}  # fmt: skip
"""Settings of a cluster of our own: a worker that dies says nothing on somebody's terminal."""

PATIENCE = 2
"""Seconds that client and scheduler have to say goodbye."""

GLANCE, GONE = 2.0, 12.0
"""Seconds after which one looks whether there still are workers, and after which one that is missing is replaced."""

SAME_FILES = "workers need the same files by the same names; give whole paths where they run in other folders"

LOGGERS = ("distributed", "tornado", "asyncio")

_JOBS = Kept(8)
"""In a worker: jobs that were unpickled, by their bytes."""


class DaskExecutor:
    """Runs tasks on the workers of Dask.

    cluster: how many processes to start here, or the address of a scheduler. MissingExtra without `distributed`,
    CalculationError where no scheduler answers.
    """

    def __init__(self, cluster: int | str) -> None:
        try:
            import dask
            from distributed import Client
        except ImportError:
            raise MissingExtra("a cluster needs the package `distributed`", hint="pip install 'cgcli[dask]'") from None
        self._levels = {name: logging.getLogger(name).level for name in LOGGERS}
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._wanted = cluster if isinstance(cluster, int) else 1
        self._cluster: Any = None
        self._client: Any = None
        self._settings = dask.config.set(QUIET)
        try:
            if isinstance(cluster, int):
                self._cluster = Starting(cluster).started()
            self._client = Client(self._cluster or cluster, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            self.close()
            said = " ".join(str(error).split()).rstrip(".")
            raise CalculationError(f"there is no cluster at `{cluster}`: {said}") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> DaskExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def workers(self) -> list[int]:
        """The process of each worker."""
        return sorted(self._client.run(process_number).values())

    def run(self, function: Callable[[Any, Any], Any], job: Any, tasks: Sequence[Any]) -> Iterator[Any]:
        """As every executor. Each call has keys of its own: no answer of another one can come back."""
        packed = pickle.dumps(job)
        sent = packed if len(packed) <= INLINE else self._laid_down(packed)
        coming = iter(enumerate(tasks))
        waiting: deque[tuple[int, Any]] = deque()
        # no `workers=` here: a task with a home waits for it for ever where all workers died at once
        most = WAITING * max(len(self._client.scheduler_info(n_workers=-1)["workers"]), 1)
        try:
            while True:
                while len(waiting) < most and (following := next(coming, None)) is not None:
                    place, task = following
                    waiting.append((place, self._client.submit(done, function, sent, task, pure=False)))
                if not waiting:
                    return
                place, future = waiting.popleft()
                yield self._result(future, function, packed, tasks[place])
        finally:
            waiting.clear()  # what nobody waits for any more, the scheduler forgets

    def _laid_down(self, packed: bytes) -> Any:
        """A large job on every worker."""
        return self._client.scatter(packed, broadcast=True, hash=False)

    def _result(self, future: Any, function: Callable[[Any, Any], Any], packed: bytes, task: Any) -> Any:
        """The result of a task, which is handed out again where it, or what it needs, was lost with its worker."""
        from concurrent.futures import CancelledError

        from distributed import CancelledError as Cancelled
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker

        for _ in range(ATTEMPTS):
            try:
                found = self._waited_for(future)
                if isinstance(found, Failure):
                    raise found.error()
                return found
            except CgError:
                raise
            except ModuleNotFoundError as error:
                raise CalculationError(
                    f"a worker of the cluster has no package `{error.name}`", hint="install the same cgcli everywhere"
                ) from None
            except (KilledWorker, Cancelled, CancelledError):
                future = self._client.submit(done, function, packed, task, pure=False)
            except (CommClosedError, OSError) as error:
                raise CalculationError(f"the cluster does not answer any more: {error}") from None
        raise CalculationError(
            f"workers die again and again while they compute {task_name(task)}",
            hint="perhaps their memory is not enough",
        )

    def _waited_for(self, future: Any) -> Any:
        """What a task gives, however long it takes, as long as there are workers."""
        missing_since, patience = None, GONE
        while True:
            try:
                return future.result(timeout=GLANCE)
            except TimeoutError:
                if future.done():
                    continue
            living = len(self._client.scheduler_info(n_workers=-1)["workers"])
            if living >= self._wanted:
                missing_since = None
            elif missing_since is None:
                missing_since = time.monotonic()
            elif time.monotonic() - missing_since > patience:
                self._replace(self._wanted - living)
                missing_since, patience = None, 4 * patience  # a busy machine starts them slowly

    def _replace(self, count: int) -> None:
        """Start workers in the place of some that nobody restarts: they were killed while they were being started.

        CalculationError where these are workers of somebody else, and not one is left.
        """
        if self._cluster is None:
            raise CalculationError("the cluster has no workers", hint="start some: dask worker ADDRESS")
        self._cluster.scale(len(self._cluster.worker_spec) + count)

    def close(self) -> None:
        """End the processes that were started here; a scheduler of others stays as it is."""
        if self._cluster is not None:
            end_workers(self._cluster)
        for part in (self._client, self._cluster):
            if part is not None:
                with suppress(Exception):
                    part.close(timeout=PATIENCE)
        self._client = self._cluster = None
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        self._settings.__exit__(None, None, None)


class Starting:
    """A cluster of processes of this machine that is being started, by a thread in which Ctrl-C is blocked.

    Threads and processes inherit that: a terminal sends Ctrl-C to all of them, and only this process shall answer it,
    at once, also while the others start.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._cluster: Any = None
        self._error: BaseException | None = None
        self._unwanted = False

    def started(self) -> Any:
        """The cluster, once it is there."""
        thread = threading.Thread(target=self._start, daemon=True)
        thread.start()
        try:
            thread.join()
        except BaseException:
            self._unwanted = True
            if self._cluster is not None:
                end_workers(self._cluster)
            raise
        if self._error is not None:
            raise self._error
        return self._cluster

    def _start(self) -> None:
        from distributed import LocalCluster

        if hasattr(signal, "pthread_sigmask"):
            resource_tracker.ensure_running()  # it would let signals through again
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            self._cluster = LocalCluster(
                n_workers=self._workers, threads_per_worker=1, processes=True, silence_logs=logging.CRITICAL,
                memory_limit=0, scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            )  # fmt: skip
        except BaseException as error:
            self._error = error
        if self._unwanted and self._cluster is not None:
            end_workers(self._cluster)


def end_workers(cluster: Any) -> None:
    """End the processes of workers at once: they hold nothing, and one that computes would not hear."""
    for nanny in list(cluster.workers.values()):
        with suppress(Exception):
            nanny.auto_restart = False
            nanny.process.process._process.kill()


def done(function: Callable[[Any, Any], Any], packed: bytes, task: Any) -> Any:
    """In a worker: a task, in one thread. The job is unpickled once."""
    from cgcli.engines.threads import at_most

    at_most(1)
    try:
        job = _JOBS.get(packed)
        if job is None:
            job = pickle.loads(packed)
            _JOBS.put(packed, job)
        return function(job, task)
    except CgError as error:
        return Failure(error)
    except FileNotFoundError as error:
        return Failure(DataError(f"a worker of the cluster finds no `{error.filename}`", hint=SAME_FILES))
    except MemoryError:
        return Failure(CgError("the memory of a worker is not enough for this"))


class Failure:
    """An error on its way from a worker, as what it says: Dask would log it, and may change it on its way."""

    def __init__(self, error: CgError) -> None:
        self._kind = type(error)
        self._told = (error.message, error.span, error.source, error.hint)

    def error(self) -> CgError:
        """The error again."""
        message, span, source, hint = self._told
        return self._kind(message, span=span, source=source, hint=hint)


def process_number() -> int:
    """The number of this process."""
    import os

    return os.getpid()


def task_name(task: Any) -> str:
    """A task as messages call it: the file that it reads."""
    try:
        return f"`{task[0][0]}`"
    except (TypeError, IndexError, KeyError):
        return "a task"
