"""Kept loops as text: a function of the formula, and the `fold` or the `scan` that calls it.

A function of the language knows its arguments and the names of the text, so what all steps share must have a name of
its own there, and so must arrays that are read step by step. A loop that emits something, as those of derivatives do,
is a `scan` whose state has that beside it: `states, emitted = scan(step, (start, 0), items)`.
"""

from __future__ import annotations

from cgcli.emit.names import fresh_names
from cgcli.graph.bodies import Body
from cgcli.graph.shapes import size
from cgcli.ops import calling, shaping
from cgcli.passes.inlining import without_calls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cgcli.graph.store import Graph

    Lines = Callable[[Graph, Sequence[int], Mapping[int, str]], list[str]]
    Shape = tuple[int, ...]


class LoopText:
    """A loop as a text says it: the name of its function, and what it runs over, a node or a text.

    backwards: whether it runs over the items of the node from the last one on.
    """

    __slots__ = ("backwards", "function", "over")

    def __init__(self, function: str, over: int | str, *, backwards: bool) -> None:
        self.function = function
        self.over = over
        self.backwards = backwards


class Emitting:
    """The names in a text for what a loop makes that emits something: the list of its states, and what they emit.

    state, emitted: the shapes of the last state and of all that is emitted.
    """

    __slots__ = ("each", "emitted", "state", "states")

    def __init__(self, graph: Graph, node: int, names: Iterator[str]) -> None:
        attributes = graph.attributes_of(node)
        self.state, emitted, _ = calling.begins_of(attributes)
        assert emitted is not None
        self.emitted = emitted
        self.states = next(names)
        self.each = self.states if emits_states(graph, node) else next(names)
        if attributes[3]:
            self.each += "[::-1]"  # what is emitted lies where its item does

    @property
    def names(self) -> str:
        """What stands on the left of the statement."""
        each = self.each.removesuffix("[::-1]")
        return self.states if each == self.states else f"{self.states}, {each}"

    def part(self, begin: int, end: int, shape: Shape) -> str | None:
        """Some elements of the node, in a shape: the last state, or all that is emitted; None for other elements."""
        count = size(self.state)
        if (begin, end) == (0, count):
            return _shaped(f"{self.states}[-1]", self.state, shape)
        if (begin, end) == (count, count + size(self.emitted)):
            return _shaped(self.each, self.emitted, shape)
        return None

    @property
    def whole(self) -> str:
        """All elements of the node."""
        count, total = size(self.state), size(self.emitted)
        return f"concat({self.part(0, count, (count,))}, {self.part(count, count + total, (total,))})"


def _shaped(text: str, shape: Shape, wanted: Shape) -> str:
    if shape == wanted:
        return text
    return f"[{text}]" if shape == () and wanted == (1,) else f"reshape({text}, {list(wanted)})"


def is_loop(graph: Graph, node: int) -> bool:
    """Whether a node is a loop."""
    return graph.row(node) is calling.scan


def emits(graph: Graph, node: int) -> bool:
    """Whether a loop emits something."""
    return len(graph.attributes_of(node)[0].results) > 1


def emits_states(graph: Graph, node: int) -> bool:
    """Whether what a loop emits are its states."""
    first, last = graph.attributes_of(node)[0].results
    return bool(first == last)


def need_names(graph: Graph, node: int) -> list[int]:
    """The operands of a loop that its function refers to by names of the text."""
    _, _, items, _ = graph.attributes_of(node)
    _, *others = graph.operands_of(node)
    read = [] if items == 1 else [item for item in others[:items] if graph.row(item) is not shaping.progression]
    return [each for each in (*read, *others[items:]) if not graph.is_constant(each)]


class Functions:
    """The functions that the loops of a text call: their names, and their lines in the order of their making."""

    def __init__(self, taken: set[str], lines: Lines) -> None:
        """taken: names that have a meaning; lines: the statements of nodes, the last one an expression for each."""
        self.taken = taken
        self.write = lines
        self.lines: list[str] = []
        self.made: dict[tuple[object, ...], LoopText] = {}

    def loop(self, graph: Graph, node: int, texts: Mapping[int, str]) -> LoopText | None:
        """How a loop is called, its function written; None where a text cannot say it.

        texts: the names, and numbers, of nodes that mean the same in a function.
        """
        if any(each not in texts for each in need_names(graph, node)):
            return None
        body, steps, items, reverse = graph.attributes_of(node)
        _, *others = graph.operands_of(node)
        others_texts = [texts.get(each, "") for each in others]
        key = (body.digest, steps, items, reverse, *others_texts[items:], *others[:items])
        if key not in self.made:
            self.made[key] = self._written(graph, node, others_texts)
        return self.made[key]

    def _written(self, graph: Graph, node: int, others: Sequence[str]) -> LoopText:
        body, steps, items, reverse = graph.attributes_of(node)
        body = _without_calls(body)
        _, *operands = graph.operands_of(node)
        alone = items == 1
        state, item = self._parameters(body.graph, body.operands, alone, [text for text in others if text])
        texts = {body.operands[0]: state}
        over: int | str = f"range({steps - 1}, -1, -1)" if reverse else f"range({steps})"
        for place, (operand, text) in enumerate(zip(operands[:items], others, strict=False), 1):
            is_range = graph.row(operand) is shaping.progression
            if alone:
                over = _range_of(graph, operand, reverse=reverse) if is_range else operand
                texts[body.operands[place]] = item
            else:
                numbered = _number_at(graph.attributes_of(operand), item) if is_range else f"{text}[{item}]"
                texts[body.operands[place]] = numbered
        texts.update(zip(body.operands[1 + items :], others[items:], strict=True))
        name = next(self._names(body.name))
        self.taken.add(name)
        results = body.results[:1] if len(body.results) == 1 or emits_states(graph, node) else body.results
        *statements, value = self.write(body.graph, results, texts)
        beside = "" if len(results) == 1 else f"{next(fresh_names('emitted', {*self.taken, *texts.values()}))}, "
        head = f"{name}({state}, {beside}{item})"
        if statements or beside:
            self.lines += [f"def {head}:", *(f"    {line}" for line in statements), f"    return {value}"]
        else:
            self.lines.append(f"{head} = {value}")
        return LoopText(name, over, backwards=reverse and not isinstance(over, str))

    def _names(self, name: str) -> Iterator[str]:
        """The name of a function and others like it, without those that are taken."""
        word = "".join(letter if f"_{letter}".isidentifier() else "_" for letter in name) or "step"
        if word not in self.taken and word.isidentifier():
            yield word
        yield from fresh_names(f"{word}_", self.taken)

    def _parameters(
        self, graph: Graph, operands: Sequence[int], alone: bool, used: Sequence[str]
    ) -> tuple[str, str]:  # fmt: skip
        """What the state and the item are called: as in the text that was read, where that is free.

        alone: whether the item is the only one of the body, and no number of a step.
        """
        words: list[str] = []
        for place, other in ((0, "state"), (1, "i")):
            known = graph.input_name(operands[place]) if place == 0 or alone else other
            free = known.isidentifier() and known not in self.taken and known not in words and known not in used
            words.append(known if free else next(fresh_names(other, {*self.taken, *words, *used})))
        return words[0], words[1]


def _without_calls(body: Body) -> Body:
    moved, graph = without_calls(body.graph, [*body.operands, *body.results])
    if graph is body.graph:
        return body
    return Body(body.name, graph, [moved[node] for node in body.operands], [moved[node] for node in body.results])


def _range_of(graph: Graph, node: int, *, reverse: bool) -> str:
    start, step, count = graph.attributes_of(node)
    return range_text(start + step * (count - 1), -step, count) if reverse else range_text(start, step, count)


def range_text(start: int, step: int, count: int) -> str:
    """A range as it is written."""
    stop = start + step * count
    return f"range({start}, {stop}, {step})" if step != 1 else f"range({start}, {stop})" if start else f"range({stop})"


def _number_at(attributes: Sequence[int], place: str) -> str:
    """The number at a place of a range."""
    start, step, _ = attributes
    scaled = place if step == 1 else f"{step}*{place}"
    return f"({start} + {scaled})" if start else f"({scaled})" if step != 1 else scaled
