"""Which folds and comprehensions are kept, whatever would pay."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from cgcli.language import forms, lists, recurrences, repeated


@contextmanager
def everything_kept():
    """Each fold is a loop and each comprehension an array, where that can be."""
    with patch.object(repeated, "KEPT_NODES", 0), _least(1):
        yield


@contextmanager
def nothing_kept():
    """Everything is written out."""
    with _least(10**12):
        yield


@contextmanager
def _least(steps):
    with ExitStack() as patches:
        for module in (forms, lists, recurrences):
            patches.enter_context(patch.object(module, "LEAST_STEPS", steps))
        yield
