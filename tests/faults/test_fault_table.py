"""The fault table: what goes wrong with input, and what the user sees: a named reject, or one clear error.

    fault                      Parquet / Arrow / TFRecord / gzip      CSV / JSON lines
    truncated                  InputError naming the file             last row malformed; InputError when lines are lost
    empty (0 bytes)            InputError naming the file             the same
    header or schema only      InputError when no file has rows       the same
    wrong type in row N        InputError for the whole column        reject `type` with position N
    NaN, infinity              reject `not_finite`                    the same
    invalid UTF-8              reject `encoding`                      the same (JSON lines: `malformed`)
    mixed schemas across files InputError naming file and column      the same
    too long                   reject `too_long` under max_steps      the same

Every InputError ends a command with exit status 2 and nothing written.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from pipeline.failure import user_message
from pipeline.ingest.problems import REASONS
from schemas.errors import InputError
from tests.ingest_run import Run, ingest

TEXT = "{name: t, key: id, features: {text: {kind: text}}, label: {column: y, kind: multiclass}, splits: {train: 1.0}}"
SERIES = "{name: s, key: id, features: {x: {kind: series}}, splits: {train: 1.0}}"
ROWS = {"id": [f"k{i}" for i in range(5000)], "text": [f"text number {i}" for i in range(5000)], "y": [0, 1] * 2500}


def write_parquet(path: Path) -> Path:
    pq.write_table(pa.table(ROWS), path / "rows.parquet", compression="none")
    return path / "rows.parquet"


def write_arrow(path: Path) -> Path:
    feather.write_feather(pa.table(ROWS), path / "rows.feather", compression="uncompressed", chunksize=500)
    return path / "rows.feather"


def write_stream(path: Path) -> Path:
    table = pa.table(ROWS)
    with pa.ipc.new_stream(path / "rows.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=500)
    return path / "rows.arrow"


def write_csv(path: Path) -> Path:
    lines = [f'{i},"{t}",{y}' for i, t, y in zip(*ROWS.values(), strict=True)]
    (path / "rows.csv").write_text("id,text,y\n" + "\n".join(lines) + "\n")
    return path / "rows.csv"


def write_json_lines(path: Path) -> Path:
    rows = [dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)]
    (path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path / "rows.jsonl"


def zipped(write: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def write_zipped(path: Path) -> Path:
        plain = write(path)
        (path / (plain.name + ".gz")).write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
        return path / (plain.name + ".gz")

    return write_zipped


def write_zstd(path: Path) -> Path:
    with pa.CompressedOutputStream(str(path / "rows.jsonl.zst"), "zstd") as sink:
        sink.write(write_json_lines(path).read_bytes())
    return path / "rows.jsonl.zst"


def write_tfrecord(path: Path) -> Path:
    tf = pytest.importorskip("tensorflow")
    with tf.io.TFRecordWriter(str(path / "rows.tfrecord")) as writer:
        for key, text, y in zip(*ROWS.values(), strict=True):
            features = {
                "id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[key.encode()])),
                "text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()])),
                "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[y])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return path / "rows.tfrecord"


ALL_FORMATS = [
    pytest.param(write_parquet, id="parquet"),
    pytest.param(write_arrow, id="feather"),
    pytest.param(write_stream, id="arrow-stream"),
    pytest.param(write_csv, id="csv"),
    pytest.param(write_json_lines, id="jsonl"),
    pytest.param(zipped(write_csv), id="csv.gz"),
    pytest.param(zipped(write_json_lines), id="jsonl.gz"),
    pytest.param(write_zstd, id="jsonl.zst"),
    pytest.param(write_tfrecord, id="tfrecord"),
]


def error_of(spec: str, patterns: Sequence[str | Path] | Path) -> str:
    """The text that the user would see; the run must end in an error meant for the user."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 (a runner may wrap it; its text is tested below)
        ingest(spec, patterns)
    message = user_message(caught.value)
    assert message is not None, f"no error for the user in {caught.value!r}"
    return message


@pytest.mark.parametrize("write", ALL_FORMATS)
def test_a_whole_file_is_read_whole(write: Callable[[Path], Path], tmp_path: Path) -> None:
    assert ingest(TEXT, write(tmp_path)).counts.written == 5000


@pytest.mark.parametrize("write", ALL_FORMATS)
def test_an_empty_file_among_good_ones_is_named(write: Callable[[Path], Path], tmp_path: Path) -> None:
    good = write(tmp_path)
    empty = tmp_path / f"empty{good.name.removeprefix('rows')}"
    empty.touch()
    assert f"{empty}: empty (0 bytes)" in error_of(TEXT, [good, empty])


@pytest.mark.parametrize("share", [0.3, 0.97])
@pytest.mark.parametrize("write", [param for param in ALL_FORMATS if param.id not in ("csv", "jsonl")])
def test_a_truncated_container_is_an_error_that_names_the_file(
    write: Callable[[Path], Path], share: float, tmp_path: Path
) -> None:
    (tmp_path / "good").mkdir()
    good, broken = write(tmp_path / "good"), write(tmp_path)
    content = broken.read_bytes()
    broken.write_bytes(content[: int(len(content) * share)])
    message = error_of(TEXT, [good, broken])
    assert f"{broken}: cannot be read as" in message
    assert str(good) not in message


def test_json_lines_that_break_off_lose_one_row(tmp_path: Path) -> None:
    path = write_json_lines(tmp_path)
    path.write_bytes(path.read_bytes()[:-10])
    run = ingest(TEXT, path)
    assert (run.counts.written, run.reasons) == (4999, {"malformed": 1})
    assert (run.rejects[0]["file"], run.rejects[0]["position"]) == (str(path), 4999)


@pytest.mark.parametrize(
    ("cut", "detail"),
    [(b",1\n", "2 cells, expected 3"), (b'999",1\n', "2 cells, expected 3")],
    ids=["cells missing", "open quote"],
)
def test_csv_that_breaks_off_loses_one_row(cut: bytes, detail: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path)
    path.write_bytes(path.read_bytes().removesuffix(cut))
    run = ingest(TEXT, path)
    assert (run.counts.written, run.reasons) == (4999, {"malformed": 1})
    assert (run.rejects[0]["position"], detail in run.rejects[0]["detail"]) == (4999, True)


def test_csv_that_breaks_off_within_its_last_quoted_cell_loses_one_row(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('id,y,text\na,0,"one"\nb,1,"tw')
    run = ingest(TEXT, tmp_path / "rows.csv")
    assert (sorted(run.by_key), run.reasons) == (["a"], {"malformed": 1})
    assert run.rejects[0]["detail"] == "a quoted cell is not closed at the end of the file"


def test_a_csv_quote_that_swallows_lines_is_an_error(tmp_path: Path) -> None:
    path = write_csv(tmp_path)
    path.write_text(path.read_text().replace('"text number 4321"', '"text number 4321'))
    message = error_of(TEXT, path)
    assert f"{path}: 9,999 quotes, an odd number, and 5,001 lines for 4,999 rows" in message


def test_a_stray_quote_that_swallows_nothing_is_text(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('id,text,y\na,5" pipe,0\n\nb,plain,1\n')
    assert ingest(TEXT, tmp_path / "rows.csv").by_key["a"]["text"] == '5" pipe'


def test_csv_lines_with_too_few_or_too_many_cells_are_malformed_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('id,text,y\na,"x\ny",0\nb,z\nc,w,1\nd,v,1,9\ne,u,0\n')
    run = ingest(TEXT, tmp_path / "rows.csv")
    assert sorted(run.by_key) == ["a", "c", "e"]
    assert run.by_key["a"]["text"] == "x\ny"
    assert [(line["position"], line["detail"]) for line in run.rejects] == [
        (1, "2 cells, expected 3"),
        (3, "4 cells, expected 3"),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [("rows.csv", b"id,text,y\n"), ("rows.jsonl", b"\n\n"), ("rows.csv.gz", gzip.compress(b"id,text,y\n"))],
)
def test_a_header_without_rows_is_an_error(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    message = error_of(TEXT, tmp_path / name)
    assert name in message and ("no rows" in message or "Columns found: none" in message)


def test_a_schema_without_rows_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table(ROWS).slice(0, 0), tmp_path / "rows.parquet")
    assert "a header but no rows" in error_of(TEXT, tmp_path / "rows.parquet")


def test_a_header_only_file_beside_one_with_rows_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text,y\n")
    (tmp_path / "b.csv").write_text("id,text,y\nk,hello,1\n")
    assert ingest(TEXT, tmp_path / "*.csv").counts.written == 1


def test_a_missing_column_lists_those_found_and_the_nearest(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "texts": ["b"], "y": [1]}), tmp_path / "rows.parquet")
    message = error_of(TEXT, tmp_path / "rows.parquet")
    assert "no column 'text', which features.text needs; did you mean 'texts'?" in message
    assert "Columns found: id, texts, y" in message


def test_mixed_schemas_across_files_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "text": ["b"], "y": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": [1], "text": [2.5], "y": ["1"]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"id": ["c"], "body": ["b"], "y": [1]}), tmp_path / "c.parquet")
    message = error_of(TEXT, tmp_path / "*.parquet")
    assert f"{tmp_path / 'c.parquet'}: no column 'text'" in message
    (tmp_path / "c.parquet").unlink()
    message = error_of(TEXT, tmp_path / "*.parquet")
    assert f"{tmp_path / 'b.parquet'}: column 'text' holds double" in message


def test_types_that_differ_across_files_but_fit_are_read(tmp_path: Path) -> None:
    spec = "{name: s, key: id, features: {x: {kind: series}}, label: {column: y, kind: binary}, splits: {train: 1.0}}"
    pq.write_table(pa.table({"id": [1], "x": [[1, 2]], "y": [True]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": ["2"], "x": [[0.5]], "y": ["true"]}), tmp_path / "b.parquet")
    (tmp_path / "c.jsonl").write_text('{"id": 3.0, "x": [7], "y": false}\n')
    rows = ingest(spec, [tmp_path / name for name in ("a.parquet", "b.parquet", "c.jsonl")]).by_key
    assert {key: (row["x"], row["label"]) for key, row in rows.items()} == {
        "1": ([1.0, 2.0], "true"), "2": ([0.5], "true"), "3": ([7.0], "false"),
    }  # fmt: skip


def rejected_at(run: Run, position: int) -> tuple[str, str | None]:
    line = next(line for line in run.rejects if line["position"] == position)
    return line["reason"], line["key"]


def test_a_wrong_type_in_one_json_line_rejects_that_row(tmp_path: Path) -> None:
    path = write_json_lines(tmp_path)
    lines = path.read_text().splitlines()
    lines[17] = '{"id": "k17", "text": 3, "y": 1}'
    lines[18] = "[1, 2]"
    lines[19] = '{"id": "k19", "text": "t", "y": 1'
    path.write_text("\n".join(lines))
    run = ingest(TEXT, path)
    assert run.counts.written == 4997
    assert rejected_at(run, 17) == ("type", "k17")
    assert rejected_at(run, 18) == rejected_at(run, 19) == ("malformed", None)


def test_a_wrong_type_in_one_csv_cell_rejects_that_row(tmp_path: Path) -> None:
    spec = "{name: s, key: id, features: {x: {kind: series}, n: {kind: number}}, splits: {train: 1.0}}"
    (tmp_path / "rows.csv").write_text('id,x,n\na,"[1, 2]",3\nb,"[1, x]",3\nc,[],four\nd,"{}",4\ne,"[1,2,null]",5\n')
    run = ingest(spec, tmp_path / "rows.csv")
    assert sorted(run.by_key) == ["a", "e"]
    assert math.isnan(run.by_key["e"]["x"][2])
    assert [rejected_at(run, n) for n in (1, 2, 3)] == [("type", "b"), ("type", "c"), ("type", "d")]


def test_nan_and_infinity(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": ["fine", "nan", "inf", "huge", "null"],
            "x": [[1.0], [math.nan], [math.inf], [1e300], [None, 2.0]],
        }
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    run = ingest(SERIES, tmp_path / "rows.parquet")
    assert sorted(run.by_key) == ["fine", "null"]
    assert run.reasons == {"not_finite": 3}
    lenient = ingest(SERIES.replace("kind: series", "kind: series, nan: missing"), tmp_path / "rows.parquet")
    assert sorted(lenient.by_key) == ["fine", "nan", "null"]


def test_nan_and_infinity_in_json_lines(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "x": [1]}\n{"id": 2, "x": [NaN]}\n{"id": 3, "x": [-Infinity]}\n')
    run = ingest(SERIES, tmp_path / "rows.jsonl")
    assert (sorted(run.by_key), run.reasons) == (["1"], {"not_finite": 2})


def test_invalid_utf8(tmp_path: Path) -> None:
    bad = pa.array([b"fine", b"\xff\xfe", b"caf\xc3\xa9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"id": ["a", "b", "c"], "text": bad, "y": [0, 1, 0]}), tmp_path / "rows.parquet")
    run = ingest(TEXT, tmp_path / "rows.parquet")
    assert (sorted(run.by_key), rejected_at(run, 1)) == (["a", "c"], ("encoding", "b"))
    (tmp_path / "rows.csv").write_bytes(b"id,text,y\na,fine,0\nb,\xff\xfe,1\nc,caf\xc3\xa9,0\n")
    run = ingest(TEXT, tmp_path / "rows.csv")
    assert (sorted(run.by_key), rejected_at(run, 1)) == (["a", "c"], ("encoding", "b"))
    (tmp_path / "rows.jsonl").write_bytes(b'{"id":"a","text":"fine","y":0}\n{"id":"b","text":"\xff","y":1}\n')
    run = ingest(TEXT, tmp_path / "rows.jsonl")
    assert (sorted(run.by_key), rejected_at(run, 1)) == (["a"], ("malformed", None))


def test_invalid_utf8_in_a_key_or_a_label_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"id,text,y\na,fine,0\n\xff,x,1\nc,x,\xff\n")
    run = ingest(TEXT, tmp_path / "rows.csv")
    assert (sorted(run.by_key), run.reasons) == (["a"], {"missing_key": 1, "type": 1})


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_a_text_of_ten_million_characters(name: str, tmp_path: Path) -> None:
    rows = {"id": ["short", "long"], "text": ["a b", "word " * 2_000_000], "y": ["0", "1"]}
    if name.endswith("csv"):
        (tmp_path / name).write_text(
            "id,text,y\n" + "".join(",".join(row) + "\n" for row in zip(*rows.values(), strict=True))
        )
    elif name.endswith("jsonl"):
        lines = [json.dumps(dict(zip(rows, row, strict=True))) for row in zip(*rows.values(), strict=True)]
        (tmp_path / name).write_text("\n".join(lines))
    else:
        pq.write_table(pa.table(rows), tmp_path / name)
    run = ingest(TEXT, tmp_path / name)
    assert len(run.by_key["long"]["text"]) == 10_000_000
    limited = ingest(TEXT.replace("kind: text", "kind: text, max_steps: 1000000"), tmp_path / name)
    assert (sorted(limited.by_key), limited.reasons) == (["short"], {"too_long": 1})
    assert limited.rejects[0]["detail"] == "text: 10,000,000 bytes, expected at most 1,000,000"
    assert len(json.dumps(limited.rejects[0])) < 1000


def test_a_csv_row_larger_than_a_block_is_read_after_rows_that_fit(tmp_path: Path) -> None:
    letters = 20_000_000  # a block is 16 MiB
    with (tmp_path / "rows.csv").open("w") as file:
        file.write("id,text,y\n" + "".join(f"k{i},{'x' * 1000},0\n" for i in range(20_000)))
        file.write(f"long,{'y' * letters},1\nlast,z,0\n")
    run = ingest(TEXT, tmp_path / "rows.csv")
    # 20,000 equal texts leave one: the rest are duplicates.
    assert (run.counts.rows_in, run.counts.written, run.counts.duplicates) == (20_002, 3, 19_999)
    assert len(run.by_key["long"]["text"]) == letters


def test_a_series_of_a_million_steps(tmp_path: Path) -> None:
    table = pa.table({"id": ["short", "long"], "x": [[1.0], np.arange(1_000_000, dtype=np.float32)]})
    pq.write_table(table, tmp_path / "rows.parquet")
    assert len(ingest(SERIES, tmp_path / "rows.parquet").by_key["long"]["x"]) == 1_000_000
    limited = ingest(SERIES.replace("kind: series", "kind: series, max_steps: 1000"), tmp_path / "rows.parquet")
    assert (sorted(limited.by_key), limited.reasons) == (["short"], {"too_long": 1})


def test_a_hundred_thousand_labels_are_read(tmp_path: Path) -> None:
    rows = 100_000
    table = pa.table({"id": range(rows), "text": [f"t{i}" for i in range(rows)], "y": range(rows)})
    pq.write_table(table, tmp_path / "rows.parquet")
    assert len(set(ingest(TEXT, tmp_path / "rows.parquet").rows["label"].to_pylist())) == rows


def test_labels_outside_their_domain(tmp_path: Path) -> None:
    spec = TEXT.replace("kind: multiclass", "kind: binary, classes: ['0', '1']")
    (tmp_path / "rows.csv").write_text("id,text,y\na,x,0\nb,y,2\nc,z,\nd,w,1\n")
    run = ingest(spec, tmp_path / "rows.csv")
    assert (sorted(run.by_key), run.reasons) == (["a", "d"], {"label_domain": 1, "missing_label": 1})
    spec = TEXT.replace("kind: multiclass", "kind: regression, minimum: 0, maximum: 1")
    run = ingest(spec, tmp_path / "rows.csv")
    assert (sorted(run.by_key), run.reasons) == (["a", "d"], {"label_domain": 1, "missing_label": 1})


def test_one_key_with_two_contents_keeps_one_of_them_whatever_the_order(tmp_path: Path) -> None:
    kept = set()
    for number, order in enumerate(([0, 1, 2], [2, 1, 0])):
        rows = [("a", "first", 0), ("a", "second", 0), ("a", "second", 0)]
        lines = "".join(f"{k},{t},{y}\n" for k, t, y in (rows[i] for i in order))
        (tmp_path / f"{number}.csv").write_text("id,text,y\n" + lines)
        run = ingest(TEXT, tmp_path / f"{number}.csv")
        assert run.counts.written == 1
        assert run.counts.rejected + run.counts.duplicates == 2 and run.counts.rejected in (1, 2)
        kept.add((run.by_key["a"]["text"], run.counts.rejected))
    assert len(kept) == 1


def test_every_reject_says_where_and_why(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,text,y\na,x,0\n,y,1\n")
    line = ingest(TEXT, tmp_path / "rows.csv").rejects[0]
    assert set(line) == {"reason", "detail", "file", "position", "key", "row"}
    assert (line["reason"], line["file"], line["position"]) == ("missing_key", str(tmp_path / "rows.csv"), 1)
    assert line["row"] == {"id": "", "text": "y", "y": "1"}
    assert line["reason"] in REASONS


def test_nothing_matches(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").touch()
    with pytest.raises(
        InputError, match=r"rows\.parque: no such file, and nothing matches; did you mean .*rows\.parquet"
    ):
        ingest(TEXT, tmp_path / "rows.parque")


def test_an_unknown_suffix(tmp_path: Path) -> None:
    (tmp_path / "rows.xlsx").write_text("x")
    with pytest.raises(InputError, match=r"cannot tell its format .*set source\.format"):
        ingest(TEXT, tmp_path / "rows.xlsx")


def test_a_file_that_is_not_what_its_name_says(tmp_path: Path) -> None:
    good = write_csv(tmp_path)
    (tmp_path / "other.parquet").write_text("id,text,y\na,b,1\n" * 100)
    message = error_of(TEXT, [good, tmp_path / "other.parquet"])
    assert f"{tmp_path / 'other.parquet'}: cannot be read as parquet" in message
