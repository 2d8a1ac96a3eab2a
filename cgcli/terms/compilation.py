"""What is worked out once for a formula with terms: cells, their programs, and what takes adjoints to inputs."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from cgcli.graph.bodies import Body
from cgcli.kept import Kept
from cgcli.passes.batched import batched
from cgcli.passes.differentiate import differentiate
from cgcli.terms.cells import Cells
from cgcli.terms.programs import Program, structure_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.language.bodies import Functions

KEPT = 16
"""What is kept of a formula for values of certain names and shapes."""


class Compilation:
    """What was worked out for a formula and values of certain names and shapes: cells, programs, derivatives.

    Functions that calculate alike, with parameters of their own, share a program.
    """

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.cells = Cells(functions)
        self.lock = RLock()
        self.workspace: dict[Any, Any] = {}
        self._programs: dict[bool, dict[int, Program]] = {True: {}, False: {}}
        self._alike: dict[Any, Program] = {}
        self._main: dict[Any, tuple[Any, Program]] = {}
        self._outside = Kept(KEPT)

    def programs(self, *, single: bool) -> dict[int, Program]:
        """The program of each cell. single: those for one node at a time."""
        found = self._programs[single]
        for number in range(len(found), len(self.cells.cells)):
            cell = self.cells.cells[number]
            varying = len(cell.reads) + len(cell.by_row)
            key = (structure_of(cell.body), varying, single)
            if key not in self._alike:
                self._alike[key] = Program(cell.body, varying, single=single)
            found[number] = self._alike[key]
        return found

    def main(
        self, bound: Bound, varying: Sequence[str], shared: Sequence[str], nodes: Sequence[int], *, single: bool
    ) -> Program:
        """The program of the formula itself for all rows. varying, shared: its inputs, in the order of its operands."""
        key = (id(bound.program), tuple(varying), tuple(shared), tuple(nodes), single)
        if key not in self._main:
            inputs = bound.graph.inputs()
            body = Body("formula", bound.graph, [inputs[name] for name in (*varying, *shared)], nodes)
            self._main[key] = (bound.program, Program(body, len(varying), single=single))
        return self._main[key][1]

    def handed_back(self, names: Sequence[str], wrt: Sequence[str], rows: int) -> tuple[Any, dict[str, int]]:
        """The graph that takes the adjoints of names outside to those of inputs, and the node of each of these."""
        cells = self.cells
        by_row = [name for name in names if name in cells.by_row]
        key = (tuple(names), tuple(wrt), rows if by_row else 0)
        found = self._outside.get(key)
        if found is None:
            functions = self.functions
            inputs = functions.graph.inputs()
            nodes = [functions.nodes[name] for name in names]
            columns = [inputs[name] for name in functions.columns if name in inputs]
            graph, moved = batched(functions.graph, [*nodes, *(inputs[name] for name in wrt if name in inputs)],
                                   columns if by_row else [], rows)  # fmt: skip
            ends = [moved[node] for node in nodes]
            seeds = [graph.input(f"adjoint of {name}", graph.shape_of(end), hidden=True)
                     for name, end in zip(names, ends, strict=True)]  # fmt: skip
            own = {name: moved[inputs[name]] for name in wrt if name in inputs and inputs[name] in moved}
            slopes = differentiate(graph, ends, list(own.values()), seeds)
            found = (graph, {name: slopes.wrt(node) for name, node in own.items()})
            self._outside.put(key, found)
        return found
