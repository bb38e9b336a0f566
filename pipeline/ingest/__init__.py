"""From raw files to checked, split, de-duplicated canonical rows.

inputs = discover(spec, ["data/*.parquet"], labels=None)
spec = resolve_spec(spec, inputs)
rows, rejects, counts = pipeline | Ingest(spec, inputs)
"""

from __future__ import annotations

from pipeline.ingest.accounting import account, add_counts, largest_rejected_share
from pipeline.ingest.inputs import Inputs, discover
from pipeline.ingest.ptransform import Ingest, IngestOutput
from pipeline.ingest.resolve import resolve_spec

__all__ = [
    "Ingest",
    "IngestOutput",
    "Inputs",
    "account",
    "add_counts",
    "discover",
    "largest_rejected_share",
    "resolve_spec",
]
