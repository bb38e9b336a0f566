"""The last page of the demonstration says who wins, by how much, and when it may be luck."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.demo_summary import Figure, Result, main, read_result, verdict


def result(name: str, accuracy: float, half_width: float = 0.02) -> Result:
    figure = Figure(accuracy, accuracy - half_width, accuracy + half_width)
    features = {"rnn": ("docstring",), "cnn": ("lines",)}.get(name, ("docstring", "lines"))
    return Result(name, features, figure, figure, 1.0, 700, 0.17)


def write_model(directory: Path, name: str, features: list[str], accuracy: float) -> None:
    """What the trainer leaves, as far as the page reads it."""
    metrics = {
        "accuracy": {"value": accuracy, "low": accuracy - 0.01, "high": accuracy + 0.01},
        "loss": {"value": 0.5, "low": 0.4, "high": 0.6},
    }
    evaluation: dict[str, Any] = {
        "model": name,
        "splits": {split: {"rows": 700, "metrics": metrics} for split in ("validation", "test")},
        "baselines": {"test": {"majority": {"accuracy": 0.17}}},
    }
    training = {"dataset": {"features": features}}
    directory.mkdir()
    (directory / "evaluation.json").write_text(json.dumps(evaluation))
    (directory / "training.json").write_text(json.dumps(training))


def test_a_clear_win() -> None:
    head, *others = verdict(result("multimodal", 0.85), [result("rnn", 0.70), result("cnn", 0.60)])
    assert head == "docstring and lines together beat either alone (700 test rows)"
    assert others == [
        "multimodal beats rnn by +0.150 test accuracy; the intervals are apart",
        "multimodal beats cnn by +0.250 test accuracy; the intervals are apart",
    ]


def test_a_small_lead_may_be_luck() -> None:
    head, first, _ = verdict(result("multimodal", 0.71), [result("rnn", 0.70), result("cnn", 0.60)])
    assert head.startswith("docstring and lines together beat either alone")
    assert first == "multimodal beats rnn by +0.010 test accuracy; the intervals overlap, so this may be luck"


@pytest.mark.parametrize("rnn", [0.70, 0.71])
def test_a_tie_or_a_loss_to_one_is_no_win(rnn: float) -> None:
    head, first, second = verdict(result("multimodal", 0.70), [result("rnn", rnn), result("cnn", 0.60)])
    assert head == "docstring and lines together do not beat either alone (700 test rows)"
    assert first.startswith("multimodal does not beat rnn")
    assert second.startswith("multimodal beats cnn")


def test_the_page_shows_each_model_and_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_model(tmp_path / "rnn", "rnn", ["docstring"], 0.7)
    write_model(tmp_path / "cnn", "cnn", ["lines"], 0.15)
    write_model(tmp_path / "multimodal", "multimodal", ["docstring", "lines"], 0.8)
    directories = [str(tmp_path / name) for name in ("rnn", "cnn", "multimodal")]
    assert main([str(tmp_path / "dataset"), *directories]) == 0
    page = capsys.readouterr().out
    assert "together beat either alone (700 test rows)" in page
    assert "0.800 (0.79-0.81)" in page
    assert "…" not in page
    assert "not clearly better than the majority class: cnn" in page
    assert f"report   {tmp_path / 'dataset' / 'report.html'}" in page
    for directory in directories:
        assert f"model {directory}/model.keras   report {directory}/report.html" in page


def test_figures_are_read_from_the_right_places(tmp_path: Path) -> None:
    write_model(tmp_path / "rnn", "rnn", ["docstring"], 0.7)
    assert read_result(tmp_path / "rnn") == Result(
        name="rnn",
        features=("docstring",),
        validation=Figure(0.7, 0.69, 0.71),
        test=Figure(0.7, 0.69, 0.71),
        test_loss=0.5,
        test_rows=700,
        majority=0.17,
    )


@pytest.mark.parametrize("broken", ["missing", "not JSON", "no test split"])
def test_a_directory_without_a_trained_model_ends_with_status_2(
    broken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "rnn"
    write_model(directory, "rnn", ["docstring"], 0.7)
    evaluation = directory / "evaluation.json"
    if broken == "missing":
        evaluation.unlink()
    elif broken == "not JSON":
        evaluation.write_text("{")
    else:
        evaluation.write_text(json.dumps({"model": "rnn", "splits": {}, "baselines": {}}))
    assert main([str(tmp_path / "dataset"), str(directory)]) == 2
    assert f"received {directory}, expected the output of `python -m trainer`" in capsys.readouterr().err
