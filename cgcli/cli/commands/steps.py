"""Show the working of a derivative, rule by rule, as a person writes it.

Examples:
  cg steps "x^2*sin(x)"
  cg steps "a*exp(-b*t)" --wrt t --order 2
  cg steps "sin(x^2)/x" --hint
  cg steps "x^2*sin(x)" --answer "2*x*cos(x)"
  cg steps "log(1 + x^2)" --latex
"""

from __future__ import annotations

from cgcli.cli.arguments import read_bindings, read_formula
from cgcli.cli.output import print_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.cli.options import Annotated, Bindings, FormulaText, Json, Of, typer
    from cgcli.formulas.working import Checked


def run(
    formula: FormulaText,
    bindings: Bindings = None,
    *,
    wrt: Annotated[str | None, typer.Option("--wrt", help="The variable, where there are several: x or v[0].")] = None,
    of: Of = None,
    order: Annotated[int, typer.Option("--order", min=1, help="Order of the derivative: 1, 2, …")] = 1,
    unsimplified: Annotated[
        bool, typer.Option("--unsimplified", help="Leave the last line as the rules give it.")
    ] = False,
    hint: Annotated[bool, typer.Option("--hint", help="The next step alone; with --answer, the one after it.")] = False,
    answer: Annotated[
        str | None,
        typer.Option("--answer", metavar="LINES", help="Check an answer, line by line: the first wrong one is named."),
    ] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX.")] = False,
    json: Json = False,
) -> int:
    """Print one rule a line."""
    from cgcli.formulas.working import steps

    parsed = read_formula(formula)
    values = read_bindings(bindings, parsed)
    found = steps(parsed, values, wrt=wrt, of=of, order=order, unsimplified=unsimplified)
    if answer is not None:
        checked = found.check(answer)
        print_json({"answer": [as_data(line) for line in checked]}) if json else print(
            "\n".join(checked.text_lines(hint=hint))
        )
        return 0 if checked.right else 1
    if hint:
        print_json({"hint": hint_data(found.hint)}) if json else print(found.hint or "there is nothing left to do")
    elif json:
        print_json({"variable": found.name, **found.as_dict()})
    else:
        print(found.latex() if latex else found)
    return 0


def hint_data(hint: Any) -> dict[str, str] | None:
    """A hint as JSON."""
    return None if hint is None else {"rule": hint.rule, "general": hint.general, "of": hint.of}


def as_data(line: Checked) -> dict[str, Any]:
    """A checked line as JSON."""
    verdict = line.verdict
    point = verdict.counterexample
    return {
        "text": line.text, "right": verdict.right, "mistake": verdict.mistake or None, "hint": hint_data(line.hint),
        "counterexample": point and {"at": point.at, "right": point.left, "yours": point.right},
    }  # fmt: skip
