"""The quality benchmark: what it asks for, what it does not do again, and the table that it ends with.

The commands are replaced by one that writes what the trainer would; the real ones run for minutes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.spec import load_spec, parse_spec
from scripts.bench import quality

SCHEMAS = Path(__file__).parents[2] / "schemas"
VALUES = {("rnn", "0"): 0.981, ("rnn", "1"): 0.963, ("cnn", "0"): 0.95, ("cnn", "1"): 0.97}


@pytest.mark.parametrize("name", ["vowels", "icu", "imdb"])
def test_a_shipped_spec_with_a_fifth_held_out(name: str) -> None:
    shipped = load_spec(SCHEMAS / f"{name}.yaml")
    spec = parse_spec(quality.held_out_spec(yaml.safe_load((SCHEMAS / f"{name}.yaml").read_text()), "other"))
    assert (spec.splits.train, spec.splits.validation, spec.splits.test) == (0.72, 0.08, 0.2)  # type: ignore[union-attr]
    assert spec.splits.salt == "other"  # type: ignore[union-attr]
    assert spec.splits.stratify == shipped.splits.stratify  # type: ignore[union-attr]
    assert (spec.features, spec.label, spec.source) == (shipped.features, shipped.label, shipped.source)


def test_goals_by_name() -> None:
    assert [goal.model for goal in quality.chosen_goals(["vowels"])] == ["rnn", "cnn"]
    assert [(goal.dataset, goal.model) for goal in quality.chosen_goals(["imdb:cnn", "icu"])] == [
        ("icu", "rnn"),
        ("imdb", "cnn"),
    ]
    assert len(quality.chosen_goals([])) == len(quality.GOALS)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every command that the benchmark runs; each leaves what the real one would."""
    ran: list[list[str]] = []

    def run(module: str, *arguments: Any) -> None:
        words = [str(argument) for argument in arguments]
        ran.append([module, *words])
        output = Path(words[words.index("--output") + 1])
        output.mkdir(parents=True)
        if module == "pipeline":
            (output / "manifest.json").write_text(json.dumps({"digest": "d1"}))
            return
        value = VALUES[words[words.index("--model") + 1], words[words.index("--seed") + 1]]
        test = {"rows": 54, "metrics": {"accuracy": {"value": value}}}
        (output / "evaluation.json").write_text(json.dumps({"splits": {"test": test}}))
        (output / "training.json").write_text(json.dumps({"best_epoch": 7, "dataset": {"digest": "d1"}}))

    monkeypatch.setattr(quality, "_run", run)
    return ran


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with the one file that is looked for."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "vowels_train.csv").touch()
    return folder


def test_the_table_and_what_is_not_done_again(
    tmp_path: Path, data: Path, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    arguments = ["--work", str(work), "--data", str(data), "--only", "vowels", "--seeds", "0", "1"]
    assert quality.main(arguments) == quality.EXIT_MISSED
    assert [command[0] for command in commands] == ["pipeline", *["trainer"] * 4]
    assert all(command[-2:] == ["--no-export", "--resume"] for command in commands[1:])
    rows = [line for line in capsys.readouterr().out.splitlines() if "vowels" in line]
    assert "0.972" in rows[0] and "missed" not in rows[0]
    assert "0.960" in rows[1] and "missed" in rows[1]
    figures = json.loads((work / "quality.json").read_text())
    assert [figure["values"] for figure in figures] == [{"0": 0.981, "1": 0.963}, {"0": 0.95, "1": 0.97}]

    commands.clear()
    assert quality.main([*arguments[:4], "--only", "vowels:rnn", "--seeds", "0", "1"]) == 0
    assert commands == []
    quality.main([*arguments, "--salt", "b"])
    assert len(commands) == 5
    assert (work / "vowels-b" / "rnn-0" / "evaluation.json").is_file()


def test_a_model_of_another_dataset_is_not_counted(
    tmp_path: Path, data: Path, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    arguments = ["--work", str(work), "--data", str(data), "--only", "vowels:rnn", "--seeds", "0"]
    assert quality.main(arguments) == 0
    (work / "vowels" / "data" / "manifest.json").write_text(json.dumps({"digest": "d2"}))
    assert quality.main(arguments) == 2
    assert "was trained on another dataset" in capsys.readouterr().err


def test_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quality.main(["--work", str(tmp_path), "--only", "vowel"]) == 2
    assert "--only: received vowel; expected some of vowels:rnn" in capsys.readouterr().err
    assert quality.main(["--work", str(tmp_path), "--data", str(tmp_path), "--only", "icu"]) == 2
    assert "no such file; name its folder with --data" in capsys.readouterr().err
