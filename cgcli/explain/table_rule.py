"""The rule of a function from the table of derivatives, with the chain rule: `sin(u)' = cos(u) · u'`.

The derivative of a row by each operand is made once, over letters, and simplified there. What it reads in letters is
the rule in general; with the operands in the place of the letters it is what a step writes. So both say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cgcli.emit.formula import expression
from cgcli.explain.table_slopes import SLOPES
from cgcli.explain.textbook import AT_VARIABLE, INNER, GivenRule, as_power
from cgcli.explain.tidying import with_powers
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import arithmetic, hyperbolic, powers, trigonometric
from cgcli.passes.folding import FoldingRef
from cgcli.passes.partials import local_partials
from cgcli.passes.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.explain.textbook import Asked
    from cgcli.graph.ref import Ref
    from cgcli.ops import Operation

FAMILIES = (
    (trigonometric.sin, trigonometric.cos, trigonometric.tan, trigonometric.sec, trigonometric.csc, trigonometric.cot),
    (hyperbolic.sinh, hyperbolic.cosh, hyperbolic.tanh, hyperbolic.sech, hyperbolic.csch, hyperbolic.coth),
    (trigonometric.asin, trigonometric.acos, trigonometric.atan, hyperbolic.asinh, hyperbolic.acosh, hyperbolic.atanh),
)
"""Functions whose derivatives are taken for each other's."""

BASES = {powers.log10: 10, powers.log2: 2, powers.exp10: 10, powers.exp2: 2}
"""The bases of logarithms and exponentials."""
LOGARITHMS, EXPONENTIALS = (powers.log10, powers.log2, powers.log_base), (powers.exp, powers.exp2, powers.exp10)


class Over(NamedTuple):
    """The derivatives of a row over letters. letters: stand-ins by operand, None for a number. slopes: by operand."""

    graph: Graph
    letters: list[int | None]
    node: int
    slopes: dict[int, int]


def table_rule(asked: Asked) -> GivenRule | None:
    """The rule of an elementwise row; None where the row has no partial derivatives of its own."""
    graph, row = asked.node.graph, asked.node.graph.row(asked.node.node)
    if not row.elementwise or (row.partials is None and row.pullback is None):
        return None
    places = [place for place, operand in enumerate(asked.operands) if asked.changes(operand)]
    slopes = {place: asked.derivative(asked.operands[place]) for place in places}
    inner = any(slope.constant_value != 1 for slope in slopes.values())
    over = over_letters(asked, row, places, inner)
    if over is None:
        return None
    given = {letter: operand for letter, operand in zip(over.letters, asked.operands, strict=True)
             if letter is not None}  # fmt: skip
    found = _slopes_on(graph, over, given)
    terms = [multiplied(slope, slopes[place]) for place, slope in found.items()]
    result = _added(terms) if terms else FoldingRef(graph, graph.constant(0.0))

    def mistakes() -> dict[str, Any]:
        return _mistakes(asked, row, over, found, slopes, result) if found else {}

    def unlikely() -> dict[str, Any]:
        return {f"the derivative of {_called(row)} has the other sign": -result} if found else {}

    name = f"derivative of {_called(row)}"
    name = f"{name} and chain rule" if inner and found else name
    return GivenRule(name, _general(over, inner), result, mistakes, unlikely)


def _slopes_on(graph: Graph, over: Over, given: Mapping[int, Ref]) -> dict[int, Ref]:
    """The partial derivatives on operands in the places of the letters; these may be arrays, which letters are not."""
    moved = {letter: operand.node for letter, operand in given.items()}
    source = over.graph
    for node, need in enumerate(ancestors(source, over.slopes.values())):
        if need and node not in moved:
            used = [moved[operand] for operand in source.operands_of(node)]
            moved[node] = (
                graph.repeat(source.row(node), used, source.attributes_of(node)) if used
                else graph.copy_node(source, node, [])
            )  # fmt: skip
    return {place: FoldingRef(graph, moved[slope]) for place, slope in over.slopes.items()}


def over_letters(asked: Asked, row: Operation, places: Sequence[int], inner: bool) -> Over | None:
    """The partial derivatives of a row over letters: u, v … for what changes (x for the variable), c, k … else."""
    graph, scratch = asked.node.graph, Graph()
    changing, fixed = iter("uvwst" if inner else "xyzst"), iter("ckmn")
    letters: list[int | None] = []
    operands: list[int] = []
    for place, operand in enumerate(asked.operands):
        if place not in places and graph.is_constant(operand.node):
            letters.append(None)
            operands.append(scratch.copy_node(graph, operand.node, []))
            continue
        letter = next(changing if place in places else fixed)
        operands.append(scratch.input(letter, ()))
        letters.append(operands[-1])
    node = scratch.repeat(row, operands, graph.attributes_of(asked.node.node))
    refs = [FoldingRef(scratch, operand) for operand in operands]
    slopes = {place: slope.node for place, slope in zip(places, slopes_of(row, refs, FoldingRef(scratch, node), places),
                                                        strict=True) if slope is not None}  # fmt: skip
    simple, nodes = simplify(scratch, [*slopes.values(), node])
    known = simple.inputs()
    names = [None if letter is None else scratch.input_name(letter) for letter in letters]
    found = [None if name is None else known.get(name) for name in names]
    slopes = {place: with_powers(simple, slope) for place, slope in zip(slopes, nodes[:-1], strict=True)
              if simple.constant_value(slope) != 0}  # fmt: skip
    return Over(simple, found, nodes[-1], slopes)


def slopes_of(row: Operation, operands: Sequence[Any], node: Any, places: Sequence[int]) -> list[Any]:
    """The derivatives of a row by its operands at some places: those of tables, else those of the row."""
    told = SLOPES[row](*operands, node) if row in SLOPES else [None] * len(operands)
    found = []
    for place in places:
        slope = told[place]
        if slope is None:
            (partial,) = local_partials(node.graph, node.node, [place])
            slope = None if partial is None else FoldingRef(node.graph, partial)
        found.append(slope)
    return found


def multiplied(slope: Any, inner: Any) -> Any:
    """A derivative times the inner one, which goes above the line: u' / u instead of 1 / u · u'."""
    graph = slope.graph
    if graph.row(slope.node) is arithmetic.div and not slope.shape:
        above, below = (FoldingRef(graph, operand) for operand in graph.operands_of(slope.node))
        if above.constant_value in (1, -1):
            return (inner if above.constant_value == 1 else -inner) / below
    return slope * inner


def _added(terms: Sequence[Any]) -> Any:
    return sum(terms[1:], terms[0])


def _general(over: Over, inner: bool) -> str:
    """The rule in letters."""
    graph = over.graph
    primes, terms = {}, []
    for place, slope in over.slopes.items():
        letter = over.letters[place]
        if not inner or letter is None:
            terms.append(FoldingRef(graph, slope))
            continue
        prime = graph.input(f"derivative {place}", (), hidden=True)
        primes[prime] = f"{graph.input_name(letter)}'"
        terms.append(multiplied(FoldingRef(graph, slope), FoldingRef(graph, prime)))
    left = expression(graph, over.node)
    left = left if left.endswith(")") and left.split("(")[0].isidentifier() else f"({left})"
    return f"{left}' = {expression(graph, _added(terms).node, primes) if terms else '0'}".replace(" * ", " · ")


def _called(row: Operation) -> str:
    """What a formula calls the row."""
    return "log" if row is powers.log_base else row.name


# ---- mistakes --------------------------------------------------------------------------------------------------------


def _mistakes(
    asked: Asked, row: Operation, over: Over, found: dict[int, Any], slopes: dict[int, Any], result: Any
) -> dict[str, Any]:  # fmt: skip
    """What comes out where the rule of a function is applied wrongly."""
    wrong: dict[str, Any] = {}
    if any(slope.constant_value != 1 for slope in slopes.values()):
        wrong[INNER] = _added(list(found.values()))
    if _has_minus(found):
        wrong[f"the minus sign of the derivative of {_called(row)} is missing"] = -result
    operand = asked.operands[0]
    if 0 in found:
        wrong |= _of_base(row, asked.operands, result)
    if len(asked.operands) == 1:
        du = slopes[0]
        if du.constant_value != 1:
            wrong |= _inside(asked, row, over, du)
        wrong |= {f"that is the derivative of {_called(other)}, not of {_called(row)}": du * like
                  for other, like in _relatives(row, operand)}  # fmt: skip
        if row in ROOTS:
            wrong[f"{_called(row)}(x) is x^(1/{ROOTS[row]}): the exponent was not lowered by 1"] = (
                asked.node / ROOTS[row] * du
            )
        if row in EXPONENTIALS:
            wrong |= as_power(operand, row(operand - 1), du)
    return wrong


ROOTS = {powers.sqrt: 2, powers.cbrt: 3}
"""Which root each of these takes."""


def _has_minus(found: dict[int, Any]) -> bool:
    """Whether the rule has one derivative, and that is written with a minus."""
    slopes = list(found.values())
    return len(slopes) == 1 and expression(slopes[0].graph, slopes[0].node).startswith("-")


def _inside(asked: Asked, row: Operation, over: Over, du: Any) -> dict[str, Any]:
    """Mistakes about the inside of a function of one operand."""
    letter = over.letters[0]
    if letter is None:
        return {}

    def slope_at(ref: Any) -> Any:
        return _slopes_on(ref.graph, over, {letter: ref})[0]

    return {
        "the inside stays as it is, and its derivative is a factor: f(u)' is not f'(u')": slope_at(du),
        "the inside alone was differentiated: f(u)' is not f(u')": row(du),
        AT_VARIABLE: slope_at(asked.variable) * du,
    }


def _of_base(row: Operation, operands: Sequence[Any], result: Any) -> dict[str, Any]:
    """Mistakes about the base of a logarithm or an exponential."""
    base = operands[1] if row is powers.log_base else operands[0].coerce(BASES[row]) if row in BASES else None
    if base is None:
        return {}
    log, text = powers.log(base), expression(base.graph, base.node)
    below = row in LOGARITHMS
    return {f"the factor log({text}) is missing": result * log if below else result / log,
            f"it is {'divided by' if below else 'times'} log({text}), not {'times' if below else 'divided by'} it":
            result * log**2 if below else result / log**2}  # fmt: skip


def _relatives(row: Operation, operand: Any) -> list[tuple[Operation, Any]]:
    """The derivatives of the other functions of the row's family, at its operand."""
    family = next((family for family in FAMILIES if row in family), ())
    return [(other, slopes_of(other, [operand], other(operand), [0])[0]) for other in family if other is not row]
