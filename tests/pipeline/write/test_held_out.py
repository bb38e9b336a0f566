"""The raw held-out rows: each held-out row once, as serving would receive it, and the same bytes in any order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.__main__ import main
from schemas.manifest import HELD_OUT, load_manifest

SPEC = {
    "name": "small",
    "key": "id",
    "features": {"text": {"kind": "text"}, "marks": {"kind": "series"}, "age": {"kind": "number"}},
    "label": {"column": "y", "kind": "multiclass"},
    "splits": {"train": 0.5, "validation": 0.2, "test": 0.3},
}
ROWS = [{"id": f"r{n}", "text": f"Word {n}", "marks": [0.5, n], "age": n, "y": "abc"[n % 3]} for n in range(80)]


def written(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    (folder / "spec.yaml").write_text(yaml.safe_dump(SPEC))
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = folder / name
    arguments = ["--spec", str(folder / "spec.yaml"), "--input", str(folder / f"{name}.jsonl"), "--quiet"]
    assert main([*arguments, "--output", str(output), "--raw-held-out"]) == 0
    return output


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("held_out"), "one", ROWS)


def test_every_held_out_row_is_there_raw_and_once(output: Path) -> None:
    import tensorflow as tf

    manifest = load_manifest(output)
    by_key = {row["id"]: row for row in ROWS}
    assert sorted(path.name for path in (output / HELD_OUT).iterdir()) == ["test", "validation"]
    for split in ("test", "validation"):
        keys = []
        for path in sorted((output / HELD_OUT / split).iterdir()):
            for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
                content = tf.train.Example.FromString(record).features.feature
                raw = tf.train.Example.FromString(content["raw"].bytes_list.value[0]).features.feature
                row = by_key[content["key"].bytes_list.value[0].decode()]
                assert content["label"].bytes_list.value[0].decode() == row["y"]
                assert raw["text"].bytes_list.value[0].decode() == row["text"]
                assert list(raw["marks"].float_list.value) == row["marks"]
                assert list(raw["age"].float_list.value) == [row["age"]]
                keys.append(row["id"])
        assert len(set(keys)) == len(keys) == manifest.splits[split].rows > 0


def test_the_order_of_rows_changes_no_byte(output: Path, tmp_path: Path) -> None:
    one, other = output, written(tmp_path, "other", ROWS[::-1])
    files = sorted(path.relative_to(one) for path in (one / HELD_OUT).rglob("*.tfrecord"))
    assert files == sorted(path.relative_to(other) for path in (other / HELD_OUT).rglob("*.tfrecord"))
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in files)
