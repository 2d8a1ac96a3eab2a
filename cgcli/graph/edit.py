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
from copy import copy
from heapq import heapify, heappop, heappush

from cgcli.errors import GraphError, ShapeError
from cgcli.graph.codes import NO_PAYLOAD
from cgcli.graph.copying import GONE
from cgcli.graph.intern import key_of
from cgcli.graph.ranks import Ranks
from cgcli.graph.settle import needed_by, settled
from cgcli.graph.store import Graph, constant_key
from cgcli.graph.uses import Uses
from cgcli.ops import structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.ops import Operation

    Shape = tuple[int, ...]

UNKNOWN = -1
"""Number of names in an index that has to be made anew."""


class Change:
    """One edit: what was done, why, and what it takes to undo it.

    kind: "replace", "redirect", "supplant", "insert", "remove", "call" or "rename"; nodes: the nodes it speaks of.
    edges: (position in the column `operands`, operand before); shapes: node -> number of its shape before;
    names: those that moved, with the node that each had before (None: it was new); size: number of nodes before it.
    """

    __slots__ = ("edges", "kind", "names", "nodes", "reason", "shapes", "size")

    def __init__(self, kind: str, nodes: tuple[int, ...], reason: str, size: int) -> None:
        self.kind = kind
        self.nodes = nodes
        self.reason = reason
        self.size = size
        self.edges: list[tuple[int, int]] = []
        self.shapes: dict[int, int] = {}
        self.names: list[tuple[str, int | None]] = []


class EditableGraph(Graph):
    """A copy of a graph that may be rewired; the original stays as it was.

    A refused edit (GraphError, naming the nodes) leaves everything as it was. `rebuild` makes it an ordinary graph
    again, which can be evaluated, and edited further. `record` holds the edits since the last rebuild. `twins` are
    nodes that an edit made equal to another one (`twin_of`): whoever wants them to be one before the rebuild replaces
    them, and empties the list. `aside` has 1 for nodes that nobody needs to ask about an edit: `supplant` leaves them
    what they use, and where they cannot take a new shape they are not found any more.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        graph.require_order()
        for field in vars(self).keys() - {"lock", "_adopted", "_made_once"}:
            setattr(self, field, copy(getattr(graph, field)))
        self.edition = 0
        self._settle()

    def fork(self) -> EditableGraph:
        """An independent copy, its record included."""
        twin = EditableGraph.__new__(EditableGraph)
        Graph.__init__(twin)
        for field in vars(self).keys() - {"lock", "_adopted", "_made_once", "_uses", "_ranks"}:
            setattr(twin, field, copy(getattr(self, field)))
        self._synchronised()
        assert self._uses is not None
        assert self._ranks is not None
        twin._uses, twin._ranks = self._uses.fork(), self._ranks.fork(twin)
        return twin

    def _settle(self) -> None:
        """No edits: positions are the order of evaluation."""
        self.record: list[Change] = []
        self.in_order = True
        self._gone: dict[int, int] = {}
        self._uses: Uses | None = None
        self._ranks: Ranks | None = None
        self._labels: dict[int, str | list[str]] = {}
        self._labelled = UNKNOWN
        self.twins: list[int] = []
        self.aside = bytearray()

    # ---- the vocabulary ----------------------------------------------------------------------------------------

    def replace(self, node: int, by: int, reason: str) -> None:
        """Let everything that uses a node, names included, use another one; the node itself is gone.

        Refused where the other node needs the first one, or where a user cannot take the other shape.
        """
        uses = self._begin(node, by)
        if node == by:
            raise GraphError(f"{self.describe(node)} cannot be replaced by itself")
        change = Change("replace", (node, by), reason, len(self.op))
        self._move_edges(change, list(uses.of(node)), by)
        self._move_names(change, node, by)
        self._take_out(node, by)
        self._enter(change)

    def supplant(self, node: int, by: int, reason: str, *, kept: Collection[int] = (), names: bool = True) -> None:
        """Let what uses a node use another one, but for the `kept` users; the node stays, and may be what `by` needs.

        names: whether those of the node move, too. Refused as `replace` is.
        """
        uses = self._begin(node, by)
        change = Change("supplant", (node, by), reason, len(self.op))
        owner, aside, known = uses.owner, self.aside, len(self.aside)
        users = [(edge, owner[edge]) for edge in uses.of(node)]
        edges = [edge for edge, user in users if user not in kept and not (user < known and aside[user])]
        self._move_edges(change, edges, by)
        if names:
            self._move_names(change, node, by)
        self._enter(change)

    def call(self, name: str, node: int | None, reason: str) -> None:
        """Let a name stand for a node from now on, or for none."""
        before = self.names.get(name)
        self._begin(*[each for each in (node, before) if each is not None])
        change = Change("call", tuple(each for each in (before, node) if each is not None), reason, len(self.op))
        change.names.append((name, before))
        self._rename(name, node)
        self._enter(change)

    def redirect(self, user: int, position: int, to: int, reason: str) -> None:
        """Let one operand of one user be another node. Refused as `replace` is."""
        self._begin(user, to)
        edge = self._edge(user, position)
        if self.operands[edge] == to:
            raise GraphError(f"{self.describe(user)} uses {self.describe(to)} there already")
        change = Change("redirect", (user, to), reason, len(self.op))
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
        names = self.names_of(node)
        for name in names:
            if not (self.is_input(node) and name == self.input_name(node)):
                raise GraphError(f"{self.describe(node)} cannot be removed: the formula calls it `{name}`")
        change = Change("remove", (node,), reason, len(self.op))
        for name in names:
            change.names.append((name, node))
            self._rename(name, None)
        self._take_out(node, GONE)
        self._enter(change)

    def rename_input(self, name: str, to: str, reason: str) -> None:
        """Call an input something else. GraphError where there is, or was, an input of that name."""
        node = self.names[name]
        self._begin(node)
        if to in self._input_numbers:
            raise GraphError(f"there is an input `{to}` already, or was one")
        change = Change("rename", (node,), reason, len(self.op))
        change.names += [(name, node), (to, self.names.get(to))]
        self._relabel(name, to)
        self._rename(name, None)
        self._rename(to, node)
        self._enter(change)

    def _relabel(self, name: str, to: str) -> None:
        number = self._input_numbers[to] = self._input_numbers.pop(name)
        self.input_names[number] = to
        self._found_inputs = 0, UNKNOWN, {}

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
        for name, before in change.names:
            self._rename(name, before)
        if change.kind == "rename":
            self._relabel(change.names[1][0], change.names[0][0])
        for node, number in change.shapes.items():
            self.shape[node] = number
        self.forget(change.size)
        for node in owners:  # where one of the nodes just forgotten had stood for it
            self._remember(node)
        self.in_order = not self.record
        return change

    # ---- reading the record ------------------------------------------------------------------------------------

    def uses(self) -> Uses:
        """Who uses each node now."""
        return self._synchronised()

    def ranks(self) -> array[float]:
        """A number for each node, above those of its operands."""
        self._synchronised()
        assert self._ranks is not None
        return self._ranks.of

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
            "supplant": "{0} gives its users to {1}",
            "insert": "{1} inserted before {0}",
            "remove": "{0} removed",
            "call": "named",
            "rename": "{0} renamed",
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
                self.require(*map(int, column))
        return super().apply_many(row, operands, static)

    def input(self, name: str, shape: Shape = (), *, hidden: bool = False) -> int:
        """As for every graph."""
        current = self._labelled == len(self.names)
        node = super().input(name, shape, hidden=hidden)
        if current and self._labelled != len(self.names):
            self._label(node, name)
            self._labelled = len(self.names)
        return node

    def alias(self, node: int) -> int:
        """A new node with the value of another one, equal to no other."""
        self.require(node)
        tag = self.attribute_number((-1 - len(self.op),))
        return self._node(structure.alias.code, [node], tag, self.shape[node])

    def copy_apart(self, other: Graph, node: int, operands: Sequence[int]) -> int:
        """As `copy_node`, but a new node even where there is an equal one, of which `twins` then tells."""
        found = self.find(other, node, operands)
        if found is not None:
            self._forget(found)
        made = self.copy_node(other, node, operands)
        if found is not None:
            self.twins.append(found)
        return made

    def find(self, other: Graph, node: int, operands: Sequence[int]) -> int | None:
        """The node that `copy_node` would return, where there is one already."""
        payload = other.payload[node]
        if other.is_constant(node):
            known = self._constant_numbers.get(constant_key(other.constants[payload], other.exact.get(payload)))
        elif other.is_input(node):
            known = self._input_numbers.get(other.input_name(node))
        elif other.is_leaf(node):
            return None
        else:
            attributes = other.attributes_of(node)
            known = self._attribute_numbers.get(repr(attributes)) if attributes else NO_PAYLOAD
        return None if known is None else self.intern.tables[other.op[node]].get(key_of(known, operands))

    def _node(self, op: int, operands: list[int], payload: int, shape: int) -> int:
        if self._gone:
            self.require(*operands)
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
            kept = needed_by(self, [self.survivor(root) for root in roots])
        new, moved = settled(self, self._order(), kept, self._gone)
        for field in vars(new):
            setattr(self, field, getattr(new, field))
        self.edition += 1
        self._settle()
        return moved

    def survivor(self, node: int) -> int:
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
        self.require(*nodes)
        return self._synchronised()

    def _enter(self, change: Change) -> None:
        self.in_order = False
        self._adopted.clear()  # what was copied in may have been rewired
        self.record.append(change)

    def require(self, *nodes: int) -> None:
        """GraphError for a node that does not exist or is gone."""
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
        known, size = len(self._ranks.of), len(self.op)
        if known < size:
            self._uses.grow(self, known)
            self._ranks.grow(size - known)
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
        assert self._uses is not None
        return self._uses.owner[edge]

    def _move_edges(self, change: Change, edges: Sequence[int], to: int) -> None:
        """Let edges that lead to one node lead to another; all or nothing."""
        if not edges:
            return
        assert self._uses is not None
        owner = self._uses.owner
        users = {owner[edge] for edge in edges}
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

        change = Change("insert", (user,), reason, len(self.op))
        self._forget(user)  # what is built must not be the user itself
        try:
            made = make(Ref(self, node))
            if made.graph is not self or made.node == node:
                raise GraphError(f"nothing was made to stand between {self.describe(node)} and {self.describe(user)}")
            self._synchronised()
            self._move_edges(change, edges, made.node)
        except Exception:
            self.forget(change.size)
            self._remember(user)
            raise
        change.nodes = (user, made.node)
        self._enter(change)
        return made.node

    def _set_operand(self, edge: int, to: int) -> None:
        uses = self._uses
        assert uses is not None
        user = uses.owner[edge]
        self._forget(user)
        uses.unlink(edge, self.operands[edge])
        self.operands[edge] = to
        uses.link(edge, to)
        self._remember(user)

    def _forget(self, node: int) -> None:
        """The intern table must not take a node for what it was."""
        self.intern.forget(self.op[node], key_of(self.payload[node], self.operands_of(node)), node)

    def _remember(self, node: int) -> None:
        """The intern table may learn what a node is now; of equal nodes it keeps the one that it has."""
        key = key_of(self.payload[node], self.operands_of(node))
        if self.intern.tables[self.op[node]].setdefault(key, node) != node:
            self.twins.append(node)

    def prefer(self, node: int, other: int) -> None:
        """Of two equal nodes, the first one is found from now on."""
        self._forget(other)
        self._remember(node)

    def settle_twins(self) -> None:
        """Let the intern table know the twins again, after what they were equal to was forgotten."""
        twins, self.twins = self.twins, []
        for node in twins:
            if node < len(self) and node not in self._gone:
                self._remember(node)
        self.twins = []

    def twin_of(self, node: int) -> int | None:
        """The node that a node became equal to; None where there is none any more, or it is gone itself."""
        if node >= len(self) or node in self._gone:
            return None
        found = self.intern.tables[self.op[node]].get(key_of(self.payload[node], self.operands_of(node)), node)
        return None if found == node else found

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

    def forget(self, length: int) -> None:
        """Keep so many nodes and forget the newer ones, which no older one uses; names that they have go, too."""
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
        for node in range(length, len(self)):
            for name in self.names_of(node):
                self._rename(name, None)
            self.spans.pop(node, None)
            self.scopes.pop(node, None)
        del self.operands[self.start[length] :]
        del self.start[length + 1 :]
        for column in (self.op, self.payload, self.shape):
            del column[length:]
        self._adopted.clear()
        self.edition += 1

    def names_of(self, node: int) -> list[str]:
        """The names of a node, from an index that is made anew where names came in by the back door."""
        if self._labelled != len(self.names):
            self._labels = dict(zip(self.names.values(), self.names, strict=True))
            if len(self._labels) < len(self.names):
                self._labels = {}
                for name, named in self.names.items():
                    self._label(named, name)
            self._labelled = len(self.names)
        found = self._labels.get(node)
        if type(found) is str:
            return [found] if self.names.get(found) == node else []
        return [name for name in dict.fromkeys(found) if self.names.get(name) == node] if found else []

    def _label(self, node: int, name: str) -> None:
        """Enter a name into the index: most nodes have one, and a million lists are a burden."""
        found = self._labels.get(node)
        if type(found) is list:
            found.append(name)
        else:
            self._labels[node] = name if found is None else [found, name]  # type: ignore[list-item]

    def _move_names(self, change: Change, node: int, by: int) -> None:
        for name in self.names_of(node):
            change.names.append((name, node))
            self._rename(name, by)

    def _rename(self, name: str, node: int | None) -> None:
        """Give a name to a node, or take it away; the index of names stays as good as it was.

        What the index still says of a name that went does no harm.
        """
        current = self._labelled == len(self.names)
        if node is None:
            self.names.pop(name, None)
        else:
            self.names[name] = node
            self._label(node, name)
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
                try:
                    number = self._inferred(node)
                except ShapeError:
                    if not self._is_aside(node):
                        raise
                    self._forget(node)
                    continue
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

    def _is_aside(self, node: int) -> bool:
        return node < len(self.aside) and bool(self.aside[node])

    def _inferred(self, node: int) -> int:
        """Number of the shape of a node whose operands have changed theirs."""
        row = self.row(node)
        if row.shape is not None and row.prepare is not None and not self._same_axes(row, node):
            raise ShapeError(f"{self.describe(node)} was prepared for operands of another shape")
        try:
            return self.shape_number(self.inferred_shape(row, self.operands_of(node), self.attributes_of(node)))
        except ShapeError as error:
            raise ShapeError(f"{self.describe(node)} cannot take it: {error.message}") from None

    def _same_axes(self, row: Operation, node: int) -> bool:
        """Whether the attributes of a node are axes, counted from the end, which are what they were for its operand."""
        (operand, *others) = self.operands_of(node)
        (axes, *more) = self.attributes_of(node) or (None,)
        rank = len(self.shape_of(operand))
        plain = "along_axes" in row.traits and not others and not more and isinstance(axes, tuple)
        return plain and all(isinstance(axis, int) and -rank <= axis < 0 for axis in axes) and len(axes) == rank
