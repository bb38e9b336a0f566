"""The search for duplicates as Beam transforms; what loses to what is decided in `duplicates`.

FindLosers   finished rows -> loser batches      identities through one shuffle by key and one by digest
DropLosers   finished rows -> canonical rows     with the losers as a side input; losers counted or rejected
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pipeline.ingest.duplicates import (
    DUPLICATE,
    DUPLICATE_KEY,
    Losers,
    digest_words,
    equal_content,
    identities,
    key_conflicts,
    partitioned,
)
from pipeline.ingest.finishing import KEY_HASH, ROW
from pipeline.ingest.inputs import Inputs
from pipeline.ingest.raw import FILE_SHIFT
from pipeline.ingest.reading import COUNTS, REJECTS
from pipeline.ingest.rejects import reject_line, shortened_row
from pipeline.rows import KEY, SPLIT, canonical_schema
from schemas.spec import DatasetSpec
from schemas.splits import SPLIT_NAMES

_LOSERS = "losers"
Partitioned = beam.typehints.Tuple[int, pa.RecordBatch]


class FindLosers(beam.PTransform):
    """Loser batches out of finished rows.

    Args:
      spec: the resolved spec; one without a key has no key conflicts, one that keeps duplicates loses none by content.
      partitions: parts of each shuffle.
    """

    def __init__(self, spec: DatasetSpec, partitions: int) -> None:
        super().__init__()
        self._keyed = spec.key is not None or spec.source.events is not None
        self._drops = spec.duplicates == "drop"
        self._partitions = partitions

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Builds the shuffles."""
        found = []
        parts = rows | "Identify" >> beam.ParDo(_Identify(self._partitions, self._keyed)).with_output_types(Partitioned)
        if self._keyed:
            judged = (
                parts
                | "GroupByKeyHash" >> beam.GroupByKey()
                | "KeyConflicts" >> beam.ParDo(_KeyConflicts(self._partitions)).with_outputs(_LOSERS, main="stay")
            )
            judged[_LOSERS].element_type = pa.RecordBatch
            found.append(judged[_LOSERS])
            parts = judged.stay
            parts.element_type = Partitioned
        if self._drops:
            grouped = parts | "GroupByDigest" >> beam.GroupByKey()
            found.append(grouped | "EqualContent" >> beam.ParDo(_EqualContent()).with_output_types(pa.RecordBatch))
        if not found:
            return rows | "NoLosers" >> beam.Filter(lambda _: False)
        return found[0] if len(found) == 1 else found | "Losers" >> beam.Flatten()


class DropLosers(beam.PTransform):
    """Canonical rows out of finished rows, with rejects and counts under REJECTS and COUNTS.

    Args:
      spec: the resolved spec.
      inputs: for the names of files.
      losers: loser batches; None when no row can lose.
    """

    def __init__(self, spec: DatasetSpec, inputs: Inputs, losers: beam.PCollection | None) -> None:
        super().__init__()
        self._spec, self._inputs, self._losers = spec, inputs, losers

    def expand(self, rows: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        """Builds the filter."""
        side = [] if self._losers is None else [beam.pvalue.AsList(self._losers)]
        kept = rows | beam.ParDo(_Drop(self._spec, self._inputs), *side).with_outputs(REJECTS, COUNTS, main="rows")
        kept.rows.element_type = pa.RecordBatch
        return kept


class _Identify(beam.DoFn):
    def __init__(self, partitions: int, by_key: bool) -> None:
        self._partitions, self._by_key = partitions, by_key

    def process(self, rows: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        batch = identities(rows)
        hashes = rows.column(KEY_HASH).to_numpy(zero_copy_only=False) if self._by_key else digest_words(batch)[0]
        yield from partitioned(batch, hashes, self._partitions)


class _KeyConflicts(beam.DoFn):
    def __init__(self, partitions: int) -> None:
        self._partitions = partitions

    def process(self, group: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[object]:
        stay, losers = key_conflicts(pa.concat_batches(list(group[1])))
        if losers.num_rows:
            yield beam.pvalue.TaggedOutput(_LOSERS, losers)
        yield from partitioned(stay, digest_words(stay)[0], self._partitions)


class _EqualContent(beam.DoFn):
    def process(self, group: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
        losers = equal_content(pa.concat_batches(list(group[1])))
        if losers.num_rows:
            yield losers


class _Drop(beam.DoFn):
    def __init__(self, spec: DatasetSpec, inputs: Inputs) -> None:
        self._spec, self._inputs = spec, inputs

    def start_bundle(self) -> None:
        self._losers: Losers | None = None

    def process(self, rows: pa.RecordBatch, losers: Iterable[pa.RecordBatch] = ()) -> Iterator[object]:
        if self._losers is None:
            self._losers = Losers(list(losers))
        reasons = self._losers.reasons(rows)
        counts: dict[str, int] = {}
        if reasons.any():
            for split, number in _by_split(rows, reasons == DUPLICATE).items():
                counts[f"duplicates/{split}"] = number
            for row in np.flatnonzero(reasons == DUPLICATE_KEY).tolist():
                counts["rejected/duplicate_key"] = counts.get("rejected/duplicate_key", 0) + 1
                yield beam.pvalue.TaggedOutput(REJECTS, self._reject(rows, row))
            rows = rows.filter(pa.array(reasons == 0))
        names = canonical_schema(self._spec).names
        for split, number in _by_split(rows, np.ones(rows.num_rows, dtype=bool)).items():
            counts[f"rows/{split}"] = number
        yield beam.pvalue.TaggedOutput(COUNTS, counts)
        if rows.num_rows:
            yield rows.select(names)

    def _reject(self, rows: pa.RecordBatch, row: int) -> bytes:
        key = rows.column(KEY)[row].as_py()
        place: tuple[str | None, int | None] = (None, None)
        if self._spec.source.events is None:
            identity = rows.column(ROW)[row].as_py()
            place = (self._inputs.files[identity >> FILE_SHIFT].path, identity & ((1 << FILE_SHIFT) - 1))
        detail = f"another row has the key {key!r} and other content; expected one row a key"
        columns = {
            name: rows.column(name) for name in canonical_schema(self._spec).names if name not in ("digest", SPLIT)
        }
        return reject_line("duplicate_key", detail, place, key, shortened_row(columns, row))


def _by_split(rows: pa.RecordBatch, chosen: np.ndarray) -> dict[str, int]:
    """Rows marked in bool[rows] `chosen`, by the name of their split."""
    splits = rows.column(SPLIT).to_numpy(zero_copy_only=False)[chosen]
    return {name: int((splits == name).sum()) for name in (*SPLIT_NAMES, "") if (splits == name).any()}
