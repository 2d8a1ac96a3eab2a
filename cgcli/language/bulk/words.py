"""The distinct words of a large text, names and literals, as numbers: a hash table that the compiled driver fills.

Loaded for texts that the compiled driver reads. A word's number says when it came first in the text.
"""

from __future__ import annotations

import numpy as np

from cgcli.loops import MULTIPLIER, compiled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.language.names import Names
    from cgcli.language.syntax import Syntax

    Column = NDArray[Any]

MASK = 0x7FFFFFFF
"""Keeps what is hashed step by step within 31 bits."""

PACKED = 7
"""The key of a word of so many characters of ASCII at most is these characters, one byte each."""

HASHED = 1 << 62
"""The key of any other word is this and a hash, and the characters are compared where keys are equal."""

SECOND_MULTIPLIER = 0x85EBCA6B
LAST, LOWER, LOWER_BITS = 8, (1 << 28) - 1, 28
"""How a key is taken apart for hashing: its last character, 28 bits of what is before it, and the rest."""

CHARACTERS_PER_SLOT, LEAST_SLOTS = 8, 1 << 10
"""Length of the hash table to begin with; it grows where that is not enough."""

NEWLINE = ord("\n")


class Words:
    """The words of a text.

    of_row: for every NAME and NUMBER of the syntax table its word, for every CALLEE the function's name; what stands
    there for other rows means nothing. start, end: where each word stands first. key, slots: how words are found: their
    keys, and a hash table with open addressing, at most half full. names: what `names.survey` found, when it has.
    """

    def __init__(self, text: str, characters: Column) -> None:
        """Room for the words of a text, given also as numbers; the driver enters them."""
        self.source_text = text
        self.characters = characters
        self.packed = PACKED if characters.itemsize == 1 else 0
        self.of_row: Column = np.empty(0, dtype=np.int32)
        self.start: Column = np.empty(0, dtype=np.int32)
        self.end: Column = np.empty(0, dtype=np.int32)
        self.key: Column = np.empty(0, dtype=np.int64)
        self._make_room(max(len(text) // CHARACTERS_PER_SLOT, LEAST_SLOTS))
        self.names: Names | None = None

    def _make_room(self, slots: int) -> None:
        """Room for words in at least so many slots."""
        length = 1 << (slots - 1).bit_length()
        self.start, self.end, self.key = (longer(each, length // 2) for each in (self.start, self.end, self.key))
        self.slots = np.full(length, -1, dtype=np.int32)

    def grow(self, count: int) -> None:
        """Twice as much room; there are so many words now."""
        self._make_room(2 * len(self.slots))
        compiled(enter_words)(slot_of(self.key[:count]), self.slots)

    def finish(self, count: int, of_row: Column) -> None:
        """Everything was read."""
        self.start, self.end, self.key, self.of_row = self.start[:count], self.end[:count], self.key[:count], of_row

    def __len__(self) -> int:
        return len(self.start)

    def text(self, word: int) -> str:
        """The characters of a word."""
        return self.source_text[self.start[word] : self.end[word]]

    def texts(self, words: Column) -> list[str]:
        """The characters of many words."""
        start, end = self.start[words], self.end[words]
        joined = np.empty(int((end - start).sum()) + len(words), dtype=self.characters.dtype)
        compiled(join_words)(self.characters, start, end, joined)
        encoding = "ascii" if joined.itemsize == 1 else "utf-32-le"
        return joined.tobytes().decode(encoding).split("\n")[:-1]

    def find(self, name: str) -> int:
        """The number of a word; -1 where the text does not have it."""
        key = key_of(name, self.packed)
        mask = len(self.slots) - 1
        slot = slot_of(key) & mask
        while self.slots[slot] >= 0:
            word = int(self.slots[slot])
            if self.key[word] == key and self.text(word) == name:
                return word
            slot = (slot + 1) & mask
        return -1


def words_of(table: Syntax) -> Words:
    """The words of a table that the compiled driver made."""
    return table.words  # type: ignore[return-value]  # such a table has them


def longer(column: Column, length: int) -> Column:
    """A column with room for at least so many numbers."""
    if length <= len(column):
        return column
    longer_one = np.empty(length, dtype=column.dtype)
    longer_one[: len(column)] = column
    return longer_one


def columns_of(*columns: Any) -> list[Column]:
    """NumPy arrays on the memory of columns, which must not grow while these are in use."""
    return [np.asarray(memoryview(column)) for column in columns]


def key_of(word: str, packed: int) -> int:
    """The key of a word in a text whose words of up to `packed` characters are their own keys."""
    if len(word) <= packed and word.isascii():
        return int.from_bytes(word.encode("ascii"), "big")
    hashed = 0
    for character in word:
        hashed = (hashed ^ ord(character)) * MULTIPLIER & MASK
    return hashed | HASHED


def slot_of(key: Any) -> Any:
    """Where the search for a key, or for each key of a column, begins; of its bits the lower ones count.

    Words that differ in the last character alone are neighbours: a text that uses x10 now will often use x11 next.
    """
    hashed = (key >> LAST & LOWER) * MULTIPLIER + (key >> (LAST + LOWER_BITS)) * SECOND_MULTIPLIER
    return (hashed ^ hashed >> 32) << 4 ^ key


def enter_words(places: Any, slots: Any) -> None:
    """Enter the words 0, 1, … into an empty hash table, given where the search for each begins."""
    mask = len(slots) - 1
    for word in range(len(places)):
        slot = places[word] & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = word


def join_words(characters: Any, start: Any, end: Any, joined: Any) -> None:
    """Copy words, each with a line end behind it."""
    place = 0
    for word in range(len(start)):
        for position in range(start[word], end[word]):
            joined[place] = characters[position]
            place += 1
        joined[place] = NEWLINE
        place += 1
