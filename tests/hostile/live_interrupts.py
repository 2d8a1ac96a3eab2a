"""Ctrl-C at any moment of a live graph's life: what stands then is what the formula gives, nothing is half done.

Each step of a trial (new values, a question, derivatives, an edit, undo) gets a SIGINT after some microseconds.
"""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import cgcli as cg
from tests.hostile.frame import command

LINES = 30
LATEST = 6e-4
"""Seconds after the beginning of a step."""


def formula() -> str:
    """Sines in a chain, each of one of seven inputs."""
    chain = [f"y{n} = sin(x{n % 7}*{n + 1}) + y{n - 1}*0.5" for n in range(1, LINES)]
    return "\n".join(["y0 = x0", *chain, "loss = " + " + ".join(f"y{n}^2" for n in range(LINES))])


def interrupted(step: Callable[[], None], after: float) -> None:
    """A step with a SIGINT after so many seconds, if it is still going on then; that ends it and nothing else."""
    armed = [True]

    def strike(number: int, frame: object) -> None:
        if armed:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGALRM, strike)
    answer = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, after)
            step()
        finally:
            armed.clear()
    except KeyboardInterrupt:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, answer)


def trial(random: Random, folder: Path) -> None:
    """One life of thirty steps."""
    warnings.simplefilter("ignore")
    text = cg.parse(formula())
    live = text.live({name: random.random() for name in text.inputs})
    for _ in range(30):
        step = random.choice([set_values, ask, slopes, edit, edit, undo])
        values = live.values
        interrupted(partial(step, live, random), random.uniform(1e-6, LATEST))
        if step in (ask, slopes):
            assert live.values == values
        check(live)


def set_values(live, random):
    live.set({f"x{random.randrange(7)}": random.random() for _ in range(3)})


def ask(live, random):
    live[random.choice(["loss", "y7*y8", f"cos(y{random.randrange(LINES)})"])]


def slopes(live, random):
    live.grad("loss", wrt=random.choice([None, f"x{random.randrange(7)}"]))


def edit(live, random):
    with live.edit() as e:
        e.define(f"y{random.randrange(1, LINES)}", f"cos(x{random.randrange(7)})*{random.randrange(1, 9)}")
        e.replace("y3^2", "y3*x1")
        e.replace("y3*x1", "y3^2")


def undo(live, random):
    with suppress(cg.CgError):  # there may be nothing
        live.undo()


def check(live):
    """The live graph is the formula that it says it is."""
    now = live.formula()
    values = {name: live.values[name] for name in now.inputs}
    assert live["loss"] == now.eval(values, engine="python")
    found, expected = live.grad("loss"), now.grad(values)
    assert all(found[name] == slope for name, slope in expected.items())


if __name__ == "__main__":
    command(trial)
