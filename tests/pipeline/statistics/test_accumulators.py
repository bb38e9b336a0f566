"""Counts of canonical and transformed rows: merged singly, in uneven groups, or as one, they say the same."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipeline.rows import canonical_schema
from pipeline.statistics.extremes import Extremes
from pipeline.statistics.raw_counts import RawCounts
from pipeline.statistics.token_rows import IdCounts, describe_category, describe_ids
from pipeline.statistics.transformed_counts import TransformedCounts, length_cells
from pipeline.statistics.values import ValueCounts
from schemas.manifest import FeatureInfo
from schemas.spec import DatasetSpec, parse_spec

SPEC: DatasetSpec = parse_spec(
    {
        "name": "mixed",
        "features": {
            "text": {"kind": "text"},
            "visits": {"kind": "ids"},
            "vitals": {"kind": "series", "channels": ["hr", "temp"], "missing_values": [-1]},
            "age": {"kind": "number", "missing_values": [-1]},
            "unit": {"kind": "category"},
            "place": {"kind": "vector", "size": 2},
        },
        "label": {"column": "y", "kind": "regression"},
    }
)
INFOS = [
    FeatureInfo(name="text", kind="ids", source_kind="text", dtype="int64", is_sequence=True, raw=[]),
    FeatureInfo(
        name="vitals", kind="series", source_kind="series", dtype="float32", is_sequence=True, channels=2, raw=[]
    ),
    FeatureInfo(name="unit", kind="category", source_kind="category", dtype="int64", is_sequence=False, raw=[]),
]
ROWS = [
    ("a", "train", "good film", [7, 0], [60.0, -1.0, 61.0, 36.5], 40.0, "ward", [1.0, 2.0], 0.5),
    ("b", "validation", "bad film film", [], [], float("nan"), "", [1.0, 3.0], 1.5),
    ("c", "train", "", [3], [float("nan"), 37.0], -1.0, "icu", [0.0, 2.0], 2.5),
    ("d", "validation", "unheard of", [9, 9], [62.0, 38.0], 41.0, "icu", [5.0, 2.0], 9.5),
    ("e", "train", "film", [7], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 42.0, "ward", [1.0, 1.0], 0.0),
]


def canonical(rows) -> pa.RecordBatch:
    columns = {
        "key": [r[0] for r in rows],
        "split": [r[1] for r in rows],
        "digest": [r[0].encode() * 16 for r in rows],
        "label": [r[8] for r in rows],
        "text": [r[2] for r in rows],
        "visits": [r[3] for r in rows],
        "vitals": [r[4] for r in rows],
        "age": [r[5] for r in rows],
        "unit": [r[6] for r in rows],
        "place": [r[7] for r in rows],
    }
    schema = canonical_schema(SPEC)
    return pa.RecordBatch.from_arrays([pa.array(columns[f.name], f.type) for f in schema], schema=schema)


def transformed(rows) -> pa.RecordBatch:
    words = {"film": 2, "good": 3}
    ids = [[words.get(word, 1) for word in r[2].split()] for r in rows]
    columns = {
        "key": pa.array([[r[0].encode()] for r in rows], pa.list_(pa.binary())),
        "split": pa.array([[r[1].encode()] for r in rows], pa.list_(pa.binary())),
        "digest": pa.array([[r[0].encode() * 16] for r in rows], pa.list_(pa.binary())),
        "label": pa.array([[r[8]] for r in rows], pa.list_(pa.float32())),
        "text": pa.array(ids, pa.list_(pa.int64())),
        "text_raw_length": pa.array([[len(row)] for row in ids], pa.list_(pa.int64())),
        "vitals": pa.array([np.nan_to_num(r[4]).tolist() for r in rows], pa.list_(pa.float32())),
        "vitals_raw_length": pa.array([[len(r[4]) // 2] for r in rows], pa.list_(pa.int64())),
        "unit": pa.array([[{"icu": 2, "ward": 3}.get(r[6], 1)] for r in rows], pa.list_(pa.int64())),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def plain(value):
    """Nested plain values that can be compared."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "tokens"):
        return sorted(zip(value.tokens.to_pylist(), value.counts.to_pylist(), strict=True))
    if isinstance(value, ValueCounts | IdCounts | RawCounts | TransformedCounts):
        return {name: plain(item) for name, item in vars(value).items()}
    return value


COUNTERS = [
    pytest.param(RawCounts, lambda rows: RawCounts.of(canonical(rows), SPEC), id="raw"),
    pytest.param(
        TransformedCounts, lambda rows: TransformedCounts.of(transformed(rows), INFOS, "regression"), id="transformed"
    ),
]


@pytest.mark.parametrize(("kind", "count"), COUNTERS)
def test_merging_singles_uneven_groups_and_one_accumulator_agree(kind, count):
    whole = plain(kind.merge([count(ROWS)]))
    singles = plain(kind.merge(count([row]) for row in ROWS))
    uneven = plain(kind.merge([kind.merge([count(ROWS[3:]), count(ROWS[:1])]), count(ROWS[1:3])]))
    assert singles == whole
    assert uneven == whole


@pytest.mark.parametrize("kind", [RawCounts, TransformedCounts])
def test_no_input(kind):
    assert plain(kind.merge([])) == plain(kind())


@pytest.mark.parametrize(("kind", "count"), COUNTERS)
def test_a_batch_without_rows_counts_nothing(kind, count):
    assert plain(kind.merge([count([])])) == plain(kind())


def test_missing_values_are_not_counted_as_values():
    counts = RawCounts.of(canonical(ROWS), SPEC)
    hr, temp = counts.channels["train", "vitals"]
    assert (hr.moments.count, hr.moments.missing) == (5, 1)
    assert (temp.moments.count, temp.moments.missing, temp.moments.maximum) == (5, 1, 37.0)
    age = counts.channels["train", "age"][0]
    assert (age.moments.count, age.moments.missing, age.moments.mean) == (2, 1, 41.0)


def test_only_texts_that_the_analyzer_did_not_count_are_counted():
    texts = RawCounts.of(canonical(ROWS), SPEC).texts
    assert set(texts) == {
        ("validation", "text"),
        ("validation", "visits"),
        ("train", "unit"),
        ("validation", "unit"),
    }
    assert plain(texts["validation", "text"]) == [("bad", 1), ("film", 2), ("of", 1), ("unheard", 1)]
    assert plain(texts["validation", "visits"]) == [("9", 2)]


def test_top_and_unknown_tokens_of_a_split():
    ids = TransformedCounts.of(transformed(ROWS), INFOS, None).ids
    texts = RawCounts.of(canonical(ROWS), SPEC).texts["validation", "text"]
    assert [t["token"] for t in texts.most_frequent(2, ["film", "good"])] == ["bad", "of"]
    described = describe_ids(ids["validation", "text"], ["film", "good"], [])
    assert (described.steps, described.unknown_steps, described.distinct) == (5, 3, 1)
    assert [(t.token, t.count) for t in described.top] == [("film", 2)]
    assert describe_ids(IdCounts(), [], []).unknown_share == 0.0


def test_a_category_without_value_is_missing_and_unknown():
    ids = TransformedCounts.of(transformed(ROWS), INFOS, None).ids
    texts = RawCounts.of(canonical(ROWS), SPEC).texts
    described = describe_category(ids["validation", "unit"], texts["validation", "unit"])
    assert (described.rows, described.missing, described.unknown_rows, described.distinct) == (2, 1, 1, 1)
    assert [(t.token, t.count) for t in described.top] == [("icu", 1)]


def test_extremes_are_the_same_rows_in_any_order():
    rows = [(f"k{i:02d}", "train", "film " * (i % 4), [], [], 0.0, "", [0.0, 0.0], 0.0) for i in range(24)]
    all_rows = np.ones(len(rows), bool)
    forward = Extremes.of(transformed(rows), INFOS[0], all_rows)
    backward = Extremes.of(transformed(rows[::-1]), INFOS[0], all_rows)
    assert forward == backward
    assert [(row.key, row.length) for row in forward.shortest] == [("k00", 0), ("k04", 0), ("k08", 0)]
    assert [(row.key, row.length) for row in forward.longest] == [("k03", 3), ("k07", 3), ("k11", 3)]
    assert forward.longest[0].values == (2, 2, 2)


def test_length_cells_are_at_most_a_quarter_wide():
    lengths = np.arange(0, 5000)
    cells = length_cells(lengths)
    assert sorted(set(cells[:33].tolist())) == [*range(9), 10, 12, 14, 16, 20, 24, 28, 32]
    assert np.all(cells <= lengths)
    assert np.all(lengths[8:] - cells[8:] < cells[8:] / 4)
