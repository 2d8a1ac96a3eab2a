"""Linear algebra: products of vectors and matrices."""

from __future__ import annotations

from cgcli.ops.row import Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Shape = tuple[int, ...]


def _matmul_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    a, b = shapes
    if not a or not b or len(a) > 2 or len(b) > 2:
        raise ValueError("a matrix product takes vectors and matrices; use * for numbers")
    if a[-1] != b[0]:
        raise ValueError(f"inner lengths differ: {list(a)} @ {list(b)} has {a[-1]} and {b[0]}")
    return a[:-1] + b[1:]


def _matmul_numpy(np: Any, a: Any, b: Any, rank_a: int, rank_b: int) -> Any:
    left = np.asarray(a)[..., None, :] if rank_a == 1 else np.asarray(a)
    right = np.asarray(b)[..., :, None] if rank_b == 1 else np.asarray(b)
    product = np.matmul(left, right)
    if rank_b == 1:
        product = product[..., 0]
    return product[..., 0] if rank_a == 1 and rank_b == 1 else product[..., 0, :] if rank_a == 1 else product


def _matmul_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    a, b = operands
    if attributes == (1, 1):
        return [adjoint * b, adjoint * a]
    if attributes == (2, 2):
        return [adjoint @ b.T, a.T @ adjoint]
    if attributes == (2, 1):
        return [outer(adjoint, b), a.T @ adjoint]
    return [b @ adjoint, outer(a, adjoint)]


matmul = Operation(
    "matmul", "A, B", shape=_matmul_shape, prepare=lambda shapes: tuple(map(len, shapes)), pullback=_matmul_pullback,
    spell={"numpy": _matmul_numpy, "infix": "@", "latex": "{0} {1}"}, precedence=60,
    traits=("structural", "traceable"),
    examples=("[x, y] @ [y, z]", "[[x, y], [z, 1]] @ [y, 2]", "[x, 2] @ [[x, y], [z, 1]]",
              "[[x, y], [z, 1]] @ [[z, 1], [x, y]]"),
    about="Matrix product `A @ B` of vectors and matrices.",
)  # fmt: skip


def _outer_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    if any(len(shape) != 1 for shape in shapes):
        raise ValueError("an outer product takes two vectors")
    return shapes[0] + shapes[1]


outer = Operation(
    "outer", "a, b", shape=_outer_shape,
    pullback=lambda adjoint, operands, result, attributes: [adjoint @ operands[1], operands[0] @ adjoint],
    spell={"numpy": lambda np, a, b: np.asarray(a)[..., :, None] * np.asarray(b)[..., None, :],
           "latex": r"{0} \otimes {1}"},
    traits=("structural", "traceable"), examples=("outer([x, y], [y, z, 1])",),
    about="Matrix of all products a[i]*b[j].",
)  # fmt: skip
