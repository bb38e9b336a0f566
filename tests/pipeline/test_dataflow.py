"""The job as Dataflow would get it: translated and checked by Beam's own runner in a dry run, without credentials."""

from __future__ import annotations

import json
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import SetupOptions

from pipeline.beam_options import beam_options, is_direct
from pipeline.ingest import discover, resolve_spec
from pipeline.job import build
from schemas.spec import parse_spec

SPEC: dict[str, Any] = {
    "name": "small",
    "key": "id",
    "features": {"text": {"kind": "text"}, "size": {"kind": "number"}},
    "label": {"column": "kind", "kind": "binary"},
    "splits": {"train": 0.8, "validation": 0.2},
}
OPTIONS = (
    "--runner=DataflowRunner",
    "--project=some-project",
    "--region=europe-west1",
    "--temp_location=gs://some-bucket/temp",
    "--staging_location=gs://some-bucket/staging",
    "--job_name=lengthwise",
    "--setup_file=./setup.py",
    "--no_auth",
    "--dry_run=True",
)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Dataflow's job of a small dataset."""
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    rows = [{"id": str(i), "text": "red green", "size": float(i), "kind": i % 2} for i in range(20)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = parse_spec(SPEC, "the test")
    inputs = discover(spec, [str(path)], None)
    pipeline = beam.Pipeline(options=beam_options(OPTIONS))
    staging = "gs://some-bucket/out.staging"
    build(pipeline, resolve_spec(spec, inputs), inputs, staging, f"{staging}/outcome", None)
    result: Any = pipeline.run()
    return result.job


def test_dataflow_accepts_the_graph(job: Any) -> None:
    components = job.proto_pipeline.components
    names = {transform.unique_name for transform in components.transforms.values()}
    for step in ("Analyze/Count", "Bind", "Transform", "GroupIntoShards", "WriteShards", "WriteOutcome"):
        assert step in names
    urns = {transform.spec.urn for transform in components.transforms.values()}
    assert {"beam:transform:pardo:v1", "beam:transform:group_by_key:v1"} <= urns
    assert {environment.urn for environment in components.environments.values()} == {"beam:env:docker:v1"}


def test_the_options_reach_the_job_and_the_direct_runner_s_defaults_do_not() -> None:
    options = beam_options(OPTIONS)
    assert not is_direct(options)
    assert options.view_as(SetupOptions).setup_file == "./setup.py"
    assert "direct_num_workers" not in options.get_all_options(drop_default=True)
