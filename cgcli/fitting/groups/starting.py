"""Where groups begin: the solutions of a few of them, and the places that those try which do not end well.

What is tried depends on the question, and on a few groups where no start is given; not on which groups fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.starts import drawn_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.fitting.groups.side_by_side import Batches, Ended
    from cgcli.fitting.question import Question

LOOKED_AT, FOLLOWED = 150, 40
"""Places that are looked at for a group, and those of them that are followed to their ends."""
AT_FIRST, AGREEING = 8, 3
"""So many are followed at first, and no others where so many of them end at the lowest sum of squares."""
DECADES = 1.0
"""How far around a start its parameters are drawn, as powers of ten."""
TOGETHER = 64
"""Groups that are searched at the same time."""


def around(question: Question, low: Any, high: Any, seed: int, count: int) -> Any:
    """Points (count, p) around the start that is given, by turns of other sizes and moved; from ranges if there are."""
    generator = np.random.default_rng(seed)
    start = question.point(question.starts, missing=1.0)
    sizes = start * 10 ** generator.uniform(-DECADES, DECADES, (count, len(start)))
    moved = start + np.maximum(np.abs(start), 1.0) * generator.normal(size=sizes.shape)
    points = np.where(np.arange(count)[:, None] % 2, sizes, moved)
    for place, name in enumerate(question.names):
        if name in question.ranges and name not in question.starts:
            points[:, place] = [drawn_between(generator, *question.ranges[name]) for _ in range(count)]
    return np.clip(points, low, high)


def searched(
    batches: Batches, places: Any, samples: Any, followed: int = FOLLOWED
) -> Iterator[tuple[Any, Ended]]:  # fmt: skip
    """The best ends of groups from many starts, which are looked at and followed side by side: some groups at once.

    samples: points (count, p) in the order of the question.
    """
    for begin in range(0, len(places), TOGETHER):
        part = places[begin : begin + TOGETHER]
        ended, agree = batches.best_of(part, samples, min(followed, AT_FIRST))
        yield part, ended
        part = part[agree < AGREEING]
        if len(part) and followed > AT_FIRST:
            yield part, batches.best_of(part, samples, followed)[0]


def solution_of(batches: Batches, place: int, samples: Any) -> Mapping[str, Any] | None:
    """The best solution of one group from many starts; None where there is none."""
    ended, _ = batches.best_of(np.array([place]), samples, FOLLOWED)
    return dict(zip(batches.order, ended.points[:, 0].tolist(), strict=True)) if ended.converged[0] else None


def some_groups(sizes: Sequence[int], parameters: int, count: int) -> list[int]:
    """So many groups, evenly taken, of those with more rows than parameters."""
    enough = np.flatnonzero(np.asarray(sizes) > parameters)
    if not len(enough):
        return []
    return enough[np.unique(np.linspace(0, len(enough) - 1, count).astype(int))].tolist()
