"""What nodes are called: by the formula, by their number, or by a fresh name that nothing else has."""

from __future__ import annotations

from itertools import count
from math import isnan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from cgcli.graph.store import Graph


LARGE, LARGEST = 1e16, 1e40
"""The size of whole numbers that may need all their digits as text."""

ROUND_DIGITS = 16
"""A double whose shortest text has fewer digits is a round number."""


def fresh_names(stem: str, taken: Container[str]) -> Iterator[str]:
    """The names stem1, stem2 … without those that are taken, one after the other and without an end."""
    return (name for number in count(1) if (name := f"{stem}{number}") not in taken)


def number_text(value: float) -> str:
    """The shortest text of a double in the language: `2`, `0.1`, `1e-3`, `-0`, `inf`, `nan`."""
    if isnan(value):
        return "nan"
    mantissa, mark, exponent = repr(value).partition("e")
    return mantissa.removesuffix(".0") + (f"e{int(exponent)}" if mark else "")


def constant_text(graph: Graph, node: int, taken: Container[str] = ()) -> str:
    """The number of a constant as formula text: exact where there is more than the double, else the shortest.

    taken: names that have another meaning here; an exact text that is one of them (`pi`) is written in digits.
    """
    number = graph.payload[node]
    exact = graph.exact.get(number)
    if exact and exact not in taken:
        return exact
    value = graph.constants[number]
    return whole_text(value) if LARGE <= abs(value) < LARGEST else number_text(value)


def whole_text(value: float) -> str:
    """The text of a whole double beyond 1e16: all its digits, where the shortest text is another number in decimals.

    A short text such as 1e30 is what was meant, though the double is not exactly that.
    """
    mantissa, _, exponent = number_text(value).partition("e")
    digits, _, behind = mantissa.removeprefix("-").partition(".")
    if len(digits + behind) < ROUND_DIGITS:
        return number_text(value)
    same = int(digits + behind) * 10 ** (int(exponent or 0) - len(behind)) == abs(int(value))
    return number_text(value) if same else str(int(value))


def node_names(graph: Graph, nodes: Iterable[int], outputs: Mapping[str, int]) -> dict[int, str]:
    """What to call each node: the formula's name, the output's, the number of a constant, or v1, v2 …."""
    given = graph.name_of()
    for name, node in outputs.items():
        given.setdefault(node, name)
    fresh = fresh_names("v", {*given.values(), *graph.input_names})
    names: dict[int, str] = {}
    for node in nodes:
        if graph.is_input(node):
            names[node] = graph.input_name(node)
        elif node in given:
            names[node] = given[node]
        elif graph.is_constant(node):
            names[node] = constant_text(graph, node)
        else:
            names[node] = next(fresh)
    return names


def is_bare_constant(graph: Graph, node: int, names: Mapping[int, str], outputs: Iterable[int] = ()) -> bool:
    """Whether a node is a number that has no name: it is shown where it is used, not as a step."""
    return graph.is_constant(node) and node not in outputs and names[node] not in graph.names
