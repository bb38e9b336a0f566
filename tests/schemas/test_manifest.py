"""A manifest survives a round trip, and a directory without a good one is refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.errors import ManifestError
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
    load_manifest,
)

FEATURE = FeatureInfo(
    name="text",
    kind="ids",
    source_kind="text",
    dtype="int64",
    is_sequence=True,
    vocabulary_size=10,
    vocabulary_file="vocabularies/text.txt",
    padding="post",
    raw=[RawFeature(name="text", dtype="string", shape="scalar", default="")],
)
LABEL = LabelInfo(kind="binary", classes=["0", "1"])
BUCKET = BucketInfo(index=0, name="bucket-00008", lengths={"text": 8})


def split(checksum: str) -> SplitInfo:
    shard = ShardInfo(path="train/bucket-00008/data-00000-of-00001.tfrecord", rows=2, bytes=10, sha256=checksum)
    contents = BucketContents(bucket=0, rows=2, real_steps={"text": 9}, padded_steps={"text": 16}, shards=[shard])
    return SplitInfo(rows=2, label_counts={"0": 1, "1": 1}, buckets=[contents])


def manifest() -> Manifest:
    splits = {"train": split("aa")}
    return Manifest(
        name="tiny",
        created="2026-11-23T00:00:00+00:00",
        digest=dataset_digest([FEATURE], LABEL, [BUCKET], splits),
        spec={},
        spec_fingerprint="f",
        versions={},
        features=[FEATURE],
        label=LABEL,
        buckets=[BUCKET],
        splits=splits,
        counts=Counts(rows_in=2, written=2, rejected=0, duplicates=0),
    )


def test_a_manifest_reads_back_equal(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(manifest().to_json())
    assert load_manifest(tmp_path) == manifest()
    assert load_manifest(tmp_path / "manifest.json").sequence_features == [FEATURE]


def test_the_digest_follows_the_shards_and_not_the_order_of_splits() -> None:
    one = {"train": split("aa"), "test": split("bb")}
    other = {"test": split("bb"), "train": split("aa")}
    assert dataset_digest([FEATURE], LABEL, [BUCKET], one) == dataset_digest([FEATURE], LABEL, [BUCKET], other)
    assert dataset_digest([FEATURE], LABEL, [BUCKET], one) != dataset_digest(
        [FEATURE], LABEL, [BUCKET], {"train": split("aa"), "test": split("cc")}
    )


def test_directories_that_are_no_dataset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such directory"):
        load_manifest(tmp_path / "none")
    with pytest.raises(ManifestError, match=r"holds no manifest\.json"):
        load_manifest(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text("{")
    with pytest.raises(ManifestError, match="not JSON"):
        load_manifest(tmp_path)
    path.write_text(json.dumps({"format_version": 99}))
    with pytest.raises(ManifestError, match="received format version 99"):
        load_manifest(tmp_path)
    damaged = json.loads(manifest().to_json())
    del damaged["digest"]
    path.write_text(json.dumps(damaged))
    with pytest.raises(ManifestError, match="damaged manifest"):
        load_manifest(tmp_path)
