"""Values by node that survive changes: what a change makes doubtful, and what is computed when somebody asks.

Each node has a state: its value stands; it stands unless something below comes out otherwise; it must be computed. A
change marks its direct users with the last state and all that depend on them with the middle one, and stops at what is
marked already: a mark is paid for by the calculation that took it away. A question collects the marked nodes that it
needs and goes through them in an order of evaluation; where a value comes out equal to the last bit, its users are left
as they are. So a node is computed where an operand has changed, and nowhere else. After U. A. Acar, Self-Adjusting
Computation, PhD thesis, Carnegie Mellon University 2005, and M. A. Hammer et al., Adapton: composable, demand-driven
incremental computation, PLDI 2014.
"""

from __future__ import annotations

from struct import pack

from cgcli.engines.plan import ALONE, MANY, take
from cgcli.graph.settle import needed_by
from cgcli.graph.walk import ancestors
from cgcli.ops import structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from cgcli.engines.plan import Plan
    from cgcli.engines.planned import PlannedEngine
    from cgcli.graph.edit import EditableGraph

STANDS, DOUBTFUL, STALE = 0, 1, 3
"""States of a node: what is stale has the bit of what is doubtful. What depends on a node that does not stand does not
stand either."""

COLLECTED = 4
"""Added to the state of a node while a question collects what it needs."""

SHARE, FEWEST = 4, 2_000
"""A question that needs more than one of so many nodes anew, and more than so many, takes one full pass: its loop
looks at nothing but operands, and is done with a node in a third of the time."""


class Values:
    """The values of the nodes of a graph that is being edited.

    values: by node; None where there is none yet. state: by node. recomputed, cut_off, full: what the last question
    cost: nodes computed, of these the ones whose value came out equal, and whether nothing that it needs had stood.
    quiet: what an engine wants around its calculations. plain: whether numbers are floats of Python.
    """

    def __init__(
        self, graph: EditableGraph, engine: PlannedEngine, quiet: Callable[[], AbstractContextManager[Any]], *,
        plain: bool,
    ) -> None:  # fmt: skip
        self.plain = plain
        self.graph = graph
        self.engine = engine
        self.quiet = quiet
        self.values: list[Any] = []
        self.state = bytearray()
        self.recomputed = self.cut_off = 0
        self.full = False
        self._blank = bytearray()
        self._steps: list[Any] = []
        self._kernels: dict[int | tuple[int, ...], Any] = {}
        self._nothing_stands = True
        self._passes: dict[tuple[int, ...], tuple[Plan, int]] = {}
        self.grow()

    def fork(self, graph: EditableGraph) -> Values:
        """The same values for a copy of the graph."""
        twin = Values.__new__(Values)
        vars(twin).update(vars(self))
        twin.graph = graph
        for name in ("values", "state", "_blank", "_steps", "_kernels"):
            setattr(twin, name, getattr(self, name).copy())
        twin._passes = {}
        twin._uses = graph.uses()
        return twin

    # ---- nodes that come and go --------------------------------------------------------------------------------

    def grow(self) -> None:
        """Make room for the nodes that were built, and learn the values of constants."""
        graph, known = self.graph, len(self.values)
        missing = len(graph.op) - known
        self._uses = graph.uses()
        self.values += [None] * missing
        self._steps += [None] * missing
        self._blank += bytes((STALE,)) * missing
        self.state += bytes((STALE,)) * missing
        op = graph.op[known:]
        for code in structure.LEAVES.intersection(op):
            place = -1
            for _ in range(op.count(code)):
                place = op.index(code, place + 1)
                self._learn(known + place)

    def _learn(self, node: int) -> None:
        """The value of a leaf; an input is given one."""
        graph, number = self.graph, self.graph.payload[node]
        if graph.is_constant(node):
            self.values[node] = self.engine.number(graph.constants[number], graph.exact.get(number))
        elif not graph.is_input(node):
            self.values[node] = self.engine.array(graph.arrays[number])
        self.state[node] = self._blank[node] = STANDS

    def shrink(self) -> None:
        """Forget the nodes that the graph has forgotten."""
        length = len(self.graph)
        for column in (self.values, self.state, self._blank, self._steps):
            del column[length:]
        self._passes.clear()

    # ---- changes -----------------------------------------------------------------------------------------------

    def put(self, node: int, value: Any) -> None:
        """Give a leaf another value than it has."""
        try:
            self._doubt_users(node, STALE)
            self.values[node] = value
        except BaseException:  # Ctrl-C: what is marked by half would be believed later
            self.void()
            raise

    def put_all(self, nodes: Sequence[int], found: Sequence[Any]) -> None:
        """Give so many leaves values that most has to be computed anew."""
        self.void()
        values = self.values
        for node, value in zip(nodes, found, strict=True):
            values[node] = value

    def doubt(self, nodes: Iterable[int]) -> None:
        """Nodes have other operands than before: they must be computed, and what depends on them may have to."""
        self._passes.clear()
        state = self.state
        try:
            for node in nodes:
                self._steps[node] = None
                if not state[node]:
                    self._doubt_users(node, DOUBTFUL)
                state[node] = STALE
        except BaseException:
            self.void()
            raise

    def _doubt_users(self, node: int, mark: int) -> None:
        """Mark the users of a node, and as doubtful what depends on them."""
        state, uses = self.state, self._uses
        first, after, owner = uses.first, uses.after, uses.owner
        pending = []
        edge = first[node]
        while edge >= 0:
            user = owner[edge]
            before = state[user]
            if before < mark:
                state[user] = mark
                if not before:
                    pending.append(user)
            edge = after[edge]
        while pending:
            edge = first[pending.pop()]
            while edge >= 0:
                user = owner[edge]
                if not state[user]:
                    state[user] = DOUBTFUL
                    pending.append(user)
                edge = after[edge]

    def void(self) -> None:
        """No value stands but those of leaves."""
        self.state[:] = self._blank
        self._nothing_stands = True

    # ---- questions ---------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Count anew what is computed."""
        self.recomputed = self.cut_off = 0
        self.full = False

    def compute(self, wanted: Iterable[int]) -> None:
        """See to it that the values of nodes stand."""
        missing = [node for node in dict.fromkeys(wanted) if self.state[node]]
        if not missing:
            return
        found = None
        if not self._nothing_stands or len(self.state) <= FEWEST:
            found = self._collected(missing)
        if found is None:
            with self.quiet():
                self._pass_over(missing)
            return
        try:
            if self.plain:
                self._recompute(found)
            else:
                with self.quiet():
                    self._recompute(found)
        except BaseException:
            self._let_go(found)
            raise
        self._nothing_stands = False

    def standing(self) -> int:
        """How many values stand."""
        return self.state.count(STANDS)

    def stale_below(self, node: int) -> list[int]:
        """The nodes that would have to be looked at for a node to stand."""
        found = [node] if self.state[node] else []
        seen = set(found)
        for node in found:
            for operand in self.graph.operands_of(node):
                if self.state[operand] and operand not in seen:
                    seen.add(operand)
                    found.append(operand)
        return found

    def _collected(self, wanted: list[int]) -> list[int] | None:
        """The nodes that do not stand and that some need, in an order of evaluation; None where they are most of all.

        `full` says afterwards whether they are all that the wanted nodes need.
        """
        graph, state, blank, steps = self.graph, self.state, self._blank, self._steps
        most = max(FEWEST, len(state) // SHARE)
        found: list[int] = []
        stood = 0
        pending = wanted.copy()
        used: Any = ()
        try:
            for node in pending:
                state[node] |= COLLECTED
            while pending:
                node = pending.pop()
                found.append(node)
                _, left, right = steps[node] or self._step(node)
                used = (left, right) if right >= 0 else (left,) if right == ALONE else left
                for operand in used:
                    mark = state[operand]
                    if not mark:
                        stood |= blank[operand]
                    elif mark < COLLECTED:
                        state[operand] = mark | COLLECTED
                        pending.append(operand)
                if len(found) > most:
                    break
        except BaseException:
            self._let_go([*wanted, *found, *pending, *used])
            raise
        if pending:
            self._let_go([*found, *pending])
            return None
        self.full = not stood
        if graph.in_order:
            found.sort()
        else:
            found.sort(key=graph.ranks().__getitem__)
        return found

    def _let_go(self, nodes: Iterable[int]) -> None:
        for node in nodes:
            self.state[node] &= ~COLLECTED

    def _recompute(self, found: Sequence[int]) -> None:
        """Go through nodes that were collected, and compute those where an operand has changed.

        The order of the last lines keeps what is marked right wherever Ctrl-C hits: users, value, state.
        """
        values, state, steps, uses, plain = self.values, self.state, self._steps, self._uses, self.plain
        first, after, owner = uses.first, uses.after, uses.owner
        computed = equal = 0
        try:
            for node in found:
                if state[node] == DOUBTFUL | COLLECTED:
                    state[node] = STANDS
                    continue
                kernel, left, right = steps[node]
                if right >= 0:
                    value = kernel(values[left], values[right])
                elif right == ALONE:
                    value = kernel(values[left])
                else:
                    value = kernel(*[values[operand] for operand in left])
                computed += 1
                old = values[node]
                if old is not None:
                    if not (plain and type(old) is type(value) is float and value != old == old) and same(old, value):
                        equal += 1
                        state[node] = STANDS
                        continue
                    edge = first[node]
                    while edge >= 0:
                        state[owner[edge]] |= STALE
                        edge = after[edge]
                values[node] = value
                state[node] = STANDS
        finally:
            self.recomputed += computed
            self.cut_off += equal

    def _step(self, node: int) -> tuple[Any, Any, int]:
        """The function of a node and its operands, as a plan has them."""
        graph = self.graph
        code, payload, first, last = graph.op[node], graph.payload[node], graph.start[node], graph.start[node + 1]
        used = graph.operands[first:last]
        key: int | tuple[int, ...] = code
        if payload >= 0 or len(graph.shapes) > 1:
            key = (code, payload, *[graph.shape[operand] for operand in used])
        kernel = self._kernels.get(key)
        if kernel is None:
            kernel = self._kernels[key] = self.engine.kernel_of(graph, node)
        count = last - first
        step: tuple[Any, Any, int]
        if count == 2:
            step = kernel, used[0], used[1]
        elif count == 1:
            step = kernel, used[0], ALONE
        else:
            step = kernel, tuple(used), MANY
        self._steps[node] = step
        return step

    def _pass_over(self, wanted: Sequence[int]) -> None:
        """Compute all that nodes need, whether it stands or not."""
        plan, kept = self._pass(tuple(wanted))
        state = self.state
        state[:] = state.replace(bytes((DOUBTFUL,)), bytes((STALE,)))  # nobody will say what has changed
        take(plan.steps(), self.values)
        size = len(state)
        state[:] = (int.from_bytes(state, "little") & kept).to_bytes(size, "little")  # the computed ones stand
        self.recomputed += len(plan.nodes)
        self.full = True
        self._nothing_stands = False

    def _pass(self, wanted: tuple[int, ...]) -> tuple[Plan, int]:
        """The plan of a full pass, and the states of the nodes that it leaves alone, as a mask of bits."""
        found = self._passes.get(wanted)
        if found is None:
            graph = self.graph
            if graph.in_order:
                needed = ancestors(graph, wanted)
                nodes = [node for node in range(len(graph)) if needed[node]]
            else:
                needed = needed_by(graph, wanted)
                nodes = sorted((node for node in range(len(graph)) if needed[node]), key=graph.ranks().__getitem__)
            kept = bytes(needed).translate(bytes((255, 0)) + bytes(254))
            found = self.engine.planned_over(graph, nodes), int.from_bytes(kept, "little")
            self._passes = {wanted: found}
        return found


def same(old: Any, new: Any) -> bool:
    """Whether two values are equal to the last bit."""
    if type(old) is float and type(new) is float:
        return old == new != 0 or pack("d", old) == pack("d", new)
    if hasattr(old, "tobytes") and hasattr(new, "tobytes"):
        return bool(old.shape == new.shape and old.tobytes() == new.tobytes())
    return False
