"""The distinct words of a large text, names and literals, as numbers: found by one loop with a hash table.

Loaded for texts that the compiled driver has read. A word's number says when it came first in the text.
"""

from __future__ import annotations

import numpy as np

from cgcli.graph.loops import MULTIPLIER, compiled
from cgcli.language import syntax

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.language.names import Names
    from cgcli.language.syntax import Syntax

    Column = NDArray[Any]

NAME, NUMBER, CALLEE = syntax.NAME, syntax.NUMBER, syntax.CALLEE
TAB, NEWLINE, FORM_FEED, RETURN, SPACE, HASH, ROUND, BACKSLASH, HARD_SPACE = map(ord, "\t\n\f\r #(\\\u00a0")
LEAST_SLOTS = 1 << 10
MASK = 0x7FFFFFFF


class Words:
    """The words of a text.

    of_row: for every row of the syntax table the word of a NAME or NUMBER, the function's name of a CALLEE, else -1.
    start, end: where each word stands first. names: what `names.survey` found, when it has.
    """

    def __init__(self, table: Syntax) -> None:
        self.source_text = table.source.text
        self.characters = table.characters
        rows = len(table)
        rule, begins, ends = columns_of(table.rule, table.start, table.end)
        self.of_row = np.empty(rows, dtype=np.int32)
        start, end, hashes = (np.empty(rows, dtype=np.int32) for _ in range(3))
        slots = np.full(LEAST_SLOTS, -1, dtype=np.int32)
        count, self.slots = compiled(intern_words)(
            self.characters, rule, begins, ends, self.of_row, start, end, hashes, slots
        )
        self.start, self.end = start[:count], end[:count]
        self.names: Names | None = None

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
        hashed = 0
        for character in name:
            hashed = (hashed ^ ord(character)) * MULTIPLIER & MASK
        hashed ^= hashed >> 15
        mask = len(self.slots) - 1
        slot = hashed & mask
        while self.slots[slot] >= 0:
            word = int(self.slots[slot])
            if self.text(word) == name:
                return word
            slot = (slot + 1) & mask
        return -1


def words_of(table: Syntax) -> Words:
    """The words of a table that the compiled driver made, found once."""
    if table.words is None:
        table.words = Words(table)
    return table.words


def columns_of(*columns: Any) -> list[Column]:
    """NumPy arrays on the memory of columns, which must not grow while these are in use."""
    return [
        np.frombuffer(column, dtype=np.uint8 if isinstance(column, bytearray) else column.typecode)
        for column in columns
    ]


def intern_words(
    characters: Any, rule: Any, start: Any, end: Any, of_row: Any, word_start: Any, word_end: Any, hashes: Any,
    slots: Any,
) -> tuple[int, Any]:  # fmt: skip
    """Number the words; returns how many there are, and the hash table (open addressing, at most half full)."""
    mask = len(slots) - 1
    count = 0
    for row in range(len(rule)):
        kind = rule[row]
        if kind not in (NAME, NUMBER, CALLEE):
            of_row[row] = -1
            continue
        hashed = 0
        finish = start[row]
        while finish < end[row]:
            character = int(characters[finish])
            if character in (ROUND, SPACE, TAB, FORM_FEED, HARD_SPACE, HASH, BACKSLASH, RETURN, NEWLINE):
                break
            hashed = (hashed ^ character) * MULTIPLIER & MASK
            finish += 1
        hashed ^= hashed >> 15
        size = finish - start[row]
        slot = hashed & mask
        found = -1
        while slots[slot] >= 0:
            other = slots[slot]
            if hashes[other] == hashed and word_end[other] - word_start[other] == size:
                same = True
                for place in range(size):
                    if characters[word_start[other] + place] != characters[start[row] + place]:
                        same = False
                        break
                if same:
                    found = other
                    break
            slot = (slot + 1) & mask
        if found < 0:
            found = count
            slots[slot] = count
            word_start[count] = start[row]
            word_end[count] = finish
            hashes[count] = hashed
            count += 1
            if 2 * count > len(slots):
                slots = np.full(4 * len(slots), -1, dtype=np.int32)
                mask = len(slots) - 1
                for other in range(count):
                    slot = hashes[other] & mask
                    while slots[slot] >= 0:
                        slot = (slot + 1) & mask
                    slots[slot] = other
        of_row[row] = found
    return count, slots


def join_words(characters: Any, start: Any, end: Any, joined: Any) -> None:
    """Copy words, each with a line end behind it."""
    place = 0
    for word in range(len(start)):
        for position in range(start[word], end[word]):
            joined[place] = characters[position]
            place += 1
        joined[place] = NEWLINE
        place += 1
