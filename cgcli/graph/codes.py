"""Numbers with a meaning in the columns of a graph."""

from __future__ import annotations

from cgcli.ops import structure

CONSTANT = structure.constant.code
ARRAY = structure.array.code
INPUT = structure.variable.code

NO_PAYLOAD = -1
"""Payload of a node that has none."""
