"""A formula whose values stay and whose graph may be edited."""

from __future__ import annotations

from cgcli.formulas import given
from cgcli.formulas.base import FormulaBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.live.live import LiveGraph


class Living(FormulaBase):
    """Live graphs."""

    def live(self, mapping: Mapping[str, Any] | None = None, /, **inputs: Any) -> LiveGraph:
        """The formula with values that may be changed, asked and edited, computing only what that makes necessary.

            live = f.live(x=0.3, t=1); live["loss"]; live.set(x=0.5); live.grad("loss")
            with live.edit() as e: e.replace("sin(x)", "tanh(x)")

        Values as for `eval`, whose errors it has; what can be done with it: `cgcli.live`.
        """
        from cgcli.live.live import LiveGraph

        return LiveGraph(self, given.given_values(mapping, inputs))
