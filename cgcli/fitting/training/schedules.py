"""How the rate goes from step to step."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from cgcli.errors import UsageError, did_you_mean

SCHEDULES = ("constant", "cosine", "step")


@dataclass(frozen=True)
class Schedule:
    """The rate as a function of the time in epochs, which goes on within an epoch.

    kind: `constant`; `cosine`, rate·(1 + cos(π t/T))/2 until T, the end (Loshchilov & Hutter 2017, eq. 5, without
    restarts); `step`, multiplied by `drop` every `drop_every` epochs. warmup: epochs in which the rate grows linearly
    from 0, times all of that (Goyal et al. 2017, §2.2). drop_every: a third of the epochs where it is 0.
    """

    kind: str = "constant"
    rate: float = 1e-3
    epochs: int = 1
    warmup: float = 0.0
    drop: float = 0.1
    drop_every: float = 0.0

    def check(self) -> None:
        """UsageError for what cannot be."""
        if self.kind not in SCHEDULES:
            hint = did_you_mean(self.kind, SCHEDULES) or f"one of {', '.join(SCHEDULES)}"
            raise UsageError(f"there is no schedule `{self.kind}`", hint=hint)
        if self.warmup < 0 or self.drop_every < 0 or not 0 < self.drop <= 1:
            raise UsageError("a schedule has no negative times, and a drop is between 0 and 1")

    def at(self, epoch: int, step: int, steps: int) -> float:
        """The rate of a step of an epoch that has so many; both count from 0."""
        time = epoch + step / steps
        rate = self.rate
        if self.kind == "cosine":
            rate *= 0.5 * (1 + cos(pi * time / self.epochs))
        elif self.kind == "step":
            rate *= self.drop ** int(time / (self.drop_every or max(self.epochs / 3, 1)))
        if time < self.warmup:
            rate *= (time + 1 / steps) / (self.warmup + 1 / steps)
        return rate
