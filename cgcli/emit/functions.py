"""Kept loops as text: a function of the formula, and the `fold` that calls it.

A function of the language knows its arguments and the names of the text, so what all steps share must have a name of
its own there, and so must arrays that are read step by step. What a text cannot say (a loop that emits something, as
those of derivatives do) is written as a call that only people read.
"""

from __future__ import annotations

from cgcli.emit.names import fresh_names
from cgcli.ops import calling, shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cgcli.graph.store import Graph

    Lines = Callable[[Graph, int, Mapping[int, str]], list[str]]


class Fold:
    """A loop as a text says it: the name of its function, and what it runs over, a node or a text."""

    __slots__ = ("function", "over")

    def __init__(self, function: str, over: int | str) -> None:
        self.function = function
        self.over = over


def is_fold(graph: Graph, node: int) -> bool:
    """Whether a node is a loop that a text can say."""
    return graph.row(node) is calling.scan and len(graph.attributes_of(node)[0].results) == 1


def need_names(graph: Graph, node: int) -> list[int]:
    """The operands of a loop that its function refers to by names of the text."""
    _, _, items, reverse = graph.attributes_of(node)
    _, *others = graph.operands_of(node)
    alone = items == 1 and not reverse
    read = [] if alone else [item for item in others[:items] if graph.row(item) is not shaping.progression]
    return [each for each in (*read, *others[items:]) if not graph.is_constant(each)]


class Functions:
    """The functions that the loops of a text call: their names, and their lines in the order of their making."""

    def __init__(self, taken: set[str], lines: Lines) -> None:
        """taken: names that have a meaning; lines: the statements of a node, the last one an expression."""
        self.taken = taken
        self.write = lines
        self.lines: list[str] = []
        self.made: dict[tuple[object, ...], Fold] = {}

    def fold(self, graph: Graph, node: int, texts: Mapping[int, str]) -> Fold | None:
        """How a loop is called, its function written; None where a text cannot say it.

        texts: the names, and numbers, of nodes that mean the same in a function.
        """
        if not is_fold(graph, node) or any(each not in texts for each in need_names(graph, node)):
            return None
        body, steps, items, reverse = graph.attributes_of(node)
        _, *others = graph.operands_of(node)
        others_texts = [texts.get(each, "") for each in others]
        key = (body.digest, steps, items, reverse, *others_texts[items:], *others[:items])
        if key not in self.made:
            self.made[key] = self._written(graph, node, others_texts)
        return self.made[key]

    def _written(self, graph: Graph, node: int, others: Sequence[str]) -> Fold:
        body, steps, items, reverse = graph.attributes_of(node)
        _, *operands = graph.operands_of(node)
        alone = items == 1 and not reverse
        state, item = self._parameters(body.graph, body.operands, alone, [text for text in others if text])
        texts = {body.operands[0]: state}
        over: int | str = f"range({steps - 1}, -1, -1)" if reverse else f"range({steps})"
        for place, (operand, text) in enumerate(zip(operands[:items], others, strict=False), 1):
            is_range = graph.row(operand) is shaping.progression
            if alone:
                over = range_text(*graph.attributes_of(operand)) if is_range else operand
                texts[body.operands[place]] = item
            else:
                numbered = _number_at(graph.attributes_of(operand), item) if is_range else f"{text}[{item}]"
                texts[body.operands[place]] = numbered
        texts.update(zip(body.operands[1 + items :], others[items:], strict=True))
        name = next(self._names(body.name))
        self.taken.add(name)
        *statements, value = self.write(body.graph, body.results[0], texts)
        head = f"{name}({state}, {item})"
        if statements:
            self.lines += [f"def {head}:", *(f"    {line}" for line in statements), f"    return {value}"]
        else:
            self.lines.append(f"{head} = {value}")
        return Fold(name, over)

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


def range_text(start: int, step: int, count: int) -> str:
    """A range as it is written."""
    stop = start + step * count
    return f"range({start}, {stop}, {step})" if step != 1 else f"range({start}, {stop})" if start else f"range({stop})"


def _number_at(attributes: Sequence[int], place: str) -> str:
    """The number at a place of a range."""
    start, step, _ = attributes
    scaled = place if step == 1 else f"{step}*{place}"
    return f"({start} + {scaled})" if start else f"({scaled})" if step != 1 else scaled
