"""Rewiring a graph: a small vocabulary of edits, each checked and recorded, and one rebuild that settles them.

    work = EditableGraph(graph)
    work.replace(product, factor, "x * 1 is x")
    moved = work.rebuild()           # old position -> new one

Between an edit and the rebuild, positions are no order of evaluation. What can be answered from the record (operands,
users, shapes, names) is answered, new nodes can be built, and whatever needs the order is refused. The idea of
repairing once is that of egg (M. Willsey et al., POPL 2021), the vocabulary that of torch.fx, the reasons that of
PyTensor's FunctionGraph.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from copy import copy
from heapq import heapify, heappop, heappush

from cgcli.errors import GraphError, ShapeError
from cgcli.graph.copying import GONE
from cgcli.graph.intern import key_of
from cgcli.graph.ranks import Ranks
from cgcli.graph.settle import needed_by, settled
from cgcli.graph.store import Graph
from cgcli.graph.uses import Uses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.ops import Operation

UNKNOWN = -1
"""Number of names in an index that has to be made anew."""


class Change:
    """One edit: what was done, why, and what it takes to undo it.

    kind: "replace", "redirect", "insert" or "remove"; nodes: the nodes it speaks of.
    edges: (position in the column `operands`, operand before); shapes: node -> number of its shape before;
    names: those that moved; size: number of nodes before it.
    """

    __slots__ = ("edges", "kind", "names", "nodes", "reason", "shapes", "size")

    def __init__(self, kind: str, nodes: tuple[int, ...], reason: str, size: int) -> None:
        self.kind = kind
        self.nodes = nodes
        self.reason = reason
        self.size = size
        self.edges: list[tuple[int, int]] = []
        self.shapes: dict[int, int] = {}
        self.names: list[str] = []


class EditableGraph(Graph):
    """A copy of a graph that may be rewired; the original stays as it was.

    A refused edit (GraphError, naming the nodes) leaves everything as it was. `rebuild` makes it an ordinary graph
    again, which can be evaluated, and edited further. `record` holds the edits since the last rebuild.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        graph.require_order()
        for field in vars(self).keys() - {"lock", "_adopted", "_made_once"}:
            setattr(self, field, copy(getattr(graph, field)))
        self.edition = 0
        self._settle()

    def _settle(self) -> None:
        """No edits: positions are the order of evaluation."""
        self.record: list[Change] = []
        self.in_order = True
        self._gone: dict[int, int] = {}
        self._uses: Uses | None = None
        self._ranks: Ranks | None = None
        self._labels: dict[int, list[str]] = {}
        self._labelled = UNKNOWN

    # ---- the vocabulary ----------------------------------------------------------------------------------------

    def replace(self, node: int, by: int, reason: str) -> None:
        """Let everything that uses a node, names included, use another one; the node itself is gone.

        Refused where the other node needs the first one, or where a user cannot take the other shape.
        """
        uses = self._begin(node, by)
        if node == by:
            raise GraphError(f"{self.describe(node)} cannot be replaced by itself")
        change = Change("replace", (node, by), reason, len(self))
        self._move_edges(change, list(uses.of(node)), by)
        for name in self._names_of(node):
            change.names.append(name)
            self._call(by, name)
        self._take_out(node, by)
        self._enter(change)

    def redirect(self, user: int, position: int, to: int, reason: str) -> None:
        """Let one operand of one user be another node. Refused as `replace` is."""
        self._begin(user, to)
        edge = self._edge(user, position)
        if self.operands[edge] == to:
            raise GraphError(f"{self.describe(user)} uses {self.describe(to)} there already")
        change = Change("redirect", (user, to), reason, len(self))
        self._move_edges(change, [edge], to)
        self._enter(change)

    def insert(self, node: int, user: int, make: Callable[[Ref], Ref], reason: str) -> int:
        """Put what `make` builds on a node between that node and one of its users; its position is returned.

        A row with one operand will do for `make`. Refused where the user does not use the node, and as `replace` is.
        """
        self._begin(node, user)
        edges = [edge for edge in range(self.start[user], self.start[user + 1]) if self.operands[edge] == node]
        if not edges:
            raise GraphError(f"{self.describe(user)} does not use {self.describe(node)}")
        return self._insert(edges, node, user, make, reason)

    def insert_on_edge(self, user: int, position: int, make: Callable[[Ref], Ref], reason: str) -> int:
        """As `insert`, for one operand of the user only, where it may use the same node several times."""
        self._begin(user)
        edge = self._edge(user, position)
        return self._insert([edge], self.operands[edge], user, make, reason)

    def remove(self, node: int, reason: str) -> None:
        """Take out a node that nothing uses. Refused where a node or a name does."""
        uses = self._begin(node)
        if uses.any(node):
            user = self.users_of(node)[0]
            raise GraphError(f"{self.describe(node)} cannot be removed: {self.describe(user)} uses it")
        names = self._names_of(node)
        for name in names:
            if not (self.is_input(node) and name == self.input_name(node)):
                raise GraphError(f"{self.describe(node)} cannot be removed: the formula calls it `{name}`")
        change = Change("remove", (node,), reason, len(self))
        for name in names:
            change.names.append(name)
            self._uncall(name)
        self._take_out(node, GONE)
        self._enter(change)

    def undo(self) -> Change:
        """Take back the last edit of the record, and with it the nodes built since; the edit is returned.

        GraphError where there is none.
        """
        if not self.record:
            raise GraphError("there is no edit to undo")
        self._synchronised()
        change = self.record.pop()
        owners = {self._owner(edge) for edge, _ in change.edges}
        if change.kind in ("replace", "remove"):
            self._put_back(change)
            owners.add(change.nodes[0])
        for edge, operand in change.edges:
            self._set_operand(edge, operand)
        if change.edges:
            self._put_below(change.edges[0][1], {self._owner(edge) for edge, _ in change.edges})
        for node, number in change.shapes.items():
            self.shape[node] = number
        self._truncate(change.size)
        for node in owners:  # where one of the nodes just forgotten had stood for it
            self._remember(node)
        self.in_order = not self.record
        return change

    # ---- reading the record ------------------------------------------------------------------------------------

    def users_of(self, node: int) -> list[int]:
        """The nodes that use a node now, in an order of evaluation."""
        uses = self._begin(node)
        return sorted({self._owner(edge) for edge in uses.of(node)}, key=self._rank)

    def explain(self, change: Change) -> str:
        """An edit in words."""
        nodes = [self.describe(node) for node in change.nodes]
        sentences = {
            "replace": "{0} replaced by {1}",
            "redirect": "{0} redirected to {1}",
            "insert": "{1} inserted before {0}",
            "remove": "{0} removed",
        }
        return f"{sentences[change.kind].format(*nodes)}: {change.reason}"

    def inputs(self, *, hidden: bool = False) -> dict[str, int]:
        """Name and node of every input that is still there."""
        return {name: node for name, node in super().inputs(hidden=hidden).items() if node not in self._gone}

    def require_order(self) -> None:
        """GraphError between an edit and the rebuild."""
        if not self.in_order:
            raise GraphError("the graph was edited and not rebuilt yet", hint="call `rebuild()` first")

    # ---- building between edits --------------------------------------------------------------------------------

    def apply_many(self, row: Operation, operands: Sequence[Any], static: Sequence[Any] = ()) -> Any:
        """As for every graph; nodes that are gone are refused."""
        if self._gone:
            for column in operands:
                self._require(*map(int, column))
        return super().apply_many(row, operands, static)

    def _node(self, op: int, operands: list[int], payload: int, shape: int) -> int:
        if self._gone:
            self._require(*operands)
        return super()._node(op, operands, payload, shape)

    # ---- rebuilding --------------------------------------------------------------------------------------------

    def rebuild(self, roots: Iterable[int] | None = None) -> array[int]:
        """Settle all edits and return the map from old positions to new ones.

        Nodes get positions in an order of evaluation; those that became equal are one; those that were replaced
        are found at what replaced them; those that were removed are -1 in the map. With `roots`, everything that
        none of them needs goes, too. Names, places in the text and calls follow the nodes; a replacement without a
        place of its own takes that of the node that it replaced.
        """
        if roots is None:
            kept = bytearray([1]) * len(self)
            for node in self._gone:
                kept[node] = 0
        else:
            kept = needed_by(self, [self._survivor(root) for root in roots])
        new, moved = settled(self, self._order(), kept, self._gone)
        for field in vars(new):
            setattr(self, field, getattr(new, field))
        self.edition += 1
        self._settle()
        return moved

    def _survivor(self, node: int) -> int:
        """A node, or what replaced it."""
        while node in self._gone:
            node = self._gone[node]
        if not 0 <= node < len(self):
            raise GraphError("a root of the rebuild was removed or does not exist")
        return node

    def _order(self) -> Iterable[int]:
        if self.in_order:
            return range(len(self))
        self._synchronised()
        assert self._ranks is not None
        return self._ranks.order()

    # ---- one edit ----------------------------------------------------------------------------------------------

    def _begin(self, *nodes: int) -> Uses:
        self._require(*nodes)
        return self._synchronised()

    def _enter(self, change: Change) -> None:
        self.in_order = False
        self._adopted.clear()  # what was copied in may have been rewired
        self.record.append(change)

    def _require(self, *nodes: int) -> None:
        for node in nodes:
            if not 0 <= node < len(self.op):
                raise GraphError(f"there is no node {node}; the graph has {len(self.op)}")
            if node in self._gone:
                by = self._gone[node]
                fate = "removed" if by == GONE else f"replaced by {self.describe(by)}"
                raise GraphError(f"{self.describe(node)} was {fate}")

    def _synchronised(self) -> Uses:
        """The users of every node, nodes that were built since the last edit included."""
        if self._uses is None or self._ranks is None:
            self._uses, self._ranks = Uses(self), Ranks(self)
        known = len(self._ranks)
        if known < len(self):
            first = self.start[known]
            self._uses.grow(len(self) - known, len(self.operands) - first)
            for edge in range(first, len(self.operands)):
                self._uses.link(edge, self.operands[edge])
            self._ranks.grow(len(self) - known)
        return self._uses

    def _rank(self, node: int) -> float:
        assert self._ranks is not None
        return self._ranks.of[node]

    def _edge(self, user: int, position: int) -> int:
        count = self.start[user + 1] - self.start[user]
        if not 0 <= position < count:
            raise GraphError(f"{self.describe(user)} has {count} operands; there is none at {position}")
        return self.start[user] + position

    def _owner(self, edge: int) -> int:
        """The node that an edge belongs to."""
        return bisect_right(self.start, edge) - 1

    def _move_edges(self, change: Change, edges: Sequence[int], to: int) -> None:
        """Let edges that lead to one node lead to another; all or nothing."""
        if not edges:
            return
        users = {self._owner(edge) for edge in edges}
        self._put_below(to, users)
        before = self.operands[edges[0]]
        for edge in edges:
            self._set_operand(edge, to)
        if self.shape[before] != self.shape[to]:
            try:
                change.shapes = self._reshape(users)
            except ShapeError as error:
                for edge in edges:
                    self._set_operand(edge, before)
                raise GraphError(
                    f"{self.describe(to)} cannot stand in the place of {self.describe(before)}: {error.message}"
                ) from None
        change.edges = [(edge, before) for edge in edges]

    def _insert(self, edges: list[int], node: int, user: int, make: Callable[[Ref], Ref], reason: str) -> int:
        from cgcli.graph.ref import Ref

        change = Change("insert", (user,), reason, len(self))
        self._forget(user)  # what is built must not be the user itself
        try:
            made = make(Ref(self, node))
            if made.graph is not self or made.node == node:
                raise GraphError(f"nothing was made to stand between {self.describe(node)} and {self.describe(user)}")
            self._synchronised()
            self._move_edges(change, edges, made.node)
        except Exception:
            self._truncate(change.size)
            self._remember(user)
            raise
        change.nodes = (user, made.node)
        self._enter(change)
        return made.node

    def _set_operand(self, edge: int, to: int) -> None:
        assert self._uses is not None
        user = self._owner(edge)
        self._forget(user)
        self._uses.unlink(edge, self.operands[edge])
        self.operands[edge] = to
        self._uses.link(edge, to)
        self._remember(user)

    def _forget(self, node: int) -> None:
        """The intern table must not take a node for what it was."""
        self.intern.forget(self.op[node], key_of(self.payload[node], self.operands_of(node)), node)

    def _remember(self, node: int) -> None:
        """The intern table may learn what a node is now; of equal nodes it keeps the one that it has."""
        self.intern.remember(self.op[node], key_of(self.payload[node], self.operands_of(node)), node)

    # ---- nodes that go and come back ---------------------------------------------------------------------------

    def _take_out(self, node: int, by: int) -> None:
        assert self._uses is not None
        self._forget(node)
        for edge in range(self.start[node], self.start[node + 1]):
            self._uses.unlink(edge, self.operands[edge])
        self._gone[node] = by

    def _put_back(self, change: Change) -> None:
        assert self._uses is not None
        node = change.nodes[0]
        del self._gone[node]
        for edge in range(self.start[node], self.start[node + 1]):
            self._uses.link(edge, self.operands[edge])
        for name in change.names:
            self._call(node, name)

    def _truncate(self, length: int) -> None:
        """Forget the newest nodes, which no older one uses."""
        uses = self._synchronised()
        assert self._ranks is not None
        if length == len(self):
            return
        for node in range(length, len(self)):
            self._forget(node)
        for edge in range(self.start[length], len(self.operands)):
            uses.unlink(edge, self.operands[edge])
        uses.shrink(length, self.start[length])
        self._ranks.shrink(length)
        for name in [name for name, node in self.names.items() if node >= length]:
            self._uncall(name)
        for table in (self.spans, self.scopes):
            for node in [node for node in table if node >= length]:
                del table[node]
        del self.operands[self.start[length] :]
        del self.start[length + 1 :]
        for column in (self.op, self.payload, self.shape):
            del column[length:]
        self._adopted.clear()
        self.edition += 1

    def _names_of(self, node: int) -> list[str]:
        """The names of a node, from an index that is made anew where names came in."""
        if self._labelled != len(self.names):
            self._labels = {}
            for name, named in self.names.items():
                self._labels.setdefault(named, []).append(name)
            self._labelled = len(self.names)
        return [name for name in dict.fromkeys(self._labels.get(node, ())) if self.names.get(name) == node]

    def _call(self, node: int, name: str) -> None:
        """Give a name to a node; the index of names stays as good as it was."""
        current = self._labelled == len(self.names)
        self.names[name] = node
        self._labels.setdefault(node, []).append(name)
        self._labelled = len(self.names) if current else UNKNOWN

    def _uncall(self, name: str) -> None:
        """Take a name away; what the index still says of it does no harm."""
        current = self._labelled == len(self.names)
        del self.names[name]
        self._labelled = len(self.names) if current else UNKNOWN

    # ---- ranks and shapes --------------------------------------------------------------------------------------

    def _put_below(self, node: int, users: set[int]) -> None:
        """See to it that a node ranks below those that are to use it. GraphError where that closes a cycle."""
        assert self._ranks is not None
        found = self._ranks.put_below(node, users)
        if found is not None:
            raise GraphError(
                f"{self.describe(found)} cannot use {self.describe(node)}, which needs it: that would close a cycle"
            )

    def _reshape(self, users: Iterable[int]) -> dict[int, int]:
        """Infer shapes anew from these users on, each of which has an operand of another shape now.

        Returns the numbers of the shapes before. ShapeError, with nothing changed, where an operation cannot take
        its operands.
        """
        assert self._uses is not None
        before: dict[int, int] = {}
        heap = [(self._rank(user), user) for user in users]
        queued = set(users)
        heapify(heap)
        try:
            while heap:
                _, node = heappop(heap)
                number = self._inferred(node)
                if number == self.shape[node]:
                    continue
                before[node] = self.shape[node]
                self.shape[node] = number
                for edge in self._uses.of(node):
                    user = self._owner(edge)
                    if user not in queued:
                        queued.add(user)
                        heappush(heap, (self._rank(user), user))
        except ShapeError:
            for node, number in before.items():
                self.shape[node] = number
            raise
        return before

    def _inferred(self, node: int) -> int:
        """Number of the shape of a node whose operands have changed theirs."""
        row = self.row(node)
        if row.shape is not None and row.prepare is not None:
            raise ShapeError(f"{self.describe(node)} was prepared for operands of another shape")
        try:
            return self.shape_number(self.inferred_shape(row, self.operands_of(node), self.attributes_of(node)))
        except ShapeError as error:
            raise ShapeError(f"{self.describe(node)} cannot take it: {error.message}") from None
