"""What a training is told: the method, its numbers, and what a checkpoint says of both."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf
from typing import TYPE_CHECKING

from cgcli.errors import UsageError, did_you_mean
from cgcli.fitting.training.optimisers import METHODS, RATES, Settings
from cgcli.fitting.training.schedules import Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FULL_BATCH = "lbfgs"
NAMES = (*METHODS, FULL_BATCH)
"""Names of methods."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to train. method: one of NAMES. epochs: passes over the rows; of lbfgs, steps at most.

    batch: rows of a batch. rate: of the first step, the method's own where it is None. clip: the greatest length of a
    gradient. patience: how many epochs without a better validation end the training; without it all are done, and the
    best one counts anyhow.
    """

    method: str = "adam"
    epochs: int = 20
    batch: int = 256
    rate: float | None = None
    schedule: str = "constant"
    warmup: float = 0.0
    drop: float = 0.1
    drop_every: float = 0.0
    decay: float = 0.0
    clip: float | None = None
    momentum: float = 0.9
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    patience: int | None = None
    seed: int = 1

    def check(self) -> None:
        """UsageError for what cannot be."""
        if self.method not in NAMES:
            hint = did_you_mean(self.method, NAMES) or f"one of {', '.join(NAMES)}"
            raise UsageError(f"there is no method `{self.method}` to train with", hint=hint)
        positive = {"epochs": self.epochs, "batch": self.batch, "rate": self.rate, "clip": self.clip,
                    "epsilon": self.epsilon, "patience": self.patience}  # fmt: skip
        for name, value in positive.items():
            if value is not None and not 0 < value < inf:
                raise UsageError(f"{name} is a positive number, not {value}")
        for name in ("momentum", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} is at least 0 and less than 1, not {getattr(self, name)}")
        if not 0 <= self.decay < inf:
            raise UsageError(f"decay is not negative, not {self.decay}")
        self.schedules.check()

    @property
    def schedules(self) -> Schedule:
        """The rate from step to step."""
        rate = RATES.get(self.method, 1.0) if self.rate is None else self.rate
        return Schedule(self.schedule, rate, self.epochs, self.warmup, self.drop, self.drop_every)

    @property
    def settings(self) -> Settings:
        """What the method is set to."""
        return Settings(self.decay, self.momentum, self.nesterov, self.beta1, self.beta2, self.epsilon)


def options_of(given: Mapping[str, Any]) -> Options:
    """Options by name. UsageError for a name that is none."""
    known = [each.name for each in fields(Options)]
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) or f"they are {', '.join(known)}"
            raise UsageError(f"a training has no option `{name}`", hint=hint)
    return Options(**given)


def merged(given: Mapping[str, Any], saved: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Options that are given and those of a checkpoint. UsageError where they contradict each other."""
    for name, value in given.items():
        if name == "epochs" and value >= saved["epochs"]:
            continue
        if name in saved and value != saved[name]:
            how = f"without {name}" if saved[name] is None else f"with {name}={saved[name]}, not {value}"
            raise UsageError(
                f"`{path}` was trained {how}",
                hint=f"leave {name} away to go on" + (", or give more epochs" if name == "epochs" else ""),
            )
    return {**saved, **given}
