"""A graph that is being edited, the values of its nodes, and what the formula calls them.

Nodes keep their positions. What a question adds (an expression, a derivative) stands *beside* the formula: nothing of
it is a user that an edit must ask.
"""

from __future__ import annotations

from contextlib import nullcontext

from cgcli.engines import engine
from cgcli.errors import ShapeError
from cgcli.formulas import given
from cgcli.graph.edit import EditableGraph
from cgcli.graph.walk import ancestors
from cgcli.live.engine import ENGINE
from cgcli.live.texts import Texts
from cgcli.live.values import Values, same
from cgcli.numerals import shape_of
from cgcli.ops import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

    from cgcli.engines.planned import PlannedEngine
    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound
    from cgcli.language.initial import Initialiser

    Shape = tuple[int, ...]

ABSENT: Any = object()
"""Stands for the value of an entry that is not there."""

MOST_NAMES = 20_000
"""Names that are told apart from equal expressions; those of a larger text are not."""


class Sheet:
    """One graph with its values.

    outputs: name -> node. inputs: name -> node, in the order of the formula; all have values. defaults: of these the
    ones that nobody has given a value -> the node of the default. decided: names whose values decided the graph.
    unused: inputs that nothing needed from the beginning. version: how often the graph was edited. beside: by node,
    whether it is of a question only. places, compacted, slopes: what was worked out for this version. log: what else
    than the graph was changed, as (field of this class or None for itself, key, value before).
    """

    def __init__(self, formula: FormulaBase, values: Mapping[str, Any]) -> None:
        names = formula.programs.names
        given_names = {*names.inputs, *values}
        inner = [name for name in names.defined if name not in given_names]
        self.formula = formula
        bound = formula.bind(values, wrt=inner if len(inner) <= MOST_NAMES else None, steps=True)
        self._begin(bound, values)

    def _begin(self, bound: Bound, given_by_caller: Mapping[str, Any]) -> None:
        program = bound.program
        self.program = program
        self.graph = EditableGraph(program.graph)
        self.outputs = dict(program.outputs)
        self.inputs = {name: node for name, node in self.graph.inputs().items() if name in bound.values}
        self.params = list(program.params)
        self.defaults = {name: node for name, node in program.defaults.items() if name not in given_by_caller}
        self.all_defaults = dict(program.defaults)
        self.initialisers: dict[str, Initialiser] = dict(program.initialisers)
        self.decided = dict(program.specialised)
        self.followed: list[tuple[int, int, int | None]] = [(y, x, None) for y, x in program.slopes]
        self._asks_points, self._looked_at = False, 0
        wanted = [node for name, node in self.graph.names.items() if name not in self.inputs]
        needed = ancestors(self.graph, [*wanted, *self.outputs.values(), *self.all_defaults.values()])
        self.unused = {name for name, node in self.inputs.items() if not needed[node]}
        self.version = 0
        self.compacted: Any = None
        self.slopes: dict[Any, Any] = {}
        self.places_in_text: dict[str, int] = {}
        self.log: list[tuple[str | None, Any, Any]] = []
        self.given = Given(self)
        self.beside = self.graph.aside = bytearray(len(self.graph))
        self.texts = Texts(bound.source, self.formula.programs.names.functions)
        self.places: dict[Any, int] = {}
        self.values = self._valued(self._engine())
        values, plain = self.values.values, self.values.plain
        for name, node in self.inputs.items():
            value = bound.values[name]
            is_number = plain and type(value) is float
            values[node] = value if is_number else self.admitted(name, value, self.graph.shape_of(node))

    def fork(self) -> Sheet:
        """An independent copy."""
        twin = Sheet.__new__(Sheet)
        vars(twin).update(vars(self))
        twin.graph = self.graph.fork()
        for name in ("outputs", "inputs", "params", "defaults", "all_defaults", "initialisers", "decided",
                     "places", "log", "followed", "slopes", "places_in_text"):  # fmt: skip
            setattr(twin, name, getattr(self, name).copy())
        twin.values = self.values.fork(twin.graph)
        twin.given = Given(twin)
        twin.beside = twin.graph.aside
        return twin

    # ---- engines and values ------------------------------------------------------------------------------------

    def _engine(self) -> PlannedEngine:
        """Python's floats where the outputs need numbers only, as `f.eval` has them, else NumPy."""
        found: Any = engine("numpy") if self._needs_arrays() else ENGINE
        return found

    def _needs_arrays(self) -> bool:
        graph = self.graph
        if len(graph.shapes) == 1:
            return False
        pending = [graph.survivor(node) for node in self.outputs.values()]
        seen = set(pending)
        while pending:
            node = pending.pop()
            if graph.shape[node]:
                return True
            new = [operand for operand in graph.operands_of(node) if operand not in seen]
            seen.update(new)
            pending += new
        return False

    def _valued(self, chosen: PlannedEngine) -> Values:
        if chosen is ENGINE:
            return Values(self.graph, chosen, nullcontext, plain=True)
        from numpy import errstate

        return Values(self.graph, chosen, lambda: errstate(all="ignore"), plain=False)

    def admitted(self, name: str, value: Any, shape: Shape) -> Any:
        """A value from outside as the engine has it, in memory of its own. DataError, ShapeError."""
        value = value if type(value) is float else given.normalised(name, value)
        if given.is_precise(value):
            value = float(value)
        if shape_of(value) != shape:
            raise Misfit(name, shape_of(value), shape)
        value = self.values.engine.given(value)
        return value.copy() if shape else value

    def settle_engine(self) -> None:
        """After an edit: another engine where there are arrays now, or none any more, and all values anew."""
        if len(self.graph.shapes) > 1:
            chosen = self._engine()
            if chosen is not self.values.engine:
                old = self.values.values
                self.values = self._valued(chosen)
                for node in {*self.inputs.values(), *self.graph.inputs().values()}:  # an undo brings inputs back
                    if old[node] is not None:
                        self.values.values[node] = chosen.given(old[node])

    def follow_defaults(self) -> None:
        """Give inputs that nobody gave a value those of their defaults, which may depend on other inputs."""
        for name, default in self.defaults.items():
            node = self.inputs.get(name)
            if node is not None and self.values.state[default]:
                self.values.compute([default])
                value = self.values.values[default]
                if not same(self.values.values[node], value):
                    self.values.put(node, value)

    def give(self, name: str, value: Any) -> None:
        """Give an input a value, so that it can be taken back."""
        node = self.inputs[name]
        value = self.admitted(name, value, self.graph.shape_of(node))
        if not same(self.values.values[node], value):
            self.enter("given", node, value)
        if name in self.defaults:
            self.enter("defaults", name, ABSENT)

    def edited(self, nodes: Iterable[int]) -> None:
        """Take notice of an edit, of which some nodes have other operands now."""
        self.version += 1
        self.places.clear()
        self.slopes.clear()
        self.values.doubt(nodes)

    # ---- nodes -------------------------------------------------------------------------------------------------

    def grow(self, *, beside: bool) -> None:
        """Take notice of nodes that were built; beside: for a question only."""
        missing = len(self.graph.op) - len(self.beside)
        if missing:
            self.beside += bytes((beside,)) * missing
            self.values.grow()

    def shrink(self) -> None:
        """Take notice of nodes that were forgotten."""
        self.values.shrink()
        del self.beside[len(self.graph) :]

    def named(self, name: str) -> int | None:
        """The node of a name, an output first."""
        if name in self.outputs:
            return self.graph.survivor(self.outputs[name])
        return self.graph.names.get(name)

    def in_order(self) -> list[tuple[str, int]]:
        """The names of the graph with their nodes, in the order of the text; new ones come last."""
        for name in self.graph.names:
            self.places_in_text.setdefault(name, len(self.places_in_text))
        return sorted(self.graph.names.items(), key=lambda item: self.places_in_text[item[0]])

    def names(self) -> dict[str, int]:
        """Every name with its node, in the order of the text."""
        return {**dict(self.in_order()), **{name: self.graph.survivor(node) for name, node in self.outputs.items()}}

    # ---- what can be taken back --------------------------------------------------------------------------------

    def swap(self, field: str, value: Any) -> None:
        """Give a field another value, so that it can be taken back."""
        self.log.append((None, field, getattr(self, field)))
        setattr(self, field, value)

    def enter(self, field: str, key: Any, value: Any) -> None:
        """Give an entry of a mapping another value (or take it away: ABSENT), so that it can be taken back."""
        mapping = getattr(self, field)
        self.log.append((field, key, mapping.get(key, ABSENT)))
        _put(mapping, key, value)

    def enter_absent(self, name: str) -> None:
        """Let a name be no input any more."""
        for field in ("inputs", "defaults"):
            if name in getattr(self, field):
                self.enter(field, name, ABSENT)

    def rename(self, name: str, to: str, node: int) -> None:
        """Call an input, an output or a definition something else."""
        self.in_order()
        self.places_in_text[to] = self.places_in_text.get(name, len(self.places_in_text))
        if name in self.inputs:
            self.graph.rename_input(name, to, "renamed")
        elif name in self.graph.names:
            self.graph.call(name, None, "renamed")
            self.graph.call(to, node, "renamed")
        for field in ("outputs", "inputs", "defaults", "all_defaults", "initialisers", "decided"):
            known = getattr(self, field)
            if name in known:
                self.swap(field, {to if each == name else each: value for each, value in known.items()})
        if name in self.params:
            self.swap("params", [to if each == name else each for each in self.params])
        if name in self.unused:
            self.swap("unused", self.unused - {name} | {to})

    def take_back(self, length: int) -> None:
        """Take back what was entered and swapped since the log had this length."""
        while len(self.log) > length:
            field, key, before = self.log.pop()
            _put(vars(self) if field is None else getattr(self, field), key, before)

    def asks_points(self) -> bool:
        """Whether the formula asks for single points, `x == 0`, where a derivative may not be what it seems."""
        known = self._looked_at
        if known < len(self.graph):
            codes = {code for code, aside in zip(self.graph.op[known:], self.beside[known:], strict=True) if not aside}
            self._asks_points |= any("point" in REGISTRY.rows[code].traits for code in codes)
            self._looked_at = len(self.graph)
        return self._asks_points

    def is_simple(self) -> bool:
        """Whether derivatives follow the edges and nothing else: no decisions, columns, derivatives in the text."""
        program = self.program
        return not (program.decisions or program.columns or program.slopes or self.decided) and not (
            program.graph.origins or program.graph.is_derivative
        )

    def users_of(self, nodes: Iterable[int]) -> set[int]:
        """Nodes, and those of the formula that depend on them."""
        uses = self.graph.uses()
        found = set(nodes)
        pending = list(found)
        while pending:
            for edge in uses.of(pending.pop()):
                user = uses.owner[edge]
                if user not in found and not self.beside[user]:
                    found.add(user)
                    pending.append(user)
        return found

    # ---- who needs what ----------------------------------------------------------------------------------------

    def needing(self, node: int, but: str | None = None, most: int = 1) -> list[str]:
        """Names and outputs that need a node, the next ones on each way, and not more than some; none for garbage."""
        ends: dict[int, str] = {}
        for name, output in self.outputs.items():
            ends.setdefault(self.graph.survivor(output), name)
        uses, graph = self.graph.uses(), self.graph
        first, after, owner, beside = uses.first, uses.after, uses.owner, self.beside
        found: list[str] = []
        pending, seen = [node], {node}
        while pending and len(found) < most:
            node = pending.pop()
            named = graph.names_of(node)
            names = [name for name in named if name != but and name not in self.inputs] if named else named
            if not names and node in ends and ends[node] != but:
                names = [ends[node]]
            if names:
                found.append(names[0])
                continue
            edge = first[node]
            while edge >= 0:
                user = owner[edge]
                if user not in seen and not beside[user]:
                    seen.add(user)
                    pending.append(user)
                edge = after[edge]
        return found

    def adopt(self, node: int) -> None:
        """A node of a question becomes one of the formula, and what it needs."""
        pending = [node]
        while pending:
            node = pending.pop()
            if self.beside[node]:
                self.beside[node] = False
                pending.extend(self.graph.operands_of(node))

    def tell_apart(self, node: int) -> None:
        """Put the names of a node behind an alias of it, since something else has the same value from now on."""
        names = [name for name in self.graph.names_of(node) if name not in self.inputs]
        if names or any(self.graph.survivor(output) == node for output in self.outputs.values()):
            alias = self.alias(node)
            self.graph.supplant(node, alias, "a name is not an equal value", kept=(alias,))
            self.move_outputs(node, alias)

    def move_outputs(self, node: int, by: int, among: Collection[str] | None = None) -> list[str]:
        """Let outputs that are a node (all, or among these) be another one; their names."""
        names = self.outputs if among is None else among
        moved = [name for name in names if self.graph.survivor(self.outputs[name]) == node]
        if moved:
            self.swap("outputs", {**self.outputs, **dict.fromkeys(moved, by)})
        return moved

    def alias(self, node: int) -> int:
        """A new node with the value of another one."""
        return self.graph.alias(node)


def outside(value: Any) -> Any:
    """A value as callers see it: a float, or an array of their own."""
    if value is None or type(value) is float:
        return value
    return value.copy() if getattr(value, "shape", ()) else float(value)


def _put(mapping: Any, key: Any, value: Any) -> None:
    if value is ABSENT:
        mapping.pop(key, None)
    else:
        mapping[key] = value


class Given:
    """The values of leaves, as a mapping by node that takes notice of what is entered."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet

    def get(self, node: int, default: Any) -> Any:
        """The value of a leaf."""
        return self.sheet.values.values[node]

    def __setitem__(self, node: int, value: Any) -> None:
        if node < len(self.sheet.graph):  # else it was forgotten meanwhile
            self.sheet.values.put(node, value)


class Misfit(ShapeError):
    """A value that does not have the shape of its input."""

    def __init__(self, name: str, shape: Shape, expected: Shape) -> None:
        super().__init__(
            f"the value of `{name}` has shape {list(shape)}, where the graph has {list(expected) or 'a number'}",
            hint="shapes stay what they are in a graph that was edited",
        )
