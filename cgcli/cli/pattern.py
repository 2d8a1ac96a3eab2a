"""`cg grad --pattern`: where a Jacobian or a Hessian has entries, in numbers and as a picture."""

from __future__ import annotations

from cgcli.cli.output import print_json
from cgcli.formulas.derivatives import variables
from cgcli.graph.shapes import size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.formulas.sparse import SparseMatrix


def show_pattern(bound: Bound, names: list[str] | None, of: str | None, path: str, *, kind: str, json: bool) -> None:
    """Draw the pattern into a file and say how large and how full it is.

    kind: `jacobian`, `hessian`, or empty: that of a number is the Hessian. UsageError where there are several outputs
    and none is chosen, or where the name of the file says no format.
    """
    from cgcli.formulas.sparse import SparseHessian, SparseJacobian, one_target
    from cgcli.render.figures import figure_format, require_matplotlib

    figure_format(path)
    require_matplotlib()
    name, node = one_target(bound.program, of)
    shape = bound.graph.shape_of(node)
    second = kind == "hessian" or (not kind and not shape)
    matrix = (SparseHessian if second else SparseJacobian)(bound, names, of)
    told = numbers_of(matrix)
    across = ends_of(bound, names, of)
    down = across if second else [(name, size(shape))]
    draw(matrix, path, "Hessian" if second else "Jacobian", told, (down, across))
    if json:
        print_json({"pattern": {"of": "hessian" if second else "jacobian", **told}})
    else:
        print(f"{'Hessian' if second else 'Jacobian'}: {words_of(told)}")


def numbers_of(matrix: SparseMatrix) -> dict[str, Any]:
    """Rows, columns, entries, their share, the most in a row, and colours."""
    rows, columns = matrix.shape
    entries = int(matrix.pattern.nnz)
    return {
        "rows": rows, "columns": columns, "entries": entries, "density": entries / max(rows * columns, 1),
        "fullest_row": matrix.fullest_row, "colours": matrix.colours,
    }  # fmt: skip


def words_of(told: dict[str, Any]) -> str:
    """The same in a line."""
    entries = f"{told['entries']:,} {'entry' if told['entries'] == 1 else 'entries'} ({100 * told['density']:.3g} %)"
    colours = f"{told['colours']:,} {'colour' if told['colours'] == 1 else 'colours'}"
    return f"{told['rows']:,} × {told['columns']:,}, {entries}, at most {told['fullest_row']:,} in a row, {colours}"


def ends_of(bound: Bound, names: list[str] | None, of: str | None) -> list[tuple[str, int]]:
    """The names of the columns, each with the column at which its own end."""
    end, found = 0, []
    for name, node in variables(bound.program, names, of).items():
        end += size(bound.graph.shape_of(node))
        found.append((name, end))
    return found


def draw(matrix: SparseMatrix, path: str, kind: str, told: dict[str, Any], parts: Any) -> None:
    """The picture in a file."""
    from cgcli.render.pattern_plot import plot_pattern

    plot_pattern(*matrix.places(), matrix.shape, path, title=f"{kind}: {words_of(told)}", parts=parts)
