"""Modules that no import names, since they are found by the name that a command line gives."""

from PyInstaller.utils.hooks import collect_submodules

hiddenimports = [*collect_submodules("cgcli.cli.commands"), *collect_submodules("cgcli.engines")]
