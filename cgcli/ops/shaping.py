"""Making, cutting and joining arrays: stack, index, reshape, transpose, broadcast, sum.

Spellings for NumPy work on the trailing axes, so that a batch of rows may stand in front of every operand.
"""

from __future__ import annotations

from functools import lru_cache

from cgcli.ops.arithmetic import add
from cgcli.ops.decisions import Placed, Taken
from cgcli.ops.row import Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Shape = tuple[int, ...]
    Key = tuple[Any, ...]


def size_of(shape: Shape) -> int:
    """Number of elements of a shape."""
    count = 1
    for length in shape:
        count *= length
    return count


def whole(value: Any, what: str) -> int:
    """A static value as an integer. ValueError where it has a fraction."""
    number = float(value)
    if not number.is_integer():
        raise ValueError(f"{what} must be a whole number, not {number:g}")
    return int(number)


def whole_shape(values: Sequence[Any]) -> Shape:
    """A static list of lengths as a shape. ValueError for a length below zero."""
    lengths = [whole(value, "a length") for value in (values if isinstance(values, (list, tuple)) else (values,))]
    if any(length < 0 for length in lengths):
        raise ValueError("a length cannot be negative")
    return tuple(lengths)


def chosen_axes(shape: Shape, axis: Any) -> tuple[int, ...]:
    """The axes that an argument `axis` means, counted from the end; all of them for None. ValueError outside."""
    rank = len(shape)
    if axis is None:
        return tuple(range(-rank, 0))
    axes = [whole(value, "an axis") for value in (axis if isinstance(axis, (list, tuple)) else (axis,))]
    for number in axes:
        if not -rank <= number < rank:
            raise ValueError(f"axis {number} does not exist; the operand has {rank} axes")
    return tuple(sorted(number - rank if number >= 0 else number for number in axes))


def without_axes(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """What is left of a shape when the given axes (counted from the end) are summed away."""
    rank = len(shape)
    return tuple(length for position, length in enumerate(shape) if position - rank not in axes)


def reduced_ties(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> list[list[int | None]]:
    """What elements of a reduction along axes read (see `Operation.ties`); its first attribute holds the axes."""
    rank, kept = len(shapes[0]), iter(range(len(shapes[0])))
    return [[None if axis - rank in attributes[0] else next(kept) for axis in range(rank)]]


# ---- batches ---------------------------------------------------------------------------------------------------


def is_batch(x: Any, shape: Shape) -> bool:
    """Whether an operand has the rows of a batch in front of its shape in one row."""
    return len(x.shape) > len(shape)


def for_every_row(x: Any, shape: Shape, rows: int) -> Any:
    """An operand with the rows of a batch in front, repeated where it is the same for all of them."""
    return x if is_batch(x, shape) else broadcast_to(x, (rows, *shape))


def with_rank(x: Any, shape: Shape, rank: int) -> Any:
    """An operand with axes of length 1 between the batch and its own ones, so that it meets others of a rank."""
    if len(shape) == rank or not is_batch(x, shape):
        return x
    return reshape(x, (x.shape[0], *(1,) * (rank - len(shape)), *shape))


def _side_by_side(operands: Sequence[Any], shapes: Sequence[Shape], axis: int, rows: int) -> Any:
    """Batches one after the other in each row, along an axis that is counted from the end."""
    return operands[0].build(
        join, [for_every_row(x, shape, rows) for x, shape in zip(operands, shapes, strict=True)], (axis,)
    )


# ---- stack -----------------------------------------------------------------------------------------------------


def _stack_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    if any(shape != shapes[0] for shape in shapes):
        different = sorted({str(list(shape)) if shape else "scalar" for shape in shapes})
        raise ValueError(f"all items of a list must have the same shape, here are {' and '.join(different)}")
    return (len(shapes), *shapes[0])


def _stack_numpy(np: Any, *items: Any) -> Any:
    *parts, rank = items
    if all(getattr(part, "ndim", None) == rank and part.dtype == np.float64 for part in parts):
        return np.array(parts)  # no batch: several times quicker than looking for one
    return np.stack(np.broadcast_arrays(*parts), axis=-1 - rank)


def _stack_batch(operands: Sequence[Any], shapes: Sequence[Shape], attributes: tuple[Any, ...], rows: int) -> Any:
    items = [reshape(for_every_row(x, shape, rows), (rows, 1, *shape))
             for x, shape in zip(operands, shapes, strict=True)]  # fmt: skip
    return _side_by_side(items, [(1, *shape) for shape in shapes], -1 - len(shapes[0]), rows)


stack: Operation = Operation(
    "stack", "x, ...", shape=_stack_shape, batch=_stack_batch,
    prepare=lambda shapes: (len(shapes[0]),) if shapes[0] else (0,),
    pullback=lambda adjoint, operands, result, attributes: [adjoint[k] for k in range(len(operands))],
    spell={"numpy": _stack_numpy, "latex": "list"},
    traits=("structural", "traceable", "moves", "gathers"), examples=("stack(x, y, z)",),
    about="A list of values of one shape as an array with one more axis in front.",
)  # fmt: skip


# ---- numbers at equal distances --------------------------------------------------------------------------------


def _progression_numpy(np: Any, start: int, step: int, count: int) -> Any:
    return start + step * np.arange(count, dtype=np.float64)


progression = Operation(
    "progression", "[start], [step], [count]",
    shape=lambda shapes, attributes: (attributes[2],),
    prepare=lambda shapes, *numbers: tuple(whole(number, "a limit of a range") for number in numbers),
    spell={"numpy": _progression_numpy, "latex": "range"}, traits=("structural", "traceable", "internal"),
    about="The whole numbers of a range as a vector, which a graph need not hold one by one.",
)  # fmt: skip


# ---- index and its adjoint -------------------------------------------------------------------------------------


def _normal_key(shapes: Sequence[Shape], key: Key) -> tuple[Any, ...]:
    """(key, operand shape): one entry an axis, an integer from 0 or a (start, stop, step) tuple."""
    shape = shapes[0]
    if len(key) > len(shape):
        what = f"an array of {len(shape)} axes" if shape else "a scalar"
        raise ValueError(f"{what} cannot take {len(key)} indices")
    entries: list[Any] = []
    for position, length in enumerate(shape):
        item = key[position] if position < len(key) else slice(None)
        if isinstance(item, tuple):
            entries.append(item)
        elif isinstance(item, slice):
            parts = (item.start, item.stop, item.step)
            bounds = [None if part is None else whole(part, "a slice bound") for part in parts]
            if bounds[2] == 0:
                raise ValueError("the step of a slice cannot be 0")
            entries.append(slice(*bounds).indices(length))
        else:
            number = whole(item, "an index")
            if not -length <= number < length:
                raise ValueError(f"index {number} does not exist; the axis has length {length}")
            entries.append(number % length)
    return tuple(entries), shape


def _as_slice(start: int, stop: int, step: int) -> slice:
    """A slice from normalised bounds; a stop of -1 with a negative step means past the first element."""
    return slice(start, None if stop < 0 else stop, step)


@lru_cache(maxsize=1024)
def _numpy_key(entries: Key) -> Key:
    return (Ellipsis, *(_as_slice(*item) if isinstance(item, tuple) else item for item in entries))


def _index_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    return tuple(len(range(*item)) for item in attributes[0] if isinstance(item, tuple))


def _place_numpy(np: Any, x: Any, entries: Key, shape: Shape) -> Any:
    batch = x.ndim - sum(isinstance(item, tuple) for item in entries) if hasattr(x, "ndim") else 0
    result = np.zeros(np.shape(x)[:batch] + shape, dtype=getattr(x, "dtype", float))
    result[_numpy_key(entries)] = x
    return result


FEW_ELEMENTS = 4096
"""Elements of an array up to which those that an index reads are told apart while a graph is built."""


def positions_of(entries: Key, shape: Shape) -> list[int]:
    """The positions, in an array of this shape written row by row, of the elements that an index reads, in order."""
    found = [0]
    for item, length in zip(entries, shape, strict=True):
        steps = range(*item) if isinstance(item, tuple) else (item,)
        found = [position * length + step for position in found for step in steps]
    return found


def _index_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    """The adjoint in its place; all other elements were not read."""
    placed = place(adjoint, attributes)
    if size_of(operands[0].shape) <= FEW_ELEMENTS:
        return [Placed(placed, positions_of(*attributes))]
    ones = broadcast_to(adjoint.coerce(1.0), adjoint.shape) if adjoint.shape else adjoint.coerce(1.0)
    return [Taken(place(ones, attributes), placed, clean=True)]


def _fold_index(x: Any, key: Key) -> Any:
    """An element of an array of numbers is a number, and an item of a list that item."""
    if len(key) != len(x.shape) or not all(isinstance(item, int) for item in key):
        return None
    if len(key) == 1 and x.graph.row(x.node) is stack:
        return type(x)(x.graph, x.graph.operands_of(x.node)[key[0]])
    if x.graph.row(x.node) is progression:
        start, step, count = x.graph.attributes_of(x.node)
        return x.coerce(float(start + step * (key[0] % count))) if -count <= key[0] < count else None
    values = x.array_value
    return None if values is None else x.coerce(float(values[key]))


def _key_of_batch(entries: Key, rows: int) -> Key:
    return ((0, rows, 1), *entries)


index: Operation = Operation(
    "index", "x, [key]", shape=_index_shape,
    batch=lambda operands, shapes, attributes, rows: index(operands[0], _key_of_batch(attributes[0], rows)),
    prepare=_normal_key,
    pullback=_index_pullback, fold=_fold_index,
    spell={"numpy": lambda np, x, entries, shape: np.asarray(x)[_numpy_key(entries)], "latex": "index"},
    traits=("structural", "traceable", "moves", "gathers", "internal"),
    examples=("[x, y, z][1]", "[[x, y], [z, 1]][0]", "[x, y, z][::-1]"),
    about="Elements of an array: `v[0]`, `v[1:3]`, `A[i, j]`, from 0, from the end where negative.",
)  # fmt: skip
place: Operation = Operation(
    "place", "x, [target]", shape=lambda shapes, attributes: attributes[1],
    prepare=lambda shapes, target: target,
    batch=lambda operands, shapes, attributes, rows: place(
        operands[0], (_key_of_batch(attributes[0], rows), (rows, *attributes[1]))
    ),
    pullback=lambda adjoint, operands, result, attributes: [adjoint[attributes[0]]],
    spell={"numpy": _place_numpy},
    traits=("structural", "traceable", "moves", "gathers", "internal"),
    about="Zeros with the operand at the place where `index` reads: the adjoint of `index`.",
)  # fmt: skip


# ---- shape changes ---------------------------------------------------------------------------------------------


def _reshape_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    target: Shape = attributes[0]
    if size_of(target) != size_of(shapes[0]):
        raise ValueError(f"{size_of(shapes[0])} elements cannot take the shape {list(target)}")
    return target


def batch_of(x: Any, rank: int) -> Shape:
    """The axes in front of an operand of known rank."""
    shape: Shape = x.shape
    return shape[: x.ndim - rank]


def _reshape_numpy(np: Any, x: Any, shape: Shape, rank: int) -> Any:
    x = np.asarray(x)
    return x.reshape(shape if x.ndim == rank else batch_of(x, rank) + shape)


def _transpose_numpy(np: Any, x: Any, rank: int) -> Any:
    x = np.asarray(x)
    if x.ndim == rank:
        return x.T
    return x.transpose(*range(x.ndim - rank), *range(x.ndim - 1, x.ndim - rank - 1, -1))


reshape: Operation = Operation(
    "reshape", "x, [shape]", shape=_reshape_shape,
    batch=lambda operands, shapes, attributes, rows: reshape(operands[0], (rows, *attributes[0])),
    prepare=lambda shapes, shape: (whole_shape(shape), len(shapes[0])),
    pullback=lambda adjoint, operands, result, attributes: [reshape(adjoint, operands[0].shape)],
    spell={"numpy": _reshape_numpy},
    traits=("structural", "traceable", "moves", "gathers"), examples=("reshape([x, y, z, 1], [2, 2])",),
    about="The same elements in another shape, rows first.",
)  # fmt: skip
transpose = Operation(
    "transpose", "x",
    batch=lambda operands, shapes, attributes, rows: permute(operands[0], (0, *range(attributes[0], 0, -1))),
    shape=lambda shapes, attributes: shapes[0][::-1], prepare=lambda shapes: (len(shapes[0]),),
    pullback=lambda adjoint, operands, result, attributes: [adjoint.T],
    spell={"numpy": _transpose_numpy, "latex": r"{0}^{{\top}}"},
    traits=("structural", "traceable", "moves", "gathers", "involution"),
    examples=("transpose([[x, y, z], [1, 2, x]])",),
    about="Axes in reverse order; also written `A.T`.",
)  # fmt: skip


def _permute_numpy(np: Any, x: Any, axes: tuple[int, ...]) -> Any:
    x = np.asarray(x)
    front = x.ndim - len(axes)
    return x.transpose(*range(front), *(front + axis for axis in axes))


def _permute_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    (axes,) = attributes
    return [permute(adjoint, tuple(sorted(range(len(axes)), key=axes.__getitem__)))]


permute: Operation = Operation(
    "permute", "x, [axes]", shape=lambda shapes, attributes: tuple(shapes[0][axis] for axis in attributes[0]),
    prepare=lambda shapes, axes: (tuple(axes),), pullback=_permute_pullback,
    batch=lambda operands, shapes, attributes, rows: permute(operands[0], (0, *(axis + 1 for axis in attributes[0]))),
    fold=lambda x, axes: x if tuple(axes) == tuple(range(len(x.shape))) else None,
    spell={"numpy": _permute_numpy}, traits=("structural", "traceable", "moves", "gathers", "internal"),
    about="Axes in another order: axis k of the result is the one of the operand that is given k-th.",
)  # fmt: skip


def _broadcast_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    target: Shape = attributes[0]
    source = shapes[0]
    padded = (1,) * (len(target) - len(source)) + source
    if len(padded) != len(target) or any(a not in (1, b) for a, b in zip(padded, target, strict=True)):
        raise ValueError(f"shape {list(source)} does not stretch to {list(target)}")
    return target


def _broadcast_numpy(np: Any, x: Any, shape: Shape, rank: int) -> Any:
    x = np.asarray(x)
    if x.ndim == rank:
        return np.broadcast_to(x, shape)
    batch = batch_of(x, rank)
    aligned = x.reshape(batch + (1,) * (len(shape) - rank) + tuple(x.shape[x.ndim - rank :]))
    return np.broadcast_to(aligned, batch + shape)


broadcast_to: Operation = Operation(
    "broadcast_to", "x, [shape]", shape=_broadcast_shape,
    batch=lambda operands, shapes, attributes, rows: broadcast_to(
        with_rank(operands[0], shapes[0], len(attributes[0])), (rows, *attributes[0])
    ),
    prepare=lambda shapes, shape: (whole_shape(shape), len(shapes[0])),
    pullback=lambda adjoint, operands, result, attributes: [sum_to(adjoint, operands[0].shape)],
    fold=lambda x, shape: x if x.shape == tuple(shape) else None,
    spell={"numpy": _broadcast_numpy},
    traits=("structural", "traceable", "moves", "gathers"),
    examples=("broadcast_to(x, [3])", "broadcast_to([x, y], [2, 2])"),
    about="The operand repeated along new or stretched axes.",
)  # fmt: skip


# ---- concatenation ---------------------------------------------------------------------------------------------


def _concat_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    if not all(shapes):
        raise ValueError("a number is no array; write [x] for an array of one number")
    if any(shape[1:] != shapes[0][1:] for shape in shapes):
        listed = " and ".join(str(list(shape)) for shape in shapes)
        raise ValueError(f"shapes {listed} do not fit one after the other")
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def _concat_numpy(np: Any, *items: Any) -> Any:
    *operands, rank = items
    arrays = [np.asarray(operand) for operand in operands]
    if all(array.ndim == rank for array in arrays):  # no batch: several times quicker than looking for one
        return np.concatenate(arrays)
    batch = np.broadcast_shapes(*(batch_of(array, rank) for array in arrays))
    stretched = [np.broadcast_to(array, batch + array.shape[array.ndim - rank :]) for array in arrays]
    return np.concatenate(stretched, axis=-rank)


def _concat_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    parts, start = [], 0
    for operand in operands:
        stop = start + operand.shape[0]
        parts.append(adjoint[start:stop])
        start = stop
    return parts


concat: Operation = Operation(
    "concat", "x, ...", aliases=("concatenate",), shape=_concat_shape,
    batch=lambda operands, shapes, attributes, rows: _side_by_side(operands, shapes, -len(shapes[0]), rows),
    prepare=lambda shapes: (len(shapes[0]),),
    pullback=_concat_pullback, spell={"numpy": _concat_numpy}, traits=("structural", "traceable", "moves", "gathers"),
    examples=("concat([x, y], [z])", "concat([[x, y]], [[z, 1], [2, x]])"),
    about="Arrays one after the other along their first axis.",
)  # fmt: skip


# ---- sum -------------------------------------------------------------------------------------------------------


def _sum_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    shape = operands[0].shape
    kept = tuple(1 if position - len(shape) in attributes[0] else length for position, length in enumerate(shape))
    return [broadcast_to(adjoint if not adjoint.shape else reshape(adjoint, kept), shape)]


SHORT = 128
"""Length up to which NumPy sums an axis with eight accumulators; longer ones it halves."""


def _join_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    (axis,) = attributes
    place = len(shapes[0]) + axis
    if any((*shape[:place], *shape[place + 1 :]) != (*shapes[0][:place], *shapes[0][place + 1 :]) for shape in shapes):
        raise ValueError("shapes do not fit side by side")
    return (*shapes[0][:place], sum(shape[place] for shape in shapes), *shapes[0][place + 1 :])


def _join_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    (axis,) = attributes
    parts, start = [], 0
    for operand in operands:
        key = [slice(None)] * len(operand.shape)
        key[axis] = slice(start, start + operand.shape[axis])
        start += operand.shape[axis]
        parts.append(adjoint[tuple(key)])
    return parts


def _join_numpy(np: Any, *items: Any) -> Any:
    *operands, axis = items
    arrays = [np.asarray(operand) for operand in operands]
    if any(array.ndim != arrays[0].ndim for array in arrays):  # a batch in front of some of them
        rank = max(array.ndim for array in arrays)
        rows = next(array.shape[0] for array in arrays if array.ndim == rank)
        arrays = [array if array.ndim == rank else np.broadcast_to(array, (rows, *array.shape)) for array in arrays]
    return np.concatenate(arrays, axis=axis)


join: Operation = Operation(
    "join", "x, ...", shape=_join_shape, prepare=lambda shapes, axis: (whole(axis, "an axis"),),
    batch=lambda operands, shapes, attributes, rows: operands[0].build(
        join, [for_every_row(x, shape, rows) for x, shape in zip(operands, shapes, strict=True)], attributes
    ),
    pullback=_join_pullback, spell={"numpy": _join_numpy},
    traits=("structural", "traceable", "moves", "gathers", "internal"),
    about="Arrays one after the other along an axis, which is counted from the end.",
)  # fmt: skip


def _sum_numpy(np: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """NumPy's sum; along one axis of many short rows by `einsum`, whose loop does not start anew for each row.

    That takes a quarter of the time. Down columns it adds in the same order. Along a row it has as many accumulators
    as `sum` has, or more, so that the bound of its rounding errors is no larger (N. Higham, Accuracy and Stability of
    Numerical Algorithms, 2nd ed., SIAM 2002, section 4.2); of stretched or turned arrays that would not be so.
    """
    short = getattr(x, "ndim", 0) > 1 and 1 < x.shape[-1] <= SHORT and x.flags.c_contiguous and x.dtype == np.float64
    if short and axes == (-1,):
        return np.einsum("...i->...", x)
    if short and axes == (-2,):
        return np.einsum("...ij->...j", x)
    return np.add.reduce(x, axis=axes)


sum_of = Operation(
    "sum", "x, [axis=None]", shape=lambda shapes, attributes: without_axes(shapes[0], attributes[0]),
    prepare=lambda shapes, axis=None: (chosen_axes(shapes[0], axis),),
    compute=lambda x, axes: x, pullback=_sum_pullback, combine=add, ties=reduced_ties,
    spell={"numpy": _sum_numpy, "latex": r"\sum {0}", "rows": "Sum"},
    traits=("structural", "traceable", "moves", "along_axes", "reduction"),
    examples=("sum([x, y, z])", "sum([[x, y], [z, 1]], 0)"),
    about="Sum of all elements, or along one axis.",
)  # fmt: skip


def sum_to(x: Any, shape: Shape) -> Any:
    """Undo broadcasting: sum the axes along which a value of the given shape was repeated."""
    if x.shape == shape:
        return x
    extra = len(x.shape) - len(shape)
    axes = [
        position
        for position, length in enumerate(x.shape)
        if position < extra or (shape[position - extra] == 1 and length != 1)
    ]
    summed = sum_of(x, tuple(axes)) if axes else x
    return summed if summed.shape == shape else reshape(summed, shape)
