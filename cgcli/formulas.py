"""The one straight line from text to result, and the Python API.

    text -> syntax table -> graph (one per shape signature) -> derivatives (a pass) -> engine -> values

A `Formula` holds a text or a graph that was built by connecting operations. What it computes follows from the
values that it is given: their shapes decide how the text is lowered, and the result is kept for the next call.
"""

from __future__ import annotations

from contextlib import suppress

from cgcli import binding
from cgcli.errors import (
    CalculationError,
    CgError,
    DataError,
    FormulaError,
    NeedsValues,
    ShapeError,
    Source,
    UsageError,
    did_you_mean,
)
from cgcli.graph.ref import Ref
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.language.lowering import Program, lower
from cgcli.language.names import Names, survey
from cgcli.language.parser import parse as parse_syntax
from cgcli.language.syntax import NAME
from cgcli.numerals import shape_of
from cgcli.ops.constants import ALIASES, CONSTANTS
from cgcli.passes.derivative import derivative_of, directional
from cgcli.passes.differentiate import Derivatives, differentiate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.explain.steps import Trace
    from cgcli.language.syntax import Syntax

    Shape = tuple[int, ...]
    Lower = Callable[[Mapping[str, Shape], Mapping[str, float], Sequence[str], Sequence[str]], Program]

GRAPH_ENDING = ".npz"
"""Files with this ending hold graphs, all others hold texts."""

KEPT_SIGNATURES = 64
"""Names and shapes of calls whose program is remembered."""


class Bound:
    """A formula with values: the program that fits their shapes, the values by input, and the engine."""

    __slots__ = ("engine", "program", "source", "values")

    def __init__(
        self, program: Program, values: dict[str, Any], engine: Callable[[Sequence[int]], Engine], source: Source | None
    ) -> None:
        self.program = program
        self.values = values
        self.engine = engine
        self.source = source

    @property
    def graph(self) -> Graph:
        """The graph of the program."""
        return self.program.graph

    def evaluate(self, wanted: Sequence[int]) -> list[Any]:
        """The values of nodes, by position among the wanted ones."""
        values = self.engine(wanted).evaluate(self.graph, self.values, wanted)
        found = [values[node] for node in wanted]
        return [value if type(value) is float else public(value) for value in found]

    def chosen(self, names: Sequence[str] = ()) -> dict[str, int]:
        """The nodes of inner names, or of the outputs where none are given. UsageError for an unknown name."""
        known = {**named_nodes(self.program), **self.program.outputs}
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known) or f"it has {', '.join(known)}"
                raise UsageError(f"the formula has no `{name}` to show", hint=hint)
        return {name: known[name] for name in names} or dict(self.program.outputs)

    def named_values(self, chosen: Mapping[str, int]) -> dict[str, Any]:
        """The values of named nodes."""
        return dict(zip(chosen, self.evaluate(list(chosen.values())), strict=True))


class Formula:
    """A formula that can be evaluated, differentiated, traced and drawn.

    Values are given by name, as keyword arguments or as one mapping; a value is a number, a nested list or an array.
    A value for a name that the formula defines itself replaces that definition.
    """

    def __init__(self, lower_for: Lower, names: Names, source: Source | None = None) -> None:
        self._lower_for = lower_for
        self._names = names
        self._free = frozenset(names.free)
        self._known = frozenset(names.inputs)
        self._programs: dict[Any, list[Program]] = {}
        self._fitting: dict[Any, list[Program]] = {}
        self._derivatives: dict[Any, Derivatives] = {}
        self._gradient_nodes: dict[Any, dict[str, dict[str, int]]] = {}
        self.source = source

    # ---- what it is --------------------------------------------------------------------------------------------

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in the order of their first use; those with a default value included."""
        return self._names.inputs

    @property
    def params(self) -> list[str]:
        """Names of the inputs declared with `param`."""
        return list(self._names.params)

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return list(self._names.outputs)

    @property
    def constants(self) -> list[str]:
        """Names of the constants of the language that the text uses; a given value replaces one."""
        return list(self._names.constants)

    @property
    def graph(self) -> Graph:
        """The graph for scalar inputs (of declared shapes where the text declares some)."""
        return self._program({}).graph

    def __str__(self) -> str:
        """The formula as text, for inputs that are numbers; its own text where those do not fit."""
        from cgcli.emit.formula import program_text

        try:
            program = self._program({})
        except (ShapeError, NeedsValues):
            if self.source is None:
                raise
            return self.source.text.strip()
        return program_text(program.graph, program.outputs, params=program.params, defaults=program.defaults)

    def __repr__(self) -> str:
        text = "; ".join(str(self).splitlines())
        return f"<formula {text if len(text) <= 60 else text[:57] + '…'}>"

    def __reduce__(self) -> tuple[object, ...]:
        """A text is pickled as it is and read again, a graph by its columns."""
        return (from_source, (self.source,)) if self.source else (fixed, (self._program({}),))

    def latex(self) -> str:
        """The outputs as LaTeX, one equation a line."""
        from cgcli.emit.latex import latex

        program = self._program({})
        lines = [(name, latex(program.graph, node)) for name, node in program.outputs.items()]
        return "\n".join(text if name == "result" else f"{name} = {text}" for name, text in lines)

    # ---- values ------------------------------------------------------------------------------------------------

    def bind(
        self, mapping: Mapping[str, Any] | None = None, /, *, engine: str = "auto", digits: int | None = None,
        show: Sequence[str] = (), complete: bool = True, **inputs: Any,
    ) -> Bound:  # fmt: skip
        """The program and the values that a call means.

        UsageError for names that the formula does not have and for inputs without a value (unless not `complete`);
        ShapeError where a declared shape differs.
        """
        values = {name: value if type(value) is float else binding.normalised(name, value) for name, value in
                  binding.given_values(mapping, inputs).items()}  # fmt: skip
        names = self._names
        if not values.keys() <= self._known:
            binding.check_names(values, names.inputs, names.defined, names.constants)
        program = self._fitting_program(values, show, complete)
        chosen = chooser(program.graph, engine, digits)
        add_defaults(program, values, chosen)
        if complete:
            binding.check_complete(program.inputs, values)
        return Bound(program, values, chosen, self.source)

    def eval(
        self, mapping: Mapping[str, Any] | None = None, /, *, engine: str = "auto", digits: int | None = None,
        **inputs: Any,
    ) -> Any:  # fmt: skip
        """The value of the formula: a float or an array; a dict by name where there are several outputs.

        engine: python, numpy, native, precise or auto. digits: decimal digits of a calculation beyond doubles.
        """
        bound = self.bind(mapping, engine=engine, digits=digits, **inputs)
        outputs = bound.program.outputs
        found = dict(zip(outputs, bound.evaluate(list(outputs.values())), strict=True))
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
        bound = self.bind(mapping, engine=engine, digits=digits, **inputs)
        return alone(self.gradients(bound, wrt, of)[1])

    def gradients(
        self, bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Values of the outputs and their gradients, {output: value} and {output: {name: derivative}}, in one run."""
        chosen = self.targets(bound.program, of)
        nodes = self.gradient_nodes(bound.program, wrt, of)
        rates = [node for by_name in nodes.values() for node in by_name.values()]
        found = iter(bound.evaluate([*chosen.values(), *rates]))
        values = {name: next(found) for name in chosen}
        return values, {name: {variable: next(found) for variable in by_name} for name, by_name in nodes.items()}

    def jacobian(
        self, mapping: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None,
        engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Derivatives of every element of an output: {name: array of shape output.shape + input.shape}."""
        bound = self.bind(mapping, engine=engine, digits=digits, **inputs)
        variables = self.variables(bound.program, wrt)
        chosen = self.targets(bound.program, of)
        nodes = {
            (name, variable): derivative_of(bound.graph, node, target)
            for name, node in chosen.items() for variable, target in variables.items()
        }  # fmt: skip
        found = dict(zip(nodes, bound.evaluate(list(nodes.values())), strict=True))
        return alone({name: {variable: found[name, variable] for variable in variables} for name in chosen})

    def hessian(
        self, mapping: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None,
        engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> dict[str, dict[str, Any]]:  # fmt: skip
        """Second derivatives of a scalar output: {a: {b: array of shape a.shape + b.shape}}."""
        bound = self.bind(mapping, engine=engine, digits=digits, **inputs)
        variables = self.variables(bound.program, wrt)
        chosen = self.targets(bound.program, of)
        nodes: dict[tuple[str, str, str], int] = {}
        for name, node in chosen.items():
            self._need_scalar(bound.graph, name, node)
            with bound.graph.lock:
                first = self._differentiated(bound.program, node, tuple(variables.values()))
                slopes = {variable: first.wrt(target) for variable, target in variables.items()}
                for variable, slope in slopes.items():
                    for other, target in variables.items():
                        nodes[name, variable, other] = derivative_of(bound.graph, slope, target)
        found = dict(zip(nodes, bound.evaluate(list(nodes.values())), strict=True))
        return alone({
            name: {a: {b: found[name, a, b] for b in variables} for a in variables} for name in chosen
        })  # fmt: skip

    def jvp(
        self, mapping: Mapping[str, Any] | None = None, /, *, directions: Mapping[str, Any], of: str | None = None,
        engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> Any:  # fmt: skip
        """Jacobian-vector product: how an output changes when the inputs move along the given directions."""
        bound = self.bind(mapping, engine=engine, digits=digits, **inputs)
        graph, chosen = bound.graph, self.targets(bound.program, of)
        variables, arrows = self._directions(bound, directions)
        nodes = [directional(graph, node, variables, arrows) for node in chosen.values()]
        return alone(dict(zip(chosen, bound.evaluate(nodes), strict=True)))

    def hvp(
        self, mapping: Mapping[str, Any] | None = None, /, *, directions: Mapping[str, Any], of: str | None = None,
        engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Hessian-vector product: how the gradient changes when the inputs move along the given directions."""
        bound = self.bind(mapping, engine=engine, digits=digits, **inputs)
        graph, chosen = bound.graph, self.targets(bound.program, of)
        variables, arrows = self._directions(bound, directions)
        names = list(directions)
        nodes: list[int] = []
        for name, node in chosen.items():
            self._need_scalar(graph, name, node)
            with graph.lock:
                first = differentiate(graph, [node], variables)
                nodes.extend(directional(graph, first.wrt(target), variables, arrows) for target in variables)
        found = iter(bound.evaluate(nodes))
        return alone({name: {variable: next(found) for variable in names} for name in chosen})

    def derivative(self, name: str, mapping: Mapping[str, Any] | None = None, *, of: str | None = None) -> Formula:
        """The derivative with respect to an input (or an inner node) as a formula, simplified.

        mapping: values whose shapes decide the formula; inputs without a value are numbers.
        """
        from cgcli.passes.simplify import simplify

        program = self.bind(mapping, complete=False).program
        chosen = self.targets(program, of)
        target = self.variables(program, [name])[name]
        nodes = [derivative_of(program.graph, node, target) for node in chosen.values()]
        graph, simple = simplify(program.graph, [*nodes, *program.defaults.values()])
        names = ["result"] if len(chosen) == 1 else [f"d{output}/d{name}" for output in chosen]
        derived = Program(graph)
        derived.outputs = dict(zip(names, simple, strict=False))
        defaults = dict(zip(program.defaults, simple[len(nodes) :], strict=True))
        needed = needed_inputs(graph, list(derived.outputs.values()), defaults)
        derived.inputs = [name for name in program.inputs if name in needed]
        derived.params = [name for name in program.params if name in needed]
        derived.defaults = {name: node for name, node in defaults.items() if name in needed}
        return fixed(derived)

    # ---- rows --------------------------------------------------------------------------------------------------

    def eval_rows(
        self, mapping: Mapping[str, Any] | None = None, /, *, engine: str = "auto", dtype: str = "float64",
        **inputs: Any,
    ) -> Any:  # fmt: skip
        """One result a row: inputs are columns (arrays whose first axis counts the rows) or single values.

        A column of a scalar input has one axis, a column of vectors two. Returns an array with the rows in front; a
        dict by name where there are several outputs. dtype: float64, or float32, which the native engine has.
        """
        bound, rows = self._bind_rows(mapping, inputs)
        outputs = bound.program.outputs
        found = evaluate_rows(bound, engine, list(outputs.values()), rows, dtype)
        return alone({name: found[node] for name, node in outputs.items()})

    def grad_rows(
        self, mapping: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None,
        engine: str = "auto", dtype: str = "float64", **inputs: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """One gradient a row: {name: array with the rows in front}. dtype: as for `eval_rows`."""
        bound, rows = self._bind_rows(mapping, inputs)
        nodes = self.gradient_nodes(bound.program, wrt, of)
        wanted = [node for by_name in nodes.values() for node in by_name.values()]
        found = evaluate_rows(bound, engine, wanted, rows, dtype)
        return alone({
            name: {variable: found[node] for variable, node in by_name.items()} for name, by_name in nodes.items()
        })  # fmt: skip

    def gradient_nodes(
        self, program: Program, wrt: Sequence[str] | None = None, of: str | None = None
    ) -> dict[str, dict[str, int]]:
        """The nodes that hold the derivatives of the outputs: {output: {name: node}}."""
        names = None if wrt is None else tuple(binding.name_list(wrt))
        key = (id(program), names, of)
        nodes = self._gradient_nodes.get(key)
        if nodes is None:
            nodes = self._gradient_nodes[key] = self._new_gradient_nodes(program, names, of)
        return nodes

    def _new_gradient_nodes(
        self, program: Program, wrt: Sequence[str] | None, of: str | None
    ) -> dict[str, dict[str, int]]:  # fmt: skip
        variables = self.variables(program, wrt)
        nodes: dict[str, dict[str, int]] = {}
        for name, node in self.targets(program, of).items():
            self._need_scalar(program.graph, name, node)
            with program.graph.lock:
                derivatives = self._differentiated(program, node, tuple(variables.values()))
                nodes[name] = {variable: derivatives.wrt(target) for variable, target in variables.items()}
        return nodes

    # ---- explaining --------------------------------------------------------------------------------------------

    def trace(
        self, mapping: Mapping[str, Any] | None = None, /, *, wrt: Sequence[str] | None = None, of: str | None = None,
        engine: str = "auto", digits: int | None = None, **inputs: Any,
    ) -> Trace:  # fmt: skip
        """Every step of the forward and the backward pass as plain data."""
        from cgcli.explain.tracing import trace

        bound = self.bind(mapping, engine=engine, digits=digits, **inputs)
        chosen = self.targets(bound.program, of)
        variables = self.variables(bound.program, wrt)
        return trace(bound.graph, chosen, bound.values, list(variables.values()), bound.engine)

    def draw(
        self, path: str | Path | None = None, mapping: Mapping[str, Any] | None = None, /, *, grad: bool = False,
        **inputs: Any,
    ) -> str:  # fmt: skip
        """The picture of the graph: written to a file (svg, png, pdf, dot), or returned as SVG text without a path.

        With values it shows them; with `grad` adjoints and contributions too.
        """
        from cgcli.render.diagram import draw_formula

        return draw_formula(self, path, binding.given_values(mapping, inputs), grad=grad)

    def save(self, path: str | Path, mapping: Mapping[str, Any] | None = None, /, **inputs: Any) -> None:
        """Write the graph to a file (.npz) that `load` reads without parsing the text again.

        The values decide shapes and lengths, which are the file's from then on, and are not written themselves.
        UsageError for another ending and for missing arrays on which the graph depends, NeedsValues for a missing
        length, DataError where the file cannot be written.
        """
        from cgcli.data.graph_files import write_graph

        write_graph(self.bind(mapping, complete=False, **inputs).program, str(path))

    def _repr_svg_(self) -> str | None:
        """The picture, for a notebook; None where the formula has none before it has values."""
        with suppress(ShapeError, NeedsValues):
            self._program({})
            return self.draw()
        return None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Text, and the LaTeX and the picture where the formula has them before it has values."""
        bundle = {"text/plain": str(self)}
        picture = self._repr_svg_()
        if picture is not None:
            bundle |= {"text/latex": f"$${self.latex()}$$", "image/svg+xml": picture}
        return bundle

    # ---- inside ------------------------------------------------------------------------------------------------

    def _program(self, values: Mapping[str, Any], show: Sequence[str] = ()) -> Program:
        """The program for values of these names and shapes, lowered once for each signature.

        A number for a name that the text only uses decides nothing, unless it is a length or an index.
        """
        shapes = {name: shape_of(value) for name, value in values.items()}
        deciding = {name: shape for name, shape in shapes.items() if shape or name not in self._free}
        signature = (tuple(sorted(deciding.items())), tuple(show))
        for program in self._programs.get(signature, ()):
            if self._suits(program, values):
                return program
        numbers = {name: float(value) for name, value in values.items() if not shapes[name]}
        program = self._lower_for(deciding, numbers, list(deciding), show)
        self._programs.setdefault(signature, []).append(program)
        return program

    def _suits(self, program: Program, values: Mapping[str, Any]) -> bool:
        """Whether the numbers that shaped a program are those that are given."""
        for name, needed in program.specialised.items():
            is_number = name in values and not shape_of(values[name])
            if (is_number or name in self._free) and not (is_number and is_same(float(values[name]), needed)):
                return False
        return True

    def _fitting_program(self, values: Mapping[str, Any], show: Sequence[str], complete: bool) -> Program:
        """The program of a call, found quickly where a call gave the same names and shapes before. Errors as `bind`.

        Where inputs may be without a value, an unknown length is asked for by itself, at its place in the text.
        """
        key = (tuple(values), tuple([() if type(value) is float else shape_of(value) for value in values.values()]),
               tuple(show))  # fmt: skip
        for program in self._fitting.get(key, ()):
            if self._suits(program, values):
                return program
        try:
            program = self._program(values, show)
        except (ShapeError, NeedsValues) as error:
            if isinstance(error, NeedsValues) and not complete:
                raise
            needed = [name for name in self._names.inputs if name not in self._names.with_default]
            binding.check_complete(needed, values)
            raise
        self._check_shapes(program, values)
        if len(self._fitting) >= KEPT_SIGNATURES:
            self._fitting.clear()
        self._fitting.setdefault(key, []).append(program)
        return program

    def bind_rows(
        self, columns: Sequence[str], mapping: Mapping[str, Any] | None = None, *, show: Sequence[str] = (),
        complete: bool = True,
    ) -> Bound:  # fmt: skip
        """The program for columns of scalars with these names, and the values that are the same for all rows.

        UsageError as `bind`, and for a column of lengths or indices: they decide the graph, which all rows share.
        """
        single = binding.given_values(mapping, {})
        bound = self.bind({**single, **dict.fromkeys(columns, 1.0)}, engine="numpy", show=show, complete=complete)
        return self._varying(bound, columns)

    def _bind_rows(self, mapping: Mapping[str, Any] | None, inputs: Mapping[str, Any]) -> tuple[Bound, int]:
        """The program and the columns of a call on rows, and how many rows those have.

        A column's own shape is what is behind its first axis.
        """
        values = {name: binding.normalised(name, value) for name, value in
                  binding.given_values(mapping, inputs).items()}  # fmt: skip
        declared: dict[str, Shape] = {}
        with suppress(ShapeError, NeedsValues):  # the values decide the graph: every array is a column
            plain = self._program({name: value for name, value in values.items() if not shape_of(value)})
            declared = {name: plain.graph.shape_of(node) for name, node in plain.graph.inputs().items()}
        columns = {
            name: value for name, value in values.items()
            if shape_of(value) and shape_of(value) != declared.get(name, ())
        }  # fmt: skip
        one_row = {**values, **{name: column[0] for name, column in columns.items()}}
        bound = self._varying(self.bind(one_row, engine="numpy"), list(columns))
        bound.values = row_values(bound, columns)
        return bound, max(map(len, columns.values()), default=1)

    def _varying(self, bound: Bound, columns: Sequence[str]) -> Bound:
        """What was bound for one row, without the values that differ from row to row."""
        fixed_by = [name for name in columns if name in bound.program.specialised]
        if fixed_by:
            raise UsageError(
                f"`{fixed_by[0]}` cannot be a column: it is a length or an index, the same for all rows",
                hint=f"give it one value: {fixed_by[0]}=3",
            )
        inputs = bound.graph.inputs()
        dropped: set[str] = set()
        found = set(columns)
        while found:  # a default may follow from another default that follows from a column
            dropped |= found
            reached = descendants(bound.graph, [inputs[name] for name in dropped if name in inputs])
            found = {name for name, node in bound.program.defaults.items() if reached[node]} - dropped
        values = {name: value for name, value in bound.values.items() if name not in dropped}
        return Bound(bound.program, values, bound.engine, self.source)

    def _differentiated(self, program: Program, output: int, wrt: tuple[int, ...]) -> Derivatives:
        key = (id(program), output, wrt)
        found = self._derivatives.get(key)
        if found is None:
            found = self._derivatives[key] = differentiate(program.graph, [output], wrt)
        return found

    def targets(self, program: Program, of: str | None) -> dict[str, int]:
        """The outputs to differentiate, by name."""
        if of is None:
            return dict(program.outputs)
        known = {**named_nodes(program), **program.outputs}
        if of not in known:
            raise UsageError(f"the formula has no `{of}`", hint=did_you_mean(of, known) or f"it has {', '.join(known)}")
        return {of: known[of]}

    def variables(self, program: Program, wrt: Sequence[str] | None) -> dict[str, int]:
        """The nodes to differentiate with respect to, by name: all inputs that are not lengths or indices."""
        inputs = program.graph.inputs()
        if wrt is None:
            return {name: inputs[name] for name in program.inputs if name not in program.specialised}
        known = named_nodes(program)
        names = binding.name_list(wrt)
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known) or f"it has {', '.join(known) or 'no inputs'}"
                raise UsageError(f"the formula has no `{name}` to differentiate with respect to", hint=hint)
        return {name: known[name] for name in names}

    def _directions(self, bound: Bound, directions: Mapping[str, Any]) -> tuple[list[int], list[int]]:
        """The nodes to move and the nodes that hold the directions, which become values of the call."""
        if not hasattr(directions, "keys") or not directions:
            raise UsageError("no directions given", hint='for example directions={"x": 1}')
        variables = self.variables(bound.program, list(directions))
        arrows: list[int] = []
        for name, target in variables.items():
            value = binding.normalised(name, directions[name])
            expected = bound.graph.shape_of(target)
            if shape_of(value) != expected:
                raise ShapeError(f"the direction of `{name}` has shape {list(shape_of(value))}, not {list(expected)}")
            label = f"direction of {name}"
            with bound.graph.lock:
                arrows.append(bound.graph.input(label, expected, hidden=True))
            bound.values[label] = value
        return list(variables.values()), arrows

    def _check_shapes(self, program: Program, values: Mapping[str, Any]) -> None:
        inputs = program.graph.inputs()
        for name, value in values.items():
            node = inputs.get(name)
            if node is not None and program.graph.shape_of(node) != shape_of(value):
                expected = program.graph.shape_of(node)
                raise ShapeError(
                    f"the value of `{name}` has shape {list(shape_of(value))}, but the formula declares "
                    f"{list(expected) if expected else 'a number'}"
                )

    @staticmethod
    def _need_scalar(graph: Graph, name: str, node: int) -> None:
        if graph.shape_of(node):
            raise ShapeError(
                f"`{name}` has shape {list(graph.shape_of(node))}; a gradient needs a number",
                hint="use the Jacobian (`--jacobian`, `f.jacobian`), or `sum(…)` it first",
            )


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


def from_source(source: Source) -> Formula:
    """A formula from a source text."""
    table: Syntax = parse_syntax(source)
    formula = Formula(
        lambda shapes, values, bound, show: lower(table, shapes=shapes, values=values, bound=bound, show=show),
        survey(table), source,
    )  # fmt: skip
    with suppress(ShapeError, NeedsValues):  # these may be gone when the inputs have values
        formula._program({})
    return formula


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


def fixed(program: Program) -> Formula:
    """A formula of one program: a graph that was not made from text."""
    names = Names()
    names.declared = list(program.inputs)
    names.params = list(program.params)
    names.outputs = list(program.outputs)
    names.with_default = set(program.defaults)

    def settled(shapes: Mapping[str, Shape], values: Mapping[str, float], bound: object, show: object) -> Program:
        for name, value in program.specialised.items():
            if shapes.get(name) or not is_same(values.get(name, value), value):
                raise UsageError(
                    f"`{name}` is {value:g} in this graph and cannot be another value",
                    hint="a length or an index decides the graph: export the formula again",
                )
        return program

    return Formula(settled, names)


def chooser(graph: Graph, name: str, digits: int | None) -> Callable[[Sequence[int]], Engine]:
    """A function from the wanted nodes to the engine that computes them. UsageError for a wrong count of digits."""
    if digits is not None and (not isinstance(digits, int) or digits < 1):
        raise UsageError(f"{digits!r} is no count of digits", hint="for example digits=50")
    if digits is not None or name == "precise":
        from cgcli.engines.precise import PreciseEngine

        precise = PreciseEngine(digits or 50)
        return lambda wanted: precise
    from cgcli.engines import choose

    return lambda wanted: choose(graph, wanted, name)


def rows_engine(bound: Bound, name: str, wanted: Sequence[int]) -> Any:
    """The engine for a table."""
    from cgcli.engines import choose_for_rows

    return choose_for_rows(bound.graph, wanted, name, bound.values)


def evaluate_rows(
    bound: Bound, engine: str, wanted: Sequence[int], rows: int, dtype: str = "float64"
) -> dict[int, Any]:  # fmt: skip
    """The values of nodes for every row; a value that is the same for all rows is repeated. UsageError for a dtype."""
    if dtype == "float64":
        found = rows_engine(bound, engine, wanted).evaluate_rows(bound.graph, bound.values, wanted)
    elif dtype == "float32" and engine in ("auto", "native"):
        found = rows_engine(bound, "native", wanted).evaluate_rows(bound.graph, bound.values, wanted, dtype=dtype)
    else:
        raise UsageError(f"rows cannot be computed in `{dtype}` here", hint="dtype is float64, or float32 on native")
    return {node: found[node] if len(found[node]) == rows else found[node].repeat(rows, axis=0) for node in wanted}


def add_defaults(program: Program, values: dict[str, Any], chosen: Callable[[Sequence[int]], Engine]) -> None:
    """Give inputs without a value their defaults; those that follow from other defaults come after them."""
    absent = {name: node for name, node in program.defaults.items() if name not in values}
    if not absent:
        return
    graph = program.graph
    groups = graph.once(("defaults", *absent), list(absent.values()), lambda: ordered_defaults(graph, absent))
    for ready in groups:
        nodes = list(ready.values())
        found = chosen(nodes).evaluate(graph, values, nodes)
        values.update({name: found[node] for name, node in ready.items()})


def ordered_defaults(graph: Graph, absent: Mapping[str, int]) -> list[dict[str, int]]:
    """Defaults in the order of their evaluation: each group needs values and those of the groups before it only."""
    waiting_for, inputs = dict(absent), graph.inputs()
    groups: list[dict[str, int]] = []
    while waiting_for:
        waiting = descendants(graph, [inputs[name] for name in waiting_for if name in inputs])
        ready = {name: node for name, node in waiting_for.items() if not waiting[node]}
        if not ready:  # no text can say so, but a graph file can
            names = " and ".join(f"`{name}`" for name in waiting_for)
            raise CalculationError(f"the defaults of {names} need each other")
        groups.append(ready)
        waiting_for = {name: node for name, node in waiting_for.items() if name not in ready}
    return groups


def is_same(number: float, other: float) -> bool:
    """Whether two numbers decide the same graph; nan is the same as nan."""
    return number == other or (number != number and other != other)


def named_nodes(program: Program) -> dict[str, int]:
    """Inputs and inner nodes by the names of the formula."""
    return dict(program.graph.names)


def needed_inputs(graph: Graph, nodes: Sequence[int], defaults: Mapping[str, int]) -> set[str]:
    """Names of the inputs that nodes need, themselves or for the defaults of the inputs that they need."""
    inputs = graph.inputs()
    found: set[str] = set()
    pending = list(nodes)
    while pending:
        reached = ancestors(graph, pending)
        added = {name for name, node in inputs.items() if reached[node]} - found
        found |= added
        pending = [defaults[name] for name in added if name in defaults]
    return found


def row_values(bound: Bound, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all inputs for a batch of rows: columns, single values, and defaults that follow from columns."""
    values = {**bound.values, **columns}
    for name, node in bound.program.defaults.items():
        if name not in values:
            engine = rows_engine(bound, "numpy", [node])
            values[name] = engine.evaluate_rows(bound.graph, values, [node])[node]
    return values


def alone(found: dict[str, Any]) -> Any:
    """The only value of a dict, or the dict."""
    return next(iter(found.values())) if len(found) == 1 else found


def public(value: Any) -> Any:
    """An engine's value as callers see it: NumPy scalars become floats."""
    shape = getattr(value, "shape", None)
    return float(value) if shape == () and not hasattr(value, "_mpf_") else value


def read_value(name: str, text: str, *, digits: int | None = None) -> Any:
    """The value of `NAME=TEXT` on a command line: a constant formula, or `@file.npy`. DataError, FormulaError."""
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
    return constant.eval(digits=digits)


def read_array(name: str, path: str) -> Any:
    """An array from an NPY file, never by unpickling. DataError where that cannot be."""
    import numpy as np

    try:
        with open(path, "rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise DataError(f"cannot read `{path}` for `{name}`: {error.strerror}") from None
    except ValueError:
        raise DataError(f"cannot read `{path}` for `{name}`: it is not a .npy file of numbers") from None


__all__ = ["CgError", "Formula", "Ref", "formula", "from_source", "inputs", "load", "parse", "read_value"]
