"""Every benchmark runs, at a tiny size and without peers, so that none falls behind the code that it measures."""

from __future__ import annotations

import gc
import json
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
TINY = {
    "rows": ["--rows", "64", "--rounds", "1"],
    "graphs": ["--sizes", "300", "--shapes", "random local", "balanced tree", "--rounds", "1"],
    "adbench": ["--mixtures", "2,3,10", "--observations", "50", "--lstm", "1,4", "--hands", "2", "--rounds", "1"],
    "training": ["--rows", "40", "--batch", "16", "--layers", "6", "5", "3", "--rounds", "1", "--epochs", "2"],
    "growth": ["--rows", "10", "100", "--nodes", "200", "400", "--rounds", "1"],
    "minimize": ["--only", "rosenbrock", "beale", "booth"],
    "recurrences": ["--steps", "2000", "--rows", "10", "--rounds", "1"],
    "trees": ["--width", "4", "--batch", "2", "--leaves", "5", "--rounds", "1"],
    "fitting": ["--rows", "300", "--file-rows", "1000", "--rounds", "1"],
}


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """cg without its peers, and a warm-up that compiles nothing."""
    monkeypatch.syspath_prepend(str(FOLDER))
    modules = "harness recipes graphs rows adbench training growth startup fitting minimize minima recurrences trees"
    for name in modules.split():
        monkeypatch.delitem(sys.modules, name, raising=False)
    import graphs
    import harness

    monkeypatch.setattr(harness, "installed", lambda names: {"cg": "0"} if "cg" in names else {})
    monkeypatch.setattr(graphs, "warm_up", lambda: None)
    gc.freeze()  # a benchmark collects garbage before each round; what other tests have left is not looked through
    yield
    gc.unfreeze()


def run(name, arguments, monkeypatch):
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


def test_all_benchmarks_run_and_make_a_document(monkeypatch, tmp_path, capsys):
    for name, arguments in TINY.items():
        run(name, [*arguments, "--json", str(tmp_path / f"{name}.json")], monkeypatch)
        assert "| --- |" in capsys.readouterr().out
        assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["machine"]
    (tmp_path / "startup.json").write_text(json.dumps({"ms": {"bare interpreter": 10.0, "cg eval": 20.0}}))
    run("run", ["--from", str(tmp_path), "-o", str(tmp_path / "performance.md")], monkeypatch)
    document = (tmp_path / "performance.md").read_text(encoding="utf-8")
    for part in ("# Performance", "| cg eval | 20.0 | 2.0 |", "exponent over nodes", "mixture, D=2", "random local"):
        assert part in document


@pytest.mark.parametrize("shape", ["chain", "balanced tree", "random local", "random global", "pendulum", "perceptron"])
@pytest.mark.parametrize("nodes", [10, 700, 5000])
def test_recipes_use_values_before_them_and_all_of_them(shape, nodes):
    import numpy as np
    from recipes import SHAPES

    recipe = SHAPES[shape](nodes)
    place = recipe.leaves + np.arange(len(recipe))
    operands = np.concatenate([recipe.first, recipe.second])
    assert operands.min() >= 0
    assert (recipe.first < place).all()
    assert (recipe.second < place).all()
    assert set(place[:-1]) <= set(operands)


def test_a_recipe_its_levels_and_its_texts_say_the_same():
    import math
    import operator

    from recipes import SHAPES

    import cgcli as cg

    operations = [operator.add, operator.sub, operator.mul, math.sin, math.tanh]
    for shape, make in SHAPES.items():
        recipe = make(400)
        leaf = [*recipe.inputs.tolist(), *recipe.constants]
        value = recipe.run(leaf, operations)
        assert math.isfinite(value)
        assert recipe.levels()[0].run(leaf, operations) == pytest.approx(value, rel=1e-12)
        texts = [recipe.text(), *([recipe.expression()] if shape == "balanced tree" else [])]
        point = dict(zip(recipe.names, recipe.inputs.tolist(), strict=True))
        for text in texts:
            formula = cg.parse(text)
            used = {name: point[name] for name in formula.inputs}
            assert formula.eval(used) == pytest.approx(value, rel=1e-12)
