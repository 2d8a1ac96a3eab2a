"""Threads that wait for work, and how many there may be."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for work: making them anew for every table costs as much as 100,000 cheap rows."""
    return ThreadPoolExecutor(threads, thread_name_prefix="cg")


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _forget_threads() -> None:
    """In a process that was made by `fork`: the threads of its parent are not there."""
    pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
