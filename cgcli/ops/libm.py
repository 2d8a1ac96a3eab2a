"""The names of C's mathematical functions (C23, <math.h>): a row of such a name and arity is that function in C.

What writes C, or code that calls C, asks here; a row may also spell one by another name of the table.
"""

from __future__ import annotations

UNARY = frozenset((
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "erf", "erfc", "exp", "exp10", "exp2",
    "expm1", "lgamma", "log", "log10", "log1p", "log2", "sin", "sinh", "tan", "tanh", "tgamma",
))  # fmt: skip
BINARY = frozenset(("atan2", "fmod", "hypot", "pow", "remainder"))


def is_function(name: str, arity: int) -> bool:
    """Whether C has a mathematical function of this name and so many operands."""
    return name in (UNARY if arity == 1 else BINARY if arity == 2 else ())
