"""Exact histogram of lengths: how many rows have each number of steps.

lengths [3, 0, 3, 7]  ->  length [0, 3, 7], rows [1, 2, 1]
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np


def _empty() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class LengthCounts:
    """Rows by length.

    Attributes:
      lengths: int64[distinct], ascending.
      rows: int64[distinct], all above 0.
    """

    lengths: np.ndarray = field(default_factory=_empty)
    rows: np.ndarray = field(default_factory=_empty)

    @classmethod
    def of(cls, lengths: np.ndarray) -> LengthCounts:
        """Counts int[rows] of lengths in steps."""
        values, rows = np.unique(np.asarray(lengths, np.int64), return_counts=True)
        return cls(values, rows.astype(np.int64))

    @classmethod
    def merge(cls, parts: Iterable[LengthCounts]) -> LengthCounts:
        """The histogram of all parts together; of none, an empty one."""
        parts = list(parts)
        if not parts:
            return cls()
        values, inverse = np.unique(np.concatenate([part.lengths for part in parts]), return_inverse=True)
        rows = np.zeros(len(values), np.int64)
        np.add.at(rows, inverse, np.concatenate([part.rows for part in parts]))
        return cls(values, rows)

    def quantile(self, share: float) -> int:
        """The smallest length that at least `share` of the rows do not exceed; 0 without rows."""
        if not len(self.rows):
            return 0
        needed = math.ceil(share * int(self.rows.sum()) - 1e-9)
        return int(self.lengths[np.searchsorted(np.cumsum(self.rows), max(needed, 1))])

    @property
    def total_rows(self) -> int:
        """Number of rows."""
        return int(self.rows.sum())

    @property
    def total_steps(self) -> int:
        """Sum of all lengths, steps."""
        return int((self.lengths * self.rows).sum())

    @property
    def longest(self) -> int:
        """Largest length, steps; 0 without rows."""
        return int(self.lengths[-1]) if len(self.lengths) else 0

    def to_json(self) -> str:
        """Two lists, as JSON."""
        return json.dumps({"lengths": self.lengths.tolist(), "rows": self.rows.tolist()})

    @classmethod
    def from_json(cls, text: str) -> LengthCounts:
        """The inverse of to_json."""
        data = json.loads(text)
        return cls(np.asarray(data["lengths"], np.int64), np.asarray(data["rows"], np.int64))
