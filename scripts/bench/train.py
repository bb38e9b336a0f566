"""How fast the trainer is, beside the two ways in common use: Embedding 32 + LSTM 64 + sigmoid, real tokens a second.

    python scripts/bench/train.py --data out/imdb

  tutorial    every row padded to the longest, batches of 64, model.fit
  bucketed    tf.data.Dataset.bucket_by_sequence_length, equal-count boundaries, batches of 64, model.fit
  lengthwise  this project: optimal buckets, token-budget batches of static shape, XLA

All three train the same architecture on the same rows, from the same optimizer settings; compilation is in the sum.
The tutorial's way is run on a part of an epoch and extrapolated: its time a batch does not depend on the batch.
The last lines also say how fast the shards are read, against what training consumes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BATCH = 64
EMBEDDING, UNITS = 32, 64
ARCHITECTURE = {
    "embedding": EMBEDDING,
    "units": UNITS,
    "bidirectional": False,
    "pooling": "last",
    "input_dropout": 0.0,
    "head_dropout": 0.0,
}


@dataclass
class Result:
    """One way's figures.

    Attributes:
      name: of the way.
      seconds: wall clock of all epochs, compilation included; extrapolated where only a part was run.
      processor: seconds of processor time in the same stretch, which other work on the machine disturbs less.
      tokens: real tokens trained on in that time.
      accuracy: on the validation split after the last epoch; NaN where only a part was run.
      remark: what else to say.
    """

    name: str
    seconds: float
    processor: float
    tokens: int
    accuracy: float
    remark: str = ""

    @property
    def speed(self) -> float:
        """Real tokens a second."""
        return self.tokens / self.seconds


@dataclass
class Rows:
    """A split as the common ways take it.

    Attributes:
      tokens: int32 ids of every row, unpadded.
      labels: int64[rows].
    """

    tokens: list[np.ndarray]
    labels: np.ndarray

    @property
    def real(self) -> int:
        """Real tokens."""
        return sum(len(row) for row in self.tokens)


class Watch:
    """Wall clock and processor time since it was made."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Seconds of both."""
        return time.perf_counter() - self._wall, time.process_time() - self._processor


def read_rows(split: Any, feature: str) -> Rows:
    """All rows of a split, shuffled once."""
    tokens, labels = [], []
    for batch in split.batches(split.schedule(seed=0)):
        lengths = batch.features[f"{feature}_length"]
        tokens += [batch.features[feature][row, : lengths[row]].astype(np.int32) for row in range(batch.rows)]
        labels.append(batch.labels[: batch.rows, 0])
    return Rows(tokens, np.concatenate(labels))


def stock_model(vocabulary: int) -> Any:
    """What the tutorial builds, with the mask that makes it right."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(vocabulary, EMBEDDING, mask_zero=True),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), "binary_crossentropy", metrics=["accuracy"])
    return model


def run_tutorial(train: Rows, vocabulary: int, epochs: int, part: float) -> Result:
    """Pads every row to the longest and trains on a part of an epoch."""
    longest = max(len(row) for row in train.tokens)
    batches = max(2, round(part * len(train.tokens) / BATCH))
    rows = batches * BATCH
    x = np.zeros((rows, longest), np.int32)
    for index, row in enumerate(train.tokens[:rows]):
        x[index, : len(row)] = row
    model = stock_model(vocabulary)
    watch = Watch()
    model.fit(x, train.labels[:rows, None], batch_size=BATCH, verbose=0)
    seconds, processor = (value / batches * (len(train.tokens) / BATCH) * epochs for value in watch.read())
    remark = f"padded to {longest}; {batches} batches, extrapolated"
    return Result("tutorial", seconds, processor, train.real * epochs, float("nan"), remark)


def run_bucketed(train: Rows, validation: Rows, vocabulary: int, epochs: int, buckets: int) -> Result:
    """bucket_by_sequence_length with boundaries of equal counts."""
    import tensorflow as tf

    lengths = np.array([len(row) for row in train.tokens])
    boundaries = sorted({int(q) + 1 for q in np.quantile(lengths, np.arange(1, buckets) / buckets)})

    def dataset(rows: Rows, shuffle: bool) -> Any:
        ragged = tf.RaggedTensor.from_row_lengths(np.concatenate(rows.tokens), [len(row) for row in rows.tokens])
        pairs = tf.data.Dataset.from_tensor_slices((ragged, rows.labels[:, None]))
        if shuffle:
            pairs = pairs.shuffle(len(rows.tokens), seed=0)
        pairs = pairs.map(lambda row, label: (row, label), num_parallel_calls=tf.data.AUTOTUNE)
        return pairs.bucket_by_sequence_length(
            lambda row, label: tf.shape(row)[0], boundaries, [BATCH] * (len(boundaries) + 1)
        ).prefetch(tf.data.AUTOTUNE)

    model = stock_model(vocabulary)
    data = dataset(train, shuffle=True)
    watch = Watch()
    model.fit(data, epochs=epochs, verbose=0)
    seconds, processor = watch.read()
    accuracy = model.evaluate(dataset(validation, shuffle=False), verbose=0, return_dict=True)["accuracy"]
    return Result(
        "bucketed", seconds, processor, train.real * epochs, accuracy, f"{len(boundaries) + 1} equal-count buckets"
    )


def run_lengthwise(dataset: Any, config: Any) -> Result:
    """This project's own loop."""
    from trainer.evaluation.metrics import compute_metrics
    from trainer.evaluation.predictions import predict_split
    from trainer.fit.loop import Loop
    from trainer.session import make_run

    watch = Watch()
    run = make_run(dataset, config)
    validation, run.validation = run.validation, None
    if validation is None:
        raise SystemExit("the dataset has no validation split; the benchmark compares validation accuracy")
    progress = Loop(run).fit()
    seconds, processor = watch.read()
    found = predict_split(run.steps, validation, run.kind)
    accuracy = compute_metrics(run.kind, found.labels, found.values)["accuracy"]
    tokens = sum(int(run.train.column(f"{f.name}_length").sum()) for f in run.train.features) * run.epochs
    last = progress.history[-1]
    remark = (
        f"{run.steps.train_traces} shapes; last epoch {last['tokens_per_second']:,.0f} tokens/s, "
        f"padding efficiency {last['padding_efficiency']:.3f}"
    )
    return Result("lengthwise", seconds, processor, tokens, accuracy, remark)


def read_speed(dataset: Any, config: Any, directory: Path) -> Iterator[tuple[str, float]]:
    """Real tokens a second from shards to batches: the first pass, and passes once the split is in memory."""
    from trainer.session import open_dataset

    started = time.perf_counter()
    opened = open_dataset(directory, config)
    split = opened.splits["train"]
    tokens = sum(batch.real_steps for batch in split.batches(split.schedule(0, 0)))
    yield "decode all shards, then one epoch of batches", tokens / (time.perf_counter() - started)
    started = time.perf_counter()
    tokens = sum(batch.real_steps for batch in dataset.splits["train"].batches(dataset.splits["train"].schedule(0, 1)))
    yield "one epoch of batches from memory", tokens / (time.perf_counter() - started)
    streamed = open_dataset(directory, config.model_copy(update={"memory_limit_megabytes": 0}))
    split = streamed.splits["train"]
    started = time.perf_counter()
    tokens = sum(batch.real_steps for batch in split.batches(split.schedule(0, 1)))
    yield "one epoch of batches read row by row from the shards", tokens / (time.perf_counter() - started)


def main() -> None:
    """Runs the benchmark and prints its tables last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, metavar="DIR", help="a dataset with one token feature")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--part", type=float, default=0.2, help="share of an epoch that the tutorial's way runs")
    parser.add_argument("--batch-tokens", type=int, default=None)
    parser.add_argument("--skip", nargs="*", default=[], choices=["tutorial", "bucketed"])
    flags = parser.parse_args()

    from trainer.config import TrainerConfig
    from trainer.session import open_dataset

    config = TrainerConfig(
        model="rnn",
        architecture=ARCHITECTURE,
        epochs=flags.epochs,
        batch_tokens=flags.batch_tokens,
        early_stopping=None,
        schedule="constant",
        warm_up=0.0,
        deterministic=False,
    )
    directory = Path(flags.data)
    dataset = open_dataset(directory, config)
    feature = dataset.features[0]
    vocabulary = feature.vocabulary_size or 0
    train, validation = (read_rows(dataset.splits[name], feature.name) for name in ("train", "validation"))
    print(f"{len(train.tokens):,} rows, {train.real:,} real tokens, {os.cpu_count()} cores", flush=True)

    results = [run_lengthwise(dataset, config)]
    print(results[0], flush=True)
    if "bucketed" not in flags.skip:
        results.append(run_bucketed(train, validation, vocabulary, flags.epochs, len(dataset.shapes)))
        print(results[-1], flush=True)
    if "tutorial" not in flags.skip:
        results.append(run_tutorial(train, vocabulary, flags.epochs, flags.part))
    reading = list(read_speed(dataset, config, directory))

    ours = results[0]
    heading = f"{'way':<12}{'real tokens/s':>15}{'seconds':>10}{'processor s':>13}{'accuracy':>10}"
    print(f"\n{heading}{'lengthwise is':>15}{'by processor':>14}   remark")
    for result in results:
        ratio = f"{ours.speed / result.speed:.2f}x"
        by_processor = f"{result.processor / result.tokens * ours.tokens / ours.processor:.2f}x"
        print(
            f"{result.name:<12}{result.speed:>15,.0f}{result.seconds:>10.1f}{result.processor:>13.1f}"
            f"{result.accuracy:>10.4f}{ratio:>15}{by_processor:>14}   {result.remark}"
        )
    print("\nreading, real tokens/s, and times what training consumes")
    for name, speed in reading:
        print(f"  {name:<56}{speed:>14,.0f}{speed / ours.speed:>8.1f}x")


if __name__ == "__main__":
    main()
