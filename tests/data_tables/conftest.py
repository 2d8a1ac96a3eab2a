from __future__ import annotations

import json

import numpy as np
import pytest

from cgcli.__main__ import main


class Run:
    """What a command line did."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    @property
    def summary(self):
        return json.loads(self.out)


@pytest.fixture
def cg(capfd, tmp_path, monkeypatch):
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Run:
        code = main(list(words))
        captured = capfd.readouterr()
        return Run(code, captured.out, captured.err)

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
