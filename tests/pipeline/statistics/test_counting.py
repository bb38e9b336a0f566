"""Counts from the cache are those that counting gives; whatever they depend on is in an entry's name."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.statistics.cached_bytes import accumulator_from_bytes, accumulator_to_bytes
from pipeline.statistics.counting import CountBatch, MergeTallies, Tally
from pipeline.statistics.token_rows import IdCounts
from pipeline.transform.analysis_cache import AnalysisCache, DamagedEntry, open_cache
from pipeline.transform.analyze import Findings


@pytest.fixture
def cache(tmp_path: Path) -> AnalysisCache:
    opened = open_cache(str(tmp_path / "cache"))
    assert opened is not None
    return opened


def batch(*rows: tuple[str, str, int]) -> pa.RecordBatch:
    """Rows of (key, split, id)."""
    keys, splits, ids = zip(*rows, strict=True)
    digests = pa.array([bytes([number]) * 16 for number in ids], pa.binary(16))
    return pa.RecordBatch.from_arrays(
        [pa.array(keys), pa.array(splits), digests, pa.array(ids)], names=["key", "split", "digest", "ids"]
    )


def count(rows: pa.RecordBatch) -> IdCounts:
    return IdCounts.of(rows.column("ids").to_numpy())


def state(rows: pa.RecordBatch, cache: AnalysisCache | None, facts: str = "a", fingerprint: str = "f") -> str:
    """How the batch was counted; its counts are right in any case."""
    tally = CountBatch(count, facts, cache)(rows, Findings({}, {}, fingerprint, 0.0))
    assert tally.counts.counts.tolist() == count(rows).counts.tolist()
    (found,) = tally.batches
    return found


ROWS = (("k1", "train", 3), ("k2", "test", 5))


def test_the_same_rows_are_counted_once_whatever_their_order(cache: AnalysisCache) -> None:
    assert [state(batch(*ROWS), cache), state(batch(*ROWS), cache), state(batch(*ROWS[::-1]), cache)] == [
        "counted",
        "cached",
        "cached",
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": batch(("k1", "train", 3), ("k2", "test", 6))},
        {"rows": batch(("k1", "train", 3), ("k2", "train", 5))},
        {"rows": batch(("k1", "train", 3), ("k3", "test", 5))},
        {"rows": batch(("k1", "train", 3))},
        {"facts": "b"},
        {"fingerprint": "g"},
    ],
    ids=["content", "split", "key", "fewer", "spec or source", "analysis"],
)
def test_whatever_counts_depend_on_names_the_entry(cache: AnalysisCache, changed: dict[str, Any]) -> None:
    state(batch(*ROWS), cache)
    assert state(**({"rows": batch(*ROWS), "cache": cache} | changed)) == "counted"


def test_a_damaged_entry_is_counted_again_and_replaced(cache: AnalysisCache, tmp_path: Path) -> None:
    state(batch(*ROWS), cache)
    (entry,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    entry.write_bytes(entry.read_bytes()[:-1])
    assert [state(batch(*ROWS), cache) for _ in range(2)] == ["damaged", "cached"]


def test_a_pickle_of_anything_else_is_not_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "harm"),)

    with pytest.raises(DamagedEntry, match="mkdir, expected counts"):
        accumulator_from_bytes(pickle.dumps(Harm()))
    assert not (tmp_path / "harm").exists()
    with pytest.raises(DamagedEntry):
        accumulator_from_bytes(b"")


def test_counts_come_back_from_bytes() -> None:
    counts = IdCounts(np.array([0, 2, 1], np.int64))
    assert accumulator_from_bytes(accumulator_to_bytes(counts)).counts.tolist() == [0, 2, 1]


def test_tallies_add_up_in_any_grouping() -> None:
    merge = MergeTallies(IdCounts.merge)
    parts = [Tally(count(batch(("k", "train", n % 3))), Counter(counted=1)) for n in range(40)]
    gathered: list[Tally] = []
    for part in parts:
        gathered = merge.add_input(gathered, part)
    for accumulators in ([gathered], [parts[:7], [], parts[7:]]):
        total = merge.extract_output(merge.merge_accumulators(accumulators))
        assert total.counts.counts.tolist() == [14, 13, 13]
        assert total.batches == {"counted": 40}
    assert merge.extract_output(merge.create_accumulator()).counts.total == 0
