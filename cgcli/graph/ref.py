"""The handle on a node: Python's operators on handles build the graph."""

from __future__ import annotations

from cgcli.errors import UsageError
from cgcli.ops import arithmetic, linear, logic, powers, shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

    Shape = tuple[int, ...]


class Ref:
    """A node of a graph. Arithmetic, comparisons, indexing and `.T` on it make further nodes.

    Operands may be numbers, nested lists, NumPy arrays or references into another graph, which is then copied in.
    """

    __slots__ = ("graph", "node")
    __array_ufunc__ = None  # NumPy must leave `array * ref` to us

    def __init__(self, graph: Graph, node: int) -> None:
        self.graph = graph
        self.node = node

    @property
    def shape(self) -> Shape:
        """Shape of the node's value; () is a scalar."""
        return self.graph.shape_of(self.node)

    @property
    def constant_value(self) -> float | None:
        """The number, where the node is a constant."""
        return self.graph.constant_value(self.node)

    @property
    def array_value(self) -> Any:
        """The numbers as an array, where the node is an array of numbers; else None."""
        return self.graph.array_value(self.node)

    def apply_operation(self, row: Operation, arguments: Sequence[Any]) -> Ref:
        """What a row does when it is called with references among its arguments."""
        operands, static = row.split(arguments)
        return self.build(row, [self.coerce(operand) for operand in operands], static)

    def build(self, row: Operation, operands: Sequence[Ref], static: Sequence[Any] = ()) -> Ref:
        """A node of this graph; handles of other kinds (see passes) do more here."""
        return type(self)(self.graph, self.graph.apply(row, [operand.node for operand in operands], static))

    def coerce(self, value: Any) -> Ref:
        """A number, a list, an array or a reference as a reference into this graph."""
        if isinstance(value, Ref):
            return value if value.graph is self.graph else type(self)(self.graph, self.graph.adopt(value))
        if isinstance(value, float):
            return type(self)(self.graph, self.graph.constant(value, getattr(value, "text", None)))
        if isinstance(value, int):
            return type(self)(self.graph, self._integer(value))
        if isinstance(value, (list, tuple)) and _holds_reference(value):
            return self.build(shaping.stack, [self.coerce(item) for item in value])
        return type(self)(self.graph, self.graph.array_constant(value))

    def _integer(self, value: int) -> int:
        """A whole number; one that a double cannot hold keeps its digits for engines that can use them."""
        try:
            double = float(value)
        except OverflowError:
            raise UsageError(
                "a whole number beyond 1.8e308 cannot be part of a formula", hint="use `math.inf`, or scale the formula"
            ) from None
        return self.graph.constant(double, None if double == value else str(value))

    def __repr__(self) -> str:
        graph, node = self.graph, self.node
        name = graph.name_of().get(node)
        what = f"{graph.row(node).name}({', '.join(f'#{operand}' for operand in graph.operands_of(node))})"
        return f"<node #{node}{f' `{name}`' if name else ''}: {what}>"

    def __bool__(self) -> bool:
        raise UsageError(
            "a graph node has no truth value yet", hint="use `where(condition, a, b)` and `&`, `|`, `~` on conditions"
        )

    def __iter__(self) -> Iterator[Ref]:
        if not self.shape:
            raise TypeError("a scalar node cannot be iterated")
        return (self[position] for position in range(self.shape[0]))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a scalar node has no length")
        return self.shape[0]

    def __hash__(self) -> int:
        return hash((id(self.graph), self.node))

    def __add__(self, other: Any) -> Ref:
        return arithmetic.add(self, other)

    def __radd__(self, other: Any) -> Ref:
        return arithmetic.add(other, self)

    def __sub__(self, other: Any) -> Ref:
        return arithmetic.sub(self, other)

    def __rsub__(self, other: Any) -> Ref:
        return arithmetic.sub(other, self)

    def __mul__(self, other: Any) -> Ref:
        return arithmetic.mul(self, other)

    def __rmul__(self, other: Any) -> Ref:
        return arithmetic.mul(other, self)

    def __truediv__(self, other: Any) -> Ref:
        return arithmetic.div(self, other)

    def __rtruediv__(self, other: Any) -> Ref:
        return arithmetic.div(other, self)

    def __floordiv__(self, other: Any) -> Ref:
        return arithmetic.floordiv(self, other)

    def __rfloordiv__(self, other: Any) -> Ref:
        return arithmetic.floordiv(other, self)

    def __mod__(self, other: Any) -> Ref:
        return arithmetic.mod(self, other)

    def __rmod__(self, other: Any) -> Ref:
        return arithmetic.mod(other, self)

    def __pow__(self, other: Any) -> Ref:
        return powers.power(self, other)

    def __rpow__(self, other: Any) -> Ref:
        return powers.power(other, self)

    def __matmul__(self, other: Any) -> Ref:
        return linear.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Ref:
        return linear.matmul(other, self)

    def __neg__(self) -> Ref:
        return arithmetic.neg(self)

    def __pos__(self) -> Ref:
        return self

    def __abs__(self) -> Ref:
        return logic.absolute(self)

    def __lt__(self, other: Any) -> Ref:
        return logic.less(self, other)

    def __le__(self, other: Any) -> Ref:
        return logic.less_equal(self, other)

    def __gt__(self, other: Any) -> Ref:
        return logic.greater(self, other)

    def __ge__(self, other: Any) -> Ref:
        return logic.greater_equal(self, other)

    def __eq__(self, other: Any) -> Ref:  # type: ignore[override]
        return logic.equal(self, other)

    def __ne__(self, other: Any) -> Ref:  # type: ignore[override]
        return logic.not_equal(self, other)

    def __and__(self, other: Any) -> Ref:
        return logic.conjunction(self, other)

    def __rand__(self, other: Any) -> Ref:
        return logic.conjunction(other, self)

    def __or__(self, other: Any) -> Ref:
        return logic.disjunction(self, other)

    def __ror__(self, other: Any) -> Ref:
        return logic.disjunction(other, self)

    def __invert__(self) -> Ref:
        return logic.negation(self)

    def __getitem__(self, key: Any) -> Ref:
        """Elements and slices, from 0 and from the end, as in NumPy (no masks, no lists of positions)."""
        return shaping.index(self, key if isinstance(key, tuple) else (key,))

    @property
    def T(self) -> Ref:  # noqa: N802 - NumPy's name
        """The transpose: axes in reverse order."""
        return shaping.transpose(self)


def _holds_reference(value: Any) -> bool:
    """Whether a reference stands anywhere in nested lists; a list of numbers alone is one array."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, (list, tuple)):
            pending.extend(item)
        elif isinstance(item, Ref):
            return True
    return False
