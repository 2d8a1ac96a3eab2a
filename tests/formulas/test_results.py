"""A result belongs to its caller: he may write to it, and nothing else changes."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import cgcli as cg

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = {
    "v": np.array([1.0, 2.0, 3.0]), "w": np.array([4.0, 5.0, 6.0]), "A": np.arange(6.0).reshape(2, 3), "x": 2.0,
}  # fmt: skip

TEXTS = (
    "v", "+v", "v[0:2]", "v[::-1]", "A.T", "A[:,0]", "[1, 2, 3]", "broadcast_to(x, [3])", "input k[2] = 1; k", "v@w",
    "sum(v*w)", "sum(A@v)", "sum(x*v)", "sum(A.T)", "a = v; b = v; output a, b", "a = A*x; b = a.T; output a, b",
    "a = v*x; b = a[0:2]; output a, b", "sum(where(v > 1, w, v))", "sum(diag(A[:,0:2])*x)", "a = x*v; output a, v",
)  # fmt: skip


def arrays(found: Any) -> Iterator[np.ndarray[Any, Any]]:
    """All arrays of a nested result."""
    if isinstance(found, dict):
        for value in found.values():
            yield from arrays(value)
    elif isinstance(found, np.ndarray):
        yield found


def needed(formula: cg.Formula) -> dict[str, Any]:
    return {name: VALUES[name] for name in formula.inputs if name in VALUES}


def asked(formula: cg.Formula, question: str, **options: Any) -> Any:
    """The answer to one question at the values; None where the formula has none."""
    values = needed(formula)
    try:
        if question in ("jvp", "hvp"):
            return getattr(formula, question)(values, directions=values, **options)
        if question == "trace":
            found = formula.trace(values, **options)
            return {**found.values, **{("slope", name): back.gradient for name, back in enumerate(found.backward)}}
        return getattr(formula, question)(values, **options)
    except cg.CgError:
        return None


@pytest.mark.parametrize("question", ["eval", "grad", "jacobian", "hessian", "jvp", "hvp", "trace"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_result_shares_memory_with_nothing(text: str, question: str) -> None:
    formula = cg.parse(text)
    for options in ({}, {"engine": "native"}, {"digits": 20}):
        first, second = asked(formula, question, **options), asked(formula, question, **options)
        found = [*arrays(first), *arrays(second)]
        for array in found:
            assert array.flags.writeable
            assert not any(np.shares_memory(array, given) for given in VALUES.values())
        if question != "trace":  # a trace tells the same value in several places
            assert not any(np.shares_memory(*pair) for pair in combinations(found, 2))


def test_sums_of_gradients_leave_the_weights_alone() -> None:
    weights, formula = np.array([4.0, 5.0, 6.0]), cg.parse("v @ w")
    history = [formula.grad(v=VALUES["v"], w=weights)["v"] for _ in range(3)]
    total = history[0]
    for slope in history[1:]:
        total += slope
    assert weights.tolist() == [4, 5, 6]
    assert [slope.tolist() for slope in history] == [[12, 15, 18], [4, 5, 6], [4, 5, 6]]


def test_columns_are_their_caller_s_too() -> None:
    column = np.array([1.0, 2.0, 3.0])
    for engine in ("numpy", "native"):
        for text in ("x", "a = x; b = x; output a, b", "a = x*y; b = y; output a, b", "3*y"):
            formula = cg.parse(text)
            values = dict.fromkeys(formula.inputs, column)
            found = list(arrays(formula.eval_rows(values, engine=engine)))
            if "x" in values and "y" in values:
                found.extend(arrays(formula.eval_rows(values, y=2.0, engine=engine)))
            slopes = [*arrays(formula.grad_rows(values, engine=engine))]
            for array in (*found, *slopes):
                assert array.flags.writeable
                assert not np.shares_memory(array, column)
            assert not any(np.shares_memory(*pair) for pair in combinations((*found, *slopes), 2))


def test_a_result_that_was_computed_is_not_copied() -> None:
    from cgcli.engines.results import separated

    computed = np.ones((3, 4))
    assert separated([computed], [VALUES["v"]])[0] is computed
    turned = computed.T
    assert separated([turned])[0] is turned
    first, second = separated([computed, turned])
    assert first is computed
    assert not np.shares_memory(first, second)
