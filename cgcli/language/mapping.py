"""Long comprehensions are computed for all of their items at once: the list is one array.

Its body is walked once (`repeated`), and the pass `batched` makes of it a graph with one more axis in front. Values and
derivatives are the same as of one that is written out, but for the order in which numbers are added up.
"""

from __future__ import annotations

from cgcli.graph.copying import copy_missing
from cgcli.graph.shapes import size
from cgcli.graph.store import MOST_ELEMENTS
from cgcli.language import syntax
from cgcli.language.lifting import NotKeptError, TooLongError
from cgcli.language.repeated import Repeated, items_of, kept_or_none
from cgcli.passes.batched import NotBatchedError, batched
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.graph.bodies import Body
    from cgcli.language.building import Building
    from cgcli.language.repeated import Items


def mapped(building: Building, over: Any, body: range, name: str, local: Mapping[str, Any] | None, row: int) -> Any:
    """The array that a comprehension over items is; None where it is to be written out.

    body: the rows of what is computed for each item; name: what that calls the item; local: names of the function
    around; row: where it ends. An error of the body comes out where there are too many items to write them out.
    """
    items = items_of(building, over, 0)
    if items is None or row in building.not_kept or building.within is None:
        return None

    def attempt() -> Any:
        one = _Item(building, items, body, name, local or {}, row)
        return one.array() if one.pays() else None

    what = f"a list of {items.count:,} items must be computed for all of them at once"
    return kept_or_none(building, row, items.count, what, attempt)


class _Item(Repeated):
    """A comprehension whose body was walked once. CgError where that cannot be, NotKeptError where it is no array."""

    def __init__(
        self, building: Building, items: Items, body: range, name: str, local: Mapping[str, Any], row: int
    ) -> None:  # fmt: skip
        super().__init__(building, items, row)
        _, item = self.begun(name)
        inner, table = self.inner, building.table
        inner.building.is_item = True
        used = {table.word(place) for place in body if table.rule[place] == syntax.NAME}
        names = {each: inner.capture(value, each) for each, value in local.items() if each in used}
        try:
            value = inner.stretch(body, {**names, name: item})
        finally:
            building.bodies = inner.building.bodies
        self.ended(inner.building.materialise(value))
        if not self.moving[self.result]:
            raise NotKeptError("all items are the same")

    def pays(self) -> bool:
        """Whether it is kept; in the body of another list always, since written out it is as many arrays."""
        return self.building.is_item or super().pays()

    def array(self) -> int:
        """The list in the graph outside. NotKeptError for an operation that is not computed for many items at once."""
        building, graph = self.building, self.building.graph
        before = len(graph)
        body, items, shared = self.body("item")
        count = self.items.count
        try:
            many, moved = batched(body.graph, body.results, body.operands[: len(items)], count, one_by_one=False)
        except NotBatchedError as error:
            raise NotKeptError(f"`{error}` is not computed for many items at once") from None
        operands = [*items, *shared]
        most = max(map(size, many.shapes))
        if most > MOST_ELEMENTS:
            what = f"this list makes {most:,} numbers at once, more than the {MOST_ELEMENTS:,} that are allowed"
            span, source = building.span(self.row), building.table.source
            raise TooLongError(what, span=span, source=source, hint="repeat less often")
        copies = {moved[there]: here for there, here in zip(body.operands, operands, strict=True) if there in moved}
        (result,) = (moved[node] for node in body.results)
        copy_missing(many, graph, [result], copies)
        for node, there in moved.items():
            if node in body.graph.spans and there in copies and copies[there] >= before:
                graph.spans.setdefault(copies[there], body.graph.spans[node])
        self.place(before)
        building.spared += count * self.size
        whole = copies[result]
        self.inner.hand_out(whole)
        building.by_item[whole] = lambda position: self._one(body, items, shared, position)
        return whole

    def _one(self, body: Body, items: Sequence[int], shared: Sequence[int], position: int) -> int:
        """One item by itself, so that it is known while the graph is built where a written out one would be."""
        graph = self.building.graph
        before = len(graph)
        own = [FoldingRef(graph, item)[position].node for item in items]
        (result,) = body.onto(graph, [*own, *shared])
        self.place(before)
        return result
