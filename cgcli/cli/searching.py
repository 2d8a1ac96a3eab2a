"""The file of a result, as `cg minimize` and `cg solve` write it."""

from __future__ import annotations

import json

from cgcli.cli.output import jsonable
from cgcli.files import write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def write_result(path: str, document: dict[str, Any]) -> None:
    """A result as JSON under its name, whole or not at all. DataError where it cannot be written."""
    write_file(path, (json.dumps(jsonable(document), ensure_ascii=False, indent=1) + "\n").encode())
