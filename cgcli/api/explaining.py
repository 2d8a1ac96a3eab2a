"""What can be asked about a formula beyond its values: how it compares with another one."""

from __future__ import annotations

from cgcli.formulas import given
from cgcli.formulas.base import FormulaBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.formulas.comparing import Comparisons


class Explaining(FormulaBase):
    """Questions about a formula that end in words."""

    def compare(
        self, other: FormulaBase, mapping: Mapping[str, Any] | None = None, /, *, seed: int = 0, **inputs: Any
    ) -> Comparisons:  # fmt: skip
        """Whether another formula means the same numbers: `.equal`, `.verdict`, `.counterexample`; true where equal.

        Values decide shapes; where all inputs have one, `.first` and `.second` hold values and gradients there. See
        `cgcli.formulas.comparing.compared`.
        """
        from cgcli.formulas.comparing import compared

        return compared(self, other, given.given_values(mapping, inputs), seed=seed)
