"""Sobol's shares of the variance of an output: what each input does by itself, and in total with all others.

First order by A. Saltelli and others, Computer Physics Communications 181 (2010) 259, table 2 (b); total by M. J. W.
Jansen, Computer Physics Communications 117 (1999) 35. Two independent samples A and B, and for each input a third one
that is A with this input from B. Inputs that go together, and the elements of an array, are one group with one share:
the formulas are for independent ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import CalculationError
from cgcli.uncertainty.drawing import Draws, batches

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.uncertainty.quantities import Inputs

MOST_GROUPS = 200
"""Groups of inputs: each takes as many evaluations as there are samples."""


def shares_of(
    inputs: Inputs, seed: int, drawn: Draws, results: Any, evaluate: Callable[[Any, int], Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """First-order and total shares by input (`a, b` for a group), an array over the elements of the outputs each.

    drawn, results: the sample A and its results, elements × samples. evaluate: from rows of inputs to results.
    CalculationError where there are too many inputs.
    """
    groups = groups_of(inputs)
    if len(groups) > MOST_GROUPS:
        raise CalculationError(f"shares of {len(groups)} inputs by sampling are more than the {MOST_GROUPS} allowed")
    others = Draws(inputs, seed, " again")
    size, count = results.shape
    alone, total, spread = np.zeros((len(groups), size)), np.zeros((len(groups), size)), np.zeros(size)
    middle = np.nanmean(np.where(np.isfinite(results), results, np.nan), axis=1)[:, np.newaxis]
    for begin, rows in batches(count):
        a, b = drawn(begin, rows), others(begin, rows)
        f_a, f_b = results[:, begin : begin + rows] - middle, evaluate(b, rows) - middle
        spread += _sum(f_a * f_a + f_b * f_b) / 2
        for place, group in enumerate(groups.values()):
            mixed = a.copy()
            mixed[:, group] = b[:, group]
            f_mixed = evaluate(mixed, rows) - middle
            alone[place] += _sum(f_b * (f_mixed - f_a))
            total[place] += _sum((f_a - f_mixed) ** 2) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return dict(zip(groups, alone / spread, strict=True)), dict(zip(groups, total / spread, strict=True))


def _sum(rows: Any) -> Any:
    """The sum over the samples, without those that are not finite."""
    return np.where(np.isfinite(rows), rows, 0).sum(axis=1)


def groups_of(inputs: Inputs) -> dict[str, list[int]]:
    """The elements of each group of inputs that go together, by the names of its inputs."""
    names = [name for name, group in inputs.groups.items() for _ in range(group.start, group.stop)]
    together = {name: {name} for name in inputs.names}
    for block in inputs.blocks:
        joined = set().union(*(together[names[place]] for place in block))
        for name in joined:
            together[name] = joined
    found: dict[str, list[int]] = {}
    for name in inputs.names:
        label = ", ".join(other for other in inputs.names if other in together[name])
        found.setdefault(label, []).extend(range(inputs.groups[name].start, inputs.groups[name].stop))
    return found
