"""Terms as texts of JSON: `["pair", ["word", 3], ["word", 5]]`, rewritten as `pair(word(3), word(5))`.

What is written has the length of what was read and each part its place, so that messages can show the text as it came.
"""

from __future__ import annotations

import re

BEGINS = re.compile(r'\s*\[\s*(?:"|\[|-?\d|\])')
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\],]|[^\[\],"]+')
NAME = re.compile(r'"([^\W\d]\w*)"')


def is_json(text: str) -> bool:
    """Whether a text is a term in JSON: a list with names in quotes, which terms do not have."""
    return '"' in text and BEGINS.match(text) is not None


def plain(text: str) -> str:
    """A term in JSON as formulas write it, character by character in its place; any other text as it is."""
    if not is_json(text):
        return text
    calls = text.count('["')
    if text.count("[") == calls and text.count('"') == 2 * calls == 2 * (text.count('",') + text.count('"]')):
        return text.replace('["', "  ").replace('",', "( ").replace('"]', "(]").replace("]", ")")
    return _by_tokens(text)


def _by_tokens(text: str) -> str:
    """The same where lists hold numbers, operands are names, or blanks stand elsewhere."""
    pieces: list[str] = []
    closing: list[str] = []
    tokens = TOKEN.findall(text)
    for place, token in enumerate(tokens):
        if token == "[":
            name = _following(tokens, place + 1)
            is_call = name is not None and NAME.fullmatch(tokens[name]) is not None
            closing.append(")" if is_call else "]")
            pieces.append(" " if is_call else "[")
            if is_call and name is not None:
                comma = _following(tokens, name + 1)
                tokens[name] = f" {tokens[name][1:-1]}("
                if comma is not None and tokens[comma] == ",":
                    tokens[comma] = " "
        elif token == "]":
            pieces.append(closing.pop() if closing else "]")
        elif NAME.fullmatch(token):
            pieces.append(f" {token[1:-1]} ")
        else:
            pieces.append(token)
    return "".join(pieces)


def _following(tokens: list[str], place: int) -> int | None:
    """The place of the next token that is no blank."""
    while place < len(tokens) and tokens[place].isspace():
        place += 1
    return place if place < len(tokens) else None
