"""Names of the package: no module stands in the way of a function of the API or of an operation."""

from __future__ import annotations

import pkgutil

import cgcli
from cgcli.ops import REGISTRY


def test_no_module_has_the_name_of_something_public() -> None:
    modules = {module.name for module in pkgutil.iter_modules(cgcli.__path__)}
    assert not modules & (set(REGISTRY.callable_as) | set(cgcli.__all__))
