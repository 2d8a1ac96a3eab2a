"""Terms of many rows from whatever a caller has: texts, texts of JSON, tuples and lists, objects; in one table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.loops import compiled, pays
from cgcli.terms import sharing
from cgcli.terms.columns import Terms
from cgcli.terms.meaning import Known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.language.names import Names

COMPILED, LOADED, AT_HAND = 200_000, 20_000, 500
"""Nodes from which on the loop is machine code; see `loops.pays`."""


def read_terms(values: Sequence[Any], names: Names, column: str, numbers: Any = None) -> Terms:
    """The terms of rows.

    values: by row a text (`pair(word(3), word(5))`, or JSON as in `["pair", ["word", 3], ["word", 5]]`), nested tuples
    or lists, or what calling `f.functions[…]` gives. names: of the formula. column: what messages call the values.
    numbers: of the rows in their data, for messages. DataError for a wrong term, with its row, its place and a hint.

    Equal parts of a term are one node, and parts that its value does not need are none.
    """
    known = Known(names.functions, {*names.defined, *names.inputs, *names.constants} - {*names.terms})
    texts = [isinstance(value, str) for value in values]
    if all(texts):
        from cgcli.terms.texts import read_texts

        return shared(replace(read_texts(values, known, column, numbers), row_numbers=numbers))
    from cgcli.terms.objects import read_objects

    return shared(replace(read_objects(values, known, column, numbers), row_numbers=numbers))


def shared(terms: Terms) -> Terms:
    """The same terms with one node for equal parts of a row, and none that its value does not need."""
    count, rows = len(terms), terms.rows
    slots = sharing.table_for(terms.begins)
    moved, kept = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    operands, first = np.empty(len(terms.operands), dtype=np.int32), np.zeros(count + 1, dtype=np.int64)
    begins, roots = np.zeros(rows + 1, dtype=np.int64), terms.roots.copy()
    machine = pays(count, (COMPILED, LOADED, AT_HAND), Path(sharing.__file__), "share")
    share = compiled(sharing.share) if machine else sharing.share
    made = share(
        terms.symbol, terms.numbers.view(np.int64), terms.first, terms.operands, terms.begins, roots, slots, moved,
        kept, operands, first, begins,
    )  # fmt: skip
    kept = kept[:made]
    return replace(
        terms, symbol=terms.symbol[kept], numbers=terms.numbers[kept], first=first[: made + 1],
        operands=operands[: first[made]], begins=begins, roots=roots, place=lambda node: terms.place(int(kept[node])),
    )  # fmt: skip
