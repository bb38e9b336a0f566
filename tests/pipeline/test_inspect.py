"""`python -m pipeline.inspect`: prints what the statistics say, at once, and rows with their real steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.decoded_rows import decode_rows
from pipeline.inspect import main, sparkline
from schemas.errors import ManifestError
from schemas.manifest import Manifest, ShardInfo
from schemas.statistics import LengthHistogram, LengthSummary, SequenceLengths
from tests.pipeline.report.samples import HOSTILE, sample


def written(folder: Path, **changes: Any) -> tuple[Path, Manifest]:
    manifest, statistics = sample(**changes)
    (folder / "manifest.json").write_text(manifest.to_json())
    (folder / "statistics.json").write_text(statistics.to_json())
    return folder, manifest


def test_prints_splits_features_buckets_rejects_and_lineage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, manifest = written(tmp_path, rejects=3, channels=12)
    assert main([str(folder)]) == 0
    said = capsys.readouterr().out
    for expected in ("train", "validation", "text", "vitals", "padding efficiency", "range 3", manifest.digest[:20]):
        assert expected in said
    assert "rows in 63 = written 60 + rejected 3 + duplicates 0" in said
    assert "... 4 more" in said
    assert HOSTILE in said


@pytest.mark.parametrize("changes", [{"label": None}, {"label": "regression"}, {"rows": 1}, {"lengths": [0]}])
def test_prints_unusual_datasets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object]
) -> None:
    folder, _ = written(tmp_path, **changes)
    assert main([str(folder)]) == 0
    assert main([str(folder), "--json"]) == 0
    assert "nan" not in capsys.readouterr().out.lower()


def test_json_holds_the_same_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, manifest = written(tmp_path)
    assert main([str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == manifest.digest
    assert told["splits"]["train"]["rows"] == manifest.splits["train"].rows
    assert told["buckets"] == [bucket.lengths for bucket in manifest.buckets]
    assert set(told["features"]) == {"text", "vitals", "age", "unit"}
    assert told["features"]["text"]["train"]["lengths"]["rows"] == 48


def test_no_dataset_is_status_2_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "python -m pipeline" in capsys.readouterr().err


def test_neither_tensorflow_nor_beam_is_imported(tmp_path: Path) -> None:
    folder, _ = written(tmp_path)
    code = (
        "import sys; from pipeline.inspect import main; status = main([sys.argv[1]]); "
        "heavy = {'tensorflow', 'apache_beam', 'pyarrow'} & set(sys.modules); sys.exit(str(heavy) if heavy else status)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def described(lengths: list[int], rows: list[int], quantile: int) -> SequenceLengths:
    summary = LengthSummary(
        rows=sum(rows), empty=0, total_steps=0, shortest=0, longest=lengths[-1], mean=0.0, quantiles={"0.99": quantile}
    )
    histogram = LengthHistogram(lengths=lengths, rows=rows)
    return SequenceLengths(
        raw=summary,
        kept=summary,
        raw_histogram=histogram,
        kept_histogram=histogram,
        truncated_rows=0,
        truncated_share=0.0,
        lost_steps=0,
        lost_share=0.0,
    )


def test_sparkline_shows_where_rows_are() -> None:
    assert sparkline(described([0, 1, 3], [1, 8, 4], 3)) == "▁█ ▄"
    assert sparkline(described([0, 1, 900], [4, 8, 1], 1)) == "▄█…"
    assert len(sparkline(described(list(range(500)), [1] * 500, 499))) == 40


@pytest.mark.parametrize("side", ["post", "pre"])
def test_rows_show_real_steps_only(tmp_path: Path, side: str) -> None:
    import tensorflow as tf

    folder, manifest = written(tmp_path)
    (folder / "vocabularies").mkdir()
    (folder / "vocabularies" / "text.txt").write_text("good\nfilm\n")
    (folder / "vocabularies" / "unit.txt").write_text("icu\n")
    real, padding = [3, 2, 1], [0] * 5
    series, blank = [0.5, 1.0, 0.0, 0.0], [0.0] * 4
    integers = {
        "text": real + padding if side == "post" else padding + real,
        "text_length": [3],
        "vitals_length": [2],
        "unit": [2],
        "label": [1],
    }
    floats = {"vitals": series + blank if side == "post" else blank + series, "age": [0.25]}
    features = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=v)) for name, v in integers.items()}
    features |= {name: tf.train.Feature(float_list=tf.train.FloatList(value=v)) for name, v in floats.items()}
    features["key"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"row 1"]))
    with tf.io.TFRecordWriter(str(folder / "shard")) as writer:
        writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    shard = ShardInfo(path="shard", rows=1, bytes=1, sha256="")
    train = manifest.splits["train"]
    bucket = train.buckets[0].model_copy(update={"shards": [shard]})
    infos = [info.model_copy(update={"padding": side} if info.is_sequence else {}) for info in manifest.features]
    one = manifest.model_copy(
        update={"splits": {"train": train.model_copy(update={"buckets": [bucket]})}, "features": infos}
    )
    (row,) = decode_rows(str(folder), one, "train", 5)
    assert (row["key"], row["label"], row["bucket"]) == ("row 1", "pos", manifest.buckets[bucket.bucket].name)
    assert row["features"] == {
        "text": "(3 of 8 steps real) film good [unknown]",
        "vitals": "(2 of 4 steps real) [0.5 1] [0 0]",
        "age": "0.25",
        "unit": "icu",
    }
    with pytest.raises(ManifestError, match="received 'tset', expected one of train"):
        decode_rows(str(folder), one, "tset", 1)
