"""Evaluate a graph that somebody built with Dask. This executes the file that is named.

Examples:
  cg dask sums.py:total
  cg dask sums.py:total x=2.5 --grad
  cg dask model.py:loss --grad --wrt w --json

The file is Python, and it is executed as `python sums.py` would: only give files that you trust. No other command does
so but `cg draw --dask`. The value is what total.compute() gives; each function is called once, in this process.
"""

from __future__ import annotations

from cgcli.cli.arguments import read_bindings, split_names
from cgcli.cli.output import number_text, print_json
from cgcli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.cli.options import Annotated, Bindings, Json, Wrt, typer
    from cgcli.tasks.graph import TaskGraph


def run(
    file: Annotated[
        str, typer.Argument(metavar="FILE.py:NAME", help="A file of Python, which is executed, and a name in it.")
    ],
    bindings: Bindings = None,
    *,
    grad: Annotated[bool, typer.Option("--grad", help="Print derivatives by the numbers that are tasks.")] = False,
    wrt: Wrt = None,
    json: Json = False,
) -> None:
    """Print the value, and with --grad one derivative a line."""
    if wrt is not None and not grad:
        raise UsageError("--wrt chooses derivatives, and none are printed", hint="add --grad")
    graph = read_tasks(file)
    values = read_bindings(bindings)
    if grad:
        value, slopes = graph.value_and_grad(values, wrt=split_names(wrt))
        if json:
            print_json({"values": {"result": plain(value)}, "gradients": {"result": slopes}})
            return
        print(f"result = {value_text(value)}")
        for name, slope in slopes.items():
            print(f"d/d{name} = {number_text(slope)}")
        return
    value = graph.eval(values)
    if json:
        print_json({"values": {"result": plain(value)}})
    else:
        print(value_text(value))


def read_tasks(word: str) -> TaskGraph:
    """The task graph that a word names. Errors as of `cgcli.tasks.files.collection_in`."""
    from cgcli.api.tasks import from_dask
    from cgcli.tasks.files import collection_in

    return from_dask(collection_in(word))


def value_text(value: Any) -> str:
    """A result as text: numbers and arrays as other commands print them, anything else as Python does."""
    if isinstance(value, float):
        return number_text(float(value))
    is_array = hasattr(value, "tolist") and not hasattr(value, "index")
    return number_text(value) if is_array and value.dtype.kind == "f" else str(value)


def plain(value: Any) -> Any:
    """A result as JSON has it; a text where it has no such thing."""
    from json import dumps, loads

    try:
        return loads(dumps(value, default=lambda item: item.tolist() if hasattr(item, "tolist") else str(item)))
    except (TypeError, ValueError):  # keys that are no texts, and lists that hold themselves
        return str(value)
