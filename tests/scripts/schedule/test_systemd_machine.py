"""The units, as they are shipped, under a real systemd booted in a container: only with LENGTHWISE_SYSTEMD_TEST=1."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scripts.schedule.stand_in import ALERTING_STATUSES, QUIET_STATUSES, Checkout, expected_arguments

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("LENGTHWISE_SYSTEMD_TEST") != "1",
        reason="a run under a real systemd: LENGTHWISE_SYSTEMD_TEST=1, or scripts/schedule/check.sh",
    ),
]

# Ends as /etc/lengthwise/status says. Before that it tries what a training run needs, and what it must not be able to.
RETRAIN = """\
import ctypes, json, mmap, os, pathlib, signal, socket, sys, tempfile, time

def compiles():
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    code.write(b"\\xc3")  # as XLA does: write machine code, then make it executable
    libc = ctypes.CDLL(None, use_errno=True)
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return libc.mprotect(ctypes.c_void_p(address), 4096, mmap.PROT_READ | mmap.PROT_EXEC) == 0

def listens():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        return True

def writes(path):
    try:
        pathlib.Path(path).write_text("x")
    except OSError:
        return False
    return True

arguments = sys.argv[1:]
workspace = pathlib.Path(arguments[arguments.index("--workspace") + 1])
workspace.mkdir(parents=True, exist_ok=True)
pid = os.fork()  # Beam's workers are processes
os._exit(0) if pid == 0 else os.waitpid(pid, 0)
print(json.dumps({
    "arguments": arguments,
    "can": {"compile": compiles(), "listen": listens(), "workspace": writes(workspace / "x"),
            "scratch": writes(tempfile.mkdtemp() + "/x"), "home": writes(pathlib.Path.home() / "x")},
    "cannot": {path: writes(path) for path in ("/opt/lengthwise/x", "/etc/lengthwise/x", "/srv/x", "/home/x")},
}))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
status = int(open("/etc/lengthwise/status").read())
if status == 130:
    time.sleep(100)
sys.exit(status)
"""

DRIVER = """\
unit=lengthwise-retrain.service
mkdir -p /etc/lengthwise
for status in {statuses}; do
    echo $status >/etc/lengthwise/status
    systemctl start $unit 2>/dev/null
    echo "$status $(systemctl show --value -p ExecMainStatus $unit) $(systemctl is-failed $unit)"
    systemctl reset-failed $unit 2>/dev/null
done
echo 130 >/etc/lengthwise/status
systemctl start --no-block $unit
sleep 2
systemctl stop $unit 2>/dev/null
echo "stopped $(systemctl show --value -p ExecMainStatus $unit) $(systemctl is-failed $unit)"
mkdir -p /run/systemd/system/$unit.d
printf '[Service]\\nTimeoutStartSec=2s\\n' >/run/systemd/system/$unit.d/short.conf
systemctl daemon-reload
systemctl start $unit 2>/dev/null
echo "too long $(systemctl show --value -p ExecMainStatus $unit) $(systemctl is-failed $unit)"
systemctl reset-failed $unit
journalctl --unit=$unit --output=cat --no-pager | grep '^{{' | tail -n 1
systemctl list-timers --no-pager --no-legend --all lengthwise-retrain.timer
# The clock is not turned to 02:17; the timer is told to come at once instead.
mkdir -p /run/systemd/system/lengthwise-retrain.timer.d
printf '[Timer]\\nOnCalendar=*:*:*\\nAccuracySec=100ms\\n' >/run/systemd/system/lengthwise-retrain.timer.d/soon.conf
echo 10 >/etc/lengthwise/status
before=$(journalctl --unit=$unit --output=cat | grep -c '^{{')
systemctl daemon-reload
systemctl restart lengthwise-retrain.timer
for second in $(seq 30); do
    after=$(journalctl --unit=$unit --output=cat | grep -c '^{{')
    [ "$after" -ge $((before + 2)) ] && break
    sleep 1
done
echo "by the timer: $((after - before))"
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines that the driver printed within the booted machine."""
    python = shutil.which("python3", path="/usr/bin")
    assert python, "no /usr/bin/python3 that a user other than root may run"
    assert shutil.which("systemd-nspawn"), "no systemd-nspawn: it comes with Debian's package systemd-container"
    directory = tmp_path_factory.mktemp("systemd")
    checkout = Checkout.make(directory / "checkout", python)
    (checkout.root / "scripts" / "retrain.py").write_text(RETRAIN)
    driver = directory / "driver.sh"
    driver.write_text(DRIVER.format(statuses=" ".join(map(str, QUIET_STATUSES + ALERTING_STATUSES))))
    command = [Path(__file__).with_name("systemd_machine.sh"), checkout.root, driver]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def test_each_exit_status_is_success_or_failure_as_documented(printed: list[str]) -> None:
    expected = [f"{status} {status} inactive" for status in QUIET_STATUSES]
    expected += [f"{status} {status} failed" for status in ALERTING_STATUSES]
    assert printed[: len(expected)] == expected


def test_stopped_by_hand_is_no_failure_and_too_long_is_one(printed: list[str]) -> None:
    assert "stopped 130 inactive" in printed
    assert "too long 130 failed" in printed


def test_the_hardening_leaves_what_a_run_needs_and_no_more(printed: list[str]) -> None:
    [line] = [line for line in printed if line.startswith("{")]
    run = json.loads(line)
    assert run["arguments"] == expected_arguments(
        "/etc/lengthwise/spec.yaml", "/srv/lengthwise/spans/{span}/*.parquet", "/var/lib/lengthwise/workspace"
    )
    assert set(run["can"].values()) == {True}, run["can"]
    assert set(run["cannot"].values()) == {False}, run["cannot"]


def test_the_timer_starts_it_and_again(printed: list[str]) -> None:
    [nightly] = [line for line in printed if line.endswith("lengthwise-retrain.timer lengthwise-retrain.service")]
    assert " 02:17:00 " in nightly
    [by_the_timer] = [line for line in printed if line.startswith("by the timer: ")]
    assert int(by_the_timer.split()[-1]) >= 2
