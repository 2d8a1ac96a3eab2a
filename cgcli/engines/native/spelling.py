"""Which rows have a native spelling, what it is, and how the others are written out by their definitions."""

from __future__ import annotations

from cgcli.engines.native.elementary import inlines
from cgcli.engines.native.host import DOUBLE
from cgcli.engines.native.lanes import INSTRUCTIONS
from cgcli.graph.walk import ancestors
from cgcli.ops.libm import is_function
from cgcli.passes.expand import expansion
from cgcli.passes.scalars import to_scalars

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.engines.native.host import Host, Real
    from cgcli.engines.native.lanes import Lanes, Spelling, Value
    from cgcli.ops import Operation


def native_spelling(row: Operation, host: Host, real: Real = DOUBLE) -> Spelling | None:
    """A row's `native` spelling, else its name where that is a function; None for what this host cannot follow."""
    spelling: Spelling | None = row.spell.get("native")
    if spelling is None and row.elementwise:
        known = is_function(row.name, row.arity) or inlines(host, row.name, real)
        spelling = row.name if known else None
    if not isinstance(spelling, str) or spelling in INSTRUCTIONS or spelling.startswith("llvm."):
        return spelling
    return spelling if inlines(host, spelling, real) or host.scalar_symbol(spelling, real) else None


def spelled_out(row: Operation, attributes: tuple[Any, ...], operands: Sequence[Value], lanes: Lanes) -> Value:
    """The value of a row: by its native spelling, or by its definition, written out in its place.

    NotScalarError where the definition does not end in rows that have native spellings.
    """
    spelling = native_spelling(row, lanes.host)
    if spelling is not None:
        return lanes.spelled(spelling, operands, attributes)
    template, places, output = expansion(row, [()] * len(operands), attributes)
    scalars = to_scalars(template, [output], lambda inner: native_spelling(inner, lanes.host) is not None)
    graph, (result,) = scalars.graph, scalars.elements[output]
    needed = ancestors(graph, [result])
    values: dict[int, Value] = {}
    for place, operand in zip(places, operands, strict=True):
        for node in scalars.inputs.get(template.input_name(place), ()):
            values[node] = operand
    for node in range(len(needed)):
        if not needed[node] or node in values:
            continue
        number = graph.constant_value(node)
        if number is None:
            inner = [values[operand] for operand in graph.operands_of(node)]
            values[node] = spelled_out(graph.row(node), graph.attributes_of(node), inner, lanes)
        else:
            values[node] = lanes.constant(number)
    return values[result]


def defined(row: Operation) -> bool:
    """Whether a row without a native spelling can be written out: it works on scalars and has a definition."""
    return row.elementwise and not row.variadic and row.definition is not None
