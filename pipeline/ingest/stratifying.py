"""Stratified splits: shares hold within every class, and rows move only where a class is too small for chance.

    class "a", 30 rows, a fifth for validation: the hashes alone gave 9 rows of 6 expected; the cut moves, and 6 it is
    class "b", 3,000 rows: the hashes gave 587 rows of 600 expected, within 10%; the cut stays where the share puts it

A row's place is a hash of its label and key. As long as a class holds its shares within TOLERANCE, its rows are cut
exactly there, and so stay where they are next month. Only in a class that does not, the cuts follow the hashes that are
there, and a row near a cut can change its split when the class grows.

    tally    class string | bin int32 | count int64: how many rows of a class have a hash in each of BINS equal ranges
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

import numpy as np
import pyarrow as pa

from pipeline.ingest.keys import hash_texts
from pipeline.ingest.splitting import by_hash, mixed
from schemas.splits import HashSplit

BIN_BITS = 14  # a cut is exact to 1/16384 of a class; a class in need of another cut is far smaller than that
BINS = 1 << BIN_BITS
TOLERANCE = 0.1  # of the expected rows; 900 rows stray further by chance once in 370 times (three deviations)
TALLY = pa.schema([("class", pa.string()), ("bin", pa.int32()), ("count", pa.int64())])
Cuts = Mapping[str, tuple[int, ...]]


def class_hashes(labels: pa.StringArray, key_hashes: np.ndarray) -> np.ndarray:
    """uint64[rows]: a uniform hash of label and key."""
    encoded = labels.dictionary_encode()
    of_class = hash_texts(encoded.dictionary)[encoded.indices.to_numpy(zero_copy_only=False)]
    return mixed(key_hashes ^ of_class)


def tally(labels: pa.StringArray, hashes: np.ndarray) -> pa.RecordBatch:
    """The tally of some rows; uint64[rows] `class_hashes`."""
    bins = (hashes >> np.uint64(64 - BIN_BITS)).astype(np.int32)
    table = pa.table({"class": labels, "bin": pa.array(bins)})
    return _batch(table.group_by(["class", "bin"]).aggregate([([], "count_all")]))


def add_tallies(tallies: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """One tally out of several, in any order."""
    table = pa.Table.from_batches(list(tallies), TALLY)
    return _batch(table.group_by(["class", "bin"]).aggregate([("count", "sum")]))


def cuts_of(split: HashSplit, total: pa.RecordBatch) -> dict[str, tuple[int, ...]]:
    """The cuts of every class that does not hold its shares by the hashes alone.

    Args:
      split: the shares.
      total: the tally of all rows.

    Returns:
      Class -> ends of train and validation, in bins; classes whose shares hold are left out.
    """
    table = pa.Table.from_batches([total]).sort_by([("class", "ascending"), ("bin", "ascending")])
    names = table.column("class").combine_chunks().dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False)
    bins, counts = table.column("bin").to_numpy(), table.column("count").to_numpy()
    starts = np.searchsorted(codes, np.arange(len(names.dictionary) + 1))
    found = {}
    for code, name in enumerate(names.dictionary.to_pylist()):
        own = slice(int(starts[code]), int(starts[code + 1]))
        cuts = _class_cuts(split, bins[own], counts[own])
        if cuts is not None:
            found[name] = cuts
    return found


def by_cuts(split: HashSplit, labels: pa.StringArray, hashes: np.ndarray, cuts: Cuts) -> np.ndarray:
    """int8[rows] split codes.

    Args:
      split: the shares.
      labels: string[rows].
      hashes: uint64[rows] `class_hashes`.
      cuts: `cuts_of` all rows.
    """
    codes = by_hash(split, hashes)
    encoded = labels.dictionary_encode()
    of_row = encoded.indices.to_numpy(zero_copy_only=False)
    bins = (hashes >> np.uint64(64 - BIN_BITS)).astype(np.int64)
    for number, name in enumerate(encoded.dictionary.to_pylist()):
        if name in cuts:
            rows = of_row == number
            codes[rows] = np.searchsorted(np.array(cuts[name]), bins[rows], side="right")
    return codes


def _class_cuts(split: HashSplit, bins: np.ndarray, counts: np.ndarray) -> tuple[int, ...] | None:
    shares = (split.train, split.validation, split.test)
    rows = int(counts.sum())
    plain = by_hash(split, bins.astype(np.uint64) << np.uint64(64 - BIN_BITS))
    real = np.array([counts[plain == code].sum() for code in range(3)])
    wanted = np.array(shares) * rows
    if (np.abs(real - wanted) <= np.maximum(1.0, TOLERANCE * wanted)).all():
        return None
    before = np.concatenate([[0], np.cumsum(counts)])
    edges = np.append(bins, BINS)  # cutting at edges[i] leaves before[i] rows below
    return tuple(int(edges[np.abs(before - total * rows).argmin()]) for total in list(accumulate(shares))[:2])


def _batch(table: pa.Table) -> pa.RecordBatch:
    renamed = table.rename_columns(["class", "bin", "count"]).cast(TALLY).combine_chunks()
    return renamed.to_batches()[0] if renamed.num_rows else pa.RecordBatch.from_pylist([], TALLY)
