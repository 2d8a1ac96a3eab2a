"""Which folds and comprehensions are kept, whatever would pay."""

from __future__ import annotations

from contextlib import contextmanager
from unittest.mock import patch

from cgcli.language import forms, lists, repeated


@contextmanager
def everything_kept():
    """Each fold is a loop and each comprehension an array, where that can be."""
    with (
        patch.object(repeated, "KEPT_NODES", 0),
        patch.object(forms, "LEAST_STEPS", 1),
        patch.object(lists, "LEAST_STEPS", 1),
    ):
        yield


@contextmanager
def nothing_kept():
    """Everything is written out."""
    with _least(10**12):
        yield


@contextmanager
def _least(steps):
    with patch.object(forms, "LEAST_STEPS", steps), patch.object(lists, "LEAST_STEPS", steps):
        yield
