"""Straight-line vector code: what a row's native spelling is written with.

A spelling is a text (an LLVM instruction such as `fadd`, an intrinsic such as `llvm.sqrt`, or the name of a C
function such as `exp`), or a function of (lanes, operands..., *attributes) that combines `Value`s with Python's
operators and the methods of `Lanes`. A comparison of values is a `Mask`, which `lanes.where` and `lanes.number` take.

Every instruction is written once: what depends on no row goes to the entry of the function, the rest into the loop.
"""

from __future__ import annotations

import struct

from cgcli.engines.native.host import DOUBLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.engines.native.host import Host, Real

    Spelling = str | Callable[..., "Value"]

INSTRUCTIONS = frozenset(("fadd", "fdiv", "fmul", "fneg", "frem", "fsub"))
"""LLVM's instructions on floating-point numbers."""


class Value:
    """A vector of numbers: its text in LLVM's language, whether it is the same for all rows, and its constant."""

    __slots__ = ("constant", "lanes", "text", "uniform")

    def __init__(self, lanes: Lanes, text: str, uniform: bool, constant: float | None = None) -> None:
        self.lanes = lanes
        self.text = text
        self.uniform = uniform
        self.constant = constant

    def __add__(self, other: Value | float) -> Value:
        return self.lanes.arithmetic("fadd", self, other)

    def __sub__(self, other: Value | float) -> Value:
        return self.lanes.arithmetic("fsub", self, other)

    def __rsub__(self, other: float) -> Value:
        return self.lanes.arithmetic("fsub", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return self.lanes.arithmetic("fmul", self, other)

    def __rmul__(self, other: float) -> Value:
        return self.lanes.arithmetic("fmul", other, self)

    def __truediv__(self, other: Value | float) -> Value:
        return self.lanes.arithmetic("fdiv", self, other)

    def __rtruediv__(self, other: float) -> Value:
        return self.lanes.arithmetic("fdiv", other, self)

    def __neg__(self) -> Value:
        return self.lanes.arithmetic("fneg", self)

    def __lt__(self, other: Value | float) -> Mask:
        return self.lanes.compare("olt", self, other)

    def __le__(self, other: Value | float) -> Mask:
        return self.lanes.compare("ole", self, other)

    def __gt__(self, other: Value | float) -> Mask:
        return self.lanes.compare("ogt", self, other)

    def __ge__(self, other: Value | float) -> Mask:
        return self.lanes.compare("oge", self, other)

    def __eq__(self, other: Value | float) -> Mask:  # type: ignore[override]
        return self.lanes.compare("oeq", self, other)

    def __ne__(self, other: Value | float) -> Mask:  # type: ignore[override]
        return self.lanes.compare("une", self, other)

    __hash__ = None  # type: ignore[assignment]


class Mask:
    """A vector of truths."""

    __slots__ = ("lanes", "text", "uniform")

    def __init__(self, lanes: Lanes, text: str, uniform: bool) -> None:
        self.lanes = lanes
        self.text = text
        self.uniform = uniform

    def __and__(self, other: Mask) -> Mask:
        return self.lanes.combine("and", self, other)

    def __or__(self, other: Mask) -> Mask:
        return self.lanes.combine("or", self, other)

    def __xor__(self, other: Mask) -> Mask:
        return self.lanes.combine("xor", self, other)

    def __invert__(self) -> Mask:
        return self.lanes.combine("xor", self, self.lanes.always)


class Lanes:
    """Writes the instructions of one function.

    entry, loop: the instructions so far, before the loop over rows and in it. helpers: the declarations and
    functions that they need, by name; it may be shared by the functions of a module. count: numbers in a vector, by
    default as many as a register of the host holds. prefix: of the names of results, which are unique in a function.
    """

    def __init__(
        self, host: Host, real: Real, helpers: dict[str, str], *, count: int | None = None, prefix: str = "v"
    ) -> None:
        self.host = host
        self.real = real
        self.count = count or host.lanes(real)
        self.vector = f"<{self.count} x {real.name}>"
        self.truths = f"<{self.count} x i1>"
        self.entry: list[str] = []
        self.loop: list[str] = []
        self.helpers = helpers
        self.prefix = prefix
        self.always = Mask(self, self._repeated("i1", "true"), True)
        self._written: dict[str, str] = {}
        self._masks: dict[str, Mask] = {}

    # ---- numbers -----------------------------------------------------------------------------------------------

    def constant(self, value: float) -> Value:
        """A number in every lane."""
        return Value(self, self._repeated(self.real.name, literal(value, self.real)), True, value)

    def arithmetic(self, instruction: str, *operands: Value | float) -> Value:
        """One of LLVM's floating-point instructions."""
        values = self._values(operands)
        return self._number(f"{instruction} {self.vector} {', '.join(value.text for value in values)}", values)

    def intrinsic(self, name: str, *operands: Value | float) -> Value:
        """One of LLVM's intrinsic functions, such as `llvm.fabs`."""
        return self._called(f"{name}.v{self.count}f{self.real.bits}", self._values(operands))

    def call(self, name: str, *operands: Value | float) -> Value:
        """A function of C's mathematical library by its name. LookupError where this machine has none."""
        symbol = None
        if self.count == self.host.lanes(self.real):
            symbol = self.host.vector_symbol(name, len(operands), self.real)
        symbol = symbol or self._lane_by_lane(name, len(operands))
        return self._called(symbol, self._values(operands))

    def fused(self, x: Value | float, y: Value | float, z: Value | float) -> Value:
        """x*y + z, rounded once."""
        return self.intrinsic("llvm.fma", x, y, z)

    def magnitude(self, x: Value) -> Value:
        """The numbers without their signs."""
        return self.intrinsic("llvm.fabs", x)

    def signed(self, x: Value | float, sign: Value) -> Value:
        """x with the signs of another value."""
        return self.intrinsic("llvm.copysign", x, sign)

    # ---- truths ------------------------------------------------------------------------------------------------

    def compare(self, predicate: str, x: Value, y: Value | float) -> Mask:
        """One of LLVM's comparisons; `o…` is false and `u…` true where an operand is nan."""
        values = self._values((x, y))
        return self._mask(f"fcmp {predicate} {self.vector} {values[0].text}, {values[1].text}", values)

    def combine(self, instruction: str, x: Mask, y: Mask) -> Mask:
        """`and`, `or` or `xor` of two masks."""
        return self._mask(f"{instruction} {self.truths} {x.text}, {y.text}", (x, y))

    def undefined(self, x: Value) -> Mask:
        """Where a value is nan."""
        return self.compare("uno", x, x)

    def truth(self, x: Value) -> Mask:
        """Where a value is not 0 (nan counts as true)."""
        return self._masks.get(x.text) or x != 0.0

    def number(self, mask: Mask) -> Value:
        """1 where true, 0 where false."""
        value = self.where(mask, 1.0, 0.0)
        self._masks[value.text] = mask
        return value

    def where(self, mask: Mask, x: Value | float, y: Value | float) -> Value:
        """x where true, y where false."""
        first, second = self._values((x, y))
        text = f"select {self.truths} {mask.text}, {self.vector} {first.text}, {self.vector} {second.text}"
        return self._number(text, (mask, first, second))

    # ---- writing -----------------------------------------------------------------------------------------------

    def write(self, instruction: str, uniform: bool) -> str:
        """Put an instruction where it belongs, unless it stands there already; the name of its result."""
        name = self._written.get(instruction)
        if name is None:
            name = self._written[instruction] = f"%{self.prefix}{len(self._written)}"
            (self.entry if uniform else self.loop).append(f"{name} = {instruction}")
        return name

    def spelled(self, spelling: Spelling, operands: Sequence[Value], attributes: tuple[Any, ...]) -> Value:
        """The value of a row's native spelling on operands."""
        if not isinstance(spelling, str):
            return spelling(self, *operands, *attributes)
        if spelling in INSTRUCTIONS:
            return self.arithmetic(spelling, *operands)
        if spelling.startswith("llvm."):
            return self.intrinsic(spelling, *operands)
        return self.call(spelling, *operands)

    def _repeated(self, kind: str, text: str) -> str:
        return f"<{', '.join([f'{kind} {text}'] * self.count)}>"

    def _values(self, operands: Sequence[Value | float]) -> list[Value]:
        return [operand if isinstance(operand, Value) else self.constant(operand) for operand in operands]

    def _number(self, instruction: str, operands: Sequence[Value | Mask]) -> Value:
        uniform = all(operand.uniform for operand in operands)
        return Value(self, self.write(instruction, uniform), uniform)

    def _mask(self, instruction: str, operands: Sequence[Value | Mask]) -> Mask:
        uniform = all(operand.uniform for operand in operands)
        return Mask(self, self.write(instruction, uniform), uniform)

    def _called(self, symbol: str, operands: Sequence[Value]) -> Value:
        kinds = ", ".join([self.vector] * len(operands))
        self.helpers.setdefault(symbol, f"declare {self.vector} @{symbol}({kinds})")
        given = ", ".join(f"{self.vector} {operand.text}" for operand in operands)
        return self._number(f"call {self.vector} @{symbol}({given})", operands)

    def _lane_by_lane(self, name: str, arity: int) -> str:
        """A function of this module that calls the scalar function for each lane."""
        scalar = self.host.scalar_symbol(name, self.real)
        if scalar is None:
            raise LookupError(f"the C library has no function `{name}`")
        helper = f"lanes{self.count}_{scalar}"
        if helper not in self.helpers:
            kinds = ", ".join([self.real.name] * arity)
            self.helpers[scalar] = f"declare {self.real.name} @{scalar}({kinds})"
            self.helpers[helper] = self._lane_loop(helper, scalar, arity)
        return helper

    def _lane_loop(self, helper: str, scalar: str, arity: int) -> str:
        lines: list[str] = []
        result = "zeroinitializer"
        for lane in range(self.count):
            lines.extend(
                f"%x{lane}_{operand} = extractelement {self.vector} %p{operand}, i32 {lane}" for operand in range(arity)
            )
            given = ", ".join(f"{self.real.name} %x{lane}_{operand}" for operand in range(arity))
            lines.append(f"%y{lane} = call {self.real.name} @{scalar}({given})")
            lines.append(f"%r{lane} = insertelement {self.vector} {result}, {self.real.name} %y{lane}, i32 {lane}")
            result = f"%r{lane}"
        parameters = ", ".join(f"{self.vector} %p{operand}" for operand in range(arity))
        lines.append(f"ret {self.vector} {result}")
        return "\n".join([f"define internal {self.vector} @{helper}({parameters}) {{", *lines, "}"])


def literal(value: float, real: Real) -> str:
    """A number as LLVM reads it without rounding: the bits of a double."""
    if real is not DOUBLE:
        value = struct.unpack("f", struct.pack("f", value))[0] if abs(value) < 3.4e38 else _saturated(value)
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def _saturated(value: float) -> float:
    """A double near or beyond the largest single, rounded to a single; nan and infinities stay."""
    import numpy as np

    with np.errstate(over="ignore"):
        return float(np.float32(value))
