"""Many small least-squares problems in machine code: each group of rows has parameters of its own, which walk.

A kernel takes as many groups at once as a vector has lanes. It computes the rows of one group after the other, as many
rows at once, and sums the products of derivatives and residuals; from then on a lane is a group, and what a walk does
with the triangle (`Steps`) is straight-line code on vectors. Nothing is kept of a row, no lane knows of its
neighbours, and a group whose walk is done computes no rows any more.

Where a triangle from products would lose digits, the rows are computed again and reflected (`triangles`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.engines.native import triangles
from cgcli.engines.native.host import DOUBLE
from cgcli.engines.native.lanes import RARELY, Lanes, Mask, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Protocol

    from cgcli.engines.native.host import Host

    Triangle = Mapping[tuple[int, int], Value]

    class Steps(Protocol):
        """What walks do, as instructions on vectors with a lane for each walk.

        size: the parameters. A state is a list of numbers, state_numbers of them, of which told_numbers are told.
        Equal ones write equal code.
        """

        size: int
        state_numbers: int
        told_numbers: int

        def factorised(self, lanes: Lanes, products: Triangle) -> tuple[Triangle, Mask]:
            """The triangle from products of columns, and where these nearly depend on each other."""

        def begun(self, lanes: Lanes, points: Sequence[Value], triangle: Triangle) -> list[Value]:
            """The state at the start."""

        def finished(self, lanes: Lanes, state: list[Value]) -> tuple[Mask, Mask, list[Value]]:
            """Which walks are done, which of them at a solution, and the state then."""

        def tried(self, lanes: Lanes, state: list[Value]) -> tuple[list[Value], Any]:
            """The points to look at next, and what is to be remembered of them."""

        def arrived(
            self, lanes: Lanes, state: list[Value], trial: Any, triangle: Triangle, allowed: Mask
        ) -> list[Value]:
            """The state after the rows at these points."""

        def told(self, state: list[Value]) -> list[Value]:
            """What of a state is a result."""


LINES = triangles.CACHE
"""Numbers of a stretch of rows, which stay in the nearest cache."""

ARGUMENTS = "ptr %columns, ptr %tables, ptr %scratch"


def pairs(size: int) -> list[tuple[int, int]]:
    """The places of an upper triangle, row by row."""
    return [(row, column) for row in range(size) for column in range(row, size)]


class Areas:
    """Where what stands in a thread's memory, in numbers from its beginning.

    slots: numbers of the rows' kernel. scalars: of all rows of a group. Vectors have a place for each lane.
    """

    def __init__(self, host: Host, steps: Steps, slots: int, scalars: int) -> None:
        self.lanes = host.lanes(DOUBLE)
        self.width = steps.size + 1
        step = triangles.UNROLLED * self.lanes
        self.height = max(LINES // self.width // step, triangles.FEWEST) * step
        self.stride = self.height + step + self.lanes
        self.pairs = len(pairs(self.width))
        sizes = {
            "rows": slots, "scalars": scalars, "addresses": self.width, "lines": self.width * self.stride,
            "sums": self.pairs * self.lanes, "trial": steps.size * self.lanes, "active": self.lanes,
            "near": self.lanes, "state": steps.state_numbers * self.lanes, "square": self.width**2, "sizes": 2,
            "spare": 2,
        }  # fmt: skip
        self.at: dict[str, int] = {}
        self.total = 0
        for name, size in sizes.items():
            self.at[name] = self.total
            self.total += -(-size // 8) * 8


class WalkKernel:
    """Writes the kernel.

        void kernel(double **columns, void **tables, double *unused, double *scratch, int64 first, int64 last)

    tables: the beginnings and the numbers of rows of groups, integers; then numbers, a line for each parameter (the
    start) and for each result (what `Steps.told` gives, the evaluations, 1 for a walk that ended at a solution), each
    as long as there are groups, whole vectors of them; then the most evaluations, an integer.
    """

    def __init__(
        self, host: Host, steps: Steps, rows: str, slots: int, scalars: int, places: Sequence[int]
    ) -> None:  # fmt: skip
        """rows: the text of a kernel of rows, and the slots it needs. scalars: how many it takes; places: those of the
        parameters among them.
        """
        self.host = host
        self.steps = steps
        self.areas = Areas(host, steps, slots, scalars)
        self._rows = rows.replace("@kernel(", "@rows(")
        self._places = places
        self._helpers: dict[str, str] = {}
        self._lanes = Lanes(host, DOUBLE, self._helpers)
        self._names = 0

    def text(self) -> str:
        """The kernel in LLVM's language."""
        parts = [self._main(), self._evaluate(), self._group(), self._products()]
        reflect = triangles.text_of(self.host).replace("@kernel(", "@reflect(")
        return once_each("\n".join([self._rows, reflect, *self._helpers.values(), *parts]))

    # ---- writing -------------------------------------------------------------------------------------------------

    def _name(self) -> str:
        self._names += 1
        return f"%w{self._names}"

    def _area(self, name: str, lines: list[str], more: str | int = 0) -> str:
        """The address of an area of the scratch memory, a constant or named number of doubles further on."""
        address = self._name()
        lines.append(f"{address} = getelementptr double, ptr %scratch, i64 {self.areas.at[name]}")
        if more == 0:
            return address
        further = self._name()
        lines.append(f"{further} = getelementptr double, ptr {address}, i64 {more}")
        return further

    def _loaded(self, name: str, count: int, lines: list[str]) -> list[Value]:
        """Vectors of an area; never those that were read before."""
        found = []
        for place in range(count):
            address, value = self._area(name, lines, place * self.areas.lanes), self._name()
            lines.append(f"{value} = load {self._lanes.vector}, ptr {address}, align 8")
            found.append(Value(self._lanes, value, False))
        return found

    def _stored(self, name: str, values: Iterable[Value], lines: list[str]) -> None:
        for place, value in enumerate(values):
            address = self._area(name, lines, place * self.areas.lanes)
            lines.append(f"store {self._lanes.vector} {value.text}, ptr {address}, align 8")

    def _triangle(self, lines: list[str]) -> dict[tuple[int, int], Value]:
        loaded = self._loaded("sums", self.areas.pairs, lines)
        return dict(zip(pairs(self.areas.width), loaded, strict=True))

    def _table(self, place: int, lines: list[str]) -> str:
        entry, table = self._name(), self._name()
        lines += [f"{entry} = getelementptr ptr, ptr %tables, i64 {place}", f"{table} = load ptr, ptr {entry}, align 8"]
        return table

    def _any(self, mask: Mask, lines: list[str]) -> str:
        """Whether a mask is true in some lane."""
        bits, some, count = self._name(), self._name(), self.areas.lanes
        lines += [f"{bits} = bitcast <{count} x i1> {mask.text} to i{count}", f"{some} = icmp ne i{count} {bits}, 0"]
        return some

    # ---- the walk ------------------------------------------------------------------------------------------------

    def _main(self) -> str:
        """Groups, a vector of them at once: the rows at their start, then steps until none goes on."""
        lanes, steps = self._lanes, self.steps
        lines, size, count = lanes.loop, steps.size, self.areas.lanes
        start = [self._line(place, lines) for place in range(size)]
        self._stored("trial", start, lines)
        self._stored("active", [lanes.constant(1.0)], lines)
        evaluate = f"call void @evaluate({ARGUMENTS}, i64 %group)"
        lines.append(evaluate)
        first = steps.begun(lanes, start, self._triangle(lines))
        self._stored("state", first, lines)
        lines += ["br label %evaluation", "evaluation:", "%number = phi i64 [1, %pack], [%next_number, %go]"]
        state, (active,) = self._loaded("state", len(first), lines), self._loaded("active", 1, lines)
        done, converged, moved = steps.finished(lanes, state)
        here = active != 0.0
        lines.append(f"%no_more = icmp sge i64 %number, {self._most(lines)}")
        going = lanes.where(here & ~(done | self._everywhere("%no_more", lines)), 1.0, 0.0)
        told = [lanes.where(here, new, old) for new, old in zip(moved, state, strict=True)]
        self._results(told, lanes.where(converged, 1.0, 0.0), here, lines)
        self._stored("active", [going], lines)
        lines += [f"br i1 {self._any(going != 0.0, lines)}, label %go, label %pack_done", "go:"]
        points, trial = steps.tried(lanes, state)
        self._stored("trial", points, lines)
        lines.append(evaluate)
        self._stored("state", steps.arrived(lanes, state, trial, self._triangle(lines), going != 0.0), lines)
        lines += ["%next_number = add i64 %number, 1", "br label %evaluation"]
        return "\n".join([
            f"define void @kernel({ARGUMENTS.replace('%scratch', '%unused')}, ptr %scratch, i64 %first, i64 %last) {{",
            "entry:", *lanes.entry, "br label %pack",
            "pack:", "%group = phi i64 [%first, %entry], [%next_group, %pack_done]", *lines,
            "pack_done:", f"%next_group = add i64 %group, {count}", "%more = icmp slt i64 %next_group, %last",
            "br i1 %more, label %pack, label %done", "done:", "ret void", "}",
        ])  # fmt: skip

    def _line_address(self, place: int, lines: list[str]) -> str:
        """Where a line of the table of numbers has the current groups."""
        stride, begin, at, address = (self._name() for _ in range(4))
        table = self._table(2, lines)
        size = self._table(3, lines)
        lines += [
            f"{stride} = load i64, ptr {size}, align 8", f"{begin} = mul i64 {stride}, {place}",
            f"{at} = add i64 {begin}, %group", f"{address} = getelementptr double, ptr {table}, i64 {at}",
        ]  # fmt: skip
        return address

    def _line(self, place: int, lines: list[str]) -> Value:
        address, value = self._line_address(place, lines), self._name()
        lines.append(f"{value} = load {self._lanes.vector}, ptr {address}, align 8")
        return Value(self._lanes, value, False)

    def _most(self, lines: list[str]) -> str:
        entry, most, size = self._name(), self._name(), self._table(3, lines)
        lines += [f"{entry} = getelementptr i64, ptr {size}, i64 1", f"{most} = load i64, ptr {entry}, align 8"]
        return most

    def _everywhere(self, truth: str, lines: list[str]) -> Mask:
        one, all_of, count = self._name(), self._name(), self.areas.lanes
        lines += [
            f"{one} = insertelement <{count} x i1> poison, i1 {truth}, i32 0",
            f"{all_of} = shufflevector <{count} x i1> {one}, <{count} x i1> poison, <{count} x i32> zeroinitializer",
        ]
        return Mask(self._lanes, all_of, False)

    def _results(self, told: list[Value], converged: Value, here: Mask, lines: list[str]) -> None:
        """Write what is known of the walks that were still going."""
        number, one = self._name(), self._name()
        count, vector = self.areas.lanes, self._lanes.vector
        lines += [
            f"{number} = sitofp i64 %number to double",
            f"{one} = insertelement {vector} poison, double {number}, i32 0",
            f"{number}s = shufflevector {vector} {one}, {vector} poison, <{count} x i32> zeroinitializer",
        ]
        values = [*self.steps.told(told), Value(self._lanes, f"{number}s", False), converged]
        for place, value in enumerate(values):
            address = self._line_address(place, lines)
            old = self._name()
            lines.append(f"{old} = load {vector}, ptr {address}, align 8")
            kept = self._lanes.where(here, value, Value(self._lanes, old, False))
            lines.append(f"store {vector} {kept.text}, ptr {address}, align 8")

    # ---- the rows ------------------------------------------------------------------------------------------------

    def _evaluate(self) -> str:
        """The triangles of all groups that go on, at their trial points, into `sums`."""
        lanes = Lanes(self.host, DOUBLE, self._helpers, prefix="e")
        self._lanes = lanes
        lines = lanes.loop
        products = self._triangle(lines)
        triangle, near = self.steps.factorised(lanes, products)
        (active,) = self._loaded("active", 1, lines)
        near = near & (active != 0.0)
        self._stored("sums", [triangle[place] for place in pairs(self.areas.width)], lines)
        self._stored("near", [lanes.where(near, 1.0, 0.0)], lines)
        self._helpers.setdefault(RARELY, f'{RARELY} = !{{!"branch_weights", i32 1, i32 2000}}')
        lines.append(f"br i1 {self._any(near, lines)}, label %some, label %done, !prof {RARELY}")
        return "\n".join([
            f"define internal void @evaluate({ARGUMENTS}, i64 %group) {{", "entry:", *lanes.entry, "br label %sums",
            *self._over_lanes("entry", "sums", "active", "false", "all"), "all:", *lines,
            "some:", "br label %reflections", *self._over_lanes("some", "reflections", "near", "true", "done"),
            "done:", "ret void", "}",
        ])  # fmt: skip

    def _over_lanes(self, before: str, label: str, area: str, reflect: str, behind: str) -> list[str]:
        """A loop, between two blocks, over those lanes whose number in an area is not 0."""
        lines = [f"{label}:", f"%lane_{label} = phi i64 [0, %{before}], [%next_{label}, %{label}_next]"]
        address, flag, there = self._area(area, lines, f"%lane_{label}"), self._name(), self._name()
        return [
            *lines, f"{flag} = load double, ptr {address}, align 8", f"{there} = fcmp one double {flag}, 0.0",
            f"br i1 {there}, label %{label}_this, label %{label}_next", f"{label}_this:",
            f"call void @group({ARGUMENTS}, i64 %group, i64 %lane_{label}, i1 {reflect})",
            f"br label %{label}_next", f"{label}_next:", f"%next_{label} = add i64 %lane_{label}, 1",
            f"%more_{label} = icmp slt i64 %next_{label}, {self.areas.lanes}",
            f"br i1 %more_{label}, label %{label}, label %{behind}",
        ]  # fmt: skip

    def _group(self) -> str:
        """The rows of one lane's group, a stretch after the other: the sums of products, or the reflected triangle."""
        areas = self.areas
        entry: list[str] = []
        begin, count = self._table(0, entry), self._table(1, entry)
        entry += [
            "%this = add i64 %group, %lane",
            f"%begin_at = getelementptr i64, ptr {begin}, i64 %this", "%begin = load i64, ptr %begin_at, align 8",
            f"%count_at = getelementptr i64, ptr {count}, i64 %this", "%count = load i64, ptr %count_at, align 8",
        ]  # fmt: skip
        for place, scalar in enumerate(self._places):
            trial = self._area("trial", entry, place * areas.lanes)
            at, value = self._name(), self._name()
            entry += [
                f"{at} = getelementptr double, ptr {trial}, i64 %lane", f"{value} = load double, ptr {at}, align 8",
                f"store double {value}, ptr {self._area('scalars', entry, scalar)}, align 8",
            ]  # fmt: skip
        sums = self._area("sums", entry, "%lane")
        for place in range(areas.pairs):
            at = self._name()
            entry += [f"{at} = getelementptr double, ptr {sums}, i64 {place * areas.lanes}",
                      f"store double 0.0, ptr {at}, align 8"]  # fmt: skip
        square = self._area("square", entry)
        for place in range(areas.width**2):
            at = self._name()
            entry += [f"{at} = getelementptr double, ptr {square}, i64 {place}", f"store double 0.0, ptr {at}, align 8"]
        return "\n".join([
            f"define internal void @group({ARGUMENTS}, i64 %group, i64 %lane, i1 %reflect) {{", "entry:", *entry,
            "%some = icmp sgt i64 %count, 0", "br i1 %some, label %stretch, label %done",
            *self._stretch(sums, square),
            "rows_done:", "br i1 %reflect, label %reflected, label %done", "reflected:", *self._copied(sums, square),
            "br label %done", "done:", "ret void", "}",
        ])  # fmt: skip

    def _stretch(self, sums: str, square: str) -> list[str]:
        """The loop over stretches of rows. Rows are computed by whole vectors, which may begin before those of the
        stretch; what stands behind them in the lines is made 0.
        """
        areas = self.areas
        lines = [
            "stretch:", "%at = phi i64 [0, %entry], [%until, %again]",
            f"%full = add i64 %at, {areas.height}", "%over = icmp sgt i64 %full, %count",
            "%until = select i1 %over, i64 %count, i64 %full", "%rows = sub i64 %until, %at",
            "%first = add i64 %begin, %at", "%last = add i64 %begin, %until",
            f"%short = icmp slt i64 %last, {areas.lanes}", f"%end = select i1 %short, i64 {areas.lanes}, i64 %last",
            f"%back = sub i64 %end, {areas.lanes}", "%early = icmp sgt i64 %first, %back",
            "%start = select i1 %early, i64 %back, i64 %first", "%skipped = sub i64 %first, %start",
            "%minus = sub i64 0, %start",
        ]  # fmt: skip
        addresses = self._addressed(lines)
        scalars, rows = self._area("scalars", lines), self._area("rows", lines)
        lines.append(f"call void @rows(ptr %columns, ptr {scalars}, ptr {addresses}, ptr {rows}, i64 %start, i64 %end)")
        block = self._area("lines", lines, "%skipped")
        self._zeros_behind(block, lines)
        step = triangles.UNROLLED * areas.lanes
        lines += ["br i1 %reflect, label %reflecting, label %summing", "summing:",
                  f"call void @products(ptr {block}, i64 %rows, ptr {sums})", "br label %again", "reflecting:",
                  f"%more_rows = add i64 %rows, {step - 1}", f"%filled = and i64 %more_rows, {-step}"]  # fmt: skip
        sizes, spare = self._area("sizes", lines), self._area("spare", lines)
        second = self._area("sizes", lines, 1)
        return [
            *lines,
            f"store i64 {areas.stride}, ptr {sizes}, align 8", f"store i64 {areas.height}, ptr {second}, align 8",
            f"call void @reflect(ptr {block}, ptr {square}, ptr {sizes}, ptr {spare}, i64 %filled, i64 {areas.width})",
            "br label %again", "again:", "%left = icmp slt i64 %until, %count",
            "br i1 %left, label %stretch, label %rows_done",
        ]  # fmt: skip

    def _addressed(self, lines: list[str]) -> str:
        """Where the kernel of rows finds the lines: a row of the table's goes to its place from the stretch's first."""
        addresses = self._area("addresses", lines)
        for place in range(self.areas.width):
            line = self._area("lines", lines, place * self.areas.stride)
            moved, at = self._name(), self._name()
            lines += [
                f"{moved} = getelementptr double, ptr {line}, i64 %minus",
                f"{at} = getelementptr ptr, ptr {addresses}, i64 {place}", f"store ptr {moved}, ptr {at}, align 8",
            ]  # fmt: skip
        return addresses

    def _zeros_behind(self, block: str, lines: list[str]) -> None:
        """What stands behind the rows of a stretch, as much as is summed or reflected at once, is made 0."""
        areas = self.areas
        for place in range(areas.width):
            line, behind = self._name(), self._name()
            lines += [f"{line} = getelementptr double, ptr {block}, i64 {place * areas.stride}",
                      f"{behind} = getelementptr double, ptr {line}, i64 %rows"]  # fmt: skip
            for part in range(triangles.UNROLLED):
                at = self._name()
                lines += [f"{at} = getelementptr double, ptr {behind}, i64 {part * areas.lanes}",
                          f"store <{areas.lanes} x double> zeroinitializer, ptr {at}, align 8"]  # fmt: skip

    def _copied(self, sums: str, square: str) -> list[str]:
        """A reflected triangle into the lane's place."""
        lines = []
        for place, (row, column) in enumerate(pairs(self.areas.width)):
            at, value, to = self._name(), self._name(), self._name()
            lines += [
                f"{at} = getelementptr double, ptr {square}, i64 {row * self.areas.width + column}",
                f"{value} = load double, ptr {at}, align 8",
                f"{to} = getelementptr double, ptr {sums}, i64 {place * self.areas.lanes}",
                f"store double {value}, ptr {to}, align 8",
            ]  # fmt: skip
        return lines

    def _products(self) -> str:
        """The sums of products of lines with each other are added to what stands in a lane."""
        areas, vector = self.areas, f"<{self.areas.lanes} x double>"
        kind = f"v{areas.lanes}f64"
        places = pairs(areas.width)
        lines = [f"%sum{n} = phi {vector} [zeroinitializer, %entry], [%new{n}, %loop]" for n in range(len(places))]
        for line in range(areas.width):
            lines += [f"%line{line} = getelementptr double, ptr %lines, i64 {line * areas.stride}",
                      f"%at{line} = getelementptr double, ptr %line{line}, i64 %row",
                      f"%x{line} = load {vector}, ptr %at{line}, align 8"]  # fmt: skip
        lines += [f"%new{n} = call {vector} @llvm.fmuladd.{kind}({vector} %x{a}, {vector} %x{b}, {vector} %sum{n})"
                  for n, (a, b) in enumerate(places)]  # fmt: skip
        behind = []
        for n in range(len(places)):
            behind += [
                f"%one{n} = call reassoc double @llvm.vector.reduce.fadd.{kind}(double 0.0, {vector} %new{n})",
                f"%to{n} = getelementptr double, ptr %sums, i64 {n * areas.lanes}",
                f"%old{n} = load double, ptr %to{n}, align 8", f"%both{n} = fadd double %old{n}, %one{n}",
                f"store double %both{n}, ptr %to{n}, align 8",
            ]  # fmt: skip
        return "\n".join([
            "define internal void @products(ptr %lines, i64 %rows, ptr %sums) {", "entry:", "br label %loop", "loop:",
            "%row = phi i64 [0, %entry], [%next, %loop]", *lines, f"%next = add i64 %row, {areas.lanes}",
            "%more = icmp slt i64 %next, %rows", "br i1 %more, label %loop, label %done", "done:", *behind, "ret void",
            "}",
        ])  # fmt: skip


def once_each(text: str) -> str:
    """A module's text with each declaration once."""
    known: set[str] = set()
    found = []
    for line in text.split("\n"):
        if line.startswith(("declare ", "!")):
            name = line.split("(")[0].split()[-1] if line.startswith("declare ") else line
            if name in known:
                continue
            known.add(name)
        found.append(line)
    return "\n".join(found)
