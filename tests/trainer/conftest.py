"""A small dataset directory as the pipeline would leave it, written with plain TensorFlow.

`text` tells the label by which of two tokens is more frequent, `signal` by the sign of its mean; `age` is noise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.manifest import (
    BucketContents,
    BucketInfo,
    Counts,
    FeatureInfo,
    LabelInfo,
    Manifest,
    RawFeature,
    ShardInfo,
    SplitInfo,
    dataset_digest,
)

VOCABULARY = ("good", "bad", *(f"word{index}" for index in range(18)))
BUCKETS = ({"text": 4, "signal": 4}, {"text": 8, "signal": 4}, {"text": 8, "signal": 12}, {"text": 16, "signal": 12})
CHANNELS = 2


def _features(names: tuple[str, ...]) -> list[FeatureInfo]:
    known = {
        "text": FeatureInfo(
            name="text",
            kind="ids",
            source_kind="tokens",
            dtype="int64",
            is_sequence=True,
            vocabulary_size=len(VOCABULARY) + 2,
            vocabulary_file="vocabularies/text.txt",
            padding="post",
            raw=[RawFeature(name="text", dtype="string", shape="list")],
        ),
        "signal": FeatureInfo(
            name="signal",
            kind="series",
            source_kind="series",
            dtype="float32",
            is_sequence=True,
            channels=CHANNELS,
            padding="post",
            raw=[RawFeature(name="signal", dtype="float32", shape="list")],
        ),
        "age": FeatureInfo(
            name="age",
            kind="number",
            source_kind="number",
            dtype="float32",
            is_sequence=False,
            channels=1,
            raw=[RawFeature(name="age", dtype="float32", shape="scalar", default=0.0)],
        ),
    }
    return [known[name] for name in names]


def _row(generator: np.random.Generator, kind: str) -> dict[str, Any]:
    steps = {"text": int(generator.integers(0, 17)), "signal": int(generator.integers(0, 13))}
    label = int(generator.integers(0, 3 if kind == "multiclass" else 2))
    tokens = generator.integers(4, len(VOCABULARY) + 2, steps["text"])
    marked = generator.random(steps["text"]) < 0.5
    tokens[marked] = 2 + label
    signal = generator.normal(label - 0.5, 1.0, (steps["signal"], CHANNELS)).astype(np.float32)
    target = float(2 * label + generator.normal(0, 0.1)) if kind == "regression" else label
    return {"text": tokens, "signal": signal, "age": np.float32(generator.normal()), "label": target}


def _bucket(row: Mapping[str, Any], features: list[FeatureInfo]) -> int:
    for index, lengths in enumerate(BUCKETS):
        if all(len(row[f.name]) <= lengths[f.name] for f in features if f.is_sequence):
            return index
    raise AssertionError("the last bucket holds every row")


def _record(row: Mapping[str, Any], key: str, features: list[FeatureInfo], bucket: int, kind: str) -> bytes:
    import tensorflow as tf

    def of(values: Any, dtype: str) -> Any:
        if dtype == "int64":
            return tf.train.Feature(int64_list=tf.train.Int64List(value=np.ravel(values).tolist()))
        return tf.train.Feature(float_list=tf.train.FloatList(value=np.ravel(values).tolist()))

    content = {"key": tf.train.Feature(bytes_list=tf.train.BytesList(value=[key.encode()]))}
    for feature in features:
        value = row[feature.name]
        if feature.is_sequence:
            content[f"{feature.name}_length"] = of([len(value)], "int64")
            padding = BUCKETS[bucket][feature.name] - len(value)
            value = np.concatenate([value, np.zeros((padding, *value.shape[1:]), value.dtype)])
        content[feature.name] = of(value, feature.dtype)
    content["label"] = of([row["label"]], "float32" if kind == "regression" else "int64")
    return tf.train.Example(features=tf.train.Features(feature=content)).SerializeToString()


def _write_transform_graph(directory: Path, infos: list[FeatureInfo]) -> None:
    """The graph from raw features to ids and numbers, saved as tf.Transform saves it."""
    import tensorflow as tf

    module = tf.Module()
    vocabulary = directory / "vocabularies" / "text.txt"
    if vocabulary.is_file():
        initializer = tf.lookup.TextFileInitializer(
            str(vocabulary),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        module.table = tf.lookup.StaticHashTable(initializer, default_value=-1)

    def transform(raw: dict[str, Any]) -> dict[str, Any]:
        outputs = dict(raw)
        if "text" in raw:
            outputs["text"] = tf.ragged.map_flat_values(lambda tokens: module.table.lookup(tokens) + 2, raw["text"])
        return outputs

    ragged = {"string": tf.string, "float32": tf.float32}
    specs = {
        raw.name: tf.RaggedTensorSpec([None, None], ragged[raw.dtype], 1, tf.int64)
        if raw.shape == "list"
        else tf.TensorSpec([None], ragged[raw.dtype])
        for info in infos
        for raw in info.raw
    }
    module.transform_fn = tf.function(transform, autograph=False).get_concrete_function(specs)
    tf.saved_model.save(module, str(directory / "transform_fn"))


def _probe(row: Mapping[str, Any], key: str, features: list[FeatureInfo]) -> bytes:
    import tensorflow as tf

    def feature(values: Any) -> Any:
        values = np.ravel(values)
        if values.dtype.kind == "i":
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values.tolist()))
        if values.dtype.kind == "f":
            return tf.train.Feature(float_list=tf.train.FloatList(value=values.tolist()))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[str(value).encode() for value in values]))

    tokens = [VOCABULARY[token - 2] for token in row["text"]]
    raw = {
        info.name: feature(np.array(tokens, dtype=str) if info.name == "text" else row[info.name]) for info in features
    }
    example = tf.train.Example(features=tf.train.Features(feature=raw)).SerializeToString()
    content = {info.name: feature(row[info.name]) for info in features}
    content |= {
        f"{info.name}_length": feature(np.array([len(row[info.name])])) for info in features if info.is_sequence
    }
    content |= {
        "key": feature(np.array([key])),
        "raw": tf.train.Feature(bytes_list=tf.train.BytesList(value=[example])),
    }
    return tf.train.Example(features=tf.train.Features(feature=content)).SerializeToString()


def write_dataset(
    directory: Path,
    rows: Mapping[str, int] | None = None,
    features: tuple[str, ...] = ("text",),
    kind: str = "binary",
    seed: int = 0,
    unit: float = 1.0,
) -> Manifest:
    """Writes a finished dataset.

    Args:
      directory: to write into; made when absent.
      rows: of each split; 90 to train and 30 to validate when None.
      features: of text, signal and age.
      kind: of the label: binary, multiclass or regression.
      seed: of the rows.
      unit: factor of a regression's target.
    """
    import tensorflow as tf

    directory.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    infos = _features(features)
    probes: list[bytes] = []
    classes = {"binary": ["good", "bad"], "multiclass": ["a", "b", "c"], "regression": None}[kind]
    splits = {}
    for split, count in (rows or {"train": 90, "validation": 30}).items():
        members: dict[int, list[tuple[dict[str, Any], bytes]]] = {}
        for number in range(count):
            row = _row(generator, kind)
            row["label"] = unit * row["label"] if kind == "regression" else row["label"]
            bucket = _bucket(row, infos)
            if number < 20:
                probes.append(_probe(row, f"{split}-{number}", infos))
            members.setdefault(bucket, []).append((row, _record(row, f"{split}-{number}", infos, bucket, kind)))
        contents = []
        for bucket, held in sorted(members.items()):
            shards = []
            for part, start in enumerate(range(0, len(held), -(-len(held) // 2))):
                path = Path(split) / f"bucket-{bucket}" / f"data-{part:05d}-of-00002.tfrecord"
                records = [record for _, record in held[start : start + -(-len(held) // 2)]]
                (directory / path).parent.mkdir(parents=True, exist_ok=True)
                with tf.io.TFRecordWriter(str(directory / path)) as writer:
                    for record in records:
                        writer.write(record)
                data = (directory / path).read_bytes()
                shards.append(
                    ShardInfo(
                        path=str(path), rows=len(records), bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
                    )
                )
            sequences = [info.name for info in infos if info.is_sequence]
            contents.append(
                BucketContents(
                    bucket=bucket,
                    rows=len(held),
                    real_steps={name: sum(len(row[name]) for row, _ in held) for name in sequences},
                    padded_steps={name: BUCKETS[bucket][name] * len(held) for name in sequences},
                    shards=shards,
                )
            )
        labels = [row["label"] for group in members.values() for row, _ in group]
        counts = {name: labels.count(index) for index, name in enumerate(classes)} if classes else {}
        splits[split] = SplitInfo(rows=count, label_counts=counts, buckets=contents)
    buckets = [
        BucketInfo(index=i, name=f"bucket-{i}", lengths={f.name: b[f.name] for f in infos if f.is_sequence})
        for i, b in enumerate(BUCKETS)
    ]
    label = LabelInfo(kind=kind, classes=classes)
    total = sum(split.rows for split in splits.values())
    manifest = Manifest(
        name="factory",
        created="2026-01-01T00:00:00+00:00",
        digest=dataset_digest(infos, label, buckets, splits),
        spec={"name": "factory"},
        spec_fingerprint="0" * 64,
        versions={},
        features=infos,
        label=label,
        buckets=buckets,
        splits=splits,
        counts=Counts(rows_in=total, written=total, rejected=0, duplicates=0),
        probe_rows=len(probes),
    )
    if "text" in features:
        (directory / "vocabularies").mkdir(exist_ok=True)
        (directory / "vocabularies" / "text.txt").write_text("".join(f"{token}\n" for token in VOCABULARY))
    _write_transform_graph(directory, infos)
    with tf.io.TFRecordWriter(str(directory / "probes.tfrecord")) as writer:
        for probe in probes:
            writer.write(probe)
    (directory / "manifest.json").write_text(json.dumps(manifest.model_dump(mode="json")))
    return manifest


def pytest_configure(config: pytest.Config) -> None:
    # keras 3.15 calls np.array(x) on variables whose __array__ lacks the copy argument of NumPy 2.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    )


@pytest.fixture(scope="session")
def dataset_writer() -> Callable[..., Manifest]:
    """write_dataset itself, for fixtures that outlive one test."""
    return write_dataset


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Writes a dataset below the test's own directory and gives its path; takes write_dataset's arguments."""

    def make(name: str = "dataset", **arguments: Any) -> Path:
        directory = tmp_path / name
        directory.mkdir()
        write_dataset(directory, **arguments)
        return directory

    return make


def build_small_model(manifest: Manifest, features: Any, config: Any) -> Any:
    """An embedding or the series itself, averaged over real steps, with dropout; float32 probabilities."""
    import keras
    from keras import ops

    keras.utils.set_random_seed(config.seed)
    inputs: dict[str, Any] = {}
    pooled = []
    for feature in features:
        if not feature.is_sequence:
            inputs[feature.name] = keras.Input((feature.channels,), name=feature.name)
            pooled.append(inputs[feature.name])
            continue
        is_ids = feature.kind == "ids"
        shape, dtype = ((None,), "int64") if is_ids else ((None, feature.channels), "float32")
        values = inputs[feature.name] = keras.Input(shape, name=feature.name, dtype=dtype)
        length = inputs[f"{feature.name}_length"] = keras.Input((), name=f"{feature.name}_length", dtype="int64")
        if is_ids:
            values = keras.layers.Embedding(feature.vocabulary_size, 8)(values)
        steps = ops.cumsum(ops.ones_like(values[:, :, :1], dtype="float32"), axis=1)
        is_real = steps <= ops.cast(length, "float32")[:, None, None]
        total = ops.sum(ops.where(is_real, values, 0.0), axis=1)
        mean = total / ops.maximum(ops.cast(length, "float32"), 1.0)[:, None]
        pooled.append(mean)
    joined = keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
    joined = keras.layers.Dropout(config.architecture.get("dropout", 0.0))(joined)
    kind = manifest.label.kind if manifest.label else "binary"
    if kind == "multiclass":
        output = keras.layers.Dense(len(manifest.label.classes), activation="softmax", dtype="float32")(joined)
    else:
        activation = "sigmoid" if kind == "binary" else None
        output = keras.layers.Dense(1, activation=activation, dtype="float32")(joined)
    return keras.Model(inputs, output)


@pytest.fixture
def small_model() -> Callable[..., Any]:
    """A model builder for `make_run`, in place of trainer.models."""
    return build_small_model
