"""`python -m pipeline.infer` drafts specs that run as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.infer import infer, main
from schemas.errors import InputError
from tests.ingest_run import SHARED_DATA, Run, ingest


def draft(patterns: str | Path, labels: str | Path | None = None) -> tuple[dict[str, Any], Run]:
    """The drafted spec, and the run that it gives: every draft must run."""
    text = infer([str(patterns)], None if labels is None else str(labels))
    return yaml.safe_load(text), ingest(text, patterns, None if labels is None else str(labels))


def test_a_table_of_everything(tmp_path: Path) -> None:
    rows = [
        {
            "uid": f"u{i:03d}",
            "review": f"number {i} is a rather long text, with words" + " again" * (i % 7),
            "tags": ["a", "b"][: i % 3],
            "clicks": list(range(i % 6)),
            "beat": [0.5 * i, 1.0][: i % 3],
            "track": [[i, 2.0, 3.0]] * (i % 4),
            "place": [i / 3, 1.5],
            "city": ["Rome", "Oslo", "Lima"][i % 3],
            "age": 20 + 0.5 * (i % 90),
            "joined": f"2024-01-{1 + i % 28:02d}",
            "empty": None,
            "label": ["spam", "ham"][i * 7 % 11 > 5],
        }
        for i in range(120)
    ]
    (tmp_path / "every thing.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec, run = draft(tmp_path / "every thing.jsonl")
    assert spec["name"] == "every_thing"
    assert spec["key"] == "uid"
    assert {name: feature["kind"] for name, feature in spec["features"].items()} == {
        "review": "text", "tags": "tokens", "clicks": "ids", "beat": "series", "track": "series", "place": "vector",
        "city": "category", "age": "number",
    }  # fmt: skip
    assert spec["features"]["track"]["channels"] == 3
    assert spec["label"] == {"column": "label", "kind": "binary"}
    assert (run.counts.written, run.counts.rejected) == (120, 0)


def test_json_lists_in_csv_and_leading_zeros(tmp_path: Path) -> None:
    lines = "".join(f'"[{i}, 2.5]",00{i % 4},{i % 3}\n' for i in range(30))
    (tmp_path / "7 rows.csv").write_text("wave,code,target\n" + lines)
    spec, run = draft(tmp_path / "7 rows.csv")
    assert spec["name"] == "data_7_rows"
    assert "key" not in spec
    # Lists of one length would be vectors beside a sequence; 007 is no number.
    assert spec["features"] == {"wave": {"kind": "series"}, "code": {"kind": "category"}}
    assert spec["label"] == {"column": "target", "kind": "multiclass"}
    assert run.counts.rejected == 0


def test_awkward_column_names_and_missing_values(tmp_path: Path) -> None:
    table = pa.table(
        {
            "Main text!": [
                "so many words in this text",
                None,
                "and many more words in that one",
                "one two three four five",
            ],
            "key": [1, 1, 2, 3],
            "2nd": [1.5, None, 2.5, 4.5],
            "split": ["a", "b", "a", "b"],
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    spec, run = draft(tmp_path / "rows.parquet")
    assert spec["features"]["Main_text"] == {
        "kind": "text", "column": "Main text!", "tokenizer": "words", "vocabulary": {"size": 20000},
        "max_length": {"quantile": 0.99}, "required": False,
    }  # fmt: skip
    assert spec["features"]["feature_2nd"]["column"] == "2nd"
    assert run.counts.rejected == 0


def test_nothing_to_make_a_sequence_of(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1.5, 2.5], "b": [3, 4]}), tmp_path / "rows.parquet")
    with pytest.raises(InputError, match=r"no sequence found: .* columns found: a \(number\), b \(number\)"):
        infer([str(tmp_path / "rows.parquet")])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"x": [[1.0, 2.0], [3.0]], "y": [0, 1]}), tmp_path / "rows.parquet")
    output = str(tmp_path / "spec.yaml")
    assert main(["--input", str(tmp_path / "rows.parquet"), "--output", output]) == 0
    assert yaml.safe_load(Path(output).read_text())["features"]["x"]["kind"] == "series"
    assert main(["--input", str(tmp_path / "rows.parquet"), "--output", output]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["--input", str(tmp_path / "absent.parquet")]) == 2


@pytest.mark.parametrize(
    ("data", "labels", "expected"),
    [
        ("imdb_train.parquet", None, {"key": "id", "label": "label", "features": ["text"]}),
        ("stocks_train.jsonl.gz", None, {"key": "id", "label": "up", "features": ["stock", "tweets", "prices"]}),
        ("vowels_train.csv", None, {"label": "speaker", "features": ["series"]}),
        (
            "icu_events_train.parquet",
            "icu_outcomes_train.csv",
            {"label": "In-hospital_death", "features": ["series", "Age", "Gender", "Height", "ICUType"]},
        ),
    ],
)
def test_real_data(data: str, labels: str | None, expected: dict[str, Any]) -> None:
    if not SHARED_DATA.exists():
        pytest.skip(f"no real data at {SHARED_DATA}")
    spec = yaml.safe_load(infer([str(SHARED_DATA / data)], labels and str(SHARED_DATA / labels)))
    assert spec.get("key") == expected.get("key")
    assert spec["label"]["column"] == expected["label"]
    assert list(spec["features"]) == expected["features"]
