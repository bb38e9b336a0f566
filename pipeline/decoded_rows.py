"""A few written rows, decoded for a person: real steps only, ids as tokens again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.errors import ManifestError
from schemas.features import RESERVED_IDS
from schemas.manifest import FeatureInfo, Manifest

_RESERVED = ("[padding]", "[unknown]")
# Steps shown of a sequence: some five lines of a terminal.
_SHOWN_TOKENS = 60
_SHOWN_VALUES = 64
_SHOWN_CHANNELS = 12


def decode_rows(directory: str, manifest: Manifest, split: str, rows: int) -> list[dict[str, Any]]:
    """Reads the first rows of a split, one bucket after another so that several shapes are seen.

    Args:
      directory: of the dataset.
      manifest: of the same dataset.
      split: whose rows.
      rows: how many at most.

    Returns:
      {"key", "label", "bucket", "features": {name: text}} a row.

    Raises:
      ManifestError: no such split, or a shard that is missing.
    """
    if split not in manifest.splits:
        raise ManifestError(f"--split: received {split!r}, expected one of {', '.join(manifest.splits)}")
    vocabularies = {
        info.name: (Path(directory) / info.vocabulary_file).read_text(encoding="utf-8").split("\n")[:-1]
        for info in manifest.features
        if info.vocabulary_file
    }
    names = {bucket.index: bucket.name for bucket in manifest.buckets}
    sources = [
        (names[contents.bucket], iter(_records(directory, shard.path)))
        for contents in manifest.splits[split].buckets
        for shard in contents.shards[:1]
    ]
    found: list[dict[str, Any]] = []
    while sources and len(found) < rows:
        left = []
        for bucket, records in sources:
            features = next(records, None)
            if features is not None and len(found) < rows:
                found.append(_decode(features, manifest, bucket, vocabularies))
                left.append((bucket, records))
        sources = left
    return found


def _records(directory: str, path: str) -> Any:
    import tensorflow as tf

    shard = Path(directory) / path
    if not shard.is_file():
        raise ManifestError(f"{shard}: the manifest names this shard and it is not there; preprocess again")
    for record in tf.data.TFRecordDataset(str(shard)).as_numpy_iterator():
        yield tf.train.Example.FromString(record).features.feature


def _decode(features: Any, manifest: Manifest, bucket: str, vocabularies: dict[str, list[str]]) -> dict[str, Any]:
    shown = {info.name: _show(features, info, vocabularies.get(info.name, [])) for info in manifest.features}
    return {
        "key": features["key"].bytes_list.value[0].decode(),
        "label": _label(features, manifest),
        "bucket": bucket,
        "features": shown,
    }


def _label(features: Any, manifest: Manifest) -> str | float | None:
    if manifest.label is None:
        return None
    if manifest.label.classes is None:
        return float(features["label"].float_list.value[0])
    return manifest.label.classes[features["label"].int64_list.value[0]]


def _show(features: Any, info: FeatureInfo, vocabulary: list[str]) -> str:
    values = features[info.name].int64_list.value or features[info.name].float_list.value
    if not info.is_sequence:
        if info.kind == "category":
            return _token(values[0], vocabulary)
        return " ".join(f"{value:.4g}" for value in values)
    width = info.channels or 1 if info.kind == "series" else 1
    steps, padded = features[f"{info.name}_length"].int64_list.value[0], len(values) // width
    first = padded - steps if info.padding == "pre" else 0
    real = values[first * width : (first + steps) * width]
    if info.kind == "ids":
        text = " ".join(_token(value, vocabulary) for value in real[:_SHOWN_TOKENS])
        rest = " ..." if steps > _SHOWN_TOKENS else ""
    else:
        shown = min(steps, max(_SHOWN_VALUES // min(width, _SHOWN_CHANNELS), 1))
        text = " ".join(_vector(real[at : at + width]) for at in range(0, shown * width, width))
        rest = " ..." if steps > shown else ""
    return f"({steps} of {padded} steps real) {text}{rest}"


def _vector(values: Any) -> str:
    more = " ..." if len(values) > _SHOWN_CHANNELS else ""
    return "[" + " ".join(f"{value:.3g}" for value in values[:_SHOWN_CHANNELS]) + more + "]"


def _token(value: int, vocabulary: list[str]) -> str:
    if value < RESERVED_IDS:
        return _RESERVED[value]
    return vocabulary[value - RESERVED_IDS] if value - RESERVED_IDS < len(vocabulary) else f"[{value}]"
