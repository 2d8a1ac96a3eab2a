"""`cg live` at a real terminal: prompt, completion, history, Ctrl-C and Ctrl-D; with prompt_toolkit and without it."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="there are no such terminals on this system")

HEARD = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""A child of a test that runs in the background is born deaf to Ctrl-C."""

OWN = HEARD + "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
"""The terminal is the child's own: Ctrl-C that is typed there is a signal for it."""

PLAIN = "import sys; sys.modules['prompt_toolkit'] = None; from cgcli.__main__ import program; program()"
WITH = "from cgcli.__main__ import program; program()"
INTERRUPTED = f"""{HEARD}
import os
from cgcli.live.live import LiveGraph
usual = LiveGraph.__getitem__
def interrupted(live, key):
    if key == "y*1.5":
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(10**6))
    return usual(live, key)
LiveGraph.__getitem__ = interrupted
"""
"""Ctrl-C in the middle of an evaluation, at the same place in every run."""

SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")


class Terminal:
    """A child process at a terminal of its own."""

    def __init__(self, code: str, folder: Path, columns: int = 80) -> None:
        variables = {
            **os.environ, "PYTHONPATH": os.getcwd(), "XDG_STATE_HOME": str(folder / "state"), "TERM": "xterm",
            "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": str(columns), "LINES": "40", "NO_COLOR": "1",
        }  # fmt: skip
        self.shown = ""
        self._end, other = pty.openpty()
        words = [sys.executable, "-c", OWN + code, "live", "y = sin(x); loss = (y - t)^2", "x=0.3", "t=1"]
        self._child = subprocess.Popen(
            words, stdin=other, stdout=other, stderr=other, env=variables, start_new_session=True
        )
        os.close(other)

    def type(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    def wait_for(self, text: str) -> None:
        """Read until a text is shown, and forget what was shown up to it."""
        while text not in self.shown:
            ready, _, _ = select.select([self._end], [], [], 60)
            assert ready, f"no `{text}` in {self.shown!r}"
            try:
                self.shown += SEQUENCES.sub("", os.read(self._end, 65536).decode(errors="replace"))
            except OSError:  # the child has ended
                raise AssertionError(f"no `{text}` in {self.shown!r}") from None
        self.shown = self.shown.partition(text)[2]

    def code(self) -> int:
        """The exit code, once the child has ended."""
        with suppress(OSError):
            while os.read(self._end, 65536):
                pass
        os.close(self._end)
        return self._child.wait(60)


@pytest.mark.parametrize("code", [PLAIN, WITH], ids=["plain", "prompt_toolkit"])
def test_a_session_at_a_terminal(tmp_path: Path, code: str) -> None:
    if code == WITH:
        pytest.importorskip("prompt_toolkit")
    terminal = Terminal(code, tmp_path)
    terminal.wait_for("loss = 0.49629")
    terminal.wait_for("cg>")
    terminal.type("x = 0.5\r")
    terminal.wait_for("→ 0.27099")
    terminal.wait_for("cg>")
    terminal.type("x +\r")
    terminal.wait_for("<session>:2:3")
    terminal.wait_for("cg>")
    terminal.type("half of a line")
    terminal.wait_for("half of a line")
    terminal.type("\x03\r")  # Ctrl-C that comes just before the program reads waits for the next key
    terminal.wait_for("cg>")
    terminal.type("y\r")
    terminal.wait_for("0.479425538604203")
    terminal.wait_for("cg>")
    if code == WITH:
        terminal.type(":for\t\r")
        terminal.wait_for("loss = (y - t)^2")
        terminal.wait_for("cg>")
    terminal.type("\x04")
    assert terminal.code() == 0
    history = tmp_path / "state" / "cgcli" / "live_history"
    assert history.exists() == (code == WITH)
    if code == WITH:
        assert history.stat().st_mode & 0o777 == 0o600
        assert "+x = 0.5\n" in history.read_text()


@pytest.mark.parametrize("code", [PLAIN, WITH], ids=["plain", "prompt_toolkit"])
def test_ctrl_c_in_an_evaluation_ends_it_alone(tmp_path: Path, code: str) -> None:
    if code == WITH:
        pytest.importorskip("prompt_toolkit")
    terminal = Terminal(INTERRUPTED + code, tmp_path, columns=40)
    terminal.wait_for("cg>")
    terminal.type("y*1.5\r")
    terminal.wait_for("interrupted; nothing has changed")
    terminal.wait_for("cg>")
    terminal.type("t = 2\r")
    terminal.wait_for("  → 2.9")
    terminal.wait_for("cg>")
    terminal.type(":quit\r")
    assert terminal.code() == 0
