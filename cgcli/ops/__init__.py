"""The table of operations: one row each, in one file per family."""

from __future__ import annotations

from cgcli.ops import structure  # first: the codes of leaves stay what they are, since compiled loops on disk know them

# isort: split
from cgcli.ops import (
    activations,
    arithmetic,
    calling,
    hyperbolic,
    linear,
    logic,
    losses,
    positions,
    powers,
    reductions,
    rounding,
    shaping,
    special,
    trigonometric,
)
from cgcli.ops.row import REGISTRY, Operation, Registry, named, temporary_rows

FAMILIES = (
    structure,
    arithmetic,
    rounding,
    powers,
    trigonometric,
    hyperbolic,
    special,
    logic,
    activations,
    losses,
    reductions,
    shaping,
    positions,
    linear,
    calling,
)
"""The modules that hold rows, in the order in which the reference lists them."""

__all__ = ["FAMILIES", "REGISTRY", "Operation", "Registry", "named", "temporary_rows"]
