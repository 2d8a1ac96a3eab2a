"""Training: parameters that make the mean of a loss over the rows of a table small, by minibatches or by L-BFGS.

The loss of a row is an output of the formula; what is minimised is its mean over a batch. Nothing but the seed is
random, and everything random follows from it, so a training that is begun again has the same bits; one that was killed
goes on from its last checkpoint to the same bits, too (`checkpoints`).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.engines.threads import of_libraries
from cgcli.errors import DataError, UsageError
from cgcli.fitting import checkpoints
from cgcli.fitting.checkpoints import check_marks, resumed
from cgcli.fitting.gaps import refuse_gaps, tell_gaps
from cgcli.fitting.interrupts import Interrupts
from cgcli.fitting.training import terms
from cgcli.fitting.training.epochs import SMALL_SLOPE, AtOnce, ByBatches, slope_of
from cgcli.fitting.training.optimisers import RATES
from cgcli.fitting.training.options import FULL_BATCH, merged, options_of
from cgcli.fitting.training.trained import trained_by
from cgcli.rows.sources import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cgcli.fitting.checkpoints import Checkpoint
    from cgcli.fitting.training.epochs import Training
    from cgcli.fitting.training.terms import TermTraining
    from cgcli.fitting.training.trained import Trained
    from cgcli.formulas.base import FormulaBase

    AnyTrained = Trained | TermTraining


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
    `fit`. options: see `options.Options`. progress: is called with the entry in the history of each
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
    asked = {"start": start, "fix": fix, "wrt": wrt, "columns": columns, "seed": chosen.seed}
    trained: AnyTrained = (
        terms.trained_by(formula, data, loss, limit=limit, **asked) if formula.terms
        else trained_by(formula, source_of(data), loss, **asked)
    )  # fmt: skip
    rows = trained.rows(limit)
    refuse_gaps(trained, rows.report, missing)
    checked = None if validate is None else trained.validation(validate)
    training = (AtOnce if chosen.method == FULL_BATCH else ByBatches)(trained, chosen, rows, checked, progress)
    target = save or resume
    notes: list[str] = []
    with np.errstate(all="ignore"):  # what is not finite is looked for, and told
        if target is None:
            training.run()
        else:
            notes = _run_saving(training, trained, found, target)
        result = _result(training, trained)
        result.warnings += notes
        return result


def _run_saving(training: Training, trained: AnyTrained, found: Checkpoint | None, path: str) -> list[str]:
    """Train with checkpoints; what should be noticed."""
    notes: list[str] = []
    marks = {**trained.marks(), "data": training.rows.fingerprint(), "threads": str(of_libraries())}
    if training.checked is not None:
        marks["validation"] = training.checked.fingerprint()
    if found is not None:
        check_marks(found.marks, marks, path)
        before, now = found.marks.get("threads", marks["threads"]), marks["threads"]
        if before != now and any(training.loss.shapes.values()):
            notes.append(
                f"`{path}` was begun with {before} thread{'' if before == '1' else 's'} for products of matrices, not "
                f"{now}: last bits may differ, but for OPENBLAS_NUM_THREADS={before}"
            )
        marks["threads"] = before
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
    return notes


def _result(training: Training, trained: AnyTrained) -> TrainingResult:
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
