"""How a value of the language lies in one array: what a kept loop hands from step to step."""

from __future__ import annotations

from cgcli.errors import CgError
from cgcli.graph.bodies import packed, unpacked
from cgcli.language.values import FunctionName, ListValue
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cgcli.graph.store import Graph
    from cgcli.language.building import Building

    Shape = tuple[int, ...]


class Layout:
    """A number, an array, or a list of such: the kinds of lists and the shapes of the nodes in them.

    form: a shape, or a kind of list and the forms of its items. shapes: those of all nodes, in order.
    """

    __slots__ = ("form", "shapes")

    def __init__(self, form: Any) -> None:
        self.form = form
        self.shapes: list[Shape] = []
        pending = [form]
        while pending:
            kind, items = pending.pop()
            if kind is None:
                self.shapes.append(items)
            else:
                pending.extend(reversed(items))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self.form == other.form

    __hash__ = None  # type: ignore[assignment]

    @property
    def shape(self) -> Shape:
        """The shape of the array in which a value lies."""
        if len(self.shapes) == 1:
            return self.shapes[0]
        count = 0
        for shape in self.shapes:
            elements = 1
            for length in shape:
                elements *= length
            count += elements
        return (count,)

    def value(self, graph: Graph, node: int) -> Any:
        """The value that lies in an array of the graph."""
        parts = iter(unpacked(FoldingRef(graph, node), self.shapes))
        return _built(self.form, parts)


def layout_of(building: Building, value: Any) -> Layout | None:
    """The layout of a value; None for what does not lie in an array: a function, or an empty list."""
    form = _form_of(building, value)
    return None if form is None else Layout(form)


def array_layout(building: Building, value: Any) -> Layout | None:
    """The layout of a value as one array; None where it is none."""
    try:
        node = building.materialise(value)
    except CgError:
        return None
    return Layout((None, building.graph.shape_of(node)))


def laid_out(building: Building, value: Any, layout: Layout) -> int:
    """The array in which a value of this layout lies."""
    graph = building.graph
    if layout.form[0] is None:
        return building.materialise(value)
    nodes: list[int] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, ListValue):
            pending.extend(reversed(item.items))
        else:
            nodes.append(building.materialise(item))
    found: int = packed([FoldingRef(graph, node) for node in nodes]).node
    return found


def _form_of(building: Building, value: Any) -> Any:
    """(None, shape) of a node, (kind, forms) of a list; lists lie in lists at most 32 deep."""
    if isinstance(value, ListValue):
        forms = tuple(_form_of(building, item) for item in value.items)
        return None if not forms or None in forms else (type(value), forms)
    if isinstance(value, FunctionName) or value is None:
        return None
    return None, building.graph.shape_of(building.materialise(value))


def _built(form: Any, parts: Iterator[Any]) -> Any:
    kind, items = form
    return next(parts).node if kind is None else kind([_built(item, parts) for item in items])
