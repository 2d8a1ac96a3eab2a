"""The only place that draws errors: what, where (the line with a mark under the place), and a hint."""

from __future__ import annotations

from cgcli.excerpts import excerpt, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.errors import CgError, Source, Span

RED, YELLOW, BLUE, BOLD, PLAIN = "\033[31m", "\033[33m", "\033[34m", "\033[1m", "\033[0m"


def render_error(error: CgError, *, colour: bool) -> str:
    """An error as text of several lines without a final line end."""
    return _render(error.title, error.message, error.source, error.span, error.hint, RED if colour else "")


def render_warning(
    message: str, *, colour: bool, source: Source | None = None, span: Span | None = None, hint: str | None = None
) -> str:
    """A warning in the look of an error."""
    return _render("warning", message, source, span, hint, YELLOW if colour else "")


def _render(title: str, message: str, source: Source | None, span: Span | None, hint: str | None, tint: str) -> str:
    bold, plain, blue = (BOLD, PLAIN, BLUE) if tint else ("", "", "")
    lines = [f"{tint}{bold}{title}{plain}{bold}: {printable(message)}{plain}"]
    lines += excerpt(source, span, tint=tint, blue=blue, plain=plain)
    if hint:
        lines.append(f"{blue}hint{plain}: {printable(hint)}")
    return "\n".join(lines)
