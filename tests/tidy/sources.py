"""The modules of the package as syntax trees, and the files of the project."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "cgcli"


@cache
def modules():
    """(path, tree) of every module of the package."""
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(PACKAGE.rglob("*.py"))]


@cache
def project_files():
    """The files that make up the project: those that Git tracks; without Git, all but what tools leave behind."""
    found = subprocess.run(["git", "-C", str(PROJECT), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return [PROJECT / name for name in found.stdout.split("\0") if name and (PROJECT / name).is_file()]
    return [path for path in PROJECT.rglob("*") if path.is_file() and not any(
        part.startswith(".") or part in ("__pycache__", "dist", "build") for part in path.relative_to(PROJECT).parts
    )]  # fmt: skip
