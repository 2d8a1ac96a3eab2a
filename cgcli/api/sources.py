"""Where formulas come from: a text, a file, a graph that was built by connecting operations."""

from __future__ import annotations

from cgcli.api.formula import Formula, fixed, from_source
from cgcli.errors import DataError, FormulaError, Source, UsageError
from cgcli.graph.ref import Ref
from cgcli.graph.store import Graph
from cgcli.language.program import Program
from cgcli.language.reading import parse as parse_syntax
from cgcli.language.syntax import NAME

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
