"""Which rows have a native spelling, and what it is."""

from __future__ import annotations

from cgcli.engines.native.host import BINARY, DOUBLE, UNARY
from cgcli.engines.native.lanes import INSTRUCTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.engines.native.host import Host, Real
    from cgcli.engines.native.lanes import Spelling
    from cgcli.ops import Operation


def native_spelling(row: Operation, host: Host, real: Real = DOUBLE) -> Spelling | None:
    """A row's `native` spelling, else its name where that is a function; None for what this host cannot follow."""
    spelling: Spelling | None = row.spell.get("native")
    if spelling is None and row.elementwise:
        known = row.name in (UNARY if row.arity == 1 else BINARY) or host.inlines(row.name, real)
        spelling = row.name if known else None
    if not isinstance(spelling, str) or spelling in INSTRUCTIONS or spelling.startswith("llvm."):
        return spelling
    return spelling if host.has(spelling, real) else None
