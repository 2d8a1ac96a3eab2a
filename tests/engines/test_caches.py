"""Compiled code is kept, and read, only where nobody else can write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cgcli.caches import cache_folder, is_private, numba_folder
from cgcli.engines.native import cache

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners and modes of files are those of POSIX")
as_root = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files to others and become another user"
)
OTHER = 65534
KEY = "0" * cache.KEY


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, with one entry."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache.write(KEY, b"code")
    folder = cache_folder("native")
    assert folder is not None
    assert cache.read(KEY) == b"code"
    return folder


@posix
@pytest.mark.parametrize("what", ["folder", "entry"])
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
def test_what_others_can_write_is_not_read(home: Path, what: str, mode: int) -> None:
    (home if what == "folder" else home / KEY).chmod(mode)
    assert cache.read(KEY) is None


@posix
def test_links_are_not_followed(home: Path, tmp_path: Path) -> None:
    (home / KEY).rename(tmp_path / "entry")
    (home / KEY).symlink_to(tmp_path / "entry")
    assert cache.read(KEY) is None
    (home / KEY).unlink()
    (tmp_path / "entry").rename(home / KEY)
    assert cache.read(KEY) == b"code"
    home.rename(tmp_path / "native")
    home.symlink_to(tmp_path / "native")
    assert cache.read(KEY) is None
    cache.write("1" * cache.KEY, b"more")
    assert not (tmp_path / "native" / ("1" * cache.KEY)).exists()


@as_root
@pytest.mark.parametrize("what", ["folder", "entry"])
def test_what_others_own_is_not_read(home: Path, what: str) -> None:
    os.chown(home if what == "folder" else home / KEY, OTHER, OTHER)
    assert cache.read(KEY) is None


def test_a_damaged_entry_is_not_read(home: Path) -> None:
    (home / KEY).write_bytes((home / KEY).read_bytes()[:-1] + b"x")
    assert cache.read(KEY) is None


def test_the_sweep_deletes_what_was_used_longest_ago_and_no_file_of_others(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "ENTRIES", 2)
    (home / "notes.txt").write_text("mine")
    os.utime(home / KEY, (1, 1))
    for digit in "12":
        cache.write(digit * cache.KEY, b"code")
    assert sorted(path.name[0] for path in home.iterdir()) == ["1", "2", "n"]


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody(cls: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", classmethod(nobody))
    cache.write(KEY, b"code")
    assert cache.read(KEY) is None
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    assert numba_folder(__file__) == (None, False)


# ---- numba's -------------------------------------------------------------------------------------------------------


@posix
def test_numba_keeps_its_code_where_nobody_else_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    package = tmp_path / "package"
    package.mkdir()
    module = package / "loops.py"
    module.touch()
    private = tmp_path / "cache" / "cgcli" / "numba"
    assert numba_folder(str(module), make=True) == (package / "__pycache__", True)
    (package / "__pycache__").chmod(0o777)
    assert numba_folder(str(module), make=True) == (private, False)
    told = tmp_path / "told"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(told))
    assert numba_folder(str(module), make=True) == (told, False)
    told.chmod(0o770)
    assert numba_folder(str(module), make=True) == (private, False)
    private.chmod(0o777)
    assert numba_folder(str(module), make=True) == (None, False)
    assert numba_folder(str(tmp_path / "library.zip" / "cgcli" / "loops.py")) == (None, False)


@posix
def test_a_folder_is_private_only_where_those_above_it_are(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert is_private(tmp_path / "a" / "b")
    (tmp_path / "a").chmod(0o777)
    assert not is_private(tmp_path / "a" / "b")
    (tmp_path / "a").chmod(0o1777)  # as /tmp is: nobody can move what others own
    assert is_private(tmp_path / "a" / "b")
    assert not is_private(tmp_path / "missing")


@posix
@pytest.mark.parametrize(("mode", "kept"), [(0o700, True), (0o777, False)])
def test_compiled_loops_are_not_read_from_a_folder_of_everybody(tmp_path: Path, mode: int, kept: bool) -> None:
    pytest.importorskip("numba")
    told, own = tmp_path / "told", tmp_path / "own"
    told.mkdir()
    told.chmod(mode)
    surroundings = {**os.environ, "NUMBA_CACHE_DIR": str(told), "XDG_CACHE_HOME": str(own), "PYTHONPATH": str(ROOT)}
    text = (
        "import numpy as np; from cgcli import loops\n"
        "loops.compiled(loops.number_keys)(*[np.zeros(4, np.int64) for _ in range(4)])"
    )
    done = subprocess.run([sys.executable, "-c", text], env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert bool(list(told.rglob("*.nbi"))) is kept
    assert bool(list(own.rglob("*.nbi"))) is not kept


@as_root
def test_an_unknown_user_without_a_home_computes_without_a_cache(tmp_path: Path) -> None:
    """No entry in passwd, no HOME, and nothing that can be written; libraries are loaded before, by root."""
    pytest.importorskip("numba")
    text = """
import os, numpy as np
import cgcli as cg
from cgcli import loops
from cgcli.caches import cache_folder, numba_folder
keys = [np.zeros(4, np.int64) for _ in range(4)]
loops.compiled(loops.number_keys)(*keys)
cg.parse("x*x").eval_rows(x=np.arange(4.0), engine="native")
del os.environ["HOME"], os.environ["XDG_CACHE_HOME"], loops._COMPILED[loops.number_keys]
os.setgroups([]); os.setgid(4242); os.setuid(4242)
assert cache_folder("native") is None and numba_folder(loops.__file__, make=True) == (None, False)
print(loops.compiled(loops.number_keys)(*keys))
print(cg.parse("x*x*3").eval_rows(x=np.arange(4.0), engine="native").tolist())
"""
    surroundings = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    surroundings.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", text], env=surroundings, capture_output=True, text=True)
    assert (done.stderr, done.stdout) == ("", "0\n[0.0, 3.0, 12.0, 27.0]\n")
