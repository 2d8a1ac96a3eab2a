"""Sessions of `cg live`: whole transcripts, what is saved, what is killed, and Ctrl-C."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import cgcli
from cgcli.cli.session import loops
from cgcli.cli.session.changes import Change, change_lines
from cgcli.cli.session.completing import completions
from cgcli.cli.session.journal import Journal
from cgcli.cli.session.lines import Line, read_line
from cgcli.cli.session.session import Session
from cgcli.errors import CgError, DataError
from tests.golden import check_golden
from tests.live_session.test_terminal import INTERRUPTED, WITH

GOLDEN = Path(__file__).parent.parent / "golden" / "live_session"

MODEL = """# a small model
y = sin(x)
b = 2*t
loss = (y - b)^2
"""

SESSIONS = {
    "values": """x = 0.5|y|x = 0.5|t = 2; x = 0.25|:undo|:undo|:undo|:redo|x*y + t|[x, y]|:names""",
    "definitions": """k = 2*x|k|y = tanh(x)*t|y|y = x + y|k = nosuch + 1|:show y|:undo|x = 2*t|x|t = 3""",
    "edits": """:replace sin(x) with tanh(x)|:insert clip(y, -0.1, 0.1) after y|:remove y|k = x|:remove k|
        :rename b to beta|beta|b|:replace cos(x) with 1|:formula|:undo|:undo|:undo|:undo|:undo|:formula""",
    "functions": """f(a) = a^2 + t|f(3)|x = f(0.5)|def g(a): h = 2*a; return h, a; g(x)[0]|p, _ = g(x)|p|f(1, 2)|
        t = 2|f(a) = a|x|f(3)|:undo|f(3)""",
    "questions": """:grad loss|:grad y by x|:grad|:lazy|:watch y|:watch|x = 0.5|:lazy|:unwatch|x = 0.75|:lazy|loss|
        :lazy|:unwatch y|:why|:draw|:trace y""",
    "wrong": """x +|sin(|x = |:nosuch|:undo|:u|:|:show|:replace x|:insert y|:save|:save x.txt|input z|output y|1/0|
        log(-1)|x = log(-1)|x = [1, 2]|loss|# a comment||nosuch = nosuch|:lazy x|:grad nosuch|:show nosuch|
        :watch nosuch|:remove nosuch|:rename x to t|:rename x to 2|:replace x with x|:replace y with x +|
        x = 0.5|loss = 2|:replace loss with 2*loss|:replace loss with y|:formula|loss""",
    "help": ":help|:quit",
}  # fmt: skip
"""Name -> lines, with bars between them."""


def session(formula: str = MODEL, **values: float) -> Session:
    return Session(cgcli.parse(formula).live(values or {"x": 0.3, "t": 1.0}))


def transcript(lines: list[str], taken: Session | None = None) -> str:
    """What a person would see, errors among it."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        loop = loops.Loop(taken or session())
        loop.begin()
        for line in lines:
            out.write(f"cg> {line}\n")
            loop.take(line)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


@pytest.mark.parametrize("name", SESSIONS)
def test_transcripts(name: str) -> None:
    lines = SESSIONS[name].replace("\n", "").split("|")
    check_golden(GOLDEN / f"{name}.txt", transcript([line.strip() for line in lines]))


def cg(*words: str, lines: str, folder: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """`cg live` in a process of its own, with its lines through a pipe."""
    done = subprocess.run(
        [sys.executable, "-m", "cgcli", "live", *words], input=lines, capture_output=True, text=True, cwd=folder,
        env=environment(folder),
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.getcwd(), "XDG_STATE_HOME": str(folder / "state")}


def test_a_script_piped_in_goes_on_after_a_wrong_line(tmp_path: Path) -> None:
    (tmp_path / "model.cg").write_text(MODEL)
    done = cg("model.cg", "x=0.3", "t=1", lines="x = 0.5\nx +\n:nosuch\ny\n", folder=tmp_path, code=1)
    assert done.stdout.splitlines()[-1] == "0.479425538604203"
    assert "<standard input>:2:3" in done.stderr
    assert "there is no command `:nosuch` (line 3)" in done.stderr
    assert not (tmp_path / "state").exists()
    assert cg("model.cg", "x=0.3", "t=1", lines="y\n:quit\nnonsense +\n", folder=tmp_path).stderr == ""


EDITED = [
    "x = 0.1",
    "y = tanh(x)/3 + 0.1",
    ":insert clip(y, -1, 1) after y",
    "k = x*y - 1e-300",
    "t = -0.0",
    "f(a) = a/3",
]


@pytest.mark.parametrize("lines", [[], ["x = 0.1"], EDITED, ["y = 0.7"]], ids=["begun", "values", "edited", "given"])
def test_what_is_saved_gives_the_same_bits(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "s.cg"
    before = session()
    for line in [*lines, f":save {path}"]:
        before.run(Line(line))
    after = Session(cgcli.load(path).live())
    assert list(after.live.outputs) == list(before.live.outputs)
    for name in before.live.names:
        assert after.live[name].hex() == before.live[name].hex(), name
    for name, slope in before.live.grad("loss").items():
        assert after.live.grad("loss")[name].hex() == slope.hex()
    assert cgcli.load(path).eval() == before.live["loss"]
    if not lines:
        assert path.read_text() == "input x = 0.3\ninput t = 1\n" + MODEL


def test_arrays_and_defaults_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "s.cg"
    formula = cgcli.parse("param w[2] = 0.5\ninput A[2, 2]\ninput k = 3\nz = A @ w + k\ns = sum(z)\noutput s, z")
    before = Session(formula.live(A=[[1, 2], [3, 4.5]]))
    for line in ("w = [0.1, 0.2]", "k = -1/3", f":save {path}"):
        before.run(Line(line))
    saved = cgcli.load(path)
    assert saved.params == ["w"]
    assert saved.eval()["s"] == before.live["s"]
    assert saved.eval()["z"].tolist() == before.live["z"].tolist()


def test_what_decided_the_graph_cannot_be_given_to_what_is_saved(tmp_path: Path) -> None:
    formula = "y = sum(x*i for i in range(n))"
    done = cg(formula, "x=2", "n=4", lines="k = x + 1\nn = 6\n:save s.cg\n", folder=tmp_path, code=1)
    assert "for n = 4: a length or an index follows from it" in done.stdout
    again = cg("s.cg", lines="y\nn\nx = 3\n", folder=tmp_path, code=1)
    assert again.stdout.splitlines() == ["y = 12", "12", "x  2 → 3", "y  12 → 18"]
    assert "there is no `n`" in again.stderr
    cg(formula, "x=2", "n=4", lines="n = 6\n:save whole.cg\n", folder=tmp_path)
    assert "y  30 → 12" in cg("whole.cg", lines="n = 4\n", folder=tmp_path).stdout


def test_a_kept_loop_that_no_result_needs_is_saved(tmp_path: Path) -> None:
    lines = "step(s, i) = s*0.9 + t\nj = fold(step, x, range(3000))\n:save s.cg\n:show j\nj\n"
    shown = cg("y = x*t", "x=0.4", "t=1.5", lines=lines, folder=tmp_path).stdout.splitlines()
    assert "j = step(s, i) = s * 0.9 + t; fold(step, x, range(3000))" in shown
    assert cg("s.cg", lines="j\n", folder=tmp_path).stdout.splitlines() == ["y = 0.6000000000000001", shown[-1]]


def test_functions_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "s.cg"
    before = Session(cgcli.parse("def g(a):\n    h = k*a\n    return h, a^2\nk = 3\ny = g(x)[0]").live(x=2.0))
    for line in ("f(a) = g(a)[1] + 1", "y = f(x)", "f(a) = 7*a", "z = f(y)", f":save {path}"):
        before.run(Line(line))
    after = Session(cgcli.load(path).live())
    assert [after.live[name] for name in ("y", "z", "f(1)", "g(x)[0]")] == [5.0, 35.0, 7.0, 6.0]


def test_a_refused_line_changes_nothing() -> None:
    taken = session()
    before = str(taken.live.formula()), taken.live.values, dict(taken.watched)
    for line in ("x = 7; y = nosuch", "k = 1; k = k", "t = 5; :undo", "x = 9; loss +", "y = x; z = y @ y"):
        with pytest.raises(CgError):
            taken.run(Line(line))
        assert (str(taken.live.formula()), taken.live.values, dict(taken.watched)) == before, line
    with pytest.raises(CgError, match="nothing to undo"):
        taken.run(Line(":undo"))


def test_a_comment_and_a_rename_compute_nothing() -> None:
    taken = session()
    taken.begin()
    for line in ("# nothing", "   ", ":rename y to height", ":rename loss to cost", ":names"):
        taken.run(Line(line))
        assert taken.cost["recomputed"] == 0
    assert "cost" in taken.watched
    taken.run(Line(":undo"))
    assert "loss" in taken.watched
    taken.run(Line(":redo"))
    taken.run(Line("x = 0.4"))
    assert taken.cost["recomputed"] == 3  # sin, difference, square


def test_a_function_is_handed_to_fold() -> None:
    told = transcript(["step(s, i) = s*i + x", "fold(step, 1, range(3))", "z = fold(step, 1, range(3))", "z"])
    assert told.count("\n1.5\n") == 2
    assert "no `step`" not in told


def test_what_nobody_asks_for_is_not_computed() -> None:
    taken = session("a = sin(x)\nb = cos(x)\na + 1", x=0.3)
    taken.begin()
    taken.run(Line("x = 0.4"))
    assert taken.live.is_stale("b")
    assert taken.run(Line(":lazy")).lines[0].split() == ["b", "1", "operation"]


def test_interrupted_lines_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = session()
    taken.begin()
    usual = type(taken.live).__getitem__
    with monkeypatch.context() as patch:
        patch.setattr(
            type(taken.live), "__getitem__", lambda live, name: interrupted() if name == "loss" else usual(live, name)
        )
        for line in ("x = 5", ":undo", "y = x; k = y"):
            with pytest.raises((KeyboardInterrupt, CgError)):
                taken.run(Line(line))
    assert type(taken.live).__getitem__ is usual
    assert taken.live.values == {"x": 0.3, "t": 1.0}
    answer = taken.run(Line(":redo"))
    assert answer.lines == ["done again: y = x; k = y"]
    assert taken.live["k"] == 0.3


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.skipif(sys.platform == "win32", reason="there a signal cannot be sent to one process")
def test_ctrl_c_ends_the_evaluation_and_not_the_session(tmp_path: Path) -> None:
    words = [sys.executable, "-c", INTERRUPTED + WITH, "live", "y = x + 1", "x=0.5"]
    done = subprocess.run(
        words, input="x = 0.25\ny*1.5\nx\n:undo\n", capture_output=True, text=True, cwd=tmp_path,
        env=environment(tmp_path),
    )  # fmt: skip
    assert done.stderr == "interrupted; nothing has changed\n"
    assert done.stdout.splitlines()[3:] == ["0.25", "undone: x = 0.25", "x  0.25 → 0.5", "y  1.25 → 1.5"]
    assert done.returncode == 1


def test_a_killed_session_goes_on_by_its_journal(tmp_path: Path) -> None:
    (tmp_path / "model.cg").write_text(MODEL)
    words = ["model.cg", "x=0.3", "t=1", "--journal", "work.log"]
    child = subprocess.Popen(
        [sys.executable, "-m", "cgcli", "live", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=tmp_path, env=environment(tmp_path), bufsize=1,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("x = 0.5\nx +\ny = tanh(x)\n:watch y\nt = 3\n:undo\nk = y/3\nk\n")
    child.stdin.flush()
    shown = ""
    while not shown.startswith("0."):
        shown = child.stdout.readline()
    child.kill()
    child.communicate()
    done = cg(*words, lines="k\n:watch\n:undo\n:undo\n", folder=tmp_path)
    assert shown.strip() in done.stdout.splitlines()
    assert "y = 0.46211715726000974" in done.stdout.splitlines()
    assert "undone: y = tanh(x)" in done.stdout
    with (tmp_path / "work.log").open("a") as file:
        file.write("x = 0.")  # the machine stopped in the middle of a line
    assert "t = 7" not in cg(*words, lines="t = 7\n", folder=tmp_path).stdout
    assert (tmp_path / "work.log").read_text().splitlines()[-2:] == [":undo", "t = 7"]


def test_what_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("something else\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\n")
    for name in ("notes.txt", "bytes", "no/folder"):
        with pytest.raises(DataError):
            Journal(str(tmp_path / name), MODEL)
    Journal(str(tmp_path / "new"), MODEL)
    assert not Journal(str(tmp_path / "new"), MODEL).foreign
    assert Journal(str(tmp_path / "new"), "x + 1").foreign


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (":gr", [":grad"]), (":", None), ("2*lo", ["log(", "log10(", "log1p(", "loss"]), (":grad lo", ["loss"]),
        (":watch l", ["loss"]), ("x + tan", ["tan(", "tanh("]), (":save lo", []), ("y = b", None), ("", None),
    ],
)  # fmt: skip
def test_completion(line: str, found: list[str] | None) -> None:
    word, words = completions(session(), line)
    assert line.endswith(word)
    assert all(each.startswith(word) for each in words)
    if found is not None:
        assert set(found) <= set(words)
        assert found != [] or words == []


def test_narrow_terminals() -> None:
    changes = [Change("x", 0.5, 0.25), Change("loss", 2.9052513658998023, 2.3121466926491183)]
    assert list(change_lines(changes, 80)) == ["x     0.5 → 0.25", "loss  2.9052513658998023 → 2.3121466926491183"]
    assert list(change_lines(changes, 40)) == [
        "x     0.5 → 0.25",
        "loss",
        "  2.9052513658998023",
        "  → 2.3121466926491183",
    ]
    assert list(change_lines([Change("k", None, 1.0)], 40, "->")) == ["k  (none) -> 1"]


def test_statements_of_a_line() -> None:
    kinds = [each.kind for each in read_line(Line("x = 1; f(a) = a; def g(a): return a; p, q = [1, 2]; x + 1"))]
    assert kinds == ["value", "function", "function", "value", "expression"]
