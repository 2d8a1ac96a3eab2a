"""The leaves of a graph: constants, inputs, and names that stand for other nodes."""

from __future__ import annotations

from cgcli.ops.row import Operation

constant = Operation("constant", "", traits=("internal", "leaf"), about="A number written in the formula.")
array = Operation("array", "", traits=("internal", "leaf"), about="An array of numbers given from Python.")
variable = Operation("input", "", traits=("internal", "leaf"), about="A value that is given from outside.")
LEAVES = frozenset((constant.code, array.code, variable.code))
"""What has no operands."""

alias = Operation(
    "alias", "x", compute=lambda x, name=0: x, partials=(lambda x, r: 1.0,),
    spell={"numpy": "positive", "native": lambda lanes, x, name: x,
           "precise": lambda mp, x, name: x, "latex": "{0}"},
    prepare=lambda shapes, name=0: (name,),
    traits=("internal", "linear"),
    about="A name for its operand that `diff` can tell from equal values; gone when lowering ends.",
)  # fmt: skip
