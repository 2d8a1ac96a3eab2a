"""A task graph as something that can be asked: its value, its derivatives, its picture."""

from __future__ import annotations

from cgcli.errors import UsageError, did_you_mean
from cgcli.tasks.labels import key_name, key_text
from cgcli.tasks.reading import read_collection
from cgcli.tasks.steps import is_numeric

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any


class TaskGraph:
    """A graph of tasks, made from a Dask collection by `cgcli.from_dask`.

    Its inputs are the numbers and arrays of numbers that have a task of their own, `delayed(3.0, name="x")`; they go by
    the name of that task. Functions are called in this process, one after the other.
    """

    def __init__(self, collection: Any, keys: Any = None) -> None:
        self.steps = read_collection(collection, keys)
        self._slots = self._named_inputs()

    def __len__(self) -> int:
        """How many tasks the result needs."""
        return len(self.steps.named)

    def __repr__(self) -> str:
        return f"<graph of {len(self):,} task{'' if len(self) == 1 else 's'}>"

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs, in order."""
        return list(self._slots)

    def _named_inputs(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for key, slot in self.steps.named.items():
            if slot in self.steps.given and is_numeric(self.steps.given[slot]):
                name = base = key_name(key)
                count = 1
                while name in found:
                    count += 1
                    name = f"{base}_{count}"
                found[name] = slot
        return found

    def slot_of(self, name: Any) -> int:
        """The slot of an input by its name, or of any task by its key or by the collection itself. UsageError."""
        key = getattr(name, "key", name)
        slot = self._slots.get(key) if isinstance(key, str) else None
        if slot is None:
            slot = self.steps.named.get(key)
        if slot is not None:
            return slot
        known = list(self._slots)
        hint = did_you_mean(str(key), known) or (f"it has {', '.join(known[:9])}" if known else NO_INPUTS)
        raise UsageError(f"the task graph has no input and no task `{key_text(key)}`", hint=hint)

    def _replaced(self, mapping: Mapping[Any, Any] | None, inputs: Mapping[str, Any]) -> dict[int, Any]:
        given = {**(mapping or {}), **inputs}
        return {self.slot_of(name): value for name, value in given.items()}

    def eval(self, mapping: Mapping[Any, Any] | None = None, /, **inputs: Any) -> Any:
        """What `compute()` gives: every function is called once, on what the tasks before it gave.

        Values given by name (or by key) replace those of the graph. CalculationError, naming the task, where a function
        raises; UsageError for a name that the graph does not have.
        """
        return self.steps.values(self._replaced(mapping, inputs))[self.steps.result]

    __call__ = eval  # noqa: A003

    def grad(
        self, mapping: Mapping[Any, Any] | None = None, /, *, wrt: Sequence[Any] | None = None, **inputs: Any
    ) -> dict[str, Any]:  # fmt: skip
        """Derivatives of the result, a number, with respect to each input: {name: number or array of its shape}.

        wrt: names of inputs, keys of any tasks, or the Delayed objects themselves; all inputs by default. Functions of
        arithmetic and of NumPy are followed (`cgcli.tasks.tracing`); CalculationError for a task that cannot be.
        """
        return self.value_and_grad(mapping, wrt=wrt, **inputs)[1]

    def value_and_grad(
        self, mapping: Mapping[Any, Any] | None = None, /, *, wrt: Sequence[Any] | None = None, **inputs: Any
    ) -> tuple[Any, dict[str, Any]]:  # fmt: skip
        """The value and its derivatives, as of `eval` and `grad`, with each function called on numbers once."""
        from cgcli.tasks.derivatives import gradient

        names = [wrt] if isinstance(wrt, str) else self.inputs if wrt is None else list(wrt)
        if not names:
            raise UsageError("the task graph has no inputs to differentiate with respect to", hint=NO_INPUTS)
        variables = {key_text(getattr(name, "key", name)): self.slot_of(name) for name in names}
        return gradient(self.steps, self._replaced(mapping, inputs), variables)

    def draw(self, path: str | Path | None = None, /, *, limit: int | None = 1000, timeout: float = 30.0) -> str:
        """The picture of the tasks: written to a file (svg, png, pdf, dot), or returned as SVG text without a path.

        A picture of more than `limit` tasks is folded, and says so; None folds nothing. timeout: seconds that the
        layout may take. No function is called.
        """
        from cgcli.tasks.picture import draw_tasks

        return draw_tasks(self.steps, path, limit=limit, timeout=timeout)

    def _repr_svg_(self) -> str:
        return self.draw()


NO_INPUTS = 'a number with a task of its own is one: delayed(3.0, name="x")'
