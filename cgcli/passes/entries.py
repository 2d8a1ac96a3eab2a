"""The entries of a sparse Jacobian as nodes: a reverse pass in which the adjoints of different rows are kept apart.

In an array formula each element of a node mostly goes to one element of the output, and where to is known from what
operations read: its *route*. An adjoint that starts with ones in all elements of the output then holds, at each
element on its way, the derivative of the one row to which that element goes. Where elements go to several rows (`x[1:]`
and `x[:-1]` of the same vector), a node has an adjoint for each route. So an evaluation takes one run, whatever the
number of colours is, and no entry is the sum of a product with zeros.

Where the elements of a node go to all rows at once (a product with a matrix, a number that follows from the variables),
there is no such pass.
"""

from __future__ import annotations

from itertools import compress

from cgcli.graph.shapes import size
from cgcli.graph.walk import between, descendants
from cgcli.ops import shaping
from cgcli.passes.adjoints import Adjoint, summed_to, total_of
from cgcli.passes.backward import element_by_element
from cgcli.passes.differentiate import has_conventions
from cgcli.passes.folding import FoldingRef
from cgcli.passes.known_masks import known_places
from cgcli.passes.reading import NOTHING, Read, reads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.graph.store import Graph

    Shape = tuple[int, ...]

MOST_ROUTES, FREE = 12, 200
"""Adjoints a node on average (beside some that are free) up to which this is quicker than products."""


MOST_ELEMENTS = 20_000_000
"""Elements of all routes together (160 MB)."""


class Entries:
    """Some entries of a Jacobian: where they are, and the node that holds them.

    node: of the shape `shape` or one that stretches to it. places: those of its elements (rows first) that are entries,
    or None for all. rows, columns: one a place; an entry of the matrix may come in several parts, which are added.
    """

    __slots__ = ("columns", "node", "places", "rows", "shape")

    def __init__(self, node: int, shape: Shape, route: Any, columns: Any) -> None:
        import numpy as np

        known = (route != NOTHING) & (columns != NOTHING)
        self.node = node
        self.shape = shape
        self.places = None if known.all() else np.flatnonzero(known)
        self.rows, self.columns = route[known], columns[known]


class NoRouteError(Exception):
    """Elements of a node go to several rows at once, or there are too many routes."""


def entries(graph: Graph, outputs: Sequence[int], variables: Sequence[int]) -> list[Entries] | None:
    """The entries of the Jacobian of all elements of the outputs by all elements of the variables.

    None where some elements of an inner node go to several rows at once, where a variable follows from another one, or
    where there are conventions to look after. The graph is extended.
    """
    with graph.lock:
        behind = descendants(graph, variables)
        if any(behind[operand] for variable in variables for operand in graph.operands_of(variable)):
            return None
        if len(set(variables)) < len(variables) or has_conventions(graph, outputs, variables):
            return None
        work = _Routes(graph, outputs, variables)
        try:
            first = 0
            for output in outputs:
                work.walk(output, first)
                first += size(graph.shape_of(output))
        except NoRouteError:
            return None
        return work.found


class _Routes:
    """One search for entries under way."""

    def __init__(self, graph: Graph, outputs: Sequence[int], variables: Sequence[int]) -> None:
        self.graph = graph
        self.variables = variables
        self.active = between(graph, variables, outputs)
        self.found: list[Entries] = []
        self.left = FREE + MOST_ROUTES * self.active.count(1)
        self.room = MOST_ELEMENTS
        self._known: dict[tuple[int, ...], list[Any]] = {}
        self._read: dict[int, list[Read | None]] = {}
        self.columns = self._columns()

    def _columns(self) -> dict[int, Any]:
        """The columns of the nodes that only hold elements of variables."""
        import numpy as np

        graph, found, first = self.graph, {}, 0
        for variable in self.variables:
            count = size(graph.shape_of(variable))
            found[variable] = np.arange(first, first + count)
            first += count
        for node in compress(range(len(self.active)), self.active):
            if node in found or "gathers" not in graph.row(node).traits:
                continue
            operands = graph.operands_of(node)
            if all(operand in found or not self.active[operand] for operand in operands):
                columns = np.full(size(graph.shape_of(node)), NOTHING)
                for operand, read in zip(operands, self.read(node), strict=True):
                    if operand in found and read is not None:
                        own = read.sources
                        columns = np.where(own == NOTHING, columns, found[operand][own])
                found[node] = columns
        return found

    def read(self, node: int) -> list[Read | None]:
        """What a node reads of each operand."""
        if node not in self._read:
            graph = self.graph
            shapes = [graph.shape_of(operand) for operand in graph.operands_of(node)]
            self._read[node] = reads(graph.row(node), shapes, graph.attributes_of(node))
        return self._read[node]

    def same(self, route: Any) -> Any:
        """The array of an equal route that was met before, so that routes are compared by identity."""
        import numpy as np

        known = self._known.setdefault((len(route), hash(route.tobytes())), [])
        for each in known:
            if np.array_equal(each, route):
                return each
        known.append(route)
        self.room -= len(route)
        if self.room < 0:
            raise NoRouteError
        return route

    def walk(self, output: int, first: int) -> None:
        """Find the entries in the rows of one output, which begin with the first one."""
        import numpy as np

        graph = self.graph
        if output >= len(self.active) or not self.active[output]:
            return
        route = self.same(np.arange(first, first + size(graph.shape_of(output))))
        received: dict[int, dict[int, tuple[Any, list[Adjoint]]]] = {}
        received[output] = {id(route): (route, [Adjoint(FoldingRef(graph, graph.constant(1.0)))])}
        while received:
            node = max(received)
            for route, parts in received.pop(node).values():
                self.left -= 1
                if self.left < 0:
                    raise NoRouteError
                total = total_of(parts, [], goes_on=True)
                if node in self.columns:
                    self.enter(total, graph.shape_of(node), route, self.columns[node])
                    continue
                for operand, further, part in self.handed_on(node, route, total):
                    routes = received.setdefault(operand, {})
                    routes.setdefault(id(further), (further, []))[1].append(part)

    def enter(self, adjoint: Adjoint, shape: Shape, route: Any, columns: Any) -> None:
        """Note entries; a branch that is never taken, whatever the inputs are, has none."""
        import numpy as np

        taken = known_places(adjoint, shape)
        if taken is not None:
            route = np.where(taken, route, NOTHING)
        self.found.append(Entries(adjoint.given_out().node, shape, route, columns))

    def handed_on(self, node: int, route: Any, total: Adjoint) -> list[tuple[int, Any, Adjoint]]:
        """What a node hands to its operands, each with its route."""
        graph, row, shape = self.graph, self.graph.row(node), self.graph.shape_of(node)
        operands = graph.operands_of(node)
        wanted = [bool(self.active[operand]) for operand in operands]
        if row.partials is None or total.mask is not None:
            total = self.stretched(total, shape)
        begin, found = len(graph), []
        for place, part in enumerate(element_by_element(graph, node, total, wanted)):
            operand = operands[place]
            own = graph.shape_of(operand)
            if part is None or not wanted[place]:
                continue
            if row.elementwise and own == shape:
                found.append((operand, route, part))
            elif row.elementwise and operand in self.columns:
                read = self.read(node)[place]
                assert read is not None
                columns = self.columns[operand][read.sources]
                self.enter(self.stretched(part, shape), shape, route, columns)
            else:
                further = self.further(node, place, route)
                found.append((operand, further, self.summed(part, shape, own) if row.elementwise else part))
        graph.origins.note(begin, len(graph), node)
        return found

    def further(self, node: int, place: int, route: Any) -> Any:
        """The route of an operand. NoRouteError where an element of it goes to several rows."""
        import numpy as np

        count = size(self.graph.shape_of(self.graph.operands_of(node)[place]))
        read = self.read(node)[place]
        if read is None:
            rows = np.unique(route[route != NOTHING])
            if len(rows) > 1:
                raise NoRouteError
            return self.same(np.full(count, rows[0] if len(rows) else NOTHING))
        sources, targets = read.pairs()
        goes_to = route[targets]
        found = np.full(count, NOTHING)
        if (goes_to == NOTHING).any():
            known = goes_to != NOTHING
            sources, goes_to = sources[known], goes_to[known]
        found[sources] = goes_to
        if (found[sources] != goes_to).any():
            raise NoRouteError
        return self.same(found)

    def summed(self, adjoint: Adjoint, shape: Shape, own: Shape) -> Adjoint:
        """A contribution to an operand that was stretched."""
        return summed_to(self.stretched(adjoint, shape), own)

    def stretched(self, adjoint: Adjoint, shape: Shape) -> Adjoint:
        """The same adjoint in its full shape."""
        if adjoint.value.shape == shape:
            return adjoint
        return Adjoint(shaping.broadcast_to(adjoint.value, shape), adjoint.mask, clean=adjoint.clean)
