"""Straight-line vector code: what a row's native spelling is written with.

A spelling is a text (an LLVM instruction such as `fadd`, an intrinsic such as `llvm.sqrt`, or the name of a C
function such as `exp`), or a function of (lanes, operands..., *attributes) that combines `Value`s with Python's
operators and the methods of `Lanes`. A comparison of values is a `Mask`, which `lanes.where` and `lanes.number` take.

Every instruction is written once: what depends on no row goes to the entry of the function, the rest into the loop.
`Lanes.unless` branches around instructions that few vectors need; they stand in a block of their own.
"""

from __future__ import annotations

import math
import struct

from cgcli.engines.native import elementary
from cgcli.engines.native.host import DOUBLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.engines.native.host import Host, Real

    Spelling = str | Callable[..., "Value"]

INSTRUCTIONS = frozenset(("fadd", "fdiv", "fmul", "fneg", "frem", "fsub"))
"""LLVM's instructions on floating-point numbers."""

LONG = 1500
"""Instructions of a function from which on it gets no longer by functions that are written out."""

RARELY = "!0"
"""The metadata that says that a branch is hardly ever taken."""


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
        return self.lanes.negated(self)

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


class Bits:
    """A vector of integers as wide as the numbers: their bits."""

    __slots__ = ("lanes", "text", "uniform")

    def __init__(self, lanes: Lanes, text: str, uniform: bool) -> None:
        self.lanes = lanes
        self.text = text
        self.uniform = uniform

    def __add__(self, other: Bits | int) -> Bits:
        return self.lanes.on_bits("add", self, other)

    def __sub__(self, other: Bits | int) -> Bits:
        return self.lanes.on_bits("sub", self, other)

    def __and__(self, other: Bits | int) -> Bits:
        return self.lanes.on_bits("and", self, other)

    def __or__(self, other: Bits | int) -> Bits:
        return self.lanes.on_bits("or", self, other)

    def __xor__(self, other: Bits | int) -> Bits:
        return self.lanes.on_bits("xor", self, other)

    def __lshift__(self, other: int) -> Bits:
        return self.lanes.on_bits("shl", self, other)

    def __rshift__(self, other: int) -> Bits:
        """Shifts in zeros."""
        return self.lanes.on_bits("lshr", self, other)


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
        self._negated: dict[str, Value] = {}
        self._names = 0
        self._masks: dict[str, Mask] = {}

    # ---- numbers -----------------------------------------------------------------------------------------------

    def constant(self, value: float) -> Value:
        """A number in every lane."""
        return Value(self, self._repeated(self.real.name, literal(value, self.real)), True, value)

    def arithmetic(self, instruction: str, *operands: Value | float) -> Value:
        """One of LLVM's floating-point instructions; dividing by a power of two is multiplying, to the last bit."""
        values = self._values(operands)
        if instruction == "fneg":
            return self.negated(values[0])
        divisor = values[-1].constant
        if instruction == "fdiv" and divisor is not None and is_power_of_two(divisor):
            instruction, values = "fmul", [values[0], self.constant(1.0 / divisor)]
        return self._number(f"{instruction} {self.vector} {', '.join(value.text for value in values)}", values)

    def negated(self, x: Value) -> Value:
        """The numbers with the other sign."""
        value = self._number(f"fneg {self.vector} {x.text}", (x,))
        self._negated[value.text] = x
        return value

    def intrinsic(self, name: str, *operands: Value | float) -> Value:
        """One of LLVM's intrinsic functions, such as `llvm.fabs`."""
        return self._called(f"{name}.v{self.count}f{self.real.bits}", self._values(operands))

    def call(self, name: str, *operands: Value | float) -> Value:
        """A function of C's mathematical library by its name. LookupError where this machine has none."""
        inlined = self.inlined(name, *operands)
        if inlined is not None:
            return inlined
        symbol = None
        if self.count == self.host.lanes(self.real):
            symbol = self.host.vector_symbol(name, len(operands), self.real)
        symbol = symbol or self._lane_by_lane(name, len(operands))
        return self._called(symbol, self._values(operands))

    def inlined(self, name: str, *operands: Value | float) -> Value | None:
        """One of the functions of `elementary`, written out here; None where the host does not do that.

        In a long function it becomes a call, since the time to compile grows faster than the length, and where it is
        the same for all rows.
        """
        if not elementary.inlines(self.host, name, self.real):
            return None
        values = self._values(operands)
        if len(self.loop) < LONG and not all(value.uniform for value in values):
            return elementary.FUNCTIONS[name](self, *values)
        return self._called(self._apart(name, len(values)), values)

    def one_by_one(self, name: str, *operands: Value) -> Value:
        """A function of the C library, called for each lane. LookupError where this machine has none."""
        return self._called(self._lane_by_lane(name, len(operands)), operands)

    def fused(self, x: Value | float, y: Value | float, z: Value | float) -> Value:
        """x*y + z, rounded once."""
        return self.intrinsic("llvm.fma", x, y, z)

    def magnitude(self, x: Value) -> Value:
        """The numbers without their signs; those of -x are those of x."""
        return self.intrinsic("llvm.fabs", self._negated.get(x.text, x))

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

    # ---- bits --------------------------------------------------------------------------------------------------

    @property
    def integers(self) -> str:
        """The type of a vector of bits."""
        return f"<{self.count} x i{self.real.bits}>"

    def bits(self, x: Value) -> Bits:
        """The bits of numbers."""
        return Bits(self, self.write(f"bitcast {self.vector} {x.text} to {self.integers}", x.uniform), x.uniform)

    def from_bits(self, x: Bits) -> Value:
        """The numbers that have these bits."""
        return Value(self, self.write(f"bitcast {self.integers} {x.text} to {self.vector}", x.uniform), x.uniform)

    def on_bits(self, instruction: str, x: Bits, y: Bits | int) -> Bits:
        """One of LLVM's instructions on integers."""
        other = y if isinstance(y, Bits) else Bits(self, self._repeated(f"i{self.real.bits}", str(y)), True)
        uniform = x.uniform and other.uniform
        return Bits(self, self.write(f"{instruction} {self.integers} {x.text}, {other.text}", uniform), uniform)

    def has_bits(self, x: Bits, some: int) -> Mask:
        """Where one of some bits is set."""
        chosen = x & some
        zero = self._repeated(f"i{self.real.bits}", "0")
        text = self.write(f"icmp ne {self.integers} {chosen.text}, {zero}", x.uniform)
        return Mask(self, text, x.uniform)

    # ---- what few vectors need ---------------------------------------------------------------------------------

    def unless(self, rare: Mask, usual: Value, otherwise: Callable[[], Value]) -> Value:
        """`usual`, but where `rare` is true what `otherwise` writes; its instructions are jumped over as a rule.

        Each lane gets what it would get alone, whatever its neighbours are.
        """
        uniform = rare.uniform and usual.uniform and self._is_uniform(otherwise)
        code = self.entry if uniform else self.loop
        packed = self.write(f"bitcast {self.truths} {rare.text} to i{self.count}", rare.uniform)
        some = self.write(f"icmp ne i{self.count} {packed}, 0", rare.uniform)
        here, apart, behind = (self._new_name() for _ in range(3))
        self.helpers.setdefault(RARELY, f'{RARELY} = !{{!"branch_weights", i32 1, i32 2000}}')
        code += [f"br label {here}", f"{here[1:]}:"]
        code += [f"br i1 {some}, label {apart}, label {behind}, !prof {RARELY}", f"{apart[1:]}:"]
        known = self._written.copy()
        found = self.where(rare, otherwise(), usual)
        self._written = known  # the block does not come before what follows
        last = next(line for line in reversed(code) if line.endswith(":"))
        code += [f"br label {behind}", f"{behind[1:]}:"]
        text = self.write(f"phi {self.vector} [{usual.text}, {here}], [{found.text}, %{last[:-1]}]", uniform)
        return Value(self, text, uniform)

    def _is_uniform(self, write: Callable[[], Value]) -> bool:
        """Whether what a function writes is the same for all rows; nothing of it stays."""
        entry, loop, known = len(self.entry), len(self.loop), self._written.copy()
        uniform = write().uniform
        del self.entry[entry:], self.loop[loop:]
        self._written = known
        return uniform

    # ---- writing -----------------------------------------------------------------------------------------------

    def write(self, instruction: str, uniform: bool) -> str:
        """Put an instruction where it belongs, unless it stands there already; the name of its result."""
        name = self._written.get(instruction)
        if name is None:
            name = self._written[instruction] = self._new_name()
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

    def _new_name(self) -> str:
        self._names += 1
        return f"%{self.prefix}{self._names}"

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

    def _apart(self, name: str, arity: int) -> str:
        """A function of this module that is one of `elementary`."""
        helper = f"own{self.count}_{name}"
        if helper not in self.helpers:
            lanes = Lanes(self.host, self.real, self.helpers, count=self.count)
            found = elementary.FUNCTIONS[name](lanes, *[Value(lanes, f"%p{place}", False) for place in range(arity)])
            parameters = ", ".join(f"{self.vector} %p{place}" for place in range(arity))
            self.helpers[helper] = "\n".join([
                f"define internal {self.vector} @{helper}({parameters}) {{",
                *lanes.entry, *lanes.loop, f"ret {self.vector} {found.text}", "}",
            ])  # fmt: skip
        return helper

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


def is_power_of_two(value: float) -> bool:
    """Whether a number has an exact reciprocal, in single precision, too."""
    return abs(math.frexp(value)[0]) == 0.5 and 2.0**-100 <= abs(value) <= 2.0**100


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
