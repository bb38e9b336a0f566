"""Records are read alike by TensorFlow and by numpy, and what is no record is refused by both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from schemas.manifest import load_manifest
from trainer.input.decode import record_fields, select_features
from trainer.input.parse import Field, parse_with_numpy, parse_with_tensorflow
from trainer.input.tf_example import decode_varints, read_example
from trainer.input.tfrecord import frame, record_offsets, split_records

PARSERS = (parse_with_tensorflow, parse_with_numpy)


def serialized(**content: object) -> bytes:
    lists = {
        int: lambda v: tf.train.Feature(int64_list=tf.train.Int64List(value=v)),
        float: lambda v: tf.train.Feature(float_list=tf.train.FloatList(value=v)),
        bytes: lambda v: tf.train.Feature(bytes_list=tf.train.BytesList(value=v)),
    }
    features = {name: lists[type(values[0])](values) for name, values in content.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@given(
    ids=st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3), min_size=1, max_size=4),
    number=st.floats(width=32, allow_nan=False),
    key=st.binary(max_size=300),
)
def test_both_readers_give_what_was_written(ids: list[list[int]], number: float, key: bytes) -> None:
    records = [serialized(ids=row, series=[number, 0.5, -1.0, number], key=[key]) for row in ids]
    fields = {"ids": Field("int64", (3,)), "series": Field("float32", (2, 2)), "key": Field("bytes", ())}
    for parse in PARSERS:
        found = parse(records, fields)
        assert found["ids"].dtype == np.int64 and found["ids"].tolist() == ids
        assert found["series"].dtype == np.float32
        assert found["series"][-1].ravel().tolist() == pytest.approx([number, 0.5, -1.0, number])
        assert found["key"].tolist() == [key] * len(ids)


def test_both_readers_agree_on_a_dataset(make_dataset: Callable[..., Path]) -> None:
    directory = make_dataset(features=("text", "signal", "age"), kind="regression")
    manifest = load_manifest(directory)
    features = select_features(manifest, None)
    for contents in manifest.splits["train"].buckets:
        fields = record_fields(manifest, features, manifest.buckets[contents.bucket].lengths)
        for shard in contents.shards:
            path = directory / shard.path
            records = split_records(path.read_bytes(), path)
            assert records == list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
            left, right = (parse(records, fields) for parse in PARSERS)
            for name in fields:
                assert left[name].dtype == right[name].dtype and np.array_equal(left[name], right[name])


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    ("record", "field"),
    [
        (serialized(x=[1, 2]), Field("int64", (3,))),
        (serialized(x=[1.0, 2.0]), Field("int64", (2,))),
        (serialized(y=[1, 2]), Field("int64", (2,))),
        (serialized(x=[1, 2])[:-1], Field("int64", (2,))),
        (b"\xff" * 9, Field("int64", (1,))),
    ],
)
def test_a_record_that_does_not_fit_is_refused(parse: Callable[..., object], record: bytes, field: Field) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse([record], {"x": field})


def test_numbers_that_are_not_packed_are_read() -> None:
    unpacked = tf.train.Int64List(value=[300, 5]).SerializeToString()
    assert unpacked[0] == 0x0A, "TensorFlow packs"
    one_by_one = b"\x08\xac\x02\x08\x05"
    feature = b"\x1a" + bytes([len(one_by_one)]) + one_by_one
    entry = b"\x0a\x01x\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    record = b"\x0a" + bytes([len(features)]) + features
    assert read_example(record)["x"].values().tolist() == [300, 5]
    assert parse_with_tensorflow([record], {"x": Field("int64", (2,))})["x"].tolist() == [[300, 5]]


@pytest.mark.parametrize("data", [b"\x80", b"\x01\xff", b"\xff" * 10 + b"\x01"])
def test_torn_numbers_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="number"):
        decode_varints(data)


def test_tensorflow_reads_the_frames_that_are_written(tmp_path: Path) -> None:
    path, records = tmp_path / "x.tfrecord", [b"", b"one", bytes(range(256)) * 9]
    path.write_bytes(b"".join(frame(record) for record in records))
    assert list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) == records
    assert split_records(path.read_bytes(), path) == records
    assert record_offsets(path)[:, 1].tolist() == [0, 3, 2304]
    with pytest.raises(InputError, match="ends within record 2"):
        split_records(path.read_bytes()[:-1], path)
