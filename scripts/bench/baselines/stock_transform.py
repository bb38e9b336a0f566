"""Baseline: the preprocessing task with stock tf.Transform, as a competent user would write it.

    python -m scripts.bench.baselines.stock_transform --input reviews.parquet --output out

Columnar throughout: RecordBatches in, tft.compute_and_apply_vocabulary (exact), RecordBatches out, padding in numpy,
tf.Examples by tfx_bsl's C++ encoder. Runs on Beam's in-process runner with its defaults. Boundaries and padding are
the project's own functions, so that the contest is about reading, analysis, transformation, shuffle and writing.

By default the vocabulary is the plain call, for which tf.Transform sends every single word through Beam. With
--weights each word weighs 1: a trick that few know, by which it sends a batch's distinct words with their sums. The
vocabulary is the same; 20,000 reviews took 15 s of processor time instead of 23 (2026-11-23).

    batches ── AnalyzeAndTransformDataset ──> ids ──┬─ count lengths ──> boundaries
                                                    └─ split by bucket ──> GroupByKey ──> pad, encode, write

    out/transform_fn/assets/words   line i (from 0) is the word with id i + 2
    out/bucket-00096.tfrecord       tf.Examples: key, label, text (padded ids), text_length
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

from pipeline.padding import pad_ragged
from pipeline.plan import optimal_boundaries
from pipeline.transform.tokenizers import WORD_GAP
from scripts.bench.baselines.reviews import ALIGN, BUCKETS, FIRST_WORD_ID, ROWS_PER_GROUP, VOCABULARY_SIZE

VOCABULARY_NAME = "words"
# Rows padded and encoded at once.
ROWS_PER_WRITE = 1024

_SCHEMA = pa.schema([("key", pa.list_(pa.binary())), ("label", pa.list_(pa.int64())), ("text", pa.list_(pa.binary()))])


def make_preprocessing_fn(vocabulary_size: int, weights: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The preprocessing function: text string[batch] in, ragged int64 ids out."""

    def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
        gaps = tf.strings.regex_replace(inputs["text"], WORD_GAP, " ")
        words = tf.strings.split(tf.strings.lower(gaps, encoding="utf-8"))
        ones = words.with_flat_values(tf.ones_like(words.flat_values, tf.float32)) if weights else None
        # Unknown words are -1, and so 1 in the end.
        places = tft.compute_and_apply_vocabulary(
            words, top_k=vocabulary_size, vocab_filename=VOCABULARY_NAME, weights=ones
        )
        return {"text": places + FIRST_WORD_ID}

    return preprocessing_fn


def preprocess(source: Path, output: Path, vocabulary_size: int = VOCABULARY_SIZE, weights: bool = False) -> None:
    """Writes the transform graph with its vocabulary, and the buckets.

    Args:
      source: Parquet file with id, text and label.
      output: directory to make.
      vocabulary_size: words that get an id; ties as tf.Transform breaks them.
      weights: count words by summed weights of 1.
    """
    output.mkdir(parents=True)
    text = schema_pb2.TensorRepresentation()
    text.dense_tensor.column_name = "text"
    text.dense_tensor.shape.SetInParent()
    config = TensorAdapterConfig(_SCHEMA, {"text": text})
    with (
        tempfile.TemporaryDirectory() as scratch,
        beam.Pipeline(runner=FnApiRunner()) as pipeline,
        tft_beam.Context(temp_dir=scratch, passthrough_keys={"key", "label"}, use_deep_copy_optimization=True),
    ):
        batches = (
            pipeline
            | "Read" >> beam.io.ReadFromParquetBatched(str(source), columns=["id", "text", "label"])
            | "ToLists" >> beam.FlatMap(as_lists).with_output_types(pa.RecordBatch)
        )
        analyze = tft_beam.AnalyzeAndTransformDataset(
            make_preprocessing_fn(vocabulary_size, weights), output_record_batches=True
        )
        (transformed, _), transform_fn = (batches, config) | analyze
        _ = transform_fn | tft_beam.WriteTransformFn(str(output))
        rows = transformed | "Batches" >> beam.Map(lambda pair: pair[0])
        boundaries = (
            rows
            | "CountLengths" >> beam.Map(lambda batch: Counter(lengths_of(batch).tolist()))
            | "SumLengths" >> beam.CombineGlobally(lambda counters: sum(counters, Counter()))
            | "Boundaries" >> beam.Map(make_boundaries)
        )
        _ = (
            rows
            | "SplitByBucket" >> beam.FlatMap(split_by_bucket, beam.pvalue.AsSingleton(boundaries))
            | "GroupByBucket" >> beam.GroupByKey()
            | "Write" >> beam.MapTuple(lambda boundary, parts: write_bucket(boundary, parts, output))
        )


def as_lists(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """A table of id, text and label as batches of lists of one value each, which tf.Transform takes."""
    for batch in table.to_batches(max_chunksize=ROWS_PER_GROUP):
        offsets = pa.array(np.arange(batch.num_rows + 1, dtype=np.int32))
        columns = [batch.column("id").cast(pa.binary()), batch.column("label"), batch.column("text").cast(pa.binary())]
        yield pa.RecordBatch.from_arrays(
            [pa.ListArray.from_arrays(offsets, column) for column in columns], schema=_SCHEMA
        )


def lengths_of(batch: pa.RecordBatch) -> np.ndarray:
    """int64[rows]: words of each row."""
    return pc.list_value_length(batch.column("text")).to_numpy(zero_copy_only=False).astype(np.int64)


def make_boundaries(lengths: Counter[int]) -> list[int]:
    """The bucket boundaries of least padding."""
    return optimal_boundaries(list(lengths.keys()), list(lengths.values()), BUCKETS, ALIGN).tolist()


def split_by_bucket(batch: pa.RecordBatch, boundaries: list[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(boundary, rows) for every bucket that a batch has rows of."""
    buckets = np.searchsorted(boundaries, lengths_of(batch))
    for bucket in np.unique(buckets).tolist():
        yield boundaries[bucket], batch.take(pa.array(np.flatnonzero(buckets == bucket)))


def write_bucket(boundary: int, batches: Iterable[pa.RecordBatch], output: Path) -> None:
    """Pads, encodes and writes all rows of a bucket in random order."""
    table = pa.Table.from_batches(batches)
    table = table.take(pa.array(np.random.default_rng(0).permutation(table.num_rows))).combine_chunks()
    encoder = RecordBatchToExamplesEncoder()
    with tf.io.TFRecordWriter(str(output / f"bucket-{boundary:05d}.tfrecord")) as writer:
        for batch in table.to_batches(max_chunksize=ROWS_PER_WRITE):
            for record in encoder.encode(_pad(batch, boundary)):
                writer.write(record)


def _pad(batch: pa.RecordBatch, boundary: int) -> pa.RecordBatch:
    lengths = lengths_of(batch)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    padded = pad_ragged(batch.column("text").flatten().to_numpy(), offsets, boundary)
    row_ends = np.arange(batch.num_rows + 1, dtype=np.int32)
    columns = {
        "key": batch.column("key"),
        "label": batch.column("label"),
        "text": pa.ListArray.from_arrays(pa.array(row_ends * boundary), pa.array(padded.reshape(-1))),
        "text_length": pa.ListArray.from_arrays(pa.array(row_ends), pa.array(lengths)),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the baseline."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.baselines.stock_transform", description=__doc__)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--vocabulary-size", type=int, default=VOCABULARY_SIZE)
    parser.add_argument("--weights", action="store_true", help="count words by summed weights of 1, which is faster")
    arguments = parser.parse_args(argv)
    preprocess(arguments.input, arguments.output, arguments.vocabulary_size, arguments.weights)


if __name__ == "__main__":
    main()
