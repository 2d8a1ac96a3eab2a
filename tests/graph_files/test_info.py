"""`cg info` tells of a formula what it is made of and roughly what it takes."""

from __future__ import annotations

import json

import cgcli as cg


def facts(run, *words):
    return json.loads(run("info", *words, "--json").out)


def test_only_what_the_outputs_need_is_counted(run):
    found = facts(run, "unused = tan(x)\ny = sin(x)*sin(x)\ny")
    assert found["operations"] == {"input": 1, "mul": 1, "sin": 1}
    assert (found["nodes"], found["depth"], found["widest level"]) == (3, 2, 1)


def test_the_estimate_follows_nodes_kinds_and_elements(run):
    short, long = (facts(run, text)["estimated ns at a point"] for text in ("x*y", "x*y*x*y*x"))
    assert long["total"] == 4 * short["total"] == 4 * short["arithmetic"]
    assert set(facts(run, "sin(x)*y")["estimated ns at a point"]) == {"total", "trigonometric", "arithmetic"}
    small, large = (
        facts(run, "sin(v)", f"v=zeros({length})")["estimated ns at a point"]["total"] for length in (1, 100_000)
    )
    assert large > 100 * small


def test_a_graph_file_tells_the_same(run, tmp_path):
    text = "a = exp(x)*y\nb = a^2 + sin(a)\nb"
    cg.parse(text).save(tmp_path / "g.npz")
    assert facts(run, "g.npz") == facts(run, text)


def test_the_estimate_says_that_it_is_one(run):
    assert "estimated ns at a point\n  total" in run("info", "x*y").out


def test_calls_are_counted_by_function(run, tmp_path):
    text = "f(x) = x^2; g(x) = f(x) + f(2*x); step(s, i) = g(s)/(i + 1); unused = f(9*y); fold(step, y, range(5))"
    assert facts(run, text)["calls"] == {"f": 10, "g": 5, "step": 5}
    assert "calls" not in facts(run, "x*y")
    cg.parse(text).save(tmp_path / "g.npz")
    assert facts(run, "g.npz")["calls"] == {"f": 10, "g": 5, "step": 5}


def test_arrays_that_are_too_long_to_be_taken_apart_are_told_of_too(run):
    """Up to 256 elements an array may be that many numbers of a kernel."""
    assert facts(run, "input v[300]; sum(sin(v*x)/v)")["operations"]["sin"] == 1
    assert facts(run, "sum(sin(k*x)/k for k in range(1, 30000))")["nodes"] < 10
