"""The graph: columns of numbers, an intern table beside them, and what the names and places of nodes are.

A node is a position. Its operands come before it, so the order of positions is an order of evaluation and every
walk is one loop. The hot columns hold 2 (op) + 4 (start) + 4 (payload) + 4 (shape) bytes a node and 4 an operand.
"""

from __future__ import annotations

from _thread import RLock  # `threading` takes a millisecond to load
from array import array
from contextlib import suppress

from cgcli.errors import GraphError, ShapeError, UsageError
from cgcli.graph.codes import ARRAY, CONSTANT, INPUT, NO_PAYLOAD
from cgcli.graph.copying import copy_missing
from cgcli.graph.intern import InternTable, key_of
from cgcli.graph.origins import Origins
from cgcli.graph.shapes import broadcast, describe, size
from cgcli.kept import Kept
from cgcli.ops import REGISTRY, Operation, structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, MutableMapping, Sequence
    from typing import Any, TypeVar

    from numpy.typing import ArrayLike, NDArray

    from cgcli.errors import Span
    from cgcli.graph.ref import Ref

    Shape = tuple[int, ...]
    Found = TypeVar("Found")

MOST_ELEMENTS = 100_000_000
"""Elements of an array (0.8 GB); a larger one is a slip far more often than a wish."""
MADE_ONCE, MADE_ONCE_NODES = 16, 4_000_000
"""Entries that a graph keeps for `Graph.once`, of all kinds together, and what their sizes in nodes may add up to."""


class Graph:
    """A directed acyclic graph of operations.

    op, payload, shape: one number a node; the operands of node n are `operands[start[n]:start[n + 1]]`.
    payload: of a constant the position in `constants`, of an array in `arrays`, of an input in `input_names`,
        of any other node in `attributes` (static arguments such as an axis), or -1.
    shapes: the distinct shapes; number 0 is the scalar.
    hidden: payloads of the inputs that are no inputs of the formula, such as the direction of a derivative.
    constants, exact: doubles, and the decimal text of those that the text gives more exactly than a double can.
    names: what the formula calls a node; spans and scopes: where in the text, and in which call of a user
        function, a node was written; origins: whose derivative rule made a node. These lie outside the hot columns and
        may be empty.
    lock: held by whoever adds derivatives or looks at whole columns, so that threads can share a formula.
    """

    edition = 0
    """How often positions were given out anew; a graph that only grows stays at 0 (see `graph.edit`)."""

    def __init__(self) -> None:
        self.op = array("H")
        self.start = array("i", [0])
        self.operands = array("i")
        self.payload = array("i")
        self.shape = array("i")
        self.shapes: list[Shape] = [()]
        self.constants = array("d")
        self.exact: MutableMapping[int, str] = {}
        self.arrays: list[Any] = []
        self.input_names: list[str] = []
        self.hidden: set[int] = set()
        self.attributes: list[tuple[Any, ...]] = []
        self.names: MutableMapping[str, int] = {}
        self.spans: MutableMapping[int, Span] = {}
        self.scopes: dict[int, int] = {}
        self.calls: list[Call] = []
        self.origins = Origins()
        self.is_derivative = False
        self.intern = InternTable()
        self._shape_numbers: dict[Shape, int] = {(): 0}
        self._attribute_numbers: dict[str, int] = {}
        self._constant_numbers: MutableMapping[float | str, int] = {}
        self._input_numbers: dict[str, int] = {}
        self._adopted: dict[int, tuple[Graph, int, dict[int, int]]] = {}
        self._found_inputs: tuple[int, int, dict[str, int]] = (0, 0, {})
        self._made_once = self._new_made_once()
        self.lock = RLock()

    # ---- reading -----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.op)

    def row(self, node: int) -> Operation:
        """The operation of a node."""
        return REGISTRY.rows[self.op[node]]

    def operands_of(self, node: int) -> array[int]:
        """The operands of a node, in order."""
        return self.operands[self.start[node] : self.start[node + 1]]

    def shape_of(self, node: int) -> Shape:
        """The shape of a node's value; () is a scalar."""
        return self.shapes[self.shape[node]]

    def attributes_of(self, node: int) -> tuple[Any, ...]:
        """The static arguments of a node, () where it has none."""
        payload = self.payload[node]
        return () if payload < 0 or self.is_leaf(node) else self.attributes[payload]

    def is_leaf(self, node: int) -> bool:
        """Whether the node is a constant, an array or an input."""
        return self.op[node] in structure.LEAVES

    def is_constant(self, node: int) -> bool:
        """Whether the node is a number written in the formula."""
        return self.op[node] == CONSTANT

    def is_input(self, node: int) -> bool:
        """Whether the node is a value given from outside."""
        return self.op[node] == INPUT

    def constant_value(self, node: int) -> float | None:
        """The double of a constant node; None for every other node."""
        return self.constants[self.payload[node]] if self.op[node] == CONSTANT else None

    def array_value(self, node: int) -> NDArray[Any] | None:
        """The numbers of a node that is an array of numbers; None for every other node."""
        return self.arrays[self.payload[node]] if self.op[node] == ARRAY else None

    def input_name(self, node: int) -> str:
        """The name of an input node."""
        return self.input_names[self.payload[node]]

    def is_hidden(self, node: int) -> bool:
        """Whether the node is an input that no formula knows of."""
        return self.is_input(node) and self.payload[node] in self.hidden

    def inputs(self, *, hidden: bool = False) -> dict[str, int]:
        """Name and node of every input of the formula, or of the hidden ones too, in the order of their making."""
        edition, count, found = self._found_inputs
        if edition != self.edition or count != len(self.input_names):
            found = self._find_inputs()
            self._found_inputs = self.edition, len(found), found
        if hidden or not self.hidden:
            return found.copy()
        return {name: node for name, node in found.items() if not self.is_hidden(node)}

    def _find_inputs(self) -> dict[str, int]:
        found: dict[str, int] = {}
        node = -1
        with suppress(ValueError):  # there may be fewer nodes than names
            for _ in self.input_names:
                node = self.op.index(INPUT, node + 1)
                found[self.input_name(node)] = node
        return found

    def ref(self, node: int) -> Ref:
        """A handle on a node that operators work on."""
        from cgcli.graph.ref import Ref

        return Ref(self, node)

    def name_of(self) -> dict[int, str]:
        """Node -> the first name that the formula gave it."""
        found: dict[int, str] = {}
        for name, node in self.names.items():
            found.setdefault(node, name)
        return found

    def describe(self, node: int) -> str:
        """A node as messages call it: its position, its name in the formula where it has one, its operation."""
        if not 0 <= node < len(self):
            return f"node {node} (which does not exist)"
        names = [name for name, named in self.names.items() if named == node]
        if not names and self.is_input(node):
            names.append(self.input_name(node))
        return f"node {node}{f' `{names[0]}`' if names else ''} ({self.row(node).name})"

    def require_order(self) -> None:
        """GraphError where positions are no order of evaluation; here they always are (see `graph.edit`)."""

    def nbytes(self) -> int:
        """Bytes that the hot columns hold."""
        columns = (self.op, self.start, self.operands, self.payload, self.shape)
        return sum(len(column) * column.itemsize for column in columns)

    def once(self, kind: Hashable, nodes: Sequence[int], make: Callable[[], Found]) -> Found:
        """What `make` makes of the graph and some of its nodes, from the last time or made now.

        kind: tells apart what is made of the same nodes. Nodes that were built stay as they are, so it holds good
        while the graph only grows. GraphError between edits and the rebuild.
        """
        self.require_order()
        key = (kind, self.edition, *nodes)
        found: Found | None = self._made_once.get(key)
        if found is None:
            with self.lock:
                found = self._made_once.get(key)
                if found is None:
                    found = make()
                    self._made_once.put(key, found)
        return found

    @staticmethod
    def _new_made_once() -> Kept:
        """Room for what is made once."""
        return Kept(MADE_ONCE, heaviest=MADE_ONCE_NODES, weigh=_length)

    # ---- building ----------------------------------------------------------------------------------------------

    def constant(self, value: float, exact: str | None = None, *, own: bool = False) -> int:
        """A number. `exact` is its decimal text where that says more than the double; `own` keeps it apart from equals.

        A number of its own is what a named definition such as `x = 2` needs: the derivative with respect to x must
        not count the other twos of the formula.
        """
        value = float(value)
        key = constant_key(value, exact)
        number = None if own else self._constant_numbers.get(key)
        if number is None:
            number = len(self.constants)
            self.constants.append(value)
            if exact is not None:
                self.exact[number] = exact
            if not own:
                self._constant_numbers[key] = number
        return self._node(CONSTANT, [], number, 0)

    def array_constant(self, values: Any) -> int:
        """An array of numbers given from Python (real numbers in anything NumPy takes); kept as read-only float64.

        UsageError where it is no array of real numbers.
        """
        import numpy as np

        try:
            data = np.array(values)
            if data.dtype.kind not in "biufO":
                raise TypeError
            if data.dtype.kind == "O":  # fractions and the like; NumPy itself would take None for nan
                data = np.array([float(item) for item in data.flat]).reshape(data.shape)
            data = data.astype(np.float64, copy=False)
        except (TypeError, ValueError, OverflowError):
            raise UsageError(
                f"a value of type `{type(values).__name__}` cannot be part of a formula",
                hint="numbers, arrays of real numbers, lists of equal length and graph nodes can",
            ) from None
        data.setflags(write=False)
        if data.ndim == 0:
            return self.constant(float(data))
        return self._array(data)

    def input(self, name: str, shape: Shape = (), *, hidden: bool = False) -> int:
        """The input of this name, made where the graph has none. ShapeError where it has one of another shape.

        hidden: make one that is none of the formula's, under a name that the language does not take.
        """
        payload = self._input_numbers.get(name)
        if payload is None:
            payload = self._input_numbers[name] = len(self.input_names)
            self.input_names.append(name)
            if hidden:
                self.hidden.add(payload)
        node = self._node(INPUT, [], payload, self.shape_number(shape))
        if self.shape_of(node) != shape:
            raise ShapeError(f"input `{name}` has shape {describe(self.shape_of(node))}, not {describe(shape)}")
        if payload not in self.hidden:
            self.names.setdefault(name, node)
        return node

    def enter_inputs(self, names: Sequence[str]) -> None:
        """Enter names of inputs whose nodes the columns are given in bulk (see `graph.bulk`); each must be new."""
        self._input_numbers.update((name, number) for number, name in enumerate(names, len(self.input_names)))
        self.input_names.extend(names)

    def apply(self, row: Operation, operands: Sequence[int], static: Sequence[Any] = ()) -> int:
        """The node of an operation on operands, with static arguments; equal nodes are made once.

        ShapeError where the operands do not fit, naming the operation and the shapes; GraphError where they are
        too few, too many, or no nodes.
        """
        operands = list(operands)
        if len(operands) != row.arity and not (row.variadic and len(operands) > row.arity):
            raise GraphError(f"`{row.name}` takes {row.arity} operands, not {len(operands)}")
        if row.prepare is None and row.shape is None:
            return self._node(row.code, operands, NO_PAYLOAD, self.common_shape(row, operands))
        shapes = self._operand_shapes(row, operands)
        try:
            attributes = row.prepare(shapes, *static) if row.prepare else ()
        except ValueError as error:
            raise self._misfit(row, operands, error) from None
        return self.repeat(row, operands, attributes)

    def repeat(self, row: Operation, operands: Sequence[int], attributes: tuple[Any, ...]) -> int:
        """As `apply`, for attributes that are prepared already (copying a node)."""
        number = self.shape_number(self.inferred_shape(row, operands, attributes))
        return self._node(row.code, list(operands), self.attribute_number(attributes), number)

    def inferred_shape(self, row: Operation, operands: Sequence[int], attributes: tuple[Any, ...]) -> Shape:
        """The shape of an operation on nodes. ShapeError, naming them as the formula does, where they do not fit."""
        shapes = self._operand_shapes(row, operands)
        try:
            return result_shape(row, shapes, attributes)
        except ValueError as error:
            raise self._misfit(row, operands, error) from None

    def apply_many(self, row: Operation, operands: Sequence[ArrayLike], static: Sequence[Any] = ()) -> NDArray[Any]:
        """As `apply` for whole columns: node k of the answer is the operation on element k of every operand array.

        Elementwise operations of one or two operands without static arguments grow the columns in bulk, and nothing
        is added where one of them is refused; all others are applied one by one. Errors as of `apply`.
        """
        from cgcli.graph.bulk import apply_columns

        with self.lock:
            return apply_columns(self, row, operands, static)

    def shape_number(self, shape: Shape) -> int:
        """Position of a shape among the distinct shapes."""
        number = self._shape_numbers.get(shape)
        if number is None:
            number = self._shape_numbers[shape] = len(self.shapes)
            self.shapes.append(tuple(shape))
        return number

    def attribute_number(self, attributes: tuple[Any, ...]) -> int:
        """Position of a tuple of static arguments among the distinct ones; -1 for ()."""
        if not attributes:
            return NO_PAYLOAD
        key = repr(attributes)  # as keys, (1,) and (1.0,) would be the same, and a rank is no slope
        number = self._attribute_numbers.get(key)
        if number is None:
            number = self._attribute_numbers[key] = len(self.attributes)
            self.attributes.append(attributes)
        return number

    def adopt(self, ref: Ref) -> int:
        """The node of this graph that equals a node of another one; what it needs is copied, inputs meet by name."""
        other = ref.graph
        if other is self:
            return ref.node
        other.require_order()
        found, edition, copies = self._adopted.get(id(other), (None, 0, {}))
        if found is not other or edition != other.edition:
            copies = {}
            self._adopted[id(other)] = (other, other.edition, copies)
        copy_missing(other, self, [ref.node], copies)
        return copies[ref.node]

    def copy_node(self, other: Graph, node: int, operands: Sequence[int]) -> int:
        """A node like the given one of another graph, on operands of this graph that have the shapes of its own."""
        if other.is_constant(node):
            number = other.payload[node]
            return self.constant(other.constants[number], other.exact.get(number), own=other.is_own_constant(node))
        if other.is_input(node):
            return self.input(other.input_name(node), other.shape_of(node), hidden=other.is_hidden(node))
        if other.op[node] == ARRAY:
            return self._array(other.arrays[other.payload[node]])
        attributes = self.attribute_number(other.attributes_of(node))
        return self._node(other.op[node], list(operands), attributes, self.shape_number(other.shape_of(node)))

    def is_own_constant(self, node: int) -> bool:
        """Whether a constant is kept apart from equal ones (it was defined under a name)."""
        number = self.payload[node]
        return self._constant_numbers.get(constant_key(self.constants[number], self.exact.get(number))) != number

    def common_shape(self, row: Operation, operands: list[int]) -> int:
        """Number of the shape of an elementwise operation; most operands have the same one."""
        column = self.shape
        try:
            number = column[operands[0]]
            for operand in operands:
                if column[operand] != number:
                    return self.shape_number(self.inferred_shape(row, operands, ()))
        except IndexError:
            raise self._no_node(row, operands) from None
        return number

    def _operand_shapes(self, row: Operation, operands: Sequence[int]) -> list[Shape]:
        try:
            return [self.shape_of(operand) for operand in operands]
        except IndexError:
            raise self._no_node(row, operands) from None

    def _no_node(self, row: Operation, operands: Sequence[int]) -> GraphError:
        missing = next(operand for operand in operands if not 0 <= operand < len(self))
        return GraphError(f"`{row.name}` cannot use {self.describe(missing)}")

    def _misfit(self, row: Operation, operands: Sequence[int], reason: ValueError) -> ShapeError:
        from cgcli.graph.messages import misfit

        return ShapeError(misfit(self, row, operands, str(reason)))

    def _array(self, data: Any) -> int:
        """The node of an array that nobody writes to."""
        self.arrays.append(data)
        return self._node(ARRAY, [], len(self.arrays) - 1, self.shape_number(data.shape))

    def _node(self, op: int, operands: list[int], payload: int, shape: int) -> int:
        """Intern or append one node. The only place that writes the columns while building one by one."""
        table = self.intern.tables[op]
        key = key_of(payload, operands)
        found = table.get(key)
        if found is not None:
            return found
        node = len(self.op)
        for operand in operands:
            if not 0 <= operand < node:
                raise GraphError(f"node {node} cannot use node {operand}: an operand comes before its user")
        self.op.append(op)
        self.operands.fromlist(operands)
        self.start.append(len(self.operands))
        self.payload.append(payload)
        self.shape.append(shape)
        table[key] = node
        return node

    # ---- pickling ----------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Columns as they are, operations by name (codes are those of one process)."""
        self.require_order()
        state = dict(self.__dict__)
        codes = sorted(set(self.op))
        state["op"] = array("H", map({code: place for place, code in enumerate(codes)}.__getitem__, self.op))
        state["op_names"] = [REGISTRY.rows[code].name for code in codes]
        del state["intern"], state["_adopted"], state["_found_inputs"], state["_made_once"], state["lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        codes = [REGISTRY.by_name[name].code for name in state.pop("op_names")]
        self.__dict__.update(state)
        self.op = array("H", map(codes.__getitem__, self.op))
        for values in self.arrays:
            values.setflags(write=False)
        self._adopted = {}
        self._found_inputs = (0, 0, {})
        self._made_once = self._new_made_once()
        self.lock = RLock()
        self.intern = InternTable()
        self.intern.learn(self, 0)


def _length(made: Any) -> int:
    """What a plan or a list counts, in nodes."""
    return len(made) if hasattr(made, "__len__") else 1


class Call:
    """One call of a user function: its name, the call it was made from (-1: none), and the place in the text.

    times: how many calls it stands for, where these are one loop. A place before the text is that of a call of a term.
    """

    __slots__ = ("name", "parent", "span", "times")

    def __init__(self, name: str, parent: int, span: Span | None, times: int = 1) -> None:
        self.name = name
        self.parent = parent
        self.span = span
        self.times = times


def constant_key(value: float, exact: str | None) -> float | str:
    """What tells constants apart: the exact text, or the double, where 0 and -0 differ and nan equals itself."""
    if exact is not None:
        return exact
    return str(value) if value == 0 or value != value else value


def result_shape(row: Operation, shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    """The shape of an operation on operands of these shapes. ValueError where they do not fit or it is too large."""
    if row.shape is None:
        return broadcast(shapes)
    shape = row.shape(shapes, attributes)
    if size(shape) > MOST_ELEMENTS:
        raise ValueError(f"the shape {describe(shape)} has {size(shape):,} elements, more than {MOST_ELEMENTS:,}")
    return shape
