"""Outputs whose encoding lacks a character: all of the output comes, and what a program reads is not changed."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from tests.hostile.frame import assert_told, command, environment, run, words_of

ENCODINGS = ("ascii", "cp1252", "cp437", "cp932", "koi8-r", "latin-1", "utf-8", "gbk:strict", "ascii:ignore")

GREEK = ("γ*x + Δ", "x=1.5", "γ=2", "Δ=0.25")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("eval", "y = γ*x; z = γ+x", "x=1", "γ=2"),
    ("eval", *GREEK, "--json"),
    ("eval", "γ*x", "--data", "rows.csv"),
    ("eval", "δ = γ*x; δ", "--data", "rows.csv", "-o", "-"),
    ("eval", "γ*x", "--data", "rows.csv", "--json"),
    ("eval", "γ*x", "--data", "rows.csv", "--keep", "all", "-o", "out.csv"),
    ("eval", "γ*x + ε", "x=1", "γ=2"),
    ("eval", "γ*☃", "γ=2"),
    ("eval", "no such file.cg"),
    ("eval", "log(γ)", "γ=-1"),
    ("grad", *GREEK),
    ("grad", *GREEK, "--json"),
    ("grad", *GREEK, "--hessian"),
    ("grad", *GREEK, "--check"),
    ("grad", "γ*sin(x)", "--symbolic"),
    ("grad", "γ*x", "--data", "rows.csv", "-o", "-"),
    ("trace", *GREEK),
    ("trace", *GREEK, "--json"),
    ("draw", *GREEK),
    ("draw", *GREEK, "--grad", "-o", "out.svg"),
    ("draw", *GREEK, "--grad", "-o", "out.dot"),
    ("export", "γ*x", "-o", "out.npz"),
    ("info", "γ*x"),
    ("info", "γ*x", "--json"),
    ("ops",),
    ("ops", "pi", "diff"),
    ("ops", "π"),
    ("ops", "sin", "--json"),
    ("--help",),
    ("grad", "--help"),
    ("grad", "γ*x", "--γ"),
    ("gräd",),
)


def trial(random: Random, folder: Path) -> None:
    """A command in an encoding, beside the same command in UTF-8."""
    check(random.choice(COMMANDS), random.choice(ENCODINGS), folder)


def check(words: tuple[str, ...], encoding: str, folder: Path) -> None:
    """The same lines, the same JSON, the same files; and the same words on standard error."""
    (folder / "rows.csv").write_text("x,γ\n1,2\n3,4\n", encoding="utf-8")
    found = []
    for name in ("utf-8", encoding):
        done = run(words_of(*words), folder, env=environment(PYTHONIOENCODING=name, COLUMNS="200"))
        assert_told(done)
        written = {path.name: path.read_bytes() for path in folder.glob("out.*") if path.suffix != ".npz"}
        found.append((done, written))
    (plain, plain_files), (done, files) = found
    codec = encoding.partition(":")[0]
    shown = done.stdout.decode(codec if "-" not in words else "utf-8")  # decodes whole; a table is a file
    assert done.returncode == plain.returncode, done
    assert files == plain_files, "a file depends on the encoding of the terminal"
    assert len(shown.splitlines()) == len(plain.stdout.decode().splitlines()), shown
    assert len(done.stderr.splitlines()) == len(plain.stderr.splitlines()), done.stderr
    if "--json" in words and done.returncode == 0:
        ours, theirs = json.loads(shown), json.loads(plain.stdout)
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}, shown
    if "-" in words:
        assert done.stdout == plain.stdout


if __name__ == "__main__":
    command(trial)
