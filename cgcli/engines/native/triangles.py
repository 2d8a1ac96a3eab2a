"""The R factor of a tall matrix in machine code, its rows taken in one block after the other.

Each block is reflected into the triangle of those before it, column by column, while it is in the nearest cache: a
Householder reflection of a column is of one entry of the triangle and all entries of the block (G. Golub & C. Van
Loan, Matrix Computations, 4th ed., §5.1 and §6.5.3). BLAS would take a pass over memory for each pair of columns, or
threads that wait for each other. Norms are not scaled: whoever calls looks for what may have overflowed or vanished.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.native.host import DOUBLE, detect

if TYPE_CHECKING:
    from typing import Any

    from cgcli.engines.native.compile import MachineCode
    from cgcli.engines.native.host import Host

UNROLLED = 4
"""Vectors that a loop takes at once: as many sums as hide the time of an addition."""

CACHE = 3072
"""Numbers of a block (24 KB of a first cache)."""


FEWEST = 4
"""Steps of a block at least: each block goes through the whole triangle."""


@cache
def step_of() -> int:
    """Rows are taken by so many: lines have room for a multiple of that."""
    return UNROLLED * detect().lanes(DOUBLE)


def triangle(lines: Any, rows: int) -> Any:
    """The R factor (k, k) of a matrix (rows, k) whose columns are the beginnings of k contiguous lines.

    lines: (k, some multiple of `step_of()`, at least rows) doubles in C order; what stands there is overwritten.
    """
    width, stride = lines.shape
    step = step_of()
    filled = -(-rows // step) * step
    lines[:, rows:filled] = 0.0
    height = max(CACHE // width // step, FEWEST) * step
    sizes = np.array([stride, height], dtype=np.int64)
    found = np.zeros((width, width))
    _kernel().call(lines.ctypes.data, found.ctypes.data, sizes.ctypes.data, None, filled, width)
    return found


@cache
def _kernel() -> MachineCode:
    from cgcli.engines.native.compile import Machine

    host = detect()
    return Machine(host).load(text_of(host))


def text_of(host: Host) -> str:
    """The kernel in LLVM's language: kernel(lines, triangle, [stride, height], -, rows, width)."""
    lanes = host.lanes(DOUBLE)
    vector, name = f"<{lanes} x double>", f"v{lanes}f64"
    return "\n".join([
        f"declare {vector} @llvm.fmuladd.{name}({vector}, {vector}, {vector})",
        f"declare double @llvm.vector.reduce.fadd.{name}(double, {vector})",
        "declare double @llvm.sqrt.f64(double)",
        "declare double @llvm.copysign.f64(double, double)",
        *_dot(lanes, vector, name),
        *_less(lanes, vector, name),
        KERNEL,
    ])  # fmt: skip


def _dot(lanes: int, vector: str, name: str) -> list[str]:
    """The sum of products of two lines, a multiple of `step_of` long."""
    text = [
        "define internal double @dot(ptr %a, ptr %b, i64 %rows) {", "entry:", "br label %loop", "loop:",
        "%row = phi i64 [0, %entry], [%next, %loop]",
    ]  # fmt: skip
    text += [f"%sum{k} = phi {vector} [zeroinitializer, %entry], [%new{k}, %loop]" for k in range(UNROLLED)]
    for k in range(UNROLLED):
        text += [
            *_loaded("x", "%a", k, lanes, vector), *_loaded("y", "%b", k, lanes, vector),
            f"%new{k} = call {vector} @llvm.fmuladd.{name}({vector} %x{k}, {vector} %y{k}, {vector} %sum{k})",
        ]  # fmt: skip
    return [
        *text, f"%next = add i64 %row, {UNROLLED * lanes}", "%more = icmp slt i64 %next, %rows",
        "br i1 %more, label %loop, label %done", "done:",
        f"%left = fadd {vector} %new0, %new1", f"%right = fadd {vector} %new2, %new3",
        f"%all = fadd {vector} %left, %right",
        f"%sum = call double @llvm.vector.reduce.fadd.{name}(double 0.0, {vector} %all)", "ret double %sum", "}",
    ]  # fmt: skip


def _less(lanes: int, vector: str, name: str) -> list[str]:
    """A line less so many times another one."""
    text = [
        "define internal void @less(ptr %b, ptr %a, double %times, i64 %rows) {", "entry:",
        "%negative = fneg double %times",
        f"%one = insertelement {vector} poison, double %negative, i32 0",
        f"%factor = shufflevector {vector} %one, {vector} poison, <{lanes} x i32> zeroinitializer",
        "br label %loop", "loop:", "%row = phi i64 [0, %entry], [%next, %loop]",
    ]  # fmt: skip
    for k in range(UNROLLED):
        text += [
            *_loaded("x", "%a", k, lanes, vector), *_loaded("y", "%b", k, lanes, vector),
            f"%new{k} = call {vector} @llvm.fmuladd.{name}({vector} %x{k}, {vector} %factor, {vector} %y{k})",
            f"store {vector} %new{k}, ptr %y{k}_at, align 8",
        ]  # fmt: skip
    return [
        *text, f"%next = add i64 %row, {UNROLLED * lanes}", "%more = icmp slt i64 %next, %rows",
        "br i1 %more, label %loop, label %done", "done:", "ret void", "}",
    ]  # fmt: skip


def _loaded(name: str, line: str, k: int, lanes: int, vector: str) -> list[str]:
    return [
        f"%{name}{k}_row = add i64 %row, {k * lanes}",
        f"%{name}{k}_at = getelementptr double, ptr {line}, i64 %{name}{k}_row",
        f"%{name}{k} = load {vector}, ptr %{name}{k}_at, align 8",
    ]


KERNEL = """
define void @kernel(ptr %lines, ptr %triangle, ptr %sizes, ptr %spare, i64 %rows, i64 %width) {
entry:
  %stride = load i64, ptr %sizes, align 8
  %height_at = getelementptr i64, ptr %sizes, i64 1
  %height = load i64, ptr %height_at, align 8
  br label %block
block:
  %first = phi i64 [0, %entry], [%end, %block_done]
  %full = add i64 %first, %height
  %over = icmp sgt i64 %full, %rows
  %end = select i1 %over, i64 %rows, i64 %full
  %count = sub i64 %end, %first
  br label %column
column:
  %j = phi i64 [0, %block], [%j_next, %column_done]
  %j_begin = mul i64 %j, %stride
  %j_first = add i64 %j_begin, %first
  %b = getelementptr double, ptr %lines, i64 %j_first
  %square = call double @dot(ptr %b, ptr %b, i64 %count)
  %nothing = fcmp oeq double %square, 0.0
  br i1 %nothing, label %column_done, label %reflect
reflect:
  %r_row = mul i64 %j, %width
  %r_place = add i64 %r_row, %j
  %r_at = getelementptr double, ptr %triangle, i64 %r_place
  %r = load double, ptr %r_at, align 8
  %r_square = fmul double %r, %r
  %norm_square = fadd double %r_square, %square
  %norm = call double @llvm.sqrt.f64(double %norm_square)
  %signed = call double @llvm.copysign.f64(double %norm, double %r)
  %head = fadd double %r, %signed
  %new_r = fneg double %signed
  store double %new_r, ptr %r_at, align 8
  %head_square = fmul double %head, %head
  %length_square = fadd double %head_square, %square
  %tau = fdiv double 2.0, %length_square
  %l_begin = add i64 %j, 1
  %any = icmp slt i64 %l_begin, %width
  br i1 %any, label %other, label %column_done
other:
  %l = phi i64 [%l_begin, %reflect], [%l_next, %other]
  %l_start = mul i64 %l, %stride
  %l_first = add i64 %l_start, %first
  %c = getelementptr double, ptr %lines, i64 %l_first
  %t_place = add i64 %r_row, %l
  %t_at = getelementptr double, ptr %triangle, i64 %t_place
  %t = load double, ptr %t_at, align 8
  %product = call double @dot(ptr %b, ptr %c, i64 %count)
  %head_product = fmul double %head, %t
  %along = fadd double %head_product, %product
  %times = fmul double %tau, %along
  %change = fmul double %times, %head
  %new_t = fsub double %t, %change
  store double %new_t, ptr %t_at, align 8
  call void @less(ptr %c, ptr %b, double %times, i64 %count)
  %l_next = add i64 %l, 1
  %l_more = icmp slt i64 %l_next, %width
  br i1 %l_more, label %other, label %column_done
column_done:
  %j_next = add i64 %j, 1
  %j_more = icmp slt i64 %j_next, %width
  br i1 %j_more, label %column, label %block_done
block_done:
  %more = icmp slt i64 %end, %rows
  br i1 %more, label %block, label %done
done:
  ret void
}
"""
"""One reflection for each column of each block; `head` is the reflection's entry in the triangle."""
