"""Tables through machine code: one fused kernel of a graph, run over blocks of rows on all processors."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np

from cgcli.engines.base import Blocks, Engine
from cgcli.engines.native.blocks import Compiled, NativeBlocks
from cgcli.engines.native.compile import Machine
from cgcli.engines.native.generate import BLOCK, generate
from cgcli.engines.native.host import DOUBLE, SINGLE, Host, detect
from cgcli.engines.native.runs import Runs
from cgcli.engines.native.spelling import defined, native_spelling
from cgcli.engines.native.walking import Walks
from cgcli.engines.native.walks import WalkKernel
from cgcli.engines.numpy import ENGINE as ARRAYS
from cgcli.engines.numpy import split_columns
from cgcli.engines.threads import pool, processors
from cgcli.errors import CalculationError
from cgcli.graph.walk import ancestors
from cgcli.kept import Kept
from cgcli.ops import REGISTRY, structure
from cgcli.passes.scalars import NotScalarError, Scalars, to_scalars

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.engines.native.generate import Layout
    from cgcli.engines.native.host import Real
    from cgcli.engines.native.walks import Steps
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

REALS: dict[str, Real] = {real.dtype: real for real in (DOUBLE, SINGLE)}

KEPT = 64
"""Compiled kernels in memory; the one that was used longest ago goes first."""

PROGRAMS, FEWEST_PROGRAMS, MOST_NODES = 8, 2, 2_000_000
"""Loops over runs that are kept for a graph, and how many of them also where they have more nodes than that together
(one for a value, one for a gradient)."""

SHARE = 5_000_000
"""The least work for a thread of its own, in instructions (0.2 ms): less costs less than a thread does."""

PIECES = 4
"""Pieces of work a thread, so that one that is held up does not hold up the others."""

LINE = 64
"""Bytes of a cache line, at which columns of results begin."""


class NativeEngine(Engine):
    """Rows in float64 (float32 on request) on one host."""

    name = "native"
    rows = True

    def __init__(self, host: Host | None = None) -> None:
        super().__init__()
        self.host = host or detect()
        self._machine = Machine(self.host)
        self._compiled: OrderedDict[Any, Compiled] = OrderedDict()
        self._kept: WeakKeyDictionary[Graph, dict[tuple[int, ...], Runs]] = WeakKeyDictionary()
        self._walks = Kept(KEPT)
        self._lock = Lock()

    def describe(self) -> str:
        """The processor, the width of its vectors and the mathematical library, for `cg info`."""
        return self.host.describe()

    def lacks(self, graph: Graph, wanted: Iterable[int]) -> list[Operation]:
        """As every engine."""
        wanted = list(wanted)
        if self._is_plain(graph, wanted, lambda row: native_spelling(row, self.host) is not None):
            return []
        if _keeps_calls(graph, wanted):
            return ARRAYS.lacks(graph, wanted)
        try:
            if self._runs(graph, wanted) is None:
                self._scalars(graph, wanted)
        except NotScalarError as unable:
            return list(unable.rows)
        return []

    def evaluate(self, graph: Graph, inputs: Mapping[str, Any], wanted: Iterable[int]) -> Any:
        """One point, as every engine: values by node, None for nodes that none of the wanted ones needs.

        Scalars are computed by a loop over runs, which is made once for each set of wanted nodes; where there are
        arrays, they are a table of one row. What is around kept calls goes array by array, the loops in machine code.
        """
        wanted = list(wanted)
        runs = self._runs(graph, wanted)
        if runs is not None:
            return runs.evaluate(inputs)
        if _keeps_calls(graph, wanted):
            return ARRAYS.evaluate(graph, inputs, wanted)
        needed = ancestors(graph, wanted)
        nodes = [node for node in range(len(needed)) if needed[node]]
        found = self.evaluate_rows(graph, inputs, nodes)
        values: list[Any] = [None] * len(graph)
        for node in nodes:
            values[node] = found[node][0] if graph.shape_of(node) else float(found[node][0])
        return values

    def _runs(self, graph: Graph, wanted: Sequence[int]) -> Runs | None:
        """The loop over runs, where there are scalars only.

        Nodes that were built stay as they are, so it is kept as long as the graph; a graph has room for a few, and the
        one that was used longest ago goes first. GraphError between edits and the rebuild.
        """
        graph.require_order()
        key = (graph.edition, *wanted)
        with graph.lock:
            found = self._kept.setdefault(graph, {})
            runs = found.pop(key, None)
            if runs is None:
                if not self._is_plain(graph, wanted, lambda row: bool(native_spelling(row, self.host)) or defined(row)):
                    return None
                try:
                    runs = Runs(graph, wanted, self.host, self._machine)
                except NotScalarError:
                    return None
                sizes = [each.nodes for each in found.values()]
                while len(sizes) >= PROGRAMS or (len(sizes) >= FEWEST_PROGRAMS and sum(sizes) > MOST_NODES):
                    del found[next(iter(found))], sizes[0]
            found[key] = runs
            return runs

    def evaluate_rows(
        self, graph: Graph, inputs: Mapping[str, Any], wanted: Iterable[int], *, threads: int | None = None,
        dtype: str = "float64",
    ) -> dict[int, Any]:  # fmt: skip
        """As every engine with rows.

        threads: at most so many, by default one a processor. dtype: float64, or float32 for input, work and result
        (around kept calls for the result only). CalculationError where an operation has no native spelling and no
        definition that has (see `lacks`).
        """
        wanted, real = list(wanted), REALS[dtype]
        if _keeps_calls(graph, wanted):
            found = ARRAYS.evaluate_rows(graph, inputs, wanted)
            return {node: column.astype(real.dtype, copy=False) for node, column in found.items()}
        kernels: dict[Any, Compiled]
        needed, kernels = graph.once((self, "rows"), wanted, lambda: (ARRAYS.needed_inputs(graph, wanted), {}))
        values, columns, rows = split_columns(graph, ARRAYS.given_inputs(needed, inputs))
        compiled = self._kernel(graph, wanted, kernels, frozenset(columns), real)
        given = {graph.input_name(node): column for node, column in columns.items()}
        table = _Table(compiled, values, given, rows, real, self.host.lanes(real))
        if rows:
            table.run(threads or processors())
        return table.results(graph, wanted)

    def blocks(self, graph: Graph, wanted: Sequence[int], columns: Sequence[str]) -> Blocks:
        """As every engine with rows."""
        if _keeps_calls(graph, wanted):
            return ARRAYS.blocks(graph, wanted, columns)
        needed = ARRAYS.needed_inputs(graph, wanted)
        varying = frozenset(node for name, node in needed.items() if name in set(columns))
        compiled = self._kernel(graph, wanted, {}, varying, DOUBLE)
        elements = [element for node in wanted for element in compiled.scalars.elements[node]]
        return NativeBlocks(compiled, elements, self.host.lanes(DOUBLE))

    def walks(
        self, graph: Graph, wanted: Sequence[int], columns: Sequence[str], parameters: Sequence[str], steps: Steps
    ) -> Walks | None:  # fmt: skip
        """As every engine: None for kept calls, for what has no native spelling, and for derivatives that are equal."""
        if len(set(wanted)) < len(wanted) or _keeps_calls(graph, wanted) or self.lacks(graph, wanted):
            return None
        needed = ARRAYS.needed_inputs(graph, wanted)
        varying = frozenset(node for name, node in needed.items() if name in set(columns))
        with graph.lock, self._lock:
            key = (*_content(graph, wanted), varying, tuple(parameters), steps)
            found: Walks | None = self._walks.get(key)
            if found is None:
                found = self._walks_of(graph, wanted, varying, parameters, steps)
                self._walks.put(key, found)
            return found

    def _walks_of(
        self, graph: Graph, wanted: Sequence[int], varying: frozenset[int], parameters: Sequence[str], steps: Steps
    ) -> Walks:  # fmt: skip
        scalars, layout, text = self._written(graph, wanted, varying, DOUBLE)
        home = {node: (name, place) for name, nodes in scalars.inputs.items() for place, node in enumerate(nodes)}
        shared = [home[node] for node in layout.scalars]
        places = [shared.index((name, 0)) if (name, 0) in shared else len(shared) for name in parameters]
        lanes = self.host.lanes(DOUBLE)
        kernel = WalkKernel(self.host, steps, text, layout.slots * (BLOCK + lanes), len(shared) + 1, places)
        code = self._machine.load(kernel.text())
        return Walks(code, kernel.areas, [home[node] for node in layout.columns], shared, places, steps.told_numbers)

    def _kernel(
        self, graph: Graph, wanted: Sequence[int], kernels: dict[Any, Compiled], varying: frozenset[int], real: Real
    ) -> Compiled:  # fmt: skip
        """The compiled kernel of a graph, from memory or made now.

        Those that were made for this graph are found at once; another graph with the same content is recognised, too.
        """
        found = kernels.get((varying, real.name))
        if found is not None:
            return found
        with graph.lock, self._lock:
            key = (*_content(graph, wanted), varying, real.name)
            found = self._compiled.pop(key, None) or self._compile(graph, wanted, varying, real)
            self._compiled[key] = found
            if len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
        kernels[varying, real.name] = found
        return found

    def _compile(self, graph: Graph, wanted: Sequence[int], varying: frozenset[int], real: Real) -> Compiled:
        scalars, layout, text = self._written(graph, wanted, varying, real)
        return Compiled(scalars, layout, self._machine.load(text))

    def _written(
        self, graph: Graph, wanted: Sequence[int], varying: frozenset[int], real: Real
    ) -> tuple[Scalars, Layout, str]:
        """The scalars that a graph is taken apart into, and the kernel that computes them in rows."""
        try:
            scalars = self._scalars(graph, wanted, real)
        except NotScalarError as unable:
            names = ", ".join(f"`{row.name}`" for row in unable.rows)
            raise CalculationError(
                f"the engine `{self.name}` cannot compute {names}", hint="the engine `numpy` can"
            ) from None
        columns = {element for node in varying for element in scalars.inputs[graph.input_name(node)]}
        elements = [element for node in wanted for element in scalars.elements[node]]
        text, layout = generate(scalars.graph, elements, columns, self.host, real)
        return scalars, layout, text

    def _scalars(self, graph: Graph, wanted: Sequence[int], real: Real = DOUBLE) -> Scalars:
        """The graph itself where it is one of scalars with native spellings, else what it is taken apart into."""

        def known(row: Operation) -> bool:
            return native_spelling(row, self.host, real) is not None

        if self._is_plain(graph, wanted, known):
            needed = ancestors(graph, wanted)
            inputs = {name: [node] for name, node in graph.inputs(hidden=True).items() if needed[node]}
            return Scalars(graph, {node: [node] for node in wanted}, inputs)
        return to_scalars(graph, wanted, known)

    @staticmethod
    def _is_plain(graph: Graph, wanted: Sequence[int], accepted: Callable[[Operation], bool]) -> bool:
        """Whether the wanted nodes need only scalars, and operations that are accepted."""
        needed = np.frombuffer(ancestors(graph, wanted), dtype=bool)
        if np.array(graph.shape)[needed].any():
            return False
        codes = set(np.unique(np.array(graph.op)[needed]).tolist())
        return all(accepted(REGISTRY.rows[code]) for code in codes - structure.LEAVES)


def _keeps_calls(graph: Graph, wanted: Sequence[int]) -> bool:
    """Whether there are kept calls among what the wanted nodes need."""

    def find() -> bool:
        needed = np.frombuffer(ancestors(graph, wanted), dtype=bool)
        codes = np.unique(np.array(graph.op)[needed]).tolist()
        return any("kept" in REGISTRY.rows[code].traits for code in codes)

    return graph.once("keeps calls", wanted, find)


class _Table:
    """One run of a kernel: the columns in and out, in memory and in the order that the kernel expects."""

    def __init__(
        self, compiled: Compiled, values: Mapping[str, Any], columns: Mapping[str, Any], rows: int, real: Real,
        lanes: int,
    ) -> None:  # fmt: skip
        self.compiled = compiled
        self.rows = rows
        self.lanes = lanes
        self.dtype = real.dtype
        layout = compiled.layout
        given: dict[int, Any] = {}
        for name, nodes in compiled.scalars.inputs.items():
            given.update(zip(nodes, self._elements(name, values, columns), strict=True))
        self.scalars = np.array([given[node] for node in layout.scalars], dtype=self.dtype)
        self.columns = [given[node] for node in layout.columns]
        self.computed = _columns(len(layout.results), max(rows, lanes) if rows else 0, self.dtype)

    def _elements(self, name: str, values: Mapping[str, Any], columns: Mapping[str, Any]) -> Sequence[Any]:
        """The elements of an input: numbers, or contiguous columns of at least one vector."""
        if name in values:
            return list(np.ravel(values[name]))
        table = columns[name].reshape(self.rows, len(self.compiled.scalars.inputs[name]))
        missing = max(self.lanes - self.rows, 0) if self.rows else 0
        if missing:
            table = np.pad(table, ((0, missing), (0, 0)), mode="edge")
        return [np.ascontiguousarray(column, dtype=self.dtype) for column in table.T]

    def run(self, threads: int) -> None:
        """Compute all rows, in pieces of at least one vector."""
        rows = max(self.rows, self.lanes)
        pieces = PIECES * min(threads, 1 + rows * self.compiled.layout.work // SHARE)
        step = rows if pieces == PIECES else -(-rows // (pieces * LINE)) * LINE
        bounds = _bounds(rows, step, self.lanes)
        tables = [_addresses(self.columns), self.scalars, _addresses(self.computed)]
        if len(bounds) == 1:
            self._piece(tables, *bounds[0])
            return
        waiting = iter(bounds)

        def work() -> None:
            for first, last in waiting:  # each piece goes to the thread that asks first
                self._piece(tables, first, last)

        helpers = [pool(threads).submit(work) for _ in range(min(threads, len(bounds)) - 1)]
        work()
        for helper in helpers:
            helper.result()

    def _piece(self, tables: Sequence[Any], first: int, last: int) -> None:
        """Run the kernel over some rows; the call lets other threads go on."""
        scratch = np.empty(self.compiled.layout.slots * (BLOCK + self.lanes), dtype=self.dtype)
        self.compiled.kernel.call(*(table.ctypes.data for table in (*tables, scratch)), first, last)

    def results(self, graph: Graph, wanted: Sequence[int]) -> dict[int, Any]:
        """The computed columns as arrays of the wanted nodes' shapes, rows in front."""
        columns = {
            node: column[: self.rows] for node, column in zip(self.compiled.layout.results, self.computed, strict=True)
        }
        found: dict[int, Any] = {}
        for node in wanted:
            elements, shape = self.compiled.scalars.elements[node], graph.shape_of(node)
            if shape:
                found[node] = _joined([columns[element] for element in elements], self.rows, shape, self.dtype)
            else:
                found[node] = columns[elements[0]]
        return found


def _joined(columns: Sequence[Any], rows: int, shape: tuple[int, ...], dtype: str) -> Any:
    """Columns of elements as one array with the rows in front."""
    table = np.empty((rows, len(columns)), dtype=dtype)
    for place, column in enumerate(columns):
        table[:, place] = column
    return table.reshape(rows, *shape)


def _bounds(rows: int, step: int, least: int) -> list[tuple[int, int]]:
    """First and last row of each piece; a rest that is smaller than a vector joins the piece before it."""
    firsts = list(range(0, rows, step))
    if len(firsts) > 1 and rows - firsts[-1] < least:
        firsts.pop()
    return list(zip(firsts, [*firsts[1:], rows], strict=True))


def _columns(count: int, rows: int, dtype: str) -> list[Any]:
    """Columns for results in one block of memory (cheaper than many), each from the beginning of a cache line."""
    item = np.dtype(dtype).itemsize
    stride = -(-rows * item // LINE) * LINE
    block = np.empty(count * stride + LINE, dtype=np.uint8)
    begin = -block.ctypes.data % LINE
    table = block[begin : begin + count * stride].view(dtype).reshape(count, -1)
    return [column[:rows] for column in table] if rows else [np.empty(0, dtype=dtype)] * count


def _addresses(columns: Sequence[Any]) -> Any:
    """The table of pointers that a kernel takes."""
    return np.array([column.ctypes.data for column in columns], dtype=np.uintp)


def _content(graph: Graph, wanted: Sequence[int]) -> tuple[Any, ...]:
    """What a kernel depends on, as a key: the columns of the graph up to the last wanted node, and its tables."""
    end = max(wanted, default=-1) + 1
    digest = hashlib.blake2b(digest_size=24)
    for column in (
        graph.op[:end], graph.start[: end + 1], graph.operands[: graph.start[end]], graph.payload[:end],
        graph.shape[:end], graph.constants, *(array.data for array in graph.arrays),
    ):  # fmt: skip
        digest.update(column)
    rows = tuple(REGISTRY.rows[code] for code in sorted(set(graph.op[:end])))
    shapes, names = tuple(graph.shapes), tuple(graph.input_names)
    return digest.digest(), rows, shapes, names, tuple(graph.attributes), tuple(wanted)
