"""The models of samples/terms once more, in plain Python over NumPy arrays: one row at a time, no graph, no batches.

Everything here is analytic in the parameters, so that a complex step gives derivatives to the last digits (Squire &
Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40, 1998).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Loss = Callable[[Any, Mapping[str, Any], float], Any]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cross_entropy(scores, label):
    return np.log(np.sum(np.exp(scores))) - scores[int(label)]


def tree_lstm(tree, p, label):
    def word(k):
        i, o, u = np.split(p.W @ p.E[k] + p.b, 3)
        c = sigmoid(i) * np.tanh(u)
        return sigmoid(o) * np.tanh(c), c

    def pair(left, right):
        (hl, cl), (hr, cr) = left, right
        i, fl, fr, o, u = np.split(p.L @ hl + p.R @ hr + p.d, 5)
        c = sigmoid(i) * np.tanh(u) + sigmoid(fl + 1) * cl + sigmoid(fr + 1) * cr
        return sigmoid(o) * np.tanh(c), c

    h, _ = evaluated(tree, {"word": word, "pair": pair})
    return cross_entropy(p.S @ h + p.s, label)


def arithmetic(expression, p, value):
    keys = {
        "number": lambda x: x,
        "plus": lambda a, b: p.p[0] * a + p.p[1] * b,
        "times": lambda a, b: p.t[0] * a * b - p.t[1] * a,
        "minus": lambda a, b: p.m[0] * a - p.m[1] * b,
        "wave": lambda a: np.sin(p.w * a),
    }
    return (evaluated(expression, keys) - value) ** 2


def chain(line, p, balanced):
    def next_(h, k):
        z, r, u = np.split(p.W @ p.E[k] + p.b, 3)
        gates = sigmoid(np.concatenate([z, r]) + p.U @ h)
        z, r = np.split(gates, 2)
        return z * h + (1 - z) * np.tanh(u + p.C @ (r * h))

    h = evaluated(line, {"first": lambda k: next_(p.start, k), "next": next_})
    score = p.v @ h + p.offset
    return np.log(1 + np.exp(score)) - balanced * score


def attention(message, p, folder):
    def word(k):
        weight = np.exp(p.q @ np.tanh(p.E[k]))
        return weight * (p.V @ p.E[k]), weight

    total, weights = evaluated(message, {"word": word, "both": lambda a, b: (a[0] + b[0], a[1] + b[1])})
    return cross_entropy(total / weights, folder)


def molecules(molecule, p, logp):
    cells = {
        "atom": lambda k, hydrogens: np.tanh(p.A[k] + hydrogens * p.hydrogen),
        "bond": lambda neighbour, kind: p.B[kind] @ neighbour,
        "next": lambda state, told: np.tanh(p.W @ state + told + p.w),
    }
    return (p.v @ evaluated(molecule, cells) - logp) ** 2


def syntax(code, p, complexity):
    from samples.terms.syntax import TYPES

    def cell(number):
        return lambda parts: parts + np.tanh(p.W[number] @ parts + p.b[number])

    cells = {name: cell(number) for number, name in enumerate(TYPES)}
    cells |= {"leaf": lambda k: p.E[k], "then": lambda first, second: first + second}
    return (p.v @ evaluated(code, cells) + 1 - complexity) ** 2


LOSSES: dict[str, Loss] = {
    "tree_lstm": tree_lstm, "arithmetic": arithmetic, "chain": chain, "attention": attention, "molecules": molecules,
    "syntax": syntax,
}  # fmt: skip


def evaluated(term: Any, cells: Mapping[str, Callable[..., Any]]) -> Any:
    """The value of a term: nested lists, or a text, which is read as Python reads it."""
    if isinstance(term, str):
        *definitions, last = term.split("; ")
        names = dict(cells)
        exec("\n".join(definitions), {}, names)
        return eval(last, {}, names)
    name, *arguments = term
    return cells[name](*[evaluated(each, cells) if isinstance(each, list) else each for each in arguments])


def slope(loss: Loss, term: Any, point: Mapping[str, Any], label: float, direction: Mapping[str, Any]) -> float:
    """The derivative of a loss along a direction in the space of all parameters."""
    step = 1e-30
    moved = {name: value + 1j * step * direction[name] for name, value in point.items()}
    return float(loss(term, SimpleNamespace(**moved), label).imag / step)


def total(loss: Loss, term: Any, point: Mapping[str, Any], label: float) -> float:
    """The loss of one row."""
    return float(loss(term, SimpleNamespace(**{name: np.asarray(value) for name, value in point.items()}), label))
