"""What is counted on transformed rows beside their lengths: ids, the shortest and longest rows, labels by length.

One accumulator a batch, merged in any order:

    ids       (split, feature) -> IdCounts         token and category features
    extremes  (split, feature) -> Extremes         sequence features
    labels    (split, feature, length cell) -> ExactMoments of a regression label

A length cell is named by its smallest length and a quarter or less as wide: 0 1 2 3 4 5 6 7 8 10 12 14 16 20 24 28 ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.rows import LABEL
from pipeline.statistics.extremes import Extremes
from pipeline.statistics.token_rows import IdCounts
from pipeline.transform.exact_moments import ExactMoments, merge_moments, moments_of
from pipeline.transformed import lengths_of, scalars, splits_of
from schemas.manifest import FeatureInfo

Place = tuple[str, str]
Key = TypeVar("Key")
Part = TypeVar("Part")


@dataclass(frozen=True)
class TransformedCounts:
    """Counts of transformed rows.

    Attributes:
      ids: by (split, feature).
      extremes: by (split, feature).
      labels: by (split, feature, length cell); empty unless the label is a number.
    """

    ids: dict[Place, IdCounts] = field(default_factory=dict)
    extremes: dict[Place, Extremes] = field(default_factory=dict)
    labels: dict[tuple[str, str, int], ExactMoments] = field(default_factory=dict)

    @classmethod
    def of(cls, batch: pa.RecordBatch, infos: list[FeatureInfo], label_kind: str | None) -> TransformedCounts:
        """Counts one batch of transformed rows.

        Args:
          batch: transformed rows.
          infos: every feature.
          label_kind: of the spec's label; None without one.
        """
        counts = cls()
        splits = splits_of(batch)
        values = scalars(batch, LABEL).to_numpy(zero_copy_only=False) if label_kind == "regression" else None
        for split in pc.unique(splits).to_pylist():
            rows = pc.equal(splits, split).to_numpy(zero_copy_only=False)
            for info in infos:
                if info.kind in ("ids", "category"):
                    counts.ids[split, info.name] = IdCounts.of(_values_of(batch.column(info.name), rows))
                if info.is_sequence:
                    counts.extremes[split, info.name] = Extremes.of(batch, info, rows)
                if info.is_sequence and values is not None:
                    cells = length_cells(lengths_of(batch, info)[rows])
                    for cell in np.unique(cells).tolist():
                        chosen = values[rows][cells == cell].astype(np.float32)
                        counts.labels[split, info.name, cell] = moments_of(chosen[:, np.newaxis])[0]
        return counts

    @classmethod
    def merge(cls, parts: Iterable[TransformedCounts]) -> TransformedCounts:
        """The counts of all parts together; of none, nothing counted."""
        parts = list(parts)
        return cls(
            merge_by_key([part.ids for part in parts], IdCounts.merge),
            merge_by_key([part.extremes for part in parts], Extremes.merge),
            merge_by_key([part.labels for part in parts], lambda some: merge_moments([m] for m in some)[0]),
        )


def merge_by_key(parts: list[dict[Key, Part]], merge: Callable[[list[Part]], Part]) -> dict[Key, Part]:
    """One dictionary of all: the values of each key merged, keys in sorted order."""
    gathered: dict[Key, list[Part]] = {}
    for part in parts:
        for key, value in part.items():
            gathered.setdefault(key, []).append(value)
    return {key: merge(gathered[key]) for key in sorted(gathered)}  # type: ignore[type-var]


def length_cells(lengths: np.ndarray) -> np.ndarray:
    """int64[n]: the smallest length in the cell of each length."""
    lengths = np.asarray(lengths, np.int64)
    shift = np.maximum(np.frexp(lengths.astype(np.float64))[1] - 3, 0)
    return (lengths >> shift) << shift


def _values_of(column: pa.Array, rows: np.ndarray) -> np.ndarray:
    """The ids of some rows of a list column, flat."""
    if rows.all():
        return column.flatten().to_numpy(zero_copy_only=False)
    return column.filter(pa.array(rows)).flatten().to_numpy(zero_copy_only=False)
