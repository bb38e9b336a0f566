"""The command answers mistakes at once, in words, with exit status 2, and before TensorFlow is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer import evaluate, export
from trainer.command_line import EXIT_ERROR, main
from trainer.config import ConfigError, TrainerConfig, load_config, parse_config
from trainer.output_directory import OutputDirectory

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["trainer", "--help"],
        ["trainer.evaluate", "--help"],
        ["trainer.export", "--help"],
        ["trainer", "--data", "nowhere", "--output", "out", "--epochs", "0"],
        ["trainer", "--data", "nowhere", "--output", "out"],
    ],
)
def test_help_and_mistakes_do_not_import_tensorflow(arguments: list[str], tmp_path: Path) -> None:
    script = (
        "import runpy, sys\n"
        f"sys.argv = {arguments!r}\n"
        "try:\n    runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)\n"
        "except SystemExit as end:\n    status = end.code\n"
        "heavy = {'tensorflow', 'keras', 'jax'} & set(sys.modules)\n"
        "sys.exit(99 if heavy else status)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n{script}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    expected = 0 if "--help" in arguments else EXIT_ERROR
    assert found.returncode == expected, found.stderr
    assert "Traceback" not in found.stderr
    assert not any(tmp_path.iterdir())


def test_an_unknown_key_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("epoch: 3\n")
    with pytest.raises(ConfigError, match=r"config.yaml.*\n.*unknown key 'epoch'; did you mean 'epochs'\?"):
        load_config(path)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"model": "rnnn"}, "did you mean 'rnn'"),
        ({"epochs": 0}, "epochs: received 0"),
        ({"batch_tokens": 0}, "batch_tokens: received 0"),
        ({"learning_rate": 0}, "learning_rate: received 0"),
        ({"warm_up": 2}, "warm_up: received 2"),
        ({"clip_norm": -1}, "clip_norm: received -1"),
        ({"seed": -1}, "seed: received -1"),
        ({"features": []}, "expected at least one feature"),
        ({"features": ["a", "a"]}, "none twice"),
        ({"devices": 0}, "a number of at least 1"),
        ({"early_stopping": {"patience": 0}}, "early_stopping.patience: received 0"),
        ({"checkpoints": {"kept": 1}}, "unknown key 'kept'; did you mean 'keep'"),
        ({"precision": "float16"}, "precision: received 'float16'"),
        ({"schedule": "linear"}, "schedule: received 'linear'"),
    ],
)
def test_a_wrong_setting_is_named(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as found:
        parse_config(setting)
    assert message in str(found.value)


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("epochs: 3\nseed: 5\n")
    config = load_config(path, {"epochs": 7, "seed": None})
    assert (config.epochs, config.seed) == (7, 5)


def test_the_fingerprint_covers_what_weights_depend_on() -> None:
    base = TrainerConfig()
    assert base.fingerprint() == TrainerConfig(bootstrap_samples=20).fingerprint()
    assert base.fingerprint() != TrainerConfig(seed=1).fingerprint()
    assert base.fingerprint() != TrainerConfig(clip_norm=None).fingerprint()


@pytest.mark.parametrize("command", [evaluate.main, export.main])
def test_no_trained_model_is_said(command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["--model", "nowhere"]) == EXIT_ERROR
    assert "nowhere/training.json: cannot be read" in capsys.readouterr().err


def test_an_unknown_feature_names_the_known_ones(
    make_dataset: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(make_dataset()), "--output", str(tmp_path / "out"), "--features", "texts"]
    assert main(flags) == EXIT_ERROR
    assert "received texts; the dataset 'factory' has text" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_output_that_holds_something_else_is_refused(
    make_dataset: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "thesis.txt").write_text("precious")
    assert main(["--data", str(make_dataset()), "--output", str(output)]) == EXIT_ERROR
    assert "holds thesis.txt, which is no training output" in capsys.readouterr().err
    assert [path.name for path in output.iterdir()] == ["thesis.txt"]


def test_a_new_run_clears_the_old_one_s_results_and_a_resumed_one_keeps_them(tmp_path: Path) -> None:
    places = OutputDirectory(tmp_path / "out")
    places.checkpoints.mkdir(parents=True)
    (places.checkpoints / "step-00000001.checkpoint").write_bytes(b"x")
    places.model.write_bytes(b"x")
    (places.export / "1").mkdir(parents=True)
    places.prepare(resume=True)
    assert places.model.exists() and places.checkpoints.exists()
    places.prepare(resume=False)
    assert sorted(path.name for path in places.path.iterdir()) == ["export"]
