"""The recipes' command line, handed to the real scripts/retrain.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.scripts.schedule.stand_in import RECIPES, REPOSITORY


def test_retrain_takes_the_command_line_of_the_recipes(tmp_path: Path) -> None:
    """A dry run: it looks at the spans and stops there."""
    span = tmp_path / "spans" / "2026-11-23"
    span.mkdir(parents=True)
    (span / "rows.parquet").write_bytes(b"not read")
    for path in (span / "rows.parquet", span):
        os.utime(path, (0, 0))  # long written, so no span to wait for
    environment = {
        "PATH": os.environ["PATH"],
        "LENGTHWISE_VENV": str(Path(sys.executable).parents[1]),
        "LENGTHWISE_SPEC": str(REPOSITORY / "schemas" / "vowels.yaml"),
        "LENGTHWISE_INPUT": f"{tmp_path}/spans/{{span}}/*.parquet",
        "LENGTHWISE_WORKSPACE": str(tmp_path / "workspace"),
        "LENGTHWISE_OPTIONS": "--dry-run --json",
    }
    result = subprocess.run(
        [RECIPES / "run_from_cron.sh"], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    [log] = Path(f"{tmp_path}/workspace.logs").glob("*.log")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), log.read_text()
    assert "2026-11-23" in log.read_text()
