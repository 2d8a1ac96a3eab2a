"""The vocabulary of edits: what each does, what is refused, that a refused one changes nothing, undo and rebuild."""

from __future__ import annotations

import pickle

import pytest

from cgcli.engines.numpy import NumpyEngine
from cgcli.errors import GraphError
from cgcli.graph.edit import EditableGraph
from cgcli.graph.lint import lint
from cgcli.graph.settle import GONE
from cgcli.graph.store import Call, Graph
from cgcli.ops import arithmetic, named

sin, cos, exp = named("sin"), named("cos"), named("exp")
X, Y, SUM, WAVE, PRODUCT = range(5)


@pytest.fixture
def work():
    """h = (x + y) * sin(x)."""
    graph = Graph()
    x, y = graph.ref(graph.input("x")), graph.ref(graph.input("y"))
    product = (x + y) * sin(x)
    graph.names["h"] = product.node
    graph.calls.append(Call("f", -1, None))
    graph.spans.update({SUM: (1, 6), WAVE: (8, 14), PRODUCT: (0, 14)})
    graph.scopes[WAVE] = 0
    return EditableGraph(graph)


def snapshot(graph):
    """All that an observer can see."""
    columns = [getattr(graph, name).tolist() for name in ("op", "start", "operands", "payload", "shape")]
    shapes = [graph.shape_of(node) for node in range(len(graph))]
    users = [sorted(graph.users_of(node)) for node in range(len(graph)) if node not in graph._gone]
    return columns, shapes, users, dict(graph.names), dict(graph.spans), dict(graph.scopes), len(graph.record)


def text(graph, node):
    """A node as nested calls."""
    operands = [text(graph, operand) for operand in graph.operands_of(node)]
    if graph.is_input(node):
        return graph.input_name(node)
    if graph.is_constant(node):
        return f"{graph.constant_value(node):g}"
    return f"{graph.row(node).name}({', '.join(operands)})"


def settled(graph, name="h"):
    moved = graph.rebuild()
    lint(graph)
    return moved, text(graph, graph.names[name])


def refused(graph, message, edit, *arguments):
    """The edit is refused with this message and leaves everything as it was; so does a rebuild after it."""
    before = snapshot(graph)
    with pytest.raises(GraphError, match=message):
        edit(*arguments)
    assert snapshot(graph) == before


class TestReplace:
    def test_all_users_and_names_follow(self, work):
        work.replace(X, Y, "x is y")
        assert text(work, PRODUCT) == "mul(add(y, y), sin(y))"
        assert work.names["x"] == Y
        moved, formula = settled(work)
        assert formula == "mul(add(y, y), sin(y))"
        assert moved[X] == moved[Y] == 0
        assert work.inputs() == {"y": 0}

    def test_by_a_node_that_is_built_for_it(self, work):
        by = work.apply(exp, [Y])
        work.replace(WAVE, by, "an experiment")
        assert work.users_of(by) == [PRODUCT]
        assert settled(work)[1] == "mul(add(x, y), exp(y))"

    def test_of_a_replacement(self, work):
        work.replace(X, Y, "first")
        work.replace(Y, work.constant(3), "then")
        moved, formula = settled(work)
        assert formula == "mul(add(3, 3), sin(3))"
        assert moved[X] == moved[Y]

    def test_nodes_that_become_equal_are_one(self, work):
        other = work.apply(sin, [Y])
        total = work.apply(arithmetic.add, [WAVE, other])
        work.names["total"] = total
        work.replace(X, Y, "x is y")
        moved, formula = settled(work, "total")
        assert formula == "add(sin(y), sin(y))"
        assert moved[WAVE] == moved[other]

    def test_a_cycle_is_refused(self, work):
        refused(
            work, r"node 3 \(sin\) cannot use node 4 `h` \(mul\), which needs it.*cycle", work.replace, X, PRODUCT, ""
        )
        refused(work, "cycle", work.replace, WAVE, work.apply(cos, [WAVE]), "")
        assert settled(work)[1] == "mul(add(x, y), sin(x))"

    def test_what_makes_no_sense_is_refused(self, work):
        refused(work, "cannot be replaced by itself", work.replace, X, X, "")
        refused(work, "there is no node 99; the graph has 5", work.replace, 99, X, "")
        refused(work, "there is no node -1", work.replace, X, -1, "")
        work.replace(WAVE, X, "")
        refused(work, r"node 3 \(sin\) was replaced by node 0 `x` \(input\)", work.replace, WAVE, Y, "")
        refused(work, r"node 3 \(sin\) was replaced by", work.replace, Y, WAVE, "")
        refused(work, r"node 3 \(sin\) was replaced by", work.apply, cos, [WAVE])

    def test_places_and_calls_are_inherited_where_there_are_none(self, work):
        by = work.apply(cos, [X])
        work.replace(WAVE, by, "")
        moved, _ = settled(work)
        assert work.spans[moved[by]] == (8, 14)
        assert work.scopes[moved[by]] == 0
        work.replace(moved[by], moved[SUM], "")
        moved, _ = settled(work)
        assert work.spans[moved[SUM]] == (1, 6)


class TestRedirect:
    def test_one_operand_moves(self, work):
        work.redirect(SUM, 0, WAVE, "why not")
        assert settled(work)[1] == "mul(add(sin(x), y), sin(x))"

    def test_to_a_later_node_gives_another_order(self, work):
        late = work.apply(exp, [Y])
        work.redirect(SUM, 0, late, "")
        assert work.users_of(late) == [SUM]
        moved, formula = settled(work)
        assert formula == "mul(add(exp(y), y), sin(x))"
        assert moved[late] < moved[SUM]

    def test_refusals(self, work):
        refused(work, r"node 2 \(add\) cannot use node 4 `h` \(mul\)", work.redirect, SUM, 0, PRODUCT, "")
        refused(work, r"node 2 \(add\) cannot use node 2 \(add\)", work.redirect, SUM, 0, SUM, "")
        refused(work, r"node 2 \(add\) uses node 0 `x` \(input\) there already", work.redirect, SUM, 0, X, "")
        refused(work, r"node 2 \(add\) has 2 operands; there is none at 2", work.redirect, SUM, 2, X, "")
        refused(work, r"has 2 operands; there is none at -1", work.redirect, SUM, -1, X, "")

    def test_a_long_way_against_the_order(self, work):
        """Ranks between two neighbours run out after some fifty halvings; they are given out anew."""
        for _ in range(200):
            late = work.apply(exp, [work.apply(sin, [work.operands_of(SUM)[0]])])
            work.redirect(SUM, 0, late, "")
            assert work.users_of(late) == [SUM]
        moved, _ = settled(work)
        assert len(work) == 5 + 400 - 1  # the first sin is the one that stood there already
        assert moved[SUM] == len(work) - 2


class TestInsert:
    def test_between_a_node_and_one_user(self, work):
        made = work.insert(X, SUM, exp, "scale it")
        assert text(work, PRODUCT) == "mul(add(exp(x), y), sin(x))"
        moved, formula = settled(work)
        assert formula == "mul(add(exp(x), y), sin(x))"
        assert work.row(moved[made]) is exp

    def test_the_same_operation_again(self, work):
        work.insert(X, WAVE, sin, "")
        assert settled(work)[1] == "mul(add(x, y), sin(sin(x)))"

    def test_on_one_of_two_edges(self, work):
        square = work.apply(arithmetic.mul, [X, X])
        work.names["square"] = square
        work.insert_on_edge(square, 1, exp, "")
        assert settled(work, "square")[1] == "mul(x, exp(x))"

    def test_on_all_edges_of_a_user(self, work):
        square = work.apply(arithmetic.mul, [X, X])
        work.names["square"] = square
        work.insert(X, square, lambda ref: exp(ref) + 1, "")
        assert settled(work, "square")[1] == "mul(add(exp(x), 1), add(exp(x), 1))"

    def test_refusals_leave_no_node_behind(self, work):
        refused(work, r"node 4 `h` \(mul\) does not use node 0 `x`", work.insert, X, PRODUCT, exp, "")
        refused(work, "nothing was made to stand between", work.insert, X, SUM, lambda ref: ref, "")
        refused(work, "cycle", work.insert, X, SUM, lambda ref: exp(work.ref(PRODUCT)) * ref, "")
        size = len(work)

        def broken(ref):
            raise KeyError(exp(ref).node)

        with pytest.raises(KeyError):
            work.insert(X, SUM, broken, "")
        assert len(work) == size
        assert work.apply(sin, [X]) == WAVE
        lint(work)

    def test_a_refused_insertion_forgets_what_it_copied_in(self, work):
        other = Graph()
        foreign = other.ref(other.input("z"))

        def make(ref):
            _ = work.ref(PRODUCT) * foreign
            raise KeyError("no")

        with pytest.raises(KeyError):
            work.insert(X, SUM, make, "")
        node = work.adopt(foreign)
        assert work.input_name(node) == "z"
        lint(work)


class TestRemove:
    def test_a_node_that_nothing_uses(self, work):
        extra = work.apply(exp, [X])
        work.remove(extra, "dead")
        moved, _ = settled(work)
        assert moved[extra] == GONE
        assert len(work) == 5

    def test_an_input_goes_with_its_own_name(self, work):
        work.redirect(SUM, 1, X, "")
        work.remove(Y, "unused")
        assert work.inputs() == {"x": X}
        settled(work)
        assert work.inputs() == {"x": 0}
        assert "y" not in work.names

    def test_refusals_name_the_user(self, work):
        refused(work, r"node 3 \(sin\) cannot be removed: node 4 `h` \(mul\) uses it", work.remove, WAVE, "")
        refused(work, r"the formula calls it `h`", work.remove, PRODUCT, "")

    def test_a_name_given_after_another_went_still_counts(self, work):
        work.redirect(SUM, 1, X, "")
        work.remove(Y, "")
        late = work.apply(exp, [X])
        work.names["late"] = late
        refused(work, "the formula calls it `late`", work.remove, late, "")


class TestShapes:
    @pytest.fixture
    def work(self):
        """double = x * 2, late = double + v, far = sin(double * x); v is [2], w is [3], x a number."""
        graph = Graph()
        x = graph.ref(graph.input("x"))
        v = graph.ref(graph.input("v", (2,)))
        graph.input("w", (3,))
        double = x * 2
        graph.names.update(double=double.node, late=(double + v).node, far=sin(double * x).node)
        return EditableGraph(graph)

    def test_follow_the_edit(self, work):
        work.replace(0, 1, "")
        assert {name: work.shape_of(work.names[name]) for name in ("double", "late", "far")} == {
            "double": (2,), "late": (2,), "far": (2,)
        }  # fmt: skip
        settled(work, "far")

    def test_that_do_not_fit_are_refused_with_the_names(self, work):
        message = (
            r"node 2 `w` \(input\) cannot stand in the place of node 0 `x` \(input\): "
            r"node 5 `late` \(add\) cannot take it: `\+` cannot combine shapes: `double` is \[3\], `v` is \[2\]"
        )
        refused(work, message, work.replace, 0, 2, "")

    def test_come_back_with_undo(self, work):
        before = snapshot(work)
        work.replace(0, 1, "")
        built = work.apply(sin, [work.names["late"]])
        work.undo()
        assert snapshot(work) == before
        assert built == len(work)
        lint(work)


class TestUndo:
    def test_nothing_to_undo(self, work):
        with pytest.raises(GraphError, match="no edit to undo"):
            work.undo()

    @pytest.mark.parametrize(
        "edit",
        [
            lambda work: work.replace(X, Y, ""),
            lambda work: work.redirect(SUM, 1, WAVE, ""),
            lambda work: work.insert(X, WAVE, exp, ""),
            lambda work: work.insert_on_edge(PRODUCT, 0, lambda ref: exp(ref) + 5, ""),
            lambda work: (work.redirect(SUM, 1, X, ""), work.remove(Y, "")),
        ],
    )
    def test_everything_is_as_before(self, work, edit):
        before = snapshot(work)
        edit(work)
        work.apply(exp, [WAVE])
        work.names["new"] = work.input("z")
        while work.record:
            work.undo()
        assert snapshot(work) == before
        assert work.apply(sin, [X]) == WAVE
        assert work.apply(arithmetic.add, [X, Y]) == SUM
        work.require_order()
        lint(work)

    def test_the_order_holds_where_one_of_several_is_taken_back(self):
        """The user has been moved below its former operand meanwhile."""
        graph = Graph()
        x, y, z = (graph.input(name) for name in "xyz")
        low, former = graph.apply(cos, [x]), graph.apply(exp, [y])
        user = graph.apply(sin, [former])
        work = EditableGraph(graph)
        work.redirect(former, 0, z, "stays")
        work.redirect(user, 0, y, "")
        work.redirect(low, 0, user, "puts the user below `low`")
        work.undo()
        work.undo()
        assert work.operands_of(user)[0] == former
        moved = work.rebuild()
        assert moved[former] < moved[user]
        lint(work)

    def test_a_node_that_stood_for_another_in_between(self, work):
        work.redirect(WAVE, 0, Y, "")
        again = work.apply(sin, [X])
        assert again != WAVE
        work.undo()
        assert work.apply(sin, [X]) == WAVE
        lint(work)

    def test_what_was_copied_in_is_copied_again(self, work):
        other = Graph()
        foreign = other.ref(other.input("z"))
        work.redirect(SUM, 0, work.adopt(sin(foreign)), "")
        first = len(work)
        work.adopt(exp(foreign))
        work.undo()
        assert len(work) < first + 1
        node = work.adopt(exp(sin(foreign)))
        assert text(work, node) == "exp(sin(z))"

    def test_a_copy_that_was_rewired_is_not_taken_for_the_original(self, work):
        other = Graph()
        foreign = sin(other.ref(other.input("z")))
        copy = work.adopt(foreign)
        work.redirect(copy, 0, X, "")
        assert text(work, work.adopt(foreign)) == "sin(z)"


class TestRecord:
    def test_edits_in_words(self, work):
        work.replace(WAVE, work.apply(cos, [X]), "a trial")
        work.redirect(SUM, 1, X, "only x")
        made = work.insert(X, SUM, exp, "scaling")
        work.remove(Y, "unused")
        assert [work.explain(change) for change in work.record] == [
            "node 3 (sin) replaced by node 5 (cos): a trial",
            "node 2 (add) redirected to node 0 `x` (input): only x",
            f"node {made} (exp) inserted before node 2 (add): scaling",
            "node 1 `y` (input) removed: unused",
        ]
        work.rebuild()
        assert work.record == []


class TestBetween:
    """Between an edit and the rebuild the record is read; what needs the order is refused."""

    def test_the_order_is_refused(self, work):
        work.redirect(SUM, 1, X, "")
        for ask in (lambda: lint(work), lambda: pickle.dumps(work), lambda: Graph().adopt(work.ref(SUM)),
                    lambda: NumpyEngine().evaluate(work, {"x": 1.0, "y": 1.0}, [SUM])):  # fmt: skip
            with pytest.raises(GraphError, match="not rebuilt") as caught:
                ask()
            assert "rebuild" in caught.value.hint

    def test_the_original_stays(self):
        graph = Graph()
        x = graph.ref(graph.input("x"))
        made = sin(x) + 2
        columns = graph.op.tolist(), graph.operands.tolist(), dict(graph.names)
        work = EditableGraph(graph)
        work.replace(work.operands_of(made.node)[0], 0, "")
        work.constant(5), work.input("new")
        work.rebuild()
        assert (graph.op.tolist(), graph.operands.tolist(), graph.names) == columns
        assert graph.apply(sin, [0]) == 1
        lint(graph)

    def test_columns_of_nodes_that_are_gone_are_refused(self, work):
        work.replace(WAVE, X, "")
        with pytest.raises(GraphError, match=r"node 3 \(sin\) was replaced"):
            work.apply_many(arithmetic.add, [[X, WAVE], [Y, Y]])


class TestRebuild:
    def test_without_edits_nothing_moves(self, work):
        assert work.rebuild().tolist() == [0, 1, 2, 3, 4]
        assert settled(work)[1] == "mul(add(x, y), sin(x))"

    def test_roots_keep_what_they_need(self, work):
        moved = work.rebuild([WAVE])
        assert moved.tolist() == [0, GONE, GONE, 1, GONE]
        assert work.names == {"x": 0}
        lint(work)

    def test_a_root_that_was_replaced_is_its_replacement(self, work):
        work.replace(WAVE, Y, "")
        assert work.rebuild([WAVE]).tolist() == [GONE, 0, GONE, 0, GONE]

    def test_a_root_that_is_gone_is_refused(self, work):
        extra = work.apply(exp, [X])
        work.remove(extra, "")
        refused(work, "a root of the rebuild was removed", work.rebuild, [extra])
        refused(work, "a root of the rebuild was removed or does not exist", work.rebuild, [99])

    def test_own_constants_texts_and_arrays_survive(self):
        graph = Graph()
        digits = "0.1000000000000000000001"
        parts = [graph.constant(2, own=True), graph.constant(2), graph.constant(0.1, digits)]
        array = graph.array_constant([1, 2])
        total = graph.ref(parts[0]) * graph.ref(parts[1]) + graph.ref(parts[2]) * graph.ref(array)
        work = EditableGraph(graph)
        moved = work.rebuild([total.node])
        assert work.is_own_constant(moved[parts[0]])
        assert not work.is_own_constant(moved[parts[1]])
        assert list(work.exact.values()) == [digits]
        assert work.arrays[0].tolist() == [1.0, 2.0]
        lint(work)

    def test_a_rebuilt_graph_pickles_evaluates_and_is_edited_again(self, work):
        work.replace(WAVE, Y, "")
        work.rebuild()
        assert work.users_of(0) == [2]
        twin = pickle.loads(pickle.dumps(work))
        lint(twin)
        node = twin.names["h"]
        assert NumpyEngine().evaluate(twin, {"x": 2.0, "y": 3.0}, [node])[node] == 15.0
        twin.replace(0, 1, "")
        assert settled(twin)[1] == "mul(add(y, y), y)"

    def test_a_graph_of_any_depth(self):
        graph = Graph()
        chain = graph.ref(graph.input("x"))
        for _ in range(20_000):
            chain = sin(chain)
        work = EditableGraph(graph)
        by = work.apply(exp, [0])
        work.redirect(1, 0, by, "")
        work.replace(by, work.input("y"), "")
        work.rebuild([chain.node])
        assert len(work) == 20_001
        lint(work)
