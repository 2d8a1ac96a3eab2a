"""What a drawing of a task graph shows: a box a task, with what its function is called."""

from __future__ import annotations

from cgcli.explain.steps import NO_CALL
from cgcli.files import write_file
from cgcli.numerals import shortened
from cgcli.render.dot import dot_text
from cgcli.render.folding import fold
from cgcli.render.graphviz import format_of, render
from cgcli.render.picture import WIDEST, Picture, shortest
from cgcli.tasks.labels import function_label, key_name
from cgcli.tasks.reading import CONTAINERS
from cgcli.tasks.steps import is_numeric

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from cgcli.graph.store import Call
    from cgcli.tasks.steps import Steps

BRACKETS = {CONTAINERS[list]: "[ ]", CONTAINERS[tuple]: "( )", CONTAINERS[set]: "{ }", CONTAINERS[dict]: "{ : }"}
"""What puts values together, as a picture shows it."""

OPERATORS = {"add": "+", "sub": "−", "mul": "×", "truediv": "÷", "matmul": "@", "pow": "^", "neg": "−", "mod": "%"}
"""Functions of Python's module `operator` as a book prints them."""


def draw_tasks(steps: Steps, path: str | Path | None, *, limit: int | None, timeout: float) -> str:
    """The picture of a task graph: SVG text without a path, else a file is written and its path returned."""
    form = format_of(path) if path is not None else "svg"
    picture = TaskPicture(steps)
    image = render(dot_text(picture, fold(picture, limit=limit)), form, timeout=timeout)
    if path is None:
        return image.decode()
    write_file(path, image)
    return str(path)


class TaskColumns:
    """Steps as the columns that drawing reads of a graph."""

    def __init__(self, steps: Steps) -> None:
        self.calls: list[Call] = []
        self.op: list[int] = []
        self.start: list[int] = [0]
        self._steps = steps
        numbers: dict[Any, int] = {}
        for function, arguments, _ in steps.steps:
            self.op.append(numbers.setdefault(function, len(numbers)))
            self.start.append(self.start[-1] + len(arguments))

    def operands_of(self, slot: int) -> Sequence[int]:
        """The arguments of a step."""
        return self._steps.steps[slot][1]

    def attributes_of(self, slot: int) -> tuple[Any, ...]:
        """The names of its last arguments."""
        return self._steps.steps[slot][2]

    def is_leaf(self, slot: int) -> bool:
        """Whether it is a value that is there already."""
        return self._steps.steps[slot][0] is None

    def is_input(self, slot: int) -> bool:
        """Whether it is a value with a task of its own."""
        return self.is_leaf(slot) and slot in self._steps.key_of


class TaskPicture(Picture):
    """A picture of steps; nothing of them is computed, and they have no derivatives."""

    __slots__ = ("steps",)

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.graph = TaskColumns(steps)  # type: ignore[assignment]  # what drawing asks of a graph, and no more
        self.outputs = {"result": steps.result}
        self.output_names = {steps.result: ["result"]}
        self.nodes = [slot for slot, need in enumerate(steps.needed()) if need]
        leaves = [slot for slot in self.nodes if self.graph.is_leaf(slot)]
        self.bare = {slot for slot in leaves if slot not in steps.key_of and slot != steps.result}
        self.own_names = {slot for slot in leaves if slot not in self.bare}
        self.names = {slot: self._named(slot) for slot in self.nodes} | {steps.result: "result"}
        self.values = {}
        self.sides = {}
        self.of = None
        self.adjoints = {}
        self.contributions = {}

    def _named(self, slot: int) -> str:
        """What a step is referred to by: a plain value by itself, else by the name in its key, or by its function."""
        if slot in self.bare:
            return self.value_text(slot)
        if slot in self.steps.key_of:
            return key_name(self.steps.key_of[slot])
        return self.sign(slot)

    def call_of(self, node: int) -> int:
        """No step is inside another one."""
        return NO_CALL

    def sign(self, node: int) -> str:
        """What the function of a step is called."""
        function = self.steps.steps[node][0]
        return "value" if function is None else sign_of(function)

    def title(self, node: int) -> str:
        """The name of a value; a function with the plain values among its arguments: `f(·, 2)`."""
        if self.graph.is_leaf(node):
            return self.names[node]
        arguments = self.graph.operands_of(node)
        if not any(each in self.bare for each in arguments):
            return self.sign(node)
        shown = [self.names[each] if each in self.bare else "·" for each in arguments]
        sign = self.sign(node)
        if len(shown) == 2 and sign in OPERATORS.values():
            return " ".join(part for part in (shown[0], sign, shown[1]) if part != "·")
        return shortened(f"{sign}({', '.join(shown)})", WIDEST)

    def own_name(self, node: int) -> str:
        """The name of a value; a function says what it is by its title."""
        return self.names[node] if node in self.own_names else ""

    def value_text(self, node: int) -> str:
        """A value that is there already, in a few characters; what is no number by its type."""
        if not self.graph.is_leaf(node):
            return ""
        value = self.steps.given.get(node)
        if is_numeric(value):
            return shortest(value)
        return shortened(repr(value), WIDEST) if isinstance(value, (str, bool, type(None))) else type(value).__name__

    def ordered_places(self, node: int) -> list[int]:
        """The places of arguments that a reader has to tell apart."""
        function, arguments, _ = self.steps.steps[node]
        places = [place for place, each in enumerate(arguments) if each not in self.bare]
        several = len({arguments[place] for place in places}) > 1
        is_list = function in BRACKETS
        return places if several and not is_list and self.sign(node) not in ("+", "×", "sum") else []

    def legend(self) -> str:
        """Nothing has to be told."""
        return ""


def sign_of(function: Callable[..., Any]) -> str:
    """A function of Python's operators or of a container by its sign, any other by its name."""
    if function in BRACKETS:
        return BRACKETS[function]
    name = function_label(function)
    return OPERATORS.get(name, name) if getattr(function, "__module__", "") in ("_operator", "operator") else name
