"""Which folds are kept, whatever would pay."""

from __future__ import annotations

from contextlib import contextmanager
from unittest.mock import patch

from cgcli.language import forms, keeping


@contextmanager
def everything_kept():
    """Each fold is kept that can be."""
    with patch.object(keeping, "KEPT_NODES", 0), patch.object(forms, "LEAST_STEPS", 1):
        yield


@contextmanager
def nothing_kept():
    """Each fold is written out."""
    with patch.object(forms, "LEAST_STEPS", 10**12):
        yield
