"""What Python's filters say of warnings, asked before one is worked out."""

from __future__ import annotations

import warnings


def action_on(category: type[Warning]) -> str:
    """What happens to warnings of a category by the first filter that is for all texts and modules."""
    for action, message, kind, module, line in warnings.filters:
        if message is None and module is None and not line and issubclass(category, kind):
            return action
    return "default"
