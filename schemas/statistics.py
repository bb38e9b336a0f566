"""The statistics of a dataset: what statistics.json holds, and what drift between two datasets is measured on.

    Statistics
      splits            rows of each split
      features[]        one FeatureStatistics a feature, with one SplitStatistics a split
        lengths           sequences: before and after truncation, exact
        tokens            text, tokens, ids: unknown ids, most frequent tokens
        channels          series, number, vector: raw values, before scaling
        category          category: values and their rows
      label             rows by class, or the values of a regression label
      length_predictors what length alone says of the label, one a sequence feature
      plan              padding efficiency of the bucket plan beside other ways to batch
      counts, rejects   where every input row went

Same rows and spec give the same file, whatever the order of rows, files, workers and the runner: counts are exact
integers, floating-point numbers are made of them at the end, and nothing depends on time or place.

Words: a length is in steps. A quantile q is the smallest length that at least a share q of the rows does not exceed.
A share is from 0 to 1; of nothing it is 0. Values that do not exist (the mean of no values) are null.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from schemas.errors import ManifestError
from schemas.manifest import Counts, LabelInfo
from schemas.strict import Strict

STATISTICS_VERSION = 1
STATISTICS_NAME = "statistics.json"
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class LengthHistogram(Strict):
    """Rows by exact length, ascending; only lengths that occur."""

    lengths: list[int]
    rows: list[int]


class LengthSummary(Strict):
    """One distribution of lengths."""

    rows: int
    empty: int = Field(description="Rows of length 0.")
    total_steps: int
    shortest: int | None
    longest: int | None
    mean: float | None
    quantiles: dict[str, int] = Field(description='By share as text, such as "0.95"; empty without rows.')


class SequenceLengths(Strict):
    """Lengths of one sequence feature in one split."""

    raw: LengthSummary = Field(description="Before truncation.")
    kept: LengthSummary = Field(description="After truncation: what is written.")
    raw_histogram: LengthHistogram
    kept_histogram: LengthHistogram
    truncated_rows: int
    truncated_share: float = Field(description="Of rows.")
    lost_steps: int
    lost_share: float = Field(description="Of steps before truncation.")
    by_class: dict[str, LengthSummary] = Field(default_factory=dict, description="After truncation, by class name.")


class TokenCount(Strict):
    """A token (or category) and how often it occurs."""

    token: str
    count: int


class TokenStatistics(Strict):
    """Ids of one token feature in one split, after truncation unless said otherwise."""

    steps: int
    unknown_steps: int
    unknown_share: float
    distinct: int = Field(description="Vocabulary tokens that occur in this split.")
    top: list[TokenCount]
    top_unknown: list[TokenCount] = Field(description="Most frequent tokens outside the vocabulary, before truncation.")


class ValueHistogram(Strict):
    """Bins of equal width over the usual range of the train split; edges are one more than counts."""

    edges: list[float]
    counts: list[int]
    below: int = Field(description="Values under the first edge.")
    above: int = Field(description="Values over the last edge.")


class ChannelStatistics(Strict):
    """Raw values of one channel in one split, before filling and scaling."""

    name: str
    observed: int
    missing: int
    missing_share: float
    minimum: float | None
    maximum: float | None
    mean: float | None
    standard_deviation: float | None = Field(description="Of the population.")
    quantiles: dict[str, float] = Field(description="To a relative precision of 0.1%.")
    histogram: ValueHistogram


class CategoryStatistics(Strict):
    """Values of one category feature in one split."""

    rows: int
    missing: int
    unknown_rows: int = Field(description="Rows whose id is 'unknown': missing, or outside the vocabulary.")
    distinct: int
    top: list[TokenCount]


class ExampleRow(Strict):
    """One of the shortest or longest rows, before truncation."""

    key: str
    length: int
    beginning: str = Field(description="Its first steps, after truncation.")


class SplitStatistics(Strict):
    """One feature in one split; the parts that its kind has."""

    rows: int
    lengths: SequenceLengths | None = None
    tokens: TokenStatistics | None = None
    channels: list[ChannelStatistics] = Field(default_factory=list)
    category: CategoryStatistics | None = None
    shortest: list[ExampleRow] = Field(default_factory=list)
    longest: list[ExampleRow] = Field(default_factory=list)


class FeatureStatistics(Strict):
    """One feature."""

    name: str
    kind: Literal["ids", "series", "number", "category", "vector"]
    source_kind: Literal["text", "tokens", "ids", "series", "number", "category", "vector"]
    is_sequence: bool
    max_length: int | None = Field(description="Longest sequence after truncation; null without a cap.")
    vocabulary_size: int | None = Field(description="Ids in use, padding and unknown counted in.")
    distinct_tokens: int | None = Field(description="Distinct tokens of the train split, kept or not.")
    splits: dict[str, SplitStatistics]


class LabelSplit(Strict):
    """The label in one split: rows by class, or values."""

    rows: int
    counts: dict[str, int] = Field(default_factory=dict)
    values: ChannelStatistics | None = None


class LabelStatistics(Strict):
    """The label."""

    info: LabelInfo
    splits: dict[str, LabelSplit]


class LengthPredictor(Strict):
    """How well the length of one sequence feature alone predicts the label (pipeline/statistics/predictor.py).

    A model must beat this; and where it is far from chance, length may leak how the data was made.
    """

    feature: str
    fit_split: str
    scored_split: str = Field(description="validation, else test, else train.")
    scored_rows: int
    bins: int = Field(description="Length bins, chosen on the fit split by leave-one-out.")
    accuracy: float | None = Field(None, description="Classes: share of rows whose most likely class is right.")
    majority_accuracy: float | None = Field(None, description="Of always saying the fit split's largest class.")
    auc: float | None = Field(None, description="Classes: area under ROC; mean of one-against-rest for several.")
    auc_standard_error: float | None = Field(None, description="Hanley and McNeil (1982).")
    r_squared: float | None = Field(None, description="Regression: share of variance that length explains.")
    verdict: Literal["none", "weak", "strong"]


class Steps(Strict):
    """Real and padded steps over all sequence features."""

    rows: int
    real: int
    padded: int
    efficiency: float = Field(description="real / padded; 1 when nothing is padded.")


class StrategySteps(Strict):
    """One way to batch."""

    name: Literal["lengthwise", "pad_to_max", "equal_count", "powers_of_two"]
    buckets: int = Field(description="Padded shapes.")
    shapes: list[list[int]] = Field(description="Padded length of every sequence feature, by shape.")
    splits: dict[str, Steps]
    total: Steps


class PlanStatistics(Strict):
    """The bucket plan beside other ways to batch, all fitted on the train split and aligned alike."""

    features: list[str]
    align: int
    strategies: list[StrategySteps]

    def strategy(self, name: str) -> StrategySteps:
        """The strategy called `name`."""
        return next(strategy for strategy in self.strategies if strategy.name == name)


class RejectExample(Strict):
    """A rejected row, shortened; rejected/ has it with file and position."""

    detail: str
    key: str | None
    row: str


class RejectReason(Strict):
    """Rows rejected for one reason."""

    reason: str
    count: int
    share: float = Field(description="Of input rows.")
    examples: list[RejectExample]


class Statistics(Strict):
    """The whole of statistics.json."""

    format_version: Literal[1] = 1
    name: str
    digest: str = Field(description="Of the dataset.")
    spec: dict[str, Any]
    spec_fingerprint: str
    versions: dict[str, str]
    splits: dict[str, int]
    features: list[FeatureStatistics]
    label: LabelStatistics | None
    length_predictors: list[LengthPredictor]
    plan: PlanStatistics
    counts: Counts
    rejects: list[RejectReason]

    def feature(self, name: str) -> FeatureStatistics | None:
        """The feature called `name`, or None."""
        return next((feature for feature in self.features if feature.name == name), None)

    def to_json(self) -> str:
        """Compact JSON, the same text for equal statistics."""
        return (
            json.dumps(self.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
        )


def load_statistics(directory: str | Path) -> Statistics:
    """Reads the statistics of a finished dataset.

    Args:
      directory: the output directory of the preprocessing job (or the statistics file itself).

    Raises:
      ManifestError: no statistics there, or ones that cannot be used.
    """
    path = Path(directory)
    if path.is_dir() or path.suffix != ".json":
        path = path / STATISTICS_NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(
            f"{path}: cannot read the statistics ({error.strerror}); expected the output of `python -m pipeline`"
        ) from error
    except ValueError as error:
        raise ManifestError(f"{path}: not JSON ({error}); preprocess again") from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if version != STATISTICS_VERSION:
        raise ManifestError(
            f"{path}: received format version {version!r}, this version of Lengthwise reads {STATISTICS_VERSION}; "
            "preprocess again"
        )
    try:
        return Statistics.model_validate(data)
    except ValidationError as error:
        raise ManifestError(f"{path}: damaged statistics; preprocess again: {error}") from error
