"""Everything that the pipeline counts for the statistics, together."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.statistics.lengths import LengthTable
from pipeline.statistics.raw_counts import RawCounts
from pipeline.statistics.transformed_counts import TransformedCounts


@dataclass(frozen=True)
class Counted:
    """Merged accumulators of all rows.

    Attributes:
      lengths: joint lengths and labels of transformed rows.
      transformed: ids, extremes, labels by length.
      raw: values and texts of canonical rows.
    """

    lengths: LengthTable
    transformed: TransformedCounts
    raw: RawCounts
