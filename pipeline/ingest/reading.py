"""Reading as Beam transforms: units of files spread over the workers, raw batches turned into something by a function.

unit    (file index, pieces): a whole file, or about 64 MiB of the parts of one that can be read independently
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from pipeline.ingest import formats
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.needs import needed
from pipeline.ingest.plain import prepare
from pipeline.ingest.raw import RawBatch, Request
from pipeline.ingest.record_batches import Merger
from schemas.spec import DatasetSpec

ROWS_PER_BATCH = 4096
# So many rows of one file stand in a batch of their own: what the analysis cache holds of it must not depend on the
# files beside it, nor on the order in which they are read. Smaller files share batches.
SHARED_ROWS = 1024
PIECE_BYTES = 64 << 20
PARTITION_BYTES = 16 << 20
REJECTS, COUNTS = "rejects", "counts"
# Counter of the input's size as Arrow columns, which the promise on memory goes by.
INPUT_BYTES = "input_bytes"
Unit = tuple[int, tuple[int, ...] | None]


class PlainRows(beam.PTransform):
    """Finished rows of a plain table, with rejects and counts under REJECTS and COUNTS.

    Args:
      spec: the resolved spec.
      inputs: what `discover` found.
      assign_split: False for rows that are only predicted.
    """

    def __init__(self, spec: DatasetSpec, inputs: Inputs, assign_split: bool) -> None:
        super().__init__()
        self._spec, self._inputs, self._assign_split = spec, inputs, assign_split

    def expand(self, pipeline: beam.Pipeline) -> beam.pvalue.DoOutputsTuple:
        """Builds the graph under the pipeline's root."""
        read = (
            pipeline
            | "Units" >> Units(self._inputs)
            | "Read"
            >> beam.ParDo(_ReadRows(self._spec, self._inputs, self._assign_split)).with_outputs(
                REJECTS, COUNTS, main="rows"
            )
        )
        read.rows.element_type = pa.RecordBatch
        return read


class Units(beam.PTransform):
    """The units of all input files, or of all label files.

    Args:
      inputs: what `discover` found.
      labels: whether the label files are meant.
    """

    def __init__(self, inputs: Inputs, labels: bool = False) -> None:
        super().__init__()
        self._units = units(inputs, labels)

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        """Creates the units and, where there are several, spreads them over the workers."""
        created = pipeline | "Create" >> beam.Create(self._units, reshuffle=False)
        return created | "Spread" >> beam.Reshuffle() if len(self._units) > 1 else created


def units(inputs: Inputs, labels: bool = False) -> list[Unit]:
    """(file index, pieces) of everything that one worker reads at a time."""
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


def partition_count(inputs: Inputs) -> int:
    """Partitions of a shuffle: one for 16 MiB of input, and at least 4. No result depends on it."""
    return max(4, inputs.size_bytes // PARTITION_BYTES)


def size_of(batch: RawBatch) -> dict[str, int]:
    """The batch's size in memory, as a counter."""
    return {INPUT_BYTES: sum(column.nbytes for column in batch.columns.values())}


def windowed(value: Any) -> WindowedValue:
    """A value given out at the end of a bundle, in the one window of a batch job."""
    return WindowedValue(value, 0, (GlobalWindow(),))


class _ReadRows(beam.DoFn):
    def __init__(self, spec: DatasetSpec, inputs: Inputs, assign_split: bool) -> None:
        self._spec, self._inputs, self._assign_split = spec, inputs, assign_split

    def start_bundle(self) -> None:
        self._merger = Merger(ROWS_PER_BATCH)

    def process(self, unit: Unit) -> Iterator[Any]:
        index, pieces = unit
        file = self._inputs.files[index]
        request = Request({need.column: need.shape for need in needed(self._spec)}, ROWS_PER_BATCH, pieces)
        for batch in formats.read(file, request):
            prepared = prepare(self._spec, self._inputs, file, batch, self._assign_split)
            yield beam.pvalue.TaggedOutput(COUNTS, prepared.counts | size_of(batch))
            for line in prepared.rejects:
                yield beam.pvalue.TaggedOutput(REJECTS, line)
            if prepared.rows.num_rows >= SHARED_ROWS and (merged := self._merger.flush()) is not None:
                yield merged
            if (merged := self._merger.add(prepared.rows)) is not None:
                yield merged
        if self._merger.held_rows >= SHARED_ROWS and (merged := self._merger.flush()) is not None:
            yield merged

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if (merged := self._merger.flush()) is not None:
            yield windowed(merged)
