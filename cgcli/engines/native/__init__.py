"""Machine code for tables of rows, made by LLVM through llvmlite (the extra `native`).

host: what the machine offers. lanes: the language of native spellings. elementary: functions written in it. spelling:
which rows have one. generate: from a graph to the text of a kernel for a table; runs and tape: the same for one point
of a large graph; loops, scans, straight and vectors: the loop of a scan, whose body is of short arrays; triangles: the
R factor of many rows; walks and walking: small least-squares problems, a group of rows each, to their solutions.
compile and cache: from text to code in memory, kept on disk. engine: running it.
"""

from __future__ import annotations

from cgcli.engines.native.engine import NativeEngine

ENGINE = NativeEngine()

__all__ = ["ENGINE", "NativeEngine"]
