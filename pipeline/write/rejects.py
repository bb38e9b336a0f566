"""Rejected rows as JSON lines, sorted, so that the same input leaves the same file."""

from __future__ import annotations

import json
from collections.abc import Iterable

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from pipeline.whole_files import created_whole

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
    with created_whole(path) as file:
        for line in ordered:
            file.write(line + b"\n")
    return [describe_reject(line) for line in ordered[:SHOWN]]


class WriteRejects(beam.PTransform):
    """JSON lines as bytes to one file of rejects; gives the first few in words.

    Args:
      directory: of the dataset or the predictions, on any filesystem that Beam knows.
    """

    def __init__(self, directory: str) -> None:
        super().__init__()
        self._directory = directory

    def expand(self, lines: beam.PCollection) -> beam.PCollection:
        directory = self._directory
        return (
            lines
            | "OneKey" >> beam.Map(lambda line: (0, line))
            | "Collect" >> beam.GroupByKey()
            | "Write" >> beam.FlatMapTuple(lambda _, collected: write_rejects(collected, directory))
        )


def describe_reject(line: bytes) -> str:
    """One rejected row in words: where it stands, and what is wrong with it."""
    reject = json.loads(line)
    key = f", key {reject['key']!r}" if reject.get("key") is not None else ""
    return f"{reject.get('file')}, row {reject.get('position')}{key}: {reject.get('detail') or reject.get('reason')}"
