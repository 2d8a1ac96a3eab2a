"""Questions and new values: exactly what is needed is computed, and it is what a formula of its own gives."""

from __future__ import annotations

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
    return cg.parse(TEXT).live(x=0.3, t=1)


def costs(live):
    report = live.report
    return report["recomputed"], report["cut_off"], report["mode"]


class TestQuestions:
    def test_names_texts_and_nodes(self, live):
        f = cg.parse(TEXT)
        assert live["loss"] == f.eval(x=0.3, t=1)
        assert live["b"] == 3
        assert live["x"] == 0.3
        assert live["2*y + b"] == cg.parse(TEXT + "2*y + b").eval(x=0.3, t=1)
        assert live.eval("e + pi") == cg.parse("e + pi").eval()
        assert live[0] == live["b"]
        assert live() == live["loss"]

    def test_only_what_is_needed_is_computed(self, live):
        live["y"]
        assert costs(live) == (2, 0, "full")
        live["loss"]
        assert costs(live) == (3, 0, "partial")
        live["loss"]
        assert costs(live) == (0, 0, "partial")
        assert live.report["reused"] == 9

    def test_a_change_costs_what_depends_on_it(self, live):
        live["loss"]
        live.set(t=2)
        assert costs(live) == (0, 0, "partial")
        live["loss"]
        assert costs(live) == (3, 0, "partial")
        live.set(t=2, x=0.3)
        live["loss"]
        assert costs(live) == (0, 0, "partial")

    def test_an_equal_value_stops_it(self):
        live = cg.parse("y = floor(x); loss = exp(y) + y^2").live(x=0.3)
        live["loss"]
        live.set(x=0.7)
        live["loss"]
        assert costs(live)[:2] == (1, 1)
        live.set(x=-0.0)
        live["loss"]
        assert live["1/y"] == -np.inf  # 0 and -0 are different bits
        live.set(x=np.nan)
        live["loss"]
        live.set(x=-np.nan)
        assert np.isnan(live["loss"])

    def test_what_is_stale_and_what_it_would_cost(self, live):
        assert live.stale() == {"y": 2, "loss": 5}
        live["loss"]
        assert live.stale() == {}
        live.set(t=5)
        assert live.stale() == {"y": 1, "loss": 3}

    def test_everything_at_once_is_a_full_pass(self):
        text = " + ".join(f"sin(x{number})*x{number}" for number in range(3000))
        f = cg.parse(text)
        values = {f"x{number}": number / 7 for number in range(3000)}
        live = f.live(values)
        assert live() == f.eval(values, engine="python")
        assert costs(live) == (8999, 0, "full")
        live.set(x2999=0.5)
        assert live() == f.eval({**values, "x2999": 0.5}, engine="python")
        assert costs(live) == (3, 0, "partial")
        others = {name: value + 1 for name, value in values.items()}
        live.set(others)
        assert live() == f.eval(others, engine="python")
        assert costs(live) == (8999, 0, "full")

    def test_derivatives_where_nothing_needs_a_default_any_more(self):
        live = cg.parse("input n = 3; a = sum(x*i for i in range(n)); b = a*t; y = b + n").live(x=0.4, t=1.5)
        live.define("y", "a*b")
        expected = cg.parse("a = x*0 + x*1 + x*2; b = a*t; y = a*b").grad(x=0.4, t=1.5)
        assert live.grad("y") == expected
        assert live.grad("y", wrt=["t"]) == {"t": expected["t"]}

    def test_arrays(self):
        f = cg.parse("input W[2, 3]; y = W @ v; loss = sum(y^2) + a")
        values = {"W": np.arange(6.0).reshape(2, 3), "v": np.ones(3), "a": 1.0}
        live = f.live(values)
        assert live() == f.eval(values)
        for name, slope in f.grad(values).items():
            np.testing.assert_array_equal(live.grad("loss")[name], slope)
        live.set(v=[1, 2, 3])
        assert live() == f.eval({**values, "v": [1.0, 2, 3]})
        live["y"][:] = 0
        values["W"][:] = 0
        assert live() == 8**2 + 26**2 + 1
        live.set(a=2)
        live()
        assert costs(live) == (1, 0, "partial")

    def test_defaults_follow_what_they_depend_on(self):
        f = cg.parse("input a = 2; input b = 3*a; a + b")
        live = f.live()
        assert live() == 8
        live.set(a=1)
        assert live() == 4
        live.set(b=10)
        live.set(a=2)
        assert live() == 12
        live.undo()
        live.undo()
        live.undo()
        assert live() == 8

    def test_values_of_other_shapes_make_the_graph_anew(self):
        live = cg.parse("n = 2; sum(v)*n").live(v=[1, 2])
        live.set(v=[1, 2, 3])
        assert live() == 12
        live.undo()
        assert live() == 6
        live = cg.parse("sum(x^k for k in range(n))").live(x=2, n=3)
        assert live() == 7
        live.set(n=4)
        assert live() == 15
        with live.edit() as e:
            e.define("c", "2*x")
        with pytest.raises(cg.CgError, match="`n`"):
            live.set(n=5)
        assert live() == 15

    @pytest.mark.parametrize(
        ("key", "message"),
        [("lose", "no `lose`"), (99, "no node 99"), ("2*", "missing"), (1.5, "no name"), ("sin(x) + q", "no `q`")],
    )
    def test_what_is_not_there_is_told(self, live, key, message):
        with pytest.raises(cg.CgError, match=message):
            live[key]

    def test_wrong_values_change_nothing(self, live):
        before = live()
        for values in ({"x": "a"}, {"z": 1}, {"x": 5, "t": None}, {"t": [1, 2], "y": 3, "q": 1}):
            with pytest.raises(cg.CgError):
                live.set(values)
            assert live.values == {"x": 0.3, "t": 1.0}
        assert live() == before

    def test_a_nan_is_told_with_its_birth(self):
        live = cg.parse("y = log(x); loss = y*0 + 1/x").live(x=1)
        live()
        live.set(x=-1)
        with pytest.warns(cg.NotFiniteWarning, match="log"):
            live["loss"]
        live.set(x=0)
        with pytest.warns(cg.NotFiniteWarning):
            live.grad("loss")

    def test_a_derivative_at_a_kink_is_told(self):
        f = cg.parse("y = abs(x)^2; diff(diff(y, x), x)")
        live = f.live(x=1)
        live()
        live.set(x=0)
        with pytest.warns(cg.KinkWarning) as told:
            live()
        with pytest.warns(cg.KinkWarning) as expected:
            f.eval(x=0)
        assert [str(each.message) for each in told] == [str(each.message) for each in expected]


class TestDerivatives:
    def test_they_are_those_of_the_formula(self, live):
        f = cg.parse(TEXT)
        assert live.grad("loss") == f.grad(x=0.3, t=1)
        live.set(x=0.7)
        assert live.grad("loss") == f.grad(x=0.7, t=1)
        assert live.grad("loss", wrt="x") == {"x": live.grad()["x"]}
        assert live.grad("loss", wrt=["y"]) == f.grad(x=0.7, t=1, wrt=["y"])
        assert live.grad("3*y") == cg.parse("3*(sin(x)*t)").grad(x=0.7, t=1)

    def test_a_name_is_not_an_equal_value(self):
        f = cg.parse("h = 2*x; g = 2*x*h")
        live = f.live(x=3)
        assert live.grad("g", wrt=["h"]) == f.grad(x=3, wrt=["h"]) == {"h": 6.0}
        assert live.grad("g") == f.grad(x=3)

    def test_they_are_computed_where_something_changed(self):
        live = cg.parse("u = a*b; v = c*d; u + v").live(a=1, b=2, c=3, d=4)
        assert live.grad() == {"a": 2.0, "b": 1.0, "c": 4.0, "d": 3.0}
        live.set(a=5)
        assert live.grad() == {"a": 2.0, "b": 5.0, "c": 4.0, "d": 3.0}
        assert costs(live)[0] == 0

    def test_a_derivative_in_a_text_follows_the_formula(self, live):
        f = cg.parse(TEXT + "diff(loss, x)")
        assert live["diff(loss, x)"] == f.eval(x=0.3, t=1)
        live.set(x=0.5)
        assert live["diff(loss, x)"] == f.eval(x=0.5, t=1)


class TestWatches:
    def test_they_hear_of_changes(self, live, capsys):
        heard = []
        live.watch("y", lambda *told: heard.append(told))
        live.watch("y*0", print)
        y = live["y"]
        live.set(t=1)
        assert heard == []
        live.set(t=2)
        assert heard == [("y", y, 2 * y)]
        live.undo()
        assert heard[1:] == [("y", 2 * y, y)]
        assert capsys.readouterr().out == ""
        live.watch("t", print)
        live.set(t=4)
        assert capsys.readouterr().out == "t 1.0 4.0\n"
        assert live.watched == ["y", "y*0", "t"]
        live.unwatch("y")
        live.set(t=5)
        assert len(heard) == 3

    def test_changes_of_names_that_were_up_to_date(self, live):
        live["y"]
        assert live.changes() == []
        live.set(t=2)
        assert [name for name, _, _ in live.changes()] == ["t", "y"]
        assert "loss" in live.stale()
