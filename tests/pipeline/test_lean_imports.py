"""A run on this machine alone imports no cloud client; what was hidden can be imported afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.lean_imports import stays_local

LEAN = """
import sys
from pipeline.lean_imports import import_beam
import_beam(local=True)
assert "apache_beam" in sys.modules
assert not {"pandas", "pymongo", "google.cloud.storage"} & set(sys.modules), sorted(sys.modules)
import pymongo
"""
REMOTE = """
import sys
from pipeline.lean_imports import import_beam
import_beam(local=False)
from apache_beam.io.filesystems import FileSystems
assert FileSystems.get_filesystem("gs://bucket/file").scheme() == "gs"
"""


@pytest.mark.parametrize("program", [LEAN, REMOTE], ids=["local", "remote"])
def test_only_what_a_run_needs_is_imported(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("named", "local"),
    [
        (["data/*.parquet", "out"], True),
        (["data/*.parquet", "gs://bucket/out"], False),
        (["data/*.parquet", "out", "--runner=FlinkRunner"], False),
        (["data/*.parquet", "out", "--direct_num_workers=2"], True),
        (['{"source": {"labels": {"path": "s3://bucket/labels.csv"}}}'], False),
    ],
)
def test_anything_remote_needs_everything(named: list[str], local: bool) -> None:
    assert stays_local(named) is local
