"""Plain tables of every format give the same canonical rows."""

from __future__ import annotations

import gzip
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from schemas.errors import InputError
from tests.ingest_run import SHARED_DATA, ingest, spec_of

SPEC = """
name: mixed
key: id
features:
  text: {kind: text}
  words: {kind: tokens}
  codes: {kind: ids}
  waves: {kind: series, channels: [a, b], missing_values: [-1]}
  age: {kind: number, missing_values: [-1]}
  colour: {kind: category}
  place: {kind: vector, size: 2}
label: {column: y, kind: binary}
splits: {train: 0.5, validation: 0.5}
"""

ROWS: list[dict[str, Any]] = [
    {
        "id": f"row {i:02d}",
        "text": f'He said "{i}",\nthen left; naïve 🙂',
        "words": ["a", "b,c", ""][: i % 4],
        "codes": list(range(i % 5)),
        "waves": [[i, -1.0], [None, 0.5]][: i % 3],
        "age": -1 if i % 3 == 0 else i + 0.5,
        "colour": "red" if i % 2 else "007",
        "place": [i, -i],
        "y": i % 2,
    }
    for i in range(20)
]


def as_parquet(path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), path / "rows.parquet", row_group_size=7)
    return path / "rows.parquet"


def as_json_lines(path: Path) -> Path:
    (path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path / "rows.jsonl"


def as_gzipped_json_lines(path: Path) -> Path:
    (path / "rows.jsonl.gz").write_bytes(gzip.compress(as_json_lines(path).read_bytes()))
    return path / "rows.jsonl.gz"


def as_csv(path: Path, name: str = "rows.csv", delimiter: str = ",") -> Path:
    cells = [{k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in ROWS]
    pacsv.write_csv(
        pa.Table.from_pylist(cells), path / name, pacsv.WriteOptions(delimiter=delimiter, quoting_style="needed")
    )
    return path / name


def as_tab_separated(path: Path) -> Path:
    return as_csv(path, "rows.tsv", "\t")


def as_zstd_csv(path: Path) -> Path:
    with pa.CompressedOutputStream(str(path / "rows.csv.zst"), "zstd") as sink:
        sink.write(as_csv(path).read_bytes())
    return path / "rows.csv.zst"


def as_feather(path: Path) -> Path:
    feather.write_feather(pa.Table.from_pylist(ROWS), path / "rows.feather")
    return path / "rows.feather"


def as_arrow_stream(path: Path) -> Path:
    table = pa.Table.from_pylist(ROWS)
    with pa.ipc.new_stream(path / "rows.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=3)
    return path / "rows.arrow"


def as_fixed_size_lists(path: Path) -> Path:
    table = pa.Table.from_pylist(ROWS)
    table = table.set_column(7, "place", table.column("place").cast(pa.list_(pa.float32(), 2)))
    table = table.set_column(6, "colour", table.column("colour").dictionary_encode())
    table = table.set_column(1, "text", table.column("text").cast(pa.large_string()))
    pq.write_table(table, path / "fixed.parquet")
    return path / "fixed.parquet"


def as_tf_examples(path: Path) -> Path:
    tf = pytest.importorskip("tensorflow")

    def feature(value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        if values and isinstance(values[0], list):  # tf.Example is flat: whole steps one after another
            values = [-1.0 if item is None else float(item) for step in values for item in step]
        if any(isinstance(item, str) for item in values):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[item.encode() for item in values]))
        if any(isinstance(item, float) for item in values):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    empty = {"words": tf.train.Feature(bytes_list=tf.train.BytesList()), "waves": tf.train.Feature()}
    with tf.io.TFRecordWriter(str(path / "rows.tfrecord")) as writer:
        for row in ROWS:
            row = row | {"age": float(row["age"])}
            features = {name: empty.get(name, feature(v)) if v == [] else feature(v) for name, v in row.items()}
            features["waves"] = features["waves"] if row["waves"] else tf.train.Feature(float_list=tf.train.FloatList())
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return path / "rows.tfrecord"


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return ingest(SPEC, as_parquet(tmp_path_factory.mktemp("expected"))).rows


@pytest.mark.parametrize(
    "write",
    [
        as_json_lines,
        as_gzipped_json_lines,
        as_csv,
        as_tab_separated,
        as_zstd_csv,
        as_feather,
        as_arrow_stream,
        as_fixed_size_lists,
        as_tf_examples,
    ],
)
def test_every_format_gives_the_same_rows_as_parquet(
    write: Callable[[Path], Path], expected: pa.Table, tmp_path: Path
) -> None:
    assert digests(ingest(SPEC, write(tmp_path)).rows) == digests(expected)


def digests(table: pa.Table) -> dict[str, tuple[bytes, str]]:
    rows = zip(table["key"].to_pylist(), table["digest"].to_pylist(), table["split"].to_pylist(), strict=True)
    return {key: (digest, split) for key, digest, split in rows}


def test_canonical_values_are_the_raw_ones(tmp_path: Path) -> None:
    rows = ingest(SPEC, as_parquet(tmp_path)).by_key
    assert len(rows) == 20
    row = rows["row 05"]
    assert row["text"] == ROWS[5]["text"]
    assert row["words"] == ["a"]
    assert row["codes"] == []
    assert row["waves"][0] == 5.0 and math.isnan(row["waves"][1])  # -1 is listed as missing
    assert math.isnan(row["waves"][2]) and row["waves"][3] == 0.5  # a null is missing
    assert row["age"] == 5.5
    assert math.isnan(rows["row 00"]["age"])
    assert (row["colour"], row["place"], row["label"]) == ("red", [5.0, -5.0], "1")
    assert rows["row 04"]["colour"] == "007"  # text stays text


def test_several_files_and_a_directory_give_the_same_rows(expected: pa.Table, tmp_path: Path) -> None:
    for number, part in enumerate((ROWS[:9], ROWS[9:10], ROWS[10:])):
        pq.write_table(pa.Table.from_pylist(part[::-1]), tmp_path / f"part-{number}.parquet")
    (tmp_path / "_SUCCESS").touch()
    assert digests(ingest(SPEC, tmp_path).rows) == digests(expected)
    assert digests(ingest(SPEC, tmp_path / "part-*.parquet").rows) == digests(expected)
    assert digests(ingest(SPEC, sorted(tmp_path.glob("part-*"))).rows) == digests(expected)


def test_an_unlabelled_run_needs_no_label_and_drops_nothing(tmp_path: Path) -> None:
    rows = [{name: value for name, value in row.items() if name != "y"} for row in ROWS]
    pq.write_table(pa.Table.from_pylist(rows + [rows[0] | {"id": "twin"}]), tmp_path / "rows.parquet")
    run = ingest(SPEC, tmp_path / "rows.parquet", labelled=False)
    assert run.counts.written == 21
    assert "label" not in run.rows.schema.names


def test_the_content_is_the_key_when_the_spec_names_none(tmp_path: Path) -> None:
    spec = spec_of("{name: t, features: {text: {kind: text}}, label: {column: y, kind: binary}}")
    table = pa.table({"text": ["a", "b", "a", "a"], "y": [1, 0, 1, 0]})
    pq.write_table(table, tmp_path / "rows.parquet")
    run = ingest(spec, tmp_path / "rows.parquet")
    assert (run.counts.written, run.counts.duplicates) == (3, 1)
    assert sorted(len(key) for key in run.by_key) == [32, 32, 32]


def test_imdb_has_ninety_six_duplicates() -> None:
    if not SHARED_DATA.exists():
        pytest.skip(f"no real data at {SHARED_DATA}")
    spec = spec_of(Path(__file__).parents[3].joinpath("schemas/imdb.yaml").read_text())
    run = ingest(spec, SHARED_DATA / "imdb_train.parquet")
    assert (run.counts.rows_in, run.counts.written, run.counts.duplicates) == (25_000, 24_904, 96)
    share = run.rows["split"].to_pylist().count("validation") / run.counts.written
    assert abs(share - 0.1) < 0.01


def test_nested_series_with_times(tmp_path: Path) -> None:
    spec = """
name: nested
key: id
features: {w: {kind: series, channels: 1, time: t, time_delta: true}}
splits: {train: 1.0}
"""
    table = {
        "id": ["a", "b", "c", "d", "e"],
        "w": [[1.0, 2.0, 9.0], [], [1.0], [1.0, 2.0], [1.0]],
        "t": [[10, 11, 15], [], [1, 2], [2, 1], None],
    }
    pq.write_table(pa.table(table), tmp_path / "rows.parquet")
    run = ingest(spec, tmp_path / "rows.parquet")
    assert {key: row["w_time"] for key, row in run.by_key.items()} == {"a": [0.0, 1.0, 5.0], "b": []}
    assert run.reasons == {"time": 3}  # another number of times, times going backwards, no times
    regular = ingest(
        spec.replace("time_delta: true", "time_delta: true, resample: {window: 2}"), tmp_path / "rows.parquet"
    )
    row = regular.by_key["a"]
    assert row["w_time"] == [0.0, 2.0, 4.0]
    assert row["w"][0] == 1.5 and math.isnan(row["w"][1]) and row["w"][2] == 9.0
    assert regular.by_key["b"]["w"] == []


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    spec = "{name: t, key: id, features: {text: {kind: text}}, splits: {train: 1.0}}"
    (tmp_path / "rows.jsonl").write_bytes(b'\xef\xbb\xbf{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n')
    (tmp_path / "more.csv").write_bytes(b"\xef\xbb\xbfid,text\n3,c\n")
    run = ingest(spec, [tmp_path / "rows.jsonl", tmp_path / "more.csv"])
    assert {key: row["text"] for key, row in run.by_key.items()} == {"1": "a", "2": "b", "3": "c"}


def test_an_optional_column_may_be_absent_from_some_files_but_not_from_all(tmp_path: Path) -> None:
    spec = (
        "{name: t, key: id, features: {text: {kind: text}, age: {kind: number, required: false}}, splits: {train: 1.0}}"
    )
    (tmp_path / "a.csv").write_text("id,text\n1,x\n")
    with pytest.raises(InputError, match="no column 'age'"):
        ingest(spec, tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("id,text,age\n2,y,7\n")
    rows = ingest(spec, tmp_path / "*.csv").by_key
    assert rows["2"]["age"] == 7.0 and math.isnan(rows["1"]["age"])


def test_ingest_is_imported_without_tensorflow() -> None:
    code = "import sys, pipeline.ingest; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3]).returncode == 0
