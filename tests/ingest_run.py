"""Runs ingest in this process and gives back everything it gave out, for the tests of ingest, faults and properties."""

from __future__ import annotations

import json
import pickle
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import yaml

from pipeline.ingest import Ingest, account, add_counts, discover, resolve_spec
from pipeline.ingest.inputs import without_label
from pipeline.rows import canonical_schema
from schemas.manifest import Counts
from schemas.spec import DatasetSpec, parse_spec

RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Run:
    """What one run gave: canonical rows sorted by key, rejects, and counts that were found to add up."""

    spec: DatasetSpec
    rows: pa.Table
    rejects: list[dict[str, Any]]
    counts: Counts

    @property
    def by_key(self) -> dict[str, dict[str, Any]]:
        """Each row by its key."""
        return {row["key"]: row for row in self.rows.to_pylist()}

    @property
    def reasons(self) -> dict[str, int]:
        """Rejected rows by reason."""
        return dict(self.counts.reject_reasons)


def spec_of(text: str) -> DatasetSpec:
    """A spec from YAML text."""
    return parse_spec(yaml.safe_load(text))


def ingest(
    spec: DatasetSpec | str,
    patterns: Sequence[str | Path] | str | Path,
    labels: str | None = None,
    labelled: bool = True,
) -> Run:
    """Discovers, resolves, ingests and accounts."""
    spec = spec_of(spec) if isinstance(spec, str) else spec
    listed = [str(pattern) for pattern in ([patterns] if isinstance(patterns, str | Path) else patterns)]
    inputs = discover(spec, listed, labels, labelled=labelled)
    spec = resolve_spec(spec if labelled else without_label(spec), inputs)
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(runner=RUNNER) as pipeline:
            output = pipeline | Ingest(spec, inputs, labelled)
            for name in ("rows", "rejects", "counts"):
                _ = getattr(output, name) | f"Keep {name}" >> beam.Map(_keep, folder, name)
        rows = _kept(folder, "rows")
        rejects = [json.loads(line) for line in _kept(folder, "rejects")]
        counts = add_counts(_kept(folder, "counts"))
    table = pa.Table.from_batches(rows, canonical_schema(spec)).sort_by("key")
    accounted = account(counts)
    if accounted.written != table.num_rows:
        raise AssertionError(f"{accounted.written} rows counted, {table.num_rows} given out")
    return Run(spec, table, sorted(rejects, key=lambda line: json.dumps(line, sort_keys=True)), accounted)


def _keep(value: Any, folder: str, name: str) -> None:
    (Path(folder) / f"{name}-{uuid.uuid4().hex}").write_bytes(pickle.dumps(value))


def _kept(folder: str, name: str) -> list[Any]:
    return [pickle.loads(path.read_bytes()) for path in sorted(Path(folder).glob(f"{name}-*"))]
