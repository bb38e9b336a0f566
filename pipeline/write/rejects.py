"""Rejected rows as JSON lines, sorted, so that the same input leaves the same file."""

from __future__ import annotations

import json
from collections.abc import Iterable

from apache_beam.io.filesystems import FileSystems

from pipeline.write.shards import make_parent

SHOWN = 3


def write_rejects(lines: Iterable[bytes], directory: str) -> list[str]:
    """Writes rejected/rejected-00000-of-00001.jsonl.

    Args:
      lines: one JSON object each, without line break.
      directory: the dataset's directory, on any filesystem that Beam knows.

    Returns:
      The first few, as one would tell them a person.
    """
    ordered = sorted(lines)
    path = FileSystems.join(directory, "rejected", "rejected-00000-of-00001.jsonl")
    make_parent(path)
    with FileSystems.create(path, mime_type="application/json") as file:
        for line in ordered:
            file.write(line + b"\n")
    return [describe_reject(line) for line in ordered[:SHOWN]]


def describe_reject(line: bytes) -> str:
    """One rejected row in words: where it stands, and what is wrong with it."""
    reject = json.loads(line)
    key = f", key {reject['key']!r}" if reject.get("key") is not None else ""
    return f"{reject.get('file')}, row {reject.get('position')}{key}: {reject.get('detail') or reject.get('reason')}"
