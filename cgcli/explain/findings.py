"""What is amiss at a point, as data: what, where it began, the way from there, and what cures it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cgcli.explain.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from cgcli.errors import Span

FORWARD, BACKWARD = "forward", "backward"

SAME_SIGNS = "for inputs of the same signs"
"""Where a cure holds that is wrong for inputs of other signs."""

SOUND = 1e12
"""Size from which on the numbers that a cure gives are no better than what it cures."""


@dataclass(frozen=True, slots=True)
class Cure:
    """What to write instead.

    how: a rule of stable rewriting, a kind of general cure (`general.cg`), or start elsewhere. formula: the whole
    formula. value, gradient: at the point (or at `at`, where the cure is another point). local: whether it is right for
    inputs of the given signs, and not for others.
    """

    how: str
    formula: str
    value: Any
    gradient: dict[str, Any]
    at: dict[str, Any] | None = None
    local: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The cure as JSON-able data."""
        data = {"how": self.how, "formula": self.formula, "value": self.value, "gradient": self.gradient}
        more = {"at": self.at} if self.at is not None else {"holds": SAME_SIGNS} if self.local else {}
        return data | more

    @property
    def is_sound(self) -> bool:
        """Whether its numbers are of ordinary size."""
        numbers = (self.value, *self.gradient.values())
        return all(size_of(each) < SOUND for each in numbers)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is worth a word.

    kind: what the value or the derivative is: nan, infinite, zero, huge, vanishing, convention. pass_: forward or
    backward. of, by: the output, and what it is differentiated by. node: the operation where it began; text: as the
    formula writes it. why: in a sentence. path: the way from there to the result, (text, value) each. cures: what to
    write instead, tried.
    """

    kind: str
    pass_: str
    of: str
    by: tuple[str, ...]
    node: int
    operation: str
    text: str
    span: Span | None
    why: str
    path: list[tuple[str, Any]] = field(default_factory=list)
    cures: list[Cure] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON-able data."""
        return {
            "kind": self.kind, "pass": self.pass_, "of": self.of, "by": list(self.by), "operation": self.operation,
            "text": self.text, "why": self.why, "path": [{"text": text, "value": value} for text, value in self.path],
            "cures": [cure.as_dict() for cure in self.cures],
        }  # fmt: skip

    @property
    def cause(self) -> tuple[Any, ...]:
        """What findings share that tell the same of the derivatives by several variables."""
        return self.kind, self.pass_, self.of, self.operation, self.text, self.span, self.why


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Findings of one cause as one, with all the variables by whose derivatives it shows, in order."""
    found: dict[tuple[Any, ...], Finding] = {}
    for each in findings:
        known = found.get(each.cause)
        found[each.cause] = each if known is None else replace(known, by=known.by + each.by)
    return list(found.values())
