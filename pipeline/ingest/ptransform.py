"""Ingest as a Beam transform: input files in, canonical rows, rejects and counts out.

    files -> read, convert, check, key, split -> finished rows -----------------> drop losers -> canonical rows
                        |                            |                              ^
                     rejects                     identities -> by key -> by digest -+ losers (a small side input)

Only identities (split, row id, digest, key) are shuffled; rows wait where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.ingest import formats
from pipeline.ingest.deduplication import COUNTS, REJECTS, DropLosers, FindLosers
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.needs import needed
from pipeline.ingest.plain import prepare
from pipeline.ingest.raw import Request
from pipeline.ingest.record_batches import Merger
from schemas.spec import DatasetSpec

ROWS_PER_BATCH = 4096
PIECE_BYTES = 64 << 20
Unit = tuple[int, tuple[int, ...] | None]


class IngestOutput(NamedTuple):
    """What ingest gives.

    Attributes:
      rows: canonical record batches.
      rejects: JSON lines as bytes, without newlines.
      counts: partial counters, to be summed and handed to `account`.
    """

    rows: beam.PCollection[pa.RecordBatch]
    rejects: beam.PCollection[bytes]
    counts: beam.PCollection[dict[str, int]]


class Ingest(beam.PTransform):
    """Reads, checks, splits and de-duplicates the input.

    Args:
      spec: the resolved spec.
      inputs: what `discover` found.
      labelled: False reads no label, assigns no split and keeps duplicates: rows that are only predicted.
    """

    def __init__(self, spec: DatasetSpec, inputs: Inputs, labelled: bool = True) -> None:
        super().__init__()
        self._spec = spec if labelled else spec.model_copy(update={"label": None})
        self._inputs = inputs
        self._labelled = labelled

    def expand(self, pipeline: beam.Pipeline) -> IngestOutput:
        """Builds the graph under the pipeline's root."""
        read = self._finished_rows(pipeline)
        rejects, counts = [read[REJECTS]], [read[COUNTS]]
        rows = read.rows
        if self._labelled:
            losers = rows | "FindLosers" >> FindLosers(self._spec, partition_count(self._inputs))
            kept = rows | "DropLosers" >> DropLosers(self._spec, self._inputs, losers)
        else:
            kept = rows | "Canonical" >> DropLosers(self._spec, self._inputs, None)
        rejects.append(kept[REJECTS])
        counts.append(kept[COUNTS])
        return IngestOutput(kept.rows, rejects | "AllRejects" >> beam.Flatten(), counts | "AllCounts" >> beam.Flatten())

    def _finished_rows(self, pipeline: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        read = (
            pipeline
            | "Files" >> beam.Create(units(self._inputs))
            | "Spread" >> beam.Reshuffle()
            | "Read"
            >> beam.ParDo(_ReadRows(self._spec, self._inputs, self._labelled)).with_outputs(
                REJECTS, COUNTS, main="rows"
            )
        )
        read.rows.element_type = pa.RecordBatch
        return read


def units(inputs: Inputs, labels: bool = False) -> list[Unit]:
    """(file index, pieces) for what one worker reads at a time: a file, or about 64 MiB of its independent parts."""
    files = inputs.label_files if labels else inputs.files
    pieces_of = inputs.label_pieces if labels else inputs.pieces
    found: list[Unit] = []
    for file, pieces in zip(files, pieces_of, strict=True):
        if len(pieces) < 2:
            found.append((file.index, None))
            continue
        parts = max(1, min(len(pieces), -(-file.size_bytes // PIECE_BYTES)))
        found += [(file.index, tuple(part.tolist())) for part in np.array_split(np.arange(len(pieces)), parts)]
    return found


class _ReadRows(beam.DoFn):
    """Reads a unit of a plain table and prepares its rows."""

    def __init__(self, spec: DatasetSpec, inputs: Inputs, labelled: bool) -> None:
        self._spec, self._inputs, self._labelled = spec, inputs, labelled

    def start_bundle(self) -> None:
        self._merger = Merger(ROWS_PER_BATCH)

    def process(self, unit: Unit) -> Iterator[object]:
        index, pieces = unit
        file = self._inputs.files[index]
        request = Request({need.column: need.hint for need in needed(self._spec)}, ROWS_PER_BATCH, pieces)
        for batch in formats.read(file, request):
            prepared = prepare(self._spec, self._inputs, file, batch, self._labelled)
            yield beam.pvalue.TaggedOutput(COUNTS, prepared.counts)
            for line in prepared.rejects:
                yield beam.pvalue.TaggedOutput(REJECTS, line)
            if (merged := self._merger.add(prepared.rows)) is not None:
                yield merged

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if (merged := self._merger.flush()) is not None:
            yield WindowedValue(merged, 0, [GlobalWindow()])


def partition_count(inputs: Inputs) -> int:
    """Partitions of a shuffle: 16, and more for input past 1 GiB, one for 64 MiB. No result depends on it."""
    return max(16, inputs.size_bytes // PIECE_BYTES)
