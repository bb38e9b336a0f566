"""Nothing vanishes: random tables, plain and of events, add up, and lose the same rows in every order and layout."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipeline.ingest import account
from schemas.errors import DataError
from tests.ingest_run import Run, ingest

SETTINGS = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

PLAIN = """
name: plain
key: id
features:
  text: {kind: text, max_steps: 6}
  wave: {kind: series, channels: 2, min_steps: 1, required: false, maximum: 90}
  codes: {kind: ids, minimum: 0, required: false}
  age: {kind: number, required: false, minimum: -5}
label: {column: y, kind: binary, classes: ["0", "1"]}
splits: {train: 0.6, validation: 0.2, test: 0.2}
"""

numbers = st.sampled_from([0, 1, 2.5, -1, 99, math.nan, math.inf, "7", "seven", None, True])
steps = st.lists(st.one_of(numbers, st.lists(numbers, max_size=3)), max_size=3)
rows = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "c", "d", "", None, 1]),
        "text": st.sampled_from(["x", "y", "much too long", "", "é", None, 5]),
        "wave": st.one_of(st.none(), st.just([[1, 2]]), steps),
        "codes": st.one_of(st.none(), st.lists(st.sampled_from([0, 3, -4, 2.0, 2.5, "1", None]), max_size=2)),
        "age": numbers,
        "y": st.sampled_from([0, 1, "0", "1", 2, None, True]),
    }
)
lines = st.one_of(rows.map(json.dumps), st.sampled_from(["{broken", "[1]", "", '"text"', '{"id": "only"}']))


def write_lines(folder: str, files: list[list[str]]) -> list[str]:
    head = json.dumps({"id": "h", "text": "x", "wave": [[1, 2]], "codes": [1], "age": 1, "y": 0})
    paths = []
    for number, content in enumerate(files):
        path = Path(folder) / f"{number}.jsonl"
        path.write_text("\n".join([head, *content]) + "\n")
        paths.append(str(path))
    return paths


@SETTINGS
@given(st.lists(lines, min_size=5, max_size=60))
def test_plain_rows_add_up(content: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = ingest(PLAIN, write_lines(folder, [content]))
    assert run.counts.rows_in == 1 + sum(bool(line) for line in content)
    # `ingest` has checked the equation and the number of rows given out; each reject has its line, too.
    assert len(run.rejects) == run.counts.rejected
    assert len(set(run.rows["key"].to_pylist())) == run.counts.written
    assert len(set(run.rows["digest"].to_pylist())) == run.counts.written


@SETTINGS
@given(st.lists(rows.map(json.dumps), min_size=5, max_size=40), st.randoms(use_true_random=False))
def test_order_and_files_do_not_matter(content: list[str], rng: Any) -> None:
    shuffled = list(content)
    rng.shuffle(shuffled)
    cut = rng.randrange(len(shuffled) + 1)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole = ingest(PLAIN, write_lines(one, [content]))
        parts = ingest(PLAIN, write_lines(two, [shuffled[:cut], shuffled[cut:]]))
    assert parts.rows.equals(whole.rows) or comparable(parts) == comparable(whole)
    assert parts.reasons == whole.reasons


def comparable(run: Run) -> list[tuple[Any, ...]]:
    return [(row["key"], row["split"], row["digest"]) for row in run.rows.to_pylist()]


EVENTS = """
name: events
source:
  events: {group_by: who, time: t, channel: what, value: v, equal_times: EQUAL, WINDOWS}
  labels: {path: labels.csv, key: who}
features:
  vitals: {kind: series, channels: [hr, bp], missing_values: [-9], maximum: 200, resample: RESAMPLE}
  pulse: {kind: series, channels: [hr], required: false, min_steps: 0, max_steps: 4}
  age: {kind: number, channel: age, required: false, maximum: 120}
  unit: {kind: category, channel: unit, required: false}
label: {column: y, kind: binary}
splits: {train: 0.5, validation: 0.5}
"""

events = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", ""]),
        st.sampled_from(["0", "1", "2", "2.5", "7", "11", "soon", ""]),
        st.sampled_from(["hr", "hr", "bp", "age", "unit", "mood", ""]),
        st.sampled_from(["1", "80", "-9", "999", "nan", "inf", "", "high"]),
    ),
    min_size=10,
    max_size=80,
)
labels = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "e", ""]), st.sampled_from(["0", "1", ""])), max_size=6)


@SETTINGS
@given(
    events,
    labels,
    st.sampled_from(["merge", "keep"]),
    st.sampled_from(["", "windows: {size: 2, stride: 3}", "windows: {size: 4, stride: 2}"]),
    st.sampled_from(["null", "{window: 2}"]),
)
def test_events_add_up(
    rows: list[tuple[str, ...]], outcomes: list[tuple[str, str]], equal: str, windows: str, resample: str
) -> None:
    spec = EVENTS.replace("EQUAL", equal).replace(", WINDOWS", f", {windows}" if windows else "")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "labels.csv").write_text("who,y\n" + "".join(",".join(row) + "\n" for row in outcomes))
        for number, part in enumerate((rows[::2], rows[1::2])):
            content = "who,t,what,v\n" + "".join(",".join(row) + "\n" for row in part)
            (Path(folder) / f"events-{number}.csv").write_text(content)
        run = ingest(spec.replace("RESAMPLE", resample), folder + "/events-*.csv")
    assert run.counts.events["in"] == len(rows)
    assert run.counts.events.get("labels/in", 0) == len(outcomes)
    entities = {who for who, *_ in rows if who}
    if not windows:
        assert run.counts.rows_in == len(entities)
    assert {key.split("#")[0] for key in run.by_key} <= entities


@pytest.mark.parametrize(
    "lost",
    [
        {"rows_in": 1},
        {"rows/train": 1},
        {"rejected/type": 1},
        {"duplicates/train": 1},
        {"events/in": 1},
        {"events/used": 1},
        {"labels/in": 1},
    ],
)
def test_an_imbalance_is_an_error(lost: dict[str, int]) -> None:
    counts = {
        "rows_in": 3,
        "rows/train": 1,
        "rejected/type": 1,
        "duplicates/train": 1,
        "events/in": 2,
        "events/used": 2,
    }
    assert account(counts).written == 1
    changed = {name: counts.get(name, 0) + lost.get(name, 0) for name in counts | lost}
    with pytest.raises(DataError, match=r"do not add up: .* This is a defect of Lengthwise"):
        account(changed)
