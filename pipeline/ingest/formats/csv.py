"""CSV: every cell is read as text; what is a number is decided by the spec, so that '007' stays '007'.

Quoted cells may hold delimiters and line breaks. A line with too few or too many cells is a malformed row. A quote
that is never closed swallows the rest of the file: that is an error when it swallowed lines, a malformed row when not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from pipeline.ingest.files import InputFile, open_stream
from pipeline.ingest.raw import Malformed, Peek, RawBatch, Request, slices
from schemas.errors import InputError

# A row must fit in a block; a file whose block proves too small is read again with larger ones. 16 MiB hold a cell of
# 10 million letters.
BLOCK_BYTES = (16 << 20, 128 << 20, 1 << 30)
SAMPLE_ROWS = 1000
BATCH_BYTES = 8 << 20


class _QuoteCounter:
    """A file object that counts the quotes and the lines (blank ones left out) that pass through."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self.quotes = 0
        self.last = b"\n"
        self._ends = self._blank = 0
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        if data:
            self.quotes += data.count(b'"')
            self._ends += data.count(b"\n")
            self._blank += data.count(b"\n\n") + data.count(b"\n\r\n") + (self.last == b"\n" == data[:1])
            self.last = data[-1:]
        return data

    @property
    def lines(self) -> int:
        """Lines so far that are not blank, the header included."""
        return self._ends - self._blank + (self.last != b"\n")

    def close(self) -> None:
        self.closed = True
        self._stream.close()


def peek(file: InputFile) -> Peek:
    """Header and first rows; all types are string."""
    for block in (1 << 20, *BLOCK_BYTES):
        try:
            reader, _ = _open(file, None, block, lambda row: "skip")
            first = next((batch for batch in reader if batch.num_rows), None)
        except pa.ArrowInvalid as error:
            if "straddling" in str(error) and block < BLOCK_BYTES[-1]:
                continue
            raise
        names = reader.schema.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(
                f"{file.path}: the header names {', '.join(map(repr, twice))} twice; expected distinct columns"
            )
        sample = reader.schema.empty_table() if first is None else pa.Table.from_batches([first.slice(0, SAMPLE_ROWS)])
        return Peek(reader.schema, first is not None, sample)
    raise InputError(f"{file.path}: a row is longer than {BLOCK_BYTES[-1]:,} bytes; expected rows that fit in memory")


def read(file: InputFile, request: Request) -> Iterator[RawBatch]:
    """Streams the rows as text columns."""
    done = 0
    for block in BLOCK_BYTES:
        try:
            for batch in _read(file, list(request.shapes), request.rows_per_batch, block):
                if len(batch.positions) == 0 or batch.positions[-1] >= done:
                    yield batch
                done = max(done, int(batch.positions[-1]) + 1 if len(batch.positions) else 0)
            return
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error) or block == BLOCK_BYTES[-1]:
                raise


def _read(file: InputFile, columns: Sequence[str], rows_per_batch: int, block: int) -> Iterator[RawBatch]:
    pending: list[Malformed] = []

    def on_invalid(row: pacsv.InvalidRow) -> str:
        detail = f"{row.actual_columns} cells, expected {row.expected_columns}"
        pending.append(Malformed(row.number - 2, detail, row.text))  # row.number counts from 1, the header included
        return "skip"

    reader, source = _open(file, columns, block, on_invalid)
    position = 0
    held: RawBatch | None = None
    for batch in reader:
        malformed, pending[:] = list(pending), []
        positions = _positions(position, batch.num_rows, [m.position for m in malformed])
        position = max([position, *(int(p) + 1 for p in positions[-1:]), *(m.position + 1 for m in malformed)])
        columns_of = dict(zip(batch.schema.names, batch.columns, strict=True))
        for part in _cut(RawBatch(columns_of, positions, malformed=tuple(malformed)), rows_per_batch):
            if held is not None:
                yield held
            held = part
    if pending:
        tail = RawBatch({}, np.zeros(0, np.int64), malformed=tuple(pending))
        if held is not None:
            yield held
        held = tail
    if held is not None:
        yield _without_open_quote(file, held, source)


def _open(
    file: InputFile, columns: Sequence[str] | None, block: int, on_invalid: Callable[[pacsv.InvalidRow], str]
) -> tuple[pacsv.CSVStreamingReader, _QuoteCounter]:
    header = _header(file, block)
    types = {name: pa.string() for name in header}
    source = _QuoteCounter(open_stream(file))
    reader = pacsv.open_csv(
        pa.PythonFile(source, mode="r"),
        read_options=pacsv.ReadOptions(use_threads=False, block_size=block),
        parse_options=pacsv.ParseOptions(
            delimiter=file.delimiter, newlines_in_values=True, invalid_row_handler=on_invalid
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            strings_can_be_null=False,
            check_utf8=False,
            include_columns=None if columns is None else [name for name in columns if name in header],
        ),
    )
    return reader, source


def _header(file: InputFile, block: int) -> list[str]:
    with open_stream(file) as stream:
        head = stream.read(1 << 16)
    line = head.splitlines()[0] if head.strip() else b""
    if not line.strip():
        raise InputError(f"{file.path}: the first line is empty; expected a header with column names")
    options = pacsv.ReadOptions(use_threads=False, block_size=max(block, len(line) + 2))
    parse = pacsv.ParseOptions(delimiter=file.delimiter)
    return list(pacsv.open_csv(pa.BufferReader(line + b"\n"), options, parse).schema.names)


def _positions(first: int, rows: int, malformed: Sequence[int]) -> np.ndarray:
    """Row numbers of `rows` good rows from `first`, stepping over the malformed ones."""
    if not malformed:
        return np.arange(first, first + rows, dtype=np.int64)
    candidates = np.arange(first, first + rows + len(malformed), dtype=np.int64)
    return np.setdiff1d(candidates, np.asarray(malformed, dtype=np.int64))[:rows]


def _cut(batch: RawBatch, rows_per_batch: int) -> Iterator[RawBatch]:
    record_batch = pa.RecordBatch.from_arrays(list(batch.columns.values()), names=list(batch.columns))
    row_bytes = max(1, record_batch.nbytes // max(1, batch.num_rows))
    rows = max(1, min(rows_per_batch, BATCH_BYTES // row_bytes))
    start = 0
    for part in slices(record_batch, rows):
        stop = start + part.num_rows
        yield RawBatch(
            dict(zip(part.schema.names, part.columns, strict=True)),
            batch.positions[start:stop],
            malformed=batch.malformed if stop == batch.num_rows else (),
        )
        start = stop
    if start == 0 and batch.malformed:
        yield batch


def _without_open_quote(file: InputFile, batch: RawBatch, source: _QuoteCounter) -> RawBatch:
    """`batch`, the file's last, without its last row where that ends in a quote that is never closed."""
    if source.quotes % 2 == 0:
        return batch
    last_good = int(batch.positions[-1]) if batch.num_rows else -1
    last_bad = max((row.position for row in batch.malformed), default=-1)
    rows = 1 + max(last_good, last_bad)
    if source.lines > rows + 1:
        raise InputError(
            f"{file.path}: {source.quotes:,} quotes, an odd number, and {source.lines:,} lines for {rows:,} rows: a "
            "quote that is not closed (or not doubled) swallows the lines after it; expected balanced quotes. Is it "
            "truncated?"
        )
    if source.last == b"\n" or last_bad > last_good:
        return batch
    shorter = {name: array.slice(0, len(array) - 1) for name, array in batch.columns.items()}
    text = str({name: str(array[-1]) for name, array in batch.columns.items()})
    cut = Malformed(last_good, "a quoted cell is not closed at the end of the file", text)
    return dataclasses.replace(
        batch, columns=shorter, positions=batch.positions[:-1], malformed=(*batch.malformed, cut)
    )
