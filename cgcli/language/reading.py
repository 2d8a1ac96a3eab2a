"""Text to syntax table, names and graph; large texts go through machine code, and nobody else has to know.

What the two ways make is the same, and so are their errors. A table that machine code has made says so itself
(`Syntax.characters`), so that only the first step chooses by size.
"""

from __future__ import annotations

from cgcli.errors import Source
from cgcli.language import lowering, names, parser
from cgcli.language.spelling import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cgcli.language.names import Names
    from cgcli.language.program import Program
    from cgcli.language.syntax import Syntax

    Shape = tuple[int, ...]

LARGE = (1_000_000, 150_000, 30_000)
"""Characters from which on the compiled driver reads a text; see `loops.pays`."""


def parse(source: Source) -> Syntax:
    """The syntax table of a text. FormulaError with the place and a hint where the text is not of the language.

    Large texts are read by machine code where numba is installed, to the same table and the same errors.
    Letters are read in one spelling (`spelling`), in which the source is kept and shown from here on.
    """
    if not source.text.isascii():
        source = Source(canonical(source.text), source.name)
    if len(source.text) >= LARGE[-1] and _compiled_driver_pays(len(source.text)):
        from cgcli.language.bulk.reader import read

        return read(source)
    return parser.parse(source)


def _compiled_driver_pays(characters: int) -> bool:
    """Whether a text of so many characters is read first by the compiled driver."""
    from pathlib import Path

    from cgcli.loops import pays

    return pays(characters, LARGE, Path(__file__).with_name("bulk") / "reader.py", "drive")


def survey(table: Syntax) -> Names:
    """The names of a text. FormulaError where a name is defined twice."""
    if table.characters is None:
        return names.survey(table)
    from cgcli.language.bulk.names import survey_large

    return survey_large(table)


def lower(
    table: Syntax, *, shapes: Mapping[str, Shape] | None = None, values: Mapping[str, float] | None = None,
    bound: Collection[str] = (), show: Collection[str] = (), apart: Collection[str] = (),
    varying: Collection[str] = (),
) -> Program:  # fmt: skip
    """Build the graph of a parsed text.

    shapes: shapes of inputs whose values are not scalars; values: numbers of scalar inputs, for what must be known
    while building; bound: names that the caller gives values for, which win over constants and definitions of the
    same name; show: further names that the caller will look at; apart: names, and elements such as `w[0]`, that the
    caller differentiates by, which get nodes that nothing else shares; varying: inputs that have another value in each
    row of a table, so that an element at such a position is a value, too (`ops.positions.take`).
    FormulaError or ShapeError with the place in the text.
    """
    one = lowering.Lowering(table, survey(table), shapes or {}, values or {}, bound, show, apart)
    one.building.varying = varying
    one.building.within = lambda: _inner(one)
    if table.characters is None or one.building.targets:
        return one.run()
    from cgcli.language.bulk.lowering import BulkLowering

    return one.run(BulkLowering(one))


def _inner(one: lowering.Lowering) -> lowering.Lowering:
    from cgcli.language.inner import Inner

    return Inner(one)
