"""How Arrow record batches travel between Beam stages: as Arrow IPC streams, compressed.

The DirectRunner keeps what travels in memory, twice over, and other runners send it over the network. Zstandard at its
fastest level takes a third less room than LZ4 (film reviews 43 instead of 65 % of their size, ids 40 instead of 57 %),
for 1.5 ms more a MiB and direction (2026-11-24).
"""

from __future__ import annotations

import pyarrow as pa
from apache_beam import coders

_OPTIONS = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))


class RecordBatchCoder(coders.Coder):
    """Encodes a RecordBatch as one IPC stream."""

    def encode(self, value: pa.RecordBatch) -> bytes:
        """The batch's bytes."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema, options=_OPTIONS) as writer:
            writer.write_batch(value)
        return sink.getvalue().to_pybytes()

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        """The batch."""
        with pa.ipc.open_stream(pa.py_buffer(encoded)) as reader:
            return reader.read_next_batch()

    def estimate_size(self, value: pa.RecordBatch) -> int:
        """About the batch's encoded size; the default would encode it once more, only to count."""
        return value.nbytes

    def is_deterministic(self) -> bool:
        """Equal batches have equal bytes; still, no batch is ever a key."""
        return False

    def to_type_hint(self) -> type:
        """The type this coder is for."""
        return pa.RecordBatch


coders.registry.register_coder(pa.RecordBatch, RecordBatchCoder)


class Merger:
    """Collects small batches of one schema and gives them out merged, in order.

    Args:
      rows: a merged batch is given out as soon as it has this many rows,
      size_bytes: or this many bytes.
    """

    def __init__(self, rows: int = 4096, size_bytes: int = 8 << 20) -> None:
        self._rows, self._size_bytes = rows, size_bytes
        self._held: list[pa.RecordBatch] = []
        self._held_rows = self._held_bytes = 0

    def add(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        """Takes a batch; returns a merged one when enough is held."""
        if batch.num_rows:
            self._held.append(batch)
            self._held_rows += batch.num_rows
            self._held_bytes += batch.nbytes
        # Half of the target is enough: waiting for the rest would copy batches that are large already.
        if self._held_rows * 2 >= self._rows or self._held_bytes * 2 >= self._size_bytes:
            return self.flush()
        return None

    @property
    def held_rows(self) -> int:
        """Rows that wait for others."""
        return self._held_rows

    def flush(self) -> pa.RecordBatch | None:
        """What is held, as one batch; None when that is nothing."""
        held, self._held = self._held, []
        self._held_rows = self._held_bytes = 0
        if len(held) > 1:
            return pa.concat_batches(held)
        return held[0] if held else None
