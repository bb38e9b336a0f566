"""Imports the DAG as Airflow does and runs it once for each workspace, with Airflow's own Python.

    python airflow_runs.py DAG_FILE [--dry-run] WORKSPACE...

The last line that it prints is JSON: the import errors, the DAG's settings, and how each run ended. The database is
made in $AIRFLOW_HOME.
"""

from __future__ import annotations

import json
import os
import sys

from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb


def main() -> None:
    """Prints what happened; everything before the last line is Airflow's own log."""
    path, *workspaces = sys.argv[1:]
    initdb()
    bag = DagBag(path)
    found: dict[str, object] = {"import_errors": bag.import_errors, "warnings": bag.captured_warnings}
    for name, dag in bag.dags.items():
        found |= {"dag": name, "catchup": dag.catchup, "max_active_runs": dag.max_active_runs, "runs": {}}
        for workspace in workspaces:
            os.environ["AIRFLOW_VAR_LENGTHWISE_WORKSPACE"] = workspace
            run = dag.test(run_conf={"dry_run": workspace == workspaces[0]})
            [task] = run.get_task_instances()
            found["runs"][workspace] = [str(run.state), str(task.state)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
