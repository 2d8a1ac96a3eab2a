"""What is refused while a graph is built, because it is a slip or an attack far more often than a wish."""

from __future__ import annotations

MOST_ITEMS = 1_000_000
"""Items of a range that are written out."""

LEAST_STEPS = 32
"""Items from which on a fold may be kept as a loop, and a comprehension be one array."""

MOST_STEPS = 100_000_000
"""Items of a range over which a fold runs that is kept as a loop, or a comprehension that is one array."""

MOST_STEPS_IN_ALL = 10_000_000_000
"""Steps of a kept loop and of those within it, all together: a minute of machine code, and hours without."""

MOST_BODIES = 1_000_000
"""How often bodies are walked in all: calls of the formula's functions, items of comprehensions, steps of folds.

Each is written out in the graph, but for the steps of long folds and the items of long comprehensions, so that thirty
functions which call each other twice would be 2^30 copies.
"""

MOST_NODES = 5_000_000
"""Nodes that calls, loops and derivatives may make (about 2 GB); the lines of a large text do not count."""

MOST_ORDER = 1_000
"""Order of a derivative."""

MOST_DERIVATIVES = 1_000_000
"""Elements of a derivative of one array by another: each element of the first costs a backward pass."""

WRITE_LESS = "calls and loops are written out in the graph: repeat less often, or use arrays, as in `sum(v^2)`"
