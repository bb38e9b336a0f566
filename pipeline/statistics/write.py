"""Writes statistics.json of a staged dataset, on any filesystem that Beam knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apache_beam.io.filesystems import FileSystems

from pipeline.plan import BucketPlan
from pipeline.statistics.build import build_statistics
from pipeline.statistics.counted import Counted
from pipeline.transform.analysis import FeatureAnalysis
from schemas.manifest import Manifest
from schemas.statistics import STATISTICS_NAME, Statistics


def write_statistics(
    staging: str, manifest: Manifest, counted: Counted, plan: BucketPlan, analyses: Mapping[str, FeatureAnalysis]
) -> Statistics:
    """Describes a staged dataset and writes statistics.json into it.

    Args:
      staging: its directory; holds the vocabularies and the rejected rows.
      manifest: as it will be written.
      counted: what the pipeline counted.
      plan: the bucket plan that was written.
      analyses: what analysis found in the train split, by feature.
    """
    vocabularies = {
        info.name: _read_vocabulary(FileSystems.join(staging, *info.vocabulary_file.split("/")))
        for info in manifest.features
        if info.vocabulary_file
    }
    statistics = build_statistics(manifest, counted, plan, analyses, vocabularies, reject_lines(staging))
    with FileSystems.create(FileSystems.join(staging, STATISTICS_NAME), mime_type="application/json") as file:
        file.write(statistics.to_json().encode())
    return statistics


def reject_lines(directory: str) -> Iterator[bytes]:
    """The lines of rejected/*.jsonl, one rejected row each; none where nothing was rejected."""
    matched = FileSystems.match([FileSystems.join(directory, "rejected", "*.jsonl")])[0].metadata_list
    for path in sorted(entry.path for entry in matched):
        with FileSystems.open(path) as file:
            yield from (line for line in file if line.strip())


def _read_vocabulary(path: str) -> list[str]:
    with FileSystems.open(path) as file:
        return file.read().decode().split("\n")[:-1]
