"""One point of a deep and narrow graph of scalars: a stream of nodes, and the interpreter that follows it."""

from __future__ import annotations

import numpy as np

from cgcli.engines.native.host import DOUBLE
from cgcli.engines.native.lanes import Lanes, Value
from cgcli.engines.native.spelling import spelled_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.engines.native.host import Host
    from cgcli.passes.schedule import Kind, Schedule


class Tape:
    """A schedule of runs of one node each as a stream of numbers: of each node its code, then the operands' places.

    An operand that is the result of the node before is not in the stream: the code says so, and the value is at hand
    in a register. Otherwise each node of a chain would wait for the memory that the one before has just written.

    stream: the codes and places, and at the end a code that stops. codes: (kind, bits of the operands at hand) of
    each code.
    """

    def __init__(self, plan: Schedule) -> None:
        kind = plan.runs[:, 0].astype(np.int64)
        arity = np.array([row.arity for row, _ in plan.kinds], dtype=np.int64)[kind]
        first = np.cumsum(arity) - arity
        node = np.arange(len(kind))
        at_hand = np.zeros(len(kind), dtype=np.int64)
        stays = np.ones(len(plan.operands), dtype=bool)
        for position in range(int(arity.max(initial=0))):
            has = np.flatnonzero((arity > position) & (node > 0))
            edge = first[has] + position
            near = plan.operands[edge] == plan.leaves + node[has] - 1
            at_hand[has] |= near.astype(np.int64) << position
            stays[edge[near]] = False
        width = 1 << int(arity.max(initial=0))
        key = kind * width + at_hand
        distinct = np.flatnonzero(np.bincount(key))
        number = np.zeros(len(plan.kinds) * width, dtype=np.int32)
        number[distinct] = np.arange(len(distinct))
        self.kinds = plan.kinds
        self.codes = [divmod(each, width) for each in distinct.tolist()]
        self.stream = np.empty(len(kind) + int(stays.sum()) + 1, dtype=np.int32)
        head = node + (np.cumsum(stays) - stays)[first]
        is_place = np.ones(len(self.stream), dtype=bool)
        is_place[head] = is_place[-1] = False
        self.stream[head] = number[key]
        self.stream[is_place] = plan.operands[stays]
        self.stream[-1] = len(self.codes)

    def text(self, host: Host) -> str:
        """The text of a kernel: a block a code, each of which ends in a jump to the block of the next node."""
        helpers: dict[str, str] = {}
        blocks: list[str] = []
        values, streams, ends = ["[0.0, %entry]"], ["[%operands, %entry]"], ["[%start, %entry]"]
        for number, (kind, at_hand) in enumerate(self.codes):
            lanes = Lanes(host, DOUBLE, helpers, count=1, prefix=f"code{number}.")
            value, read, lines = self._block(f"%c{number}", self.kinds[kind], at_hand, lanes)
            blocks += [
                f"code{number}:", *lines,
                f"br label %end{number}",
                f"end{number}:",
                f"%c{number}.value = extractelement <1 x double> {value.text}, i32 0",
                f"%c{number}.next = getelementptr i32, ptr %from, i64 {1 + read}",
                f"store double %c{number}.value, ptr %to, align 8",
                "br label %loop",
            ]  # fmt: skip
            values.append(f"[%c{number}.value, %end{number}]")
            streams.append(f"[%c{number}.next, %end{number}]")
            ends.append(f"[%to, %end{number}]")
        names = [*(f"%code{number}" for number in range(len(self.codes))), "%done"]
        addresses = ", ".join(f"ptr blockaddress(@kernel, {name})" for name in names)
        return "\n".join([
            *helpers.values(),
            f"@blocks = private constant [{len(names)} x ptr] [{addresses}]",
            "define void @kernel(ptr %values, ptr %operands, ptr %unused, ptr %none, i64 %first, i64 %last) {",
            "entry:",
            "%before = sub i64 %first, 1",
            "%start = getelementptr double, ptr %values, i64 %before",
            "br label %loop",
            "loop:",
            f"%at.hand = phi double {', '.join(values)}",
            f"%from = phi ptr {', '.join(streams)}",
            f"%behind = phi ptr {', '.join(ends)}",
            "%to = getelementptr double, ptr %behind, i64 1",
            "%code = load i32, ptr %from, align 4",
            "%code.wide = zext i32 %code to i64",
            "%entry.place = getelementptr ptr, ptr @blocks, i64 %code.wide",
            "%block = load ptr, ptr %entry.place, align 8",
            f"indirectbr ptr %block, [{', '.join(f'label {name}' for name in names)}]",
            *blocks,
            "done:",
            "ret void",
            "}",
        ])  # fmt: skip

    def _block(self, own: str, kind: Kind, at_hand: int, lanes: Lanes) -> tuple[Value, int, list[str]]:
        """The value of a node, how many operands it reads from memory, and the instructions."""
        row, attributes = kind
        lines: list[str] = []
        operands: list[Value] = []
        read = 0
        for position in range(row.arity):
            name = f"{own}.x{position}"
            number = "%at.hand"
            if not at_hand >> position & 1:
                read += 1
                number = f"{name}.read"
                lines.append(f"{name}.from = getelementptr i32, ptr %from, i64 {read}")
                lines += load(number, f"{name}.from")
            lines.append(f"{name} = insertelement <1 x double> poison, double {number}, i32 0")
            operands.append(Value(lanes, name, False))
        value = spelled_out(row, attributes, operands, lanes)
        return value, read, [*lines, *lanes.entry, *lanes.loop]


def load(own: str, place: str) -> list[str]:
    """Instructions that read the value at the place that stands in memory."""
    return [
        f"{own}.place = load i32, ptr {place}, align 4",
        f"{own}.wide = sext i32 {own}.place to i64",
        f"{own}.address = getelementptr double, ptr %values, i64 {own}.wide",
        f"{own} = load double, ptr {own}.address, align 8",
    ]
