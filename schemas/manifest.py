"""The manifest: what a finished dataset holds, and all that the trainer needs to know of it.

`manifest.json` is written last. A directory without it is no dataset, and readers refuse it.

    out/
      manifest.json  statistics.json  report.html
      transform_fn/  transformed_metadata/
      vocabularies/NAME.txt                            line i (from 0) is the token with id i + 2
      train/bucket-00096/data-00000-of-00004.tfrecord   validation/...  test/...
      rejected/rejected-00000-of-00001.jsonl
      probes.tfrecord

A record of a shard is a tf.Example:

    key               bytes[1]
    label             int64[1] class index, or float32[1] for regression; absent without a label
    NAME              int64[padded] or float32[padded * channels] (row-major) for a sequence,
                      float32[1], int64[1] or float32[size] for context
    NAME_length       int64[1], sequences only: real steps, before padding

A record of `probes.tfrecord` is a tf.Example: key, split and label as above; `raw` bytes[1], the serialized tf.Example
of raw features that serving would receive; and every transformed feature unpadded, with NAME_length.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from schemas.errors import ManifestError
from schemas.strict import Strict

FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
# Raw held-out rows, only where asked for: pipeline/write/held_out.py says what a record is.
HELD_OUT = "held_out"


class RawFeature(Strict):
    """One feature of the raw tf.Example that the transform graph (and so serving) takes.

    `scalar` has exactly one value; `list` any number, for a series flattened row-major as steps * channels.
    A missing series value is NaN.
    """

    name: str
    dtype: Literal["string", "int64", "float32"]
    shape: Literal["scalar", "list"]
    default: str | float | int | None = Field(
        None, description="Scalar features only: stands in for an absent value; 'nan' for a missing number."
    )


class FeatureInfo(Strict):
    """One transformed feature as the trainer reads it."""

    name: str
    kind: Literal["ids", "series", "number", "category", "vector"]
    source_kind: Literal["text", "tokens", "ids", "series", "number", "category", "vector"]
    dtype: Literal["int64", "float32"]
    is_sequence: bool
    channels: int | None = Field(None, description="series: values a step; number: 1 or 2; vector: its size.")
    channel_names: list[str] | None = None
    vocabulary_size: int | None = Field(None, description="Ids in use, padding (0) and unknown (1) counted in.")
    vocabulary_file: str | None = Field(None, description="Relative path; line i holds the token with id i + 2.")
    max_length: int | None = Field(None, description="Longest sequence after truncation, steps; None without a cap.")
    padding: Literal["post", "pre"] | None = Field(None, description="Sequences only.")
    raw: list[RawFeature]


class LabelInfo(Strict):
    """The label as stored under `label`."""

    kind: Literal["binary", "multiclass", "regression"]
    classes: list[str] | None = Field(None, description="Class names by index; None for regression.")


class ShardInfo(Strict):
    """One TFRecord file."""

    path: str
    rows: int
    bytes: int
    sha256: str


class BucketContents(Strict):
    """What one bucket of one split holds."""

    bucket: int
    rows: int
    real_steps: dict[str, int]
    padded_steps: dict[str, int]
    shards: list[ShardInfo]


class BucketInfo(Strict):
    """One padded shape; `lengths` gives the padded length of every sequence feature."""

    index: int
    name: str
    lengths: dict[str, int]


class SplitInfo(Strict):
    """One split."""

    rows: int
    label_counts: dict[str, int] = Field(default_factory=dict, description="Rows by class name; empty for regression.")
    buckets: list[BucketContents]


class Counts(Strict):
    """Where every input row went: rows_in = written + rejected + duplicates.

    For event tables a row is an entity (or a window); the events themselves are accounted for in `events`.
    """

    rows_in: int
    written: int
    rejected: int
    duplicates: int
    reject_reasons: dict[str, int] = Field(default_factory=dict)
    duplicates_by_split: dict[str, int] = Field(default_factory=dict)
    events: dict[str, int] = Field(default_factory=dict)


class Manifest(Strict):
    """The whole of manifest.json."""

    format_version: Literal[1] = 1
    name: str
    created: str = Field(description="UTC, ISO 8601. Not part of the digest.")
    digest: str = Field(description="SHA-256 over features, label, buckets and shard checksums.")
    spec: dict[str, Any]
    spec_fingerprint: str
    versions: dict[str, str]
    features: list[FeatureInfo]
    label: LabelInfo | None
    buckets: list[BucketInfo]
    splits: dict[str, SplitInfo]
    counts: Counts
    inputs: dict[str, Any] = Field(default_factory=dict, description="Input patterns and files, with sizes.")
    analysis: dict[str, float] = Field(
        default_factory=dict,
        description="Batches of train rows that were counted and found in the cache, and processor seconds. Not part "
        "of the digest.",
    )
    probes: str = "probes.tfrecord"
    probe_rows: int = 0
    transform_fn: str = "transform_fn"

    @property
    def sequence_features(self) -> list[FeatureInfo]:
        """The sequence features, in the spec's order."""
        return [feature for feature in self.features if feature.is_sequence]

    @property
    def raw_features(self) -> list[RawFeature]:
        """Every raw feature that the transform graph takes."""
        return [raw for feature in self.features for raw in feature.raw]

    def to_json(self) -> str:
        """Indented JSON, stable in key order."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=False) + "\n"


def dataset_digest(
    features: list[FeatureInfo], label: LabelInfo | None, buckets: list[BucketInfo], splits: dict[str, SplitInfo]
) -> str:
    """SHA-256 over what training sees: equal for equal rows and spec, whatever wrote them, wherever and when."""
    content = {
        "features": [feature.model_dump(mode="json") for feature in features],
        "label": label.model_dump(mode="json") if label else None,
        "buckets": [bucket.model_dump(mode="json") for bucket in buckets],
        "splits": {name: splits[name].model_dump(mode="json") for name in sorted(splits)},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def load_manifest(directory: str | Path) -> Manifest:
    """Reads the manifest of a finished dataset.

    Args:
      directory: the output directory of the preprocessing job (or the manifest file itself).

    Raises:
      ManifestError: no such directory, no manifest in it, or one that cannot be used.
    """
    path = Path(directory)
    if path.name != MANIFEST_NAME:
        path = path / MANIFEST_NAME
    if not path.parent.is_dir():
        raise ManifestError(f"{path.parent}: no such directory; expected the output of `python -m pipeline`")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ManifestError(
            f"{path.parent}: holds no {MANIFEST_NAME}, so it is no finished dataset; run "
            f"`python -m pipeline --spec ... --input ... --output {path.parent}` "
            "(an interrupted run leaves no manifest)"
        ) from error
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ManifestError(f"{path}: not JSON ({error}); preprocess again") from error
    if not isinstance(data, dict) or data.get("format_version") != FORMAT_VERSION:
        version = data.get("format_version") if isinstance(data, dict) else None
        raise ManifestError(
            f"{path}: received format version {version!r}, this version of Lengthwise reads {FORMAT_VERSION}; "
            "preprocess again"
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        raise ManifestError(f"{path}: damaged manifest; preprocess again: {error}") from error
