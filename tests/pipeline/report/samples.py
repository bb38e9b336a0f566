"""Small datasets of any shape, described by the real code: rows in, manifest and statistics out. No files."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.feature_infos import describe_features
from pipeline.plan import BucketPlan, plan_buckets
from pipeline.rows import canonical_schema
from pipeline.statistics.build import build_statistics
from pipeline.statistics.counted import Counted
from pipeline.statistics.lengths import LengthTable
from pipeline.statistics.raw_counts import RawCounts
from pipeline.statistics.transformed_counts import TransformedCounts
from pipeline.transform.analysis import FeatureAnalysis, describe_channel, describe_vocabulary
from pipeline.transform.tokens_analyzer import TokenCounts
from schemas.features import Vocabulary
from schemas.manifest import BucketContents, BucketInfo, Counts, LabelInfo, Manifest, SplitInfo
from schemas.spec import DatasetSpec, parse_spec
from schemas.statistics import Statistics

HOSTILE = "<script>alert('x')</script>&\"</style>"
CAP = 50


def sample(
    rows: int = 60,
    lengths: list[int] | None = None,
    classes: list[str] | None = None,
    label: str | None = "classes",
    channels: int = 2,
    tokens: list[str] | None = None,
    rejects: int = 0,
    leak: bool = False,
    seed: int = 0,
    vocabulary: int = 8,
    shift: float = 0.0,
) -> tuple[Manifest, Statistics]:
    """A dataset with tokens, a series, a number and a category.

    Args:
      rows: number of rows, without `lengths`.
      lengths: tokens of each row.
      classes: class names; two when None.
      label: "classes", "regression" or None.
      channels: of the series.
      tokens: what the token feature is made of.
      rejects: rejected rows.
      leak: the class follows from the length.
      seed: of all that is drawn.
      vocabulary: tokens kept.
      shift: added to every channel.
    """
    random = np.random.default_rng(seed)
    drawn = lengths if lengths is not None else random.integers(1, 70, rows * (20 if leak else 1)).tolist()
    names = classes or ["neg", "pos"]
    words = tokens or [f"word{index}" for index in range(12)]
    spec = _spec(label, channels, vocabulary)
    batch, transformed, kept_words = _rows(spec, drawn, names, words, random, leak, shift)
    infos_before = describe_features(spec)
    counted = Counted(
        LengthTable.of(
            transformed, [i for i in infos_before if i.is_sequence], spec.label.kind if spec.label else None
        ),
        TransformedCounts.of(transformed, infos_before, spec.label.kind if spec.label else None),
        RawCounts.of(batch, spec),
    )
    train = batch.filter(pa.compute.equal(batch.column("split"), "train"))
    analyses = _analyses(spec, train, RawCounts.of(train, spec))
    plan = _plan(counted.lengths)
    manifest = _manifest(spec, analyses, counted.lengths, plan, _label(label, names), rejects)
    lines = [
        json.dumps(
            {
                "reason": "range",
                "detail": f"{HOSTILE} {i}",
                "file": f"f{i}",
                "position": i,
                "key": HOSTILE,
                "row": {"a": 1},
            }
        )
        for i in range(rejects)
    ]
    vocabularies = {"text": kept_words, "unit": ["icu", "ward"]}
    statistics = build_statistics(manifest, counted, plan, analyses, vocabularies, [line.encode() for line in lines])
    return manifest, statistics


def _spec(label: str | None, channels: int, vocabulary: int) -> DatasetSpec:
    described: dict[str, Any] = {
        "name": "sample",
        "description": f"made for a test {HOSTILE}",
        "features": {
            "text": {"kind": "tokens", "vocabulary": {"size": vocabulary}, "max_length": CAP},
            "vitals": {"kind": "series", "channels": [f"channel {index}" for index in range(channels)]},
            "age": {"kind": "number"},
            "unit": {"kind": "category"},
        },
    }
    if label is not None:
        described["label"] = {"column": "y", "kind": "regression" if label == "regression" else "multiclass"}
    return parse_spec(described)


def _rows(
    spec: DatasetSpec,
    lengths: list[int],
    classes: list[str],
    words: list[str],
    random: np.random.Generator,
    leak: bool,
    shift: float,
) -> tuple[pa.RecordBatch, pa.RecordBatch, list[str]]:
    """Canonical rows, the same rows transformed, and the vocabulary."""
    count = len(lengths)
    channels = len(spec.features["vitals"].channels)
    steps = random.integers(0, 12, count) if max(lengths) else np.zeros(count, int)
    text = [[words[i] for i in random.integers(0, len(words), min(length, 500))] for length in lengths]
    series = [(random.normal(shift, 1, n * channels)).astype(np.float32) for n in steps]
    ages = random.integers(20, 90, count).astype(np.float32)
    units = [["icu", "ward", ""][i] for i in random.integers(0, 3, count)]
    labels = [classes[int(lengths[i] > 35) if leak else i % len(classes)] for i in range(count)]
    splits = ["validation" if i % 5 == 4 else "train" for i in range(count)]
    keys = [f"key {i}" for i in range(count)]
    columns: dict[str, Any] = {
        "key": keys,
        "split": splits,
        "digest": [f"{i:016d}".encode() for i in range(count)],
        "text": text,
        "vitals": series,
        "age": ages,
        "unit": units,
    }
    regression = spec.label is not None and spec.label.kind == "regression"
    targets = [float(i % 7) for i in range(count)]
    columns["label"] = targets if regression else labels
    schema = canonical_schema(spec)
    batch = pa.RecordBatch.from_arrays([pa.array(columns[f.name], f.type) for f in schema], schema=schema)
    vocabulary = sorted(set(words))[: spec.features["text"].vocabulary.size]
    ids = {word: index + 2 for index, word in enumerate(vocabulary)}
    # A giant length is given by itself: its ids would only repeat.
    made = {
        "key": _ones([key.encode() for key in keys], pa.binary()),
        "split": _ones([split.encode() for split in splits], pa.binary()),
        "digest": _ones(columns["digest"], pa.binary()),
        "text": pa.array([[ids.get(word, 1) for word in row[:CAP]] for row in text], pa.list_(pa.int64())),
        "text_raw_length": _ones(lengths, pa.int64()),
        "vitals": pa.array(series, pa.list_(pa.float32())),
        "vitals_raw_length": _ones(steps.tolist(), pa.int64()),
        "age": _ones(ages.tolist(), pa.float32()),
        "unit": _ones([{"icu": 2, "ward": 3}.get(unit, 1) for unit in units], pa.int64()),
        "label": _ones(targets, pa.float32()) if regression else _ones([v.encode() for v in labels], pa.binary()),
    }
    return batch, pa.RecordBatch.from_arrays(list(made.values()), names=list(made)), vocabulary


def _ones(values: list[Any], kind: pa.DataType) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(range(len(values) + 1), pa.int32()), pa.array(values, kind))


def _analyses(spec: DatasetSpec, train: pa.RecordBatch, raw: RawCounts) -> dict[str, FeatureAnalysis]:
    tokens = TokenCounts.of(train.column("text"))
    names = list(spec.features["vitals"].channels)
    channels = {
        name: [describe_channel(n, v.moments) for n, v in zip(of, raw.channels["train", name], strict=True)]
        for name, of in (("vitals", names), ("age", ["age"]))
    }
    rule = spec.features["text"].vocabulary
    return {
        "text": FeatureAnalysis(max_length=CAP, vocabulary=describe_vocabulary(tokens, rule, rule.size)),
        "vitals": FeatureAnalysis(channels=channels["vitals"]),
        "age": FeatureAnalysis(channels=channels["age"]),
        "unit": FeatureAnalysis(vocabulary=describe_vocabulary(TokenCounts.merge([]), Vocabulary(), 2)),
    }


def _plan(table: LengthTable) -> BucketPlan:
    lengths, rows = table.joint(["text", "vitals"], "train")
    plan = plan_buckets(["text", "vitals"], lengths, rows, 4, 4)
    return plan.extended_for(table.joint(["text", "vitals"])[0])


def _label(label: str | None, classes: list[str]) -> LabelInfo | None:
    if label is None:
        return None
    return (
        LabelInfo(kind="regression") if label == "regression" else LabelInfo(kind="multiclass", classes=sorted(classes))
    )


def _manifest(
    spec: DatasetSpec,
    analyses: dict[str, FeatureAnalysis],
    table: LengthTable,
    plan: BucketPlan,
    label: LabelInfo | None,
    rejects: int,
) -> Manifest:
    splits = {}
    for split in table.splits:
        lengths, rows = table.joint(["text", "vitals"], split)
        chosen = plan.assign(lengths)
        contents = []
        for bucket in np.unique(chosen).tolist():
            count = int(rows[chosen == bucket].sum())
            real = (lengths * rows[:, None])[chosen == bucket].sum(axis=0).tolist()
            padded = {name: length * count for name, length in plan.shape(bucket).items()}
            real_steps = dict(zip(plan.features, real, strict=True))
            contents.append(
                BucketContents(bucket=bucket, rows=count, real_steps=real_steps, padded_steps=padded, shards=[])
            )
        counts = table.rows_by_label(split) if label and label.classes else {}
        splits[split] = SplitInfo(rows=int(rows.sum()), label_counts=counts, buckets=contents)
    written = sum(split.rows for split in splits.values())
    return Manifest(
        name="sample",
        created="2026-11-23T00:00:00+00:00",
        digest="d" * 64,
        spec=spec.model_dump(mode="json"),
        spec_fingerprint=spec.fingerprint(),
        versions={"python": "3.11"},
        features=describe_features(spec, analyses),
        label=label,
        buckets=[BucketInfo(index=i, name=plan.bucket_name(i), lengths=plan.shape(i)) for i in range(len(plan))],
        splits=splits,
        counts=Counts(
            rows_in=written + rejects,
            written=written,
            rejected=rejects,
            duplicates=0,
            reject_reasons={"range": rejects} if rejects else {},
        ),
        inputs={"files": [HOSTILE]},
    )
