"""A calculation from a table into a file."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from cgcli.data import formats, stream
from cgcli.data.table import rows_of_a_batch
from cgcli.files import Replacement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from cgcli.data.stream import Report, Request
    from cgcli.data.table import Table, Writer

    class Computation(Protocol):
        """What becomes of the rows: columns by their names, in batches."""

        names: list[str]

        def __call__(self, columns: Mapping[str, Any], rows: int) -> Mapping[str, Any]:
            """The columns of a batch of rows."""
            ...


def run(
    table: Table, calculation: Computation, request: Request, *, output: str | None = None,
    raw_text: bool = False, progress: Callable[[int, int], None] = lambda read, rows: None,
) -> Report:  # fmt: skip
    """Compute all rows that the request wants, and write them to a file where one is named; `-` is standard output.

    raw_text: whether texts in CSV are written as they are, even where a spreadsheet would run them. progress: as for
    `stream.run`. DataError for what cannot be read or written, UsageError for an unknown format.
    """
    width = len(request.numbers) + len(request.kept) + len(calculation.names)
    with ExitStack() as stack:
        writer: Writer | None = None
        if output == "-":
            writer = formats.create_writer(sys.stdout.buffer, "-", raw=raw_text)
        elif output is not None:
            writer = formats.create_writer(stack.enter_context(Replacement(output)), output, raw=raw_text)
        return stream.run(
            table, request, calculation, batch_rows=rows_of_a_batch(width), writer=writer, progress=progress
        )


def write_row(calculation: Computation, output: str) -> None:
    """Write the one row of results that need no column, into a file; errors as of `run`."""
    with ExitStack() as stack:
        file = sys.stdout.buffer if output == "-" else stack.enter_context(Replacement(output))
        writer = formats.create_writer(file, output)
        writer.begin(frozenset())
        writer.write(calculation({}, 1))
        writer.finish()
