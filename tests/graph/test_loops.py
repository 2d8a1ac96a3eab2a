"""Loops over columns do what NumPy does, as plain Python and as machine code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgcli import loops
from cgcli.loops import is_on_disk, number_keys

KEYS = st.lists(st.integers(0, 2**62) | st.integers(0, 5), max_size=40)


@given(KEYS)
def test_keys_are_numbered_in_the_order_of_their_first_use(keys: list[int]) -> None:
    distinct, inverse = np.empty(64, dtype=np.int64), np.empty(len(keys), dtype=np.int64)
    table = np.full(128, -1, dtype=np.int64)
    count = number_keys(np.array(keys, dtype=np.int64), table, distinct, inverse)
    assert distinct[:count].tolist() == list(dict.fromkeys(keys))
    assert distinct[inverse].tolist() == keys


def test_too_many_keys_are_refused() -> None:
    distinct, inverse = np.empty(4, dtype=np.int64), np.empty(5, dtype=np.int64)
    assert number_keys(np.arange(5), np.full(8, -1, dtype=np.int64), distinct, inverse) == -1


def test_graphs_of_very_many_patterns_are_differentiated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import cgcli as cg

    monkeypatch.setattr("cgcli.passes.stamping.FEW_PATTERNS", 2)
    monkeypatch.setattr("cgcli.passes.differentiate.LARGE", (0, 0, 0))
    assert cg.parse("x^2 + x^3 + sin(x)*exp(x)").grad(x=0.0) == {"x": 1.0}


def test_machine_code_from_an_earlier_run_is_found_without_numba(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "reader.py"
    module.touch()
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    assert not is_on_disk(module, "drive")
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    (cache / "reader.driver-12.py311.nbi").touch()
    assert not is_on_disk(module, "drive")
    (cache / "reader.drive-12.py311.nbi").touch()
    assert is_on_disk(module, "drive")
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(elsewhere))
    assert not is_on_disk(module, "drive")
    (elsewhere / "language_1234").mkdir(parents=True)
    (elsewhere / "language_1234" / "reader.drive-12.py311.nbi").touch()
    assert is_on_disk(module, "drive")


def test_machine_code_goes_with_the_constants_of_other_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def name() -> str:
        return loops._named_by_constants(number_keys).__qualname__

    before = name()
    assert before == name()
    assert before.startswith("number_keys-")
    monkeypatch.setattr(loops, "MULTIPLIER", 3)
    assert name() != before
