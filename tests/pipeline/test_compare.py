"""`python -m pipeline.compare`: quiet about chance, loud about drift, exit status 3 past a threshold."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.compare import DEFAULT_THRESHOLDS, Threshold, compare_statistics, main, parse_thresholds
from schemas.errors import SpecError
from schemas.statistics import Statistics, load_statistics
from tests.pipeline.report.samples import sample


def statistics(**changes: Any) -> Statistics:
    return sample(**({"rows": 400} | changes))[1]


@pytest.fixture(scope="module")
def reference() -> Statistics:
    return statistics()


def past(before: Statistics, after: Statistics, level: str) -> set[str]:
    return {m.signal for m in compare_statistics(before, after).measurements if m.level == level}


def test_a_dataset_is_at_no_distance_from_itself(reference: Statistics) -> None:
    comparison = compare_statistics(reference, reference)
    assert comparison.level == "ok"
    assert {m.distance for m in comparison.measurements} == {0.0}
    assert {m.signal for m in comparison.measurements} == set(DEFAULT_THRESHOLDS) - {"schema"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_rows_of_the_same_kind_are_no_drift(reference: Statistics, seed: int) -> None:
    assert compare_statistics(reference, statistics(seed=seed)).at("fail") == []


@pytest.mark.parametrize(
    ("changes", "signals"),
    [
        ({"lengths": [3] * 400}, {"lengths"}),
        ({"lengths": [0] * 200 + list(range(1, 51)) * 4}, {"lengths", "empty"}),
        ({"vocabulary": 2}, {"oov"}),
        ({"tokens": [f"other{index}" for index in range(12)]}, {"tokens"}),
        ({"shift": 2.0}, {"channels"}),
        ({"leak": True, "rows": 20, "lengths": [40] * 390 + [1] * 10}, {"labels", "lengths"}),
        ({"rejects": 100}, {"rejects"}),
        ({"channels": 3}, {"schema"}),
        ({"classes": ["neg", "pos", "new"]}, {"schema", "labels"}),
        ({"label": None}, {"schema"}),
        ({"rows": 4}, set()),
    ],
)
def test_each_drift_fails_its_own_signal(reference: Statistics, changes: dict[str, Any], signals: set[str]) -> None:
    failed = past(reference, statistics(**changes), "fail")
    assert signals <= failed, failed
    untouched = {"rejects", "categories", "spread"} - signals
    assert not failed & untouched, failed


def test_options_of_the_spec_warn(reference: Statistics) -> None:
    comparison = compare_statistics(reference, statistics(vocabulary=9))
    (changed,) = [m for m in comparison.at("warn") if m.signal == "schema"]
    assert (changed.place, changed.before, changed.after) == ("spec features.text.vocabulary.size", "8", "9")


def test_regression_labels_are_compared_by_mean(reference: Statistics) -> None:
    plain = statistics(label="regression")
    assert past(plain, plain, "fail") == set()
    split = plain.label.splits["train"]
    moved = split.values.model_copy(update={"mean": split.values.mean + 10})
    label = plain.label.model_copy(update={"splits": {"train": split.model_copy(update={"values": moved})}})
    assert past(plain, plain.model_copy(update={"label": label}), "fail") == {"labels"}


def test_thresholds_move_the_verdict(reference: Statistics) -> None:
    drifted = statistics(shift=0.5)
    assert "channels" in past(reference, drifted, "fail")
    lenient = compare_statistics(reference, drifted, {"channels": Threshold(warn=5, fail=9)})
    assert lenient.level == "ok"
    with pytest.raises(ValueError, match=r"received lenghts, expected some of schema, lengths"):
        compare_statistics(reference, drifted, {"lenghts": Threshold(warn=0, fail=0)})


def test_thresholds_of_the_command_line() -> None:
    assert parse_thresholds(["lengths=0.05", "oov=0.1:0.2", "rows=off"]) == {
        "lengths": Threshold(warn=0.05, fail=0.05),
        "oov": Threshold(warn=0.1, fail=0.2),
        "rows": Threshold(warn=None, fail=None),
    }
    for text, said in [
        ("lenghts=1", "did you mean 'lengths'"),
        ("oov", "received 'oov'"),
        ("oov=x", "received 'oov=x'"),
        ("oov=0.3:0.2", "0 <= WARN <= FAIL"),
        ("oov=-1", "0 <= WARN <= FAIL"),
        ("oov=nan", "0 <= WARN <= FAIL"),
    ]:
        with pytest.raises(SpecError, match=said.replace("|", r"\|")):
            parse_thresholds([text])


def test_command_line(
    tmp_path: Path, reference: Statistics, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    paths = []
    for name, content in (("a", reference), ("b", statistics(shift=2.0))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "statistics.json").write_text(content.to_json())
        paths.append(str(tmp_path / name))
    assert main([paths[0], paths[0]]) == 0
    assert main(paths) == 3
    said = capsys.readouterr().out
    assert "vitals.channel 0 (train)" in said and "past the fail threshold" in said
    assert main([*paths, "--threshold", "channels=off"]) == 0
    capsys.readouterr()
    assert main([*paths, "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["level"] == "fail"
    assert {m["signal"] for m in told["measurements"] if m["level"] == "fail"} == {"channels"}
    assert main([paths[0], str(tmp_path / "c")]) == 2
    assert "cannot read the statistics" in capsys.readouterr().err
    assert main([*paths, "--threshold", "chanels=1"]) == 2
    assert "did you mean 'channels'" in capsys.readouterr().err


def test_neither_tensorflow_nor_beam_is_imported() -> None:
    code = (
        "import sys; import pipeline.compare; heavy = {'tensorflow', 'apache_beam', 'pyarrow'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_statistics_survive_the_file(tmp_path: Path, reference: Statistics) -> None:
    (tmp_path / "statistics.json").write_text(reference.to_json())
    assert load_statistics(tmp_path) == reference
