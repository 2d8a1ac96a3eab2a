"""Values from outside: what a caller may give for an input, its shape, and which names fit the formula."""

from __future__ import annotations

import re

from cgcli.errors import DataError, UsageError, closest
from cgcli.language.spelling import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any


def given_values(mapping: Any, named: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs that came as one mapping, as keyword arguments, or as both.

    What counts as a mapping: whatever has keys (a dict, a row or a frame of pandas), and tables of named columns (of
    Arrow, a structured array). UsageError for everything else and for names that are no texts.
    """
    if mapping is None:
        return {**named}
    found = {**mapping} if type(mapping) is dict else by_name(mapping)
    for name in found:
        if not isinstance(name, str):
            raise UsageError(f"a name is a text, not {name!r}", hint='values are given by name, for example {"x": 1}')
    if not all(map(str.isascii, found)):
        found = one_reading(found)
    return {**found, **named}


def one_reading(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under the names as formulas read them. UsageError where two names are read alike."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if canonical(name) in found:
            raise UsageError(f"`{canonical(name)}` is given twice, in two spellings", hint="give each input once")
        found[canonical(name)] = value
    return found


def by_name(table: Any) -> dict[str, Any]:
    """What a mapping or a table of named columns holds. UsageError for what is neither."""
    names: Any
    if hasattr(table, "keys"):
        names = list(table.keys())
    else:
        names = getattr(table, "column_names", None) or getattr(getattr(table, "dtype", None), "names", None)
    if names is None:
        raise UsageError("values are given by name", hint='for example x=1, or {"x": 1}')
    found = {name: table[name] for name in names}
    if len(found) < len(names):
        twice = next(name for name in found if names.count(name) > 1)
        raise UsageError(f"the name {twice!r} is there more than once", hint="give each input once")
    return found


def normalised(name: str, value: Any, *, exact: bool = False, gaps: bool = False) -> Any:
    """A value as a float, a number beyond doubles or a float64 array. DataError for what is no number.

    exact: integers, fractions and decimals stay what they are, for a calculation beyond doubles. gaps: a masked or
    missing item becomes nan, as in a table; otherwise it is refused.
    """
    if isinstance(value, (int, float)) and not (exact and type(value) is int):
        try:
            return float(value)
        except OverflowError:
            raise DataError(f"the value of `{name}` is too large for a double", hint="use --digits") from None
    if is_precise(value) or (exact and type(value) in _exact_types()):
        return value
    try:
        array = number_array(value, exact, gaps)
    except Unfit as unfit:
        raise DataError(f"the value of `{name}` {unfit.what}", hint=unfit.hint.format(name=name)) from None
    if array.ndim == 0:
        return array[()] if array.dtype.kind == "O" else float(array)
    return array


class Unfit(ValueError):
    """What is wrong with a value, as the rest of a sentence, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


NO_NUMBERS = "is not a number or a rectangular list of numbers", "for example {name}=[1, 2, 3]"
DATES = "holds dates or durations", "make numbers of them first: ({name} - {name}[0]) / np.timedelta64(1, 's')"
REFUSED = {
    "U": ("holds texts, not numbers", "make numbers of them first: {name}.astype(float)"),
    "T": ("holds texts, not numbers", "make numbers of them first: {name}.astype(float)"),
    "S": ("holds texts, not numbers", "make numbers of them first: {name}.astype(float)"),
    "M": DATES,
    "m": DATES,
    "c": ("holds complex numbers", "give real and imaginary part as two inputs: {name}.real, {name}.imag"),
    "V": ("is a structured array", "give its fields by name, the array itself in place of a dict: f.eval(data)"),
}
"""What NumPy's kinds of no numbers are called, and what to do about them."""


def number_array(value: Any, exact: bool, gaps: bool) -> Any:
    """A value as an array of doubles, or of numbers beyond doubles. Unfit where it is neither.

    NumPy alone would read a text as a number, take None for nan, drop imaginary parts and look behind a mask.
    """
    import numpy as np

    holes = hidden_items(value)
    if holes is not None and not gaps:
        raise Unfit("has items that are masked or missing", "leave them out, or say what they are: {name}.filled(0)")
    try:
        array = (
            np.asarray(value) if holes is None or not hasattr(value, "isna") else value.to_numpy(float, na_value=np.nan)
        )
    except (TypeError, ValueError, OverflowError):
        raise Unfit(*NO_NUMBERS) from None
    if array.dtype.kind == "O":
        array = _array_of_items(array, exact)
    elif array.dtype.kind not in "biuf":
        raise Unfit(*REFUSED.get(array.dtype.kind, NO_NUMBERS))
    else:
        array = array.astype(np.float64, copy=False)
    if array.size == 0 and not gaps:
        raise Unfit("is empty", "give at least one number")
    if isinstance(holes, np.ndarray):
        array = np.where(holes, np.nan, array)
    return array


def hidden_items(value: Any) -> Any:
    """Where a value says of itself that items are missing: the mask, True where only that is known, or None."""
    if hasattr(value, "mask") and hasattr(value, "filled"):  # a masked array of NumPy
        import numpy as np

        mask = np.ma.getmaskarray(value)
        return mask if mask.any() else None
    if getattr(value, "null_count", 0):  # a column of Arrow, which NumPy reads with nan there
        return True
    if hasattr(getattr(value, "dtype", None), "na_value") and value.isna().any():  # a nullable column of pandas
        return True
    return None


def _array_of_items(items: Any, exact: bool) -> Any:
    """An array of objects as doubles, or as it is where it holds numbers beyond doubles. Unfit for other objects."""
    import numpy as np

    keep = exact or any(is_precise(item) for item in items.flat)
    found = np.empty(items.shape, dtype=object if keep else np.float64)
    for place, item in enumerate(items.flat):
        found.flat[place] = _item(item, keep)
    return found


def _item(item: Any, exact: bool) -> Any:
    """One item of an array of objects, as a float where it need not be exact. Unfit where it is no number."""
    kind = getattr(getattr(item, "dtype", None), "kind", "")
    if isinstance(item, (str, bytes)):
        raise Unfit(*REFUSED["U"])
    if isinstance(item, complex):
        raise Unfit(*REFUSED["c"])
    if hasattr(item, "strftime") or hasattr(item, "total_seconds") or kind in ("M", "m"):
        raise Unfit(*DATES)
    if item is None or str(item) == "<NA>":
        raise Unfit(f"holds {item}", "leave such items out, or say what they are")
    if is_precise(item) or (exact and type(item) in _exact_types()):
        return item
    try:
        return float(item)
    except OverflowError:
        raise Unfit("is too large for a double", "use --digits") from None
    except (TypeError, ValueError):
        raise Unfit(*NO_NUMBERS) from None


def is_precise(value: Any) -> bool:
    """Whether a value is a number of mpmath."""
    return type(value).__module__.partition(".")[0] == "mpmath"


def _exact_types() -> tuple[type, ...]:
    """Numbers of Python that say more than a double, and what is computed when it is needed."""
    from decimal import Decimal
    from fractions import Fraction

    from cgcli.engines.deferred import Deferred

    return int, Fraction, Decimal, Deferred


COMMA = re.compile(r",(?![^\[]*\])")
"""A comma between names; within the brackets of an element it separates indices."""


def name_list(names: Sequence[str] | str) -> list[str]:
    """Names that came as a list, or as one text `a,b`; `A[0,1]` is one. UsageError for what is no name."""
    if isinstance(names, str):
        return [canonical(name.strip()) for name in COMMA.split(names)]
    if not hasattr(names, "__iter__"):
        raise UsageError(f"names are a list of texts, not {names!r}", hint='for example ["x", "y"]')
    found = list(names)
    for name in found:
        if not isinstance(name, str):
            raise UsageError(f"a name is a text, not {name!r}", hint='for example wrt=["x", "y"]')
    return list(map(canonical, found))


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


def check_options(names: Collection[str], given: Collection[str], options: Mapping[str, Any]) -> None:
    """UsageError for an option that was given and is named like an input that has no value: which one is meant?

    names: inputs that are named like options. options: those of the call, None where one was not given.
    """
    for name in names:
        if name not in given and options.get(name) is not None:
            raise UsageError(
                f"`{name}` is an option of this method and an input of the formula",
                hint=f'give the input in a mapping: {{"{name}": {options[name]!r}}}',
            )


def refuse_term(name: str, value: Any) -> None:
    """UsageError where the value of a term is to be one, where only numbers are understood."""
    if value is not None and not (isinstance(value, (int, float)) or hasattr(value, "shape")):
        raise UsageError(
            f"`{name}` is a term, and this question takes none",
            hint="terms are for eval, grad, fit, info, trace, draw, why and check",
        )


def check_complete(needed: Iterable[str], given: Collection[str]) -> None:
    """UsageError that names all inputs without a value at once."""
    missing = [name for name in needed if name not in given]
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        raise UsageError(
            f"no value for {'the input' if len(missing) == 1 else 'the inputs'} {listed}",
            hint="add " + " ".join(f"{name}=…" for name in missing),
        )
