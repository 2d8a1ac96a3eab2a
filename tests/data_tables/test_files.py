"""A file is the old one or the new one at every moment, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from cgcli.errors import DataError
from cgcli.files import Replacement

WRITE_AND_WAIT = """
import sys, time
from cgcli.files import Replacement
with Replacement(sys.argv[1]) as stream:
    stream.write(b"half")
    stream.flush()
    print("half", flush=True)
    time.sleep(600)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, locks and modes of POSIX")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def writer(target: Path) -> subprocess.Popen[str]:
    """A process that has written half of a file."""
    child = subprocess.Popen([sys.executable, "-c", WRITE_AND_WAIT, str(target)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "half\n"
    return child


def kill(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert child.stdout is not None
    child.stdout.close()


def test_a_whole_file_appears(tmp_path):
    target = tmp_path / "t.csv"
    with Replacement(str(target)) as stream:
        stream.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["t.csv"]


def test_an_error_leaves_the_old_file(tmp_path):
    target = tmp_path / "t.csv"
    target.write_bytes(b"old")

    def interrupted():
        with Replacement(str(target)) as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["t.csv"]


def test_a_killed_writer_leaves_the_old_file_and_the_next_one_sweeps(tmp_path):
    target = tmp_path / "t.csv"
    target.write_bytes(b"old")
    kill(writer(target))
    assert target.read_bytes() == b"old"
    assert len(names(tmp_path)) == 2
    with Replacement(str(target)) as stream:
        stream.write(b"new")
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["t.csv"]


def test_a_living_writer_is_not_swept(tmp_path):
    target = tmp_path / "t.csv"
    child = writer(target)
    try:
        with Replacement(str(target)) as stream:
            stream.write(b"new")
        assert len(names(tmp_path)) == 2
    finally:
        kill(child)


def test_files_of_other_names_are_not_swept(tmp_path):
    other = tmp_path / ".other.csv.0123.partial"
    other.write_bytes(b"")
    with Replacement(str(tmp_path / "t.csv")):
        pass
    assert other.exists()


def test_a_killed_command_leaves_the_old_file(tmp_path):
    """Through the whole program: killed while its input, a pipe, is still open."""
    target = tmp_path / "out.csv"
    target.write_bytes(b"old")
    child = subprocess.Popen(
        [sys.executable, "-m", "cgcli", "eval", "x+1", "--data", "-", "-o", str(target)],
        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.write(b"x\n" + b"1\n" * 1000)
    child.stdin.flush()
    while len(names(tmp_path)) == 1 and child.poll() is None:
        os.sched_yield()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    assert target.read_bytes() == b"old"


def test_links_are_followed_and_permissions_kept(tmp_path):
    target, link = tmp_path / "t.csv", tmp_path / "link.csv"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    with Replacement(str(link)) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_pipe_is_written_as_it_is(tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        with Replacement(str(pipe)) as stream:
            stream.write(b"rows")
        assert reader.communicate()[0] == b"rows"
    assert pipe.is_fifo()


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match="it is a folder"), Replacement(str(tmp_path)):
        pass


NOBODY = 65534


@contextmanager
def bound_by_permissions():
    """Nothing else ends the powers of root for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_written_is_not_replaced():
    """The folder would allow it; a shell, cp and others ask the file. (Root's folder of pytest is closed to others.)"""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        target = Path(folder, "raw.csv")
        target.write_text("x\n1\n")
        target.chmod(0o444)
        with bound_by_permissions(), pytest.raises(DataError, match="Permission denied"), Replacement(str(target)):
            pass
        assert target.read_text() == "x\n1\n"
        assert names(target.parent) == ["raw.csv"]


def test_other_names_of_the_old_file_keep_it(tmp_path):
    """A file is replaced, not overwritten; so says the manual."""
    target, other = tmp_path / "t.csv", tmp_path / "other.csv"
    target.write_bytes(b"old")
    os.link(target, other)
    with Replacement(str(target)) as stream:
        stream.write(b"new")
    assert (target.read_bytes(), other.read_bytes()) == (b"new", b"old")
