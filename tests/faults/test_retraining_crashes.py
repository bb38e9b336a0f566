"""A retraining dies at every single step, or finds the disk full there: the champion stays, and the next start ends
as if nothing had happened. The steps are enumerated by crash_points.py; the halves are stand-ins.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.retraining.conftest import Retraining, templates  # noqa: F401 (a fixture)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def seasoned(tmp_path: Path, templates: Path) -> Retraining:  # noqa: F811 (the fixture of that name)
    """Three nights have passed; the fourth promotes version 4 and removes version 2."""
    folder = tmp_path / "base"
    folder.mkdir()
    made = Retraining(folder, templates)
    for night in ("1", "2", "3"):
        made.span(night, f"words of night {night}")
        assert made.run() == 0
    made.span("4", "words of night 4")
    return made


def played(made: Retraining, mode: str) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "tests/faults/crash_points.py"), str(made.folder), str(made.templates), mode]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["steps"] > 100
    return found


def test_at_every_moment_the_pointer_names_a_whole_version(seasoned: Retraining) -> None:
    assert played(seasoned, "watch")["wrong"] == []


@pytest.mark.slow
def test_killed_at_any_step_the_next_start_ends_as_if_nothing_had_happened(seasoned: Retraining) -> None:
    assert played(seasoned, "kill")["wrong"] == []


@pytest.mark.slow
def test_with_a_full_disk_from_any_step_on_the_champion_stays_and_the_next_start_ends_well(
    seasoned: Retraining,
) -> None:
    assert played(seasoned, "full")["wrong"] == []


@pytest.mark.parametrize("limit", [0, 60, 300, 900, 3000])
def test_files_that_cannot_grow_are_an_error_and_change_nothing(seasoned: Retraining, limit: int) -> None:
    """RLIMIT_FSIZE: the kernel itself refuses to write past so many bytes, in the real write path."""
    child = os.fork()
    if child == 0:  # which must end here, whatever happens, and not go on as a second pytest
        status = 99
        try:
            with open(os.devnull, "w") as nowhere:  # what pytest captures goes into files as well
                sys.stdout = sys.stderr = nowhere
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                status = seasoned.run()
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (1, 2)
    assert seasoned.champion == 3
    assert seasoned.run() == 0 and seasoned.champion == 4
    assert [line["outcome"] for line in seasoned.lines() if line["outcome"] != "failed"] == ["promoted"] * 4
