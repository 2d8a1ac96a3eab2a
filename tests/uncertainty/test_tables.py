"""Errors in rows: of columns, of single values, and of both together."""

from __future__ import annotations

import json
from math import sqrt

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import CgError
from tests.transcripts import run

approx = pytest.approx
PENDULUM = "4*pi^2*L/T^2"


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_each_row_is_what_one_value_gives(engine):
    if engine == "native":
        pytest.importorskip("llvmlite")
    f, r = cg.parse(PENDULUM), {("L", "T"): 0.3}
    lengths, errors = np.array([0.5, 0.75, 1.0]), np.array([0.01, 0.02, 0.0])
    found = f.uncertainty_rows({"L": (lengths, errors), "T": "2.006±0.005"}, correlations=r, engine=engine)
    each = [f.uncertainty({"L": (x, u), "T": (2.006, 0.005)}, correlations=r if u else None)
            for x, u in zip(lengths, errors, strict=True)]  # fmt: skip
    assert found.value == approx([one.value for one in each])
    assert found.error == approx([one.error for one in each])
    low, high = found.interval(0.95)
    assert high - low == approx(2 * 1.959964 * found.error, rel=1e-6)


def test_several_outputs_arrays_and_gaps():
    f = cg.parse("input w[2]; s = a*sum(w); d = a^2; output s, d")
    found = f.uncertainty_rows({"a": ([1.0, np.nan], [0.1, 0.1]), "w": ([1.0, 2.0], [0.3, 0.4])})
    assert found["s"].error[0] == approx(sqrt(0.3**2 + 0.5**2))
    assert found["d"].error[0] == approx(0.2)
    assert np.isnan(found["s"].error[1])


X, Y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 3.0, 4.0, 5.5])
OF_X, OF_Y = np.array([0.1, 0.1, 0.3, 0.1]), np.array([0.1, 0.2, 0.1, 0.3])


@pytest.mark.parametrize(
    "text",
    ["mean(x*y)*z", "sum(x/s^2)/sum(1/s^2)", "std(y) + z", "max(x*z)", "mean((y - z*x)^2)", "sum((x - mean(x))*y)"],
)  # fmt: skip
def test_what_is_of_the_whole_table_has_the_errors_of_all_rows(text):
    """As the formula over arrays, whose elements go together as the columns do in each row."""
    f = cg.parse(text)
    columns = {"x": (X, OF_X), "y": (Y, OF_Y)}
    given = {name: {**columns, "z": (2.0, 0.1), "s": OF_X}[name] for name in f.inputs}
    both = {"x", "y"} <= set(f.inputs)
    found = f.uncertainty_rows(given, correlations={("x", "y"): 0.3} if both else None)
    pairs = {(f"x[{row}]", f"y[{row}]"): 0.3 for row in range(4)} if both else None
    expected = f.uncertainty(given, correlations=pairs)
    assert (found.value, found.error) == (approx(expected.value, rel=1e-14), approx(expected.error, rel=1e-13))


def test_a_row_may_use_what_is_of_a_column_without_errors():
    found = cg.parse("z*(x - mean(z*y))").uncertainty_rows({"x": (X, OF_X), "y": Y, "z": (2.0, 0.1)})
    assert found.error == approx(np.hypot(2 * OF_X, 0.1 * (X - 4 * Y.mean())))


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        ("x - mean(x)", {}, "follows from `mean` of a column with errors, and so from the errors of all rows"),
        ("mean(x)*z", {"correlations": {("x", "z"): 0.2}}, "`x` and `z` cannot go together"),
    ],
)
def test_errors_of_whole_columns_that_are_refused(text, options, told):
    f = cg.parse(text)
    given = {name: {"x": (X, OF_X), "z": (2.0, 0.1)}[name] for name in f.inputs}
    with pytest.raises(CgError) as refused:
        f.uncertainty_rows(given, **options)
    assert told in refused.value.message


def test_the_command_writes_an_error_a_row(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("L,u,T\n0.5,0.01,1.419\n1.0,0.01,2.006\n2.0,-0.01,3\n")
    code, shown = run(["eval", PENDULUM, "--data", str(table), "--sigma", "L=u", "--json"])
    found = json.loads(shown.splitlines()[0])
    assert code == 0
    assert found["head"]["result_error"][:2] == approx([0.196063, 0.0981065], rel=1e-5)
    assert "nan comes from `sqrt` of -0.01" in shown
    assert run(["eval", PENDULUM, "--data", str(table), "--sigma", "L=u", "--strict"])[0] == 1
    out = tmp_path / "o.csv"
    words = ["--sigma", "L=u", "T=2.0±0.1", "--correlation", "L,T=1", "-o", str(out)]
    assert run(["eval", PENDULUM, "--data", str(table), *words])[0] == 0
    assert out.read_text().startswith("result,result_error\n4.93480220054")


WRONG = [
    (["--sigma", "L=v"], "has no column `v`"),
    (["--sigma", "q=u"], "no input `q`"),
    (["--sigma", "T=u", "T=1"], "`T` has a value, and the errors of a column"),
    (["--sigma", "L=u", "--correlation", "L,T=0.3"], "`T` has a correlation, but no error"),
    (["--sigma", "L=u", "--samples", "1e5"], "--data and --samples exclude each other"),
    (["--sigma", "L"], "not of the form INPUT=COLUMN"),
]


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[told for _, told in WRONG])
def test_wrong_lines(tmp_path, words, told):
    table = tmp_path / "t.csv"
    table.write_text("L,u,T\n0.5,0.01,1.419\n")
    code, shown = run(["eval", PENDULUM, "--data", str(table), *words])
    assert code == 2
    assert told in shown


def test_a_fit_written_to_a_file_has_errors():
    words = ["y1 + y2*(t - 20)", "--values", "samples/uncertainty/thermometer.json", "t=30"]
    assert run(["eval", *words]) == (0, "-0.1493768127324772\n")
    assert run(["eval", *words, "--errors"]) == (0, "-0.14938 ± 0.00414\n")
    assert run(["eval", *words[:-1], "t=30±1"])[1].startswith("-0.14938 ± 0.00468")
    table = json.loads(run(["sensitivity", *words, "--json"])[1])
    assert table["dof"] == {"result": 9}
    assert sum(row["share"] or 0 for row in table["table"]) == approx(1)


def test_what_a_fit_did_not_determine_is_told(tmp_path):
    file = tmp_path / "fit.json"
    file.write_text('{"values": {"a": 1.0, "b": 2.0}, "errors": {"a": "inf", "b": 0.1}}')
    code, shown = run(["eval", "a + b", "--values", str(file), "--errors"])
    assert code == 1
    assert "`a` was not determined" in shown
    assert run(["eval", "a + b", "--values", str(file), "--errors", "a=1"]) == (0, "3.000 ± 0.100\n")


def test_a_sigma_without_a_column_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("x\n1\n")
    code, shown = run(["eval", "x", "--data", str(tmp_path / "t.csv"), "--sigma", "x"])
    assert code == 2
    assert "hint: for example --sigma x=x_err" in shown
