"""The formulas of the corpus, and of the project's own sample of sixty: values, gradients, many digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cgcli
from cgcli.errors import UsageError
from tests.corpus.judging import (
    Failure,
    close_to_text,
    failures,
    failures_of_many_digits,
    gradient_failures_of_many_digits,
)
from tests.language.texts import CORPUS, SAMPLE_RECORDS, formula_of, records

FILES = {
    "physics": 64, "floating_point": 55, "numerics": 358, "derivatives": 400, "derivative_rules": 129,
    "calculators": 842,
}  # fmt: skip
"""Files of the corpus, and how many records each has."""

OVERFLOWS = {"fend/3329"}
"""3*2^2048 is beyond doubles; with many digits the answer is there."""

UNUSED_NAMES = {"kalker/kalker_basics.kalker:1E-2", "kalker/kalker_basics.kalker:1E1"}
"""Records that give values for names which the formula does not have: an error, as it should be."""

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"the corpus is not at {CORPUS}; CG_CORPUS can name another folder"
)


def read(name: str) -> list[dict[str, Any]]:
    found = list(records(CORPUS / f"{name}.jsonl"))
    assert len(found) == FILES[name]
    return found


def shown(found: list[Failure]) -> str:
    return "\n".join(f"{place}: {what} is {answer}, not {right}" for place, what, answer, right in found[:20])


def all_failures(found: list[dict[str, Any]]) -> list[Failure]:
    return [failure for record in found for failure in failures(record, formula_of(record))]


@needs_corpus
@pytest.mark.parametrize("name", [name for name in FILES if name != "calculators"])
def test_values_and_gradients_of_the_corpus(name: str) -> None:
    found = all_failures(read(name))
    assert not found, shown(found)


@needs_corpus
@pytest.mark.parametrize("name", [name for name in FILES if name != "calculators"])
def test_many_digits_of_the_corpus(name: str) -> None:
    found = [failure for record in read(name) for failure in failures_of_many_digits(record, formula_of(record))]
    assert not found, shown(found)


@needs_corpus
@pytest.mark.parametrize("name", ["floating_point", "numerics"])
def test_the_same_with_bindings_as_lines(name: str) -> None:
    with_body = [record for record in read(name) if "body" in record]
    assert with_body
    found: list[Failure] = []
    for record in with_body:
        lines = [f"{left} = {right}" for left, right in record["lets"]]
        found += failures(record, "\n".join([*lines, record["body"]]))
    assert not found, shown(found)


@needs_corpus
def test_the_calculator_cases() -> None:
    found: list[Failure] = []
    for record in read("calculators"):
        values = {name: float(text) for name, text in record.get("vars", {}).items()}
        formula = cgcli.parse(record["plain"])
        if record["id"] in UNUSED_NAMES:
            with pytest.raises(UsageError, match="has no input"):
                formula.eval(values)
            values = {}
        answer = formula.eval(values, digits=40 if record["id"] in OVERFLOWS else None)
        if not close_to_text(answer, record["expected_value"], record["tolerance"]):
            found.append((record["id"], record["plain"], answer, record["expected_value"]))
    assert not found, shown(found)


@pytest.mark.parametrize("record", list(records(SAMPLE_RECORDS)), ids=lambda record: record["id"])
def test_the_sample_of_the_project(record: dict[str, Any]) -> None:
    for judge in (failures, failures_of_many_digits, gradient_failures_of_many_digits):
        found = judge(record, record["formula"])
        assert not found, shown(found)


def test_a_wrong_value_and_a_wrong_gradient_are_found() -> None:
    record = next(records(SAMPLE_RECORDS))
    assert [what for _, what, _, _ in failures(record, "(x + y)*z*1.00001")] == ["value", "d/dx", "d/dy", "d/dz"] * 2
    assert failures_of_many_digits(record, "(x + y)*z + 1e-30")


def test_the_sample_is_the_size_it_should_be() -> None:
    assert Path(SAMPLE_RECORDS).stat().st_size < 100_000
    assert len(list(records(SAMPLE_RECORDS))) >= 60
