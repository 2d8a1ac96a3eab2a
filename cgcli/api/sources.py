"""Where formulas come from: a text, a file, a graph that was built by connecting operations; and single values."""

from __future__ import annotations

from cgcli.api.formula import Formula, fixed, from_source
from cgcli.errors import DataError, FormulaError, Source, UsageError, did_you_mean
from cgcli.graph.ref import Ref
from cgcli.graph.store import Graph
from cgcli.language.program import Program
from cgcli.language.reading import parse as parse_syntax
from cgcli.language.syntax import NAME
from cgcli.ops.constants import ALIASES, CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    Shape = tuple[int, ...]

GRAPH_ENDING = ".npz"
"""Files with this ending hold graphs, all others hold texts."""


def parse(text: str, name: str = "<formula>") -> Formula:
    """A formula from its text. FormulaError with the place and a hint where the text is wrong."""
    if not isinstance(text, str):
        raise UsageError(f"a formula is a text, not a value of type `{type(text).__name__}`")
    return from_source(Source(text, name))


def load(path: str | Path) -> Formula:
    """A formula from a file: its text, or its graph (.npz, see `Formula.save`).

    DataError where it cannot be read and for a broken graph; FormulaError for a wrong text.
    """
    if str(path).endswith(GRAPH_ENDING):
        from cgcli.data.graph_files import read_graph

        return fixed(read_graph(str(path)))
    return from_source(Source(read_text(path), str(path)))


def read_text(path: str | Path) -> str:
    """A file as text. DataError where it is missing or no text."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"cannot read `{path}`: it is not UTF-8 text") from None


def formula(result: Ref | Mapping[str, Ref]) -> Formula:
    """A formula from a graph that was built by connecting operations: one result, or several by name."""
    named = {"result": result} if isinstance(result, Ref) else dict(result) if hasattr(result, "keys") else {}
    if not named or not all(isinstance(ref, Ref) for ref in named.values()):
        raise UsageError("a formula is made of a graph reference", hint='x = cg.inputs("x"); cg.formula(cg.sin(x))')
    first = next(iter(named.values()))
    program = Program(first.graph)
    program.outputs = {name: first.graph.adopt(ref) for name, ref in named.items()}
    program.inputs = list(first.graph.inputs())
    return fixed(program)


def inputs(names: str, shape: Shape | int = ()) -> Any:
    """References to new inputs, `x, y = inputs("x y")`; one name gives one reference. They share a graph.

    UsageError for what a formula cannot call an input, and for a shape that is none.
    """
    lengths = (shape,) if isinstance(shape, int) else tuple(shape)
    if not all(isinstance(length, int) and length > 0 for length in lengths):
        raise UsageError(f"{shape!r} is not a shape", hint="for example shape=(3,)")
    if not isinstance(names, str) or not names.replace(",", " ").split():
        raise UsageError("no names given", hint='for example inputs("x y")')
    graph, refs = Graph(), []
    for name in names.replace(",", " ").split():
        if not is_name(name):
            raise UsageError(f"`{name}` cannot be the name of an input", hint="names are letters, digits and `_`")
        refs.append(graph.ref(graph.input(name, lengths)))
    return refs[0] if len(refs) == 1 else tuple(refs)


def is_name(word: str) -> bool:
    """Whether a word alone is a name in the language."""
    try:
        table = parse_syntax(Source(word))
    except FormulaError:
        return False
    return bool(table.rule) and table.rule[0] == NAME and (table.start[0], table.end[0]) == (0, len(word))


def read_value(name: str, text: str, *, digits: int | None = None) -> Any:
    """The value of `NAME=TEXT` on a command line: a constant formula, or `@file.npy`. DataError, FormulaError.

    With digits the formula is computed when it is needed, to as many digits as that needs.
    """
    if text.startswith("@"):
        return read_array(name, text[1:])
    constant = from_source(Source(text, f"<value of {name}>"))
    if constant.inputs:
        needed = ", ".join(f"`{missing}`" for missing in constant.inputs)
        near = did_you_mean(constant.inputs[0], (*CONSTANTS, *ALIASES))
        raise UsageError(
            f"the value of `{name}` is not a number: it uses {needed}",
            hint=near or f"for example {name}=1.5 or {name}=pi/2",
        )
    if constant.outputs != ["result"]:
        raise UsageError(
            f"the value of `{name}` is a formula with names of its own",
            hint=f"give each input in a word of its own: {name}=1 {constant.outputs[0]}=2",
        )
    if digits is None:
        bound = constant.bind()
        bound.on_births = lambda births: None  # the formula that uses the value tells that it is nan or infinite
        return bound.named_values(bound.chosen())["result"]
    from cgcli.engines.deferred import Deferred

    bound = constant.bind(digits=digits)
    node = bound.program.outputs["result"]
    return Deferred(bound.graph, bound.values, node, bound.engine([node]))


def read_array(name: str, path: str) -> Any:
    """An array from an NPY file, never by unpickling. DataError where that cannot be."""
    from cgcli.data.arrays.values import read_array as array_in

    try:
        return array_in(path)
    except DataError as error:
        raise DataError(f"{error.message} (for `{name}`)", hint=error.hint) from None
