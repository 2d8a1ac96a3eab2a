"""Places to run in that are not a developer's: nobody's home, another user, a zip file, folders that are read-only."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random

from tests.hostile.frame import assert_told, command, run, words_of
from tests.transcripts import ROOT

NOBODY = 12345
"""A user that no system knows."""

TERMS = 130_000
"""Of a text that is large enough for compiled loops."""

COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "eval": (("eval", "(x+y)*z", "x=1", "y=2", "z=3"), "9\n"),
    "grad": (("grad", "x^2", "x=3"), "result = 9\nd/dx = 6\n"),
    "an option": (("eval", "x+1", "x=1", "--json"), '{"values": {"result": 2.0}}\n'),
    "help": (("--help",), "Evaluate, differentiate"),
    "version": (("--version",), "cg "),
    "a misspelt command": (("evl", "1"), ""),
    "digits": (("eval", "sqrt(2)", "--digits", "30"), "1.41421356237309504880168872421\n"),
    "info": (("info",), "cg "),
    "info of a formula": (("info", "x*y"), "inputs"),
    "ops": (("ops", "sin"), "sin(x)"),
    "trace": (("trace", "x*y", "x=2", "y=3"), "Forward"),
    "tree": (("draw", "x*y", "x=2", "y=3"), "result"),
    "picture": (("draw", "x*y", "-o", "{out}/out.svg"), ""),
    "export": (("export", "x*y", "-o", "{out}/out.npz"), ""),
    "table": (("eval", "x*y", "--data", "{in}/rows.csv", "-o", "{out}/out.csv"), ""),
    "native table": (("grad", "sin(x)*y", "--data", "{in}/rows.csv", "--engine", "native", "-o", "-"), "result,"),
    "large text": (("eval", "{in}/large.cg", "x=0.5"), f"{TERMS * 0.5:g}\n"),
    "large gradient": (("grad", "{in}/large.cg", "x=0.5"), f"result = {TERMS * 0.5:g}\n"),
    "long fold": (("eval", "s(a, i) = a + x\nfold(s, 0, range(100000))", "x=1"), "100000\n"),
}
"""Name -> words, and how the output begins."""


class Place:
    """What a kind of place changes: the environment, the words before cg's own, the user."""

    def __init__(self, env: Mapping[str, str], *, python: tuple[str, ...] = (), stranger: bool = False) -> None:
        self.env = {"PYTHONPATH": str(ROOT), **env, "PYTHONDONTWRITEBYTECODE": "1"}
        self.python = python
        self.stranger = stranger


def bare() -> dict[str, str]:
    """An environment with hardly anything in it."""
    return {"PATH": "/usr/bin:/bin"}


def zipped(compiled: bool) -> Callable[[], Place]:
    return lambda: Place({**os.environ, "PYTHONPATH": str(archive(compiled))})


@cache
def archive(compiled: bool) -> Path:
    """The package in a zip file: its sources, or nothing but what is compiled."""
    home = Path(tempfile.mkdtemp(prefix="cg-hostile-"))
    shutil.copytree(ROOT / "cgcli", home / "cgcli", ignore=shutil.ignore_patterns("__pycache__"))
    if compiled:
        compileall.compile_dir(home / "cgcli", quiet=2, legacy=True)
    packed = home / "cg.zip"
    ending = ".pyc" if compiled else ".py"
    with zipfile.ZipFile(packed, "w") as into:
        for path in sorted((home / "cgcli").rglob(f"*{ending}")):
            into.write(path, path.relative_to(home))
    shutil.rmtree(home / "cgcli")
    return packed


PLACES: dict[str, Callable[[], Place]] = {
    "no home": lambda: Place({**bare(), "HOME": "/nonexistent"}),
    "no environment": lambda: Place(bare()),
    "an unknown user": lambda: Place({**bare(), "HOME": "/nonexistent"}, stranger=True),
    "an unknown user without a home": lambda: Place(bare(), stranger=True),
    "home is a file": lambda: Place({**bare(), "HOME": "/etc/passwd"}),
    "no folder for files of a moment": lambda: Place({**bare(), "TMPDIR": "/nonexistent", "XDG_CACHE_HOME": "/proc"}),
    "a zip file": zipped(compiled=False),
    "a zip file of compiled modules": zipped(compiled=True),
    "without docstrings": lambda: Place(dict(os.environ), python=("-OO",)),
    "warnings are errors": lambda: Place(dict(os.environ), python=("-W", "error")),
    "for developers": lambda: Place({**os.environ, "PYTHONDEVMODE": "1"}),
    "a narrow terminal": lambda: Place({**os.environ, "COLUMNS": "1", "LINES": "1"}),
    "no locale": lambda: Place({**bare(), "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}),
    "colour by force": lambda: Place({**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color"}),
}


AS_A_STRANGER = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
)  # fmt: skip
"""He may read everything, since an interpreter may stand in a home of somebody, and write nothing."""


@cache
def reason_to_skip(place: str) -> str | None:
    """Why a place cannot be tried here, if it cannot."""
    if not PLACES[place]().stranger:
        return None
    if os.geteuid() != 0:
        return "only root may become another user"
    if shutil.which("setpriv") is None or subprocess.run([*AS_A_STRANGER, "true"], check=False).returncode != 0:
        return "setpriv is not there, or may not do this"
    return None


def prepare(folder: Path) -> dict[str, Path]:
    """A folder to read from, and one that everybody may write to."""
    given, out = folder / "in", folder / "out"
    given.mkdir()
    out.mkdir()
    (given / "rows.csv").write_text("x,y\n1,2\n3,4\n")
    (given / "large.cg").write_text("+".join(["x"] * TERMS))
    for each in (*folder.parents, folder, given):
        if each.stat().st_uid == os.geteuid() and each != Path(each.root):
            each.chmod(each.stat().st_mode | 0o055)
    out.chmod(0o777)
    return {"in": given, "out": out}


def trial(random: Random, folder: Path) -> None:
    """A command in a place."""
    place = random.choice(list(PLACES))
    if not reason_to_skip(place):
        check(random.choice(list(COMMANDS)), place, folder)


def check(name: str, place_name: str, folder: Path) -> None:
    """It answers there as it does anywhere, and writes its file."""
    place = PLACES[place_name]()
    words, beginning = COMMANDS[name]
    folders = prepare(folder)
    line = words_of(*(word.format_map(folders) if "/" in word else word for word in words))
    started = [*(AS_A_STRANGER if place.stranger else ()), line[0], *place.python, *line[1:]]
    done = run(started, folders["out"], env=place.env)
    said = f"`{name}` in `{place_name}`: {done}"
    assert_told(done)
    assert done.returncode == (2 if name == "a misspelt command" else 0), said
    plain = done.stdout.decode(errors="replace").replace("Usage: cg [OPTIONS] COMMAND [ARGS]...\n\n  ", "")
    assert place_name in ("colour by force", "a narrow terminal") or plain.startswith(beginning), said
    wanted = next((Path(word.format_map(folders)).name for word in words if word.startswith("{out}")), None)
    assert sorted(path.name for path in folders["out"].iterdir()) == ([wanted] if wanted else []), said
    if name != "a misspelt command" and place_name != "warnings are errors":
        assert not done.stderr or b"rows" in done.stderr, said


if __name__ == "__main__":
    command(trial)
