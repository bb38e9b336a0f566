"""A preprocessing run killed at any moment leaves the old dataset whole and no half-written one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

SPEC = {
    "name": "killed",
    "key": "id",
    "features": {"text": {"kind": "text"}},
    "label": {"column": "y", "kind": "binary"},
    "splits": {"train": 0.8, "validation": 0.2},
}


def start(folder: Path, repository: Path, inputs: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "pipeline", "--quiet", "--spec", str(folder / "spec.yaml"),
            "--input", str(folder / inputs), "--output", str(folder / "out"),
        ],
        cwd=repository,
    )  # fmt: skip


def write(folder: Path, name: str, count: int) -> None:
    rows = ({"id": f"{name}-{i}", "text": f"words of row {i} " * (i % 7), "y": i % 2} for i in range(count))
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def wait_for(path: Path, pattern: str, process: subprocess.Popen[bytes]) -> None:
    """Waits until something under `path` matches, so that the kill comes in that step."""
    deadline = time.monotonic() + 120
    while not list(path.glob(pattern)):
        assert process.poll() is None, f"the run ended before {pattern} appeared"
        assert time.monotonic() < deadline, f"{pattern} never appeared"
        time.sleep(0.01)


def test_a_killed_run_changes_nothing_and_the_next_one_cleans_up(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(SPEC))
    write(tmp_path, "old.jsonl", 50)
    write(tmp_path, "new.jsonl", 20_000)
    assert start(tmp_path, repository, "old.jsonl").wait() == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    for moment in ("out.staging-*/.job", "out.staging-*/.job/analysis/text.json", "out.staging-*/train/*/*"):
        process = start(tmp_path, repository, "new.jsonl")
        wait_for(tmp_path, moment, process)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
        assert after == before, f"killed at {moment}"
    assert start(tmp_path, repository, "new.jsonl").wait() == 0
    assert sorted(os.listdir(tmp_path)) == ["new.jsonl", "old.jsonl", "out", "spec.yaml"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["counts"]["rows_in"] == 20_000
