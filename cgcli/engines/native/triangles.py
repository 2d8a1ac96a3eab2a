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
    sizes, spare = np.array([stride, height], dtype=np.int64), np.empty(2)
    found = np.zeros((width, width))
    _kernel().call(lines.ctypes.data, found.ctypes.data, sizes.ctypes.data, spare.ctypes.data, filled, width)
    return found


@cache
def _kernel() -> MachineCode:
    from cgcli.engines.native.compile import Machine

    host = detect()
    return Machine(host).load(text_of(host))


def text_of(host: Host) -> str:
    """The kernel in LLVM's language: kernel(lines, triangle, [stride, height], two numbers, rows, width)."""
    lanes = host.lanes(DOUBLE)
    vector, name = f"<{lanes} x double>", f"v{lanes}f64"
    return "\n".join([
        f"declare {vector} @llvm.fmuladd.{name}({vector}, {vector}, {vector})",
        f"declare double @llvm.vector.reduce.fadd.{name}(double, {vector})",
        "declare double @llvm.sqrt.f64(double)",
        "declare double @llvm.copysign.f64(double, double)",
        *(line for others in (1, 2) for line in _dots(others, lanes, vector, name)),
        *(line for others in (1, 2) for line in _less(others, lanes, vector, name)),
        KERNEL,
    ])  # fmt: skip


def _dots(others: int, lanes: int, vector: str, name: str) -> list[str]:
    """The sums of products of a line and others, each a stride apart, a multiple of `step_of` long; into `sums`."""
    text = [
        f"define internal void @dots{others}(ptr %a, ptr %c0, i64 %stride, i64 %rows, ptr %sums) {{", "entry:",
        *_lines(others), "br label %loop", "loop:", "%row = phi i64 [0, %entry], [%next, %loop]",
    ]  # fmt: skip
    pairs = [(line, k) for line in range(others) for k in range(UNROLLED)]
    text += [f"%s{line}_{k} = phi {vector} [zeroinitializer, %entry], [%n{line}_{k}, %loop]" for line, k in pairs]
    for k in range(UNROLLED):
        text += _loaded("x", "%a", k, lanes, vector)
        for line in range(others):
            text += [
                *_loaded(f"y{line}_", f"%c{line}", k, lanes, vector),
                f"%n{line}_{k} = call {vector} @llvm.fmuladd.{name}({vector} %x{k}, {vector} %y{line}_{k}, "
                f"{vector} %s{line}_{k})",
            ]  # fmt: skip
    text += [*_again(lanes), "done:"]
    for line in range(others):
        text += [
            f"%left{line} = fadd {vector} %n{line}_0, %n{line}_1",
            f"%right{line} = fadd {vector} %n{line}_2, %n{line}_3",
            f"%all{line} = fadd {vector} %left{line}, %right{line}",
            f"%sum{line} = call reassoc double @llvm.vector.reduce.fadd.{name}(double 0.0, {vector} %all{line})",
            f"%at{line} = getelementptr double, ptr %sums, i64 {line}",
            f"store double %sum{line}, ptr %at{line}, align 8",
        ]  # fmt: skip
    return [*text, "ret void", "}"]


def _less(others: int, lanes: int, vector: str, name: str) -> list[str]:
    """Lines, each a stride apart, less `times` another one."""
    text = [
        f"define internal void @less{others}(ptr %a, ptr %c0, i64 %stride, i64 %rows, ptr %times) {{", "entry:",
        *_lines(others),
    ]  # fmt: skip
    for line in range(others):
        text += [
            f"%at{line} = getelementptr double, ptr %times, i64 {line}",
            f"%times{line} = load double, ptr %at{line}, align 8", f"%minus{line} = fneg double %times{line}",
            f"%one{line} = insertelement {vector} poison, double %minus{line}, i32 0",
            f"%factor{line} = shufflevector {vector} %one{line}, {vector} poison, <{lanes} x i32> zeroinitializer",
        ]  # fmt: skip
    text += ["br label %loop", "loop:", "%row = phi i64 [0, %entry], [%next, %loop]"]
    for k in range(UNROLLED):
        text += _loaded("x", "%a", k, lanes, vector)
        for line in range(others):
            text += [
                *_loaded(f"y{line}_", f"%c{line}", k, lanes, vector),
                f"%n{line}_{k} = call {vector} @llvm.fmuladd.{name}({vector} %x{k}, {vector} %factor{line}, "
                f"{vector} %y{line}_{k})",
                f"store {vector} %n{line}_{k}, ptr %y{line}_{k}_at, align 8",
            ]  # fmt: skip
    return [*text, *_again(lanes), "done:", "ret void", "}"]


def _lines(others: int) -> list[str]:
    """The lines after the first one."""
    return [f"%c{line} = getelementptr double, ptr %c{line - 1}, i64 %stride" for line in range(1, others)]


def _again(lanes: int) -> list[str]:
    """The end of a loop over rows."""
    return [
        f"%next = add i64 %row, {UNROLLED * lanes}", "%more = icmp slt i64 %next, %rows",
        "br i1 %more, label %loop, label %done",
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
  %spare1 = getelementptr double, ptr %spare, i64 1
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
  call void @dots1(ptr %b, ptr %b, i64 %stride, i64 %count, ptr %spare)
  %square = load double, ptr %spare, align 8
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
  br label %others
others:
  %l = phi i64 [%l_begin, %reflect], [%l_two, %two], [%l_one, %one]
  %left = sub i64 %width, %l
  %any = icmp sgt i64 %left, 0
  br i1 %any, label %some, label %column_done
some:
  %l_start = mul i64 %l, %stride
  %l_first = add i64 %l_start, %first
  %c = getelementptr double, ptr %lines, i64 %l_first
  %t_place = add i64 %r_row, %l
  %t_at = getelementptr double, ptr %triangle, i64 %t_place
  %t = load double, ptr %t_at, align 8
  %head_product = fmul double %head, %t
  %several = icmp sgt i64 %left, 1
  br i1 %several, label %two, label %one
one:
  call void @dots1(ptr %b, ptr %c, i64 %stride, i64 %count, ptr %spare)
  %product = load double, ptr %spare, align 8
  %along = fadd double %head_product, %product
  %times = fmul double %tau, %along
  %change = fmul double %times, %head
  %new_t = fsub double %t, %change
  store double %new_t, ptr %t_at, align 8
  store double %times, ptr %spare, align 8
  call void @less1(ptr %b, ptr %c, i64 %stride, i64 %count, ptr %spare)
  %l_one = add i64 %l, 1
  br label %others
two:
  call void @dots2(ptr %b, ptr %c, i64 %stride, i64 %count, ptr %spare)
  %product0 = load double, ptr %spare, align 8
  %product1 = load double, ptr %spare1, align 8
  %u_at = getelementptr double, ptr %t_at, i64 1
  %u = load double, ptr %u_at, align 8
  %along0 = fadd double %head_product, %product0
  %times0 = fmul double %tau, %along0
  %change0 = fmul double %times0, %head
  %new_t0 = fsub double %t, %change0
  store double %new_t0, ptr %t_at, align 8
  store double %times0, ptr %spare, align 8
  %head_product1 = fmul double %head, %u
  %along1 = fadd double %head_product1, %product1
  %times1 = fmul double %tau, %along1
  %change1 = fmul double %times1, %head
  %new_u = fsub double %u, %change1
  store double %new_u, ptr %u_at, align 8
  store double %times1, ptr %spare1, align 8
  call void @less2(ptr %b, ptr %c, i64 %stride, i64 %count, ptr %spare)
  %l_two = add i64 %l, 2
  br label %others
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
"""One reflection for each column of each block, two other columns at once; `head` is its entry in the triangle."""
