"""The layout: classes as the label says, every row covered by a bucket, shards that do not depend on order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline import layout as layouts
from pipeline.feature_infos import describe_features
from pipeline.layout import make_layout
from pipeline.statistics.lengths import LengthTable
from schemas.errors import DataError
from schemas.spec import DatasetSpec, parse_spec


def spec_with(label: dict[str, Any] | None) -> DatasetSpec:
    return parse_spec(
        {"name": "t", "features": {"x": {"kind": "ids"}}, "batching": {"buckets": 2, "align": 4}}
        | ({"label": label} if label else {})
    )


def table(rows: list[tuple[str, str, int]]) -> LengthTable:
    """LengthTable of (split, label, length) rows."""
    one = pa.list_(pa.binary())
    batch = pa.RecordBatch.from_pydict(
        {
            "split": pa.array([[split.encode()] for split, _, _ in rows], one),
            "label": pa.array([[label.encode()] for _, label, _ in rows], one),
            "x": pa.array([[2] * length for _, _, length in rows], pa.list_(pa.int64())),
            "x_raw_length": pa.array([[length] for _, _, length in rows], pa.list_(pa.int64())),
        }
    )
    return LengthTable.of(batch, describe_features(spec_with(None)), "multiclass")


ROWS = [("train", "b", 3), ("train", "a", 9), ("train", "a", 4), ("validation", "b", 30), ("test", "a", 0)]


def test_rows_longer_than_any_train_row_get_a_bucket_of_their_own() -> None:
    spec = spec_with({"column": "y", "kind": "multiclass"})
    layout = make_layout(table(ROWS), spec, describe_features(spec))
    assert layout.plan.boundaries[:2] == ((4,), (12,))
    assert max(layout.plan.boundaries)[0] >= 30
    assert sum(layout.rows.values()) == len(ROWS)
    assert set(layout.shards.values()) == {1}
    assert layout.label is not None and layout.label.classes == ["a", "b"]


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        ({"kind": "binary"}, ["a", "b"]),
        ({"kind": "binary", "positive": "a"}, ["b", "a"]),
        ({"kind": "multiclass", "classes": ["b", "c", "a"]}, ["b", "c", "a"]),
        ({"kind": "regression"}, None),
    ],
)
def test_classes_follow_the_spec(label: dict[str, Any], classes: list[str] | None) -> None:
    spec = spec_with({"column": "y"} | label)
    layout = make_layout(table(ROWS), spec, describe_features(spec))
    assert layout.label is not None and layout.label.classes == classes


def test_a_binary_label_of_zeros_and_ones_needs_not_hold_both() -> None:
    spec = spec_with({"column": "y", "kind": "binary"})
    layout = make_layout(table([("train", "1", 3)]), spec, describe_features(spec))
    assert layout.label is not None and layout.label.classes == ["0", "1"]


@pytest.mark.parametrize(
    ("rows", "label", "said"),
    [
        ([("test", "a", 1)], {"kind": "multiclass"}, "no rows in the train split (splits with rows: test)"),
        ([("train", "a", 1)], {"kind": "multiclass"}, "received only the class ['a']"),
        ([("train", c, 1) for c in "abc"], {"kind": "binary"}, "received 3 classes ('a', 'b', 'c')"),
        ([("train", c, 1) for c in "ab"], {"kind": "binary", "positive": "z"}, "positive class 'z' is none of"),
        ([("train", str(i), 1) for i in range(1001)], {"kind": "multiclass"}, "received 1,001 distinct classes"),
    ],
)
def test_labels_that_cannot_be_are_refused(rows: list[tuple[str, str, int]], label: dict[str, Any], said: str) -> None:
    spec = spec_with({"column": "y"} | label)
    with pytest.raises(DataError) as error:
        make_layout(table(rows), spec, describe_features(spec))
    assert said in str(error.value)


def test_large_buckets_are_cut_into_shards_by_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "SHARD_BYTES", 64 * 1024)
    spec = spec_with({"column": "y", "kind": "multiclass"})
    rows = [("train", "a", 8_000), ("train", "b", 8_000)] * 5  # ten rows of two bytes a step: 160,000 bytes
    layout = make_layout(table(rows), spec, describe_features(spec))
    (shards,) = set(layout.shards.values())
    assert shards == 3
    digests = np.random.default_rng(0).integers(0, 2**63, 1000).astype(np.uint64)
    places = layout.shard_of(digests, "train", 0)
    assert set(places.tolist()) == {0, 1, 2}
    order = np.random.default_rng(1).permutation(1000)
    np.testing.assert_array_equal(layout.shard_of(digests[order], "train", 0), places[order])
