"""Checkpoints: one file each, written whole or not at all, recognised when torn.

    checkpoints/step-00000120.checkpoint

    | LENGTHWISE CHECKPOINT 1 | sha-256 of the rest, hex | arrays and progress, as a .npz |

A file is written beside its final name, flushed to the disk, and renamed. A file whose checksum does not fit is
skipped with a warning, and the one before it is used.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from schemas.errors import OutputError

MAGIC = b"LENGTHWISE CHECKPOINT 1\n"
DIGEST_BYTES = 65
SUFFIX = ".checkpoint"
META = "progress"


@dataclass(frozen=True)
class Checkpoint:
    """What one file holds.

    Attributes:
      arrays: group name -> values in the order of the group's variables.
      meta: JSON content: progress, fingerprints.
    """

    arrays: Mapping[str, list[np.ndarray]]
    meta: Mapping[str, Any]


class CheckpointDirectory:
    """The checkpoints of one run.

    Args:
      directory: made when absent.
      keep: the last N are kept.
    """

    def __init__(self, directory: str | Path, keep: int = 3) -> None:
        self.directory = Path(directory)
        self._keep = keep

    def paths(self) -> list[Path]:
        """Files, oldest first."""
        return sorted(self.directory.glob(f"step-*{SUFFIX}"))

    def save(self, step: int, checkpoint: Checkpoint) -> Path:
        """Writes a checkpoint and removes those beyond the last N.

        Args:
          step: steps taken so far, which names the file.
          checkpoint: what to keep.

        Raises:
          OutputError: the disk is full or cannot be written; earlier checkpoints are untouched.
        """
        payload = _pack(checkpoint)
        digest = hashlib.sha256(payload).hexdigest().encode() + b"\n"
        path = self.directory / f"step-{step:08d}{SUFFIX}"
        temporary = path.with_name(path.name + ".partial")
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(MAGIC + digest)
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            previous = self.paths()
            kept = f"the last checkpoint is {previous[-1].name}" if previous else "there is none yet"
            raise OutputError(
                f"{path}: cannot write a checkpoint of {len(payload):,} bytes ({error.strerror}); {kept}. "
                "Free space and run again with --resume"
            ) from error
        for old in self.paths()[: -self._keep]:
            old.unlink(missing_ok=True)
        return path

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole, or None; torn ones are skipped with a warning."""
        for path in reversed(self.paths()):
            try:
                return read_checkpoint(path)
            except (OSError, ValueError) as error:
                warnings.warn(f"{path}: skipped, {error}; using the checkpoint before it", stacklevel=2)
        return None

    def clear(self) -> None:
        """Removes all checkpoints, and what a killed run left half-written."""
        for path in self.directory.glob(f"step-*{SUFFIX}*"):
            path.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads one file.

    Raises:
      ValueError: torn, changed, or no checkpoint.
    """
    content = path.read_bytes()
    if not content.startswith(MAGIC):
        raise ValueError("not a checkpoint of this version")
    start = len(MAGIC) + DIGEST_BYTES
    if hashlib.sha256(content[start:]).hexdigest().encode() != content[len(MAGIC) : start].strip():
        raise ValueError(f"torn or changed (its {len(content):,} bytes do not fit their checksum)")
    try:
        return _unpack(content[start:])
    except (KeyError, zipfile.BadZipFile, json.JSONDecodeError) as error:
        raise ValueError(f"unreadable ({error})") from error


def _pack(checkpoint: Checkpoint) -> bytes:
    arrays = {
        f"{group}/{index:05d}": value
        for group, values in checkpoint.arrays.items()
        for index, value in enumerate(values)
    }
    meta = {"groups": {group: len(values) for group, values in checkpoint.arrays.items()}, **checkpoint.meta}
    arrays[META] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpack(payload: bytes) -> Checkpoint:
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        meta = json.loads(bytes(archive[META]).decode())
        groups = meta.pop("groups")
        arrays = {group: [archive[f"{group}/{index:05d}"] for index in range(count)] for group, count in groups.items()}
    return Checkpoint(arrays, meta)
