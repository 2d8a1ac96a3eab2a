"""The constants that a large text can make: its literals, read by one loop, and the constants that it names.

Constants that are one node have one *key*: the double where that is exactly the number of the text, else the text
(see `Graph.constant`). A loop can then intern them without strings.
"""

from __future__ import annotations

import numpy as np

from cgcli.language.values import exact_text, named_constant
from cgcli.loops import compiled
from cgcli.ops.constants import ALIASES, CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.language.bulk.words import Words

    Column = NDArray[Any]

NO_NUMBER, EXACT, INEXACT, UNROUNDED, UNKNOWN = range(5)
"""What the loop knows of a word: it is no literal; a double is exactly its number; the nearest double is known; that
is not known, but none is exact; nothing is known."""

TENS = np.array([10.0**power for power in range(23)])
FIVES = np.array([5**power for power in range(28)], dtype=np.int64)
MOST_DIGITS = 18
EXACT_BELOW = 1 << 53
ZERO, NINE, POINT, UNDERSCORE, SMALL_E, LARGE_E, MINUS, PLUS = map(ord, "09._eE-+")


class Literals:
    """Keys of constants. of_word: the key of every word that is a literal or names a constant, else -1.

    values: the double of each key.
    """

    def __init__(self, words: Words, taken: Container[str]) -> None:
        """`taken` are the names that are no constants here."""
        self.words = words
        count = len(words)
        values = np.empty(count, dtype=np.float64)
        state = np.empty(count, dtype=np.uint8)
        compiled(measure)(words.characters, words.start, words.end, TENS, FIVES, values, state)
        unrounded = np.flatnonzero(state == UNROUNDED)
        values[unrounded] = list(map(float, words.texts(unrounded)))
        state[unrounded] = INEXACT
        texts = self._texts(values, state, taken)
        self._number(values, state, texts)

    def _texts(self, values: Column, state: Column, taken: Container[str]) -> dict[int, str]:
        """Settle the words that the loop knows nothing of; word -> exact text where that is not the word itself."""
        texts: dict[int, str] = {}
        for word in np.flatnonzero(state == UNKNOWN).tolist():
            written = self.words.text(word)
            text = written.replace("_", "")
            values[word] = float(text)
            exact = exact_text(text, float(values[word]))
            state[word] = EXACT if exact is None else INEXACT
            if exact is not None and text != written:
                texts[word] = text
        for name in (*CONSTANTS, *ALIASES):
            word = self.words.find(name)
            if word >= 0 and name not in taken:
                values[word], exact = named_constant(ALIASES.get(name, name))
                state[word] = EXACT if exact is None else INEXACT
                if exact is not None:
                    texts[word] = exact
        return texts

    def _number(self, values: Column, state: Column, texts: dict[int, str]) -> None:
        """Give out the keys: first those of exact doubles, then those of literals, then those of other texts."""
        self.of_word = np.full(len(values), -1, dtype=np.int32)
        exact = np.flatnonzero(state == EXACT)
        self._bits, inverse = np.unique(values[exact].view(np.int64), return_inverse=True)
        self.of_word[exact] = inverse
        state[list(texts)] = EXACT
        inexact = np.flatnonzero(state == INEXACT)
        self._first = len(self._bits)
        self.of_word[inexact] = np.arange(self._first, self._first + len(inexact))
        self._words = inexact
        self._others: dict[str, int] = {}
        more: list[float] = []
        for word, text in texts.items():
            key = self.key_of(float(values[word]), text)
            if key < 0:
                key = self._others[text] = self._first + len(inexact) + len(more)
                more.append(float(values[word]))
            self.of_word[word] = key
        self.values = np.concatenate([self._bits.view(np.float64), values[inexact], more])
        self._other_texts = {key: text for text, key in self._others.items()}

    def key_of(self, value: float, exact: str | None) -> int:
        """The key of a constant of the graph; -1 where the text has no such constant."""
        if exact is None:
            bits = np.float64(value).view(np.int64)
            key = int(np.searchsorted(self._bits, bits))
            return key if key < len(self._bits) and self._bits[key] == bits else -1
        if exact in self._others:
            return self._others[exact]
        word = self.words.find(exact)
        key = int(self.of_word[word]) if word >= 0 else -1
        return key if self._first <= key < self._first + len(self._words) else -1

    def with_text(self, keys: Column) -> Column:
        """The positions among the keys of those that have an exact text."""
        return np.flatnonzero(keys >= self._first)

    def texts(self, keys: Column) -> list[str]:
        """The exact texts of keys that have one."""
        places = keys - self._first
        literals = places < len(self._words)
        texts = np.empty(len(keys), dtype=object)
        texts[literals] = self.words.texts(self._words[places[literals]])
        texts[~literals] = [self._other_texts[key] for key in keys[~literals].tolist()]
        return texts.tolist()


def measure(characters: Any, start: Any, end: Any, tens: Any, fives: Any, values: Any, state: Any) -> None:
    """Read the words that are literals, as far as whole numbers of 63 bits tell.

    Up to 53 bits and a power of ten up to 22 both sides of the one operation are exact, so its result is rounded once.
    See W. Clinger, How to read floating point numbers accurately, PLDI 1990.
    """
    for word in range(len(start)):
        character = characters[start[word]]
        if character != POINT and not ZERO <= character <= NINE:
            state[word] = NO_NUMBER
            continue
        digits, whole, shift, place = 0, 0, 0, start[word]
        behind_point = plain = False
        while place < end[word]:
            character = characters[place]
            if ZERO <= character <= NINE:
                whole = whole * 10 + (int(character) - ZERO)
                digits += 1 if whole > 0 else 0
                shift -= 1 if behind_point else 0
            elif character == POINT:
                behind_point = True
            else:
                break
            if digits > MOST_DIGITS:
                break
            place += 1
        plain = place == end[word]
        if not plain and digits <= MOST_DIGITS and character in (SMALL_E, LARGE_E) and end[word] - place < 6:
            exponent, sign = 0, 1
            plain = True
            for behind in range(place + 1, end[word]):
                character = characters[behind]
                if character == MINUS:
                    sign = -1
                elif ZERO <= character <= NINE:
                    exponent = exponent * 10 + (int(character) - ZERO)
                elif character != PLUS:
                    plain = False
            shift += sign * exponent
        values[word] = 0.0
        state[word] = UNKNOWN
        if not plain:
            continue
        if whole == 0:
            state[word] = EXACT
        elif shift >= 0:
            if shift < len(tens) and whole < EXACT_BELOW and whole * tens[shift] < EXACT_BELOW:
                values[word] = whole * tens[shift]
                state[word] = EXACT
        elif -shift >= len(fives) or whole % fives[-shift] != 0:
            state[word] = UNROUNDED
            if whole < EXACT_BELOW and -shift < len(tens):
                values[word] = whole / tens[-shift]
                state[word] = INEXACT
        elif whole < EXACT_BELOW and -shift < len(tens):
            values[word] = whole / tens[-shift]
            state[word] = EXACT
