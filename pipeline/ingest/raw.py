"""A raw batch: rows as a file holds them, before the spec has had its say.

columns      Arrow arrays of equal length, one a column that the spec needs, of whatever type the file has
positions    int64[rows], row number within the file, from 0; a CSV header is not counted, a malformed row is
wrong_type   bool[rows] for columns where single cells did not have the column's type (they are null in `columns`)
malformed    rows that are no rows at all (broken JSON, a CSV line with too few cells): they stand in no column
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

SHAPES = {
    "text": "a string",
    "scalar": "a string, number or boolean, taken as text",
    "number": "a number, or a string that holds one",
    "strings": "a list of strings",
    "integers": "a list of whole numbers",
    "series": "a list of numbers, or of lists of numbers",
    "scalars": "a list of strings or numbers",
}
FILE_SHIFT = 40  # row id = file index << 40 | position: 8 million files of 10^12 rows


@dataclass(frozen=True)
class Malformed:
    """A stretch of a file that could not be read as a row."""

    position: int
    detail: str
    text: str


@dataclass(frozen=True)
class RawBatch:
    """Some rows of one file; the attributes are explained at the top of this module."""

    columns: Mapping[str, pa.Array]
    positions: np.ndarray
    wrong_type: Mapping[str, np.ndarray] = field(default_factory=dict)
    malformed: tuple[Malformed, ...] = ()

    @property
    def num_rows(self) -> int:
        """Rows in `columns`, malformed ones not counted."""
        return len(self.positions)


@dataclass(frozen=True)
class Request:
    """What to read of a file.

    Attributes:
      shapes: the columns wanted, each with one of SHAPES; only formats without types of their own heed it. A column
        that the file lacks is left out of the batches, or is all null.
      rows_per_batch: most rows a batch.
      pieces: which of the parts that `Peek` counted; all when None.
    """

    shapes: Mapping[str, str]
    rows_per_batch: int
    pieces: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Peek:
    """What the head of a file tells.

    Attributes:
      schema: the columns with the types the file (or its first rows) gives them.
      has_rows: whether there is at least one row.
      sample: the first rows, at most a few thousand.
      pieces: row counts of the parts that can be read independently (Parquet row groups); empty when there is only one.
      typed: the format itself fixes the column types, for all its rows.
    """

    schema: pa.Schema
    has_rows: bool
    sample: pa.Table
    pieces: tuple[int, ...] = ()
    typed: bool = False


def from_record_batches(batches: Iterator[pa.RecordBatch], first_position: int = 0) -> Iterator[RawBatch]:
    """Numbers the rows of consecutive record batches and drops empty batches."""
    position = first_position
    for batch in batches:
        if batch.num_rows:
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            yield RawBatch(columns, np.arange(position, position + batch.num_rows, dtype=np.int64))
        position += batch.num_rows


def slices(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    """Cuts a record batch into zero-copy slices of at most `rows` rows."""
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
