"""The program `cg`: from the words of a command line to an exit code, and never a traceback.

No module is loaded before `program` begins, not even `__future__`: until then Ctrl-C is the interpreter's.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence
    from types import FrameType

    from cgcli.errors import CgError
else:  # what `signal` wraps: it is there already, so that a signal finds its answer before any module is loaded
    import _signal

INTERRUPTED = 130


class Signals:
    """What Ctrl-C and the signals that end a program do: no traceback, and no half of a file is left behind.

    Where a command runs they become a KeyboardInterrupt, so that files are tidied up; before and after it, where only
    modules are loaded and unloaded, the process ends at once.
    """

    def __init__(self) -> None:
        self.received = 0
        self.command_runs = False
        self.told = False

    def catch(self) -> None:
        """Answer the signals from here on; what the caller ignores (`nohup`, a script's `&`) stays ignored."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(_signal, name, None)
            if number and _signal.getsignal(number) in (_signal.SIG_DFL, _signal.default_int_handler):
                _signal.signal(number, self._answer)
        sys.unraisablehook = self._swallowed

    def _answer(self, number: int, _frame: "FrameType | None") -> None:
        self.received = number
        if self.command_runs:
            raise KeyboardInterrupt
        self.tell()
        os._exit(128 + number)

    def tell(self) -> None:
        """Say once that Ctrl-C ended the command, wherever it hit; the other signals end the process and say so."""
        if self.received == _signal.SIGINT and not self.told:
            self.told = True
            os.write(2, b"interrupted\n")

    def _swallowed(self, lost: "sys.UnraisableHookArgs") -> None:
        """Let an interrupt come again, soon, that hit a callback of C or a finalizer, which cannot hand it on."""
        if self.received and issubclass(lost.exc_type, KeyboardInterrupt):
            import _thread

            _thread.start_new_thread(self._again, ())
        elif not self.received:
            sys.__unraisablehook__(lost)

    def _again(self) -> None:
        import _thread
        from time import sleep

        sleep(0.01)
        _thread.interrupt_main(self.received)  # type: ignore[arg-type]


signals = Signals()


def program() -> None:
    """Entry point of the installed command: a process of its own, with its signals and its streams."""
    signals.catch()
    from cgcli.cli.streams import settle

    settle()
    try:
        code = main()
    except KeyboardInterrupt:  # one more, while the first was being answered
        code = INTERRUPTED
    signals.tell()  # also of an interrupt that something swallowed on its way, while the command came to its end
    if signals.received not in (0, _signal.SIGINT):  # end by the signal itself, which says most to whoever sent it
        _signal.signal(signals.received, _signal.SIG_DFL)
        os.kill(os.getpid(), signals.received)
    sys.exit(code)


def main(words: "Sequence[str] | None" = None) -> int:
    """Run one command line and return its exit code; what goes wrong is told in one place, on standard error."""
    try:
        signals.command_runs = True
        from cgcli.cli.start import start

        if hasattr(sys, "set_int_max_str_digits"):
            sys.set_int_max_str_digits(0)
        code = start(list(sys.argv[1:] if words is None else words))
        sys.stdout.flush()
        return INTERRUPTED if signals.received else code
    except BaseException as error:
        signals.command_runs = False
        found = verdict(error)
    finally:
        signals.command_runs = False
    # The exception is gone here, and with it the frames that held a graph: there is memory for a message again.
    return found if isinstance(found, int) else tell(found)


def verdict(error: BaseException) -> "CgError | int":
    """What ended a command: an error to be told, or an exit code. With CG_DEBUG a surprise goes on."""
    from cgcli.cli.streams import silence, why_in_vain
    from cgcli.errors import CgError

    if isinstance(error, KeyboardInterrupt) or signals.received:  # what is interrupted may raise anything
        if not signals.received:  # raised by hand: `main` is called by somebody whose signals are their own
            print("interrupted", file=sys.stderr)
        return INTERRUPTED
    if isinstance(error, CgError):
        return error
    if isinstance(error, BrokenPipeError):
        silence()
        return 0
    if memory_refused(error):
        return CgError("the memory is not enough for this")
    if isinstance(error, OSError) and (why := why_in_vain(error)):
        silence()
        return CgError(f"cannot write the output: {why}")
    if os.environ.get("CG_DEBUG") or not isinstance(error, Exception):
        raise error
    text = " ".join(str(error).split())
    return CgError(
        f"unexpected {type(error).__name__}: {text}",
        hint="this is a bug in cg; CG_DEBUG=1 shows where, please report it",
    )


MEMORY_REFUSED = (
    "Cannot allocate memory",
    "failed to map segment",
    "Resource temporarily unavailable",
    "start new thread",
)
"""What libraries say that were refused memory, or a thread, which needs some."""


def memory_refused(error: "BaseException | None") -> bool:
    """Whether memory was refused, to us or to a library, whatever that made of it, or to the loading of one."""
    while error is not None:
        told = str(error)
        if isinstance(error, MemoryError) or any(text in told for text in MEMORY_REFUSED):
            return True
        error = error.__cause__ or error.__context__
    return False


def tell(error: "CgError") -> int:
    """Draw an error on standard error and return its exit code."""
    try:
        from cgcli.render.errors import render_error
        from cgcli.render.style import wants_colour

        print(render_error(error, colour=wants_colour(sys.stderr)), file=sys.stderr)
    except OSError:  # nobody listens
        pass
    except (MemoryError, ImportError):  # there is no room even for what draws it
        os.write(2, f"{error.title}: {error.message}\n".encode())
    return error.exit_code


if __name__ == "__main__":
    program()
