"""Lines of arrays gathered and added at positions: what a batch reads, and the adjoints that it hands back.

One loop over lines and one over the elements of a line, in vectors of the host. Adding goes line after line, so the
bits are those of the plain loop.
"""

from __future__ import annotations

from ctypes import c_int64
from functools import cache
from typing import TYPE_CHECKING

from cgcli.engines.native import ENGINE
from cgcli.engines.native.generate import PARAMETERS
from cgcli.engines.native.host import DOUBLE

if TYPE_CHECKING:
    from typing import Any


def gather(store: Any, places: Any, out: Any) -> None:
    """Copy lines of a store to the lines of `out`: out[i] = store[places[i]].

    store, out: float64 of two axes, whose last one is contiguous; places: contiguous int64, all of which exist.
    """
    _run(_code("gather"), store, places, out)


def add(target: Any, places: Any, lines: Any) -> None:
    """Add lines where they belong, one after the other: target[places[i]] += lines[i]. Arrays as of `gather`."""
    _run(_code("add"), target, places, lines)


def _run(code: Any, store: Any, places: Any, lines: Any) -> None:
    strides = (c_int64 * 2)(store.strides[0], lines.strides[0])
    code.call(_address(store), _address(places), _address(lines), strides, len(places), store.shape[1])


def _address(array: Any) -> int:
    found: int = array.__array_interface__["data"][0]
    return found


@cache
def _code(what: str) -> Any:
    """The machine code of one of the two."""
    count = ENGINE.host.lanes(DOUBLE)
    return ENGINE._machine.load(_text(what, count))


def _moved(what: str, kind: str, tag: str) -> list[str]:
    """The instructions that move a vector or a number from one line to the other."""
    store, line = f"%{tag}.store", f"%{tag}.line"
    lines = [
        f"{store} = getelementptr double, ptr %store, i64 %{tag}",
        f"{line} = getelementptr double, ptr %line, i64 %{tag}",
        f"%{tag}.a = load {kind}, ptr {store}, align 8",
    ]
    if what == "gather":
        return [*lines, f"store {kind} %{tag}.a, ptr {line}, align 8"]
    return [
        *lines,
        f"%{tag}.b = load {kind}, ptr {line}, align 8",
        f"%{tag}.c = fadd {kind} %{tag}.a, %{tag}.b",
        f"store {kind} %{tag}.c, ptr {store}, align 8",
    ]


def _text(what: str, count: int) -> str:
    """%columns: the store; %scalars: the places; %results: the lines; %scratch: both strides; %first lines of %last."""
    return "\n".join([
        f"define void @kernel({PARAMETERS}) {{",
        "entry:",
        "%store.step = load i64, ptr %scratch, align 8",
        "%line.at = getelementptr i64, ptr %scratch, i64 1",
        "%line.step = load i64, ptr %line.at, align 8",
        f"%whole = sub i64 %last, {count - 1}",
        "br label %lines",
        "lines:",
        "%number = phi i64 [0, %entry], [%following, %done]",
        "%any = icmp slt i64 %number, %first",
        "br i1 %any, label %begin, label %end",
        "begin:",
        "%place.at = getelementptr i64, ptr %scalars, i64 %number",
        "%place = load i64, ptr %place.at, align 8",
        "%store.offset = mul i64 %place, %store.step",
        "%store = getelementptr i8, ptr %columns, i64 %store.offset",
        "%line.offset = mul i64 %number, %line.step",
        "%line = getelementptr i8, ptr %results, i64 %line.offset",
        "br label %vectors",
        "vectors:",
        "%v = phi i64 [0, %begin], [%v.next, %vector]",
        "%v.more = icmp slt i64 %v, %whole",
        "br i1 %v.more, label %vector, label %numbers",
        "vector:",
        *_moved(what, f"<{count} x double>", "v"),
        f"%v.next = add i64 %v, {count}",
        "br label %vectors",
        "numbers:",
        "%s = phi i64 [%v, %vectors], [%s.next, %single]",
        "%s.more = icmp slt i64 %s, %last",
        "br i1 %s.more, label %single, label %done",
        "single:",
        *_moved(what, "double", "s"),
        "%s.next = add i64 %s, 1",
        "br label %numbers",
        "done:",
        "%following = add i64 %number, 1",
        "br label %lines",
        "end:",
        "ret void",
        "}",
    ])  # fmt: skip
