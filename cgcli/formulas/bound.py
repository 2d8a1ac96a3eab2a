"""A formula with values: what a call computes from, and the engine that computes it."""

from __future__ import annotations

from math import isfinite

from cgcli.errors import CalculationError, NotFiniteWarning, UsageError, did_you_mean
from cgcli.graph.walk import ancestors, descendants
from cgcli.numerals import finite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.errors import Source
    from cgcli.explain.births import Birth
    from cgcli.graph.store import Graph
    from cgcli.language.program import Program

    Choice = Callable[[Graph, Sequence[int]], Engine]


class Bound:
    """A formula with values: the program that fits their shapes, the values by input, and the engine.

    on_births: who is told where a nan or an infinity of a result was born; without anybody it is a NotFiniteWarning.
    """

    __slots__ = ("choice", "on_births", "program", "source", "values")

    def __init__(
        self, program: Program, values: dict[str, Any], choice: Choice, source: Source | None,
        on_births: Callable[[list[Birth]], None] | None = None,
    ) -> None:  # fmt: skip
        self.program = program
        self.values = values
        self.choice = choice
        self.source = source
        self.on_births = on_births

    @property
    def graph(self) -> Graph:
        """The graph of the program."""
        return self.program.graph

    def engine(self, wanted: Sequence[int]) -> Engine:
        """The engine that computes nodes."""
        return self.choice(self.program.graph, wanted)

    def over(self, program: Program, more: Mapping[str, Any] | None = None) -> Bound:
        """The same values, and more of them, for a program that begins as this one."""
        values = {**self.values, **more} if more else self.values
        return Bound(program, values, self.choice, self.source, self.on_births)

    def evaluate(self, wanted: Sequence[int]) -> list[Any]:
        """The values of nodes, by position among the wanted ones: floats, and arrays that share memory with nothing."""
        graph = self.program.graph
        values = self.choice(graph, wanted).evaluate(graph, self.values, wanted)
        found = [values[node] for node in wanted]
        for value in found:
            if type(value) is not float:
                from cgcli.engines.results import separated

                found = separated(found, self.values.values())
                if not all(map(finite, found)):
                    self.tell_births(wanted, found)
                return found
        if not all(map(isfinite, found)):
            self.tell_births(wanted, found)
        return found

    def tell_births(self, wanted: Sequence[int], found: Sequence[Any]) -> None:
        """Say where a nan or an infinity among the values of some nodes was born; nothing where there is none."""
        broken = [node for node, value in zip(wanted, found, strict=True) if not finite(value)]
        if self.is_heard(broken):
            from cgcli.explain.births import Birth, births_of

            births = births_of(self.graph, broken, self.engine, self.values, self.source)
            self.tell(
                births or [Birth("a result is no finite number; where that began is not known", None, self.source)]
            )

    def is_heard(self, results: Sequence[int]) -> bool:
        """Whether somebody wants to be told of births in some results: whoever listens; else Python's filters say so.

        What a filter shows once is shown once for these results, whatever the values are: a search of a thousand steps
        that fails does not warn a thousand times, and takes no longer.
        """
        if self.on_births is not None:
            return True
        from cgcli.explain.filters import action_on

        action = action_on(NotFiniteWarning)
        key = tuple(results)
        new = self.program.told.get(key) is None
        if new and action != "ignore":
            self.program.told.put(key, True)
        return action in ("always", "all", "error") or (new and action != "ignore")

    def tell(self, births: list[Birth]) -> None:
        """Tell whoever listens of births."""
        from cgcli.explain.births import warn_of

        (self.on_births or warn_of)(births)

    def chosen(self, names: Sequence[str] = ()) -> dict[str, int]:
        """The nodes of inner names, or of the outputs where none are given. UsageError for an unknown name."""
        known = {**named_nodes(self.program), **self.program.outputs}
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known) or f"it has {', '.join(known)}"
                raise UsageError(f"the formula has no `{name}` to show", hint=hint)
        return {name: known[name] for name in names} or dict(self.program.outputs)

    def named_values(self, chosen: Mapping[str, int]) -> dict[str, Any]:
        """The values of named nodes."""
        return dict(zip(chosen, self.evaluate(list(chosen.values())), strict=True))


def chooser(name: str, digits: int | None) -> Choice:
    """From a graph and wanted nodes to the engine that computes them. UsageError for a wrong count of digits."""
    if digits is not None and (not isinstance(digits, int) or digits < 1):
        raise UsageError(f"{digits!r} is no count of digits", hint="for example digits=50")
    if digits is not None or name == "precise":
        from cgcli.engines.precise import PreciseEngine

        precise = PreciseEngine(digits or 50)
        return lambda graph, wanted: precise
    from cgcli.engines import choose

    return lambda graph, wanted: choose(graph, wanted, name)


def add_defaults(
    program: Program, values: dict[str, Any], choice: Choice, *, exact: bool = False, complete: bool = True
) -> None:
    """Give inputs without a value their defaults; those that follow from other defaults come after them.

    exact: a default is computed later, to as many digits as the calculation needs. complete: whether all other inputs
    have values; if not, defaults that follow from one without stay away.
    """
    absent = {name: node for name, node in program.defaults.items() if name not in values}
    if not absent:
        return
    graph = program.graph
    if not complete:
        known = values.keys() | absent.keys()
        absent = {name: node for name, node in absent.items() if needed_inputs(graph, [node], absent) <= known}
    groups = graph.once(("defaults", *absent), list(absent.values()), lambda: ordered_defaults(graph, absent))
    for ready in groups:
        if exact:
            from cgcli.engines.deferred import Deferred

            values.update({name: Deferred(graph, values, node, choice(graph, [node])) for name, node in ready.items()})
            continue
        nodes = list(ready.values())
        found = choice(graph, nodes).evaluate(graph, values, nodes)
        values.update({name: found[node] for name, node in ready.items()})


def ordered_defaults(graph: Graph, absent: Mapping[str, int]) -> list[dict[str, int]]:
    """Defaults in the order of their evaluation: each group needs values and those of the groups before it only."""
    waiting_for, inputs = dict(absent), graph.inputs()
    groups: list[dict[str, int]] = []
    while waiting_for:
        waiting = descendants(graph, [inputs[name] for name in waiting_for if name in inputs])
        ready = {name: node for name, node in waiting_for.items() if not waiting[node]}
        if not ready:  # no text can say so, but a graph file can
            names = " and ".join(f"`{name}`" for name in waiting_for)
            raise CalculationError(f"the defaults of {names} need each other")
        groups.append(ready)
        waiting_for = {name: node for name, node in waiting_for.items() if name not in ready}
    return groups


def named_nodes(program: Program) -> dict[str, int]:
    """Inputs and inner nodes by the names of the formula."""
    return dict(program.graph.names)


def needed_inputs(graph: Graph, nodes: Sequence[int], defaults: Mapping[str, int]) -> set[str]:
    """Names of the inputs that nodes need, themselves or for the defaults of the inputs that they need."""
    inputs = graph.inputs()
    found: set[str] = set()
    pending = list(nodes)
    while pending:
        reached = ancestors(graph, pending)
        added = {name for name, node in inputs.items() if reached[node]} - found
        found |= added
        pending = [defaults[name] for name in added if name in defaults]
    return found
