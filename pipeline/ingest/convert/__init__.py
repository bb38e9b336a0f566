"""Raw columns, of whatever type a file has, into the canonical columns of `pipeline.rows`, a feature at a time.

    convert_feature(name, feature, raw, time, problems) -> {raw feature name: canonical Arrow array}

Every function is vectorised over a batch. A row that cannot be converted is flagged in `problems` with its reason and
gets a placeholder, so that arrays keep their length; the caller drops flagged rows afterwards.
"""

from __future__ import annotations

import pyarrow as pa

from pipeline.ingest.convert.categories import convert_category, convert_label
from pipeline.ingest.convert.moments import TimeColumn
from pipeline.ingest.convert.numbers import convert_number
from pipeline.ingest.convert.series import convert_series, convert_vector
from pipeline.ingest.convert.text import convert_text
from pipeline.ingest.convert.tokens import convert_tokens
from pipeline.ingest.problems import Problems
from schemas.features import (
    AnyFeature,
    IdsFeature,
    NumberFeature,
    SeriesFeature,
    TextFeature,
    TokensFeature,
    VectorFeature,
)

__all__ = ["convert_feature", "convert_label"]


def convert_feature(
    name: str, feature: AnyFeature, raw: pa.Array, time: TimeColumn | None, problems: Problems
) -> dict[str, pa.Array]:
    """One feature's canonical columns.

    Args:
      name: the feature's name, for messages and as column name.
      feature: its spec; a series has its number of channels resolved.
      raw: the input column.
      time: the column with the times of the steps, for a series that has one.
      problems: where bad rows are flagged.

    Returns:
      Canonical columns by raw feature name, `len(raw)` rows each.
    """
    if isinstance(feature, TextFeature):
        return {name: convert_text(name, feature, raw, problems)}
    if isinstance(feature, TokensFeature | IdsFeature):
        return {name: convert_tokens(name, feature, raw, problems)}
    if isinstance(feature, SeriesFeature):
        return convert_series(name, feature, raw, time, problems)
    if isinstance(feature, VectorFeature):
        return {name: convert_vector(name, feature, raw, problems)}
    if isinstance(feature, NumberFeature):
        return {name: convert_number(name, feature, raw, problems)}
    return {name: convert_category(name, feature, raw, problems)}
