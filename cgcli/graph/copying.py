"""What some nodes need, copied into another graph, and the names, places and calls that go with it.

Every copy is made here: an order of evaluation goes through `copy_nodes`, whatever chooses the nodes. A copy has the
shape of what it is a copy of, so its operands must have the shapes of theirs.
"""

from __future__ import annotations

from array import array

from cgcli.graph.walk import ancestors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph

    Moved = MutableMapping[int, int] | list[int] | array[int]

GONE = -1
"""Stands in a map from old positions to new ones for a node that has no copy."""

MANY = 5_000
"""Nodes from which on the table of equal nodes is made by NumPy when it is needed, which may have to be loaded."""


def copy_nodes(
    source: Graph,
    target: Graph,
    nodes: Iterable[int],
    moved: Moved,
    *,
    instead: Callable[[int], int] | None = None,
) -> None:
    """Copy nodes of one graph, operands before their users, into another one.

    moved: old position -> new one; it knows the operands that are not among the nodes, and learns the copies.
    instead: which earlier node of the source stands for a node; only those that stand for themselves are copied.
    """
    start, operands = source.start, source.operands
    for node in nodes:
        other = node if instead is None else instead(node)
        if other != node:
            moved[node] = moved[other]
            continue
        used = [moved[operand] for operand in operands[start[node] : start[node + 1]]]
        moved[node] = target.copy_node(source, node, used)


def copied(source: Graph, target: Graph, nodes: Iterable[int]) -> array[int]:
    """Copy what some nodes need into another graph; the map from old positions to new ones, or GONE."""
    needed = ancestors(source, nodes)
    moved = array("i", [GONE]) * len(source)
    copy_nodes(source, target, (node for node, need in enumerate(needed) if need), moved)
    return moved


def copy_beginning(source: Graph, target: Graph, length: int) -> None:
    """Let an empty graph begin as another one does: the same nodes at the same positions, and what belongs to them."""
    source.require_order()
    edges = source.start[length]
    left_out = {"lock", "intern", "origins", "is_derivative", "_adopted", "_found_inputs", "_made_once"}
    for field in vars(target).keys() - left_out:
        value = getattr(source, field)
        setattr(target, field, value.__copy__() if hasattr(value, "__copy__") else value.copy())
    for column, end in ((target.op, length), (target.start, length + 1), (target.operands, edges),
                        (target.payload, length), (target.shape, length)):  # fmt: skip
        del column[end:]
    if length < len(source):
        for places in (target.spans, target.scopes):
            for node in [node for node in places if node >= length]:
                del places[node]
    target.origins = source.origins.until(length)
    target.is_derivative = source.is_derivative
    if length < MANY:
        target.intern.refill(target)
    else:
        target.intern.learn(target, 0)


def copy_missing(source: Graph, target: Graph, nodes: Iterable[int], copies: MutableMapping[int, int]) -> None:
    """Copy what some nodes need and what has no copy yet; what only those with a copy need stays where it is."""
    source.require_order()
    missing: set[int] = set()
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if node not in copies and node not in missing:
            missing.add(node)
            pending.extend(source.operands_of(node))
    copy_nodes(source, target, sorted(missing), copies)


def carry(
    source: Graph, target: Graph, moved: Sequence[int], *, heirs: Collection[int] = (), calls: bool = True
) -> None:
    """Let names, places in the text, calls of user functions and origins follow the nodes; what the target has stays.

    moved: old position -> new one, or GONE. heirs: nodes that were replaced; what replaced them takes their place in
    the text, and their call, where it has none. calls: whether a node still belongs to the call that it was written in,
    and to the rule that made it.
    """
    target.is_derivative = target.is_derivative or source.is_derivative
    names = {name: moved[node] for name, node in source.names.items() if moved[node] != GONE}
    target.names = {**names, **target.names}
    _follow(source.spans, target.spans, moved, heirs)
    if calls:
        target.calls = source.calls
        target.origins = source.origins.moved(moved, GONE)
        _follow(source.scopes, target.scopes, moved, heirs)


def _follow(
    old: Mapping[int, Any], new: MutableMapping[int, Any], moved: Sequence[int], heirs: Collection[int]
) -> None:  # fmt: skip
    """Enter what a table says of nodes at their new positions: what a node has itself goes before what it inherits."""
    inherited: dict[int, Any] = {}
    for node, value in old.items():
        if moved[node] != GONE:
            (inherited if node in heirs else new).setdefault(moved[node], value)
    for node, value in inherited.items():
        new.setdefault(node, value)
