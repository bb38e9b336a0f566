"""One run on the disk: what it was started on, and the result of every step that is done.

A step's result is written, in one rename, after all that the step made is on the disk. A start that finds an open run
on the same inputs takes the results that are there and goes on with the first step that has none.
"""

from __future__ import annotations

import datetime
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer.output_directory import write_json

Result = dict[str, Any]


class RunState:
    """A run's directory.

    Args:
      path: of the directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    @property
    def data(self) -> Path:
        """The dataset."""
        return self.path / "data"

    @property
    def model(self) -> Path:
        """The trainer's output."""
        return self.path / "model"

    @property
    def report(self) -> Path:
        """The page that says what happened and why."""
        return self.path / "report.html"

    def log(self, step: str) -> Path:
        """What a step's commands printed."""
        return self.path / "logs" / f"{step}.log"

    def exists(self) -> bool:
        """Whether the run was started."""
        return (self.path / "run.json").is_file()

    def started_on(self) -> Result:
        """What the run was started on."""
        content: Result = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        return content

    def start(self, inputs: Result, spec: Path) -> int:
        """Notes one more attempt; the first one notes the inputs too, and keeps the spec as it was.

        Args:
          inputs: what the run is started on.
          spec: file of the dataset spec.

        Returns:
          The number of the attempt, from 1.
        """
        for name in ("steps", "logs"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        if not self.exists():
            shutil.copyfile(spec, self.path / "spec.yaml")
        content = self.started_on() if self.exists() else {**inputs, "attempts": []}
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        content["attempts"] = [*content["attempts"], now]
        write_json(self.path / "run.json", content)
        return len(content["attempts"])

    def result(self, step: str) -> Result | None:
        """The result of a step; None when it is not done."""
        try:
            content: Result = json.loads((self.path / "steps" / f"{step}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content

    def results(self) -> dict[str, Result]:
        """The results of all steps that are done."""
        names = [path.stem for path in sorted((self.path / "steps").glob("*.json"))]
        return {name: found for name in names if (found := self.result(name)) is not None}

    def step(self, name: str, work: Callable[[], Result]) -> Result:
        """Does a step unless it is done.

        Args:
          name: of the step.
          work: does it, and gives its result; may be repeated after a crash.
        """
        done = self.result(name)
        if done is not None:
            return done
        started = time.monotonic()
        result = work()
        write_json(self.path / "steps" / f"{name}.json", {**result, "seconds": round(time.monotonic() - started, 3)})
        return self.result(name) or result

    def forget(self, *steps: str) -> None:
        """Makes steps undone, with what they made."""
        for step in steps:
            (self.path / "steps" / f"{step}.json").unlink(missing_ok=True)

    def remove_work(self) -> None:
        """Removes all but the record of the run."""
        for path in (self.data, self.model, self.path / "check"):
            shutil.rmtree(path, ignore_errors=True)
