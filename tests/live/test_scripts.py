"""Random scripts of edits: the live graph is what the edited text is (`tests.live.scripts`; benchmarks run more)."""

from __future__ import annotations

import random

import pytest

from tests.live.scripts import Script


@pytest.mark.parametrize("seed", range(12))
def test_a_random_script_is_what_its_text_is(seed):
    Script(random.Random(seed)).run()
