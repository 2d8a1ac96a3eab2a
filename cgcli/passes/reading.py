"""Which elements of its operands each element of an operation's result reads.

An elementwise operation reads its own place. A structural row says it in one of four ways: its NumPy spelling gathers
(it is run on the numbers of the elements), or it scatters, it ties axes to those of the result (`Operation.ties`), or
it has a definition. Everything else reads all elements.
"""

from __future__ import annotations

from functools import lru_cache

from cgcli.graph.shapes import size
from cgcli.graph.store import Graph, result_shape
from cgcli.passes.adjoints import Adjoint
from cgcli.passes.backward import handed_on
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.ops import Operation

    Shape = tuple[int, ...]

NOTHING = -1
"""Stands among positions where a number of the operation's own stands in the result."""


def moving(row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> tuple[bool, ...]:
    """For each operand whether there is a derivative with respect to it at all."""
    if "piecewise_constant" in row.traits or "leaf" in row.traits:
        return (False,) * len(shapes)
    if row.partials is not None:
        return tuple(partial is not None for partial in row.partials)
    if row.elementwise and row.pullback is not None:
        return _pulled(row, len(shapes), attributes)
    return (True,) * len(shapes)


@lru_cache(maxsize=1024)
def _pulled(row: Operation, count: int, attributes: tuple[Any, ...]) -> tuple[bool, ...]:
    graph = Graph()
    places = [graph.input(f"operand {place}") for place in range(count)]
    node = graph.repeat(row, places, attributes)
    adjoint = Adjoint(FoldingRef(graph, graph.input("adjoint")))
    return tuple(part is not None for part in handed_on(graph, node, adjoint, [True] * count))


class Read:
    """What the elements of a result read of one operand.

    sources: positions in the operand. targets: of each of them the position in the result that reads it, in no order;
    None where there is one for each element of the result, in order, and NOTHING where that reads none.
    """

    __slots__ = ("sources", "targets")

    def __init__(self, sources: Any, targets: Any = None) -> None:
        self.sources = sources
        self.targets = targets

    def pairs(self) -> tuple[Any, Any]:
        """Positions in the operand, and those in the result that read them."""
        import numpy as np

        if self.targets is not None:
            return self.sources, self.targets
        targets = np.flatnonzero(self.sources != NOTHING)
        return self.sources[targets], targets


def reads(row: Operation, shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> list[Read | None]:
    """For each operand what is read of it; None where every element of the result reads all.

    Elements are numbered rows first.
    """
    import numpy as np

    shape = result_shape(row, shapes, attributes)
    if row.elementwise:
        return [Read(np.broadcast_to(numbered(own), shape).ravel()) for own in shapes]
    if "gathers" in row.traits:
        return _gathered(row, shapes, attributes)
    if "scatters" in row.traits:
        return [Read(numbered(shapes[0]).ravel(), attributes[0].array)]
    if row.ties is None:
        return [None] * len(shapes)
    return [
        _tied(own, shape, tied) if any(axis is not None for axis in tied) else None
        for own, tied in zip(shapes, row.ties(shapes, attributes), strict=True)
    ]


def numbered(shape: Shape) -> Any:
    """The positions of the elements of an array, in its shape."""
    import numpy as np

    return np.arange(size(shape), dtype=np.int64).reshape(shape)


def _gathered(row: Operation, shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> list[Read | None]:
    """The NumPy spelling of a row on the numbers of the elements, counted from 1 through all operands."""
    import numpy as np

    first, numbers = 1, []
    for shape in shapes:
        numbers.append((numbered(shape) + first).astype(np.float64))
        first += size(shape)
    found = np.asarray(row.spell["numpy"](np, *numbers, *attributes)).ravel().astype(np.int64)
    if len(shapes) == 1:
        return [Read(found - 1)]
    result: list[Read | None] = []
    first = 1
    for shape in shapes:
        own = (found >= first) & (found < first + size(shape))
        result.append(Read(np.where(own, found - first, NOTHING)))
        first += size(shape)
    return result


def _tied(shape: Shape, result: Shape, ties: Sequence[int | None]) -> Read:
    """What is read where some axes of an operand go along with axes of the result."""
    import numpy as np

    places = np.indices(result, sparse=True) if result else ()
    base, offsets, stride = np.zeros(result, dtype=np.int64), np.zeros(1, dtype=np.int64), size(shape)
    for length, tied in zip(shape, ties, strict=True):
        stride //= max(length, 1)
        if tied is None:
            offsets = (offsets[:, None] + stride * np.arange(length)).ravel()
        else:
            base = base + stride * places[tied]
    sources = base.reshape(-1, 1) + offsets
    return Read(sources.ravel(), np.repeat(np.arange(sources.shape[0]), len(offsets)))
