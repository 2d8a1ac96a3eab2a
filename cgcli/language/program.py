"""What lowering makes of a text: its graph, and what of it the caller has to know."""

from __future__ import annotations

from cgcli.graph.copying import GONE, carry, copy_beginning, copy_nodes
from cgcli.graph.store import Graph
from cgcli.kept import Kept
from cgcli.ops import structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass

DERIVED, MOST_NODES = 32, 400_000
"""Sets of derivatives that are kept with a program, and how many nodes they may have together."""


class Program:
    """A lowered text.

    outputs: name -> node, in the order of the text. inputs: names of the inputs in the order of their first use;
    params: those declared with `param`. defaults: input -> node of its default value, a constant part of the graph.
    specialised: inputs whose value shaped the graph (a length, an index), with that value.
    derived: programs that begin as this one and hold derivatives too, by what was asked (see `formulas.derivatives`).

    Its graph is finished: whatever adds nodes does so in a copy (`begun`). So threads may share a program.
    """

    __slots__ = ("defaults", "derived", "graph", "inputs", "outputs", "params", "specialised")

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.outputs: dict[str, int] = {}
        self.inputs: list[str] = []
        self.params: list[str] = []
        self.defaults: dict[str, int] = {}
        self.specialised: dict[str, float] = {}
        self.derived = Kept(DERIVED, heaviest=MOST_NODES, weigh=len)

    def __len__(self) -> int:
        """Nodes of its graph and of all that is kept with it."""
        return len(self.graph) + self.derived.weight()

    def begun(self) -> Program:
        """A program with a graph of its own, which begins with the nodes of this one at their positions."""
        last = [*self.outputs.values(), *self.defaults.values(), *self.graph.names.values()]
        twin = Program(Graph())
        with self.graph.lock:
            last.extend(self.graph.inputs().values())
            copy_beginning(self.graph, twin.graph, max(last, default=-1) + 1)
        twin.outputs, twin.defaults = dict(self.outputs), dict(self.defaults)
        twin.inputs, twin.params = list(self.inputs), list(self.params)
        twin.specialised = dict(self.specialised)
        return twin


def drop_aliases(program: Program) -> None:
    """Rebuild the graph without the aliases that told named values apart while derivatives were taken."""
    old, new = program.graph, Graph()
    moved = [GONE] * len(old)
    copy_nodes(old, new, range(len(old)), moved, without=structure.alias)
    carry(old, new, moved)
    program.graph = new
    program.outputs = {name: moved[node] for name, node in program.outputs.items()}
    program.defaults = {name: moved[node] for name, node in program.defaults.items()}
