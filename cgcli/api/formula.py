"""The face of a formula: one method for each thing that can be asked of it."""

from __future__ import annotations

from contextlib import suppress
from os import PathLike

from cgcli.api.explaining import Explaining
from cgcli.api.fitting import Fitting
from cgcli.api.live import Living
from cgcli.api.minimizing import Minimizing
from cgcli.api.uncertainty import Uncertain
from cgcli.errors import NeedsValues, ShapeError, UsageError
from cgcli.formulas import derivatives, given
from cgcli.formulas.bound import needed_inputs
from cgcli.formulas.programs import of_program, of_text
from cgcli.language.aliases import without_aliases
from cgcli.language.program import Program
from cgcli.numerals import shape_of
from cgcli.passes.derivative import derivative_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from cgcli.errors import Source
    from cgcli.explain.steps import Trace
    from cgcli.formulas.bound import Bound
    from cgcli.terms.objects import Term

MOST_SHOWN = 5_000
"""Characters of a text, or nodes of a graph, that a notebook shows in full."""


class Formula(Explaining, Fitting, Living, Minimizing, Uncertain):
    """A formula that can be evaluated, differentiated, traced and drawn.

    Values are given by name, as keyword arguments or as one mapping; a value is a number, a nested list or an array.
    A value for a name that the formula defines itself replaces that definition.
    """

    def __str__(self) -> str:
        """The formula as text, for inputs that are numbers; its own text where those do not fit."""
        from cgcli.emit.formula import program_text

        if self.terms and self.source is not None:
            return self.source.text.strip()
        try:
            program = self.programs.plain()
        except (ShapeError, NeedsValues):
            if self.source is None:
                raise
            return self.source.text.strip()
        return program_text(
            program.graph,
            program.outputs,
            params=program.params,
            defaults=program.defaults,
            inputs=self._all_inputs(program),
            initialisers=program.initialisers,
        )

    def __repr__(self) -> str:
        """The beginning of the text; of a graph that was built and is large, how large."""
        if self._is_large():
            text = self.source.text[:MOST_SHOWN] if self.source else f"of {len(self.graph):,} nodes"
        else:
            text = str(self)
        text = "; ".join(text.strip().splitlines())
        return f"<formula {text if len(text) <= 60 else text[:57] + '…'}>"

    def _is_large(self) -> bool:
        """Whether its text, its LaTeX and its picture are more than anybody looks at in passing."""
        if self.source and len(self.source.text) > MOST_SHOWN:
            return True
        try:
            return len(self.programs.plain().graph) > MOST_SHOWN
        except (ShapeError, NeedsValues):
            return False

    def __reduce__(self) -> tuple[object, ...]:
        """A text is pickled as it is and read again, a graph by its columns."""
        return (from_source, (self.source,)) if self.source else (fixed, (self.programs.plain(),))

    @property
    def functions(self) -> Mapping[str, Callable[..., Term]]:
        """The functions of the text, by name; calling one makes a term, a value for an input declared with `term`."""
        from cgcli.terms.objects import Functions

        return Functions(self.programs.names.functions)

    def latex(self) -> str:
        """The outputs as LaTeX, one equation a line."""
        from cgcli.emit.latex import latex, verbatim

        program = self.programs.plain()
        lines = [(name if name.isidentifier() else verbatim(name), latex(program.graph, node))
                 for name, node in program.outputs.items()]  # fmt: skip
        return "\n".join(text if name == "result" else f"{name} = {text}" for name, text in lines)

    # ---- values ------------------------------------------------------------------------------------------------

    def _columns(
        self, mapping: Any, inputs: Mapping[str, Any], engine: str, dtype: str, *, batched: bool, **options: Any
    ) -> dict[str, Any]:
        """The values of a call on rows; errors as of `_bound`."""
        if isinstance(mapping, (str, PathLike, list, tuple)):
            from cgcli.rows.whole import table_values

            values = table_values(self, mapping, given.given_values(None, inputs))
        else:
            values = given.given_values(mapping, inputs)
        told: dict[str, Any] = {
            "engine": None if engine == "auto" else engine, "dtype": None if dtype == "float64" else dtype,
            "batched": None if batched is True else batched,
        }  # fmt: skip
        given.check_options(self._unclear, values, options | told)
        return values

    def _bound(
        self, mapping: Any, inputs: Mapping[str, Any], engine: str, digits: int | None, *, steps: bool = False,
        **options: Any,
    ) -> Bound:  # fmt: skip
        """As `bind`, for a method with options; UsageError where an option is named like an input without a value."""
        values = given.given_values(mapping, inputs)
        wrt = options.get("wrt", options.get("directions"))
        if self._unclear:
            options |= {"engine": None if engine == "auto" else engine, "digits": digits}
            given.check_options(self._unclear, values, options)
        return self._bind(values, engine, digits, wrt=wrt, steps=steps)

    def eval(
        self, mapping: Mapping[str, Any] | None = None, /, *, engine: str = "auto", digits: int | None = None,
        **inputs: Any,
    ) -> Any:  # fmt: skip
        """The value of the formula: a float or an array; a dict by name where there are several outputs.

        engine: auto, or one of `cgcli.engines.NAMES`. digits: decimal digits of a calculation beyond doubles.
        """
        if self.programs.names.terms:
            from cgcli.terms import answers

            answers.check_engine(engine, digits)
            return alone(answers.value(self, given.given_values(mapping, inputs), batched=True))
        bound = self._bound(mapping, inputs, engine, digits)
        outputs = bound.program.outputs
        found = dict(zip(outputs, bound.evaluate(list(outputs.values())), strict=True))
        if bound.program.slopes:
            from cgcli.formulas import kinks

            kinks.tell(bound, kinks.kinks_within(bound), second=True)
        return alone(found)

    __call__ = eval  # noqa: A003

    # ---- derivatives -------------------------------------------------------------------------------------------

    def grad(
        self, mapping: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None,
        engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Derivatives of a scalar output with respect to each input: {name: number or array of the input's shape}.

        wrt: names of inputs or of inner nodes; all inputs by default. of: the output, or an inner node; where there
        are several outputs and none is named, the result is {output: {name: …}}.
        """
        if self.programs.names.terms:
            from cgcli.terms import answers

            answers.check_engine(engine, digits)
            return answers.gradient(self, given.given_values(mapping, inputs), wrt, of, batched=True)
        bound = self._bound(mapping, inputs, engine, digits, wrt=wrt, of=of)
        derivatives.tell_left_out(bound.program, wrt, of)
        found = derivatives.gradients(bound, wrt, of)[1]
        _tell_kinks(bound, wrt, of)
        return alone(found)

    def jacobian(
        self, mapping: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None,
        sparse: bool = False, engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Derivatives of every element of an output: {name: array of shape output.shape + input.shape}.

        sparse: {name: `scipy.sparse.csr_array` of shape (elements of the output, elements of the input)} instead,
        arrays rows first, with an entry wherever there may be a derivative that is not 0 for some values. UsageError
        with digits.
        """
        bound = self._bound(mapping, inputs, engine, digits, wrt=wrt, of=of, sparse=sparse or None)
        derivatives.tell_left_out(bound.program, wrt, of)
        if sparse:
            from cgcli.formulas.sparse import sparse_jacobians

            _refuse_digits(engine, digits)
            found = sparse_jacobians(bound, wrt, of)
        else:
            from cgcli.formulas.matrices import jacobians

            found = jacobians(bound, wrt, of)
        _tell_kinks(bound, wrt, of)
        return alone(found)

    def hessian(
        self, mapping: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None,
        sparse: bool = False, engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> dict[str, dict[str, Any]]:  # fmt: skip
        """Second derivatives of a scalar output: {a: {b: array of shape a.shape + b.shape}}.

        sparse: {a: {b: `scipy.sparse.csr_array` of shape (elements of a, elements of b)}} instead, as for `jacobian`.
        """
        bound = self._bound(mapping, inputs, engine, digits, wrt=wrt, of=of, sparse=sparse or None)
        derivatives.tell_left_out(bound.program, wrt, of)
        if sparse:
            from cgcli.formulas.sparse import sparse_hessians

            _refuse_digits(engine, digits)
            found = sparse_hessians(bound, wrt, of)
        else:
            from cgcli.formulas.matrices import hessians

            found = hessians(bound, wrt, of)
        _tell_kinks(bound, wrt, of, second=True)
        return alone(found)

    def jvp(
        self, mapping: Mapping[str, Any] | None = None, /, *, directions: Mapping[str, Any], of: str | None = None,
        engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> Any:  # fmt: skip
        """Jacobian-vector product: how an output changes when the inputs move along the given directions."""
        bound = self._bound(mapping, inputs, engine, digits, of=of, directions=directions)
        return alone(derivatives.products(bound, directions, of))

    def hvp(
        self, mapping: Mapping[str, Any] | None = None, /, *, directions: Mapping[str, Any], of: str | None = None,
        engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Hessian-vector product: how the gradient changes when the inputs move along the given directions."""
        bound = self._bound(mapping, inputs, engine, digits, of=of, directions=directions)
        found = derivatives.second_products(bound, directions, of)
        _tell_kinks(bound, list(directions), of, second=True)
        return alone(found)

    def derivative(self, name: str, mapping: Mapping[str, Any] | None = None, *, of: str | None = None) -> Formula:
        """The derivative with respect to an input (or an inner node) as a formula, simplified.

        mapping: values whose shapes decide the formula; inputs without a value are numbers.
        """
        from cgcli.passes.simplify import simplify

        program = self.bind(mapping, wrt=[name], complete=False).program.begun()
        chosen = derivatives.targets(program, of)
        target = derivatives.variables(program, [name], of)[name]
        nodes = [derivative_of(program.graph, node, target) for node in chosen.values()]
        graph, wanted = program.graph, [*nodes, *program.defaults.values()]
        if self.programs.told_apart([name]):
            moved, graph = without_aliases(graph)
            wanted = [moved[node] for node in wanted]
        graph, simple = simplify(graph, wanted)
        names = ["result"] if len(chosen) == 1 else [f"d{output}/d{name}" for output in chosen]
        graph.is_derivative = True
        derived = Program(graph)
        derived.outputs = dict(zip(names, simple, strict=False))
        defaults = dict(zip(program.defaults, simple[len(nodes) :], strict=True))
        needed = needed_inputs(graph, list(derived.outputs.values()), defaults)
        derived.inputs = [name for name in program.inputs if name in needed]
        derived.params = [name for name in program.params if name in needed]
        derived.defaults = {name: node for name, node in defaults.items() if name in needed}
        derived.initialisers = {name: drawn for name, drawn in program.initialisers.items() if name in needed}
        derived.carry_decisions(program)
        return fixed(derived)

    # ---- rows --------------------------------------------------------------------------------------------------

    def eval_rows(
        self, mapping: Any = None, /, *, engine: str = "auto", dtype: str = "float64", batched: bool = True,
        **inputs: Any,
    ) -> Any:  # fmt: skip
        """One result a row: inputs are columns (arrays whose first axis counts the rows) or single values.

        mapping: those values by name; or a path, a folder, a pattern or a list of paths: a table, whose columns are
        read whole, with nan and a GapWarning for what is missing. A column of a scalar input has one axis, a column of
        vectors two. Returns an array with the rows in front; a dict by name where there are several outputs. dtype:
        float64, or float32, which the native engine has. batched: where inputs are terms, whether calls of many of
        them are computed at once, or node by node.
        """
        if self.programs.names.terms:
            from cgcli.terms import answers

            answers.check_engine(engine, None, dtype)
            return alone(answers.rows(self, mapping, inputs, batched=batched))
        from cgcli.formulas.rows import bind_columns, evaluate_rows

        values = self._columns(mapping, inputs, engine, dtype, batched=batched)
        bound, rows = bind_columns(self, values)
        outputs = bound.program.outputs
        found = evaluate_rows(bound, engine, list(outputs.values()), rows, dtype)
        return alone(dict(zip(outputs, found, strict=True)))

    def grad_rows(
        self, mapping: Any = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None,
        engine: str = "auto", dtype: str = "float64", batched: bool = True, **inputs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """One gradient a row: {name: array with the rows in front}. mapping, dtype, batched: as for `eval_rows`."""
        if self.programs.names.terms:
            from cgcli.terms import answers

            answers.check_engine(engine, None, dtype)
            return answers.gradients_of_rows(self, mapping, inputs, wrt, of, batched=batched)
        from cgcli.formulas.rows import bind_columns, evaluate_rows

        values = self._columns(mapping, inputs, engine, dtype, batched=batched, wrt=wrt, of=of)
        bound, rows = bind_columns(self, values, wrt)
        derivatives.tell_left_out(bound.program, wrt, of)
        bound, nodes = derivatives.gradient_nodes(bound, wrt, of)
        wanted = [node for by_name in nodes.values() for node in by_name.values()]
        found = iter(evaluate_rows(bound, engine, wanted, rows, dtype))
        return alone({name: {variable: next(found) for variable in by_name} for name, by_name in nodes.items()})

    # ---- explaining --------------------------------------------------------------------------------------------

    def trace(
        self, mapping: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None,
        engine: str = "auto", digits: int | None = None,
        open: str | Sequence[str] | None = None,  # noqa: A002 - the option's name
        all: bool = False,  # noqa: A002
        **inputs: Any,
    ) -> Trace:  # fmt: skip
        """Every step of the forward and the backward pass as plain data, which prints itself as tables.

        Of calls that are made again and again the tables show the first and the last, and the data those of a long loop
        alone; open: the function, or functions, whose calls are all there ("step,f" or a list). all: every call.
        """
        from cgcli.api.shown import ShownTrace
        from cgcli.explain.repeats import check_opened
        from cgcli.explain.tracing import trace
        from cgcli.formulas.opening import with_opened_loops

        options = {"wrt": wrt, "of": of, "open": open, "all": all or None}
        if self.terms:
            formula, values = self._without_terms(given.given_values(mapping, inputs))
            assert isinstance(formula, Formula)
            return formula.trace(values, wrt=wrt, of=of, engine=engine, digits=digits, open=open, all=all)
        bound = self._bound(mapping, inputs, engine, digits, **options, steps=True)
        opened = given.name_list(open) if open else []
        bound = with_opened_loops(bound, opened, everything=all)
        check_opened(bound.graph.calls, opened)
        chosen = derivatives.targets(bound.program, of)
        derivatives.tell_left_out(bound.program, wrt, of)
        variables = derivatives.variables(bound.program, wrt, of)
        bound = bound.over(bound.program.begun())  # the trace adds partial derivatives
        found = trace(bound.graph, chosen, bound.values, list(variables.values()), bound.engine)
        return ShownTrace(found, self.source, opened, everything=all)

    def draw(
        self, path: str | Path | None = None, mapping: Mapping[str, Any] | None = None, /, *, grad: bool = False,
        open: str | Sequence[str] | None = None,  # noqa: A002 - the option's name
        all: bool = False,  # noqa: A002
        **inputs: Any,
    ) -> str:  # fmt: skip
        """The picture of the graph: written to a file (svg, png, pdf, dot), or returned as SVG text without a path.

        A notebook shows that text as the picture. With values it shows them, with `grad` adjoints and contributions
        too. Of calls that are made again and again the first and the last are drawn; open: the function, or functions,
        whose calls are all drawn ("step,f" or a list). all: whether every node is drawn, however many there are.
        """
        from cgcli.formulas.drawing import draw_formula
        from cgcli.render.folding import LIMIT

        values = given.given_values(mapping, inputs)
        options = {"grad": grad or None, "open": open, "all": all or None}
        given.check_options(self._unclear, values, options)
        opened = given.name_list(open) if open else ()
        formula, values = self._without_terms(values)
        text = draw_formula(formula, path, values, grad=grad, opened=opened, limit=None if all else LIMIT)
        if path is not None:
            return text
        from cgcli.api.shown import Svg

        return Svg(text)

    def save(self, path: str | Path, mapping: Mapping[str, Any] | None = None, /, **inputs: Any) -> None:
        """Write the graph to a file (.npz) that `load` reads without parsing the text again.

        The values decide shapes and lengths, which are the file's from then on, and are not written themselves.
        UsageError for another ending and for missing arrays on which the graph depends, NeedsValues for a missing
        length, DataError where the file cannot be written.
        """
        from cgcli.data.graph_files import write_graph

        bound = self.bind(mapping, complete=False, **inputs)
        program, known = bound.program, self._all_inputs(bound.program)
        if len(known) > len(program.inputs):
            program = program.begun()
            program.inputs = known
            for name in set(known).difference(bound.program.inputs):
                program.graph.input(name, shape_of(bound.values.get(name)))
        write_graph(program, str(path))

    def _repr_svg_(self) -> str | None:
        """The picture, for a notebook; None where it is large, or has none before it has values."""
        with suppress(ShapeError, NeedsValues):
            self.programs.plain()
            return None if self._is_large() else self.draw()
        return None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Text, and the LaTeX and the picture where there are some before it has values; little of a large formula."""
        bundle = {"text/plain": repr(self) if self._is_large() else str(self)}
        picture = self._repr_svg_()
        if picture is not None:
            bundle |= {"text/latex": f"$${self.latex()}$$", "image/svg+xml": picture}
        return bundle


def from_source(source: Source) -> Formula:
    """A formula from a source text."""
    formula = Formula(of_text(source), source)
    with suppress(ShapeError, NeedsValues):  # these may be gone when the inputs have values
        formula.programs.plain()
    return formula


def fixed(program: Program) -> Formula:
    """A formula of one program: a graph that was not made from text."""
    return Formula(of_program(program))


def alone(found: dict[str, Any]) -> Any:
    """The only value of a dict, or the dict."""
    return next(iter(found.values())) if len(found) == 1 else found


def _refuse_digits(engine: str, digits: int | None) -> None:
    """UsageError for a sparse matrix of more than doubles."""
    if digits is not None or engine == "precise":
        raise UsageError("a sparse matrix holds doubles", hint="leave out digits, or sparse")


def _tell_kinks(bound: Bound, wrt: Sequence[str] | None, of: str | None, *, second: bool = False) -> None:
    """Warn where a derivative that was just computed could be taken for more than it is (see `formulas.kinks`)."""
    if second or bound.program.asks_points:
        from cgcli.formulas import kinks

        kinks.tell(bound, kinks.kinks_at(bound, wrt, of), second=second)
