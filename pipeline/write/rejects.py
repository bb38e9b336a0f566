"""Rejected rows as JSON lines, sorted, so that the same input leaves the same file."""

from __future__ import annotations

from collections.abc import Iterable

from apache_beam.io.filesystems import FileSystems

from pipeline.write.shards import make_parent


def write_rejects(lines: Iterable[bytes], directory: str) -> int:
    """Writes rejected/rejected-00000-of-00001.jsonl.

    Args:
      lines: one JSON object each, without line break.
      directory: the dataset's directory, on any filesystem that Beam knows.

    Returns:
      Number of lines.
    """
    ordered = sorted(lines)
    path = FileSystems.join(directory, "rejected", "rejected-00000-of-00001.jsonl")
    make_parent(path)
    with FileSystems.create(path, mime_type="application/json") as file:
        for line in ordered:
            file.write(line + b"\n")
    return len(ordered)
