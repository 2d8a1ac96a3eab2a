"""Too little memory: whatever is refused, and whenever, the answer is the result or one message."""

from __future__ import annotations

import resource
from pathlib import Path
from random import Random

from tests.hostile.frame import assert_told, command, environment, run, words_of

MEGABYTE = 1 << 20
LEAST = 40
"""Megabytes of addresses, below which the interpreter itself does not start."""

DOUBLING = "f0(x) = x + x\n" + "".join(f"f{i}(x) = f{i - 1}(f{i - 1}(x))\n" for i in range(1, 18)) + "f17(x)\n"

CASES: dict[str, tuple[list[str], int]] = {
    "a formula": (["eval", "(x+y)*z", "x=1", "y=2", "z=3"], 60),
    "options": (["grad", "x*sin(y)", "x=1", "y=2", "--json"], 120),
    "calls": (["eval", "doubling.cg", "x=1"], 500),
    "gradient of calls": (["grad", "doubling.cg", "x=1"], 700),
    "trace of calls": (["trace", "doubling.cg", "x=1"], 600),
    "sum": (["eval", "sum(i*x for i in range(10^6))", "x=2"], 900),
    "zeros": (["eval", "sum(zeros(10^8))"], 1500),
    "matrix": (["eval", "det(ones([2000, 2000]) + eye(2000))"], 700),
    "picture": (["draw", "sum(sin(i*x) for i in range(2000))", "--all", "-o", "out.svg"], 900),
    "table": (["eval", "x*y", "--data", "rows.csv", "-o", "out.csv"], 600),
    "digits": (["eval", "exp(x)", "x=1", "--digits", "100000"], 120),
    "native": (["eval", "sin(x)*exp(x)", "x=1", "--engine", "native"], 700),
}
"""Name -> words, and the megabytes up to which limits are tried."""


def trial(random: Random, folder: Path) -> None:
    """A command under a limit."""
    name = random.choice(list(CASES))
    words, most = CASES[name]
    limit = random.randrange(LEAST, most) * MEGABYTE
    (folder / "doubling.cg").write_text(DOUBLING)
    (folder / "rows.csv").write_text("x,y\n" + "0.5,1.25\n" * 200_000)
    done = run(
        words_of(*words), folder, env=environment(OPENBLAS_NUM_THREADS="1", PYTHONMALLOC="malloc"),
        before=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    said = done.stderr.decode(errors="replace")
    about = f"{name} in {limit // MEGABYTE} MB: exit code {done.returncode}, {said[-900:]}"
    if "in program" not in said and ("Fatal Python error" in said or "MemoryError" in said or done.returncode == 127):
        return  # the interpreter did not come up
    try:
        assert_told(done)
    except AssertionError:
        raise AssertionError(about) from None
    left = [path.name for path in folder.iterdir() if path.name.endswith(".partial")]
    assert not left, f"{about}, left {left}"


if __name__ == "__main__":
    command(trial)
