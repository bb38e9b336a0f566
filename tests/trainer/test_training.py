"""A run from beginning to end: what it leaves, that evaluation repeats it, and which settings it refuses."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from rich.console import Console

from schemas.errors import LengthwiseError
from trainer.config import TrainerConfig
from trainer.evaluate import evaluate
from trainer.fit.compilation import use_xla
from trainer.training import train


def config(**settings: Any) -> TrainerConfig:
    return TrainerConfig(
        **{"epochs": 4, "bootstrap_samples": 20, "deterministic": False, "batch_tokens": 64, **settings}
    )


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_run_leaves_model_record_evaluation_report_and_logs(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path, kind: str
) -> None:
    dataset = make_dataset(rows={"train": 80, "validation": 30, "test": 20}, features=("text", "age"), kind=kind)
    output, text = tmp_path / "model", io.StringIO()
    settings = config(learning_rate=0.03)
    status = train(dataset, output, settings, with_export=False, builder=small_model, console=Console(file=text))
    assert status == 0
    assert {path.name for path in output.iterdir()} == {
        "model.keras", "training.json", "evaluation.json", "report.html", "checkpoints", "logs", "vocabularies",
    }  # fmt: skip
    evaluation = json.loads((output / "evaluation.json").read_text())
    assert set(evaluation["splits"]) == set(evaluation["baselines"]) == {"validation", "test"}
    headline = "mae" if kind == "regression" else "accuracy"
    for split, rows in (("validation", 30), ("test", 20)):
        content = evaluation["splits"][split]
        assert content["rows"] == rows == sum(bucket["rows"] for bucket in content["per_bucket"])
        figure = content["metrics"][headline]
        assert figure["low"] <= figure["value"] <= figure["high"]
        mean = sum(b[headline]["value"] * b["rows"] for b in content["per_bucket"]) / rows
        assert mean == pytest.approx(figure["value"])
        if kind != "regression":
            assert np.sum(content["confusion"]["rows"]) == rows
    assert {"majority", "length_only"} <= evaluation["baselines"]["validation"].keys()
    record = json.loads((output / "training.json").read_text())
    assert len(record["history"]) == 4
    assert record["traces"]["train"] <= len(record["resolved"]["batch_shapes"])
    page = (output / "report.html").read_text()
    assert page.startswith("<!doctype html>") and "<svg" in page
    assert "http://" not in page and "https://" not in page
    assert "validation" in text.getvalue() and str(output / "report.html") in text.getvalue().replace("\n", "")
    assert any("events" in path.name for path in (output / "logs" / "train").iterdir())


def test_evaluation_of_the_saved_model_repeats_the_run_s(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path
) -> None:
    dataset, output = make_dataset(), tmp_path / "model"
    train(dataset, output, config(), with_export=False, builder=small_model, console=Console(quiet=True))
    first = json.loads((output / "evaluation.json").read_text())
    again = evaluate(output)
    for name, figure in first["splits"]["validation"]["metrics"].items():
        assert again["splits"]["validation"]["metrics"][name]["value"] == pytest.approx(figure["value"], abs=1e-6)


def test_the_best_epoch_s_weights_are_kept(make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path) -> None:
    output = tmp_path / "model"
    settings = config(epochs=8, learning_rate=2.0, schedule="constant", early_stopping={"patience": 2})
    train(make_dataset(), output, settings, with_export=False, builder=small_model, console=Console(quiet=True))
    record = json.loads((output / "training.json").read_text())
    losses = [epoch["validation_loss"] for epoch in record["history"]]
    assert record["best_epoch"] == 1 + int(np.argmin(losses))
    assert len(losses) in (8, record["best_epoch"] + 2)
    kept = json.loads((output / "evaluation.json").read_text())["splits"]["validation"]["metrics"]["loss"]["value"]
    assert kept == pytest.approx(min(losses), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"early_stopping": {"metric": "rmse"}}, "early_stopping.metric: received 'rmse'"),
        ({"class_weights": {"goood": 2.0}}, "unknown class 'goood'; did you mean 'good'?"),
        ({"class_weights": {"good": 0.0}}, "class_weights.good: received 0.0"),
    ],
)
def test_a_setting_that_does_not_fit_the_dataset_is_refused(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(LengthwiseError) as found:
        train(make_dataset(), tmp_path / "model", config(**settings), builder=small_model)
    assert message in str(found.value)


def test_a_dataset_without_held_out_rows_trains(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path
) -> None:
    dataset, output = make_dataset(rows={"train": 3}), tmp_path / "model"
    assert train(dataset, output, config(), with_export=False, builder=small_model, console=Console(quiet=True)) == 0
    assert json.loads((output / "evaluation.json").read_text())["splits"] == {}


def test_targets_of_any_size_are_learnt(make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path) -> None:
    dataset, output = make_dataset(kind="regression", unit=1000.0), tmp_path / "model"
    settings = config(epochs=15, learning_rate=0.03)
    train(dataset, output, settings, with_export=False, builder=small_model, console=Console(quiet=True))
    found = json.loads((output / "evaluation.json").read_text())
    metrics, trivial = found["splits"]["validation"]["metrics"], found["baselines"]["validation"]["majority"]
    assert metrics["rmse"]["value"] < 0.7 * trivial["rmse"]
    assert trivial["rmse"] > 300
    model = keras.models.load_model(output / "model.keras", compile=False)
    empty = {"text": np.zeros((1, 4), np.int64), "text_length": np.zeros(1, np.int64)}
    assert abs(float(np.asarray(model(empty))[0, 0])) > 10, "the saved model answers in the unit of the data"


def test_rows_below_a_loss_that_is_no_number_stop_the_run(
    make_dataset: Callable[..., Path], small_model: Any, tmp_path: Path
) -> None:
    settings = config(learning_rate=1e30, clip_norm=None, schedule="constant", warm_up=0.0, epochs=30)
    dataset = make_dataset(kind="regression", features=("text", "age"))
    with pytest.raises(LengthwiseError, match=r"the loss is (nan|inf); lower the learning rate"):
        train(dataset, tmp_path / "model", settings, builder=small_model, console=Console(quiet=True))


def test_xla_is_used_where_it_pays() -> None:
    recurrent = keras.Sequential([keras.Input((None, 2)), keras.layers.Bidirectional(keras.layers.LSTM(2))])
    convolution = keras.Sequential([keras.Input((None, 2)), keras.layers.Conv1D(2, 3)])
    assert use_xla(True, convolution, 1, 1) is True
    assert use_xla(False, recurrent, 10**9, 1) is False
    assert use_xla("auto", recurrent, 16 * 800_000, 16) is True
    assert use_xla("auto", recurrent, 16 * 800_000, 17) is False
    assert use_xla("auto", convolution, 10**9, 1) is False
