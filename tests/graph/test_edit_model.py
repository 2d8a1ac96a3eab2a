"""Random edits against a naive model: a dict of nodes that Python evaluates by calling itself.

The model knows nothing of columns, ranks or interning. It says whether an edit must be refused, and what every node
is worth afterwards; the graph must agree on both, before the rebuild (operands, users, names) and after it (values).
"""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cgcli.engines.python import PythonEngine
from cgcli.errors import GraphError
from cgcli.graph.edit import EditableGraph
from cgcli.graph.lint import lint
from cgcli.graph.settle import GONE
from cgcli.graph.store import Graph
from cgcli.ops import arithmetic, logic, named

ROWS = {
    1: [named("sin"), named("cos"), arithmetic.neg],
    2: [arithmetic.add, arithmetic.sub, arithmetic.mul, logic.maximum],
    3: [logic.where],
}
POINT = {"x": 0.7, "y": -1.3, "z": 2.1}
PICK = st.integers(0, 10**6)


class Model:
    """Node -> (function, operands), names -> node; nodes that are gone -> what replaced them."""

    def __init__(self):
        self.nodes = {}
        self.names = {}
        self.gone = {}

    def copy(self):
        twin = Model()
        twin.nodes, twin.names, twin.gone = dict(self.nodes), dict(self.names), dict(self.gone)
        return twin

    def needs(self, node, other):
        return node == other or any(self.needs(operand, other) for operand in self.nodes[node][1])

    def value(self, node, known=None):
        known = {} if known is None else known
        if node not in known:
            compute, operands = self.nodes[node]
            known[node] = compute(*(self.value(operand, known) for operand in operands))
        return known[node]

    def users(self, node):
        return {user for user, (_, operands) in self.nodes.items() if node in operands}

    def point(self, user, place, to):
        compute, operands = self.nodes[user]
        self.nodes[user] = compute, (*operands[:place], to, *operands[place + 1 :])

    def survivor(self, node):
        while node in self.gone:
            node = self.gone[node]
        return node


class Edits(RuleBasedStateMachine):
    @initialize()
    def start(self):
        graph = Graph()
        self.model = Model()
        self.past = []
        for name, number in POINT.items():
            node = graph.input(name)
            self.model.nodes[node] = (lambda number=number: number), ()
            self.model.names[name] = node
        self.graph = EditableGraph(graph)

    # ---- helpers -----------------------------------------------------------------------------------------------

    def node(self, pick):
        alive = sorted(self.model.nodes)
        return alive[pick % len(alive)]

    def learn(self, node):
        """A node that the graph has built (or found)."""
        row = self.graph.row(node)
        value = self.graph.constant_value(node)
        compute = row.compute if value is None else (lambda: value)
        self.model.nodes.setdefault(node, (compute, tuple(self.graph.operands_of(node))))

    def attempt(self, allowed, edit):
        """The edit must be refused exactly where the model says so."""
        if not allowed:
            size, edits = len(self.graph), len(self.graph.record)
            with pytest.raises(GraphError) as caught:
                edit()
            assert "node" in caught.value.message
            assert (len(self.graph), len(self.graph.record)) == (size, edits)
            return False
        before = self.model.copy()
        edit()
        self.past.append(before)
        return True

    # ---- building and editing ----------------------------------------------------------------------------------

    @rule(count=st.integers(1, 3), which=PICK, picks=st.lists(PICK, min_size=3, max_size=3))
    def build(self, count, which, picks):
        row = ROWS[count][which % len(ROWS[count])]
        self.learn(self.graph.apply(row, [self.node(pick) for pick in picks[:count]]))

    @rule(value=st.sampled_from([0.0, 1.0, -2.5]))
    def constant(self, value):
        self.learn(self.graph.constant(value))

    @rule(pick=PICK, name=st.sampled_from("abcde"))
    def call(self, pick, name):
        if name not in self.model.names:
            self.graph.names[name] = self.model.names[name] = self.node(pick)

    @rule(picks=st.tuples(PICK, PICK))
    def replace(self, picks):
        node, by = map(self.node, picks)
        allowed = node != by and not any(self.model.needs(by, user) for user in self.model.users(node))
        if self.attempt(allowed, lambda: self.graph.replace(node, by, "test")):
            for user in self.model.users(node):
                for place, operand in enumerate(self.model.nodes[user][1]):
                    if operand == node:
                        self.model.point(user, place, by)
            self.model.names = {name: by if named == node else named for name, named in self.model.names.items()}
            self.model.gone[node] = by
            del self.model.nodes[node]

    @rule(picks=st.tuples(PICK, PICK), place=st.integers(0, 3))
    def redirect(self, picks, place):
        user, to = map(self.node, picks)
        operands = self.model.nodes[user][1]
        allowed = place < len(operands) and operands[place] != to and not self.model.needs(to, user)
        if self.attempt(allowed, lambda: self.graph.redirect(user, place, to, "test")):
            self.model.point(user, place, to)

    @rule(picks=st.tuples(PICK, PICK, PICK))
    def insert(self, picks):
        node, user, other = map(self.node, picks)
        users = sorted(self.model.users(node))
        if users and picks[1] % 4:
            user = users[picks[1] % len(users)]
        allowed = user in users and not self.model.needs(other, user)

        def make(ref):
            return arithmetic.mul(named("sin")(ref), self.graph.ref(other))

        size = len(self.graph)
        if self.attempt(allowed, lambda: self.graph.insert(node, user, make, "test")):
            made = self.graph.record[-1].nodes[1]
            for built in range(size, len(self.graph)):
                self.learn(built)
            for place, operand in enumerate(self.model.nodes[user][1]):
                if operand == node:
                    self.model.point(user, place, made)

    @precondition(lambda self: len(self.model.nodes) > 1)
    @rule(pick=PICK)
    def remove(self, pick):
        node = self.node(pick)
        names = {name for name, named in self.model.names.items() if named == node}
        own = {self.graph.input_name(node)} if self.graph.is_input(node) else set()
        allowed = not self.model.users(node) and names <= own
        if self.attempt(allowed, lambda: self.graph.remove(node, "test")):
            del self.model.nodes[node]
            self.model.names = {name: named for name, named in self.model.names.items() if named != node}
            self.model.gone[node] = GONE

    @precondition(lambda self: self.past)
    @rule()
    def undo(self):
        self.graph.undo()
        given = self.model.names
        self.model = self.past.pop()
        for name, node in given.items():  # names given since stay, if their nodes do
            if node in self.model.nodes:
                self.model.names.setdefault(name, node)
        assert len(self.graph) == len(self.model.nodes) + len(self.model.gone)

    @rule(everything=st.booleans(), pick=PICK)
    def rebuild(self, everything, pick):
        root = self.node(pick)
        values = {node: self.model.value(node) for node in self.model.nodes}
        moved = self.graph.rebuild(None if everything else [root])
        lint(self.graph)
        kept = {node for node in values if everything or self.model.needs(root, node)}
        assert {node for node in values if moved[node] != GONE} == kept
        for node in self.model.gone:
            last = self.model.survivor(node)
            assert moved[node] == (moved[last] if last != GONE else GONE)
        places = sorted({moved[node] for node in kept})
        assert places == list(range(len(self.graph)))
        found = PythonEngine().evaluate(self.graph, POINT, places)
        for node in kept:
            assert found[moved[node]] == values[node] or math.isnan(values[node])
        names = {name: moved[node] for name, node in self.model.names.items() if node in kept}
        assert self.graph.names == names
        self.model, self.past = Model(), []
        self.model.names = names
        for name, node in self.graph.inputs().items():
            self.model.nodes[node] = (lambda number=POINT[name]: number), ()
        for node in places:
            self.learn(node)

    # ---- what holds at every moment ----------------------------------------------------------------------------

    @invariant()
    def edges_and_names_agree(self):
        assert self.graph.names == self.model.names
        for node, (_, operands) in self.model.nodes.items():
            assert tuple(self.graph.operands_of(node)) == operands
            users = self.graph.users_of(node)
            assert set(users) == self.model.users(node)
            assert len(users) == len(set(users))

    @invariant()
    def ranks_are_an_order_of_evaluation(self):
        place = {node: position for position, node in enumerate(self.graph._order())}
        for node, (_, operands) in self.model.nodes.items():
            assert all(place[operand] < place[node] for operand in operands)

    @invariant()
    def an_unedited_graph_is_clean(self):
        if self.graph.in_order:
            lint(self.graph)

    def teardown(self):
        if hasattr(self, "graph"):
            self.rebuild(everything=True, pick=0)


TestEdits = Edits.TestCase
TestEdits.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True)
