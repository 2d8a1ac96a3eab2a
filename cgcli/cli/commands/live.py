"""Change a formula while it runs: values, definitions, edits, line by line.

Examples:
  cg live model.cg x=0.3 t=1
  cg live "y = sin(x); loss = (y - t)^2" x=0.3 t=1
  cg live model.cg --journal work.log
  printf 'x = 0.5\\n:grad loss\\n:save new.cg\\n' | cg live model.cg x=0.3 t=1
"""

from __future__ import annotations

from cgcli.cli.arguments import is_value_file, read_bindings, read_formula
from cgcli.cli.output import warn
from cgcli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.cli.options import Annotated, Bindings, FormulaText, typer


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    journal: Annotated[
        str | None,
        typer.Option("--journal", metavar="FILE", help="Keep the lines that change something, and go on from there."),
    ] = None,
) -> int:
    """Take lines from the terminal, or from standard input; `:help` shows what they can be."""
    from cgcli.cli.session import loops
    from cgcli.cli.session.journal import Journal
    from cgcli.cli.session.session import Session

    if formula == "-" or any(is_value_file(word) and word.strip() == "@-" for word in bindings or ()):
        raise UsageError("standard input brings the lines of the session", hint="put the formula into a file")
    parsed = read_formula(formula)
    session = Session(parsed.live(read_bindings(bindings, parsed)))
    kept = None if journal is None else Journal(journal, str(parsed))
    loop = loops.Loop(session, kept)
    if kept is not None and kept.foreign:
        warn(f"`{kept.path}` is the journal of another formula", hint="its lines are done with this one")
    return loops.run(loop, kept.lines if kept is not None else ())
