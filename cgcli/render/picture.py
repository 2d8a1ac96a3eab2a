"""What a drawing shows, whoever draws it: nodes, their names and, where they are known, values and derivatives."""

from __future__ import annotations

from cgcli.emit.formula import applied
from cgcli.emit.names import is_bare_constant, node_names
from cgcli.explain.steps import NO_CALL
from cgcli.numerals import compact, shape_of, short, shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.explain.point import Point

WIDEST = 26
"""Characters of a value."""

SIGNS = {"*": "×", "-": "−", "/": "÷"}
"""Infix operators as a book prints them."""


class Picture:
    """A graph to draw.

    outputs, output_names: name -> node, and node -> names. nodes: those that the outputs need, in order of evaluation.
    names: node -> name, of a bare constant its number. own_names: nodes that the formula or an output names, and
    inputs. bare: constants without a name; they are part of what uses them. values: node -> value, empty where only the
    structure is drawn. adjoints and contributions (by position in the column `operands`): the derivatives of the
    output `of`, empty without them. sides: node -> "first" or "second", of two formulas in one picture the one that
    alone has the node.
    """

    __slots__ = (
        "adjoints", "bare", "contributions", "graph", "names", "nodes", "of", "output_names", "outputs", "own_names",
        "sides", "values",
    )  # fmt: skip

    def __init__(self, point: Point) -> None:
        """What to show of a point; its values and the derivatives of its one output where it has them."""
        self.graph = graph = point.graph
        self.outputs = point.outputs
        self.output_names: dict[int, list[str]] = {}
        for name, node in self.outputs.items():
            self.output_names.setdefault(node, []).append(name)
        self.nodes = point.nodes
        self.names = node_names(graph, self.nodes, self.outputs)
        named = {*graph.names.values(), *self.outputs.values()}
        self.own_names = {node for node in self.nodes if node in named or graph.is_input(node)}
        self.bare = {node for node in self.nodes if is_bare_constant(graph, node, self.names, named)}
        values = point.values
        self.values: Mapping[int, Any] = {node: values[node] for node in self.nodes} if values else {}
        self.sides: Mapping[int, str] = {}
        self.of: str | None = None
        self.adjoints: dict[int, Any] = {}
        self.contributions: dict[int, Any] = {}
        for of, each in point.passes.items():
            self.of = of
            self.adjoints = {node: values[each.adjoints[node]] for node in each.order}
            self.contributions = {edge: values[part] for edge, part in each.contributions.items()}

    # ---- what is written at a node -------------------------------------------------------------------------------

    def call_of(self, node: int) -> int:
        """The call of a user function that a node belongs to, or -1."""
        return self.graph.scopes.get(node, NO_CALL)

    def sign(self, node: int) -> str:
        """What a node does, in a sign or a word: `×`, `sin`; with its static arguments where it has some: `·[0]`."""
        graph = self.graph
        row = graph.row(node)
        infix = row.spell.get("infix")
        if infix:
            return SIGNS.get(infix, infix)
        if not graph.attributes_of(node):
            return row.name
        return shortened(applied(graph, node, ["·"] * len(graph.operands_of(node))), WIDEST)

    def title(self, node: int) -> str:
        """The name of an input or constant; an operation with the numbers it works on: `^ 2`, `clip(·, 0, 1)`."""
        graph, operands = self.graph, self.graph.operands_of(node)
        if graph.is_leaf(node):
            return self.names[node] if node in self.own_names or node in self.bare else self.value_text(node)
        if not any(operand in self.bare for operand in operands):
            return self.sign(node)
        if "infix" in graph.row(node).spell and len(operands) == 2:
            left, right = (self.names[operand] if operand in self.bare else "" for operand in operands)
            return f"{left} {self.sign(node)} {right}".strip()
        text = applied(graph, node, [self.names[operand] if operand in self.bare else "·" for operand in operands])
        return shortened(text, WIDEST)

    def own_name(self, node: int) -> str:
        """The names that the formula and the outputs give a node, or ""."""
        if node not in self.own_names:
            return ""
        return ", ".join(dict.fromkeys([self.names[node], *(self.output_names.get(node, ()))]))

    def value_text(self, node: int) -> str:
        """The value of a node in a few characters, or "" where it is not known; that of a constant always is."""
        if self.graph.is_leaf(node) and not self.graph.is_input(node):
            constant = self.graph.constant_value(node)
            return shortest(self.graph.arrays[self.graph.payload[node]] if constant is None else constant)
        return shortest(self.values[node]) if node in self.values else ""

    def adjoint_text(self, node: int) -> str:
        """`∂ 3`, or "" where the derivative is not known."""
        return f"∂ {shortest(self.adjoints[node])}" if node in self.adjoints else ""

    def contribution_text(self, edge: int) -> str:
        """What an edge, a position in the column `operands`, contributes to the adjoint of its operand, or ""."""
        return shortest(self.contributions[edge]) if edge in self.contributions else ""

    def sum_text(self, edges: Sequence[int]) -> str:
        """What several edges to one operand contribute to its adjoint together, or ""."""
        parts = [self.contributions[edge] for edge in edges if edge in self.contributions]
        return shortest(sum(parts[1:], parts[0])) if parts else ""

    def ordered_places(self, node: int) -> list[int]:
        """The places of the operands that a reader has to tell apart; [] where their order does not matter."""
        operands = self.graph.operands_of(node)
        places = [place for place, operand in enumerate(operands) if operand not in self.bare]
        several = len({operands[place] for place in places}) > 1
        return places if several and "commutative" not in self.graph.row(node).traits else []

    def legend(self) -> str:
        """What the derivatives in the picture are, and of which formula a colour tells; or ""."""
        if self.sides:
            return "red: only in the first formula; green, with a thick edge: only in the second; others: in both"
        if self.of is None:
            return ""
        output = f"sum({self.of})" if self.graph.shape_of(self.outputs[self.of]) else self.of
        return f"∂: derivative of {output} with respect to a node; on an arrow: the part that comes along it"


def shortest(value: Any) -> str:
    """A number with six digits; an array with three where six are too wide, or else its kind: `vector of 20`."""
    if shape_of(value) and len(short(value)) > WIDEST:
        return compact(value, WIDEST, digits=3)
    return compact(value, WIDEST)
