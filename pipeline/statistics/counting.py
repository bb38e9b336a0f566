"""The statistics' counting as a Beam transform: one accumulator a batch, merged in any order, kept in the cache.

canonical rows   ── RawCounts ───────────────────── merge ──> Tally of one
transformed rows ── LengthTable, TransformedCounts ─ merge ──> Tally of one each

What was counted of a batch in an earlier run is taken from the cache (transform/analysis_cache.py). An entry's name is
a hash of the rows, of the features' spec, and of the source of everything that counts; of transformed rows also of
what analysis found, for their ids and lengths follow from the vocabulary and the cap. So counts of raw rows stay when
a span is added, and those of transformed rows stay as long as the vocabulary does.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipeline.statistics.cached_bytes import accumulator_from_bytes, accumulator_to_bytes
from pipeline.statistics.lengths import LengthTable
from pipeline.statistics.raw_counts import RawCounts
from pipeline.statistics.transformed_counts import TransformedCounts
from pipeline.transform.analysis_cache import AnalysisCache, DamagedEntry, batch_identity
from pipeline.transform.analyze import Findings
from schemas.manifest import FeatureInfo
from schemas.spec import DatasetSpec

# Parts held before they are merged: merging costs about what the parts hold, so this bounds memory at little cost.
_PARTS = 16
# Packages whose source says how batches are counted.
_COUNTING = ("pipeline.statistics", "pipeline.transform")
# What decides ids and lengths, and no raw count.
_FOLLOWS_ANALYSIS = ("vocabulary", "max_length", "truncate", "padding", "scale", "clip", "missing", "indicators")


@dataclass(frozen=True)
class Tally:
    """Counts of some rows.

    Attributes:
      counts: the accumulator; None of no rows, where there is no empty one.
      batches: how many batches were "cached", "counted" and "damaged" (cached, but not readable; counted).
    """

    counts: Any
    batches: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class CountBatch:
    """Counts a batch, or finds its counts in the cache.

    Attributes:
      count: the accumulator of a batch.
      facts: all that the accumulator depends on beside the rows, but what analysis found.
      cache: of earlier runs; None without one.
    """

    count: Callable[[pa.RecordBatch], Any]
    facts: str
    cache: AnalysisCache | None

    def __call__(self, batch: pa.RecordBatch, findings: Findings | None = None) -> Tally:
        """One batch's Tally."""
        if self.cache is None:
            return Tally(self.count(batch), Counter(counted=1))
        fingerprint = findings.fingerprint if findings is not None else ""
        analyzer = hashlib.sha256(f"{self.facts}{fingerprint}".encode()).hexdigest()[:24]
        identity = batch_identity(batch, beside=True)
        state = "counted"
        try:
            payload = self.cache.load(analyzer, identity)
            if payload is not None:
                return Tally(accumulator_from_bytes(payload), Counter(cached=1))
        except DamagedEntry:
            state = "damaged"
        counts = self.count(batch)
        self.cache.store(analyzer, identity, accumulator_to_bytes(counts))
        return Tally(counts, Counter({state: 1}))


def count_raw(rows: beam.PCollection, spec: DatasetSpec, cache: AnalysisCache | None) -> beam.PCollection:
    """One Tally of RawCounts of all canonical rows."""
    features = {name: feature.model_dump(mode="json", exclude=_FOLLOWS_ANALYSIS) for name, feature in _named(spec)}
    count = CountBatch(_CountRaw(spec), _facts("raw", features, spec), cache)
    return rows | "CountRaw" >> beam.Map(count) | "MergeRaw" >> beam.CombineGlobally(MergeTallies(RawCounts.merge))


def count_transformed(
    rows: beam.PCollection,
    spec: DatasetSpec,
    infos: list[FeatureInfo],
    cache: AnalysisCache | None,
    findings: beam.PCollection,
) -> tuple[beam.PCollection, beam.PCollection]:
    """One Tally of a LengthTable and one of TransformedCounts, of all transformed rows."""
    kind = spec.label.kind if spec.label else None
    features = {name: feature.model_dump(mode="json") for name, feature in _named(spec)}
    side = [] if cache is None else [beam.pvalue.AsSingleton(findings)]
    lengths = CountBatch(_CountLengths([i for i in infos if i.is_sequence], kind), _facts("len", features, spec), cache)
    others = CountBatch(_CountTransformed(infos, kind), _facts("transformed", features, spec), cache)
    return (
        rows
        | "CountLengths" >> beam.Map(lengths, *side)
        | "MergeLengths" >> beam.CombineGlobally(MergeTallies(_merge_lengths)),
        rows
        | "CountTransformed" >> beam.Map(others, *side)
        | "MergeTransformed" >> beam.CombineGlobally(MergeTallies(TransformedCounts.merge)),
    )


def _named(spec: DatasetSpec) -> list[tuple[str, Any]]:
    return sorted(spec.features.items())


def _facts(what: str, features: dict[str, Any], spec: DatasetSpec) -> str:
    label = spec.label.model_dump(mode="json") if spec.label else None
    facts = [what, features, label, source_fingerprint(), pa.__version__, np.__version__]
    return json.dumps(facts, sort_keys=True)


def source_fingerprint() -> str:
    """A hash of the source that counts, so that counts of another version are never taken for this one's."""
    digest = hashlib.sha256()
    for package in _COUNTING:
        files = [f for f in importlib.resources.files(package).iterdir() if f.name.endswith(".py")]
        for file in sorted(files, key=lambda found: found.name):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class _CountRaw:
    spec: DatasetSpec

    def __call__(self, batch: pa.RecordBatch) -> RawCounts:
        return RawCounts.of(batch, self.spec)


@dataclass(frozen=True)
class _CountLengths:
    sequences: list[FeatureInfo]
    label_kind: str | None

    def __call__(self, batch: pa.RecordBatch) -> LengthTable:
        return LengthTable.of(batch, self.sequences, self.label_kind)


@dataclass(frozen=True)
class _CountTransformed:
    infos: list[FeatureInfo]
    label_kind: str | None

    def __call__(self, batch: pa.RecordBatch) -> TransformedCounts:
        return TransformedCounts.of(batch, self.infos, self.label_kind)


def _merge_lengths(parts: list[LengthTable]) -> LengthTable | None:
    return LengthTable.merge(parts) if parts else None


class MergeTallies(beam.CombineFn):
    """Merges Tallies; of none, what `merge` makes of nothing."""

    def __init__(self, merge: Callable[[list[Any]], Any]) -> None:
        self._merge = merge

    def create_accumulator(self) -> list[Tally]:
        return []

    def add_input(self, mutable_accumulator: list[Tally], element: Tally) -> list[Tally]:
        mutable_accumulator.append(element)
        return [self._join(mutable_accumulator)] if len(mutable_accumulator) >= _PARTS else mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Tally]]) -> list[Tally]:
        parts = [part for accumulator in accumulators for part in accumulator]
        return [self._join(parts)] if parts else []

    def compact(self, accumulator: list[Tally]) -> list[Tally]:
        """One part instead of several, before they are sent."""
        return [self._join(accumulator)] if len(accumulator) > 1 else accumulator

    def extract_output(self, accumulator: list[Tally]) -> Tally:
        return self._join(accumulator)

    def _join(self, parts: list[Tally]) -> Tally:
        return Tally(self._merge([part.counts for part in parts]), sum((part.batches for part in parts), Counter()))
