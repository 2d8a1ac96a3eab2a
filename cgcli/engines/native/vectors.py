"""Numbers of straight-line code by themselves, and vectors that are put together of any of them.

Every number that the code knows is an *element*: a constant, a place in memory, or a lane of a vector that was
computed. A vector of elements is found where it stands as a whole (a computed vector, a stretch of memory, one element
in every lane), else it is put together by shuffles. So what only moves elements (an index, a reshape, a
concatenation, the place of an adjoint) costs nothing by itself.

Vectors have as many lanes as a register of the host holds. Short arrays have fewer, rounded up to a power of two;
lanes beyond the end repeat the last element, and the last vector of a long array begins before its place, so that no
lane ever computes on something that is no element (`Lanes.unless` would jump for it).
"""

from __future__ import annotations

from cgcli.engines.native.host import DOUBLE
from cgcli.engines.native.lanes import Lanes, Value, literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cgcli.engines.native.host import Host

    Source = tuple[str, int, bool]
    """Text, number of lanes and uniformity of a vector that elements are taken from."""


class Memory:
    """A stretch of doubles: the pointer's name, and whether it stays the same in every turn of the loop.

    rows: whether there is a column of rows for each number (see `RowElements`).
    """

    __slots__ = ("pointer", "rows", "uniform")

    def __init__(self, pointer: str, uniform: bool, rows: bool = False) -> None:
        self.pointer = pointer
        self.uniform = uniform
        self.rows = rows


class Constant:
    """A number that is known."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value = value


class InMemory:
    """A number at a place in memory."""

    __slots__ = ("memory", "offset")

    def __init__(self, memory: Memory, offset: int) -> None:
        self.memory = memory
        self.offset = offset


class InLane:
    """A lane of a vector that was computed."""

    __slots__ = ("lane", "value")

    def __init__(self, value: Value, lane: int) -> None:
        self.value = value
        self.lane = lane


Home = Constant | InMemory | InLane


class Elements:
    """The elements of one function, by number, and the instructions that it has so far.

    entry, loop: the instructions before the loop and in it. helpers: as of `Lanes`.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.width = host.lanes(DOUBLE)
        self.entry: list[str] = []
        self.loop: list[str] = []
        self.helpers: dict[str, str] = {}
        self._lanes: dict[int, Lanes] = {}
        self._homes: list[Home] = []
        self._constants: dict[bytes, int] = {}
        self._vectors: dict[tuple[int, tuple[int, ...]], Value] = {}

    def __len__(self) -> int:
        return len(self._homes)

    @property
    def instructions(self) -> int:
        """How many lines there are so far."""
        return len(self.entry) + len(self.loop)

    def lanes(self, count: int) -> Lanes:
        """The writer of vectors of so many lanes; all write into the same function."""
        found = self._lanes.get(count)
        if found is None:
            found = self._lanes[count] = Lanes(self.host, DOUBLE, self.helpers, count=count, prefix=f"x{count}.")
            found.entry, found.loop = self.entry, self.loop
        return found

    def stretches(self, length: int) -> Iterator[tuple[int, int, int]]:
        """The vectors that cover an array: first element, how many elements, and the number of lanes."""
        if length < self.width:
            yield 0, length, 1 << (length - 1).bit_length()
            return
        for first in range(0, length, self.width):
            yield min(first, length - self.width), self.width, self.width

    # ---- new elements ------------------------------------------------------------------------------------------

    def constant(self, value: float) -> int:
        """The element that is a number."""
        key = literal(value, DOUBLE).encode()
        if key not in self._constants:
            self._constants[key] = self._new(Constant(value))
        return self._constants[key]

    def value_of(self, element: int) -> float | None:
        """The number that an element is known to be."""
        home = self._homes[element]
        return home.value if isinstance(home, Constant) else None

    def in_memory(self, memory: Memory, count: int) -> list[int]:
        """New elements that stand one behind the other from the beginning of a stretch of memory."""
        return [self._new(InMemory(memory, offset)) for offset in range(count)]

    def computed(self, count: int) -> list[int]:
        """New elements whose vectors are told by `enter`."""
        first = len(self._homes)
        self._homes += [Constant(0.0)] * count
        return list(range(first, first + count))

    def enter(self, value: Value, elements: Sequence[int]) -> None:
        """A vector whose lanes are these elements; lanes beyond them repeat the last one."""
        for lane, element in enumerate(elements):
            self._homes[element] = InLane(value, lane)
        self._vectors[value.lanes.count, padded(elements, value.lanes.count)] = value

    def _new(self, home: Home) -> int:
        self._homes.append(home)
        return len(self._homes) - 1

    # ---- vectors -----------------------------------------------------------------------------------------------

    def vector(self, elements: Sequence[int], count: int) -> Value:
        """The vector of elements, of so many lanes; lanes beyond them repeat the last one."""
        key = (count, padded(elements, count))
        found = self._vectors.get(key)
        if found is None:
            found = self._vectors[key] = self._put_together(key[1], count)
        return found

    def store(self, elements: Sequence[int], pointer: str) -> list[str]:
        """Instructions that write elements one behind the other from a pointer on."""
        lines: list[str] = []
        for number, (first, length, count) in enumerate(self.stretches(len(elements))):
            text, name = self.vector(elements[first : first + length], count).text, f"{pointer}.to{number}"
            if length != count:
                kind, taken = f"<{count} x double>", mask(range(length), length)
                lines.append(f"{name}.part = shufflevector {kind} {text}, {kind} poison, {taken}")
                text = f"{name}.part"
            lines.append(f"{name} = getelementptr double, ptr {pointer}, i64 {first}")
            lines.append(f"store <{length} x double> {text}, ptr {name}, align 8")
        return lines

    def read(self, name: str, pointer: str, first: int, length: int, count: int) -> list[str]:
        """Instructions that read a vector of numbers behind a pointer; lanes beyond them repeat the last one."""
        part, taken = f"<{length} x double>", mask([min(lane, length - 1) for lane in range(count)], count)
        return [
            f"{name}.at = getelementptr double, ptr {pointer}, i64 {first}",
            f"{name}.part = load {part}, ptr {name}.at, align 8",
            f"{name} = shufflevector {part} {name}.part, {part} poison, {taken}",
        ]

    def _put_together(self, elements: tuple[int, ...], count: int) -> Value:
        lanes = self.lanes(count)
        homes = [self._homes[element] for element in elements]
        numbers = [home.value for home in homes if isinstance(home, Constant)]
        if len(numbers) == count:
            if len(set(elements)) == 1:
                return lanes.constant(numbers[0])
            return Value(lanes, vector_of(numbers), True)
        sources: dict[Source, dict[int, int]] = {}
        self._from_lanes(homes, sources)
        self._from_memory(homes, sources)
        if numbers:
            known = [home.value if isinstance(home, Constant) else 0.0 for home in homes]
            places = {lane: lane for lane, home in enumerate(homes) if isinstance(home, Constant)}
            sources[vector_of(known), count, True] = places
        return self._merged(sources, count)

    @staticmethod
    def _from_lanes(homes: Sequence[Home], sources: dict[Source, dict[int, int]]) -> None:
        for lane, home in enumerate(homes):
            if isinstance(home, InLane):
                source = (home.value.text, home.value.lanes.count, home.value.uniform)
                sources.setdefault(source, {})[lane] = home.lane

    def _from_memory(self, homes: Sequence[Home], sources: dict[Source, dict[int, int]]) -> None:
        """Loads of stretches as long as possible; an element that stands in several lanes is loaded once."""
        wanted: dict[tuple[Memory, int], list[int]] = {}
        for lane, home in enumerate(homes):
            if isinstance(home, InMemory):
                wanted.setdefault((home.memory, home.offset), []).append(lane)
        places = list(wanted.items())
        first = 0
        for here in range(1, len(places) + 1):
            memory, offset = places[here - 1][0]
            if here < len(places) and places[here][0] == (memory, offset + 1):
                continue
            begin = places[first][0][1]
            source = self._loaded(memory, begin, here - first)
            found = sources.setdefault(source, {})
            for (_, at), lanes in places[first:here]:
                found.update(dict.fromkeys(lanes, at - begin))
            first = here

    def _loaded(self, memory: Memory, offset: int, count: int) -> Source:
        lanes, uniform = self.lanes(1), memory.uniform
        address = lanes.write(f"getelementptr double, ptr {memory.pointer}, i64 {offset}", uniform)
        return lanes.write(f"load <{count} x double>, ptr {address}, align 8", uniform), count, uniform

    def _merged(self, sources: dict[Source, dict[int, int]], count: int) -> Value:
        """One vector of lanes of several: one shuffle more for each of them."""
        lanes = self.lanes(count)
        width = max(count, *(source[1] for source in sources))
        (text, own, uniform), places = next(iter(sources.items()))
        others = list(sources.items())[1:]
        if not others:
            if own == count and all(lane == place for lane, place in places.items()):
                return Value(lanes, text, uniform)
            return Value(lanes, self._shuffled(text, text, own, places, count, uniform), uniform)
        text = self._widened(text, own, width, uniform)
        for number, ((other, other_count, other_uniform), other_places) in enumerate(others, 1):
            other_text = self._widened(other, other_count, width, other_uniform)
            uniform = uniform and other_uniform
            places = {**places, **{lane: place + width for lane, place in other_places.items()}}
            result = count if number == len(others) else width
            text = self._shuffled(text, other_text, width, places, result, uniform)
            places = {lane: lane for lane in places}
        return Value(lanes, text, uniform)

    def _widened(self, text: str, count: int, width: int, uniform: bool) -> str:
        if count == width:
            return text
        return self._shuffled(text, text, count, {lane: lane for lane in range(count)}, width, uniform)

    def _shuffled(self, a: str, b: str, count: int, places: dict[int, int], result: int, uniform: bool) -> str:
        """Lanes of two vectors of `count` lanes; those of b are counted behind those of a."""
        kind = f"<{count} x double>"
        second = "poison" if a == b else b
        chosen = mask([places.get(lane) for lane in range(result)], result)
        return self.lanes(1).write(f"shufflevector {kind} {a}, {kind} {second}, {chosen}", uniform)


class RowElements(Elements):
    """Elements that are vectors of rows: each has a number a row, in the lanes of a vector.

    Memory that has rows holds a column for each number, `%stride` numbers long; `%row` is the first row of the vector.
    """

    def stretches(self, length: int) -> Iterator[tuple[int, int, int]]:
        """Each element by itself."""
        for place in range(length):
            yield place, 1, self.width

    def enter(self, value: Value, elements: Sequence[int]) -> None:
        """The vector that an element is."""
        self._homes[elements[0]] = InLane(value, 0)

    def vector(self, elements: Sequence[int], count: int) -> Value:
        """The vector that an element is."""
        home, lanes = self._homes[elements[0]], self.lanes(count)
        if isinstance(home, Constant):
            return lanes.constant(home.value)
        if isinstance(home, InLane):
            return home.value
        memory, uniform = home.memory, home.memory.uniform
        if not memory.rows:
            text, own, _ = self._loaded(memory, home.offset, 1)
            return Value(
                lanes, self._shuffled(text, text, own, dict.fromkeys(range(count), 0), count, uniform), uniform
            )
        place = _column(home.offset, lambda instruction: lanes.write(instruction, True))
        address = lanes.write(f"getelementptr double, ptr {memory.pointer}, i64 {place}", uniform)
        return Value(lanes, lanes.write(f"load {lanes.vector}, ptr {address}, align 8", uniform), uniform)

    def store(self, elements: Sequence[int], pointer: str) -> list[str]:
        """Instructions that write elements into the columns behind a pointer."""
        lines: list[str] = []
        for place, element in enumerate(elements):
            value = self.vector([element], self.width)
            name = f"{pointer}.to{place}"
            lines.append(f"{name} = getelementptr double, ptr {pointer}, i64 {_column(place, _numbered(lines, name))}")
            lines.append(f"store {value.lanes.vector} {value.text}, ptr {name}, align 8")
        return lines

    def read(self, name: str, pointer: str, first: int, length: int, count: int) -> list[str]:
        """Instructions that read an element from its column behind a pointer."""
        lines: list[str] = []
        place = _column(first, _numbered(lines, name))
        return [
            *lines,
            f"{name}.at = getelementptr double, ptr {pointer}, i64 {place}",
            f"{name} = load {self.lanes(count).vector}, ptr {name}.at, align 8",
        ]


def _column(number: int, write: Callable[[str], str]) -> str:
    """Where the rows at hand are, counted from the first column, by a function that writes and names an instruction."""
    return write(f"add i64 {write(f'mul i64 %stride, {number}')}, %row")


def _numbered(lines: list[str], name: str) -> Callable[[str], str]:
    """A function that adds instructions to a list, with names of their own."""

    def write(instruction: str) -> str:
        lines.append(f"{name}.{len(lines)} = {instruction}")
        return f"{name}.{len(lines) - 1}"

    return write


def padded(elements: Sequence[int], count: int) -> tuple[int, ...]:
    """As many elements as there are lanes, of which the last ones repeat the last element."""
    return (*elements, *[elements[-1]] * (count - len(elements)))


def mask(places: Sequence[int | None], count: int) -> str:
    """The lanes that a shuffle takes; None where any will do."""
    chosen = ", ".join("i32 undef" if place is None else f"i32 {place}" for place in places)
    return f"<{count} x i32> <{chosen}>"


def vector_of(numbers: Sequence[float]) -> str:
    """A vector of known numbers."""
    return f"<{', '.join(f'double {literal(number, DOUBLE)}' for number in numbers)}>"
