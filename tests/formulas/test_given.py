"""What may be given as a value, in which containers, and what is refused by name."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import DataError, UsageError

pandas = pytest.importorskip("pandas", reason="frames are tried with pandas itself")
pyarrow = pytest.importorskip("pyarrow", reason="Arrow's tables are tried with pyarrow itself")

PRODUCT = cg.parse("x*y")
COLUMNS = {"x": [1.0, 2.0], "y": [3.0, 4.0]}
TABLES = [
    pandas.DataFrame(COLUMNS),
    pandas.DataFrame({**COLUMNS, "z": 0.0})[["x", "y"]],
    pandas.DataFrame(COLUMNS).astype("Float64"),
    pyarrow.table(COLUMNS),
    pyarrow.table(COLUMNS).to_batches()[0],
    np.array([(1.0, 3.0), (2.0, 4.0)], dtype=[("x", float), ("y", float)]),
    SimpleNamespace(keys=COLUMNS.keys),  # `table[name]` is all that a mapping needs beside its keys
]


def named(value: Any) -> str:
    """The name of a case: what it is, without an address in memory, which would be another one in each process."""
    return value if isinstance(value, str) else type(value).__name__


@pytest.mark.parametrize("table", TABLES[:-1], ids=lambda table: type(table).__name__)
def test_tables_of_named_columns_are_mappings(table: Any) -> None:
    assert PRODUCT.eval_rows(table).tolist() == [3, 8]
    assert PRODUCT.grad_rows(table)["x"].tolist() == [3, 4]
    assert cg.parse("sum(x*y)").eval(table) == 11


def test_a_row_of_a_frame_is_a_mapping() -> None:
    frame = pandas.DataFrame(COLUMNS)
    assert PRODUCT.eval(frame.iloc[1]) == 8
    assert frame.apply(lambda row: PRODUCT.eval(row), axis=1).tolist() == [3, 8]
    assert PRODUCT.grad(frame.iloc[0], y=5.0) == {"x": 5.0, "y": 1.0}
    assert PRODUCT.eval_rows(frame.iloc[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "values are given by name"),
        ([1, 2], "values are given by name"),
        ("x", "values are given by name"),
        (TABLES[-1], "values are given by name"),
        ({1: 2.0}, "a name is a text, not 1"),
        (pandas.Series([1.0, 2.0]), "a name is a text, not 0"),
        (pandas.DataFrame([[1.0, 2.0]], columns=["x", "x"]), "the name 'x' is there more than once"),
    ],
    ids=named,
)  # fmt: skip
def test_what_is_no_mapping_is_refused(given: Any, message: str) -> None:
    asked = [PRODUCT.eval, PRODUCT.grad, PRODUCT.trace]
    if not isinstance(given, (str, list)):  # rows may also come from a file, or from several
        asked.append(PRODUCT.eval_rows)
    for ask in asked:
        with pytest.raises((UsageError, TypeError)) as caught:
            ask(given)
        assert str(caught.value).startswith(message) or isinstance(given, SimpleNamespace)


@pytest.mark.parametrize(
    ("given", "message"),
    [([1, 2], "data are a path, a frame, an Arrow table or columns by name, not list"),
     ("x", "cannot tell the format of `x` by its name")],
    ids=["list", "text"],
)  # fmt: skip
def test_what_is_no_table_is_refused(given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        PRODUCT.eval_rows(given)


REFUSED: list[tuple[Any, str]] = [
    (np.ma.array([1, 1e20, 3], mask=[0, 1, 0]), "has items that are masked or missing"),
    (np.ma.masked, "has items that are masked or missing"),
    (pyarrow.array([1, None]), "has items that are masked or missing"),
    (pandas.Series([1, None], dtype="Int64"), "has items that are masked or missing"),
    ([1, None], "holds None"),
    (np.array([1, None], object), "holds None"),
    (None, "holds None"),
    (pandas.Series([1.0, pandas.NA], dtype=object), "holds <NA>"),
    (["1", "2"], "holds texts"),
    (np.array(["1", "2"], object), "holds texts"),
    (np.array([b"1"]), "holds texts"),
    (pandas.Series(["1", "2"]), "holds texts"),
    (pyarrow.array(["1"]), "holds texts"),
    ("3", "holds texts"),
    (date(2020, 1, 1), "holds dates or durations"),
    (timedelta(seconds=1), "holds dates or durations"),
    ([datetime(2020, 1, 1)], "holds dates or durations"),
    (np.array(["2020-01-01"], "M8[ns]"), "holds dates or durations"),
    (np.timedelta64(5, "ns"), "holds dates or durations"),
    (np.array([np.timedelta64(5, "ns")], object), "holds dates or durations"),
    (pandas.to_datetime(["2020-01-01"]), "holds dates or durations"),
    (pandas.Timedelta(5), "holds dates or durations"),
    (pyarrow.array([datetime(2020, 1, 1)]), "holds dates or durations"),
    (1j, "holds complex numbers"),
    (np.array([1 + 0j]), "holds complex numbers"),
    (np.array([1 + 0j], object), "holds complex numbers"),
    (np.array([(1.0, 2.0)], dtype=[("a", float), ("b", float)]), "is a structured array"),
    ([[1, 2], [3]], "is not a number or a rectangular list"),
    ({"a": 1}, "is not a number or a rectangular list"),
    (object(), "is not a number or a rectangular list"),
    ([], "is empty"),
    (10**400, "is too large for a double"),
    ([10**400], "is too large for a double"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=named)
def test_what_is_no_number_is_refused_by_name(value: Any, message: str) -> None:
    formula = cg.parse("sum(v)")
    for ask in (formula.eval, formula.grad, formula.trace):
        with pytest.raises(DataError) as caught:
            ask(v=value)
        assert str(caught.value).startswith(f"the value of `v` {message}")


def test_what_is_masked_is_nan_in_a_column() -> None:
    doubled = cg.parse("x*2 + 0*y")
    for column in (
        np.ma.array([1, -9999, 3], mask=[0, 1, 0]), pyarrow.array([1, None, 3]),
        pyarrow.chunked_array([[1.0, None, 3.0]]), pandas.Series([1, None, 3], dtype="Int64"),
        pandas.Series([1.0, None, 3.0], dtype="Float64"),
    ):  # fmt: skip
        assert doubled.eval_rows(x=column, y=1.0) == pytest.approx([2, np.nan, 6], nan_ok=True)
        assert cg.parse("x^2").grad_rows(x=column)["x"] == pytest.approx([2, np.nan, 6], nan_ok=True)
    assert doubled.eval_rows(x=np.ma.array([1.0, 2.0], mask=[0, 0]), y=1.0).tolist() == [2, 4]
    with pytest.raises(DataError, match="`y` has items that are masked"):
        doubled.eval_rows(x=[1.0, 2.0], y=np.ma.masked)
    with pytest.raises(DataError, match="`v` has items that are masked"):
        cg.parse("input v[2]; x*sum(v)").eval_rows(x=[1.0, 2.0, 3.0], v=np.ma.array([1.0, 2.0], mask=[0, 1]))


@pytest.mark.parametrize("value", [["1", "2"], np.array([1, None], object), [date(2020, 1, 1)] * 2])
def test_columns_that_are_no_numbers_are_refused_by_name(value: Any) -> None:
    for ask in (PRODUCT.eval_rows, PRODUCT.grad_rows):
        with pytest.raises(DataError, match="the value of `y` holds"):
            ask(x=[1.0, 2.0], y=value)


def test_numbers_of_other_kinds_are_numbers() -> None:
    double = cg.parse("2*x")
    for value in (
        1,
        True,
        Fraction(1),
        Decimal(1),
        np.float32(1),
        np.int8(1),
        np.array(1),
        pandas.Series([1.0]).iloc[0],
    ):
        assert double.eval(x=value) == 2
    for value in ([1, Fraction(1, 2)], (Decimal(1), 0.5), np.array([1, 0.5], "f4"), pandas.Series([1.0, 0.5])):
        assert double.eval(x=value).tolist() == [2, 1]
    assert double.eval(x=[True, False]).tolist() == [2, 0]


def test_exact_numbers_stay_exact_where_digits_are_asked_for() -> None:
    formula = cg.parse("3*x")
    for value in (Fraction(1, 3), Fraction(10**30, 3 * 10**30)):
        assert abs(formula.eval(x=value, digits=40) - 1) < 1e-40
        assert abs(formula.eval(x=[value, value], digits=40)[1] - 1) < 1e-40
    assert abs(cg.parse("x").eval(x=Decimal("0.1"), digits=40) * 10 - 1) < 1e-40
    assert cg.parse("x - y").eval(x=10**30 + 1, y=10**30, digits=40) == 1
    assert cg.parse("x/y").eval(x=10**400, y=10**399, digits=20) == 10
    assert cg.parse("x^3").grad(x=Fraction(1, 3), digits=40)["x"] * 3 == pytest.approx(1, abs=1e-40)


def test_no_rows_are_an_answer() -> None:
    for text, given, shape in (
        ("x*y", {"x": [], "y": []}, (0,)), ("x*y", {"x": [], "y": 2.0}, (0,)), ("3", {}, (1,)),
        ("input v[3]; sum(v)*x", {"v": np.zeros((0, 3)), "x": []}, (0,)),
        ("input v[3]; v", {"v": np.zeros((0, 3))}, (0, 3)),
        ("input k = 2*x; k*x", {"x": []}, (0,)), ("a = x; b = 3; output a, b", {"x": []}, (0,)),
    ):  # fmt: skip
        for engine in ("auto", "numpy", "native"):
            found = cg.parse(text).eval_rows(given, engine=engine)
            for column in found.values() if isinstance(found, dict) else [found]:
                assert column.shape == shape
    slopes = cg.parse("input v[3]; sum(v^2)*x").grad_rows(v=np.zeros((0, 3)), x=[])
    assert slopes["v"].shape == (0, 3)
    assert slopes["x"].shape == (0,)


CLASHES: list[tuple[str, dict[str, Any], Any]] = [
    ("digits*2", {"digits": 3}, 6), ("engine*2", {"engine": 3}, 6), ("show*2", {"show": 3.0}, 6),
    ("complete*2", {"complete": 3}, 6), ("path*2", {"path": 3}, 6), ("grad*2", {"grad": 3}, 6),
    ("dtype*2", {"dtype": 3}, 6), ("of*2", {"of": 3}, 6), ("wrt*2", {"wrt": 3}, 6), ("self*2", {"self": 3}, 6),
    ("mapping*2", {"mapping": 3}, 6), ("directions*2", {"directions": 3}, 6), ("name*2", {"name": 3}, 6),
    ("open*2", {"open": 3}, 6), ("all*2", {"all": 3}, 6),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values", "expected"), CLASHES)
def test_an_input_named_like_an_option_is_given_in_a_mapping(
    text: str, values: dict[str, Any], expected: float
) -> None:
    formula = cg.parse(text)
    (name,) = values
    assert formula.eval(values) == expected
    assert formula.grad(values) == {name: 2.0}
    assert formula.hessian(values) == {name: {name: 0.0}}
    assert formula.jvp(values, directions={name: 1.0}) == 2
    assert formula.eval_rows({name: [3.0, 4.0]}).tolist() == [6, 8]
    assert formula.trace(values).as_dict()["values"] == {"result": expected}


def test_a_keyword_that_is_an_option_and_an_input_is_refused_with_the_cure() -> None:
    for ask, name, value in (
        ("eval", "digits", 3), ("eval", "engine", 3.0), ("grad", "of", 3.0), ("grad", "wrt", 3.0),
        ("eval_rows", "dtype", [1.0]), ("grad_rows", "wrt", [1.0]), ("draw", "grad", 2.0), ("jvp", "directions", 2.0),
        ("trace", "open", 3.0), ("draw", "open", 3.0), ("trace", "all", 3.0),
    ):  # fmt: skip
        for text in (f"{name}*2", f"input {name} = 5; {name}*2"):
            with pytest.raises(UsageError, match=f"`{name}` is an option of this method and an input") as caught:
                getattr(cg.parse(text), ask)(**{name: value})
            assert caught.value.hint == f'give the input in a mapping: {{"{name}": {value!r}}}'
    assert cg.parse("digits*2").eval({"digits": 3}, digits=20) == 6


def test_no_private_option_leaks() -> None:
    for name in ("show", "complete"):
        assert cg.parse(f"{name}*2").eval(**{name: 3.0}) == 6
        with pytest.raises(UsageError, match=f"the formula has no input `{name}`"):
            PRODUCT.eval(x=1.0, y=2.0, **{name: ["x"]})


def test_options_of_a_wrong_kind_are_told() -> None:
    for options in ({"wrt": 3}, {"wrt": [3]}, {"of": 3}, {"engine": 3}, {"digits": 2.5}, {"digits": 0}):
        with pytest.raises(UsageError):
            PRODUCT.grad(x=1.0, y=2.0, **options)
