"""Uncertainty of a formula's results, as methods of a formula."""

from __future__ import annotations

from cgcli.errors import UsageError
from cgcli.formulas import given
from cgcli.formulas.base import FormulaBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class Uncertain(FormulaBase):
    """What follows from the errors of values."""

    def uncertainty(
        self, values: Mapping[str, Any] | None = None, /, *, correlations: Any = None, covariance: Any = None,
        dof: Any = None, distributions: Mapping[str, Any] | None = None, readings: Any = None,
        average: Sequence[str] = (), samples: float | None = None, seed: int = 0, **inputs: Any,
    ) -> Any:  # fmt: skip
        """The result with its standard uncertainty, by the law of propagation (JCGM 100, the GUM).

        values: by input (value, error), or a text such as "1.00±0.01" or "R(0.98, 1.02)", or a number without an error;
        errors are standard uncertainties, and arrays where the value is one.
        correlations: {("L", "T"): 0.3}, elements of arrays as "v[0]"; or (names, matrix). covariance: a matrix
        {"L": {"L": …, "T": …}, …}, or (names, matrix); it has the errors, too. dof: degrees of freedom of errors.
        distributions: by input a kind ("rectangular", "triangular", "arcsine", "lognormal", "student_sd",
        "student_scale") with this value and error, or a frozen distribution of SciPy. readings: repeated readings of
        inputs without a value, a column each (a path, a frame, a mapping; or a list of tables that are independent).
        average: inner names that are computed for each reading, and whose means go on. samples, seed: how many random
        values are drawn for `.sampled` (JCGM 101). An input that is called like one of these options is given in the
        mapping.

        A result has value, error, dof, shares, interval(coverage), expanded(coverage), coverage_factor(coverage),
        second_order and sampled; several outputs come by name, with their covariance and correlations.
        UsageError and DataError for what cannot be meant, CalculationError for an error of a length or an index.
        """
        from cgcli.uncertainty import asking, results

        asked = asking.question(given.given_values(values, inputs), correlations, covariance, dof, distributions)
        if readings is not None:
            from cgcli.uncertainty.readings import with_readings

            asked = with_readings(self, asked, readings, given.name_list(average))
        elif average:
            raise UsageError("`average` is for readings", hint='for example readings="readings.csv"')
        found = asking.propagate(self, asked)
        sample = None
        if samples is not None:
            from cgcli.uncertainty.sampling import Sample

            sample = Sample(found, samples, seed)
        by_name = results.results_of(found, sample)
        asking.warn_of(found, by_name)
        return next(iter(by_name.values())) if len(by_name) == 1 else results.Several(found, by_name, sample)

    def uncertainty_rows(self, values: Mapping[str, Any], *, correlations: Any = None, engine: str = "auto") -> Any:
        """One result and one standard uncertainty a row, by the law of propagation: arrays value and error.

        values: as of `uncertainty`; (column, column of errors) for what differs from row to row. correlations: of the
        errors of two inputs, the same in all rows. Errors of columns are independent from row to row, and what is of
        the whole table, as `mean(x)`, has those of all rows. Several outputs come by name. Errors as of `uncertainty`;
        ShapeError for outputs that are arrays, and for a row's number that follows from a whole column with errors.
        """
        from cgcli.uncertainty import asking
        from cgcli.uncertainty.tables import in_rows

        found = in_rows(self, asking.question(values, correlations, gaps=True), engine)
        return next(iter(found.values())) if len(found) == 1 else found
