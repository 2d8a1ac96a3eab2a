"""Equations as a function of one vector: residuals and their exact Jacobian, from one program, prepared once."""

from __future__ import annotations

import numpy as np

from cgcli.errors import UsageError
from cgcli.formulas.derivatives import derived, targets, variables
from cgcli.formulas.sparse import SparseJacobian
from cgcli.graph.balanced import balanced
from cgcli.graph.shapes import size
from cgcli.minimizing.objective import Objective, Variables
from cgcli.ops import arithmetic, logic, shaping
from cgcli.passes.derivative import derivatives_of
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.explain.births import Birth
    from cgcli.formulas.bound import Bound
    from cgcli.graph.ref import Ref
    from cgcli.graph.store import Graph
    from cgcli.language.program import Program


MOST_DENSE = 300
"""Unknowns up to which a Jacobian is a full matrix."""


class Equation:
    """An equation of a program. sides: the nodes that are to be equal; the only one is to be 0."""

    __slots__ = ("name", "sides")

    def __init__(self, name: str, sides: tuple[int, ...]) -> None:
        self.name = name
        self.sides = sides

    def residual(self, graph: Graph) -> int:
        """The node of the left side less the right one."""
        if len(self.sides) == 1:
            return self.sides[0]
        left, right = (FoldingRef(graph, side) for side in self.sides)
        return (left - right).node


NO_EQUATIONS = (logic.less, logic.less_equal, logic.greater, logic.greater_equal, logic.not_equal)
"""Comparisons that are 0 where they do not hold, which nobody means to be a root."""


def equations_of(program: Program, of: str | None = None) -> list[Equation]:
    """The equations that outputs are: comparisons `a == b`, also joined by `and`, and what is to be 0.

    UsageError for another comparison.
    """
    graph, found = program.graph, []
    for name, output in targets(program, of).items():
        pending, parts = [output], []
        while pending:
            node = pending.pop()
            if graph.row(node) is logic.conjunction:
                pending.extend(reversed(graph.operands_of(node)))
            elif graph.row(node) is logic.equal:
                parts.append(tuple(graph.operands_of(node)))
            elif graph.row(node) in NO_EQUATIONS:
                raise UsageError(
                    f"`{name}` is true or false, and no equation", hint="write `x == y`, or what is to be 0"
                )
            else:
                parts.append((node,))
        for place, sides in enumerate(parts):
            found.append(Equation(name if len(parts) == 1 else f"{name}[{place}]", sides))
    return found


class Nodes:
    """The nodes of residuals, of the sides of equations, and of the Jacobian, a row an equation.

    jacobian: empty for a large system, whose Jacobian is sparse.
    """

    __slots__ = ("jacobian", "residuals", "sides")

    def __init__(self, residuals: list[int], sides: list[tuple[int, ...]], jacobian: list[list[int]]) -> None:
        self.residuals = residuals
        self.sides = sides
        self.jacobian = jacobian


class SparseResiduals(SparseJacobian):
    """The Jacobian of the residuals of all equations, one behind the other, as a sparse matrix."""

    kind = "sparse residuals"

    def target(self, program: Program) -> int:
        """The residuals as one vector."""
        graph, parts = program.graph, []
        for equation in equations_of(program, self.of):
            node = equation.residual(graph)
            shape = graph.shape_of(node)
            if not shape:
                node = graph.apply(shaping.stack, [node])
            elif len(shape) > 1:
                node = graph.apply(shaping.reshape, [node], [(size(shape),)])
            parts.append(node)
        return graph.apply(shaping.concat, parts)


class System:
    """The residuals of equations as a function of one vector.

    evaluations: at how many points the residuals were computed. names: of the equations. count: of single residuals.
    """

    def __init__(self, bound: Bound, unknowns: Sequence[str], of: str | None) -> None:
        self.bound = bound
        self.unknowns, self.of = tuple(unknowns), of
        wanted = variables(bound.program, self.unknowns, of)
        self.variables = Variables({name: bound.graph.shape_of(node) for name, node in wanted.items()})
        self.names = [each.name for each in equations_of(bound.program, of)]
        found = derived(bound, ("system", self.unknowns, of), self._nodes)
        self.over, self.nodes = bound.over(found.program), found.nodes
        self.residuals = Variables(
            {name: self.over.graph.shape_of(node) for name, node in zip(self.names, self.nodes.residuals, strict=True)}
        )
        self.count = self.residuals.count
        self.evaluations = 0
        self._sparse = SparseResiduals(bound, unknowns, of) if self.is_large else None

    @property
    def is_large(self) -> bool:
        """Whether it has so many unknowns that its Jacobian is a sparse matrix."""
        return self.variables.count > MOST_DENSE

    def _nodes(self, program: Program) -> Nodes:
        graph, wanted = program.graph, list(variables(program, self.unknowns, self.of).values())
        equations = equations_of(program, self.of)
        residuals = [each.residual(graph) for each in equations]
        rows = [] if self.is_large else [derivatives_of(graph, residual, wanted) for residual in residuals]
        return Nodes(residuals, [each.sides for each in equations], rows)

    def at(self, x: Any) -> Any:
        """The residuals as a vector."""
        self.evaluations += 1
        return np.concatenate([np.ravel(part) for part in self._run(self.nodes.residuals, x)])

    def jacobian(self, x: Any) -> Any:
        """The Jacobian: a row a residual, a column an unknown. An array, or a sparse one of a large system."""
        if self._sparse is not None:
            return self._sparse(self._values(x))
        found = iter(self._run([node for row in self.nodes.jacobian for node in row], x))
        shapes = self.residuals.shapes.values()
        height = [int(np.prod(shape, dtype=np.int64)) for shape in shapes]
        rows = [
            np.concatenate([np.reshape(next(found), (count, -1)) for _ in self.unknowns], axis=1) for count in height
        ]  # fmt: skip
        return np.concatenate(rows)

    def sizes(self, x: Any) -> Any:
        """What the residuals are differences of: the sum of the absolute values of both sides, as a vector."""
        wanted = [side for sides in self.nodes.sides for side in sides]
        values = iter(self._run(wanted, x))
        found = []
        for sides, shape in zip(self.nodes.sides, self.residuals.shapes.values(), strict=True):
            parts = [np.abs(next(values)) for _ in sides]
            total = sum(parts) if len(parts) > 1 else np.zeros(shape)
            found.append(np.broadcast_to(total, shape).ravel())
        return np.concatenate(found)

    def births(self, x: Any) -> list[Birth]:
        """Where what is no finite number in the residuals was born."""
        from cgcli.explain.births import births_of

        return births_of(self.over.graph, self.nodes.residuals, self.over.engine, self._values(x), self.over.source)

    def _run(self, wanted: list[int], x: Any) -> list[Any]:
        values = self.over.engine(wanted).evaluate(self.over.graph, self._values(x), wanted)
        return [values[node] for node in wanted]

    def _values(self, x: Any) -> dict[str, Any]:
        return {**self.over.values, **self.variables.unpack(x)}


class Squares(Objective):
    """Half the sum of the squares of all residuals: the minimum of it is where equations are least wrong."""

    def output_of(self, program: Program) -> str:
        """What the value is called."""
        return "sum of squares"

    def value_node(self, program: Program) -> int:
        """The node of the sum."""
        graph = program.graph
        squares: list[Ref] = []
        for equation in equations_of(program, self.of):
            residual = FoldingRef(graph, equation.residual(graph))
            squares.append(shaping.sum_of(residual * residual, None) if residual.shape else residual * residual)
        return (FoldingRef(graph, graph.constant(0.5)) * balanced(arithmetic.add, squares)).node


def check_counts(system: System) -> None:
    """UsageError where there are fewer equations than unknowns."""
    if system.count < system.variables.count:
        unknowns, equations = system.variables.count, system.count
        raise UsageError(
            f"{unknowns} unknowns need as many equations, and there {'is 1' if equations == 1 else f'are {equations}'}",
            hint="say which inputs are unknown (--wrt x, wrt=…), or which are not (--fix a)",
        )
