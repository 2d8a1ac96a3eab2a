"""Where a nan or an infinity began that a result shows."""

from __future__ import annotations

from cgcli.numerals import finite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from cgcli.graph.store import Graph


def births(graph: Graph, values: Sequence[Any], outputs: Iterable[int]) -> list[int]:
    """Nodes where a nan or an infinity began that reaches an output: their operands are finite, they are not.

    Inputs and constants that are not finite themselves are among them. A value that an operation does not pass on (a
    branch that is not taken, a divisor that is infinite) is not.
    """
    reaching = bytearray(len(graph))
    last = -1
    for output in outputs:
        if not finite(values[output]):
            reaching[output] = 1
            last = max(last, output)
    found: list[int] = []
    for node in range(last, -1, -1):
        if reaching[node]:
            culprits = _culprits(graph, node, values)
            for operand in culprits:
                reaching[operand] = 1
            if not culprits:
                found.append(node)
    return found[::-1]


def _culprits(graph: Graph, node: int, values: Sequence[Any]) -> list[int]:
    """The operands of a node that make it nan or infinite.

    Where several are no finite numbers, those of which one alone is enough: of `where(c, a, b)` the branch taken.
    """
    operands = graph.operands_of(node)
    suspects = [operand for operand in dict.fromkeys(operands) if not finite(values[operand])]
    compute = graph.row(node).compute
    if len(suspects) < 2 or compute is None or not all(isinstance(values[operand], float) for operand in operands):
        return suspects
    attributes = graph.attributes_of(node)
    enough = [
        suspect for suspect in suspects
        if not finite(
            compute(
                *(values[each] if each == suspect or each not in suspects else 1.0 for each in operands), *attributes
            )
        )
    ]  # fmt: skip
    return enough or suspects
