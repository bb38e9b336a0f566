"""A cache of accumulators, by content: a batch of rows that was analysed or counted before is not counted again.

    CACHE/<analyzer identity>/<hash of the batch's row digests>    SHA-256 of the payload, then the payload

The name says all that the accumulator depends on: what is counted and how, and which rows. So an entry can never be
stale: rows that changed, were dropped as duplicates or moved to another split give another name, and so does another
tokenizer. A damaged entry is noticed by its checksum, counted again and replaced. Entries appear whole, so runs
may share a cache and be killed.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from pipeline.rows import DIGEST, KEY, SPLIT
from pipeline.whole_files import write_whole
from schemas.errors import OutputError

_CHECKSUM_BYTES = 32


class DamagedEntry(Exception):
    """A cache entry whose checksum is wrong."""


def batch_identity(batch: pa.RecordBatch, beside: bool = False) -> str:
    """A hash of which rows a batch holds, whatever their order.

    Args:
      batch: canonical or transformed rows.
      beside: whether their splits and keys count as well.
    """
    digests, *others = [_flat(batch.column(name)) for name in ([DIGEST, SPLIT, KEY] if beside else [DIGEST])]
    joined = b"".join(sorted(digests.to_pylist()))
    if others:
        rows = zip(digests.to_pylist(), *(column.cast(pa.binary()).to_pylist() for column in others), strict=True)
        joined = repr(sorted(rows)).encode()
    return hashlib.sha256(joined).hexdigest()[:40]


def _flat(column: pa.Array) -> pa.Array:
    return column.flatten() if isinstance(column, pa.ListArray) else column


class AnalysisCache:
    """Accumulators in a directory on any filesystem that Beam knows.

    Args:
      directory: made when absent.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory.rstrip("/")

    def load(self, analyzer: str, batch: str) -> bytes | None:
        """An entry's payload, or None when there is none.

        Raises:
          DamagedEntry: it is there, and not what was written.
        """
        path = self._path(analyzer, batch)
        if not FileSystems.exists(path):
            return None
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            content = file.read()
        checksum, payload = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        if hashlib.sha256(payload).digest() != checksum:
            raise DamagedEntry(path)
        return payload

    def store(self, analyzer: str, batch: str, payload: bytes) -> None:
        """Writes an entry, whole or not at all."""
        write_whole(self._path(analyzer, batch), hashlib.sha256(payload).digest() + payload)

    def _path(self, analyzer: str, batch: str) -> str:
        return FileSystems.join(self._directory, analyzer, batch)


def open_cache(directory: str | None) -> AnalysisCache | None:
    """The cache in `directory`, made when absent; None without a directory.

    Raises:
      OutputError: it cannot be made.
    """
    if directory is None:
        return None
    try:
        if not FileSystems.exists(directory):
            FileSystems.mkdirs(directory)
    except OSError as error:
        raise OutputError(f"{directory}: cannot make the cache ({error}); choose another --cache") from error
    return AnalysisCache(directory)
