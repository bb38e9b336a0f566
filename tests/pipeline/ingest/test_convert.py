"""Conversion and checks, a feature kind at a time, on literal arrays."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.ingest.convert import convert_feature, convert_label
from pipeline.ingest.convert.scalars import as_text, numbers
from pipeline.ingest.problems import REASONS, Problems
from schemas.features import Label
from tests.ingest_run import spec_of


def convert(feature: str, raw: pa.Array) -> tuple[list[Any], list[str | None]]:
    """(canonical values, reject reasons), row by row."""
    spec = spec_of("{name: t, features: {x: " + feature + ", other: {kind: text}}, splits: {train: 1.0}}")
    problems = Problems(len(raw))
    columns = convert_feature("x", spec.features["x"], raw, None, problems)
    reasons = [None if good else problems.at(row)[0] for row, good in enumerate(problems.good)]
    assert len(columns["x"]) == len(raw)
    rows = zip(columns["x"].to_pylist(), reasons, strict=True)
    return [value if reason is None else None for value, reason in rows], reasons


@pytest.mark.parametrize(
    "raw",
    [
        pa.array(["a", None, "é"]),
        pa.array(["a", None, "é"], pa.large_string()),
        pa.array(["a", None, "é"], pa.string_view()),
        pa.array([b"a", None, "é".encode()], pa.large_binary()),
        pa.array(["a", None, "é"]).dictionary_encode(),
        pa.array([["a"], [], ["é"]]),
        pa.array(["?", "a", None, "é"]).slice(1),
    ],
    ids=["string", "large", "view", "binary", "dictionary", "list", "slice"],
)
def test_text_of_every_type(raw: pa.Array) -> None:
    assert convert("{kind: text}", raw) == (["a", None, "é"], [None, "missing", None])
    assert convert("{kind: text, required: false}", raw) == (["a", "", "é"], [None, None, None])


def test_text_limits_count_bytes() -> None:
    raw = pa.array(["", "ab", "é", "abc"])
    assert convert("{kind: text, min_steps: 1, max_steps: 2}", raw)[1] == ["too_short", None, None, "too_long"]


def test_numbers_are_no_text() -> None:
    assert convert("{kind: text}", pa.array([1, None]))[1] == ["type", "missing"]
    assert convert("{kind: text}", pa.array([["a", "b"]]))[1] == ["type"]


@pytest.mark.parametrize(
    "raw",
    [
        pa.array([["a", "b"], [], None, ["c", None]]),
        pa.array([["a", "b"], [], None, ["c", None]], pa.large_list(pa.large_string())),
        pa.array(['["a", "b"]', " []", "", '["c", null]']),
        pa.array([["a", "b"], [], None, ["c", None]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    ],
    ids=["list", "large", "json", "dictionary"],
)
def test_tokens(raw: pa.Array) -> None:
    assert convert("{kind: tokens}", raw) == ([["a", "b"], [], None, None], [None, None, "missing", "type"])
    assert convert("{kind: tokens, required: false, max_steps: 1}", raw)[1] == ["too_long", None, None, "type"]


def test_tokens_of_other_types_and_encodings() -> None:
    assert convert("{kind: tokens}", pa.array([[1], []]))[1] == ["type", None]
    assert convert("{kind: tokens}", pa.array([[b"\xff"], [b"a"]]))[1] == ["encoding", None]
    assert convert("{kind: tokens}", pa.array(["[1]", '["a"]', "a", '{"a": 1}']))[1] == ["type", None, "type", "type"]


def test_ids() -> None:
    big = 2**53 + 1
    assert convert("{kind: ids}", pa.array([[1, big], [0]]))[0] == [[1, big], [0]]  # exact beyond float64
    assert convert("{kind: ids}", pa.array([[1.0, 2.0], [2.5]])) == ([[1, 2], None], [None, "type"])
    assert convert("{kind: ids}", pa.array([[2**64 - 1], [1]], pa.list_(pa.uint64())))[1] == ["range", None]
    bounded = "{kind: ids, minimum: 0, maximum: 9}"
    assert convert(bounded, pa.array([[0, 9], [-1], [10], []]))[1] == [None, "range", "range", None]
    assert convert("{kind: ids}", pa.array(["[1, 2]", "[1.5]", "1", "[true]"]))[1] == [None, "type", "type", "type"]


@pytest.mark.parametrize(
    "raw",
    [
        pa.array([[[1, 2], [3, None]], [], [[1]], [[1, 2, 3]], None]),
        pa.array([[[1, 2], [3, None]], [], [[1]], [[1, 2, 3]], None], pa.large_list(pa.list_(pa.float32()))),
        pa.array(["[[1, 2], [3, null]]", "[]", "[[1]]", "[[1, 2, 3]]", None]),
        pa.array([[1, 2, 3, None], [], [1], [1, 2, 3], None]),  # flat: whole steps one after another
    ],
    ids=["nested", "large", "json", "flat"],
)
def test_series_of_two_channels(raw: pa.Array) -> None:
    values, reasons = convert("{kind: series, channels: [a, b]}", raw)
    assert reasons == [None, None, "size", "size", "missing"]
    assert values[0][:3] == [1, 2, 3] and math.isnan(values[0][3])
    assert values[1] == []


def test_series_of_fixed_size_lists_and_slices() -> None:
    steps = pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int16(), 2))
    raw = pa.ListArray.from_arrays(pa.array([0, 1, 1, 3], pa.int32()), steps)
    assert convert("{kind: series, channels: 2}", raw)[0] == [[1, 2], [], [3, 4, 5, 6]]
    assert convert("{kind: series, channels: 2}", raw.slice(2))[0] == [[3, 4, 5, 6]]


def test_flat_and_nested_json_in_one_column() -> None:
    raw = pa.array(["[1, 2]", "[[3], [4]]", "[]", "[5, 6", "[[7]]"])
    assert convert("{kind: series, channels: 1}", raw) == (
        [[1, 2], [3, 4], [], None, [7]],
        [None, None, None, "type", None],
    )


def test_series_checks() -> None:
    spec = "{kind: series, channels: 1, missing_values: [-1], minimum: 0, maximum: 5}"
    raw = pa.array([[0, 5, -1], [-2], [6], [math.nan], [math.inf], [1e39], [True]], pa.list_(pa.float64()))
    values, reasons = convert(spec, raw)
    assert reasons == [None, "range", "range", "not_finite", "not_finite", "not_finite", None]
    assert values[0][:2] == [0, 5] and math.isnan(values[0][2])
    assert convert("{kind: series, channels: 1, nan: missing}", raw)[1][3:6] == [None, "not_finite", "not_finite"]
    assert convert("{kind: series, channels: 1}", pa.array([["a"], []]))[1] == ["type", None]


def test_equal_content_has_equal_bytes() -> None:
    spec = "{kind: series, channels: 1, missing_values: [-1], nan: missing}"
    one, _ = convert(spec, pa.array([[0.0, None]]))
    negative = np.array([np.frombuffer(np.uint32(0xFFC00001).tobytes(), np.float32)[0]])  # another NaN
    other, _ = convert(spec, pa.array([[-0.0, -1.0]]))
    third, _ = convert(spec, pa.array([np.concatenate([[np.float32(-0.0)], negative])]))
    packed = {np.array(row[0], np.float32).tobytes() for row in (one, other, third)}
    assert len(packed) == 1


def test_vectors() -> None:
    raw = pa.array([[1, 2], [1], [1, None], None, [math.nan, 1]])
    spec = "{kind: vector, size: 2}"
    assert convert(spec, raw) == ([[1, 2], None, None, None, None], [None, "size", "missing", "missing", "not_finite"])
    assert convert("{kind: vector, size: 2, required: false}", raw)[0][3] == [0, 0]
    assert convert(spec, pa.array(["[1, 2]", "", "x"])) == ([[1, 2], None, None], [None, "missing", "type"])


def test_number_columns() -> None:
    raw = pa.array(["1", " 2.5 ", "", "+3", "1e2", "0x10", "1,5", "nan", "inf"])
    values, reasons = convert("{kind: number}", raw)
    assert values[:2] == [1.0, 2.5] and values[3:5] == [3.0, 100.0]
    assert reasons == [None, None, "missing", None, None, "type", "type", "not_finite", "not_finite"]
    values, reasons = convert("{kind: number, required: false, minimum: 2}", raw)
    assert reasons[0] == "range" and math.isnan(values[2]) and math.isnan(values[7])
    values, _, bad = numbers(pa.array([Decimal("1.5"), None]))
    assert values[0] == 1.5 and not bad.any()
    assert numbers(pa.array([{"a": 1}]))[2].tolist() == [True]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pa.array([1, None]), ["1", ""]),
        (pa.array([1.0, 2.5, math.nan]), ["1", "2.5", ""]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array(["007", ""]), ["007", ""]),
        (pa.array([[7], []]), ["7", ""]),
        (pa.array(["a", None]).dictionary_encode(), ["a", ""]),
        (pa.array([20_000], pa.date32()), ["2024-10-04"]),
    ],
)
def test_identities_as_text(raw: pa.Array, expected: list[str]) -> None:
    text, missing, bad = as_text(raw)
    assert text.to_pylist() == expected
    assert missing.tolist() == [value == "" for value in expected]
    assert not bad.any()


def test_categories() -> None:
    raw = pa.array(["a", "b", None])
    assert convert("{kind: category, allowed: [a]}", raw)[1] == [None, "not_allowed", "missing"]
    assert convert("{kind: category, allowed: [a], required: false}", raw)[1] == [None, "not_allowed", None]


def test_labels() -> None:
    problems = Problems(4)
    label = Label(column="y", kind="regression", minimum=0, maximum=1)
    assert convert_label(label, pa.array([0.5, None, 2.0, math.inf]), problems)[0].as_py() == 0.5
    assert [problems.at(row)[0] for row in (1, 2, 3)] == ["missing_label", "label_domain", "label_domain"]
    problems = Problems(3)
    text = convert_label(Label(column="y", kind="multiclass"), pa.array([1.0, 2.0, None]), problems)
    assert text.to_pylist()[:2] == ["1", "2"] and problems.good.tolist() == [True, True, False]


def test_the_first_problem_of_a_row_is_its_reason() -> None:
    problems = Problems(3)
    problems.flag(np.array([True, False, False]), "missing", "no text")
    problems.flag(np.array([True, True, False]), "type", lambda row: f"row {row}")
    assert problems.good.tolist() == [False, False, True]
    assert [problems.at(0), problems.at(1)] == [("missing", "no text"), ("type", "row 1")]
    later = Problems(4)
    later.inherit(problems, np.array([-1, 1, 2, 0]))
    assert [later.good.tolist(), later.at(1), later.at(3)] == [
        [True, False, True, False], ("type", "row 1"), ("missing", "no text"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="received reason 'odd', expected one of"):
        problems.flag(np.array([True, False, False]), "odd", "")
    assert all(REASONS.values())
