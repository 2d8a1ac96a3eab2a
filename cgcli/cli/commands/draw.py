"""Draw a formula as a graph.

Examples:
  cg draw "(x+y)*z"
  cg draw "(x+y)*z" -o graph.svg
  cg draw "(x+y)*z" x=1 y=2 z=3 --grad -o graph.svg
  cg draw "f(x)=exp(x); g(x)=sin(x); h(x)=x^2; f(g(h(x)))" x=0.5 -o chain.png
  cg draw samples/kepler.cg --open improve -o kepler.svg
  cg draw tree.cg "tree=pair(word(3), word(5))" label=2 -o tree.svg
  cg draw model.cg --of loss --wrt w,b --grad -o loss.dot
  cg draw sums.py:total --dask -o sumlist.svg

--dask executes the file of Python that is named (see cg dask --help); its functions are not called.
"""

from __future__ import annotations

from cgcli.cli.arguments import exclude, read_bindings, read_formula, split_names
from cgcli.cli.output import warn
from cgcli.errors import UsageError
from cgcli.formulas.drawing import picture_of
from cgcli.render.folding import LIMIT, fold
from cgcli.render.graphviz import format_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.cli.options import Annotated, Bindings, FormulaText, Of, Wrt, typer
    from cgcli.render.groups import Folding
    from cgcli.render.picture import Picture


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="File to write: .svg, .png, .dot or .pdf.")
    ] = None,
    grad: Annotated[bool, typer.Option("--grad", help="Show adjoints on nodes and contributions on edges.")] = False,
    wrt: Wrt = None,
    of: Of = None,
    opened: Annotated[
        str | None, typer.Option("--open", metavar="NAMES", help="Draw every call of these functions: step,f.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Draw every node, however many there are.")] = False,
    dask: Annotated[
        bool, typer.Option("--dask", help="FORMULA is FILE.py:NAME, a Dask graph; the file is executed.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds that the layout may take.")] = 30.0,
) -> None:
    """Write a picture, or print a tree."""
    form = None if output is None else format_of(output)
    if wrt is not None and not grad:
        raise UsageError("--wrt chooses derivatives, and none are drawn", hint="add --grad")
    if dask:
        exclude("--dask", grad=grad, of=of, open=opened, values=bindings)
        show(task_picture(formula), output, form, [], everything, timeout)
        return
    parsed = read_formula(formula)
    names = split_names(opened) or []
    values = read_bindings(bindings, parsed)
    if parsed.terms:
        from cgcli.terms.single import written_out

        parsed, values = written_out(parsed, values)
    picture = picture_of(
        parsed, values, grad=grad, of=of, wrt=split_names(wrt), opened=names,
        everything=everything,
    )  # fmt: skip
    show(picture, output, form, names, everything, timeout)


def task_picture(word: str) -> Picture:
    """What a drawing of the Dask graph shows that a word names."""
    from cgcli.cli.commands.dask import read_tasks
    from cgcli.tasks.picture import TaskPicture

    return TaskPicture(read_tasks(word).steps)


def show(
    picture: Picture, output: str | None, form: str | None, opened: list[str], everything: bool, timeout: float
) -> None:  # fmt: skip
    """A picture as lines of text, or as the file that is asked for."""
    if form is None or output is None:
        print_tree(picture, opened, everything)
    else:
        write_picture(picture, output, form, opened, everything, timeout)


def print_tree(picture: Picture, opened: list[str], everything: bool) -> None:
    """The picture as lines of text."""
    from cgcli.render.tree import fold_tree, tree_lines

    folding = fold(picture, limit=None) if everything else fold_tree(picture, opened)
    for line in tree_lines(picture, folding):
        print(line)
    report_folding(folding)


def write_picture(
    picture: Picture, path: str, form: str, opened: list[str], everything: bool, timeout: float
) -> None:  # fmt: skip
    """The picture as a file."""
    from cgcli.files import write_file
    from cgcli.render.dot import dot_text
    from cgcli.render.graphviz import render

    folding = fold(picture, limit=None if everything else LIMIT, opened=opened)
    write_file(path, render(dot_text(picture, folding), form, timeout=timeout))
    report_folding(folding)


def report_folding(folding: Folding) -> None:
    """Say on standard error what is not drawn as it is."""
    if folding.note:
        names = ",".join(folding.closed())
        calls = f"--open {names} draws each of these calls, " if names else ""
        warn(folding.note, hint=f"{calls}--all draws every node")
