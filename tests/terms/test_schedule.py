"""Schedules: every node once and behind its operands, in no more batches than needed."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cgcli import loops
from cgcli.terms import schedule as scheduling
from cgcli.terms.schedule import scheduled


@st.composite
def graphs(draw):
    """Cells by node (-1: a number), and operands that lie before their users."""
    cell, first, operands = [], [0], []
    for node in range(draw(st.integers(1, 40))):
        kind = draw(st.integers(-1, 3))
        cell.append(kind)
        if kind >= 0:
            operands += draw(st.lists(st.integers(0, node - 1), max_size=3)) if node else []
        first.append(len(operands))
    return np.array(cell, dtype=np.int32), np.array(first), np.array(operands, dtype=np.int32)


@given(graphs())
def test_a_schedule_is_an_order_of_evaluation(graph):
    cell, first, operands = graph
    found = scheduled(cell, first, operands, 4)
    assert sorted(found.order.tolist()) == np.flatnonzero(cell >= 0).tolist()
    done = set(np.flatnonzero(cell < 0).tolist())
    for which, start, stop in zip(found.cell, found.start, found.stop, strict=True):
        nodes = found.order[start:stop].tolist()
        assert nodes == sorted(nodes)
        assert {int(cell[node]) for node in nodes} == {which}
        assert all(set(operands[first[node] : first[node + 1]].tolist()) <= done for node in nodes)
        done.update(nodes)


def test_the_agenda_puts_together_what_depths_keep_apart():
    """Leaves at unlike depths: by depth a batch for each; a chain of f over g's that need nothing is two kinds."""
    cell, first, operands = [], [0], []
    for row in range(2):
        last = None
        for _ in range(3 + row):
            cell.append(0)
            operands += [] if last is None else [last]
            first.append(len(operands))
            last = len(cell) - 1
        cell.append(1)
        operands.append(last)
        first.append(len(operands))
    found = scheduled(np.array(cell, dtype=np.int32), np.array(first), np.array(operands, dtype=np.int32), 2)
    assert (found.by, found.batches, found.depths) == ("agenda", 5, 5)


def test_compiled_loops_and_plain_ones_are_one(monkeypatch):
    random = np.random.default_rng(2)
    cell = random.integers(-1, 3, size=300).astype(np.int32)
    counts = np.where((cell >= 0) & (np.arange(300) > 5), random.integers(0, 4, size=300), 0)
    first = np.concatenate(([0], np.cumsum(counts)))
    operands = np.concatenate([random.integers(0, max(1, node), size=count) for node, count in enumerate(counts)])
    plain = scheduled(cell, first, operands.astype(np.int32), 3)
    monkeypatch.setattr(scheduling, "loop_for", lambda size: loops.compiled)
    machine = scheduled(cell, first, operands.astype(np.int32), 3)
    for name in ("cell", "start", "stop", "order"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(machine, name))
