"""The files of one split: where its shards are, checked against the manifest, and how their records are parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.errors import InputError
from schemas.manifest import FeatureInfo, Manifest, ShardInfo
from trainer.input.decode import empty_rows, record_fields
from trainer.input.parse import Field
from trainer.input.shapes import BatchShape
from trainer.input.tfrecord import split_records


@dataclass(frozen=True)
class SplitFiles:
    """What a store of rows reads.

    Attributes:
      directory: of the dataset.
      manifest: of the dataset.
      split: its name.
      features: the selected features.
      shapes: the batch shapes; a store's rows are numbered within each.
    """

    directory: Path
    manifest: Manifest
    split: str
    features: Sequence[FeatureInfo]
    shapes: Sequence[BatchShape]

    def decoded_bytes(self) -> int:
        """Memory that the split takes once decoded."""
        total = 0
        for shape in self.shapes:
            rows = sum(c.rows for c in self.manifest.splits[self.split].buckets if c.bucket in shape.buckets)
            values = sum(shape.lengths.get(f.name, 1) * (f.channels or 1) for f in self.features)
            total += rows * (4 * values + 64)
        return total

    def fields(self, shape: int) -> dict[str, Field]:
        """What the records of one shape hold, by name."""
        return record_fields(self.manifest, self.features, self.shapes[shape].lengths)

    def empty_rows(self, shape: int) -> dict[str, np.ndarray]:
        """Arrays of no rows of one shape."""
        return empty_rows(self.manifest, self.features, self.shapes[shape].lengths)

    def shards(self, shape: int) -> list[tuple[Path, ShardInfo]]:
        """The non-empty shards of one shape, in the order of the manifest.

        Args:
          shape: its index; the shards of all its buckets are given.

        Raises:
          InputError: a shard that is missing or has another size than the manifest says.
        """
        found = []
        for contents in self.manifest.splits[self.split].buckets:
            if contents.bucket not in self.shapes[shape].buckets:
                continue
            for info in contents.shards:
                path = self.directory / info.path
                _check_size(path, info)
                if info.rows:
                    found.append((path, info))
        return found


def check_records(place: Path, received: int, expected: int) -> None:
    """Refuses shards that hold another number of records than the manifest says.

    Raises:
      InputError: naming the place.
    """
    if received != expected:
        raise InputError(f"{place}: received {received} records, the manifest says {expected}; preprocess again")


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
    check_records(path, len(records), info.rows)
    return records


def _check_size(path: Path, info: ShardInfo) -> None:
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
