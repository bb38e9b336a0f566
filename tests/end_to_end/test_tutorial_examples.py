"""The tutorial's three examples, as a user runs them: preprocess, then train, on four rows or fewer.

1  padded token ids into a masked LSTM
2  padded series into a 1-D CNN
3  ids and a series of different lengths into two masked branches, joined
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

IDS = [[1, 2, 3], [4, 5], [6, 7, 8, 9]]
SERIES = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0], [8.0, 9.0]]
# The multimodal example has other lengths in each branch of a row, and a real zero step that Masking(0) would drop.
OTHER_SERIES = [[10.0, 0.0], [0.0, 40.0, 50.0], [60.0]]
LABELS = [0, 1, 0]


def command(repository: Path, *arguments: str) -> str:
    """Runs a module as a user would; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=repository, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize(
    ("model", "features", "columns"),
    [
        ("rnn", {"sequence": {"kind": "ids"}}, {"sequence": IDS}),
        ("cnn", {"sequence": {"kind": "series"}}, {"sequence": SERIES}),
        (
            "multimodal",
            {"tokens": {"kind": "ids"}, "numbers": {"kind": "series"}},
            {"tokens": IDS, "numbers": OTHER_SERIES},
        ),
    ],
)
def test_the_example_preprocesses_and_trains(
    tmp_path: Path, repository: Path, model: str, features: dict[str, Any], columns: dict[str, list[Any]]
) -> None:
    rows = [{name: values[index] for name, values in columns.items()} | {"y": LABELS[index]} for index in range(3)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = {
        "name": "tutorial",
        "features": features,
        "label": {"column": "y", "kind": "binary"},
        "splits": {"train": 1.0},
        "batching": {"buckets": 4, "align": 1},
    }
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec))
    data, output = tmp_path / "data", tmp_path / "model"
    said = command(
        repository, "pipeline", "--spec", str(tmp_path / "spec.yaml"), "--input", str(tmp_path / "rows.jsonl"),
        "--output", str(data),
    )  # fmt: skip
    assert "rows in 3 = written 3 + rejected 0 + duplicates 0" in said
    manifest = json.loads((data / "manifest.json").read_text())
    lengths = {name: sum(len(row) for row in values) for name, values in columns.items()}
    real = dict.fromkeys(columns, 0)
    for bucket in manifest["splits"]["train"]["buckets"]:
        real = {name: real[name] + bucket["real_steps"][name] for name in real}
    assert real == lengths, "a real step was lost, or a padded one counted"
    said = command(
        repository, "trainer", "--data", str(data), "--output", str(output), "--model", model, "--epochs", "2",
    )  # fmt: skip
    assert (output / "model.keras").exists()
    assert "model.keras" in said.replace("\n", "")
