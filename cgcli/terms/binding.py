"""A formula with values for its inputs, some of which are terms: what is a column, and what all rows share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from cgcli.errors import DataError, UsageError
from cgcli.formulas import given
from cgcli.formulas.bound import Bound, add_defaults, chooser
from cgcli.formulas.rows import ones
from cgcli.graph.walk import descendants
from cgcli.kept import Kept
from cgcli.language.bodies import Functions
from cgcli.numerals import shape_of
from cgcli.terms import reading
from cgcli.terms.cells import placed
from cgcli.terms.columns import Terms
from cgcli.terms.compilation import KEPT, Compilation
from cgcli.terms.programs import ENGINE
from cgcli.terms.running import Layout, laid_out

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cgcli.formulas.base import FormulaBase

    Shape = tuple[int, ...]

_COMPILATIONS: WeakKeyDictionary[FormulaBase, Kept] = WeakKeyDictionary()


class BoundTerms:
    """A formula with values: terms, columns, and what all rows share.

    rows: how many there are; first: rows before them, of which this is a part.
    """

    def __init__(
        self, formula: FormulaBase, values: Mapping[str, Any], *, rows: bool, batched: bool = True,
        engine: str = "auto", columns: Collection[str] | None = None, store: Kept | None = None,
    ) -> None:  # fmt: skip
        """rows: whether values are columns; if not, they are those of one row. columns: which of them are, where that
        is not to be told by their shapes. store: keeps what is worked out, instead of the formula. UsageError,
        DataError, ShapeError as of `FormulaBase.bind`; DataError for a term that is none, with its row and place.
        """
        self.formula, self.single = formula, not batched
        self.first = 0
        self._kept = _COMPILATIONS.setdefault(formula, Kept(KEPT)) if store is None else store
        names = formula.programs.names
        if formula.programs.table is None:
            raise UsageError("terms need the text of the formula, which has the functions that they call")
        missing = [name for name in names.terms if name not in values]
        if missing:
            raise UsageError(f"no value for the term `{missing[0]}`", hint=f"give one: {missing[0]}=…")
        given.check_names(values, formula.inputs, names.defined, names.constants)
        self.terms = {name: read_terms(formula, name, values[name], rows=rows) for name in names.terms}
        counts = {name: terms.rows for name, terms in self.terms.items()}
        self.rows = next(iter(counts.values()))
        others = {name: given.normalised(name, value, gaps=rows) for name, value in values.items()
                  if name not in counts}  # fmt: skip
        if columns is None:
            self.columns = self._split(others, rows=rows)
        else:
            self.columns = {name: value for name, value in others.items() if name in columns}
        counts.update({name: len(column) for name, column in self.columns.items()})
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} has {length}" for name, length in counts.items())
            raise DataError(f"columns of different length: {listed}")
        self.shared = {name: value for name, value in others.items() if name not in self.columns}
        self.compilation = self._compilation()
        with self.compilation.lock:
            self.layouts = {
                name: laid_out(self.compilation.cells, terms, name, one_by_one=self.single)
                for name, terms in self.terms.items()
            }
        self.bound = self._bind(engine)

    def _split(self, others: Mapping[str, Any], *, rows: bool) -> dict[str, Any]:
        """The columns among the values. A `param` whose shape is left open is what all rows share, however long."""
        if not rows:
            return {}
        declared, params = self._declared(others), self.formula.programs.names.params
        return {
            name: value for name, value in others.items()
            if shape_of(value) and len(value) == self.rows and shape_of(value) != declared.get(name)
            and (name not in params or declared.get(name))
        }  # fmt: skip

    def _declared(self, values: Mapping[str, Any]) -> dict[str, Shape]:
        """The shapes of the inputs whose declarations say them."""
        names = self.formula.programs.names
        declared = tuple(name for name in names.declared if name not in names.terms)
        numbers = {name: value for name, value in values.items() if not shape_of(value)}
        kept = self._kept
        key = ("declared", tuple(numbers.items()))
        found: dict[str, Shape] | None = kept.get(key)
        if found is None:
            assert self.formula.programs.table is not None
            functions = Functions(self.formula.programs.table, names, {}, numbers, list(numbers), more=declared,
                                  alone=True)  # fmt: skip
            inputs = functions.graph.inputs()
            found = {name: functions.graph.shape_of(inputs[name]) for name in declared if name in inputs}
            kept.put(key, found)
        return found

    def _compilation(self) -> Compilation:
        """What was worked out for such values, or nothing yet.

        A number that all rows share may be a length, so it belongs to the question; a `param` may not.
        """
        programs = self.formula.programs
        assert programs.table is not None
        shapes = {name: shape_of(value) for name, value in self.shared.items()}
        shapes.update({name: column.shape[1:] for name, column in self.columns.items()})
        numbers = {name: float(value) for name, value in self.shared.items()
                   if not shapes[name] and name not in programs.names.params}  # fmt: skip
        used = tuple(sorted({symbol.name for terms in self.terms.values() for symbol in terms.symbols
                             if symbol.kind == "name"}))  # fmt: skip
        key = (tuple(sorted(shapes.items())), tuple(sorted(numbers.items())), tuple(self.columns), used)
        kept = self._kept
        found: Compilation | None = kept.get(key)
        if found is None:
            found = Compilation(
                Functions(programs.table, programs.names, shapes, numbers, list(shapes), list(self.columns), used)
            )
            kept.put(key, found)
        return found

    def _bind(self, engine: str) -> Bound:
        """The formula for one row, in which the terms are values of their shapes, with the values that rows share."""
        one: dict[str, Any] = dict(self.shared)
        one.update(
            {name: column[0] if len(column) else column.sum(axis=0) + 1.0 for name, column in self.columns.items()}
        )
        one = {name: value if shape_of(value) else float(value) for name, value in one.items()}
        self.roots: dict[str, list[str]] = {}
        for name, layout in self.layouts.items():
            self._require_one_kind(name, layout)
            parts = self.compilation.cells.parts[layout.root_kind]
            several = self.compilation.cells.several[layout.root_kind]
            self.roots[name] = [f"{name}.{place}" for place in range(len(parts))] if several else [name]
            one.update(dict(zip(self.roots[name], map(ones, parts), strict=True)))
        programs = self.formula.programs
        program = programs.fitting(one, (), True, varying=list(self.columns))
        chosen = chooser(engine, None)
        add_defaults(program, one, chosen)
        given.check_complete([name for name in program.inputs if name not in self.roots], one)
        varying = [*self.columns, *(part for parts in self.roots.values() for part in parts)]
        inputs = program.graph.inputs()
        reached = descendants(program.graph, [inputs[name] for name in varying if name in inputs])
        late = {name for name, node in program.defaults.items() if reached[node]}
        fixed = {name: value for name, value in one.items() if name not in varying and name not in late}
        return Bound(program, fixed, chosen, self.formula.source)

    def _require_one_kind(self, name: str, layout: Layout) -> None:
        """DataError where the terms of two rows have values of unlike shapes, or one is not computed."""
        cells, roots = self.compilation.cells, layout.terms.roots
        kinds = layout.kind[roots]
        for kind in np.unique(kinds).tolist():
            if cells.shared(kind) is not None:
                error = DataError(
                    "a term is a call of a function, or a calculation with calls", hint="for example f(x)"
                )
                raise placed(error, layout.terms, int(roots[np.argmax(kinds == kind)]), name)
        other = np.flatnonzero(kinds != layout.root_kind)
        if len(other):
            here, there = (" and ".join(str(list(shape)) if shape else "a number" for shape in cells.parts[kind])
                           for kind in (int(layout.kind[roots[other[0]]]), layout.root_kind))  # fmt: skip
            error = DataError(f"the value of this term is {here}, that of the first row {there}",
                              hint="all rows of a column need values of one shape")  # fmt: skip
            raise placed(error, layout.terms, int(roots[other[0]]), name)

    def outside(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values of what functions take from outside: what all rows share, and what has a value in each row."""
        functions, by_row = self.compilation.functions, self.compilation.cells.by_row
        needed = {name for cell in self.compilation.cells.cells for name in (*cell.outside, *cell.by_row)}
        values = {**self.bound.values, **self.shared, **self.columns}
        for name, node in functions.program.defaults.items():
            if name not in values:
                values[name] = ENGINE.evaluate(functions.graph, values, [node])[node]
        single = [name for name in functions.nodes if name in needed and name not in by_row]
        nodes = [functions.nodes[name] for name in single]
        found = ENGINE.evaluate(functions.graph, values, nodes)
        shared = {name: np.asarray(found[node]) for name, node in zip(single, nodes, strict=True)}
        rows = [name for name in functions.nodes if name in needed and name in by_row]
        if not rows:
            return shared, {}
        columns = ENGINE.evaluate_rows(functions.graph, values, [functions.nodes[name] for name in rows])
        return shared, {name: columns[functions.nodes[name]] for name in rows}


def read_terms(formula: FormulaBase, name: str, value: Any, *, rows: bool) -> Terms:
    """Terms as columns, of whatever kind they are. rows: whether the value is a column of them."""
    if isinstance(value, Terms):
        return value
    if not rows:
        values = [value]
    elif isinstance(value, str) or not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
        raise UsageError(f"`{name}` is a column of terms, not {type(value).__name__}", hint=f"{name}=[…], a term a row")
    else:
        listed = getattr(value, "to_pylist", None) or getattr(value, "tolist", None)  # of Arrow, of NumPy and pandas
        values = list(value) if listed is None else listed()
    if not values:
        raise DataError(f"`{name}` holds no term, and without one nobody knows the shapes of values")
    return reading.read_terms(values, formula.programs.names, name, getattr(value, "numbers", None))
