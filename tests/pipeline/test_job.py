"""The whole preprocessing job on small data: what is written, that it adds up, and that it does not depend on order."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.__main__ import main
from schemas.manifest import Manifest, load_manifest
from schemas.statistics import STATISTICS_NAME

SPAN_ROWS = 2100
WORDS = ["red", "green", "blue", "cyan", "pink", "teal", "gold", "grey", "lime", "plum"]
SPEC: dict[str, Any] = {
    "name": "small",
    "key": "id",
    "features": {
        "text": {"kind": "text", "vocabulary": {"size": 8}, "max_length": {"quantile": 0.9}},
        "tags": {"kind": "tokens", "padding": "pre", "max_length": 4, "truncate": "head"},
        "clicks": {"kind": "ids"},
        "waves": {"kind": "series", "channels": ["a", "b"], "indicators": True, "missing": "forward_fill"},
        "size": {"kind": "number", "indicator": True, "required": False},
        "shop": {"kind": "category"},
        "place": {"kind": "vector", "size": 2, "scale": "none"},
    },
    "label": {"column": "kind", "kind": "multiclass"},
    "splits": {"train": 0.7, "validation": 0.2, "test": 0.1},
    "batching": {"buckets": 4, "align": 2},
}


def rows(count: int = 60) -> list[dict[str, Any]]:
    source = random.Random(7)
    made = []
    for index in range(count):
        steps = source.randint(0, 5)
        waves = [[source.choice([None, 0.0, 1.5]), source.uniform(-1, 1)] for _ in range(steps)]
        made.append(
            {
                "id": f"row-{index}",
                "text": " ".join(source.choices(WORDS, k=source.randint(0, 9))),
                "tags": source.choices(["x", "y", "z"], k=source.randint(0, 6)),
                "clicks": [source.randint(-2, 5) for _ in range(source.randint(0, 3))],
                "waves": waves,
                "size": source.choice([None, float(index)]),
                "shop": source.choice(["north", "south"]),
                "place": [index / 8, -1.0],
                "kind": source.choice(["a", "b", "c"]),
            }
        )
    return made


def write_lines(path: Path, records: list[dict[str, Any]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def write_spec(path: Path, **changes: Any) -> str:
    path.write_text(yaml.safe_dump(SPEC | changes, sort_keys=False))
    return str(path)


def run(spec: str, inputs: str, output: Path, *options: str) -> Manifest:
    assert main(["--spec", spec, "--input", inputs, "--output", str(output), "--quiet", *options]) == 0
    return load_manifest(output)


def examples(output: Path, split: str) -> Iterator[Any]:
    import tensorflow as tf

    manifest = load_manifest(output)
    for bucket in manifest.splits[split].buckets:
        for shard in bucket.shards:
            for record in tf.data.TFRecordDataset(str(output / shard.path)).as_numpy_iterator():
                yield manifest.buckets[bucket.bucket], tf.train.Example.FromString(record).features.feature


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("small")
    output = folder / "out"
    manifest = run(write_spec(folder / "spec.yaml"), write_lines(folder / "rows.jsonl", rows()), output)
    return output, manifest


def test_every_row_is_written_once_and_the_counts_add_up(small: tuple[Path, Manifest]) -> None:
    output, manifest = small
    counts = manifest.counts
    assert counts.rows_in == 60 == counts.written + counts.rejected + counts.duplicates
    keys = [
        features["key"].bytes_list.value[0].decode()
        for split in manifest.splits
        for _, features in examples(output, split)
    ]
    assert sorted(keys) == sorted(row["id"] for row in rows())
    assert counts.written == sum(split.rows for split in manifest.splits.values())
    assert {"manifest.json", "statistics.json", "report.html"} <= set(os.listdir(output))
    assert not (output / ".job").exists()
    assert sorted(os.listdir(output.parent)) == ["out", "rows.jsonl", "spec.yaml"]


def test_examples_are_what_a_plain_definition_says(small: tuple[Path, Manifest]) -> None:
    output, manifest = small
    by_key = {row["id"]: row for row in rows()}
    vocabulary = {
        name: (output / f"vocabularies/{name}.txt").read_text().splitlines()
        for name in ("text", "tags", "shop", "clicks")
    }

    def ids(name: str, tokens: list[str]) -> list[int]:
        return [vocabulary[name].index(token) + 2 if token in vocabulary[name] else 1 for token in tokens]

    cap = next(f.max_length for f in manifest.features if f.name == "text")
    assert cap is not None and len(vocabulary["text"]) == 8
    for split in manifest.splits:
        for bucket, features in examples(output, split):
            row = by_key[features["key"].bytes_list.value[0].decode()]
            lengths = {name: features[f"{name}_length"].int64_list.value[0] for name in bucket.lengths}
            text = list(features["text"].int64_list.value)
            expected = ids("text", row["text"].split())[:cap]
            assert text == expected + [0] * (bucket.lengths["text"] - len(expected))
            expected = ids("tags", row["tags"])[-4:]
            assert list(features["tags"].int64_list.value) == [0] * (bucket.lengths["tags"] - len(expected)) + expected
            assert lengths["tags"] == len(expected)
            clicks = ids("clicks", [str(click) for click in row["clicks"]])
            assert list(features["clicks"].int64_list.value)[: len(clicks)] == clicks
            assert lengths["waves"] == len(row["waves"])
            assert len(features["waves"].float_list.value) == bucket.lengths["waves"] * 4
            seen = [[float(value is not None) for value in step] for step in row["waves"]]
            values = features["waves"].float_list.value
            assert [list(values[4 * i + 2 : 4 * i + 4]) for i in range(len(seen))] == seen
            assert list(features["size"].float_list.value)[1] == float(row["size"] is not None)
            assert list(features["shop"].int64_list.value) == ids("shop", [row["shop"]])
            assert list(features["place"].float_list.value) == row["place"]
            assert manifest.label.classes[features["label"].int64_list.value[0]] == row["kind"]


def test_the_manifest_describes_the_files(small: tuple[Path, Manifest]) -> None:
    import hashlib

    output, manifest = small
    for split in manifest.splits.values():
        for bucket in split.buckets:
            for shard in bucket.shards:
                content = (output / shard.path).read_bytes()
                assert (shard.bytes, shard.sha256) == (len(content), hashlib.sha256(content).hexdigest())
            for name, length in manifest.buckets[bucket.bucket].lengths.items():
                assert bucket.padded_steps[name] == length * bucket.rows >= bucket.real_steps[name]


def test_probes_hold_raw_rows_and_what_the_graph_makes_of_them(small: tuple[Path, Manifest]) -> None:
    import numpy as np
    import tensorflow as tf

    output, manifest = small
    graph = tf.saved_model.load(str(output / "transform_fn"))
    specs = {
        raw.name: tf.io.RaggedFeature(getattr(tf, raw.dtype), row_splits_dtype=tf.int64)
        for raw in manifest.raw_features
    }
    probes = [
        tf.train.Example.FromString(r)
        for r in tf.data.TFRecordDataset(str(output / "probes.tfrecord")).as_numpy_iterator()
    ]
    assert len(probes) == manifest.probe_rows == 60
    parsed = tf.io.parse_example([probe.features.feature["raw"].bytes_list.value[0] for probe in probes], specs)
    inputs = {
        raw.name: parsed[raw.name] if raw.shape == "list" else parsed[raw.name].flat_values
        for raw in manifest.raw_features
    }
    inputs["place"] = parsed["place"].to_tensor()
    transformed = graph.transform_fn(inputs)
    for index, probe in enumerate(probes):
        for feature in manifest.features:
            stored = probe.features.feature[feature.name]
            values = stored.int64_list.value if feature.dtype == "int64" else stored.float_list.value
            np.testing.assert_array_equal(np.ravel(transformed[feature.name][index]), np.array(values, feature.dtype))


@pytest.mark.parametrize(
    ("files", "options"),
    [
        (10, ()),
        (1, ("--direct_running_mode=multi_threading", "--direct_num_workers=2")),
        (3, ("--direct_running_mode=multi_processing", "--direct_num_workers=2")),
    ],
    ids=["ten files", "threads", "processes"],
)
def test_order_layout_and_workers_change_no_byte(
    small: tuple[Path, Manifest], tmp_path: Path, files: int, options: tuple[str, ...]
) -> None:
    output, expected = small
    shuffled = rows()
    random.Random(files).shuffle(shuffled)
    for index in range(files):
        write_lines(tmp_path / "in" / f"part-{index}.jsonl", shuffled[index::files])
    manifest = run(write_spec(tmp_path / "spec.yaml"), str(tmp_path / "in" / "*.jsonl"), tmp_path / "out", *options)
    assert manifest.splits == expected.splits
    assert manifest.digest == expected.digest
    assert (tmp_path / "out" / STATISTICS_NAME).read_text() == (output / STATISTICS_NAME).read_text()


def test_a_second_run_replaces_the_first_and_mixes_nothing(tmp_path: Path) -> None:
    features = {"text": SPEC["features"]["text"]}
    spec = write_spec(tmp_path / "spec.yaml", features=features, splits={"train": 1.0}, duplicates="keep")
    first = run(spec, write_lines(tmp_path / "one.jsonl", rows(20)), tmp_path / "out")
    second = run(spec, write_lines(tmp_path / "two.jsonl", rows(40)[20:]), tmp_path / "out")
    keys = {features["key"].bytes_list.value[0].decode() for _, features in examples(tmp_path / "out", "train")}
    assert keys == {f"row-{index}" for index in range(20, 40)}
    assert first.digest != second.digest
    on_disk = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.tfrecord")}
    named = {shard.path for bucket in second.splits["train"].buckets for shard in bucket.shards}
    assert on_disk == named | {"probes.tfrecord"}


def test_too_many_rejects_publish_nothing_and_say_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = rows(10)
    bad[3]["waves"] = [["high", 1.0]]
    inputs = write_lines(tmp_path / "rows.jsonl", bad)
    features = {"waves": SPEC["features"]["waves"]}
    spec = write_spec(tmp_path / "spec.yaml", features=features, splits={"train": 1.0}, duplicates="keep")
    status = main(["--spec", spec, "--input", inputs, "--output", str(tmp_path / "out"), "--max-rejected", "0.01"])
    assert status == 2
    said = capsys.readouterr().err
    assert "1 of 10 rows were rejected (10.0%)" in said and "--max-rejected" in said
    assert not (tmp_path / "out").exists()
    manifest = run(spec, inputs, tmp_path / "out", "--max-rejected", "0.2")
    assert (manifest.counts.rejected, manifest.counts.written) == (1, 9)
    (line,) = (tmp_path / "out" / "rejected" / "rejected-00000-of-00001.jsonl").read_text().splitlines()
    reject = json.loads(line)
    assert reject["key"] == "row-3" and reject["file"].endswith("rows.jsonl")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"splits": {"by": "column", "column": "kind", "train": ["none"], "validation": ["a", "b", "c"]}},
            "no rows in the train split",
        ),
        ({"label": {"column": "kind", "kind": "binary"}}, "received 3 classes"),
        ({"label": {"column": "id", "kind": "multiclass", "classes": ["row-0"]}}, "rows were rejected"),
        ({"key": "idd"}, "idd"),
    ],
)
def test_data_that_cannot_be_what_the_spec_says_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], said: str
) -> None:
    features = {"text": SPEC["features"]["text"]}
    spec = write_spec(tmp_path / "spec.yaml", features=features, **change)
    inputs = write_lines(tmp_path / "rows.jsonl", rows(12))
    assert main(["--spec", spec, "--input", inputs, "--output", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["rows.jsonl", "spec.yaml"]


def test_an_added_span_is_analysed_alone_and_the_result_is_that_of_a_full_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Spans of some thousand rows: smaller files are read into one batch, and analysed in no time anyway.
    made = [
        {
            "id": f"r{n}",
            "text": f"{WORDS[n % 10]} w{n % 97} {'new' * (n // SPAN_ROWS // 10)}" * (n % 5),
            "clicks": [n % 7],
            "kind": "ab"[n % 2],
        }
        for n in range(11 * SPAN_ROWS)
    ]
    features = {name: SPEC["features"][name] for name in ("text", "clicks")}
    spec = write_spec(
        tmp_path / "spec.yaml", features=features, splits={"train": 0.9, "validation": 0.1}, duplicates="keep"
    )
    for index in range(11):
        write_lines(
            tmp_path / "spans" / f"{index:02d}" / "rows.jsonl", made[SPAN_ROWS * index : SPAN_ROWS * (index + 1)]
        )
    (tmp_path / "spans" / "10").rename(tmp_path / "late")
    every = str(tmp_path / "spans" / "*" / "*.jsonl")
    cached = ("--cache", str(tmp_path / "cache"))
    assert main(["--spec", spec, "--input", every, "--output", str(tmp_path / "ten"), *cached]) == 0
    said = capsys.readouterr().out
    assert "analysis: 0 of 10 batches from the cache, 10 counted" in said
    assert "statistics: 0 of 30 batches from the cache, 30 counted" in said
    (tmp_path / "late").rename(tmp_path / "spans" / "10")
    assert main(["--spec", spec, "--input", every, "--output", str(tmp_path / "eleven"), *cached]) == 0
    said = capsys.readouterr().out
    assert "analysis: 10 of 11 batches from the cache, 1 counted" in said
    # Raw counts stay; ids and lengths are counted anew, because the new span's words change the vocabulary.
    assert "statistics: 10 of 33 batches from the cache, 23 counted" in said
    full = run(spec, every, tmp_path / "full")
    assert load_manifest(tmp_path / "eleven").digest == full.digest
    assert (tmp_path / "eleven" / "statistics.json").read_bytes() == (
        tmp_path / "full" / "statistics.json"
    ).read_bytes()
