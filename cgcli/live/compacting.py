"""The formula as it is now, as a graph of its own: no node but those that names and outputs need, in the order in which
a text would make them. What is asked of it is answered as if somebody had written that text.
"""

from __future__ import annotations

from array import array

from cgcli.formulas.bound import Bound, chooser
from cgcli.graph.copying import GONE, carry, copy_nodes
from cgcli.graph.store import Graph
from cgcli.language.program import Program
from cgcli.ops import structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from cgcli.live.sheet import Sheet


class Compacted:
    """A program and where the nodes of the live graph are in it: old position -> new one, or GONE.

    extra: further nodes that it has, by the name that they have there. kept: aliases that stand in it.
    """

    __slots__ = ("extra", "kept", "moved", "program", "version")

    def __init__(
        self, program: Program, moved: Sequence[int], version: int, extra: Mapping[str, int], kept: frozenset[int]
    ) -> None:
        self.program = program
        self.moved = moved
        self.version = version
        self.extra = extra
        self.kept = kept

    def origins(self) -> dict[int, int]:
        """Position in the program -> node of the live graph."""
        found: dict[int, int] = {}
        for node, place in enumerate(self.moved):
            if place != GONE:
                found.setdefault(place, node)
        return found


def compacted(sheet: Sheet, extra: Mapping[str, int] | None = None, kept: Iterable[int] = ()) -> Compacted:
    """The formula as it is now, from the last time or made now; with further nodes as outputs, with aliases kept."""
    wanted, keep = dict(extra or {}), frozenset(kept)
    found = sheet.compacted
    if found is None or found.version != sheet.version or found.extra != wanted or found.kept != keep:
        found = sheet.compacted = _compacted(sheet, wanted, keep)
    return found


def _compacted(sheet: Sheet, extra: dict[str, int], kept: frozenset[int]) -> Compacted:
    if not sheet.version and not extra and structure.alias.code not in sheet.program.graph.op:
        return Compacted(sheet.program, range(len(sheet.program.graph)), 0, extra, kept)
    graph, new = sheet.graph, Graph()
    outputs = {name: graph.survivor(node) for name, node in sheet.outputs.items()}
    inputs = [node for name, node in sheet.inputs.items() if name in sheet.unused]
    roots = [*sheet.all_defaults.values(), *outputs.values(), *inputs, *extra.values()]
    statements = [node for name, node in sheet.in_order() if name not in sheet.inputs]
    order = _written(graph, statements, roots)
    if all(change.kind in ("call", "rename") for change in graph.record):
        order.sort()  # nothing was rewired: positions are the order of the text
    moved = array("i", [GONE]) * len(graph)

    def value_of(node: int) -> int:
        is_alias = graph.op[node] == structure.alias.code and node not in kept
        return graph.operands_of(node)[0] if is_alias else node

    copy_nodes(graph, new, order, moved, instead=value_of)
    carry(graph, new, moved)
    program = Program(new)
    program.outputs = {name: moved[node] for name, node in outputs.items()}
    program.outputs |= {name: moved[node] for name, node in extra.items()}
    program.inputs = [name for name, node in sheet.inputs.items() if moved[node] != GONE]
    known = set(program.inputs)
    program.params = [name for name in sheet.params if name in known]
    program.defaults = {name: moved[node] for name, node in sheet.all_defaults.items() if name in known}
    program.initialisers = {name: drawn for name, drawn in sheet.initialisers.items() if name in known}
    program.specialised = {name: value for name, value in sheet.decided.items() if name in known}
    program.take_decisions(sheet.program, moved, GONE)
    pairs = [(moved[y], moved[x]) for y, x in sheet.program.slopes]
    program.slopes = [pair for pair in pairs if GONE not in pair]
    return Compacted(program, moved, sheet.version, extra, kept)


def _written(graph: Graph, statements: Sequence[int], roots: Sequence[int]) -> list[int]:
    """What nodes need, operands first, in the order in which a text makes them: statement by statement.

    statements: the nodes of names in the order of the text; a name that is used comes before the one that uses it.
    """
    place = {node: number for number, node in reversed(list(enumerate(statements)))}
    done = bytearray(len(graph))
    order: list[int] = []
    pending = [*reversed(roots), *reversed(statements)]
    opened = set()
    while pending:
        node = pending[-1]
        if done[node]:
            pending.pop()
        elif node not in opened:
            opened.add(node)
            if node in place:
                pending.extend(sorted(_used_names(graph, node, place, done), key=place.__getitem__, reverse=True))
        else:
            missing = [operand for operand in graph.operands_of(node) if not done[operand]]
            pending.extend(reversed(missing))
            if not missing:
                pending.pop()
                done[node] = 1
                order.append(node)
    return order


def _used_names(graph: Graph, node: int, place: Mapping[int, int], done: bytearray) -> set[int]:
    """The nodes with names that the statement of a node uses and that are not written yet."""
    found: set[int] = set()
    seen = {node}
    pending = [node]
    while pending:
        for operand in graph.operands_of(pending.pop()):
            if operand not in seen and not done[operand]:
                seen.add(operand)
                if operand in place:
                    found.add(operand)
                else:
                    pending.append(operand)
    return found


def bound_over(sheet: Sheet, program: Program) -> Bound:
    """The formula as it is now with the values as they are now."""
    values = {name: sheet.values.values[sheet.inputs[name]] for name in program.inputs}
    return Bound(program, values, chooser("auto", None), sheet.texts.source)


def whole_text(program: Program, inputs: Collection[str]) -> str:
    """A program as text, with all that its graph has names for, one statement a line."""
    from cgcli.emit.formula import program_text

    named = {name: node for name, node in program.graph.names.items() if name not in inputs}
    lines = program_text(
        program.graph, {**named, **program.outputs}, params=program.params, defaults=program.defaults,
        inputs=program.inputs, initialisers=program.initialisers,
    ).splitlines()  # fmt: skip
    shown = [line for line in lines if not line.startswith("output ")]
    return "\n".join([*shown, f"output {', '.join(program.outputs)}"])
