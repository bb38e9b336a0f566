"""Nightly retraining as an Airflow 3 DAG: copy this file into the DAGs folder.

It runs on a worker that has a checkout with its .venv, sees the spans and keeps the workspace on a disk that outlives
the worker; on Kubernetes, kubernetes-cronjob.yaml says what a KubernetesPodOperator needs. Airflow's own Python is
not used: its dependencies and TensorFlow's do not mix.

The paths are Airflow Variables, read when a task starts, never when the file is parsed (every few seconds):

    airflow variables set lengthwise_spec /etc/lengthwise/spec.yaml
    airflow variables set lengthwise_input '/srv/lengthwise/spans/{span}/*.parquet'
    airflow variables set lengthwise_workspace /var/lib/lengthwise/workspace
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

with DAG(
    dag_id="lengthwise_retrain",
    description="Retrain on new spans; promote a challenger that is good enough",
    schedule="17 2 * * *",  # UTC, unless Airflow is set up otherwise
    start_date=datetime(2026, 1, 1),
    # One run takes every span that is new: the nights that were missed have nothing left to do.
    catchup=False,
    # A second run would only find the lock taken.
    max_active_runs=1,
    params={
        "dry_run": Param(False, type="boolean", description="Say what a run would do, and change nothing"),
    },
    tags=["lengthwise"],
):
    BashOperator(
        task_id="retrain",
        # The values reach the command in its environment: text within a shell command would be read as shell.
        # set -f: LENGTHWISE_OPTIONS is split into words, but a * in it stays a *.
        bash_command=(
            'set -f; exec "$LENGTHWISE_HOME/.venv/bin/python" "$LENGTHWISE_HOME/scripts/retrain.py" run'
            ' --spec "$LENGTHWISE_SPEC" --input "$LENGTHWISE_INPUT" --workspace "$LENGTHWISE_WORKSPACE"'
            " $LENGTHWISE_OPTIONS"
        ),
        env={
            "LENGTHWISE_HOME": "{{ var.value.get('lengthwise_home', '/opt/lengthwise') }}",
            "LENGTHWISE_SPEC": "{{ var.value.lengthwise_spec }}",
            "LENGTHWISE_INPUT": "{{ var.value.lengthwise_input }}",
            "LENGTHWISE_WORKSPACE": "{{ var.value.lengthwise_workspace }}",
            # More of the command line, such as: --config /etc/lengthwise/trainer.yaml
            "LENGTHWISE_OPTIONS": (
                "{{ var.value.get('lengthwise_options', '') }}{{ ' --dry-run' if params.dry_run else '' }}"
            ),
            "PYTHONUNBUFFERED": "1",  # the log grows while the task runs
        },
        append_env=True,  # PATH, and credentials for object storage
        # Kept the champion (10) and locked (13): "skipped", which nobody is called for, and is told from a promotion.
        skip_on_exit_code=[10, 13],
        # Bad data, a failed gate or a wrong setting fail again in ten minutes. After a crash, the next night goes on.
        retries=0,
        execution_timeout=timedelta(hours=12),
    )
