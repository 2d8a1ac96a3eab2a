"""`--data`: a formula for every row of a table, from file to file. Shared by `cg eval` and `cg grad`."""

from __future__ import annotations

import csv
import sys
import time
from contextlib import ExitStack
from math import isnan

from cgcli.cli.arguments import read_bindings, typed
from cgcli.cli.output import number_text, print_json, warn
from cgcli.errors import DataError, ShapeError, UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TextIO

    from cgcli.data.stream import Gap, Report, Request
    from cgcli.data.table import Table, Writer
    from cgcli.formulas.bound import Bound
    from cgcli.formulas.formula import Formula

    Nodes = dict[str, int]
    Choice = Callable[[Bound], Nodes]

POLICIES = ("nan", "skip", "error")
"""What `--missing` may say; the first one holds where it says nothing."""

HEAD = 10
"""Rows that are shown where no file is written."""


class TableOptions:
    """The options that go with `--data`, as they were typed. UsageError where they come without it."""

    __slots__ = ("bind", "data", "engine", "float32", "head", "json", "keep", "limit", "missing", "output")

    def __init__(
        self, data: str | None, *, output: str | None, bind: Sequence[str] | None, keep: str | None,
        missing: str | None, limit: int | None, head: int | None, float32: bool, engine: str, json: bool,
    ) -> None:  # fmt: skip
        given = {"output": output, "bind": bind, "keep": keep, "missing": missing, "limit": limit, "head": head,
                 "float32": float32}  # fmt: skip
        if data is None:
            raise UsageError(f"--{typed(given)[0]} needs a table", hint="add --data table.csv")
        if missing not in (None, *POLICIES):
            raise UsageError(f"--missing cannot be `{missing}`", hint=f"it is one of {', '.join(POLICIES)}")
        self.data = data
        self.output = output
        self.bind = bind
        self.keep = keep
        self.missing = missing or POLICIES[0]
        self.limit = limit
        self.head = head
        self.float32 = float32
        self.engine = engine
        self.json = json


def run_table(
    formula: Formula, bindings: Sequence[str] | None, options: TableOptions, choose: Choice, show: Sequence[str] = ()
) -> None:
    """Compute the nodes that `choose` picks, by the names of their columns, for all rows of the table."""
    from cgcli.data import formats

    values, bound_columns = read_bindings(bindings), read_columns(options.bind)
    for name in bound_columns:
        if name in values:
            raise UsageError(f"`{name}` is given twice, as a value and as a column")
    if options.output is not None:
        formats.format_of(options.output)
    table = formats.open_table(options.data)
    try:
        columns = match_columns(formula, table, values, bound_columns)
        bound = bind_columns(formula, table, columns, values, show)
        check_inputs(bound, columns, table)
        _run(table, Calculation(bound, choose(bound), columns, table, options), options)
    finally:
        table.close()


class Calculation:
    """The chosen nodes for batches of rows, as columns; an array's elements are columns of their own.

    columns: input -> column of the table, for the inputs that the nodes need.
    """

    def __init__(
        self, bound: Bound, nodes: Nodes, columns: Mapping[str, str], table: Table, options: TableOptions
    ) -> None:
        from cgcli.engines import choose_for_rows
        from cgcli.graph.walk import ancestors

        self._bound = bound
        self._nodes = nodes
        self._wanted = list(nodes.values())
        deferred = [node for name, node in bound.program.defaults.items() if name not in bound.values]
        needed = ancestors(bound.graph, [*self._wanted, *deferred])
        self.columns = {name: columns[name] for name, node in bound.graph.inputs().items()
                        if name in columns and needed[node]}  # fmt: skip
        rows = table.rows if options.limit is None else min(table.rows, options.limit)
        name = "native" if options.float32 and options.engine == "auto" else options.engine
        self.engine = choose_for_rows(bound.graph, self._wanted, name, bound.values, rows)
        if options.float32 and self.engine.name != "native":
            raise UsageError(f"the engine `{self.engine.name}` has no --float32", hint="--engine native has")
        self._precision = {"dtype": "float32"} if options.float32 else {}
        self.names = [name for output, node in nodes.items() for name, _ in self._elements(output, node)]

    def __call__(self, columns: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """The results by their columns' names."""
        import numpy as np

        from cgcli.formulas.rows import row_values

        found = self.engine.evaluate_rows(
            self._bound.graph, row_values(self._bound, columns), self._wanted, **self._precision
        )
        results: dict[str, Any] = {}
        for output, node in self._nodes.items():
            table = np.broadcast_to(found[node], (rows, *found[node].shape[1:]))
            for name, index in self._elements(output, node):
                place: tuple[Any, ...] = (slice(None), *index)
                results[name] = np.ascontiguousarray(table[place])
        return results

    def _elements(self, output: str, node: int) -> list[tuple[str, tuple[Any, ...]]]:
        """Columns of a node: its own name for a number, `name[i,j]` for the elements of an array."""
        shape = self._bound.graph.shape_of(node)
        if not shape:
            return [(output, ())]
        import numpy as np

        return [(f"{output}[{','.join(map(str, index))}]", index) for index in np.ndindex(*shape)]


def gradient_columns(bound: Bound, wrt: Sequence[str] | None, of: str | None) -> Nodes:
    """The nodes of values and derivatives by the names of their columns: `loss`, `d_loss_d_w`."""
    from cgcli.formulas.derivatives import gradient_nodes, targets

    nodes = targets(bound.program, of)
    for output, derivatives in gradient_nodes(bound.program, wrt, of).items():
        nodes.update({f"d_{output}_d_{name}": node for name, node in derivatives.items()})
    return nodes


def read_columns(words: Sequence[str] | None) -> dict[str, str]:
    """INPUT=COLUMN words; a column's name may hold anything. UsageError for other words."""
    found: dict[str, str] = {}
    for word in words or ():
        name, equals, column = word.partition("=")
        if not equals or not name.strip().isidentifier() or not column.strip():
            raise UsageError(f"`{word}` is not of the form INPUT=COLUMN", hint="for example --bind x=length")
        if name.strip() in found:
            raise UsageError(f"`{name.strip()}` is given twice", hint="give each input once")
        found[name.strip()] = column.strip()
    return found


def match_columns(
    formula: Formula, table: Table, values: Mapping[str, Any], chosen: Mapping[str, str]
) -> dict[str, str]:
    """Which column each input comes from: the chosen one, else the one of its name. UsageError for unknown columns."""
    require_columns(table, list(chosen.values()))
    found = dict(chosen)
    for name in formula.inputs:
        if name not in values and name not in found and name in table.columns:
            found[name] = name
    for name in formula.constants:
        if name not in values and name not in found and name in table.columns:
            warn(f"the column `{name}` is not used: `{name}` is a constant", hint=f"--bind {name}={name} uses it")
    for column in found.values():
        if table.columns.count(column) > 1:
            raise DataError(f"`{table.path}` has more than one column `{column}`", hint="rename the others")
    return found


def require_columns(table: Table, names: Sequence[str]) -> None:
    """UsageError for names that the table does not have."""
    unknown = [name for name in names if name not in table.columns]
    if unknown:
        listed = ", ".join(f"`{name}`" for name in unknown)
        near = did_you_mean(unknown[0], table.columns)
        hint = "; ".join(filter(None, (near, f"its columns are {list_columns(table)}", doubt_about(table))))
        raise UsageError(f"`{table.path}` has no column {listed}", hint=hint)


def list_columns(table: Table, most: int = 30) -> str:
    """The names of a table's columns, cut where there are very many."""
    more = len(table.columns) - most
    return ", ".join(f"`{name}`" for name in table.columns[:most]) + (f" and {more} more" if more > 0 else "")


def doubt_about(table: Table) -> str | None:
    """Why the columns of a text file may not be those that its author sees, for a hint; None where nothing says so."""
    from cgcli.data.cells import number_of

    if not table.is_text:
        return None
    if len(table.columns) == 1:
        name = table.columns[0]
        if "\t" in name:
            return "the separator seems to be a tab: name the file .tsv"
        if ";" in name:
            return "the separator seems to be `;`: cg reads commas (.csv) and tabs (.tsv)"
        if "," in name and table.path.lower().endswith((".tsv", ".tab")):
            return "the separator seems to be a comma: name the file .csv"
    numbers = [number_of(name) for name in table.columns]
    if any(number is not None and not isnan(number) for number in numbers):
        return "the first line is taken for the names"
    return None


def bind_columns(
    formula: Formula, table: Table, columns: Mapping[str, str], values: Mapping[str, Any], show: Sequence[str]
) -> Bound:
    """The formula for columns and values. UsageError where the table has the elements of an input as columns."""
    from cgcli.formulas.rows import bind_rows

    try:
        return bind_rows(formula, list(columns), values, show=show, complete=False)
    except (UsageError, ShapeError):
        refuse_elements([name for name in formula.inputs if name not in values and name not in columns], table)
        raise


def refuse_elements(missing: Sequence[str], table: Table) -> None:
    """UsageError where columns are called like the elements of a missing input: a column is one number a row."""
    for name in missing:
        elements = [column for column in table.columns if column.startswith(f"{name}[")]
        if not elements:
            continue
        several = len(elements) > 1
        raise UsageError(
            f"the input `{name}` cannot be put together from the column{'s' if several else ''} "
            f"{', '.join(f'`{element}`' for element in elements[:3])}{' …' if len(elements) > 3 else ''}",
            hint=f"a column is one number a row: begin the formula with `{name} = [{name}0, …]`, "
            f'and add --bind "{name}0={elements[0]}"{" …" if several else ""}',
        )


def check_inputs(bound: Bound, columns: Mapping[str, str], table: Table) -> None:
    """UsageError that names all inputs which are neither a column nor a value."""
    known = {*bound.values, *columns, *bound.program.defaults}
    missing = [name for name in bound.program.inputs if name not in known]
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        refuse_elements(missing, table)
        near = did_you_mean(missing[0], table.columns)
        ways = f"give --bind {missing[0]}=COLUMN or {missing[0]}=VALUE; the columns are {list_columns(table)}"
        raise UsageError(
            f"no column and no value for the input{'s' if len(missing) > 1 else ''} {listed}",
            hint="; ".join(filter(None, (near, ways, doubt_about(table)))),
        )
    if not columns:
        raise UsageError(
            "the formula uses no column of the table", hint=f"the columns are {list_columns(table)}; see --bind"
        )


def split_columns(table: Table, text: str) -> list[str]:
    """The columns that `a,b` or `all` names; quotes stand around a name with a comma, as in CSV. UsageError."""
    if text in table.columns:
        return [text]
    if text == "all":
        return list(table.columns)
    try:
        record = next(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error:
        raise UsageError(f"`{text}` is not a list of columns", hint="quotes stand around a whole name") from None
    names = [name if name in table.columns else name.strip() for name in record]
    if not names or not all(names):
        raise UsageError(f"`{text}` is not a list of columns", hint="separate names by commas: a,b")
    divided = [name for name in table.columns if "," in name and name in text]
    if divided and not set(names) <= set(table.columns):
        quoted = divided[0].replace('"', '""')
        raise UsageError(
            f"--keep `{text}` divides the name `{divided[0]}` at its comma",
            hint=f"""put the name in quotes of its own: '"{quoted}",…'""",
        )
    require_columns(table, names)
    return names


def kept_names(table: Table, keep: str | None, results: Sequence[str]) -> list[str]:
    """The columns that `--keep` names. UsageError where one has the name of a result."""
    names = [] if keep is None else split_columns(table, keep)
    for name in names:
        if name in results:
            raise UsageError(
                f"the column `{name}` and a result have the same name",
                hint="give the result another name in the formula (y = …), or keep other columns",
            )
        if table.columns.count(name) > 1:
            raise DataError(f"`{table.path}` has more than one column `{name}`", hint="rename the others")
    return list(dict.fromkeys(names))


def _run(table: Table, calculation: Calculation, options: TableOptions) -> None:
    """The run itself, and what is printed about it."""
    from cgcli.data import formats, stream
    from cgcli.data.table import rows_of_a_batch
    from cgcli.files import Replacement
    from cgcli.render.progress import RowProgress

    shown = options.head if options.head is not None else 0 if options.output else HEAD
    request = stream.Request(
        calculation.columns, kept=kept_names(table, options.keep, calculation.names), head=shown,
        missing=options.missing, limit=options.limit,
    )  # fmt: skip
    width = len(request.numbers) + len(request.kept) + len(calculation.names)
    begin = time.perf_counter()
    with ExitStack() as stack:
        writer: Writer | None = None
        if options.output == "-":
            writer = formats.create_writer(sys.stdout.buffer, "-")
        elif options.output is not None:
            writer = formats.create_writer(stack.enter_context(Replacement(options.output)), options.output)
        progress = stack.enter_context(RowProgress(total_to_read(table, options.limit)))
        report = stream.run(
            table, request, calculation, batch_rows=rows_of_a_batch(width), writer=writer, progress=progress.advance
        )
    seconds = time.perf_counter() - begin
    if options.json:
        tell_json(report, request, calculation, seconds, options)
    else:
        tell(report, request, calculation, options)


def total_to_read(table: Table, limit: int | None) -> int | None:
    """What the `read` of all batches adds up to where a limit ends the run early."""
    if table.size is None or limit is None or limit >= table.rows:
        return table.size
    return table.size * limit // table.rows


def tell(report: Report, request: Request, calculation: Calculation, options: TableOptions) -> None:
    """The head, then the summary; the summary goes to standard error where results went to a file."""
    if request.head and options.output != "-":
        print_aligned([list(report.head), *zip(*report.head.values(), strict=True)], sys.stdout)
        print()
    stream = sys.stderr if options.output else sys.stdout
    counted = f"{report.rows:,} row{'' if report.rows == 1 else 's'}"
    if report.skipped:
        counted += f" ({report.skipped:,} of {report.read:,} left out)"
    print(f"{counted}, engine {calculation.engine.name}", file=stream)
    rows: list[Sequence[Any]] = [("", "min", "mean", "max", "nan", "first nan")]
    for name, summary in report.outputs.items():
        first = "" if summary.first_nan is None else f"row {summary.first_nan:,}"
        rows.append((name, summary.least, summary.mean, summary.greatest, f"{summary.nan:,}", first))
    print_aligned(rows, stream)
    if report.gaps:
        told = "; ".join(f"column `{name}`: {gap_text(gap)}" for name, gap in report.gaps.items())
        warn(told, hint="--missing skip leaves such rows out" if options.missing == "nan" else None)


def gap_text(gap: Gap) -> str:
    """`12 cells are missing (first: row 3); 1 is no number (first: row 7, `abc`)`."""
    from cgcli.data.stream import excerpt

    parts = []
    if gap.missing:
        parts.append(f"{gap.missing:,} {'cell is' if gap.missing == 1 else 'cells are'} missing")
    if gap.bad:
        parts.append(f"{gap.bad:,} {'cell is' if gap.bad == 1 else 'cells are'} no number")
    first = gap.first_bad or gap.first
    assert first is not None
    where = f"first: row {first[0]:,}" + (f", `{excerpt(first[1])}`" if first[1] else "")
    return f"{' and '.join(parts)} ({where})"


def tell_json(
    report: Report, request: Request, calculation: Calculation, seconds: float, options: TableOptions
) -> None:
    """The summary as one JSON document."""
    document: dict[str, Any] = {
        "rows": report.rows, "skipped": report.skipped, "engine": calculation.engine.name, "seconds": seconds,
        "outputs": {
            name: {
                "min": summary.least, "mean": summary.mean, "max": summary.greatest, "nan": summary.nan,
                "first_nan_row": summary.first_nan,
            }
            for name, summary in report.outputs.items()
        },
        "gaps": {
            name: {"missing": gap.missing, "bad": gap.bad, "first_row": gap.first and gap.first[0],
                   "first_bad_row": gap.first_bad and gap.first_bad[0]}
            for name, gap in report.gaps.items()
        },
    }  # fmt: skip
    if request.head:
        document["head"] = report.head
    if options.output:
        document["output"] = options.output
    print_json(document, stream=sys.stderr if options.output == "-" else sys.stdout)


def print_aligned(rows: Sequence[Sequence[Any]], stream: TextIO) -> None:
    """Rows of cells under each other: the first row names the columns."""
    texts = [[cell_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        print("  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)).rstrip(), file=stream)


def cell_text(cell: Any) -> str:
    """A cell for a person."""
    if isinstance(cell, float):
        return "nan" if isnan(cell) else number_text(cell)
    return "" if cell is None else "".join(c if c.isprintable() else "?" for c in str(cell))
