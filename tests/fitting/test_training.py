"""Training in Python: what is learned, what is refused, what is told, and that it goes on to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import cgcli as cg
from cgcli.errors import CalculationError, CgError, DataError, UsageError
from cgcli.fitting import checkpoints
from cgcli.fitting.training import batches, epochs

XOR = {"x": np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), "label": np.array([0.0, 1, 1, 0])}
NETWORK = cg.parse(
    """input x[2]; input label
    param W[6, 2] = glorot(); param b[6] = 0; param v[6] = glorot(); param c = 0
    score = v @ tanh(W @ x + b) + c
    loss = sigmoid_bce(score, label)"""
)
LINE = cg.parse("param a = 0; param b = 0; input t; input y; loss = (a*t + b - y)^2")


def line_data(rows: int = 101) -> dict[str, np.ndarray]:
    t = np.linspace(-1, 1, rows)
    return {"t": t, "y": 3 * t - 0.5 + 0.01 * np.sin(40 * t)}


def bits(result: Any) -> list[Any]:
    values = [np.asarray(value).tobytes() for value in result.values.values()]
    return [*values, result.loss, result.validation, result.history, result.evaluations, result.best, result.message]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("sgd", {"rate": 0.5}), ("momentum", {"rate": 0.1}), ("momentum", {"rate": 0.1, "nesterov": True}),
        ("adam", {"rate": 0.05}), ("adamw", {"rate": 0.05, "decay": 1e-4}), ("lbfgs", {}),
    ],
)  # fmt: skip
def test_xor_is_learned(method: str, options: dict[str, Any]) -> None:
    size = {} if method == "lbfgs" else {"batch": 4}
    result = NETWORK.fit(XOR, loss="loss", method=method, epochs=600, **size, **options)
    assert result.loss < 0.05
    assert result.method == method
    assert result.rows == 4
    assert result.values["W"].shape == (6, 2)
    assert isinstance(result.values["c"], float)
    assert result.loss == pytest.approx(np.mean(NETWORK.eval_rows(XOR | result.values)))
    scores = cg.parse(NETWORK.source.text.replace("loss =", "output score; loss =")).eval_rows(XOR | result.values)
    assert ((scores > 0) == XOR["label"]).all()


def test_a_line_comes_out_as_by_least_squares() -> None:
    data = line_data()
    result = LINE.fit(data, loss="loss", method="lbfgs", epochs=100)
    slope, offset = np.polyfit(data["t"], data["y"], 1)
    assert result.values["a"] == pytest.approx(slope, rel=1e-7)
    assert result.values["b"] == pytest.approx(offset, rel=1e-7)
    assert result.converged
    rough = LINE.fit(data, loss="loss", epochs=2)
    assert not rough.converged
    assert [entry["epoch"] for entry in rough.history] == [1, 2]
    assert rough.epochs == 2
    assert rough.message == "2 epochs done"


def test_one_step_is_one_gradient_of_the_mean() -> None:
    data = line_data(11)
    result = LINE.fit(data, loss="loss", method="sgd", rate=0.1, epochs=1, batch=11)
    assert result.values["a"] == pytest.approx(0.1 * np.mean(2 * data["y"] * data["t"]), rel=1e-12)
    assert result.values["b"] == pytest.approx(0.1 * np.mean(2 * data["y"]), rel=1e-12)
    assert result.evaluations == 1


def test_classes_as_numbers() -> None:
    random = np.random.default_rng(0)
    centres = np.array([[0.0, 2], [2, -1], [-2, -1]])
    label = np.repeat([0.0, 1, 2], 40)
    data = {"x": centres[label.astype(int)] + 0.3 * random.normal(size=(120, 2)), "label": label}
    formula = cg.parse(
        """input x[2]; input label; param W[3, 2] = lecun(); param b[3] = 0
        z = W @ x + b; loss = softmax_cross_entropy(z, label == range(3))"""
    )
    result = formula.fit(data, loss="loss", method="adam", rate=0.1, epochs=30, batch=16)
    assert result.loss < 0.02


def table(folder: Path, kind: str, data: dict[str, np.ndarray]) -> str:
    path = folder / f"t.{kind}"
    if kind == "csv":
        np.savetxt(path, np.column_stack(list(data.values())), delimiter=",", header=",".join(data), comments="")
    elif kind == "parquet":
        parquet.write_table(pa.table(data), path, row_group_size=20)
    else:
        np.savez(path, **data)
    return str(path)


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_files_train_as_arrays_do(kind: str, tmp_path: Path) -> None:
    data = line_data()
    options = {"loss": "loss", "epochs": 3, "batch": 16, "rate": 0.05}
    assert bits(LINE.fit(table(tmp_path, kind, data), **options)) == bits(LINE.fit(data, **options))


def test_a_second_thread_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"loss": "loss", "epochs": 3, "batch": 3, "rate": 0.05}
    monkeypatch.setattr(epochs, "may_help", lambda: True)
    alone = bits(NETWORK.fit(XOR, **options))
    monkeypatch.setattr(epochs, "MANY", 1)
    monkeypatch.setattr("cgcli.fitting.training.optimisers.BLOCK", 5)
    assert bits(NETWORK.fit(XOR, **options)) == alone


def test_seeds_decide_the_order_and_the_start() -> None:
    options = {"loss": "loss", "epochs": 2, "batch": 3, "rate": 0.05}
    assert bits(NETWORK.fit(XOR, **options)) == bits(NETWORK.fit(XOR, **options, seed=1))
    assert bits(NETWORK.fit(XOR, **options)) != bits(NETWORK.fit(XOR, **options, seed=2))
    first = NETWORK.fit(XOR, loss="loss", epochs=1, rate=1e-300).values["W"]
    np.testing.assert_array_equal(first, cg.parse("param W[6, 2] = glorot(); W").eval())


def test_the_order_is_a_new_one_in_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    original = batches.MemoryRows.shuffled

    def spied(self: Any, *arguments: Any) -> Any:
        seen.append([])
        for batch in original(self, *arguments):
            seen[-1] += [batch.located(place).row for place in range(batch.rows)]
            yield batch

    monkeypatch.setattr(batches.MemoryRows, "shuffled", spied)
    LINE.fit(line_data(50), loss="loss", epochs=3, batch=8)
    assert [sorted(each) for each in seen] == [list(range(1, 51))] * 3
    assert seen[0] != seen[1] != seen[2] != list(range(1, 51))


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of more than 20 rows count as larger than memory, and 16 rows are shuffled together."""
    monkeypatch.setattr(batches, "MEMORY", 20 * 16)
    monkeypatch.setattr(batches, "BUFFER", 16 * 24)


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_more_than_memory(kind: str, tmp_path: Path) -> None:
    data = line_data(203)
    path = table(tmp_path, kind, data)
    result = LINE.fit(path, loss="loss", rate=0.05, epochs=30, batch=8)
    assert result.evaluations == 30 * 26
    assert result.rows == 203
    assert result.loss < 1e-3
    saved = tmp_path / "run.npz"
    options = {"loss": "loss", "rate": 0.05, "batch": 8, "epochs": 2}
    whole = LINE.fit(path, **options, save=saved)
    for step in (1, 7, 26, 40):
        stop_after(step, lambda: LINE.fit(path, **options, save=saved))
        assert bits(LINE.fit(path, resume=saved, loss="loss")) == bits(whole)


class Stop(Exception):
    """Stands for the end of a process."""


def stop_after(step: int, train: Any) -> None:
    """Train until a step, and die there after a checkpoint."""
    original = epochs.Training.checkpoint

    def dying(self: Any, marks: Any) -> Any:
        if self.state.evaluations >= step:
            raise Stop
        return original(self, marks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epochs.Training, "checkpoint", dying)
        patch.setattr(checkpoints, "FIRST_SAVE", -1e9)
        patch.setattr(checkpoints, "LEAST_PAUSE", -1e9)
        patch.setattr(checkpoints, "SHARE", 1e9)
        with pytest.raises(Stop):
            train()


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("sgd", {"schedule": "cosine", "clip": 0.1}), ("momentum", {"decay": 0.01, "nesterov": True}),
        ("adam", {"schedule": "step", "warmup": 1}), ("adamw", {"decay": 0.1}), ("lbfgs", {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("checked", [False, True], ids=["", "validated"])
def test_what_was_stopped_goes_on_to_the_same_bits(
    method: str, more: dict[str, Any], checked: bool, tmp_path: Path
) -> None:
    data, saved = line_data(), tmp_path / "run.npz"
    options: dict[str, Any] = {"loss": "loss", "method": method, "epochs": 6, **more}
    options |= {} if method == "lbfgs" else {"batch": 32, "rate": 0.02}
    validate = {"validate": line_data(30)} if checked else {}
    whole = LINE.fit(data, **options, **validate)
    for step in (1, 3, 5):
        stop_after(step, lambda: LINE.fit(data, **options, **validate, save=saved))
        again = LINE.fit(data, loss="loss", resume=saved, **validate)
        assert bits(again) == bits(whole)
        assert bits(LINE.fit(data, loss="loss", resume=saved, **validate)) == bits(whole), "a finished one stays"


@pytest.mark.parametrize("options", [{"loss": "loss"}, {"target": "y"}])
def test_no_other_file_is_lost_by_saving(options: dict[str, Any], tmp_path: Path) -> None:
    """Neither the table itself, nor the formula, nor anything else that is no checkpoint."""
    table = tmp_path / "line.csv"
    table.write_text("t,y\n1,2\n2,3\n3,4.5\n")
    formula = LINE if "loss" in options else cg.parse("a*t + b")
    with pytest.raises(UsageError, match="holds no training or fit; it would be lost"):
        formula.fit(table, save=table, **options)
    assert table.read_text().startswith("t,y")
    saved = tmp_path / "run.npz"
    saved.touch()  # an empty file has nothing to lose
    for _ in range(2):
        formula.fit(table, save=saved, **options)


def test_another_number_of_threads_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last bits of products of matrices hang on it; of numbers there are none."""
    saved = tmp_path / "run.npz"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    NETWORK.fit(XOR, loss="loss", epochs=1, save=saved)
    assert NETWORK.fit(XOR, loss="loss", epochs=2, resume=saved).warnings == []
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    (told,) = NETWORK.fit(XOR, loss="loss", epochs=3, resume=saved).warnings
    assert told.endswith(
        "with 2 threads for products of matrices, not 1: last bits may differ, but for OPENBLAS_NUM_THREADS=2"
    )
    LINE.fit(line_data(), loss="loss", epochs=1, save=saved)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert LINE.fit(line_data(), loss="loss", epochs=2, resume=saved).warnings == []


def test_more_epochs_may_follow(tmp_path: Path) -> None:
    data, saved = line_data(), tmp_path / "run.npz"
    LINE.fit(data, loss="loss", epochs=2, save=saved)
    longer = LINE.fit(data, loss="loss", epochs=5, resume=saved)
    assert bits(longer) == bits(LINE.fit(data, loss="loss", epochs=5))


def test_a_training_that_is_to_be_resumed_from_where_it_is_saved_begins(tmp_path: Path) -> None:
    saved = tmp_path / "run.npz"
    first = LINE.fit(line_data(), loss="loss", epochs=2, save=saved, resume=saved)
    assert bits(LINE.fit(line_data(), loss="loss", epochs=2, save=saved, resume=saved)) == bits(first)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": line_data(100)}, "was trained with other data"),
        ({"formula": cg.parse(LINE.source.text.replace("^2", "^4"))}, "another formula"),
        ({"batch": 64}, "was trained with batch=256, not 64"),
        ({"rate": 0.01}, "was trained with rate=0.001, not 0.01"),
        ({"clip": 1.0}, "was trained without clip"),
        ({"method": "sgd"}, "was trained with method=adam, not sgd"),
        ({"epochs": 1}, "was trained with epochs=2, not 1"),
        ({"seed": 5}, "was trained with seed=1, not 5"),
        ({"validate": line_data(10)}, "other data to validate with"),
    ],
)  # fmt: skip
def test_what_differs_is_not_resumed(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    saved = tmp_path / "run.npz"
    LINE.fit(line_data(), loss="loss", epochs=2, save=saved)
    before = saved.read_bytes()
    formula, data = change.pop("formula", LINE), change.pop("data", line_data())
    with pytest.raises(CgError, match=message):
        formula.fit(data, loss="loss", resume=saved, **change)
    assert saved.read_bytes() == before


def test_files_that_hold_no_training(tmp_path: Path) -> None:
    for content in (b"", b"nonsense", b"PK\x03\x04"):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npz"):
            LINE.fit(line_data(), loss="loss", resume=tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="holds no training"):
        LINE.fit(line_data(), loss="loss", resume=tmp_path / "y.npz")
    with pytest.raises(DataError, match="there is no file"):
        LINE.fit(line_data(), loss="loss", resume=tmp_path / "z.npz")


def test_the_best_validation_counts_and_patience_ends() -> None:
    data = line_data()
    other = {"t": data["t"], "y": 2 * data["t"]}  # the training passes by what this one wants
    result = LINE.fit(data, loss="loss", method="sgd", rate=0.05, epochs=200, batch=101, validate=other, patience=5)
    found = [entry["validation"] for entry in result.history]
    assert result.best == int(np.argmin(found)) + 1 < result.epochs == result.best + 5
    assert result.validation == min(found)
    mean = np.mean(LINE.eval_rows({**other, **result.values}))
    assert result.validation == pytest.approx(mean, rel=1e-12)
    assert f"the values are those after epoch {result.best}" in result.message


def test_gaps_are_left_out_and_told() -> None:
    data = line_data(20)
    data["y"][3] = np.nan
    result = LINE.fit(data, loss="loss", epochs=1)
    assert result.rows == 19
    assert result.left_out == 1
    assert "1 row is left out" in result.warnings[0]
    with pytest.raises(DataError, match="row 4, column `y`"):
        LINE.fit(data, loss="loss", epochs=1, missing="error")


def test_a_birth_is_told_with_node_row_and_step(tmp_path: Path) -> None:
    formula = cg.parse("param a = 1; input t; input y; loss = log(a*t + 2)*y")
    data = {"t": np.array([1.0, 2, -5, 3]), "y": np.ones(4)}
    saved = tmp_path / "run.npz"
    with pytest.raises(CalculationError) as caught:
        formula.fit(data, loss="loss", method="sgd", rate=1e-9, batch=1, epochs=1, seed=4, save=saved)
    assert "nan comes from `log` of -3" in caught.value.message
    assert "in row 3 of the data" in caught.value.message
    assert "in epoch 1, step " in caught.value.message
    held = checkpoints.read(str(saved))
    assert np.isfinite(held.group("values")["a"]).all()


def test_a_gradient_that_is_not_finite_is_told_too() -> None:
    formula = cg.parse("param a = 1; input t; loss = sqrt(a*t)")
    with pytest.raises(CalculationError, match="the gradient of the loss is not finite in epoch 1, step 1, in row 2"):
        formula.fit({"t": np.array([1.0, 0.0])}, loss="loss", epochs=1)


def test_a_start_that_is_broken_for_lbfgs() -> None:
    formula = cg.parse("param a = -1; input t; loss = log(a*t)^2")
    with pytest.raises(CalculationError, match=r"the loss is not finite at the start, in row 1 of the data: nan"):
        formula.fit({"t": np.array([1.0, 2.0])}, loss="loss", method="lbfgs")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "los"}, "`los` is neither an output of the formula nor a robust loss"),
        ({"loss": "loss", "method": "adan"}, "there is no method `adan`"),
        ({"loss": "loss", "epoch": 3}, "a training has no option `epoch`"),
        ({"loss": "loss", "epochs": 0}, "epochs is a positive number"),
        ({"loss": "loss", "rate": -1.0}, "rate is a positive number"),
        ({"loss": "loss", "beta1": 1.0}, "beta1 is at least 0 and less than 1"),
        ({"loss": "loss", "schedule": "cos"}, "there is no schedule `cos`"),
        ({"loss": "loss", "patience": 3}, "patience waits for a better validation"),
        ({"loss": "loss", "method": "lbfgs", "batch": 3}, "lbfgs takes all rows at once"),
        ({"loss": "loss", "target": "y"}, "a training has no target"),
        ({"loss": "loss", "start": {"a": (0, 1)}}, "a training starts at one place"),
        ({"loss": "loss", "wrt": ["t"]}, "no first value for `t`"),
        ({"epochs": 3}, "`epochs` is for a training"),
        ({"loss": "loss", "validate": {"t": [1.0]}}, "no column and no value for the input `y`"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        LINE.fit(line_data(5), **options)


def test_losses_that_are_none() -> None:
    with pytest.raises(CgError, match="needs a number"):
        cg.parse("param a = 0; input t; loss = [a*t, 1]").fit({"t": [1.0]}, loss="loss")
    with pytest.raises(UsageError, match="depends on no column"):
        cg.parse("param a = 1; input t; loss = a^2; y = a*t; output loss, y").fit({"t": [1.0]}, loss="loss")
    with pytest.raises(UsageError, match="no first value for `a`"):
        cg.parse("loss = (a*t)^2").fit({"t": [1.0]}, loss="loss")
    with pytest.raises(DataError, match="no row without a gap"):
        LINE.fit({"t": [np.nan], "y": [1.0]}, loss="loss")
