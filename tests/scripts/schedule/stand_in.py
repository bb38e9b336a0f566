"""A checkout in a temporary directory whose scripts/retrain.py only notes how it was called.

The recipes are copied into it as they are. The stand-in exits with the number that the workspace's name ends in, so a
workspace `kept-10` plays a run that kept the champion.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
RECIPES = REPOSITORY / "scripts" / "schedule"

# What a run may end with, and whether somebody has to look.
QUIET_STATUSES = (0, 10, 13)
ALERTING_STATUSES = (1, 2, 11, 12)
STOPPED_STATUS = 130  # SIGTERM: stopped by a person, a reboot, or the scheduler's own limit

RETRAIN = """\
import json, os, pathlib, sys, time

arguments = sys.argv[1:]
workspace = pathlib.Path(arguments[arguments.index("--workspace") + 1])
workspace.mkdir(parents=True, exist_ok=True)
call = {"arguments": arguments, "directory": os.getcwd(), "environment": dict(os.environ)}
with (workspace / "calls.jsonl").open("a") as file:
    file.write(json.dumps(call) + "\\n")
print("to standard output", flush=True)
print("to standard error", file=sys.stderr, flush=True)
time.sleep(float(os.environ.get("STAND_IN_SECONDS", "0")))
sys.exit(int(workspace.name.rsplit("-", 1)[1]))
"""


@dataclass(frozen=True)
class Call:
    """One call of the stand-in."""

    arguments: list[str]
    directory: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Checkout:
    """The checkout, and the workspaces beside it."""

    root: Path

    @classmethod
    def make(cls, root: Path, python: str) -> Checkout:
        """Fills `root`, with `python` as the one of its environment."""
        shutil.copytree(RECIPES, root / "scripts" / "schedule")
        (root / "scripts" / "retrain.py").write_text(RETRAIN)
        (root / ".venv" / "bin").mkdir(parents=True)
        (root / ".venv" / "bin" / "python").symlink_to(python)
        return cls(root)

    def workspace(self, status: int) -> Path:
        """The workspace whose runs end with `status`; with a space, as a path may have one."""
        return self.root.parent / f"work space-{status}"

    def calls(self, status: int) -> list[Call]:
        """How the stand-in was called for that workspace."""
        notes = self.workspace(status) / "calls.jsonl"
        return [Call(**json.loads(line)) for line in notes.read_text().splitlines()] if notes.exists() else []


def expected_arguments(spec: str, input_pattern: str, workspace: Path | str, *options: str) -> list[str]:
    """The command line that retrain.py documents."""
    return ["run", "--spec", spec, "--input", input_pattern, "--workspace", str(workspace), *options]
