"""The statistics' counting as a Beam transform: one accumulator a batch, merged in any order.

canonical rows   ── RawCounts ────────── merge ──> one
transformed rows ── TransformedCounts ── merge ──> one
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam

from pipeline.statistics.raw_counts import RawCounts
from pipeline.statistics.transformed_counts import TransformedCounts
from schemas.manifest import FeatureInfo
from schemas.spec import DatasetSpec

# Parts held before they are merged: merging costs about what the parts hold, so this bounds memory at little cost.
_PARTS = 16


def count_raw(rows: beam.PCollection, spec: DatasetSpec) -> beam.PCollection:
    """One RawCounts of all canonical rows."""
    return (
        rows | "CountRaw" >> beam.Map(RawCounts.of, spec) | "MergeRaw" >> beam.CombineGlobally(_Merge(RawCounts.merge))
    )


def count_transformed(rows: beam.PCollection, spec: DatasetSpec, features: list[FeatureInfo]) -> beam.PCollection:
    """One TransformedCounts of all transformed rows."""
    kind = spec.label.kind if spec.label else None
    return (
        rows
        | "CountTransformed" >> beam.Map(TransformedCounts.of, features, kind)
        | "MergeTransformed" >> beam.CombineGlobally(_Merge(TransformedCounts.merge))
    )


class _Merge(beam.CombineFn):
    """Merges accumulators; of none, what `merge` makes of nothing."""

    def __init__(self, merge: Callable[[list[Any]], Any]) -> None:
        self._merge = merge

    def create_accumulator(self) -> list[Any]:
        return []

    def add_input(self, mutable_accumulator: list[Any], element: Any) -> list[Any]:
        mutable_accumulator.append(element)
        return [self._merge(mutable_accumulator)] if len(mutable_accumulator) >= _PARTS else mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        return [self._merge([part for accumulator in accumulators for part in accumulator])]

    def extract_output(self, accumulator: list[Any]) -> Any:
        return self._merge(accumulator)
