"""What was worked out and may be asked for again, within bounds: what was not asked for lately goes.

Everything that cg keeps from one call to the next (programs by shape, derivatives by name, plans of an engine, kernels
by shape) is kept here, so that a formula that sees ever new shapes stays small.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from typing import Any


class Kept:
    """Answers by question, in two generations.

    A new answer joins the younger generation, and so does an old one that is asked for again. When the younger one is
    full, the older one goes, and the younger takes its place. So what was asked for since the last time that half of
    the room was filled is there, finding it is one look into a dictionary, and no thread ever waits. An answer that
    goes stays with whoever uses it just then.

    most: answers that are kept. heaviest: what they may weigh together, of which one alone may be more; weigh: what an
    answer weighs just now.
    """

    __slots__ = ("_half", "_heaviest", "_old", "_weigh", "_young")

    def __init__(self, most: int, *, heaviest: int = 0, weigh: Callable[[Any], int] | None = None) -> None:
        self._half = most // 2
        self._heaviest = heaviest // 2
        self._weigh = weigh
        self._young: dict[Hashable, Any] = {}
        self._old: dict[Hashable, Any] = {}

    def get(self, key: Hashable) -> Any | None:
        """The answer to a question, None where it is not kept."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: Hashable, value: Any) -> None:
        """Keep an answer, which is not None."""
        young = self._young
        if len(young) >= self._half or (self._weigh is not None and self._weight(young) >= self._heaviest):
            self._old, self._young = young, {}
        self._young[key] = value

    def weight(self) -> int:
        """What all answers weigh together."""
        return self._weight({**self._old, **self._young})

    def clear(self) -> None:
        """Keep nothing."""
        self._young, self._old = {}, {}

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled with its bounds and without answers: they can be found again, and a thread may be adding one."""
        return _empty, (2 * self._half, 2 * self._heaviest, self._weigh)

    def __len__(self) -> int:
        return len(self._old.keys() | self._young.keys())

    def __iter__(self) -> Iterator[Any]:
        """All answers."""
        return iter({**self._old, **self._young}.values())

    def _weight(self, answers: dict[Hashable, Any]) -> int:
        assert self._weigh is not None
        return sum(map(self._weigh, list(answers.values())))


def _empty(most: int, heaviest: int, weigh: Callable[[Any], int] | None) -> Kept:
    """Room for answers, of which there are none yet."""
    return Kept(most, heaviest=heaviest, weigh=weigh)
