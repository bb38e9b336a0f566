"""Counts of token ids after transformation, and of token texts before it.

    IdCounts     how often each id occurs in a split: distinct tokens, top tokens
    TokenCounts  (pipeline/transform/tokens_analyzer.py) texts, for tokens that the vocabulary does not hold

The train split's texts were counted by the analyzer; only other splits are tokenised again, to name their unknown
tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.transform.tokenizers import tokenize_in_arrow
from pipeline.transform.tokens_analyzer import TokenCounts
from schemas.features import RESERVED_IDS, UNKNOWN_ID, CategoryFeature, TextFeature, TokenSequence
from schemas.statistics import CategoryStatistics, TokenCount, TokenStatistics

TOP_TOKENS = 50
TOP_UNKNOWN = 20


def _no_counts() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class IdCounts:
    """Occurrences of ids.

    Attributes:
      counts: int64[largest id + 1], by id.
    """

    counts: np.ndarray = field(default_factory=_no_counts)

    @classmethod
    def of(cls, ids: np.ndarray) -> IdCounts:
        """Counts int64[n] ids of at least 0."""
        return cls(np.bincount(ids).astype(np.int64))

    @classmethod
    def merge(cls, parts: Iterable[IdCounts]) -> IdCounts:
        """The counts of all parts together; of none, nothing counted."""
        parts = list(parts)
        merged = np.zeros(max((len(part.counts) for part in parts), default=0), np.int64)
        for part in parts:
            merged[: len(part.counts)] += part.counts
        return cls(merged)

    @property
    def total(self) -> int:
        """All ids counted."""
        return int(self.counts.sum())

    @property
    def unknown(self) -> int:
        """Ids that say 'unknown'."""
        return int(self.counts[UNKNOWN_ID]) if len(self.counts) > UNKNOWN_ID else 0


def count_texts(column: pa.Array, feature: TokenSequence | CategoryFeature) -> TokenCounts | None:
    """Counts the tokens of canonical rows as the analyzer does; None for bytes, which are never unknown.

    Args:
      column: string[rows] for text and categories, list<string> or list<int64> otherwise.
      feature: says how to tokenise.
    """
    if isinstance(feature, TextFeature):
        return None if feature.tokenizer == "bytes" else TokenCounts.of(tokenize_in_arrow(column, feature))
    if isinstance(feature, CategoryFeature):
        return TokenCounts.of(pa.ListArray.from_arrays(pa.array([0, len(column)], pa.int32()), column))
    offsets = pc.subtract(column.offsets, column.offsets[0])
    return TokenCounts.of(pa.ListArray.from_arrays(offsets, column.flatten().cast(pa.string())))


def describe_ids(ids: IdCounts, vocabulary: list[str], unknown: list[TokenCount]) -> TokenStatistics:
    """One token feature in one split.

    Args:
      ids: of the split.
      vocabulary: tokens by id - 2.
      unknown: its most frequent tokens outside the vocabulary.
    """
    known = ids.counts[RESERVED_IDS : RESERVED_IDS + len(vocabulary)]
    best = np.lexsort((np.arange(len(known)), -known))[:TOP_TOKENS]
    return TokenStatistics(
        steps=ids.total,
        unknown_steps=ids.unknown,
        unknown_share=ids.unknown / ids.total if ids.total else 0.0,
        distinct=int(np.count_nonzero(known)),
        top=[TokenCount(token=vocabulary[index], count=int(known[index])) for index in best if known[index]],
        top_unknown=unknown,
    )


def describe_category(ids: IdCounts, texts: TokenCounts) -> CategoryStatistics:
    """One category feature in one split; the empty text is a missing value."""
    missing = int(pc.sum(texts.counts.filter(pc.equal(texts.tokens, ""))).as_py() or 0)
    known = texts.tokens.filter(pc.not_equal(texts.tokens, ""))
    return CategoryStatistics(
        rows=ids.total,
        missing=missing,
        unknown_rows=ids.unknown,
        distinct=len(known),
        top=[TokenCount(token=t["token"], count=t["count"]) for t in texts.most_frequent(TOP_TOKENS, [""])],
    )
