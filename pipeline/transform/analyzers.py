"""The two analyzers of tf.Transform that Lengthwise brings: token counts, and channel moments with step lengths.

Each is make accumulators (a batch at a time, Arrow or numpy) -> merge -> extract output, so that tf.Transform's
analyzer cache can keep the accumulators of one input span and merge them with the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.io.filesystems import FileSystems

from pipeline.transform.analysis import FeatureAnalysis, describe_channel, describe_lengths, describe_vocabulary
from pipeline.transform.cacheable import Output, apply_cacheable
from pipeline.transform.exact_moments import (
    ExactMoments,
    merge_moments,
    moments_from_json,
    moments_of,
    moments_to_json,
)
from pipeline.transform.length_counts import LengthCounts
from pipeline.transform.tokenizers import BYTE_VALUES, tokenize_in_arrow
from pipeline.transform.tokens_analyzer import TokenCounts
from schemas.features import CategoryFeature, Quantile, TextFeature, TokenSequence

NO_TOKEN = "\ufdd0"
NO_CAP = np.iinfo(np.int64).max


def length_cap(rule: int | Quantile | None, lengths: LengthCounts) -> int | None:
    """The longest sequence that is kept, in steps; None without a cap. At least 1, so that no cap empties all rows."""
    if isinstance(rule, Quantile):
        return max(lengths.quantile(rule.quantile), 1)
    return rule


class _MergeAccumulators(beam.CombineFn):
    """Collects accumulators and merges them now and then, so that memory stays near one accumulator's."""

    def __init__(self, merge: Any) -> None:
        self._merge = merge

    def create_accumulator(self) -> list[Any]:
        return []

    def add_input(self, mutable_accumulator: list[Any], element: Any) -> list[Any]:
        mutable_accumulator.append(element)
        # 32 parts at a time: merging costs about as much as the parts hold, so the total stays linear in rows.
        return [self._merge(mutable_accumulator)] if len(mutable_accumulator) >= 32 else mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        return [self._merge([part for parts in accumulators for part in parts])]

    def extract_output(self, accumulator: list[Any]) -> Any:
        return self._merge(accumulator)


# ---------------------------------------------------------------------------------------------------- token features


@dataclass(frozen=True)
class TokensAnalyzer:
    """Counts the tokens and row lengths of one token feature, and writes its vocabulary.

    Attributes:
      name: the feature.
      feature: its spec.
      analysis_path: where to leave the FeatureAnalysis.
    """

    name: str
    feature: TokenSequence | CategoryFeature
    analysis_path: str

    def apply(self, raw: tf.Tensor | tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Adds the analyzer to a preprocessing function.

        Args:
          raw: string[batch] for text and categories, ragged[batch, tokens] otherwise.

        Returns:
          The vocabulary file (string[], an asset) and the cap in steps (int64[]).
        """
        inputs = [raw.flat_values, raw.row_splits] if isinstance(raw, tf.RaggedTensor) else [raw]
        analyzer = tft.experimental.CacheablePTransformAnalyzer(
            make_accumulators_ptransform=_Make(self.count),
            merge_accumulators_ptransform=_Merge(TokenCounts.merge),
            extract_output_ptransform=_WriteVocabulary(self),
            cache_coder=_TokenCountsCoder(),
        )
        path, cap = apply_cacheable(
            inputs, analyzer, [Output(tf.string, is_asset=True), Output(tf.int64)], f"analyze_{self.name}"
        )
        return path, cap

    def count(self, batch: tuple[np.ndarray, ...]) -> TokenCounts:
        """The TokenCounts of one batch of tensors."""
        if isinstance(self.feature, TextFeature) and self.feature.tokenizer == "bytes":
            return TokenCounts.of_bytes(batch[0].tolist())
        if isinstance(self.feature, TextFeature):
            return TokenCounts.of(tokenize_in_arrow(pa.array(batch[0], pa.binary()).cast(pa.string()), self.feature))
        if isinstance(self.feature, CategoryFeature):
            values = pa.array(batch[0], pa.binary()).cast(pa.string())
            known = values.filter(pa.compute.not_equal(values, ""))
            return TokenCounts.of(pa.ListArray.from_arrays(pa.array([0, len(known)], pa.int32()), known))
        values, splits = batch
        tokens = pa.array(values, pa.binary() if values.dtype == object else pa.int64()).cast(pa.string())
        return TokenCounts.of(pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), tokens))

    def output(self, counts: TokenCounts, vocabulary_path: str) -> list[beam.pvalue.TaggedOutput]:
        """Writes the vocabulary and the analysis; tags the two outputs of `apply`."""
        cap = length_cap(getattr(self.feature, "max_length", None), counts.lengths)
        tokens = counts.vocabulary(self.feature.vocabulary)["token"].to_pylist()
        if isinstance(self.feature, TextFeature) and self.feature.tokenizer == "bytes":
            tokens = [str(value) for value in range(BYTE_VALUES)]  # the graph needs no lookup: the id is the byte + 2
        # TensorFlow refuses a vocabulary file without a line; this one is a code point that is no character.
        tokens = tokens or [NO_TOKEN]
        with FileSystems.create(vocabulary_path) as file:
            file.write(("\n".join(tokens) + "\n").encode())
        is_sequence = self.feature.is_sequence
        FeatureAnalysis(
            lengths=describe_lengths(counts.lengths) if is_sequence else None,
            max_length=cap,
            vocabulary=describe_vocabulary(counts, self.feature.vocabulary, len(tokens)),
        ).write(self.analysis_path)
        return [
            beam.pvalue.TaggedOutput("vocabulary", np.asarray(vocabulary_path.encode(), object)),
            beam.pvalue.TaggedOutput("cap", np.int64(NO_CAP if cap is None else cap)),
        ]


class _WriteVocabulary(tft_beam.experimental.PTransformAnalyzer):
    def __init__(self, analyzer: TokensAnalyzer) -> None:
        super().__init__()
        self._analyzer = analyzer

    def expand(self, counts: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        path = os.path.join(self.base_temp_dir, f"{self._analyzer.name}.txt")
        outputs = counts | "Write" >> beam.FlatMap(self._analyzer.output, path).with_outputs("vocabulary", "cap")
        return outputs["vocabulary"], outputs["cap"]


class _TokenCountsCoder(tft.experimental.PTransformAnalyzerCacheCoder):
    def encode_cache(self, cache: TokenCounts) -> bytes:
        return cache.to_bytes()

    def decode_cache(self, encoded_cache: bytes) -> TokenCounts:
        return TokenCounts.from_bytes(encoded_cache)


# -------------------------------------------------------------------------------------------------- channel features


@dataclass(frozen=True)
class ChannelCounts:
    """Accumulator of a numeric feature: moments of every channel, rows by number of steps."""

    moments: list[ExactMoments]
    lengths: LengthCounts

    @classmethod
    def merge(cls, parts: Iterable[ChannelCounts]) -> ChannelCounts:
        """The sums of all parts; of none, nothing counted."""
        parts = list(parts)
        return cls(merge_moments(part.moments for part in parts), LengthCounts.merge(part.lengths for part in parts))


@dataclass(frozen=True)
class ChannelsAnalyzer:
    """Exact moments of every channel of a numeric feature, and for a series its length cap.

    Attributes:
      name: the feature.
      channel_names: one name a channel.
      max_length: the spec's rule; None for context features.
      is_sequence: whether lengths mean anything.
      analysis_path: where to leave the FeatureAnalysis.
    """

    name: str
    channel_names: tuple[str, ...]
    max_length: int | Quantile | None
    is_sequence: bool
    analysis_path: str

    def apply(self, steps: tf.Tensor, row_splits: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Adds the analyzer to a preprocessing function.

        Args:
          steps: float32[total steps, channels], NaN = missing.
          row_splits: int64[batch + 1] into steps.

        Returns:
          mean, standard deviation, minimum, maximum (float32[channels] each) and the cap in steps (int64[]).
        """
        analyzer = tft.experimental.CacheablePTransformAnalyzer(
            make_accumulators_ptransform=_Make(self.count),
            merge_accumulators_ptransform=_Merge(ChannelCounts.merge),
            extract_output_ptransform=_WriteMoments(self),
            cache_coder=_ChannelCountsCoder(),
        )
        moments = [Output(tf.float32, (len(self.channel_names),))] * 4
        return apply_cacheable([steps, row_splits], analyzer, [*moments, Output(tf.int64)], f"analyze_{self.name}")

    def count(self, batch: tuple[np.ndarray, np.ndarray]) -> ChannelCounts:
        """The ChannelCounts of one batch of tensors."""
        steps, splits = batch
        return ChannelCounts(moments_of(steps.reshape(-1, len(self.channel_names))), LengthCounts.of(np.diff(splits)))

    def output(self, counts: ChannelCounts) -> list[beam.pvalue.TaggedOutput]:
        """Writes the analysis; tags the five outputs of `apply`."""
        moments = counts.moments or [ExactMoments()] * len(self.channel_names)
        cap = length_cap(self.max_length, counts.lengths)
        FeatureAnalysis(
            lengths=describe_lengths(counts.lengths) if self.is_sequence else None,
            max_length=cap,
            channels=[describe_channel(name, m) for name, m in zip(self.channel_names, moments, strict=True)],
        ).write(self.analysis_path)
        observed = [m.count > 0 for m in moments]
        values = {
            "mean": [m.mean for m in moments],
            "deviation": [m.standard_deviation for m in moments],
            "minimum": [m.minimum if known else 0.0 for m, known in zip(moments, observed, strict=True)],
            "maximum": [m.maximum if known else 0.0 for m, known in zip(moments, observed, strict=True)],
        }
        outputs = [beam.pvalue.TaggedOutput(tag, np.asarray(value, np.float32)) for tag, value in values.items()]
        return outputs + [beam.pvalue.TaggedOutput("cap", np.int64(NO_CAP if cap is None else cap))]


class _WriteMoments(beam.PTransform):
    def __init__(self, analyzer: ChannelsAnalyzer) -> None:
        super().__init__()
        self._analyzer = analyzer

    def expand(self, counts: beam.PCollection) -> tuple[beam.PCollection, ...]:
        tags = ("mean", "deviation", "minimum", "maximum", "cap")
        outputs = counts | "Write" >> beam.FlatMap(self._analyzer.output).with_outputs(*tags)
        return tuple(outputs[tag] for tag in tags)


class _ChannelCountsCoder(tft.experimental.PTransformAnalyzerCacheCoder):
    def encode_cache(self, cache: ChannelCounts) -> bytes:
        return f"{moments_to_json(cache.moments)}\n{cache.lengths.to_json()}".encode()

    def decode_cache(self, encoded_cache: bytes) -> ChannelCounts:
        moments, lengths = encoded_cache.decode().split("\n")
        return ChannelCounts(moments_from_json(moments), LengthCounts.from_json(lengths))


# ------------------------------------------------------------------------------------------------------ Beam adapters


class _Make(beam.PTransform):
    def __init__(self, count: Any) -> None:
        super().__init__()
        self._count = count

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        return batches | "Count" >> beam.Map(self._count)


class _Merge(beam.PTransform):
    def __init__(self, merge: Any) -> None:
        super().__init__()
        self._merge = merge

    def expand(self, accumulators: beam.PCollection) -> beam.PCollection:
        return accumulators | "Merge" >> beam.CombineGlobally(_MergeAccumulators(self._merge))
