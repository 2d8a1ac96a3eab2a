"""What lowering makes of a text: its graph, and what of it the caller has to know."""

from __future__ import annotations

from cgcli.graph.copying import GONE, copy_beginning
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.kept import Kept
from cgcli.ops import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.language.initial import Initialiser
    from cgcli.passes.columns import Columns

LARGE = 20_000
"""Nodes of a graph that is copied as a whole."""

DERIVED, MOST_NODES = 32, 400_000
"""Sets of derivatives that are kept with a program, and how many nodes they may have together."""

EVERYTHING = -1
"""Stands in a decision for the node that it decided where the whole graph followed from it."""

OWN_NAME = "where it is also an ordinary number of the formula, give that a name of its own"


class Decision:
    """A value that had to be known while the graph was built; no edge of the graph leads from it to what it decided.

    source: the node with that value. user: the node that it decided, or EVERYTHING. what: what it is there. whole:
    whether it is a whole number by nature (a length, an index); if not, it is a number for which there is no rule.
    """

    __slots__ = ("source", "user", "what", "whole")

    def __init__(self, source: int, user: int, what: str, whole: bool) -> None:
        self.source = source
        self.user = user
        self.what = what
        self.whole = whole

    def __eq__(self, other: object) -> bool:
        """Whether both tell the same: tests compare programs."""
        return isinstance(other, Decision) and self.as_tuple() == other.as_tuple()

    __hash__ = None  # type: ignore[assignment]

    def as_tuple(self) -> tuple[int, int, str, bool]:
        """All that it says."""
        return self.source, self.user, self.what, self.whole

    @property
    def reason(self) -> str:
        """Why there is no derivative with respect to what the source follows from."""
        return f"it sets {self.what}, " + ("a whole number" if self.whole else "for which there is no derivative rule")


class Program:
    """A lowered text.

    outputs: name -> node, in the order of the text. inputs: names of the inputs in the order of their first use;
    params: those declared with `param`. defaults: input -> node of its default value, a constant part of the graph.
    initialisers: how the default of a parameter is drawn; its node holds what is drawn without a seed.
    specialised: inputs whose value shaped the graph (a length, an index), with that value.
    decisions: the values behind those inputs and behind inner names, each with what it decided.
    derived: programs that begin as this one and hold derivatives too, by what was asked (see `formulas.derivatives`).
    slopes: what the text differentiates by what, as nodes.
    columns: the reductions of columns among its nodes, of a program for a table (see `formulas.totals`); else None.
    told: the results of whose warnings Python's filters, which show one once, have heard (see `formulas.bound`).

    Its graph is finished: whatever adds nodes does so in a copy (`begun`). So threads may share a program.
    """

    __slots__ = (
        "_asks_points", "columns", "decisions", "defaults", "derived", "graph", "initialisers", "inputs", "outputs",
        "params", "slopes", "specialised", "told",
    )  # fmt: skip

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.outputs: dict[str, int] = {}
        self.inputs: list[str] = []
        self.params: list[str] = []
        self.defaults: dict[str, int] = {}
        self.initialisers: dict[str, Initialiser] = {}
        self.specialised: dict[str, float] = {}
        self.decisions: dict[tuple[int, int], Decision] = {}
        self.derived = Kept(DERIVED, heaviest=MOST_NODES, weigh=len)
        self.told = Kept(DERIVED)
        self.slopes: list[tuple[int, int]] = []
        self.columns: Columns | None = None
        self._asks_points: bool | None = None

    def __len__(self) -> int:
        """Nodes of its graph and of all that is kept with it."""
        return len(self.graph) + self.derived.weight()

    @property
    def asks_points(self) -> bool:
        """Whether it asks for single points: `x == 0`."""
        if self._asks_points is None:
            rows = {REGISTRY.rows[code] for code in set(self.graph.op)}
            if any("kept" in row.traits for row in rows):
                from cgcli.graph.bodies import bodies_below

                rows.update(REGISTRY.rows[code] for body in bodies_below(self.graph) for code in set(body.graph.op))
            self._asks_points = any("point" in row.traits for row in rows)
        return self._asks_points

    def begun(self) -> Program:
        """A program with a graph of its own, which begins with the nodes of this one at their positions."""
        twin = Program(Graph())
        with self.graph.lock:
            copy_beginning(self.graph, twin.graph, self.beginning())
        twin.columns = None if self.columns is None else self.columns.over(twin.graph)
        twin.slopes = [pair for pair in self.slopes if max(pair) < len(twin.graph)]
        twin.outputs, twin.defaults, twin.decisions = dict(self.outputs), dict(self.defaults), dict(self.decisions)
        twin.inputs, twin.params, twin.specialised = list(self.inputs), list(self.params), dict(self.specialised)
        twin.initialisers = dict(self.initialisers)
        return twin

    def over(self, graph: Graph, moved: Sequence[int]) -> Program:
        """The same program on a graph that was made of its own. moved: old position -> new one, or GONE."""
        new = Program(graph)
        new.outputs = {name: moved[node] for name, node in self.outputs.items()}
        new.defaults = {name: moved[node] for name, node in self.defaults.items()}
        new.inputs, new.params, new.specialised = self.inputs, self.params, self.specialised
        new.initialisers = self.initialisers
        new.take_decisions(self, moved, GONE)
        new.slopes = [(moved[y], moved[x]) for y, x in self.slopes if GONE not in (moved[y], moved[x])]
        return new

    def beginning(self) -> int:
        """How many nodes its graph began with; what was added for a trace or a picture comes behind what has a name."""
        graph = self.graph
        if len(graph) > LARGE:  # looking at all names takes longer than copying
            return len(graph)
        known = [*self.outputs.values(), *self.defaults.values(), *graph.names.values(), *graph.inputs().values()]
        known += [] if self.columns is None else [total.node for total in self.columns.totals]
        for source, user in self.decisions:
            known += [source, user]
        return max(known, default=-1) + 1

    def decide(self, source: int, user: int, what: str, whole: bool) -> None:
        """Enter a decision; the first one of a pair of nodes stays."""
        self.decisions.setdefault((source, user), Decision(source, user, what, whole))

    def decided(self, variables: Sequence[int], outputs: Sequence[int]) -> dict[int, Decision]:
        """The variables that outputs depend on by a decision, each with one of those; one without a rule comes first.

        An edge leads from none of them to what it decided, so a derivative that follows the edges leaves them out.
        """
        if not self.decisions:
            return {}
        below = ancestors(self.graph, {each.source for each in self.decisions.values()})
        if not any(map(below.__getitem__, variables)):  # the numbers of a loop decide much, and follow from nothing
            return {}
        behind = descendants(self.graph, variables)
        reaching: bytearray | None = None
        found: dict[int, Decision] = {}
        for each in sorted(self.decisions.values(), key=lambda each: each.whole):
            if not behind[each.source]:
                continue
            reaching = reaching or ancestors(self.graph, outputs)
            if each.user == EVERYTHING or reaching[each.user]:
                needed = ancestors(self.graph, [each.source])
                for variable in variables:
                    if needed[variable]:
                        found.setdefault(variable, each)
        return found

    def carry_decisions(self, other: Program) -> None:
        """Take over what decided the graph of a program from which this one was derived, by the names of its inputs."""
        inputs = self.graph.inputs()
        old = {name: node for name, node in other.graph.inputs().items() if name in self.inputs and name in inputs}
        for node, each in other.decided(list(old.values()), range(len(other.graph))).items():
            name = other.graph.input_name(node)
            self.decide(inputs[name], EVERYTHING, each.what, each.whole)
            if name in other.specialised:
                self.specialised[name] = other.specialised[name]
                self.defaults.setdefault(name, self.graph.constant(other.specialised[name]))

    def take_decisions(self, other: Program, moved: Sequence[int], gone: int) -> None:
        """Take over what decided the graph that this one is a copy of; `gone` stands for a node without a copy."""
        for each in other.decisions.values():
            user = each.user if each.user == EVERYTHING else moved[each.user]
            if moved[each.source] != gone and (user != gone or each.user == EVERYTHING):
                self.decide(moved[each.source], user, each.what, each.whole)
