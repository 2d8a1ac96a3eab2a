"""The program `cg`: from the words of a command line to an exit code, and never a traceback."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from cgcli.errors import CgError, ExitCode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; what goes wrong is told in one place, on standard error."""
    from cgcli.cli.start import start

    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    if not open_closed_streams():
        return tell(CgError("cannot write the output: standard output is closed"))
    try:
        code = start(list(sys.argv[1:] if words is None else words))
        sys.stdout.flush()
        return code
    except CgError as error:
        return tell(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        silence_stdout()
        return ExitCode.OK
    except OSError as error:
        silence_stdout()
        return tell(CgError(f"cannot write the output: {error.strerror or error}"))
    except MemoryError:
        return tell(CgError("the memory is not enough for this"))
    except Exception as error:
        if os.environ.get("CG_DEBUG"):
            raise
        text = " ".join(str(error).split())
        return tell(CgError(
            f"unexpected {type(error).__name__}: {text}",
            hint="this is a bug in cg; CG_DEBUG=1 shows where, please report it",
        ))  # fmt: skip


def tell(error: CgError) -> int:
    """Draw an error on standard error and return its exit code."""
    from cgcli.render.errors import render_error
    from cgcli.render.style import wants_colour

    with suppress(OSError):
        print(render_error(error, colour=wants_colour(sys.stderr)), file=sys.stderr)
    return error.exit_code


def open_closed_streams() -> bool:
    """Replace standard input and standard error by empty ones where the caller closed them.

    False where standard output is closed: nobody could read a result.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - they live until the process ends
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    return sys.stdout is not None


def silence_stdout() -> None:
    """Point standard output at nowhere, so that the interpreter's last flush does not fail once more."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it lives until the process ends


def program() -> None:
    """Entry point of the installed command."""
    sys.exit(main())


if __name__ == "__main__":
    program()
