"""The path of a search as a picture."""

from __future__ import annotations

import pytest

from cgcli.__main__ import main

pytest.importorskip("matplotlib", reason="the extra `plot`")

ROSENBROCK = ["minimize", "100*(y - x^2)^2 + (1 - x)^2", "x=-1.2", "y=1"]


def test_two_variables_and_one(tmp_path, capsys):
    for name, words in (("two.svg", ROSENBROCK), ("one.png", ["minimize", "sin(3*x) + x^2/10", "x=2.5"])):
        path = tmp_path / name
        assert main([*words, "--plot", str(path)]) == 0
        assert path.stat().st_size > 5_000
    assert "<svg" in (tmp_path / "two.svg").read_text(encoding="utf-8")
    assert "a minimum" in capsys.readouterr().out


def test_a_picture_is_the_same_bytes_each_time(tmp_path):
    for name in ("a.svg", "b.svg"):
        assert main([*ROSENBROCK, "--plot", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["minimize", "x^2 + y^2 + z^2", "x=1", "y=1", "z=1", "--plot", "p.svg"], "3 numbers vary"),
        (["minimize", "x^2", "x=1", "--plot", "p.txt"], "cannot tell the format"),
    ],
)
def test_what_cannot_be_drawn(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
