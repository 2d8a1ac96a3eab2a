"""The nodes of a text in a live graph: found where they are there already, else built."""

from __future__ import annotations

from cgcli.errors import CgError, GraphError, Source, UsageError, closest
from cgcli.graph.copying import copy_missing
from cgcli.language.reading import lower, parse
from cgcli.live.compacting import compacted
from cgcli.live.holding import Held
from cgcli.live.texts import pattern_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph
    from cgcli.live.sheet import Sheet
    from cgcli.live.texts import Lowered


def place(sheet: Sheet, key: Any) -> int:
    """The node that a name, a number or a text means. FormulaError, UsageError, GraphError."""
    if type(key) is int:
        sheet.graph.require(key)
        return key
    if not isinstance(key, str):
        raise UsageError(f"{key!r} is no name, no text and no number of a node", hint='for example live["loss"]')
    found: int | None = sheet.places.get(key)
    if found is None:
        found = sheet.named(key)
        if found is None:
            building = Building(sheet, beside=True)
            with Held():
                found = building.of(key)
            if building.decided:  # by values, which may change
                return found
        sheet.places[key] = found
    return found


class Building:
    """Builds texts; beside: for a question only, which changes nothing of what is there.

    apart: a node whose new users are made anew even where the graph has equal ones: what is there is going to use
    something else in its place. made: those. decided: whether a value decided what a text means.
    """

    def __init__(self, sheet: Sheet, *, beside: bool, apart: int | None = None) -> None:
        self.sheet = sheet
        self.graph = sheet.graph
        self.beside = beside
        self.apart = apart
        self.made: set[int] = set()
        self.decided = False

    def of(self, text: str) -> int:
        """The node of a text. FormulaError, ShapeError with the place; UsageError for a name that is not there."""
        named = self.sheet.named(text)
        if named is not None:
            return named
        found = meaning(self.sheet, text)
        if found is None:
            return derivative_in(self.sheet, text, beside=self.beside)
        lowered, names = found
        self.decided = bool(lowered.decided)
        if not self.beside:
            for name, value in lowered.decided.items():
                self.sheet.enter("decided", names.get(name, name), value)
        moved: dict[int, int] = {}
        start, operands = lowered.graph.start, lowered.graph.operands
        for node in lowered.nodes:
            if node in lowered.inputs:
                name = lowered.inputs[node]
                moved[node] = place_of(self.sheet, names.get(name, name))
            else:
                used = [moved[operand] for operand in operands[start[node] : start[node + 1]]]
                moved[node] = self._node(lowered.graph, node, used)
        self.sheet.grow(beside=self.beside)
        return moved[lowered.output]

    def _node(self, source: Graph, node: int, used: Sequence[int]) -> int:
        graph = self.graph
        if (self.apart is not None and not self.made.isdisjoint(used)) or self.apart in used:
            made = graph.copy_apart(source, node, used)
            self.made.add(made)
            return made
        found = graph.find(source, node, used)
        if found is None:
            return graph.copy_node(source, node, used)
        if not self.beside and found != self.apart and not graph.is_leaf(found):
            self.sheet.tell_apart(found)
            self.sheet.grow(beside=False)
            self.sheet.adopt(found)
        return found


def meaning(sheet: Sheet, text: str) -> tuple[Lowered, Mapping[str, str]] | None:
    """A text as a small graph, and which names of the sheet its inputs are; None where it takes derivatives.

    Errors as of `Building.of`.
    """
    pattern, names = pattern_of(text, lambda name: sheet.named(name) is not None)
    try:
        lowered = _lowered(sheet, pattern, names)
    except CgError:
        if not names:
            raise
        names, lowered = {}, _lowered(sheet, text, {})  # the error tells of the text as it was written
    return None if lowered is None else (lowered, names)


def _lowered(sheet: Sheet, text: str, names: Mapping[str, str]) -> Lowered | None:
    read = sheet.texts.read(text)
    if read.asks_derivative:
        return None
    used = [*read.names, *(name for name in read.constants if sheet.named(name) is not None)]
    nodes = {name: place_of(sheet, names.get(name, name)) for name in used}
    shapes = {name: sheet.graph.shape_of(node) for name, node in nodes.items()}

    def numbers() -> dict[str, float]:
        scalars = {name: node for name, node in nodes.items() if not shapes[name]}
        sheet.values.compute(scalars.values())
        return {name: float(sheet.values.values[node]) for name, node in scalars.items()}

    return sheet.texts.lowered(text, shapes, numbers)


def place_of(sheet: Sheet, name: str) -> int:
    """The node of a name. UsageError where there is none."""
    found = sheet.named(name)
    if found is None:
        known = list(sheet.names())
        near = closest(name, known)
        hint = f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else f"it has {', '.join(known)}"
        raise UsageError(f"there is no `{name}` in the graph", hint=hint)
    return found


def found_in(sheet: Sheet, text: str) -> int:
    """The node of a text that is part of the formula. GraphError where no node of it is that."""
    named = sheet.named(text)
    if named is not None:
        return named
    meant = meaning(sheet, text)
    if meant is None:
        raise GraphError(f"`{text}` is no part of the graph", hint="a derivative can be asked for, and built")
    lowered, names = meant
    moved: dict[int, int] = {}
    for node in lowered.nodes:
        name = lowered.inputs.get(node)
        used = [moved[operand] for operand in lowered.graph.operands_of(node)]
        found = sheet.graph.find(lowered.graph, node, used) if name is None else place_of(sheet, names.get(name, name))
        if found is None:
            break
        moved[node] = found
    else:
        found = moved[lowered.output]
        if sheet.needing(found):
            return found
    raise GraphError(f"there is no `{text}` in the graph", hint="write it as `live.formula()` shows it")


def derivative_in(sheet: Sheet, text: str, *, beside: bool) -> int:
    """The node of a text that takes derivatives: those follow the whole formula, so the text is read behind it."""
    from cgcli.emit.formula import program_text

    now = compacted(sheet).program
    named = {name: node for name, node in now.graph.names.items() if name not in sheet.inputs}
    wanted = "asked"
    while wanted in now.graph.names or wanted in now.outputs:
        wanted += "_"
    lines = program_text(now.graph, {**named, **now.outputs}, inputs=now.inputs).splitlines()
    lines = [line for line in lines if not line.startswith("output ")]
    source = Source("\n".join([sheet.texts.function_texts(), *lines, f"{wanted} = {text}"]), "<text>")
    shapes = {name: sheet.graph.shape_of(node) for name, node in sheet.inputs.items()}
    program = lower(parse(source), shapes={name: shape for name, shape in shapes.items() if shape}, show=[wanted])
    found = program.graph.names[wanted]
    copies = {node: place_of(sheet, name) for name, node in program.graph.inputs().items()}
    pairs = [] if beside else program.slopes
    copy_missing(program.graph, sheet.graph, [found, *(node for pair in pairs for node in pair)], copies)
    sheet.grow(beside=beside)
    if not beside:
        sheet.adopt(copies[found])
        sheet.swap("followed", [*sheet.followed, *((copies[y], copies[x], copies[found]) for y, x in pairs)])
    return copies[found]
