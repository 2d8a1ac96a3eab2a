"""From what a caller gives (values, errors, correlations) to the law of propagation, and what is told of it."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cgcli.errors import DataError, NonlinearWarning, UsageError, did_you_mean
from cgcli.explain.filters import action_on
from cgcli.formulas import given
from cgcli.formulas.kinks import kinks_at
from cgcli.formulas.values import read_value
from cgcli.language.spelling import canonical
from cgcli.numerals import element_names
from cgcli.uncertainty.doubting import WRONG, Excursions, doubt
from cgcli.uncertainty.notation import read_quantity
from cgcli.uncertainty.propagating import Propagation, bind
from cgcli.uncertainty.quantities import Inputs, Quantity, quantity_of
from cgcli.uncertainty.signs import is_uncertain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.data.value_files import Errors
    from cgcli.explain.births import Birth
    from cgcli.formulas.base import FormulaBase
    from cgcli.uncertainty.results import ArrayUncertainty, Uncertainty

    Pairs = dict[tuple[str, str], float]

MOST_CHECKED = 20
"""Elements of the outputs for which the second order is computed without being asked for."""

MOST_MOVED = 500
"""Elements of the inputs for which the formula is computed at both ends without being asked for."""


class Question(NamedTuple):
    """values: of inputs without an error. quantities: of those with one. correlations: of elements, by their labels."""

    values: dict[str, Any]
    quantities: dict[str, Quantity]
    correlations: Pairs


def question(
    values: Any, correlations: Any = None, covariance: Any = None, dof: Any = None, distributions: Any = None, *,
    gaps: bool = False,
) -> Question:  # fmt: skip
    """What is asked, from what Python gives (see `Formula.uncertainty`). gaps: whether nan is allowed, as in a column.

    UsageError, DataError.
    """
    named = given.given_values(values, {})
    errors, pairs = covariance_pairs(named, covariance) if covariance is not None else ({}, {})
    freedom = named_mapping("dof", dof, named)
    shapes = named_mapping("distributions", distributions, named)
    fixed: dict[str, Any] = {}
    quantities: dict[str, Quantity] = {}
    for name, value in named.items():
        if name in errors:
            value = (value, errors[name])
        if isinstance(value, str):
            value = read_quantity(name, value) if is_uncertain(value) else read_value(name, value)
        found = quantity_of(name, value, freedom.get(name), shapes.get(name), gaps=gaps)
        if found is None:
            fixed[name] = value
        else:
            quantities[name] = found
    return Question(fixed, quantities, {**pairs, **shared_causes(named), **correlation_pairs(correlations)})


def shared_causes(values: Mapping[str, Any]) -> Pairs:
    """The correlations of numbers of the package `uncertainties` that follow from the same variables."""
    known = {name: value for name, value in values.items() if hasattr(value, "derivatives") and value.std_dev}
    pairs: Pairs = {}
    for place, (first, one) in enumerate(known.items()):
        for second, other in list(known.items())[place + 1 :]:
            common = one.derivatives.keys() & other.derivatives.keys()
            shared = sum(one.derivatives[each] * other.derivatives[each] * each.std_dev**2 for each in common)
            if shared:
                pairs[first, second] = max(-1.0, min(1.0, shared / (one.std_dev * other.std_dev)))
    return pairs


def named_mapping(what: str, mapping: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """What an option says by the names of inputs that have values. UsageError."""
    if mapping is None:
        return {}
    if not hasattr(mapping, "keys"):
        raise UsageError(f"`{what}` is given by name", hint=f'for example {what}={{"x": …}}')
    found = {canonical(str(name)): mapping[name] for name in mapping.keys()}  # noqa: SIM118 - a frame, too
    for name in found:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are values of {', '.join(known) or 'none'}"
            raise UsageError(f"`{what}` names `{name}`, which has no value", hint=hint)
    return found


def correlation_pairs(correlations: Any) -> Pairs:
    """Correlations by pairs of labels, from {("a", "b"): r}, {"a": {"b": r}} or (names, matrix). UsageError."""
    if correlations is None:
        return {}
    found: Pairs = {}
    for first, second, r in entries("correlations", correlations):
        pair, turned = (first, second), (second, first)
        if found.get(pair, r) != r or found.get(turned, r) != r:
            raise UsageError(f"the correlation of `{first}` and `{second}` is given twice, as two numbers")
        if turned not in found:
            found[pair] = r
    return found


def entries(what: str, matrix: Any) -> list[tuple[str, str, float]]:
    """The entries of a matrix by the names of its rows and columns. UsageError for other things."""
    usage = UsageError(f"`{what}` is not a matrix by names", hint=f'{what}={{("x", "y"): …}}, or (["x", "y"], matrix)')
    if isinstance(matrix, tuple) and len(matrix) == 2:
        names, rows = matrix
        table = np.asarray(rows, dtype=float)
        names = [canonical(str(name)) for name in names]
        if table.shape != (len(names), len(names)):
            raise UsageError(f"`{what}` has {len(names)} names and a matrix of shape {list(table.shape)}")
        if not np.allclose(table, table.T, rtol=1e-8, atol=0, equal_nan=True):
            raise UsageError(f"`{what}` is not symmetric")
        return [(one, other, float(table[i, j])) for i, one in enumerate(names) for j, other in enumerate(names)]
    if not hasattr(matrix, "keys"):
        raise usage
    found: list[tuple[str, str, float]] = []
    for key in matrix.keys():  # noqa: SIM118 - a frame, too
        value = matrix[key]
        if isinstance(key, tuple) and len(key) == 2:
            found.append((canonical(str(key[0])), canonical(str(key[1])), number(what, value)))
        elif hasattr(value, "keys"):
            others = given.by_name(value)
            found += [(canonical(str(key)), canonical(str(other)), number(what, r)) for other, r in others.items()]
        else:
            raise usage
    return found


def number(what: str, value: Any) -> float:
    """A number. UsageError."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise UsageError(f"`{what}` holds {value!r}, which is no number") from None


def covariance_pairs(values: Mapping[str, Any], covariance: Any) -> tuple[dict[str, Any], Pairs]:
    """The errors by input and the correlations of a covariance matrix of the elements, by their labels. UsageError."""
    if hasattr(covariance, "covariance") and hasattr(covariance, "values"):  # a fit
        covariance = covariance.values, covariance.covariance
    if hasattr(covariance, "__array__") and not hasattr(covariance, "keys"):
        covariance = values, covariance
    if isinstance(covariance, tuple) and len(covariance) == 2:
        names = [canonical(str(name)) for name in covariance[0]]
        covariance = (
            [
                label
                for name in names
                for label in element_names(name, np.shape(values[name]) if name in values else ())
            ],
            covariance[1],
        )
    found = {(first, second): value for first, second, value in entries("covariance", covariance)}
    errors: dict[str, float] = {}
    for label in dict.fromkeys(label for pair in found for label in pair):
        variance = found.get((label, label))
        if variance is None or not variance >= 0 or not isfinite(variance):
            raise UsageError(f"the variance of `{label}` is {'missing' if variance is None else variance}")
        errors[label] = variance**0.5
    pairs: Pairs = {}
    for (first, second), value in found.items():
        scale = errors[first] * errors[second]
        if first != second and value and (second, first) not in pairs:
            if not abs(value) <= scale * (1 + 1e-9):
                raise UsageError(f"the covariance of `{first}` and `{second}` is beyond the product of their errors")
            pairs[first, second] = max(-1.0, min(1.0, value / scale))
    by_input: dict[str, Any] = {}
    for name, value in values.items():
        labels = element_names(name, np.shape(value))
        if any(label in errors for label in labels):
            by_input[name] = np.reshape([errors.pop(label, 0.0) for label in labels], np.shape(value))
    if errors:
        name = next(iter(errors))
        raise UsageError(f"`covariance` names `{name}`, which has no value", hint=did_you_mean(name, values))
    return by_input, pairs


def of_document(path: str, found: Errors, values: Mapping[str, Any]) -> Question:
    """The quantities among values of which a file, as `cg fit -o` writes it, gives errors; their covariance counts.

    DataError for what a fit did not determine.
    """
    own = {name: values[name] for name in found.errors if name in values}
    for name in own:
        if not np.isfinite(found.errors[name]).all():
            raise DataError(
                f"`{path}` says that `{name}` was not determined: its error is no finite number",
                hint=f"give it by itself: {name}=VALUE",
            )
    known = {label for name in own for label in element_names(name, np.shape(own[name]))}
    covariance = {pair: value for pair, value in found.covariance.items() if known.issuperset(pair)}
    dof = dict.fromkeys(own, found.dof) if found.dof else None
    if len(covariance) == len(known) ** 2:
        return question(own, covariance=covariance, dof=dof)
    return question({name: (value, found.errors[name]) for name, value in own.items()}, dof=dof)


def propagate(
    formula: FormulaBase, asked: Question, *, show: Sequence[str] = (), engine: str = "auto",
    on_births: Callable[[list[Birth]], None] | None = None,
) -> Propagation:  # fmt: skip
    """The law of propagation for a question. Errors as of `bind`, UsageError for correlations that cannot be.

    show: inner names in the place of the outputs. on_births: who is told of nan and infinities.
    """
    inputs = Inputs(asked.quantities, asked.correlations)
    bound = bind(formula, asked.values, asked.quantities, show=show, engine=engine)
    bound.on_births = on_births
    return Propagation(bound, inputs, show)


def doubts(found: Propagation, results: Mapping[str, Uncertainty | ArrayUncertainty]) -> dict[str, str]:
    """Why the law of propagation may be wrong, for each result of which that can be said."""
    if len(found.value) > MOST_CHECKED or not found.inputs.names:
        return {}
    told: dict[str, str] = {}
    hits = kinks_at(found.bound, found.inputs.names) if not found.show else []
    bent = f"{WRONG}: a kink, {hits[0].text}" if hits else None
    sampled = any(each.is_sampled for result in results.values() for each in elements_of(result))
    excursions = None if sampled or len(found.inputs.labels) > MOST_MOVED else Excursions(found)
    for result in results.values():
        for each in elements_of(result):
            why = doubt(each, None) if sampled else bent or doubt(each, excursions)
            if why is not None:
                told[each.label] = why
    return told


def elements_of(result: Uncertainty | ArrayUncertainty) -> Sequence[Uncertainty]:
    """The numbers that a result consists of."""
    return list(result.elements.flat) if hasattr(result, "elements") else [result]


def warn_of(found: Propagation, results: Mapping[str, Uncertainty | ArrayUncertainty]) -> None:
    """A NonlinearWarning where the law of propagation may be wrong; one text, so that Python's filters tell it once."""
    from warnings import warn

    if action_on(NonlinearWarning) == "ignore":
        return
    for name, why in doubts(found, results).items():
        label = "" if len(found.value) == 1 else f"`{name}`: "
        sampled = any(each.is_sampled for result in results.values() for each in elements_of(result))
        hint = "see the sample" if sampled else "see `.second_order`, or draw samples=1_000_000"
        warn(NonlinearWarning(label + why.partition(":")[0], hint=hint), stacklevel=3)
