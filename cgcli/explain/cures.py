"""What to write instead of a formula that gives nan or infinity where another spelling of the same thing does not.

Cures are data, in the language. One is proposed only after it was tried: at the point, the new spelling and as many of
its derivatives as were asked for are finite numbers.
"""

from __future__ import annotations

from functools import cache
from itertools import product

from cgcli.emit.formula import expression
from cgcli.engines import choose
from cgcli.errors import Source
from cgcli.explain.steps import NO_CALL
from cgcli.graph.copying import copy_missing
from cgcli.graph.origins import UNKNOWN
from cgcli.graph.store import Graph
from cgcli.language.reading import lower, parse
from cgcli.numerals import finite
from cgcli.passes.differentiate import differentiate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    Found = dict[str, int]

CURES = (
    ("sqrt(a^2)", "abs(a)"),
    ("sqrt(a*a)", "abs(a)"),
    ("sqrt(a^2 + b^2)", "hypot(a, b)"),
    ("sqrt(a*a + b*b)", "hypot(a, b)"),
    ("sqrt(sum(v^2))", "norm(v)"),
    ("sqrt(sum(v*v))", "norm(v)"),
    ("sqrt(v @ v)", "norm(v)"),
    ("log(1 + exp(a))", "softplus(a)"),
    ("log1p(exp(a))", "softplus(a)"),
    ("log(sum(exp(v)))", "logsumexp(v)"),
    ("exp(v) / sum(exp(v))", "softmax(v)"),
    ("log(softmax(v))", "log_softmax(v)"),
    ("log(sigmoid(a))", "log_sigmoid(a)"),
    ("log(1/(1 + exp(-a)))", "log_sigmoid(a)"),
    ("1/(1 + exp(-a))", "sigmoid(a)"),
    ("1/(1 + exp(a))", "sigmoid(-a)"),
    ("exp(a)/(1 + exp(a))", "sigmoid(a)"),
    ("exp(a)/(exp(a) + exp(b))", "sigmoid(a - b)"),
    ("exp(a)/(exp(a) + exp(b) + exp(c))", "1/(1 + exp(b - a) + exp(c - a))"),
    ("log(1 - sigmoid(a))", "log_sigmoid(-a)"),
    ("log(1 - exp(a))", "log1mexp(a)"),
    ("log(exp(a) + exp(b))", "logaddexp(a, b)"),
    ("log(exp(a) + exp(b) + exp(c))", "logaddexp(logaddexp(a, b), c)"),
    ("log(1 + exp(a) + exp(b))", "logaddexp(softplus(a), b)"),
    ("log(a + exp(b) + exp(c))", "logaddexp(log(a), logaddexp(b, c))"),
    ("log(a + exp(b))", "logaddexp(log(a), b)"),
    ("log(exp(a)*b)", "a + log(b)"),
    ("log(exp(a)/b)", "a - log(b)"),
    ("log(erfc(a))", "log(erfcx(a)) - a^2"),
    ("exp(a)/sum(exp(v))", "exp(a - logsumexp(v))"),
    ("log(prod(v))", "sum(log(v))"),
    ("log(prod(v))", "sum(log(abs(v)))"),
    ("log(1 - tanh(a)^2)", "log(4) - 2*(abs(a) + log1p(exp(-2*abs(a))))"),
    ("log(a^2)", "2*log(abs(a))"),
    ("log(a*b)", "log(a) + log(b)"),
    ("log(a*b)", "log(abs(a)) + log(abs(b))"),
    ("log(a/b)", "log(a) - log(b)"),
    ("log(a/b)", "log(abs(a)) - log(abs(b))"),
    ("log(cosh(a))", "abs(a) + log1p(exp(-2*abs(a))) - log(2)"),
    ("log(exp(a))", "a"),
    ("log(factorial(a))", "lgamma(a + 1)"),
    ("log(gamma(a))", "lgamma(a)"),
    ("-a*log(a)", "entr(a)"),
    ("-(a*log(a))", "entr(a)"),
    ("a*log(b)", "xlogy(a, b)"),
    ("sin(a)/a", "sinc(a)"),
    ("sqrt(a^2 + b^2 + c^2)", "hypot(hypot(a, b), c)"),
    ("a^(1/3)", "cbrt(a)"),
    ("a^2/b^2", "(a/b)^2"),
    ("cosh(a)/sinh(a)", "1/tanh(a)"),
    ("(-b + sqrt(b^2 - 4*a*c))/(2*a)", "2*c/(-b - sqrt(b^2 - 4*a*c))"),
    ("(-b - sqrt(b^2 - 4*a*c))/(2*a)", "2*c/(-b + sqrt(b^2 - 4*a*c))"),
    ("a^2*b", "a*(a*b)"),
    ("a*b*c", "a*(b*c)"),
    ("a*b/c", "a*(b/c)"),
    ("prod(v)/prod(w)", "prod(v/w)"),
    ("gamma(a)*gamma(b)/gamma(a + b)", "beta(a, b)"),
    ("gamma(a)*gamma(b)/gamma(c)", "exp(lgamma(a) + lgamma(b) - lgamma(c))"),
    ("gamma(a)/(gamma(b)*gamma(c))", "exp(lgamma(a) - lgamma(b) - lgamma(c))"),
    ("factorial(a)/(factorial(b)*factorial(c))", "exp(lgamma(a + 1) - lgamma(b + 1) - lgamma(c + 1))"),
    ("factorial(a)/factorial(b)", "exp(lgamma(a + 1) - lgamma(b + 1))"),
    ("a^b/factorial(b)", "exp(b*log(a) - lgamma(b + 1))"),
)
"""Spelling and better spelling; a, b and c are numbers or arrays, v and w vectors. The first that fits is proposed."""

CONDITIONS = {
    "gamma(a)*gamma(b)/gamma(c)": "a > 0 and b > 0 and c > 0",
    "gamma(a)/(gamma(b)*gamma(c))": "a > 0 and b > 0 and c > 0",
    "factorial(a)/(factorial(b)*factorial(c))": "a > -1 and b > -1 and c > -1",
    "factorial(a)/factorial(b)": "a > -1 and b > -1",
    "a^b/factorial(b)": "a > 0 and b > -1",
}
"""When a better spelling is the same, where that is not always."""

WIDEST = 24
"""Characters of an operand of a spelling; a longer one is left out."""

HIGHEST = 3
"""Operations above the one that went wrong, up to which a spelling is looked for."""


def cure_of(
    graph: Graph, culprit: int, order: int, values_of: Callable[[Sequence[int]], list[Any]]
) -> str | None:  # fmt: skip
    """A better spelling of what a node is part of, as a sentence; None where none is known that works at the point.

    order: how many derivatives were taken. values_of: the values of nodes.
    """
    tops = [culprit]
    for _ in range(HIGHEST):
        known = set(tops)
        tops.extend(node for node in range(len(graph)) if node not in known and known & set(graph.operands_of(node)))
    for spelling, better in CURES:
        pattern = lowered(spelling)
        for top in tops:
            found = matched(*pattern, graph, top, culprit)
            if found is not None and _works(lowered(better), found, graph, order, values_of):
                return "write `{}` for `{}`".format(*_written(lowered(better), found, graph, top))
    return None


def spellings() -> Iterator[tuple[str, str, str]]:
    """All rules, spellings and better ones; those with a condition once more in a branch, which is right everywhere."""
    for spelling, better in CURES:
        rule = f"{spelling} => {better}"
        yield rule, spelling, better
        if spelling in CONDITIONS:
            condition = CONDITIONS[spelling]
            yield f"{rule} if {condition}", spelling, f"where({condition}, {better}, {spelling})"


@cache
def lowered(text: str) -> tuple[Graph, int]:
    """A spelling as a graph with the inputs a, b, c, v and w, and its node."""
    program = lower(parse(Source(text)), shapes={"v": (2,), "w": (2,)})
    (node,) = program.outputs.values()
    return program.graph, node


def matched(pattern: Graph, root: int, graph: Graph, top: int, within: int) -> Found | None:
    """What the inputs of a pattern stand for where it is found at a node, with another node among its operations.

    Operands of commutative operations may stand in any order. What the pattern covers must be written in one place: in
    one call of a user function, none of it under a name of its own or by a derivative rule.
    """
    swapped = [node for node in range(len(pattern)) if "commutative" in pattern.row(node).traits]
    for choice in product((False, True), repeat=len(swapped)):
        exchanged = {node for node, swap in zip(swapped, choice, strict=True) if swap}
        found = _matched_so(pattern, root, graph, top, exchanged)
        if found is not None and within in found[1] and _in_one_place(graph, top, found[1]):
            return found[0]
    return None


def _in_one_place(graph: Graph, top: int, covered: set[int]) -> bool:
    named = set(graph.names.values())
    call = graph.scopes.get(top, NO_CALL)
    return all(
        graph.origins.of(node) == UNKNOWN
        and (node == top or (node not in named and graph.scopes.get(node, NO_CALL) == call))
        for node in covered
    )


def _matched_so(pattern: Graph, root: int, graph: Graph, top: int, swapped: set[int]) -> tuple[Found, set[int]] | None:
    """The same with the operands of some nodes of the pattern exchanged; and the operations that it covers."""
    found: Found = {}
    covered: set[int] = set()
    pending = [(root, top)]
    while pending:
        sample, node = pending.pop()
        if pattern.is_input(sample):
            name = pattern.input_name(sample)
            vector = bool(pattern.shape_of(sample))
            if found.setdefault(name, node) != node or (vector and len(graph.shape_of(node)) != 1):
                return None
        elif pattern.is_constant(sample):
            if graph.constant_value(node) != pattern.constant_value(sample):
                return None
        elif pattern.row(sample) is not graph.row(node) or pattern.attributes_of(sample) != graph.attributes_of(node):
            return None
        else:
            covered.add(node)
            operands = pattern.operands_of(sample)
            pending.extend(zip(operands[::-1] if sample in swapped else operands, graph.operands_of(node), strict=True))
    return found, covered


def _works(
    better: tuple[Graph, int], found: Found, graph: Graph, order: int, values_of: Callable[[Sequence[int]], list[Any]]
) -> bool:  # fmt: skip
    """Whether the better spelling and its derivatives up to an order are finite at the point."""
    scratch = Graph()
    inputs = {name: scratch.input(name, graph.shape_of(node)) for name, node in found.items()}
    latest = [built(*better, scratch, inputs)]
    wanted = list(latest)
    for _ in range(order):
        slopes = differentiate(scratch, latest, list(inputs.values()))
        latest = [slopes.wrt(node) for node in inputs.values()]
        wanted += latest
    point = {name: _as_double(value) for name, value in zip(found, values_of(list(found.values())), strict=True)}
    known = choose(scratch, wanted).evaluate(scratch, point, wanted)
    return all(finite(known[node]) for node in wanted)


def _as_double(value: Any) -> Any:
    return value.astype(float) if getattr(value, "shape", ()) else float(value)


def built(pattern: Graph, root: int, target: Graph, operands: Mapping[str, int]) -> int:
    """A spelling over nodes of a graph, by the names of its inputs; they may have other shapes than those."""
    copies: dict[int, int] = {}
    for node in range(len(pattern)):
        if pattern.is_input(node):
            copies[node] = operands[pattern.input_name(node)]
        elif pattern.is_leaf(node):
            copies[node] = target.copy_node(pattern, node, [])
        else:
            used = [copies[operand] for operand in pattern.operands_of(node)]
            copies[node] = target.repeat(pattern.row(node), used, pattern.attributes_of(node))
    return copies[root]


def _written(better: tuple[Graph, int], found: Found, graph: Graph, top: int) -> tuple[str, str]:
    """The better spelling and the one that is there, with the names of the formula.

    A long operand is `…`, and every one in a user function, which has names of its own for them.
    """
    scratch = Graph()
    copies: dict[int, int] = {}
    copy_missing(graph, scratch, [top], copies)
    texts = {copies[node]: name for node, name in graph.name_of().items() if node in copies and node != top}
    called = graph.scopes.get(top, NO_CALL) != NO_CALL
    for node in found.values():
        if called or len(expression(scratch, copies[node], texts)) > WIDEST:
            texts[copies[node]] = "…"
    node = built(*better, scratch, {name: copies[node] for name, node in found.items()})
    return expression(scratch, node, texts), expression(scratch, copies[top], texts)
