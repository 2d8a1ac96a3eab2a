"""What is simplified in a line of a working, step by step, and in which words.

`written` is done to every line, as everybody does it without a word: neutral numbers and needless parentheses go.
`with_tidy_products` looks at each product by itself; `simplify` at the whole line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.emit.formula import expression
from cgcli.graph.replacing import replaced
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.ops import arithmetic, logic, powers, shaping, structure
from cgcli.passes.expand import transplant
from cgcli.passes.folding import FoldingRef
from cgcli.passes.simplify import lengths, simplify
from cgcli.passes.simplify.arrays import in_scalars

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.ops import Operation

CHAINS = {
    arithmetic.mul: (arithmetic.mul, arithmetic.div), arithmetic.add: (arithmetic.add, arithmetic.sub),
    arithmetic.sub: (),
}  # fmt: skip
"""Operations whose second operand needs no parentheses where it is a chain itself: a * (b / c) is a * b / c."""


LONGEST = 300
"""Symbols of a formula that is written out element by element."""

PLAIN = {
    arithmetic.add, arithmetic.sub, arithmetic.mul, arithmetic.div, arithmetic.neg, arithmetic.square, powers.power,
    powers.sqrt, shaping.index, structure.constant, structure.variable,
}  # fmt: skip
"""What may come in where lists are written out."""

PRODUCTS = (arithmetic.mul, arithmetic.div)
SUMS = (arithmetic.add, arithmetic.sub)


def written(graph: Graph, root: int) -> int:
    """A line without neutral numbers, and with sums and products from left to right; nothing is calculated."""
    moved: dict[int, int] = {}
    for node, need in enumerate(ancestors(graph, [root])):
        if not need:
            continue
        row, operands = graph.row(node), [moved[operand] for operand in graph.operands_of(node)]
        if row in CHAINS and not graph.shape_of(node):
            moved[node] = _chained(graph, row, *operands)
        elif row is arithmetic.neg and not graph.shape_of(node):
            moved[node] = negative(graph, *operands)
        elif graph.is_leaf(node):
            moved[node] = node
        else:
            moved[node] = _plain(graph, row, operands, graph.attributes_of(node))
    return moved[root]


def _plain(graph: Graph, row: Operation, operands: Sequence[int], attributes: tuple[Any, ...] = ()) -> int:
    """An operation, or its one operand where the other one is neutral."""
    if len(operands) == 2 and row.elementwise and not any(graph.shape_of(operand) for operand in operands):
        left, right = row.identities
        first, second = map(graph.constant_value, operands)
        if right is not None and second == right:
            return operands[0]
        if left is not None and first == left:
            return operands[1]
    return graph.repeat(row, operands, attributes)


def _chained(graph: Graph, row: Operation, left: int, right: int) -> int:
    """left and right in one chain; a minus in front of the right one of a sum goes into the sign."""
    rest = []
    while graph.row(right) in CHAINS[row]:
        rest.append((graph.row(right), graph.operands_of(right)[1]))
        right = graph.operands_of(right)[0]
    if row in SUMS and has_minus(graph, right):
        row, right = (arithmetic.sub if row is arithmetic.add else arithmetic.add), negative(graph, right)
    result = _plain(graph, row, [left, right])
    for link, operand in reversed(rest):
        result = _plain(graph, link, [result, operand])
    return result


def negative(graph: Graph, node: int) -> int:
    """The opposite, with the minus at the first factor of a product: -2 * x instead of -(2 * x)."""
    rest = []
    while graph.row(node) in PRODUCTS:
        first, second = graph.operands_of(node)
        rest.append((graph.row(node), second))
        node = first
    result = (-FoldingRef(graph, node)).node
    for row, operand in reversed(rest):
        result = _plain(graph, row, [result, operand])
    return result


def with_tidy_products(graph: Graph, root: int) -> int:
    """A line in which each product is simplified by itself: numbers multiplied, equal factors put together, cancelled.

    Sums stand for themselves meanwhile, so nothing is done across a plus or a minus.
    """
    needed = ancestors(graph, [root])
    letters = descendants(graph, [node for node, need in enumerate(needed) if need and graph.is_input(node)])
    sums = [node for node, need in enumerate(needed) if need and letters[node] and graph.row(node) in SUMS]
    scratch = Graph()
    for node, need in enumerate(needed):  # first, since what comes first is written first
        if need and graph.is_input(node):
            scratch.copy_node(graph, node, [])
    stand_ins = {node: scratch.input(f"sum {node}", graph.shape_of(node), hidden=True) for node in sums}
    copied = _copied_without(graph, scratch, stand_ins, needed)
    wanted = [operand for node in sums for operand in graph.operands_of(node)] + [root]
    simple, found = simplify(scratch, [copied[each] for each in wanted])
    places = simple.inputs(hidden=True)
    known: dict[int, Any] = {place: graph.ref(graph.inputs(hidden=True)[name]) for name, place in places.items()
                             if not name.startswith("sum ")}  # fmt: skip
    products = iter(found)
    results: dict[int, Any] = {}
    for node in sums:
        operands = [_back(simple, graph, next(products), known) for _ in graph.operands_of(node)]
        results[node] = operands[0].build(graph.row(node), operands)
        if f"sum {node}" in places:
            known[places[f"sum {node}"]] = results[node]
    return _back(simple, graph, next(products), known).node


def _copied_without(graph: Graph, scratch: Graph, stand_ins: dict[int, int], needed: bytearray) -> dict[int, int]:
    """A copy in which inputs stand for some nodes."""
    copied: dict[int, int] = dict(stand_ins)
    for node, need in enumerate(needed):
        if need and node not in copied:
            copied[node] = scratch.copy_node(graph, node, [copied[operand] for operand in graph.operands_of(node)])
    return copied


def _back(simple: Graph, graph: Graph, node: int, known: dict[int, Any]) -> Any:
    return transplant(simple, graph, known)(node)


def has_minus(graph: Graph, node: int) -> bool:
    """Whether a product begins with a minus."""
    while graph.row(node) in PRODUCTS:
        node = graph.operands_of(node)[0]
    value = graph.constant_value(node)
    return graph.row(node) is arithmetic.neg or (value is not None and value < 0)


def simplified(graph: Graph, node: int) -> int:
    """The simplest form of a whole line that the simplifier knows."""
    simple, (result,) = simplify(graph, [node])
    known = {place: graph.ref(graph.inputs(hidden=True)[name]) for name, place in simple.inputs(hidden=True).items()}
    return _back(simple, graph, result, known).node


# ---- before the first rule -------------------------------------------------------------------------------------------


def in_elements(graph: Graph, node: int) -> int:
    """A formula of short lists, such as `[x, 2*x] @ [1, x]`, written out; the node itself where that says no more.

    Nothing but arithmetic and roots may come in.
    """
    apart = in_scalars(graph, [node], kinks=True)
    if apart is None:
        return node
    source, (output,) = apart
    rows = {graph.row(each) for each, need in enumerate(ancestors(graph, [node])) if need}
    new = {source.row(each) for each, need in enumerate(ancestors(source, [output])) if need} - rows
    if not new <= PLAIN or lengths(source, [output])[output] > LONGEST:
        return node
    known = {place: graph.ref(graph.inputs(hidden=True)[name]) for name, place in source.inputs(hidden=True).items()}
    return _back(source, graph, with_powers(source, output), known).node


def with_powers(graph: Graph, root: int) -> int:
    """A formula with `u^2` for what rows write as `square(u)`."""
    powered: dict[int, int] = {}
    for node, need in enumerate(ancestors(graph, [root])):
        if not need or graph.row(node) is not arithmetic.square:
            continue
        (operand,) = graph.operands_of(node)
        powered[node] = (FoldingRef(graph, replaced(graph, operand, powered)) ** 2).node
    return replaced(graph, root, powered) if powered else root


def of_finite_numbers(graph: Graph, root: int) -> int:
    """A definition without its cases for infinite operands, which no working is about."""
    moved: dict[int, int] = {}
    for node, need in enumerate(ancestors(graph, [root])):
        if need and graph.row(node) is logic.where:
            condition, _, otherwise = graph.operands_of(node)
            if graph.row(condition) in (logic.is_inf, logic.is_nan):
                moved[node] = replaced(graph, otherwise, moved)
    return with_powers(graph, replaced(graph, root, moved))


# ---- which form is plainer -------------------------------------------------------------------------------------------


def plainer(graph: Graph, new: int, old: int) -> bool:
    """Whether a form of a line is worth a line of its own.

    It has fewer symbols, or names the inputs less often, or a number behind a product or a quotient of a quotient is
    gone, or a leading minus.
    """
    return measure(graph, new) < measure(graph, old)


def measure(graph: Graph, root: int) -> tuple[float, int, int, bool]:
    """How hard a form is to read: its symbols, its inputs, what is clumsy in it, whether a minus leads."""
    inputs: list[int] = []
    clumsy = 0
    for node, need in enumerate(ancestors(graph, [root])[: root + 1]):
        operands: Sequence[int] = graph.operands_of(node) if need else ()
        inputs.append(int(graph.is_input(node)) + sum(inputs[operand] for operand in operands))
        clumsy += bool(operands) and _is_clumsy(graph, node)
    return lengths(graph, [root])[root], inputs[root], clumsy, expression(graph, root).startswith("-")


def _is_clumsy(graph: Graph, node: int) -> bool:
    """Whether a number stands behind a product, or a quotient is divided once more."""
    row, operands = graph.row(node), graph.operands_of(node)
    if row is arithmetic.mul:
        return graph.is_constant(operands[1])
    return row is arithmetic.div and graph.row(operands[0]) is arithmetic.div
