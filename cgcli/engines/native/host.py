"""What this machine offers to generated code: the width of its vectors, and where its mathematical functions are.

Where the processor has a fused multiply-add, the commonest functions of doubles are written out (`elementary`). For
the others, x86-64 with glibc has libmvec: vector versions of C's functions under the names of the x86 vector function
ABI, such as `_ZGVeN8v_exp` for eight doubles. Their worst errors are up to 4 ulp (glibc manual, "Errors in Math
Functions"). Elsewhere, and for what libmvec lacks, every lane calls the scalar function of the C library.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import sys

from llvmlite import binding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RUNTIME = ("ceil", "floor", "fma", "fmod", "nearbyint", "rint", "trunc")
"""Functions that LLVM itself calls where the processor has no instruction."""

ARM = ("aarch64", "arm64")
"""Processors of which every one has a fused multiply-add."""


class Real:
    """A floating-point type: its LLVM name, bits, the ending of C's function names, and NumPy's name."""

    __slots__ = ("bits", "dtype", "name", "suffix")

    def __init__(self, name: str, bits: int, suffix: str, dtype: str) -> None:
        self.name = name
        self.bits = bits
        self.suffix = suffix
        self.dtype = dtype


DOUBLE = Real("double", 64, "", "float64")
SINGLE = Real("float", 32, "f", "float32")


class Host:
    """A processor with its libraries.

    cpu, features: for LLVM. fused: whether there is a fused multiply-add. bits: width of a vector register. isa: the
    letter of that width in the vector function ABI. vector_math, scalar_math: the libraries, None where there is none.
    """

    __slots__ = ("bits", "cpu", "features", "fused", "isa", "scalar_math", "vector_math")

    def __init__(self, cpu: str, features: Mapping[str, bool], vector_math: ctypes.CDLL | None) -> None:
        self.cpu = cpu
        self.features = ",".join(f"{'+' if on else '-'}{name}" for name, on in sorted(features.items()))
        self.bits, self.isa = _width(features)
        self.fused = features.get("fma", False) or _processor() in ARM
        self.vector_math = vector_math
        self.scalar_math = _scalar_library()
        for name in RUNTIME:
            self.scalar_symbol(name, DOUBLE)
            self.scalar_symbol(name, SINGLE)

    def lanes(self, real: Real) -> int:
        """How many numbers of a type one vector holds."""
        return self.bits // real.bits

    def vector_symbol(self, name: str, arity: int, real: Real) -> str | None:
        """The name of the vector version of a C function, ready to be linked; None where lanes go one by one."""
        if self.vector_math is None:
            return None
        return _linked(self.vector_math, f"_ZGV{self.isa}N{self.lanes(real)}{'v' * arity}_{name}{real.suffix}")

    def scalar_symbol(self, name: str, real: Real) -> str | None:
        """The name of the scalar C function, ready to be linked; None where the C library has none."""
        return _linked(self.scalar_math, name + real.suffix)

    def describe(self) -> str:
        """The processor, the vectors and the library, in words."""
        library = "libmvec" if self.vector_math is not None else "libm, lane by lane"
        functions = f"functions of its own, {library}" if self.fused else library
        return f"{self.cpu}, vectors of {self.lanes(DOUBLE)} doubles, {functions}"


def detect() -> Host:
    """This machine."""
    features = dict(binding.get_host_cpu_features())
    return Host(binding.get_host_cpu_name(), features, _vector_library())


def _processor() -> str:
    return platform.machine().lower()


def _width(features: Mapping[str, bool]) -> tuple[int, str]:
    """Bits of a vector register and the letter of the vector function ABI for it."""
    if features.get("avx512f") and features.get("avx512dq"):
        return 512, "e"
    if features.get("avx2"):
        return 256, "d"
    return 128, "b"


def _vector_library() -> ctypes.CDLL | None:
    if _processor() not in ("x86_64", "amd64"):
        return None
    try:
        return ctypes.CDLL("libmvec.so.1")
    except OSError:
        return None


def _scalar_library() -> ctypes.CDLL:
    if sys.platform == "win32":
        return ctypes.CDLL("ucrtbase")
    return ctypes.CDLL(ctypes.util.find_library("m"))


def _linked(library: ctypes.CDLL, symbol: str) -> str | None:
    """Make a library's function known to the linker of generated code. None where the library lacks it."""
    try:
        function = getattr(library, symbol)
    except AttributeError:
        return None
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    binding.add_symbol(symbol, address)
    return symbol
