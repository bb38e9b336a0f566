"""The shortest and the longest rows of a sequence feature, by key, with the values they begin with.

Ties are decided by the row's content digest and key, so the same rows are picked whatever their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.rows import DIGEST
from pipeline.transformed import keys_of, raw_lengths_of, scalars
from schemas.manifest import FeatureInfo

KEPT_ROWS = 3
# Values (ids, or numbers of a series) kept of a row: enough for one line of text.
KEPT_VALUES = 24


@dataclass(frozen=True, order=True)
class RowBeginning:
    """One row.

    Attributes:
      length: steps before truncation.
      digest, key: its identity.
      values: the first transformed values, flat.
    """

    length: int
    digest: bytes
    key: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Extremes:
    """At most KEPT_ROWS rows each, shortest first and longest first."""

    shortest: tuple[RowBeginning, ...] = ()
    longest: tuple[RowBeginning, ...] = ()

    @classmethod
    def of(cls, batch: pa.RecordBatch, info: FeatureInfo, rows: np.ndarray) -> Extremes:
        """Picks from a batch of transformed rows.

        Args:
          batch: transformed rows.
          info: the sequence feature.
          rows: bool[rows], which of them to look at.
        """
        lengths = raw_lengths_of(batch, info)
        candidates = np.flatnonzero(rows)
        if not len(candidates):
            return cls()
        ordered = np.sort(lengths[candidates])
        kept = min(KEPT_ROWS, len(ordered)) - 1
        short = candidates[lengths[candidates] <= ordered[kept]]
        long = candidates[lengths[candidates] >= ordered[-1 - kept]]
        return cls(
            _ranked(_beginnings(batch, info, lengths, short), 1), _ranked(_beginnings(batch, info, lengths, long), -1)
        )

    @classmethod
    def merge(cls, parts: Iterable[Extremes]) -> Extremes:
        """The extremes of all parts together; of none, no rows."""
        parts = list(parts)
        return cls(
            _ranked([row for part in parts for row in part.shortest], 1),
            _ranked([row for part in parts for row in part.longest], -1),
        )


def _ranked(rows: list[RowBeginning], sign: int) -> tuple[RowBeginning, ...]:
    return tuple(sorted(rows, key=lambda row: (sign * row.length, row.digest, row.key))[:KEPT_ROWS])


def _beginnings(
    batch: pa.RecordBatch, info: FeatureInfo, lengths: np.ndarray, candidates: np.ndarray
) -> list[RowBeginning]:
    """The first KEPT_ROWS of equally long candidates, by digest; never a whole batch of empty rows as objects."""
    digests, keys, values = scalars(batch, DIGEST), keys_of(batch), batch.column(info.name)
    identities = [(digests[int(row)].as_py(), int(row)) for row in candidates]
    found: dict[int, int] = {}
    rows: list[RowBeginning] = []
    for digest, row in sorted(identities):
        length = int(lengths[row])
        if found.get(length, 0) < KEPT_ROWS or rows and rows[-1].digest == digest:
            found[length] = found.get(length, 0) + 1
            first = values[row].values[:KEPT_VALUES].to_pylist()
            rows.append(RowBeginning(length, bytes(digest), keys[row].as_py(), tuple(first)))
    return rows
