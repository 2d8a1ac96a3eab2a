"""Values from outside: what a caller may give for an input, its shape, and which names fit the formula."""

from __future__ import annotations

from cgcli.errors import DataError, UsageError, closest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any


def given_values(mapping: Mapping[str, Any] | None, named: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs that came as one mapping, as keyword arguments, or as both. UsageError for what is no mapping."""
    if mapping is not None and not hasattr(mapping, "keys"):
        raise UsageError("values are given by name", hint='for example x=1, or {"x": 1}')
    return {**(mapping or {}), **named}


def normalised(name: str, value: Any) -> Any:
    """A value as a float, an mpmath number or a float64 array. DataError for what is no number."""
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            raise DataError(f"the value of `{name}` is too large for a double", hint="use --digits") from None
    if type(value).__module__.partition(".")[0] == "mpmath":
        return value
    try:
        array = value if holds_precise(value) else float_array(value)
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            f"the value of `{name}` is not a number or a rectangular list of numbers",
            hint=f"for example {name}=[1, 2, 3]",
        ) from None
    if array.ndim == 0:
        return float(array)
    if array.size == 0:
        raise DataError(f"the value of `{name}` is empty")
    return array


def float_array(value: Any) -> Any:
    """A value as an array of doubles; TypeError or ValueError for texts, dates, complex numbers and what has gaps.

    NumPy alone would read a text as a number, take None for nan, and drop imaginary parts.
    """
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind == "O":  # fractions, decimals, integers beyond 64 bits
        return np.array([float(item) for item in array.flat]).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        raise TypeError(array.dtype.name)
    return array.astype(np.float64, copy=False)


def name_list(names: Sequence[str] | str) -> list[str]:
    """Names that came as a list, or as one text `a,b`. UsageError for what is no name."""
    found = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    for name in found:
        if not isinstance(name, str):
            raise UsageError(f"a name is a text, not {name!r}", hint='for example wrt=["x", "y"]')
    return found


def holds_precise(value: Any) -> bool:
    """Whether a value is an array of numbers beyond doubles."""
    return getattr(getattr(value, "dtype", None), "kind", "") == "O"


def check_names(given: Iterable[str], known: Collection[str], *others: Collection[str]) -> None:
    """UsageError for a value whose name is neither among the inputs nor elsewhere; the hint says what there is."""
    inputs = set(known)
    unknown = [name for name in given if name not in inputs and not any(name in names for names in others)]
    if not unknown:
        return
    name = unknown[0]
    near = closest(name, [*known, *(other for names in others for other in names)])
    if near:
        hint = f"did you mean {' or '.join(f'`{match}`' for match in near)}?"
    elif known:
        hint = f"its inputs are {', '.join(f'`{known_name}`' for known_name in known)}"
    else:
        hint = "it has no inputs"
    listed = ", ".join(f"`{name}`" for name in unknown)
    raise UsageError(f"the formula has no {'input' if len(unknown) == 1 else 'inputs'} {listed}", hint=hint)


def check_complete(needed: Iterable[str], given: Collection[str]) -> None:
    """UsageError that names all inputs without a value at once."""
    missing = [name for name in needed if name not in given]
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        raise UsageError(
            f"no value for {'the input' if len(missing) == 1 else 'the inputs'} {listed}",
            hint="add " + " ".join(f"{name}=…" for name in missing),
        )
