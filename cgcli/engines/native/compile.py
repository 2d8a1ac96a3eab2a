"""From the text of a kernel to machine code in memory, by way of an object file that can be kept."""

from __future__ import annotations

import ctypes
from threading import Lock

from llvmlite import binding

from cgcli.engines.native import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.engines.native.host import Host

LOADED = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int64, ctypes.c_int64)
"""The type of a kernel; see `generate`."""

OPTIMISATION = 2
"""LLVM's level for choosing instructions and registers. The text is in its final form already: no passes run."""

_LLVM = Lock()
"""LLVM's global context takes one thread at a time."""


class Machine:
    """LLVM for one host."""

    def __init__(self, host: Host) -> None:
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        self.host = host
        self._target = binding.Target.from_default_triple()

    def load(self, text: str) -> MachineCode:
        """The kernel of a text, from the store of compiled kernels or compiled now and put there."""
        with _LLVM:
            key = cache.key_of(text, self.host.cpu, self.host.features, binding.llvm_version_info, OPTIMISATION)
            code = cache.read(key)
            if code is None:
                code = self._compile(text)
                cache.write(key, code)
            return self._link(code)

    def _settings(self) -> Any:
        return self._target.create_target_machine(
            cpu=self.host.cpu, features=self.host.features, opt=OPTIMISATION, jit=True
        )

    def _compile(self, text: str) -> bytes:
        module = binding.parse_assembly(text)
        module.verify()
        code: bytes = self._settings().emit_object(module)
        module.close()
        return code

    def _link(self, code: bytes) -> MachineCode:
        engine = binding.create_mcjit_compiler(binding.parse_assembly(""), self._settings())
        engine.add_object_file(binding.ObjectFileRef.from_data(code))
        engine.finalize_object()
        return MachineCode(engine, LOADED(engine.get_function_address("kernel")))


class MachineCode:
    """A function in memory, and the engine that owns the memory."""

    __slots__ = ("_engine", "call")

    def __init__(self, engine: Any, call: Callable[..., None]) -> None:
        self._engine = engine
        self.call = call
