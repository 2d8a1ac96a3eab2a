"""Coverage probabilities, and intervals that can be asked for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.errors import UsageError

if TYPE_CHECKING:
    from typing import Any

COVERAGE = 0.95
"""The coverage probability of an interval where none is named."""


class Interval(tuple[float, float]):
    """Two limits; called with a coverage probability it gives those for that one."""

    def __new__(cls, answer: Any, coverage: float = COVERAGE, **options: Any) -> Interval:
        """The limits for the usual coverage; answer: from a coverage probability to limits."""
        return super().__new__(cls, answer(coverage, **options))

    def __init__(self, answer: Any, coverage: float = COVERAGE, **options: Any) -> None:
        self._answer = answer

    def __call__(self, coverage: float = COVERAGE, **options: Any) -> tuple[float, float]:
        """The limits for a coverage probability. UsageError where it is not between 0 and 1."""
        low, high = self._answer(coverage, **options)
        return low, high

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self._answer,)


def check_coverage(coverage: float) -> float:
    """UsageError for what is no coverage probability."""
    if isinstance(coverage, bool) or not isinstance(coverage, (int, float)) or not 0 < coverage < 1:
        raise UsageError(f"{coverage!r} is no coverage probability", hint="it is between 0 and 1, for example 0.95")
    return float(coverage)
