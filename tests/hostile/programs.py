"""Valid random programs against an interpreter that differentiates by definition.

The interpreter knows no graph and no rule. It walks a program as the text says it, with 70 digits, and the derivative
by a name is what its definition says: the value that the name stands for is moved a little, and the rest is computed
anew. Programs are full of what tells names from nodes: equal expressions, equal numbers, names of names, lists whose
elements are used alone and as a whole, functions, comprehensions and folds that differentiate by their own names.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import mpmath
import numpy as np

import cgcli as cg

STEP = mpmath.mpf(10) ** -16
DIGITS = 70
TOLERANCE = 1e-9

FUNCTIONS = {
    "sin": mpmath.sin, "cos": mpmath.cos, "tanh": mpmath.tanh, "atan": mpmath.atan, "square": lambda x: x * x,
    "exp": mpmath.exp, "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}  # fmt: skip
NUMBERS = ("2", "0.5", "1.25", "3", "0.1")

Tree = tuple[Any, ...]
"""An expression: (kind, parts …). Kinds are those of `evaluated`."""
Target = tuple[str, int | None]
"""What a derivative is taken by: a name, and of a list perhaps one element."""


# ---- making programs -----------------------------------------------------------------------------------------------


class Program:
    """functions: name -> (parameters, body); statements: (name, expression) in order, the last one the result.

    scalars, lists: global names by what they hold; lists with their lengths. values: those of the inputs.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.functions: dict[str, tuple[list[str], Tree]] = {}
        self.statements: list[tuple[str, Tree]] = []
        self.values: dict[str, Any] = {"x": number(random), "y": number(random), "v": [number(random) for _ in "abc"]}
        self.scalars = ["x", "y"]
        self.lists = {"v": 3}
        self.seen: list[Tree] = []
        for name in ("f", "g")[: random.randint(0, 2)]:
            self.functions[name] = (["t"], self.body(["t"], 3))
        if random.random() < 0.4:
            self.functions["step"] = (["s", "i"], self.body(["s", "i"], 2))
        for position in range(random.randint(2, 5)):
            self.add(position)
        self.statements.append(("result", self.scalar(3)))

    def add(self, position: int) -> None:
        kind = self.random.random()
        if kind < 0.25:
            name, length = f"w{position}", self.random.randint(2, 3)
            self.statements.append((name, ("list", *(self.scalar(1) for _ in range(length)))))
            self.lists[name] = length
        elif kind < 0.35:
            name, other = f"u{position}", self.random.choice(list(self.lists))
            self.statements.append((name, ("name", other)))
            self.lists[name] = self.lists[other]
        else:
            name = f"h{position}"
            self.statements.append((name, self.scalar(2)))
            self.scalars.append(name)

    def scalar(self, depth: int, names: tuple[str, ...] = ()) -> Tree:
        """A scalar expression over the global names, and local ones."""
        random = self.random
        if self.seen and not names and random.random() < 0.25:
            return random.choice(self.seen)
        if depth == 0 or random.random() < 0.15:
            return self.leaf(names)
        kind = random.choice("++**-/^f" + "FsgidD")
        if kind in "+*-":
            found = (kind, self.scalar(depth - 1, names), self.scalar(depth - 1, names))
        elif kind == "/":
            found = ("/", self.scalar(depth - 1, names), ("+", ("square", self.scalar(depth - 1, names)), ("2",)))
        elif kind == "^":
            found = ("^", self.scalar(depth - 1, names), random.choice(("2", "3")))
        elif kind == "F" and "f" in self.functions:
            found = ("call", random.choice([name for name in self.functions if name != "step"]),
                     self.scalar(depth - 1, names))  # fmt: skip
        elif kind == "s" and not names:
            found = ("sum", self.array())
        elif kind == "g":
            local = f"k{len(names)}"
            found = ("gather", self.scalar(depth - 1, (*names, local)), local, random.randint(1, 3))
        elif kind == "i":
            found = ("if", *(self.scalar(depth - 1, names) for _ in range(4)))
        elif kind == "d" and not names:
            found = ("diff", self.scalar(depth - 1), self.target())
        elif kind == "D" and "step" in self.functions and not names:
            found = ("fold", self.scalar(depth - 1), random.randint(1, 3))
        else:
            found = (random.choice(list(FUNCTIONS)), self.scalar(depth - 1, names))
        if not names:
            self.seen.append(found)
        return found

    def leaf(self, names: tuple[str, ...]) -> Tree:
        random = self.random
        if names and random.random() < 0.6:
            return ("name", random.choice(names))
        if random.random() < 0.3:
            return (random.choice(NUMBERS),)
        if random.random() < 0.35:
            name = random.choice(list(self.lists))
            return ("element", name, random.randrange(self.lists[name]))
        return ("name", random.choice(self.scalars))

    def array(self) -> Tree:
        name = self.random.choice(list(self.lists))
        return self.random.choice((("name", name), ("*", ("name", name), ("name", name)), ("sin", ("name", name))))

    def body(self, parameters: list[str], depth: int) -> Tree:
        """The body of a function, which may differentiate by a parameter of its own."""
        found = self.scalar(depth, tuple(parameters))
        if self.random.random() < 0.4:
            found = ("+", ("diff", found, (parameters[0], None)), ("name", parameters[0]))
        return found

    def target(self) -> Target:
        """A global name, or an element of one."""
        random = self.random
        if random.random() < 0.4:
            name = random.choice(list(self.lists))
            return name, random.randrange(self.lists[name])
        return random.choice(self.scalars), None

    def text(self) -> str:
        """The program as a person would write it."""
        lines = ["input x; input y; input v[3]"]
        lines += [f"{name}({', '.join(of)}) = {written(body)}" for name, (of, body) in self.functions.items()]
        lines += [f"{name} = {written(tree)}" for name, tree in self.statements]
        return "\n".join(lines)


def number(random: Random) -> float:
    return round(random.uniform(-1.5, 1.5), 3) or 0.5


def written(tree: Tree) -> str:
    """An expression as text."""
    match tree:
        case (text,):
            return text
        case ("name", name):
            return name
        case ("element", name, place):
            return f"{name}[{place}]"
        case ("+" | "-" | "*" | "/" as sign, left, right):
            return f"({written(left)} {sign} {written(right)})"
        case ("^", base, power):
            return f"({written(base)})^{power}"
        case ("list", *items):
            return f"[{', '.join(map(written, items))}]"
        case ("gather", body, name, count):
            return f"sum({written(body)} for {name} in range({count}))"
        case ("if", low, high, yes, no):
            return f"({written(yes)} if {written(low)} < {written(high)} else {written(no)})"
        case ("diff", body, target):
            return f"diff({written(body)}, {label(target)})"
        case ("fold", start, count):
            return f"fold(step, {written(start)}, range({count}))"
        case ("call", name, argument) | (name, argument):
            return f"{name}({written(argument)})"
    raise AssertionError(tree)


def label(target: Target) -> str:
    name, place = target
    return name if place is None else f"{name}[{place}]"


# ---- the interpreter -----------------------------------------------------------------------------------------------


class Run:
    """One run of a program; `moves` says by how much the value of a name, or of an element, is moved."""

    def __init__(self, program: Program, moves: dict[Target, Any] | None = None) -> None:
        self.program = program
        self.moves = moves or {}
        self.statement = 0
        self.globals: dict[str, Any] = {}
        for name, value in program.values.items():
            self.globals[name] = self.moved(name, precise(value))

    def to(self, statement: int) -> Run:
        """All statements up to but without the one of this number."""
        while self.statement < statement:
            name, tree = self.program.statements[self.statement]
            self.globals[name] = self.moved(name, self.value(tree, {}))
            self.statement += 1
        return self

    def moved(self, name: str, value: Any) -> Any:
        value = value + self.moves.get((name, None), 0) if not isinstance(value, list) else list(value)
        for (moved, place), step in self.moves.items():
            if moved == name and place is not None:
                value[place] += step
        return value

    def value(self, tree: Tree, local: dict[str, Any]) -> Any:
        """The value of an expression."""
        match tree:
            case (text,):
                return mpmath.mpf(text)
            case ("name", name):
                return local[name] if name in local else self.globals[name]
            case ("element", name, place):
                return self.globals[name][place]
            case ("+" | "-" | "*" | "/" as sign, left, right):
                return combined(sign, self.value(left, local), self.value(right, local))
            case ("^", base, power):
                return self.value(base, local) ** int(power)
            case ("list", *items):
                return [self.value(item, local) for item in items]
            case ("sum", array):
                return mpmath.fsum(self.value(array, local))
            case ("gather", body, name, count):
                return mpmath.fsum(self.value(body, {**local, name: mpmath.mpf(place)}) for place in range(count))
            case ("if", low, high, yes, no):
                return self.value(yes if self.value(low, local) < self.value(high, local) else no, local)
            case ("diff", body, target):
                return self.slope(body, target, local)
            case ("fold", start, count):
                state = self.value(start, local)
                for place in range(count):
                    state = self.called("step", state, mpmath.mpf(place))
                return state
            case ("call", name, argument):
                return self.called(name, self.value(argument, local))
            case (name, argument):
                value = self.value(argument, local)
                return [FUNCTIONS[name](item) for item in value] if isinstance(value, list) else FUNCTIONS[name](value)
        raise AssertionError(tree)

    def called(self, name: str, *arguments: Any) -> Any:
        parameters, body = self.program.functions[name]
        return self.value(body, dict(zip(parameters, arguments, strict=True)))

    def slope(self, body: Tree, target: Target, local: dict[str, Any]) -> Any:
        """The derivative by definition: of a local name in the body alone, of a global one in all that is before."""
        ends = []
        for step in (STEP, -STEP):
            if target[0] in local:
                ends.append(self.value(body, {**local, target[0]: local[target[0]] + step}))
            else:
                moves = {**self.moves, target: self.moves.get(target, 0) + step}
                ends.append(Run(self.program, moves).to(self.statement).value(body, local))
        return (ends[0] - ends[1]) / (2 * STEP)


def precise(value: Any) -> Any:
    return [mpmath.mpf(item) for item in value] if isinstance(value, list) else mpmath.mpf(value)


def combined(sign: str, left: Any, right: Any) -> Any:
    if isinstance(left, list):
        return [combined(sign, *pair) for pair in zip(left, right, strict=True)]
    return {"+": left + right, "-": left - right, "*": left * right}[sign] if sign != "/" else left / right


# ---- what is compared ----------------------------------------------------------------------------------------------


def trial(random: Random, folder: Path | None = None) -> None:
    """One program: its value, and its derivatives by names and elements, in every way that cg has."""
    with mpmath.workdps(DIGITS):
        program = Program(random)
        text, values = program.text(), program.values
        last = len(program.statements) - 1
        result = program.statements[last][1]
        run = Run(program).to(last)
        value = run.value(result, {})
        formula = cg.parse(text)
        assert_near(formula.eval(values), value, text)
        targets: list[Target] = [(name, None) for name in program.scalars]
        targets += [(name, place) for name, length in program.lists.items() for place in range(length)]
        slopes = {target: run.slope(result, target, {}) for target in targets}
        for target, slope in slopes.items():
            told = f"{text}\nby {label(target)}"
            assert_near(formula.grad(values, wrt=[label(target)])[label(target)], slope, told)
            assert_near(cg.parse(f"{text}\ndiff(result, {label(target)})").eval(values), slope, f"{told}, by diff")
        for name, length in program.lists.items():
            whole = [slopes[name, place] for place in range(length)]
            told = f"{text}\nby {name}"
            assert_near(formula.grad(values, wrt=[name])[name], whole, told)
            assert_near(formula.jacobian(values, wrt=[name])[name], whole, f"{told}, Jacobian")
            assert_near(cg.parse(f"{text}\ndiff(result, {name})").eval(values), whole, f"{told}, by diff")
        chosen = [label(target) for target in random.sample(targets, 3)]
        together = formula.grad(values, wrt=chosen)
        for name, slope in ((label(target), slope) for target, slope in slopes.items()):
            if name in together:
                assert_near(together[name], slope, f"{text}\nby {chosen}, {name}")
        second = random.choice(targets)
        moved = [Run(program, {second: step}).to(last).slope(result, second, {}) for step in (STEP, -STEP)]
        curvature = formula.hessian(values, wrt=[label(second)])[label(second)][label(second)]
        assert_near(curvature, (moved[0] - moved[1]) / (2 * STEP), f"{text}\ntwice by {label(second)}")


def assert_near(found: Any, right: Any, told: str) -> None:
    found, right = np.asarray(found, dtype=float), np.asarray(right, dtype=object).astype(float)
    if not np.isfinite(right).all() or np.abs(right).max(initial=0.0) > 1e12:
        return  # it grew beyond what doubles resolve
    assert found.shape == right.shape, f"{told}\n{found} is not of the shape of {right}"
    bound = TOLERANCE * np.maximum(1.0, np.abs(right).max(initial=0.0))
    assert np.abs(found - right).max(initial=0.0) <= bound, f"{told}\ncg: {found}\nby definition: {right}"


if __name__ == "__main__":
    from tests.hostile.frame import command

    command(trial)
