"""What the functions of a task graph do, as a graph of ours: they are called on references instead of numbers.

A function that is arithmetic builds nodes; NumPy's functions find the row that they are (`Symbol` answers NumPy's
protocols, NEP 13 and NEP 18). One that needs a number (`math.sin`, `float`, `if x > 0`) raises, and is told. Since a
function may look at what it is given and do something else, the graph is computed at the point, and what a task gives
there must be what it gave when it was called on numbers.
"""

from __future__ import annotations

import numpy as np

from cgcli.errors import CalculationError, CgError
from cgcli.graph.ref import Ref
from cgcli.graph.store import Graph
from cgcli.numerals import shape_of
from cgcli.ops import REGISTRY, shaping
from cgcli.tasks.steps import called, place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.ops import Operation
    from cgcli.tasks.steps import Steps

CLOSE = 1e-9
"""Relative difference up to which a task gave the same in both ways; sums may be made in another order."""

OTHER_NAMES = {"amax": "max", "amin": "min", "concatenate": "concat", "transpose": "transpose"}
"""Functions of NumPy whose row has another name."""

METHODS = frozenset(("all", "any", "cumsum", "dot", "max", "mean", "min", "prod", "std", "sum", "trace", "var"))
"""Methods of an array that are rows of the same name."""


class Symbol(Ref):
    """A reference that NumPy's functions and the methods of an array work on."""

    __slots__ = ()
    dtype = np.dtype(np.float64)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=int))

    def astype(self, dtype: Any, **_how: Any) -> Symbol:
        """Itself as doubles, which it is; TypeError for everything else."""
        if np.dtype(dtype) != np.float64:
            raise TypeError(f"a derivative is one of doubles, not of {np.dtype(dtype)}")
        return self

    def reshape(self, *shape: Any) -> Any:
        """As of an array."""
        return np.reshape(self, shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape)

    def squeeze(self, axis: Any = None) -> Any:
        """As of an array: without an axis of length 1, or without all of them."""
        shape = list(self.shape)
        if axis is None:
            return self.reshape(tuple(length for length in shape if length != 1))
        if shape.pop(axis) != 1:
            raise ValueError(f"axis {axis} is longer than 1")
        return self.reshape(tuple(shape))

    def __getitem__(self, key: Any) -> Any:
        """Elements and slices, with `...` and `None` as NumPy reads them."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if not any(each is None or each is ... for each in keys):
            return super().__getitem__(key)
        if ... in keys:
            place, named = keys.index(...), sum(each is not None and each is not ... for each in keys)
            keys[place : place + 1] = [slice(None)] * (self.ndim - named)
        found = super().__getitem__(tuple(each for each in keys if each is not None))
        lengths = iter(found.shape)
        shape = [1 if each is None else next(lengths) for each in keys if each is None or isinstance(each, slice)]
        return np.reshape(found, (*shape, *lengths))  # type: ignore[call-overload]

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            return lambda *arguments, **options: applied(name, (self, *arguments), options)
        raise AttributeError(f"a symbol of a derivative has no `{name}`")

    def __array_ufunc__(self, function: Any, method: str, *arguments: Any, **options: Any) -> Any:  # type: ignore[override]
        row = ufunc_rows().get(function)
        if options.get("dtype") == np.float64:
            del options["dtype"]
        if method == "reduce" and function in REDUCTIONS:
            return applied(REDUCTIONS[function], arguments, options)
        if row is None or method != "__call__" or any(value is not None for value in options.values()):
            raise TypeError(f"there is no rule for the derivative of numpy.{function.__name__}")
        return row(*arguments)

    def __array_function__(
        self, function: Any, _types: Any, arguments: Sequence[Any], options: Mapping[str, Any]
    ) -> Any:  # fmt: skip
        return applied(OTHER_NAMES.get(function.__name__, function.__name__), arguments, options)


REDUCTIONS = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min"}

_ufunc_rows: dict[Any, Operation] = {}


def ufunc_rows() -> Mapping[Any, Operation]:
    """NumPy's and SciPy's functions of elements -> the rows that are these, by their name or their spelling."""
    if not _ufunc_rows:
        for name, rows in REGISTRY.callable_as.items():
            for row in rows:
                for function in (getattr(np, name, None), spelled(row)):
                    if isinstance(function, np.ufunc) and function.nin == row.arity and function.nout == 1:
                        _ufunc_rows.setdefault(function, row)
    return _ufunc_rows


def spelled(row: Operation) -> Any:
    """The function that a row names as its spelling for NumPy, or None."""
    spelling = row.spell.get("numpy")
    if not isinstance(spelling, str):
        return None
    if "." not in spelling:
        return getattr(np, spelling, None)
    module, _, name = spelling.rpartition(".")
    if not module.startswith("scipy"):
        return None
    from importlib import import_module

    return getattr(import_module(module), name, None)


def applied(name: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The row of a name on arguments as NumPy takes them. TypeError where there is none that takes these."""
    given = {key: value for key, value in options.items() if value is not None and value is not False}
    if given.get("dtype") in (np.float64, float):
        del given["dtype"]
    keep = given.pop("keepdims", False)
    arguments = list(arguments)
    if name == "concat" and len(arguments) == 1:
        return joined(arguments[0], given)
    if name == "transpose" and given.get("axes") == tuple(range(arguments[0].ndim))[::-1]:
        del given["axes"]
    for row in REGISTRY.callable_as.get(name, ()):
        names = [each.name for each in row.parameters[len(arguments) :]]
        if row.accepts(len(arguments) + len(given)) and names[: len(given)] == list(given):
            result = row(*arguments, *given.values())
            return kept_axes(result, arguments[0].shape, given.get("axis")) if keep else result
    raise TypeError(f"there is no rule for the derivative of numpy's `{name}` with these arguments")


def joined(parts: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Arrays one behind the other, along the first axis or the second of matrices. TypeError along any other one."""
    axis = options.get("axis", 0)
    ndim = len(parts[0].shape)
    if set(options) <= {"axis"} and axis in (0, -ndim):
        return shaping.concat(*parts)
    if set(options) <= {"axis"} and axis in (1, -1) and ndim == 2:
        return shaping.concat(*[part.T for part in parts]).T
    raise TypeError("there is no rule for the derivative of numpy's `concatenate` with these arguments")


def kept_axes(result: Any, shape: Sequence[int], axis: Any) -> Any:
    """A reduction along some axes, or all of them, with these axes as ones of length 1."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {each % len(shape) for each in axes}
    return np.reshape(result, tuple(1 if place in gone else length for place, length in enumerate(shape)))


class Traced:
    """The result of a task graph as a node, and the slots that are nodes on the way to it."""

    __slots__ = ("graph", "inputs", "nodes", "result")

    def __init__(self, graph: Graph, inputs: dict[str, int], nodes: dict[int, int], result: int | None) -> None:
        self.graph = graph
        self.inputs = inputs
        self.nodes = nodes
        self.result = result


def traced(steps: Steps, values: Sequence[Any], variables: Mapping[str, int]) -> Traced:
    """The graph of what depends on some slots. CalculationError, naming the task, where a function cannot be followed.

    values: of every slot, as the functions gave them for numbers. variables: name -> slot. The result is None where it
    does not depend on any of them.
    """
    graph = Graph()
    found: dict[int, Any] = {}
    inputs: dict[str, int] = {}
    for name, slot in variables.items():
        inputs[name] = graph.input(name, shape_of(values[slot]))
        found[slot] = Symbol(graph, inputs[name])
    needed = steps.needed()
    for slot, (function, arguments, keywords) in enumerate(steps.steps):
        if function is None or slot in found or not needed[slot] or not any(each in found for each in arguments):
            continue
        given = [found[each] if each in found else values[each] for each in arguments]
        found[slot] = followed(steps, slot, function, given, keywords)
    nodes = {slot: value.node for slot, value in found.items() if isinstance(value, Symbol)}
    return Traced(graph, inputs, nodes, result_node(steps, values, found))


def followed(
    steps: Steps, slot: int, function: Callable[..., Any], arguments: Sequence[Any], keywords: tuple[str, ...]
) -> Any:  # fmt: skip
    """What a function gives for references."""
    try:
        found = called(numeric(function, len(arguments)), arguments, keywords)
    except CgError as error:
        raise unfollowed(steps, slot, error.message, error) from None
    except Exception as error:
        raise unfollowed(steps, slot, f"{type(error).__name__}: {' '.join(str(error).split())}", error) from None
    return found.item() if isinstance(found, np.ndarray) and found.dtype == object and found.size == 1 else found


def numeric(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """The row of a function of Python that takes numbers only (`math.sin`, `max`), any other function as it is."""
    if getattr(function, "__module__", "") != "math" and function not in (max, min):
        return function
    return REGISTRY.resolve(function.__name__, count) or function


def unfollowed(steps: Steps, slot: int, why: str, error: BaseException) -> CalculationError:
    """There is no derivative through a task."""
    place = place_of(error.__traceback__)
    return CalculationError(
        f"there is no derivative through {steps.task(slot)}: called on a symbol it says {why}",
        hint=f"arithmetic and NumPy's functions can be followed{f'; {place}' if place else ''}",
    )


def result_node(steps: Steps, values: Sequence[Any], found: Mapping[int, Any]) -> int | None:
    """The node of the result. CalculationError where it is no number."""
    if steps.result not in found:
        return None
    result = found[steps.result]
    if not isinstance(result, Symbol):
        kind = type(values[steps.result]).__name__
        raise CalculationError(f"the result is a value of type `{kind}`; only a number has a gradient")
    if result.size != 1:
        raise CalculationError(
            f"the result is an array of shape {list(result.shape)}; only a number has a gradient",
            hint="sum it, or take one of its elements",
        )
    return result.node if not result.shape else result.reshape(()).node


def check_same(steps: Steps, traced: Traced, values: Sequence[Any], computed: Sequence[Any]) -> None:
    """CalculationError where a task gave something else on symbols than on numbers."""
    for slot, value in zip(traced.nodes, computed, strict=True):
        expected = values[slot]
        if isinstance(value, float) and isinstance(expected, (float, int)) and value == expected:
            continue  # as most are, and much quicker
        try:
            same = np.allclose(value, np.asarray(expected, dtype=float), rtol=CLOSE, atol=0, equal_nan=True)
        except (TypeError, ValueError):
            same = False
        if not same:
            raise CalculationError(
                f"there is no derivative through {steps.task(slot)}: called on a symbol it does something else",
                hint=f"it gives {value} there and {expected} for numbers",
            )
