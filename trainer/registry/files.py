"""Files that are on the disk when they are said to be: copied, counted, synced."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_BLOCK = 1 << 20


def copy_synced(source: Path, target: Path) -> None:
    """Copies a file or a tree, and waits until every file is on the disk.

    Args:
      source: a file or directory.
      target: its new name; parents are made.
    """
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file():
                copy_synced(path, target / path.relative_to(source))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reading, target.open("wb") as writing:
        while block := reading.read(_BLOCK):
            writing.write(block)
        writing.flush()
        os.fsync(writing.fileno())


def sync_directories(root: Path) -> None:
    """Waits until the names in `root` and below are on the disk."""
    for directory in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        sync_directory(directory)


def sync_directory(path: Path) -> None:
    """Waits until the names in one directory are on the disk."""
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def checksums(root: Path, without: frozenset[str] = frozenset()) -> dict[str, dict[str, object]]:
    """Size and SHA-256 of every file below `root`, by relative path.

    Args:
      root: a directory.
      without: relative paths to leave out.
    """
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return {name: checksum(root / name) for name in names if name not in without}


def checksum(path: Path) -> dict[str, object]:
    """Size and SHA-256 of one file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}
