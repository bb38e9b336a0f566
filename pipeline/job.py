"""The preprocessing job as a Beam pipeline: checked rows in, a staged dataset out.

    rows ── train rows ──> Analyze ──> findings ──> bind ──> transform graph
      │                                                         │
      └──────────────────────────────────────────────> ApplyTransform ──> transformed rows
                                                                 │
                     LengthTable <── count lengths and labels ───┤
                         │                                       │
                       Layout (classes, buckets, shards) ──> chunks ──> GroupByKey ──> shards

Elements are RecordBatches or the Arrow bytes of part of one; a row is never a Python object on its own.
The driver learns what happened from one small file that the pipeline writes (`Outcome`), so it works the same when
the workers are on other machines.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline import progress
from pipeline.directories import make_directory
from pipeline.feature_infos import describe_features
from pipeline.ingest import Ingest, Inputs
from pipeline.layout import Layout, make_layout
from pipeline.rows import SPLIT
from pipeline.statistics.counted import Counted
from pipeline.statistics.counting import Tally, count_raw, count_transformed
from pipeline.statistics.lengths import LengthTable
from pipeline.transform.analysis_cache import AnalysisCache
from pipeline.transform.analyze import Analyze, Findings
from pipeline.transform.apply import ApplyTransform
from pipeline.transform.bind import bind
from pipeline.transform.raw_schema import tensor_adapter_config
from pipeline.whole_files import write_whole
from pipeline.write.chunks import split_into_chunks
from pipeline.write.held_out import WriteHeldOut
from pipeline.write.probes import SmallestDigests, write_probes
from pipeline.write.rejects import WriteRejects
from pipeline.write.shards import WrittenShard, write_shard
from schemas.errors import DataError
from schemas.spec import DatasetSpec

JOB_DIRECTORY = ".job"


@dataclass(frozen=True)
class Outcome:
    """What the pipeline tells the driver.

    Attributes:
      counts: ingest's counters, summed.
      lengths: lengths and labels of all rows; None when there were no rows.
      counted: what statistics.json is made of; None when there were no rows.
      layout: the layout that was written; None when there were no rows, or they allow none.
      problem: why they allow none, in words for the user; None when all is well.
      shards: every shard, in order.
      probe_rows: number of probes.
      reject_examples: a few rejected rows, in words.
      analysed_batches: batches of train rows by how they were analysed: "counted", "cached", "damaged".
      counted_batches: the same of the statistics, which count every batch three times: raw, lengths, the rest.
      graph: the directory of the transform graph, to be moved into the dataset.
      analysis_seconds: processor time of that.
    """

    counts: dict[str, int]
    lengths: LengthTable | None
    counted: Counted | None
    layout: Layout | None
    problem: str | None
    shards: list[WrittenShard]
    probe_rows: int
    reject_examples: list[str]
    analysed_batches: dict[str, int]
    counted_batches: dict[str, int]
    graph: str
    analysis_seconds: float


def analysis_directory(staging: str) -> str:
    """Where analyzers leave what they found."""
    return FileSystems.join(staging, JOB_DIRECTORY, "analysis")


def run_job(
    spec: DatasetSpec,
    inputs: Inputs,
    staging: str,
    options: PipelineOptions,
    cache: AnalysisCache | None = None,
    raw_held_out: bool = False,
) -> Outcome:
    """Runs the pipeline and waits for it.

    Args:
      spec: a resolved spec.
      inputs: the discovered input files.
      staging: directory to write to, on any filesystem that Beam knows.
      options: Beam's options (runner, workers, ...).
      cache: accumulators of earlier runs; None without a cache.
      raw_held_out: also write the held-out rows raw.

    Returns:
      What was written. Nothing is published yet.
    """
    outcome_path = FileSystems.join(staging, JOB_DIRECTORY, "outcome.pickle")
    for directory in (FileSystems.join(staging, JOB_DIRECTORY), analysis_directory(staging)):
        make_directory(directory)
    pipeline = beam.Pipeline(options=options)
    rows = build(pipeline, spec, inputs, staging, outcome_path, cache)
    if raw_held_out:
        _ = rows | "HeldOut" >> WriteHeldOut(spec, staging)
    pipeline.run().wait_until_finish()
    with FileSystems.open(outcome_path) as file:
        return pickle.load(file)


def build(
    pipeline: beam.Pipeline,
    spec: DatasetSpec,
    inputs: Inputs,
    staging: str,
    outcome_path: str,
    cache: AnalysisCache | None,
) -> beam.PCollection:
    """Adds the whole job to `pipeline`; returns the canonical rows."""
    features = describe_features(spec)
    ingested = pipeline | "Ingest" >> Ingest(spec, inputs, twice=True)
    transformed, findings, graph = _transform(ingested.rows, ingested.rows_again, spec, staging, cache)

    lengths, others = count_transformed(transformed, spec, features, cache, findings)
    decided = lengths | "MakeLayout" >> beam.Map(_decide_layout, spec, features)
    layout_side = beam.pvalue.AsSingleton(decided | "Layout" >> beam.Map(lambda decision: decision[0]))
    problem = decided | "Problem" >> beam.Map(lambda decision: decision[1])
    shards = (
        transformed
        | "SplitIntoChunks" >> beam.FlatMap(_chunks, layout_side, features)
        | "GroupIntoShards" >> beam.GroupByKey()
        | "WriteShards" >> beam.Map(_write, layout_side, features, staging)
    )
    raw_probes = ingested.rows | "PickRawProbes" >> beam.CombineGlobally(SmallestDigests())
    transformed_probes = transformed | "PickTransformedProbes" >> beam.CombineGlobally(SmallestDigests())
    probes = raw_probes | "WriteProbes" >> beam.Map(
        _write_probes,
        beam.pvalue.AsSingleton(transformed_probes),
        layout_side,
        spec,
        features,
        FileSystems.join(staging, "probes.tfrecord"),
    )
    rejected = ingested.rejects | "Rejects" >> WriteRejects(staging)
    counts = ingested.counts | "SumCounts" >> beam.CombineGlobally(SumCounters())
    (
        pipeline
        | "Once" >> beam.Create([outcome_path])
        | "WriteOutcome"
        >> beam.Map(
            _write_outcome,
            beam.pvalue.AsSingleton(counts),
            beam.pvalue.AsSingleton(lengths),
            beam.pvalue.AsSingleton(others),
            beam.pvalue.AsSingleton(count_raw(ingested.rows, spec, cache)),
            layout_side,
            beam.pvalue.AsSingleton(problem),
            beam.pvalue.AsList(shards),
            beam.pvalue.AsSingleton(probes),
            beam.pvalue.AsList(rejected),
            beam.pvalue.AsSingleton(findings | "Analysed" >> beam.Map(_analysed)),
            beam.pvalue.AsSingleton(graph),
        )
    )
    return ingested.rows


def _transform(
    rows: beam.PCollection, rows_again: beam.PCollection, spec: DatasetSpec, staging: str, cache: AnalysisCache | None
) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
    """Analyses the train rows, binds the result into the transform graph and writes it, applies it to all rows again.

    Returns:
      The transformed rows, and PCollections of one Findings and of the graph's directory.
    """
    directory = analysis_directory(staging)
    config = tensor_adapter_config(spec)
    findings = rows | "TrainRows" >> beam.FlatMap(_train_rows) | "Analyze" >> Analyze(spec, directory, cache)
    graph = findings | "Bind" >> beam.Map(bind, spec, FileSystems.join(staging, JOB_DIRECTORY))
    transformed = (
        rows_again
        | "Transform" >> beam.ParDo(ApplyTransform(spec, config, directory), beam.pvalue.AsSingleton(graph))
        | "ShowProgress" >> beam.Map(_show_progress).with_output_types(pa.RecordBatch)
    )
    return transformed, findings, graph


def _analysed(findings: Findings) -> tuple[dict[str, int], float]:
    return findings.batches, findings.seconds


def _train_rows(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    train = batch.filter(pa.compute.equal(batch.column(SPLIT), "train"))
    return [train] if train.num_rows else []


def _show_progress(batch: pa.RecordBatch) -> pa.RecordBatch:
    progress.count("transformed", batch.num_rows)
    return batch


def _decide_layout(lengths: Tally, spec: DatasetSpec, features: list[Any]) -> tuple[Layout | None, str | None]:
    """The layout, or why there is none; the driver says so after it has looked at the rejected rows."""
    if lengths.counts is None:
        return None, None
    try:
        layout = make_layout(lengths.counts, spec, features)
    except DataError as error:
        return None, str(error)
    progress.count("shards", sum(layout.shards.values()))
    return layout, None


def _chunks(batch: pa.RecordBatch, layout: Layout | None, features: list[Any]) -> Iterable[Any]:
    return split_into_chunks(batch, layout, features) if layout is not None else ()


def _write(element: Any, layout: Layout, features: list[Any], staging: str) -> WrittenShard:
    written = write_shard(element, layout, features, staging)
    progress.count("shards written", 1)
    return written


def _write_probes(
    raw: bytes, transformed: bytes, layout: Layout | None, spec: DatasetSpec, features: list[Any], path: str
) -> int:
    return write_probes(raw, transformed, spec, layout, features, path) if layout is not None else 0


def _write_outcome(
    path: str,
    counts: dict[str, int],
    lengths: Tally,
    transformed: Tally,
    raw: Tally,
    layout: Layout | None,
    problem: str | None,
    shards: list[WrittenShard],
    probe_rows: int,
    reject_examples: list[str],
    analysed: tuple[dict[str, int], float],
    graph: str,
) -> None:
    shards = sorted(shards, key=lambda shard: shard.info.path)
    outcome = Outcome(
        counts=counts,
        lengths=lengths.counts,
        counted=Counted(lengths.counts, transformed.counts, raw.counts) if lengths.counts is not None else None,
        layout=layout,
        problem=problem,
        shards=shards,
        probe_rows=probe_rows,
        reject_examples=reject_examples,
        analysed_batches=analysed[0],
        analysis_seconds=analysed[1],
        counted_batches=dict(lengths.batches + transformed.batches + raw.batches),
        graph=graph,
    )
    write_whole(path, pickle.dumps(outcome))


class SumCounters(beam.CombineFn):
    """Sums dictionaries of counters."""

    def create_accumulator(self) -> Counter[str]:
        return Counter()

    def add_input(self, mutable_accumulator: Counter[str], element: dict[str, int]) -> Counter[str]:
        mutable_accumulator.update(element)
        return mutable_accumulator

    def merge_accumulators(self, accumulators: Iterable[Counter[str]]) -> Counter[str]:
        merged: Counter[str] = Counter()
        for accumulator in accumulators:
            merged.update(accumulator)
        return merged

    def extract_output(self, accumulator: Counter[str]) -> dict[str, int]:
        return dict(accumulator)
