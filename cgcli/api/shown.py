"""Results that show themselves: as text where they are printed, as tables and pictures in a notebook."""

from __future__ import annotations

from io import StringIO

from cgcli.explain.steps import Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.errors import Source


class Svg(str):
    """The text of a picture, which a notebook draws."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


class ShownTrace(Trace):
    """A trace that prints its tables."""

    __slots__ = ("everything", "opened", "source")

    def __init__(
        self, found: Trace, source: Source | None, opened: Sequence[str] = (), *, everything: bool = False
    ) -> None:
        """opened: functions whose calls are all shown. everything: whether every step is."""
        self.opened = opened
        self.everything = everything
        for name in Trace.__slots__:
            setattr(self, name, getattr(found, name))
        self.source = source

    def __str__(self) -> str:
        from cgcli.render.tables import print_blocks
        from cgcli.render.trace_tables import blocks

        text = StringIO()
        print_blocks(blocks(self, self.source, everything=self.everything, opened=self.opened), text)
        return text.getvalue().rstrip("\n")

    def __repr__(self) -> str:
        return f"<trace of {', '.join(self.outputs)}: {len(self.forward):,} steps>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """The tables, in a notebook in letters of one width."""
        from html import escape

        return {"text/plain": str(self), "text/html": f"<pre>{escape(str(self))}</pre>"}
