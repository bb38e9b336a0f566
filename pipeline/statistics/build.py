"""From accumulators to the Statistics of a dataset. Runs on the driver and reads no rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.plan import BucketPlan
from pipeline.statistics.counted import Counted
from pipeline.statistics.describe_lengths import describe_sequence
from pipeline.statistics.efficiency import compare_plans
from pipeline.statistics.extremes import RowBeginning
from pipeline.statistics.length_baseline import describe_predictor
from pipeline.statistics.reject_examples import describe_rejects
from pipeline.statistics.token_rows import TOP_UNKNOWN, describe_category, describe_ids
from pipeline.statistics.values import ValueCounts, bin_edges, describe_values
from pipeline.transform.analysis import FeatureAnalysis
from schemas.features import RESERVED_IDS
from schemas.manifest import FeatureInfo, LabelInfo, Manifest
from schemas.splits import SPLIT_NAMES
from schemas.statistics import (
    ExampleRow,
    FeatureStatistics,
    LabelSplit,
    LabelStatistics,
    SplitStatistics,
    Statistics,
    TokenCount,
    TokenStatistics,
)


def build_statistics(
    manifest: Manifest,
    counted: Counted,
    plan: BucketPlan,
    analyses: Mapping[str, FeatureAnalysis],
    vocabularies: Mapping[str, list[str]],
    rejects: Iterable[bytes],
) -> Statistics:
    """Describes a dataset.

    Args:
      manifest: as it will be written.
      counted: what the pipeline counted.
      plan: the bucket plan that was written.
      analyses: what analysis found in the train split, by feature.
      vocabularies: tokens by id - 2, of features that have a vocabulary.
      rejects: JSON lines of rejected rows.
    """
    splits = sorted(counted.lengths.splits, key=SPLIT_NAMES.index)
    describe = _Describer(counted, analyses, vocabularies, manifest.label, splits)
    predictors = [describe_predictor(info.name, counted, manifest.label, splits) for info in manifest.sequence_features]
    return Statistics(
        name=manifest.name,
        digest=manifest.digest,
        spec=manifest.spec,
        spec_fingerprint=manifest.spec_fingerprint,
        versions=manifest.versions,
        splits={split: manifest.splits[split].rows for split in splits},
        features=[describe.feature(info) for info in manifest.features],
        label=describe.label(),
        length_predictors=[found for found in predictors if found is not None],
        plan=compare_plans(plan, counted.lengths, splits),
        counts=manifest.counts,
        rejects=describe_rejects(rejects, manifest.counts.reject_reasons, manifest.counts.rows_in),
    )


@dataclass(frozen=True)
class _Describer:
    counted: Counted
    analyses: Mapping[str, FeatureAnalysis]
    vocabularies: Mapping[str, list[str]]
    label_info: LabelInfo | None
    splits: list[str]

    @property
    def classes(self) -> list[str]:
        return list(self.label_info.classes or []) if self.label_info else []

    def feature(self, info: FeatureInfo) -> FeatureStatistics:
        vocabulary = self.analyses[info.name].vocabulary
        return FeatureStatistics(
            name=info.name,
            kind=info.kind,
            source_kind=info.source_kind,
            is_sequence=info.is_sequence,
            max_length=info.max_length,
            vocabulary_size=info.vocabulary_size,
            distinct_tokens=vocabulary["distinct_tokens"] if vocabulary else None,
            splits={split: self._split(info, split) for split in self.splits},
        )

    def _split(self, info: FeatureInfo, split: str) -> SplitStatistics:
        place = (split, info.name)
        texts = self.counted.raw.texts.get(place)
        ids = self.counted.transformed.ids.get(place)
        extremes = self.counted.transformed.extremes.get(place)
        channels = self.counted.raw.channels.get(place, ())
        train = self.counted.raw.channels.get(("train", info.name), channels)
        names = [channel["name"] for channel in self.analyses[info.name].channels]
        return SplitStatistics(
            rows=sum(self.counted.lengths.rows_by_label(split).values()),
            lengths=describe_sequence(self.counted.lengths, info.name, split, self.classes)
            if info.is_sequence
            else None,
            tokens=self._tokens(info, split) if info.kind == "ids" else None,
            channels=[
                describe_values(name, values, bin_edges(fitted))
                for name, values, fitted in zip(names, channels, train, strict=True)
            ]
            if channels
            else [],
            category=describe_category(ids, texts) if info.kind == "category" and ids and texts else None,
            shortest=[self._example(info, row) for row in extremes.shortest] if extremes else [],
            longest=[self._example(info, row) for row in extremes.longest] if extremes else [],
        )

    def _tokens(self, info: FeatureInfo, split: str) -> TokenStatistics:
        vocabulary = self.vocabularies[info.name]
        texts = self.counted.raw.texts.get((split, info.name))
        if texts is not None:
            found = texts.most_frequent(TOP_UNKNOWN, vocabulary)
        else:  # the analyzer counted the train split; bytes are never unknown, whatever it says of them
            known = set(vocabulary)
            counted = (self.analyses[info.name].vocabulary or {}).get("top_unknown", [])
            found = [entry for entry in counted if entry["token"] not in known] if split == "train" else []
        unknown = [TokenCount(token=entry["token"], count=entry["count"]) for entry in found]
        return describe_ids(self.counted.transformed.ids[split, info.name], vocabulary, unknown)

    def _example(self, info: FeatureInfo, row: RowBeginning) -> ExampleRow:
        if info.kind == "ids":
            vocabulary = self.vocabularies[info.name]
            tokens = [int(value) - RESERVED_IDS for value in row.values]
            shown = " ".join(vocabulary[token] if 0 <= token < len(vocabulary) else "[unknown]" for token in tokens)
        else:
            shown = " ".join(f"{value:.3g}" for value in row.values)
        return ExampleRow(key=row.key, length=row.length, beginning=shown)

    def label(self) -> LabelStatistics | None:
        if self.label_info is None:
            return None
        parts = {}
        train = self.counted.raw.labels.get("train", ValueCounts())
        for split in self.splits:
            by_label = self.counted.lengths.rows_by_label(split)
            rows = sum(by_label.values())
            if self.classes:
                parts[split] = LabelSplit(rows=rows, counts={name: by_label.get(name, 0) for name in self.classes})
            else:
                values = self.counted.raw.labels.get(split, ValueCounts())
                parts[split] = LabelSplit(rows=rows, values=describe_values("label", values, bin_edges(train)))
        return LabelStatistics(info=self.label_info, splits=parts)
