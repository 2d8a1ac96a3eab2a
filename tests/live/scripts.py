"""Random scripts of edits against a model that is nothing but text.

The model holds statements as nested tuples and does each edit as somebody with an editor would. After every step the
live graph must be what a formula is that is read from the model's text: to the last bit, values and derivatives, also
after edits are taken back and done again. What the graph refuses must be what the text cannot say.
"""

from __future__ import annotations

import math

import cgcli as cg

INPUTS = ("x", "t", "w")
UNARY = ("sin", "cos", "tanh", "exp", "sqrt", "abs", "-")
BINARY = ("+", "-", "*", "/", "max", "^")


class Model:
    """Statements in order, name -> expression, the last one the output. An expression: a name, a number, a tuple."""

    def __init__(self, statements):
        self.statements = dict(statements)

    def text(self, last=None):
        lines = [f"{name} = {written(tree)}" for name, tree in self.statements.items()]
        return "\n".join([*lines, last or self.output])

    @property
    def output(self):
        return list(self.statements)[-1]

    def uses(self, name):
        return any(name in names_in(tree) for tree in self.statements.values())

    def copy(self):
        return Model(self.statements)

    def inputs(self):
        return {name for tree in self.statements.values() for name in names_in(tree)} & set(INPUTS)


def written(tree):
    """An expression as text, with every pair of parentheses."""
    if not isinstance(tree, tuple):
        return str(tree)
    sign, *operands = tree
    texts = [written(operand) for operand in operands]
    if len(operands) == 1:
        return f"(-{texts[0]})" if sign == "-" else f"{sign}({texts[0]})"
    return f"{sign}({', '.join(texts)})" if sign.isalpha() else f"({texts[0]} {sign} {texts[1]})"


def parts(tree):
    """An expression and all that it is made of."""
    found = [tree]
    if isinstance(tree, tuple):
        for operand in tree[1:]:
            found += parts(operand)
    return found


def names_in(tree):
    return {part for part in parts(tree) if isinstance(part, str)}


def swapped(tree, old, new):
    """An expression with another one in the place of each occurrence of a part."""
    if tree == old:
        return new
    return (tree[0], *(swapped(operand, old, new) for operand in tree[1:])) if isinstance(tree, tuple) else tree


def drawn(random, names, depth=2):
    """A random expression over some names."""
    kind = random.random()
    if depth == 0 or kind < 0.2:
        return random.choice([*names, *names, 2, 0.5, 3])
    if kind < 0.5:
        return random.choice(UNARY), drawn(random, names, depth - 1)
    sign = random.choice(BINARY)
    return sign, drawn(random, names, depth - 1), 2 if sign == "^" else drawn(random, names, depth - 1)


class Script:
    """One random script."""

    def __init__(self, random):
        self.random = random
        names = list(INPUTS)
        statements = {}
        for name in ("a", "b", "c", "loss"):
            statements[name] = drawn(random, names, 3)
            names.append(name)
        self.model = Model(statements)
        self.values = {name: round(random.uniform(-2, 2), 3) for name in INPUTS}
        formula = cg.parse(self.model.text())
        self.live = formula.live({name: self.values[name] for name in formula.inputs})
        self.known = set(formula.inputs)
        self.past, self.future = [], []
        self.fresh = 0
        self.done = []

    def run(self, steps=12):
        for _ in range(steps):
            step = self.random.choice(
                [self.set, self.replace, self.replace, self.insert, self.define, self.define, self.add, self.remove,
                 self.rename, self.undo, self.redo]
            )  # fmt: skip
            step()
            if self.random.random() < 0.7:
                self.compare()
        self.compare()

    # ---- steps -------------------------------------------------------------------------------------------------

    def changed(self, model, values=None):
        self.past.append((self.model, self.values))
        self.future.clear()
        self.model, self.values = model, values or self.values

    def edit(self, kind, *arguments, **named):
        self.done.append((kind, arguments, named))
        with self.live.edit() as e:
            getattr(e, kind)(*arguments, **named)

    def before(self, name):
        """What the statement of a name may use."""
        names = list(INPUTS)
        for each in self.model.statements:
            if each == name:
                break
            names.append(each)
        return [each for each in names if each not in INPUTS or each in self.known]

    def set(self):
        if not self.known:
            return
        name = self.random.choice(sorted(self.known))
        value = round(self.random.uniform(-2, 2), 3)
        self.done.append(("set", name, value))
        self.live.set({name: value})
        self.changed(self.model, {**self.values, name: value})

    def target(self):
        """A part of the text that is no bare name or number, and the first statement that has it."""
        name = self.random.choice(list(self.model.statements))
        found = [part for part in parts(self.model.statements[name]) if isinstance(part, tuple)]
        if not found:
            return None, None
        part = self.random.choice(found)
        return part, next(name for name, tree in self.model.statements.items() if part in parts(tree))

    def replace(self):
        part, first = self.target()
        if part is None:
            return
        by = drawn(self.random, self.before(first))
        if self.random.random() < 0.3:
            by = (self.random.choice("+*"), by, part)
        if by == part:
            return
        model = self.model.copy()
        model.statements = {name: swapped(tree, part, by) for name, tree in model.statements.items()}
        self.edit("replace", written(part), written(by))
        self.changed(model)

    def insert(self):
        name = self.random.choice([*list(self.model.statements)[:-1], self.model.output])
        by = ("max", name, drawn(self.random, self.before(name), 1))
        if not self.model.uses(name):
            return
        model = self.model.copy()
        model.statements = {each: swapped(tree, name, by) for each, tree in model.statements.items()}
        self.edit("insert", written(by), after=name)
        self.changed(model)

    def define(self):
        name = self.random.choice(list(self.model.statements))
        tree = drawn(self.random, self.before(name))
        model = self.model.copy()
        model.statements[name] = tree
        self.edit("define", name, written(tree))
        self.changed(model)

    def add(self):
        self.fresh += 1
        tree = drawn(self.random, self.before(self.model.output))
        model = self.model.copy()
        last = model.output
        tail = model.statements.pop(last)
        name = f"n{self.fresh}"
        model.statements |= {name: tree, last: ("+", tail, name)}
        with self.live.edit() as e:
            e.define(name, written(tree))
            e.define(last, written(model.statements[last]))
        self.done.append(("add", name, written(tree)))
        self.changed(model)

    def remove(self):
        name = self.random.choice(list(self.model.statements))
        if name == self.model.output or self.model.uses(name):
            try:
                self.edit("remove", name)
            except cg.CgError:
                return
            raise AssertionError(f"{name} is used and was removed")
        model = self.model.copy()
        del model.statements[name]
        self.edit("remove", name)
        self.changed(model)

    def rename(self):
        old = self.random.choice(list(self.model.statements))
        self.fresh += 1
        new = f"r{self.fresh}"
        model = Model({
            new if name == old else name: swapped(tree, old, new) for name, tree in self.model.statements.items()
        })  # fmt: skip
        self.edit("rename", old, new)
        self.changed(model)

    def undo(self):
        if self.past:
            self.done.append("undo")
            self.live.undo()
            self.future.append((self.model, self.values))
            self.model, self.values = self.past.pop()

    def redo(self):
        if self.future:
            self.done.append("redo")
            self.live.redo()
            self.past.append((self.model, self.values))
            self.model, self.values = self.future.pop()

    # ---- what must hold ----------------------------------------------------------------------------------------

    def compare(self):
        for name in self.model.statements:
            fresh = cg.parse(self.model.text(name))
            expected = fresh.eval({each: self.values[each] for each in fresh.inputs})
            agree(self, name, self.live[name], expected)
        output = self.model.output
        fresh = cg.parse(self.model.text())
        values = {name: self.values[name] for name in fresh.inputs}
        expected, found = fresh.grad(values) if values else {}, self.live.grad(output)
        for name, slope in expected.items():
            agree(self, f"d{output}/d{name}", found[name], slope)
            agree(self, f"d{output}/d{name} alone", self.live.grad(output, wrt=[name])[name], slope)
        now = self.live.formula()
        agree(self, "formula", now.eval({name: self.values[name] for name in now.inputs}), self.live[output])
        again = cg.parse(str(now))
        agree(self, "text", again.eval({name: self.values[name] for name in again.inputs}), self.live[output])


def agree(script, what, found, expected):
    """Equal to the last bit."""
    same = found == expected and math.copysign(1, found) == math.copysign(1, expected)
    if not same and not (math.isnan(found) and math.isnan(expected)):
        steps = "\n".join(map(str, script.done))
        raise AssertionError(f"{what}: {found!r}, not {expected!r}, after\n{steps}\nin\n{script.model.text()}")
