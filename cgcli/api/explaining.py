"""Questions about a formula that end in words: its digits, its derivative by hand, its equality with another one."""

from __future__ import annotations

from cgcli.errors import UsageError
from cgcli.formulas import given
from cgcli.formulas.base import FormulaBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.comparing import Comparisons
    from cgcli.formulas.digits import Checked
    from cgcli.formulas.why import Why
    from cgcli.formulas.working import Steps


class Explaining(FormulaBase):
    """Questions about a formula that end in words."""

    def _without_terms(self, values: dict[str, Any]) -> tuple[FormulaBase, dict[str, Any]]:
        """The formula for one row, its terms written out, and the other values."""
        if not self.terms:
            return self, values
        from cgcli.terms.single import written_out

        return written_out(self, values)

    def steps(
        self, wrt: str | None = None, mapping: Mapping[str, Any] | None = None, /, *, of: str | None = None,
        order: int = 1, unsimplified: bool = False, **inputs: Any,
    ) -> Steps:  # fmt: skip
        """The working of a derivative, one rule a line, which prints itself.

        It has `.lines`, `.derivative`, `.hint` and `.check(answer)`. wrt: an input or an element of one, the only
        input by default. See `cgcli.formulas.working.steps`.
        """
        from cgcli.formulas.working import steps

        values = given.given_values(mapping, inputs)
        return steps(self, values, wrt=wrt, of=of, order=order, unsimplified=unsimplified)

    def why(
        self, mapping: Mapping[str, Any] | None = None, /, *, of: str | None = None, wrt: Sequence[str] | None = None,
        **inputs: Any,
    ) -> Why:  # fmt: skip
        """Why a value or a derivative is nan, infinite, zero, huge, tiny or a convention at a point, and what cures it.

        `.findings`, each with `.kind`, `.pass_`, `.operation`, `.text`, `.why`, `.path` and `.cures`. See
        `cgcli.formulas.why.why`.
        """
        from cgcli.formulas.why import why

        formula, values = self._without_terms(given.given_values(mapping, inputs))
        return why(formula, values, of=of, wrt=wrt)

    def check(
        self, mapping: Mapping[str, Any] | None = None, /, *, ranges: Mapping[str, tuple[float, float]] | None = None,
        improve: bool = False, seed: int = 0, **inputs: Any,
    ) -> Checked:  # fmt: skip
        """How many digits of values and derivatives are right, what loses them, and a better form where there is one.

        It has `.outputs`, `.derivatives`, `.losers` and `.rewritings`. ranges: {name: (low, high)} for inputs without a
        value. improve: search longer. See `cgcli.formulas.digits.check`.
        """
        from cgcli.formulas.digits import check

        formula, values = self._without_terms(given.given_values(mapping, inputs))
        return check(formula, values, ranges, improve=improve, seed=seed)

    def compare(
        self, other: FormulaBase, mapping: Mapping[str, Any] | None = None, /, *, seed: int = 0, **inputs: Any
    ) -> Comparisons:  # fmt: skip
        """Whether another formula means the same numbers: `.equal`, `.verdict`, `.counterexample`; true where equal.

        Values decide shapes; where all inputs have one, `.first` and `.second` hold values and gradients there. See
        `cgcli.formulas.comparing.compared`.
        """
        from cgcli.formulas.comparing import compared

        if not isinstance(other, FormulaBase):
            raise UsageError("a formula is compared with a formula", hint='for example f.compare(cg.parse("x*x"))')
        return compared(self, other, given.given_values(mapping, inputs), seed=seed)
