"""Where the shards of a split are, checked against the manifest before they are read."""

from __future__ import annotations

import hashlib
from pathlib import Path

from schemas.errors import InputError
from schemas.manifest import Manifest, ShardInfo
from trainer.input.shapes import BatchShape
from trainer.input.tfrecord import split_records


def shards_of(directory: Path, manifest: Manifest, split: str, shape: BatchShape) -> list[tuple[Path, ShardInfo]]:
    """The non-empty shards of one shape, in the order of the manifest.

    Args:
      directory: of the dataset.
      manifest: of the dataset.
      split: its name.
      shape: a batch shape; the shards of all its buckets are given.

    Raises:
      InputError: a shard that is missing or has another size than the manifest says.
    """
    found = []
    for contents in manifest.splits[split].buckets:
        if contents.bucket not in shape.buckets:
            continue
        for info in contents.shards:
            path = directory / info.path
            try:
                size = path.stat().st_size
            except OSError as error:
                raise InputError(
                    f"{path}: cannot be read ({error.strerror}), but the manifest lists it; preprocess again"
                ) from error
            if size != info.bytes:
                raise InputError(
                    f"{path}: received {size} bytes, the manifest says {info.bytes}; the dataset was changed after it "
                    "was written, preprocess again"
                )
            if info.rows:
                found.append((path, info))
    return found


def read_shard(path: Path, info: ShardInfo) -> list[bytes]:
    """All records of a shard.

    Args:
      path: of the shard.
      info: what the manifest says of it.

    Raises:
      InputError: its checksum or its number of records differ.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); preprocess again") from error
    if hashlib.sha256(content).hexdigest() != info.sha256:
        raise InputError(f"{path}: cannot be read (its content does not fit its checksum); preprocess again")
    records = split_records(content, path)
    if len(records) != info.rows:
        raise InputError(f"{path}: received {len(records)} records, the manifest says {info.rows}; preprocess again")
    return records
