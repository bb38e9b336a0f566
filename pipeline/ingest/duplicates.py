"""Which rows lose to another row: by an equal key with other content, or by equal content.

    identity batch   split int8 code, row int64, digest binary[16], key string: what is shuffled; never whole rows
    loser batch      row int64, reason int8 (DUPLICATE_KEY or DUPLICATE)

Within one key the smallest digest wins, and rows with another are rejected: two different rows cannot be one thing.
Among the rows left, equal digests are duplicates: the earliest split wins (train, validation, test), then the smallest
key. Rows equal in all of this are interchangeable, and the smallest row id decides between them. So the rows that
remain are the same whatever the order of rows, files and workers.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ingest.finishing import ROW
from pipeline.rows import DIGEST, DIGEST_BYTES, KEY, SPLIT
from schemas.splits import SPLIT_NAMES

DUPLICATE_KEY = 1
DUPLICATE = 2
LOSER_SCHEMA = pa.schema([(ROW, pa.int64()), ("reason", pa.int8())])


def identities(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The identity batch of some finished rows."""
    codes = pc.index_in(rows.column(SPLIT), pa.array(SPLIT_NAMES)).cast(pa.int8())
    arrays = [codes, rows.column(ROW), rows.column(DIGEST), rows.column(KEY)]
    return pa.RecordBatch.from_arrays(arrays, names=[SPLIT, ROW, DIGEST, KEY])


def partitioned(batch: pa.RecordBatch, hashes: np.ndarray, partitions: int) -> list[tuple[int, pa.RecordBatch]]:
    """(partition, part) for the parts of `batch` with equal hash modulo `partitions`; uint64[rows] hashes."""
    part_of = (hashes % np.uint64(partitions)).astype(np.int64)
    order = np.argsort(part_of, kind="stable")
    bounds = np.searchsorted(part_of[order], np.arange(partitions + 1))
    ordered = batch.take(pa.array(order))
    return [
        (part, ordered.slice(int(start), int(stop - start)))
        for part, (start, stop) in enumerate(zip(bounds[:-1], bounds[1:], strict=True))
        if stop > start
    ]


def digest_words(batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """(first, second) uint64[rows]: the digest's two halves, in the order of their bytes."""
    column = batch.column(DIGEST)
    words = np.frombuffer(column.buffers()[1], dtype=">u8").reshape(-1, DIGEST_BYTES // 8)
    words = words[column.offset : column.offset + len(column)].astype(np.uint64)
    return words[:, 0], words[:, 1]


def key_conflicts(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """(identities that stay, losers): within each key, all digests but the smallest lose.

    Args:
      batch: all identities of the keys in it.
    """
    encoded = batch.column(KEY).dictionary_encode()
    key = encoded.indices.to_numpy(zero_copy_only=False)
    if len(encoded.dictionary) == batch.num_rows:
        return batch, losers_of(np.zeros(0, np.int64), DUPLICATE_KEY)
    first, second = digest_words(batch)
    order = np.lexsort((second, first, key))
    starts = np.concatenate([[True], key[order][1:] != key[order][:-1]])
    winner = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
    loses = np.zeros(batch.num_rows, dtype=bool)
    loses[order] = (first[order] != first[winner]) | (second[order] != second[winner])
    rows = batch.column(ROW).to_numpy(zero_copy_only=False)
    return batch.filter(pa.array(~loses)), losers_of(rows[loses], DUPLICATE_KEY)


def equal_content(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Losers: within each digest, all rows but the one of the earliest split, smallest key and smallest row id.

    Args:
      batch: all identities of the digests in it.
    """
    first, second = digest_words(batch)
    order = np.lexsort((second, first))
    same = (first[order][1:] == first[order][:-1]) & (second[order][1:] == second[order][:-1])
    if not same.any():
        return losers_of(np.zeros(0, np.int64), DUPLICATE)
    group = np.cumsum(np.concatenate([[0], ~same]))
    candidate = np.concatenate([same, [False]]) | np.concatenate([[False], same])
    index, group = order[candidate], group[candidate]
    some = batch.take(pa.array(index))
    rows = some.column(ROW).to_numpy(zero_copy_only=False)
    keys = pc.rank(some.column(KEY), tiebreaker="dense").to_numpy(zero_copy_only=False)
    ranked = np.lexsort((rows, keys, some.column(SPLIT).to_numpy(zero_copy_only=False), group))
    loses = np.concatenate([[False], group[ranked][1:] == group[ranked][:-1]])
    return losers_of(rows[ranked[loses]], DUPLICATE)


def losers_of(rows: np.ndarray, reason: int) -> pa.RecordBatch:
    """A loser batch of int64[losers] row ids, all for one reason."""
    reasons = pa.array(np.full(len(rows), reason, dtype=np.int8))
    return pa.RecordBatch.from_arrays([pa.array(rows, pa.int64()), reasons], schema=LOSER_SCHEMA)


class Losers:
    """All losers of a job, for looking rows up.

    Args:
      batches: loser batches, in any order.
    """

    def __init__(self, batches: list[pa.RecordBatch]) -> None:
        table = pa.Table.from_batches(batches, LOSER_SCHEMA)
        rows = table.column(ROW).to_numpy()
        order = np.argsort(rows, kind="stable")
        self._rows = rows[order]
        self._reasons = table.column("reason").to_numpy()[order]

    def reasons(self, rows: pa.RecordBatch) -> np.ndarray:
        """int8[rows]: DUPLICATE_KEY, DUPLICATE, or 0 for a row that stays."""
        wanted = rows.column(ROW).to_numpy(zero_copy_only=False)
        found = np.zeros(len(wanted), dtype=np.int8)
        if len(self._rows):
            place = np.minimum(np.searchsorted(self._rows, wanted), len(self._rows) - 1)
            hit = self._rows[place] == wanted
            found[hit] = self._reasons[place[hit]]
        return found
