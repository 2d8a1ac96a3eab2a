"""`--cluster`: a table on the workers of Dask, as commands tell of it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from cgcli.cli.arguments import exclude, read_bindings
from cgcli.cli.output import Births, print_json, warn
from cgcli.cli.rows import HEAD, print_aligned, read_columns, summary_as_data, tell_count, tell_gaps, tell_outputs
from cgcli.cluster.executor import LocalExecutor, Opened
from cgcli.cluster.running import TableRun, refuse_file
from cgcli.render.progress import RowProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.api.formula import Formula
    from cgcli.cli.options import TableOptions
    from cgcli.cluster.executor import Executor


def run_on_cluster(
    formula: Formula, bindings: Sequence[str] | None, options: TableOptions, *, show: Sequence[str] = (),
    derivatives: tuple[Sequence[str] | None, str | None] | None = None, engine: str = "auto", json: bool = False,
    strict: bool = False,
) -> None:  # fmt: skip
    """Compute a formula, or its derivatives (wrt, of), for all rows of a table, and tell of them."""
    begin = time.perf_counter()
    exclude("--cluster", limit=options.limit, raw_text=options.raw_text)
    folder = refuse_file(options.target)
    if folder is not None:
        exclude("-o FOLDER", head=options.head)
    source = options.source()
    source.spare(folder)
    births = Births(strict=strict)
    head = 0 if folder else HEAD if options.head is None else options.head
    run = TableRun(
        formula, source, read_bindings(bindings, formula), read_columns(options.bind), show=show,
        derivatives=derivatives, engine=engine, float32=options.float32, policy=options.policy, keep=options.keep,
        head=head, folder=folder, watch=births.watch,
    )  # fmt: skip
    for note in run.notes:
        warn(note.message, hint=note.hint)
    assert options.cluster is not None
    there = run.folder is not None and run.folder.is_complete()  # then nobody has to be asked
    with Opened(LocalExecutor() if there else options.cluster) as executor:
        tell(run, executor, options, json=json, begin=begin)
    births.tell()


def tell(run: TableRun, executor: Executor, options: TableOptions, *, json: bool, begin: float) -> None:
    """Run, and say what was found."""
    with RowProgress(run.total) as progress:
        report = run.run(executor, progress.advance)
    if json:
        document = {
            "rows": report.rows, "skipped": report.skipped, "engine": run.engine,
            "seconds": time.perf_counter() - begin, **summary_as_data(report), "parts": len(run.pieces),
            "parts_there": run.again,
        }  # fmt: skip
        if run.job.head:
            document["head"] = report.head
        if options.target:
            document["output"] = options.target
        print_json(document)
        return
    if run.job.head:
        print_aligned([list(report.head), *zip(*report.head.values(), strict=True)], sys.stdout)
        print()
    stream = sys.stderr if options.target else sys.stdout
    tell_count(report, run.engine, stream)
    tell_outputs(report, stream)
    if options.target:
        parts = f"{len(run.pieces):,} part{'' if len(run.pieces) == 1 else 's'} in {options.target}"
        there = f", of which {run.again:,} {'was' if run.again == 1 else 'were'} there already" if run.again else ""
        print(f"{parts}{there}", file=sys.stderr)
    tell_gaps(report, options.policy)
