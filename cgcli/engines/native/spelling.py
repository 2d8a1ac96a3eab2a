"""Which rows have a native spelling, and what it is."""

from __future__ import annotations

from cgcli.engines.native.host import BINARY, UNARY
from cgcli.engines.native.lanes import INSTRUCTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.engines.native.host import Host
    from cgcli.engines.native.lanes import Spelling
    from cgcli.ops import Operation


def native_spelling(row: Operation) -> Spelling | None:
    """A row's `native` spelling, else its own name where that is a C function; None where there is neither."""
    spelling: Spelling | None = row.spell.get("native")
    if spelling is None and row.elementwise and row.name in (UNARY if row.arity == 1 else BINARY):
        return row.name
    return spelling


def spelled(row: Operation) -> bool:
    """Whether a row has a native spelling."""
    return native_spelling(row) is not None


def spelled_on(host: Host, row: Operation) -> bool:
    """Whether a row has a native spelling that this host can follow."""
    spelling = native_spelling(row)
    if not isinstance(spelling, str) or spelling in INSTRUCTIONS or spelling.startswith("llvm."):
        return spelling is not None
    return host.has(spelling)
