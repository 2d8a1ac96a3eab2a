"""What all tests share: the seed of Hypothesis, and a command line that runs in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from cgcli.__main__ import main

settings.register_profile("fixed", derandomize=True, print_blob=True)  # the same examples in every run
settings.register_profile("explore", print_blob=True)
settings.load_profile("fixed")


def pytest_configure(config: pytest.Config) -> None:
    """A random seed that nobody prints is a fault."""
    if config.getoption("--hypothesis-profile") == "explore" and config.getoption("--hypothesis-seed") is None:
        raise pytest.UsageError("--hypothesis-profile=explore needs a seed: --hypothesis-seed=$RANDOM")


def pytest_report_header(config: pytest.Config) -> str:
    """Say which examples are drawn: always the same, or those of a seed."""
    profile = config.getoption("--hypothesis-profile") or "fixed"
    return f"hypothesis profile {profile}, seed {config.getoption('--hypothesis-seed')}"


class Run:
    """What a command line did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def summary(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Run:
        code = main(list(words))
        captured = capfd.readouterr()
        return Run(code, captured.out, captured.err)

    return call
