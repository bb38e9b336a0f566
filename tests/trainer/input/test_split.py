"""Batches hold what the shards hold, once each, whether the split is in memory or read row by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from schemas.errors import InputError
from schemas.manifest import load_manifest
from trainer.input.decode import select_features
from trainer.input.shapes import batch_shapes
from trainer.input.split import Split


def open_split(directory: Path, name: str = "train", memory_limit: int = 2**30, budget: int = 64) -> Split:
    manifest = load_manifest(directory)
    features = select_features(manifest, None)
    shapes = batch_shapes(manifest, [f.name for f in features if f.is_sequence], budget)
    return Split(directory, manifest, name, features, shapes, memory_limit)


def test_an_epoch_holds_every_row_once_and_the_manifest_s_steps(make_dataset: Callable[..., Path]) -> None:
    directory = make_dataset(features=("text", "signal", "age"))
    split = open_split(directory)
    batches = list(split.batches(split.schedule(seed=1)))
    contents = load_manifest(directory).splits["train"].buckets
    assert sum(batch.rows for batch in batches) == split.rows == 90
    assert sum(float(batch.weights.sum()) for batch in batches) == 90
    assert sum(batch.real_steps for batch in batches) == sum(sum(c.real_steps.values()) for c in contents)
    for batch in batches:
        shape = split.shapes[batch.shape]
        assert batch.features["text"].shape == (shape.rows, shape.lengths["text"])
        assert batch.features["signal"].shape == (shape.rows, shape.lengths["signal"], 2)
        assert batch.features["age"].shape == (shape.rows, 1)
        assert batch.labels is not None and batch.labels.shape == batch.weights.shape == (shape.rows, 1)
        assert not batch.features["text_length"][batch.rows :].any()
        assert not batch.weights[batch.rows :].any()


def test_any_step_is_found_again(make_dataset: Callable[..., Path]) -> None:
    split = open_split(make_dataset())
    schedule = split.schedule(seed=5, epoch=2)
    whole = list(split.batches(schedule))
    for first in (0, 1, len(whole) - 1, len(whole)):
        tail = list(split.batches(schedule, first))
        assert len(tail) == len(whole) - first
        for left, right in zip(tail, whole[first:], strict=True):
            assert np.array_equal(left.features["text"], right.features["text"])


def test_rows_read_from_the_shards_equal_rows_in_memory(make_dataset: Callable[..., Path]) -> None:
    directory = make_dataset(features=("text", "signal", "age"), kind="regression")
    held, read = open_split(directory), open_split(directory, memory_limit=0)
    assert held.in_memory and not read.in_memory
    for left, right in zip(held.batches(held.schedule(7)), read.batches(read.schedule(7)), strict=True):
        assert left.features.keys() == right.features.keys()
        for name, values in left.features.items():
            assert values.dtype == right.features[name].dtype
            assert np.array_equal(values, right.features[name])
        assert left.labels is not None and right.labels is not None and np.array_equal(left.labels, right.labels)
    for name in ("key", "label", "text_length"):
        assert np.array_equal(held.column(name), read.column(name))


def test_class_weights_reach_the_batches(make_dataset: Callable[..., Path]) -> None:
    split = open_split(make_dataset())
    split.class_weights = np.array([0.5, 2.0])
    batches = list(split.batches(split.schedule(0)))
    total = sum(float(batch.weights.sum()) for batch in batches)
    assert total == pytest.approx(split.total_weight())
    for batch in batches:
        assert batch.labels is not None
        expected = np.where(batch.labels[: batch.rows] == 1, 2.0, 0.5)
        assert np.array_equal(batch.weights[: batch.rows], expected)


@pytest.mark.parametrize("memory_limit", [0, 2**30])
def test_a_missing_or_changed_shard_is_named(make_dataset: Callable[..., Path], memory_limit: int) -> None:
    directory = make_dataset()
    path = next((directory / "train").rglob("*.tfrecord"))
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    with pytest.raises(InputError, match=rf"{path.name}: received \d+ bytes, the manifest says"):
        open_split(directory, memory_limit=memory_limit)
    path.unlink()
    with pytest.raises(InputError, match=f"{path.name}: cannot be read"):
        open_split(directory, memory_limit=memory_limit)


def test_an_error_while_reading_reaches_the_caller(make_dataset: Callable[..., Path]) -> None:
    directory = make_dataset()
    path = next((directory / "train").rglob("*.tfrecord"))
    content = bytearray(path.read_bytes())
    content[20] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="cannot be read"):
        open_split(directory)
