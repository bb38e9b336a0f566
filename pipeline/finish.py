"""From a staged dataset to a published one: accounts, vocabularies, statistics, report, manifest.

Runs on the driver, after the pipeline. Nothing here reads rows.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from importlib import metadata

from apache_beam.io.filesystems import FileSystems

from pipeline.directories import copy_files, files_under, make_directory, remove_directory, remove_files
from pipeline.feature_infos import describe_features
from pipeline.ingest import Inputs, account, largest_rejected_share
from pipeline.job import JOB_DIRECTORY, Outcome, analysis_directory
from pipeline.layout import Layout
from pipeline.report import REPORT_NAME, make_report
from pipeline.statistics.lengths import LengthTable
from pipeline.statistics.write import write_statistics
from pipeline.transform.analysis import FeatureAnalysis
from pipeline.whole_files import UNFINISHED
from pipeline.write.shards import WrittenShard
from schemas.errors import DataError
from schemas.manifest import (
    MANIFEST_NAME,
    BucketContents,
    BucketInfo,
    Counts,
    FeatureInfo,
    Manifest,
    SplitInfo,
    dataset_digest,
)
from schemas.spec import DatasetSpec

VERSIONED = ("lengthwise", "tensorflow", "tensorflow-transform", "apache-beam", "pyarrow", "numpy")


@dataclass(frozen=True)
class Staged:
    """A finished but unpublished dataset.

    Attributes:
      manifest: as written.
      analyses: what analysis found, by feature.
      outcome: what the pipeline reported.
    """

    manifest: Manifest
    analyses: dict[str, FeatureAnalysis]
    outcome: Outcome


def finish(spec: DatasetSpec, inputs: Inputs, staging: str, outcome: Outcome) -> Staged:
    """Checks the accounts and writes everything that describes the dataset, the manifest last.

    Raises:
      DataError: accounts that do not add up, no rows left, or more rejected rows than the spec allows.
    """
    counts = account(outcome.counts)
    check_counts(counts, spec, outcome.reject_examples)
    if outcome.problem is not None:
        raise DataError(outcome.problem)
    if outcome.layout is None or outcome.lengths is None or outcome.counted is None:
        raise DataError(_no_rows(counts))
    analyses = {
        name: FeatureAnalysis.read(FileSystems.join(analysis_directory(staging), f"{name}.json"))
        for name in spec.features
    }
    features = describe_features(spec, analyses)
    _copy_vocabularies(features, staging)
    copy_files(outcome.graph, staging, files_under(outcome.graph))
    buckets = _buckets(outcome.layout)
    splits = _splits(outcome, outcome.layout, outcome.lengths)
    written = sum(split.rows for split in splits.values())
    if written != counts.written:
        raise DataError(
            f"accounts do not add up: {counts.written:,} rows passed the checks and {written:,} were written; "
            "nothing is published; please report this with the command you ran"
        )
    manifest = Manifest(
        name=spec.name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        digest=dataset_digest(features, outcome.layout.label, buckets, splits),
        spec=spec.model_dump(mode="json"),
        spec_fingerprint=spec.fingerprint(),
        versions=versions(),
        features=features,
        label=outcome.layout.label,
        buckets=buckets,
        splits=splits,
        counts=counts,
        inputs=inputs.describe(),
        analysis={**outcome.analysed_batches, "seconds": round(outcome.analysis_seconds, 4)},
        probe_rows=outcome.probe_rows,
    )
    statistics = write_statistics(staging, manifest, outcome.counted, outcome.layout.plan, analyses)
    _write_text(FileSystems.join(staging, REPORT_NAME), make_report(manifest, statistics))
    _write_text(FileSystems.join(staging, MANIFEST_NAME), manifest.to_json())
    return Staged(manifest, analyses, outcome)


def check_counts(counts: Counts, spec: DatasetSpec, examples: list[str]) -> None:
    """Refuses a run without rows or with too many rejected ones.

    Raises:
      DataError: saying how many, why, and what to do.
    """
    if not counts.rows_in:
        raise DataError("the input holds no rows; expected at least one; check --input")
    kind, share = largest_rejected_share(counts)
    if share > spec.max_rejected:
        events = (counts.events.get("rejected", 0), counts.events.get("in", 0))
        rejected, total = events if kind == "events" else (counts.rejected, counts.rows_in)
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.reject_reasons.items()))
        shown = "".join(f"\n  {example}" for example in examples)
        raise DataError(
            f"{rejected:,} of {total:,} {kind} were rejected ({share:.1%}), more than the "
            f"{spec.max_rejected:.1%} that max_rejected allows: {reasons}. Nothing is published. "
            f"Correct the input or the spec, or allow more with --max-rejected. For example:{shown}"
        )
    if not counts.written:
        raise DataError(_no_rows(counts))


def _no_rows(counts: Counts) -> str:
    return (
        f"no rows are left to write: {counts.rows_in:,} came in, {counts.rejected:,} were rejected, "
        f"{counts.duplicates:,} were duplicates; check the input and the spec"
    )


def versions() -> dict[str, str]:
    """Versions of what made the dataset."""
    import platform

    found = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _buckets(layout: Layout) -> list[BucketInfo]:
    return [
        BucketInfo(index=index, name=layout.plan.bucket_name(index), lengths=layout.plan.shape(index))
        for index in range(len(layout.plan))
    ]


def _splits(outcome: Outcome, layout: Layout, lengths: LengthTable) -> dict[str, SplitInfo]:
    by_place: dict[tuple[str, int], list[WrittenShard]] = {}
    for shard in outcome.shards:
        by_place.setdefault((shard.split, shard.bucket), []).append(shard)
    splits = {}
    for split in sorted(lengths.splits, key=("train", "validation", "test").index):
        contents = [
            _contents(bucket, shards, layout) for (at, bucket), shards in sorted(by_place.items()) if at == split
        ]
        has_classes = layout.label is not None and layout.label.classes is not None
        splits[split] = SplitInfo(
            rows=sum(content.rows for content in contents),
            label_counts=lengths.rows_by_label(split) if has_classes else {},
            buckets=contents,
        )
    return splits


def _contents(bucket: int, shards: list[WrittenShard], layout: Layout) -> BucketContents:
    rows = sum(shard.info.rows for shard in shards)
    shape = layout.plan.shape(bucket)
    return BucketContents(
        bucket=bucket,
        rows=rows,
        real_steps={name: sum(shard.real_steps[name] for shard in shards) for name in shape},
        padded_steps={name: length * rows for name, length in shape.items()},
        shards=[shard.info for shard in shards],
    )


def _copy_vocabularies(features: list[FeatureInfo], staging: str) -> None:
    """Copies the vocabularies to where a person finds them."""
    named = {feature.name: str(feature.vocabulary_file) for feature in features if feature.vocabulary_file}
    if not named:
        return
    make_directory(FileSystems.join(staging, "vocabularies"))
    for name, path in named.items():
        source = FileSystems.join(analysis_directory(staging), f"{name}.txt")
        FileSystems.copy([source], [FileSystems.join(staging, *path.split("/"))])


def remove_job_directory(staging: str) -> None:
    """Removes what only the job itself needed, and what workers left that were lost in the middle of a file."""
    remove_directory(FileSystems.join(staging, JOB_DIRECTORY))
    remove_files(staging, [name for name in files_under(staging) if name.endswith(UNFINISHED)])


def _write_text(path: str, text: str) -> None:
    with FileSystems.create(path, mime_type="application/json") as file:
        file.write(text.encode())
