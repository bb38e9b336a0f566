"""Analysis as a Beam transform: train rows in, one Finding a feature out.

    batch -> accumulators (from the cache, or counted) -> merged -> findings, vocabulary files, NAME.json

tf.Transform's own vocabulary makes a Beam element of every distinct token of every batch, which is most of its time
(DESIGN measured 17 of 28 s); here an element is a batch's whole accumulator.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from pipeline.transform.analysis_cache import AnalysisCache, DamagedEntry, batch_identity
from pipeline.transform.analyzers import Analyzer, Finding, make_analyzers
from schemas.spec import DatasetSpec

# Accumulators gathered before they are merged: merging costs about as much as the parts hold, so the total stays
# linear in rows, and memory stays near a few accumulators'.
_MERGE_EVERY = 32


@dataclass(frozen=True)
class Analyzed:
    """Accumulators of some rows.

    Attributes:
      accumulators: one a feature.
      batches: how many batches they are of: "cached", "counted" and "damaged" (cached, but not readable; counted).
      seconds: processor time of the threads that analysed; those that help with a large batch are not counted.
    """

    accumulators: dict[str, Any]
    batches: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


@dataclass(frozen=True)
class Findings:
    """The result of analysis.

    Attributes:
      features: one Finding a feature.
      batches: as in Analyzed.
      fingerprint: a hash of all that transformed rows depend on beside the rows: vocabularies, caps, moments.
      seconds: processor time of the threads that analysed; those that help with a large batch are not counted.
    """

    features: dict[str, Finding]
    batches: dict[str, int]
    fingerprint: str
    seconds: float


class Analyze(beam.PTransform):
    """Canonical train batches to a PCollection of one Findings.

    Args:
      spec: the resolved spec.
      directory: where the analyzers leave what they find.
      cache: accumulators of earlier runs; None without a cache.
    """

    def __init__(self, spec: DatasetSpec, directory: str, cache: AnalysisCache | None) -> None:
        super().__init__()
        self._analyzers = make_analyzers(spec)
        self._directory, self._cache = directory, cache

    def expand(self, train: beam.PCollection) -> beam.PCollection:
        return (
            train
            | "Count" >> beam.FlatMap(count_batch, self._analyzers, self._cache)
            | "Merge" >> beam.CombineGlobally(MergeAnalyzed(self._analyzers))
            | "Finish" >> beam.Map(finish, self._analyzers, self._directory)
        )


def count_batch(
    batch: pa.RecordBatch, analyzers: dict[str, Analyzer], cache: AnalysisCache | None
) -> Iterator[Analyzed]:
    """The accumulators of one canonical batch; nothing for a batch without rows."""
    if not batch.num_rows:
        return
    started = time.thread_time()
    if cache is None:
        counted = {name: analyzer.count(batch) for name, analyzer in analyzers.items()}
        yield Analyzed(counted, Counter(counted=1), time.thread_time() - started)
        return
    identity = batch_identity(batch)
    accumulators = {}
    states = set()
    for name, analyzer in analyzers.items():
        state = "cached"
        try:
            payload = cache.load(analyzer.identity(), identity)
            found = analyzer.decode(payload) if payload is not None else None
        except DamagedEntry:
            state, found = "damaged", None
        if found is None:
            state = "counted" if state == "cached" else state
            found = analyzer.count(batch)
            cache.store(analyzer.identity(), identity, analyzer.encode(found))
        accumulators[name] = found
        states.add(state)
    worst = next(state for state in ("damaged", "counted", "cached") if state in states)
    yield Analyzed(accumulators, Counter({worst: 1}), time.thread_time() - started)


class MergeAnalyzed(beam.CombineFn):
    """Merges Analyzed feature by feature."""

    def __init__(self, analyzers: dict[str, Analyzer]) -> None:
        self._analyzers = analyzers

    def create_accumulator(self) -> list[Analyzed]:
        return []

    def add_input(self, mutable_accumulator: list[Analyzed], element: Analyzed) -> list[Analyzed]:
        mutable_accumulator.append(element)
        return [self._merge(mutable_accumulator)] if len(mutable_accumulator) >= _MERGE_EVERY else mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Analyzed]]) -> list[Analyzed]:
        return [self._merge([part for parts in accumulators for part in parts])]

    def compact(self, accumulator: list[Analyzed]) -> list[Analyzed]:
        """One part instead of several, before they are sent: a bundle's batches share most of their tokens."""
        return [self._merge(accumulator)] if len(accumulator) > 1 else accumulator

    def extract_output(self, accumulator: list[Analyzed]) -> Analyzed:
        return self._merge(accumulator)

    def _merge(self, parts: list[Analyzed]) -> Analyzed:
        started = time.thread_time()
        batches: Counter[str] = Counter()
        for part in parts:
            batches.update(part.batches)
        merged = {
            name: analyzer.merge(part.accumulators[name] for part in parts)
            for name, analyzer in self._analyzers.items()
        }
        return Analyzed(merged, batches, sum(part.seconds for part in parts) + time.thread_time() - started)


def finish(analyzed: Analyzed, analyzers: dict[str, Analyzer], directory: str) -> Findings:
    """Writes what was found; see Analyzer.finish."""
    started = time.thread_time()
    features = {name: analyzer.finish(analyzed.accumulators[name], directory) for name, analyzer in analyzers.items()}
    fingerprint = _fingerprint(features)
    return Findings(features, dict(analyzed.batches), fingerprint, analyzed.seconds + time.thread_time() - started)


def _fingerprint(features: dict[str, Finding]) -> str:
    digest = hashlib.sha256()
    for name, finding in sorted(features.items()):
        digest.update(repr((name, finding.cap, finding.moments)).encode())
        if finding.vocabulary is not None:
            with FileSystems.open(finding.vocabulary) as file:
                digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()
