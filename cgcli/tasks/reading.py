"""From a Dask collection, or from a graph of `dask.get`, to steps.

The nodes of a Dask graph (dask._task_spec: Task, Alias, DataNode, List, Dict, …), the tuples of older ones and what is
nested in either are walked on one stack, operands first, so that neither long chains nor deep nests recurse.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager

from cgcli.errors import CalculationError, MissingExtra, UsageError
from cgcli.tasks.labels import key_text
from cgcli.tasks.steps import LITERAL, Steps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
    from typing import Any


def read_collection(collection: Any, keys: Any = None) -> Steps:
    """The steps of a Dask collection, or of a mapping from keys to tasks.

    keys: of a mapping, what is wanted: a key or a list of keys; without them the one task that no other uses.
    MissingExtra without Dask; UsageError for any other object and for keys that are not there; CalculationError for
    tasks that need each other.
    """
    require_dask()
    from dask.base import is_dask_collection

    finish: Any = None
    extra: tuple[Any, ...] = ()
    if is_dask_collection(collection):
        collection = lowered(collection)
        with collector_at_rest():
            graph, wanted = as_mapping(collection.__dask_graph__()), collection.__dask_keys__()
        finish, extra = collection.__dask_postcompute__()
    elif isinstance(collection, dict) and collection:
        graph, wanted = collection, [last_key(collection)] if keys is None else keys
    else:
        raise UsageError(
            f"a value of type `{type(collection).__name__}` is no Dask collection",
            hint="a Delayed, a bag, an array or a dataframe of Dask is one",
        )
    if finish is not None and finish.__name__ == "single_key":  # of a Delayed
        finish, wanted = None, wanted[0]
    elif finish is None and keys is None:
        wanted = wanted[0]
    steps = read_keys(graph, wanted)
    if finish is not None:
        steps.result = steps.call(finish, [steps.result, *map(steps.literal, extra)])
    steps.drop_unneeded()
    return steps


def read_keys(graph: Mapping[Any, Any], wanted: Any) -> Steps:
    """The steps to a key, or to nested lists of keys, and what they do not need of the graph besides."""
    reader = Reader(graph)
    with collector_at_rest():
        reader.read_in_order()
        for key in flat(wanted):
            reader.read(key)
    reader.steps.result = reader.gathered(wanted) if isinstance(wanted, list) else reader.placed[wanted]
    return reader.steps


def require_dask() -> None:
    """MissingExtra where Dask is not installed."""
    try:
        import dask  # noqa: F401
    except ImportError:
        raise MissingExtra("task graphs need the package `dask`", hint="pip install 'cgcli[dask]'") from None


def lowered(collection: Any) -> Any:
    """A collection of expressions (a dataframe) as what is to be computed; one that has its tasks already as it is."""
    from dask._expr import Expr, HLGExpr

    expression = getattr(collection, "expr", None)
    if isinstance(expression, Expr) and not isinstance(expression, HLGExpr):
        return collection.optimize(fuse=False)
    return collection


def as_mapping(graph: Any) -> Mapping[Any, Any]:
    """A graph in layers as one mapping: to ask the layers for each key takes a time that grows with their number."""
    return graph.to_dict() if hasattr(graph, "to_dict") else graph


def last_key(graph: Mapping[Any, Any]) -> Hashable:
    """The one key that no task uses. UsageError where there are several."""
    used: set[Hashable] = set()
    reader = Reader(graph)
    for node in graph.values():
        used.update(reader.uses(node, graph))
    last = [key for key in graph if key not in used]
    if len(last) == 1:
        return last[0]
    names = ", ".join(key_text(key) for key in last[:5])
    raise UsageError(
        f"{len(last)} tasks of this graph are used by no other"
        if last
        else "every task of this graph is used by others",
        hint=f"name the one that is wanted: from_dask(graph, key){f'; they are {names}' if last else ''}",
    )


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """No search for circles of objects while very many are made that are in none; it would take half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def flat(keys: Any) -> list[Hashable]:
    """The keys in nested lists, in order."""
    found: list[Hashable] = []
    pending = [keys]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(reversed(item))
        else:
            found.append(item)
    return found


class Scope:
    """A graph whose keys are being read, and the slots of those that have one; a fused task has a graph inside."""

    __slots__ = ("graph", "inner", "open", "placed")

    def __init__(self, graph: Mapping[Any, Any], placed: dict[Hashable, int]) -> None:
        self.graph = graph
        self.placed = placed
        self.open: dict[Hashable, None] = {}
        self.inner: dict[Hashable, Scope] = {}


class Reader:
    """Reads the tasks of a graph into steps."""

    def __init__(self, graph: Mapping[Any, Any]) -> None:
        from dask import _task_spec as spec

        self.spec = spec
        self.steps = Steps()
        self.placed = self.steps.named
        self.outer = Scope(graph, self.placed)

    # ---- keys ----------------------------------------------------------------------------------------------------

    def read_in_order(self) -> None:
        """Read as many tasks as stand behind all that they need, which most graphs keep to; `read` does the others."""
        placed, task, key_of = self.outer.placed, self.spec.Task, self.steps.key_of
        for key, node in self.outer.graph.items():
            if type(node) is task:
                try:
                    slot = self._plain_slot(node, placed)
                except KeyError:
                    return
                if slot < 0:
                    return
            elif type(node) is self.spec.DataNode:
                slot = self.steps.literal(node.value)
            else:
                return
            placed[key] = slot
            key_of[slot] = key

    def read(self, key: Hashable) -> int:
        """The slot of a task, read with all that it needs."""
        stacks = [(self.outer, [key])]
        while stacks:
            inner = self._settle(*stacks[-1])
            if inner is None:
                stacks.pop()
            else:
                stacks.append(inner)
        return self.outer.placed[key]

    def _settle(self, scope: Scope, keys: list[Hashable]) -> tuple[Scope, list[Hashable]] | None:
        """Give tasks their slots, operands first; None at the end, or what is to be read inside a fused task before."""
        graph, placed, opened, task = scope.graph, scope.placed, scope.open, self.spec.Task
        key_of = self.steps.key_of
        while keys:
            key = keys[-1]
            if key in placed:
                keys.pop()
                continue
            try:
                node = graph[key]
            except (KeyError, TypeError):
                raise UsageError(f"the graph has no task `{key_text(key)}`") from None
            is_task = type(node) is task
            if key not in opened:
                missing = [each for each in self.uses(node, graph) if each not in placed]
                if missing:
                    opened[key] = None
                    keys.extend(reversed(missing))
                    continue
            try:
                slot = self._plain_slot(node, placed) if is_task else -1
                if slot < 0:
                    if self._is_fused(node) and self._slot_inside(key, node, scope) is None:
                        return scope.inner[key], [node.args[1]]
                    slot = scope.inner[key].placed[node.args[1]] if self._is_fused(node) else self._slot(node, scope)
            except KeyError:  # it has been here before, and was to wait for all that it needs
                raise circle([*opened], key) from None
            keys.pop()
            opened.pop(key, None)
            placed[key] = slot
            key_of.setdefault(slot, key)
        return None

    def uses(self, node: Any, graph: Mapping[Any, Any]) -> Iterable[Hashable]:
        """The keys that a task uses, in the order of its arguments.

        Dask has them as a set, whose order is another one in each process, and with it the order of sums.
        """
        if isinstance(node, self.spec.GraphNode) and len(node.dependencies) < 2:
            return node.dependencies
        found: list[Hashable] = []
        pending = [node]
        while pending:
            item = pending.pop()
            if isinstance(item, self.spec.TaskRef):
                found.append(item.key)
            elif isinstance(item, self.spec.Task):
                pending.extend(reversed((*item.args, *item.kwargs.values())))
            elif isinstance(item, self.spec.GraphNode):
                found.extend(item.dependencies)
            elif getattr(item, "__dask_future__", False):
                found.append(item.key)
            elif isinstance(node, self.spec.GraphNode):  # what is no node there is a value
                continue
            elif is_key(item, graph):
                found.append(item)
            elif type(item) in CONTAINERS:
                pending.extend(reversed([*item.values()] if type(item) is dict else [*item]))
        return found

    def gathered(self, keys: Any) -> int:
        """The slot of nested lists of tasks that were read."""
        return self._slot(keys, self.outer)

    # ---- fused tasks ---------------------------------------------------------------------------------------------

    def _is_fused(self, node: Any) -> bool:
        return type(node) is self.spec.Task and node.func is self.spec._execute_subgraph

    def _slot_inside(self, key: Hashable, node: Any, scope: Scope) -> int | None:
        """The slot of what a fused task gives; None where the graph inside, which has a scope then, is to be read."""
        graph, wanted, names, *given = node.args
        inner = scope.inner.get(key)
        if inner is None:
            placed = {name: self._slot(each, scope) for name, each in zip(names, given, strict=True)}
            inner = scope.inner[key] = Scope(graph, placed)
        return inner.placed.get(wanted)

    # ---- what stands in a task -----------------------------------------------------------------------------------

    def _slot(self, node: Any, scope: Scope) -> int:
        """The slot of a node whose keys have theirs."""
        pending: list[tuple[Any, ...]] = [(node, True)]
        found: list[int] = []
        while pending:
            item, *how = pending.pop()
            if len(how) == 2:
                count, keywords = how
                arguments = found[len(found) - count :]
                del found[len(found) - count :]
                found.append(self.steps.call(item, arguments, keywords))
            elif (slot := self._leaf(item, scope, older=how[0])) is not None:
                found.append(slot)
            else:
                function, arguments, keywords, older = self._parts(item)
                pending.append((function, len(arguments), keywords))
                pending.extend((each, older) for each in reversed(arguments))
        return found[0]

    def _plain_slot(self, node: Any, placed: Mapping[Hashable, int]) -> int:
        """The slot of a task whose arguments are values and references, as most are; -1 where more is nested."""
        reference, nested = self.spec.TaskRef, (self.spec.GraphNode, self.spec.TaskRef)
        if node.kwargs or node.func is self.spec._execute_subgraph:
            return -1
        arguments = []
        steps, given = self.steps.steps, self.steps.given
        for argument in node.args:
            if type(argument) is reference:
                arguments.append(placed[argument.key])
            elif isinstance(argument, nested):
                return -1
            else:
                arguments.append(len(steps))
                given[len(steps)] = argument
                steps.append(LITERAL)
        steps.append((node.func, arguments, ()))
        return len(steps) - 1

    def _leaf(self, node: Any, scope: Scope, *, older: bool) -> int | None:
        """The slot of what has nothing inside; None where something is nested in it.

        older: whether the node stands in a graph of tuples, where texts and tuples may be keys.
        """
        spec = self.spec
        if isinstance(node, spec.Alias):
            return scope.placed[node.target]
        if isinstance(node, spec.DataNode):
            return self.steps.literal(node.value)
        if isinstance(node, spec.GraphNode):
            return None
        if isinstance(node, spec.TaskRef) or getattr(node, "__dask_future__", False):
            return scope.placed[node.key]
        if older and is_key(node, scope.graph):
            return scope.placed[node]
        return self.steps.literal(node) if not older or self._is_plain(node, scope) else None

    def _is_plain(self, node: Any, scope: Scope) -> bool:
        """Whether nothing is to be computed for a value in a graph of tuples: no call, and no list with more in it."""
        if type(node) not in CONTAINERS:
            return True
        if type(node) is tuple and node and callable(node[0]):
            return False
        nested = (*CONTAINERS, self.spec.GraphNode)
        return not any(
            isinstance(each, nested) or is_key(each, scope.graph)
            for each in (node.values() if type(node) is dict else node)
        )

    def _parts(self, node: Any) -> tuple[Callable[..., Any], list[Any], tuple[str, ...], bool]:
        """A nested node as a call: function, arguments, names of the last ones, whether these are of tuples."""
        if isinstance(node, self.spec.Task):
            function, keywords = node.func, dict(node.kwargs)
            if isinstance(node, self.spec.NestedContainer):
                function = CONTAINERS[node.klass]
                keywords.pop("constructor", None)
            return function, [*node.args, *keywords.values()], tuple(keywords), False
        if type(node) is tuple and callable(node[0]):
            return node[0], list(node[1:]), (), True
        if type(node) is dict:
            keys = [self.spec.DataNode(None, key) for key in node]
            return as_dict, [each for pair in zip(keys, node.values(), strict=True) for each in pair], (), True
        return CONTAINERS[type(node)], list(node), (), True


def is_key(node: Any, graph: Mapping[Any, Any]) -> bool:
    """Whether what stands in a task of tuples is the key of another one.

    A call is none, as in Dask; nor is it looked for, since a nest of calls would be hashed anew at each of its levels.
    """
    if not isinstance(node, (str, int, float, tuple)) or (type(node) is tuple and node and callable(node[0])):
        return False
    try:
        return node in graph
    except TypeError:  # a tuple with a list in it
        return False


def circle(keys: list[Hashable], again: Hashable) -> CalculationError:
    """Tasks that need each other, in order."""
    names = [key_text(key) for key in keys[keys.index(again) :]]
    shown = names if len(names) <= 5 else [*names[:4], "…"]
    return CalculationError(f"tasks need each other: {' needs '.join([*shown, key_text(again)])}")


def as_list(*items: Any) -> list[Any]:
    """The arguments as a list."""
    return list(items)


def as_tuple(*items: Any) -> tuple[Any, ...]:
    """The arguments as a tuple."""
    return items


def as_set(*items: Any) -> set[Any]:
    """The arguments as a set."""
    return set(items)


def as_frozenset(*items: Any) -> frozenset[Any]:
    """The arguments as a set that stays as it is."""
    return frozenset(items)


def as_dict(*items: Any) -> dict[Any, Any]:
    """The arguments, a key and a value in turn, as a dictionary."""
    return dict(zip(items[::2], items[1::2], strict=True))


CONTAINERS: dict[Any, Callable[..., Any]] = {
    list: as_list, tuple: as_tuple, set: as_set, frozenset: as_frozenset, dict: as_dict,
}  # fmt: skip
