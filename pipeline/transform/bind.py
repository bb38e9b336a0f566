"""Binding: what analysis found is written into the transform graph, on whichever worker got the findings.

    findings, vocabulary files ──> tf.Transform, in this process, on the local disk ──> DIRECTORY/graph-ab12cd34
                                                                                          transform_fn/
                                                                                          transformed_metadata/

tf.Transform hands graphs from step to step as directories, through TensorFlow's own filesystems. These know fewer
places than Beam's, and steps may run on different machines; so all its steps run here, at once, and the result is
carried to the job's directory by Beam. Each attempt has a directory of its own: one that was given up spoils nothing.
"""

from __future__ import annotations

import dataclasses
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import tensorflow_transform.beam as tft_beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.directories import transfer
from pipeline.transform.analyze import Findings
from pipeline.transform.analyzers import Finding
from pipeline.transform.preprocessing import make_preprocessing_fn
from pipeline.transform.raw_schema import tensor_adapter_config
from schemas.spec import DatasetSpec


def bind(findings: Findings, spec: DatasetSpec, directory: str) -> str:
    """Writes the transform graph of an analysed dataset.

    Args:
      findings: what analysis found.
      spec: the resolved spec.
      directory: where the graph's directory goes, on any filesystem that Beam knows.

    Returns:
      The graph's directory, as tft.TFTransformOutput reads it.
    """
    target = FileSystems.join(directory, f"graph-{uuid.uuid4().hex[:8]}")
    with tempfile.TemporaryDirectory() as scratch:
        local = _with_local_vocabularies(findings, scratch)
        # A thread of its own: Beam keeps the step that a thread is in with the thread, and this one is in a step.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_write_graph, local, spec, scratch).result()
        transfer(str(Path(scratch, "graph")), target)
    return target


def _with_local_vocabularies(findings: Findings, scratch: str) -> Findings:
    """The findings with copies of the vocabulary files that TensorFlow can read."""

    def local(finding: Finding) -> Finding:
        if finding.vocabulary is None:
            return finding
        copy = Path(scratch, FileSystems.split(finding.vocabulary)[1])
        with FileSystems.open(finding.vocabulary) as file:
            copy.write_bytes(file.read())
        return dataclasses.replace(finding, vocabulary=str(copy))

    return dataclasses.replace(findings, features={name: local(found) for name, found in findings.features.items()})


def _write_graph(findings: Findings, spec: DatasetSpec, scratch: str) -> None:
    config = tensor_adapter_config(spec)
    with (
        beam.Pipeline(runner=FnApiRunner(), options=_options()) as pipeline,
        tft_beam.Context(temp_dir=str(Path(scratch, "temp"))),
    ):
        found = pipeline | "Findings" >> beam.Create([findings])
        # The rows that tf.Transform would analyse have been analysed.
        nothing = pipeline | "NoRows" >> beam.Create([], reshuffle=False).with_output_types(pa.RecordBatch)
        transform_fn = (nothing, config) | "Bind" >> tft_beam.AnalyzeDataset(make_preprocessing_fn(spec, found))
        _ = transform_fn | "Write" >> tft_beam.WriteTransformFn(str(Path(scratch, "graph")))


def _options() -> PipelineOptions:
    """The options that this process's filesystems have, for a pipeline of one thread.

    A pipeline hands its options to Beam's filesystems for good: with others, the outer job would lose the endpoint and
    the credentials of its store. Beam has no public way to read them.
    """
    current = FileSystems._pipeline_options
    given = current.get_all_options(drop_default=True) if current is not None else {}
    options = PipelineOptions.from_dictionary({name: value for name, value in given.items() if name != "runner"})
    direct = options.view_as(DirectOptions)
    direct.direct_running_mode, direct.direct_num_workers = "in_memory", 1
    return options
