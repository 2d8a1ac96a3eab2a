from __future__ import annotations

import io
import json

import numpy as np
import pytest

import cgcli as cg


def members_of(path):
    """Header and columns of a graph file, as NumPy reads them."""
    with np.load(path, allow_pickle=False) as file:
        columns = {name: file[name] for name in file.files}
    return json.loads(columns.pop("header").tobytes()), columns


def write_members(path, header, columns):
    """A file of these members, whatever they are."""
    with path.open("wb") as file:
        np.savez(file, header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8), **columns)


@pytest.fixture
def altered(tmp_path):
    """Write the graph of a text, change its members, and give the path."""

    def alter(text, change):
        path = tmp_path / "altered.npz"
        cg.parse(text).save(path)
        header, columns = members_of(path)
        change(header, columns)
        write_members(path, header, columns)
        return path

    return alter


@pytest.fixture
def archive():
    """The bytes of an array in NumPy's format."""

    def dump(array, **how):
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, **how)
        return stream.getvalue()

    return dump
