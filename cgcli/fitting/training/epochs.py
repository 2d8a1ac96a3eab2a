"""The course of a training: epochs of steps on minibatches, or steps of L-BFGS on all rows, and their state."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.engines.threads import pool, processors
from cgcli.errors import CalculationError, DataError
from cgcli.fitting.checkpoints import Checkpoint
from cgcli.fitting.training.optimisers import METHODS, clip
from cgcli.fitting.training.quasi_newton import LimitedBfgs
from cgcli.fitting.training.sums import AT_START, MOVED, MeanLoss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cgcli.fitting.training.batches import Batch, Rows
    from cgcli.fitting.training.options import Options
    from cgcli.fitting.training.terms import TermLoss, TermTraining
    from cgcli.fitting.training.trained import Trained

MANY = 40_000
"""Parameters from which on a second thread is worth asking for help."""

SMALL_SLOPE = 1e-6
"""Where the gradient of the mean loss, in units of the loss and of the parameters, counts as zero."""


@dataclass
class State:
    """Where a training is. epoch, batch: those to come next; lost, seen: sum of losses and rows of this epoch so far.

    best: the best validation, of epoch `best_epoch`. ended: why it ended before its last epoch, "" if it did not.
    """

    epoch: int = 0
    batch: int = 0
    lost: float = 0.0
    seen: int = 0
    evaluations: int = 0
    best: float = inf
    best_epoch: int = 0
    ended: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)


class Training:
    """A training under way: the vector of parameters, the method, and the state."""

    def __init__(
        self, trained: Trained | TermTraining, options: Options, rows: Rows, checked: Rows | None,
        progress: Callable[[dict[str, Any], int], None],
    ) -> None:  # fmt: skip
        self.options, self.rows, self.checked = options, rows, checked
        self.loss: MeanLoss | TermLoss = trained.loss
        self.vector = trained.vector
        self.values = self.loss.parts(self.vector)
        self.state = State()
        self.best = self.vector.copy() if checked else None
        self.progress = progress
        self.after_step: Callable[[], None] = lambda: None

    # ---- what the methods differ in ----------------------------------------------------------------------------

    def run(self) -> None:
        """Train until the last epoch, or until it ends before. CalculationError where something is not finite."""
        raise NotImplementedError

    def own_arrays(self) -> dict[str, Any]:
        """Vectors of the method, for a checkpoint."""
        raise NotImplementedError

    def restore_own(self, arrays: Mapping[str, Any]) -> None:
        """Take the method's vectors from a checkpoint; the state is there already."""
        raise NotImplementedError

    # ---- epochs ------------------------------------------------------------------------------------------------

    def end_epoch(self, loss: float, rate: float) -> None:
        """Enter an epoch into the history, look at the validation, and turn to the next one."""
        state = self.state
        state.epoch += 1
        entry: dict[str, Any] = {"epoch": state.epoch, "loss": loss, "rate": rate}
        if self.checked is not None:
            entry["validation"] = self._validated()
        state.history.append(entry)
        state.batch, state.lost, state.seen = 0, 0.0, 0
        self.progress(entry, self.rows.rows)
        self.after_step()

    def _validated(self) -> float:
        """The mean loss of the validation; remembers the best parameters, and ends where none were better for long."""
        state, patience = self.state, self.options.patience
        assert self.checked is not None
        assert self.best is not None
        found = self.loss.over(self.values, self.checked.in_order())
        if not isfinite(found):
            when = f"of the validation after epoch {state.epoch}"
            raise self.loss.not_finite(self.values, self.checked.in_order(), when)
        if found < state.best:
            state.best, state.best_epoch = found, state.epoch
            self.best[:] = self.vector
        elif patience is not None and state.epoch - state.best_epoch >= patience:
            state.ended = f"the validation was best after epoch {state.best_epoch}, {patience} epochs ago"
        return found

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self.state.ended) or self.state.epoch >= self.options.epochs

    # ---- checkpoints -------------------------------------------------------------------------------------------

    def checkpoint(self, marks: dict[str, str]) -> Checkpoint:
        """All that it takes to go on from here. CalculationError where the parameters are not finite."""
        if not np.isfinite(self.vector).all():
            raise CalculationError(f"the parameters are not finite after {self.where()}", hint=MOVED)
        arrays = {f"values/{name}": value for name, value in self.values.items()}
        if self.best is not None:
            arrays |= {f"best/{name}": value for name, value in self.loss.parts(self.best).items()}
        arrays |= {f"method/{name}": value for name, value in self.own_arrays().items()}
        state = asdict(self.state)
        state["best"] = None if self.state.best == inf else self.state.best
        return Checkpoint(asdict(self.options), marks, state, arrays)

    def restore(self, found: Checkpoint, path: str) -> None:
        """Go to where a checkpoint was made. DataError where it does not fit."""
        try:
            state = {**found.state, "best": inf if found.state["best"] is None else found.state["best"]}
            self.state = State(**state)
            for kind, vector in (("values", self.vector), ("best", self.best)):
                if vector is not None:
                    arrays = found.group(kind)
                    for name, part in self.loss.parts(vector).items():
                        part[...] = arrays[name]
            self.restore_own(found.group("method"))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"`{path}` is of another training, or damaged ({error})") from None

    def where(self) -> str:
        """Which step is the next one, in words."""
        return f"epoch {self.state.epoch + 1}, step {self.state.batch + 1}"


class ByBatches(Training):
    """Steps on minibatches."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.optimiser = METHODS[self.options.method](len(self.vector), self.options.settings)
        self.schedule = self.options.schedules
        self.helped = len(self.vector) >= MANY and may_help()

    def run(self) -> None:
        """As every training."""
        steps = self.rows.batches(self.options.batch)
        while not self.done:
            state = self.state
            coming = self.rows.shuffled(self.options.seed, state.epoch, self.options.batch, state.batch)
            batch = next(coming, None)
            while batch is not None:
                batch = self._step(batch, self.schedule.at(state.epoch, state.batch, steps), coming)
                self.after_step()
            self.end_epoch(state.lost / state.seen, self.schedule.at(state.epoch, steps - 1, steps))

    def _step(self, batch: Batch, rate: float, coming: Iterator[Batch]) -> Batch | None:
        """One step, and the next batch; the parameters stay as they are where it cannot be made.

        The batch is done with once its gradient is there. So a second thread gathers the next one while the parameters
        are changed, and helps with them after that.
        """
        loss, state = self.loss, self.state
        mean, length = loss.of_batch(self.values, batch)
        if not isfinite(mean) or not isfinite(length):
            hint = MOVED if state.evaluations else AT_START
            raise loss.not_finite(self.values, [batch], f"in {self.where()}", hint)
        if self.options.clip is not None:
            clip(loss.gradient, self.options.clip, length)
        state.lost += mean * batch.rows
        state.seen += batch.rows
        state.evaluations += 1
        state.batch += 1
        work = self.optimiser.begun(self.vector, loss.gradient, rate)
        if not self.helped:
            work()
            return next(coming, None)

        def help_out() -> Batch | None:
            following = next(coming, None)
            work()
            return following

        helping = pool(1).submit(help_out)
        work()
        return helping.result()

    def own_arrays(self) -> dict[str, Any]:
        """As every training."""
        return self.optimiser.moments

    def restore_own(self, arrays: Mapping[str, Any]) -> None:
        """As every training."""
        for name, moment in self.optimiser.moments.items():
            moment[...] = arrays[name]
        self.optimiser.taken = self.state.evaluations


class AtOnce(Training):
    """Steps of L-BFGS on all rows; an epoch is a step."""

    search: LimitedBfgs | None = None

    def run(self) -> None:
        """As every training."""
        if self.search is None and not self.done:
            value, gradient = self._function(self.vector)
            if not isfinite(value):
                raise self.loss.not_finite(self.values, self.rows.in_order(), "at the start", AT_START)
            self.search = LimitedBfgs(self.vector.copy(), value, gradient)
        while not self.done:
            assert self.search is not None
            if not self.search.step(self._function):
                self.state.ended = "no step lowers the loss any more"
                break
            self.vector[:] = self.search.point
            self.end_epoch(self.search.value, 1.0)
            if slope_of(self.search.gradient, self.vector, self.search.value) <= SMALL_SLOPE * 1e-3:
                self.state.ended = "the gradient is zero"

    def _function(self, point: Any) -> tuple[float, Any]:
        self.state.evaluations += 1
        decay = self.options.decay
        value, gradient = self.loss.slopes_over(self.loss.parts(point), self.rows.in_order())
        return value + 0.5 * decay * float(point @ point), gradient + decay * point

    def own_arrays(self) -> dict[str, Any]:
        """As every training."""
        if self.search is None:
            return {}
        before = self.search.value if self.search.value_before is None else self.search.value_before
        known = self.search.value_before is not None
        return {**self.search.arrays(), "numbers": np.array([self.search.value, before, float(known)])}

    def restore_own(self, arrays: Mapping[str, Any]) -> None:
        """As every training."""
        if arrays:
            value, before, known = arrays["numbers"].tolist()
            self.search = LimitedBfgs(self.vector.copy(), value, arrays["gradient"])
            self.search.restore(arrays, value, before if known else None)


def may_help() -> bool:
    """Whether there is a processor for a second thread, and nobody has said that one thread is all there shall be."""
    limits = [os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")]
    return processors() > 1 and "1" not in limits


def slope_of(gradient: Any, vector: Any, value: float) -> float:
    """The largest element of a gradient in units of the function and of the parameter, each at least 1.

    Source: J. E. Dennis, R. B. Schnabel, Numerical Methods for Unconstrained Optimization, 1983, equation 7.2.5.
    """
    return float(np.max(np.abs(gradient) * np.maximum(np.abs(vector), 1.0), initial=0.0)) / max(abs(value), 1.0)
