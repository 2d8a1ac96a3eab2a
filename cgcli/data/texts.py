"""Columns of texts as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cgcli.data.cells import number_of
from cgcli.data.table import Batch


def numbers_of(texts: Sequence[str], decimal: str = ".") -> tuple[Any, list[int]]:
    """Texts as float64 with nan for what is missing or no number, and the places of the latter."""
    together = "".join(texts)
    if together.isascii() and "_" not in together and decimal == ".":
        with suppress(ValueError):
            return np.array(list(map(float, texts)), dtype=np.float64), []
    found = [number_of(text, decimal) for text in texts]
    values = np.array([np.nan if number is None else number for number in found], dtype=np.float64)
    return values, [place for place, number in enumerate(found) if number is None]


def text_batch(
    texts: dict[str, list[str]], rows: int, numbers: Sequence[str], kept: Sequence[str], read: int, decimal: str = "."
) -> Batch:
    """A batch from columns of texts."""
    found = {name: numbers_of(texts[name], decimal) for name in numbers}
    return Batch(
        rows, {name: values for name, (values, _) in found.items()}, {name: texts[name] for name in kept},
        cell=lambda name, place: texts[name][place], bad={name: bad for name, (_, bad) in found.items() if bad},
        read=read,
    )  # fmt: skip
