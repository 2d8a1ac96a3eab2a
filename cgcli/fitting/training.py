"""Training: parameters that make the mean of a loss over the rows of a table small, by minibatches or by L-BFGS.

The loss of a row is an output of the formula; what is minimised is its mean over a batch. Nothing but the seed is
random, and everything random follows from it, so a training that is begun again has the same bits; one that was killed
goes on from its last checkpoint to the same bits, too (`checkpoints`).
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field, fields, replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.engines.threads import pool, processors
from cgcli.errors import CalculationError, DataError, UsageError, did_you_mean
from cgcli.fitting import checkpoints
from cgcli.fitting.batches import rows_of
from cgcli.fitting.checkpoints import Checkpoint, check_marks, resumed
from cgcli.fitting.gaps import refuse_gaps, tell_gaps
from cgcli.fitting.interrupts import Interrupts
from cgcli.fitting.optimisers import METHODS, RATES, Settings, clip
from cgcli.fitting.quasi_newton import LimitedBfgs
from cgcli.fitting.schedules import Schedule
from cgcli.fitting.sums import AT_START, MOVED, MeanLoss
from cgcli.fitting.trained import Trained, trained_by
from cgcli.rows.sources import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cgcli.fitting.batches import Batch, Rows
    from cgcli.formulas.base import FormulaBase

FULL_BATCH = "lbfgs"
NAMES = (*METHODS, FULL_BATCH)
"""Names of methods."""

MANY = 40_000
"""Parameters from which on a second thread is worth asking for help."""

SMALL_SLOPE = 1e-6
"""Where the gradient of the mean loss, in units of the loss and of the parameters, counts as zero."""


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


@dataclass
class TrainingResult:
    """A training. values: parameter -> float or array. loss: the mean over all rows with these values; validation: over
    those of the validation, where there is one. history: of each epoch its number, the mean loss of its batches while
    the parameters moved, the validation and the rate. epochs: how many were done; evaluations: of a batch's gradient.
    slope: the largest element of the gradient of the mean loss over all rows, in units of loss and parameter.
    converged: whether that is as good as zero. rows: that were trained on. best: the epoch that the values are of.
    """

    values: dict[str, Any]
    loss: float
    validation: float | None
    history: list[dict[str, Any]]
    epochs: int
    best: int
    evaluations: int
    rows: int
    method: str
    slope: float
    converged: bool
    message: str
    seed: int
    output: str
    left_out: int = 0
    warnings: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The training as plain data: what `cg fit --json` prints and `-o` writes, and `--values` reads."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the learning curve into a file (svg, png, pdf); needs the extra `plot`."""
        from cgcli.render.training_plots import plot_curve

        plot_curve(self.history, os.fspath(path), name=self.output, best=self.best)


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
        self, trained: Trained, options: Options, rows: Rows, checked: Rows | None,
        progress: Callable[[dict[str, Any], int], None],
    ) -> None:  # fmt: skip
        self.options, self.rows, self.checked = options, rows, checked
        self.loss: MeanLoss = trained.loss
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


def train(
    formula: FormulaBase, data: Any, *, loss: str, start: Mapping[str, Any] | None = None, fix: Any = None,
    wrt: Sequence[str] | None = None, columns: Mapping[str, str] | None = None, missing: str | None = None,
    limit: int | None = None, validate: Any = None, save: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    progress: Callable[[dict[str, Any], int], None] = lambda entry, rows: None, **options: Any,
) -> TrainingResult:  # fmt: skip
    """Parameters that make the mean of `loss`, an output of the formula, over the rows of data small.

    data, validate: a path, a frame, an Arrow table, a mapping of arrays (with further axes for inputs that are arrays).
    start: parameter -> value, where it is not drawn and has no default. fix, wrt, columns, missing, limit: as for
    `fit`. options: see `Options`. progress: is called with the entry in the history of each
    epoch, and how many rows it had.

    save: a file for checkpoints, written at the beginning, from time to time, at the end, and at Ctrl-C. resume: go on
    from such a file, with the same formula, data and options (more epochs may be asked for, and options that are left
    away are those of the file); it is saved to as well, unless `save` names another one. Where both name a file that is
    not there yet, the training begins.

    UsageError for what does not fit together, DataError for data that cannot be read, CalculationError where the loss
    or its gradient is not finite; nothing of the step that met it is kept or saved.
    """
    save, resume = (None if path is None else os.fspath(path) for path in (save, resume))
    found = resumed(resume, save)
    if found is not None:
        if "kind" in found.options:
            raise DataError(f"`{resume}` holds a fit by {found.options['kind']}, no training")
        options = merged(options, found.options, str(resume))
    chosen = options_of(options)
    chosen.check()
    if chosen.rate is None:
        chosen = replace(chosen, rate=RATES.get(chosen.method))
    if chosen.method == FULL_BATCH and "batch" in options and found is None:
        raise UsageError("lbfgs takes all rows at once", hint="leave --batch away, or take adam")
    if chosen.patience is not None and validate is None:
        raise UsageError("patience waits for a better validation, and there is none", hint="add --validate table.csv")
    trained = trained_by(
        formula, source_of(data), loss, start=start, fix=fix, wrt=wrt, columns=columns, seed=chosen.seed
    )
    rows = rows_of(trained.inputs, trained.source, limit=limit)
    refuse_gaps(trained, rows.report, missing)
    checked = None if validate is None else trained.validation(source_of(validate))
    training = (AtOnce if chosen.method == FULL_BATCH else ByBatches)(trained, chosen, rows, checked, progress)
    target = save or resume
    with np.errstate(all="ignore"):  # what is not finite is looked for, and told
        if target is None:
            training.run()
        else:
            _run_saving(training, trained, found, target)
        return _result(training, trained)


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


def _run_saving(training: Training, trained: Trained, found: Checkpoint | None, path: str) -> None:
    """Train with checkpoints."""
    marks = {**trained.marks(), "data": training.rows.fingerprint()}
    if training.checked is not None:
        marks["validation"] = training.checked.fingerprint()
    if found is not None:
        check_marks(found.marks, marks, path)
        training.restore(found, path)
    due = time.monotonic() + checkpoints.FIRST_SAVE

    def save() -> None:
        nonlocal due
        begin = time.monotonic()
        checkpoints.write(path, training.checkpoint(marks))
        end = time.monotonic()
        due = end + max(checkpoints.LEAST_PAUSE, (end - begin) / checkpoints.SHARE)

    def after_step() -> None:
        if interrupts.received:
            save()
            interrupts.end(path, training.where())
        if time.monotonic() >= due:
            save()

    with Interrupts() as interrupts:
        if found is None:
            save()
            due = time.monotonic() + checkpoints.FIRST_SAVE
        training.after_step = after_step
        training.run()
        save()


def _result(training: Training, trained: Trained) -> TrainingResult:
    """What a training came to; the values are those of the best validation where there is one."""
    state, loss = training.state, training.loss
    vector = training.vector if training.best is None or not state.best_epoch else training.best
    values = loss.parts(vector.copy())
    mean, gradient = loss.slopes_over(values, training.rows.in_order())
    if not isfinite(mean):
        raise loss.not_finite(values, training.rows.in_order(), f"after epoch {state.epoch}")
    decay = training.options.decay if training.options.method != "adamw" else 0.0
    slope = slope_of(gradient + decay * vector, vector, mean)
    best = state.best_epoch if training.best is not None and state.best_epoch else state.epoch
    epochs = f"{state.epoch} {'step' if isinstance(training, AtOnce) else 'epoch'}{'' if state.epoch == 1 else 's'}"
    message = f"{epochs}; {state.ended}" if state.ended else f"{epochs} done"
    if training.checked is not None and best != state.epoch:
        message += f"; the values are those after epoch {best}"
    result = TrainingResult(
        {name: value if loss.shapes[name] else float(value) for name, value in values.items()}, mean,
        state.best if training.checked is not None else None, state.history, state.epoch, best, state.evaluations,
        training.rows.rows, training.options.method, slope, slope <= SMALL_SLOPE, message, training.options.seed,
        trained.output,
    )  # fmt: skip
    tell_gaps(result, training.rows.report)
    return result
