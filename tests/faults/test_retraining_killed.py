"""The real command, with real processes, killed in every step: what it started dies too, and the next start goes on.

A reader looks at the pointer all the time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.retraining.lock import Locked, lock
from scripts.retraining.workspace import Workspace

SPEC = {
    "name": "killed",
    "key": "id",
    "features": {"text": {"kind": "text", "tokenizer": "words"}},
    "label": {"column": "y", "kind": "binary"},
    "splits": {"train": 0.6, "validation": 0.1, "test": 0.3},
    "batching": {"buckets": 1},
}
CONFIG = {
    "model": "rnn",
    "architecture": {"units": 4, "embedding": 4},
    "epochs": 1,
    "bootstrap_samples": 10,
    "jit": False,
}
POLICY = {"spans": {"grace_seconds": 0}, "promotion": {"margin": 1.0}}
# What tells that a step is at work: paths below the run's directory.
MOMENTS = ("check/dataset.staging-*", "data.staging-*", "model/logs", "logs/compare.log", "steps/compare.json")
# Steps long enough for a second start to find the first at work.
AT_LENGTH = MOMENTS[:3]


class Reader(threading.Thread):
    """Looks at what the pointer names, again and again."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(daemon=True)
        self._registry = workspace.registry
        self.looks, self.problems, self.done = 0, [], False

    def run(self) -> None:
        while not self.done:
            number = self._registry.champion_number()
            found = ["no pointer"] if number is None else self._registry.versions.problems(number)
            self.problems += found
            self.looks += 1
            time.sleep(0.005)


def command(folder: Path, repository: Path) -> list[str]:
    return [
        sys.executable, str(repository / "scripts/retrain.py"), "run", "--spec", "spec.yaml",
        "--input", "spans/{span}/*.jsonl", "--workspace", "ws", "--config", "trainer.yaml", "--policy", "policy.yaml",
    ]  # fmt: skip


def write_span(folder: Path, number: int, rows: int = 120) -> None:
    path = folder / "spans" / str(number) / "rows.jsonl"
    path.parent.mkdir(parents=True)
    made = (
        {"id": f"{number}-{i}", "text": f"{'good' if i % 2 else 'bad'} {i} of {number}", "y": i % 2}
        for i in range(rows)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in made))


def wait_for(run: Path, pattern: str, process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + 400
    while not list(run.glob(pattern)):
        assert process.poll() is None, f"the run ended before {pattern} appeared"
        assert time.monotonic() < deadline, f"{pattern} never appeared"
        time.sleep(0.005)


def wait_for_lock(workspace: Path) -> None:
    """Until no process that the killed run had started is left."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with lock(workspace, "test"):
                return
        except Locked:
            assert time.monotonic() < deadline, "a command outlives its run"
            time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_killed_in_every_step_and_started_again(tmp_path: Path, repository: Path) -> None:
    for name, content in (("spec", SPEC), ("trainer", CONFIG), ("policy", POLICY)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    settings = {name: value for name, value in os.environ.items() if name not in ("TF_USE_LEGACY_KERAS", "PYTHONPATH")}
    workspace = Workspace(tmp_path / "ws")
    write_span(tmp_path, 1)
    start: Any = {"args": command(tmp_path, repository), "cwd": tmp_path, "env": settings}
    first = subprocess.run(**start, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stdout + first.stderr
    write_span(tmp_path, 2)
    reader = Reader(workspace)
    reader.start()
    for moment in MOMENTS:
        process = subprocess.Popen(**start, stdout=subprocess.DEVNULL)
        wait_for(workspace.root / "runs/run-000002", moment, process)
        if moment in AT_LENGTH:
            second = subprocess.run(**start, capture_output=True, text=True, check=False)
            assert second.returncode == 13 and str(process.pid) in second.stderr
        process.send_signal(signal.SIGKILL)
        assert process.wait() in (-signal.SIGKILL, 0)
        wait_for_lock(workspace.root)
        assert workspace.registry.champion_number() in (1, 2)
    last = subprocess.run(**start, capture_output=True, text=True, check=False)
    assert last.returncode == 0, last.stdout + last.stderr
    reader.done = True
    reader.join()
    assert reader.problems == [] and reader.looks > 100
    lines = workspace.ledger.lines()
    assert [line["outcome"] for line in lines] == ["promoted", "promoted"]
    assert lines[-1]["attempts"] >= len(MOMENTS)
    assert workspace.registry.champion_number() == 2
    left = [path for path in (workspace.root / "runs/run-000002").glob("*") if ".staging" in path.name]
    assert left == []
