"""One reading of names everywhere: in formulas, as NAME=VALUE, as a column, as a keyword of Python.

Python reads an identifier in Unicode's normal form NFKC (PEP 3131): `ϕ` as a keyword argument arrives as `φ`, `µ`
(micro) as `μ` (Greek). Formulas do the same, but for letters and digits that are raised or lowered, which mean
something of their own: `x₁` is not `x1`, and `xⁿ` is no name.
"""

from __future__ import annotations

PLACED = ("<super>", "<sub>")


def canonical(text: str) -> str:
    """A name, or a whole formula, with each letter in its one spelling, and letter and accent as one character."""
    if text.isascii():
        return text
    from unicodedata import normalize

    single = {character: _letters(character) for character in set(text) if not character.isascii()}
    if any(letters != character for character, letters in single.items()):
        text = "".join(single.get(character, character) for character in text)
    return normalize("NFC", text)


def _letters(character: str) -> str:
    """The letters that a compatible form of a letter means; anything else as it is."""
    from unicodedata import decomposition, normalize

    plain = normalize("NFKC", character)
    return plain if plain.isalpha() and not decomposition(character).startswith(PLACED) else character
