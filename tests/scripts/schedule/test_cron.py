"""The crontab as cron's own parser sees it, and the wrapper that it starts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scripts.schedule.stand_in import ALERTING_STATUSES, QUIET_STATUSES, RECIPES, Checkout, expected_arguments

CRONTAB = RECIPES / "lengthwise.cron"

LIST_JOBS = """\
import sys
from crontab import CronTab
for job in CronTab(tabfile=sys.argv[1]):
    print(job.is_valid(), job.is_enabled(), job.slices, job.command, sep="|")
"""


def syntax_check(crontab: Path) -> int:
    """The exit status of Debian's or Fedora's `crontab` (-n and -T are their names of the dry run)."""
    if shutil.which("crontab") is None:
        pytest.skip("no crontab command: it comes with Debian's package cron")
    usage = subprocess.run(["crontab", "--help"], capture_output=True, text=True, check=False)
    dry_run = "-n" if "-n" in usage.stdout + usage.stderr else "-T"
    return subprocess.run(["crontab", dry_run, str(crontab)], capture_output=True, check=False).returncode


def test_cron_accepts_the_crontab() -> None:
    assert syntax_check(CRONTAB) == 0


@pytest.mark.parametrize("wrong", ["17 25 * * *", "17 2 * *"])
def test_cron_would_refuse_a_wrong_one(tmp_path: Path, wrong: str) -> None:
    changed = tmp_path / "wrong.cron"
    changed.write_text(CRONTAB.read_text().replace("17 2 * * *", wrong))
    assert syntax_check(changed) != 0


def test_it_holds_one_job_every_night(tools: Path) -> None:
    result = subprocess.run(
        [tools / "python", "-c", LIST_JOBS, CRONTAB], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == "True|True|17 2 * * *|/opt/lengthwise/scripts/schedule/run_from_cron.sh\n"


def run(checkout: Checkout, status: int, **variables: str) -> subprocess.CompletedProcess[str]:
    """The wrapper, with the variables of a crontab and those given; an empty one is left out."""
    settings = {
        "PATH": os.environ["PATH"],
        "LENGTHWISE_SPEC": "/etc/a spec.yaml",
        "LENGTHWISE_INPUT": "/spans/{span}/*.parquet",
        "LENGTHWISE_WORKSPACE": str(checkout.workspace(status)),
        **variables,
    }
    script = checkout.root / "scripts" / "schedule" / "run_from_cron.sh"
    environment = {name: value for name, value in settings.items() if value}
    return subprocess.run([script], env=environment, capture_output=True, text=True, check=False, timeout=60)


def logs(checkout: Checkout, status: int) -> list[Path]:
    return sorted(Path(f"{checkout.workspace(status)}.logs").glob("*.log"))


@pytest.mark.parametrize("status", QUIET_STATUSES)
def test_a_normal_end_prints_nothing_and_leaves_a_log(checkout: Checkout, status: int) -> None:
    result = run(checkout, status)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    [call] = checkout.calls(status)
    assert call.arguments == expected_arguments(
        "/etc/a spec.yaml", "/spans/{span}/*.parquet", checkout.workspace(status)
    )
    [log] = logs(checkout, status)
    assert log.read_text() == "to standard output\nto standard error\n"


@pytest.mark.parametrize("status", ALERTING_STATUSES)
def test_any_other_end_prints_why_and_where_to_look(checkout: Checkout, status: int) -> None:
    result = run(checkout, status)
    reason = {1: "unexpected failure", 2: "usage or configuration error", 11: "data refused", 12: "gate failed"}[status]
    assert result.returncode == status
    assert f"exit status {status} ({reason})" in result.stdout
    assert str(logs(checkout, status)[0]) in result.stdout
    assert result.stdout.endswith("to standard output\nto standard error\n")


def test_options_are_words_and_no_file_names(checkout: Checkout) -> None:
    run(checkout, 0, LENGTHWISE_OPTIONS="--config /etc/*.conf --dry-run")
    assert checkout.calls(0)[0].arguments[-3:] == ["--config", "/etc/*.conf", "--dry-run"]


@pytest.mark.parametrize("name", ["LENGTHWISE_SPEC", "LENGTHWISE_INPUT", "LENGTHWISE_WORKSPACE"])
def test_a_missing_variable_is_named(checkout: Checkout, name: str) -> None:
    result = run(checkout, 0, **{name: ""})
    assert result.returncode == 2
    assert f"{name} is not set" in result.stdout
    assert checkout.calls(0) == []


def test_a_run_that_hangs_is_ended(checkout: Checkout) -> None:
    result = run(checkout, 0, LENGTHWISE_TIMEOUT="1s", STAND_IN_SECONDS="50")
    assert result.returncode == 124
    assert "exit status 124 (ended after 1s)" in result.stdout


def test_logs_that_cannot_be_written_are_told(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    result = run(checkout, 0, LENGTHWISE_LOGS=str(tmp_path / "a file" / "logs"))
    assert result.returncode == 1
    assert "a file': Not a directory" in result.stderr
    assert checkout.calls(0) == []


def test_logs_of_ninety_days_are_kept(checkout: Checkout) -> None:
    run(checkout, 0)
    [recent] = logs(checkout, 0)
    old = recent.with_name("retrain-2020-01-01T02-17-00.1.log")
    old.write_text("old")
    os.utime(old, (0, 0))
    run(checkout, 0)
    assert recent.exists()
    assert not old.exists()
