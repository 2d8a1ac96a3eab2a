"""A disk that is full: the old file stays whole, nothing is left, and the message names the file.

The disk is a limit on the size of a file (RLIMIT_FSIZE), which every user may set: the system refuses the next byte.
"""

from __future__ import annotations

import resource
from pathlib import Path
from random import Random

from tests.hostile.frame import assert_told, command, run, words_of

ROWS = 20_000

CASES: dict[str, list[str]] = {
    "out.csv": ["eval", "x*y", "--data", "rows.csv"],
    "out.tsv": ["grad", "x*y", "--data", "rows.csv"],
    "out.parquet": ["eval", "x*y + row", "--data", "rows.csv"],
    "out.arrow": ["eval", "x*y", "--data", "rows.csv"],
    "out.npy": ["eval", "x*y", "--data", "rows.csv"],
    "out.npz": ["eval", "x*y", "--data", "rows.csv"],
    "out.svg": ["draw", "sin(x*y)+exp(x)"],
    "out.png": ["draw", "sin(x*y)+exp(x)"],
    "graph.npz": ["export", "sum(i*x for i in range(2001))"],
}
"""File -> words; each file has more bytes than the largest limit."""

MOST = 1_500


def trial(random: Random, folder: Path) -> None:
    """One file that does not fit."""
    name = random.choice(list(CASES))
    rows = "".join(f"0.5,1.25,{row}\n" for row in range(ROWS))
    (folder / "rows.csv").write_text(f"x,y,row\n{rows}")
    old = random.choice([None, b"the old file"])
    if old is not None:
        (folder / name).write_bytes(old)
    limit = random.randrange(MOST)
    done = run(
        words_of(*CASES[name], "-o", name), folder,
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert_told(done)
    about = f"{name} of {limit} bytes: {done}"
    assert done.returncode == 1, about
    assert f"cannot write `{name}`: File too large" in done.stderr.decode(), about
    expected = ["rows.csv"] + ([name] if old is not None else [])
    assert sorted(path.name for path in folder.iterdir()) == sorted(expected), about
    assert old is None or (folder / name).read_bytes() == old, about


if __name__ == "__main__":
    command(trial)
