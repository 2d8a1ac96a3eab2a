"""Some rows of terms, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.terms.columns import Terms

if TYPE_CHECKING:
    from collections.abc import Sequence


def select(terms: Terms, rows: Sequence[int]) -> Terms:
    """The terms of rows, by their numbers from 0; a row may come more than once."""
    chosen = np.asarray(rows, dtype=np.int64)
    counts = terms.begins[chosen + 1] - terms.begins[chosen]
    begins = np.concatenate(([0], np.cumsum(counts)))
    nodes = _stretches(terms.begins[chosen], counts)
    sizes = terms.first[nodes + 1] - terms.first[nodes]
    first = np.concatenate(([0], np.cumsum(sizes)))
    moved = np.repeat(begins[:-1] - terms.begins[chosen], counts)
    operands = terms.operands[_stretches(terms.first[nodes], sizes)] + np.repeat(moved, sizes)
    roots = terms.roots[chosen] + begins[:-1] - terms.begins[chosen]
    numbers = chosen + 1 if terms.row_numbers is None else np.asarray(terms.row_numbers)[chosen]
    return Terms(
        terms.symbols, terms.symbol[nodes], terms.numbers[nodes], first, operands.astype(np.int32), begins, roots,
        lambda node: terms.place(int(nodes[node])), numbers,
    )  # fmt: skip


def _stretches(begins: Any, counts: Any) -> Any:
    """The numbers begin, begin + 1, … of several stretches, one behind the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(begins - ends + counts, counts)
