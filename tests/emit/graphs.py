"""Comparing graphs for tests."""

from __future__ import annotations

from cgcli.emit.names import number_text
from cgcli.ops import arithmetic, structure


def fingerprints(graph, node, numbers):
    """A number for every node up to `node` that is the same for equal formulas; `numbers` is shared by the graphs.

    A double and its shortest text are the same number here, and so are the constant `-2` of a graph that was built
    and the minus sign before 2 of one that was parsed.
    """
    known = []
    for each in range(node + 1):
        row = graph.row(each)
        if graph.is_constant(each):
            value = graph.constant_value(each)
            exact = graph.exact.get(graph.payload[each], "")
            key = ("constant", repr(abs(value)), "" if exact == number_text(value) else exact)
            if str(value).startswith("-"):
                key = (arithmetic.neg.name, (), numbers.setdefault(key, len(numbers)))
        elif graph.is_input(each):
            key = ("input", graph.input_name(each), graph.shape_of(each))
        else:
            assert row is not structure.array
            key = (row.name, graph.attributes_of(each), *(known[operand] for operand in graph.operands_of(each)))
        known.append(numbers.setdefault(key, len(numbers)))
    return known


def same_structure(first, second):
    """Whether two (graph, node) hold the same formula."""
    numbers = {}
    return fingerprints(*first, numbers)[first[1]] == fingerprints(*second, numbers)[second[1]]
