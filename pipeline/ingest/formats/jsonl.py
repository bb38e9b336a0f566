"""JSON lines: one object a line.

A block of lines is parsed by Arrow with the types seen in the file's head. A block that does not fit them (a string
among numbers, a broken line, invalid UTF-8) is parsed again line by line: a line that is no JSON object is a malformed
row, and a value that does not fit its column's shape is marked in `wrong_type`. Both ways give the same rows.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pajson

from pipeline.ingest.convert.json_values import column_of, fast_type, is_nested, observed_type, sample_of
from pipeline.ingest.files import InputFile, open_stream
from pipeline.ingest.raw import Malformed, Peek, RawBatch, Request, slices
from schemas.errors import InputError

BLOCK_BYTES = 8 << 20
SAMPLE_LINES = 1000
SAMPLE_BYTES = 4 << 20


def peek(file: InputFile) -> Peek:
    """Keys and types of the first lines."""
    head = next(_blocks(file, SAMPLE_BYTES), b"")
    lines = [line for line in head.splitlines() if line.strip()][:SAMPLE_LINES]
    rows = [row for row in map(_object, lines) if isinstance(row, dict)]
    if lines and not rows:
        raise InputError(f"{file.path}: none of its first {len(lines)} lines is a JSON object; expected one a line")
    names = list(dict.fromkeys(name for row in rows for name in row))
    types = {name: observed_type([row.get(name) for row in rows]) for name in names}
    columns = {name: sample_of([row.get(name) for row in rows], types[name]) for name in names}
    return Peek(pa.schema(list(types.items())), bool(lines), pa.table(columns) if columns else pa.table({}))


def read(file: InputFile, request: Request) -> Iterator[RawBatch]:
    """Streams the rows; a key that a line lacks is null."""
    seen = {field.name: field.type for field in peek(file).schema}
    schema = pa.schema([(name, fast_type(seen.get(name), shape)) for name, shape in request.shapes.items()])
    position = 0
    rows = request.rows_per_batch
    for block in _blocks(file, BLOCK_BYTES):
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        batch = _fast(block, schema, lines)
        if batch is None:
            yield from _slow(block, request.shapes, position, rows)
        else:
            start = position
            for part in slices(batch, rows):
                positions = np.arange(start, start + part.num_rows, dtype=np.int64)
                yield RawBatch(dict(zip(part.schema.names, part.columns, strict=True)), positions)
                start += part.num_rows
        position += lines


def _blocks(file: InputFile, block_bytes: int) -> Iterator[bytes]:
    """Whole lines, at least `block_bytes` at a time where the file has them."""
    with open_stream(file) as stream:
        parts: list[bytes] = []
        start = stream.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
        while data := start + stream.read(block_bytes):
            start = b""
            end = data.rfind(b"\n") + 1
            if end:
                yield b"".join([*parts, data[:end]])
                parts = [data[end:]]
            else:
                parts.append(data)
        if rest := b"".join(parts):
            yield rest


def _fast(block: bytes, schema: pa.Schema, lines: int) -> pa.RecordBatch | None:
    """The block parsed by Arrow; None when it does not fit `schema` line for line."""
    try:
        table = pajson.read_json(
            pa.BufferReader(block),
            read_options=pajson.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
        for column in table.columns:
            for chunk in column.chunks:
                chunk.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None
    if table.num_rows != lines:
        return None
    arrays = [column.combine_chunks() for column in table.columns]
    arrays = [array.chunk(0) if isinstance(array, pa.ChunkedArray) else array for array in arrays]
    return pa.RecordBatch.from_arrays(arrays, names=table.schema.names)


def _slow(block: bytes, shapes: Mapping[str, str], first: int, rows_per_batch: int) -> Iterator[RawBatch]:
    rows: list[dict[str, Any]] = []
    positions: list[int] = []
    malformed: list[Malformed] = []
    nesting: dict[str, bool] = {}
    for offset, line in enumerate(block.split(b"\n")):
        if not line.strip():
            continue
        row = _object(line)
        if not isinstance(row, dict):
            malformed.append(Malformed(first + offset, row, line[:400].decode(errors="replace")))
            continue
        own = {
            name: nested for name, shape in shapes.items() if (nested := is_nested(row.get(name), shape)) is not None
        }
        # A batch holds either flat or nested series; a change between them, or a full batch, closes it.
        if len(rows) == rows_per_batch or any(nesting.get(name, nested) != nested for name, nested in own.items()):
            yield _batch(rows, positions, malformed, shapes)
            rows, positions, malformed, nesting = [], [], [], {}
        nesting |= own
        rows.append(row)
        positions.append(first + offset)
    if rows or malformed:
        yield _batch(rows, positions, malformed, shapes)


def _batch(
    rows: list[dict[str, Any]], positions: list[int], malformed: list[Malformed], shapes: Mapping[str, str]
) -> RawBatch:
    columns, wrong = {}, {}
    for name, shape in shapes.items():
        array, bad = column_of([row.get(name) for row in rows], shape)
        columns[name] = array
        if bad.any():
            wrong[name] = bad
    return RawBatch(columns, np.asarray(positions, dtype=np.int64), wrong, tuple(malformed))


def _object(line: bytes) -> dict[str, Any] | str:
    """The line's object, or what is wrong with it."""
    try:
        value = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return f"invalid UTF-8 at byte {error.start} of the line"
    except (json.JSONDecodeError, RecursionError) as error:
        return f"not JSON: {error}"
    return value if isinstance(value, dict) else f"a JSON {type(value).__name__}, expected an object"
