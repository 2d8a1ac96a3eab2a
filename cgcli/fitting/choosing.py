"""Which of the two kinds of fit a call means: least squares, or a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.errors import UsageError, did_you_mean
from cgcli.fitting.robust import LOSSES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.formulas.base import FormulaBase


def is_training(formula: FormulaBase, loss: str, training: Mapping[str, Any]) -> bool:
    """Whether `loss` is a name of the formula and not a robust loss of least squares, which comes first.

    training: the options of a training that are given; with one of them a name of the formula comes first. UsageError
    where such an option comes without a loss, and for a loss that is neither.
    """
    own = [*formula.outputs, *formula.programs.names.defined]
    if loss in own and (training or loss not in LOSSES):
        return True
    if training:
        option = next(iter(training))
        if loss not in LOSSES:
            listed = f"its outputs and inner names are {', '.join(f'`{name}`' for name in own)}"
            raise UsageError(
                f"the formula has no output `{loss}` to train with", hint=did_you_mean(loss, own) or listed
            )
        raise UsageError(
            f"`{option}` is for a training, which needs an output of the formula as its loss",
            hint='for example loss="loss" (--loss loss)',
        )
    if loss not in LOSSES:
        hint = did_you_mean(loss, [*own, *LOSSES]) or f"robust losses are {', '.join(LOSSES)}"
        raise UsageError(f"`{loss}` is neither an output of the formula nor a robust loss", hint=hint)
    if formula.terms:
        raise UsageError(
            f"`{formula.terms[0]}` is a term, which least squares do not take",
            hint='train an output of the formula: loss="loss" (--loss loss)',
        )
    return False


def refuse_options(**given: Any) -> None:
    """UsageError for an option of least squares that comes with a training."""
    for name, value in given.items():
        if value is not None:
            raise UsageError(
                f"a training has no {name.replace('_', '-')}: the loss of a row says all",
                hint="least squares (without a loss that is an output of the formula) have it",
            )


def refuse_cluster(cluster: Any) -> None:
    """UsageError for a cluster that comes with a training, whose steps follow one another."""
    if cluster is not None:
        raise UsageError("a training does not run on a cluster", hint="leave the cluster out; a fit can have one")


def check_groups(*, by: Any, share: Any, save: Any, resume: Any, cluster: Any, sigma_x: Any) -> None:
    """UsageError for options that fits of groups do not have, and for what they share where there are none."""
    if by is None:
        if share is not None:
            raise UsageError("`share` is for groups", hint='say what tells them apart: by="plate"')
        return
    refuse_saving(save, resume)
    if cluster is not None:
        raise UsageError("groups are not fitted on a cluster: `by` and `cluster` do not go together")
    if sigma_x is not None:
        raise UsageError("groups are fitted without errors of inputs: `by` and `sigma_x` do not go together")


def refuse_saving(save: Any, resume: Any) -> None:
    """UsageError for fits of groups that are to be kept in a file and gone on with."""
    if save is not None or resume is not None:
        option = "resume" if save is None else "save"
        raise UsageError(f"fits of groups have no {option}", hint="they are written when all are done (-o groups.csv)")
