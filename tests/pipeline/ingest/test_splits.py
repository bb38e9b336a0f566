"""Splits: by hash, group, time, column and input; and duplicates across them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ingest.convert.moments import TimeColumn, holds_moments, times_of
from pipeline.ingest.keys import content_digests, hash_texts
from pipeline.ingest.problems import Problems
from pipeline.ingest.splitting import by_group, by_hash, by_time, time_boundaries
from schemas.errors import InputError, SpecError
from schemas.splits import HashSplit, TimeSplit
from tests.ingest_run import ingest

HEAD = "{name: t, key: id, features: {text: {kind: text}}, label: {column: y, kind: binary}, splits: "


def write(path: Path, columns: dict[str, Any], name: str = "rows.parquet") -> Path:
    pq.write_table(pa.table(columns), path / name)
    return path / name


def table(rows: int, **more: Any) -> dict[str, Any]:
    return {"id": list(range(rows)), "text": [f"t{i}" for i in range(rows)], "y": [i % 2 for i in range(rows)]} | more


def test_shares_hold_and_rows_never_move(tmp_path: Path) -> None:
    spec = HEAD + "{train: 0.7, validation: 0.2, test: 0.1}}"
    now = ingest(spec, write(tmp_path, table(2000)))
    splits = now.rows["split"].to_pylist()
    for name, share in (("train", 0.7), ("validation", 0.2), ("test", 0.1)):
        assert splits.count(name) / 2000 == pytest.approx(share, abs=0.03)
    later = ingest(spec, write(tmp_path, table(3000)))  # next month: more rows
    assert {key: row["split"] for key, row in later.by_key.items() if int(key) < 2000} == {
        key: row["split"] for key, row in now.by_key.items()
    }
    salted = ingest(spec.replace("test: 0.1", "test: 0.1, salt: other"), tmp_path / "rows.parquet")
    assert {k: r["split"] for k, r in salted.by_key.items()} != {k: r["split"] for k, r in later.by_key.items()}


def test_hashes_are_known_numbers() -> None:
    # Fixed for all time: a row's split must be the same in every release. Digits from hashlib.blake2b itself.
    assert hash_texts(pa.array(["a", "", "naïve"])).tolist() == [
        4681665781835383343, 16476032584258269876, 13759174791853198556,
    ]  # fmt: skip


def test_a_hash_split_cuts_the_range_at_its_shares() -> None:
    hashes = np.array([0, 2**62, 2**63 - 1, 2**63, 2**64 - 1], dtype=np.uint64)
    assert by_hash(HashSplit(train=0.5, validation=0.5), hashes).tolist() == [0, 0, 0, 1, 1]
    assert by_hash(HashSplit(train=0.5, test=0.5), hashes).tolist() == [0, 0, 0, 2, 2]
    assert by_hash(HashSplit(train=1.0), hashes).tolist() == [0] * 5
    assert by_hash(HashSplit(train=0.25, validation=0.25, test=0.5), hashes).tolist() == [0, 1, 1, 2, 2]


def test_a_group_never_stands_in_two_splits(tmp_path: Path) -> None:
    groups = [f"g{i % 50}" if i != 7 else None for i in range(1000)]
    spec = HEAD + "{train: 0.5, validation: 0.5, group: module}}"
    run = ingest(spec, write(tmp_path, table(1000, module=groups)))
    split_of: dict[str, set[str]] = {}
    for key, row in run.by_key.items():
        split_of.setdefault(str(groups[int(key)]), set()).add(row["split"])
    assert {len(splits) for splits in split_of.values()} == {1}
    assert set.union(*split_of.values()) == {"train", "validation"}
    assert run.reasons == {"missing_group": 1}


def test_equal_groups_of_different_types_hash_alike() -> None:
    problems = Problems(3)
    split = HashSplit(train=0.5, validation=0.5, group="g")
    whole = by_group(split, pa.array([1, 2, 3]), problems)
    assert by_group(split, pa.array(["1", "2", "3"]), problems).tolist() == whole.tolist()
    assert by_group(split, pa.array([1.0, 2.0, 3.0]), problems).tolist() == whole.tolist()


@pytest.mark.parametrize(
    ("column", "validation", "test"),
    [
        (
            [datetime.date(2024, 1, 31), datetime.date(2024, 2, 1), datetime.date(2024, 3, 1)],
            "2024-02-01",
            "2024-03-01",
        ),
        (["2024-01-31T23:59:59Z", "2024-02-01T01:00:00+01:00", "2024-03-01"], "2024-02-01", "2024-03-01"),
        (["2024-01-31", "2024-02-01 00:00", "2024-03-01T00:00:00.5"], "2024-02-01T00:00:00", "2024-03-01"),
        ([9.5, 10, 20], "10", "20"),
        (["9.5", "10", "2e1"], "10", "20"),
        (
            [datetime.datetime(2024, 1, 31, 23), datetime.datetime(2024, 2, 1), datetime.datetime(2024, 3, 2)],
            "2024-02-01",
            "2024-03-01",
        ),
    ],
    ids=["dates", "zones", "mixed ISO", "numbers", "numbers as text", "timestamps"],
)
def test_a_row_at_or_after_a_boundary_belongs_to_the_later_split(
    column: list[Any], validation: str, test: str, tmp_path: Path
) -> None:
    path = write(tmp_path, table(3, when=column))
    run = ingest(HEAD + f"{{by: time, column: when, validation: {validation}, test: {test}}}}}", path)
    assert [run.by_key[key]["split"] for key in "012"] == ["train", "validation", "test"]


def test_rows_without_a_readable_time_are_rejected(tmp_path: Path) -> None:
    when = ["2024-01-01", None, "2024-13-01", "soon", "2024-02-30"]
    run = ingest(HEAD + "{by: time, column: when, validation: 2024-02-01}}", write(tmp_path, table(5, when=when)))
    assert (sorted(run.by_key), run.reasons) == (["0"], {"time": 4})


def test_boundaries_are_checked(tmp_path: Path) -> None:
    path = write(tmp_path, table(2, when=[1, 2]))
    with pytest.raises(InputError, match="column 'when' holds numbers, but the boundaries are dates"):
        ingest(HEAD + "{by: time, column: when, validation: 2024-02-01}}", path)
    for splits, message in (
        (TimeSplit(by="time", column="t"), "needs the first moment"),
        (TimeSplit(by="time", column="t", validation="soon"), "received 'soon', expected a date"),
        (TimeSplit(by="time", column="t", validation="2024-02-01", test=3), "expected two dates or two numbers"),
        (TimeSplit(by="time", column="t", validation=3, test=2), "expected test after it"),
    ):
        with pytest.raises(SpecError, match=message):
            time_boundaries(splits)


def test_times_in_every_form() -> None:
    noon = 12 * 3600 * 1e6
    for array in (
        pa.array(["1970-01-01T12:00:00Z", "1970-01-01 14:00+02:00", None, "x"]),
        pa.array([43_200, 43_200, None, None], pa.timestamp("s")),
    ):
        assert holds_moments(array)
        values, missing, unreadable = times_of(TimeColumn(array, moments=True))
        assert values[:2].tolist() == [noon, noon] and np.isnan(values[2:]).all()
        assert (missing | unreadable).tolist() == [False, False, True, True]
    assert not holds_moments(pa.array([1, 2]))
    values, _, unreadable = times_of(TimeColumn(pa.array(["2024-01-01", "7"]), moments=False))
    assert (values[1], unreadable.tolist()) == (7.0, [True, False])
    codes = by_time(TimeSplit(by="time", column="t", test=7), TimeColumn(pa.array([6, 7]), False), Problems(2))
    assert codes.tolist() == [0, 2]


def test_a_column_may_hold_the_split(tmp_path: Path) -> None:
    spec = HEAD + "{by: column, column: fold, train: ['1', '2'], validation: ['3']}}"
    run = ingest(spec, write(tmp_path, table(5, fold=[1, 2, 3, 4, None])))
    assert {key: row["split"] for key, row in run.by_key.items()} == {"0": "train", "1": "train", "2": "validation"}
    assert run.reasons == {"unknown_split": 1, "missing_group": 1}


def test_each_split_may_have_inputs_of_its_own(tmp_path: Path) -> None:
    spec = HEAD + "{by: input}}"
    train = write(tmp_path, table(3), "a.parquet")
    test = write(tmp_path, {"id": [9], "text": ["t9"], "y": [1]}, "b.parquet")
    run = ingest(spec, [f"train={train}", f"test={test}"])
    assert {key: row["split"] for key, row in run.by_key.items()} == {
        "0": "train",
        "1": "train",
        "2": "train",
        "9": "test",
    }
    with pytest.raises(InputError, match="expected 'train=...'"):
        ingest(spec, train)
    with pytest.raises(InputError, match="named as input of both train and test"):
        ingest(spec, [f"train={train}", f"test={train}"])


def test_duplicates_are_dropped_from_the_later_split(tmp_path: Path) -> None:
    spec = HEAD + "{by: column, column: fold}}"
    columns: dict[str, list[Any]] = {
        "id": ["a", "b", "c", "d", "e", "f"],
        "text": ["same", "same", "same", "own", "same", "twin"],
        "y": [1, 1, 1, 1, 0, 1],  # e has another label, and is another row
        "fold": ["test", "validation", "train", "test", "test", "train"],
    }
    columns = {name: [*values, values[-1]] for name, values in columns.items()}  # f twice, key and all
    run = ingest(spec, write(tmp_path, columns))
    assert {key: row["split"] for key, row in run.by_key.items()} == {
        "c": "train",
        "d": "test",
        "e": "test",
        "f": "train",
    }
    assert run.counts.duplicates_by_split == {"test": 1, "train": 1, "validation": 1}
    kept = ingest(spec.replace("splits:", "duplicates: keep, splits:"), tmp_path / "rows.parquet")
    assert (kept.counts.written, kept.counts.duplicates) == (7, 0)


def test_the_smallest_key_wins_within_a_split(tmp_path: Path) -> None:
    columns = {"id": ["b", "a", "c"], "text": ["same"] * 3, "y": [1] * 3}
    run = ingest(HEAD + "{train: 1.0}}", write(tmp_path, columns))
    assert sorted(run.by_key) == ["a"]


def test_digests_tell_values_and_their_borders_apart() -> None:
    def digests(*columns: pa.Array) -> list[bytes]:
        return content_digests(list(columns)).to_pylist()

    texts = pa.array(["ab", "a", "", "ab"])
    more = pa.array(["c", "bc", "abc", "c"])
    found = digests(texts, more)
    assert len(set(found)) == 3 and found[0] == found[3]
    lists = pa.array([["ab", "c"], ["a", "bc"], ["abc"], [], ["ab", "c"], ["ab", "c", ""]])
    assert len(set(digests(lists))) == 5
    assert digests(lists.slice(4)) == digests(lists)[4:]  # slices hash like copies
    numbers = pa.array([[1.0, 2.0], [1.0], [], [1.0, 2.0]], pa.list_(pa.float32()))
    assert len(set(digests(numbers))) == 3
    assert digests(numbers.slice(1, 2)) == digests(numbers)[1:3]
