"""The residuals of a table: the same numbers from memory and a file, in any batches, the same bits on any threads."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from cgcli import parse
from cgcli.errors import CgError
from cgcli.fitting import rows_problem
from cgcli.fitting.question import ask
from cgcli.fitting.rows_problem import RowsProblem

ROWS = 30_000
RANDOM = np.random.default_rng(3)
T = np.linspace(0, 6, ROWS)
TABLE = {"t": T, "y": 3 * np.exp(-0.7 * T) + 1 + 0.05 * RANDOM.normal(size=ROWS), "s": 0.5 + RANDOM.random(ROWS)}
POINT = np.array([2.8, 0.6, 1.1])
DECAY = parse("a*exp(-b*t) + c")


def reference(point, rows=slice(None)):
    """Residuals and derivatives written out."""
    t, y, s = (TABLE[name][rows] for name in ("t", "y", "s"))
    a, b, c = point
    shape = np.exp(-b * t)
    return (a * shape + c - y) / s, np.column_stack([shape, -a * t * shape, np.ones(len(t))]) / s[:, None]


def agrees(found, residuals, jacobian, tolerance=1e-12):
    matrix = np.column_stack([jacobian, residuals])
    gram = found.triangle.T @ found.triangle
    scale = np.sqrt(np.outer(*[np.sum(matrix**2, axis=0)] * 2))
    assert np.abs(gram - matrix.T @ matrix).max() <= tolerance * scale.max()
    assert found.sum_of_squares == pytest.approx(residuals @ residuals, rel=tolerance)
    assert np.all(np.tril(found.triangle, -1) == 0)


def problem(data=TABLE, formula=DECAY, **options):
    question = {name: options.pop(name) for name in ("target", "sigma", "start", "fix", "wrt") if name in options}
    asked = ask(formula, data, **{"target": "y", **question})
    asked.limit = options.pop("limit", None)
    return RowsProblem(asked, **options)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "decay.parquet"
    parquet.write_table(pa.table(TABLE), path, row_group_size=7_000)
    return str(path)


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_a_triangle_of_residuals_and_derivatives(engine):
    given = problem(sigma="s", engine=engine)
    found = given.reduced(POINT)
    agrees(found, *reference(POINT))
    assert (found.rows, given.rows, given.names, list(given.linear)) == (
        ROWS,
        ROWS,
        ("a", "b", "c"),
        [True, False, True],
    )
    without = given.reduced(POINT, slopes=False)
    assert without.triangle is None
    assert without.sum_of_squares == pytest.approx(found.sum_of_squares, rel=1e-15)


@pytest.mark.parametrize("batch_rows", [1, 1_000, 8_191, 1_000_000])
@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_a_file_in_any_batches_gives_what_memory_gives(file, batch_rows, memory):
    rows = 300 if batch_rows == 1 else ROWS
    given = problem(file, sigma="s", memory=memory, batch_rows=batch_rows, limit=rows, engine="native")
    for _ in range(2):
        agrees(given.reduced(POINT), *reference(POINT, slice(rows)))


@pytest.mark.parametrize("source", ["file", "memory"])
def test_any_number_of_threads_gives_the_same_bits(file, source, monkeypatch):
    monkeypatch.setattr(rows_problem, "CELLS", 2_000)
    found = [problem(file if source == "file" else TABLE, threads=threads, memory=0).reduced(POINT)
             for threads in (1, 2, 3, 8)]  # fmt: skip
    for other in found[1:]:
        assert other.sum_of_squares == found[0].sum_of_squares
        assert other.triangle.tobytes() == found[0].triangle.tobytes()


def test_gaps_are_left_out_and_counted():
    table = {name: column[:100].copy() for name, column in TABLE.items()}
    table["y"][[3, 50]] = np.nan
    table["t"][50] = np.nan
    given = problem(table, sigma="s")
    whole = np.setdiff1d(np.arange(100), [3, 50])
    agrees(given.reduced(POINT), *reference(POINT, whole))
    assert (given.rows, given.report.skipped, given.report.gaps["y"].missing) == (98, 2, 2)


def test_target_and_sigma_are_formulas_over_columns():
    given = problem(target="log(y + 1)", sigma="2*s + t", formula=parse("a*exp(-b*t) + c"))
    residuals = (POINT[0] * np.exp(-POINT[1] * T) + POINT[2] - np.log(TABLE["y"] + 1)) / (2 * TABLE["s"] + T)
    assert given.reduced(POINT).sum_of_squares == pytest.approx(residuals @ residuals, rel=1e-12)
    weights, target = 1 / (2 * TABLE["s"] + T), np.log(TABLE["y"] + 1)
    mean = (weights**2 @ target) / (weights**2).sum()
    assert given.spread() == pytest.approx((weights**2 @ (target - mean) ** 2), rel=1e-12)
    assert given.log_sigma() == pytest.approx(-np.log(weights).sum(), rel=1e-12)


def test_a_column_named_like_a_parameter_is_no_parameter():
    given = problem({**TABLE, "a": TABLE["y"]}, target="a", start={"a": 1.0})
    found = given.reduced(POINT)
    shape = POINT[0] * np.exp(-POINT[1] * T) + POINT[2] - TABLE["y"]
    assert found.sum_of_squares == pytest.approx(shape @ shape, rel=1e-12)


def test_a_default_that_follows_from_a_parameter_follows_it():
    formula = parse("param a = 1\ninput k = 2*a\ny = k*t + a")
    given = problem({"t": T[:50], "y": T[:50]}, formula=formula)
    residuals = 2 * 3.0 * T[:50] + 3.0 - T[:50]
    found = given.reduced(np.array([3.0]))
    agrees(found, residuals, (2 * T[:50] + 1)[:, None])


def test_arrays_are_parameters_element_by_element():
    formula = parse("param w[3]\ny = w @ [1, t, t^2]")
    given = problem({"t": T[:60], "y": TABLE["y"][:60]}, formula=formula, start={"w": [0.0, 0.0, 0.0]})
    design = np.column_stack([np.ones(60), T[:60], T[:60] ** 2])
    assert given.names == ("w[0]", "w[1]", "w[2]")
    assert given.linear.all()
    agrees(given.reduced(POINT), design @ POINT - TABLE["y"][:60], design)


def vectors(rows=50):
    items = np.random.default_rng(5).normal(size=(rows, 3))
    items[7, 1] = np.nan
    return items, items @ [1.0, -2.0, 0.5] + 0.25


@pytest.mark.parametrize("spelled", ["{}", "x{}", "x_{}", "x[{}]"])
def test_arrays_of_each_row_come_from_a_column_or_from_those_of_their_elements(spelled):
    items, y = vectors()
    columns = {spelled.format(place): items[:, place] for place in range(3)} if spelled != "{}" else {"x": items}
    found = parse("param w[3]\ninput x[3]\ny = w @ x + c").fit({**columns, "y": y}, target="y", wrt=["w", "c"])
    np.testing.assert_allclose(found.values["w"], [1.0, -2.0, 0.5], rtol=1e-12)
    assert found.values["c"] == pytest.approx(0.25)
    assert (found.rows, found.left_out) == (49, 1)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_fewer_rows_than_columns_make_a_triangle_too(rows):
    table = {name: column[:rows] for name, column in TABLE.items()}
    agrees(problem(table, sigma="s").reduced(POINT), *reference(POINT, slice(rows)))


def test_what_is_not_finite_is_told_with_its_row_and_parameter():
    table = {"t": np.r_[T[:20], np.nan, 0.0, 5.0], "y": np.ones(23)}
    found = problem(table, formula=parse("a*log(t - b)")).reduced(np.array([1.0, -0.1]))
    assert found.not_finite is None
    where = problem(table, formula=parse("a + sqrt(b*t)")).reduced(np.array([1.0, 0.5])).not_finite
    assert (where.row, where.parameter, where.values) == (0, "b", {"t": 0.0})
    where = problem(table, formula=parse("a*log(t - b)")).reduced(np.array([1.0, 0.1])).not_finite
    assert (where.row, where.parameter) == (0, None)
    late = problem({"t": T, "y": T}, formula=parse("a/(t - b)")).reduced(np.array([1.0, T[20_000]])).not_finite
    assert (late.row, late.values) == (20_000, {"t": T[20_000]})


def test_fewer_rows_are_taken_evenly(file):
    taken = []
    for given in (problem(TABLE, sigma="s"), problem(file, sigma="s", memory=0)):
        fewer = given.thinned(100)
        rows = np.searchsorted(T, given.columns(100)["t"])
        assert (rows // 300).tolist() == list(range(100))
        agrees(fewer.reduced(POINT), *reference(POINT, rows))
        assert given.thinned(ROWS) is given
        taken.append(rows.tolist())
    assert taken[0] == taken[1]
    assert len({row % 10 for row in taken[0]}) == 10


def test_a_robust_loss_scales_rows():
    given = problem(loss="soft_l1", scale=0.3)
    found = given.reduced(POINT)
    residuals = POINT[0] * np.exp(-POINT[1] * T) + POINT[2] - TABLE["y"]
    assert found.plain == pytest.approx(residuals @ residuals, rel=1e-12)
    assert found.sum_of_squares == pytest.approx(0.09 * 2 * np.sum(np.sqrt(1 + (residuals / 0.3) ** 2) - 1), rel=1e-12)
    gradient = found.triangle[:, :-1].T @ found.triangle[:, -1]
    weights = residuals / np.sqrt(1 + (residuals / 0.3) ** 2)
    assert gradient[2] == pytest.approx(weights.sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        ({"t": [1.0, 2.0], "y": [1.0, np.inf]}, {}, "`y` is inf in row 2"),
        ({"t": [1.0, 2.0], "y": [1.0, 2.0], "s": [1.0, -2.0]}, {"sigma": "s"}, "sigma is -2 in row 2"),
        ({"t": [], "y": []}, {}, "there is no row to fit to"),
        ({"t": [1.0, 2.0], "y": [1.0, 2.0]}, {"formula": parse("[a, b]*t")}, "has shape [2]"),
        ({"t": [1.0], "y": [1.0]}, {"formula": parse("param w[4000]\ny = sum(w)*t")}, "4,000 parameters are more"),
    ],
)
def test_what_is_no_problem_has_one_clear_error(data, options, said):
    with pytest.raises(CgError) as caught:
        problem(data, **options)
    assert said in caught.value.message
