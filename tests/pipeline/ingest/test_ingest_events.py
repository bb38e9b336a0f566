"""Event tables become sequences: channel/value pairs, columns per channel, picks, labels, windows, splits."""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from schemas.errors import SpecError
from schemas.spec import load_spec
from tests.ingest_run import SHARED_DATA, ingest, spec_of

NAN = math.nan

PAIRS = """
name: stays
source:
  events: {{group_by: who, time: t, channel: what, value: v{events}}}
  {labels}
features:
  vitals: {{kind: series, channels: [hr, bp], time_delta: true, missing_values: [-9]{vitals}}}
  age: {{kind: number, channel: age, missing_values: [-1], required: false}}
  unit: {{kind: category, channel: unit, required: false}}
{label}
splits: {{train: 1.0}}
"""


def pairs(events: str = "", labels: str = "", vitals: str = "", label: str = "") -> str:
    return PAIRS.format(events=events, labels=labels, vitals=vitals, label=label)


def write(path: Path, columns: Mapping[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path / "events.parquet")
    return path / "events.parquet"


def write_events(path: Path, events: list[tuple[Any, ...]]) -> Path:
    who, t, what, v = zip(*events, strict=True)
    return write(path, {"who": list(who), "t": list(t), "what": list(what), "v": list(v)})


EVENTS = [
    (1, 0, "age", 70.0),
    (1, 0, "unit", 2.0),
    (1, 30, "hr", 80.0),
    (1, 10, "hr", 75.0),
    (1, 10, "bp", 120.0),
    (1, 10, "hr", 76.0),  # merged with 75: the larger counts as last
    (1, 20, "bp", -9.0),  # listed as missing: no step
    (1, 25, "bp", None),  # no value: no step
    (1, 40, "mood", 5.0),  # no feature names this channel
    (2, 5, "bp", 100.0),
    (2, 7, "age", -1.0),
    (3, 9, "mood", 1.0),  # an entity with no event of use
]


def test_pairs_are_sorted_merged_and_picked(tmp_path: Path) -> None:
    run = ingest(pairs(), write_events(tmp_path, EVENTS))
    one, two = run.by_key["1"], run.by_key["2"]
    assert one["vitals_time"] == [0.0, 20.0]  # counted from the first step, at 10
    assert one["vitals"][:3] == [76.0, 120.0, 80.0] and math.isnan(one["vitals"][3])
    assert (one["age"], one["unit"]) == (70.0, "2")
    assert math.isnan(two["vitals"][0]) and two["vitals"][1:] == [100.0]
    assert math.isnan(two["age"]) and two["unit"] == ""
    assert run.reasons == {"missing": 1}
    assert run.rejects[0]["key"] == "3"
    events = run.counts.events
    assert {name: events[name] for name in ("in", "used", "static", "merged", "missing", "unknown_channel")} == {
        "in": 12, "used": 4, "static": 3, "merged": 1, "missing": 2, "unknown_channel": 2,
    }  # fmt: skip


@pytest.mark.parametrize(("rule", "value"), [("last", 76), ("first", 75), ("max", 76), ("min", 75), ("mean", 75.5)])
def test_several_values_at_one_time(rule: str, value: float, tmp_path: Path) -> None:
    run = ingest(pairs(events=f", duplicates: {rule}"), write_events(tmp_path, EVENTS))
    assert run.by_key["1"]["vitals"][0] == value


def test_equal_times_kept_apart(tmp_path: Path) -> None:
    run = ingest(pairs(events=", equal_times: keep"), write_events(tmp_path, EVENTS))
    row = run.by_key["1"]
    assert row["vitals_time"] == [0.0, 0.0, 0.0, 20.0]
    assert [None if math.isnan(v) else v for v in row["vitals"]] == [75, None, 76, None, None, 120, 80, None]
    assert run.counts.events["merged"] == 0


def test_unknown_channels_can_be_refused(tmp_path: Path) -> None:
    run = ingest(pairs(events=", unknown_channels: reject"), write_events(tmp_path, EVENTS))
    assert run.counts.events["rejected/unknown_channel"] == 2
    assert {line["reason"] for line in run.rejects} == {"unknown_channel", "missing"}


def test_bad_events_are_rejected_one_by_one_and_their_entity_stays(tmp_path: Path) -> None:
    events = [
        ("1", "0", "hr", "80"),
        ("1", "x", "hr", "80"),
        ("1", "1", "hr", "fast"),
        ("1", "2", "hr", "inf"),
        ("1", "3", "hr", "nan"),
        ("1", "4", "hr", "999"),
        ("", "5", "hr", "80"),
        ("2", "6", "hr", "fast"),
    ]
    table = pa.table(dict(zip(("who", "t", "what", "v"), map(list, zip(*events, strict=True)), strict=True)))
    pacsv.write_csv(table, tmp_path / "events.csv")
    run = ingest(pairs(vitals=", maximum: 300"), tmp_path / "events.csv")
    assert run.by_key["1"]["vitals"][0] == 80.0
    counts = run.counts.events
    assert {name.removeprefix("rejected/"): n for name, n in counts.items() if name.startswith("rejected/")} == {
        "time": 1, "type": 2, "not_finite": 2, "range": 1, "missing_key": 1,
    }  # fmt: skip
    assert run.reasons == {"missing": 1}  # entity 2 exists, and has nothing
    assert sorted(line["position"] for line in run.rejects if line["position"] is not None) == [1, 2, 3, 4, 5, 6, 7]


def test_rows_do_not_depend_on_order_or_files(tmp_path: Path) -> None:
    rng = random.Random(3)
    events = [
        (rng.randrange(30), rng.randrange(8), rng.choice(["hr", "bp", "age", "mood"]), float(rng.randrange(100)))
        for _ in range(2000)
    ]
    whole = ingest(pairs(), write_events(tmp_path, events)).rows
    rng.shuffle(events)
    parts = tmp_path / "parts"
    for number in range(3):
        (parts / str(number)).mkdir(parents=True)
        write_events(parts / str(number), events[number::3])
    again = ingest(pairs(), [parts / str(number) / "events.parquet" for number in range(3)]).rows
    assert again["digest"].to_pylist() == whole["digest"].to_pylist()


COLUMNS = """
name: frames
source:
  events: {{group_by: who, time: t{events}}}
features:
  wave: {{kind: series, channels: [a, b]{wave}}}
  item: {{kind: ids}}
  place: {{kind: category}}
label: {{column: y, kind: binary}}
splits: {splits}
"""


def columns(events: str = "", wave: str = "", splits: str = "{train: 1.0}") -> str:
    return COLUMNS.format(events=events, wave=wave, splits=splits)


FRAMES: dict[str, list[Any]] = {
    "who": ["p", "q", "p", "p", "q", "p"],
    "t": [3, 1, 1, 2, 0, 3],
    "a": [3.0, 10.0, 1.0, None, None, 5.0],
    "b": [None, 20.0, 2.0, None, None, 4.0],
    "item": [7, None, 5, 6, None, 8],
    "place": ["x", "y", "x", "x", "y", "x"],
    "y": [1, 0, 1, 1, 0, 1],
}


def test_one_column_a_channel(tmp_path: Path) -> None:
    run = ingest(
        columns(wave=", required: false").replace("kind: ids", "kind: ids, required: false"), write(tmp_path, FRAMES)
    )
    p, q = run.by_key["p"], run.by_key["q"]
    assert p["wave"] == [1.0, 2.0, 5.0, 4.0]  # t=2 has no value and is no step; at t=3 the larger values count
    assert p["item"] == [5, 6, 7, 8]  # one item an event, equal times by value
    assert (p["place"], p["label"]) == ("x", "1")
    assert (q["wave"], q["item"], q["label"]) == ([10.0, 20.0], [], "0")
    assert run.counts.events["missing"] == 1  # q at t=0


def test_labels_and_groups_that_differ_within_an_entity_are_conflicts(tmp_path: Path) -> None:
    spec = columns(splits="{train: 0.5, validation: 0.5, group: place}")
    frames = {name: values * 2 for name, values in FRAMES.items()}
    frames["who"] = FRAMES["who"] + [name + "2" for name in FRAMES["who"]]
    frames["y"] = [1, 0, 0, 1, 0, 1] + FRAMES["y"]
    frames["place"] = FRAMES["place"] + ["x", "y", "x", "z", "y", "x"]
    spec = spec.replace("kind: ids", "kind: ids, required: false")
    run = ingest(spec, write(tmp_path, frames))
    assert run.reasons == {"label_conflict": 1, "group_conflict": 1}
    assert {line["key"] for line in run.rejects} == {"p", "p2"}


def test_windows_roll_over_each_entity_and_share_its_split(tmp_path: Path) -> None:
    spec = spec_of("""
name: rolling
source: {events: {group_by: who, time: t, windows: {size: 5, stride: 4}}}
features: {wave: {kind: series, channels: [a], time_delta: true}}
splits: {train: 0.5, validation: 0.5}
""")
    table: dict[str, list[Any]] = {"who": ["e"] * 4 + ["f"], "t": [0, 3, 7, 12, 5], "a": [0.0, 3.0, 7.0, 12.0, 1.0]}
    rows = ingest(spec, write(tmp_path, table)).by_key
    assert {key: row["wave"] for key, row in rows.items()} == {
        "e#0": [0.0, 3.0], "e#1": [7.0], "e#2": [12.0], "f#0": [1.0],
    }  # fmt: skip
    assert rows["e#0"]["wave_time"] == [0.0, 3.0]
    many: dict[str, list[Any]] = {"who": [f"e{i}" for i in range(40) for _ in range(20)], "t": list(range(20)) * 40}
    many["a"] = [float(i) for i in range(800)]
    split_of: dict[str, set[str]] = {}
    for key, row in ingest(spec, write(tmp_path, many)).by_key.items():
        split_of.setdefault(key.split("#")[0], set()).add(row["split"])
    assert {len(splits) for splits in split_of.values()} == {1}
    assert set.union(*split_of.values()) == {"train", "validation"}


def test_events_between_windows_are_counted(tmp_path: Path) -> None:
    spec = """
name: gaps
source: {events: {group_by: who, time: t, windows: {size: 2, stride: 10}}}
features: {wave: {kind: series, channels: [a]}}
splits: {train: 1.0}
"""
    run = ingest(spec, write(tmp_path, {"who": ["e"] * 5, "t": [0, 1, 2, 5, 11], "a": [0.0, 1.0, 2.0, 5.0, 11.0]}))
    assert {key: row["wave"] for key, row in run.by_key.items()} == {"e#0": [0.0, 1.0], "e#1": [11.0]}
    assert run.counts.events["outside"] == 2


def test_resampling_only_when_asked(tmp_path: Path) -> None:
    spec = columns(wave=", time_delta: true, resample: {window: 2, aggregate: mean}")
    frames: dict[str, list[Any]] = {
        "who": ["p"] * 4,
        "t": [10, 11, 12, 17],
        "a": [1.0, 3.0, 5.0, 7.0],
        "b": [None, 4.0, 6.0, 8.0],
    }
    frames |= {"item": [1] * 4, "place": ["x"] * 4, "y": [1] * 4}
    row = ingest(spec, write(tmp_path, frames)).by_key["p"]
    assert [None if math.isnan(v) else v for v in row["wave"]] == [2, 4, 5, 6, None, None, 7, 8]
    assert row["wave_time"] == [0.0, 2.0, 4.0, 6.0]


def test_dates_and_zones_order_events(tmp_path: Path) -> None:
    spec = """
name: visits
source: {events: {group_by: who, time: t}}
features: {wave: {kind: series, channels: [a], time_delta: true}}
splits: {by: time, column: t, validation: 2024-03-01}
"""
    table: dict[str, list[Any]] = {
        "who": ["p", "p", "q"],
        "t": ["2024-01-01T12:00:00+02:00", "2024-01-01T09:59:59Z", "2024-03-01"],
        "a": [2.0, 1.0, 3.0],
    }
    rows = ingest(spec, write(tmp_path, table)).by_key
    assert (rows["p"]["wave"], rows["p"]["wave_time"], rows["p"]["split"]) == ([1.0, 2.0], [0.0, 1.0], "train")
    assert rows["q"]["split"] == "validation"


LABELS = "labels: {path: labels.csv, key: id}"


def test_labels_from_another_file(tmp_path: Path) -> None:
    events = write_events(tmp_path, EVENTS)
    (tmp_path / "labels.csv").write_text("id,died,note\n1,0,a\n1,0,a\n9,1,b\n2,1,c\n,1,d\n")
    run = ingest(pairs(labels=LABELS, label="label: {column: died, kind: binary}"), events)
    assert {key: row["label"] for key, row in run.by_key.items()} == {"1": "0", "2": "1"}
    assert run.reasons == {"missing_label": 1}  # entity 3
    counts = run.counts.events
    assert [counts[f"labels/{end}"] for end in ("in", "used", "unmatched", "rejected")] == [5, 3, 1, 1]
    assert counts["keys/without_label"] == 1


def test_different_label_rows_for_one_key_are_a_conflict(tmp_path: Path) -> None:
    events = write_events(tmp_path, EVENTS)
    (tmp_path / "labels.csv").write_text("id,died\n1,0\n1,1\n2,1\n3,0\n")
    run = ingest(pairs(labels=LABELS, label="label: {column: died, kind: binary}"), events)
    assert run.reasons == {"label_conflict": 1, "missing": 1}
    assert set(run.by_key) == {"2"}


def test_a_plain_table_takes_label_and_features_from_a_label_file(tmp_path: Path) -> None:
    spec = """
name: joined
key: id
source: {labels: {path: labels.csv, key: ref}}
features: {text: {kind: text}, age: {kind: number}}
label: {column: y, kind: multiclass}
splits: {by: time, column: day, validation: 2024-02-01}
"""
    pq.write_table(pa.table({"id": [1, 2, 3, None], "text": ["a", "b", "c", "d"]}), tmp_path / "rows.parquet")
    (tmp_path / "labels.csv").write_text("ref,y,age,day\n2,dog,7,2024-02-01\n1,cat,6,2024-01-31\n5,cow,1,2024-01-01\n")
    run = ingest(spec, tmp_path / "rows.parquet")
    assert {k: (r["label"], r["age"], r["split"]) for k, r in run.by_key.items()} == {
        "1": ("cat", 6.0, "train"), "2": ("dog", 7.0, "validation"),
    }  # fmt: skip
    assert run.reasons == {"missing_label": 1, "missing_key": 1}


def test_vowels_are_all_there() -> None:
    if not SHARED_DATA.exists():
        pytest.skip(f"no real data at {SHARED_DATA}")
    run = ingest(load_spec("schemas/vowels.yaml"), SHARED_DATA / "vowels_train.csv")
    assert (run.counts.rows_in, run.counts.written, run.counts.events["used"]) == (270, 270, 4274)
    steps = sorted(len(row["lpc"]) // 12 for row in run.by_key.values())
    assert (steps[0], steps[-1], sum(steps)) == (7, 26, 4274)


def test_intensive_care_stays_with_outcomes() -> None:
    if not SHARED_DATA.exists():
        pytest.skip(f"no real data at {SHARED_DATA}")
    run = ingest(load_spec("schemas/icu.yaml"), SHARED_DATA / "icu_events_train.parquet")
    assert (run.counts.rows_in, run.counts.events["in"]) == (4000, 1_674_892)
    assert run.counts.written + run.counts.rejected == 4000
    assert run.counts.events["labels/used"] == 4000
    assert run.rows["label"].to_pylist().count("1") == pytest.approx(554, abs=10)  # 13.9% died


def test_unlabelled_events_need_no_label_file(tmp_path: Path) -> None:
    events = write_events(tmp_path, EVENTS)
    spec = pairs(labels="labels: {path: absent.csv, key: id}", label="label: {column: died, kind: binary}")
    run = ingest(spec, events, labelled=False)
    assert sorted(run.by_key) == ["1", "2"]
    assert run.reasons == {"missing": 1}
    assert "label" not in run.rows.schema.names


def test_an_entity_in_the_inputs_of_two_splits_is_a_conflict(tmp_path: Path) -> None:
    spec = pairs().replace("splits: {train: 1.0}", "splits: {by: input}")
    (tmp_path / "train").mkdir()
    train = write_events(tmp_path / "train", [(1, 0, "hr", 80.0), (2, 0, "hr", 70.0)])
    test = write_events(tmp_path, [(2, 1, "hr", 71.0), (3, 0, "hr", 60.0)])
    run = ingest(spec, [f"train={train}", f"test={test}"])
    assert {key: row["split"] for key, row in run.by_key.items()} == {"1": "train", "3": "test"}
    assert run.reasons == {"group_conflict": 1}


def test_vectors_do_not_come_from_events(tmp_path: Path) -> None:
    spec = pairs().replace("  unit: {kind: category, channel: unit", "  place: {kind: vector, size: 2, column: v")
    with pytest.raises(SpecError, match="features.place: a vector cannot be read from an event table"):
        ingest(spec, write_events(tmp_path, EVENTS))


@pytest.mark.parametrize("name", ["events.csv", "events.jsonl", "events.jsonl.gz", "events.feather", "events.tfrecord"])
def test_event_tables_of_every_format_give_the_same_rows(name: str, tmp_path: Path) -> None:
    events = [event for event in EVENTS if event[3] is not None]
    expected = ingest(pairs(), write_events(tmp_path, events))
    table, path = pq.read_table(tmp_path / "events.parquet"), tmp_path / name
    lines = "".join(json.dumps(row) + "\n" for row in table.to_pylist())
    if name.endswith(".csv"):
        pacsv.write_csv(table, path)
    elif name.endswith(".jsonl"):
        path.write_text(lines)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(lines.encode()))
    elif name.endswith(".feather"):
        feather.write_feather(table, path)
    else:
        write_examples(path, table.to_pylist())
    run = ingest(pairs(), path)
    assert run.rows["digest"].to_pylist() == expected.rows["digest"].to_pylist()
    assert run.counts == expected.counts


def write_examples(path: Path, rows: list[dict[str, Any]]) -> None:
    tf = pytest.importorskip("tensorflow")
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row in rows:
            features = {
                "who": tf.train.Feature(int64_list=tf.train.Int64List(value=[row["who"]])),
                "t": tf.train.Feature(int64_list=tf.train.Int64List(value=[row["t"]])),
                "what": tf.train.Feature(bytes_list=tf.train.BytesList(value=[row["what"].encode()])),
                "v": tf.train.Feature(float_list=tf.train.FloatList(value=[row["v"]])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
