"""The tables of the scanner and of the parser as dense columns, as the compiled driver (`reader`) looks things up.

They are made of `automaton` and `tables`, which are made of the grammar; nothing here knows the language.
"""

from __future__ import annotations

import numpy as np

from cgcli.language import syntax, tables, tokens
from cgcli.language.bulk import automaton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    Column = NDArray[Any]

# ---- the scanner -----------------------------------------------------------------------------------------------

BLANK = len(tables.TERMINALS)
NOTHING = BLANK + 1
"""What the scanner finds beside terminals: a blank, and no token."""

SCAN_STATES = len(automaton.MOVES)
CODES = 256
END_OF_TEXT = CODES - 1
"""The scanner reads codes of characters: their classes, or themselves in a text of ASCII. The last one ends a text."""

CLASS = np.repeat(
    np.array(automaton.CLASSES, dtype=np.uint8),
    np.diff([*automaton.CLASS_STARTS, automaton.CLASS_STARTS[-1] + 1]),
)
"""Class of each character; those behind the last entry are of the class of that one."""


def _scanner(class_of_code: Column) -> Column:
    """Next state by state and code (at state * CODES + code); where there is none, SCAN_STATES + what ends here."""
    ended = SCAN_STATES + np.where(np.array(automaton.ACCEPTS) < 0, NOTHING, automaton.ACCEPTS)
    moves = np.repeat(ended[:, np.newaxis], CODES, axis=1).astype(np.uint16)
    following = np.array(automaton.MOVES)[:, class_of_code]
    known = moves[:, : len(class_of_code)]
    known[following >= 0] = following[following >= 0]
    return moves.ravel()


SCAN_ASCII = _scanner(CLASS[:128])
SCAN_CLASSES = _scanner(np.arange(len(automaton.MOVES[0])))


def _skipped_state() -> int:
    """The state of a run of blanks: a character leads into it from the start and from itself, or ends it; -1: none."""
    start = np.array(automaton.MOVES[0])
    for state, accepted in enumerate(automaton.ACCEPTS):
        run = np.where(start == state, state, -1)
        if accepted == BLANK and (run == automaton.MOVES[state]).all() and (run == state).any():
            return state
    return -1


SKIPPED = _skipped_state()


def _words() -> list[int]:
    """The terminals of which a reduction makes a name or a number, and nothing else."""
    alone = {(1, syntax.NAME), (1, syntax.NUMBER)}
    made = [{tables.REDUCTIONS[~action][1:] for action in row.values() if action < 0} for row in tables.ACTIONS]
    shifts = {(kind, state) for row in tables.ACTIONS for kind, state in row.items() if state >= 0}
    return sorted({kind for kind, state in shifts if made[state] & alone})


WORD, NUMERAL, PLAIN, SEPARATES, OPENS, CLOSES, IGNORED, MISSING = range(8)
"""Roles of what the scanner finds."""

ROLE = np.full(NOTHING + 1, PLAIN, dtype=np.uint8)
ROLE[_words()] = WORD
ROLE[tokens.NUMBER] = NUMERAL
ROLE[tokens.SEPARATOR] = SEPARATES
ROLE[list(tokens.OPENING)], ROLE[list(tokens.CLOSING)] = OPENS, CLOSES
ROLE[BLANK], ROLE[NOTHING] = IGNORED, MISSING

# ---- the parser ------------------------------------------------------------------------------------------------

KINDS = len(tables.TERMINALS)
CONSTRUCTS = 1 + max(target for target, _, _ in tables.REDUCTIONS)
CELLS = KINDS * CONSTRUCTS

NO_ACTION, ACCEPT = 1 << 14, 1 << 14 | 1
"""Actions beside shifts (the next state, which is smaller than these) and reductions (negative)."""

CELL_BITS, LENGTH_BITS = 16, 4
"""A reduction is ~(construct * KINDS | length << CELL_BITS | (rule that it emits + 1) << (CELL_BITS + LENGTH_BITS))."""

STATE_BITS = 32
"""Where a state and the action in it are one number: state | action << STATE_BITS."""


def _actions() -> Column:
    """The action by state and terminal."""
    actions = np.full((len(tables.ACTIONS), KINDS), NO_ACTION, dtype=np.int32)
    for state, row in enumerate(tables.ACTIONS):
        for kind, action in row.items():
            actions[state, kind] = action if action >= 0 else _reduction(*tables.REDUCTIONS[~action])
    actions[tables.END, tokens.END] = ACCEPT
    return actions


def _reduction(construct: int, length: int, emitted: int) -> int:
    """A reduction as an action."""
    return ~(construct * KINDS | length << CELL_BITS | (emitted + 1) << (CELL_BITS + LENGTH_BITS))


def _settled(actions: Column) -> Column:
    """By state below, construct and next terminal the state after the construct is reduced to, and its action.

    Reductions of one symbol that emit no row follow each other in long chains, from an atom up to an expression, and
    change nothing but the state on top: the chain is one step here.
    """
    gotos = np.full((len(tables.GOTOS), CONSTRUCTS), -1, dtype=np.int64)
    for number, row in enumerate(tables.GOTOS):
        gotos[number, list(row)] = list(row.values())
    below, construct, kind = np.nonzero(np.repeat(gotos[:, :, np.newaxis], KINDS, axis=2) >= 0)
    state = gotos[below, construct]
    going = np.arange(len(state))
    while len(going):
        action = actions[state[going], kind[going]]
        chained = (action < 0) & (~action >> CELL_BITS == 1)
        going, reduction = going[chained], ~action[chained]
        state[going] = gotos[below[going], (reduction & (1 << CELL_BITS) - 1) // KINDS]
    settled = np.full((len(gotos), CONSTRUCTS, KINDS), NO_ACTION << STATE_BITS, dtype=np.int64)
    settled[below, construct, kind] = state | actions[state, kind].astype(np.int64) << STATE_BITS
    return settled.ravel()


SETTLED = _settled(_actions())
ACTIONS = _actions().ravel()
