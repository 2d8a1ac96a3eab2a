from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def cg(run):
    """`cg("eval", …)`, as one types it."""
    return run


@pytest.fixture(params=["pyarrow", "plain"])
def csv_reader(request, monkeypatch):
    """Both ways to read CSV: with pyarrow, and without it."""
    if request.param == "plain":
        without_pyarrow(monkeypatch)
    return request.param


def without_pyarrow(monkeypatch) -> None:
    monkeypatch.setattr("cgcli.data.formats.has_pyarrow", lambda: False)


def loaded(path):
    """The columns of an NPY or NPZ file, which is closed at once: the collector may close it too late."""
    found = np.load(path, allow_pickle=False)
    if isinstance(found, np.ndarray):
        return {name: found[name] for name in found.dtype.names}
    with found:
        return dict(found)
