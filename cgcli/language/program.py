"""What lowering makes of a text: its graph, and what of it the caller has to know."""

from __future__ import annotations

from cgcli.graph.copying import GONE, carry, copy_nodes
from cgcli.graph.store import Graph
from cgcli.ops import structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Program:
    """A lowered text.

    outputs: name -> node, in the order of the text. inputs: names of the inputs in the order of their first use;
    params: those declared with `param`. defaults: input -> node of its default value, a constant part of the graph.
    specialised: inputs whose value shaped the graph (a length, an index), with that value.
    derived: what was worked out of the program, by what was asked.
    """

    __slots__ = ("defaults", "derived", "graph", "inputs", "outputs", "params", "specialised")

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.outputs: dict[str, int] = {}
        self.inputs: list[str] = []
        self.params: list[str] = []
        self.defaults: dict[str, int] = {}
        self.specialised: dict[str, float] = {}
        self.derived: dict[Any, Any] = {}


def drop_aliases(program: Program) -> None:
    """Rebuild the graph without the aliases that told named values apart while derivatives were taken."""
    old, new = program.graph, Graph()
    moved = [GONE] * len(old)
    copy_nodes(old, new, range(len(old)), moved, without=structure.alias)
    carry(old, new, moved)
    program.graph = new
    program.outputs = {name: moved[node] for name, node in program.outputs.items()}
    program.defaults = {name: moved[node] for name, node in program.defaults.items()}
