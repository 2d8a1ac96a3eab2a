"""Elements of arrays by positions: static ones in any order, and positions that are values."""

from __future__ import annotations

from math import floor, isfinite, nan

from cgcli.ops.decisions import Placed, Taken
from cgcli.ops.logic import where
from cgcli.ops.reductions import cumsum
from cgcli.ops.row import Operation
from cgcli.ops.shaping import (
    FEW_ELEMENTS,
    batch_of,
    broadcast_to,
    for_every_row,
    is_batch,
    reshape,
    size_of,
    stack,
    sum_of,
    whole,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Shape = tuple[int, ...]


# ---- static positions ------------------------------------------------------------------------------------------------


class Positions:
    """Positions in an array as one attribute, equal by what they are.

    array: whole numbers, to which nobody writes any more. once: whether none of them is there twice.
    """

    __slots__ = ("_key", "array", "once")

    def __init__(self, array: Any) -> None:
        from hashlib import blake2b

        array.setflags(write=False)
        self.array = array
        self.once = len(set(array.tolist())) == len(array)
        self._key = blake2b(array.tobytes(), digest_size=16).hexdigest()

    def __repr__(self) -> str:
        return f"Positions({len(self.array)}, {self._key})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Positions) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _gather_numpy(np: Any, x: Any, positions: Positions, rank: int) -> Any:
    x = np.asarray(x)
    return x.reshape((*batch_of(x, rank), -1)).take(positions.array, axis=-1)


def _gather_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    """The adjoint in its places; all other elements were not read."""
    shape, positions = operands[0].shape, attributes[0]
    placed = scatter(adjoint, positions, shape)
    if size_of(shape) <= FEW_ELEMENTS:
        return [Placed(placed, positions.array.tolist())]
    return [Taken(scatter(broadcast_to(adjoint.coerce(1.0), adjoint.shape), positions, shape), placed, clean=True)]


gather: Operation = Operation(
    "gather", "x, [positions]", shape=lambda shapes, attributes: (len(attributes[0].array),),
    prepare=lambda shapes, positions: (positions, len(shapes[0])),
    batch=lambda operands, shapes, attributes, rows: take(
        reshape(operands[0], (rows, size_of(shapes[0]))).T, attributes[0].array
    ).T,
    pullback=_gather_pullback, spell={"numpy": _gather_numpy},
    traits=("structural", "traceable", "moves", "gathers", "internal"),
    about="The elements at any positions of an array, rows first, as a vector.",
)  # fmt: skip


def _scatter_numpy(np: Any, x: Any, positions: Positions, shape: Shape) -> Any:
    x = np.asarray(x)
    if x.ndim == 1 and x.dtype == np.float64 and not positions.once:
        return np.bincount(positions.array, weights=x, minlength=size_of(shape)).reshape(shape)
    found = np.zeros((*x.shape[:-1], size_of(shape)), dtype=x.dtype)
    if positions.once:
        found[..., positions.array] = x
    else:
        np.add.at(found.T, positions.array, x.T)
    return found.reshape(x.shape[:-1] + shape)


scatter: Operation = Operation(
    "scatter", "x, [positions], [shape]", shape=lambda shapes, attributes: attributes[1],
    prepare=lambda shapes, positions, shape: (positions, shape),
    batch=lambda operands, shapes, attributes, rows: reshape(
        scatter_add(operands[0].T, attributes[0].array, size_of(attributes[1])).T, (rows, *attributes[1])
    ),
    pullback=lambda adjoint, operands, result, attributes: [gather(adjoint, attributes[0])],
    spell={"numpy": _scatter_numpy},
    traits=("structural", "traceable", "moves", "scatters", "internal"),
    about="Zeros with the elements of a vector added at any positions: the adjoint of `gather`.",
)  # fmt: skip


# ---- positions that are values ---------------------------------------------------------------------------------------


def _take_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    if not shapes[0]:
        raise ValueError("a single number has no elements")
    return shapes[1] + shapes[0][1:]


def whole_positions(np: Any, k: Any, length: int) -> tuple[Any, Any]:
    """Positions along an axis as whole numbers from 0, and where there is one; elsewhere they are 0."""
    k = np.asarray(k)
    number = k.astype(float) if k.dtype == object else k
    exists = (number == np.floor(number)) & (number >= -length) & (number < length)
    places = np.where(exists, number, 0).astype(np.intp)
    return np.where(places < 0, places + length, places), exists


def wrong_position(positions: Any, length: int) -> tuple[int, str] | None:
    """The place of the first item of an array that holds no position of an axis, and what is wrong; None if all do."""
    import numpy as np

    positions = np.atleast_1d(positions)
    wrong = ~whole_positions(np, positions, length)[1]
    if not wrong.any():
        return None
    place = int(np.flatnonzero(wrong.reshape(len(positions), -1).any(axis=1))[0])
    value = float(positions[place].flat[0] if positions.ndim == 1 else positions[place][wrong[place]].flat[0])
    if value != value:
        return place, "an index is missing"
    if isfinite(value) and value != floor(value):
        return place, f"index {value:g} is no whole number"
    return place, f"index {value:g} does not exist; the array has {length:,} items"


def _take_numpy(np: Any, x: Any, k: Any, rank: int, rank_k: int) -> Any:
    """Where there is no such position, nan: whoever calculates with rows says so by the number of the row."""
    x, k = np.asarray(x), np.asarray(k)
    places, exists = whole_positions(np, k, x.shape[x.ndim - rank])
    if x.ndim > rank:
        rows = np.arange(x.shape[0]).reshape(-1, *(1,) * rank_k)
        found = x[rows, places]
    else:
        found = x[places] if x.dtype == object else x.take(places, axis=0)
    if not exists.all():
        found = np.array(found)
        found[~np.broadcast_to(exists, found.shape[: found.ndim - rank + 1])] = np.nan
    return found


def _take_batch(operands: Sequence[Any], shapes: Sequence[Shape], attributes: tuple[Any, ...], rows: int) -> Any:
    """Of an array that all rows share, the positions of all of them; of one a row, positions in all of these."""
    (x, k), (of_x, of_k) = operands, shapes
    if not is_batch(x, of_x):
        return take(x, k)
    return take(reshape(x, (rows * of_x[0], *of_x[1:])), _among_rows(k, of_k, of_x[0], rows))


def _among_rows(k: Any, shape: Shape, length: int, rows: int) -> Any:
    """Positions within the array of each row as positions in all of them one after the other; nan where none is."""
    k = for_every_row(k, shape, rows)
    numbers = cumsum(broadcast_to(k.coerce(1.0), (rows,)), 0) - 1
    begins = reshape(numbers * length, (rows, *(1,) * len(shape)))
    exists = (k >= -length) & (k < length)
    return where(exists, where(k < 0, k + length, k) + begins, nan)


def _take_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    """The adjoint is added where it was read; by a position there is no derivative."""
    x, k = operands
    added = scatter_add(adjoint, k, x.shape[0])
    ones = broadcast_to(adjoint.coerce(1.0), adjoint.shape) if adjoint.shape else adjoint.coerce(1.0)
    return [Taken(scatter_add(ones, k, x.shape[0]), added, clean=True), None]


def _take_written_out(x: Any, k: Any, rank: int, rank_k: int) -> Any:
    """A choice among all positions, one after the other."""
    place, found = _spread_place(k, x.shape[0], rank - 1), k.coerce(nan)
    for position in range(x.shape[0]):
        found = where(place == position, x[position], found)
    return found


def _spread_place(k: Any, length: int, more: int) -> Any:
    """Positions counted from 0, with as many axes more as elements have."""
    place = where(k < 0, k + length, k)
    return reshape(place, (*place.shape, *(1,) * more)) if more else place


take: Operation = Operation(
    "take", "x, k", shape=_take_shape, prepare=lambda shapes: (len(shapes[0]), len(shapes[1])),
    pullback=_take_pullback, batch=_take_batch,
    spell={"numpy": _take_numpy, "written_out": _take_written_out, "latex": r"{0}_{{{1}}}"},
    traits=("structural", "internal"),
    about="Elements along the first axis at positions that are values, from the end where negative: `E[k]`.",
)  # fmt: skip


def _added_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    of_x, of_k = shapes
    return (attributes[0], *of_x[len(of_k) :])


def _scatter_add_numpy(np: Any, x: Any, k: Any, length: int, rank: int, rank_k: int) -> Any:
    """What has no position is added nowhere."""
    x, k = np.asarray(x), np.asarray(k)
    places, exists = whole_positions(np, k, length)
    batch = np.broadcast_shapes(batch_of(x, rank), batch_of(k, rank_k))
    own = x.shape[x.ndim - rank + rank_k :]
    x = np.broadcast_to(x, batch + x.shape[x.ndim - rank :])
    places, exists = (np.broadcast_to(each, batch + k.shape[k.ndim - rank_k :]) for each in (places, exists))
    if batch:
        places = places + (np.arange(batch[0]) * length).reshape(-1, *(1,) * rank_k)
    count = length * (batch[0] if batch else 1)
    return _added(np, x[exists], places[exists], count, own).reshape((*batch, length, *own))


def _added(np: Any, items: Any, places: Any, length: int, shape: Shape) -> Any:
    """Zeros with items added at places, those of one place in their order."""
    found = np.zeros((length, *shape), dtype=items.dtype)
    add_at(np, found, places, items)
    return found


COMPILED, LOADED, AT_HAND = 20_000_000, 2_000_000, 500
"""Elements that were added so far from which on that is machine code: see `loops.pays`."""

_seen = [0]


def add_at(np: Any, target: Any, places: Any, items: Any) -> None:
    """Add items to those at places of an array, one after the other: the same bits in machine code and without."""
    from pathlib import Path

    from cgcli.loops import compiled, pays

    if items.dtype == np.float64 and target.flags.c_contiguous:
        _seen[0] += items.size
        if pays(_seen[0], (COMPILED, LOADED, AT_HAND), Path(__file__), "_add_lines"):
            width = max(1, size_of(target.shape[1:]))
            compiled(_add_lines)(target.reshape(-1, width), places, items.reshape(-1, width))
            return
    np.add.at(target, places, items)


def _add_lines(target: Any, places: Any, items: Any) -> None:
    for number in range(len(places)):
        place = places[number]
        for column in range(target.shape[1]):
            target[place, column] += items[number, column]


def _scatter_add_summed(np: Any, x: Any, k: Any, length: int, rank: int, rank_k: int, out: Any = None) -> Any:
    """The sum over the rows of a batch, of which no array a row is made."""
    places, exists = whole_positions(np, k, length)
    return _added(np, x[exists], places[exists], length, x.shape[x.ndim - rank + rank_k :])


def _scatter_add_batch(
    operands: Sequence[Any], shapes: Sequence[Shape], attributes: tuple[Any, ...], rows: int
) -> Any:  # fmt: skip
    (x, k), (of_x, of_k), length = operands, shapes, attributes[0]
    added = scatter_add(for_every_row(x, of_x, rows), _among_rows(k, of_k, length, rows), rows * length)
    return reshape(added, (rows, length, *of_x[len(of_k) :]))


def _scatter_add_written_out(x: Any, k: Any, length: int, rank: int, rank_k: int) -> Any:
    """Of each position the sum of what belongs to it."""
    place = _spread_place(k, length, rank - rank_k)
    own = (where(place == position, x, 0.0) for position in range(length))
    return stack(*(sum_of(each, tuple(range(rank_k))) if rank_k else each for each in own))


scatter_add: Operation = Operation(
    "scatter_add", "x, k, [length]", shape=_added_shape,
    prepare=lambda shapes, length: (whole(length, "a length"), len(shapes[0]), len(shapes[1])),
    pullback=lambda adjoint, operands, result, attributes: [take(adjoint, operands[1]), None],
    batch=_scatter_add_batch,
    spell={"numpy": _scatter_add_numpy, "numpy_summed": _scatter_add_summed, "written_out": _scatter_add_written_out},
    traits=("structural", "linear_in_first", "internal"),
    about="Zeros with the elements of x added at positions that are values: the adjoint of `take`.",
)  # fmt: skip
