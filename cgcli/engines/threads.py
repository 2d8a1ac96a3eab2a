"""Threads that wait for work, and how many there may be."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import chain, islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeVar

    Found = TypeVar("Found")


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for work: making them anew for every table costs as much as 100,000 cheap rows."""
    return ThreadPoolExecutor(threads, thread_name_prefix="cg")


_MOST: list[int] = []
"""The bound that `at_most` set, if any."""


def at_most(threads: int) -> None:
    """Let calculations of this process use so many threads at most: a worker beside others has one."""
    _MOST[:] = [threads]


def processors() -> int:
    """How many processors this process may use."""
    if _MOST:
        return _MOST[0]
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def of_libraries() -> int:
    """How many threads a library takes for products of matrices, whose last bits may hang on that."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        told = os.environ.get(name, "")
        if told.isdecimal() and int(told):
            return int(told)
    return processors()


def _forget_threads() -> None:
    """In a process that was made by `fork`: the threads of its parent are not there."""
    pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def in_order(jobs: Iterable[Callable[[], Found]], threads: int, waiting: int = 8) -> Iterator[Found]:
    """The results of jobs, in their order. One job alone, or one thread, needs no other.

    waiting: at most so many are begun before the first result is taken, and jobs are asked for no earlier.
    """
    coming = iter(jobs)
    begun = list(islice(coming, 2))
    if threads == 1 or len(begun) < 2:
        for job in chain(begun, coming):
            yield job()
        return
    running: deque[Future[Found]] = deque()
    try:
        for job in chain(begun, coming):
            running.append(pool(threads).submit(job))
            if len(running) > waiting:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for work in running:
            work.cancel()
