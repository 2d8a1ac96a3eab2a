"""What can be done to a live graph, taken back and done again."""

from __future__ import annotations

from cgcli.live.edits import Edit
from cgcli.live.holding import Held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, Protocol

    from cgcli.live.sheet import Sheet

    class LiveGraph(Protocol):
        """What a change needs to know of a live graph."""

        sheet: Sheet

        def follow(self, renamed: Iterable[tuple[str, str]]) -> None:
            """Take notice of new names."""

        def enter(self, change: Change) -> None:
            """Take notice of a change that was done."""

        def tell(self) -> None:
            """Tell watchers after a change."""


ALONE = 30
"""What a change takes by itself, in numbers."""


class Change:
    """One change; in words as a text. Its length is how many numbers take as much memory."""

    def __len__(self) -> int:
        return ALONE

    def do(self, live: LiveGraph) -> None:
        """Do it."""
        raise NotImplementedError

    def undo(self, live: LiveGraph) -> None:
        """Take it back."""
        raise NotImplementedError

    def fork(self, forked: Callable[[Sheet], Sheet]) -> Change:
        """The same change in the past of an independent copy; forked: the sheet that stands there for one of here."""
        return self


class NewValues(Change):
    """Other values of inputs: (node, value before, value after), and the defaults that do not count any more."""

    __slots__ = ("changed", "dropped")

    def __init__(self, changed: Sequence[tuple[int, Any, Any]], dropped: Mapping[str, int]) -> None:
        self.changed = changed
        self.dropped = dropped

    def do(self, live: LiveGraph) -> None:
        """Put in the values after."""
        for name in self.dropped:
            live.sheet.defaults.pop(name, None)
        values = live.sheet.values
        for node, _, after in self.changed:
            values.put(node, values.engine.given(after))

    def undo(self, live: LiveGraph) -> None:
        """Put in the values before."""
        values = live.sheet.values
        for node, before, _ in self.changed:
            values.put(node, values.engine.given(before))
        live.sheet.defaults.update(self.dropped)

    def __len__(self) -> int:
        return ALONE + sum(getattr(after, "size", 1) for _, _, after in self.changed)

    def __str__(self) -> str:
        return new_values(len(self.changed))


class ManyValues(Change):
    """Other values of most inputs, as columns: all is computed anew."""

    __slots__ = ("after", "before", "nodes")

    def __init__(self, nodes: Sequence[int], before: Sequence[float], after: Sequence[float]) -> None:
        self.nodes = nodes
        self.before = before
        self.after = after

    def do(self, live: LiveGraph) -> None:
        """Put in the values after."""
        live.sheet.values.put_all(self.nodes, self.after)

    def undo(self, live: LiveGraph) -> None:
        """Put in the values before."""
        live.sheet.values.put_all(self.nodes, self.before)

    def __len__(self) -> int:
        return len(self.nodes)

    def __str__(self) -> str:
        return new_values(len(self.nodes))


def new_values(count: int) -> str:
    """How many values are new, in words."""
    return "a new value" if count == 1 else f"{count:,} new values"


class NewSheet(Change):
    """A graph that was made anew, for values of other shapes, or to be compact."""

    __slots__ = ("after", "before")

    def __init__(self, before: Sheet, after: Sheet) -> None:
        self.before = before
        self.after = after

    def do(self, live: LiveGraph) -> None:
        """Go on with the new one, and the functions that there are now."""
        self.after.texts = self.before.texts
        live.sheet = self.after

    def undo(self, live: LiveGraph) -> None:
        """Go on with the old one, and the functions that there are now."""
        self.before.texts = self.after.texts
        live.sheet = self.before

    def fork(self, forked: Callable[[Sheet], Sheet]) -> Change:
        """Between sheets of the copy's own."""
        return NewSheet(forked(self.before), forked(self.after))

    def __len__(self) -> int:
        return len(self.before.graph)

    def __str__(self) -> str:
        return "a graph made anew"


class Edited(Change):
    """The edits of one transaction."""

    __slots__ = ("edit",)

    def __init__(self, edit: Edit) -> None:
        self.edit = edit

    def do(self, live: LiveGraph) -> None:
        """Do them again, one by one."""
        again = Edit(live.sheet)
        try:
            for kind, arguments, named in self.edit.steps:
                getattr(again, kind)(*arguments, **named)
        except BaseException:
            again.begin.take_back(live.sheet)
            raise
        self.edit = again
        live.sheet.settle_engine()
        live.follow(again.renamed)

    def undo(self, live: LiveGraph) -> None:
        """Take them back, all together."""
        self.edit.begin.take_back(live.sheet)
        live.sheet.settle_engine()
        live.follow((to, name) for name, to in reversed(self.edit.renamed))

    def fork(self, forked: Callable[[Sheet], Sheet]) -> Change:
        """The same steps, which begin where the copy does them again."""
        return Edited(self.edit)

    def __str__(self) -> str:
        return "; ".join(_words(*step) for step in self.edit.steps)


def _words(kind: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
    given = [*map(repr, arguments), *(f"{name}={value!r}" for name, value in named.items())]
    return f"{kind}({', '.join(given)})"


class Transaction:
    """The block of `live.edit()`."""

    def __init__(self, live: LiveGraph) -> None:
        self._live = live
        self._edit: Edit | None = None

    def __enter__(self) -> Edit:
        self._edit = Edit(self._live.sheet)
        return self._edit

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        edit, live = self._edit, self._live
        assert edit is not None
        with Held():
            if error is not None:
                edit.begin.take_back(live.sheet)
            live.sheet.settle_engine()
            if error is None and edit.steps:
                live.follow(edit.renamed)
                live.enter(Edited(edit))
        if error is None and edit.steps:
            live.tell()
