"""A task graph as steps in the order of evaluation, and their values."""

from __future__ import annotations

import linecache
import traceback

from cgcli.errors import CalculationError
from cgcli.numerals import shortened
from cgcli.tasks.labels import function_label, key_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from typing import Any

    Step = tuple[Callable[..., Any] | None, Sequence[int], tuple[str, ...]]

LITERAL: Step = (None, (), ())
"""The step of a value that is there already."""

LONGEST_LINE = 120
"""Characters of a line of somebody's file that a message shows."""

HERE = __file__.rpartition("tasks")[0]
"""Where our own files are."""

NUMBERS = "iuf"
"""Kinds of NumPy's types that are numbers to differentiate by."""


class Steps:
    """What there is to do, one thing after the other; a slot is a position among the values.

    steps: for each slot the function, the slots of its arguments and the names of the last of these (keywords). Without
    a function its value stands in `given`. key_of: slot -> key of the task, for slots that have one. named: key of a
    task -> its slot. result: the slot of the answer. Arguments come before what uses them.
    """

    __slots__ = ("_last_use", "given", "key_of", "named", "result", "steps")

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.given: dict[int, Any] = {}
        self.key_of: dict[int, Hashable] = {}
        self.named: dict[Hashable, int] = {}
        self.result = -1
        self._last_use: list[int] | None = None

    def __len__(self) -> int:
        return len(self.steps)

    def literal(self, value: Any) -> int:
        """The slot of a new value."""
        slot = len(self.steps)
        self.steps.append(LITERAL)
        self.given[slot] = value
        return slot

    def call(self, function: Callable[..., Any], arguments: Sequence[int], keywords: tuple[str, ...] = ()) -> int:
        """The slot of a new call; the last arguments are the keywords."""
        self.steps.append((function, arguments, keywords))
        return len(self.steps) - 1

    def values(self, replaced: Mapping[int, Any] | None = None, *, keep: bool = False) -> list[Any]:
        """The value of every slot, by calling each function once; only that of the result unless `keep`.

        replaced: values of slots, in the place of what would be computed. CalculationError, naming the task, the
        function and the place in somebody's file, where a function raises.
        """
        values: list[Any] = [None] * len(self.steps)
        for slot, value in self.given.items():
            values[slot] = value
        known = replaced or {}
        last = [-1] * len(self.steps) if keep else self._last_uses()
        slot = -1
        try:
            for slot, (function, arguments, keywords) in enumerate(self.steps):
                if slot in known:
                    values[slot] = known[slot]
                elif function is not None:
                    given = [values[each] for each in arguments]
                    values[slot] = called(function, given, keywords) if keywords else function(*given)
                    for each in arguments:
                        if last[each] == slot:
                            values[each] = None
        except (Exception, SystemExit) as error:
            raise self.failure(slot, error) from None
        return values

    def _last_uses(self) -> Sequence[int]:
        """The step that uses each slot last: a chain of large arrays is held two at a time."""
        if self._last_use is None:
            found = [-1] * len(self.steps)
            for slot, step in enumerate(self.steps):
                for each in step[1]:
                    found[each] = slot
            found[self.result] = -1
            self._last_use = found
        return self._last_use

    def needed(self) -> bytearray:
        """1 for each slot that the result needs."""
        found = bytearray(len(self.steps))
        found[self.result] = 1
        for slot in range(self.result, -1, -1):
            if found[slot]:
                for each in self.steps[slot][1]:
                    found[each] = 1
        return found

    def drop_unneeded(self) -> None:
        """Forget the tasks that the result does not need, so that nobody calls them."""
        needed = self.needed()
        if needed.count(0) == 0:
            return
        for slot, need in enumerate(needed):
            if not need:
                self.steps[slot] = LITERAL
                self.given.pop(slot, None)
                self.key_of.pop(slot, None)
        for key in [key for key, slot in self.named.items() if not needed[slot]]:
            del self.named[key]

    def task(self, slot: int) -> str:
        """A step as messages call it: the key of its task, or of the one that it is a part of, and its function."""
        owner = next((each for each in range(slot, len(self.steps)) if each in self.key_of), None)
        function = self.steps[slot][0]
        label = "the end of the calculation" if owner is None else f"task `{key_text(self.key_of[owner])}`"
        return label if function is None else f"{label} (`{function_label(function)}`)"

    def failure(self, slot: int, error: BaseException) -> CalculationError:
        """What to tell of a function that raised."""
        said = " ".join(str(error).split())
        kind = type(error).__name__
        return CalculationError(
            f"{self.task(slot)} raised {kind}{f': {said}' if said else ''}", hint=place_of(error.__traceback__)
        )


def called(function: Callable[..., Any], arguments: Sequence[Any], keywords: tuple[str, ...]) -> Any:
    """A call whose last arguments are keywords."""
    plain = len(arguments) - len(keywords)
    return function(*arguments[:plain], **dict(zip(keywords, arguments[plain:], strict=True)))


def place_of(trace: Any) -> str | None:
    """Where an exception arose, in somebody's file: `sums.py, line 7: return a / b`; None where it is ours."""
    frames = [frame for frame in traceback.extract_tb(trace) if not frame.filename.startswith(HERE)]
    if not frames:
        return None
    last = frames[-1]
    line = shortened((last.line or linecache.getline(last.filename, last.lineno or 0)).strip(), LONGEST_LINE)
    return f"{last.filename}, line {last.lineno}{f': {line}' if line else ''}"


def is_numeric(value: Any) -> bool:
    """Whether a value is a number, or an array of numbers."""
    if isinstance(value, (int, float)):
        return not isinstance(value, bool)
    return getattr(getattr(value, "dtype", None), "kind", "") in NUMBERS and hasattr(value, "shape")
