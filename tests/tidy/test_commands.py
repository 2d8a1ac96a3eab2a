"""A command is one file, and nothing else has to be changed for it."""

from __future__ import annotations

import ast
import inspect
import sys
from importlib import import_module

import pytest

from cgcli.__main__ import main
from cgcli.cli.start import HOME, commands
from tests.tidy.sources import PACKAGE, modules

TREES = {path.stem: tree for path, tree in modules() if path.parent == PACKAGE / "cli" / "commands"}

ECHO = '''"""Say it again.

Examples:
  cg echo x
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.cli.options import Bindings, FormulaText, Json

def run(formula: FormulaText, bindings: Bindings = None, *, json: Json = False) -> None:
    print(formula, bindings, json)
'''


def test_every_file_is_a_command() -> None:
    """A helper belongs into `cli/`, or its name begins with `_`."""
    assert commands() == sorted(name for name in TREES if not name.startswith("_"))
    for name in commands():
        assert inspect.isfunction(import_module(f"{HOME}.{name}").run), name
        assert (ast.get_docstring(TREES[name]) or "").partition("\n")[0].endswith("."), name


@pytest.fixture
def echo(tmp_path, monkeypatch):
    """A new command, with a helper beside it; afterwards both are gone."""
    (tmp_path / "echo.py").write_text(ECHO)
    (tmp_path / "_helper.py").write_text("this is no Python")
    home = import_module(HOME)
    monkeypatch.setattr(home, "__path__", [*home.__path__, str(tmp_path)])
    yield
    sys.modules.pop(f"{HOME}.echo", None)
    vars(home).pop("echo", None)


@pytest.mark.usefixtures("echo")
def test_a_command_is_one_new_file(capsys) -> None:
    """Nothing is registered anywhere, and the file need not know that there is Typer."""
    assert main(["echo", "x", "y=1"]) == 0
    assert main(["echo", "x", "y=1", "--json"]) == 0
    assert capsys.readouterr().out == "x ['y=1'] False\nx ['y=1'] True\n"
    assert main(["echo", "--jsn", "x"]) == 2
    assert "did you mean `--json`?" in capsys.readouterr().err
    assert main(["ecco"]) == 2
    assert "did you mean `echo`?" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert "Say it again." in capsys.readouterr().out
    assert main(["echo", "--help"]) == 0
    assert "cg echo x" in capsys.readouterr().out
