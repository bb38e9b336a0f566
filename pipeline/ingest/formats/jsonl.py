"""JSON lines: one object a line.

A block of lines is parsed by Arrow with the types seen in the file's head. A block that does not fit them (a string
among numbers, a broken line, invalid UTF-8) is parsed again line by line: a line that is no JSON object is a malformed
row, and a value of another type is marked in `wrong_type`, so that the rest of the block is kept. Both ways give
the same rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pajson

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
    columns = {name: _column([row.get(name) for row in rows], types[name])[0] for name in names}
    return Peek(pa.schema(list(types.items())), bool(lines), pa.table(columns) if columns else pa.table({}))


def read(file: InputFile, request: Request) -> Iterator[RawBatch]:
    """Streams the rows; a key that a line lacks is null."""
    types = peek(file).schema
    observed = {field.name: field.type for field in types}
    schema = pa.schema([(name, _suited(observed.get(name, pa.null()), hint)) for name, hint in request.hints.items()])
    position = 0
    rows = request.rows_per_batch
    for block in _blocks(file, BLOCK_BYTES):
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        batch = _fast(block, schema, lines)
        if batch is None:
            yield from _slow(block, schema, position, rows)
        else:
            start = position
            for part in slices(batch, rows):
                positions = np.arange(start, start + part.num_rows, dtype=np.int64)
                yield RawBatch(dict(zip(part.schema.names, part.columns, strict=True)), positions)
                start += part.num_rows
        position += lines


def observed_type(values: list[Any]) -> pa.DataType:
    """The Arrow type of most of the JSON `values`; whole numbers give way to fractions, null to anything."""
    present = [value for value in values if value is not None]
    if not present:
        return pa.null()
    lists = [value for value in present if isinstance(value, list)]
    if 2 * len(lists) > len(present):
        return pa.list_(observed_type([item for value in lists for item in value[:64]]))
    kinds = [
        "bool" if isinstance(v, bool) else "number" if isinstance(v, int | float) else type(v).__name__ for v in present
    ]
    commonest = max(sorted(set(kinds)), key=kinds.count)
    if commonest == "number":
        fractions = any(isinstance(value, float) for value in present)
        return pa.float64() if fractions else pa.int64()
    return pa.bool_() if commonest == "bool" else pa.string()


def _blocks(file: InputFile, block_bytes: int) -> Iterator[bytes]:
    """Whole lines, at least `block_bytes` at a time where the file has them."""
    with open_stream(file) as stream:
        parts: list[bytes] = []
        while data := stream.read(block_bytes):
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


def _suited(observed: pa.DataType, hint: pa.DataType) -> pa.DataType:
    """The observed type, with the hint where nothing was observed, and fractions where they may come later."""
    if pa.types.is_null(observed):
        return hint
    if pa.types.is_list(observed):
        return pa.list_(_suited(observed.value_type, hint.value_type if pa.types.is_list(hint) else hint))
    leaf = hint
    while pa.types.is_list(leaf):
        leaf = leaf.value_type
    return pa.float64() if pa.types.is_integer(observed) and pa.types.is_floating(leaf) else observed


def _slow(block: bytes, schema: pa.Schema, first: int, rows_per_batch: int) -> Iterator[RawBatch]:
    rows: list[dict[str, Any]] = []
    positions: list[int] = []
    malformed: list[Malformed] = []
    for offset, line in enumerate(block.split(b"\n")):
        if not line.strip():
            continue
        row = _object(line)
        if isinstance(row, dict):
            rows.append(row)
            positions.append(first + offset)
        else:
            malformed.append(Malformed(first + offset, str(row), line[:400].decode(errors="replace")))
        if len(rows) == rows_per_batch:
            yield _batch(rows, positions, malformed, schema)
            rows, positions, malformed = [], [], []
    if rows or malformed:
        yield _batch(rows, positions, malformed, schema)


def _batch(rows: list[dict[str, Any]], positions: list[int], malformed: list[Malformed], schema: pa.Schema) -> RawBatch:
    columns, wrong = {}, {}
    for field in schema:
        array, bad = _column([row.get(field.name) for row in rows], field.type)
        columns[field.name] = array
        if bad.any():
            wrong[field.name] = bad
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


def _column(values: list[Any], dtype: pa.DataType) -> tuple[pa.Array, np.ndarray]:
    """(array, bool[rows] wrong type): values that do not fit `dtype` become null and are marked."""
    try:
        fitting = [_fit(value, dtype) for value in values]
        wrong = np.fromiter((fit is _UNFIT for fit in fitting), dtype=bool, count=len(fitting))
        return pa.array([None if fit is _UNFIT else fit for fit in fitting], type=dtype), wrong
    except (pa.ArrowInvalid, OverflowError) as error:  # whole numbers beyond 64 bits are the only way here
        raise InputError(f"a JSON value fits no column of type {dtype}: {error}") from error


_UNFIT = object()


def _fit(value: Any, dtype: pa.DataType) -> Any:
    """`value` as Arrow takes it for `dtype`, or _UNFIT."""
    if value is None:
        return None
    if pa.types.is_list(dtype):
        if not isinstance(value, list):
            return _UNFIT
        items = [_fit(item, dtype.value_type) for item in value]
        return _UNFIT if any(item is _UNFIT for item in items) else items
    if pa.types.is_string(dtype):
        return value if isinstance(value, str) and _encodable(value) else _UNFIT
    if pa.types.is_boolean(dtype):
        return value if isinstance(value, bool) else _UNFIT
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _UNFIT
    if pa.types.is_integer(dtype):
        whole = isinstance(value, int) or (math.isfinite(value) and value == math.floor(value))
        return int(value) if whole and abs(value) < 2**63 else _UNFIT
    return float(value) if abs(value) < 1e308 or not isinstance(value, int) else _UNFIT


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, written as \ud800
        return False
    return True
