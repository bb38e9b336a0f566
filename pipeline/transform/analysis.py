"""What analysis found out about one feature, as a small JSON file beside the graph.

The transform graph holds what serving needs. The report, the manifest and the next run's comparison need more:
token counts, moments, raw lengths. Each analyzer leaves them in the job's temporary directory as NAME.json.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from apache_beam.io.filesystems import FileSystems

from pipeline.transform.exact_moments import ExactMoments
from pipeline.transform.length_counts import LengthCounts
from pipeline.transform.tokens_analyzer import TokenCounts, total
from pipeline.whole_files import write_whole
from schemas.features import RESERVED_IDS, Vocabulary

TOP_TOKENS = 50
TOP_UNKNOWN = 20


@dataclass(frozen=True)
class FeatureAnalysis:
    """Facts about one feature in the train split.

    Attributes:
      lengths: {"lengths": [...], "rows": [...]}: raw lengths before truncation; None for context features.
      max_length: cap in steps; None without one.
      vocabulary: sizes, counts and the most frequent tokens; None for features without one.
      channels: mean, standard deviation, extremes and missing values of every channel; empty for token features.
    """

    lengths: dict[str, list[int]] | None = None
    max_length: int | None = None
    vocabulary: dict[str, Any] | None = None
    channels: list[dict[str, Any]] = field(default_factory=list)

    def write(self, path: str) -> None:
        """Writes JSON to `path` on any filesystem that Beam knows."""
        write_whole(path, json.dumps(asdict(self)).encode())

    @classmethod
    def read(cls, path: str) -> FeatureAnalysis:
        """Reads what `write` wrote."""
        with FileSystems.open(path) as file:
            return cls(**json.loads(file.read()))


def describe_lengths(lengths: LengthCounts) -> dict[str, list[int]]:
    """The histogram as plain lists."""
    return {"lengths": lengths.lengths.tolist(), "rows": lengths.rows.tolist()}


def describe_vocabulary(counts: TokenCounts, rule: Vocabulary, written: int) -> dict[str, Any]:
    """Sizes and the most frequent tokens; oov_share is the share of train tokens that are unknown.

    Args:
      counts: of the train split.
      rule: which tokens are kept.
      written: tokens in the vocabulary file.
    """
    kept = counts.vocabulary(rule)
    occurrences = total(counts.counts)
    kept_occurrences = total(kept["count"])
    return {
        "size": written + RESERVED_IDS,
        "distinct_tokens": len(counts.tokens),
        "occurrences": occurrences,
        "oov_share": 1 - kept_occurrences / occurrences if occurrences else 0.0,
        "top_tokens": kept.slice(0, TOP_TOKENS).to_pylist(),
        "top_unknown": counts.most_frequent(TOP_UNKNOWN, kept["token"].to_pylist()),
    }


def describe_channel(name: str, moments: ExactMoments) -> dict[str, Any]:
    """One channel's observed values."""
    observed = moments.count > 0
    return {
        "name": name,
        "observed": moments.count,
        "missing": moments.missing,
        "mean": moments.mean,
        "standard_deviation": moments.standard_deviation,
        "minimum": moments.minimum if observed else None,
        "maximum": moments.maximum if observed else None,
    }
