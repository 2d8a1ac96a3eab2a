"""The operation row: all that there is to one operation, and the registry that holds the rows.

A row knows no engine and no graph. It carries *spellings* (text or late functions) that an engine resolves
when it meets the operation, and it is callable: on numbers it computes, on graph references it builds, because
references answer the protocol method `apply_operation`.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from math import inf

from cgcli.ops.exact import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    Shape = tuple[int, ...]
    Interval = tuple[float, float]
    Slopes = tuple[float, float, float | None]
    Ties = Sequence[Sequence[int | None]]

REAL = (-inf, inf)
POSITIVE = (0.0, inf)
"""Open intervals to state a domain with."""

REQUIRED = object()
"""Marks a parameter without a default."""


class KinkAt:
    """The slopes at one point of a kink: those of both sides, and the one that the rule takes there.

    operands: where it is, a number each. slopes: for each operand a triple (left, right, taken): the slope by this
    operand a little below, that a little above, with the other operands as they are, and what the rule gives at the
    point itself, which lies between the two, or None where it gives nan. Where all three are the same one number will
    do: at a jump both sides may have the slope 0.
    """

    __slots__ = ("operands", "slopes")

    def __init__(self, operands: tuple[float, ...], *slopes: float | Slopes) -> None:
        if len(slopes) != len(operands):
            raise ValueError(f"slopes by {len(slopes)} operands at a kink of {len(operands)}")
        self.operands = operands
        self.slopes: tuple[Slopes, ...] = tuple(slope if isinstance(slope, tuple) else (slope,) * 3 for slope in slopes)


class Parameter:
    """One argument of an operation: a graph operand, or a static value known while the graph is built.

    The default of an operand is a number, which a graph holds as a constant.
    """

    __slots__ = ("default", "name", "static")

    def __init__(self, name: str, static: bool, default: object) -> None:
        self.name = name
        self.static = static
        self.default = default

    @property
    def required(self) -> bool:
        """Whether a call must give this argument."""
        return self.default is REQUIRED


def read_signature(signature: str) -> tuple[tuple[Parameter, ...], bool]:
    """Parameters of a signature text, and whether the last operand may repeat.

    `"x, y"` are operands; `"x, alpha=1"` has an operand that is 1 where a call does not give it; `"[n], x"` has a
    static argument; `"x, [axis=None]"` an optional static one; `"x, ..."` takes one operand or more.
    """
    parameters: list[Parameter] = []
    variadic = False
    for word in signature.replace(" ", "").split(",") if signature else ():
        if word == "...":
            variadic = True
        elif word.startswith("["):
            name, _, default = word[1:-1].partition("=")
            values = {"": REQUIRED, "None": None}
            parameters.append(Parameter(name, True, values[default] if default in values else float(default)))
        else:
            name, _, default = word.partition("=")
            parameters.append(Parameter(name, False, number_of(default) if default else REQUIRED))
    return tuple(parameters), variadic


class Operation:
    """One frozen row of the operation table.

    name, aliases: what the language calls it; the name is unique, an alias may be shared by rows that differ in
        the number of arguments (`max(x, y)` and `max(v)`).
    signature: see `read_signature`.
    compute: the function on Python floats; total in the sense of IEEE 754, it never raises.
    partials: for elementwise rows, one function per operand of (operands..., result) giving that partial
        derivative, written with row calls; None in a place says that it is zero wherever it exists.
    pullback: for rows whose rule is no product, a function of (adjoint, operands, result, attributes) giving one
        contribution per operand (None: no derivative).
    definition: the operation in terms of other rows, a function of (operands..., static values...). A row without
        a spelling for an engine, or without a derivative rule, is served by its definition.
    batch: for structural rows, how many rows of data are computed at once: a function of (operands, their shapes in one
        row, attributes, number of rows) -> the result with the rows in front. An operand with the rows in front has
        one axis more than its shape says, any other is the same for all rows. None where that is not known.
    shape: for structural rows, (operand shapes, attributes) -> shape of the result; ValueError where they do not fit.
    ties: for structural rows, (operand shapes, attributes) -> for each operand and each of its axes the axis of the
        result that it goes along with, or None: an element of the result reads the operand at its own place along axes
        that are tied, and at all places along the others. A row without it reads all elements, unless it gathers, or
        has a definition, which says it.
    prepare: (operand shapes, static values...) -> attributes, hashable and normalised.
    spell: target -> spelling: "numpy" and "precise" (dotted name, or a function of (module, operands..., *attributes)),
        "native", "latex" and "infix" templates, and whatever later targets need. The default is the name itself.
        "written_out": like a definition, for code in which arrays are short and every element stands by itself.
        "rows": for a reduction, the running total of `engines.running` that makes it of a column of a table, batch by
        batch; without one it is made by its definition. "rows_pullback": its pullback there, where that of arrays (or
        their definition) would not do.
        "numpy_batch" is for operands of which some have one value a row in front, where "numpy" would be slow on them;
        "numpy_summed" gives at once the sum over the rows where both have (of a bilinear row), perhaps into `out`.
        A "latex" template has the operands as {0}, {1} … and static arguments by their names.
        "words" is what a sentence calls the operation, where formulas write a sign and no name.
    precedence: of the infix form in formula text, 0 for calls.
    domain: an open interval per operand where the value is real and finite; tests sample there.
    kink: operands -> whether the derivative is a convention there; `convention` says which one it is.
    kinks_at: for elementwise rows with a kink, a point of each kind of it and the slopes there as numbers (`KinkAt`);
        the reference shows them, and the conformance suite holds every engine to them.
    identities: (left, right) neutral constants, None where there is none.
    fold: operand references -> the reference that equals the result exactly, or None; used by passes only.
    combine: for reductions, the associative binary row that makes the same value of a list of scalars one by one
        (add for sum); scalar formulas stay scalar by it.
    traits: commutative, associative, odd, even, increasing, piecewise_constant, exact_on_integers, involution,
        idempotent, structural, traceable (the NumPy spelling only moves, adds and multiplies elements, so that it
        works on arrays of references too), moves (the pullback only moves and adds up the elements of the adjoint, so
        that it says of elements that a decision let through where they go), reduction (makes one value of all
        elements, or of those along an axis, and of a single number that number or a constant), along_axes (its
        attributes are axes counted from the end, so that it is the same with a batch in front), gathers (each element
        of the result is an element of an operand or a number; the NumPy spelling moves anything), scatters (each
        element of the operand is added to the one at a position, the first attribute), order_without_rule (the static
        argument is an order, a number by which there is no derivative rule; other static arguments are whole numbers
        such as lengths), verdict (its nan says that there is no answer), linear (in all operands together; what
        `moves` is linear, too), bilinear (in each of two operands), linear_in_first, derived (a slope that is a row for
        the sake of another one, with which it is tested), point (it is true, or false, at single points only), kept
        (its first attribute is a body, which engines run), internal (not callable from formulas).
    examples: formulas that show the operation; the conformance suite evaluates and differentiates structural ones.
    family: the module that declared the row.
    about, source: one line of documentation, and where the formula or algorithm comes from.
    """

    __slots__ = (
        "about",
        "aliases",
        "arity",
        "batch",
        "code",
        "combine",
        "compute",
        "convention",
        "definition",
        "domain",
        "examples",
        "family",
        "fold",
        "identities",
        "kink",
        "kinks_at",
        "name",
        "parameters",
        "partials",
        "precedence",
        "prepare",
        "pullback",
        "shape",
        "signature",
        "source",
        "spell",
        "ties",
        "traits",
        "variadic",
    )

    name: str
    signature: str
    aliases: tuple[str, ...]
    compute: Callable[..., float] | None
    partials: tuple[Callable[..., Any] | None, ...] | None
    pullback: Callable[..., Sequence[Any]] | None
    definition: Callable[..., Any] | None
    batch: Callable[..., Any] | None
    shape: Callable[..., Shape] | None
    ties: Callable[..., Ties] | None
    prepare: Callable[..., tuple[Any, ...]] | None
    spell: Mapping[str, Any]
    precedence: int
    domain: tuple[Interval, ...]
    kink: Callable[..., Any] | None
    convention: str
    kinks_at: tuple[KinkAt, ...]
    identities: tuple[float | None, float | None]
    fold: Callable[..., Any] | None
    combine: Operation | None
    traits: frozenset[str]
    examples: tuple[str, ...]
    family: str
    about: str
    source: str
    parameters: tuple[Parameter, ...]
    arity: int
    """Number of operands (of a variadic row: the least)."""
    variadic: bool
    code: int

    def __init__(
        self,
        name: str,
        signature: str = "x",
        *,
        aliases: tuple[str, ...] = (),
        compute: Callable[..., float] | None = None,
        partials: tuple[Callable[..., Any] | None, ...] | None = None,
        pullback: Callable[..., Sequence[Any]] | None = None,
        definition: Callable[..., Any] | None = None,
        batch: Callable[..., Any] | None = None,
        shape: Callable[..., Shape] | None = None,
        ties: Callable[..., Ties] | None = None,
        prepare: Callable[..., tuple[Any, ...]] | None = None,
        spell: Mapping[str, Any] | None = None,
        precedence: int = 0,
        domain: tuple[Interval, ...] | None = None,
        kink: Callable[..., Any] | None = None,
        convention: str = "",
        kinks_at: tuple[KinkAt, ...] = (),
        identities: tuple[float | None, float | None] = (None, None),
        fold: Callable[..., Any] | None = None,
        combine: Operation | None = None,
        traits: tuple[str, ...] = (),
        examples: tuple[str, ...] = (),
        about: str = "",
        source: str = "",
    ) -> None:
        parameters, variadic = read_signature(signature)
        operands = sum(not parameter.static for parameter in parameters)
        if partials is not None and len(partials) != operands:
            raise ValueError(f"{name}: {len(partials)} partial derivatives for {operands} operands")
        for field, value in (
            ("name", name),
            ("signature", signature),
            ("aliases", aliases),
            ("compute", compute),
            ("partials", partials),
            ("pullback", pullback),
            ("definition", definition),
            ("batch", batch),
            ("shape", shape),
            ("ties", ties),
            ("prepare", prepare),
            ("spell", spell or {}),
            ("precedence", precedence),
            ("domain", domain or (REAL,) * operands),
            ("kink", kink),
            ("convention", convention),
            ("kinks_at", kinks_at),
            ("identities", identities),
            ("fold", fold),
            ("combine", combine),
            ("traits", frozenset(traits)),
            ("examples", examples),
            ("family", sys._getframe(1).f_globals["__name__"]),
            ("about", about),
            ("source", source),
            ("parameters", parameters),
            ("arity", operands),
            ("variadic", variadic),
        ):
            object.__setattr__(self, field, value)
        object.__setattr__(self, "code", REGISTRY.add(self))

    def __setattr__(self, field: str, value: object) -> None:
        raise AttributeError(f"an operation is frozen; `{self.name}.{field}` cannot be changed")

    def __repr__(self) -> str:
        return f"<operation {self.name}({self.signature})>"

    def __reduce__(self) -> tuple[object, ...]:
        return named, (self.name,)

    @property
    def elementwise(self) -> bool:
        """Whether it works on each element by itself, with broadcasting."""
        return self.shape is None

    def accepts(self, count: int) -> bool:
        """Whether a call with this many arguments fits the signature (associative rows fold longer calls)."""
        least = sum(parameter.required for parameter in self.parameters)
        if count < least:
            return False
        return self.variadic or count <= len(self.parameters) or (least == 2 and "associative" in self.traits)

    def split(self, arguments: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Operands and static values of a call whose number of arguments is accepted."""
        if self.variadic:
            return list(arguments), []
        operands: list[Any] = []
        static: list[Any] = []
        for position, parameter in enumerate(self.parameters):
            value = arguments[position] if position < len(arguments) else parameter.default
            (static if parameter.static else operands).append(value)
        return operands, static

    def __call__(self, *arguments: Any) -> Any:
        """Compute on numbers; on graph references, build a node (shapes are checked there)."""
        for argument in arguments:
            apply = getattr(argument, "apply_operation", None)
            if apply is not None:
                return apply(self, arguments)
        for argument in arguments:
            if isinstance(argument, (list, tuple)):
                for item in argument:
                    apply = getattr(item, "apply_operation", None)
                    if apply is not None:
                        return apply(self, arguments)
        if self.compute is None:
            raise TypeError(f"`{self.name}` does not work on plain numbers; give it graph references")
        try:
            return self.compute(*arguments)
        except TypeError:
            raise TypeError(
                f"`{self.name}` computes on plain numbers here, as many as it takes; "
                "on lists and arrays it works in a formula of graph references"
            ) from None


class Registry:
    """All rows: by code (the number that graphs store) and by the names that the language knows."""

    def __init__(self) -> None:
        self.rows: list[Operation] = []
        self.by_name: dict[str, Operation] = {}
        self.callable_as: dict[str, list[Operation]] = {}

    def add(self, row: Operation) -> int:
        """Enter a row and return its code. ValueError where the name is taken."""
        if row.name in self.by_name:
            raise ValueError(f"there is an operation `{row.name}` already")
        self.by_name[row.name] = row
        if "internal" not in row.traits:
            for name in (row.name, *row.aliases):
                self.callable_as.setdefault(name, []).append(row)
        self.rows.append(row)
        return len(self.rows) - 1

    def remove_last(self) -> None:
        """Take the row that was entered last out again."""
        row = self.rows.pop()
        del self.by_name[row.name]
        for name in (row.name, *row.aliases):
            candidates = self.callable_as.get(name, [])
            if row in candidates:
                candidates.remove(row)
                if not candidates:
                    del self.callable_as[name]

    def resolve(self, name: str, count: int) -> Operation | None:
        """The row that a call `name(...)` with this many arguments means, or None."""
        for row in self.callable_as.get(name, ()):
            if row.accepts(count):
                return row
        return None


REGISTRY = Registry()


def named(name: str) -> Operation:
    """The row of a canonical name. KeyError where there is none."""
    return REGISTRY.by_name[name]


@contextmanager
def temporary_rows() -> Iterator[None]:
    """Rows declared inside the block disappear at its end; for tests and experiments."""
    before = len(REGISTRY.rows)
    try:
        yield
    finally:
        while len(REGISTRY.rows) > before:
            REGISTRY.remove_last()
