"""Random sessions of `cg live`, wrong lines among them: a refused line changes nothing, all can be undone, and what is
saved gives the same bits.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from random import Random
from typing import Any

import cgcli as cg
from cgcli.cli.session.changes import is_same
from cgcli.cli.session.lines import Line
from cgcli.cli.session.saving import session_text
from cgcli.cli.session.session import Session
from cgcli.errors import CgError
from tests.hostile.frame import command

MODEL = "y = sin(x)\nb = 2*t\nloss = (y - b)^2"
NAMES = ("x", "t", "y", "b", "loss", "k", "m", "q")
NUMBERS = ("0.5", "-1.25", "1/3", "0", "1e-300", "-0.0", "2", "[1, 2]")
LINES = 25
WRONG = ("x +", ":nosuch", "# a comment", "k = 1; k = nosuch", "x = 1; y = nosuch(x)", "k = 2; m = k + 1", "y = y")
QUESTIONS = (":grad", ":lazy", ":names", ":watch y", ":unwatch", ":watch loss", ":formula", ":show y")


def expression(random: Random, depth: int = 0) -> str:
    """A random expression, of names that there may be or not."""
    kind = random.random()
    if depth > 2 or kind < 0.35:
        return random.choice([*NAMES, "0.5", "2", "pi"])
    if kind < 0.6:
        return f"{random.choice(['sin', 'tanh', 'exp', 'abs', 'f', 'g'])}({expression(random, depth + 1)})"
    return f"({expression(random, depth + 1)} {random.choice('+-*/')} {expression(random, depth + 1)})"


def line(random: Random) -> str:
    """A random line."""
    name, other = random.choice(NAMES), random.choice(NAMES)
    made = [
        lambda: f"{random.choice('xt')} = {random.choice(NUMBERS)}",
        lambda: f"{random.choice('xt')} = {random.choice(NUMBERS)}",
        lambda: f"{name} = {expression(random)}",
        lambda: f"{name} = {expression(random)}",
        lambda: f"{random.choice('fg')}(a) = a*{expression(random)}",
        lambda: f":replace {random.choice([name, expression(random)])} with {expression(random)}",
        lambda: f":insert {random.choice(['clip(y, -1, 1)', '2*y', 'b + x', 'k^2'])} after {name}",
        lambda: f":remove {name}",
        lambda: f":rename {name} to {other}",
        lambda: random.choice([":undo", ":undo", ":redo"]),
        lambda: expression(random),
        lambda: random.choice(QUESTIONS),
        lambda: random.choice(WRONG),
    ]
    return random.choice(made)()


def state(session: Session) -> dict[str, Any]:
    """Every name with its value."""
    return {name: session.live[name] for name in session.live.names}


def require_same(found: dict[str, Any], wanted: dict[str, Any], told: str) -> None:
    assert sorted(found) == sorted(wanted), told
    for name, value in wanted.items():
        assert is_same(found[name], value), f"{told}: {name} is {found[name]}, not {value}"


def trial(random: Random, folder: Path) -> None:
    """One session."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cg.CgWarning)
        session = Session(cg.parse(MODEL).live(x=0.3, t=1.0))
        first = state(session)
        taken = []
        for _ in range(LINES):
            before = state(session)
            taken.append(line(random))
            try:
                session.run(Line(taken[-1]))
            except CgError:
                require_same(state(session), before, "\n".join([*taken, "was refused and changed something"]))
        now = state(session)
        text = session_text(session.live)
        again = Session(cg.parse(text).live())
        require_same(state(again), now, "\n".join([*taken, "is saved as", text]))
        assert list(again.live.outputs) == list(session.live.outputs)
        while session.can_undo:
            session.run(Line(":undo"))
        require_same(state(session), first, "\n".join([*taken, "and all of it undone"]))


if __name__ == "__main__":
    command(trial)
