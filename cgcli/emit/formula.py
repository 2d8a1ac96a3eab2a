"""Formula text of a graph, in the language that the parser reads: what is printed parses back to the same values.

The inverse of `language.lowering`. Infix signs and their precedence come from the rows; the brackets of the language
(lists, indices, `.T`) stand in BRACKETS, as they stand in the grammar. Text is written from the left to the right
by one loop with a stack of what is still to be written, so neither depth nor length costs more than their size.
"""

from __future__ import annotations

import itertools
import re
from itertools import compress

from cgcli.emit.functions import Emitting, Functions, emits, is_loop, need_names, range_text
from cgcli.emit.names import constant_text, fresh_names, number_text
from cgcli.emit.placing import placed, zeros_text
from cgcli.emit.sharing import explodes, lines_of_their_own, written
from cgcli.emit.writing import POSTFIX, joined, write
from cgcli.graph.bodies import bodies_in
from cgcli.ops import REGISTRY, calling, positions, shaping, structure
from cgcli.ops.constants import ALIASES, CONSTANTS
from cgcli.ops.row import REQUIRED
from cgcli.passes.inlining import without_calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any

    from cgcli.emit.functions import LoopText
    from cgcli.emit.writing import Piece, Slot
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation
    from cgcli.ops.row import Parameter

    Shape = tuple[int, ...]

COMPARISON, ADDITIVE, UNARY, POWER = 40, 50, 70, 80
"""Levels of the grammar that print by rules of their own; rows have these precedences or some between them."""

SIGNED = 1
"""Flag of a place that may begin with a minus sign; elsewhere `a - -b` would be right but hard to read."""
ARRAY = 2
"""Flag of a place where `[a, b]` means its items (`[a, b][0]`, `sum([a, b])`), so that an array is `stack(a, b)`."""

KEYWORDS = frozenset({"and", "else", "for", "if", "in", "not", "or"})
"""Words that are no names."""
REPEATED = 2_000
"""An expression of more operations than this that is longer than its graph defines names for what it shares."""


# ---- what others call ------------------------------------------------------------------------------------------------


def expression(graph: Graph, node: int, texts: Mapping[int, str] | None = None) -> str:
    """A node as formula text with the fewest parentheses; `texts` are written in the place of those operands.

    One expression, unless sharing would make it much longer than the graph: then definitions of the shared parts
    stand before it, as in `t1 = x*x + 1; t1 * sin(t1)`.
    """
    texts = texts or {}
    if not explodes(graph, node, texts, REPEATED):
        return Printer(graph, texts).text(node)
    return "; ".join(_Program(graph, {"result": node}, texts).lines())


def definition(graph: Graph, node: int, texts: Mapping[int, str]) -> str:
    """As `expression`; where kept loops are in it, their functions stand before it."""
    texts = {place: text for place, text in texts.items() if place != node}
    if not _has_loops(graph, node, texts):
        return expression(graph, node, texts)
    *before, last = _Program(graph, {"result": node}, texts).lines()
    if before and before[-1].startswith(f"{last} = "):  # a name of its own
        last = before.pop().removeprefix(f"{last} = ")
    return "; ".join([*before, last])


def _has_loops(graph: Graph, node: int, texts: Mapping[int, str]) -> bool:
    """Whether a node is written with a kept loop in it."""
    if not any("kept" in REGISTRY.rows[code].traits for code in set(graph.op)):
        return False
    return any(is_loop(graph, each) for each in compress(range(len(graph)), written(graph, {node}, texts)))


def applied(graph: Graph, node: int, texts: Sequence[str]) -> str:
    """The operation of a node over texts in the place of its operands: `v1 * z`, `3 * (-2)`, `exp(v2)`.

    The texts are names or numbers (parentheses come where one such as `-2` needs them), one an operand. A loop is
    written `step × 98 (v3, items, r)`.
    """
    if "kept" in graph.row(node).traits:
        body, *loop = graph.attributes_of(node)
        return f"{body.name} × {loop[0]:,} ({', '.join(texts)})" if loop else f"{body.name}({', '.join(texts)})"
    return Printer(graph, dict(zip(graph.operands_of(node), texts, strict=True))).text(node)


def program_text(
    graph: Graph, outputs: Mapping[str, int], *, params: Collection[str] = (),
    defaults: Mapping[str, int] | None = None, inputs: Collection[str] = (),
    initialisers: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """What the outputs need as a text that parses back to the same graph, one statement a line.

    Inputs of a shape, parameters and inputs with a default are declared; named nodes keep their names; what is used
    more than once is called t1, t2 …; long lines are broken the same way. A sole output `result` is the last line
    by itself. inputs: names that are declared although no output needs them. initialisers: how defaults are drawn
    (`language.initial.Initialiser`), which is written for what was drawn.
    """
    defaults = defaults or {}
    if bodies_in(graph):
        moved, graph = without_calls(graph, [*outputs.values(), *defaults.values(), *graph.inputs().values()])
        outputs = {name: moved[node] for name, node in outputs.items()}
        defaults = {name: moved[node] for name, node in defaults.items()}
    return "\n".join(_Program(graph, outputs, {}, params, defaults, inputs, initialisers or {}).lines())


# ---- one expression --------------------------------------------------------------------------------------------------


class Printer:
    """Writes expressions over one graph.

    atoms: texts that stand for nodes; taken: names that have another meaning here, so that a constant of such a
    name is written in digits.
    """

    __slots__ = ("atoms", "emitting", "graph", "loops", "taken")

    def __init__(
        self, graph: Graph, atoms: Mapping[int, str], taken: Collection[str] = (),
        loops: Mapping[int, LoopText] | None = None, emitting: Mapping[int, Emitting] | None = None,
    ) -> None:  # fmt: skip
        """loops: how kept loops are called, where a text has their functions; emitting: the names of what they make."""
        self.graph = graph
        self.atoms = atoms
        self.taken = taken
        self.loops = loops or {}
        self.emitting = emitting or {}

    def text(self, node: int, flags: int = SIGNED) -> str:
        """The formula of a node, even where the node itself has a text among the atoms."""
        return write(self.pieces(node, flags), self._expanded)

    def _expanded(self, slot: Slot) -> list[Piece]:
        node, least, flags = slot
        atom = self.atoms.get(node)
        if atom is not None:
            return [_guarded(atom, least, flags)]
        if self.guarded(node, least, flags):
            return ["(", *self.pieces(node, flags | SIGNED), ")"]
        return self.pieces(node, flags)

    def guarded(self, node: int, least: int, flags: int) -> bool:
        """Whether a node needs parentheses in a place."""
        level = self.level(node)
        return level < least or (level == UNARY and not flags & SIGNED)

    def level(self, node: int) -> int:
        """The precedence of what is written for a node."""
        graph = self.graph
        if graph.is_constant(node):
            return UNARY if self._constant(node).startswith("-") else POSTFIX
        row = graph.row(node)
        if "infix" in row.spell:
            return row.precedence
        return POSTFIX

    def pieces(self, node: int, flags: int) -> list[Piece]:
        """What is written for a node: text, and its operands as places."""
        graph = self.graph
        row = graph.row(node)
        if graph.is_constant(node):
            return [self._constant(node)]
        if graph.is_input(node):
            return [graph.input_name(node)]
        if row is structure.array:
            return [array_text(graph.arrays[graph.payload[node]], self._name_of_stack(flags))]
        if self.emitting and (part := self._of_loop(node)) is not None:
            return [part]
        bracket = BRACKETS.get(row)
        if bracket is not None:
            return bracket(self, node, flags)
        if "infix" in row.spell:
            return self._infix(node, row, flags)
        return self._call(node, row)

    def _constant(self, node: int) -> str:
        return constant_text(self.graph, node, self.taken)

    def _infix(self, node: int, row: Operation, flags: int) -> list[Piece]:
        operands = self.graph.operands_of(node)
        sign, level = row.spell["infix"], row.precedence
        if len(operands) == 1:
            word = sign.isalpha()
            return [f"{sign} " if word else sign, (operands[0], level, SIGNED if word else 0)]
        if level == POWER:
            return [(operands[0], POSTFIX, flags & SIGNED), sign, (operands[1], UNARY, SIGNED)]
        left = level + 1 if level == COMPARISON else level
        right = 0 if ADDITIVE <= level < UNARY else SIGNED
        return [(operands[0], left, flags & SIGNED), f" {sign} ", (operands[1], level + 1, right)]

    def _call(self, node: int, row: Operation) -> list[Piece]:
        graph = self.graph
        operands = list(given_operands(graph, node))
        if "associative" in row.traits and len(operands) == 2:
            operands = self._run(operands, row)
        flags = SIGNED | ARRAY if takes_apart(graph, node) else SIGNED
        arguments: list[Piece] = [(operand, 0, flags) for operand in operands]
        if any(parameter.static for parameter in row.parameters):
            arguments = _with_static(graph, node, row, arguments)
        return [f"{called(row, len(arguments))}(", *joined(arguments), ")"]

    def _run(self, operands: list[int], row: Operation) -> list[int]:
        """`max(max(a, b), c)` is `max(a, b, c)`: the operands of a chain that leans to the left."""
        reverse = [operands[1]]
        first = operands[0]
        while self.graph.row(first) is row and first not in self.atoms:
            first, last = self.graph.operands_of(first)
            reverse.append(last)
        return [first, *reverse[::-1]]

    def _name_of_stack(self, flags: int) -> str:
        return called(shaping.stack, 1) if flags & ARRAY else ""

    def stacked(self, node: int, flags: int) -> list[Piece]:
        """`[a, b]`, or `stack(a, b)` where the list would be taken for its items."""
        name = self._name_of_stack(flags)
        items: list[Piece] = [(operand, 0, SIGNED) for operand in self.graph.operands_of(node)]
        return [f"{name}(" if name else "[", *joined(items), ")" if name else "]"]

    def indexed(self, node: int, flags: int) -> list[Piece]:
        """`v[0]`, `A[i, :]`."""
        entries, shape = self.graph.attributes_of(node)
        return [(self.graph.operands_of(node)[0], POSTFIX, ARRAY), f"[{key_text(entries, shape)}]"]

    def at_position(self, node: int, flags: int) -> list[Piece]:
        """`E[k]`, of a number k."""
        array, k = self.graph.operands_of(node)
        if len(self.graph.shape_of(k)) == 1 and self.graph.row(k) is structure.array:
            each = "k" if "k" not in self.taken else next(fresh_names("k", self.taken))
            return ["[", (array, POSTFIX, ARRAY), f"[{each}] for {each} in ", (k, 0, SIGNED), "]"]
        if self.graph.shape_of(k):
            return self._call(node, self.graph.row(node))
        return [(array, POSTFIX, ARRAY), "[", (k, 0, SIGNED), "]"]

    def added(self, node: int, flags: int) -> list[Piece]:
        """The adjoint of an element at a position: zeros but for what belongs there."""
        x, k = self.graph.operands_of(node)
        position, each = itertools.islice(fresh_names("k", {*self.taken, *self.atoms.values()}), 2)
        value: list[Piece] = [(x, 0, SIGNED), " if ", (k, COMPARISON + 1, SIGNED), f" == {position} else 0"]
        if self.graph.shape_of(k):
            count = self.graph.shape_of(k)[0]
            value = ["sum([", (x, POSTFIX, ARRAY), f"[{each}] if ", (k, POSTFIX, ARRAY),
                     f"[{each}] == {position} else 0 for {each} in range({count})])"]  # fmt: skip
        return ["[", *value, f" for {position} in range({self.graph.shape_of(node)[0]})]"]

    def looped(self, node: int, flags: int) -> list[Piece]:
        """`fold(step, start, items)`; without a function of that name in the text, with all that it takes."""
        graph = self.graph
        start, *others = graph.operands_of(node)
        loop, form = self.loops.get(node), "scan" if emits(graph, node) else "fold"
        if loop is None:
            name = graph.attributes_of(node)[0].name
            return [f"{form}({name}, ", *joined([(operand, 0, SIGNED) for operand in (start, *others)]), ")"]
        over: list[Piece] = [loop.over if isinstance(loop.over, str) else (loop.over, 0, SIGNED)]
        if loop.backwards and not isinstance(loop.over, str):
            over = [(loop.over, POSTFIX, ARRAY), "[::-1]"]
        begin: list[Piece] = [(start, 0, SIGNED)]
        made = self.emitting.get(node)
        if made is not None and "," in made.names:
            begin = ["(", *begin, f", {zeros_text(made.emitted[1:]) if made.emitted[1:] else '0'})"]
        return [f"{form}({loop.function}, ", *begin, ", ", *over, ")"]

    def _of_loop(self, node: int) -> str | None:
        """What a part of a loop that emits something is called: `t1[-1]`, `t2`; None for what is none."""
        graph, wanted = self.graph, self.graph.shape_of(node)
        if graph.row(node) is shaping.reshape:
            (node,) = graph.operands_of(node)
        if graph.row(node) is not shaping.index or graph.operands_of(node)[0] not in self.emitting:
            return None
        (key,), _ = graph.attributes_of(node)
        begin, end, step = key if isinstance(key, tuple) else (key, key + 1, 1)
        return self.emitting[graph.operands_of(node)[0]].part(begin, end, wanted) if step == 1 else None

    def called(self, node: int, flags: int) -> list[Piece]:
        """A kept call by the name of its function."""
        name = self.graph.attributes_of(node)[0].name
        return [f"{name}(", *joined([(operand, 0, SIGNED) for operand in self.graph.operands_of(node)]), ")"]

    def ranged(self, node: int, flags: int) -> list[Piece]:
        """The numbers of a range."""
        return [range_text(*self.graph.attributes_of(node))]

    def transposed(self, node: int, flags: int) -> list[Piece]:
        """`A.T`; a number keeps its dot by the call."""
        operand = self.graph.operands_of(node)[0]
        if self.graph.shape_of(operand):
            return [(operand, POSTFIX, 0), ".T"]
        return self._call(node, self.graph.row(node))

    def side_by_side(self, node: int, flags: int) -> list[Piece]:
        """Arrays one after the other along an axis.

        Columns are `[a, b].T`, the last axis `concat(a.T, b.T).T`, any other one item by item.
        """
        graph = self.graph
        operands, (axis,) = graph.operands_of(node), graph.attributes_of(node)
        depth = len(graph.shape_of(node)) + axis
        if axis == -1 and depth == 1 and all(map(self._is_column, operands)):
            columns: list[Piece] = [(graph.operands_of(operand)[0], 0, SIGNED) for operand in operands]
            return ["[", *joined(columns), "].T"]
        if axis == -1 and depth:
            return self._concat([[(operand, POSTFIX, 0), ".T"] for operand in operands], ".T")
        each = list(itertools.islice(fresh_names("item", {*self.taken, *self.atoms.values()}), depth))
        at = "".join(f"[{place}]" for place in each)
        parts = self._concat([[(operand, POSTFIX, ARRAY), at] for operand in operands])
        for place, length in reversed(list(zip(each, graph.shape_of(node), strict=False))):
            parts = ["[", *parts, f" for {place} in range({length})]"]
        return self._whole(parts, node, flags)

    def _concat(self, items: Sequence[list[Piece]], behind: str = "") -> list[Piece]:
        """`concat(a, b)`; behind: what is done to it."""
        parts: list[Piece] = [f"{shaping.concat.name}("]
        for place, item in enumerate(items):
            parts += [", ", *item] if place else item
        return [*parts, f"){behind}"]

    def _whole(self, pieces: list[Piece], node: int, flags: int) -> list[Piece]:
        """A comprehension as an array, where a list would be taken for its items."""
        if not flags & ARRAY:
            return pieces
        return [f"{shaping.reshape.name}(", *pieces, f", {list(self.graph.shape_of(node))})"]

    def _is_column(self, node: int) -> bool:
        """Whether a node without a name is a vector as a column."""
        graph = self.graph
        if node in self.atoms or graph.row(node) is not shaping.reshape:
            return False
        return len(graph.shape_of(graph.operands_of(node)[0])) == 1 and graph.shape_of(node)[1:] == (1,)

    def permuted(self, node: int, flags: int) -> list[Piece]:
        """Axes in another order: `[item.T for item in a]` where those behind the first ones change their order."""
        (operand,), (axes,) = self.graph.operands_of(node), self.graph.attributes_of(node)
        front = next((place for place, axis in enumerate(axes) if place != axis), len(axes))
        if tuple(axes[front:]) != tuple(range(len(axes) - 1, front - 1, -1)):
            return self._call(node, self.graph.row(node))
        if not front:
            return [(operand, POSTFIX, 0), ".T"]
        names = list(itertools.islice(fresh_names("item", {*self.taken, *self.atoms.values()}), front))
        heads = "".join("[" for _ in names)
        inner: list[Piece] = [f"{heads}{names[-1]}.T for {names[-1]} in "]
        for name in names[-2::-1]:
            inner += [f"{name}] for {name} in "]
        return self._whole([*inner, (operand, 0, SIGNED), "]"], node, flags)

    def renamed(self, node: int, flags: int) -> list[Piece]:
        """A name for its operand."""
        return [(self.graph.operands_of(node)[0], POSTFIX, flags)]

    def placed(self, node: int, flags: int) -> list[Piece]:
        """The adjoint of an index: the operand among zeros."""
        entries, shape = self.graph.attributes_of(node)
        pieces = placed((self.graph.operands_of(node)[0], 0, SIGNED), entries, shape)
        return self._whole(pieces, node, flags) if pieces[0] == "[" else pieces


BRACKETS: dict[Operation, Callable[[Printer, int, int], list[Piece]]] = {
    shaping.stack: Printer.stacked,
    shaping.index: Printer.indexed,
    positions.take: Printer.at_position,
    positions.scatter_add: Printer.added,
    shaping.transpose: Printer.transposed,
    shaping.join: Printer.side_by_side,
    shaping.permute: Printer.permuted,
    shaping.place: Printer.placed,
    shaping.progression: Printer.ranged,
    calling.call: Printer.called,
    calling.scan: Printer.looped,
    structure.alias: Printer.renamed,
}
"""Operations that the grammar writes with signs of its own."""


def called(row: Operation, count: int) -> str:
    """The name that a call of a row with so many arguments has: one that it shares (`max(v)`), else its own."""
    names = [name for name in (row.name, *row.aliases) if REGISTRY.resolve(name, count) is row]
    shared = [name for name in names if len(REGISTRY.callable_as[name]) > 1]
    return (shared or names or [row.name])[0]


def takes_apart(graph: Graph, node: int) -> bool:
    """Whether the language takes the items of a list, and no array, where it stands as the operand of the node."""
    row = graph.row(node)
    return row is shaping.index or (row.combine is not None and len(graph.shape_of(graph.operands_of(node)[0])) == 1)


def key_text(entries: Sequence[Any], shape: Shape) -> str:
    """The inside of an index: `0`, `1:3`, `:, 2`, `::-1`; full slices at the end are left out."""
    texts = [
        _slice_text(entry, length) if isinstance(entry, tuple) else str(entry)
        for entry, length in zip(entries, shape, strict=True)
    ]
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return ", ".join(texts)


def _slice_text(bounds: tuple[int, int, int], length: int) -> str:
    start, stop, step = bounds
    first, last = (0, length) if step > 0 else (length - 1, -1)
    if start < 0 and start != first:
        start = stop = 0  # backwards from before the first element: nothing, which -1 would not say
    begin = "" if start == first else str(start)
    end = "" if stop == last else str(stop)
    return f"{begin}:{end}" if step == 1 else f"{begin}:{end}:{step}"


def array_text(values: Any, stack: str = "") -> str:
    """An array of numbers as nested lists, the outermost by a call of `stack` where that is given."""
    if 0 in values.shape:
        return zeros_text(values.shape)
    items = [array_text(item) if item.shape else number_text(float(item)) for item in values]
    listed = ", ".join(items)
    return f"{stack}({listed})" if stack else f"[{listed}]"


def static_arguments(graph: Graph, node: int) -> list[tuple[Parameter, Any]]:
    """The static parameters of the node's operation with plain values: what `prepare` may have been given.

    One that is the default is the parameter's `default` itself. Axes count from the front.
    """
    row = graph.row(node)
    parameters = [parameter for parameter in row.parameters if parameter.static]
    if not parameters:
        return []
    shapes = [graph.shape_of(operand) for operand in graph.operands_of(node)]
    attributes = graph.attributes_of(node)
    values = list(attributes[: len(parameters)])
    for place, parameter in enumerate(parameters):
        for candidate in _static_candidates(parameter.default, values[place], shapes):
            if _prepares(row, shapes, [*values[:place], candidate, *values[place + 1 :]], attributes):
                values[place] = candidate
                break
    return list(zip(parameters, values, strict=True))


def given_operands(graph: Graph, node: int) -> tuple[int, ...]:
    """The operands of a node without those at the end that are the defaults of their parameters."""
    row = graph.row(node)
    operands = tuple(graph.operands_of(node))
    if row.variadic or row.parameters[-1:] == () or row.parameters[-1].static:
        return operands
    while len(operands) and _is_default(graph, operands[-1], row.parameters[len(operands) - 1].default):
        operands = operands[:-1]
    return operands


def _is_default(graph: Graph, node: int, default: object) -> bool:
    """Whether an operand is the constant that stands for a parameter without a value."""
    if default is REQUIRED or not graph.is_constant(node) or graph.is_own_constant(node):
        return False
    exact = graph.exact.get(graph.payload[node])
    return graph.constant_value(node) == default and exact == getattr(default, "text", None)


def _with_static(graph: Graph, node: int, row: Operation, operands: Sequence[Piece]) -> list[Piece]:
    """All arguments of a call in the order of the signature, without the defaults at its end."""
    given = iter(operands)
    static = (value for _, value in static_arguments(graph, node))
    arguments = [next(static) if parameter.static else next(given) for parameter in row.parameters]
    while row.parameters[len(arguments) - 1].static and arguments[-1] is row.parameters[len(arguments) - 1].default:
        arguments.pop()
    return [
        static_text(argument) if parameter.static else argument
        for argument, parameter in zip(arguments, row.parameters, strict=False)
    ]


def _static_candidates(default: object, value: Any, shapes: Sequence[Shape]) -> list[Any]:
    """What a person may have written for a prepared value, the plainest first; axes count from the front."""
    candidates = [] if default is REQUIRED else [default]
    single = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    if isinstance(single, int) and shapes:
        candidates.append(single + len(shapes[0]))
    return [*candidates, single, value]


def _prepares(row: Operation, shapes: Sequence[Shape], static: Sequence[Any], attributes: tuple[Any, ...]) -> bool:
    """Whether static arguments mean these attributes."""
    try:
        return row.prepare is not None and row.prepare(shapes, *static) == attributes
    except (ValueError, TypeError):
        return False


def static_text(value: Any) -> str:
    """A static argument: a number or a list of numbers."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(static_text, value))}]"
    return number_text(float(value))


def _guarded(text: str, least: int, flags: int) -> str:
    """A given text in a place, with parentheses where it is no name, number, list or call."""
    signed = text.startswith("-")
    bare = flags & SIGNED and least <= UNARY if signed else True
    return text if bare and not (least and _open_blank(text)) else f"({text})"


def _open_blank(text: str) -> bool:
    """Whether there is a blank outside all brackets."""
    depth = 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == " " and depth == 0:
            return True
    return False


# ---- programs --------------------------------------------------------------------------------------------------------


def identifier(name: str) -> str:
    """A name that the grammar takes: what is no letter, digit or underscore becomes an underscore."""
    kept = "".join(character if f"_{character}".isidentifier() else "_" for character in name)
    return kept if kept and not kept[0].isdigit() and kept not in KEYWORDS else f"_{kept}"


class _Program:
    """The statements of a program: what is declared, which nodes get a line and a name, and their formulas."""

    def __init__(
        self, graph: Graph, outputs: Mapping[str, int], texts: Mapping[int, str],
        params: Collection[str] = (), defaults: Mapping[str, int] | None = None, inputs: Collection[str] = (),
        initialisers: Mapping[str, Any] | None = None, functions: Functions | None = None,
    ) -> None:  # fmt: skip
        """functions: those of the whole text, where this is the body of one of them."""
        self.graph = graph
        self.texts = texts
        self.params = params
        self.defaults = defaults or {}
        self.initialisers = initialisers or {}
        self.roots = set(outputs.values())
        self.needed = written(graph, self.roots, texts)
        self.nodes = [node for node, needed in enumerate(self.needed) if needed]
        self.inputs = {graph.input_name(node): node for node in self.nodes if graph.is_input(node)}
        self.bare = next(iter(self.roots)) if list(outputs) == ["result"] and "result" not in graph.names else None
        self.outputs = {} if self.bare is not None else self._valid(outputs)
        self.names = self._given_names()
        known = graph.inputs()
        self.unused = {name: known.get(name) for name in inputs if name not in self.inputs}
        self.taken = {*self.names, *self.inputs, *self.unused, *texts.values(), *REGISTRY.callable_as}
        if functions is not None:  # its own names hide those of the text around
            self.taken.update(word for text in texts.values() for word in re.findall(r"\w+", text))
        self.whole_arrays = self._whole_arrays()
        self.atoms = self._named_nodes()
        self.is_body = functions is not None
        self.functions = functions or Functions({*self._own_words(), *self.atoms.values()}, self._body)

    def _valid(self, outputs: Mapping[str, int]) -> dict[str, int]:
        """The outputs by names that the grammar takes and that mean no other input."""
        valid: dict[str, int] = {}
        for name, node in outputs.items():
            word = identifier(name)
            while word in valid or self.inputs.get(word, node) != node:
                word += "_"
            valid[word] = node
        return valid

    def _given_names(self) -> dict[str, int]:
        """Name -> node of every line that has a name of its own, outputs included."""
        graph = self.graph
        names = {
            name: node for name, node in graph.names.items()
            if node < len(self.needed) and self.needed[node] and node not in self.texts
        }  # fmt: skip
        names.update(self.outputs)
        return {name: node for name, node in names.items() if name not in self.inputs}

    def _whole_arrays(self) -> set[int]:
        """Nodes that must be one array, where the language would keep a list: it takes it apart, or drops its name."""
        found = {node for node in self.names.values() if node not in self.roots}
        for node in self.nodes:
            if takes_apart(self.graph, node):
                found.update(self.graph.operands_of(node))
        return found

    def _named_nodes(self) -> dict[int, str]:
        """Node -> name of everything that has one: given names, then t1, t2 … in the order of the lines."""
        atoms: dict[int, str] = {}
        for name, node in self.names.items():
            if not self.graph.is_input(node):
                atoms.setdefault(node, name)
        own_line = lines_of_their_own(self.graph, self.needed, self.roots, self.texts, atoms)
        fresh = fresh_names("t", self.taken)
        own = {each for node in self.nodes if is_loop(self.graph, node) for each in need_names(self.graph, node)}
        for node in self.nodes:
            if (own_line[node] or (node in own and not self.graph.is_input(node))) and node not in atoms:
                atoms[node] = next(fresh)
        return {**self.texts, **atoms}

    def _own_words(self) -> set[str]:
        """Names that no function may have: those of values, and of the operations that are called."""
        called: set[str] = set()
        pending = [self.graph]
        while pending:
            graph = pending.pop()
            rows = {REGISTRY.rows[code] for code in graph.op}
            called.update(name for row in rows for name in (row.name, *row.aliases))
            pending.extend(body.graph for body in bodies_in(graph))
        return {*self.names, *self.inputs, *self.unused, *self.texts.values(), *called}

    def _body(self, graph: Graph, nodes: Sequence[int], texts: Mapping[int, str]) -> list[str]:
        """The statements of a function, the last one an expression for each node."""
        if len(nodes) == 1:
            return _Program(graph, {"result": nodes[0]}, texts, functions=self.functions).lines()
        names = fresh_names("r", {*self.functions.taken, *texts.values()})
        results = dict(zip(names, nodes, strict=False))
        *statements, _ = _Program(graph, results, texts, functions=self.functions).lines()
        return [*statements, ", ".join(results)]

    def _loops(self) -> dict[int, LoopText]:
        """How each kept loop is called; in a function only what has the same name everywhere can be shared."""
        graph = self.graph
        loops = [node for node in self.nodes if is_loop(graph, node) and node not in self.texts]
        if not loops:
            return {}
        known = (
            dict(self.texts) if self.is_body else {**{node: name for name, node in self.inputs.items()}, **self.atoms}
        )
        known.update((node, constant_text(graph, node, self.taken)) for node in self.nodes if graph.is_constant(node))
        found = {node: self.functions.loop(graph, node, known) for node in loops}
        return {node: loop for node, loop in found.items() if loop is not None}

    def _emitting(self, loops: Collection[int]) -> dict[int, Emitting]:
        """The names of what loops make that emit something."""
        fresh = fresh_names("t", {*self.taken, *self.atoms.values(), *self.functions.taken})
        made = {node: Emitting(self.graph, node, fresh) for node in loops if emits(self.graph, node)}
        self.atoms.update({node: each.whole for node, each in made.items()})
        return made

    def lines(self) -> list[str]:
        """All statements, in the order of evaluation."""
        loops = self._loops()
        emitting = self._emitting(loops)
        printer = Printer(self.graph, self.atoms, {*self.names, *self.inputs}, loops, emitting)
        lines = [line for name, node in self.inputs.items() if (line := self._declaration(name, node))]
        lines += [self._declaration(name, node, always=True) for name, node in self.unused.items()]
        further: dict[int, list[str]] = {}
        for name, node in self.names.items():
            if self.atoms.get(node) != name:
                further.setdefault(node, []).append(name)
        defined: list[str] = []
        lines += [] if self.is_body else self.functions.lines
        for node in self.nodes:
            name = self.atoms.get(node, "")
            if node in emitting:
                lines.append(f"{emitting[node].names} = {printer.text(node)}")
            elif name and node not in self.texts:
                lines.append(f"{name} = {printer.text(node, self._flags(node))}")
                defined.append(name)
            for other in further.get(node, ()):
                lines.append(f"{other} = {name or self.graph.input_name(node)}")
                defined.append(other)
        return [*lines, *self._ending(printer, defined[-1:])]

    def _flags(self, node: int) -> int:
        return SIGNED | ARRAY if node in self.whole_arrays else SIGNED

    def _ending(self, printer: Printer, last: list[str]) -> list[str]:
        """What says which the outputs are, where the last statement does not."""
        if self.bare is not None:
            if self.is_body and self.bare in self.texts:
                return [self.texts[self.bare]]
            name = None if self.bare in self.texts else self.atoms.get(self.bare)
            return [name or printer.text(self.bare, self._flags(self.bare))]
        return [] if list(self.outputs) == last else [f"output {', '.join(self.outputs)}"]

    def _declaration(self, name: str, node: int | None, *, always: bool = False) -> str:
        """The declaration of an input, "" where it needs none."""
        shape = () if node is None else self.graph.shape_of(node)
        default = self.defaults.get(name)
        hidden = ALIASES.get(name, name) in CONSTANTS or name in self.outputs
        if not (always or shape or name in self.params or default is not None or hidden) or node in self.texts:
            return ""
        word = "param" if name in self.params else "input"
        lengths = f"[{', '.join(map(str, shape))}]" if shape else ""
        value = "" if default is None else f" = {self._default_text(name, default)}"
        return f"{word} {name}{lengths}{value}"

    def _default_text(self, name: str, default: int) -> str:
        """A default value, or how it is drawn."""
        drawn = self.initialisers.get(name)
        if drawn is None:
            return Printer(self.graph, {}, self.inputs).text(default)
        return f"{drawn.kind.name}({', '.join(map(number_text, drawn.arguments))})"
