"""Whether two preprocessed data sets are the same: vocabulary, rows, lengths, padding, and the words behind the ids.

Words that are equally frequent may stand in any order in a vocabulary, and where it ends among equals, any of them may
be in it. So ids are compared as words, and every word as frequent as the last of a vocabulary counts as unknown:

    counts  the 9  it's 4  gut 2  über 2        a vocabulary of 3   the  it's  gut     ids 2 3 4
                                                is as good as       the  it's  über    ids 2 3 1
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as parquet

from scripts.bench.baselines.plain_loop import words_of
from scripts.bench.baselines.reviews import FIRST_WORD_ID

# Of this many rows one is compared word by word.
SAMPLED_EVERY = 20
_UNKNOWN = None


@dataclass(frozen=True)
class SampledRow:
    """One row as written.

    Attributes:
      label: the class index.
      padded_length: steps with padding.
      ids: without padding.
    """

    label: int
    padded_length: int
    ids: tuple[int, ...]


@dataclass
class Written:
    """What is compared of a data set.

    Attributes:
      vocabulary: word i has id i + 2.
      rows: rows by padded length.
      real_steps: steps without padding.
      sample: some rows by key.
    """

    vocabulary: list[str]
    rows: Counter[int] = field(default_factory=Counter)
    real_steps: int = 0
    sample: dict[str, SampledRow] = field(default_factory=dict)


def read_written(vocabulary: Path, shards: Sequence[Path], every: int = SAMPLED_EVERY) -> Written:
    """Reads a data set: all keys, labels and lengths, and the ids of one row in `every`.

    Args:
      vocabulary: one word a line.
      shards: TFRecord files of tf.Examples with key, label, text and text_length.
      every: 1 keeps all rows.

    Raises:
      ValueError: padding that is not 0, or a key that stands twice.
    """
    tf = _tensorflow()
    integer = tf.io.FixedLenFeature([], tf.int64)
    features = {
        "key": tf.io.FixedLenFeature([], tf.string),
        "label": integer,
        "text": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True),
        "text_length": integer,
    }
    written = Written(vocabulary.read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    for shard in shards:
        for records in tf.data.TFRecordDataset(str(shard)).batch(1024):
            batch = {name: value.numpy() for name, value in tf.io.parse_example(records, features).items()}
            _add(written, batch, shard, every)
    return written


def count_words(source: Path) -> Counter[str]:
    """Occurrences of every word of a Parquet file of reviews, counted by the plain loop's rule."""
    counts: Counter[str] = Counter()
    for batch in parquet.ParquetFile(source).iter_batches(columns=["text"]):
        for text in batch.column("text").to_pylist():
            counts.update(words_of(text))
    return counts


def disagreements(ours: Written, other: Written, counts: Mapping[str, int]) -> list[str]:
    """In what two data sets differ, in words; empty when they agree.

    Args:
      ours, other: what was written.
      counts: occurrences of every word of the input.
    """
    cut = min((counts[word] for word in ours.vocabulary if word in counts), default=0)
    found = [
        *_vocabulary_problems("ours", ours.vocabulary, counts),
        *_vocabulary_problems("other", other.vocabulary, counts),
    ]
    certain = [{word for word in data.vocabulary if counts.get(word, 0) > cut} for data in (ours, other)]
    if len(ours.vocabulary) != len(other.vocabulary) or certain[0] != certain[1]:
        examples = ", ".join(sorted(certain[0] ^ certain[1])[:5])
        found.append(f"vocabularies: {len(ours.vocabulary)} and {len(other.vocabulary)} words; differ in {examples}")
    if ours.rows != other.rows:
        found.append(f"rows by padded length: {sorted(ours.rows.items())} and {sorted(other.rows.items())}")
    if ours.real_steps != other.real_steps:
        found.append(f"real steps: {ours.real_steps} and {other.real_steps}")
    if ours.sample.keys() != other.sample.keys():
        found.append(f"keys: {len(ours.sample.keys() ^ other.sample.keys())} stand in one of the two only")
    for key in sorted(ours.sample.keys() & other.sample.keys()):
        pair = [_as_words(data.sample[key], data.vocabulary, counts, cut) for data in (ours, other)]
        if pair[0] != pair[1]:
            found.append(f"row {key}: {pair[0]} and {pair[1]}"[:500])
            break
    return found


def _tensorflow() -> Any:
    """TensorFlow, imported and started without what its C++ prints on the way; exceptions still come out."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kept, silence = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        import tensorflow as tf

        tf.zeros([])
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)
    return tf


def _add(written: Written, batch: dict[str, npt.NDArray[Any]], shard: Path, every: int) -> None:
    ids, lengths = batch["text"], batch["text_length"]
    padded_length = ids.shape[1]
    if ids[np.arange(padded_length) >= lengths[:, np.newaxis]].any():
        raise ValueError(f"{shard}: received ids beyond a row's length, expected padding of 0")
    written.rows[padded_length] += len(lengths)
    written.real_steps += int(lengths.sum())
    for row, key in enumerate(batch["key"]):
        if zlib.crc32(key) % every:
            continue
        name = key.decode()
        if name in written.sample:
            raise ValueError(f"{shard}: the key {name!r} stands twice, expected it once")
        label = int(batch["label"][row])
        written.sample[name] = SampledRow(label, padded_length, tuple(ids[row, : lengths[row]].tolist()))


def _vocabulary_problems(name: str, vocabulary: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    found = []
    frequencies = [counts.get(word, 0) for word in vocabulary]
    if len(set(vocabulary)) != len(vocabulary) or 0 in frequencies:
        found.append(f"{name}: a word stands twice in the vocabulary, or never in the input")
    if frequencies != sorted(frequencies, reverse=True):
        found.append(f"{name}: the vocabulary is not in order of frequency")
    return found


def _as_words(
    row: SampledRow, vocabulary: Sequence[str], counts: Mapping[str, int], cut: int
) -> tuple[int, int, list[str | None]]:
    words = []
    for number in row.ids:
        word = vocabulary[number - FIRST_WORD_ID] if number >= FIRST_WORD_ID else _UNKNOWN
        words.append(word if word is not None and counts.get(word, 0) > cut else _UNKNOWN)
    return row.label, row.padded_length, words
