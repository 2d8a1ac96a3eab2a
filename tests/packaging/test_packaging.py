"""What a newcomer installs: the wheel, the wheel built through the sdist, and the editable install.

The builds run the backend that pyproject.toml names, without build isolation, so that nothing is downloaded. What is
tried afterwards runs in processes that see the unpacked wheel and the dependencies, and not this checkout.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from tests.transcripts import ROOT

GRAMMAR = "cgcli/language/formula.lark"
NEEDED = {
    GRAMMAR,
    "cgcli/language/tables.py",
    "cgcli/language/bulk/automaton.py",
    "cgcli/py.typed",
    "cgcli/__main__.py",
    "cgcli/explain/general.cg",
    "cgcli/explain/stable/stable.cg",
}

LOCATION = "import cgcli, os; print(os.path.dirname(os.path.dirname(os.path.realpath(cgcli.__file__))))"
TABLES_OF_THE_GRAMMAR = """
from cgcli.language import generate
assert generate.grammar_text() == open({grammar!r}, encoding="utf-8").read()
assert generate.generated() == generate.TARGET.read_text(encoding="utf-8")
"""


def build(kind: str, project: Path, target: Path) -> Path:
    """What one hook of the build backend (PEP 517, PEP 660) makes of a project folder."""
    code = f"import sys, hatchling.build as backend; print(backend.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(target)], cwd=project, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return target / done.stdout.split()[-1]


def run_in(place: Path, code: str, *words: str, folder: Path) -> str:
    """Standard output of Python with an unpacked wheel and the dependencies.

    `-S` leaves the path files of site-packages unread: this checkout's own editable install would answer otherwise.
    """
    paths = f"import sys, site; site.addsitedir({str(place)!r}); sys.path.append({sysconfig.get_path('purelib')!r}); "
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", paths + code, *words], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def cg(place: Path, *words: str, folder: Path) -> str:
    """Standard output of the program, started as the installed command starts it."""
    start = "from cgcli.__main__ import program; sys.argv[0] = 'cg'; program()"
    return run_in(place, start, *words, folder=folder)


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel by name, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def unpacked(wheel: Path, place: Path) -> Path:
    """A folder with the files of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packaging")


@pytest.fixture(scope="module")
def sdist(workshop: Path) -> Path:
    """The unpacked source distribution."""
    archive = build("sdist", ROOT, workshop)
    with tarfile.open(archive) as packed:
        packed.extractall(workshop / "sdist", filter="data")
    (folder,) = (workshop / "sdist").iterdir()
    return folder


@pytest.fixture(scope="module")
def wheel(workshop: Path) -> Path:
    return build("wheel", ROOT, workshop)


@pytest.fixture(scope="module")
def wheel_from_sdist(workshop: Path, sdist: Path) -> Path:
    return build("wheel", sdist, workshop / "from_sdist")


@pytest.fixture(scope="module")
def installed(workshop: Path, wheel: Path) -> Path:
    """A folder that stands for the site-packages of a user."""
    return unpacked(wheel, workshop / "installed")


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    names = contents(wheel).keys()
    assert names >= NEEDED
    strange = [name for name in names if PurePosixPath(name).suffix != ".py" and name not in NEEDED]
    assert strange == []
    assert {PurePosixPath(name).parts[0] for name in names} == {"cgcli"}
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "cgcli").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources


def test_the_wheel_through_the_sdist_is_the_same(wheel: Path, wheel_from_sdist: Path) -> None:
    assert contents(wheel_from_sdist) == contents(wheel)


def test_the_sdist_is_the_whole_project(sdist: Path) -> None:
    for folder, example in {
        "samples": "product_of_sum.cg", "samples/wrong": "empty.cg", "tests": "transcripts.py", "docs": "language.md",
        "grammar": "formula.lark", "benchmarks": "startup.py", "cgcli": "py.typed",
    }.items():  # fmt: skip
        assert (sdist / folder / example).is_file(), folder
    for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "pyproject.toml", "PKG-INFO"):
        assert (sdist / name).is_file(), name


def test_an_installed_wheel_computes_and_draws(installed: Path, tmp_path: Path) -> None:
    assert run_in(installed, LOCATION, folder=tmp_path).strip() == str(installed.resolve())
    assert cg(installed, "eval", "(x+y)*z", "x=1", "y=2", "z=3", folder=tmp_path) == "9\n"
    cg(installed, "draw", "(x+y)*z", "x=1", "y=2", "z=3", "--grad", "-o", "graph.svg", folder=tmp_path)
    picture = (tmp_path / "graph.svg").read_text(encoding="utf-8")
    assert "<svg" in picture
    assert "</svg>" in picture


def test_the_installed_wheel_tells_its_version(installed: Path, wheel: Path, tmp_path: Path) -> None:
    version = wheel.name.split("-")[1]
    assert cg(installed, "--version", folder=tmp_path) == f"cg {version}\n"


def test_the_grammar_of_a_wheel_gives_its_tables(installed: Path, tmp_path: Path) -> None:
    assert (installed / GRAMMAR).read_bytes() == (ROOT / "grammar/formula.lark").read_bytes()
    run_in(installed, TABLES_OF_THE_GRAMMAR.format(grammar=str(installed / GRAMMAR)), folder=tmp_path)


def test_the_editable_install_is_the_checkout_with_its_grammar(workshop: Path, tmp_path: Path) -> None:
    place = unpacked(build("editable", ROOT, workshop / "editable"), workshop / "linked")
    assert run_in(place, LOCATION, folder=tmp_path).strip() == str(ROOT.resolve())
    assert cg(place, "eval", "(x+y)*z", "x=1", "y=2", "z=3", folder=tmp_path) == "9\n"
    run_in(place, TABLES_OF_THE_GRAMMAR.format(grammar=str(ROOT / "grammar/formula.lark")), folder=tmp_path)


def test_the_command_is_declared(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "cg = cgcli.__main__:program" in archive.read(name).decode()
