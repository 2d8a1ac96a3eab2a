"""Values with errors (±) on a command line: what is asked, and how results are shown."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from cgcli.cli.arguments import exclude, is_value_file, read_value_files, split_bindings, split_names, value_sources
from cgcli.cli.output import Births, print_json, report_kinks, warn
from cgcli.errors import UsageError, did_you_mean
from cgcli.formulas.values import read_value
from cgcli.numerals import short_number
from cgcli.uncertainty import asking
from cgcli.uncertainty.intervals import COVERAGE, check_coverage
from cgcli.uncertainty.notation import interval_text, read_quantity, result_text
from cgcli.uncertainty.results import Uncertainty, correlation_of, results_of
from cgcli.uncertainty.signs import is_uncertain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.cli.options import ErrorOptions, TableOptions
    from cgcli.formulas.bound import Bound
    from cgcli.uncertainty.propagating import Propagation
    from cgcli.uncertainty.quantities import Quantity
    from cgcli.uncertainty.results import ArrayUncertainty

    Results = dict[str, Uncertainty | ArrayUncertainty]


def question(parsed: Formula, words: Sequence[str] | None, options: ErrorOptions | None) -> asking.Question:
    """What NAME=VALUE words, files of values and options ask. UsageError, DataError, FormulaError."""
    words = words or ()
    files = value_sources(words)
    texts = split_bindings([word for word in words if not is_value_file(word)])
    values: dict[str, Any] = {}
    quantities: dict[str, Quantity] = {}
    correlations: dict[tuple[str, str], float] = {}
    if files:
        from cgcli.data.value_files import read_errors

        values |= read_value_files(files, texts, parsed, None)
        for source in files:
            found = asking.of_document(source.name, read_errors(source), values)
            quantities |= found.quantities
            correlations |= found.correlations
        values = {name: value for name, value in values.items() if name not in quantities}
    for name, text in texts.items():
        if is_uncertain(text):
            quantities[name] = read_quantity(name, text)
        else:
            values[name] = read_value(name, text)
    for text in (options.correlation if options else None) or ():
        correlations |= read_correlation(text)
    asked = asking.Question(values, quantities, asking.correlation_pairs(correlations))
    if options is None or not options.repeat:
        if options is not None and options.average is not None:
            raise UsageError("--average needs readings", hint="add --repeat readings.csv")
        return asked
    from cgcli.uncertainty.readings import with_readings

    return with_readings(parsed, asked, options.repeat, split_names(options.average) or ())


def read_correlation(text: str) -> dict[tuple[str, str], float]:
    """`L,T=0.3`, or a matrix in the order of the names: `a,b,c=[[1, 0, 0], …]`. UsageError."""
    names, equals, value = text.partition("=")
    listed = split_names(names) if equals else None
    usage = UsageError(f"`{text}` is no correlation", hint="for example --correlation L,T=0.3")
    if not listed or len(listed) < 2 or not value.strip():
        raise usage
    found = read_value(names, value.strip())
    if getattr(found, "shape", ()):
        return asking.correlation_pairs((listed, found))
    if len(listed) != 2:
        raise usage
    return {(listed[0], listed[1]): float(found)}


def run_with_errors(
    parsed: Formula, words: Sequence[str] | None, options: ErrorOptions | None, *, show: Sequence[str] = (),
    engine: str = "auto", json: bool = False, strict: bool = False,
) -> None:  # fmt: skip
    """Print each result with its error, and what the options ask for."""
    births = Births(strict=strict)
    asked = question(parsed, words, options)
    if options and options.coverage is not None:
        check_coverage(options.coverage)
    found = asking.propagate(parsed, asked, show=show, engine=engine, on_births=births)
    results = results_of(found, sample_of(found, options))
    if json:
        print_json(document(found, results, options))
    else:
        print_results(found, results, options)
    births.tell()
    if found.bound.program.slopes:
        from cgcli.formulas.kinks import kinks_within

        report_kinks(found.bound, kinks_within(found.bound), second=True)
    tell_doubts(found, results, options)


def run_table_with_errors(
    parsed: Formula, words: Sequence[str] | None, table: TableOptions, options: ErrorOptions | None,
    sigma: Sequence[str], *, show: Sequence[str], engine: str, json: bool, strict: bool,
) -> None:  # fmt: skip
    """A result and its error for every row of a table. UsageError for options that go with one result alone."""
    from cgcli.cli.rows import read_columns, run_table
    from cgcli.uncertainty.propagating import plain
    from cgcli.uncertainty.tables import error_of, with_errors

    if options is not None:
        exclude("--data", coverage=options.coverage, samples=options.samples, repeat=options.repeat)
    asked = question(parsed, words, options)
    columns = read_columns(sigma, "--sigma x=x_err")
    for name in columns:
        if name not in parsed.inputs:
            raise UsageError(f"the formula has no input `{name}`", hint=did_you_mean(name, parsed.inputs))
        if name in asked.values or name in asked.quantities:
            raise UsageError(f"`{name}` has a value, and the errors of a column", hint=f"write {name}=VALUE±ERROR")

    def choose(bound: Bound) -> tuple[Bound, dict[str, int]]:
        return with_errors(bound, list(columns), asked.quantities, asked.correlations, show)

    run_table(
        parsed, None, table, choose,
        show=show, engine=engine, json=json, strict=strict,
        values={**asked.values, **{name: plain(each) for name, each in asked.quantities.items()}},
        more={error_of(name): column for name, column in columns.items()},
    )  # fmt: skip


def sample_of(found: Propagation, options: ErrorOptions | None) -> Any:
    """The sample that was asked for, or None."""
    if options is None or options.samples is None:
        if options is not None and options.seed is not None:
            raise UsageError("--seed needs --samples", hint="for example --samples 1e6 --seed 1")
        return None
    from cgcli.uncertainty.sampling import Sample

    return Sample(found, options.samples, options.seed or 0)


def tell_doubts(found: Propagation, results: Results, options: ErrorOptions | None) -> None:
    """Warn where the law of propagation may be wrong (JCGM 101 §8)."""
    sampled = options is not None and options.samples is not None
    for name, why in asking.doubts(found, results).items():
        label = "" if len(found.value) == 1 else f"`{name}`: "
        warn(label + why, hint=None if sampled else "--samples 1e6 shows the distribution")


def print_results(found: Propagation, results: Results, options: ErrorOptions | None) -> None:
    """`9.811 ± 0.110`, with a name where there are several; intervals, the second order and the sample where asked."""
    for name, result in results.items():
        text = result_text(result.value, result.error)
        print(text if len(results) == 1 else f"{name} = {text}")
        if options is not None and (options.coverage is not None or options.samples is not None):
            for each in asking.elements_of(result):
                print_more(each, options, named=each.label != name)
    for (first, second), r in correlations(found).items():
        print(f"correlation of {first}, {second} = {r:.3f}")


def correlations(found: Propagation) -> dict[tuple[str, str], float]:
    """The correlations of outputs that are numbers, by pairs of names."""
    rows, matrix = found.rows(), correlation_of(found.covariance)
    names = [name for name, shape in found.outputs.items() if not shape]
    return {(first, second): float(matrix[rows[first].start, rows[second].start])
            for place, first in enumerate(names) for second in names[place + 1 :]}  # fmt: skip


def print_more(result: Uncertainty, options: ErrorOptions, *, named: bool) -> None:
    """The interval, the second order, and what the sample says, a line each."""
    coverage = COVERAGE if options.coverage is None else options.coverage
    percent = f"{100 * coverage:.10g} %"
    error, dof = result.error, f"{result.dof:.4g}" if isfinite(result.dof) else "∞"
    rows = [(f"{percent} interval", f"{interval_text(result.interval(coverage), error)}, "
             f"k = {result.coverage_factor(coverage):.4g}, ν = {dof}")]  # fmt: skip
    second = result.second_order
    rows.append(("second order", result_text(second.value, second.error)))
    if result.is_sampled:
        sampled = result.sampled
        shortest = sampled.interval(coverage, shortest=True)
        rows += [
            ("sampled", f"{result_text(sampled.mean, sampled.error)}, {sampled.count:,} samples"),
            (f"{percent} interval", f"{interval_text(sampled.interval(coverage), sampled.error)}, "
             f"the shortest {interval_text(shortest, sampled.error)}"),
        ]  # fmt: skip
    width = max(len(title) for title, _ in rows)
    for title, text in rows:
        print(f"  {result.label + ': ' if named else ''}{title:<{width}}  {text}")


def document(found: Propagation, results: Results, options: ErrorOptions | None) -> dict[str, Any]:
    """The JSON document."""
    coverage = COVERAGE if options is None or options.coverage is None else options.coverage
    told: dict[str, Any] = {
        "values": {name: each.value for name, each in results.items()},
        "errors": {name: each.error for name, each in results.items()},
        "dof": {name: each.dof for name, each in results.items()},
        "coverage": coverage,
        "intervals": {name: each.interval(coverage) for name, each in results.items()},
        "second_order": {
            name: {"value": each.second_order.value, "error": each.second_order.error} for name, each in results.items()
        },
    }
    numbers = {name: each for name, each in results.items() if isinstance(each, Uncertainty)}
    told["coverage_factors"] = {name: each.coverage_factor(coverage) for name, each in numbers.items()}
    told["shares"] = {name: named_shares(each) for name, each in numbers.items()}
    if len(found.value) > 1:
        told["covariance"] = found.covariance
        told["correlations"] = {",".join(pair): r for pair, r in correlations(found).items()}
    if options is not None and options.samples is not None:
        told["sampled"] = {
            each.label: {
                "mean": each.sampled.mean, "error": each.sampled.error, "samples": each.sampled.count,
                "interval": each.sampled.interval(coverage), "shortest": each.sampled.interval(coverage, shortest=True),
            }
            for result in results.values() for each in asking.elements_of(result)
        }  # fmt: skip
    return told


def named_shares(result: Uncertainty) -> dict[str, float]:
    """Shares with texts as keys: `L,T` is what two inputs add by their correlation."""
    return {name if isinstance(name, str) else ",".join(name): share for name, share in result.shares.items()}


def short(number: float | None) -> str:
    """A number of a table; nothing where there is none."""
    return "" if number is None else short_number(number)
