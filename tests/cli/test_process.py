"""What only a process of its own can show: pipes, full disks, signals, colour, completion, `python -m`."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.transcripts import ROOT

CG = [sys.executable, "-m", "cgcli"]
FULL = Path("/dev/full")


def run(*words: str, text: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """One process of cg with further environment variables."""
    return subprocess.run(
        [*CG, *words], input=text, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60
    )


def test_python_m_is_the_same_program() -> None:
    done = run("eval", "(x+y)*z", "x=1", "y=2", "z=3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "9\n", "")


def test_standard_input() -> None:
    done = run("grad", "-", "x=3", text="x^2\n")
    assert (done.returncode, done.stdout) == (0, "result = 9\nd/dx = 6\n")


def test_a_wrong_formula_is_2_and_stays_off_standard_output() -> None:
    done = run("eval", "2x", "x=1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("formula error: ")


def test_a_closed_pipe_is_quiet() -> None:
    lines = "output " + ", ".join(f"y{n}" for n in range(20_000))
    formula = "\n".join([*(f"y{n} = {n}" for n in range(20_000)), lines])
    process = subprocess.Popen(
        [*CG, "eval", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(formula)
    process.stdin.close()
    assert process.stdout.readline() == "y0 = 0\n"
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) in (0, 1, 141)
    assert told == ""


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full to stand for a full disk")
def test_a_full_disk_is_one_line() -> None:
    with FULL.open("w") as full:
        done = subprocess.run([*CG, "eval", "1+1"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "error: cannot write the output: No space left on device\n"


def on_a_terminal(**environment: str) -> str:
    """Standard error of a wrong line, on a pseudo terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([*CG, "eval", "2x"], stderr=theirs, stdout=theirs, env={**plain(), **environment})
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # how Linux tells the end of a pseudo terminal
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(60) == 2
    return shown.decode()


def plain() -> dict[str, str]:
    """The environment without what decides about colour."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    return {**kept, "TERM": "xterm-256color"}


def test_errors_are_coloured_on_a_terminal_only() -> None:
    assert "\033[31m" in on_a_terminal()
    assert "\033" not in on_a_terminal(NO_COLOR="1")
    assert "\033" not in on_a_terminal(TERM="dumb")
    assert "\033" not in run("eval", "2x").stderr


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["plain form", "with an option"])
def test_ctrl_c_ends_a_long_calculation_in_one_line(options: list[str]) -> None:
    formula = "s(a, i) = sin(a) + i\nt(a, i) = fold(s, a, range(10^6))\nfold(t, x, range(9000))"
    process = subprocess.Popen(
        [*CG, "eval", formula, "x=1", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell in the background ignores it
    )  # fmt: skip
    time.sleep(1.0)  # long past the start, long before the end
    process.send_signal(signal.SIGINT)
    try:
        shown, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, shown, told) == (130, "", "interrupted\n")


def test_completion_names_the_commands_and_options() -> None:
    script = run(_CG_COMPLETE="source_bash")  # `--show-completion` looks among the processes for a shell
    assert "_CG_COMPLETE" in script.stdout
    found = run(_CG_COMPLETE="complete_bash", COMP_WORDS="cg ", COMP_CWORD="1").stdout.split()
    assert {"eval", "grad"} <= set(found)
    found = run(_CG_COMPLETE="complete_bash", COMP_WORDS="cg eval --j", COMP_CWORD="2").stdout.split()
    assert found == ["--json"]


def test_a_scalar_needs_no_heavy_module() -> None:
    script = (
        "import sys; from cgcli.__main__ import main; main(['eval', '(x+y)*z', 'x=1', 'y=2', 'z=3']);"
        "print(*sorted(set('numpy scipy mpmath lark typer click rich llvmlite graphviz_pure typing dataclasses inspect'"
        ".split()) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "9\n\n"
