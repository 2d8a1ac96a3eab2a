"""A dictionary whose entries are made when it is first looked at: those of a large text are often never needed."""

from __future__ import annotations

from _thread import RLock  # `threading` takes a millisecond to load
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class LateDict(MutableMapping[Key, Value]):
    """A dictionary that takes entries as functions which make them. A pickled one is an ordinary dict."""

    __slots__ = ("entries", "lock", "pending")

    def __init__(self, entries: MutableMapping[Key, Value]) -> None:
        """Go on with the entries of another dictionary, which must not be used beside this one."""
        self.entries: dict[Key, Value] = entries if isinstance(entries, dict) else dict(entries)
        self.pending: list[Callable[[], Iterable[tuple[Key, Value]]]] = []
        self.lock = RLock()

    def later(self, make: Callable[[], Iterable[tuple[Key, Value]]]) -> None:
        """Enter what `make` returns, as `update` would, when the dictionary is next looked at."""
        self.pending.append(make)

    def settled(self) -> dict[Key, Value]:
        """All entries."""
        if self.pending:
            with self.lock:
                for make in self.pending:
                    self.entries.update(make())
                self.pending.clear()
        return self.entries

    def __getitem__(self, key: Key) -> Value:
        return self.settled()[key]

    def __setitem__(self, key: Key, value: Value) -> None:
        self.settled()[key] = value

    def __delitem__(self, key: Key) -> None:
        del self.settled()[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self.settled())

    def __len__(self) -> int:
        return len(self.settled())

    def __copy__(self) -> MutableMapping[Key, Value]:
        with self.lock:
            if not self.pending:
                return dict(self.entries)
            twin: LateDict[Key, Value] = LateDict(dict(self.entries))
            twin.pending = self.pending[:]
            return twin

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (self.settled(),)
