"""Scalars at one point with nothing but `math`: the engine of the command line."""

from __future__ import annotations

from importlib import import_module

from cgcli.engines.planned import PlannedEngine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.engines.plan import Kernel, Shape
    from cgcli.ops import Operation


class PythonEngine(PlannedEngine):
    """Floats and the rows' own scalar functions."""

    name = "python"
    arrays = False
    least_compiled: int | None = 100_000  # 0.1 s, as for arrays; what a number costs is less

    def number(self, value: float, exact: str | None) -> float:
        """The double."""
        return value

    def array(self, values: Any) -> Any:
        """Arrays are not for this engine; the choice of engine keeps them away."""
        raise TypeError("the python engine works on scalars")

    def given(self, value: Any) -> float:
        """The value as a float."""
        return float(value)

    def own_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """The row's scalar function, or a library's, imported on first use, that its `python` spelling names."""
        if any(shapes):
            return None
        compute = row.compute
        if compute is None and "python" in row.spell:
            module, _, function = row.spell["python"].rpartition(".")
            library = getattr(import_module(module), function)

            def compute(*operands: float) -> float:
                return float(library(*operands))

        if compute is None or not attributes:
            return compute
        scalar = compute

        def with_attributes(*operands: float) -> float:
            return scalar(*operands, *attributes)

        return with_attributes


ENGINE = PythonEngine()
