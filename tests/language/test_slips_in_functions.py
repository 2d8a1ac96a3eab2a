"""What a reader of Python writes into a function, and what is said of it."""

from __future__ import annotations

import pytest

import cgcli as cg

SLIPS = {
    "a text of several quotes": ('def f(x):\n    """Twice."""\n    return 2*x\nf(2)', "behind a `#`"),
    "a text": ("def f(x): 'Twice'; return 2*x; f(2)", "behind a `#`"),
    "a transpose": ("A'*2", "write `A.T` for the transpose"),
    "global": ("def f(x): global y; return x; f(2)", "can be read as they are"),
}


@pytest.mark.parametrize(("text", "hint"), SLIPS.values(), ids=SLIPS)
def test_slips(text, hint):
    with pytest.raises(cg.CgError) as caught:
        cg.parse(text)
    assert hint in str(caught.value.hint)
