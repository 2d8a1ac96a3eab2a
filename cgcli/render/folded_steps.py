"""The steps of a trace with those of repeated calls left out: first, "step × 98", last."""

from __future__ import annotations

from typing import NamedTuple

from cgcli.explain.repeats import Repeats, Series
from cgcli.explain.steps import NO_CALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from cgcli.graph.store import Graph

MOST_RESULTS = 3
"""So many steps of hidden calls that others use are shown; more of them are hidden with the others."""


class Gap(NamedTuple):
    """Steps of a long pass that are left out in the middle."""

    steps: int

    def text(self) -> str:
        """What stands in their place."""
        return f"… {self.steps:,} steps left out; --all shows them"


class Behind(NamedTuple):
    """Steps of a series of calls that are left out in one pass."""

    series: Series
    steps: int

    def text(self) -> str:
        """What stands in their place."""
        count, name = self.series.total, self.series.name
        left_out = f"{self.steps:,} step{'s' if self.steps > 1 else ''} left out"
        return f"{self.series.label}: calls 2 to {count - 1:,} of {count:,}, {left_out}; --open {name} shows them"


class FoldedSteps:
    """Which steps of a trace are left out because their call is one of many.

    What a hidden call hands to what is shown is shown, too: the value that comes out of all of them. A loop is a step
    like others.
    """

    def __init__(
        self, graph: Graph, nodes: Sequence[int], outputs: Iterable[int], opened: Collection[str]
    ) -> None:  # fmt: skip
        """nodes: those of the forward pass, empty where nothing is to be left out."""
        self.scopes = graph.scopes
        self.hidden = Repeats(graph.calls, {self.scopes.get(node, NO_CALL) for node in nodes}, opened)
        results = self.hidden.results(graph, nodes, outputs)
        self.kept = {node for each in results.values() if len(each) <= MOST_RESULTS for node in each}

    def shown(self, steps: Sequence[Any]) -> list[Any]:
        """The steps to show, and a `Behind` where the first one of a series is left out. A step has a `node`."""
        found: list[Any] = []
        left_out: dict[Series, list[int]] = {}
        for step in steps:
            series = self.hidden.hidden.get(self.scopes.get(step.node, NO_CALL))
            if series is None or series.is_loop or step.node in self.kept:
                found.append(step)
            elif series in left_out:
                left_out[series].append(step.node)
            else:
                left_out[series] = [step.node]
                found.append(series)
        return [Behind(each, len(left_out[each])) if isinstance(each, Series) else each for each in found]
