"""What commands write: numbers, JSON, warnings."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from math import isfinite, isnan

from cgcli.errors import CalculationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Any, TextIO

    from cgcli.errors import Source, Span
    from cgcli.explain.births import Birth
    from cgcli.formulas.bound import Bound
    from cgcli.formulas.kinks import KinkHit


MANY_NODES = 1_000_000
"""Nodes that take about a second to read, to differentiate or to compute."""


def number_text(value: Any, digits: int | None = None) -> str:
    """A number or an array for a person and for a next command: shortest text that reads back the same."""
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, list):
        return "[" + ", ".join(number_text(item, digits) for item in value) + "]"
    if hasattr(value, "tolist"):
        return number_text(value.tolist(), digits)
    if digits is None:
        return float_text(float(value))
    from mpmath import nstr

    text: str = nstr(value, digits, strip_zeros=True, min_fixed=-5, max_fixed=max(digits, 17))
    return text.removesuffix(".0").replace(".0e", "e").replace("+inf", "inf")


def float_text(value: float) -> str:
    """A double: integers without a fraction, everything else in the shortest form."""
    text = repr(value)
    return text.removesuffix(".0")


def jsonable(value: Any, digits: int | None = None) -> Any:
    """A value as JSON takes it: nan and infinities as texts, arrays as lists, long numbers as texts."""
    if isinstance(value, dict):
        return {key: jsonable(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item, digits) for item in value]
    if isinstance(value, float):
        return value if isfinite(value) else "nan" if isnan(value) else "inf" if value > 0 else "-inf"
    if value is None or isinstance(value, (str, int, bool)):
        return value
    if hasattr(value, "tolist"):
        return jsonable(value.tolist(), digits)
    return number_text(value, digits)


def print_json(value: Any, digits: int | None = None, *, stream: TextIO | None = None) -> None:
    """One JSON document on standard output, or on another stream.

    Its texts are escaped where they hold what a terminal would obey, or what the stream's encoding lacks.
    """
    import json

    from cgcli.cli.streams import can_write

    ready = jsonable(value, digits)
    text = json.dumps(ready, ensure_ascii=False)
    if not text.isprintable() or not can_write(text, stream or sys.stdout):
        text = json.dumps(ready)
    print(text, file=stream)


def write_json(path: str, value: Any) -> None:
    """One JSON document as a file, whole or not at all. DataError where it cannot be written."""
    import json

    from cgcli.files import write_file

    write_file(path, f"{json.dumps(jsonable(value), ensure_ascii=False)}\n".encode())


def print_values(values: Mapping[str, Any], digits: int | None = None) -> None:
    """The bare result, or one `name = value` a line where there are several."""
    if len(values) == 1:
        print(number_text(next(iter(values.values())), digits))
        return
    for name, value in values.items():
        print(f"{name} = {number_text(value, digits)}")


def during(what: str, nodes: int) -> AbstractContextManager[object]:
    """A context in which a terminal tells what is being done, where there is so much of it that it takes a while."""
    if nodes < MANY_NODES:
        return nullcontext()
    from cgcli.render.progress import Note

    return Note(f"{what} {nodes:,} nodes")


def warn(message: str, *, hint: str | None = None, source: Source | None = None, span: Span | None = None) -> None:
    """A warning on standard error, with the place in the text where it has one."""
    from cgcli.render.errors import render_warning
    from cgcli.render.style import wants_colour

    colour = wants_colour(sys.stderr)
    print(render_warning(message, source=source, span=span, hint=hint, colour=colour), file=sys.stderr)


def tell_warnings(digits: int | None, engine: str) -> None:
    """From here on show the warnings of a calculation in many digits as this program shows its own."""
    if digits is None and engine != "precise":
        return
    import warnings

    from cgcli.errors import PrecisionWarning

    warnings.simplefilter("always", PrecisionWarning)
    show_warnings()


def show_warnings() -> None:
    """From here on show warnings that the library gives as this program shows its own."""
    import warnings

    from cgcli.errors import CgWarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if isinstance(message, CgWarning):
            warn(message.message, hint=message.hint, source=message.source, span=message.span)
        else:
            usual(message, category, *place, **more)

    usual = warnings.showwarning
    warnings.showwarning = show


def report_left_out(bound: Bound, wrt: Sequence[str] | None, of: str | None) -> Bound:
    """Say on standard error which inputs the derivatives by all inputs leave out; returns what it was given."""
    if wrt is None and bound.program.decisions:
        from cgcli.formulas.derivatives import left_out

        for name, why in left_out(bound.program, of).items():
            place = bound.graph.spans.get(why.user)
            warn(f"`{name}` is left out of the derivatives: {why.reason}", source=bound.source, span=place)
    return bound


def report_kinks(bound: Bound, hits: Sequence[KinkHit], *, second: bool) -> None:
    """Say on standard error which derivatives could be taken for more than they are. second: they are second ones."""
    if hits:
        from cgcli.formulas.kinks import warnings_of

        for warning in warnings_of(hits, second=second):
            warn(warning.message, hint=warning.hint, source=bound.source, span=warning.span)


class Births:
    """Where nan and infinity of a command's results were born: warnings behind the results, or an error before them."""

    def __init__(self, *, strict: bool, line: Callable[[], str] | None = None) -> None:
        """line: how the warnings end, where `cg why` tells more (`quoting.why_line`)."""
        self.strict = strict
        self.line = line
        self.found: list[Birth] = []

    def __call__(self, births: Sequence[Birth]) -> None:
        """Take what a calculation tells. CalculationError with --strict."""
        if births and self.strict:
            first = births[0]
            raise CalculationError(first.message, span=first.span, source=first.source, hint=first.hint)
        self.found.extend(births)

    def watch(self, bound: Bound) -> Bound:
        """Hear of the calculations of a bound formula, which is returned."""
        bound.on_births = self
        return bound

    def tell(self) -> None:
        """Say on standard error what was heard, and once what was heard twice."""
        told = list({(each.message, each.span): each for each in self.found}.values())
        for birth in told:
            warn(birth.message, source=birth.source, span=birth.span, hint=birth.hint)
        if self.line and any(not birth.given for birth in told):
            print(self.line(), file=sys.stderr)


def why_line(
    formula: str, bindings: Sequence[str] | None, *, of: str | None = None, wrt: str | None = None,
    table: Sequence[str] | None = (),
) -> str:  # fmt: skip
    """See `quoting.why_line`, which is loaded where there is something to tell."""
    from cgcli.cli.quoting import why_line as line

    return line(formula, bindings, of=of, wrt=wrt, table=table)


def print_gradients(
    values: dict[str, Any], gradients: dict[str, dict[str, Any]], digits: int | None
) -> None:  # fmt: skip
    """`name = value`, then `d name/d x = …` for each variable."""
    for name, value in values.items():
        print(f"{name} = {number_text(value, digits)}")
        for variable, slope in gradients[name].items():
            print(f"{rate_name(name, variable)} = {number_text(slope, digits)}")


def rate_name(output: str, variable: str) -> str:
    """`d/dx` of a formula without a name, `dloss/dx` of one with a name."""
    return f"d{'' if output == 'result' else output}/d{variable}"
