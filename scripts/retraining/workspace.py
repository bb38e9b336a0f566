"""Where everything of a retraining lies.

    ws/
      registry/            versions and the champion: trainer/registry
      runs/run-000012/     one run: run.json, steps/*.json, logs/*.log, report.html; while it matters data/ and model/
      ledger.jsonl         what happened
      cache/               accumulators of analysed batches: python -m pipeline --cache
      seen.json            digests of spans
      checked.json         what was found of each span's content
      .lock

Runs are numbered, not dated: a clock that was moved back changes nothing.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.retraining.ledger import Ledger
from scripts.retraining.run_state import RunState
from trainer.registry.pointer import Registry

# Bulky, and of no use once a later run has ended.
_BULKY = ("data", "model", "check")


@dataclass(frozen=True)
class Workspace:
    """The directory of a retraining."""

    root: Path

    @property
    def registry(self) -> Registry:
        """Models."""
        return Registry(self.root / "registry")

    @property
    def ledger(self) -> Ledger:
        """What happened."""
        return Ledger(self.root / "ledger.jsonl")

    @property
    def cache(self) -> Path:
        """The pipeline's cache."""
        return self.root / "cache"

    @property
    def seen(self) -> Path:
        """Digests of spans."""
        return self.root / "seen.json"

    @property
    def checked(self) -> Path:
        """What was found of each span."""
        return self.root / "checked.json"

    def runs(self) -> list[RunState]:
        """All runs on the disk, oldest first."""
        directory = self.root / "runs"
        names = sorted(directory.glob("run-*")) if directory.is_dir() else []
        return [RunState(path) for path in names if RunState(path).exists()]

    def open_run(self) -> RunState | None:
        """The run that was started and has not ended; None without one."""
        runs = self.runs()
        last = runs[-1] if runs else None
        return last if last is not None and self.ledger.final(last.name) is None else None

    def new_run(self) -> RunState:
        """The next run, with no file yet. What a start that was killed in its first moment left there is removed."""
        used = [line["run"] for line in self.ledger.lines() if "run" in line] + [run.name for run in self.runs()]
        number = max((int(name.removeprefix("run-")) for name in used), default=0) + 1
        path = self.root / "runs" / f"run-{number:06d}"
        shutil.rmtree(path, ignore_errors=True)
        return RunState(path)

    def clean(self, keep_runs: int, keep_datasets: int) -> list[str]:
        """Removes what runs that have ended left, but for the last ones.

        Returns:
          What was removed.
        """
        ended = [run for run in self.runs() if self.ledger.final(run.name) is not None]
        removed = []
        for run in ended[: max(0, len(ended) - keep_runs)]:
            shutil.rmtree(run.path, ignore_errors=True)
            removed.append(run.name)
        for run in ended[: max(0, len(ended) - keep_datasets)]:
            for name in _BULKY:
                for path in run.path.glob(f"{name}*"):
                    shutil.rmtree(path, ignore_errors=True)
                    removed.append(f"{run.name}/{path.name}")
        return removed
