"""Every kind of hostile trial for some seconds each: `python -m tests.hostile [SECONDS]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def kinds() -> list[str]:
    """The modules with trials."""
    here = Path(__file__).parent
    return sorted(path.stem for path in here.glob("[a-z]*.py") if "\ndef trial(" in path.read_text(encoding="utf-8"))


def main(seconds: str = "5") -> None:
    """One after the other; the exit code tells of those that failed."""
    failed = []
    for kind in kinds():
        print(f"{kind}: ", end="", flush=True)
        words = [sys.executable, "-m", f"tests.hostile.{kind}", "--seconds", seconds]
        failed += [kind] if subprocess.run(words, check=False).returncode else []
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
