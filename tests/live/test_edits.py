"""Edits: what each does, that a refused one changes nothing and says why, undo, redo, forks."""

from __future__ import annotations

import math

import numpy as np
import pytest

import cgcli as cg

TEXT = """
b = 3
y = sin(x)*t
loss = y^2 + cos(x)
"""


@pytest.fixture
def live():
    live = cg.parse(TEXT).live(x=0.3, t=2)
    live["loss"]
    return live


def is_now(live, text):
    """The live graph is the formula of a text: values, derivatives and what it prints."""
    f = cg.parse(text)
    values = {name: value for name, value in live.values.items() if name in f.inputs}
    assert live["loss"] == f.eval(values)
    assert live.grad("loss") | {} == dict.fromkeys(live.formula().inputs, 0.0) | f.grad(values)
    assert str(cg.parse(str(live.formula()))) == str(cg.parse(text))


def edited(live, kind, *arguments, **named):
    with live.edit() as e:
        getattr(e, kind)(*arguments, **named)


def block(live, *edits):
    with live.edit() as e:
        for kind, *arguments in edits:
            getattr(e, kind)(*arguments)


class TestEdits:
    def test_the_three_of_the_handbook(self, live):
        with live.edit() as e:
            e.replace("sin(x)", "tanh(x)")
            e.insert("clip(y, -1, 1)", after="y")
            e.remove("b")
        is_now(live, "y = tanh(x)*t\nloss = clip(y, -1, 1)^2 + cos(x)")
        assert "b" not in live.names

    def test_replace_by_what_uses_it(self, live):
        edited(live, "replace", "sin(x)", "2*sin(x)")
        is_now(live, "y = 2*sin(x)*t\nloss = y^2 + cos(x)")
        edited(live, "replace", "y", "y + t")
        assert live["y"] == 2 * np.sin(0.3) * 2 + 2

    def test_an_equal_expression_elsewhere_is_left_alone(self, live):
        edited(live, "define", "z", "2*sin(x)")
        edited(live, "replace", "sin(x)", "2*sin(x)")
        assert live["z"] == 4 * np.sin(0.3)
        assert live["y"] == 4 * np.sin(0.3)

    def test_insert_before_an_output(self):
        live = cg.parse("y = 2*x; z = y + 1; output y, z").live(x=5)
        edited(live, "insert", "min(y, 3)", after="y")
        assert live() == {"y": 3.0, "z": 4.0}
        assert str(live.formula()) == "y = min(2 * x, 3)\nz = y + 1\noutput y, z"

    def test_insert_after_an_input(self, live):
        edited(live, "insert", "x/2", after="x")
        is_now(live, "y = sin(x/2)*t\nloss = y^2 + cos(x/2)")

    def test_define_moves_the_name_and_no_equal_value(self):
        live = cg.parse("h = 2*x; g = 2*x*h; k = h; loss = g + k").live(x=3)
        edited(live, "define", "h", "5*x")
        assert live["g"] == 6 * 15
        assert live["k"] == 15
        edited(live, "define", "k", "2")
        assert live["loss"] == 92
        assert live["h"] == 15

    def test_define_in_terms_of_other_edits(self, live):
        with live.edit() as e:
            e.define("k", "x + t")
            e.define("y", "sin(k)")
            e.define("k", "x*t")
        is_now(live, "k = x*t\ny = sin(k)\nloss = y^2 + cos(x)")

    def test_numbers_of_nodes(self, live):
        edited(live, "replace", live.formula().graph.names["y"], 0)
        assert live["y"] == live[0]

    def test_a_value_for_a_definition_makes_an_input_of_it(self, live):
        live.set(y=4)
        assert live["loss"] == 16 + np.cos(0.3)
        live.set(y=5, x=0)
        assert live["loss"] == 26
        assert live.grad("loss", wrt=["y"]) == {"y": 10.0}
        assert live.undo() == "2 new values"
        live.undo()
        is_now(live, TEXT.replace("b = 3\n", ""))

    def test_rename_computes_nothing(self, live):
        with live.edit() as e:
            e.rename("y", "wave")
            e.rename("x", "u")
            e.rename("loss", "cost")
        live["cost"]
        assert live.report["recomputed"] == 0
        assert str(live.formula()) == "wave = sin(u) * t\ncost = wave^2 + cos(u)"
        assert live.inputs == ["u", "t"]
        live.undo()
        assert str(live.formula()) == "y = sin(x) * t\nloss = y^2 + cos(x)"
        live.set(x=1)
        assert live["loss"] == cg.parse(TEXT).eval(x=1, t=2)

    def test_functions_of_the_formula_may_be_called(self):
        live = cg.parse("f(a) = a^2 + k; k = 3; loss = f(x)").live(x=2)
        edited(live, "define", "loss", "f(x) + f(1)")
        assert live["loss"] == 11
        assert live["f(10)"] == 103

    def test_arrays_come_and_go(self, live):
        edited(live, "define", "y", "sum([x, t]*[t, x])")
        assert live["loss"] == cg.parse("y = sum([x, t]*[t, x]); y^2 + cos(x)").eval(x=0.3, t=2)
        edited(live, "define", "y", "x*t")
        is_now(live, "y = x*t\nloss = y^2 + cos(x)")
        live.undo()
        live.undo()
        assert live["[y, x]"].tolist() == [live["y"], 0.3]

    def test_vectors_of_another_length(self):
        live = cg.parse("v = [x, t]; loss = sum(v^2) + max(v)").live(x=3, t=2)
        live.define("v", "[x, t, x + t]")
        assert live["loss"] == 9 + 4 + 25 + 5
        assert live.grad("loss") == cg.parse("v = [x, t, x + t]; sum(v^2) + max(v)").grad(x=3, t=2)

    def test_a_derivative_in_an_edit(self, live):
        edited(live, "define", "slope", "diff(loss, x)")
        assert live["slope"] == live.grad("loss")["x"]
        live.set(x=0.9)
        assert live["slope"] == live.grad("loss")["x"]

    def test_what_the_edit_leaves_equal_is_left(self, live):
        edited(live, "replace", "sin(x)*t", "t*sin(x)")
        live["loss"]
        assert (live.report["recomputed"], live.report["cut_off"]) == (2, 1)


REFUSED = [
    ("remove", ("y",), "`y` cannot be removed: `loss` and `m` use it"),
    ("remove", ("m",), "`m` cannot be removed: `loss` uses it"),
    ("remove", ("loss",), "`loss` cannot be removed: it is an output"),
    ("remove", ("nothing",), "no `nothing`"),
    ("replace", ("sin(x)", "loss"), "close a cycle"),
    ("replace", ("sin(x)", "sin(x)"), "by itself"),
    ("replace", ("tan(x)", "x"), r"no `tan\(x\)`"),
    ("replace", ("t", "eye(3)"), "shape"),
    ("replace", (99, "x"), "no node 99"),
    ("define", ("y", "loss + 1"), "close a cycle"),
    ("define", ("y", "2 +"), "missing"),
    ("define", ("y", "q + 1"), "no `q`"),
    ("define", ("pi", "3"), "is a constant"),
    ("define", ("if", "3"), "cannot be the name"),
    ("rename", ("y", "not"), "cannot be the name"),
    ("define", ("2y", "3"), "cannot be the name"),
    ("define", ("y", "a = 2; a"), "one expression"),
    ("rename", ("y", "x"), "there already"),
    ("set", ({"y": "text"},), "y"),
]


class TestRefusals:
    @pytest.mark.parametrize(("kind", "arguments", "message"), REFUSED)
    def test_a_refused_edit_changes_nothing(self, kind, arguments, message):
        live = cg.parse("b = 3; y = sin(x)*t; m = eye(2)*y; loss = y^2 + cos(x) + sum(m@[1, t])").live(x=0.3, t=2)
        before, slopes, text, names = live(), live.grad("loss"), str(live.formula()), live.names
        with pytest.raises(cg.CgError, match=message):
            block(live, ("replace", "cos(x)", "exp(x)"), ("define", "extra", "x*t"), ("rename", "b", "c"),
                  (kind, *arguments))  # fmt: skip
        assert live() == before
        assert live.grad("loss") == slopes
        assert (str(live.formula()), live.names) == (text, names)
        with pytest.raises(cg.CgError, match="nothing to undo"):
            live.undo()

    @pytest.mark.parametrize(
        ("text", "edit", "message"),
        [
            ("y = x^2; diff(y, x)*t", ("replace", "x^2", "x^3"), "derivative of `y`"),
            ("y = x^2; diff(y, x)*t", ("define", "y", "t"), "derivative of `y`"),
            ("u = 2*x; y = u^2; diff(y, x)*t", ("define", "u", "x"), "derivative of `y`"),
            ("n = 3; sum(x^k for k in range(n))*t", ("define", "n", "4"), "`n` cannot be edited: it sets a limit"),
            ("n = 3; sum(x^k for k in range(n))*t", ("set", {"n": 4}), "`n` cannot be edited"),
            ("sum(x^k for k in range(t))", ("set", {"t": 4}), "`t` decided the graph"),
            ("v = [x, t, 3]; v[t]", ("define", "t", "0"), "`t` decided the graph|`t` cannot be edited"),
            ("v = [x, t]; v[-1]*sum(v)", ("define", "v", "[x, t, 3]"), "another shape"),
        ],
    )
    def test_what_would_not_follow_an_edit_refuses_it(self, text, edit, message):
        live = cg.parse(text).live(x=2, t=1)
        before = live()
        with pytest.raises(cg.CgError, match=message):
            block(live, edit)
        assert live() == before

    def test_a_derivative_that_an_edit_made_does_not_follow_the_next(self, live):
        live.define("slope", "diff(loss, x)")
        with pytest.raises(cg.CgError, match="derivative of `loss`"):
            live.define("y", "x")
        live.define("b", "4")
        live.define("slope", "0")
        live.define("y", "x")
        assert live["loss"] == 0.3**2 + np.cos(0.3)

    def test_any_failure_of_the_block_takes_all_back(self, live):
        with pytest.raises(AttributeError):
            block(live, ("remove", "b"), ("fly",))
        assert live["b"] == 3

    def test_a_refusal_that_is_caught_inside_leaves_the_rest(self, live):
        with live.edit() as e:
            e.define("k", "x + 1")
            with pytest.raises(cg.CgError):
                e.replace("k", "no(x)")
            e.define("y", "k*t")
        is_now(live, "k = x + 1\ny = k*t\nloss = y^2 + cos(x)")


class TestHistory:
    def test_undo_and_redo_of_everything(self, live):
        values = [live["loss"]]
        steps = [
            lambda: live.set(x=0.7), lambda: edited(live, "replace", "sin(x)", "tanh(x)"), lambda: live.set(t=-1),
            lambda: edited(live, "insert", "y + x", after="y"), lambda: live.define("y", "x"),
        ]  # fmt: skip
        for step in steps:
            step()
            values.append(live["loss"])
        for value in reversed(values[:-1]):
            live.undo()
            assert live["loss"] == value
        for value in values[1:]:
            live.redo()
            assert live["loss"] == value
        live.undo()
        live.set(x=2)
        with pytest.raises(cg.CgError, match="nothing to do again"):
            live.redo()

    def test_compact_keeps_what_it_means(self, live):
        edited(live, "define", "h", "2*x")
        edited(live, "define", "loss", "h*y + 2*x")
        live.grad("loss")
        before, slopes, text, size = (
            live["loss"],
            live.grad("loss", wrt=["h"]),
            str(live.formula()),
            len(live.sheet.graph),
        )
        live.compact()
        assert len(live.sheet.graph) < size
        assert (live["loss"], live.grad("loss", wrt=["h"]), str(live.formula())) == (before, slopes, text)
        live.define("h", "x^2")
        assert live["loss"] == 0.3**2 * live["y"] + 2 * 0.3
        live.undo()
        live.undo()
        assert len(live.sheet.graph) == size
        assert (live["loss"], str(live.formula())) == (before, text)

    def test_what_is_kept_of_the_past_has_bounds(self, live, monkeypatch):
        monkeypatch.setattr("cgcli.live.live.MOST_KEPT", 5 * 31)
        for number in range(20):
            live.set(x=number)
        for _ in range(5):
            live.undo()
        assert live["x"] == 14
        with pytest.raises(cg.CgError, match="nothing to undo"):
            live.undo()

    @pytest.mark.parametrize("broken", range(4))
    def test_what_ctrl_c_interrupts_is_right_the_next_time(self, live, broken):
        live.set(x=0.7, t=3)
        steps = live.sheet.values._steps
        found = [node for node, step in enumerate(steps) if step][broken % 3]
        kernel, *operands = steps[found]

        def interrupted(*values):
            raise KeyboardInterrupt

        steps[found] = (interrupted, *operands)
        with pytest.raises(KeyboardInterrupt):
            live["loss"]
        if broken == 3:
            live.set(x=0.8)
        steps[found] = (kernel, *operands)
        assert live["loss"] == cg.parse(TEXT).eval(live.values)
        assert live.stale() == {}

    def test_a_fork_goes_its_own_way(self, live):
        live.set(x=0.5)
        twin = live.fork()
        edited(twin, "replace", "sin(x)", "x")
        live.set(x=1)
        assert twin["y"] == 0.5 * 2
        assert live["y"] == np.sin(1) * 2
        twin.undo()
        twin.undo()
        assert twin["loss"] == cg.parse(TEXT).eval(x=0.3, t=2)
        assert live["x"] == 1

    def test_a_fork_does_again_what_is_taken_back_elsewhere_later(self, live):
        edited(live, "replace", "sin(x)", "tanh(x)")
        twin = live.fork()
        twin.undo()
        assert twin["cos(x)*3 + exp(t)*t + 7*x"] == math.cos(0.3) * 3 + math.exp(2) * 2 + 7 * 0.3
        twin.redo()
        live.undo()
        assert live["loss"] == cg.parse(TEXT).eval(x=0.3, t=2)
        assert twin["loss"] == cg.parse(TEXT.replace("sin", "tanh")).eval(x=0.3, t=2)

    @pytest.mark.parametrize("anew", [lambda live: live.compact(), lambda live: live.set(v=[1, 2, 3, 4])])
    def test_a_fork_has_a_past_of_its_own(self, anew):
        live = cg.parse("y = sum(v*x)").live(v=[1, 2, 3], x=2)
        anew(live)
        twin = live.fork()
        for each in (twin, live):
            each.undo()
        twin.set(x=5)
        assert (live["y"], twin["y"]) == (12, 30)

    def test_functions_stay_where_the_graph_is_made_anew_and_a_fork_has_its_own(self):
        live = cg.parse("y = sum(v*x)").live(v=[1, 2, 3], x=2)
        live.define_functions({"g": "g(a) = a^2"})
        live.set(v=[1, 2, 3, 4])
        assert live["g(y)"] == 400
        twin = live.fork()
        twin.define_functions({"g": "g(a) = a^3"})
        twin.undo()
        assert (live["g(x)"], twin["g(x)"]) == (4, 8)

    def test_a_number_is_no_value_of_an_array_beside_numbers(self):
        live = cg.parse("y = x*t").live(x=0.4, t=1.5)
        live.define("v", "[1, 2, 3]")
        live.set(v=[3, 4])
        live.define("j", "v*x")
        for wrong in (3.0, 3, [1, 2, 3]):
            with pytest.raises(cg.CgError, match="the value of `v` has shape"):
                live.set(v=wrong)
        np.testing.assert_array_equal(live["j"], np.array([3, 4]) * 0.4)

    def test_functions_that_are_handed_on(self):
        live = cg.parse("step(s, i) = s*i + 1; y = x^2").live(x=2)
        live.define("z", "fold(step, y, range(4))")
        assert live["z"] == cg.parse("step(s, i) = s*i + 1; fold(step, x^2, range(4))").eval(x=2)

    def test_a_name_of_a_constant_that_the_formula_defines_can_be_defined_anew(self):
        live = cg.parse("e = 2*x; y = e + pi").live(x=1)
        live.define("e", "3*x")
        assert live["y"] == 3 + math.pi
        assert cg.parse(str(live.formula())).eval(x=1) == live["y"]
        with pytest.raises(cg.CgError, match="`pi` is a constant in this formula"):
            live.define("pi", "3")

    def test_an_input_that_nothing_uses_is_renamed(self):
        live = cg.parse("input x; y = 2*t").live(x=2, t=3)
        edited(live, "rename", "x", "k")
        assert live.formula().inputs == ["k", "t"]

    def test_watches_follow_edits(self, live):
        heard = []
        live.watch("y", lambda *told: heard.append(told))
        edited(live, "define", "y", "10")
        edited(live, "rename", "y", "z")
        live.define("z", "11")
        assert heard[1:] == [("z", 10.0, 11.0)]
        live.define("loss", "x")
        edited(live, "remove", "z")
        assert heard[2:] == [("z", 11.0, None)]
        live.undo()
        assert heard[3:] == [("z", None, 11.0)]

    def test_a_watched_text_that_means_nothing_any_more(self, live):
        heard = []
        live.watch("x*y + [1, 2]", lambda *told: heard.append(told[2]))
        live.define("y", "[1, 2, 3]*x")
        assert heard == [None]
        live.undo()
        assert heard[1].tolist() == [0.3 * live["y"] + 1, 0.3 * live["y"] + 2]

    def test_an_edit_between_questions_leaves_other_slopes(self):
        live = cg.parse("u = sin(a)*b; v = exp(c)*d; loss = u + v").live(a=1, b=2, c=3, d=4)
        live.grad("loss")
        edited(live, "replace", "sin(a)", "tanh(a)")
        live.grad("loss")
        assert live.report["recomputed"] < 8
        is_now(live, "u = tanh(a)*b; v = exp(c)*d; loss = u + v")
