"""The end of a search, `cg minimize` or `cg solve`, as a command hands it on: an error, a document, a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.cli.output import print_json, warn, write_json
from cgcli.errors import CalculationError

if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.outcome import Minimum, Root


def document_of(result: Minimum | Root, *, strict: bool, trace: bool) -> dict[str, Any]:
    """The result as plain data, with its steps for --trace. CalculationError where --strict wants a converged one."""
    if strict and not result.converged:
        raise CalculationError(result.message)
    document: dict[str, Any] = result.as_dict()
    if trace:
        document["steps"] = [step.as_dict() for step in result.steps]
    return document


def hand_on(document: dict[str, Any], output: str | None, *, json: bool) -> None:
    """Write the document to a file and, for --json, to standard output; there a warning says what did not converge."""
    if output:
        write_json(output, document)
    if json:
        print_json(document)
        if not document["converged"]:
            warn(document["message"])
