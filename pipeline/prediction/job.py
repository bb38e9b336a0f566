"""The prediction job: raw files in, Parquet of predictions out, published atomically like a dataset.

out/predictions.json                              written last: counts, model, files
out/predictions-00000-of-00004.parquet            key and prediction, by key within a file
out/rejected/rejected-00000-of-00001.jsonl        rows that could not be predicted, with reasons
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.ingest import Ingest, Inputs
from pipeline.job import SumCounters
from pipeline.prediction.exported_model import ExportedModel
from pipeline.prediction.inference import Predict
from pipeline.rows import KEY
from pipeline.whole_files import created_whole, write_whole
from pipeline.write.chunks import from_ipc, to_ipc
from pipeline.write.rejects import WriteRejects

MARKER = "predictions.json"


def run_prediction(
    model: ExportedModel, inputs: Inputs, staging: str, files: int, options: PipelineOptions
) -> dict[str, Any]:
    """Predicts every row of the input.

    Args:
      model: the exported model.
      inputs: the discovered input files.
      staging: directory to write to.
      files: number of output files.
      options: Beam's options.

    Returns:
      The content of predictions.json, written to `staging` as well.
    """
    spec = model.spec.model_copy(update={"label": None})
    report = FileSystems.join(staging, ".counts.json")
    with beam.Pipeline(options=options) as pipeline:
        ingested = pipeline | "Ingest" >> Ingest(spec, inputs, labelled=False)
        written = (
            ingested.rows
            | "Predict" >> Predict(model.directory, spec, model.label)
            | "ToFiles" >> beam.FlatMap(_by_file, files)
            | "GroupByFile" >> beam.GroupByKey()
            | "WriteFiles" >> beam.Map(_write_file, files, staging)
        )
        rejected = ingested.rejects | "Rejects" >> WriteRejects(staging)
        counts = ingested.counts | "SumCounts" >> beam.CombineGlobally(SumCounters())
        (
            pipeline
            | "Once" >> beam.Create([report])
            | "Report"
            >> beam.Map(
                _write_report,
                beam.pvalue.AsSingleton(counts),
                beam.pvalue.AsList(written),
                beam.pvalue.AsList(rejected),
            )
        )
    with FileSystems.open(report) as file:
        found = json.loads(file.read())
    FileSystems.delete([report])
    content = {
        "model": model.directory,
        "dataset_digest": model.dataset_digest,
        "label": model.label.model_dump(mode="json"),
        **found,
    }
    with FileSystems.create(FileSystems.join(staging, MARKER), mime_type="application/json") as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())
    return content


def _by_file(predictions: pa.RecordBatch, files: int) -> Iterable[tuple[int, bytes]]:
    """Cuts predictions by a hash of the key, so that a row's file does not depend on the rows beside it."""
    places = [
        int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % files
        for key in predictions.column(KEY).to_pylist()
    ]
    for place in sorted(set(places)):
        rows = [row for row, at in enumerate(places) if at == place]
        yield place, to_ipc(predictions.take(pa.array(rows)))


def _write_file(element: tuple[int, Iterable[bytes]], files: int, staging: str) -> dict[str, Any]:
    place, chunks = element
    table = from_ipc(chunks).sort_by(KEY)
    name = f"predictions-{place:05d}-of-{files:05d}.parquet"
    with created_whole(FileSystems.join(staging, name)) as file:
        pq.write_table(table, file)
    classes = table["class"].value_counts().to_pylist() if "class" in table.column_names else []
    return {"path": name, "rows": table.num_rows, "classes": {c["values"]: c["counts"] for c in classes}}


def _write_report(path: str, counts: dict[str, int], written: list[dict[str, Any]], examples: list[str]) -> None:
    written = sorted(written, key=lambda file: file["path"])
    classes: dict[str, int] = {}
    for file in written:
        for name, count in file.pop("classes").items():
            classes[name] = classes.get(name, 0) + count
    content = {
        "rows_in": counts.get("rows_in", 0),
        "predicted": sum(file["rows"] for file in written),
        "rejected": {key.split("/", 1)[1]: n for key, n in sorted(counts.items()) if key.startswith("rejected/")},
        "reject_examples": examples,
        "classes": dict(sorted(classes.items())),
        "files": written,
    }
    write_whole(path, json.dumps(content).encode())
