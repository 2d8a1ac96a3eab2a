"""What a column of results looks like from afar, in one pass: least, mean, greatest, how many nan and where first."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np


class Summary:
    """Statistics of a column that comes in batches; nan values are counted and otherwise left out.

    first_nan is the number of the first row with a nan, counted from 1; None where there is none.
    """

    __slots__ = ("_greatest", "_least", "_mean", "_means", "count", "first_nan", "nan")

    def __init__(self) -> None:
        self.count = 0
        self.nan = 0
        self.first_nan: int | None = None
        self._least = inf
        self._greatest = -inf
        self._mean = 0.0
        self._means: list[Any] = []

    def add(self, values: Any, rows: Any) -> None:
        """Take in values and the numbers of their rows.

        The mean moves by the batch's share of its distance (Chan, Golub and LeVeque 1983): no sum of all rows
        that could overflow or drown the later ones.
        """
        if not len(values):
            return
        with np.errstate(all="ignore"):
            least, greatest, mean = float(values.min()), float(values.max()), float(values.mean(dtype=np.float64))
        if least != least:  # nan goes through a minimum
            broken = np.isnan(values)
            if self.first_nan is None:
                self.first_nan = int(rows[int(broken.argmax())])
            self.nan += int(np.count_nonzero(broken))
            self.add(values[~broken], rows[~broken])
            return
        self._least = min(self._least, least)
        self._greatest = max(self._greatest, greatest)
        self._move(len(values), mean)

    def _move(self, count: int, mean: float) -> None:
        """Take the mean of so many values into that of all."""
        self._means.append((count, mean))
        self.count += count
        if mean in (inf, -inf) or self._mean in (inf, -inf):
            self._mean += mean
        else:
            self._mean += (mean - self._mean) * (count / self.count)

    def merge(self, other: Summary, before: int) -> None:
        """Take in what was found of rows behind `before` others, batch by batch: the same bits as in one go."""
        if other.first_nan is not None and self.first_nan is None:
            self.first_nan = other.first_nan + before
        self.nan += other.nan
        self._least = min(self._least, other._least)
        self._greatest = max(self._greatest, other._greatest)
        for count, mean in other._means:
            self._move(count, mean)

    def as_list(self) -> list[Any]:
        """All that it holds, for a file; see `from_list`."""
        return [self.nan, self.first_nan, self._least, self._greatest, self._means]

    @classmethod
    def from_list(cls, held: list[Any]) -> Summary:
        """A summary again."""
        found = cls()
        found.nan, found.first_nan, found._least, found._greatest, means = held
        for count, mean in means:
            found._move(count, mean)
        return found

    @property
    def least(self) -> float:
        """The least value, nan where there is none."""
        return self._least if self.count else nan

    @property
    def greatest(self) -> float:
        """The greatest value, nan where there is none."""
        return self._greatest if self.count else nan

    @property
    def mean(self) -> float:
        """The mean, nan where there is no value."""
        return self._mean if self.count else nan
