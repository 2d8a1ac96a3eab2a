"""cg: evaluate, differentiate, fit, minimise, explain and draw formulas as computational graphs.

    import cgcli as cg
    f = cg.parse("(x+y)*z")
    f.eval(x=1, y=2, z=3)                  # 9.0
    f.grad(x=1, y=2, z=3)                  # {"x": 3.0, "y": 3.0, "z": 3.0}

Every operation of the language is a function here too (`cg.sin`, `cg.max`, …): on numbers it computes, on
references from `cg.inputs` it builds a graph for `cg.formula`.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.api.clusters import Cluster
    from cgcli.api.formula import Formula
    from cgcli.api.sources import formula, inputs, load, parse
    from cgcli.api.tasks import from_dask
    from cgcli.errors import (
        CgError,
        CgWarning,
        GapWarning,
        KinkWarning,
        LeftOutWarning,
        NonlinearWarning,
        NotFiniteWarning,
        PrecisionWarning,
    )
    from cgcli.graph.ref import Ref

_API = {
    "Cluster": "api.clusters", "Formula": "api.formula", "Ref": "graph.ref",
    **dict.fromkeys(
        (
            "CgError", "CgWarning", "GapWarning", "KinkWarning", "LeftOutWarning", "NonlinearWarning",
            "NotFiniteWarning", "PrecisionWarning",
        ),
        "errors",
    ),
    **dict.fromkeys(("formula", "inputs", "load", "parse"), "api.sources"),
    "from_dask": "api.tasks",
}  # fmt: skip

__all__ = [
    "CgError", "CgWarning", "Cluster", "Formula", "GapWarning", "KinkWarning", "LeftOutWarning", "NonlinearWarning",
    "NotFiniteWarning", "PrecisionWarning", "Ref", "__version__", "formula", "from_dask", "inputs", "load", "parse",
]  # fmt: skip


def __getattr__(name: str) -> "Any":
    """Load the API, or an operation by its name in the language, when it is first used (PEP 562)."""
    if name in _API:
        from importlib import import_module

        return getattr(import_module(f"cgcli.{_API[name]}"), name)
    if not name.startswith("_"):
        from cgcli.ops import REGISTRY

        rows = REGISTRY.callable_as.get(name.removesuffix("_"))
        if rows:
            return rows[0]
    raise AttributeError(f"module `cgcli` has no attribute `{name}`")


def __dir__() -> list[str]:
    """What completion offers: the API, and every operation that Python can name."""
    from keyword import iskeyword

    from cgcli.ops import REGISTRY

    return sorted({*__all__, *(f"{name}_" if iskeyword(name) else name for name in REGISTRY.callable_as)})


def load_ipython_extension(ipython: "Any") -> None:
    """`%load_ext cgcli`: the magics `%cg` and `%%cg` (see `cgcli.notebook`)."""
    from cgcli.notebook import register

    register(ipython)
