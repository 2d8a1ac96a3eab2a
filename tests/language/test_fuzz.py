"""Any text is a formula or one error, never anything else. `python -m tests.hostile.texts` tries others."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile.texts import survives
from tests.language.texts import any_text, formulas, glued_soup, token_soup


@settings(max_examples=300, deadline=None)
@given(st.one_of(any_text, token_soup, glued_soup))
def test_any_text_is_a_formula_or_an_error(text: str) -> None:
    survives(text)


@settings(max_examples=80, deadline=None)
@given(formulas)
def test_a_right_text_is_a_formula(text: str) -> None:
    survives(text)
