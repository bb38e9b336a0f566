"""Stratified splits as a Beam transform; which row goes where is decided in `stratifying`."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa

from pipeline.ingest.finishing import SPLIT_HASH
from pipeline.ingest.stratifying import Cuts, add_tallies, by_cuts, cuts_of, tally
from pipeline.rows import LABEL, SPLIT
from schemas.errors import SpecError
from schemas.spec import DatasetSpec
from schemas.splits import SPLIT_NAMES, HashSplit


class Stratify(beam.PTransform):
    """Assigns the split of finished rows, with every class divided in the shares asked for.

    Args:
      spec: the resolved spec, whose splits are by hash and stratified.

    Raises:
      SpecError: splits of another kind.
    """

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__()
        if not isinstance(spec.splits, HashSplit):
            raise SpecError(f"splits: received {spec.splits.by!r}, expected a hash split to stratify")
        self._split = spec.splits

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Tallies all rows, then assigns."""
        split = self._split
        cuts = (
            rows
            | "Tally" >> beam.Map(_tally).with_output_types(pa.RecordBatch)
            | "AddTallies" >> beam.CombineGlobally(add_tallies).with_output_types(pa.RecordBatch)
            | "Cut" >> beam.Map(lambda total: cuts_of(split, total))
        )
        assigned = rows | "Assign" >> beam.ParDo(_Assign(split), beam.pvalue.AsSingleton(cuts))
        assigned.element_type = pa.RecordBatch
        return assigned


class _Assign(beam.DoFn):
    def __init__(self, split: HashSplit) -> None:
        self._split = split

    def process(self, rows: pa.RecordBatch, cuts: Cuts) -> Iterator[pa.RecordBatch]:
        hashes = rows.column(SPLIT_HASH).to_numpy(zero_copy_only=False)
        codes = by_cuts(self._split, rows.column(LABEL), hashes, cuts)
        names = pa.array(SPLIT_NAMES).take(pa.array(codes))
        yield rows.set_column(rows.schema.get_field_index(SPLIT), SPLIT, names)


def _tally(rows: pa.RecordBatch) -> pa.RecordBatch:
    return tally(rows.column(LABEL), rows.column(SPLIT_HASH).to_numpy(zero_copy_only=False))
