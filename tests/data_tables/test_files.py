"""A file is the old one or the new one at every moment, whoever dies."""

from __future__ import annotations

import errno
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
from tests.transcripts import ROOT

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


def test_the_new_file_is_renamed_and_not_copied(tmp_path):
    """The file that appears is the one that was written: the same inode, never half of it under the name."""
    target = tmp_path / "t.csv"
    for content in (b"first", b"second"):
        with Replacement(str(target)) as stream:
            stream.write(content)
            written = os.fstat(stream.fileno()).st_ino
        assert target.stat().st_ino == written
        assert target.read_bytes() == content


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_is_private_until_it_is_whole(tmp_path, mask):
    before = os.umask(mask)
    try:
        with Replacement(str(tmp_path / "t.csv")) as stream:
            assert os.fstat(stream.fileno()).st_mode & 0o777 == 0o600
        assert (tmp_path / "t.csv").stat().st_mode & 0o777 == 0o666 & ~mask
    finally:
        assert os.umask(before) == mask


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to somebody")
def test_the_owner_is_kept(tmp_path):
    target = tmp_path / "t.csv"
    target.write_bytes(b"old")
    os.chown(target, 12345, 12346)
    with Replacement(str(target)) as stream:
        stream.write(b"new")
    assert (target.stat().st_uid, target.stat().st_gid) == (12345, 12346)


@pytest.mark.parametrize("name", ["n" * 251 + ".csv", "n" * 226 + ".csv", "é" * 125 + ".csv", "€" * 83 + ".csv"])
def test_a_long_name(tmp_path, name):
    """As long as the file system allows, and what a killed writer of it left is swept."""
    target = tmp_path / name
    kill(writer(target))
    assert len(names(tmp_path)) == 1
    with Replacement(str(target)) as stream:
        stream.write(b"new")
    assert names(tmp_path) == [name]
    assert target.read_bytes() == b"new"


def test_a_full_disk_is_told_with_the_name(tmp_path):
    target = tmp_path / "t.csv"
    target.write_bytes(b"old")
    with pytest.raises(DataError, match=r"cannot write `.*t\.csv`: No space left"), Replacement(str(target)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["t.csv"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full to stand for a full disk")
def test_a_device_that_takes_nothing_is_told() -> None:
    with pytest.raises(DataError, match="cannot write `/dev/full`: No space left"), Replacement("/dev/full") as stream:
        stream.write(b"rows")


def test_an_open_file_of_this_process_is_written_from_where_it_stands(tmp_path):
    with (tmp_path / "log").open("wb") as log:
        log.write(b"before ")
        log.flush()
        with Replacement(f"/dev/fd/{log.fileno()}") as stream:
            stream.write(b"rows")
        log.write(b" after")
    assert (tmp_path / "log").read_bytes() == b"before rows after"
    assert names(tmp_path) == ["log"]


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


OTHERS = (
    ".other.csv.0123456789abcdef.partial", ".t.csv.backup.partial", ".t.csv.0123456789abcde.partial",
    ".t.csv.0123456789ABCDEF.partial", ".t.csv.x.0123456789abcdef.partial", "t.csv.0123456789abcdef.partial",
    ".t.csv.0123456789abcdef.partial.csv",
)  # fmt: skip


@pytest.mark.parametrize("other", OTHERS)
def test_only_what_writers_of_this_name_left_is_swept(tmp_path, other):
    (tmp_path / other).write_bytes(b"")
    with Replacement(str(tmp_path / "t.csv")):
        pass
    assert names(tmp_path) == sorted([other, "t.csv"])


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


def test_pipes_of_a_shell(tmp_path):
    """`--data <(…)`, `-o >(…)` and /dev/stdout are CSV; a log that is written to goes on where it ended."""
    (tmp_path / "t.csv").write_text("x,y\n1,2\n3,4\n")
    (tmp_path / "log").write_text("before\n")
    script = f"""
        cg() {{ {sys.executable} -m cgcli "$@"; }}
        cg eval x*y --data <(cat t.csv) -o /dev/stdout >> log 2> /dev/null
        cg eval x+y --data /dev/stdin -o >(cat > piped) < t.csv 2> /dev/null
        for wait in 1 2 3 4 5 6 7 8 9 10; do [ -s piped ] || sleep 0.2; done
        cg eval x-y --data t.csv -o o.csv >&- 2> /dev/null
    """
    subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (tmp_path / "log").read_text() == "before\nresult\n2\n12\n"
    assert (tmp_path / "piped").read_text() == "result\n3\n7\n"
    assert (tmp_path / "o.csv").read_text() == "result\n-1\n-1\n"
