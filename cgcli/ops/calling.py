"""Kept calls: a function of the formula that stands in the graph as one node, and a loop over such calls.

The function is a *body* (`graph.bodies.Body`), a small closed graph, and the first static argument of the node. Engines
run it by the body's own plan, and derivatives are kept calls again (`passes.kept_calls`). So a recurrence of any length
is one node, as `scan` is in JAX (R. Frostig, M. Johnson, C. Leary, "Compiling machine learning programs via high-level
tracing", SysML 2018).
"""

from __future__ import annotations

from cgcli.ops.row import Operation
from cgcli.ops.shaping import size_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Shape = tuple[int, ...]


def _require_body(body: Any) -> None:
    if not hasattr(body, "operand_shapes"):
        raise ValueError("a kept call needs the body of a function")


def _require_shapes(body: Any, shapes: Sequence[Shape]) -> None:
    """ValueError where operands do not have the shapes for which a body was made."""
    if tuple(shapes) != body.operand_shapes:
        needed, here = (
            ", ".join(str(list(shape)) if shape else "a number" for shape in listed) or "nothing"
            for listed in (body.operand_shapes, shapes)
        )
        raise ValueError(f"`{body.name}` takes {needed}, not {here}")


# ---- one call --------------------------------------------------------------------------------------------------------


def _prepare_call(shapes: Sequence[Shape], body: Any) -> tuple[Any, ...]:
    _require_body(body)
    return (body,)


def _call_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    (body,) = attributes
    _require_shapes(body, shapes)
    shape: Shape = body.shape
    return shape


def _written_out(*operands_and_body: Any) -> Any:
    """The body in the graph of the operands; several results as one vector."""
    *operands, body = operands_and_body
    return body.written_out(operands)


call = Operation(
    "call", "x, ...", shape=_call_shape, prepare=_prepare_call, definition=_written_out,
    traits=("structural", "internal", "kept"),
    about="A call of a function of the formula: its result, or the elements of all its results, one after the other.",
)  # fmt: skip


# ---- a loop of calls -------------------------------------------------------------------------------------------------


def _prepare_scan(shapes: Sequence[Shape], body: Any, steps: int, items: int, reverse: bool) -> tuple[Any, ...]:
    _require_body(body)
    if not (type(steps) is type(items) is int and type(reverse) is bool):
        raise ValueError("a loop needs whole numbers of steps and of items, and whether it runs backwards")
    if steps < 1 or not 0 <= items < len(shapes):
        raise ValueError(f"there is no loop of {steps:,} steps with {items:,} items among {len(shapes):,} operands")
    return body, steps, items, reverse


def _scan_shape(shapes: Sequence[Shape], attributes: tuple[Any, ...]) -> Shape:
    body, steps, items, _ = attributes
    for shape in shapes[1 : 1 + items]:
        if not shape or shape[0] != steps:
            raise ValueError(f"the items of {steps:,} steps cannot have the shape {list(shape)}")
    _require_shapes(body, [shapes[0], *(shape[1:] for shape in shapes[1 : 1 + items]), *shapes[1 + items :]])
    results = body.result_shapes
    if len(results) > 2 or results[0] != shapes[0]:
        raise ValueError(f"`{body.name}` makes no next state of the shape {list(shapes[0])}")
    if len(results) == 1:
        return shapes[0]
    return (size_of(shapes[0]) + steps * size_of(results[1]),)


scan = Operation(
    "scan", "state, ...", shape=_scan_shape, prepare=_prepare_scan,
    traits=("structural", "internal", "kept"),
    about="The states that a function of the formula takes on, step by step: `fold` or `scan`, kept as one node. "
    "Operands are the state, the items (one for each step along their first axis) and what all steps share. Where the "
    "function has a second result, those of all steps follow the elements of the last state.",
)  # fmt: skip


def begins_of(attributes: tuple[Any, ...]) -> tuple[Shape, Shape | None, int]:
    """Of a `scan`: the shape of its state, that of what all steps emit together (or None), and where that begins."""
    body, steps, _, _ = attributes
    state, *emitted = body.result_shapes
    return state, (steps, *emitted[0]) if emitted else None, size_of(state)
