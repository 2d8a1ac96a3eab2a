"""Linear algebra: products, equations, determinants; arrays made from nothing."""

from __future__ import annotations

from cgcli.ops.decisions import Taken
from cgcli.ops.row import Operation
from cgcli.ops.shaping import broadcast_to, is_batch, place, reshape, stack, sum_of, whole, whole_shape

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
    if rank_a == rank_b == 2 or (a.ndim == rank_a and b.ndim == rank_b):
        return np.matmul(a, b)
    left = np.asarray(a)[..., None, :] if rank_a == 1 else np.asarray(a)
    right = np.asarray(b)[..., :, None] if rank_b == 1 else np.asarray(b)
    product = np.matmul(left, right)
    if rank_b == 1:
        product = product[..., 0]
    return product[..., 0] if rank_a == 1 and rank_b == 1 else product[..., 0, :] if rank_a == 1 else product


def _matmul_batch(np: Any, a: Any, b: Any, rank_a: int, rank_b: int) -> Any:
    """As `_matmul_numpy`; a matrix that is the same in all rows of a batch meets its vectors in one product."""
    if rank_a == 2 and rank_b == 1 and a.ndim == 2 and b.ndim == 2:
        return np.matmul(b, a.T)
    if rank_a == 1 and rank_b == 2 and b.ndim == 2:
        return np.matmul(a, b)
    return _matmul_numpy(np, a, b, rank_a, rank_b)


def _matmul_summed(np: Any, a: Any, b: Any, rank_a: int, rank_b: int, out: Any = None) -> Any:
    """The sum over the rows of a batch of the products of its values; there is no writing it elsewhere."""
    return np.tensordot(a, b, axes=((0, rank_a), (0, 1)))


def _matmul_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    a, b = operands
    if attributes == (1, 1):
        return [adjoint * b, adjoint * a]
    if attributes == (2, 2):
        return [adjoint @ b.T, a.T @ adjoint]
    if attributes == (2, 1):
        return [outer(adjoint, b), a.T @ adjoint]
    return [b @ adjoint, outer(a, adjoint)]


def _matmul_ties(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> list[list[int | None]]:
    """Rows of the result go along with those of A, columns with those of B."""
    rank_a, rank_b = attributes
    return [[0, None] if rank_a == 2 else [None], [None, rank_a - 1] if rank_b == 2 else [None]]


def _matmul_in_batch(operands: Sequence[Any], shapes: Sequence[Shape], attributes: tuple[Any, ...], rows: int) -> Any:
    """One matrix product where an operand is the same for all rows, so that its derivative is one, too."""
    (a, b), (of_a, of_b) = operands, shapes
    if not is_batch(a, of_a) and attributes[1] == 1:
        return b @ (a if len(of_a) == 1 else a.T)
    if not is_batch(b, of_b):
        flat = a if attributes[0] == 1 else reshape(a, (rows * of_a[0], of_a[1]))
        return reshape(flat @ b, (rows, *of_a[:-1], *of_b[1:]))
    left = reshape(a, (rows, *of_a, 1)) if is_batch(a, of_a) else reshape(a, (*of_a, 1))
    right = reshape(b, (rows, *(1,) * (len(of_a) - 1), *of_b))
    if len(of_b) == 1:
        left = reshape(left, left.shape[:-1])
    return sum_of(left * right, -len(of_b))


matmul: Operation = Operation(
    "matmul", "A, B", shape=_matmul_shape, prepare=lambda shapes: tuple(map(len, shapes)), pullback=_matmul_pullback,
    ties=_matmul_ties, batch=_matmul_in_batch,
    spell={"numpy": _matmul_numpy, "numpy_batch": _matmul_batch, "numpy_summed": _matmul_summed, "infix": "@",
           "latex": "{0} {1}"}, precedence=60,
    traits=("structural", "traceable", "bilinear"),
    examples=("[x, y] @ [y, z]", "[[x, y], [z, 1]] @ [y, 2]", "[x, 2] @ [[x, y], [z, 1]]",
              "[[x, y], [z, 1]] @ [[z, 1], [x, y]]"),
    about="Matrix product `A @ B` of vectors and matrices.",
)  # fmt: skip


def _outer_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    if any(len(shape) != 1 for shape in shapes):
        raise ValueError("an outer product takes two vectors")
    return shapes[0] + shapes[1]


def _outer_in_batch(operands: Sequence[Any], shapes: Sequence[Shape], attributes: tuple[Any, ...], rows: int) -> Any:
    (a, b), ((m,), (n,)) = operands, shapes
    left = reshape(a, (rows, m, 1) if is_batch(a, (m,)) else (m, 1))
    return left * reshape(b, (rows, 1, n) if is_batch(b, (n,)) else (1, n))


outer: Operation = Operation(
    "outer", "a, b", shape=_outer_shape, ties=lambda shapes, attributes: [[0], [1]], batch=_outer_in_batch,
    pullback=lambda adjoint, operands, result, attributes: [adjoint @ operands[1], operands[0] @ adjoint],
    spell={"numpy": lambda np, a, b: np.asarray(a)[..., :, None] * np.asarray(b)[..., None, :],
           "numpy_summed": lambda np, a, b, out=None: np.matmul(a.T, b, out=out), "latex": r"{0} \otimes {1}"},
    traits=("structural", "traceable", "bilinear"), examples=("outer([x, y], [y, z, 1])",),
    about="Matrix of all products a[i]*b[j].",
)  # fmt: skip


# ---- vectors ---------------------------------------------------------------------------------------------------


def _dot_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    a, b = shapes
    if len(a) != 1 or a != b:
        raise ValueError("a dot product takes two vectors of the same length; use @ for matrices and * for numbers")
    return ()


dot = Operation(
    "dot", "a, b", aliases=("vdot", "vecdot"), shape=_dot_shape, definition=lambda a, b: matmul(a, b),
    spell={"latex": r"{0} \cdot {1}"}, traits=("structural", "commutative", "bilinear"),
    examples=("dot([x, y], [y, z])",),
    about="Dot product of two vectors, sum(a*b).",
)  # fmt: skip


def _cross_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    if any(shape != (3,) for shape in shapes):
        raise ValueError("a cross product takes two vectors of length 3")
    return (3,)


cross = Operation(
    "cross", "a, b", shape=_cross_shape, spell={"latex": r"{0} \times {1}"}, traits=("structural", "bilinear"),
    definition=lambda a, b: stack(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]),
    examples=("cross([x, y, z], [1, x, y])",),
    about="Cross product of two vectors of length 3.",
)  # fmt: skip

# ---- arrays made from nothing ----------------------------------------------------------------------------------


def _as_shape(shapes: Sequence[Shape], shape: Any) -> tuple[Shape]:
    return (whole_shape(shape),)


def _own_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    shape: Shape = attributes[0]
    return shape


zeros = Operation(
    "zeros", "[shape]", shape=_own_shape, prepare=_as_shape,
    spell={"numpy": lambda np, shape: np.zeros(shape), "latex": "0"}, traits=("structural", "traceable"),
    examples=("x + zeros(3)", "x + zeros([2, 2])"),
    about="Array of zeros: `zeros(3)`, `zeros([2, 3])`.",
)  # fmt: skip
ones = Operation(
    "ones", "[shape]", shape=_own_shape, prepare=_as_shape,
    spell={"numpy": lambda np, shape: np.ones(shape), "latex": "1"}, traits=("structural", "traceable"),
    examples=("x * ones(3)", "x * ones([2, 2])"),
    about="Array of ones: `ones(3)`, `ones([2, 3])`.",
)  # fmt: skip
eye = Operation(
    "eye", "[n]", shape=lambda shapes, attributes: attributes * 2, prepare=lambda shapes, n: whole_shape(n)[:1],
    spell={"numpy": lambda np, n: np.eye(n), "latex": "I_{{{n}}}"}, traits=("structural", "traceable"),
    examples=("x * eye(2)",),
    about="Identity matrix of n rows: 1 on the diagonal, 0 elsewhere.",
)  # fmt: skip


MOST_POINTS = 10_000_000
"""Points of `linspace`, whose places are written into the graph."""


def _steps(shapes: Sequence[Shape], n: Any) -> tuple[int]:
    if any(shapes):
        raise ValueError("the ends must be numbers")
    count = whole(n, "the number of points")
    if count > MOST_POINTS:
        raise ValueError(f"{count:,} points are more than the {MOST_POINTS:,} that are allowed")
    return (count,)


def _line(a: Any, b: Any, n: int) -> Any:
    """Both ends exactly; a single point is a."""
    if n == 1:
        return stack(a)
    places = a.coerce([float(place) for place in range(n)]) / (n - 1)
    return a * (1 - places) + b * places


linspace = Operation(
    "linspace", "a, b, [n]", shape=lambda shapes, attributes: attributes, prepare=_steps, definition=_line,
    spell={"latex": r"\operatorname{{linspace}}\left({0}, {1}\right)"}, traits=("structural",),
    examples=("linspace(x, y, 4)",),
    about="n numbers at equal distances from a to b, both included.",
)  # fmt: skip

# ---- diagonals -------------------------------------------------------------------------------------------------


def _square(shapes: Sequence[Shape], attributes: tuple[Any, ...] = ()) -> int:
    """Number of rows of a square matrix. ValueError for every other shape."""
    shape = shapes[0]
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"a square matrix is needed, not {list(shape) if shape else 'a number'}")
    return shape[0]


def _scalar_of_square(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    _square(shapes)
    return ()


def _identity(like: Any, n: int) -> Any:
    """The identity matrix in the graph of a reference."""
    return like.build(eye, [], [n])


trace: Operation = Operation(
    "trace", "A", aliases=("tr",), shape=_scalar_of_square,
    batch=lambda operands, shapes, attributes, rows: sum_of(_diagonals(operands[0], shapes[0][0], rows), -1),
    pullback=lambda adjoint, operands, result, attributes: [
        Taken(_identity(adjoint, operands[0].shape[0]), broadcast_to(adjoint, operands[0].shape))
    ],
    spell={"numpy": lambda np, a: np.trace(a, axis1=-2, axis2=-1), "latex": r"\operatorname{{tr}} {0}"},
    traits=("structural", "traceable", "moves", "reduction"), examples=("trace([[x, y], [z, x*y]])",),
    about="Sum of the diagonal of a square matrix.",
)  # fmt: skip


def _diagonal_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    if len(shapes[0]) == 1:
        return shapes[0] * 2
    return (_square(shapes),)


def _diagonal_numpy(np: Any, a: Any, rank: int) -> Any:
    if rank == 2:
        return np.diagonal(a, axis1=-2, axis2=-1)
    a = np.asarray(a)
    n = a.shape[-1]
    result = np.zeros((*a.shape, n), dtype=a.dtype)
    result.reshape((*a.shape[:-1], n * n))[..., :: n + 1] = a
    return result


def _diagonals(a: Any, n: int, rows: int) -> Any:
    """The diagonals of a batch of square matrices: every (n + 1)-th element of each."""
    return reshape(a, (rows, n * n))[:, :: n + 1]


def _diagonal_in_batch(operands: Sequence[Any], shapes: Sequence[Shape], attributes: tuple[Any, ...], rows: int) -> Any:
    if attributes == (2,):
        return _diagonals(operands[0], shapes[0][0], rows)
    (n,) = shapes[0]
    target = (((0, rows, 1), (0, n * n, n + 1)), (rows, n * n))
    return reshape(place(operands[0], target), (rows, n, n))


def _diagonal_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    """Of a matrix the elements beside the diagonal are not read."""
    if attributes == (1,):
        return [diag(adjoint)]
    return [Taken(_identity(adjoint, operands[0].shape[0]), diag(adjoint), clean=True)]


diag: Operation = Operation(
    "diag", "x", shape=_diagonal_shape, batch=_diagonal_in_batch, prepare=lambda shapes: (len(shapes[0]),),
    pullback=_diagonal_pullback,
    spell={"numpy": _diagonal_numpy, "latex": r"\operatorname{{diag}}\left({0}\right)"},
    traits=("structural", "traceable", "moves", "gathers"), examples=("diag([x, y])", "diag([[x, y], [z, 1]])"),
    about="Of a vector, the matrix with it on the diagonal; of a square matrix, its diagonal.",
)  # fmt: skip

# ---- equations and determinants --------------------------------------------------------------------------------


def _solve_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    n, right = _square(shapes), shapes[1]
    if len(right) not in (1, 2) or right[0] != n:
        raise ValueError(f"{n} equations need a right side of {n} rows, not {list(right) if right else 'a number'}")
    return right


def _one_by_one(np: Any, function: Any, *stacks: Any) -> Any:
    """A function of matrices on a batch of them, nan where a matrix is singular (NumPy refuses the whole batch)."""
    batch = np.broadcast_shapes(*(a.shape[:-2] for a in stacks))
    flat = [np.broadcast_to(a, batch + a.shape[-2:]).reshape((-1, *a.shape[-2:])) for a in stacks]
    result = np.full(flat[-1].shape, np.nan)
    for number, items in enumerate(zip(*flat, strict=True)):
        try:
            result[number] = function(*items)
        except np.linalg.LinAlgError:
            continue
    return result.reshape(batch + result.shape[-2:])


def _total(np: Any, function: Any, *stacks: Any) -> Any:
    try:
        return function(*stacks)
    except np.linalg.LinAlgError:
        return _one_by_one(np, function, *stacks)


def _solve_numpy(np: Any, a: Any, b: Any, rank: int) -> Any:
    a, b = np.asarray(a), np.asarray(b)
    if rank == 2:
        return _total(np, np.linalg.solve, a, b)
    return _total(np, np.linalg.solve, a, b[..., None])[..., 0]


def _solve_precise(mp: Any, a: Any, b: Any, rank: int) -> Any:
    import numpy as np

    columns = b.reshape(len(b), -1).T
    try:
        solved = [list(mp.lu_solve(mp.matrix(a.tolist()), mp.matrix(column.tolist()))) for column in columns]
    except ZeroDivisionError:
        solved = [[mp.nan] * len(b) for _ in columns]
    result = np.empty((len(b), len(columns)), dtype=object)
    for number, column in enumerate(solved):
        result[:, number] = column
    return result.reshape(b.shape)


def _solve_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    solved = solve(operands[0].T, adjoint)
    product = outer(solved, result) if attributes == (1,) else solved @ result.T
    return [-product, solved]


solve = Operation(
    "solve", "A, b", shape=_solve_shape, prepare=lambda shapes: (len(shapes[1]),), pullback=_solve_pullback,
    ties=lambda shapes, attributes: [[None, None], [None, 1][: attributes[0]]],
    spell={"numpy": _solve_numpy, "precise": _solve_precise, "latex": "{0}^{{-1}} {1}"}, traits=("structural",),
    examples=("solve([[3, x], [y, 4]], [z, 1])", "solve([[3, x], [y, 4]], [[z, 1], [x, 2]])"),
    about="The x with A @ x = b, for a vector or the columns of a matrix b; nan where A is singular.",
    source="M. Giles, Collected matrix derivative results, 2008",
)  # fmt: skip


def _inverse_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    return [-(result.T @ adjoint @ result.T)]


def _same_square(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    return (_square(shapes),) * 2


def _inverse_numpy(np: Any, a: Any) -> Any:
    return _total(np, np.linalg.inv, np.asarray(a))


inverse = Operation(
    "inv", "A", aliases=("inverse",), shape=_same_square, pullback=_inverse_pullback,
    spell={"numpy": _inverse_numpy, "precise": lambda mp, a: _solve_precise(mp, a, _precise_eye(mp, len(a)), 2),
           "latex": "{0}^{{-1}}"},
    traits=("structural",), examples=("inv([[3, x], [y, 4]])",),
    about="Inverse of a square matrix; nan where it is singular. `solve(A, b)` is better than `inv(A) @ b`.",
    source="M. Giles, Collected matrix derivative results, 2008",
)  # fmt: skip


def _precise_eye(mp: Any, n: int) -> Any:
    import numpy as np

    return np.array([[mp.mpf(row == column) for column in range(n)] for row in range(n)], dtype=object)


def _det_slope_numpy(np: Any, *operands: Any) -> Any:
    from cgcli.ops.numerics.minors import det_slope as function

    return function(*operands)


def _det_slope_precise(mp: Any, *operands: Any) -> Any:
    from cgcli.ops.numerics.minors import det_slope_precise as function

    return function(mp, *operands)


def _det_slope_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    n = _square(shapes)
    if any(shape != (n, n) for shape in shapes):
        raise ValueError("matrix and directions must have the same shape")
    return (n, n)


def _det_slope_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
    """One more direction for the matrix; a derivative along directions is the same in whatever order they come."""
    a, *directions = operands
    rests = [directions[:place] + directions[place + 1 :] for place in range(len(directions))]
    return [det_slope(a, *directions, adjoint), *(det_slope(a, *rest, adjoint) for rest in rests)]


det_slope: Operation = Operation(
    "det_slope", "A, ...", shape=_det_slope_shape, pullback=_det_slope_pullback,
    spell={"numpy": _det_slope_numpy, "precise": _det_slope_precise, "latex": r"\nabla \det {0}"},
    traits=("structural",),
    examples=("det_slope([[x, y], [z, 2]], [[1, x], [y, 1]])",
              "det_slope([[3, x, y], [z, 4, 1], [y, x, 5]], [[1, x, 2], [y, z, 1], [3, 1, y]])"),
    about="Gradient by A of the derivative of det(A) along the directions that follow, also of a singular A.",
    source="G. W. Stewart, On the adjugate matrix, 1998",
)  # fmt: skip
cofactors = Operation(
    "cofactors", "A", shape=_same_square,
    pullback=lambda adjoint, operands, result, attributes: [det_slope(operands[0], adjoint)],
    spell={"numpy": _det_slope_numpy, "precise": _det_slope_precise, "latex": r"\operatorname{{cof}} {0}"},
    traits=("structural",), examples=("cofactors([[x, y], [z, 2]])", "cofactors([[3, x, y], [z, 4, 1], [y, x, 5]])"),
    about="Matrix of the derivatives of det(A), det(A)*inv(A).T, also of a singular A.",
    source="G. W. Stewart, On the adjugate matrix, 1998",
)  # fmt: skip


def _determinant_precise(mp: Any, a: Any) -> Any:
    return mp.det(mp.matrix(a.tolist()))


det = Operation(
    "det", "A", shape=_scalar_of_square,
    pullback=lambda adjoint, operands, result, attributes: [adjoint * cofactors(operands[0])],
    spell={"numpy": lambda np, a: np.linalg.det(a), "precise": _determinant_precise, "latex": r"\det {0}"},
    traits=("structural", "reduction"), examples=("det([[x, y], [z, 2]])", "det([[3, x, y], [z, 4, 1], [y, x, 5]])"),
    about="Determinant of a square matrix; its derivatives are right for a singular matrix, too.",
)  # fmt: skip
logdet = Operation(
    "logdet", "A", shape=_scalar_of_square, spell={
        "numpy": lambda np, a: np.linalg.slogdet(a)[1],
        "precise": lambda mp, a: mp.log(abs(_determinant_precise(mp, a))), "latex": r"\ln \left|\det {0}\right|",
    },
    pullback=lambda adjoint, operands, result, attributes: [adjoint * inverse(operands[0]).T],
    traits=("structural", "reduction"), examples=("logdet([[3, x], [y, 4]])",),
    about="log|det(A)| without overflow.",
)  # fmt: skip
