"""What analysis counts of the train rows, feature by feature: token counts, or channel moments; and step lengths.

An analyzer counts one batch of canonical rows into an accumulator, merges accumulators in any order, and at the end
writes what it found: the vocabulary file and NAME.json. Accumulators are exact, so the result depends on the rows
alone; and they are small and can be written as bytes, so those of a batch that was seen before need not be counted
again (analysis_cache.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems

from pipeline.transform.analysis import FeatureAnalysis, describe_channel, describe_lengths, describe_vocabulary
from pipeline.transform.channel_names import channel_names
from pipeline.transform.exact_moments import (
    ExactMoments,
    merge_moments,
    moments_from_json,
    moments_of,
    moments_to_json,
)
from pipeline.transform.length_counts import LengthCounts
from pipeline.transform.parallel import in_parts
from pipeline.transform.tokenizers import BYTE_VALUES, tokenize_in_arrow
from pipeline.transform.tokens_analyzer import TokenCounts
from pipeline.whole_files import write_whole
from schemas.features import CategoryFeature, NumberFeature, Quantile, SeriesFeature, TextFeature, TokenSequence
from schemas.spec import DatasetSpec

# Raised whenever accumulators of equal rows change their meaning, so that cached ones are not read any more.
ACCUMULATOR_VERSION = 1
NO_TOKEN = "\ufdd0"
NO_CAP = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Finding:
    """What the transform graph needs to know of one feature.

    Attributes:
      vocabulary: path of the vocabulary file; None for numeric features.
      cap: longest sequence kept, steps; NO_CAP without one.
      moments: mean, standard deviation, minimum, maximum by channel; empty for token features.
    """

    vocabulary: str | None
    cap: int
    moments: tuple[list[float], ...] = ()


class Analyzer(Protocol):
    """One feature's analysis."""

    def identity(self) -> str:
        """Equal for analyzers that count equal batches into equal accumulators."""

    def count(self, batch: pa.RecordBatch) -> Any:
        """The accumulator of one canonical batch."""

    def merge(self, parts: Iterable[Any]) -> Any:
        """The accumulator of all parts together; of none, an empty one."""

    def encode(self, accumulator: Any) -> bytes:
        """The accumulator as bytes."""

    def decode(self, data: bytes) -> Any:
        """The inverse of encode."""

    def finish(self, accumulator: Any, directory: str) -> Finding:
        """Writes what was found to `directory`, on any filesystem that Beam knows."""


def make_analyzers(spec: DatasetSpec) -> dict[str, Analyzer]:
    """One analyzer for every feature of a resolved spec."""
    analyzers: dict[str, Analyzer] = {}
    for name, feature in spec.features.items():
        if isinstance(feature, TokenSequence | CategoryFeature):
            analyzers[name] = TokensAnalyzer(name, feature)
        elif isinstance(feature, SeriesFeature):
            names = channel_names(name, feature)
            analyzers[name] = ChannelsAnalyzer(name, names, True, tuple(feature.missing_values), feature.max_length)
        elif isinstance(feature, NumberFeature):
            analyzers[name] = ChannelsAnalyzer(name, (name,), False, tuple(feature.missing_values), None)
        else:
            names = tuple(f"{name}[{index}]" for index in range(feature.size))
            analyzers[name] = ChannelsAnalyzer(name, names, False, (), None)
    return analyzers


def length_cap(rule: int | Quantile | None, lengths: LengthCounts) -> int | None:
    """The longest sequence that is kept, in steps; None without a cap. At least 1, so that no cap empties all rows."""
    if isinstance(rule, Quantile):
        return max(lengths.quantile(rule.quantile), 1)
    return rule


def _identity(**facts: Any) -> str:
    content = json.dumps(facts | {"version": ACCUMULATOR_VERSION}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class TokensAnalyzer:
    """Counts the tokens and row lengths of a text, tokens, ids or category feature.

    Attributes:
      name: the feature.
      feature: its spec.
    """

    name: str
    feature: TokenSequence | CategoryFeature

    def identity(self) -> str:
        """The kind, and how text is cut; not the vocabulary's size, nor any cap."""
        how = (self.feature.tokenizer, self.feature.lowercase) if isinstance(self.feature, TextFeature) else ()
        return _identity(name=self.name, kind=type(self.feature).__name__, how=how)

    def count(self, batch: pa.RecordBatch) -> TokenCounts:
        """The TokenCounts of one canonical batch."""
        values = batch.column(self.name)
        if isinstance(self.feature, TextFeature):
            if self.feature.tokenizer == "bytes":
                return TokenCounts.of_bytes(values.cast(pa.binary()).to_pylist())
            feature = self.feature
            return TokenCounts.of(in_parts(lambda part: tokenize_in_arrow(part, feature), values))
        if isinstance(self.feature, CategoryFeature):
            known = values.filter(pc.not_equal(values, ""))
            return TokenCounts.of(pa.ListArray.from_arrays(pa.array([0, len(known)], pa.int32()), known))
        tokens = values.flatten().cast(pa.string())
        return TokenCounts.of(pa.ListArray.from_arrays(pc.subtract(values.offsets, values.offsets[0]), tokens))

    def merge(self, parts: Iterable[TokenCounts]) -> TokenCounts:
        """The sums of all parts."""
        return TokenCounts.merge(parts)

    def encode(self, accumulator: TokenCounts) -> bytes:
        """Arrow IPC."""
        return accumulator.to_bytes()

    def decode(self, data: bytes) -> TokenCounts:
        """From Arrow IPC."""
        return TokenCounts.from_bytes(data)

    def finish(self, accumulator: TokenCounts, directory: str) -> Finding:
        """Writes NAME.txt, one token a line, and NAME.json."""
        cap = length_cap(getattr(self.feature, "max_length", None), accumulator.lengths)
        tokens = accumulator.vocabulary(self.feature.vocabulary)["token"].to_pylist()
        if isinstance(self.feature, TextFeature) and self.feature.tokenizer == "bytes":
            tokens = [str(value) for value in range(BYTE_VALUES)]  # the graph needs no lookup: the id is the byte + 2
        # TensorFlow refuses a vocabulary file without a line; this one is a code point that is no character.
        tokens = tokens or [NO_TOKEN]
        path = FileSystems.join(directory, f"{self.name}.txt")
        write_whole(path, ("\n".join(tokens) + "\n").encode())
        FeatureAnalysis(
            lengths=describe_lengths(accumulator.lengths) if self.feature.is_sequence else None,
            max_length=cap,
            vocabulary=describe_vocabulary(accumulator, self.feature.vocabulary, len(tokens)),
        ).write(FileSystems.join(directory, f"{self.name}.json"))
        return Finding(path, NO_CAP if cap is None else cap)


@dataclass(frozen=True)
class ChannelCounts:
    """Accumulator of a numeric feature: moments of every channel, rows by number of steps."""

    moments: list[ExactMoments]
    lengths: LengthCounts


@dataclass(frozen=True)
class ChannelsAnalyzer:
    """Exact moments of every channel of a series, number or vector, and for a series its step lengths.

    Attributes:
      name: the feature.
      channels: one name a channel.
      is_sequence: whether lengths mean anything.
      missing_values: values that count as missing, beside NaN.
      max_length: the spec's rule; None for context features.
    """

    name: str
    channels: tuple[str, ...]
    is_sequence: bool
    missing_values: tuple[float, ...]
    max_length: int | Quantile | None

    def identity(self) -> str:
        """The channels and what counts as missing; not the scaling, nor any cap."""
        return _identity(name=self.name, channels=self.channels, missing=self.missing_values)

    def count(self, batch: pa.RecordBatch) -> ChannelCounts:
        """The ChannelCounts of one canonical batch."""
        column = batch.column(self.name)
        is_list = pa.types.is_list(column.type)
        steps = (column.flatten() if is_list else column).to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
        steps = steps.reshape(-1, len(self.channels))
        for missing in self.missing_values:
            steps = np.where(steps == np.float32(missing), np.float32(np.nan), steps)
        if not is_list:
            return ChannelCounts(moments_of(steps), LengthCounts.of(np.ones(len(column), np.int64)))
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False) // len(self.channels)
        return ChannelCounts(moments_of(steps), LengthCounts.of(lengths))

    def merge(self, parts: Iterable[ChannelCounts]) -> ChannelCounts:
        """The sums of all parts."""
        parts = list(parts)
        moments = merge_moments(part.moments for part in parts) or [ExactMoments()] * len(self.channels)
        return ChannelCounts(moments, LengthCounts.merge(part.lengths for part in parts))

    def encode(self, accumulator: ChannelCounts) -> bytes:
        """Two lines of JSON."""
        return f"{moments_to_json(accumulator.moments)}\n{accumulator.lengths.to_json()}".encode()

    def decode(self, data: bytes) -> ChannelCounts:
        """From two lines of JSON."""
        moments, lengths = data.decode().split("\n")
        return ChannelCounts(moments_from_json(moments), LengthCounts.from_json(lengths))

    def finish(self, accumulator: ChannelCounts, directory: str) -> Finding:
        """Writes NAME.json."""
        cap = length_cap(self.max_length, accumulator.lengths)
        moments = accumulator.moments
        FeatureAnalysis(
            lengths=describe_lengths(accumulator.lengths) if self.is_sequence else None,
            max_length=cap,
            channels=[describe_channel(name, m) for name, m in zip(self.channels, moments, strict=True)],
        ).write(FileSystems.join(directory, f"{self.name}.json"))
        return Finding(
            None,
            NO_CAP if cap is None else cap,
            (
                [m.mean for m in moments],
                [m.standard_deviation for m in moments],
                [m.minimum if m.count else 0.0 for m in moments],
                [m.maximum if m.count else 0.0 for m in moments],
            ),
        )
