"""From a formula and its values to a picture: a file, SVG text, or a tree for a terminal.

formula, values -> `Picture` (what is shown) -> `Folding` (small enough) -> DOT text -> Graphviz
                                                                         -> tree
"""

from __future__ import annotations

from cgcli.errors import UsageError
from cgcli.explain.point import Point
from cgcli.explain.repeats import check_opened
from cgcli.files import write_file
from cgcli.formulas.derivatives import targets, variables
from cgcli.formulas.opening import with_opened_loops
from cgcli.render.dot import dot_text
from cgcli.render.folding import LIMIT, fold
from cgcli.render.graphviz import format_of, render
from cgcli.render.picture import Picture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.comparing import Comparisons


def draw_formula(
    formula: FormulaBase, path: str | Path | None, values: Mapping[str, Any], *, grad: bool = False,
    of: str | None = None, wrt: Sequence[str] | None = None, opened: Collection[str] = (), limit: int | None = LIMIT,
    timeout: float = 30.0,
) -> str:  # fmt: skip
    """The picture of a formula: SVG text without a path, else a file is written and its path returned.

    The ending of the path names the format. Values and derivatives are as of `picture_of`. Calls that are made again
    and again are folded, but for those of the functions `opened`; a picture of more than `limit` nodes is folded
    further. None folds nothing. timeout: seconds that the layout may take.
    Errors of `picture_of`, `cgcli.render.graphviz.render` and `cgcli.files.write_file`.
    """
    form = format_of(path) if path is not None else "svg"
    picture = picture_of(formula, values, grad=grad, of=of, wrt=wrt, opened=opened, everything=limit is None)
    image = render(dot_text(picture, fold(picture, limit=limit, opened=opened)), form, timeout=timeout)
    if path is None:
        return image.decode()
    write_file(path, image)
    return str(path)


def picture_of(
    formula: FormulaBase, values: Mapping[str, Any], *, grad: bool = False, of: str | None = None,
    wrt: Sequence[str] | None = None, opened: Collection[str] = (), everything: bool = False,
) -> Picture:  # fmt: skip
    """What a drawing of a formula shows.

    Without values the structure alone, unless the formula needs none; with values those of every node; with `grad`
    also the derivatives of one output. of: draw only what this output (or inner name) needs. wrt: names to
    differentiate with respect to, all inputs by default. opened: functions whose loops are written out step by step;
    everything: all of them. Errors of `Formula.bind` and `with_opened_loops`; UsageError where `grad` meets several
    outputs and `of` names none of them, and where a function to be opened is not called.
    """
    wanted = grad or bool(values)
    bound = formula.bind(values, wrt=wrt, steps=True, complete=wanted)
    bound = with_opened_loops(bound, opened, everything=everything)
    check_opened(bound.graph.calls, opened)
    if grad:
        bound = bound.over(bound.program.begun())
    point = Point(bound.graph, targets(bound.program, of), list(variables(bound.program, wrt).values()) if grad else ())
    if len(point.passes) > 1:
        raise UsageError(
            f"the formula has {len(point.passes)} outputs; a picture shows the derivatives of one",
            hint=f"choose one with --of: {', '.join(point.passes)}",
        )
    if wanted or all(name in bound.values for name in bound.program.inputs):
        point.evaluate(bound.engine, bound.values)
    return Picture(point)


def draw_both(found: Comparisons, path: str | Path, *, limit: int | None = LIMIT, timeout: float = 30.0) -> None:
    """The picture of two formulas in one graph, what only one of them has in a colour of its own, as a file.

    Errors of `cgcli.render.graphviz.render` and `cgcli.files.write_file`.
    """
    form, joint = format_of(path), found.joint
    assert joint is not None
    outputs = {}
    for name, (first, second) in joint.pairs.items():
        outputs.update({name: first} if first == second else {f"{name} (first)": first, f"{name} (second)": second})
    picture = Picture(Point(joint.graph, outputs))
    picture.sides = joint.sides()
    write_file(path, render(dot_text(picture, fold(picture, limit=limit)), form, timeout=timeout))
