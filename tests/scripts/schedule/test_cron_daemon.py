"""The crontab under a real cron daemon, on the real clock: up to a minute, so only with LENGTHWISE_CRON_TEST=1."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scripts.schedule.stand_in import RECIPES, Checkout, expected_arguments

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("LENGTHWISE_CRON_TEST") != "1",
        reason="a run under a real cron daemon: LENGTHWISE_CRON_TEST=1, or scripts/schedule/check.sh",
    ),
]

STATUSES = (0, 10, 13, 11)

SENDMAIL = """\
#!/bin/sh
cat >"$(mktemp "{mails}/mail.XXXXXX")"
"""


def every_minute(checkout: Checkout) -> str:
    """The shipped crontab with its paths edited and its job due every minute, once for each status."""
    lines = (RECIPES / "lengthwise.cron").read_text().splitlines()
    [job] = [line for line in lines if line.startswith("17 2 * * * ")]
    script = str(checkout.root / "scripts" / "schedule" / "run_from_cron.sh").replace(" ", "\\ ")
    settings = [line for line in lines if line != job and not line.startswith("LENGTHWISE_WORKSPACE")]
    # A setting holds for the jobs below it.
    jobs = [
        line
        for status in STATUSES
        for line in (f"LENGTHWISE_WORKSPACE = {checkout.workspace(status)}", f"* * * * * {script}")
    ]
    assert job.split()[-1] == "/opt/lengthwise/scripts/schedule/run_from_cron.sh"
    return "\n".join([*settings, *jobs]) + "\n"


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.5)
    return condition()


def test_cron_runs_it_and_mails_only_what_somebody_must_look_at(checkout: Checkout, tmp_path: Path) -> None:
    for command in ("cron", "crontab", "unshare"):
        assert shutil.which(command), f"no {command}: it comes with Debian's packages cron and util-linux"
    mails = tmp_path / "mails"
    commands = tmp_path / "commands"
    mails.mkdir()
    commands.mkdir()
    (commands / "sendmail").write_text(SENDMAIL.format(mails=mails))
    (commands / "sendmail").chmod(0o755)
    crontab = tmp_path / "every_minute.cron"
    crontab.write_text(every_minute(checkout))

    daemon = subprocess.Popen([Path(__file__).with_name("cron_daemon.sh"), crontab, commands])
    try:
        assert wait_for(lambda: all(checkout.calls(status) for status in STATUSES) and any(mails.iterdir()), 90)
        # Long enough for a mail too many to arrive, and too short for the next minute's runs.
        time.sleep(3)
    finally:
        daemon.kill()  # unshare heeds nothing less, and takes the daemon and its jobs with it
        daemon.wait(timeout=30)

    for status in STATUSES:
        [call] = checkout.calls(status)
        assert call.arguments == expected_arguments(
            "/etc/lengthwise/spec.yaml", "/srv/lengthwise/spans/{span}/*.parquet", checkout.workspace(status)
        )
        assert call.environment["PATH"] == "/usr/local/bin:/usr/bin:/bin"
    [mail] = mails.iterdir()
    assert "To: root" in mail.read_text()
    assert "exit status 11 (data refused)" in mail.read_text()
