"""What PyInstaller asks an installed package for, so that a frozen program has all of it."""

from __future__ import annotations

import os


def hook_dirs() -> list[str]:
    """The folder with the hook (entry point `pyinstaller40`)."""
    return [os.path.dirname(__file__)]
