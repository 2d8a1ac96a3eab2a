"""A Dask collection in a file of somebody's Python, `sums.py:total`. The file is executed."""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location

from cgcli.errors import CalculationError, DataError, UsageError, did_you_mean
from cgcli.tasks.reading import require_dask
from cgcli.tasks.steps import place_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

EXAMPLE = "for example sums.py:total"


def collection_in(word: str) -> Any:
    """The collection of a word `FILE.py:NAME`, or the only one of a `FILE.py`.

    UsageError for a word of another form, for a name that the file does not have and for what is no collection;
    DataError where the file cannot be read; CalculationError where it raises.
    """
    require_dask()
    from dask.base import is_dask_collection

    path, name = parted(word)
    found = {key: value for key, value in vars(executed(path)).items() if not key.startswith("__")}
    known = [key for key, value in found.items() if is_dask_collection(value) and not is_function(value)]
    if not name:
        if len(known) == 1:
            return found[known[0]]
        raise UsageError(
            f"`{path}` has {len(known) or 'no'} Dask collections{'; one has to be named' if known else ''}",
            hint=f"for example {path}:{known[0]}; it has {', '.join(known[:9])}" if known else EXAMPLE,
        )
    if name not in found:
        has = f"its Dask collections are {', '.join(known[:9])}" if known else "it has no Dask collections"
        raise UsageError(f"`{path}` has no `{name}`", hint=did_you_mean(name, known) or has)
    if not is_dask_collection(found[name]) and not isinstance(found[name], dict):
        raise UsageError(
            f"`{name}` in `{path}` is a value of type `{type(found[name]).__name__}`, no Dask collection",
            hint="a Delayed, a bag, an array or a dataframe of Dask is one",
        )
    return found[name]


def is_function(value: Any) -> bool:
    """Whether a collection is nothing but a function, waiting to be called."""
    from dask.delayed import DelayedLeaf

    return isinstance(value, DelayedLeaf) and callable(value._obj)


def parted(word: str) -> tuple[str, str]:
    """Path and name of a word; the name may be missing."""
    path, colon, name = word.rpartition(":")
    if not colon or not name.isidentifier():
        path, name = (word.removesuffix(":"), "") if not colon or not name else (word, "")
    if not path.endswith(".py"):
        raise UsageError(f"`{word}` names no file of Python and no name in it", hint=EXAMPLE)
    return path, name


def executed(path: str) -> ModuleType:
    """A file of Python as a module, executed as if it were imported from its own folder."""
    if not os.path.isfile(path):
        kind = "it is a folder" if os.path.isdir(path) else os.strerror(2)
        raise DataError(f"cannot read `{path}`: {kind}")
    folder, file = os.path.split(os.path.abspath(path))
    name = file.removesuffix(".py")
    name = f"{name}_file" if name in sys.modules else name  # `random.py` of somebody is not Python's
    spec = spec_from_file_location(name, os.path.join(folder, file))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.path.insert(0, folder)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except OSError as error:
        if error.filename != spec.origin:
            raise unfinished(path, error) from None
        raise DataError(f"cannot read `{path}`: {error.strerror}") from None
    except (Exception, SystemExit) as error:
        raise unfinished(path, error) from None
    return module


def unfinished(path: str, error: BaseException) -> CalculationError:
    """What to tell where a file could not be executed to its end."""
    said = " ".join(str(error).split())
    place = None if isinstance(error, SyntaxError) else place_of(error.__traceback__)
    return CalculationError(f"`{path}` raised {type(error).__name__}{f': {said}' if said else ''}", hint=place)
