"""Ingest as a Beam transform: input files in, canonical rows, rejects and counts out.

    files -> read, convert, check, key, split -> finished rows -----------------> drop losers -> canonical rows
                        |                            |                              ^
                     rejects                     identities -> by key -> by digest -+ losers (a small side input)

Only identities (split, row id, digest, key) are shuffled; rows wait where they are.
"""

from __future__ import annotations

from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa

from pipeline.ingest.deduplication import DropLosers, FindLosers
from pipeline.ingest.event_graph import EventRows, JoinedRows
from pipeline.ingest.finishing import stratifies
from pipeline.ingest.inputs import Inputs, without_label
from pipeline.ingest.reading import COUNTS, REJECTS, PlainRows, partition_count
from pipeline.ingest.stratification import Stratify
from schemas.spec import DatasetSpec


class IngestOutput(NamedTuple):
    """What ingest gives.

    Attributes:
      rows: canonical record batches.
      rejects: JSON lines as bytes, without newlines.
      counts: partial counters, to be summed and handed to `account`.
      rows_again: the same rows for a second pass, which waits for a result of the first; None unless asked for. Two
        passes over `rows` itself would keep all rows twice, before and after duplicates are dropped.
    """

    rows: beam.PCollection[pa.RecordBatch]
    rejects: beam.PCollection[bytes]
    counts: beam.PCollection[dict[str, int]]
    rows_again: beam.PCollection[pa.RecordBatch] | None = None


class Ingest(beam.PTransform):
    """Reads, checks, splits and de-duplicates the input.

    Args:
      spec: the resolved spec.
      inputs: what `discover` found.
      labelled: False reads no label, assigns no split and keeps duplicates: rows that are only predicted.
      twice: give the rows a second time, as `rows_again`.
    """

    def __init__(self, spec: DatasetSpec, inputs: Inputs, labelled: bool = True, twice: bool = False) -> None:
        super().__init__()
        self._spec = spec if labelled else without_label(spec)
        self._inputs = inputs
        self._labelled = labelled
        self._twice = twice

    def expand(self, pipeline: beam.Pipeline) -> IngestOutput:
        """Builds the graph under the pipeline's root."""
        read = self._finished_rows(pipeline)
        rejects, counts = [read[REJECTS]], [read[COUNTS]]
        rows = read["rows"]
        if stratifies(self._spec):
            rows = rows | "Stratify" >> Stratify(self._spec)
        losers = None
        if self._labelled:
            losers = rows | "FindLosers" >> FindLosers(self._spec, partition_count(self._inputs))
        kept = rows | "DropLosers" >> DropLosers(self._spec, self._inputs, losers)
        again = rows | "DropLosersAgain" >> DropLosers(self._spec, self._inputs, losers) if self._twice else None
        rejects.append(kept[REJECTS])
        counts.append(kept[COUNTS])
        return IngestOutput(
            kept.rows,
            rejects | "AllRejects" >> beam.Flatten(),
            counts | "AllCounts" >> beam.Flatten(),
            None if again is None else again.rows,
        )

    def _finished_rows(self, pipeline: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        if self._spec.source.events is not None:
            return pipeline | "Events" >> EventRows(self._spec, self._inputs, self._labelled)
        if self._inputs.label_files:
            return pipeline | "JoinedRows" >> JoinedRows(self._spec, self._inputs, self._labelled)
        return pipeline | "Rows" >> PlainRows(self._spec, self._inputs, self._labelled)
