"""Two formulas compared: their outputs paired in one graph, the verdict, and both at a point."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cgcli.emit.formula import expression
from cgcli.errors import CgError, UsageError, did_you_mean
from cgcli.explain.comparing import UNEQUAL, Comparison, Difference, clearly_other, compare, differences, only_in
from cgcli.formulas import derivatives
from cgcli.graph.copying import carry, copied
from cgcli.graph.store import Graph
from cgcli.numerals import compact, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound

MOST_POINTS = 3
"""Points at which they differ that are printed."""

LONGEST, MOST_PARTS = 70, 30
"""Characters of a part of a formula in a table; operations of one side alone that are told."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two formulas at a point: values of its outputs, and their gradients where an output is a number."""

    values: dict[str, Any]
    gradients: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, repr=False)
class Comparisons:
    """What `Formula.compare` returns.

    verdict: in words; equal: whether no difference was found. tried: points compared in many digits. counterexamples:
    points at which an output differs. changed: parts of the text of either side that take each other's place. added,
    removed: operations that only the second, or only the first has. unmatched: outputs that one side lacks.
    first, second: both sides at the point that was given, None without one.
    """

    verdict: str
    equal: bool
    tried: int
    counterexamples: list[Any]
    changed: list[tuple[str, str]]
    added: list[str]
    removed: list[str]
    unmatched: list[str] = field(default_factory=list)
    first: Side | None = None
    second: Side | None = None
    joint: Joint | None = field(default=None, repr=False)

    def __str__(self) -> str:
        lines = [self.verdict]
        for each in self.counterexamples[:MOST_POINTS]:
            at = ", ".join(f"{name}={_number(value)}" for name, value in each.at.items()) or "every point"
            lines.append(f"`{each.output}` at {at}: {_number(each.left)} and {_number(each.right)}")
        return "\n".join(lines)

    __repr__ = __str__

    def __bool__(self) -> bool:
        """Whether the formulas are equal, as far as was found."""
        return self.equal

    def other_numbers(self) -> list[str]:
        """Values and derivatives that differ at the given point by more than rounding makes: `result`, `d/dx`."""
        if self.first is None or self.second is None:
            return []
        found: dict[str, None] = {}
        left, right = self.first, self.second
        for output in (name for name in left.values if name in right.values):
            if clearly_other(left.values[output], right.values[output]):
                found[f"`{output}`"] = None
            theirs = right.gradients.get(output, {})
            for name, slope in left.gradients.get(output, {}).items():
                if name in theirs and clearly_other(slope, theirs[name]):
                    found[f"d{'' if output == 'result' else output}/d{name}"] = None
        return list(found)

    @property
    def counterexample(self) -> Any:
        """The first point at which they differ: `.at`, `.left`, `.right`, `.output`, `.alone`; None where none is."""
        return self.counterexamples[0] if self.counterexamples else None


def _number(value: Any) -> str:
    """A value at a point; in 30 digits where doubles do not tell the sides apart."""
    return str(value.context.nstr(value, 30)) if hasattr(value, "_mpf_") else compact(value)


class Joint:
    """Two formulas in one graph, where equal nodes are one.

    pairs: name -> the nodes of both sides. unmatched: outputs of one side only. bound: each side with its values.
    """

    def __init__(self, left: FormulaBase, right: FormulaBase, values: Mapping[str, Any]) -> None:
        """UsageError for a value of a name that neither side has; errors of `FormulaBase.bind`."""
        self.bound = [_bound(formula, values, other) for formula, other in ((left, right), (right, left))]
        self.graph = Graph()
        outputs = []
        for bound in self.bound:
            program = bound.program
            nodes = {**program.outputs, **{f"the default of {name}": node for name, node in program.defaults.items()}}
            moved = copied(program.graph, self.graph, nodes.values())
            carry(program.graph, self.graph, moved, calls=False)
            outputs.append({name: moved[node] for name, node in nodes.items()})
        self.pairs, self.unmatched = _paired(*outputs)

    def sides(self) -> dict[int, str]:
        """Of each node that one formula has alone, which of them: "first" or "second"."""
        first, second = ([pair[side] for pair in self.pairs.values()] for side in (0, 1))
        return {
            **dict.fromkeys(only_in(self.graph, first, second), "first"),
            **dict.fromkeys(only_in(self.graph, second, first), "second"),
        }


def _bound(formula: FormulaBase, values: Mapping[str, Any], other: FormulaBase) -> Bound:
    known = {*formula.inputs, *formula.programs.names.defined, *formula.constants}
    theirs = {*other.inputs, *other.programs.names.defined, *other.constants}
    unknown = [name for name in values if name not in known | theirs]
    if unknown:
        hint = did_you_mean(unknown[0], known | theirs) or f"they have {', '.join(sorted(known | theirs))}"
        raise UsageError(f"neither formula has an input `{unknown[0]}`", hint=hint)
    return formula.bind({name: value for name, value in values.items() if name in known}, complete=False)


def _paired(
    left: Mapping[str, int], right: Mapping[str, int]
) -> tuple[dict[str, tuple[int, int]], list[str]]:  # fmt: skip
    """Outputs by name; two that are alone on their sides belong together whatever they are called."""
    if left.keys() != right.keys():
        alone = [[name for name in side if not name.startswith("the default of ")] for side in (left, right)]
        if all(len(names) == 1 for names in alone):
            (here,), (there,) = alone
            name = here if here != "result" else there
            left = {name if key == here else key: node for key, node in left.items()}
            right = {name if key == there else key: node for key, node in right.items()}
    pairs = {name: (node, right[name]) for name, node in left.items() if name in right}
    return pairs, [name for name in (*left, *right) if name not in pairs]


def compared(
    left: FormulaBase, right: FormulaBase, values: Mapping[str, Any] | None = None, *, seed: int = 0
) -> Comparisons:  # fmt: skip
    """Compare two formulas.

    values: arrays and lengths decide the shapes. Where every input has a value, that is the point at which both are
    shown, and the verdict is still about all values; where some have none, the given ones stay fixed. Equal means the
    same real numbers: rounding is no difference. Errors of `Joint`.
    """
    joint = Joint(left, right, values or {})
    missing = [name for bound in joint.bound for name in bound.program.inputs if name not in bound.values]
    fixed = dict(values or {}) if missing else {}
    misfits = [name for name, (here, there) in joint.pairs.items()
               if joint.graph.shape_of(here) != joint.graph.shape_of(there)]  # fmt: skip
    unmatched = [*joint.unmatched, *sorted(misfits)]
    pairs = {name: pair for name, pair in joint.pairs.items() if name not in unmatched}
    nodes = list(pairs.values())
    found = compare(joint.graph, pairs, fixed, seed=seed) if pairs else Comparison(UNEQUAL, False)
    verdict = UNEQUAL if unmatched else found.verdict
    parts = differences(joint.graph, nodes)
    sides = [None, None] if missing else [_at_point(bound) for bound in joint.bound]
    return Comparisons(
        verdict, found.equal and not unmatched, found.tried, found.counterexamples,
        changed=[_texts(joint.graph, part) for part in parts],
        removed=_new_parts(joint.graph, [pair[0] for pair in nodes], [pair[1] for pair in nodes]),
        added=_new_parts(joint.graph, [pair[1] for pair in nodes], [pair[0] for pair in nodes]),
        unmatched=unmatched, first=sides[0], second=sides[1], joint=joint,
    )  # fmt: skip


def _at_point(bound: Bound) -> Side:
    """Values and gradients; an output that is an array, or that has no derivative rule, has none."""
    values = bound.named_values(bound.chosen())
    gradients = {}
    for name in bound.program.outputs:
        try:
            gradients[name] = derivatives.gradients(bound, None, name)[1][name]
        except CgError:
            continue
    return Side(values, gradients)


def _texts(graph: Graph, part: Difference) -> tuple[str, str]:
    return shortened(expression(graph, part.left), LONGEST), shortened(expression(graph, part.right), LONGEST)


def _new_parts(graph: Graph, ours: Sequence[int], theirs: Sequence[int]) -> list[str]:
    """The operations that one side has alone, as text, the largest last."""
    nodes = [node for node in only_in(graph, ours, theirs) if not graph.is_constant(node)]
    return [shortened(expression(graph, node), LONGEST) for node in nodes[:MOST_PARTS]]
