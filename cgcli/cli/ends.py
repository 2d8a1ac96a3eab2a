"""The end of a search, `cg minimize` or `cg solve`, as a command hands it on: an error, a document, a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.cli.output import print_json, write_json
from cgcli.errors import CalculationError

if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.outcome import Minimum, Root


def document_of(result: Minimum | Root, *, strict: bool, trace: bool) -> dict[str, Any]:
    """The result as plain data, with its steps for --trace. CalculationError where --strict wants no other end."""
    if strict and not result.converged:
        raise CalculationError(result.message)
    document: dict[str, Any] = result.as_dict()
    if trace:
        document["steps"] = [step.as_dict() for step in result.steps]
    return document


def hand_on(document: dict[str, Any], output: str | None, *, json: bool) -> None:
    """Write the document to a file, where it has converged, and, for --json, to standard output."""
    if output and document["converged"]:
        write_json(output, document)
    if json:
        print_json(document)


def require_converged(document: dict[str, Any], output: str | None) -> None:
    """CalculationError, once everything is shown, where a search has not converged: scripts see it by the exit code."""
    if not document["converged"]:
        rest = ", and no file is written" if output else ""
        raise CalculationError(f"the search has not converged{rest}")
