"""Python's floats where a node and its operands are numbers, NumPy where there are arrays, in one graph.

So the numbers of a formula are those that `f.eval` has for it, and a question about an array can be asked beside it.
"""

from __future__ import annotations

from cgcli.engines import engine
from cgcli.engines.python import PythonEngine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.engines.plan import Kernel, Shape
    from cgcli.ops import Operation


class MixedEngine(PythonEngine):
    """Floats and the rows' own functions; NumPy's kernels for nodes with arrays."""

    name = "mixed"
    arrays = True

    def array(self, values: Any) -> Any:
        """The array itself."""
        return values

    def given(self, value: Any) -> Any:
        """A float, or an array as NumPy's engine takes it."""
        return engine("numpy").given(value) if getattr(value, "shape", ()) else float(value)  # type: ignore[attr-defined]

    def own_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """The row's scalar function; where there are arrays, or it is none of numbers alone, NumPy's."""
        if not any(shapes) and row.elementwise:
            return super().own_kernel(row, shapes, attributes)
        import numpy as np

        arrays: Any = engine("numpy")
        kernel = arrays.own_kernel(row, shapes, attributes)
        if kernel is None:
            return None

        def run(*operands: Any) -> Any:
            with np.errstate(all="ignore"):
                found = kernel(*[np.float64(each) if type(each) is float else each for each in operands])
            return found if found.shape else float(found)

        return run


ENGINE = MixedEngine()
