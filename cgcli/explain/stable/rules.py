"""The rules of `stable.cg`, each as two small graphs over letters."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from cgcli.errors import Source
from cgcli.graph.walk import ancestors
from cgcli.language.reading import lower, parse

if TYPE_CHECKING:
    from cgcli.graph.store import Graph


class Side(NamedTuple):
    """One side of a rule, or its condition: a graph, its node, and the nodes it needs in order of evaluation."""

    graph: Graph
    node: int
    nodes: list[int]


class Rule(NamedTuple):
    """left => right if condition. text: as it is written; source: where it comes from."""

    text: str
    left: Side
    right: Side
    condition: Side | None
    source: str


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, in the order of the file."""
    return rules_in(__package__, "stable.cg")


def rules_in(package: str, name: str) -> tuple[Rule, ...]:
    """The rules of a file of a package, one a line; behind # stands the source of each."""
    found = []
    for line in files(package).joinpath(name).read_text(encoding="utf-8").splitlines():
        text, _, source = line.partition("#")
        if text.strip():
            found.append(read(text.strip(), source.strip()))
    return tuple(found)


def read(text: str, source: str = "") -> Rule:
    """A rule from its text. FormulaError for a wrong one."""
    left, _, rest = text.partition("=>")
    right, _, condition = rest.partition(" if ")
    return Rule(text, _side(left), _side(right), _side(condition) if condition.strip() else None, source)


def _side(text: str) -> Side:
    program = lower(parse(Source(text.strip(), "stable.cg")))
    (node,) = program.outputs.values()
    needed = ancestors(program.graph, [node])
    return Side(program.graph, node, [each for each, need in enumerate(needed) if need])
