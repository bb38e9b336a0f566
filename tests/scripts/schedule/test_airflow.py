"""The DAG in a real Airflow: imported, and run once for each exit status with Airflow's own test of a DAG."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.schedule.stand_in import ALERTING_STATUSES, QUIET_STATUSES, RECIPES, Checkout, expected_arguments

pytestmark = pytest.mark.slow  # starting Airflow and making its database takes half a minute

STATUSES = QUIET_STATUSES + ALERTING_STATUSES


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout.make(tmp_path_factory.mktemp("airflow") / "a checkout", sys.executable)


@pytest.fixture(scope="module")
def found(tools: Path, checkout: Checkout) -> dict[str, Any]:
    """What Airflow made of the DAG. The first run, of status 0, is a dry run."""
    program = Path(__file__).with_name("airflow_runs.py")
    workspaces = [str(checkout.workspace(status)) for status in STATUSES]
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "AIRFLOW_HOME": str(checkout.root.parent / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(RECIPES),
        "AIRFLOW_VAR_LENGTHWISE_HOME": str(checkout.root),
        "AIRFLOW_VAR_LENGTHWISE_SPEC": "/etc/a spec.yaml",
        "AIRFLOW_VAR_LENGTHWISE_INPUT": "/spans/{span}/*.parquet",
        "AIRFLOW_VAR_LENGTHWISE_OPTIONS": "--config /etc/*.conf",
    }
    command = [tools / "python", program, RECIPES / "airflow_dag.py", *workspaces]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


def test_airflow_imports_it_without_a_warning(found: dict[str, Any]) -> None:
    assert (found["import_errors"], found["warnings"]) == ({}, {})
    assert found["dag"] == "lengthwise_retrain"


def test_never_two_at_once_and_no_nights_made_up_for(found: dict[str, Any]) -> None:
    assert (found["max_active_runs"], found["catchup"]) == (1, False)


def test_each_exit_status_ends_as_documented(found: dict[str, Any], checkout: Checkout) -> None:
    states = {0: ["success", "success"], 10: ["success", "skipped"], 13: ["success", "skipped"]}
    expected = {str(checkout.workspace(status)): states.get(status, ["failed", "failed"]) for status in STATUSES}
    assert found["runs"] == expected


def test_it_calls_the_documented_command_line(found: dict[str, Any], checkout: Checkout) -> None:
    options = ["--config", "/etc/*.conf"]
    for status in STATUSES:
        [call] = checkout.calls(status)
        dry_run = ["--dry-run"] if status == 0 else []
        assert call.arguments == expected_arguments(
            "/etc/a spec.yaml", "/spans/{span}/*.parquet", checkout.workspace(status), *options, *dry_run
        )
