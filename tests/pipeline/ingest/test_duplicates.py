"""Which rows lose to which, on literal identities; and how batches travel."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ingest import discover
from pipeline.ingest.duplicates import (
    DUPLICATE,
    DUPLICATE_KEY,
    Losers,
    equal_content,
    key_conflicts,
    losers_of,
    partitioned,
)
from pipeline.ingest.reading import PIECE_BYTES, units
from pipeline.ingest.record_batches import Merger, RecordBatchCoder
from tests.ingest_run import ingest, spec_of

# key, content, split; row ids follow the order
ROWS = [
    ("a", "p", 0),
    ("a", "q", 1),  # the key of row 0, other content
    ("b", "p", 1),  # the content of row 0, in a later split
    ("c", "q", 2),  # the content of row 1, which is rejected: stays
    ("d", "q", 2),  # the content of row 3, with a larger key
    ("a", "p", 0),  # row 0 once more
    ("e", "r", 0),
]


def identities(rows: list[tuple[int, tuple[str, str, int]]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "split": pa.array([split for _, (_, _, split) in rows], pa.int8()),
            "row": pa.array([row for row, _ in rows], pa.int64()),
            "digest": pa.array([content.encode() * 16 for _, (_, content, _) in rows], pa.binary(16)),
            "key": pa.array([key for _, (key, _, _) in rows], pa.string()),
        }
    )


def losers(rows: list[tuple[int, tuple[str, str, int]]]) -> dict[int, int]:
    stay, conflicts = key_conflicts(identities(rows))
    batches = [conflicts, equal_content(stay)]
    return {row["row"]: row["reason"] for batch in batches for row in batch.to_pylist()}


def test_who_loses_and_why() -> None:
    assert losers(list(enumerate(ROWS))) == {1: DUPLICATE_KEY, 2: DUPLICATE, 4: DUPLICATE, 5: DUPLICATE}


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    rows = list(enumerate(ROWS))
    random.Random(seed).shuffle(rows)
    assert losers(rows) == losers(list(enumerate(ROWS)))


def test_no_rows_and_one_row() -> None:
    assert losers([]) == {}
    assert losers([(7, ROWS[0])]) == {}
    assert Losers([]).reasons(pa.record_batch({"row": [1, 2]})).tolist() == [0, 0]


def test_losers_are_found_again_in_any_batch() -> None:
    found = Losers([losers_of(np.array([9, 3]), DUPLICATE), losers_of(np.array([5]), DUPLICATE_KEY)])
    assert found.reasons(pa.record_batch({"row": [1, 3, 5, 9, 10]})).tolist() == [0, 2, 1, 2, 0]


def test_partitions_hold_every_row_once() -> None:
    batch = pa.record_batch({"row": list(range(100))})
    hashes = np.random.default_rng(0).integers(0, 2**64, 100, dtype=np.uint64)
    parts = partitioned(batch, hashes, 7)
    assert sorted(itertools.chain(*(part.column("row").to_pylist() for _, part in parts))) == list(range(100))
    for number, part in parts:
        assert {int(hashes[row] % np.uint64(7)) for row in part.column("row").to_pylist()} == {number}


def test_batches_survive_their_journey() -> None:
    batch = pa.record_batch({"text": ["a", "é", ""], "list": [[1.5], [], [2.5, float("nan")]], "n": [1, None, 3]})
    coder = RecordBatchCoder()
    for part in (batch, batch.slice(1, 2), batch.slice(0, 0)):
        back = coder.decode(coder.encode(part))
        assert back.schema == part.schema
        assert repr(back.to_pydict()) == repr(part.to_pydict())
        assert coder.estimate_size(part) == part.nbytes


def test_small_batches_are_merged() -> None:
    merger, given = Merger(rows=10), []
    for number in range(12):
        given += [merged for merged in [merger.add(pa.record_batch({"n": [number, -number]}))] if merged is not None]
    given += [merged for merged in [merger.flush()] if merged is not None]
    assert merger.flush() is None
    assert [batch.num_rows for batch in given] == [6, 6, 6, 6]
    assert pa.Table.from_batches(given)["n"].to_pylist()[::2] == list(range(12))


def test_parts_of_a_large_file_are_read_apart_and_positions_hold(tmp_path: Path) -> None:
    spec = spec_of("{name: t, key: id, features: {x: {kind: ids, maximum: 99}}, splits: {train: 1.0}}")
    values = [[1000 if i in (4, 57, 99) else i] for i in range(100)]
    pq.write_table(pa.table({"id": list(range(100)), "x": values}), tmp_path / "rows.parquet", row_group_size=10)
    inputs = discover(spec, [str(tmp_path / "rows.parquet")])
    assert units(inputs) == [(0, tuple(range(10)))]
    large = replace(inputs, files=(replace(inputs.files[0], size_bytes=3 * PIECE_BYTES),))
    assert units(large) == [(0, (0, 1, 2, 3)), (0, (4, 5, 6)), (0, (7, 8, 9))]
    run = ingest(spec, tmp_path / "rows.parquet")
    assert sorted((line["position"], line["key"]) for line in run.rejects) == [(4, "4"), (57, "57"), (99, "99")]
