"""Live graphs: what one change costs in a large tree, beside reaktiv; everything changed, beside a full pass; edits.

    python benchmarks/live.py [--leaves 524288] [--scripts 1000] [--json FILE]

The tree is one of products: of 2 N - 1 nodes N are inputs. reaktiv, the signals for Python that are the peer
here, has a tree of 262,143 nodes, as deep as it takes without recursing too far. Times are medians of single changes.
With --scripts, so many random scripts of edits are compared with formulas that are read from the edited text, to the
last bit, values and derivatives (`tests/live/scripts.py`).
"""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from harness import machine, markdown, written

import cgcli as cg
from cgcli.graph.store import Graph

PEER_LEAVES = 131_072


def tree(leaves: int) -> cg.Formula:
    """A balanced tree of products over x0, x1 …"""
    graph = Graph()
    level = [graph.ref(graph.input(f"x{number}")) for number in range(leaves)]
    while len(level) > 1:
        level = [left * right for left, right in zip(level[::2], level[1::2], strict=True)]
    return cg.formula(level[0])


def start(leaves: int) -> dict[str, float]:
    """A value for each leaf, near 1."""
    return {f"x{number}": 1 + (number % 7 - 3) / 1e6 for number in range(leaves)}


def timed(change: Callable[[int], Any], times: int) -> float:
    """The median time of a change, in seconds."""
    found = []
    for number in range(times):
        begin = perf_counter()
        change(number)
        found.append(perf_counter() - begin)
    return median(found)


def ours(leaves: int, rows: list[list[Any]]) -> dict[str, float]:
    """What a live graph takes for each kind of change."""
    draw = random.Random(1)
    formula, values = tree(leaves), start(leaves)
    formula.eval(values)
    full = timed(lambda _: formula.eval(values), 5)
    begin = perf_counter()
    live = formula.live(values)
    live["result"]
    made = perf_counter() - begin

    def leaf(number: int) -> None:
        live.set({f"x{number % 100}": 1 + draw.random() / 1e6})
        live["result"]

    leaf(0)
    recomputed = live.report["recomputed"]
    for number in range(100):
        leaf(number)
    changed = timed(leaf, 2000)
    fresh = timed(lambda _: leaf(100 + draw.randrange(leaves - 100)), 500)

    others = [{name: value + shift for name, value in values.items()} for shift in (1e-7, 2e-7)]

    def everything(number: int) -> None:
        live.set(others[number % 2])
        live["result"]

    everything(1)
    all_changed = timed(everything, 5)

    def slope(number: int) -> None:
        live.set({f"x{number % 100}": 1 + draw.random() / 1e6})
        live.grad("result", wrt=f"x{number % 100}")

    first_slopes = timed(slope, 100)
    slopes = timed(slope, 500)
    live.grad("result")
    wide = timed(slope, 500)

    nodes = [leaves + number for number in range(200)]

    def by_number(number: int) -> None:
        with live.edit() as edit:
            edit.replace(nodes[number], number)

    def by_text(number: int) -> None:
        with live.edit() as edit:
            edit.replace(f"x{1000 + 2 * number}*x{1001 + 2 * number}", f"sin(x{1000 + 2 * number})")

    edit, text = timed(by_number, 100), timed(by_text, 100)
    undone = timed(lambda _: live.undo(), 100)
    size = len(formula.graph)
    rows += [
        ["made, all values", size, f"{made:.2f} s", ""],
        ["one leaf: set and read", size, f"{changed * 1e6:.1f} µs", f"{recomputed} nodes"],
        ["one leaf, its way for the first time", size, f"{fresh * 1e6:.1f} µs", ""],
        ["everything: set and read", size, f"{all_changed * 1e3:.0f} ms", f"{all_changed / full:.2f} × eval"],
        ["derivative by the changed leaf, first", size, f"{first_slopes * 1e6:.0f} µs", ""],
        ["derivative by the changed leaf", size, f"{slopes * 1e6:.1f} µs", ""],
        ["the same where all derivatives stand", size, f"{wide * 1e6:.1f} µs", ""],
        ["edit by numbers of nodes", size, f"{edit * 1e6:.1f} µs", ""],
        ["edit by texts never seen", size, f"{text * 1e6:.0f} µs", ""],
        ["undo", size, f"{undone * 1e6:.1f} µs", ""],
    ]
    return {"leaf": changed, "fresh": fresh, "everything": all_changed / full, "edit": edit, "text": text}


def theirs(leaves: int) -> float | None:
    """One leaf set and the root read with reaktiv; None where it is not installed."""
    try:
        from reaktiv import Computed, Signal
    except ImportError:
        return None
    signals = [Signal(value) for value in start(leaves).values()]
    level: list[Any] = signals
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [Computed(lambda a=left, b=right: a() * b()) for left, right in pairs]
    (root,) = level
    root()
    draw = random.Random(1)

    def leaf(number: int) -> None:
        signals[number % 100].set(1 + draw.random() / 1e6)
        root()

    return timed(leaf, 20)


def scripts(number: int) -> int:
    """How many of so many random scripts end in what their text is."""
    sys.path.insert(0, ".")
    from tests.live.scripts import Script

    warnings.simplefilter("ignore")
    for seed in range(number):
        Script(random.Random(seed)).run()
    return number


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaves", type=int, default=524_288)
    parser.add_argument("--scripts", type=int, default=0)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    print(machine())
    rows: list[list[Any]] = []
    found = ours(arguments.leaves, rows)
    peer = theirs(PEER_LEAVES)
    if peer is not None:
        here: list[list[Any]] = []
        own = ours(PEER_LEAVES, here)
        found["reaktiv"] = peer / own["leaf"]
        rows += [
            ["one leaf: set and read", 2 * PEER_LEAVES - 1, f"{own['leaf'] * 1e6:.1f} µs", ""],
            ["the same with reaktiv", 2 * PEER_LEAVES - 1, f"{peer * 1e6:.0f} µs", f"{peer / own['leaf']:.0f} ×"],
        ]
    if arguments.scripts:
        rows.append(["random scripts, equal to the last bit", "", scripts(arguments.scripts), ""])
    print(markdown(["what", "nodes", "takes", ""], [list(map(str, row)) for row in rows]))
    written(arguments.json, found)


if __name__ == "__main__":
    main()
