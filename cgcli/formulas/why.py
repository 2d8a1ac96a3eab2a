"""Why a formula's value or derivative is nan, infinite, zero, huge or tiny at a point, or in the rows of a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import CalculationError, UsageError
from cgcli.explain.findings import BACKWARD, Finding
from cgcli.explain.remedies import Remedies
from cgcli.explain.why import Inquiry
from cgcli.formulas import kinks
from cgcli.formulas.derivatives import gradient_nodes, targets, variables
from cgcli.formulas.rows import bind_columns, evaluate_rows
from cgcli.graph.walk import ancestors
from cgcli.numerals import compact, finite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.errors import Source
    from cgcli.explain.findings import Cure
    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound

BATCH = 10_000
"""Rows with something amiss whose steps are computed at once."""

MOST_PATTERNS = 500
"""Ways of going wrong of which one row each is looked at."""


@dataclass(frozen=True, slots=True, repr=False)
class Why:
    """What `Formula.why` returns. findings: what is worth a word; values, gradients: at the point, by output.

    closest: the operation that is nearest to trouble where there is none, in a sentence. rows: over a table, how many
    rows are like the finding at the same place, and the first of them, from 1; unseen: rows of further kinds.
    """

    findings: list[Finding]
    values: dict[str, Any]
    gradients: dict[str, dict[str, Any]]
    closest: str
    source: Source | None
    rows: list[tuple[int, int]] | None = None
    unseen: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON-able data."""
        findings = [finding.as_dict() for finding in self.findings]
        for place, counted in enumerate(self.rows or ()):
            findings[place] |= {"rows": counted[0], "first_row": counted[1]}
        answer = {"findings": findings, "values": self.values, "gradients": self.gradients}
        return answer if findings else answer | {"closest": self.closest}

    def __str__(self) -> str:
        lines = []
        for each in self.findings:
            lines.append(f"{each.kind} in the {each.pass_} pass: {each.why}")
            for cure in each.cures:
                at = ", ".join(f"{name}={compact(value)}" for name, value in (cure.at or {}).items())
                better = f"start elsewhere, such as {at}" if at else cure.formula
                lines.append(f"  cure: {better}, which gives {compact(cure.value)}")
        return "\n".join(lines) or self.closest

    __repr__ = __str__


def why(
    formula: FormulaBase, values: Mapping[str, Any], *, of: str | None = None, wrt: Sequence[str] | None = None,
    cures: bool = True,
) -> Why:  # fmt: skip
    """Explain a point. of: one output (or inner name); wrt: names to differentiate by. Errors as of `Formula.grad`."""
    bound = formula.bind(values, wrt=wrt, steps=True)
    bound.on_births = lambda births: None
    program = bound.program.begun()
    over = bound.over(program)
    chosen = targets(program, of)
    by_name = variables(program, wrt, of) if program.inputs or wrt else {}
    inquiry = Inquiry(over.graph, chosen, by_name, over.values, over.engine, bound.source)
    conventions = _conventions(formula, inquiry, values, of, wrt)
    told = {each.span for each in conventions if each.span is not None}
    found = [each for each in inquiry.findings() if each.kind != "zero" or each.span not in told] + conventions
    if cures:
        found = _with_cures(bound, found, chosen, by_name)
    gradients = {
        name: {by: inquiry.values[each.adjoints[node]] for by, node in by_name.items()}
        for name, each in inquiry.point.passes.items()
    }
    points = {name: inquiry.values[node] for name, node in chosen.items()}
    return Why(found, points, gradients, _closest(inquiry), bound.source)


def _conventions(
    formula: FormulaBase, inquiry: Inquiry, values: Mapping[str, Any], of: str | None, wrt: Sequence[str] | None,
) -> list[Finding]:  # fmt: skip
    """Derivatives that a convention chose, of values that are finite."""
    bound = formula.bind(values, wrt=wrt)
    bound.on_births = lambda births: None
    name = of or next(iter(bound.program.outputs))
    if not finite(inquiry.values[inquiry.outputs[name]]):
        return []
    text = "" if bound.source is None else bound.source.text
    found = []
    for hit in kinks.kinks_at(bound, wrt, of):
        written = hit.written if hit.span is None else " ".join(text[slice(*hit.span)].split())
        at = f" where {hit.place}" if hit.place else ""
        why = f"{hit.called} has a corner or a jump{at}, and no slope there; by convention: {hit.convention}"
        node = _node_of(inquiry, hit)
        found.append(Finding("convention", BACKWARD, name, (), node, hit.operation, written, hit.span, why))
    return found


def _node_of(inquiry: Inquiry, hit: kinks.KinkHit) -> int:
    """The node of a kink in the graph of the inquiry; -1 where it is within a kept loop."""
    graph = inquiry.graph
    return next((node for node in range(len(graph))
                 if graph.row(node).name == hit.operation and graph.spans.get(node) == hit.span), -1)  # fmt: skip


def _with_cures(
    bound: Bound, found: Sequence[Finding], outputs: Mapping[str, int], by_name: Mapping[str, int]
) -> list[Finding]:  # fmt: skip
    """Findings with what cures them, tried at the point; what cures one may be what cures another one of the output."""
    inputs = {name: value for name, value in bound.values.items() if isinstance(value, float) or np.ndim(value)}
    cured: list[Finding] = []
    for finding in found:
        remedies = Remedies(bound.program.graph, outputs[finding.of], finding, inputs, by_name, bound.source)
        cured.append(replace(finding, cures=remedies.found()))
    return [replace(each, cures=_shared(each, cured)) for each in cured]


def _shared(finding: Finding, others: Sequence[Finding]) -> list[Cure]:
    """The cures of a finding; where it has only another point to start from, those of others of the same trouble."""
    if any(cure.at is None for cure in finding.cures) or finding.kind not in ("nan", "infinite"):
        return finding.cures
    alike = [each for each in others if each.of == finding.of and each.kind in ("nan", "infinite")]
    better = next((each.cures for each in alike if any(cure.at is None for cure in each.cures)), finding.cures)
    return list(better)


def _closest(inquiry: Inquiry) -> str:
    """Where nothing is wrong: the operation whose operands a relative change enlarges most."""
    graph, worst = inquiry.graph, (0.0, "")
    program_nodes = [node for node in inquiry.point.nodes if not graph.is_leaf(node) and not graph.shape_of(node)]
    for node in program_nodes[:400]:
        result = float(inquiry.values[node])
        if not graph.row(node).elementwise or not np.isfinite(result) or not result:
            continue
        operands = graph.operands_of(node)
        if any(graph.shape_of(operand) for operand in operands):
            continue
        backward = next(iter(inquiry.point.passes.values()), None)
        if backward is None or node not in backward.adjoints:
            continue
        above = float(inquiry.values[backward.adjoints[node]])
        for place, operand in enumerate(operands):
            part = backward.contributions.get(graph.start[node] + place)
            if part is None or not above:
                continue
            condition = abs(float(inquiry.values[part]) / above * float(inquiry.values[operand]) / result)
            if condition > worst[0]:
                worst = (condition, inquiry.words.text(node))
    if not worst[1]:
        return "nothing is wrong here"
    return (
        f"nothing is wrong here; the most sensitive operation is {worst[1]}: "
        f"if an operand changes by 1 %, it changes by {worst[0]:.2g} % (its condition is {worst[0]:.2g})"
    )


# ---- over a table ----------------------------------------------------------------------------------------------------


def why_rows(
    formula: FormulaBase, columns: Mapping[str, Any], numbers: Any, values: Mapping[str, Any], *,
    of: str | None = None, wrt: Sequence[str] | None = None,
) -> Why:  # fmt: skip
    """Explain the rows of a table by cause: the first row of each cause is explained, and those like it are counted.

    columns: by input; numbers: the number of each row in the table. Only nan and infinity are told, in values and in
    derivatives: a slope of 0 in some row is nothing out of the ordinary.
    """
    rows = len(next(iter(columns.values())))
    groups: dict[tuple[str, ...], tuple[Why, int, int]] = {}
    bad = _bad_rows(formula, columns, values, of, wrt)
    patterns = _patterns(formula, columns, values, of, wrt, bad)
    for row, count in patterns[:MOST_PATTERNS]:
        at = {**values, **{name: float(column[row]) for name, column in columns.items()}}
        found = why(formula, at, of=of, wrt=wrt, cures=False)
        for finding in found.findings:
            if finding.kind not in ("nan", "infinite"):
                continue
            key = (finding.kind, finding.pass_, finding.text)
            known = groups.get(key)
            if known is None:
                whole = why(formula, at, of=of, wrt=wrt)
                told = next(each for each in whole.findings if (each.kind, each.pass_, each.text) == key)
                groups[key] = (replace(whole, findings=[told]), count, int(numbers[row]))
            else:
                groups[key] = (known[0], known[1] + count, known[2])
    closest = f"nothing is nan or infinite in {rows:,} rows" if not groups else ""
    ordered = sorted(groups.values(), key=lambda each: each[2])
    findings = [each.findings[0] for each, _, _ in ordered]
    counts = [(count, first) for _, count, first in ordered]
    unseen = sum(count for _, count in patterns[MOST_PATTERNS:])
    return Why(findings, {}, {}, closest, formula.source, counts, unseen)


def _patterns(
    formula: FormulaBase, columns: Mapping[str, Any], values: Mapping[str, Any], of: str | None,
    wrt: Sequence[str] | None, bad: Any,
) -> list[tuple[int, int]]:  # fmt: skip
    """Rows that went wrong in the same way, (the first, how many) each: the same operations gave nan and infinities."""
    if bind_columns(formula, {**values, **columns}, wrt)[0].program.columns is not None:
        return [(int(row), 1) for row in bad]  # a sum over a column is not that over some of its rows
    found: dict[bytes, list[int]] = {}
    for begin in range(0, len(bad), BATCH):
        some = bad[begin : begin + BATCH]
        bound, nodes = _wanted(formula, {name: column[some] for name, column in columns.items()}, values, of, wrt)
        steps = [node for node, need in enumerate(ancestors(bound.graph, nodes)) if need]
        kinds = np.zeros((len(some), len(steps)), dtype=np.uint8)
        for place, column in enumerate(evaluate_rows(bound, "auto", steps, len(some))):
            items = column.reshape(len(some), -1)
            kinds[:, place] = np.isnan(items).any(axis=1) + 2 * np.isposinf(items).any(axis=1)
            kinds[:, place] += np.uint8(4) * np.isneginf(items).any(axis=1)
        for row, kind in zip(some.tolist(), kinds, strict=True):
            found.setdefault(kind.tobytes(), [row, 0])[1] += 1
    return [(row, count) for row, count in found.values()]


def _wanted(
    formula: FormulaBase, columns: Mapping[str, Any], values: Mapping[str, Any], of: str | None,
    wrt: Sequence[str] | None,
) -> tuple[Bound, list[int]]:  # fmt: skip
    """The formula over columns, and its values and derivatives."""
    bound, _ = bind_columns(formula, {**values, **columns}, wrt)
    bound.on_births = lambda births: None
    nodes = list(targets(bound.program, of).values())
    try:
        over, slopes = gradient_nodes(bound, wrt, of)
        nodes += [node for by_name in slopes.values() for node in by_name.values()]
    except CalculationError:
        over = bound
    over.on_births = lambda births: None
    return over, nodes


def _bad_rows(
    formula: FormulaBase, columns: Mapping[str, Any], values: Mapping[str, Any], of: str | None,
    wrt: Sequence[str] | None,
) -> Any:  # fmt: skip
    """Rows in which a value or a derivative is no finite number."""
    over, nodes = _wanted(formula, columns, values, of, wrt)
    rows = len(next(iter(columns.values())))
    broken = np.zeros(rows, dtype=bool)
    for column in evaluate_rows(over, "auto", nodes, rows):
        broken |= ~np.isfinite(column.reshape(rows, -1)).all(axis=1)
    return np.flatnonzero(broken)


def row_values(columns: Mapping[str, Any], numbers: Any, row: int) -> dict[str, float]:
    """The values of one row by its number in the table. UsageError where there is none such."""
    places = np.flatnonzero(np.asarray(numbers) == row)
    if not len(places):
        raise UsageError(
            f"there is no row {row:,} without a gap", hint=f"rows are counted from 1 to {int(numbers[-1]):,}"
        )
    return {name: float(column[places[0]]) for name, column in columns.items()}
