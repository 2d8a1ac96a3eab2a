"""Reductions of arrays: product, mean, spread, largest, norm, softmax, running sums.

Axes count as in NumPy; without an axis all elements count. Attributes hold axes from the end, so that a batch of rows
may stand in front. Derivatives are right where elements are 0, tie, or are all equal.
"""

from __future__ import annotations

from math import inf, nan

from cgcli.ops.arithmetic import mul, square
from cgcli.ops.decisions import Taken
from cgcli.ops.logic import absolute, is_finite, maximum, minimum, sign, where
from cgcli.ops.powers import exp, hypot, log, power, sqrt, xlogy
from cgcli.ops.row import Operation
from cgcli.ops.shaping import (
    broadcast_to,
    chosen_axes,
    reduced_ties,
    reshape,
    size_of,
    stack,
    sum_of,
    without_axes,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Shape = tuple[int, ...]
    Axes = tuple[int, ...]


def reduced(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    """Shape of a reduction whose first attribute holds its axes."""
    return without_axes(shapes[0], attributes[0])


def same_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    """Shape of an operation along axes that keeps all elements."""
    return shapes[0]


def some_axes(shapes: Sequence[Shape], axis: Any = None) -> tuple[Axes]:
    """The axes that an argument `axis` means; all of them where it is not given."""
    return (chosen_axes(shapes[0], axis),)


def nonempty_axes(shapes: Sequence[Shape], axis: Any = None) -> tuple[Axes]:
    """As `some_axes`. ValueError where nothing would be left to choose from."""
    (axes,) = some_axes(shapes, axis)
    if size_of(tuple(shapes[0][axis] for axis in axes)) == 0:
        raise ValueError("there is no element to take")
    return (axes,)


def count_along(x: Any, axes: Axes) -> Any:
    """Number of elements that one element of the result stands for; of a column of a table, whose length is known
    when it has been read, a reference (see `passes.columns`).
    """
    rows = getattr(x, "rows", None)
    return size_of(tuple(x.shape[axis] for axis in axes)) if rows is None else rows


def spread(value: Any, shape: Shape, axes: Axes) -> Any:
    """A reduced value repeated along the axes that were reduced."""
    if not value.shape:
        return broadcast_to(value, shape) if shape else value
    kept = tuple(1 if place - len(shape) in axes else length for place, length in enumerate(shape))
    return broadcast_to(reshape(value, kept), shape)


def along(shape: Shape, axis: int, part: slice) -> tuple[slice, ...]:
    """The key that cuts a part out of one axis (counted from the end)."""
    key = [slice(None)] * len(shape)
    key[axis] = part
    return tuple(key)


def _numpy(name: str) -> Callable[..., Any]:
    """NumPy's reduction of that name over the axes."""

    def answer(np: Any, x: Any, axes: Axes) -> Any:
        return getattr(np, name)(np.asarray(x), axis=axes)

    return answer


def _of_number(x: float, axes: Axes) -> float:
    """A reduction of one number is the number."""
    return x


# ---- products, means, extremes ---------------------------------------------------------------------------------


def _product(x: Any, axes: Axes) -> Any:
    """Halves times halves: a tree whose derivative needs no division, so zeros do no harm."""
    kept = without_axes(x.shape, axes)
    for axis in axes:
        odd_one = None
        while (length := x.shape[axis]) > 1:
            if length % 2:
                last = x[along(x.shape, axis, slice(length - 1, length))]
                odd_one = last if odd_one is None else odd_one * last
            half = length // 2
            x = x[along(x.shape, axis, slice(0, half))] * x[along(x.shape, axis, slice(half, 2 * half))]
        if odd_one is not None:
            x = x * odd_one
    return reshape(x, kept) if size_of(x.shape) else broadcast_to(x.coerce(1.0), kept)


def _product_over_rows(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    """The product of the others: by division, and beside one zero the product without it."""
    (axes,) = attributes
    x = operands[0]
    zeros = sum_of(x == 0, axes)
    others = prod(where(x == 0, 1.0, x), axes)
    slope = where(x == 0, where(zeros == 1, others, 0.0), where(zeros == 0, others / where(x == 0, 1.0, x), 0.0))
    return [spread(adjoint, x.shape, axes) * slope]


prod: Operation = Operation(
    "prod", "x, [axis=None]", aliases=("product",), shape=reduced, prepare=some_axes, compute=_of_number,
    definition=_product, combine=mul,
    spell={"numpy": _numpy("prod"), "latex": r"\prod {0}", "rows": "Product", "rows_pullback": _product_over_rows},
    traits=("structural", "along_axes", "traceable", "reduction"),
    examples=("prod([x, y, z])", "prod([[x, y], [z, 1]], 0)"),
    about="Product of all elements, or along one axis; its derivative is right where elements are 0.",
)  # fmt: skip
mean = Operation(
    "mean", "x, [axis=None]", aliases=("average",), shape=reduced, prepare=nonempty_axes, compute=_of_number,
    definition=lambda x, axes: sum_of(x, axes) / count_along(x, axes),
    spell={"numpy": _numpy("mean"), "latex": r"\operatorname{{mean}}\left({0}\right)"},
    traits=("structural", "along_axes", "reduction"), examples=("mean([x, y, z])", "mean([[x, y], [z, 1]], 1)"),
    about="Arithmetic mean of all elements, or along one axis.",
)  # fmt: skip


def _extreme_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    """The elements that equal the extreme share its adjoint equally."""
    (axes,) = attributes
    x = operands[0]
    winners = x == spread(result, x.shape, axes)
    share = adjoint / sum_of(winners, axes)
    return [Taken(winners, spread(share, x.shape, axes))]


def _at_tie(extreme: Callable[..., Any]) -> Callable[..., Any]:
    """Where an element is the extreme and another one, too."""

    def condition(x: Any, axes: Axes) -> Any:
        winners = x == spread(extreme(x, axes), x.shape, axes)
        return winners & (spread(sum_of(winners, axes), x.shape, axes) > 1)

    return condition


amax: Operation = Operation(
    "amax", "x, [axis=None]", aliases=("max",), shape=reduced, prepare=nonempty_axes, compute=_of_number,
    pullback=_extreme_pullback, ties=reduced_ties,
    kink=_at_tie(lambda x, axes: amax(x, axes)), combine=maximum,
    spell={"numpy": _numpy("max"), "latex": r"\max {0}", "rows": "Largest"},
    traits=("structural", "along_axes", "reduction"),
    examples=("max([x, y, z])", "amax([[x, y], [z, 1]], 0)"),
    convention="ties share the derivative equally",
    about="Largest element of an array, or along one axis: `max(v)`, `amax(A, 0)`.",
)  # fmt: skip
amin: Operation = Operation(
    "amin", "x, [axis=None]", aliases=("min",), shape=reduced, prepare=nonempty_axes, compute=_of_number,
    pullback=_extreme_pullback, ties=reduced_ties,
    kink=_at_tie(lambda x, axes: amin(x, axes)), combine=minimum,
    spell={"numpy": _numpy("min"), "latex": r"\min {0}", "rows": "Smallest"},
    traits=("structural", "along_axes", "reduction"),
    examples=("min([x, y, z])", "amin([[x, y], [z, 1]], 0)"),
    convention="ties share the derivative equally",
    about="Smallest element of an array, or along one axis: `min(v)`, `amin(A, 0)`.",
)  # fmt: skip

# ---- spread and length -----------------------------------------------------------------------------------------


SAFE = (1e-140, 1e150)
"""Lengths whose squares neither overflow nor lose digits by underflow."""


def _length_numpy(np: Any, x: Any, axes: Axes) -> Any:
    """By the squares, and where they are out of range by those of the ratios to the largest element."""
    x = np.asarray(x)
    plain = np.sqrt(np.square(x).sum(axis=axes))
    if ((plain >= SAFE[0]) & (plain <= SAFE[1])).all():
        return plain
    size = np.abs(x).max(axis=axes, keepdims=True, initial=0.0)
    unit = np.where((size > 0) & (size < inf), size, 1.0)
    return unit.reshape(plain.shape) * np.sqrt(np.square(x / unit).sum(axis=axes))


def _length_precise(mp: Any, x: Any, axes: Axes) -> Any:
    return (x * x).sum(axis=axes) ** (mp.one / 2) if getattr(x, "shape", ()) else abs(x)


def _length_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    (axes,) = attributes
    x = operands[0]
    return [spread(adjoint, x.shape, axes) * unit_vector(x, axes)]


root_sum_square: Operation = Operation(
    "root_sum_square", "x, [axis=None]", shape=reduced, prepare=some_axes, compute=lambda x, axes: abs(x),
    pullback=_length_pullback, combine=hypot, ties=reduced_ties,
    spell={"numpy": _length_numpy, "precise": _length_precise, "latex": r"\left\lVert {0} \right\rVert",
    "rows": "Length"},
    traits=("structural", "along_axes", "reduction"),
    examples=("root_sum_square([x, y, z])", "root_sum_square([[x, y], [z, 1]], 0)"),
    kink=lambda x, axes: spread(root_sum_square(x, axes) == 0, x.shape, axes),
    convention="derivative 0 at the zero vector",
    about="sqrt(sum(x^2)) without overflow or underflow, of all elements or along one axis: the length of a vector.",
)  # fmt: skip


def _unit_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    """At the zero vector, where a direction turns at once, nan; but what counts for nothing stays nothing."""
    (axes,) = attributes
    shape = operands[0].shape
    if count_along(operands[0], axes) <= 1:
        return [None]
    length = spread(root_sum_square(operands[0], axes), shape, axes)
    across = (adjoint - result * spread(sum_of(adjoint * result, axes), shape, axes)) / length
    lost = where(spread(sum_of(adjoint != 0, axes), shape, axes) > 0, nan, 0.0)
    return [where(length == 0, lost, across)]


def _unit(x: Any, axes: Axes) -> Any:
    length = spread(root_sum_square(x, axes), x.shape, axes)
    return where(length == 0, 0.0, x / length)


unit_vector: Operation = Operation(
    "unit_vector", "x, [axis=None]", shape=same_shape, prepare=nonempty_axes, definition=_unit, pullback=_unit_pullback,
    spell={"latex": r"\operatorname{{unit}}\left({0}\right)"}, traits=("structural", "along_axes"),
    kink=lambda x, axes: spread(root_sum_square(x, axes) == 0, x.shape, axes), convention="0 at the zero vector",
    examples=("unit_vector([x, y, z])", "unit_vector([[x, y], [z, 1]], 0)"),
    about="x/norm(x), and 0 at the zero vector: the direction of a vector, which is the slope of its length.",
)  # fmt: skip


def centred(x: Any, axes: Axes) -> Any:
    """An array less its mean along axes."""
    return x - spread(mean(x, axes), x.shape, axes)


def _variance_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    (axes,) = attributes
    x = operands[0]
    weight = adjoint * 2 / count_along(x, axes)
    return [spread(weight, x.shape, axes) * centred(x, axes)]


var = Operation(
    "var", "x, [axis=None]", aliases=("variance",), shape=reduced, prepare=nonempty_axes,
    compute=lambda x, axes: x - x, definition=lambda x, axes: mean(square(centred(x, axes)), axes),
    pullback=_variance_pullback,
    spell={"numpy": _numpy("var"), "latex": r"\operatorname{{var}}\left({0}\right)"},
    traits=("structural", "along_axes", "reduction"), examples=("var([x, y, z])", "var([[x, y], [z, 1]], 0)"),
    about="Population variance, the mean of (x - mean(x))^2 (divided by n, not n - 1).",
)  # fmt: skip


def _deviation_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    (axes,) = attributes
    x = operands[0]
    count = count_along(x, axes)
    direction = unit_vector(centred(x, axes), axes)
    return [spread(adjoint / sqrt(x.coerce(count)), x.shape, axes) * direction]


std = Operation(
    "std", "x, [axis=None]", shape=reduced, prepare=nonempty_axes,
    definition=lambda x, axes: root_sum_square(centred(x, axes), axes) / sqrt(x.coerce(count_along(x, axes))),
    pullback=_deviation_pullback, kink=lambda x, axes: spread(var(x, axes) == 0, x.shape, axes),
    spell={"latex": r"\operatorname{{std}}\left({0}\right)"},
    traits=("structural", "along_axes", "reduction"), examples=("std([x, y, z])", "std([[x, y], [z, 1]], 0)"),
    convention="derivative 0 where all elements are equal",
    about="Population standard deviation, sqrt(var(x)) (divided by n, not n - 1).",
)  # fmt: skip


def _one_number(shapes: Sequence[Shape], attributes: object) -> Shape:
    """One number, of an array and an order."""
    if shapes[1]:
        raise ValueError("the order of a norm is one number")
    return ()


def _norm_order(shapes: Sequence[Shape], order: float = 2.0) -> tuple[float]:
    if not order >= 1:
        raise ValueError(f"the order of a norm is a number from 1 up, or inf, not {order:g}")
    return (float(order),)


def _norm(x: Any, order: float) -> Any:
    if order == 1:
        return sum_of(absolute(x), None)
    if order == inf:
        return amax(absolute(x), None)
    if order == 2:
        return root_sum_square(x, None)
    total = sum_of(power(absolute(x), order), None)
    return where(total == 0, 0.0, power(total, 1 / total.coerce(order)))


def _all_axes(x: Any) -> Axes:
    return tuple(range(-len(x.shape), 0))


def _norm_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    """The direction, or for other orders sign(x)*(|x|/r)^(order - 1); of the order inf, those that tie share."""
    (order,) = attributes
    x = operands[0]
    axes = _all_axes(x)
    length = spread(result, x.shape, axes)
    if order == 2:
        slope = unit_vector(x, None)
    elif order == 1:
        slope = sign(x)
    elif order == inf:
        winners = absolute(x) == length
        slope = sign(x) * winners / spread(sum_of(winners, None), x.shape, axes)
    else:
        slope = sign(x) * where(length == 0, 0.0, power(absolute(x) / length, order - 1))
    return [spread(adjoint, x.shape, axes) * slope]


def _norm_kink(x: Any, order: float) -> Any:
    axes = _all_axes(x)
    if order == 1:
        return x == 0
    if order == inf:
        return _at_tie(lambda size, axes: amax(size, axes))(absolute(x), axes) | (x == 0)
    return spread(root_sum_square(x, None) == 0, x.shape, axes)


norm = Operation(
    "norm", "x, [order=2]", shape=lambda shapes, attributes: (), prepare=_norm_order, definition=_norm,
    pullback=_norm_pullback, kink=_norm_kink,
    spell={"latex": r"\left\lVert {0} \right\rVert"}, traits=("structural", "reduction"),
    examples=("norm([x, y, z])", "norm([x, y, z], 1)", "norm([x, y, z], inf)", "norm([x, y, z], 3)"),
    convention="derivative 0 at the zero vector; of the order inf, ties share equally",
    about="Length of a vector: order 2 (the default) is sqrt(sum(x^2)), 1 is sum(|x|), inf is max(|x|). "
          "Of a matrix, all elements count (Frobenius).",
)  # fmt: skip


def _norm_of_order(x: Any, p: Any) -> Any:
    """By the ratios to the largest element, so that no power overflows."""
    size = absolute(x)
    largest = amax(size, None)
    scale = where((largest > 0) & is_finite(largest), largest, 1.0)
    total = sum_of(power(size / spread(scale, x.shape, _all_axes(x)), spread(p, x.shape, _all_axes(x))), None)
    return where(p >= 1, where(largest == 0, 0.0, scale * power(total, 1 / p)), nan)


def _norm_of_order_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: object) -> list[Any]:
    """sign(x)*(|x|/r)^(p - 1), and r/p*sum(w*log(|x|/r)) for w = (|x|/r)^p; at inf those that tie share equally."""
    x, p = operands
    axes = _all_axes(x)
    ratio = where(spread(result == 0, x.shape, axes), 0.0, absolute(x) / spread(result, x.shape, axes))
    share = power(ratio, spread(p - 1, x.shape, axes))
    count = where(p == inf, sum_of(share, None), 1.0)
    weight = power(ratio, spread(p, x.shape, axes))
    slope = where((p == inf) | (result == 0), 0.0, result / p * sum_of(xlogy(weight, ratio), None))
    return [spread(adjoint / count, x.shape, axes) * sign(x) * share, adjoint * slope]


norm_of_order = Operation(
    "norm_of_order", "x, p", aliases=("norm",), shape=_one_number, definition=_norm_of_order,
    pullback=_norm_of_order_pullback, kink=lambda x, p: (x == 0) | _at_tie(amax)(absolute(x), _all_axes(x)),
    spell={"latex": r"\left\lVert {0} \right\rVert_{{{1}}}"},
    traits=("structural", "reduction"), examples=("norm_of_order([x, y, z], 2.5)", "norm_of_order([x, 1, 3], 1 + y)"),
    convention="derivative 0 at the zero vector; of the order inf, ties share equally",
    about="The norm (sum(|x|^p))^(1/p) of an order that need not be fixed: `norm(v, p)` with an input p from 1 up.",
)  # fmt: skip

# ---- softmax and its kin ---------------------------------------------------------------------------------------


def _log_sum_exp(x: Any, axes: Axes) -> Any:
    """Shifted by the largest element, so that nothing overflows; an infinite one shifts nothing."""
    largest = amax(x, axes)
    shift = where(is_finite(largest), largest, 0.0)
    return shift + log(sum_of(exp(x - spread(shift, x.shape, axes)), axes))


def _log_sum_exp_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    (axes,) = attributes
    x = operands[0]
    return [spread(adjoint, x.shape, axes) * exp(x - spread(result, x.shape, axes))]


logsumexp = Operation(
    "logsumexp", "x, [axis=None]", shape=reduced, prepare=nonempty_axes, definition=_log_sum_exp,
    pullback=_log_sum_exp_pullback,
    spell={"latex": r"\ln \sum e^{{{0}}}"},
    traits=("structural", "along_axes", "reduction"),
    examples=("logsumexp([x, y, z])", "logsumexp([[x, y], [z, 1]], 0)"),
    about="log(sum(exp(x))) without overflow.",
)  # fmt: skip
logmeanexp = Operation(
    "logmeanexp", "x, [axis=None]", shape=reduced, prepare=nonempty_axes,
    definition=lambda x, axes: logsumexp(x, axes) - log(x.coerce(count_along(x, axes))),
    spell={"latex": r"\ln \operatorname{{mean}} e^{{{0}}}"},
    traits=("structural", "along_axes", "reduction"), examples=("logmeanexp([x, y, z])",),
    about="log(mean(exp(x))) without overflow.",
)  # fmt: skip


def _last_axis(shapes: Sequence[Shape], axis: Any = -1.0) -> tuple[Axes]:
    if not shapes[0]:
        raise ValueError("a vector or a matrix is needed, not a number")
    return nonempty_axes(shapes, axis)


def _softmax(x: Any, axes: Axes) -> Any:
    powers = exp(x - spread(amax(x, axes), x.shape, axes))
    return powers / spread(sum_of(powers, axes), x.shape, axes)


def _softmax_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    mean_adjoint = spread(sum_of(adjoint * result, *attributes), result.shape, *attributes)
    return [result * (adjoint - mean_adjoint)]


def _log_softmax_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    return [adjoint - exp(result) * spread(sum_of(adjoint, *attributes), result.shape, *attributes)]


softmax = Operation(
    "softmax", "x, [axis=-1]", shape=same_shape, prepare=_last_axis, definition=_softmax, pullback=_softmax_pullback,
    spell={"latex": r"\operatorname{{softmax}}\left({0}\right)"}, traits=("structural", "along_axes"),
    examples=("softmax([x, y, z])", "softmax([[x, y], [z, 1]], 0)"),
    about="exp(x)/sum(exp(x)) along the last axis, or the one given: positive numbers that add up to 1.",
)  # fmt: skip
log_softmax = Operation(
    "log_softmax", "x, [axis=-1]", shape=same_shape, prepare=_last_axis, pullback=_log_softmax_pullback,
    definition=lambda x, axes: x - spread(logsumexp(x, axes), x.shape, axes),
    spell={"latex": r"\ln \operatorname{{softmax}}\left({0}\right)"}, traits=("structural", "along_axes"),
    examples=("log_softmax([x, y, z])", "log_softmax([[x, y], [z, 1]], 0)"),
    about="log(softmax(x)) without loss of digits, along the last axis or the one given.",
)  # fmt: skip

# ---- running sums and products ---------------------------------------------------------------------------------


def _one_axis(shapes: Sequence[Shape], axis: Any = None) -> tuple[int]:
    """The axis of a running sum; a vector has only one."""
    if not shapes[0]:
        raise ValueError("a vector or a matrix is needed, not a number")
    if axis is None and len(shapes[0]) > 1:
        raise ValueError(f"the operand has {len(shapes[0])} axes; say along which one")
    axes = chosen_axes(shapes[0], axis)
    if len(axes) != 1:
        raise ValueError("one axis is needed")
    return axes


def _running_sum_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    (axis,) = attributes
    backwards = along(adjoint.shape, axis, slice(None, None, -1))
    return [cumsum(adjoint[backwards], axis)[backwards]]


def _running_ties(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> list[list[int | None]]:
    rank, (axis,) = len(shapes[0]), attributes
    return [[None if place - rank == axis else place for place in range(rank)]]


cumsum = Operation(
    "cumsum", "x, [axis=None]", shape=same_shape, prepare=_one_axis, pullback=_running_sum_pullback,
    ties=_running_ties,
    spell={"numpy": lambda np, x, axis: np.cumsum(x, axis=axis), "latex": r"\operatorname{{cumsum}}\left({0}\right)"},
    traits=("structural", "along_axes", "traceable", "moves"),
    examples=("cumsum([x, y, z])", "cumsum([[x, y], [z, 1]], 0)"),
    about="Running sums x[0], x[0] + x[1], ...; of a matrix along the axis given.",
)  # fmt: skip


def _running_product(x: Any, axis: int) -> Any:
    parts = [x[along(x.shape, axis, slice(place, place + 1))] for place in range(x.shape[axis])]
    for place in range(1, len(parts)):
        parts[place] = parts[place - 1] * parts[place]
    rows = [reshape(part, without_axes(x.shape, (axis,))) for part in parts]
    stacked = stack(*rows)
    return stacked if axis == -len(x.shape) else stacked.T if len(x.shape) == 2 else stacked


def _vector_axis(shapes: Sequence[Shape], axis: Any = None) -> tuple[int]:
    if len(shapes[0]) > 2:
        raise ValueError("a vector or a matrix is needed")
    return _one_axis(shapes, axis)


cumprod = Operation(
    "cumprod", "x, [axis=None]", shape=same_shape, prepare=_vector_axis, definition=_running_product,
    spell={"numpy": lambda np, x, axis: np.cumprod(x, axis=axis), "latex": r"\operatorname{{cumprod}}\left({0}\right)"},
    traits=("structural", "traceable"), examples=("cumprod([x, y, z])", "cumprod([[x, y], [z, 1]], 1)"),
    about="Running products x[0], x[0]*x[1], ...; of a matrix along the axis given.",
)  # fmt: skip

# ---- questions about all elements ------------------------------------------------------------------------------

any_of = Operation(
    "any", "x, [axis=None]", shape=reduced, prepare=some_axes,
    definition=lambda x, axes: sum_of(x != 0, axes) > 0, spell={"latex": r"\operatorname{{any}}\left({0}\right)"},
    traits=("structural", "along_axes", "reduction", "piecewise_constant"), examples=("any([x > 1, y > 1])",),
    about="1 where at least one element is not 0, else 0. Derivative 0.",
)  # fmt: skip
all_of = Operation(
    "all", "x, [axis=None]", shape=reduced, prepare=some_axes,
    definition=lambda x, axes: (sum_of(x == 0, axes) == 0), spell={"latex": r"\operatorname{{all}}\left({0}\right)"},
    traits=("structural", "along_axes", "reduction", "piecewise_constant"), examples=("all([x > 1, y > 1])",),
    about="1 where no element is 0, else 0. Derivative 0.",
)  # fmt: skip
count = Operation(
    "count", "x, [axis=None]", shape=reduced, prepare=some_axes,
    definition=lambda x, axes: sum_of(x != 0, axes), spell={"latex": r"\operatorname{{count}}\left({0}\right)"},
    traits=("structural", "along_axes", "reduction", "piecewise_constant"), examples=("count([x > 1, y > 1])",),
    about="Number of elements that are not 0. Derivative 0.",
)  # fmt: skip
