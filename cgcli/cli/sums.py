"""`cg grad --sum`: the sum over the rows of a table, and its derivatives by what all rows share."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from cgcli.cli.arguments import exclude, read_bindings
from cgcli.cli.output import number_text, print_json, warn
from cgcli.cli.rows import read_columns
from cgcli.errors import CalculationError, CgWarning, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.options import TableOptions


def print_sum(
    formula: Formula, bindings: Sequence[str] | None, options: TableOptions | None, *, wrt: Sequence[str] | None,
    of: str | None, engine: str, json: bool, strict: bool,
) -> None:  # fmt: skip
    """Print the sum and one derivative a line."""
    if options is None or not options.data:
        raise UsageError("--sum is over the rows of a table", hint="add --data table.csv")
    exclude(
        "--sum", output=options.output, keep=options.keep, head=options.head, limit=options.limit,
        float32=options.float32, missing=options.missing if options.missing != "skip" else None,
    )  # fmt: skip
    if read_columns(options.bind):
        raise UsageError("--sum takes columns by the names of inputs", hint="leave --bind out")
    values: dict[str, Any] = read_bindings(bindings, formula)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", CgWarning)
        total, slopes = formula.grad_sum(
            options.source(), wrt=wrt, of=of, engine=engine, cluster=options.cluster, **values
        )  # fmt: skip
    for each in told:
        if strict and isinstance(each.message, CgWarning):
            raise CalculationError(each.message.message, span=each.message.span, source=each.message.source)
    if json:
        print_json({"values": {"sum": total}, "gradients": {"sum": slopes}})
    else:
        print(f"sum = {number_text(total)}")
        for name, slope in slopes.items():
            print(f"dsum/d{name} = {number_text(slope)}")
    for each in told:
        message = each.message
        if isinstance(message, CgWarning):
            warn(message.message, hint=message.hint, source=message.source, span=message.span)
