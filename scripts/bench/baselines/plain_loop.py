"""Baseline: the preprocessing task as a plain single-process Python loop.

    python -m scripts.bench.baselines.plain_loop --input reviews.parquet --output out

A regular expression, collections.Counter, a dict and tf.train.Example: no Beam, no transform graph for serving, no
statistics, no checks. Boundaries come from the project's planner, so that all contestants write equally much padding.

    out/vocabulary.txt          line i (from 0) is the word with id i + 2
    out/bucket-00096.tfrecord   tf.Examples: key, label, text (padded ids), text_length
"""

from __future__ import annotations

import argparse
import random
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as parquet

from pipeline.plan import optimal_boundaries
from scripts.bench.baselines.reviews import ALIGN, BUCKETS, FIRST_WORD_ID, UNKNOWN_ID, VOCABULARY_SIZE

# Letters and digits, apostrophes inside. The project's rule keeps combining marks in a word as well, which Python's
# `re` cannot say; film reviews hold none.
WORD = re.compile(r"[^\W_]+(?:'+[^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case: "It's GOOD<br />" becomes it's, good, br."""
    return WORD.findall(text.lower())


def preprocess(source: Path, output: Path, vocabulary_size: int = VOCABULARY_SIZE) -> None:
    """Writes the vocabulary and the buckets.

    Args:
      source: Parquet file with id, text and label.
      output: directory to make.
      vocabulary_size: words that get an id; ties in order of the word.
    """
    reviews = parquet.read_table(source, columns=["id", "text", "label"])
    words = [words_of(text) for text in reviews["text"].to_pylist()]

    counts: Counter[str] = Counter()
    for row in words:
        counts.update(row)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    vocabulary = [word for word, _ in ordered[:vocabulary_size]]
    output.mkdir(parents=True)
    (output / "vocabulary.txt").write_text("".join(f"{word}\n" for word in vocabulary), encoding="utf-8")

    ids = {word: place for place, word in enumerate(vocabulary, start=FIRST_WORD_ID)}
    rows = [[ids.get(word, UNKNOWN_ID) for word in row] for row in words]
    lengths = Counter(map(len, rows))
    boundaries = optimal_boundaries(list(lengths.keys()), list(lengths.values()), BUCKETS, ALIGN).tolist()
    _write(output, reviews["id"].to_pylist(), reviews["label"].to_pylist(), rows, boundaries)


def _write(output: Path, keys: list[str], labels: list[int], rows: list[list[int]], boundaries: list[int]) -> None:
    import tensorflow as tf

    def integers(values: list[int]) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    writers = [tf.io.TFRecordWriter(str(output / f"bucket-{boundary:05d}.tfrecord")) for boundary in boundaries]
    order = list(range(len(rows)))
    random.Random(0).shuffle(order)
    for index in order:
        row = rows[index]
        bucket = bisect_left(boundaries, len(row))
        features = {
            "key": tf.train.Feature(bytes_list=tf.train.BytesList(value=[keys[index].encode()])),
            "label": integers([labels[index]]),
            "text": integers(row + [0] * (boundaries[bucket] - len(row))),
            "text_length": integers([len(row)]),
        }
        example = tf.train.Example(features=tf.train.Features(feature=features))
        writers[bucket].write(example.SerializeToString())
    for writer in writers:
        writer.close()


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the baseline."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.baselines.plain_loop", description=__doc__)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--vocabulary-size", type=int, default=VOCABULARY_SIZE)
    arguments = parser.parse_args(argv)
    preprocess(arguments.input, arguments.output, arguments.vocabulary_size)


if __name__ == "__main__":
    main()
