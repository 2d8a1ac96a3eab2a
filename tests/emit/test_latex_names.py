"""Names that Python code or a graph file gave may hold the signs of LaTeX; they stay signs."""

from __future__ import annotations

import pytest

import cgcli


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (r"\input{x}", r"\backslash{}input\{x\}"), ("a$b", r"a\$b"), ("50%", r"50\%"), ("a^b~c", r"a\hat{}b\tilde{}c"),
        ("loss", "loss"), ("my loss", "my loss"),
    ],
)  # fmt: skip
def test_a_name_is_no_command(name, shown):
    x = cgcli.inputs("x")
    assert cgcli.formula({name: x + 1}).latex() == f"{shown} = x + 1"
