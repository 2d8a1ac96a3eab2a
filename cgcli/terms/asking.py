"""A formula for rows whose inputs are terms: its value and its gradient, of every row and summed over all of them.

The roots of the terms are inputs of the formula like any other, so what stands behind them is one more batch: the graph
of the formula for all rows at once. What the functions take from outside is computed once, before; the adjoints that
they hand back go through that small graph.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from cgcli.errors import DataError, UsageError
from cgcli.explain.births import Birth
from cgcli.formulas import given
from cgcli.formulas.bound import Bound, add_defaults, chooser
from cgcli.formulas.derivatives import need_scalar, targets, variables
from cgcli.formulas.rows import ones, row_values, tell_births
from cgcli.graph.bodies import Body
from cgcli.graph.walk import descendants
from cgcli.kept import Kept
from cgcli.language.bodies import Functions
from cgcli.numerals import finite, shape_of
from cgcli.passes.batched import batched
from cgcli.passes.differentiate import differentiate
from cgcli.terms import reading
from cgcli.terms.cells import Cells, placed
from cgcli.terms.columns import Terms
from cgcli.terms.programs import ENGINE, PositionError, Program, structure_of
from cgcli.terms.running import Frame, Layout, Run, bytes_of, laid_out

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from cgcli.formulas.base import FormulaBase

    Shape = tuple[int, ...]

MOST_BYTES = 1 << 28
"""Memory of the terms that are computed at once, with what is kept for their gradient; more rows are done in parts."""

KEPT = 16
"""What is kept of a formula for values of certain names and shapes."""

_KNOWN: WeakKeyDictionary[FormulaBase, Kept] = WeakKeyDictionary()


class Known:
    """What was worked out for a formula and values of certain names and shapes: cells, programs, derivatives.

    Functions that calculate alike, with parameters of their own, share a program.
    """

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.cells = Cells(functions)
        self.lock = RLock()
        self.workspace: dict[Any, Any] = {}
        self._programs: dict[bool, dict[int, Program]] = {True: {}, False: {}}
        self._alike: dict[Any, Program] = {}
        self._main: dict[Any, tuple[Any, Program]] = {}
        self._outside = Kept(KEPT)

    def programs(self, *, single: bool) -> dict[int, Program]:
        """The program of each cell. single: those for one node at a time."""
        found = self._programs[single]
        for number in range(len(found), len(self.cells.cells)):
            cell = self.cells.cells[number]
            varying = len(cell.reads) + len(cell.by_row)
            key = (structure_of(cell.body), varying, single)
            if key not in self._alike:
                self._alike[key] = Program(cell.body, varying, single=single)
            found[number] = self._alike[key]
        return found

    def main(
        self, bound: Bound, varying: Sequence[str], shared: Sequence[str], nodes: Sequence[int], *, single: bool
    ) -> Program:
        """The program of the formula itself for all rows. varying, shared: its inputs, in the order of its operands."""
        key = (id(bound.program), tuple(varying), tuple(shared), tuple(nodes), single)
        if key not in self._main:
            inputs = bound.graph.inputs()
            body = Body("formula", bound.graph, [inputs[name] for name in (*varying, *shared)], nodes)
            self._main[key] = (bound.program, Program(body, len(varying), single=single))
        return self._main[key][1]

    def handed_back(self, names: Sequence[str], wrt: Sequence[str], rows: int) -> tuple[Any, dict[str, int]]:
        """The graph that takes the adjoints of names outside to those of inputs, and the node of each of these."""
        cells = self.cells
        by_row = [name for name in names if name in cells.by_row]
        key = (tuple(names), tuple(wrt), rows if by_row else 0)
        found = self._outside.get(key)
        if found is None:
            functions = self.functions
            inputs = functions.graph.inputs()
            nodes = [functions.nodes[name] for name in names]
            columns = [inputs[name] for name in functions.columns if name in inputs]
            graph, moved = batched(functions.graph, [*nodes, *(inputs[name] for name in wrt if name in inputs)],
                                   columns if by_row else [], rows)  # fmt: skip
            ends = [moved[node] for node in nodes]
            seeds = [graph.input(f"adjoint of {name}", graph.shape_of(end), hidden=True)
                     for name, end in zip(names, ends, strict=True)]  # fmt: skip
            own = {name: moved[inputs[name]] for name in wrt if name in inputs and inputs[name] in moved}
            slopes = differentiate(graph, ends, list(own.values()), seeds)
            found = (graph, {name: slopes.wrt(node) for name, node in own.items()})
            self._outside.put(key, found)
        return found


class Question:
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
        self._kept = _KNOWN.setdefault(formula, Kept(KEPT)) if store is None else store
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
        self.known = self._known()
        with self.known.lock:
            self.layouts = {
                name: laid_out(self.known.cells, terms, name, one_by_one=self.single)
                for name, terms in self.terms.items()
            }
        self.bound = self._bind(engine)

    # ---- values ----------------------------------------------------------------------------------------------------

    def _split(self, others: Mapping[str, Any], *, rows: bool) -> dict[str, Any]:
        """The columns among the values."""
        if not rows:
            return {}
        declared = self._declared(others)
        return {
            name: value for name, value in others.items()
            if shape_of(value) and len(value) == self.rows and shape_of(value) != declared.get(name)
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

    def _known(self) -> Known:
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
        found: Known | None = kept.get(key)
        if found is None:
            found = Known(
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
            parts = self.known.cells.parts[layout.root_kind]
            several = self.known.cells.several[layout.root_kind]
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
        cells, roots = self.known.cells, layout.terms.roots
        if cells.shared(layout.root_kind) is not None:
            error = DataError("a term is a call of a function, or a calculation with calls", hint="for example f(x)")
            raise placed(error, layout.terms, int(roots[0]), name)
        other = np.flatnonzero(layout.kind[roots] != layout.root_kind)
        if len(other):
            here, there = (" and ".join(str(list(shape)) if shape else "a number" for shape in cells.parts[kind])
                           for kind in (int(layout.kind[roots[other[0]]]), layout.root_kind))  # fmt: skip
            error = DataError(f"the value of this term is {here}, that of the first row {there}",
                              hint="all rows of a column need values of one shape")  # fmt: skip
            raise placed(error, layout.terms, int(roots[other[0]]), name)

    # ---- answers ---------------------------------------------------------------------------------------------------

    def values(self) -> dict[str, Any]:
        """The outputs, {name: array with the rows in front}."""
        outputs = self.bound.program.outputs
        return dict(zip(outputs, self._evaluated(list(outputs.values())), strict=True))

    def value(self, of: str) -> Any:
        """The values of one output, or of an inner name, with the rows in front."""
        ((_, node),) = targets(self.bound.program, of).items()
        return self._evaluated([node])[0]

    def check(self, of: str | None) -> None:
        """DataError for a value that an output needs and that cannot be, such as an index out of range, with its row."""
        self._evaluated(list(targets(self.bound.program, of).values()))

    def _evaluated(self, nodes: Sequence[int]) -> list[Any]:
        """The values of nodes, with the rows in front."""
        found = []
        for part, _ in self._parts():
            with self.known.lock:
                answer = _Answer(part, nodes)
                answer.forward()
                found.append(answer.results())
        return found[0] if len(found) == 1 else [np.concatenate(columns) for columns in zip(*found, strict=True)]

    def _parts(self) -> Iterator[tuple[Question, slice]]:
        """The question in parts whose values fit into memory, each with its rows."""
        with self.known.lock:
            programs = self.known.programs(single=self.single)
        needed = sum(bytes_of(self.known.cells, programs, layout) for layout in self.layouts.values())
        count = min(self.rows, -(-needed // MOST_BYTES))
        if count < 2:
            yield self, slice(0, self.rows)
            return
        for number in range(count):
            begin, end = number * self.rows // count, (number + 1) * self.rows // count
            values: dict[str, Any] = {name: terms.part(begin, end) for name, terms in self.terms.items()}
            values |= {name: column[begin:end] for name, column in self.columns.items()}
            part = Question(self.formula, {**self.shared, **values}, rows=True, batched=not self.single,
                            columns=list(self.columns), store=self._kept)  # fmt: skip
            part.first, part.bound.on_births = self.first + begin, self.bound.on_births
            yield part, slice(begin, end)

    def gradients(
        self, wrt: Sequence[str] | None, of: str | None, weights: Any = None
    ) -> tuple[str, Any, dict[str, Any]]:  # fmt: skip
        """The name of a scalar output, its values, and the derivatives of their sum by what all rows share.

        UsageError for a name that differs from row to row, and where several outputs are there and none is named.
        """
        chosen = targets(self.bound.program, of)
        if len(chosen) > 1:
            raise UsageError("the formula has several outputs", hint=f"name one: of={next(iter(chosen))!r}")
        ((output, node),) = chosen.items()
        need_scalar(self.bound.graph, output, node)
        names = self.differentiated(wrt, output)
        weights = np.ones(self.rows) if weights is None else weights
        found, slopes = [], dict[str, Any]()
        for part, rows in self._parts():
            with self.known.lock:
                answer = _Answer(part, [node])
                answer.forward()
                found += answer.results()
                for name, slope in answer.backward(weights[rows], names).items():
                    slopes[name] = slopes[name] + slope if name in slopes else slope
        return output, found[0] if len(found) == 1 else np.concatenate(found), slopes

    def differentiated(self, wrt: Sequence[str] | None, of: str | None) -> list[str]:
        """The names to differentiate by: inputs that all rows share."""
        program = self.bound.program
        varies = {*self.columns, *self.terms, *(part for parts in self.roots.values() for part in parts)}
        mine = [name for name in self.known.functions.graph.inputs() if name not in varies]
        if wrt is None:
            found = [name for name in variables(program, None, of) if name not in varies]
            return [*found, *(name for name in mine if name not in program.inputs)]
        names = given.name_list(wrt)
        for name in names:
            if name in varies:
                raise UsageError(f"`{name}` differs from row to row: a sum has no one derivative by it")
            if name not in mine:
                variables(program, [name], of)
                if name not in program.graph.inputs():
                    raise UsageError(
                        f"`{name}` is no input; with terms, derivatives are by inputs",
                        hint=f"declare it: param {name} = …",
                    )
        return names

    def outside(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values of what functions take from outside: what all rows share, and what has a value in each row."""
        functions, by_row = self.known.functions, self.known.cells.by_row
        needed = {name for cell in self.known.cells.cells for name in (*cell.outside, *cell.by_row)}
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


class _Answer:
    """One calculation: the terms, then the formula behind them, and back."""

    def __init__(self, question: Question, nodes: Sequence[int]) -> None:
        self.question = question
        known, single = question.known, question.single
        self.nodes = nodes
        shared, by_row = question.outside()
        self.outside = shared
        self.runs = {
            name: Run(known.cells, known.programs(single=single), layout, shared, by_row,
                      known.workspace.setdefault(name, {}))
            for name, layout in question.layouts.items()
        }  # fmt: skip

    def forward(self) -> None:
        """Compute terms and outputs."""
        question = self.question
        bound, rows = question.bound, question.rows
        columns: dict[str, Any] = dict(question.columns)
        for name, run in self.runs.items():
            try:
                found = run.forward()
            except PositionError as error:
                raise _outside_of(error, question.terms[name], name) from None
            self._tell(name, run, found)
            columns.update(zip(question.roots[name], found, strict=True))
        over = Bound(bound.program, {**bound.values, **columns}, bound.choice, bound.source, bound.on_births)
        self.values = row_values(over, columns)
        inputs = bound.graph.inputs()
        self.varying = [name for name in inputs if name in columns or name not in bound.values]
        self.fixed = [name for name in inputs if name not in self.varying]
        program = question.known.main(bound, self.varying, self.fixed, self.nodes, single=question.single)
        shared = [np.asarray(self.values[name], dtype=float) for name in self.fixed]
        self.frame = Frame(program, rows, shared, question.known.workspace.setdefault(None, {}))
        self._columns = [self.values[name] for name in self.varying]
        shapes = [bound.graph.shape_of(node) for node in self.nodes]
        self._results = [np.empty((rows, *shape)) for shape in shapes]
        with np.errstate(all="ignore"):
            for begin, end, pick in self._stretches():
                self._enter(begin, end, pick)
                try:
                    self.frame.take(program.forward, max(1, end - begin), begin, end)
                except PositionError as error:
                    raise DataError(f"row {question.first + begin + error.place + 1:,}: {error}") from None
                for result, node in zip(self._results, program.results, strict=True):
                    result[pick] = self.frame.values[node]

    def _stretches(self) -> list[tuple[int, int, Any]]:
        """Rows at once: all of them, or one after the other."""
        rows = self.question.rows
        if self.frame.program.batches:
            return [(0, rows, slice(0, rows))]
        return [(row, row + 1, row) for row in range(rows)]

    def _enter(self, begin: int, end: int, pick: Any) -> None:
        for node, column in zip(self.frame.program.operands, self._columns, strict=False):
            if node >= 0:
                self.frame.enter(node, column[pick], begin, end)

    def results(self) -> list[Any]:
        """The values of the outputs; whoever listens is told where a nan was born."""
        bound = self.question.bound
        if not all(map(finite, self._results)):
            over = Bound(bound.program, self.values, bound.choice, bound.source, bound.on_births)
            tell_births(over, self.nodes, self._results)
        return self._results

    def _tell(self, name: str, run: Run, found: Sequence[Any]) -> None:
        """Say which call of a term is the first whose value is not finite."""
        bound = self.question.bound
        if all(map(finite, found)) or not bound.is_heard(self.nodes):
            return
        place = run.first_not_finite()
        if place is None:
            return
        terms = self.question.terms[name]
        symbol = terms.symbols[terms.symbol[place]]
        error = placed(DataError(f"`{symbol.name}` gives a value that is no finite number"), terms, place, name)
        bound.tell([Birth(error.message, error.span, error.source)])

    def backward(self, weights: Any, names: Sequence[str]) -> dict[str, Any]:
        """The derivatives of the sum of the weighted output by names."""
        question, frame = self.question, self.frame
        program = frame.program
        slopes = {name: np.zeros(np.shape(self._value(name))) for name in names}
        roots = {name: [np.zeros((question.rows, *shape)) for shape in run.root_shapes()]
                 for name, run in self.runs.items()}  # fmt: skip
        with np.errstate(all="ignore"):
            for begin, end, pick in self._stretches():
                frame.restore(begin, end)
                if program.seeds[0] >= 0:
                    frame.enter(program.seeds[0], weights[pick], begin, end)
                frame.take(program.backward, max(1, end - begin), begin, end)
                frame.take(program.late, max(1, end - begin), begin, end)
                found = dict(zip((*self.varying, *self.fixed), program.adjoints, strict=True))
                for name, node in found.items():
                    if node >= 0 and name in slopes:
                        slopes[name] = slopes[name] + frame.values[node]
                for name, parts in question.roots.items():
                    for root, part in zip(roots[name], parts, strict=True):
                        node = found.get(part, -1)
                        if node >= 0:
                            root[pick] = frame.values[node]
        outside: dict[str, Any] = {}
        for name, run in self.runs.items():
            shared, by_row = run.backward(roots[name])
            for key, slope in (*shared.items(), *by_row.items()):
                outside[key] = outside[key] + slope if key in outside else slope
        self._hand_back(outside, names, slopes)
        return slopes

    def _hand_back(self, outside: Mapping[str, Any], names: Sequence[str], slopes: dict[str, Any]) -> None:
        """Add the adjoints of what functions take from outside to those of the inputs that it follows from."""
        question = self.question
        functions = question.known.functions
        inputs = functions.graph.inputs()
        through = {}
        for name, slope in outside.items():
            if functions.nodes[name] == inputs.get(name, -1):
                if name in slopes:
                    slopes[name] = slopes[name] + slope
            else:
                through[name] = slope
        if not through:
            return
        graph, nodes = question.known.handed_back(list(through), list(names), question.rows)
        values = {**question.bound.values, **question.shared, **question.columns,
                  **{f"adjoint of {name}": slope for name, slope in through.items()}}  # fmt: skip
        found = ENGINE.evaluate(graph, values, list(nodes.values()))
        for name, node in nodes.items():
            slopes[name] = slopes[name] + found[node]

    def _value(self, name: str) -> Any:
        values = self.values
        return values[name] if name in values else self.outside.get(name, self.question.shared.get(name))


def _outside_of(error: PositionError, terms: Terms, name: str) -> DataError:
    return placed(DataError(str(error), hint=error.hint), terms, error.place, name)


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
