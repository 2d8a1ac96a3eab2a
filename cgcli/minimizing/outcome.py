"""How a search ended: the numbers, and what kind of point it is."""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.newton import Step

CONVERGED = frozenset(("minimum", "flat", "kink"))
"""The endings that are minima, as far as can be said where one stands."""


@dataclass
class Minimum:
    """Where a search for a minimum ended.

    values, gradient: by name, of each variable's shape. gradient_norm: of the variables that no bound holds.
    hessian_eigenvalues: ascending, of the Hessian by the variables that no bound holds; None at a kink, and where there
        are too many.
    kind: `minimum`, `flat` (a minimum along whose floor the value does not change), `kink` (one at a kink); or why it
        is none: `unbounded`, `endless` (a value that is only approached), `stalled`, `rounds`.
    evaluations: at how many points the value was computed; derivatives are computed at those that were taken.
    rounds: how many steps were taken. active: what holds the point, `x >= 0`, each with its multiplier: how quickly the
        value falls as it is eased. steps: value, gradient and what was done, for each round.
    """

    values: dict[str, Any]
    value: float
    gradient: dict[str, Any]
    gradient_norm: float
    hessian_eigenvalues: Any
    kind: str
    evaluations: int
    rounds: int
    method: str
    message: str
    notes: list[str] = field(default_factory=list)
    active: dict[str, float] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list, repr=False)

    @property
    def converged(self) -> bool:
        """Whether it is a minimum: nothing is promised any more, and no curvature is negative."""
        return self.kind in CONVERGED

    def as_dict(self) -> dict[str, Any]:
        """All but the steps, as `cg minimize --json` writes it."""
        return {
            "values": self.values, "value": self.value, "gradient": self.gradient,
            "gradient_norm": self.gradient_norm, "hessian_eigenvalues": self.hessian_eigenvalues,
            "converged": self.converged, "kind": self.kind, "evaluations": self.evaluations, "rounds": self.rounds,
            "method": self.method, "message": self.message, "active": self.active, "notes": self.notes,
        }  # fmt: skip


@dataclass
class Root:
    """Where a search for a root ended.

    values: by name, of each unknown's shape. residual: the largest absolute residual; residuals: by equation, left side
    less right side. converged: whether all residuals are 0 but for rounding. kind: `root`; or why it is none: `apart`
    (the sum of squares is least here), `endless` (it only becomes smaller), `no change of sign`, `jump`, `stalled`,
    `rounds`. uncertainty: by how much the unknowns may be wrong for rounding alone, the largest one beside its size.
    evaluations: at how many points the residuals were computed. steps: what was done in each round; `value` is the
    length of the residuals.
    """

    values: dict[str, Any]
    residual: float
    residuals: dict[str, Any]
    kind: str
    uncertainty: float
    evaluations: int
    rounds: int
    method: str
    message: str
    notes: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list, repr=False)

    @property
    def converged(self) -> bool:
        """Whether it is a root: all residuals are 0 but for rounding."""
        return self.kind == "root"

    def as_dict(self) -> dict[str, Any]:
        """All but the steps, as `cg solve --json` writes it."""
        return {
            "values": self.values, "residual": self.residual, "residuals": self.residuals,
            "converged": self.converged, "kind": self.kind, "uncertainty": self.uncertainty,
            "evaluations": self.evaluations, "rounds": self.rounds, "method": self.method, "message": self.message,
            "notes": self.notes,
        }  # fmt: skip
