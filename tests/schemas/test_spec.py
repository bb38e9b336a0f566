"""A spec is refused with the place, what was received, what was expected, and the nearest known name."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import SpecError
from schemas.spec import DatasetSpec, load_spec, parse_spec

GOOD: dict[str, Any] = {
    "name": "reviews",
    "key": "id",
    "features": {"text": {"kind": "text", "vocabulary": {"size": 100}, "max_length": {"quantile": 0.99}}},
    "label": {"column": "label", "kind": "binary"},
    "splits": {"train": 0.9, "validation": 0.1},
    "batching": {"buckets": 16, "align": 8},
}


def changed(place: str, value: Any) -> dict[str, Any]:
    """GOOD with the value at a dotted place set, or removed when the value is ...."""
    data = copy.deepcopy(GOOD)
    *parents, last = place.split(".")
    at = data
    for part in parents:
        at = at[part]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return data


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("features.text.vocabulary.sise", 3, "features.text.vocabulary.sise: unknown key 'sise'; did you mean 'size'?"),
        ("features.text.tokeniser", "words", "did you mean 'tokenizer'?"),
        ("features.text.tokenizer", "word", "received 'word', expected one of words, characters, bytes"),
        ("features.text.kind", "txt", "features.text: received 'txt', expected one of text, tokens"),
        ("features.text.kind", ..., "missing key 'kind'"),
        ("spilts", {}, "did you mean 'splits'?"),
        ("splits.train", 0.5, "expected shares that add up to 1"),
        ("splits.valid", 0.1, "did you mean 'validation'?"),
        ("splits", {"by": "tim", "column": "d"}, "did you mean 'time'?"),
        ("splits", {"train": 0.5, "validation": 0.5, "stratify": True, "group": "g"}, "exclude each other"),
        ("features.text.max_length", "long", "received 'long', expected a number of steps"),
        ("features.text.max_length", {"quantile": 1.5}, "features.text.max_length.quantile"),
        ("features.text.max_length", 0, "received 0"),
        ("features.text.vocabulary.size", 0, "received 0"),
        ("batching.buckets", "many", "batching.buckets: received 'many'"),
        ("batching.align", 0, "batching.align"),
        ("label.kind", ..., "label.kind: missing"),
        ("label.column", ..., "exactly one of 'column' and 'channel'"),
        ("label.classes", ["a", "a"], "stands twice"),
        ("label.classes", ["a", "b", "c"], "a binary label has 2 classes, received 3"),
        ("features", ..., "features: missing"),
        ("features", {}, "features"),
        ("features.label", {"kind": "number"}, "which Lengthwise uses itself"),
        ("features.a b", {"kind": "number"}, "expected letters, digits and _"),
        ("features", {"n": {"kind": "number"}}, "expected at least one sequence"),
        ("features.text", 3, "features.text: received 3"),
        ("source", {"events": {"group_by": "x"}}, "source.events.time: missing"),
        ("source", {"events": {"group_by": "x", "time": "t", "channel": "c"}}, "belong together"),
        ("label", {"channel": "c", "kind": "binary"}, "only an event table has channels"),
        ("max_rejected", 2, "max_rejected"),
    ],
)
def test_a_wrong_spec_is_refused_at_its_place(place: str, value: Any, said: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_spec(changed(place, value), "reviews.yaml")
    assert said in str(error.value)
    assert "reviews.yaml" in str(error.value)


def test_every_wrong_place_is_listed_at_once() -> None:
    data = changed("spilts", {})
    data["batching"]["alig"] = 4
    with pytest.raises(SpecError) as error:
        parse_spec(data)
    assert "spilts" in str(error.value) and "alig" in str(error.value)


def test_a_spec_is_frozen() -> None:
    spec = parse_spec(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"  # type: ignore[misc]


def test_equal_specs_have_equal_fingerprints_however_written() -> None:
    reordered = {key: GOOD[key] for key in reversed(GOOD)}
    defaults_written_out = changed("duplicates", "drop")
    assert parse_spec(GOOD).fingerprint() == parse_spec(reordered).fingerprint()
    assert parse_spec(GOOD).fingerprint() == parse_spec(defaults_written_out).fingerprint()
    assert parse_spec(GOOD).fingerprint() != parse_spec(changed("batching.align", 4)).fingerprint()


def test_a_feature_may_be_padded_on_the_other_side() -> None:
    data = changed("batching.padding", "pre")
    data["features"]["other"] = {"kind": "ids", "padding": "post"}
    spec = parse_spec(data)
    assert (spec.padding_of("text"), spec.padding_of("other")) == ("pre", "post")


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parents[2].joinpath("schemas").glob("*.yaml")), ids=lambda p: p.name
)
def test_shipped_specs_are_usable(path: Path) -> None:
    assert load_spec(path).name == path.stem


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name: [", "not YAML"),
        (b"- a\n- b", "expected a mapping"),
        (b"\xff\xfe\xff", "not UTF-8"),
        (b"", "expected a mapping"),
    ],
)
def test_a_file_that_is_no_spec_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=said):
        load_spec(path)


def test_a_missing_spec_names_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"imdb\.yaml"):
        load_spec(tmp_path / "none.yaml")


def test_the_json_schema_for_editors_is_current() -> None:
    shipped = Path(__file__).parents[2] / "schemas" / "dataset_spec.schema.json"
    from schemas.json_schema import spec_json_schema

    assert shipped.read_text() == spec_json_schema(), "run: python -m schemas.json_schema"
    assert DatasetSpec.__name__ in shipped.read_text()
