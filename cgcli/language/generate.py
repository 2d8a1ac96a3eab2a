"""Let Lark make the LALR(1) tables of the grammar and write them as the module `tables`, and scan without `re`.

Run `python -m cgcli.language.generate` after a change of grammar/formula.lark. What runs later are our own drivers of
these tables, so that neither Lark's start-up nor a tree is paid for; a test holds all to the same answers. The compiled
driver scans with the module `automaton`: one deterministic automaton of all terminals, which interegular makes of each.
"""

from __future__ import annotations

import re
from pathlib import Path
from pprint import pformat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lark import Lark

GRAMMARS = (
    Path(__file__).resolve().parents[2] / "grammar" / "formula.lark",
    Path(__file__).with_name("formula.lark"),
)
"""Where the grammar stands in a checkout and in an installed wheel."""

TARGET = Path(__file__).with_name("tables.py")
AUTOMATON = Path(__file__).with_name("bulk") / "automaton.py"


def grammar_text() -> str:
    """The text of grammar/formula.lark. FileNotFoundError where the installation lacks it."""
    for path in GRAMMARS:
        if path.exists():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError("grammar/formula.lark is missing")


def build_lark() -> Lark:
    """Lark's own parser of the grammar: LALR(1), a lexer without context, nothing filtered."""
    from lark import Lark

    return Lark(
        grammar_text(), parser="lalr", lexer="basic", start="program", keep_all_tokens=True, maybe_placeholders=False
    )


def generated() -> str:
    """The text of the module `tables`."""
    from cgcli.language import syntax

    lark = build_lark()
    table = lark.parser.parser._parse_table
    lexer = lark._build_lexer()
    keywords, patterns = _split_terminals(list(lexer.terminals))
    terminals = ["$END", *(name for name, _ in patterns), *keywords.values()]
    numbers = {name: number for number, name in enumerate(terminals)}
    rules = list(lark.rules)
    rule_numbers = {rule: number for number, rule in enumerate(rules)}
    states = _numbered_states(table)
    places = {state: number for number, state in enumerate(states)}
    constructs = {name: number for number, name in enumerate(dict.fromkeys(str(rule.origin.name) for rule in rules))}
    actions: list[dict[int, int]] = []
    gotos: list[dict[int, int]] = []
    for state in states:
        moves: dict[int, int] = {}
        jumps: dict[int, int] = {}
        for symbol, (action, argument) in sorted(table.states[state].items()):
            if action.name == "Reduce":
                moves[numbers[symbol]] = ~rule_numbers[argument]
            elif symbol in numbers:
                moves[numbers[symbol]] = places[argument]
            else:
                jumps[constructs[symbol]] = places[argument]
        actions.append(moves)
        gotos.append(jumps)
    emitted = {name: number for number, name in enumerate(syntax.NAMES)}
    reductions = [
        (constructs[rule.origin.name], len(rule.expansion), emitted[rule.alias] if rule.alias else -1) for rule in rules
    ]
    blank = next(terminal.pattern.to_regexp() for terminal in lexer.terminals if terminal.name == "BLANK")
    token = f"(?:{_uncaptured(blank)})*(?:" + "|".join(f"({pattern})" for _, pattern in patterns) + ")?"
    return "\n".join((
        '"""LALR(1) tables of grammar/formula.lark. Made by `python -m cgcli.language.generate`; do not edit."""',
        "",
        "# ruff: noqa",
        f"TOKEN = {token!a}",
        f"TERMINALS = {_literal(terminals)}",
        f"KEYWORDS = {_literal({word: numbers[name] for word, name in keywords.items()})}",
        f"REDUCTIONS = {_literal(reductions)}",
        f"ACTIONS = {_literal(actions)}",
        f"GOTOS = {_literal(gotos)}",
        f"START = {places[table.start_states['program']]}",
        f"END = {places[table.end_states['program']]}",
        "",
    ))  # fmt: skip


def generated_automaton() -> str:
    """The text of the module `automaton`: the subset construction over the automata of all terminals.

    Where several terminals match the same characters, words of the language go before names. See A. Aho et al.,
    Compilers, 2nd ed., section 3.8.3 for scanners from automata.
    """
    from interegular import parse_pattern

    from cgcli.language import tables

    numbers = {name: number for number, name in enumerate(tables.TERMINALS)}
    blank = len(tables.TERMINALS)
    terminals = sorted(
        build_lark()._build_lexer().terminals,
        key=lambda terminal: numbers.get(terminal.name, blank) not in tables.KEYWORDS.values(),
    )
    automata = [parse_pattern(terminal.pattern.to_regexp()).to_fsm() for terminal in terminals]
    accepted = [numbers.get(terminal.name, blank) for terminal in terminals]
    starts, classes, kinds = _character_classes(automata)
    states: list[tuple[int | None, ...]] = [tuple(automaton.initial for automaton in automata)]
    places = {states[0]: 0}
    moves: list[list[int]] = []
    for state in states:  # grows while it is walked
        moves.append([])
        for kind in kinds:
            following = tuple(map(_moved, automata, state, kind))
            if any(part is not None for part in following) and following not in places:
                places[following] = len(states)
                states.append(following)
            moves[-1].append(places.get(following, -1))
    accepts = [
        next((accepted[place] for place, part in enumerate(state) if part in automata[place].finals), -1)
        for state in states
    ]
    moves, accepts = _minimal(moves, accepts)
    return "\n".join((
        '"""The scanner of grammar/formula.lark. Made by `python -m cgcli.language.generate`; do not edit.',
        "",
        "Characters from CLASS_STARTS[k] up to the next start are of class CLASSES[k]. MOVES[state][class] is the next",
        "state (-1: none); ACCEPTS[state] is the terminal that ends here, len(TERMINALS) for a blank (-1: none).",
        '"""',
        "",
        "# ruff: noqa",
        f"CLASS_STARTS = {_literal(starts)}",
        f"CLASSES = {_literal(classes)}",
        f"MOVES = {_literal(moves)}",
        f"ACCEPTS = {_literal(accepts)}",
        "",
    ))  # fmt: skip


def _minimal(moves: list[list[int]], accepts: list[int]) -> tuple[list[list[int]], list[int]]:
    """The same automaton without states that do the same. See A. Aho et al., Compilers, 2nd ed., section 3.9.6."""
    group = [accept + 1 for accept in accepts]
    count = 0
    while count < len(set(group)):
        count = len(set(group))
        told = [
            (mine, *(group[target] if target >= 0 else -1 for target in row))
            for mine, row in zip(group, moves, strict=True)
        ]
        numbers = {each: number for number, each in enumerate(dict.fromkeys(told))}
        group = [numbers[each] for each in told]
    firsts = [group.index(number) for number in range(count)]
    kept = [[group[target] if target >= 0 else -1 for target in moves[first]] for first in firsts]
    return kept, [accepts[first] for first in firsts]


def _character_classes(automata: list[Any]) -> tuple[list[int], list[int], list[tuple[int, ...]]]:
    """Ranges of characters that no automaton tells apart: where each begins, its class, and the symbols of a class."""
    from interegular.fsm import anything_else

    mentioned = {ord(symbol) for automaton in automata for symbol in automaton.alphabet if symbol != anything_else}
    starts: list[int] = []
    classes: list[int] = []
    kinds: dict[tuple[int, ...], int] = {}
    for point in sorted({0, *mentioned, *(point + 1 for point in mentioned)}):
        symbol = chr(point) if point in mentioned else anything_else
        number = kinds.setdefault(tuple(automaton.alphabet[symbol] for automaton in automata), len(kinds))
        if not classes or classes[-1] != number:
            starts.append(point)
            classes.append(number)
    return starts, classes, list(kinds)


def _moved(automaton: Any, state: int | None, symbol: int) -> int | None:
    """The next state of one automaton; None where no text can be matched any more."""
    following = automaton.map.get(state, {}).get(symbol)
    return following if following is not None and automaton.islive(following) else None


def _numbered_states(table: Any) -> list[int]:
    """The states in the order in which the start state reaches them, symbol by symbol.

    Lark numbers them as its sets happen to be ordered; this order is the same in every process.
    """
    states = [table.start_states["program"]]
    known = set(states)
    for state in states:  # grows while it is walked
        for _, (action, argument) in sorted(table.states[state].items()):
            if action.name != "Reduce" and argument not in known:
                known.add(argument)
                states.append(argument)
    return states


def _split_terminals(terminals: list[Any]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Words that look like names (word -> terminal), and (terminal, pattern) of the others in the lexer's order."""
    name = next(re.compile(terminal.pattern.to_regexp()) for terminal in terminals if terminal.name == "NAME")
    keywords: dict[str, str] = {}
    patterns: list[tuple[str, str]] = []
    for terminal in terminals:
        pattern = terminal.pattern
        if pattern.type == "str" and name.fullmatch(pattern.value):
            keywords[pattern.value] = terminal.name
        elif terminal.name != "BLANK":
            patterns.append((terminal.name, _uncaptured(pattern.to_regexp())))
    return keywords, patterns


def _uncaptured(pattern: str) -> str:
    """A pattern whose groups capture nothing."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)


def _literal(value: object) -> str:
    return pformat(value, width=120, compact=True, sort_dicts=False)


if __name__ == "__main__":
    TARGET.write_text(generated(), encoding="utf-8")
    AUTOMATON.write_text(generated_automaton(), encoding="utf-8")
