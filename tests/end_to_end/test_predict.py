"""From raw rows to predictions on new raw rows: preprocess, train, export, predict, and serve with TensorFlow alone."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import yaml

SPEC = {
    "name": "shop",
    "key": "id",
    "features": {
        "text": {"kind": "text", "vocabulary": {"size": 20}},
        "waves": {"kind": "series", "channels": ["a", "b"], "missing": "forward_fill", "indicators": True},
        "size": {"kind": "number", "required": False, "indicator": True},
        "colour": {"kind": "category"},
    },
    "label": {"column": "y", "kind": "multiclass"},
    "splits": {"train": 0.6, "validation": 0.4},
    "batching": {"buckets": 3, "align": 4},
}
# Run in a process that cannot see this project: only TensorFlow, and only raw features.
SERVE = """
import sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
texts = lambda *values: tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
numbers = lambda *values: tf.train.Feature(float_list=tf.train.FloatList(value=values))
example = tf.train.Example(features=tf.train.Features(feature={
    "text": texts(b"Good, good soap"), "waves": numbers(1.0, float("nan"), 0.0, 2.0), "colour": texts(b"red"),
}))
print(model.signatures["serving_default"](tf.constant([example.SerializeToString()]))["probabilities"].numpy().tolist()[0])
"""


def rows() -> list[dict[str, object]]:
    source = random.Random(3)
    return [
        {
            "id": f"r{index:03d}",
            "text": " ".join(source.choices(["good", "bad", "soap", "towel"], k=source.randint(0, 12))),
            "waves": [[source.random(), source.choice([None, 1.0])] for _ in range(source.randint(0, 9))],
            "size": source.choice([None, source.random()]),
            "colour": source.choice(["red", "blue"]),
            "y": source.choice(["a", "b", "c"]),
        }
        for index in range(80)
    ]


def run(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=repository, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done


def test_batch_prediction_agrees_with_evaluation_and_with_plain_serving(tmp_path: Path, repository: Path) -> None:
    made = rows()
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(SPEC))
    data, model = tmp_path / "data", tmp_path / "model"
    run(repository, "pipeline", "--quiet", "--spec", str(tmp_path / "spec.yaml"),
        "--input", str(tmp_path / "rows.jsonl"), "--output", str(data))  # fmt: skip
    run(repository, "trainer", "--data", str(data), "--output", str(model), "--model", "multimodal", "--epochs", "3")
    assert (model / "export" / "1" / "saved_model.pb").exists()

    # New rows have no label, and one of them cannot be predicted.
    unlabelled = [{name: value for name, value in row.items() if name != "y"} for row in made]
    unlabelled.append({"id": "broken", "text": "soap", "waves": [["high", 1.0]], "colour": "red"})
    (tmp_path / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in unlabelled))
    out = tmp_path / "predictions"
    said = run(repository, "pipeline.predict", "--model", str(model), "--input", str(tmp_path / "new.jsonl"),
               "--output", str(out), "--files", "3").stdout  # fmt: skip
    assert "rows in 81 = predicted 80 + rejected 1" in said
    table = pq.read_table(sorted(out.glob("*.parquet")))
    assert sorted(table["key"].to_pylist()) == [row["id"] for row in made]
    reject = json.loads((out / "rejected" / "rejected-00000-of-00001.jsonl").read_text())
    assert reject["key"] == "broken"

    predicted = dict(zip(table["key"].to_pylist(), table["class"].to_pylist(), strict=True))
    evaluation = json.loads((model / "evaluation.json").read_text())["splits"]["validation"]
    truth = {str(row["id"]): row["y"] for row in made}
    held_out = _keys_of(data, "validation")
    correct = sum(predicted[key] == truth[key] for key in held_out)
    assert evaluation["rows"] == len(held_out)
    assert abs(evaluation["metrics"]["accuracy"]["value"] - correct / len(held_out)) < 1e-6

    served = subprocess.run(
        [sys.executable, "-I", "-c", SERVE, str(model / "export" / "1")],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    probabilities = json.loads(served.stdout.strip().splitlines()[-1])
    assert len(probabilities) == 3
    assert abs(sum(probabilities) - 1) < 1e-5


def _keys_of(data: Path, split: str) -> list[str]:
    import tensorflow as tf

    manifest = json.loads((data / "manifest.json").read_text())
    paths = [str(data / shard["path"]) for bucket in manifest["splits"][split]["buckets"] for shard in bucket["shards"]]
    records = tf.data.TFRecordDataset(paths).as_numpy_iterator()
    return [
        tf.train.Example.FromString(record).features.feature["key"].bytes_list.value[0].decode() for record in records
    ]
