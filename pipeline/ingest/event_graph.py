"""Everything that must be grouped by key before it is a row: event tables, and plain tables joined with a label file.

    events (or rows) -> partition by hash of the key -+
                                                      +- group -> all of some keys' events, rows, labels -> rows
    label rows -------> partition by hash of the key -+

What crosses the shuffle are record batches, one a partition and input batch; a partition is then sorted in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipeline.ingest import formats
from pipeline.ingest.duplicates import partitioned
from pipeline.ingest.entities import entity_rows
from pipeline.ingest.event_batches import event_batch
from pipeline.ingest.event_plan import plan_events
from pipeline.ingest.event_table import EventTable
from pipeline.ingest.finishing import Converted, finish
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.joined_rows import join_rows, keyed_rows
from pipeline.ingest.keys import hash_texts
from pipeline.ingest.labels import label_batch, label_columns
from pipeline.ingest.needs import needed
from pipeline.ingest.problems import Problems
from pipeline.ingest.raw import FILE_SHIFT, Request
from pipeline.ingest.reading import COUNTS, REJECTS, ROWS_PER_BATCH, Unit, Units, partition_count, size_of
from pipeline.ingest.rejects import reject_line, shortened_row
from pipeline.rows import KEY
from schemas.spec import DatasetSpec

EVENTS_PER_BATCH = 1 << 17
BATCH_BYTES = 8 << 20
Partitioned = beam.typehints.Tuple[int, pa.RecordBatch]


class _Grouped(beam.PTransform):
    """Reads the input and the label files, and brings together what has equal keys."""

    def __init__(self, spec: DatasetSpec, inputs: Inputs, assign_split: bool) -> None:
        super().__init__()
        self._spec, self._inputs, self._assign_split = spec, inputs, assign_split

    def expand(self, pipeline: beam.Pipeline) -> dict[str, Any]:
        """Builds the graph under the pipeline's root."""
        read = self._read(pipeline, "Read", labels=False)
        rejects, counts, tagged = [read[REJECTS]], [read[COUNTS]], {"input": read.parts}
        if self._inputs.label_files:
            labels = self._read(pipeline, "ReadLabels", labels=True)
            rejects.append(labels[REJECTS])
            counts.append(labels[COUNTS])
            tagged["labels"] = labels.parts
        rows = (
            tagged
            | "GroupByKeyHash" >> beam.CoGroupByKey()
            | "ToRows" >> beam.ParDo(self._to_rows()).with_outputs(REJECTS, COUNTS, main="rows")
        )
        rows.rows.element_type = pa.RecordBatch
        return {
            "rows": rows.rows,
            REJECTS: [*rejects, rows[REJECTS]] | "Rejects" >> beam.Flatten(),
            COUNTS: [*counts, rows[COUNTS]] | "Counts" >> beam.Flatten(),
        }

    def _read(self, pipeline: beam.Pipeline, name: str, labels: bool) -> beam.pvalue.DoOutputsTuple:
        reader = _ReadLabels(self._spec, self._inputs) if labels else self._reader()
        read = (
            pipeline
            | f"{name}Units" >> Units(self._inputs, labels)
            | name >> beam.ParDo(reader).with_outputs(REJECTS, COUNTS, main="parts")
        )
        read.parts.element_type = Partitioned
        return read

    def _reader(self) -> beam.DoFn:
        raise NotImplementedError

    def _to_rows(self) -> beam.DoFn:
        raise NotImplementedError


class EventRows(_Grouped):
    """Finished rows of an event table.

    Args:
      spec: the resolved spec.
      inputs: what `discover` found.
      assign_split: False for rows that are only predicted.
    """

    def _reader(self) -> beam.DoFn:
        return _ReadEvents(self._spec, self._inputs)

    def _to_rows(self) -> beam.DoFn:
        return _EntitiesToRows(self._spec, self._inputs, self._assign_split)


class JoinedRows(_Grouped):
    """Finished rows of a plain table joined with a label file; arguments as for EventRows."""

    def _reader(self) -> beam.DoFn:
        return _ReadKeyedRows(self._spec, self._inputs, self._assign_split)

    def _to_rows(self) -> beam.DoFn:
        return _KeyedToRows(self._spec, self._inputs, self._assign_split)


class _Read(beam.DoFn):
    """Reads units, and gives out partitioned batches, rejects and counts."""

    def __init__(self, spec: DatasetSpec, inputs: Inputs) -> None:
        self._spec, self._inputs = spec, inputs
        self._partitions = partition_count(inputs)

    def _parts(self, batch: pa.RecordBatch, key: str, rejects: list[bytes], counts: dict[str, int]) -> Iterator[Any]:
        yield beam.pvalue.TaggedOutput(COUNTS, counts)
        for line in rejects:
            yield beam.pvalue.TaggedOutput(REJECTS, line)
        if batch.num_rows:
            keys = batch.column(key).dictionary_encode()
            hashes = hash_texts(keys.dictionary)[keys.indices.to_numpy(zero_copy_only=False)]
            yield from partitioned(batch, hashes, self._partitions)


class _ReadEvents(_Read):
    def process(self, unit: Unit) -> Iterator[Any]:
        index, pieces = unit
        file, plan = self._inputs.files[index], plan_events(self._spec, self._inputs)
        columns = {n.column: n.shape for n in needed(self._spec) if n.column not in self._inputs.from_labels}
        for batch in formats.read(file, Request(columns, EVENTS_PER_BATCH, pieces)):
            found = event_batch(self._spec, self._inputs, plan, file, batch)
            yield from self._parts(found.events, "entity", found.rejects, found.counts | size_of(batch))


class _ReadLabels(_Read):
    def process(self, unit: Unit) -> Iterator[Any]:
        index, pieces = unit
        file = self._inputs.label_files[index]
        for batch in formats.read(file, Request(label_columns(self._spec, self._inputs), EVENTS_PER_BATCH, pieces)):
            labels, rejects, counts = label_batch(self._spec, self._inputs, file, batch)
            yield from self._parts(labels, KEY, rejects, counts | size_of(batch))


class _ReadKeyedRows(_Read):
    def __init__(self, spec: DatasetSpec, inputs: Inputs, assign_split: bool) -> None:
        super().__init__(spec, inputs)
        self._assign_split = assign_split

    def process(self, unit: Unit) -> Iterator[Any]:
        index, pieces = unit
        file = self._inputs.files[index]
        columns = {n.column: n.shape for n in needed(self._spec) if n.column not in self._inputs.from_labels}
        for batch in formats.read(file, Request(columns, ROWS_PER_BATCH, pieces)):
            rows, rejects, counts = keyed_rows(self._spec, self._inputs, file, batch, self._assign_split)
            yield from self._parts(rows, KEY, rejects, counts | size_of(batch))


class _ToRows(beam.DoFn):
    def __init__(self, spec: DatasetSpec, inputs: Inputs, assign_split: bool) -> None:
        self._spec, self._inputs, self._assign_split = spec, inputs, assign_split

    def _finish(self, converted: Converted, problems: Problems, counts: dict[str, int], events: bool) -> Iterator[Any]:
        rows = finish(self._spec, converted, problems, self._assign_split)
        for row in np.flatnonzero(~problems.good).tolist():
            reason, detail = problems.at(row)
            counts[f"rejected/{reason}"] = counts.get(f"rejected/{reason}", 0) + 1
            place: tuple[str | None, int | None] = (None, None)
            if not events:
                identity = int(converted.rows[row])
                place = (self._inputs.files[identity >> FILE_SHIFT].path, identity & ((1 << FILE_SHIFT) - 1))
            key = None if converted.keys is None else converted.keys[row].as_py()
            line = reject_line(reason, detail, place, key, shortened_row(converted.features, row))
            yield beam.pvalue.TaggedOutput(REJECTS, line)
        yield beam.pvalue.TaggedOutput(COUNTS, counts)
        step = max(1, min(ROWS_PER_BATCH, BATCH_BYTES * max(1, rows.num_rows) // max(1, rows.nbytes)))
        for start in range(0, rows.num_rows, step):
            yield rows.slice(start, step)


class _EntitiesToRows(_ToRows):
    def process(self, group: tuple[int, dict[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        partition, parts = group
        events, labels = list(parts["input"]), list(parts.get("labels", ()))
        if not events:
            unmatched = sum(batch.num_rows for batch in labels)
            yield beam.pvalue.TaggedOutput(COUNTS, {"labels/unmatched": unmatched})
            return
        plan = plan_events(self._spec, self._inputs)
        table = EventTable(self._spec, self._inputs, plan, pa.concat_batches(events))
        made = entity_rows(table, labels, partition << FILE_SHIFT)
        yield from self._finish(made.converted, made.problems, made.counts, events=True)


class _KeyedToRows(_ToRows):
    def process(self, group: tuple[int, dict[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        _, parts = group
        rows, labels = list(parts["input"]), list(parts["labels"])
        if not rows:
            yield beam.pvalue.TaggedOutput(COUNTS, {"labels/unmatched": sum(batch.num_rows for batch in labels)})
            return
        converted, problems, counts = join_rows(self._spec, self._inputs, pa.concat_batches(rows), labels)
        yield from self._finish(converted, problems, counts, events=False)
