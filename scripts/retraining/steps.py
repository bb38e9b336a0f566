"""The steps between the check of new spans and the decision, each one command of one half.

    preprocess   python -m pipeline ... --cache --raw-held-out     the dataset of all selected spans
    drift        pipeline.drift on two statistics.json             against the champion's data
    train        python -m trainer ... --warm-start --resume       the challenger, evaluated, through the export gate
    compare      python -m trainer.compare                         champion and challenger on the same held-out rows

Each gives a small JSON result. Whatever a killed command left is finished or replaced by the same command.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.drift import compare_statistics
from schemas.manifest import load_manifest
from schemas.statistics import load_statistics
from scripts.retraining.drift import judge
from scripts.retraining.halves import Halves, is_out_of_space, last_words
from scripts.retraining.outcomes import Outcome, RunEnd, SettingError, StepFailed
from scripts.retraining.policy import Policy
from scripts.retraining.run_state import Result, RunState
from scripts.retraining.span_check import globs
from scripts.retraining.span_content import SettledSpan, SpanContents
from trainer.config import TrainerConfig
from trainer.registry.versions import Version

# What a warm start must find unchanged.
_SAME = ("model", "architecture", "features")


@dataclass(frozen=True)
class Steps:
    """What the steps of one run share.

    Attributes:
      run: its directory.
      halves: runs commands.
      policy: of the retraining.
      champion: that the challenger is measured against; None without one.
    """

    run: RunState
    halves: Halves
    policy: Policy
    champion: Version | None

    def preprocess(self, pattern: str, spans: Sequence[SettledSpan], cache: Path, seen: Path) -> Result:
        """Makes the dataset, and makes sure that the spans did not change meanwhile.

        Raises:
          RunEnd: the pipeline refuses the data, or a span changed.
        """
        arguments = ["--spec", str(self.run.path / "spec.yaml"), "--output", str(self.run.data)]
        arguments += ["--cache", str(cache), "--raw-held-out", "--input", *globs(pattern, spans)]
        status, words = self._command("preprocess", "pipeline", arguments)
        if status == 2:
            raise RunEnd(Outcome.REFUSED, f"preprocessing refused the data: {words}")
        contents = SpanContents(seen)
        for span in spans:
            found = contents.settled(span.span, self.policy.spans, pattern)
            if found is None or found.digest != span.digest:
                shutil.rmtree(self.run.data, ignore_errors=True)
                raise RunEnd(Outcome.ABANDONED, f"span {span.name} changed while it was read; the next start takes it")
        manifest = load_manifest(self.run.data)
        return {
            "digest": manifest.digest,
            "rows": {name: split.rows for name, split in manifest.splits.items()},
            "rejected": manifest.counts.rejected,
            "duplicates": manifest.counts.duplicates,
            "analysis": manifest.analysis,
        }

    def drift(self) -> Result:
        """Compares the dataset with the champion's.

        Raises:
          RunEnd: a signal is past its stop limit.
        """
        if self.champion is None:
            return {"warnings": [], "measured": 0}
        before, after = load_statistics(self.champion.statistics), load_statistics(self.run.data)
        comparison = compare_statistics(before, after)
        verdict = judge(comparison, self.policy.limits)
        if verdict.stops:
            raise RunEnd(Outcome.REFUSED, f"drift from the champion's data: {'; '.join(verdict.stops[:3])}")
        return {"warnings": verdict.warnings, "measured": len(comparison.measurements)}

    def train(self, config: TrainerConfig) -> Result:
        """Trains the challenger, evaluates it and exports it through the gate.

        Raises:
          RunEnd: the gate failed.
          SettingError: the configuration does not fit the dataset.
        """
        file = self.run.path / "trainer.yaml"
        file.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
        arguments = ["--data", str(self.run.data), "--output", str(self.run.model), "--config", str(file), "--resume"]
        cold = self._cold_because(config)
        if cold is None and self.champion is not None:
            arguments += ["--warm-start", str(self.champion.path)]
        status, words = self._command("train", "trainer", arguments)
        if status == 2:
            raise SettingError(f"training: {words}")
        if status == 3:
            raise RunEnd(Outcome.GATE_FAILED, words)
        training = json.loads((self.run.model / "training.json").read_text(encoding="utf-8"))
        return {
            "cold": cold,
            "warm_start": training.get("warm_start"),
            "epochs": len(training["history"]),
            "training_seconds": training["training_seconds"],
        }

    def compare(self) -> Result:
        """Measures champion and challenger on the same rows."""
        rule = self.policy.promotion
        output = self.run.path / "comparison.json"
        arguments = ["--data", str(self.run.data), "--challenger", str(newest_export(self.run.model))]
        arguments += ["--confidence", str(rule.confidence), "--slices", str(rule.slices), "--output", str(output)]
        arguments += ["--metric", rule.metric] if rule.metric else []
        arguments += ["--champion", str(self.champion.serving)] if self.champion is not None else []
        status, words = self._command("compare", "trainer.compare", arguments)
        if status == 2:
            raise SettingError(f"comparing: {words}")
        found: Result = json.loads(output.read_text(encoding="utf-8"))
        return found

    def _command(self, step: str, module: str, arguments: list[str]) -> tuple[int, str]:
        """(status, last words) of a command that is expected to end with 0, 2 or 3."""
        log = self.run.log(step)
        status = self.halves.run(module, arguments, log)
        words = last_words(log) if status else ""
        if status not in (0, 2, 3) or is_out_of_space(words):
            raise StepFailed(f"{step}: python -m {module} ended with status {status}: {words}; see {log}")
        return status, words

    def _cold_because(self, config: TrainerConfig) -> str | None:
        """Why the challenger starts from fresh weights; None when it starts from the champion's."""
        if self.champion is None:
            return "there is no champion"
        if not self.policy.warm_start:
            return "the policy says so"
        try:
            before: dict[str, Any] = json.loads((self.champion.path / "training.json").read_text("utf-8"))["config"]
        except (OSError, ValueError, KeyError) as error:
            return f"the champion's training.json cannot be read ({error})"
        now = config.model_dump(mode="json")
        differing = [name for name in _SAME if before.get(name) != now[name]]
        return f"{', '.join(differing)} differ from the champion's" if differing else None


def newest_export(model: Path) -> Path:
    """The exported version with the highest number."""
    versions = [path for path in (model / "export").iterdir() if path.name.isdigit()]
    return max(versions, key=lambda path: int(path.name))
