"""What the train split says of a token feature: how often each token occurs, and how many tokens rows have.

An accumulator is a TokenCounts: exact, mergeable in any order, small beside the text (one entry a distinct token).
Counting batch by batch keeps the vocabulary exact without one Beam element a distinct token and batch, which is
where tf.Transform's own vocabulary spends its time.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.transform.length_counts import LengthCounts
from schemas.features import Vocabulary

# A vocabulary file holds one token a line, so a token with a line break in it cannot be kept: it is unknown.
UNWRITABLE = r"[\n\r]|^$"


@dataclass(frozen=True)
class TokenCounts:
    """Token frequencies and row lengths.

    Attributes:
      tokens: string[distinct], no token twice.
      counts: int64[distinct], occurrences.
      lengths: rows by number of tokens.
    """

    tokens: pa.Array
    counts: pa.Array
    lengths: LengthCounts

    @classmethod
    def of(cls, rows: pa.ListArray) -> TokenCounts:
        """Counts list<string>[rows]."""
        encoded = pc.value_counts(rows.flatten())
        return cls(
            encoded.field("values").cast(pa.string()),
            encoded.field("counts"),
            LengthCounts.of(pc.list_value_length(rows).to_numpy(zero_copy_only=False)),
        )

    @classmethod
    def of_bytes(cls, rows: list[bytes]) -> TokenCounts:
        """Counts the bytes of text as tokens "0" to "255"."""
        counts = np.bincount(np.frombuffer(b"".join(rows), np.uint8), minlength=256).astype(np.int64)
        seen = np.flatnonzero(counts)
        lengths = LengthCounts.of(np.array([len(row) for row in rows], np.int64))
        return cls(pa.array([str(value) for value in seen], pa.string()), pa.array(counts[seen]), lengths)

    @classmethod
    def merge(cls, parts: Iterable[TokenCounts]) -> TokenCounts:
        """The counts of all parts together; of none, empty counts."""
        parts = list(parts)
        table = pa.table(
            {
                "token": pa.chunked_array([part.tokens for part in parts], pa.string()),
                "count": pa.chunked_array([part.counts for part in parts], pa.int64()),
            }
        )
        if len(parts) > 1:
            table = (
                table.group_by("token", use_threads=False)
                .aggregate([("count", "sum")])
                .rename_columns(["token", "count"])
            )
        table = table.combine_chunks()
        return cls(
            _one_array(table["token"], pa.string()),
            _one_array(table["count"], pa.int64()),
            LengthCounts.merge(part.lengths for part in parts),
        )

    def vocabulary(self, rule: Vocabulary) -> pa.Table:
        """The kept tokens, most frequent first, ties in byte order of the token.

        Returns:
          Table with columns token (string) and count (int64), at most `rule.size` rows.
        """
        table = pa.table({"token": self.tokens, "count": self.counts})
        keep = pc.and_(
            pc.greater_equal(table["count"], rule.min_count),
            pc.invert(pc.match_substring_regex(table["token"], UNWRITABLE)),
        )
        table = table.filter(keep)
        table = table.set_column(0, "token", table["token"].cast(pa.binary()))
        order = pc.sort_indices(table, sort_keys=[("count", "descending"), ("token", "ascending")])
        table = table.take(order[: rule.size])
        return table.set_column(0, "token", table["token"].cast(pa.string()))

    def most_frequent(self, number: int, without: Sequence[str]) -> list[dict[str, Any]]:
        """The most frequent tokens that are not in `without`, ties in byte order: {"token": ..., "count": ...} each."""
        excluded = pc.is_in(self.tokens, pa.array(without, pa.string()))
        table = pa.table({"token": self.tokens.cast(pa.binary()), "count": self.counts}).filter(pc.invert(excluded))
        if table.num_rows > number:  # only what can be among the first is worth sorting
            least = pc.select_k_unstable(table["count"], number, sort_keys=[("", "descending")])[-1].as_py()
            table = table.filter(pc.greater_equal(table["count"], table["count"][least]))
        order = pc.sort_indices(table, sort_keys=[("count", "descending"), ("token", "ascending")])
        table = table.take(order[:number])
        return table.set_column(0, "token", table["token"].cast(pa.string())).to_pylist()

    def to_bytes(self) -> bytes:
        """Arrow IPC of tokens and counts, with the lengths in its metadata."""
        table = pa.table({"token": self.tokens, "count": self.counts})
        table = table.replace_schema_metadata({"lengths": self.lengths.to_json()})
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> TokenCounts:
        """The inverse of to_bytes."""
        table = pa.ipc.open_stream(data).read_all()
        lengths = LengthCounts.from_json(table.schema.metadata[b"lengths"].decode())
        return cls(_one_array(table["token"], pa.string()), _one_array(table["count"], pa.int64()), lengths)


def _one_array(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    chunks = column.chunks
    return pa.concat_arrays(chunks) if chunks else pa.array([], kind)


def total(counts: pa.Array) -> int:
    """Sum of int64[n], 0 when empty."""
    return int(np.sum(counts.to_numpy(zero_copy_only=False)))
